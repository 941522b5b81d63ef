//! What AWS answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::run_task::Started;
use crate::domain::arn::TaskArn;
use crate::domain::definition::Definition;
use crate::domain::instance::{ContainerInstance, Instance};
use crate::domain::target::{Target, TargetGroup, TargetHealth};
use crate::domain::task::Task;

/// What a call brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To RunTask.
    Started(Started),
    /// To DescribeTasks: those that ECS knows; the others are MISSING. Shared by all who have asked for them.
    Tasks(Vec<Arc<Task>>),
    /// To ListTasks.
    TaskPage(Arc<TaskPage>),
    /// To DescribeContainerInstances; `None` if ECS does not know it any more.
    ContainerInstance(Option<ContainerInstance>),
    /// To DescribeTaskDefinition; `None` if it was deleted. Shared by all who have asked for it.
    Definition(Option<Arc<Definition>>),
    /// To DescribeInstances; `None` if EC2 does not know it any more, or no address of it.
    Instance(Option<Instance>),
    /// To DescribeTargetGroups.
    TargetGroup(TargetGroup),
    /// To DescribeTargetHealth: one for each target asked for, in that order.
    Health(Vec<TargetHealth>),
    /// To DescribeTargetHealth of all targets: each with its health.
    Targets(Vec<(Target, TargetHealth)>),
    /// To DescribeTargetGroupAttributes.
    DeregistrationDelay(Duration),
    /// To PutEvents: the entries that failed.
    FailedEntries(Vec<FailedEntry>),
    /// To all that only do something.
    Done,
}

impl Answer {
    /// To DescribeTasks.
    #[must_use]
    pub fn tasks(found: impl IntoIterator<Item = Task>) -> Self {
        Self::Tasks(found.into_iter().map(Arc::new).collect())
    }

    /// To ListTasks.
    #[must_use]
    pub fn task_page(page: TaskPage) -> Self {
        Self::TaskPage(Arc::new(page))
    }
}

/// An entry of PutEvents that failed, though the call succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailedEntry {
    /// Which of the call's entries.
    pub index: usize,
    /// `ErrorCode`; `None` if EventBridge does not say why.
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
    /// The tasks.
    pub tasks: Vec<TaskArn>,
    /// `nextToken`, if there is more.
    pub next: Option<String>,
}
