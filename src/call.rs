//! The AWS calls that the function makes, their answers and their errors, in domain types.
//!
//! A call carries every detail: whoever performs it makes no choices. Must not know the SDK.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::arn::{Cluster, TargetGroupArn, TaskArn, TaskDefinition};
use crate::definition::Definition;
use crate::event_entry::EventEntry;
use crate::instance::{ContainerInstance, Instance, Recall};
use crate::run_task::{RunTask, Started};
use crate::schedule::OneTimeSchedule;
use crate::tags::Tag;
use crate::target::{Target, TargetGroup, TargetHealth};
use crate::task::Task;

/// How many tasks one DescribeTasks call takes.
pub const MOST_TASKS_DESCRIBED: usize = 100;
/// How many targets one RegisterTargets or DeregisterTargets call holds: the figure of the
/// [AWS Load Balancer Controller](https://github.com/kubernetes-sigs/aws-load-balancer-controller),
/// as AWS documents none.
pub const MOST_TARGETS: usize = 200;
/// How many events one PutEvents call takes.
pub const MOST_EVENTS_PUT: usize = 10;

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

/// A call that failed, after the SDK's own retries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{operation} failed with {}: {message}", self.code_or_kind())]
pub struct CallError {
    /// The API's name for the call.
    pub operation: &'static str,
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// AWS's error code, if AWS answered.
    pub code: Option<String>,
    /// AWS's message, or the chain of what went wrong on the way.
    pub message: String,
}

impl CallError {
    fn code_or_kind(&self) -> &str {
        self.code.as_deref().unwrap_or_else(|| self.kind.category())
    }
}

/// Kinds of errors, told apart by AWS's error code; by its message only where the adapter's one table of texts has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many calls; the SDK has retried already.
    Throttled,
    /// IAM says no.
    AccessDenied,
    /// The credentials are missing or refused.
    Credentials,
    /// No such cluster.
    ClusterNotFound,
    /// It exists already: of RunTask, the client token was used with other parameters, and these tasks
    /// exist.
    Conflict {
        /// `resourceIds`.
        tasks: Vec<TaskArn>,
    },
    /// RunTask has raised that nothing in the cluster takes the tasks now. It keeps nothing under the client
    /// token: another placement may be tried with the same one.
    NoCapacity,
    /// A parameter is not valid.
    InvalidParameter,
    /// ECS's ClientException: no such task definition, say.
    ClientException,
    /// The account is blocked.
    Blocked,
    /// The platform version is unknown, or not fit for the task definition.
    PlatformUnsupported,
    /// The region does not have the feature.
    UnsupportedFeature,
    /// No such task, or no such schedule group.
    ResourceNotFound,
    /// No such target group.
    TargetGroupNotFound,
    /// The target does not fit the group.
    InvalidTarget,
    /// The group, or the load balancer, is full.
    TooManyTargets,
    /// AWS's own failure.
    Server,
    /// No connection, or one that broke: the call may have been applied.
    Unreachable,
    /// No answer in time: the call may have been applied.
    TimedOut,
    /// An answer that makes no sense.
    Unreadable,
    /// A code that this version does not know.
    Unknown,
}

impl ErrorKind {
    /// The fixed name for metrics, logs and Lambda's `errorType`.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::AccessDenied => "access_denied",
            Self::Credentials => "credentials",
            Self::ClusterNotFound => "cluster_not_found",
            Self::Conflict { .. } => "client_token_conflict",
            Self::NoCapacity => "capacity_unavailable",
            Self::InvalidParameter => "invalid_parameter",
            Self::ClientException => "client_exception",
            Self::Blocked => "account_blocked",
            Self::PlatformUnsupported => "platform_unsupported",
            Self::UnsupportedFeature => "unsupported_feature",
            Self::ResourceNotFound => "resource_not_found",
            Self::TargetGroupNotFound => "target_group_not_found",
            Self::InvalidTarget => "invalid_target",
            Self::TooManyTargets => "too_many_targets",
            Self::Server => "server_error",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Unreadable => "unreadable_answer",
            Self::Unknown => "unknown_aws_error",
        }
    }

    /// Whether the same call can succeed later with nobody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            // Of a conflict, the other request may be under way still.
            Self::Throttled
            | Self::Conflict { .. }
            | Self::NoCapacity
            | Self::Server
            | Self::Unreachable
            | Self::TimedOut
            | Self::Unreadable
            | Self::Unknown => true,
            Self::AccessDenied
            | Self::Credentials
            | Self::ClusterNotFound
            | Self::InvalidParameter
            | Self::ClientException
            | Self::Blocked
            | Self::PlatformUnsupported
            | Self::UnsupportedFeature
            | Self::ResourceNotFound
            | Self::TargetGroupNotFound
            | Self::InvalidTarget
            | Self::TooManyTargets => false,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.category())
    }
}
