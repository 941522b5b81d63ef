//! How the handling of one event ends: what was done and why, or a failure with its category.
//!
//! Must not log or count; [`crate::report::log_line`] does.

mod category;
mod failure;
pub mod plan;
mod repairs;

use self::plan::Plan;
use crate::domain::arn::TaskArn;
use crate::domain::target::GroupTarget;
use crate::domain::task::StopReason;

pub use self::category::Category;
pub use self::failure::{Deadline, DeadlinesNotSet, Failure, PartOfStop};
pub use self::repairs::Repairs;

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// RunTask started these, now or at an earlier delivery of the same event.
    Started {
        /// The tasks.
        tasks: Vec<TaskArn>,
        /// How many RunTask calls it took to get there.
        run_task_calls: usize,
        /// Some were found by a conflict: started under the same identity with other parameters.
        conflict: bool,
    },
    /// All targets of a RUNNING task are in their groups.
    Registered {
        /// Which.
        targets: Vec<GroupTarget>,
    },
    /// None of a stopping task's targets is in its group, unless another task owns it now.
    Deregistered {
        /// Those that DeregisterTargets was called for; the others were out already.
        targets: Vec<GroupTarget>,
        /// Those that were left in, since another task of ours has that address now.
        reused: Vec<GroupTarget>,
        /// If it never was RUNNING: why, as ECS says.
        failed_start: Option<StopReason>,
    },
    /// Tasks were asked to stop.
    Stopped {
        /// StopTask was made for these.
        tasks: Vec<TaskArn>,
        /// These are out of their groups, and are stopped when their connections had time to end.
        draining: Vec<TaskArn>,
        /// Of `tasks`, those that were to drain, and were stopped at once, as they have no room for the tag of it.
        undrained: Vec<TaskArn>,
        /// How many tasks were left alone, since they were asked for after the stop.
        spared: usize,
        /// Targets that DeregisterTargets was called for, and whose they were.
        targets: Vec<(TaskArn, GroupTarget)>,
    },
    /// Tasks and targets were compared, and what differed was repaired.
    Reconciled(Box<Repairs>),
    /// Tasks and targets were compared, and nothing was done about it.
    Planned(Box<Plan>),
    /// Nothing was to do.
    Skipped {
        /// Why not.
        reason: Skip,
        /// If the task stopped without ever having been RUNNING: why, as ECS says.
        failed_start: Option<StopReason>,
    },
}

impl Outcome {
    /// Nothing was to do.
    #[must_use]
    pub fn skipped(reason: Skip) -> Self {
        Self::Skipped {
            reason,
            failed_start: None,
        }
    }

    /// The fixed name for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Registered { .. } => "registered",
            Self::Deregistered { .. } => "deregistered",
            Self::Stopped { .. } => "stopped",
            Self::Reconciled(_) => "reconciled",
            Self::Planned(_) => "planned",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// If the task ended before it was RUNNING: why.
    #[must_use]
    pub fn failed_start(&self) -> Option<&StopReason> {
        match self {
            Self::Deregistered { failed_start, .. } | Self::Skipped { failed_start, .. } => failed_start.as_ref(),
            Self::Started { .. }
            | Self::Registered { .. }
            | Self::Stopped { .. }
            | Self::Reconciled(_)
            | Self::Planned(_) => None,
        }
    }
}

/// Why nothing was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// `startedBy` is not ours.
    ForeignTask,
    /// The task was started without targets.
    NoTargets,
    /// Neither RUNNING yet nor stopping.
    NotRunningYet,
    /// A status that this version does not know, with no sign of a stop.
    UnknownStatus,
    /// None of its targets is in its group: an earlier event has seen to it.
    NotRegistered,
    /// It stopped before it had an address, so it was never registered.
    NeverHadAnAddress,
    /// `startedBy` begins like ours, but names no targets; such a task is never registered.
    MalformedStartedBy,
    /// ECS Anywhere: such a task is never registered.
    ExternalInstance,
    /// A stop of a task that ECS does not know any more.
    TaskGone,
    /// A stop of a task that is stopping or stopped.
    StoppedAlready,
    /// The deadline of a start that was RUNNING before it.
    RunningInTime,
    /// A stop of several tasks, none of which is there.
    NoTasks,
    /// A stop of several tasks, all of which, so many, were asked for after it.
    RequestedLater(usize),
    /// Another deployment's of start-engines has the task: nothing is done to it.
    AnotherDeployment,
    /// Others have started the task with a `startedBy` like ours, and its family is not in `ALLOWED_TASK_FAMILIES`.
    FamilyNotAllowed,
    /// The same batch has a newer event of the task, or the same once more.
    Superseded,
}

impl Skip {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::ForeignTask,
        Self::NoTargets,
        Self::NotRunningYet,
        Self::UnknownStatus,
        Self::NotRegistered,
        Self::NeverHadAnAddress,
        Self::MalformedStartedBy,
        Self::ExternalInstance,
        Self::TaskGone,
        Self::StoppedAlready,
        Self::RunningInTime,
        Self::NoTasks,
        Self::RequestedLater(0),
        Self::AnotherDeployment,
        Self::FamilyNotAllowed,
        Self::Superseded,
    ];

    /// The fixed name for metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ForeignTask => "foreign_task",
            Self::NoTargets => "no_targets",
            Self::NotRunningYet => "not_running_yet",
            Self::UnknownStatus => "unknown_status",
            Self::NotRegistered => "not_registered",
            Self::NeverHadAnAddress => "never_had_an_address",
            Self::MalformedStartedBy => "malformed_started_by",
            Self::ExternalInstance => "external_instance",
            Self::TaskGone => "task_gone",
            Self::StoppedAlready => "stopped_already",
            Self::RunningInTime => "running_in_time",
            Self::NoTasks => "no_tasks",
            Self::RequestedLater(_) => "requested_later",
            Self::AnotherDeployment => "another_deployment",
            Self::FamilyNotAllowed => "family_not_allowed",
            Self::Superseded => "superseded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_skips_has_each_once() {
        let place = |skip: Skip| match skip {
            Skip::ForeignTask => 0,
            Skip::NoTargets => 1,
            Skip::NotRunningYet => 2,
            Skip::UnknownStatus => 3,
            Skip::NotRegistered => 4,
            Skip::NeverHadAnAddress => 5,
            Skip::MalformedStartedBy => 6,
            Skip::ExternalInstance => 7,
            Skip::TaskGone => 8,
            Skip::StoppedAlready => 9,
            Skip::RunningInTime => 10,
            Skip::NoTasks => 11,
            Skip::RequestedLater(_) => 12,
            Skip::AnotherDeployment => 13,
            Skip::FamilyNotAllowed => 14,
            Skip::Superseded => 15,
        };
        let places: Vec<usize> = Skip::ALL.into_iter().map(place).collect();
        assert_eq!(places, (0..16).collect::<Vec<usize>>());
    }
}
