//! A stop: the targets leave their groups first, the tasks stop once connections had time to end.
//!
//! Of each task: DeregisterTargets at once, then StopTask at once if there is nothing to wait for,
//! else a schedule of EventBridge Scheduler, which sends the second half: a stop of that task with
//! `drainSeconds` 0. Nothing waits.
//!
//! - The schedule comes first and the tag [`tags::STOP_AT`] second, before a target is taken out: a
//!   task that nobody would stop must not lose its targets, and a RUNNING event that is handled
//!   late must see that the task is to be out ([`super::attach`]).
//! - Each schedule has the task's id in its name, so a stop that is delivered twice makes one.
//! - A target may be taken out for [`timing::ATTACH`] after its task was seen: later, the address may be
//!   another's, so DescribeTasks is asked again.
//! - Where DeregisterTargets fails, StopTask is made all the same: the events of the stop take the
//!   targets out.
//!
//! Stopped already, stopping, or gone: success, that is what was asked for.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::later::{self, Purpose, SOONEST};
use super::targets::{is_gone, of_stopping, still_registered};
use super::{Failures, Halt, survey, timing};
use crate::arn::{Cluster, TargetGroupArn, TaskArn};
use crate::call::{CallError, ErrorKind, MOST_TASKS_DESCRIBED};
use crate::journal::Reader;
use crate::outcome::{Failure, GroupTarget, Outcome, Skip};
use crate::started_by::{self, Unread};
use crate::stop::{Drain, Selector, StopRequest};
use crate::tags::{self, Tag};
use crate::target::Attachment;
use crate::task::{Phase, Task};
use crate::timestamp::Timestamp;

/// For so long DescribeTasks may not know a task yet, so that a stop that is sent right after a
/// start is not taken for one of a task that is gone.
const NEW: Duration = Duration::from_secs(10);
/// Stops the tasks that `request` selects.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn stop(request: &StopRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let mut work = Work::new(request);
    let seen_at = reader.now();
    match &request.selector {
        Selector::Task { arn, cluster } => match one(arn, cluster, request, reader)? {
            Ok(task) => work.stop(cluster, vec![task], seen_at, reader)?,
            Err(reason) => return Ok(Outcome::skipped(reason)),
        },
        Selector::Service { name, clusters } => {
            for cluster in clusters {
                let seen_at = reader.now();
                match survey::wanted_tasks(cluster, None, None, reader, |_| Ok(()))? {
                    Ok(tasks) => {
                        let of_service =
                            |task: &&Task| is_ours(task) && tags::decode(&task.tags).service.as_ref() == Some(name);
                        work.stop(cluster, tasks.into_iter().filter(of_service).collect(), seen_at, reader)?;
                    }
                    // A cluster that is gone has no tasks.
                    Err(error) if error.kind == ErrorKind::ClusterNotFound => {}
                    Err(error) => work.failures.add(error),
                }
            }
        }
        Selector::Cluster(cluster) => {
            let tasks = survey::wanted_tasks(cluster, None, None, reader, |_| Ok(()))??;
            work.stop(
                cluster,
                tasks.into_iter().filter(|task| is_ours(task)).collect(),
                seen_at,
                reader,
            )?;
        }
    }
    work.end()
}

/// The one task, or why there is nothing to stop.
fn one<'a>(
    arn: &TaskArn,
    cluster: &Cluster,
    request: &StopRequest,
    reader: &mut Reader<'a>,
) -> Result<Result<&'a Task, Skip>, Halt> {
    let tasks = match reader.describe_tasks(cluster, vec![arn.clone()])? {
        Ok(tasks) => tasks,
        Err(error) if error.kind == ErrorKind::ClusterNotFound => return Ok(Err(Skip::TaskGone)),
        Err(error) => return Err(error.into()),
    };
    match tasks.iter().find(|task| task.arn == *arn) {
        None if request.sent_at.is_some_and(|time| reader.now().since(time) < NEW) => {
            let message = format!("DescribeTasks does not know {arn}: either it is gone, or it is too new");
            Err(Failure::transient("task_not_visible", message).into())
        }
        None => Ok(Err(Skip::TaskGone)),
        Some(task) if !is_ours(task) => {
            let message = format!("{arn} was not started by start-engines, which stops only its own tasks");
            Err(Failure::permanent("foreign_task", message).into())
        }
        Some(task) if !task.is_wanted() => Ok(Err(Skip::StoppedAlready)),
        Some(task) if request.unless_running && task.has_run() => Ok(Err(Skip::RunningInTime)),
        Some(task) => Ok(Ok(task)),
    }
}

