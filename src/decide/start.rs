//! A start: the token ladder.
//!
//! ECS replays the *original* answer of a client token, failures included. So attempt `i` has a
//! token of its own, and every invocation walks from rung 0 to the first success, new or
//! replayed. A walk is the same on every delivery as far as its answers go, so two deliveries of
//! one event never start two sets of tasks. With `count` over 1, what a rung leaves over is the
//! next rung's.
//!
//! The promise lasts as long as ECS keeps the tokens: the lesser of a day and the task's life and
//! an hour.
//!
//! A deadline is a schedule of EventBridge Scheduler, made for each task once it exists: a stop that
//! comes when the time is over, unless the task is RUNNING by then, or in any case. Without
//! deadlines, RunTask is all that is called.

use std::time::Duration;

use serde_json::{Value, json};

use super::later::{self, Purpose, SOONEST};
use super::{Failures, Halt};
use crate::arn::TaskArn;
use crate::call::ErrorKind;
use crate::journal::Reader;
use crate::outcome::{Failure, Outcome};
use crate::run_task::StartFailure;
use crate::start::request::StartRequest;
use crate::task::START_TIMED_OUT;

/// How many different reasons are told.
const MOST_REASONS: usize = 10;

/// Walks the ladder, and sets the deadlines of what it started.
///
/// # Errors
/// With the next call, or with the failure that ends the walk: AWS's own error, a reason that no
/// other place or time cures, or capacity that no rung found. Or with what kept a deadline from
/// being set: a retry finds the same tasks.
pub fn start(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let ended = match climb(request, reader) {
        Err(Halt::Fail(failure)) => Err(failure),
        Err(ask @ Halt::Ask(_)) => return Err(ask),
        Ok(outcome) => Ok(outcome),
    };
    let tasks = match &ended {
        Ok(Outcome::Started { tasks, .. }) => tasks.clone(),
        Ok(_) => Vec::new(),
        Err(failure) => failure.tasks.clone(),
    };
    let failures = set_deadlines(request, &tasks, reader)?;
    match ended {
        Ok(outcome) => failures.into_result(outcome).map_err(|halt| halt.with_tasks(tasks)),
        Err(failure) => Err(Halt::Fail(failure)),
    }
}

/// The walk.
fn climb(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let began_at = reader.now();
    let rungs = request.rungs(request.sent_at.map(|sent_at| began_at.since(sent_at)));
    let wanted = usize::try_from(request.count).unwrap_or(0);
    let mut tasks = Vec::new();
    let mut conflict = false;
    let mut last_failures: Vec<StartFailure> = Vec::new();
    for rung in 0..rungs {
        let left = i32::try_from(wanted.saturating_sub(tasks.len())).unwrap_or(0);
        let call = request
            .rung(rung, left)
            .ok_or_else(|| Failure::internal("a start has no placement"))?;
        match reader.run_task(call)? {
            Ok(started) => {
                tasks.extend(started.tasks.iter().cloned());
                last_failures.clone_from(&started.failures);
            }
            // The token was used with other parameters (the catalog has changed since, say): the
            // tasks exist, which is what was asked for.
            Err(error) => match &error.kind {
                ErrorKind::Conflict { tasks: existing } if !existing.is_empty() => {
                    conflict = true;
                    tasks.extend(existing.iter().cloned());
                    last_failures.clear();
                }
                _ => return Err(Failure::from(error).with_tasks(tasks).into()),
            },
        }
        if tasks.len() >= wanted {
            return Ok(Outcome::Started {
                tasks,
                rungs: rung + 1,
                conflict,
            });
        }
        // EC2 answers with a reason for each container instance: one that is short of capacity
        // outweighs others that could never do.
        if !last_failures.is_empty() && !last_failures.iter().any(StartFailure::is_capacity) {
            let reasons = not_enough(&tasks, wanted, rung + 1, &last_failures);
            let message =
                format!("{reasons}; ECS keeps this answer for this event: when the cause is gone, send a new one");
            return Err(Failure::permanent("placement_failed", message).with_tasks(tasks).into());
        }
    }
    let message = not_enough(&tasks, wanted, rungs, &last_failures);
    Err(Failure::transient("capacity_unavailable", message)
        .with_tasks(tasks)
        .into())
}

/// One schedule for each task and deadline. One that exists is of an earlier delivery, and counts.
fn set_deadlines(request: &StartRequest, tasks: &[TaskArn], reader: &mut Reader<'_>) -> Result<Failures, Halt> {
    let mut failures = Failures::default();
    let now = reader.now();
    for task in tasks {
        for (purpose, after, detail) in deadlines(request) {
            let later = request.later.as_ref();
            let later = later.ok_or_else(|| Failure::internal("a deadline has no way to be kept"))?;
            let at = now.after(after.max(SOONEST));
            let schedule = later::stop(later, purpose, (task, &request.cluster), detail, now, at)
                .ok_or_else(|| Failure::internal("a deadline has no date"))?;
            match reader.create_schedule(schedule)? {
                Ok(()) => {}
                Err(error) if matches!(error.kind, ErrorKind::Conflict { .. }) => {}
                Err(error) => failures.add(error),
            }
        }
    }
    Ok(failures)
}

/// What for, when, and with which fields of a stop.
fn deadlines(request: &StartRequest) -> impl Iterator<Item = (Purpose, Duration, Value)> {
    let timeout = request.deadlines.start_timeout.map(|after| {
        let reason = format!("{START_TIMED_OUT} {} s", after.as_secs());
        let detail = json!({"drainSeconds": 0, "unlessRunning": true, "reason": reason});
        (Purpose::StartTimeout, after, detail)
    });
    let lifetime = request.deadlines.max_lifetime.map(|after| {
        let reason = format!("start-engines: maxLifetimeSeconds {} is over", after.as_secs());
        (Purpose::EndOfLife, after, json!({"reason": reason}))
    });
    let mark = request.correlation_id.clone();
    timeout
        .into_iter()
        .chain(lifetime)
        .map(move |(purpose, after, mut detail)| {
            if let Some(mark) = &mark {
                detail["correlationId"] = json!(mark);
            }
            (purpose, after, detail)
        })
}

fn not_enough(tasks: &[TaskArn], wanted: usize, calls: usize, failures: &[StartFailure]) -> String {
    // Of a large cluster there is a failure for each instance: each reason is told once.
    let mut reasons: Vec<String> = Vec::new();
    for failure in failures.iter().map(ToString::to_string) {
        if !reasons.contains(&failure) && reasons.len() < MOST_REASONS {
            reasons.push(failure);
        }
    }
    let reasons = if reasons.is_empty() {
        "RunTask gave no reason".to_owned()
    } else {
        reasons.join(", ")
    };
    format!(
        "{} of {wanted} tasks started after {calls} RunTask calls; ECS says: {reasons}",
        tasks.len()
    )
}
