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

use super::Halt;
use crate::arn::TaskArn;
use crate::call::ErrorKind;
use crate::journal::Reader;
use crate::outcome::{Failure, Outcome};
use crate::run_task::StartFailure;
use crate::start::request::StartRequest;

/// How many different reasons are told.
const MOST_REASONS: usize = 10;

/// Walks the ladder.
///
/// # Errors
/// With the next call, or with the failure that ends the walk: AWS's own error, a reason that no
/// other place or time cures, or capacity that no rung found.
pub fn start(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
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
