//! A stop: the targets leave their groups first, the tasks stop once connections had time to end.
//!
//! Of each task: DeregisterTargets at once, then StopTask at once if there is nothing to wait for,
//! else a schedule of EventBridge Scheduler, which sends the second half: a stop of that task with
//! `drainSeconds` 0. Nothing waits.
//!
//! - The schedule comes first and the tag [`tags::STOP_AT`] second, before a target is taken out: a
//!   task that nobody would stop must not lose its targets, and a RUNNING event that is handled
//!   late must see that the task is to be out ([`super::register`]).
//! - Each schedule has the task's id in its name, so a stop that is delivered twice makes one.
//! - A target may be taken out for [`super::timing::ATTACH`] after its task was seen: later, the address may be
//!   another's, so DescribeTasks is asked again.
//! - A host port may be another task's though DescribeTasks shows its task alive, so who has it is looked for, once
//!   for each machine, right before it is taken out.
//! - Where DeregisterTargets fails, StopTask is made all the same: the events of the stop take the
//!   targets out.
//! - The second half of a drain may be lost, so whatever stop meets a task whose time to drain is over stops it
//!   now; and one that meets a task which still drains makes the task's own schedule once more, at the time in its
//!   tag: the first stop sets the time, and a tag is never moved later.
//! - A task that has no room for the tag is stopped without a drain, rather than never.
//!
//! Stopped already, stopping, or gone: success, that is what was asked for.

mod concerned;
mod leaving;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use self::concerned::{Concerned, is_overdue};
use self::leaving::{Leaving, deregister, leave_registered};
use super::deployment;
use super::failures::Failures;
use super::schedules::{self, MIN_SCHEDULE_AHEAD, Purpose};
use super::targets::candidates::OwnerScope;
use super::targets::of_stopping;
use crate::call::{CallError, ErrorKind, MAX_TASKS_PER_DESCRIBE};
use crate::config::Config;
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use crate::domain::started_by;
use crate::domain::tags::{self, Tag};
use crate::domain::target::{Attachment, GroupTarget};
use crate::domain::task::{Network, Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::input::problem::Problems;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome, PartOfStop, Skip};
use crate::request::stop::{Drain, Selector, StopRequest};

/// How much later than now a stop may have been sent: the clocks of EventBridge and of the function differ.
const MAX_TIME_AHEAD: Duration = Duration::from_secs(60);

/// With less time left than this, no further task is begun: those that were are brought to their end.
const MIN_BEGIN_TIME: Duration = Duration::from_secs(5);
/// With less time left than this, no further task is stopped.
const MIN_STOP_TIME: Duration = Duration::from_secs(1);

/// Stops the tasks that `request` concerns.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn stop(request: &StopRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    check_not_in_future(request, reader.now())?;
    let mut work = Work::new(request, config);
    match &request.selector {
        Selector::Task { arn, cluster } => {
            let snapshot_at = reader.now();
            match concerned::one(arn, cluster, request, config, reader)? {
                Ok(task) => work.stop(cluster, &[task], snapshot_at, reader)?,
                Err(reason) => return Ok(Outcome::skipped(reason)),
            }
        }
        Selector::Service { name, clusters } => {
            for cluster in clusters {
                work.stop_all(cluster, Some(name), reader)?;
            }
        }
        Selector::Cluster(cluster) => work.stop_all(cluster, None, reader)?,
    }
    work.continue_drains(reader)?;
    work.end()
}

/// A time that is far ahead would be taken as past when the event is tried again, and end what was started in
/// between.
fn check_not_in_future(request: &StopRequest, now: Timestamp) -> Result<(), Failure> {
    let mut problems = Problems::new();
    let rule = format!(
        "must be at most {} s later than the function's clock",
        MAX_TIME_AHEAD.as_secs()
    );
    for (field, time) in [
        ("event.time", request.sent_at),
        // It is no later than the event's time, where there is one.
        (
            "detail.requestedAt",
            request.requested_at.filter(|_| request.sent_at.is_none()),
        ),
    ] {
        if let Some(time) = time.filter(|time| *time > now.after(MAX_TIME_AHEAD)) {
            problems.invalid_text(field, &time.to_rfc3339().unwrap_or_default(), rule.as_str());
        }
    }
    problems.into_result(()).map_err(Failure::from)
}

