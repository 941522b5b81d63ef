//! What a check of registered targets has found.

use crate::domain::arn::TaskArn;
use crate::domain::target::{GroupTarget, TargetHealth};
use crate::domain::timestamp::Timestamp;

use super::category::Category;

/// Whether and when the targets of a RUNNING task are checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NextCheck {
    /// They are not: `healthTimeoutSeconds` is 0, there is no scheduler, or this event is not of the start of the task. Or they
    /// are, by a schedule that was made before.
    None,
    /// At this time, once.
    At(Timestamp),
    /// They should be, and the schedule could not be made: the targets are registered, and nobody will look.
    NotScheduled(Box<NotScheduled>),
}

/// Why a check could not be scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotScheduled {
    /// The category of the failure.
    pub category: Category,
    /// Its message.
    pub message: String,
}

/// What a check of registered targets has found. Each task is in one list, but for those whose cluster or target group could
/// not be read: the check fails for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checked {
    /// All targets of these are healthy.
    pub healthy: Vec<CheckedTask>,
    /// Some target of these is not, and will not be by itself; or it was still undecided at the second check.
    pub unhealthy: Vec<CheckedTask>,
    /// ELB still checks some target of these, and they are checked once more.
    pub undecided: Vec<CheckedTask>,
    /// Those of `unhealthy` that StopTask was called for.
    pub stopped: Vec<TaskArn>,
    /// The number of tasks that are stopping, stopped, or another deployment's by now: their health is of no interest.
    pub gone: usize,
}

/// A task whose targets were checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckedTask {
    /// `taskArn`.
    pub task: TaskArn,
    /// Its targets, with what ELB says of each.
    pub targets: Vec<(GroupTarget, TargetHealth)>,
    /// When they were registered.
    pub registered_at: Timestamp,
}
