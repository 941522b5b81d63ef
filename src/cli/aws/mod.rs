//! The AWS calls that only the operator's command makes. The function is built without them.
//!
//! Reads tasks, target groups, log lines and schedules, sends events, and receives and deletes messages of the dead-letter queues. Makes
//! no choices.

mod lambda;
mod logs;
mod reads;
mod schedules;
mod small;
mod sqs;
mod target_health;
mod tasks;
mod tree;

use std::time::Duration;

use aws_config::{ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use start_engines_aws::{AwsClients, eventbridge, timed};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::call::{Answer, Call, CallError, Desired, ErrorKind, FailedEntry, TaskPage};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::Aws;

pub use self::logs::LogPage;
pub(crate) use self::reads::{CacheRule, EcrImage, Reads};
pub use self::target_health::HealthCheck;
pub use self::tasks::{TimedTask, Times};
use crate::dead_letter::{Message, Receipt};
use crate::fleet::GroupMember;

/// No option, variable or profile names a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no region: give --region, set AWS_REGION, or name one in the profile")]
pub struct NoRegion;

/// The loader's configuration, with one HTTP client for all services, on ring: see Cargo.toml.
async fn config(loader: ConfigLoader) -> SdkConfig {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    timed(&loader.http_client(http_client).load().await)
}

/// The clients of the command.
#[derive(Clone, Debug)]
pub struct OperatorClients {
    config: SdkConfig,
    core: AwsClients,
    ecs: aws_sdk_ecs::Client,
    elbv2: aws_sdk_elasticloadbalancingv2::Client,
    lambda: aws_sdk_lambda::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    scheduler: aws_sdk_scheduler::Client,
    sqs: aws_sdk_sqs::Client,
}

impl OperatorClients {
    /// Builds the clients from `loader`, the environment and profiles.
    ///
    /// # Errors
    /// When there is no region.
    pub async fn load(loader: ConfigLoader) -> Result<Self, NoRegion> {
        let config = config(loader).await;
        if config.region().is_none() {
            return Err(NoRegion);
        }
        Ok(Self {
            core: AwsClients::new(&config),
            ecs: aws_sdk_ecs::Client::new(&config),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            scheduler: aws_sdk_scheduler::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            config,
        })
    }

    /// The clients that the function uses.
    #[must_use]
    pub fn function(&self) -> AwsClients {
        self.core.clone()
    }

    /// The clients of `doctor`.
    pub(crate) fn reads(&self) -> Reads {
        Reads::new(&self.config)
    }

    /// One page of the tasks of a cluster.
    ///
    /// # Errors
    /// ListTasks' own.
    pub async fn list_tasks(
        &self,
        cluster: &Cluster,
        desired: Desired,
        page: Option<&str>,
    ) -> Result<TaskPage, CallError> {
        tasks::list_tasks(&self.ecs, cluster, desired, page).await
    }

    /// These tasks, at most 100; those that ECS does not know are left out. Of their tags only those of start-engines.
    ///
    /// # Errors
    /// DescribeTasks' own.
    pub async fn describe_tasks(&self, cluster: &Cluster, tasks: &[TaskArn]) -> Result<Vec<TimedTask>, CallError> {
        tasks::describe_tasks(&self.ecs, cluster, tasks).await
    }

    /// These tasks by ARN or id, at most 100, with every time that ECS keeps; those that ECS does not know are left out.
    ///
    /// # Errors
    /// DescribeTasks' own.
    pub async fn describe_lives(
        &self,
        cluster: &Cluster,
        ids: Vec<String>,
    ) -> Result<Vec<(TimedTask, Times)>, CallError> {
        tasks::describe_lives(&self.ecs, cluster, ids).await
    }

    /// One page of the lines of a log group that match a filter pattern, since a time.
    ///
    /// # Errors
    /// FilterLogEvents' own.
    pub async fn log_lines(
        &self,
        group: &str,
        pattern: &str,
        since: Timestamp,
        page: Option<&str>,
    ) -> Result<LogPage, CallError> {
        logs::filter_log_events(&self.logs, group, pattern, since, page).await
    }

    /// When a one-time schedule runs; `None` if there is none of that name.
    ///
    /// # Errors
    /// GetSchedule's own.
    pub async fn one_time_schedule(&self, group: Option<&str>, name: &str) -> Result<Option<Timestamp>, CallError> {
        schedules::one_time_schedule(&self.scheduler, group, name).await
    }

    /// How a target group's health is checked; `None` if there is no such group, or its checks are off.
    ///
    /// # Errors
    /// DescribeTargetGroups' own.
    pub async fn health_check(&self, group: &TargetGroupArn) -> Result<Option<HealthCheck>, CallError> {
        target_health::health_check(&self.elbv2, group).await
    }

    /// All targets of a target group, also draining ones.
    ///
    /// # Errors
    /// DescribeTargetHealth's own.
    pub async fn target_group(&self, group: &TargetGroupArn) -> Result<Vec<GroupMember>, CallError> {
        target_health::describe_target_group(&self.elbv2, group).await
    }

    /// Sends an event; returns the id that EventBridge gave it.
    ///
    /// # Errors
    /// PutEvents' own; also when the entry is a failed entry.
    pub async fn put_event(&self, event: &EventEntry) -> Result<String, CallError> {
        let results = eventbridge::put_events(self.core.eventbridge(), std::slice::from_ref(event)).await?;
        let missing = || FailedEntry {
            index: 0,
            code: None,
            message: "PutEvents returned no entry".to_owned(),
        };
        let result = results.into_iter().next().unwrap_or_else(|| Err(missing()));
        result.map_err(|failed| CallError {
            operation: eventbridge::OPERATION,
            kind: failed
                .code
                .as_deref()
                .map_or(ErrorKind::Unreadable, |code| ErrorKind::of_code(Some(code), 200)),
            code: failed.code,
            conflicting_tasks: Vec::new(),
            message: failed.message,
        })
    }

    /// Receives at most `max` messages of a queue, and never more than ten, hidden from other consumers for
    /// `visibility_timeout`. An empty answer means that the queue is probably empty.
    ///
    /// # Errors
    /// ReceiveMessage's own.
    pub async fn receive(
        &self,
        queue_url: &str,
        max: usize,
        visibility_timeout: Duration,
    ) -> Result<Vec<Message>, CallError> {
        sqs::receive(&self.sqs, queue_url, max, visibility_timeout).await
    }

    /// Makes a message visible to other consumers again.
    ///
    /// # Errors
    /// ChangeMessageVisibility's own.
    pub async fn release(&self, queue_url: &str, receipt: &Receipt) -> Result<(), CallError> {
        sqs::change_visibility(&self.sqs, queue_url, receipt, Duration::ZERO).await
    }

    /// Hides a message from other consumers for this time from now on. An error means that the receipt is not valid any
    /// more: another consumer may have the message.
    ///
    /// # Errors
    /// ChangeMessageVisibility's own.
    pub async fn extend_visibility(
        &self,
        queue_url: &str,
        receipt: &Receipt,
        visibility_timeout: Duration,
    ) -> Result<(), CallError> {
        sqs::change_visibility(&self.sqs, queue_url, receipt, visibility_timeout).await
    }

    /// Deletes a message from its queue.
    ///
    /// # Errors
    /// DeleteMessage's own.
    pub async fn delete(&self, queue_url: &str, receipt: &Receipt) -> Result<(), CallError> {
        sqs::delete(&self.sqs, queue_url, receipt).await
    }

    /// Invokes a function asynchronously with an event.
    ///
    /// # Errors
    /// Invoke's own; also when Lambda's status is not 202.
    pub async fn invoke(&self, function: &str, event: &str) -> Result<(), CallError> {
        lambda::invoke(&self.lambda, function, event).await
    }
}

/// The function's calls, by its own adapters.
impl Aws for OperatorClients {
    async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        self.core.perform(call, within).await
    }
}
