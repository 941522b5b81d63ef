//! The AWS adapters: the only place that knows the SDK.
//!
//! Each adapter translates one call and its answer, and classifies errors by their code (`error`). Makes no choices.

pub mod client;
pub mod ec2;
pub mod ecs;
pub mod elbv2;
pub mod error;
pub mod eventbridge;
mod run_task;
mod scheduler;
pub mod signed;
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

use self::client::Client;
use self::transport::endpoint::Service;
use self::transport::{environment, http, tls};

/// Time limit of one attempt; the SDK makes up to [`ATTEMPTS`] of them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Total attempts; the first is immediate.
const ATTEMPTS: u32 = 3;

/// The clients of the function, built once per execution environment.
#[derive(Clone, Debug)]
pub struct AwsClients {
    ec2: Late<ec2::Client>,
    ecs: Client,
    elbv2: Client,
    eventbridge: Late<Client>,
    scheduler: Late<Client>,
}

/// Built on first use, or in init if any event may need it: each is a twentieth of a cold start's instructions, EC2's
/// twice that.
type Late<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

fn late<C>(config: &SdkConfig, client: impl FnOnce(&SdkConfig) -> C + Send + 'static) -> Late<C> {
    let config = config.clone();
    Arc::new(LazyLock::new(Box::new(move || client(&config))))
}

impl AwsClients {
    /// The function's clients: region, credentials, endpoints and `AWS_CA_BUNDLE` from Lambda's environment.
    /// Opens the connections that events need under `config` at once, if possible; without a configuration no event
    /// needs one.
    ///
    /// # Errors
    /// If the certificate bundle cannot be read.
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
        // An on-demand environment has an event waiting, and Lambda gives its init phase a whole core whatever its
        // memory. Environments made in advance would find the connections closed when their first event comes.
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
                // So that it begins while the clients are built.
                tokio::task::yield_now().await;
            }
        }
        let clients = Self::new(&sdk);
        for service in config.map(Service::used).unwrap_or_default() {
            match service {
                // Built already.
                Service::Ecs | Service::Elbv2 => {}
                Service::EventBridge => drop(LazyLock::force(&clients.eventbridge)),
                Service::Scheduler => drop(LazyLock::force(&clients.scheduler)),
            }
        }
        for opening in opening {
            // If one panicked, its first request reports the error.
            let _ = opening.await;
        }
        Ok(clients)
    }

    /// Builds the clients from `config`, which must come from [`timed`].
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            ec2: late(config, ec2::Client::new),
            ecs: Client::new(Service::Ecs, config),
            elbv2: Client::new(Service::Elbv2, config),
            eventbridge: late(config, |config| Client::new(Service::EventBridge, config)),
            scheduler: late(config, |config| Client::new(Service::Scheduler, config)),
        }
    }

    /// The client of EventBridge.
    #[must_use]
    pub fn eventbridge(&self) -> &Client {
        &self.eventbridge
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
            Call::DescribeNetworkInterfaces(query) => {
                let found = self.ec2.describe_network_interfaces(query).await?;
                Ok(Answer::Interfaces(found.into_iter().map(Arc::new).collect()))
            }
            Call::StopTask { cluster, task, reason } => ecs::stop_task(&self.ecs, cluster, task, reason)
                .await
                .map(|()| Answer::Done),
            Call::TagTask { task, tag } => ecs::tag_task(&self.ecs, task, tag).await.map(|()| Answer::Done),
            Call::ShareSchedule(shared) => scheduler::create_schedule(&self.scheduler, &shared.one_time())
                .await
                .map(|()| Answer::Done),
            Call::CreateSchedule(schedule) => scheduler::create_schedule(&self.scheduler, schedule)
                .await
                .map(|()| Answer::Done),
            Call::PutEvents(entries) => {
                let results = eventbridge::put_events(&self.eventbridge, entries).await?;
                let failed = results.into_iter().filter_map(Result::err);
                // Without a code EventBridge has not refused the entry.
                Ok(Answer::FailedEntries(
                    failed.filter(|entry| entry.code.is_some()).collect(),
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

/// `config` with the retries and time limits of this crate.
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
        // On the heap, so that the futures of all operations do not enlarge the future of every caller.
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
