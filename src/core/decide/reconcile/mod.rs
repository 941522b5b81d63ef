//! A reconcile: compares the tasks of a cluster with the targets in their target groups, and repairs the drift, once.
//!
//! It does what an event that was lost for good should have done. All tasks are listed and described first; then each
//! target group, in the order of the ARNs, is read (`plan_group`) and repaired (`repair`):
//!
//! - a target of a RUNNING task that is not registered is registered, as [`super::register`] does: with a snapshot before
//!   and one after, and deregistered again if the task is stopping by then;
//! - a target that a stopping or stopped task has left is deregistered, as [`super::deregister`] does with late stops:
//!   only while the proof holds that no live task of start-engines owns the address;
//! - a target of no known task is reported, and left alone. The targets of a task that drains are left alone too;
//! - a task whose drain was over [`super::timing::DRAIN_GRACE`] ago is stopped, before anything else: the schedule that
//!   should have stopped it is lost. Its events deregister whatever of it is registered;
//! - another deployment's task ([`super::deployment`]) is left alone, and its targets count as owned.
//!
//! A failure in one target group does not stop the others, and what was done is reported in any case. When time runs out,
//! a scheduled event continues with the rest, at most [`MAX_CONTINUATIONS`] times; what is done stays done.
//!
//! # The order of the reads
//! Tasks start and stop while they are read, so no two answers are of one moment. That is harmless, since each change
//! relies only on what was read right before it:
//!
//! - *Tasks first, then the target group.* Whatever was registered for a listed task is in the target group, which is read
//!   later. So a target that appears to be missing was missing when the target group was read, or was deregistered since:
//!   then its task is stopping, or drains, and the snapshot before RegisterTargets shows it.
//! - *Live tasks before stopped ones.* A task that stops in between is in the second list, and the newer version counts;
//!   so none is missed by both lists. In the reverse order it would be in neither, and its target unknown.
//! - *RegisterTargets between two snapshots.* A task that stops after the first one is found by the second, or the handler
//!   of its last event, which is made later, finds what was registered ([`super::safety`]).
//! - *DeregisterTargets right after EC2 has shown who has the addresses.* A target that was registered after the list, for a
//!   task that is not in it, is planned to be deregistered only if it has the address of a stopped task. It is not
//!   deregistered, since EC2 shows an interface that is neither the stopped task's nor known.
//! - *For host ports, DeregisterTargets within [`super::timing::ATTACH`] of a list of all live tasks,* or the list is read
//!   again.
//! - *A target that appears to be unknown* may belong to a task that was started after the list: so the list is read once
//!   more at the end, before the target is reported. Nothing is done to it in any case.

mod budget;
mod claims;
pub mod compare;
mod fleet;
mod plan_group;
mod repair;

use std::sync::Arc;

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

/// The maximum number of target groups in a message.
const MAX_NAMED: usize = 10;

/// Compares the tasks of a cluster with their target groups, and repairs the drift; with `dryRun` only the former.
///
/// # Errors
/// With the next call, or with all failures.
pub fn reconcile(request: &ReconcileRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let surveyed = fleet::survey(request, config, reader)?;
    let (fleet, proof) = &*surveyed;
    let mut failures = Failures::default();
    let mut groups = fleet.groups(request, config, &mut failures);
    let after = request.continuation.as_ref().and_then(|it| it.after.as_ref());
    if let Some(after) = after {
        groups.retain(|group| group > after);
    }
    if request.dry_run {
        return plan(request, fleet, groups, failures, reader);
    }
    let mut work = Work::new(request, config, fleet, Arc::clone(proof), failures);
    let all_stopped = work.stop_overdue(&fleet.overdue(request, reader.now()), reader)?;
    let mut done = 0;
    for group in groups.iter().take_while(|_| all_stopped) {
        if !reader.has_time(MIN_STEP_TIME) || !work.group(group, reader)? {
            break;
        }
        done += 1;
    }
    work.add_up();
    let (finished, unreached) = groups.split_at(done);
    let mut continued = Vec::new();
    if !unreached.is_empty() {
        let after = finished.last().or(after).cloned();
        let scheduled = schedule_rest(request, after, work.has_done(), reader);
        match caught(scheduled, &mut work.failures)? {
            Some(Ok(())) => continued = unreached.to_vec(),
            Some(Err(why)) => work.failures.add(incomplete(unreached, &why)),
            None => work.failures.add(incomplete(unreached, "it could not continue later")),
        }
    }
    if !all_stopped && unreached.is_empty() {
        let message = "no time was left to stop all tasks whose drain is over";
        work.failures.add(Failure::new(Category::ReconcileIncomplete, message));
    }
    work.recheck_unknown(reader)?;
    work.end(continued)
}

fn plan(
    request: &ReconcileRequest,
    fleet: &Fleet,
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

/// Schedules the event that continues after the target group `after`; the inner error is why that is not possible.
fn schedule_rest(
    request: &ReconcileRequest,
    after: Option<TargetGroupArn>,
    has_done: bool,
    reader: &mut Reader<'_>,
) -> Result<Result<(), String>, Halt> {
    if request.later.is_none() {
        return Ok(Err("without SCHEDULER_ROLE_ARN it cannot continue later".to_owned()));
    }
    if !has_done {
        return Ok(Err(OUT_OF_TIME.to_owned()));
    }
    let count = request.continuation.as_ref().map_or(0, |it| it.count) + 1;
    if count > MAX_CONTINUATIONS {
        return Ok(Err(format!("it has continued {MAX_CONTINUATIONS} times")));
    }
    let continuation = Continuation { after, count };
    let schedule = schedules::reconcile(request, &continuation, reader.now())
        .ok_or_else(|| Failure::internal("the time of a reconcile's continuation is not a valid date"))?;
    match reader.create_schedule(schedule)? {
        Ok(()) => Ok(Ok(())),
        // Created by an earlier attempt or delivery.
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
