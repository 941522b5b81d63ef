//! How the handling of one event ends: what was done and why, or a failure with its category.
//!
//! Must not log or count; [`crate::report::log_line`] does.

mod category;
mod checked;
mod continued;
mod failure;
pub mod plan;
mod repairs;

use self::plan::Plan;
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::target::GroupTarget;
use crate::domain::task::StopReason;

pub use self::category::Category;
pub use self::checked::{Checked, CheckedTask, NextCheck, NotScheduled};
pub use self::continued::{Continued, WhyLater};
pub use self::failure::{Deadline, DeadlinesNotSet, Failure, PartOfStop};
pub use self::repairs::Repairs;

/// How the handling of an event ended, if it did not fail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// RunTask started these, now or at an earlier delivery of the same event.
    Started {
        /// The ARNs of all tasks of the start.
        tasks: Vec<TaskArn>,
        /// The number of RunTask calls of this delivery.
        run_task_calls: usize,
        /// Whether some were found by a conflict: started under the same identity with other parameters.
        conflict: bool,
    },
    /// All targets of a RUNNING task are registered.
    Registered {
        /// The targets, in the order of `startedBy`.
        targets: Vec<GroupTarget>,
        /// Whether and when their health is checked.
        check: NextCheck,
    },
    /// Registered targets were checked: whether they are healthy.
    Checked(Box<Checked>),
    /// None of a stopping task's targets is registered, unless another task owns it now.
    Deregistered {
        /// Those that DeregisterTargets was called for; the others were not registered any more.
        targets: Vec<GroupTarget>,
        /// Those that stay registered, since another task of start-engines has the address now.
        reused: Vec<GroupTarget>,
        /// If it never was RUNNING: `stopCode`, `stoppedReason` and how its containers exited.
        failed_start: Option<StopReason>,
    },
    /// A late stop goes on later, with a scheduled event: it is not clear yet whether another task owns its targets.
    Continued {
        /// What goes on, when and why.
        continued: Box<Continued>,
        /// If the task never was RUNNING: `stopCode`, `stoppedReason` and how its containers exited.
        failed_start: Option<StopReason>,
    },
    /// Tasks were stopped, or drain.
    Stopped {
        /// Those that StopTask was called for.
        tasks: Vec<TaskArn>,
        /// Those whose targets were deregistered, and which a schedule stops when their drain is over.
        draining: Vec<TaskArn>,
        /// Those of `tasks` that were to drain, and were stopped at once, as they have no room for the tag.
        undrained: Vec<TaskArn>,
        /// The number of tasks that were spared, since they were requested after the stop.
        spared: usize,
        /// The number of tasks for which no time was left, and with which a schedule goes on.
        left: usize,
        /// The targets that DeregisterTargets was called for, each with its task.
        targets: Vec<(TaskArn, GroupTarget)>,
    },
    /// Tasks and targets were compared, and the drift was repaired.
    Reconciled(Box<Repairs>),
    /// Tasks and targets were compared, and nothing was changed (`dryRun`).
    Planned(Box<Plan>),
    /// A reconcile of all clusters: each is scheduled.
    Scheduled {
        /// These.
        clusters: Vec<Cluster>,
    },
    /// There was nothing to do.
    Skipped {
        /// Why there was nothing to do.
        reason: Skip,
        /// If the task stopped and never was RUNNING: `stopCode`, `stoppedReason` and how its containers exited.
        failed_start: Option<StopReason>,
    },
}

impl Outcome {
    /// There was nothing to do, and no start has failed.
    #[must_use]
    pub fn skipped(reason: Skip) -> Self {
        Self::Skipped {
            reason,
            failed_start: None,
        }
    }

    /// The fixed name in metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Registered { .. } => "registered",
            Self::Checked(_) => "checked",
            Self::Deregistered { .. } => "deregistered",
            Self::Continued { .. } => "continued",
            Self::Stopped { .. } => "stopped",
            Self::Reconciled(_) => "reconciled",
            Self::Planned(_) => "planned",
            Self::Scheduled { .. } => "scheduled",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Why the task's start failed, if it stopped and never was RUNNING.
    #[must_use]
    pub fn failed_start(&self) -> Option<&StopReason> {
        match self {
            Self::Deregistered { failed_start, .. }
            | Self::Continued { failed_start, .. }
            | Self::Skipped { failed_start, .. } => failed_start.as_ref(),
            Self::Started { .. }
            | Self::Registered { .. }
            | Self::Checked(_)
            | Self::Stopped { .. }
            | Self::Reconciled(_)
            | Self::Planned(_)
            | Self::Scheduled { .. } => None,
        }
    }
}

/// Why there was nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// `startedBy` does not have the form of start-engines.
    ForeignTask,
    /// The task was started without targets.
    NoTargets,
    /// The task is neither RUNNING yet nor stopping.
    NotRunningYet,
    /// The task has a status that this version does not know, and no sign of a stop.
    UnknownStatus,
    /// None of its targets is registered: an earlier event has deregistered them.
    NotRegistered,
    /// The task stopped before it had an address, so it was never registered.
    NeverHadAnAddress,
    /// `startedBy` has the prefix of start-engines, but not its form; such a task is never registered.
    MalformedStartedBy,
    /// ECS Anywhere: such a task is never registered.
    ExternalInstance,
    /// A stop of a task that ECS does not return any more.
    TaskGone,
    /// A stop of a task that is stopping or stopped.
    StoppedAlready,
    /// The `startTimeoutSeconds` of a task that was RUNNING in time.
    RunningInTime,
    /// A stop of several tasks, and there are none.
    NoTasks,
    /// A stop of several tasks, all of which were requested after it: their number.
    RequestedLater(usize),
    /// The task is another deployment's: nothing is done to it.
    AnotherDeployment,
    /// Others have started the task with a `startedBy` of this form, and its family is not in `ALLOWED_TASK_FAMILIES`.
    FamilyNotAllowed,
    /// The same batch contains a newer event of the task, or the same event again.
    Superseded,
}

impl Skip {
    /// Every reason, the number of [`Self::RequestedLater`] being 0.
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

    /// The fixed name in metrics and logs.
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
