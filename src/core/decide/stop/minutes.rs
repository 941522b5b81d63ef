//! The schedules of a stop of a service or of a cluster: at most one a minute, each the same stop again.
//!
//! A schedule lists no tasks, however many drain.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::prepared::{Course, Prepared};
use crate::call::schedule::OneTimeSchedule;
use crate::call::{CallError, ErrorKind};
use crate::decide::failures::Failures;
use crate::decide::schedules::{self, MIN_SCHEDULE_AHEAD};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};
use crate::request::stop::{Continuation, MAX_CONTINUATIONS, StopRequest};

/// The minutes that have a schedule.
#[derive(Debug, Default)]
pub(super) struct Scheduled {
    minutes: BTreeSet<Timestamp>,
    pub(super) failures: Failures,
}

impl Scheduled {
    /// Whether there is a schedule for a drain that ends then, by what is known at `now`.
    pub(super) fn has(&self, until: Timestamp, now: Timestamp) -> bool {
        self.minutes.contains(&minute(until, now))
    }
}

/// The full minute in which a schedule stops a task that drains until then. Scheduler is precise to the minute; and a time
/// that is all but past has to be in the next one.
fn minute(until: Timestamp, now: Timestamp) -> Timestamp {
    until.max(now.after(MIN_SCHEDULE_AHEAD)).up_to_minute()
}

/// Makes sure that there is a schedule for each minute in which a drain ends.
pub(super) fn schedule(
    request: &StopRequest,
    prepared: &Prepared,
    reader: &mut Reader<'_>,
) -> Result<Arc<Scheduled>, Halt> {
    reader.part(|reader| {
        let untils = prepared.tasks.iter().filter_map(|(_, course)| Course::until(*course));
        let minutes: BTreeSet<Timestamp> = untils.map(|until| minute(until, prepared.at)).collect();
        let mut scheduled = Scheduled::default();
        if minutes.is_empty() {
            return Ok(scheduled);
        }
        let Some(continuation) = next_continuation(request, prepared) else {
            scheduled.failures.add(continued_too_often());
            return Ok(scheduled);
        };
        if request.later.is_none() {
            return Err(Failure::internal("a drain needs Scheduler, which is not configured").into());
        }
        let now = reader.now();
        let all = minutes.iter().map(|at| of_minute(request, &continuation, now, *at));
        let all = all.collect::<Result<Vec<OneTimeSchedule>, Failure>>()?;
        for (minute, answer) in minutes.iter().zip(reader.create_schedules(all)?) {
            match answer {
                Err(error) if !is_there(error) => scheduled.failures.add(error),
                Ok(()) | Err(_) => drop(scheduled.minutes.insert(*minute)),
            }
        }
        Ok(scheduled)
    })
}

/// Makes sure that the same stop comes again soon; whether it does.
pub(super) fn next(
    request: &StopRequest,
    prepared: &Prepared,
    scheduled: &Scheduled,
    now: Timestamp,
    reader: &mut Reader<'_>,
) -> Result<bool, Halt> {
    let at = minute(now, now);
    if scheduled.minutes.contains(&at) {
        return Ok(true);
    }
    if request.later.is_none() {
        return Ok(false);
    }
    let continuation = next_continuation(request, prepared).ok_or_else(continued_too_often)?;
    match reader.create_schedule(of_minute(request, &continuation, now, at)?)? {
        Err(error) if !is_there(error) => Err(error.into()),
        Ok(()) | Err(_) => Ok(true),
    }
}

/// Makes sure, early in the invocation, that the same stop comes again as soon as this invocation ends: at the last full
/// minute in it, at which it ends by itself then, or at the first one after it. `None` without Scheduler or a deadline.
pub(super) fn next_ahead(
    request: &StopRequest,
    prepared: &Prepared,
    scheduled: &Scheduled,
    reader: &mut Reader<'_>,
) -> Result<Option<Timestamp>, Halt> {
    let now = reader.now();
    let (Some(deadline), Some(_)) = (reader.deadline(), &request.later) else {
        return Ok(None);
    };
    let last = Timestamp::from_millis(deadline.millis().div_euclid(60_000).saturating_mul(60_000));
    let at = last.max(minute(now, now));
    if scheduled.minutes.contains(&at) {
        return Ok(Some(at));
    }
    let continuation = next_continuation(request, prepared).ok_or_else(continued_too_often)?;
    match reader.create_schedule(of_minute(request, &continuation, now, at)?)? {
        Err(error) if !is_there(error) => Err(error.into()),
        Ok(()) | Err(_) => Ok(Some(at)),
    }
}

fn next_continuation(request: &StopRequest, prepared: &Prepared) -> Option<Continuation> {
    let before = request.continuation;
    let count = before.map_or(0, |before| before.count) + 1;
    (count <= MAX_CONTINUATIONS).then(|| Continuation {
        count,
        handled_at: before.map_or(prepared.at, |before| before.handled_at),
    })
}

fn of_minute(
    request: &StopRequest,
    continuation: &Continuation,
    now: Timestamp,
    at: Timestamp,
) -> Result<OneTimeSchedule, Failure> {
    schedules::stop_again(request, continuation, now, at)
        .ok_or_else(|| Failure::internal("the end of a drain is not a valid date"))
}

/// Made by an earlier attempt or delivery, or by another part of the same stop.
fn is_there(error: &CallError) -> bool {
    error.kind == ErrorKind::Conflict
}

fn continued_too_often() -> Failure {
    let message = format!("the stop has continued {MAX_CONTINUATIONS} times, and tasks are left");
    Failure::new(Category::OutOfTime, message)
}
