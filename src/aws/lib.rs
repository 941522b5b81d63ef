//! The AWS adapters: the only place that knows the SDK.
//!
//! Each adapter translates one call there and back, and classifies errors by their code
//! (`error`). It makes no choices.

mod ec2;
pub mod ecs;
mod elbv2;
pub mod error;
pub mod eventbridge;
mod run_task;
mod scheduler;
mod transport;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::config::Config;
use start_engines_core::input::problem::Problems;
use start_engines_core::ports::Aws;

use self::transport::endpoint::Service;
use self::transport::{environment, http, tls};

/// Time for one attempt; the SDK makes up to [`ATTEMPTS`] of them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Attempts in all, of which the first is none that waits.
const ATTEMPTS: u32 = 3;

/// The clients, built once in a function's life.
#[derive(Clone, Debug)]
pub struct AwsClients {
    ec2: Late<ec2::Client>,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) elbv2: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) eventbridge: Late<aws_sdk_eventbridge::Client>,
    scheduler: Late<aws_sdk_scheduler::Client>,
}

/// Built when it is first asked for: each client of the SDK reads a table of all partitions, which was an eighth of a
/// cold start's instructions when all were built in init.
type Late<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

fn late<C>(config: &SdkConfig, client: impl FnOnce(&SdkConfig) -> C + Send + 'static) -> Late<C> {
    let config = config.clone();
    Arc::new(LazyLock::new(Box::new(move || client(&config))))
}

impl AwsClients {
    /// The function's: region, credentials, endpoints and `AWS_CA_BUNDLE` from the environment that
    /// Lambda gives it. The connections that an event needs under `config` are opened now, if they can be; without
    /// a configuration there is no event that needs one.
    ///
    /// # Errors
    /// If the bundle of certificates is none.
    pub async fn for_lambda(config: Option<&Config>) -> Result<Self, Problems> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let bundle = get("AWS_CA_BUNDLE");
        let besides = get("SSL_CERT_FILE");
        let [one, other] = [&bundle, &besides].map(|path| path.as_deref().map(Path::new));
        let tls = tls::client_config(one, other).map_err(|error| {
            let mut problems = Problems::new();
            problems.invalid_text("AWS_CA_BUNDLE", bundle.as_deref().unwrap_or_default(), error);
            problems
        })?;
        let http = http::Client::new(tls);
        let sdk = timed(&environment::sdk_config(get, http.clone()));
        // An event waits for an environment that is made on demand, and Lambda gives any size of it a whole core
        // until then. Others, made in advance, would find the connections closed when their first event comes.
        let on_demand = get("AWS_LAMBDA_INITIALIZATION_TYPE").is_none_or(|kind| kind == "on-demand");
        let mut endpoints = Vec::new();
        let mut opening = Vec::new();
        for service in config.filter(|_| on_demand).map(Service::used).unwrap_or_default() {
            if let Some(endpoint) = service.endpoint(&sdk).await
                && !endpoints.contains(&endpoint)
            {
                endpoints.push(endpoint.clone());
                let http = http.clone();
                opening.push(tokio::spawn(async move { http.open(endpoint).await }));
                // So that those so far get on while the next one's rules are read.
                tokio::task::yield_now().await;
            }
        }
        let clients = Self::new(&sdk);
        if let Some(config) = config {
            clients.build(config).await;
        }
        for opening in opening {
            // That one panicked is for its first request to tell.
            let _ = opening.await;
        }
        Ok(clients)
    }

    /// With the settings of `config`, which [`timed`] has made.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: late(config, ec2::Client::new),
            ecs: aws_sdk_ecs::Client::new(config),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(config),
            eventbridge: late(config, aws_sdk_eventbridge::Client::new),
            scheduler: late(config, aws_sdk_scheduler::Client::new),
        }
    }

    /// ECS's.
    #[must_use]
    pub fn ecs(&self) -> &aws_sdk_ecs::Client {
        &self.ecs
    }

    /// Elastic Load Balancing's.
    #[must_use]
    pub fn elbv2(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        &self.elbv2
    }

    /// EventBridge's.
    #[must_use]
    pub fn eventbridge(&self) -> &aws_sdk_eventbridge::Client {
        &self.eventbridge
    }

    /// Builds those clients that events use under `config`, while their connections are opened.
    async fn build(&self, config: &Config) {
        for service in Service::used(config) {
            tokio::task::yield_now().await;
            match service {
                // They are built.
                Service::Ecs | Service::Elbv2 => {}
                Service::EventBridge => drop(LazyLock::force(&self.eventbridge)),
                Service::Scheduler => drop(LazyLock::force(&self.scheduler)),
            }
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
            Call::ListTasksStartedBy {
                cluster,
                started_by,
                page,
            } => ecs::list_tasks_started_by(&self.ecs, cluster, started_by, page.as_deref())
                .await
                .map(Answer::task_page),
            Call::DescribeContainerInstance {
                cluster,
                arn,
                recall: _,
            } => ecs::describe_container_instance(&self.ecs, cluster, arn)
                .await
                .map(Answer::ContainerInstance),
            Call::DescribeTaskDefinition { arn } => {
                let found = ecs::describe_task_definition(&self.ecs, arn).await?;
                Ok(Answer::Definition(found.map(Arc::new)))
            }
            Call::DescribeInstance { id, recall: _ } => self.ec2.describe_instance(id).await.map(Answer::Instance),
            Call::StopTask { cluster, task, reason } => ecs::stop_task(&self.ecs, cluster, task, reason)
                .await
                .map(|()| Answer::Done),
            Call::TagTask { task, tag } => ecs::tag_task(&self.ecs, task, tag).await.map(|()| Answer::Done),
            Call::CreateSchedule(schedule) => scheduler::create_schedule(&self.scheduler, schedule)
                .await
                .map(|()| Answer::Done),
            Call::PutEvents(entries) => {
                let results = eventbridge::put_events(&self.eventbridge, entries).await?;
                Ok(Answer::FailedEntries(
                    results.into_iter().filter_map(Result::err).collect(),
                ))
            }
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

/// The same settings with our own retries and time limits.
#[must_use]
pub fn timed(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(http::CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    config
        .to_builder()
        .retry_config(retries)
        .timeout_config(timeouts)
        .build()
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
                conflicting_tasks: Vec::new(),
                message: format!("no answer within {} ms, retries included", within.as_millis()),
            }),
        }
    }
}