/// Until when a task drains.
enum Until {
    /// It does not: it is stopped now.
    Now,
    /// A schedule stops it then.
    Later(Timestamp),
    /// That could not be told, or not be seen to; why not is noted.
    Unknown,
}

/// What has been done so far.
struct Work<'r, 'a> {
    request: &'r StopRequest,
    config: &'r Config,
    delays: HashMap<TargetGroupArn, Duration>,
    stopped: Vec<TaskArn>,
    draining: Vec<TaskArn>,
    /// Those that drain already and go on to, with the time when they were seen.
    kept: Vec<(Cluster, Timestamp, Vec<&'a Task>)>,
    /// The first task is begun with whatever time there is.
    has_begun: bool,
    /// How many were not seen to for want of time.
    unreached: usize,
    /// Of `stopped`, those that were to drain and had no room for the tag.
    undrained: Vec<TaskArn>,
    spared: usize,
    deregistered: Vec<(TaskArn, GroupTarget)>,
    failures: Failures,
}

impl<'r, 'a> Work<'r, 'a> {
    fn new(request: &'r StopRequest, config: &'r Config) -> Self {
        Self {
            request,
            config,
            delays: HashMap::new(),
            stopped: Vec::new(),
            draining: Vec::new(),
            kept: Vec::new(),
            has_begun: false,
            unreached: 0,
            undrained: Vec::new(),
            spared: 0,
            deregistered: Vec::new(),
            failures: Failures::default(),
        }
    }

    /// Stops the tasks of a cluster, or of a service in it, that the request concerns.
    fn stop_all(&mut self, cluster: &Cluster, service: Option<&str>, reader: &mut Reader<'a>) -> Result<(), Halt> {
        let snapshot_at = reader.now();
        let found = match concerned::all(cluster, service, self.request, self.config, reader, &mut self.failures)? {
            Ok(found) => found,
            // A cluster that is gone has no tasks. Of one that was named, somebody is to hear.
            Err(error) if error.kind == ErrorKind::ClusterNotFound && service.is_some() => return Ok(()),
            Err(error) => {
                self.failures.add(error);
                return Ok(());
            }
        };
        let Concerned {
            tasks,
            undescribed,
            spared,
        } = found;
        self.spared += spared;
        self.stop(cluster, &tasks, snapshot_at, reader)?;
        for task in undescribed {
            self.stop_undescribed(cluster, &task, reader)?;
        }
        Ok(())
    }

