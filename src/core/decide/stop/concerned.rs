//! Which tasks a stop concerns.
//!
//! A stop of one task concerns that task. A stop of a service, or of all tasks in a cluster, concerns those whose start
//! was *requested* before the stop was, however late, often or out of order either is handled: tasks that were requested
//! later are spared. Both times are cut to whole seconds, as event times have no fractions, and in the same second the
//! start survives: a restart is "stop, then start". A task whose drain is over is concerned in any case, since an earlier
//! stop was to end it.
//!
//! Must not stop anything.

use std::sync::Arc;
use std::time::Duration;

use crate::call::{CallError, Desired, ErrorKind, MAX_TASKS_PER_DESCRIBE};
use crate::config::Config;
use crate::decide::deployment::{Whose, family_is_allowed, is_adopted, whose};
use crate::decide::failures::Failures;
use crate::decide::owners::survey::{self, Survey};
use crate::decide::timing;
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::tags;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::input::problem::Problems;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Skip};
use crate::request::stop::{JustStarted, StopRequest};

/// For how long after the event of a stop DescribeTasks may not return a new task yet: until then, a stop that is sent
/// right after a start is tried again, rather than skipped as one of a task that is gone.
const NEW: Duration = Duration::from_secs(10);

/// Refuses a stop from the future: when it is tried again after that time, it would end tasks that were started in
/// between.
pub(crate) fn check_not_in_future(request: &StopRequest, now: Timestamp) -> Result<(), Failure> {
    let mut problems = Problems::new();
    let rule = format!(
        "must be at most {} s later than the function's clock",
        MAX_TIME_AHEAD.as_secs()
    );
    for (field, time) in [
        ("event.time", request.sent_at),
        // It is no later than the event's time, if there is one.
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

/// How far ahead of the function's clock the time of a stop may be: the clocks of EventBridge and of the function differ.
const MAX_TIME_AHEAD: Duration = Duration::from_secs(60);

/// The tasks of one cluster that a stop concerns.
#[derive(Default)]
pub(crate) struct Concerned {
    /// Their snapshots; none of them is stopping.
    pub(crate) tasks: Vec<Arc<Task>>,
    /// Those that DescribeTasks does not return yet, started in the same batch: none of their targets is registered.
    pub(crate) undescribed: Vec<TaskArn>,
    /// The number of tasks that are spared, since they were requested later.
    pub(crate) spared: usize,
}

/// The task of a stop of one task, or why there is nothing to stop.
pub(crate) fn one(
    arn: &TaskArn,
    cluster: &Cluster,
    request: &StopRequest,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Result<Arc<Task>, Skip>, Halt> {
    let tasks = match reader.describe_tasks(cluster, vec![arn.clone()])? {
        Ok(tasks) => tasks,
        Err(error) if error.kind == ErrorKind::ClusterNotFound => return Ok(Err(Skip::TaskGone)),
        Err(error) => return Err(error.into()),
    };
    match tasks.iter().find(|task| task.arn == *arn) {
        None if request.sent_at.is_some_and(|time| reader.now().since(time) < NEW) => {
            let message = format!("DescribeTasks does not return {arn}: either it is gone, or it is too new");
            Err(Failure::new(Category::TaskNotVisible, message).into())
        }
        None => Ok(Err(Skip::TaskGone)),
        Some(task) if whose(task, config) == Whose::AnotherDeployments => Ok(Err(Skip::AnotherDeployment)),
        Some(task) if !may_stop(task, config) => {
            let message = format!("{arn} was not started by start-engines, which stops only its own tasks");
            Err(Failure::new(Category::ForeignTask, message).into())
        }
        Some(task) if !task.is_live() => Ok(Err(Skip::StoppedAlready)),
        Some(task) if request.unless_running && task.has_run() && !is_overdue(task, reader.now()) => {
            Ok(Err(Skip::RunningInTime))
        }
        Some(task) => Ok(Ok(Arc::clone(task))),
    }
}

/// All tasks of a cluster, or of a service in it, that the stop concerns; the inner error is that of ListTasks.
///
/// A task of which that is not known adds a failure; the others are stopped.
pub(crate) fn all(
    cluster: &Cluster,
    service: Option<&str>,
    request: &StopRequest,
    config: &Config,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Result<Concerned, CallError>, Halt> {
    let listed = survey::listed(cluster, Desired::Running, reader)?;
    if let Some(error) = &listed.error {
        return Ok(Err(error.clone()));
    }
    let Survey {
        mut tasks,
        mut undescribed,
    } = listed.found.clone();
    let started: Vec<&JustStarted> = request.just_started_in(cluster, service).collect();
    describe_unlisted(cluster, &started, &mut tasks, &mut undescribed, reader, failures)?;
    let now = reader.now();
    let mut concerned = Concerned::default();
    for task in tasks {
        let is_of_service = service.is_none_or(|name| tags::service(&task.tags) == Some(name));
        if !task.is_live() || !is_of_service || !may_stop(&task, config) {
            continue;
        }
        if is_overdue(&task, now) {
            concerned.tasks.push(task);
            continue;
        }
        match is_before(start_requested_at(&task, request), request) {
            Some(true) => concerned.tasks.push(task),
            Some(false) => concerned.spared += 1,
            None => failures.add(not_known_yet(&task.arn, "when its start was requested")),
        }
    }
    for arn in undescribed {
        let of_batch = just_started(&arn, request);
        if of_batch.is_some_and(|it| service.is_some_and(|name| it.service.as_deref() != Some(name))) {
            continue;
        }
        match of_batch.and_then(|it| is_before(it.requested_at, request)) {
            Some(true) => concerned.undescribed.push(arn),
            Some(false) => concerned.spared += 1,
            None => failures.add(not_known_yet(&arn, "it")),
        }
    }
    Ok(Ok(concerned))
}

/// Describes the tasks of starts of the same batch that ListTasks does not list yet, by their ARNs.
fn describe_unlisted(
    cluster: &Cluster,
    started: &[&JustStarted],
    tasks: &mut Vec<Arc<Task>>,
    undescribed: &mut Vec<TaskArn>,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<(), Halt> {
    let is_listed = |arn: &TaskArn| undescribed.contains(arn) || tasks.iter().any(|task| task.arn == *arn);
    let unlisted: Vec<TaskArn> = started.iter().map(|started| started.task.clone()).collect();
    let unlisted: Vec<TaskArn> = unlisted.into_iter().filter(|arn| !is_listed(arn)).collect();
    for chunk in unlisted.chunks(MAX_TASKS_PER_DESCRIBE) {
        match reader.describe_tasks(cluster, chunk.to_vec())? {
            Ok(found) => {
                let is_found = |arn: &&TaskArn| found.iter().any(|task| task.arn == **arn);
                undescribed.extend(chunk.iter().filter(|arn| !is_found(arn)).cloned());
                tasks.extend(found.iter().cloned());
            }
            Err(error) => failures.add(error),
        }
    }
    Ok(())
}

/// The start of the same batch that has started the task, or found it.
fn just_started<'a>(arn: &TaskArn, request: &'a StopRequest) -> Option<&'a JustStarted> {
    request.just_started.iter().find(|started| started.task == *arn)
}

/// When the task's start was requested. Without a tag for it, `createdAt` counts, which may be later than a stop that was
/// requested after the start. So the time of a start of the same batch counts, if that start has created the task and its
/// time is earlier.
fn start_requested_at(task: &Task, request: &StopRequest) -> Option<Timestamp> {
    let is_made_by = |started: &&JustStarted| {
        let created_at = task.created_at;
        created_at.is_some_and(|created| created.after(timing::SKEW) >= started.began_at)
    };
    let of_batch = just_started(&task.arn, request)
        .filter(is_made_by)
        .and_then(|started| started.requested_at);
    let of_task = task.requested_at();
    of_batch.into_iter().chain(of_task).min()
}

/// Whether a start that was requested then was requested before the stop; `None` if either time is not known.
fn is_before(requested_at: Option<Timestamp>, request: &StopRequest) -> Option<bool> {
    let seconds = |time: Timestamp| time.millis().div_euclid(1000);
    Some(seconds(requested_at?) < seconds(request.requested_at?))
}

/// Whether its drain is over, and nobody has stopped it.
pub(crate) fn is_overdue(task: &Task, now: Timestamp) -> bool {
    task.drains_until().is_some_and(|until| until <= now)
}

/// Whether this deployment may stop it. A task that others have started is adopted only if its family is allowed.
fn may_stop(task: &Task, config: &Config) -> bool {
    whose(task, config) == Whose::ThisDeployments && (!is_adopted(task) || family_is_allowed(task, config))
}

fn not_known_yet(arn: &TaskArn, what: &str) -> Failure {
    let message = format!("{arn} was not stopped: DescribeTasks does not return {what} yet");
    Failure::new(Category::TaskNotVisible, message)
}
