//! What a reconcile is to do, and why.
//!
//! Must not be made here: [`crate::decide::reconcile`] does.

use std::fmt;

use super::failure::Failure;
use crate::domain::arn::{TargetGroupArn, TaskArn};
use crate::domain::target::Target;
use crate::domain::timestamp::Timestamp;

/// The difference between the tasks of a cluster and the targets of their groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Tasks to stop, in the order of their ARNs.
    pub stop: Vec<Overdue>,
    /// Groups in the order of their ARNs; those where all is well too.
    pub groups: Vec<GroupPlan>,
    /// What could not be looked at.
    pub failures: Vec<Failure>,
    /// Groups that time did not reach.
    pub unreached: Vec<TargetGroupArn>,
}

impl Plan {
    /// Whether there is nothing to repair, as far as could be seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_well = |group: &GroupPlan| group.register.is_empty() && group.deregister.is_empty();
        self.stop.is_empty() && self.groups.iter().all(is_well)
    }
}

/// A task that was asked to stop once its connections had time to end, and has not been stopped since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Overdue {
    /// Which one.
    pub task: TaskArn,
    /// When it was to be stopped, as its tag has it.
    pub since: Timestamp,
}

/// What is to be done in one group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupPlan {
    /// Which one.
    pub group: TargetGroupArn,
    /// In the order of their tasks.
    pub register: Vec<Change>,
    /// In the order of ELB's answer.
    pub deregister: Vec<Change>,
    /// In the group, and of no task that is known: left alone.
    pub unknown: Vec<Target>,
    /// Would be taken out if it were known where else a live task can have them.
    pub withheld: Vec<Change>,
}

impl GroupPlan {
    /// Nothing to do.
    #[must_use]
    pub fn new(group: TargetGroupArn) -> Self {
        Self {
            group,
            register: Vec::new(),
            deregister: Vec::new(),
            unknown: Vec::new(),
            withheld: Vec::new(),
        }
    }

    /// The same, with nothing taken out.
    #[must_use]
    pub fn withholding(self) -> Self {
        Self {
            deregister: Vec::new(),
            withheld: self.deregister,
            ..self
        }
    }
}

/// One target to put in or take out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The target.
    pub target: Target,
    /// The task that has or had it; none for what is pruned.
    pub task: Option<TaskArn>,
    /// Why.
    pub why: Why,
}

/// Why a target is put in or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Its task is RUNNING, and it is not in the group.
    Missing,
    /// Its task is RUNNING, and it is on its way out.
    Draining,
    /// Its task is stopping or stopped, and no live task has it.
    Left,
    /// No task that is known has or had it, and it was named to be taken out.
    Pruned,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "its task is RUNNING, and it is not registered",
            Self::Draining => "its task is RUNNING, and it is draining",
            Self::Left => "its task is stopping or stopped, and no live task has it",
            Self::Pruned => "no task that is known has it",
        })
    }
}
