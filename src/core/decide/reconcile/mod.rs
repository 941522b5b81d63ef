//! A reconcile: the tasks of a cluster compared with the targets of their groups, and repaired, once.
//!
//! For what an event that was lost for good left undone. All tasks are listed and described first;
//! then, group by group in the order of the ARNs, what is in the group is read (`planning`) and
//! repaired (`repair`):
//!
//! - a target of a RUNNING task that is not in its group is registered, as [`super::register`] does:
//!   a look before, and one after, with what was registered taken back if the task is stopping;
//! - a target that a stopping or stopped task has left is deregistered, as [`super::deregister`] does
//!   with late stops: only while the proof holds that no live task of ours owns the address;
//! - a target of no known task is told, and left alone. A task that drains is left alone too;
//! - a task whose time to drain was over [`super::timing::DRAIN_GRACE`] ago is stopped, before anything else: the
//!   schedule that was to do it is lost. Its events take out whatever of it is registered.
//! - another deployment's task ([`super::deployment`]) is left alone, and its targets count as taken.
//!
//! What goes wrong in one group does not stop the others, and what was done is told all the same. Where time
//! runs out, what is done is done: an event of our own making goes on with the rest, at most
//! [`MAX_CONTINUATIONS`] times.
//!
//! # The order of the reads
//! Tasks start and stop while it looks, so no two answers are of one moment. That is harmless, as each look
//! is only as good as what comes right before the change:
//!
//! - *Tasks first, then the group.* Whatever was registered for a task that was listed shows in the group, which
//!   is read later; so a target that looks missing was missing when it was read, or left since: then its task
//!   is stopping, or drains, and the look before RegisterTargets shows it.
//! - *Live tasks before stopped ones.* A task that stops in between is in the second list, and the newer
//!   version counts; so none falls between the lists. Read the other way round it would be in neither, and
//!   its target unknown.
//! - *RegisterTargets between two looks.* A task that stops after the first one is found by the second, or its
//!   last event, which is made later, finds what was registered ([`super::safety`]).
//! - *DeregisterTargets within [`super::timing::ATTACH`] of a list of all live tasks,* or the list is made
//!   anew. A target that came into the group after the first list, for a task that is not in it, has the
//!   address of a stopped task at most: the list it rests on is younger than any such registration can be.
//! - *A target that looks unknown* may be of a task that was started after the list: so the list is made once
//!   more at the end, before it is told. Nothing is done to it in any case.

mod budget;
mod claims;
pub mod compare;
mod fleet;
mod plan_group;
mod repair;

use self::budget::{MIN_STEP_TIME, OUT_OF_TIME};
use self::fleet::Fleet;
use self::repair::Work;
use super::failures::{Failures, caught};
use super::schedules;
use crate::call::ErrorKind;
use crate::config::Config;
use crate::domain::arn::TargetGroupArn;
use crate::journal::{Halt, Reader};
use crate::outcome::plan::Plan;
use crate::outcome::{Category, Failure, Outcome};
use crate::request::reconcile::{Continuation, MAX_CONTINUATIONS, ReconcileRequest};

/// How many groups a message names.
const MAX_NAMED: usize = 10;

/// Compares and repairs.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn reconcile(request: &ReconcileRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let (fleet, proof) = fleet::survey(request, config, reader)?;
    let mut failures = Failures::default();
    let mut groups = fleet.groups(request, config, &mut failures);
    let after = request.continuation.as_ref().and_then(|it| it.after.as_ref());
    if let Some(after) = after {
        groups.retain(|group| group > after);
    }
    if request.dry_run {
        return plan(request, &fleet, groups, failures, reader);
    }
    let mut work = Work::new(request, config, &fleet, proof, failures);
    let all_stopped = work.stop_overdue(&fleet.overdue(request, reader.now()), reader)?;
    let mut done = 0;
    for group in groups.iter().take_while(|_| all_stopped) {
        if !reader.has_time(MIN_STEP_TIME) || !work.group(group, reader)? {
            break;
        }
        done += 1;
    }
    let (finished, unreached) = groups.split_at(done);
    let mut continued = Vec::new();
    if !unreached.is_empty() {
        let after = finished.last().or(after).cloned();
        let scheduled = schedule_rest(request, after, work.has_done(), reader);
        match caught(scheduled, &mut work.failures)? {
            Some(Ok(())) => continued = unreached.to_vec(),
            Some(Err(why)) => work.failures.add(incomplete(unreached, &why)),
            None => work.failures.add(incomplete(unreached, "it could not go on later")),
        }
    }
    if !all_stopped && unreached.is_empty() {
        let message = "no time was left to stop all tasks whose time to drain is over";
        work.failures.add(Failure::new(Category::ReconcileIncomplete, message));
    }
    work.recheck_unknown(reader)?;
    work.end(continued)
}

fn plan(
    request: &ReconcileRequest,
    fleet: &Fleet<'_>,
    groups: Vec<TargetGroupArn>,
    mut failures: Failures,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let mut plan = Plan {
        stop: fleet.overdue(request, reader.now()),
        ..Plan::default()
    };
    for group in groups {
        if !reader.has_time(MIN_STEP_TIME) {
            plan.unreached.push(group);
            continue;
        }
        let planned = plan_group::group(&group, fleet, request, reader, &mut failures);
        plan.groups.extend(caught(planned, &mut failures)?.flatten());
    }
    plan.failures = failures.0;
    Ok(Outcome::Planned(Box::new(plan)))
}

/// Has the rest done later; the inner error is why not.
fn schedule_rest(
    request: &ReconcileRequest,
    after: Option<TargetGroupArn>,
    has_done: bool,
    reader: &mut Reader<'_>,
) -> Result<Result<(), String>, Halt> {
    if request.later.is_none() {
        return Ok(Err("without SCHEDULER_ROLE_ARN it cannot go on later".to_owned()));
    }
    if !has_done {
        return Ok(Err(OUT_OF_TIME.to_owned()));
    }
    let count = request.continuation.as_ref().map_or(0, |it| it.count) + 1;
    if count > MAX_CONTINUATIONS {
        return Ok(Err(format!("it has gone on {MAX_CONTINUATIONS} times")));
    }
    let continuation = Continuation { after, count };
    let schedule = schedules::reconcile(request, &continuation, reader.now())
        .ok_or_else(|| Failure::internal("a reconcile that is to go on has no date"))?;
    match reader.create_schedule(schedule)? {
        Ok(()) => Ok(Ok(())),
        // Made by an earlier try, or delivery.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Ok(())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn incomplete(unreached: &[TargetGroupArn], why: &str) -> Failure {
    let named: Vec<&str> = unreached.iter().take(MAX_NAMED).map(TargetGroupArn::as_str).collect();
    let more = match unreached.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("not reached: {}{more}; {why}", named.join(", "));
    Failure::new(Category::ReconcileIncomplete, message)
}
