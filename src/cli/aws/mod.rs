//! What only the operator's command asks of AWS. The function is built without it.
//!
//! Reads tasks and target groups, sends events, and moves what waits in the dead-letter queues. Makes
//! no choices.

mod ecs;
mod elbv2;
mod lambda;
mod sqs;

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
use crate::fleet::{GroupMember, SeenTask};

/// Time for one call on an instance, retries included.
const CALL_TIME: Duration = Duration::from_secs(20);

/// Neither flag, environment nor profile names a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no region: give --region, set AWS_REGION, or name one in the profile")]
pub struct NoRegion;

/// What `loader` finds, and one HTTP client for all services, on ring: see Cargo.toml.
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
    /// With what `loader` sets, and the environment and profiles for the rest.
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

    /// The function's own clients, for whoever runs its decisions here.
    #[must_use]
    pub fn function(&self) -> AwsClients {
        self.core.clone()
    }

    /// Every task of a cluster that ECS still shows: those that are to run, and those that stop or have
    /// stopped within the last hour.
    ///
    /// # Errors
    /// ListTasks' own.
    pub async fn list_tasks(&self, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
        let mut arns = ecs::list_tasks(self.core.ecs(), cluster).await?;
        arns.sort();
        arns.dedup();
        Ok(arns)
    }

    /// These tasks, with their tags; those that ECS does not know are left out.
    ///
    /// # Errors
    /// DescribeTasks' own.
    pub async fn describe_tasks(&self, cluster: &Cluster, tasks: &[TaskArn]) -> Result<Vec<SeenTask>, CallError> {
        let mut seen = ecs::describe_tasks(self.core.ecs(), cluster, tasks).await?;
        for task in &mut seen {
            task.hosts.sort();
        }
        Ok(seen)
    }

    /// By which ids the targets of a container instance can be registered: the machine's id and its
    /// private addresses. None if nobody knows it any more.
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

    /// What is certain of the ports of a task definition's tasks, before any of them shows it; nothing if it was deleted.
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

    /// Everything in a target group; nothing if there is no such group.
    ///
    /// # Errors
    /// DescribeTargetHealth's own.
    pub async fn group(&self, group: &TargetGroupArn) -> Result<Vec<GroupMember>, CallError> {
        elbv2::describe_group(self.core.elbv2(), group).await
    }

    /// Sends an event; gives the id that EventBridge made for it.
    ///
    /// # Errors
    /// PutEvents' own; also when it answers that the one entry failed.
    pub async fn put_event(&self, event: &EventEntry) -> Result<String, CallError> {
        let results = eventbridge::put_events(self.core.eventbridge(), std::slice::from_ref(event)).await?;
        let missing = || FailedEntry {
            index: 0,
            code: None,
            message: "PutEvents answered for no entry".to_owned(),
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

    /// Up to ten messages of a queue, and no more than `most`, which nobody else receives for `hidden`; none means that the queue is
    /// probably empty.
    ///
    /// # Errors
    /// ReceiveMessage's own.
    pub async fn receive(&self, queue_url: &str, most: usize, hidden: Duration) -> Result<Vec<Message>, CallError> {
        sqs::receive(&self.sqs, queue_url, most, hidden).await
    }

    /// Lets others receive a message from now on.
    ///
    /// # Errors
    /// ChangeMessageVisibility's own.
    pub async fn put_back(&self, queue_url: &str, receipt: &Receipt) -> Result<(), CallError> {
        sqs::hide(&self.sqs, queue_url, receipt, Duration::ZERO).await
    }

    /// Keeps a message from others for so long from now on; an error means that it is not ours any more.
    ///
    /// # Errors
    /// ChangeMessageVisibility's own.
    pub async fn keep(&self, queue_url: &str, receipt: &Receipt, hidden: Duration) -> Result<(), CallError> {
        sqs::hide(&self.sqs, queue_url, receipt, hidden).await
    }

    /// Takes a message out of its queue for good.
    ///
    /// # Errors
    /// DeleteMessage's own.
    pub async fn delete(&self, queue_url: &str, receipt: &Receipt) -> Result<(), CallError> {
        sqs::delete(&self.sqs, queue_url, receipt).await
    }

    /// Hands an event to a function, which handles it later.
    ///
    /// # Errors
    /// Invoke's own; also when Lambda does not say that it has accepted the event.
    pub async fn invoke(&self, function: &str, event: &str) -> Result<(), CallError> {
        lambda::invoke(&self.lambda, function, event).await
    }
}