    /// Stops tasks of one cluster which were all seen, not stopping, at `seen_at` or later; those that drain
    /// already, and are to go on, are seen to when all others were.
    fn stop(
        &mut self,
        cluster: &Cluster,
        tasks: &[&'a Task],
        snapshot_at: Timestamp,
        reader: &mut Reader<'a>,
    ) -> Result<(), Halt> {
        let now = reader.now();
        let stops_at_once = self.request.drain == Drain::For(Duration::ZERO);
        let continues = |task: &&Task| task.is_draining() && !is_overdue(task, now) && !stops_at_once;
        let (kept, others): (Vec<&Task>, Vec<&Task>) = tasks.iter().partition(|task| continues(task));
        if !kept.is_empty() {
            self.kept.push((cluster.clone(), snapshot_at, kept));
        }
        for chunk in others.chunks(MAX_TASKS_PER_DESCRIBE) {
            let mut leaving: Vec<Leaving<'_>> = Vec::new();
            for (n, task) in chunk.iter().enumerate() {
                // What was begun is brought to its end: what is stopped later is to be out of its groups till then.
                if self.has_begun && (!reader.has_time(MIN_BEGIN_TIME) || self.unreached > 0) {
                    self.unreached += chunk.len() - n;
                    break;
                }
                self.has_begun = true;
                leaving.extend(self.begin(cluster, task, reader)?);
            }
            self.deregister(cluster, &leaving, snapshot_at, reader)?;
            for Leaving { task, until, .. } in leaving {
                if until.is_some() {
                    self.draining.push(task.arn.clone());
                    continue;
                }
                if !reader.has_time(MIN_STOP_TIME) {
                    self.unreached += 1;
                    continue;
                }
                let reason = match task.drains_until() {
                    // The deadline of its start, which it has kept: that is not why it ends.
                    Some(until) if self.request.unless_running && task.has_run() => drain_is_over(until),
                    Some(_) | None => self.request.reason.clone(),
                };
                match reader.stop_task(cluster, &task.arn, &reason)? {
                    Ok(()) => self.stopped.push(task.arn.clone()),
                    Err(error) => self.failures.add(error),
                }
            }
        }
        Ok(())
    }

    /// Sees to those that drain already: what is still in its group is taken out, and as far as there is time, the
    /// schedule that stops each is made once more, as it may be lost. Each had one before it had its tag.
    fn continue_drains(&mut self, reader: &mut Reader<'a>) -> Result<(), Halt> {
        let kept = std::mem::take(&mut self.kept);
        for (cluster, snapshot_at, tasks) in &kept {
            for chunk in tasks.chunks(MAX_TASKS_PER_DESCRIBE) {
                if self.has_begun && !reader.has_time(MIN_BEGIN_TIME) {
                    self.unreached += chunk.len();
                    continue;
                }
                self.has_begun = true;
                let mut leaving: Vec<Leaving<'_>> = Vec::new();
                for task in chunk {
                    let (targets, owner_scope) = self.leaving_targets(task, true, reader)?;
                    leaving.push(Leaving {
                        task,
                        targets,
                        owner_scope,
                        until: task.drains_until(),
                    });
                }
                leave_registered(&mut leaving, reader, &mut self.failures)?;
                self.deregister(cluster, &leaving, *snapshot_at, reader)?;
            }
        }
        for (cluster, _, tasks) in &kept {
            for task in tasks {
                let Some(until) = task.drains_until() else { continue };
                self.draining.push(task.arn.clone());
                if reader.has_time(MIN_BEGIN_TIME) {
                    self.schedule(cluster, task, until.max(reader.now().after(MIN_SCHEDULE_AHEAD)), reader)?;
                }
            }
        }
        Ok(())
    }

    /// A task that DescribeTasks does not show yet. StopTask may not know it either.
    fn stop_undescribed(&mut self, cluster: &Cluster, task: &TaskArn, reader: &mut Reader<'_>) -> Result<(), Halt> {
        match reader.stop_task(cluster, task, &self.request.reason)? {
            Ok(()) => self.stopped.push(task.clone()),
            Err(error) if error.kind == ErrorKind::InvalidParameter => {
                let message = format!("{task} was started a moment ago, and ECS does not know it yet: {error}");
                self.failures.add(Failure::new(Category::TaskNotVisible, message));
            }
            Err(error) => self.failures.add(error),
        }
        Ok(())
    }

    /// Sees to it that the task will be stopped; `None` if that failed.
    fn begin(
        &mut self,
        cluster: &Cluster,
        task: &'a Task,
        reader: &mut Reader<'a>,
    ) -> Result<Option<Leaving<'a>>, Halt> {
        let attachments = self.attachments(task);
        let until = match self.until(cluster, task, &attachments, reader)? {
            Until::Now => None,
            Until::Later(until) => Some(until),
            Until::Unknown => return Ok(None),
        };
        let (targets, owner_scope) = match task.is_draining() {
            // What was left of one that drains, the events of its stop take out.
            true => (Vec::new(), None),
            false => self.leaving_targets(task, until.is_some(), reader)?,
        };
        Ok(Some(Leaving {
            task,
            targets,
            owner_scope,
            until,
        }))
    }

    /// What its `startedBy` names; IAM has the others denied.
    fn attachments(&self, task: &Task) -> Vec<Attachment> {
        let text = task.started_by.as_deref().unwrap_or_default();
        let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
        deployment::allowed(&attachments, self.config)
    }

    /// The targets of a task that are to leave their groups now, and where another may have them.
    ///
    /// Those that nobody can name are left to the events of its stop, which look for them. If it is to drain, that is
    /// a failure, so that the retry tries again.
    fn leaving_targets(
        &mut self,
        task: &'a Task,
        drains: bool,
        reader: &mut Reader<'a>,
    ) -> Result<(Vec<GroupTarget>, Option<OwnerScope>), Halt> {
        // One that has not been RUNNING was never registered.
        if task.phase() == Phase::Starting {
            return Ok((Vec::new(), None));
        }
        let mut unnamed = Failures::default();
        let candidates = of_stopping(task, Some(task), &self.attachments(task), reader, &mut unnamed)?;
        if drains {
            self.failures.extend(unnamed);
        }
        let has_host_ports = matches!(task.network, Network::ContainerInstance { .. });
        Ok(candidates.map_or_else(
            |_| (Vec::new(), None),
            |it| (it.targets, has_host_ports.then_some(it.owner_scope)),
        ))
    }

