//! The AWS calls that only the operator's command makes. The function is built without them.
//!
//! Reads tasks and target groups, sends events, and receives and deletes messages of the dead-letter queues. Makes
//! no choices.

mod lambda;
mod sqs;
mod target_health;
mod tasks;

use std::time::Duration;

use aws_config::{ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use start_engines_aws::{AwsClients, eventbridge, timed};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::call::{Answer, Call, CallError, ErrorKind, FailedEntry};
use start_engines_core::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use start_engines_core::domain::instance::Recall;
use start_engines_core::domain::task::ports::PortBinding;
use start_engines_core::ports::Aws;

use crate::dead_letter::{Message, Receipt};
use crate::fleet::{GroupMember, TaskSnapshot};

/// Time limit of one call about container instances and task definitions, retries included.
const CALL_TIME: Duration = Duration::from_secs(20);

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
    core: AwsClients,
    lambda: aws_sdk_lambda::Client,
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
            lambda: aws_sdk_lambda::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        })
    }

    /// The clients that the function uses, for running its handler in this process.
    #[must_use]
    pub fn function(&self) -> AwsClients {
        self.core.clone()
    }

    /// Every task of a cluster that ECS lists: those with `desiredStatus` RUNNING, and those that are stopping or have
    /// stopped within the last hour.
    ///
    /// # Errors
    /// ListTasks' own.
    pub async fn list_tasks(&self, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
        let mut arns = tasks::list_tasks(self.core.ecs(), cluster).await?;
        arns.sort();
        arns.dedup();
        Ok(arns)
    }

    /// These tasks, with their tags; those that ECS does not know are left out.
    ///
    /// # Errors
    /// DescribeTasks' own.
    pub async fn describe_tasks(&self, cluster: &Cluster, tasks: &[TaskArn]) -> Result<Vec<TaskSnapshot>, CallError> {
        let mut snapshots = tasks::describe_tasks(self.core.ecs(), cluster, tasks).await?;
        for task in &mut snapshots {
            task.hosts.sort();
        }
        Ok(snapshots)
    }

    /// The ids that targets of a container instance can be registered with: its EC2 instance id and its
    /// private addresses. Empty if the container instance does not exist any more.
    ///
    /// # Errors
    /// DescribeContainerInstances' or DescribeInstances' own.
    pub async fn hosts(&self, cluster: &Cluster, container_instance: &str) -> Result<Vec<String>, CallError> {
        let call = Call::DescribeContainerInstance {
            cluster: cluster.clone(),
            arn: container_instance.to_owned(),
            recall: Recall::Always,
        };
        let Answer::ContainerInstance(Some(found)) = self.core.perform(&call, CALL_TIME).await? else {
            return Ok(Vec::new());
        };
        let mut hosts = vec![found.ec2_instance.clone()];
        let call = Call::DescribeInstance {
            id: found.ec2_instance,
            recall: Recall::Always,
        };
        if let Answer::Instance(Some(instance)) = self.core.perform(&call, CALL_TIME).await? {
            hosts.extend(instance.addresses.each());
        }
        Ok(hosts)
    }

    /// The host ports that a task definition fixes for its tasks; empty if it was deleted.
    ///
    /// # Errors
    /// DescribeTaskDefinition's own.
    pub async fn certain_ports(&self, definition: &TaskDefinition) -> Result<Vec<PortBinding>, CallError> {
        let call = Call::DescribeTaskDefinition {
            arn: definition.clone(),
        };
        match self.core.perform(&call, CALL_TIME).await? {
            Answer::Definition(Some(found)) => Ok(found.static_ports()),
            _ => Ok(Vec::new()),
        }
    }

    /// All targets of a target group; none if the target group does not exist.
    ///
    /// # Errors
    /// DescribeTargetHealth's own.
    pub async fn target_group(&self, group: &TargetGroupArn) -> Result<Vec<GroupMember>, CallError> {
        target_health::describe_target_group(self.core.elbv2(), group).await
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
