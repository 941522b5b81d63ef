//! What a reconcile is to do, and why: for people first, then for AWS.
//!
//! Must not do it; [`crate::decide`] does.

use std::fmt;

use crate::arn::{TargetGroupArn, TaskArn};
use crate::outcome::Failure;
use crate::target::Target;

/// The difference between the tasks of a cluster and the targets of their groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
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
        self.groups
            .iter()
            .all(|group| group.register.is_empty() && group.deregister.is_empty())
    }
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
