//! What a reconcile has done.

use crate::domain::arn::{TargetGroupArn, TaskArn};
use crate::domain::target::GroupTarget;

/// What a reconcile has done, also if it failed in part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Repairs {
    /// The targets that RegisterTargets was called for, each with its live task.
    pub registered: Vec<(TaskArn, GroupTarget)>,
    /// The targets that DeregisterTargets was called for, each with the task that had it; `None` if it was pruned.
    pub deregistered: Vec<(Option<TaskArn>, GroupTarget)>,
    /// Registered targets of no known task: left alone.
    pub unknown: Vec<GroupTarget>,
    /// The tasks whose drain was over, and that StopTask was called for.
    pub stopped: Vec<TaskArn>,
    /// The target groups with which a scheduled event continues.
    pub continued: Vec<TargetGroupArn>,
}

impl Repairs {
    /// Adds what another part of the same reconcile has done.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            registered,
            deregistered,
            unknown,
            stopped,
            continued,
        } = other;
        self.registered.extend_from_slice(registered);
        self.deregistered.extend_from_slice(deregistered);
        self.unknown.extend_from_slice(unknown);
        self.stopped.extend_from_slice(stopped);
        self.continued.extend_from_slice(continued);
    }
}
