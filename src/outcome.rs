//! How the handling of one event ends: what was done and why, or a failure with its category.
//!
//! Must not log or count; [`crate::report`] does.

use std::fmt;

use crate::arn::{TargetGroupArn, TaskArn};
use crate::call::CallError;
use crate::plan::Plan;
use crate::problem::Problems;
use crate::target::Target;
use crate::task::StopReason;

/// A target in its group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupTarget {
    /// The group.
    pub group: TargetGroupArn,
    /// The target.
    pub target: Target,
}

impl fmt::Display for GroupTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group.name(), self.target)
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// RunTask started these, now or at an earlier delivery of the same event.
    Started {
        /// The tasks.
        tasks: Vec<TaskArn>,
        /// How many RunTask calls it took to get there.
        rungs: usize,
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

/// Why an event could not be handled. Each ends as an `Err` of the invocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The fixed name for metrics, logs and Lambda's `errorType`.
    pub category: &'static str,
    /// Whether the same event can succeed later with nobody changing anything.
    pub transient: bool,
    /// The whole chain; never a payload.
    pub message: String,
    /// Tasks that exist all the same.
    pub tasks: Vec<TaskArn>,
    /// What a reconcile has done all the same.
    pub repairs: Option<Box<Repairs>>,
    /// What is to be told of a stop that failed in part.
    pub stop: Option<Box<PartOfStop>>,
    /// Deadlines that the tasks of a start do not have.
    pub deadlines: Option<Box<DeadlinesNotSet>>,
}

/// Of a stop that failed in part: what its end does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartOfStop {
    /// As [`Outcome::Stopped`] has it.
    pub undrained: Vec<TaskArn>,
    /// As [`Outcome::Stopped`] has it.
    pub spared: usize,
}

/// Deadlines of tasks that run, which could not be set: nobody stops them in time, until a retry has set them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeadlinesNotSet {
    /// Which.
    pub deadlines: Vec<Deadline>,
    /// Why not: as [`Failure::category`].
    pub category: &'static str,
    /// As [`Failure::transient`].
    pub transient: bool,
    /// As [`Failure::message`].
    pub message: String,
    /// All tasks of the start run, so that it has not failed.
    pub start_is_whole: bool,
}

impl DeadlinesNotSet {
    /// Each task with the fields whose time nobody keeps.
    #[must_use]
    pub fn by_task(&self) -> Vec<(&TaskArn, Vec<&'static str>)> {
        let mut tasks: Vec<(&TaskArn, Vec<&'static str>)> = Vec::new();
        for deadline in &self.deadlines {
            match tasks.iter_mut().find(|(task, _)| **task == deadline.task) {
                Some((_, fields)) => fields.push(deadline.field),
                None => tasks.push((&deadline.task, vec![deadline.field])),
            }
        }
        tasks
    }
}

/// A deadline of one task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// The task.
    pub task: TaskArn,
    /// The field of the start that asks for it.
    pub field: &'static str,
}

impl Failure {
    /// One that stays until somebody changes something.
    #[must_use]
    pub fn permanent(category: &'static str, message: impl Into<String>) -> Self {
        Self {
            category,
            transient: false,
            message: message.into(),
            tasks: Vec::new(),
            repairs: None,
            stop: None,
            deadlines: None,
        }
    }

    /// One that a retry can cure.
    #[must_use]
    pub fn transient(category: &'static str, message: impl Into<String>) -> Self {
        Self {
            category,
            transient: true,
            message: message.into(),
            tasks: Vec::new(),
            repairs: None,
            stop: None,
            deadlines: None,
        }
    }

    /// A mistake of ours.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::permanent("internal", message)
    }

    /// The same, with what a reconcile has done all the same.
    #[must_use]
    pub fn with_repairs(mut self, repairs: Repairs) -> Self {
        self.repairs = Some(Box::new(repairs));
        self
    }

    /// The same, with what is to be told of a stop that failed in part.
    #[must_use]
    pub fn with_part_of_stop(mut self, part: PartOfStop) -> Self {
        self.stop = (part != PartOfStop::default()).then(|| Box::new(part));
        self
    }

    /// Whether what was asked for has failed, rather than only the deadlines of a start that has succeeded.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        !self.deadlines.as_ref().is_some_and(|unset| unset.start_is_whole)
    }

    /// The same, with the tasks that exist all the same.
    #[must_use]
    pub fn with_tasks(mut self, tasks: Vec<TaskArn>) -> Self {
        self.tasks = tasks;
        self
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        let message = error.to_string();
        Self {
            category: error.kind.category(),
            transient: error.kind.is_transient(),
            message,
            tasks: Vec::new(),
            repairs: None,
            stop: None,
            deadlines: None,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let category = if problems.only_not_allowed() {
            "not_allowed"
        } else {
            "invalid_event"
        };
        Self::permanent(category, problems.to_string())
    }
}
