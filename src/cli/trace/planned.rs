//! What the function has scheduled for a task, and what of it is of interest.
//!
//! A schedule for one task is found by its name (`start_engines_core::decide::schedules`). A check that tasks share has a
//! name of all of them: it is told from the log.

use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;

use super::evidence::{Evidence, Life};
use super::{Moment, What};

/// What a schedule of a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A stop, when the drain is over.
    Drained,
    /// A stop, if the task is not RUNNING in time.
    StartTimeout,
    /// A stop, at `maxLifetimeSeconds`.
    EndOfLife,
    /// The check of the targets.
    Check,
    /// The second check of targets that ELB still checked at the first.
    SecondCheck,
}

impl Purpose {
    /// The name of the schedule of one task.
    #[must_use]
    pub fn schedule(self, task: &TaskArn) -> String {
        let purpose = match self {
            Self::Drained => "stop",
            Self::StartTimeout => "timeout",
            Self::EndOfLife => "lifetime",
            Self::Check => "check",
            Self::SecondCheck => "recheck",
        };
        format!("start-engines-{purpose}-{}", task.id())
    }

    fn words(self) -> &'static str {
        match self {
            Self::Drained => "a stop, when its drain is over",
            Self::StartTimeout => "a stop, unless it is RUNNING by then",
            Self::EndOfLife => "a stop, at the end of its life",
            Self::Check => "a look at its targets' health",
            Self::SecondCheck => "a second look at its targets' health",
        }
    }
}

/// Something of a task that is scheduled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The task.
    pub task: TaskArn,
    /// When.
    pub at: Timestamp,
    /// What.
    pub purpose: Purpose,
}

/// The schedules that matter to a task now. One that was made for its start stays, and does nothing, once it is RUNNING; a
/// check does nothing while the task drains.
#[must_use]
pub fn purposes(life: &Life) -> Vec<Purpose> {
    let mut purposes = Vec::new();
    if life.task.is_live() {
        purposes.extend([Purpose::Drained, Purpose::EndOfLife]);
        if !life.task.has_run() {
            purposes.push(Purpose::StartTimeout);
        } else if is_checked(life) {
            purposes.extend([Purpose::Check, Purpose::SecondCheck]);
        }
    }
    purposes
}

/// Whether a check would look at the targets of the task.
fn is_checked(life: &Life) -> bool {
    !life.status.targets.is_empty() && !life.task.is_draining()
}

/// The moments that are still to come.
pub(super) fn moments(evidence: &Evidence) -> Vec<Moment> {
    let scheduled = evidence
        .planned
        .iter()
        .map(|planned| (planned.task.clone(), planned.at, planned.purpose.words().to_owned()));
    let of_log = evidence.tasks.iter().filter_map(|life| check_of_log(evidence, life));
    let all = scheduled.chain(of_log).map(|(task, at, detail)| Moment {
        at,
        what: What::Planned,
        detail,
        task: Some(task),
    });
    all.collect()
}

/// The check that the log tells of, where no schedule of the task alone was found.
fn check_of_log(evidence: &Evidence, life: &Life) -> Option<(TaskArn, Timestamp, String)> {
    let arn = &life.task.arn;
    let is_check = |purpose| matches!(purpose, Purpose::Check | Purpose::SecondCheck);
    let mut planned = evidence.planned.iter();
    let is_found = planned.any(|planned| planned.task == *arn && is_check(planned.purpose));
    if is_found || !life.task.is_live() || !is_checked(life) {
        return None;
    }
    let own = evidence.lines.iter().filter(|line| line.is_running_of(arn));
    let at = own.filter_map(super::log::LogLine::check_at).next_back()?;
    let detail = format!("{}, says the log", Purpose::Check.words());
    (at > evidence.now).then(|| (arn.clone(), at, detail))
}
