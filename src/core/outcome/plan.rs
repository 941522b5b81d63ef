//! The plan of a reconcile: what it is to do, and why.
//!
//! Must not compute it: [`crate::decide::reconcile`] does.

use std::fmt;

use super::failure::Failure;
use crate::domain::arn::{TargetGroupArn, TaskArn};
use crate::domain::target::{Target, Zone};
use crate::domain::timestamp::Timestamp;

/// The drift between the tasks of a cluster and the targets in their target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Tasks to stop, in the order of their ARNs.
    pub stop: Vec<Overdue>,
    /// Target groups in the order of their ARNs, including those without drift.
    pub groups: Vec<GroupPlan>,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// Target groups for which no time was left.
    pub unreached: Vec<TargetGroupArn>,
}

impl Plan {
    /// Whether there is nothing to repair, as far as it could be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_well = |group: &GroupPlan| group.register.is_empty() && group.deregister.is_empty();
        self.stop.is_empty() && self.groups.iter().all(is_well)
    }
}

/// A task whose drain is over, and which has not been stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Overdue {
    /// `taskArn`.
    pub task: TaskArn,
    /// When its drain was over, by its tag.
    pub since: Timestamp,
}

/// What is to be done in one target group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupPlan {
    /// `TargetGroupArn`.
    pub group: TargetGroupArn,
    /// Targets to register, in the order of their tasks' ARNs.
    pub register: Vec<Change>,
    /// Targets to deregister, in the order of DescribeTargetHealth's answer.
    pub deregister: Vec<Change>,
    /// Registered targets of no known task: left alone.
    pub unknown: Vec<Target>,
    /// Targets that would be deregistered if all clusters were known in which a live task can have them.
    pub withheld: Vec<Change>,
}

impl GroupPlan {
    /// A plan with nothing to do.
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

    /// The same plan, with what is to be deregistered moved to `withheld`.
    #[must_use]
    pub fn withholding(self) -> Self {
        Self {
            deregister: Vec::new(),
            withheld: self.deregister,
            ..self
        }
    }
}

/// One target to register or deregister.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The address or EC2 instance, and the port.
    pub target: Target,
    /// Whether the address is outside of the target group's VPC, as far as the target group shows it.
    pub zone: Zone,
    /// The task that has or had it; `None` if it is pruned.
    pub task: Option<TaskArn>,
    /// The kind of drift.
    pub why: Why,
}

/// Why a target is registered or deregistered: the kind of drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Its task is RUNNING, and it is not registered.
    Missing,
    /// Its task is RUNNING, and it is draining.
    Draining,
    /// Its task is stopping or stopped, and no live task has it.
    Left,
    /// No known task has or had it, and the request names it to be deregistered.
    Pruned,
}

impl Why {
    /// The fixed name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "target_missing",
            Self::Draining => "target_draining",
            Self::Left => "target_of_stopped_task",
            Self::Pruned => "target_unknown",
        }
    }

    /// One or two words for a table.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::Draining => "DRAINING",
            Self::Left => "LEFT BEHIND",
            Self::Pruned => "UNKNOWN",
        }
    }

    /// A few words for a table.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Missing => "RUNNING, not registered",
            Self::Draining => "RUNNING, but draining",
            Self::Left => "its task has stopped",
            Self::Pruned => "of no known task",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "its task is RUNNING, and it is not registered",
            Self::Draining => "its task is RUNNING, and it is draining",
            Self::Left => "its task is stopping or stopped, and no live task has it",
            Self::Pruned => "no known task has it",
        })
    }
}
