//! A stop: deregisters the targets first, and stops the tasks once their connections had time to end.
//!
//! For each task: DeregisterTargets at once, then StopTask at once if it does not drain, else a schedule of EventBridge
//! Scheduler, which sends the second half: a stop of that task with `drainSeconds` 0. Nothing waits.
//!
//! - The schedule is created first and the tag [`tags::STOP_AT`] second, before a target is deregistered: a task that
//!   nobody would stop must not lose its targets, and a late RUNNING event must find that the task drains
//!   ([`super::register`]).
//! - Each schedule has the task's id in its name, so a stop that is delivered twice creates one.
//! - A target may be deregistered for [`super::timing::ATTACH`] after the snapshot of its task: later, the address may be
//!   another task's, so DescribeTasks is called again.
//! - A host port may be another task's even if DescribeTasks returns its task as live. So its owner is searched for, once
//!   for each container instance, right before it is deregistered.
//! - StopTask is called even where DeregisterTargets fails: the events of the stop deregister the targets.
//! - The second half of a drain may be lost, so any stop that meets a task whose drain is over stops it now; and one that
//!   meets a task which still drains creates the task's schedule once more, at the time in its tag: the first stop sets
//!   the time, and a tag is never moved later.
//! - A task that has no room for the tag is stopped without a drain, rather than never.
//!
//! A task that is stopping, stopped or gone is success: that is what was requested.

mod concerned;
mod leaving;

use std::collections::HashMap;
use std::sync::Arc;
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
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome, PartOfStop, Skip};
use crate::request::stop::{Drain, Selector, StopRequest};

/// The minimum time left in which a further task is begun. Tasks that were begun are completed.
const MIN_BEGIN_TIME: Duration = Duration::from_secs(5);
/// The minimum time left in which a further task is stopped.
const MIN_STOP_TIME: Duration = Duration::from_secs(1);

/// Stops the tasks that `request` concerns.
///
/// # Errors
/// With the next call, or with all failures.
pub fn stop(request: &StopRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    concerned::check_not_in_future(request, reader.now())?;
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

/// When the drain of a task ends.
enum Until {
    /// It does not drain: it is stopped now.
    Now,
    /// At this time, when a schedule stops it.
    Later(Timestamp),
    /// The time is not known, or the schedule could not be created; the failure was added.
    Unknown,
}

/// What a stop has done so far.
struct Work<'r> {
    request: &'r StopRequest,
    config: &'r Config,
    delays: HashMap<TargetGroupArn, Duration>,
    stopped: Vec<TaskArn>,
    draining: Vec<TaskArn>,
    /// Tasks whose drain has begun and continues, by cluster, with the time of their snapshots.
    kept: Vec<(Cluster, Timestamp, Vec<Arc<Task>>)>,
    /// Whether a task was begun: the first one is, however little time is left.
    has_begun: bool,
    /// The number of tasks for which no time was left.
    unreached: usize,
    /// Those of `stopped` that were to drain, and had no room for the tag.
    undrained: Vec<TaskArn>,
    spared: usize,
    deregistered: Vec<(TaskArn, GroupTarget)>,
    failures: Failures,
}

