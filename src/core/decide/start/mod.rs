//! A start: the token ladder (`ladder`), then the deadlines of the tasks that it started.
//!
//! Two deliveries of one event never start two sets of tasks, as long as ECS keeps the tokens: the lesser of a day and
//! the task's life plus an hour. A start that is older than its `maxAgeSeconds` calls no RunTask (`self::expired`).
//!
//! A deadline is a schedule of EventBridge Scheduler, created for each task once it exists: it sends a stop at the
//! deadline, which spares a RUNNING task (`startTimeoutSeconds`) or does not (`maxLifetimeSeconds`). Without deadlines,
//! only RunTask is called. A deadline that cannot be set fails the event, so that it is tried again, but not the start:
//! the tasks run.

mod expired;
mod ladder;

use std::time::Duration;

use serde_json::{Value, json};

use self::expired::expired;
use super::failures::Failures;
use super::schedules::{self, MIN_SCHEDULE_AHEAD, Purpose};
use crate::call::{Answer, Call, CallError, ErrorKind};
use crate::domain::arn::TaskArn;
use crate::domain::task::START_TIMED_OUT;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Journal, Reader};
use crate::outcome::{Deadline, DeadlinesNotSet, Failure, Outcome};
use crate::request::start::StartRequest;

/// Starts the missing tasks, and sets the deadlines of all.
///
/// # Errors
/// With the next call, or with the failure that ends the attempts: AWS's own error, a reason that no other placement or
/// time fixes, or missing capacity in every placement. Or with the failure to set a deadline: a retry finds the same
/// tasks.
pub fn start(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let ended = match run_tasks(request, reader) {
        Err(Halt::Fail(failure)) => Err(*failure),
        Err(ask @ Halt::Ask(_)) => return Err(ask),
        Ok(outcome) => Ok(outcome),
    };
    let tasks = match &ended {
        Ok(Outcome::Started { tasks, .. }) => tasks.clone(),
        Ok(_) => Vec::new(),
        Err(failure) => failure.tasks.clone(),
    };
    let unset = set_deadlines(request, &tasks, reader)?;
    end(ended, tasks, unset).map_err(Halt::from)
}

/// The failure of a start that is given up before its end, for example because no time is left: `why`, with the tasks
/// that run, and the deadlines that are not set.
#[must_use]
pub fn cut_short(request: &StartRequest, journal: &Journal, why: Failure) -> Failure {
    let (tasks, ended) = match run_tasks(request, &mut Reader::new(journal)) {
        Ok(Outcome::Started { tasks, .. }) => (tasks, None),
        Err(Halt::Fail(failure)) => (failure.tasks.clone(), Some(*failure)),
        // RunTask calls were left.
        Ok(_) | Err(Halt::Ask(_)) => (tasks_so_far(journal), Some(why.clone())),
    };
    let is_set = |name: &str| {
        journal.entries.iter().any(|entry| {
            let Call::CreateSchedule(schedule) = &entry.call else {
                return false;
            };
            schedule.name == name && entry.answer.as_ref().map_or_else(exists, |_| true)
        })
    };
    let due = tasks
        .iter()
        .flat_map(|task| deadlines(request).map(move |due| (task, due.purpose)));
    let deadlines: Vec<Deadline> = due
        .filter(|(task, purpose)| !is_set(&schedules::name(*purpose, task)))
        .map(|(task, purpose)| deadline(task, purpose))
        .collect();
    let unset = (!deadlines.is_empty()).then_some(Unset { deadlines, why });
    end(ended.map_or(Ok(()), Err), tasks, unset)
        .err()
        .unwrap_or_else(|| Failure::internal("a start was cut short after it had ended"))
}

/// The tasks in RunTask's answers so far.
fn tasks_so_far(journal: &Journal) -> Vec<TaskArn> {
    let started = journal.entries.iter().map(|entry| match &entry.answer {
        Ok(Answer::Started(started)) => started.tasks.as_slice(),
        Err(error) => error.conflicting_tasks.as_slice(),
        Ok(_) => &[],
    });
    started.flatten().cloned().collect()
}

fn run_tasks(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    match request.expired(reader.now()) {
        Some(age) => expired(request, age, reader),
        None => ladder::start_tasks(request, reader),
    }
}

