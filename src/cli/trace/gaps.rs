//! What is missing in a story: events that the function should have handled by now, and did not.
//!
//! A line that is missing proves something only if the whole log was read, and `LOG_LEVEL` lets it through.

use std::fmt;

use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::task::Phase;

use super::evidence::{Evidence, Life};
use crate::view::status::SETTLE;

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The log has nothing of the start.
    NoStart(TaskArn),
    /// The task is or was RUNNING, and no RUNNING event was handled.
    NoRunning(TaskArn),
    /// The task stops or has stopped, and no sign of it was handled.
    NoStop(TaskArn),
    /// ECS does not know the task any more.
    Gone(TaskArn),
}

impl Gap {
    /// The fixed name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoStart(_) => "no_start_handled",
            Self::NoRunning(_) => "no_running_event_handled",
            Self::NoStop(_) => "no_stop_event_handled",
            Self::Gone(_) => "task_gone",
        }
    }

    /// The task that it concerns.
    #[must_use]
    pub fn task(&self) -> &TaskArn {
        match self {
            Self::NoStart(task) | Self::NoRunning(task) | Self::NoStop(task) | Self::Gone(task) => task,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.task().id();
        match self {
            Self::NoStart(_) => write!(f, "the log has no start of task {id}"),
            Self::NoRunning(_) => write!(f, "no RUNNING event of task {id} was handled"),
            Self::NoStop(_) => write!(f, "no sign of the stop of task {id} was handled"),
            Self::Gone(_) => write!(
                f,
                "ECS does not know task {id} any more: it keeps stopped tasks for an hour"
            ),
        }
    }
}

/// The gaps, task by task.
#[must_use]
pub fn gaps(evidence: &Evidence) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if evidence.log.shows_successes() {
        for life in &evidence.tasks {
            let arn = || life.task.arn.clone();
            if misses_start(evidence, life) {
                gaps.push(Gap::NoStart(arn()));
            }
            if misses_running(evidence, life) {
                gaps.push(Gap::NoRunning(arn()));
            }
            if misses_stop(evidence, life) {
                gaps.push(Gap::NoStop(arn()));
            }
        }
    }
    gaps.extend(evidence.gone.iter().cloned().map(Gap::Gone));
    gaps
}

/// Whether a change of the task at that time must have been handled by now, in the part of the log that was read.
fn is_due(evidence: &Evidence, at: Option<start_engines_core::domain::timestamp::Timestamp>) -> bool {
    at.is_some_and(|at| at > evidence.log.since && evidence.now.since(at) > SETTLE)
}

fn misses_start(evidence: &Evidence, life: &Life) -> bool {
    let is_known = |line: &&super::log::LogLine| line.is_start() && line.names(&life.task.arn);
    // A task that others have started has no start, and no mark of one.
    let is_marked = life.status.event_id.is_some();
    is_marked && is_due(evidence, life.task.created_at) && !evidence.lines.iter().any(|line| is_known(&line))
}

/// Whether no RUNNING event of a task with targets was handled, though one is due.
#[must_use]
pub fn misses_running(evidence: &Evidence, life: &Life) -> bool {
    let mut lines = evidence.lines.iter();
    !life.status.targets.is_empty()
        && life.task.is_live()
        && is_due(evidence, life.task.started_at)
        && !lines.any(|line| line.is_running_of(&life.task.arn))
}

/// Whether no sign of the stop of a task with targets was handled, though one is due.
#[must_use]
pub fn misses_stop(evidence: &Evidence, life: &Life) -> bool {
    let since = life.stopping_at.or(life.task.stopped_at);
    let mut lines = evidence.lines.iter();
    !life.status.targets.is_empty()
        && matches!(life.task.phase(), Phase::Stopping | Phase::Stopped)
        && is_due(evidence, since)
        && !lines.any(|line| line.is_stop_of(&life.task.arn))
}
