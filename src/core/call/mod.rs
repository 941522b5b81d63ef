//! The AWS calls that the function makes, their answers and their errors, in domain types.
//!
//! A call carries every detail: whoever performs it makes no choices. Must not know the SDK.

pub mod answer;
pub mod error;
pub mod error_texts;
pub mod event_entry;
pub mod run_task;
pub mod schedule;

use std::time::Duration;

use self::event_entry::EventEntry;
use self::run_task::RunTask;
use self::schedule::OneTimeSchedule;
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use crate::domain::instance::Recall;
use crate::domain::tags::Tag;
use crate::domain::target::Target;

pub use self::answer::{Answer, FailedEntry, TaskPage};
pub use self::error::{CallError, ErrorKind};

/// How many tasks one DescribeTasks call takes.
pub const MAX_TASKS_PER_DESCRIBE: usize = 100;
/// How many targets one RegisterTargets or DeregisterTargets call holds: the figure of the
/// [AWS Load Balancer Controller](https://github.com/kubernetes-sigs/aws-load-balancer-controller),
/// as AWS documents none.
pub const MAX_TARGETS_PER_CALL: usize = 200;
/// How many events one PutEvents call takes.
pub const MAX_ENTRIES_PER_PUT: usize = 10;

/// One AWS call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// ECS RunTask.
    RunTask(Box<RunTask>),
    /// ECS DescribeTasks with tags; at most 100 tasks.
    DescribeTasks {
        /// The cluster of all of them.
        cluster: Cluster,
        /// Which tasks.
        tasks: Vec<TaskArn>,
    },
    /// ECS ListTasks, one page.
    ListTasks {
        /// Which cluster.
        cluster: Cluster,
        /// Which tasks in it.
        desired: Desired,
        /// Only those on this container instance.
        container_instance: Option<String>,
        /// `nextToken` of the page before.
        page: Option<String>,
    },
    /// ECS ListTasks, one page, of those with this `startedBy` whose `desiredStatus` is RUNNING. It is the only
    /// filter that ECS takes then ([ListTasks]).
    ///
    /// [ListTasks]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    ListTasksStartedBy {
        /// Which cluster.
        cluster: Cluster,
        /// `startedBy`.
        started_by: String,
        /// `nextToken` of the page before.
        page: Option<String>,
    },
    /// ECS DescribeContainerInstances of one container instance.
    DescribeContainerInstance {
        /// Its cluster.
        cluster: Cluster,
        /// `containerInstanceArn`.
        arn: String,
        /// Whether the answer may be a remembered one.
        recall: Recall,
    },
    /// ECS DescribeTaskDefinition of one revision, which never changes, so an answer may be a remembered one.
    DescribeTaskDefinition {
        /// `taskDefinitionArn`, with its revision.
        arn: TaskDefinition,
    },
    /// EC2 DescribeInstances of one instance.
    DescribeInstance {
        /// Which instance.
        id: String,
        /// Whether the answer may be a remembered one.
        recall: Recall,
    },
    /// ECS StopTask.
    StopTask {
        /// Its cluster.
        cluster: Cluster,
        /// Which task.
        task: TaskArn,
        /// What becomes its `stoppedReason`.
        reason: String,
    },
    /// ECS TagResource of a task.
    TagTask {
        /// Which task.
        task: TaskArn,
        /// The tag, which replaces one of the same key.
        tag: Tag,
    },
    /// EventBridge Scheduler CreateSchedule.
    CreateSchedule(Box<OneTimeSchedule>),
    /// EventBridge PutEvents; at most 10 events.
    PutEvents(Vec<EventEntry>),
    /// ELB DescribeTargetGroupAttributes of one group, for its deregistration delay.
    DescribeDeregistrationDelay {
        /// Which group.
        group: TargetGroupArn,
    },
    /// ELB DescribeTargetGroups of one group; facts that hardly change, so an answer may be a
    /// remembered one.
    DescribeTargetGroup {
        /// Which group.
        group: TargetGroupArn,
    },
    /// ELB DescribeTargetHealth of some targets of one group.
    DescribeTargetHealth {
        /// Which group.
        group: TargetGroupArn,
        /// Which targets.
        targets: Vec<Target>,
    },
    /// ELB DescribeTargetHealth of all targets of one group.
    DescribeTargets {
        /// Which group.
        group: TargetGroupArn,
    },
    /// ELB RegisterTargets.
    RegisterTargets {
        /// Which group.
        group: TargetGroupArn,
        /// Which targets.
        targets: Vec<Target>,
        /// Where they are.
        zone: Zone,
    },
    /// ELB DeregisterTargets.
    DeregisterTargets {
        /// Which group.
        group: TargetGroupArn,
        /// Which targets.
        targets: Vec<Target>,
        /// The whole time the call may take, retries included: later, the address may be another's.
        within: Duration,
    },
}

/// The `desiredStatus` of tasks that are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Desired {
    /// `RUNNING`: those that are to stay, whatever their last status.
    Running,
    /// `STOPPED`: those that are stopping, and those that stopped within the last hour.
    Stopped,
}

/// The `AvailabilityZone` of targets that are registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Not given: ELB finds it by the address, which is in a subnet of the group's VPC.
    Own,
    /// `all`: addresses outside of the group's VPC. ELB refuses it for those inside.
    All,
}

impl Call {
    /// The API's name for it.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::RunTask(_) => "RunTask",
            Self::DescribeTasks { .. } => "DescribeTasks",
            Self::ListTasks { .. } | Self::ListTasksStartedBy { .. } => "ListTasks",
            Self::DescribeContainerInstance { .. } => "DescribeContainerInstances",
            Self::DescribeTaskDefinition { .. } => "DescribeTaskDefinition",
            Self::DescribeInstance { .. } => "DescribeInstances",
            Self::StopTask { .. } => "StopTask",
            Self::TagTask { .. } => "TagResource",
            Self::CreateSchedule(_) => "CreateSchedule",
            Self::PutEvents(_) => "PutEvents",
            Self::DescribeDeregistrationDelay { .. } => "DescribeTargetGroupAttributes",
            Self::DescribeTargetGroup { .. } => "DescribeTargetGroups",
            Self::DescribeTargetHealth { .. } | Self::DescribeTargets { .. } => "DescribeTargetHealth",
            Self::RegisterTargets { .. } => "RegisterTargets",
            Self::DeregisterTargets { .. } => "DeregisterTargets",
        }
    }
}