/// Combines the results of the start and of its deadlines.
fn end<T>(ended: Result<T, Failure>, tasks: Vec<TaskArn>, unset: Option<Unset>) -> Result<T, Failure> {
    match (ended, unset) {
        (ended, None) => ended,
        (Ok(_), Some(unset)) => {
            let message = format!(
                "the tasks run, but {} of their deadlines could not be set: {}",
                unset.deadlines.len(),
                unset.why.message
            );
            let why = Failure {
                message,
                ..unset.why.clone()
            };
            Err(unset.of(why.with_tasks(tasks), true))
        }
        (Err(failure), Some(unset)) => Err(unset.of(failure.with_tasks(tasks), false)),
    }
}

/// Deadlines that could not be set, and why.
struct Unset {
    deadlines: Vec<Deadline>,
    why: Failure,
}

impl Unset {
    fn of(self, failure: Failure, start_is_whole: bool) -> Failure {
        let unset = DeadlinesNotSet {
            deadlines: self.deadlines,
            category: self.why.category,
            transient: self.why.transient,
            message: self.why.message,
            start_is_whole,
        };
        Failure {
            deadlines: Some(Box::new(unset)),
            ..failure
        }
    }
}

/// Creates one schedule for each task and deadline. One that exists was created by an earlier delivery, and counts.
fn set_deadlines(request: &StartRequest, tasks: &[TaskArn], reader: &mut Reader<'_>) -> Result<Option<Unset>, Halt> {
    let mut unset = Vec::new();
    let mut failures = Failures::default();
    let now = reader.now();
    for task in tasks {
        for due in deadlines(request) {
            let purpose = due.purpose;
            match set_deadline(request, task, due, now, reader) {
                Ok(()) => {}
                Err(ask @ Halt::Ask(_)) => return Err(ask),
                Err(Halt::Fail(failure)) => {
                    unset.push(deadline(task, purpose));
                    failures.add(*failure);
                }
            }
        }
    }
    match failures.into_result(()) {
        Err(Halt::Fail(why)) => Ok(Some(Unset {
            deadlines: unset,
            why: *why,
        })),
        Ok(()) | Err(Halt::Ask(_)) => Ok(None),
    }
}

fn set_deadline(
    request: &StartRequest,
    task: &TaskArn,
    due: Due,
    now: Timestamp,
    reader: &mut Reader<'_>,
) -> Result<(), Halt> {
    let later = request.later.as_ref();
    let later = later.ok_or_else(|| Failure::internal("a deadline needs Scheduler, which is not configured"))?;
    let at = now.after(due.after.max(MIN_SCHEDULE_AHEAD));
    let schedule = schedules::stop(later, due.purpose, (task, &request.cluster), due.detail, now, at)
        .ok_or_else(|| Failure::internal("the time of a deadline is not a valid date"))?;
    match reader.create_schedule(schedule)? {
        Ok(()) => Ok(()),
        Err(error) if exists(error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether CreateSchedule was refused because there is a schedule of that name.
fn exists(error: &CallError) -> bool {
    error.kind == ErrorKind::Conflict
}

fn deadline(task: &TaskArn, purpose: Purpose) -> Deadline {
    Deadline {
        task: task.clone(),
        field: match purpose {
            Purpose::StartTimeout => "startTimeoutSeconds",
            Purpose::EndOfLife => "maxLifetimeSeconds",
            // A start has no such deadline.
            Purpose::Drained => "drainSeconds",
        },
    }
}

/// A deadline of a start, for each of its tasks.
struct Due {
    purpose: Purpose,
    after: Duration,
    /// The `detail` fields of the scheduled stop, without its task.
    detail: Value,
}

fn deadlines(request: &StartRequest) -> impl Iterator<Item = Due> {
    let timeout = request.deadlines.start_timeout.map(|after| {
        let reason = format!("{START_TIMED_OUT} {} s", after.as_secs());
        Due {
            purpose: Purpose::StartTimeout,
            after,
            detail: json!({"drainSeconds": 0, "unlessRunning": true, "reason": reason}),
        }
    });
    let lifetime = request.deadlines.max_lifetime.map(|after| {
        let reason = format!("start-engines: maxLifetimeSeconds {} is over", after.as_secs());
        Due {
            purpose: Purpose::EndOfLife,
            after,
            detail: json!({"reason": reason}),
        }
    });
    let correlation_id = request.correlation_id.clone();
    timeout.into_iter().chain(lifetime).map(move |mut due| {
        if let Some(correlation_id) = &correlation_id {
            due.detail["correlationId"] = json!(correlation_id);
        }
        due
    })
}