impl<'r> Work<'r> {
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
    fn stop_all(&mut self, cluster: &Cluster, service: Option<&str>, reader: &mut Reader<'_>) -> Result<(), Halt> {
        let snapshot_at = reader.now();
        let found = match concerned::all(cluster, service, self.request, self.config, reader, &mut self.failures)? {
            Ok(found) => found,
            // A cluster that is gone has no tasks. For a stop of a whole cluster, it is an error.
            Err(error) if error.kind == ErrorKind::ClusterNotFound && service.is_some() => return Ok(()),
            Err(error) => {
                self.failures.add(&error);
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

    /// Stops live tasks of one cluster, whose snapshots were taken at `snapshot_at` or later. Those that drain already,
    /// and continue to, are left for [`Self::continue_drains`].
    fn stop(
        &mut self,
        cluster: &Cluster,
        tasks: &[Arc<Task>],
        snapshot_at: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let now = reader.now();
        let stops_at_once = self.request.drain == Drain::For(Duration::ZERO);
        let continues = |task: &Arc<Task>| task.is_draining() && !is_overdue(task, now) && !stops_at_once;
        let (kept, others): (Vec<Arc<Task>>, Vec<Arc<Task>>) = tasks.iter().cloned().partition(continues);
        if !kept.is_empty() {
            self.kept.push((cluster.clone(), snapshot_at, kept));
        }
        for chunk in others.chunks(MAX_TASKS_PER_DESCRIBE) {
            let mut leaving: Vec<Leaving> = Vec::new();
            for (n, task) in chunk.iter().enumerate() {
                // Tasks that were begun are completed: those that drain must be deregistered.
                if self.has_begun && (!reader.has_time(MIN_BEGIN_TIME) || self.unreached > 0) {
                    self.unreached += chunk.len() - n;
                    break;
                }
                self.has_begun = true;
                leaving.extend(self.begin(cluster, task, reader)?);
            }
            self.deregister(cluster, &leaving, snapshot_at, reader)?;
            let mut now = Vec::new();
            for Leaving { task, until, .. } in leaving {
                if until.is_some() {
                    self.draining.push(task.arn.clone());
                    continue;
                }
                let reason = match task.drains_until() {
                    // This is the start timeout of a task that was RUNNING in time: it ends because its drain is over.
                    Some(until) if self.request.unless_running && task.has_run() => drain_is_over(until),
                    Some(_) | None => self.request.reason.clone(),
                };
                now.push((task.arn.clone(), reason));
            }
            if !now.is_empty() && !reader.has_time(MIN_STOP_TIME) {
                self.unreached += now.len();
                continue;
            }
            let answers = reader.stop_tasks(cluster, now.iter().cloned())?;
            for ((task, _), answer) in now.into_iter().zip(answers) {
                match answer {
                    Ok(()) => self.stopped.push(task),
                    Err(error) => self.failures.add(error),
                }
            }
        }
        Ok(())
    }

    /// Deregisters what is still registered of the tasks that drain already, and creates the schedule of each once more,
    /// as far as there is time: it may be lost. Each had a schedule before it had its tag.
    fn continue_drains(&mut self, reader: &mut Reader<'_>) -> Result<(), Halt> {
        let kept = std::mem::take(&mut self.kept);
        for (cluster, snapshot_at, tasks) in &kept {
            for chunk in tasks.chunks(MAX_TASKS_PER_DESCRIBE) {
                if self.has_begun && !reader.has_time(MIN_BEGIN_TIME) {
                    self.unreached += chunk.len();
                    continue;
                }
                self.has_begun = true;
                let mut leaving: Vec<Leaving> = Vec::new();
                for task in chunk {
                    let (targets, owner_scope) = self.leaving_targets(task, true, reader)?;
                    leaving.push(Leaving {
                        task: Arc::clone(task),
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

    /// Stops a task that DescribeTasks does not return yet. StopTask may not find it either.
    fn stop_undescribed(&mut self, cluster: &Cluster, task: &TaskArn, reader: &mut Reader<'_>) -> Result<(), Halt> {
        let asked = [(task.clone(), self.request.reason.clone())];
        for answer in reader.stop_tasks(cluster, asked)? {
            match answer {
                Ok(()) => self.stopped.push(task.clone()),
                Err(error) if error.kind == ErrorKind::InvalidParameter => {
                    let message = format!("{task} was started a moment ago, and ECS does not know it yet: {error}");
                    self.failures.add(Failure::new(Category::TaskNotVisible, message));
                }
                Err(error) => self.failures.add(error),
            }
        }
        Ok(())
    }

    /// Prepares the stop: if the task is to drain, creates its schedule and its tag. `None` if that failed.
    fn begin(&mut self, cluster: &Cluster, task: &Arc<Task>, reader: &mut Reader<'_>) -> Result<Option<Leaving>, Halt> {
        let attachments = self.attachments(task);
        let until = match self.until(cluster, task, &attachments, reader)? {
            Until::Now => None,
            Until::Later(until) => Some(until),
            Until::Unknown => return Ok(None),
        };
        let (targets, owner_scope) = match task.is_draining() {
            // Its targets were deregistered when its drain began; the events of its stop deregister the rest.
            true => (Vec::new(), None),
            false => self.leaving_targets(task, until.is_some(), reader)?,
        };
        Ok(Some(Leaving {
            task: Arc::clone(task),
            targets,
            owner_scope,
            until,
        }))
    }

    /// The targets in its `startedBy` whose target group is allowed; IAM denies the others.
    fn attachments(&self, task: &Task) -> Vec<Attachment> {
        let text = task.started_by.as_deref().unwrap_or_default();
        let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
        deployment::allowed(&attachments, self.config)
    }

    /// The targets of a task that are to be deregistered now, and where another task may have them.
    ///
    /// Those whose address or port is not known are left to the events of its stop. If the task is to drain, they add a
    /// failure, so that a retry tries again.
    fn leaving_targets(
        &mut self,
        task: &Arc<Task>,
        drains: bool,
        reader: &mut Reader<'_>,
    ) -> Result<(Vec<GroupTarget>, Option<OwnerScope>), Halt> {
        // A task that has not been RUNNING was never registered.
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

    /// Creates the schedule and the tag of the task, if it is to drain.
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

    /// How long the task drains: as requested, else the longest deregistration delay of its target groups. `None` if that
    /// cannot be read; the failure was added.
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

    /// Creates the schedule that stops the task at `until`; whether there is one.
    fn schedule(
        &mut self,
        cluster: &Cluster,
        task: &Task,
        until: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<bool, Halt> {
        let Some(later) = &self.request.later else {
            return Err(Failure::internal("a drain needs Scheduler, which is not configured").into());
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
        .ok_or_else(|| Failure::internal("the end of a drain is not a valid date"))?;
        match reader.create_schedule(schedule)? {
            Ok(()) => Ok(true),
            // Created by an earlier attempt, or an earlier stop: its time counts.
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

    /// Tags the task with the end of its drain.
    fn tag(&mut self, task: &Task, until: Timestamp, reader: &mut Reader<'_>) -> Result<Until, Halt> {
        let Some(time) = until.to_seconds() else {
            return Err(Failure::internal("the end of a drain is not a valid date").into());
        };
        let tag = Tag {
            key: tags::STOP_AT.to_owned(),
            value: format!("{time}Z"),
        };
        for answer in reader.tag_tasks([(task.arn.clone(), tag)])? {
            match answer {
                Ok(()) => {}
                // It has stopped in the meantime.
                Err(error) if error.kind == ErrorKind::ResourceNotFound => {}
                // ECS refuses the tag: for example, the task has more tags by now than in its snapshot.
                Err(error) if matches!(error.kind, ErrorKind::InvalidParameter | ErrorKind::ClientException) => {
                    self.undrained.push(task.arn.clone());
                    return Ok(Until::Now);
                }
                Err(error) => self.failures.add(error),
            }
        }
        Ok(Until::Later(until))
    }

    fn deregister(
        &mut self,
        cluster: &Cluster,
        leaving: &[Leaving],
        snapshot_at: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Result<(), Halt> {
        let deregistered = deregister(cluster, leaving, snapshot_at, self.config, reader, &mut self.failures)?;
        self.deregistered.extend(deregistered);
        Ok(())
    }

    fn end(mut self) -> Result<Outcome, Halt> {
        if self.unreached > 0 {
            let message = format!("no time was left to stop {} of the tasks", self.unreached);
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

/// The `reason` of StopTask for a task whose drain is over.
pub(crate) fn drain_is_over(until: Timestamp) -> String {
    let until = until.to_rfc3339().unwrap_or_default();
    format!("start-engines: its drain was over at {until}")
}
