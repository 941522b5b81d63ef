//! The AWS adapters: the only place that knows the SDK.
//!
//! Each adapter translates one call there and back, and classifies errors by their code
//! (`error`). It makes no choices.

mod ec2;
mod ecs;
mod elbv2;
mod error;
mod eventbridge;
#[cfg(feature = "cli")]
mod operator;
mod run_task;
mod scheduler;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

#[cfg(feature = "cli")]
pub use operator::{NoRegion, OperatorClients};

use crate::call::{Answer, Call, CallError, ErrorKind};
use crate::handler::Aws;

/// Time for one connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for one attempt; the SDK makes up to [`ATTEMPTS`] of them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Attempts in all, of which the first is none that waits.
const ATTEMPTS: u32 = 3;

/// The clients, built once in a function's life.
#[derive(Clone, Debug)]
pub struct AwsClients {
    ec2: ec2::Client,
    ecs: aws_sdk_ecs::Client,
    elbv2: aws_sdk_elasticloadbalancingv2::Client,
    eventbridge: aws_sdk_eventbridge::Client,
    scheduler: aws_sdk_scheduler::Client,
}

impl AwsClients {
    /// From the environment: region, credentials, `AWS_ENDPOINT_URL`.
    pub async fn from_env() -> Self {
        Self::load(aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// From the environment, but for what `loader` sets; HTTP client, retries and time limits are
    /// always ours.
    pub async fn load(loader: ConfigLoader) -> Self {
        Self::new(&Self::config(loader).await)
    }

    async fn config(loader: ConfigLoader) -> SdkConfig {
        // One HTTP client for all services, on ring: see Cargo.toml.
        let http_client = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        loader
            .http_client(http_client)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts)
            .load()
            .await
    }

    fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: ec2::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(config),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
        }
    }

    async fn send(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        match call {
            Call::RunTask(call) => run_task::run_task(&self.ecs, call).await.map(Answer::Started),
            Call::DescribeTasks { cluster, tasks } => {
                ecs::describe_tasks(&self.ecs, cluster, tasks).await.map(Answer::tasks)
            }
            Call::ListTasks {
                cluster,
                desired,
                container_instance,
                page,
            } => ecs::list_tasks(
                &self.ecs,
                cluster,
                *desired,
                container_instance.as_deref(),
                page.as_deref(),
            )
            .await
            .map(Answer::task_page),
            Call::DescribeContainerInstance {
                cluster,
                arn,
                recall: _,
            } => ecs::describe_container_instance(&self.ecs, cluster, arn)
                .await
                .map(Answer::ContainerInstance),
            Call::DescribeInstance { id, recall: _ } => self.ec2.describe_instance(id).await.map(Answer::Instance),
            Call::StopTask { cluster, task, reason } => ecs::stop_task(&self.ecs, cluster, task, reason)
                .await
                .map(|()| Answer::Done),
            Call::TagTask { task, tag } => ecs::tag_task(&self.ecs, task, tag).await.map(|()| Answer::Done),
            Call::CreateSchedule(schedule) => scheduler::create_schedule(&self.scheduler, schedule)
                .await
                .map(|()| Answer::Done),
            Call::PutEvents { bus, events } => eventbridge::put_events(&self.eventbridge, bus, events)
                .await
                .map(Answer::NotPut),
            Call::DescribeDeregistrationDelay { group } => elbv2::describe_deregistration_delay(&self.elbv2, group)
                .await
                .map(Answer::DeregistrationDelay),
            Call::DescribeTargetGroup { group } => elbv2::describe_target_group(&self.elbv2, group)
                .await
                .map(Answer::TargetGroup),
            Call::DescribeTargetHealth { group, targets } => elbv2::describe_target_health(&self.elbv2, group, targets)
                .await
                .map(Answer::Health),
            Call::DescribeTargets { group } => elbv2::describe_targets(&self.elbv2, group).await.map(Answer::Targets),
            Call::RegisterTargets { group, targets, zone } => {
                elbv2::register_targets(&self.elbv2, group, targets, *zone)
                    .await
                    .map(|()| Answer::Done)
            }
            Call::DeregisterTargets {
                group,
                targets,
                within: _,
            } => elbv2::deregister_targets(&self.elbv2, group, targets, within)
                .await
                .map(|()| Answer::Done),
        }
    }
}

impl Aws for AwsClients {
    async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        // On the heap, so that the futures of all operations together don't make every caller's large.
        let sending: Pin<Box<dyn Future<Output = _> + Send + '_>> = Box::pin(self.send(call, within));
        match tokio::time::timeout(within, sending).await {
            Ok(result) => result,
            Err(_) => Err(CallError {
                operation: call.operation(),
                kind: ErrorKind::TimedOut,
                code: None,
                message: format!("no answer within {} ms, retries included", within.as_millis()),
            }),
        }
    }
}
