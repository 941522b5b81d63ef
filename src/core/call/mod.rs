//! The AWS calls that the function makes, their answers and their errors, in domain types.
//!
//! A call holds every detail, so that the adapter makes no decisions. Must not know the SDK.

pub mod answer;
pub mod error;
pub mod error_texts;
pub mod event_entry;
pub mod run_task;
pub mod schedule;

use std::time::Duration;

use self::event_entry::EventEntry;
use self::run_task::RunTask;
use self::schedule::{OneTimeSchedule, SharedSchedule};
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use crate::domain::instance::Recall;
use crate::domain::interface::InterfaceQuery;
use crate::domain::tags::Tag;
use crate::domain::target::{Target, Zone};

pub use self::answer::{Answer, FailedEntry, TaskPage};
pub use self::error::{CallError, ErrorKind};

/// How many tasks one DescribeTasks call accepts.
pub const MAX_TASKS_PER_DESCRIBE: usize = 100;
/// How many targets one RegisterTargets or DeregisterTargets call has at most: the number of the
/// [AWS Load Balancer Controller](https://github.com/kubernetes-sigs/aws-load-balancer-controller),
/// because AWS documents none.
pub const MAX_TARGETS_PER_CALL: usize = 200;
/// How many filter values one call of EC2 accepts, over all its filters (`FilterLimitExceeded`:
/// [client error codes](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html)).
pub const MAX_FILTER_VALUES: usize = 200;
/// How many tasks the event of one shared schedule lists: as many as one DescribeTasks call accepts. With five targets each,
/// which is what `startedBy` has room for, that is half of the 256 KB that Scheduler takes.
pub const MAX_TASKS_PER_SCHEDULE: usize = MAX_TASKS_PER_DESCRIBE;
/// How many entries one PutEvents call accepts.
pub const MAX_ENTRIES_PER_PUT: usize = 10;

