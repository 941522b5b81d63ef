//! The answers of AWS's APIs, in domain types.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::run_task::Started;
use crate::domain::arn::TaskArn;
use crate::domain::definition::Definition;
use crate::domain::instance::{ContainerInstance, Ec2Instance};
use crate::domain::interface::NetworkInterface;
use crate::domain::target::{Target, TargetGroup, TargetHealth};
use crate::domain::task::Task;

/// The answer to a call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To RunTask: the tasks that were started, and failures.
    Started(Started),
    /// To DescribeTasks: the tasks that ECS knows; the others are MISSING. Shared by all events that asked for them.
    Tasks(Vec<Arc<Task>>),
    /// To ListTasks, one page.
    TaskPage(Arc<TaskPage>),
    /// To DescribeContainerInstances; `None` if ECS no longer knows it.
    ContainerInstance(Option<ContainerInstance>),
    /// To DescribeTaskDefinition; `None` if it was deleted. Shared by all events that asked for it.
    Definition(Option<Arc<Definition>>),
    /// To DescribeInstances; `None` if EC2 no longer knows the instance, or it has no address.
    Instance(Option<Ec2Instance>),
    /// To DescribeNetworkInterfaces: every interface that EC2 shows for any of the addresses or ids.
    Interfaces(Vec<Arc<NetworkInterface>>),
    /// To DescribeTargetGroups, of one target group.
    TargetGroup(TargetGroup),
    /// To DescribeTargetHealth with targets: one for each, in the order of the call.
    Health(Vec<TargetHealth>),
    /// To DescribeTargetHealth without targets: all targets of the target group.
    Targets(Vec<(Target, TargetHealth)>),
    /// To DescribeTargetGroupAttributes: `deregistration_delay.timeout_seconds`.
    DeregistrationDelay(Duration),
    /// To PutEvents: the failed entries; empty if all succeeded.
    FailedEntries(Vec<FailedEntry>),
    /// To calls whose answer holds nothing of use: StopTask, TagResource, CreateSchedule, RegisterTargets,
    /// DeregisterTargets.
    Done,
}

impl Answer {
    /// [`Self::Tasks`] with each task shared.
    #[must_use]
    pub fn tasks(found: impl IntoIterator<Item = Task>) -> Self {
        Self::Tasks(found.into_iter().map(Arc::new).collect())
    }

    /// [`Self::TaskPage`] with the page shared.
    #[must_use]
    pub fn task_page(page: TaskPage) -> Self {
        Self::TaskPage(Arc::new(page))
    }
}

/// An entry of PutEvents that failed, though the call succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailedEntry {
    /// The index of the entry in the call.
    pub index: usize,
    /// `ErrorCode`; `None` if EventBridge gives none.
    pub code: Option<String>,
    /// `ErrorMessage`.
    pub message: String,
}

impl fmt::Display for FailedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.code.as_deref().unwrap_or("no ErrorCode"),
            self.message
        )
    }
}

/// One page of ListTasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskPage {
    /// `taskArns`.
    pub tasks: Vec<TaskArn>,
    /// `nextToken`; `None` on the last page.
    pub next: Option<String>,
}
