//! The stop of one task: its schedule, its tag, its targets, StopTask.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::concerned::{self, is_overdue};
use super::done::{Done, out_of_time};
use super::drain::{self, Delays, Targets};
use super::drain_is_over;
use super::targets_out::{Leaving, take_out};
use crate::call::ErrorKind;
use crate::config::Config;
use crate::decide::schedules::{self, MIN_SCHEDULE_AHEAD, Purpose};
use crate::decide::targets::membership::still_registered;
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::tags;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Failure, Outcome};
use crate::request::stop::{Drain, StopRequest};

/// The minimum time left in which the task is stopped.
const MIN_STOP_TIME: Duration = Duration::from_secs(1);

/// When the drain of the task ends.
enum Until {
    /// It does not drain: it is stopped now.
    Now,
    /// At this time, when a schedule stops it.
    Later(Timestamp),
    /// The time is not known, or the schedule could not be created; the failure was added.
    Unknown,
}

/// Stops the task, or has it drain.
pub(super) fn stop(
    arn: &TaskArn,
    cluster: &Cluster,
    request: &StopRequest,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let snapshot_at = reader.now();
    let task = match concerned::one(arn, cluster, request, config, reader)? {
        Ok(task) => task,
        Err(reason) => return Ok(Outcome::skipped(reason)),
    };
    let mut done = Done::default();
    let attachments = drain::attachments(&task, config);
    let stops_at_once = request.drain == Drain::For(Duration::ZERO);
    let is_kept = task.is_draining() && !is_overdue(&task, reader.now()) && !stops_at_once;
    let until = match task.drains_until() {
        Some(until) if is_kept => Until::Later(until),
        Some(_) => Until::Now,
        None => {
            let delays = Delays::of(std::iter::once((&*task, attachments.as_slice())), request.drain, reader)?;
            let drain = delays.drain_of(&task, &attachments, request.drain);
            done.failures.extend(delays.failures);
            begin(&task, cluster, drain, request, reader, &mut done)?
        }
    };
    let (drains, until) = match until {
        Until::Unknown => return done.end(),
        Until::Now => (false, None),
        Until::Later(until) => (true, Some(until)),
    };
    let mut found = match task.is_draining() && !is_kept {
        // Its targets were deregistered when its drain began; the events of its stop deregister the rest.
        true => Targets::default(),
        false => drain::targets(&task, &attachments, reader)?,
    };
    if drains {
        done.failures.extend(found.unnamed);
    }
    if is_kept {
        let still = still_registered(&found.targets, reader, &mut done.failures)?;
        found
            .targets
            .retain(|target| still.iter().any(|(registered, _)| registered == target));
    }
    let leaving = Leaving {
        task: Arc::clone(&task),
        cluster: cluster.clone(),
        snapshot_at,
        targets: found.targets,
        owner_scope: found.owner_scope,
        drains,
    };
    done.note_out(&*take_out(&[&leaving], false, 1, config, reader)?);
    match until {
        Some(until) => {
            done.draining.push(task.arn.clone());
            // Its schedule may be lost. It had one before it had its tag.
            if is_kept {
                let at = until.max(reader.now().after(MIN_SCHEDULE_AHEAD));
                schedule(&task, cluster, request, at, reader, &mut done)?;
            }
        }
        None if !reader.has_time(MIN_STOP_TIME) => done.failures.add(out_of_time(1)),
        None => stop_now(&task, cluster, request, reader, &mut done)?,
    }
    done.end()
}

/// Creates the schedule and the tag of the task, if it is to drain.
fn begin(
    task: &Task,
    cluster: &Cluster,
    drain: Option<Duration>,
    request: &StopRequest,
    reader: &mut Reader<'_>,
    done: &mut Done,
) -> Result<Until, Halt> {
    let drain = match drain {
        None => return Ok(Until::Unknown),
        Some(Duration::ZERO) => return Ok(Until::Now),
        Some(drain) => drain,
    };
    if !tags::has_room(&task.tags) {
        done.undrained.push(task.arn.clone());
        return Ok(Until::Now);
    }
    let until = drain::end_of(drain, reader.now());
    if !schedule(task, cluster, request, until, reader, done)? {
        return Ok(Until::Unknown);
    }
    for answer in reader.tag_tasks([(task.arn.clone(), drain::tag(until)?)])? {
        match answer {
            Ok(()) => {}
            // It has stopped in the meantime.
            Err(error) if error.kind == ErrorKind::ResourceNotFound => {}
            Err(error) if drain::is_refused(&error.kind) => {
                done.undrained.push(task.arn.clone());
                return Ok(Until::Now);
            }
            Err(error) => done.failures.add(error),
        }
    }
    Ok(Until::Later(until))
}

/// Creates the schedule that stops the task at `until`; whether there is one.
fn schedule(
    task: &Task,
    cluster: &Cluster,
    request: &StopRequest,
    until: Timestamp,
    reader: &mut Reader<'_>,
    done: &mut Done,
) -> Result<bool, Halt> {
    let Some(later) = &request.later else {
        return Err(Failure::internal("a drain needs Scheduler, which is not configured").into());
    };
    let mut detail = json!({"drainSeconds": 0, "reason": request.reason});
    if let Some(correlation_id) = &request.correlation_id {
        detail["correlationId"] = json!(correlation_id);
    }
    let schedule = schedules::stop(
        later,
        Purpose::Drained,
        (&task.arn, cluster),
        detail,
        reader.now(),
        until,
    )
    .ok_or_else(|| Failure::internal("the end of a drain is not a valid date"))?;
    match reader.create_schedule(schedule)? {
        Ok(()) => Ok(true),
        // Created by an earlier attempt, or an earlier stop: its time counts.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(true),
        Err(error) => {
            done.failures.add(error);
            Ok(false)
        }
    }
}

fn stop_now(
    task: &Task,
    cluster: &Cluster,
    request: &StopRequest,
    reader: &mut Reader<'_>,
    done: &mut Done,
) -> Result<(), Halt> {
    let reason = match task.drains_until() {
        // This is the start timeout of a task that was RUNNING in time: it ends because its drain is over.
        Some(until) if request.unless_running && task.has_run() => drain_is_over(until),
        Some(_) | None => request.reason.clone(),
    };
    for answer in reader.stop_tasks(cluster, [(task.arn.clone(), reason)])? {
        match answer {
            Ok(()) => done.stopped.push(task.arn.clone()),
            Err(error) => done.failures.add(error),
        }
    }
    Ok(())
}
