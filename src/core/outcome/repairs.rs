//! What a reconcile has done.

use crate::domain::arn::{TargetGroupArn, TaskArn};
use crate::domain::target::GroupTarget;

/// What a reconcile has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Repairs {
    /// Targets of live tasks that RegisterTargets was called for, and whose they are.
    pub registered: Vec<(TaskArn, GroupTarget)>,
    /// Targets that DeregisterTargets was called for, and whose they were; of no task if they were named.
    pub deregistered: Vec<(Option<TaskArn>, GroupTarget)>,
    /// Targets of no task that is known: left alone.
    pub unknown: Vec<GroupTarget>,
    /// Tasks whose time to drain was over, for which StopTask was called.
    pub stopped: Vec<TaskArn>,
    /// Groups that an event of our own making goes on with.
    pub continued: Vec<TargetGroupArn>,
}