fn is_ours(task: &Task) -> bool {
    let text = task.started_by.as_deref().unwrap_or_default();
    started_by::decode(text, &task.arn.scope()) != Err(Unread::Foreign)
}

/// One task on its way out.
struct Leaving<'a> {
    task: &'a Task,
    targets: Vec<GroupTarget>,
    /// Until when it drains; `None` stops it now.
    until: Option<Timestamp>,
}

/// What has been done so far.
struct Work<'r> {
    request: &'r StopRequest,
    delays: HashMap<TargetGroupArn, Duration>,
    stopped: Vec<TaskArn>,
    draining: Vec<TaskArn>,
    deregistered: Vec<(TaskArn, GroupTarget)>,
    failures: Failures,
}

impl<'r> Work<'r> {
    fn new(request: &'r StopRequest) -> Self {
        Self {
            request,
            delays: HashMap::new(),
            stopped: Vec::new(),
            draining: Vec::new(),
            deregistered: Vec::new(),
            failures: Failures::default(),
        }
    }

    /// Stops tasks of one cluster which were all seen, not stopping, at `seen_at` or later.
    fn stop<'a>(
        &mut self,
        cluster: &Cluster,
        tasks: Vec<&'a Task>,
        seen_at: Timestamp,
        reader: &mut Reader<'a>,
    ) -> Result<(), Halt> {
        for chunk in tasks.chunks(MOST_TASKS_DESCRIBED) {
            let mut leaving = Vec::new();
            for task in chunk {
                leaving.extend(self.begin(cluster, task, reader)?);
            }
            self.deregister(cluster, &leaving, seen_at, reader)?;
            for Leaving { task, until, .. } in leaving {
                if until.is_some() {
                    self.draining.push(task.arn.clone());
                    continue;
                }
                match reader.stop_task(cluster, &task.arn, &self.request.reason)? {
                    Ok(()) => self.stopped.push(task.arn.clone()),
                    Err(error) => self.failures.add(error),
                }
            }
        }
        Ok(())
    }

    /// Sees to it that the task will be stopped; `None` if that failed.
    fn begin<'a>(
        &mut self,
        cluster: &Cluster,
        task: &'a Task,
        reader: &mut Reader<'a>,
    ) -> Result<Option<Leaving<'a>>, Halt> {
        let text = task.started_by.as_deref().unwrap_or_default();
        let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
        let until = match self.drain(task, &attachments, reader)? {
            None => return Ok(None),
            Some(Duration::ZERO) => None,
            Some(drain) => {
                let until = reader.now().after(drain.max(SOONEST));
                if !task.is_draining() && !self.schedule(cluster, task, until, reader)? {
                    return Ok(None);
                }
                Some(until)
            }
        };
        let targets = match (task.phase(), task.is_draining()) {
            // One that has not been RUNNING was never registered. What was left of one that drains,
            // the events of its stop take out.
            (Phase::Starting, _) => Vec::new(),
            (_, true) if until.is_none() => Vec::new(),
            (_, is_draining) => {
                let targets = of_stopping(task, Some(task), &attachments, reader, &mut self.failures)?;
                // What nobody can name now, the events of its stop look for.
                let targets = targets.map(|candidates| candidates.targets).unwrap_or_default();
                if is_draining {
                    still_registered(&targets, reader, &mut self.failures)?
                } else {
                    targets
                }
            }
        };
        Ok(Some(Leaving { task, targets, until }))
    }

    /// How long the task's connections may take; `None` if that cannot be told.
    fn drain(
        &mut self,
        task: &Task,
        attachments: &[Attachment],
        reader: &mut Reader<'_>,
    ) -> Result<Option<Duration>, Halt> {
        if attachments.is_empty() || task.phase() == Phase::Starting {
            return Ok(Some(Duration::ZERO));
        }
        if let Drain::For(drain) = self.request.drain {
            return Ok(Some(drain));
        }
        let mut longest = Duration::ZERO;
        for Attachment { group, .. } in attachments {
            let delay = match self.delays.get(group) {
                Some(delay) => *delay,
                None => match reader.describe_deregistration_delay(group)? {
                    Ok(delay) => delay,
                    Err(error) if error.kind == ErrorKind::TargetGroupNotFound => Duration::ZERO,
                    Err(error) => {
                        self.failures.add(error);
                        return Ok(None);
                    }
                },
            };
            self.delays.insert(group.clone(), delay);
            longest = longest.max(delay);
        }
        Ok(Some(longest))
    }

    /// Has the task stopped at `until`, and marks it; whether it will be.
    fn schedule(
        &mut self,
        cluster: &Cluster,
        task: &Task,
        until: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<bool, Halt> {
        let (Some(later), Some(time)) = (&self.request.later, until.to_seconds()) else {
            return Err(Failure::internal("a stop that is to wait has no way to").into());
        };
        let mut detail = json!({"drainSeconds": 0, "reason": self.request.reason});
        if let Some(mark) = &self.request.correlation_id {
            detail["correlationId"] = json!(mark);
        }
        let schedule = later::stop(
            later,
            Purpose::Drained,
            (&task.arn, cluster),
            detail,
            reader.now(),
            until,
        )
        .ok_or_else(|| Failure::internal("a stop that is to wait has no date"))?;
        match reader.create_schedule(schedule)? {
            Ok(()) => {}
            // Made by an earlier try, or an earlier stop: its time counts.
            Err(CallError {
                kind: ErrorKind::Conflict { .. },
                ..
            }) => {}
            Err(error) => {
                self.failures.add(error);
                return Ok(false);
            }
        }
        let tag = Tag {
            key: tags::STOP_AT.to_owned(),
            value: format!("{time}Z"),
        };
        match reader.tag_task(&task.arn, tag)? {
            Ok(()) => {}
            // It has stopped by itself meanwhile.
            Err(error) if error.kind == ErrorKind::ResourceNotFound => {}
            Err(error) => self.failures.add(error),
        }
        Ok(true)
    }

    /// Takes the targets out of their groups, all tasks' of one group at once.
    fn deregister(
        &mut self,
        cluster: &Cluster,
        leaving: &[Leaving<'_>],
        mut seen_at: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let mut staying: Vec<TaskArn> = leaving.iter().map(|leaving| leaving.task.arn.clone()).collect();
        for group in groups(leaving) {
            let mut within = timing::left(Some(seen_at.after(timing::ATTACH)), reader.now());
            if within.is_none() {
                seen_at = reader.now();
                match reader.describe_tasks(cluster, staying.clone())? {
                    Ok(tasks) => {
                        let is_wanted = |arn: &TaskArn| tasks.iter().any(|task| task.arn == *arn && task.is_wanted());
                        // The events of their stops take their targets out.
                        staying.retain(is_wanted);
                        within = timing::left(Some(seen_at.after(timing::ATTACH)), reader.now());
                    }
                    Err(error) => self.failures.add(error),
                }
            }
            let targets: Vec<(TaskArn, GroupTarget)> = leaving
                .iter()
                .filter(|leaving| staying.contains(&leaving.task.arn))
                .flat_map(|Leaving { task, targets, .. }| {
                    let of_group = targets.iter().filter(|target| target.group == group);
                    of_group.map(|target| (task.arn.clone(), target.clone()))
                })
                .collect();
            if targets.is_empty() {
                continue;
            }
            let Some(within) = within else {
                let message = format!("DescribeTasks took too long to take targets out of {group} for certain");
                self.failures.add(Failure::transient("out_of_time", message));
                continue;
            };
            let of_group = targets.iter().map(|(_, target)| target.target.clone()).collect();
            match reader.deregister_targets(&group, of_group, within)? {
                Ok(()) => self.deregistered.extend(targets),
                Err(error) if is_gone(error) => {}
                Err(error) => self.failures.add(error),
            }
        }
        Ok(())
    }

    fn end(self) -> Result<Outcome, Halt> {
        let tasks = [self.stopped.as_slice(), self.draining.as_slice()].concat();
        let outcome = if tasks.is_empty() {
            Outcome::skipped(Skip::NoTasks)
        } else {
            Outcome::Stopped {
                tasks: self.stopped,
                draining: self.draining,
                targets: self.deregistered,
            }
        };
        self.failures
            .into_result(outcome)
            .map_err(|halt| halt.with_tasks(tasks))
    }
}

/// The groups of the targets, each once.
fn groups(leaving: &[Leaving<'_>]) -> Vec<TargetGroupArn> {
    let mut groups = Vec::new();
    for target in leaving.iter().flat_map(|leaving| &leaving.targets) {
        if !groups.contains(&target.group) {
            groups.push(target.group.clone());
        }
    }
    groups
}
