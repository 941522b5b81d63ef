//! Which tasks a stop concerns.
//!
//! A stop of one task concerns that task. A stop of a service, or of all tasks in a cluster, concerns those
//! whose start was *asked for* before the stop was, however late, often or out of order either is handled: what
//! was started since is spared. Both times are cut to whole seconds, as EventBridge tells no more, and in the
//! same second the start survives: a restart is "stop, then start". A task whose time to drain is over is
//! concerned in any case, since an earlier stop has asked for its end.
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
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Skip};
use crate::request::stop::{JustStarted, StopRequest};

/// For so long DescribeTasks may not know a task yet, so that a stop that is sent right after a
/// start is not taken for one of a task that is gone.
const NEW: Duration = Duration::from_secs(10);

/// The tasks of one cluster that a stop concerns.
#[derive(Default)]
pub(crate) struct Concerned<'a> {
    /// As DescribeTasks shows them, none of them stopping.
    pub(crate) tasks: Vec<&'a Task>,
    /// Those that DescribeTasks does not show yet, started in the same batch: nothing of them is registered.
    pub(crate) undescribed: Vec<TaskArn>,
    /// How many were asked for later, and are left alone.
    pub(crate) spared: usize,
}

/// The one task, or why there is nothing to stop.
pub(crate) fn one<'a>(
    arn: &TaskArn,
    cluster: &Cluster,
    request: &StopRequest,
    config: &Config,
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
            Err(Failure::new(Category::TaskNotVisible, message).into())
        }
        None => Ok(Err(Skip::TaskGone)),
        Some(task) if whose(task, config) == Whose::AnotherDeployments => Ok(Err(Skip::AnotherDeployment)),
        Some(task) if !is_ours(task, config) => {
            let message = format!("{arn} was not started by start-engines, which stops only its own tasks");
            Err(Failure::new(Category::ForeignTask, message).into())
        }
        Some(task) if !task.is_wanted() => Ok(Err(Skip::StoppedAlready)),
        Some(task) if request.unless_running && task.has_run() && !is_overdue(task, reader.now()) => {
            Ok(Err(Skip::RunningInTime))
        }
        Some(task) => Ok(Ok(task)),
    }
}

/// All tasks of a cluster, or of a service in it; the inner error is ListTasks' own.
///
/// What cannot be told of some is noted as a failure, and stops nothing of the others.
pub(crate) fn all<'a>(
    cluster: &Cluster,
    service: Option<&str>,
    request: &StopRequest,
    config: &Config,
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Concerned<'a>, &'a CallError>, Halt> {
    let Survey {
        mut tasks,
        mut undescribed,
    } = match survey::listed(cluster, Desired::Running, reader)? {
        Ok(survey) => survey,
        Err(error) => return Ok(Err(error)),
    };
    let started: Vec<&JustStarted> = request.just_started_in(cluster, service).collect();
    describe_unlisted(cluster, &started, &mut tasks, &mut undescribed, reader, failures)?;
    let now = reader.now();
    let mut concerned = Concerned::default();
    for task in tasks {
        let is_of_service = service.is_none_or(|name| tags::decode(&task.tags).service.as_deref() == Some(name));
        if !task.is_wanted() || !is_of_service || !is_ours(task, config) {
            continue;
        }
        if is_overdue(task, now) {
            concerned.tasks.push(task);
            continue;
        }
        match is_before(start_requested_at(task, request), request) {
            Some(true) => concerned.tasks.push(task),
            Some(false) => concerned.spared += 1,
            None => failures.add(not_known_yet(&task.arn, "when its start was asked for")),
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
            None => failures.add(not_known_yet(&arn, "anything")),
        }
    }
    Ok(Ok(concerned))
}

/// ListTasks may not list yet what a start of the same batch was answered: it is described by its ARN.
fn describe_unlisted<'a>(
    cluster: &Cluster,
    started: &[&JustStarted],
    tasks: &mut Vec<&'a Task>,
    undescribed: &mut Vec<TaskArn>,
    reader: &mut Reader<'a>,
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
                tasks.extend(found.iter().map(Arc::as_ref));
            }
            Err(error) => failures.add(error),
        }
    }
    Ok(())
}

/// What a start of the same batch was answered of the task.
fn just_started<'a>(arn: &TaskArn, request: &'a StopRequest) -> Option<&'a JustStarted> {
    request.just_started.iter().find(|started| started.task == *arn)
}

/// When the task's start was asked for. Where it has no tag of that, ECS tells when it was created, which may be after
/// a stop that was asked for later; a start of the same batch tells better, if the task was made by it.
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

/// Whether a start that was asked for then came before the stop; `None` where that cannot be told.
fn is_before(requested_at: Option<Timestamp>, request: &StopRequest) -> Option<bool> {
    let seconds = |time: Timestamp| time.millis().div_euclid(1000);
    Some(seconds(requested_at?) < seconds(request.requested_at?))
}

/// Whether its time to drain is over: whoever was to stop it then has not.
pub(crate) fn is_overdue(task: &Task, now: Timestamp) -> bool {
    task.drains_until().is_some_and(|until| until <= now)
}

/// Whether this deployment may stop it. A task that others have started is only adopted if its family is allowed.
fn is_ours(task: &Task, config: &Config) -> bool {
    whose(task, config) == Whose::FleetTask && (!is_adopted(task) || family_is_allowed(task, config))
}

fn not_known_yet(arn: &TaskArn, what: &str) -> Failure {
    let message = format!("DescribeTasks does not tell {what} of {arn} yet, so it was not stopped");
    Failure::new(Category::TaskNotVisible, message)
}
