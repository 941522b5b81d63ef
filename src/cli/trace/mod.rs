//! The story of one engine, for `trace`: what was asked, what the function and AWS did for it, what is missing, and why it
//! does not serve.
//!
//! What is read is [`evidence`]; each source gives [`Moment`]s (`log`, `life`, `other`); [`story`] puts them in order of
//! time, finds what is missing (`gaps`) and names the cause (`diagnosis`). Everything here is pure: `commands::trace` makes
//! the calls, `view::trace` prints.

pub mod diagnosis;
pub mod evidence;
pub mod gaps;
mod life;
pub mod log;
mod other;
pub mod planned;
pub mod story;
pub mod subject;

#[cfg(test)]
mod trace_tests;

use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;

/// Something that happened, or that is planned, at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// The rest, in words.
    pub detail: String,
    /// The task that it concerns; none if it concerns the start as a whole.
    pub task: Option<TaskArn>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The start was requested.
    Requested,
    /// A RunTask call was answered.
    RunTask,
    /// ECS created the task.
    Created,
    /// The function ended its work on the start, with tasks.
    StartHandled,
    /// The function failed on the start.
    StartFailed,
    /// The task has its network.
    Connected,
    /// ECS began to pull the images.
    PullBegan,
    /// The pull ended.
    PullEnded,
    /// The pull ended, and an image could not be pulled.
    PullFailed,
    /// The task is RUNNING.
    Started,
    /// The targets were registered.
    Registered,
    /// The function failed to register the targets.
    NotRegistered,
    /// How a target's health is now.
    Health,
    /// ELB still checked some target when the function looked.
    Undecided,
    /// All targets were healthy when the function looked.
    Healthy,
    /// Some target was not healthy when the function looked.
    Unhealthy,
    /// A stop was requested.
    StopRequested,
    /// The function carried out a stop, or began a drain.
    StopHandled,
    /// The function failed on a stop.
    StopFailed,
    /// The task begins to stop.
    Stopping,
    /// The function handled a sign of the stop: the targets are deregistered.
    Deregistered,
    /// The function failed to deregister the targets.
    NotDeregistered,
    /// The function goes on with the stop later.
    Continued,
    /// The containers have ended.
    ContainersStopped,
    /// The task is STOPPED.
    Stopped,
    /// The function repaired something of it in a reconcile.
    Reconciled,
    /// An event was kept in a dead-letter queue.
    DeadLetter,
    /// A schedule will invoke the function.
    Planned,
}

impl What {
    /// The fixed name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::RunTask => "run_task",
            Self::Created => "created",
            Self::StartHandled => "start_handled",
            Self::StartFailed => "start_failed",
            Self::Connected => "connected",
            Self::PullBegan => "pull_began",
            Self::PullEnded => "pull_ended",
            Self::PullFailed => "pull_failed",
            Self::Started => "started",
            Self::Registered => "registered",
            Self::NotRegistered => "registration_failed",
            Self::Health => "health",
            Self::Undecided => "undecided",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::StopRequested => "stop_requested",
            Self::StopHandled => "stop_handled",
            Self::StopFailed => "stop_failed",
            Self::Stopping => "stopping",
            Self::Deregistered => "deregistered",
            Self::NotDeregistered => "deregistration_failed",
            Self::Continued => "continued",
            Self::ContainersStopped => "containers_stopped",
            Self::Stopped => "stopped",
            Self::Reconciled => "reconciled",
            Self::DeadLetter => "dead_letter",
            Self::Planned => "planned",
        }
    }

    /// The word in the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RunTask => "RunTask",
            Self::StartHandled => "start done",
            Self::StartFailed => "START FAILED",
            Self::PullBegan => "pull began",
            Self::PullEnded => "pull ended",
            Self::PullFailed => "PULL FAILED",
            Self::Started => "RUNNING",
            Self::NotRegistered => "NOT REGISTERED",
            Self::Unhealthy => "UNHEALTHY",
            Self::StopRequested => "stop requested",
            Self::StopHandled => "stop done",
            Self::StopFailed => "STOP FAILED",
            Self::NotDeregistered => "NOT DEREGISTERED",
            Self::ContainersStopped => "containers ended",
            Self::Stopped => "STOPPED",
            Self::DeadLetter => "DEAD LETTER",
            Self::Requested
            | Self::Created
            | Self::Connected
            | Self::Registered
            | Self::Health
            | Self::Undecided
            | Self::Healthy
            | Self::Stopping
            | Self::Deregistered
            | Self::Continued
            | Self::Reconciled
            | Self::Planned => self.name(),
        }
    }

    /// Whether it is a failure.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(
            self,
            Self::StartFailed
                | Self::PullFailed
                | Self::NotRegistered
                | Self::Unhealthy
                | Self::StopFailed
                | Self::NotDeregistered
                | Self::DeadLetter
        )
    }
}