/// One AWS call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// ECS RunTask, of 1 to 10 tasks.
    RunTask(Box<RunTask>),
    /// ECS DescribeTasks with `include` TAGS; at most [`MAX_TASKS_PER_DESCRIBE`] tasks.
    DescribeTasks {
        /// The cluster of all these tasks.
        cluster: Cluster,
        /// `tasks`.
        tasks: Vec<TaskArn>,
    },
    /// ECS ListTasks, one page.
    ListTasks {
        /// `cluster`.
        cluster: Cluster,
        /// `desiredStatus`.
        desired: Desired,
        /// `containerInstance`: only tasks on this container instance, by its ARN.
        container_instance: Option<String>,
        /// `nextToken` of the page before.
        page: Option<String>,
    },
    /// ECS ListTasks, one page, of the tasks with this `startedBy` whose `desiredStatus` is RUNNING. ECS accepts no
    /// other filter together with `startedBy` ([ListTasks]).
    ///
    /// [ListTasks]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    ListTasksStartedBy {
        /// `cluster`.
        cluster: Cluster,
        /// `startedBy`, in full.
        started_by: String,
        /// `nextToken` of the page before.
        page: Option<String>,
    },
    /// ECS DescribeContainerInstances of one container instance.
    DescribeContainerInstance {
        /// `cluster`.
        cluster: Cluster,
        /// `containerInstanceArn`.
        arn: String,
        /// When the answer may come from the cache.
        recall: Recall,
    },
    /// ECS DescribeTaskDefinition of one revision. Revisions never change, so the answer may come from the cache.
    DescribeTaskDefinition {
        /// `taskDefinitionArn`, with its revision.
        arn: TaskDefinition,
    },
    /// EC2 DescribeInstances of one EC2 instance.
    DescribeInstance {
        /// The EC2 instance id.
        id: String,
        /// When the answer may come from the cache.
        recall: Recall,
    },
    /// EC2 DescribeNetworkInterfaces, all pages, with managed ones; at most [`MAX_FILTER_VALUES`] addresses or ids, the
    /// VPC among them.
    DescribeNetworkInterfaces(InterfaceQuery),
    /// ECS StopTask.
    StopTask {
        /// `cluster`.
        cluster: Cluster,
        /// `task`.
        task: TaskArn,
        /// `reason`, which becomes the task's `stoppedReason`.
        reason: String,
    },
    /// ECS TagResource of a task.
    TagTask {
        /// `resourceArn`.
        task: TaskArn,
        /// The tag; it replaces a tag with the same key.
        tag: Tag,
    },
    /// EventBridge Scheduler CreateSchedule, of a schedule that runs once.
    CreateSchedule(Box<OneTimeSchedule>),
    /// EventBridge Scheduler CreateSchedule, of a schedule that the events of a batch share which ask for one with the same
    /// purpose and time; at most [`MAX_TASKS_PER_SCHEDULE`] tasks.
    ShareSchedule(Box<SharedSchedule>),
    /// EventBridge PutEvents; at most [`MAX_ENTRIES_PER_PUT`] entries.
    PutEvents(Vec<EventEntry>),
    /// ELB DescribeTargetGroupAttributes of one target group, for its deregistration delay.
    DescribeDeregistrationDelay {
        /// `TargetGroupArn`.
        group: TargetGroupArn,
    },
    /// ELB DescribeTargetGroups of one target group. What it answers hardly changes, so the answer may come from
    /// the cache.
    DescribeTargetGroup {
        /// `TargetGroupArn`.
        group: TargetGroupArn,
    },
    /// ELB DescribeTargetHealth of some targets of one target group.
    DescribeTargetHealth {
        /// `TargetGroupArn`.
        group: TargetGroupArn,
        /// `Targets`.
        targets: Vec<Target>,
    },
    /// ELB DescribeTargetHealth of all targets of one target group.
    DescribeTargets {
        /// `TargetGroupArn`.
        group: TargetGroupArn,
    },
    /// ELB RegisterTargets; at most [`MAX_TARGETS_PER_CALL`] targets.
    RegisterTargets {
        /// `TargetGroupArn`.
        group: TargetGroupArn,
        /// `Targets`.
        targets: Vec<Target>,
        /// `AvailabilityZone`, the same for all targets.
        zone: Zone,
    },
    /// ELB DeregisterTargets; at most [`MAX_TARGETS_PER_CALL`] targets.
    DeregisterTargets {
        /// `TargetGroupArn`.
        group: TargetGroupArn,
        /// `Targets`.
        targets: Vec<Target>,
        /// How long the call may take, with its retries: after that, the address may belong to another task.
        within: Duration,
    },
}

/// The `desiredStatus` filter of ListTasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Desired {
    /// `RUNNING`: tasks that are not stopping, in any last status.
    Running,
    /// `STOPPED`: tasks that are stopping, and tasks that stopped within the last hour.
    Stopped,
}

impl Call {
    /// The name of the API operation, as in logs and rates.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::RunTask(_) => "RunTask",
            Self::DescribeTasks { .. } => "DescribeTasks",
            Self::ListTasks { .. } | Self::ListTasksStartedBy { .. } => "ListTasks",
            Self::DescribeContainerInstance { .. } => "DescribeContainerInstances",
            Self::DescribeTaskDefinition { .. } => "DescribeTaskDefinition",
            Self::DescribeInstance { .. } => "DescribeInstances",
            Self::DescribeNetworkInterfaces(_) => "DescribeNetworkInterfaces",
            Self::StopTask { .. } => "StopTask",
            Self::TagTask { .. } => "TagResource",
            Self::CreateSchedule(_) | Self::ShareSchedule(_) => "CreateSchedule",
            Self::PutEvents(_) => "PutEvents",
            Self::DescribeDeregistrationDelay { .. } => "DescribeTargetGroupAttributes",
            Self::DescribeTargetGroup { .. } => "DescribeTargetGroups",
            Self::DescribeTargetHealth { .. } | Self::DescribeTargets { .. } => "DescribeTargetHealth",
            Self::RegisterTargets { .. } => "RegisterTargets",
            Self::DeregisterTargets { .. } => "DeregisterTargets",
        }
    }
}