    /// Sees to it that the task is stopped later, if it is to drain.
    fn until(
        &mut self,
        cluster: &Cluster,
        task: &Task,
        attachments: &[Attachment],
        reader: &mut Reader<'_>,
    ) -> Result<Until, Halt> {
        if task.is_draining() {
            return Ok(Until::Now);
        }
        let drain = match self.drain(task, attachments, reader)? {
            None => return Ok(Until::Unknown),
            Some(Duration::ZERO) => return Ok(Until::Now),
            Some(drain) => drain,
        };
        if !tags::has_room(&task.tags) {
            self.undrained.push(task.arn.clone());
            return Ok(Until::Now);
        }
        let until = reader.now().after(drain.max(MIN_SCHEDULE_AHEAD));
        if !self.schedule(cluster, task, until, reader)? {
            return Ok(Until::Unknown);
        }
        self.tag(task, until, reader)
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

    /// Has the task stopped at `until`; whether it will be.
    fn schedule(
        &mut self,
        cluster: &Cluster,
        task: &Task,
        until: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<bool, Halt> {
        let Some(later) = &self.request.later else {
            return Err(Failure::internal("a stop that is to wait has no way to").into());
        };
        let mut detail = json!({"drainSeconds": 0, "reason": self.request.reason});
        if let Some(correlation_id) = &self.request.correlation_id {
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
        .ok_or_else(|| Failure::internal("a stop that is to wait has no date"))?;
        match reader.create_schedule(schedule)? {
            Ok(()) => Ok(true),
            // Made by an earlier try, or an earlier stop: its time counts.
            Err(CallError {
                kind: ErrorKind::Conflict,
                ..
            }) => Ok(true),
            Err(error) => {
                self.failures.add(error);
                Ok(false)
            }
        }
    }

    /// Marks the task as one that drains.
    fn tag(&mut self, task: &Task, until: Timestamp, reader: &mut Reader<'_>) -> Result<Until, Halt> {
        let Some(time) = until.to_seconds() else {
            return Err(Failure::internal("a stop that is to wait has no date").into());
        };
        let tag = Tag {
            key: tags::STOP_AT.to_owned(),
            value: format!("{time}Z"),
        };
        match reader.tag_task(&task.arn, tag)? {
            Ok(()) => {}
            // It has stopped by itself meanwhile.
            Err(error) if error.kind == ErrorKind::ResourceNotFound => {}
            // ECS does not take the tag of this task: it has more tags by now than it was seen with, say.
            Err(error) if matches!(error.kind, ErrorKind::InvalidParameter | ErrorKind::ClientException) => {
                self.undrained.push(task.arn.clone());
                return Ok(Until::Now);
            }
            Err(error) => self.failures.add(error),
        }
        Ok(Until::Later(until))
    }

    fn deregister(
        &mut self,
        cluster: &Cluster,
        leaving: &[Leaving<'_>],
        snapshot_at: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let deregistered = deregister(cluster, leaving, snapshot_at, self.config, reader, &mut self.failures)?;
        self.deregistered.extend(deregistered);
        Ok(())
    }

    fn end(mut self) -> Result<Outcome, Halt> {
        if self.unreached > 0 {
            let message = format!("no time was left for {} of the tasks to stop", self.unreached);
            self.failures.add(Failure::new(Category::OutOfTime, message));
        }
        let tasks = [self.stopped.as_slice(), self.draining.as_slice()].concat();
        let part = PartOfStop {
            undrained: self.undrained.clone(),
            spared: self.spared,
        };
        let outcome = match (tasks.is_empty(), self.spared) {
            (true, 0) => Outcome::skipped(Skip::NoTasks),
            (true, spared) => Outcome::skipped(Skip::RequestedLater(spared)),
            (false, spared) => Outcome::Stopped {
                tasks: self.stopped,
                draining: self.draining,
                undrained: self.undrained,
                spared,
                targets: self.deregistered,
            },
        };
        self.failures
            .into_result(outcome)
            .map_err(|halt| halt.with_tasks(tasks).with_part_of_stop(part))
    }
}

/// Why a task is stopped whose time to drain is over.
pub(crate) fn drain_is_over(until: Timestamp) -> String {
    let until = until.to_rfc3339().unwrap_or_default();
    format!("start-engines: its time to drain was over at {until}")
}
