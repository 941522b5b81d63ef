//! Whether what was registered also serves: one check, at one time.
//!
//! After RegisterTargets a one-time schedule is made for `healthTimeoutSeconds` later, and at that time ELB is asked once
//! ([`check`]). Nothing polls. A target that ELB still checks then is neither healthy nor unhealthy, and is looked at once
//! more, once. The tasks that a batch registers share a schedule for each minute
//! ([`crate::call::Call::ShareSchedule`]), and so one invocation.
//!
//! A check changes no target: the promises do not depend on it. It may come late, twice, or never.

mod check;
mod verdict;

use std::time::Duration;

pub use self::check::check;
pub(crate) use self::verdict::worst;

use super::schedules::{self, MIN_SCHEDULE_AHEAD};
use crate::call::ErrorKind;
use crate::config::Config;
use crate::domain::tags;
use crate::domain::target::GroupTarget;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Failure, NextCheck, NotScheduled};
use crate::request::check::RegisteredTask;
use crate::request::later::Later;
use crate::request::task_change::TaskChange;

/// The minimum of the default of `healthTimeoutSeconds`. A Network Load Balancer may take minutes to begin with its checks
/// ([target health status](https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html)).
const MIN_DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// What the default has in addition to the time that ELB takes: Scheduler is precise to the minute
/// ([schedule types](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)).
const MARGIN: Duration = Duration::from_secs(60);

/// When the targets of this task are checked, counted from their registration; zero for never.
fn timeout(snapshot: &Task, time_to_healthy: Duration, config: &Config) -> Duration {
    let given = tags::health_timeout_seconds(&snapshot.tags).map(|seconds| Duration::from_secs(seconds.into()));
    let default = || time_to_healthy.saturating_add(MARGIN).max(MIN_DEFAULT_TIMEOUT);
    given.or(config.health_timeout).unwrap_or_else(default)
}

/// A check that comes later than this after its time stops no task, and makes no second one: what it sees is not about the
/// start any more. For the same reason nothing is checked that is registered so late.
const MAX_LATE: Duration = Duration::from_secs(600);
/// ECS sends the event of RUNNING within this time.
const FIRST_EVENT: Duration = Duration::from_secs(60);

/// Whether the event is of the task's start, rather than of a later change, as of one container that stops, or redriven
/// much later: those register the targets again, and need no check. If nothing tells, it is.
fn is_of_start(change: &TaskChange, snapshot: &Task, timeout: Duration, now: Timestamp) -> bool {
    let Some(started_at) = snapshot.started_at.or(change.task.started_at) else {
        return true;
    };
    let changed_at = change.updated_at.or(change.happened_at).unwrap_or(started_at);
    changed_at.since(started_at) < timeout.max(FIRST_EVENT)
        && now.since(started_at) < timeout.max(FIRST_EVENT) + MAX_LATE
}

/// Schedules the check of the targets that were registered for the event of a RUNNING task. If that is not possible, the
/// registration stands.
///
/// # Errors
/// With the next call.
pub(super) fn schedule(
    change: &TaskChange,
    snapshot: &Task,
    targets: &[GroupTarget],
    time_to_healthy: Duration,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<NextCheck, Halt> {
    let timeout = timeout(snapshot, time_to_healthy, config);
    let Some(later) = &change.later else {
        return Ok(NextCheck::None);
    };
    let now = reader.now();
    if timeout.is_zero() || targets.is_empty() || !is_of_start(change, snapshot, timeout, now) {
        return Ok(NextCheck::None);
    }
    let task = RegisteredTask {
        arn: change.task.arn.clone(),
        cluster: change.task.cluster.clone(),
        targets: targets.to_vec(),
        registered_at: now,
    };
    let at = full_minute_after(now, timeout);
    match schedule_one(later, &[task], false, at, reader)? {
        Ok(Made::Now) => Ok(NextCheck::At(at)),
        Ok(Made::Before) => Ok(NextCheck::None),
        Err(Failure { category, message, .. }) => {
            Ok(NextCheck::NotScheduled(Box::new(NotScheduled { category, message })))
        }
    }
}

/// A full minute, so that what a batch registers is checked together.
fn full_minute_after(now: Timestamp, time: Duration) -> Timestamp {
    now.after(time.max(MIN_SCHEDULE_AHEAD)).up_to_minute()
}

/// When a schedule was made.
enum Made {
    Now,
    /// By an earlier attempt or delivery, or for an earlier event of the task: for another time, perhaps.
    Before,
}

/// Makes the schedule; the inner error is why that was not possible.
fn schedule_one(
    later: &Later,
    tasks: &[RegisteredTask],
    is_second: bool,
    at: Timestamp,
    reader: &mut Reader<'_>,
) -> Result<Result<Made, Failure>, Halt> {
    let Some(schedule) = schedules::check(later, tasks, is_second, reader.now(), at) else {
        return Ok(Err(Failure::internal("the time of a check is not a valid date")));
    };
    Ok(match reader.share_schedule(schedule)? {
        Ok(()) => Ok(Made::Now),
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Made::Before),
        Err(error) => Err(error.into()),
    })
}
