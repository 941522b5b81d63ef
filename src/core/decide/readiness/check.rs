//! The check: asks ECS whether the tasks still run, and ELB for the health of their targets, once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::verdict::Verdict;
use super::{MAX_LATE, full_minute_after, schedule_one};
use crate::call::MAX_TARGETS_PER_CALL;
use crate::config::Config;
use crate::decide::deployment;
use crate::decide::failures::Failures;
use crate::decide::targets::membership::by_group;
use crate::domain::arn::{Cluster, TargetGroupArn, TaskArn};
use crate::domain::tags;
use crate::domain::target::{GroupTarget, Target, TargetHealth};
use crate::domain::task::{FOUND_UNHEALTHY, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::{Checked, CheckedTask, Failure, Outcome};
use crate::request::check::{CheckRequest, RegisteredTask};
use crate::request::stop::MAX_REASON_CHARACTERS;

/// When targets that ELB still checks are looked at once more.
const SECOND_CHECK: Duration = Duration::from_secs(300);

/// Looks at the targets of the tasks that still run.
///
/// # Errors
/// With the next call, or with all failures; what was found is reported even then.
pub fn check(request: &CheckRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let mut failures = Failures::default();
    let Found { running, gone } = running(request, config, reader, &mut failures)?;
    let health = health(&running, reader, &mut failures)?;
    let mut checked = Checked {
        gone,
        ..Checked::default()
    };
    let mut again = Vec::new();
    let mut to_stop: BTreeMap<&Cluster, Vec<(TaskArn, String)>> = BTreeMap::new();
    let is_late = reader.now().since(request.planned_at) > MAX_LATE;
    for (registered, snapshot) in &running {
        let of_target = |target: &GroupTarget| Some((target.clone(), (*health.get(target)?).clone()));
        let targets: Option<Vec<(GroupTarget, TargetHealth)>> = registered.targets.iter().map(of_target).collect();
        // A failure was added for a target group that could not be read.
        let Some(targets) = targets else { continue };
        let verdict = targets.iter().map(|(_, health)| Verdict::of(health)).max();
        let found = CheckedTask {
            task: registered.arn.clone(),
            targets,
            registered_at: registered.registered_at,
        };
        match verdict {
            None | Some(Verdict::Healthy) => checked.healthy.push(found),
            Some(Verdict::Undecided) if !request.is_second && !is_late && request.later.is_some() => {
                again.push((*registered).clone());
                checked.undecided.push(found);
            }
            Some(Verdict::Unhealthy) if tags::is_stopped_if_unhealthy(&snapshot.tags) && !is_late => {
                let stop = (registered.arn.clone(), reason(&found));
                to_stop.entry(&registered.cluster).or_default().push(stop);
                checked.unhealthy.push(found);
            }
            Some(Verdict::Undecided | Verdict::Deregistered | Verdict::Draining | Verdict::Unhealthy) => {
                checked.unhealthy.push(found);
            }
        }
    }
    if let (Some(later), false) = (&request.later, again.is_empty()) {
        let at = full_minute_after(reader.now(), SECOND_CHECK);
        if let Err(failure) = schedule_one(later, &again, true, at, reader)? {
            failures.add(failure);
        }
    }
    for (cluster, stops) in to_stop {
        let answers = reader.stop_tasks(cluster, stops.clone())?;
        for ((task, _), answer) in stops.into_iter().zip(answers) {
            match answer {
                Ok(()) => checked.stopped.push(task),
                Err(error) => failures.add(error),
            }
        }
    }
    end(checked, failures)
}

fn end(checked: Checked, failures: Failures) -> Result<Outcome, Halt> {
    match failures.into_result(()) {
        Ok(()) => Ok(Outcome::Checked(Box::new(checked))),
        Err(Halt::Fail(failure)) => Err(failure.with_checked(checked).into()),
        Err(ask @ Halt::Ask(_)) => Err(ask),
    }
}

/// The tasks of a check.
struct Found<'r, 'a> {
    /// Those that still run and are this deployment's, each with its snapshot. One that drains gets no new connections.
    running: Vec<(&'r RegisteredTask, &'a Task)>,
    /// The number of the others, but for those of a cluster that could not be read.
    gone: usize,
}

fn running<'r, 'a>(
    request: &'r CheckRequest,
    config: &Config,
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Found<'r, 'a>, Halt> {
    let mut of_clusters: BTreeMap<&Cluster, Vec<TaskArn>> = BTreeMap::new();
    for task in &request.tasks {
        of_clusters.entry(&task.cluster).or_default().push(task.arn.clone());
    }
    let mut snapshots: HashMap<&TaskArn, &Task> = HashMap::new();
    let mut unread: Vec<&Cluster> = Vec::new();
    for (cluster, tasks) in of_clusters {
        match reader.describe_tasks(cluster, tasks)? {
            Ok(described) => snapshots.extend(described.iter().map(|task| (&task.arn, Arc::as_ref(task)))),
            Err(error) => {
                unread.push(cluster);
                failures.add(error);
            }
        }
    }
    let runs = |task: &&Task| task.is_live() && !task.is_draining() && deployment::is_this_deployments(task, config);
    let is_read = |task: &&RegisteredTask| !unread.contains(&&task.cluster);
    let mut found = Found {
        running: Vec::new(),
        gone: 0,
    };
    for task in request.tasks.iter().filter(is_read) {
        match snapshots.get(&task.arn).copied().filter(runs) {
            Some(snapshot) => found.running.push((task, snapshot)),
            None => found.gone += 1,
        }
    }
    Ok(found)
}

/// What ELB says of each target; those of a target group that could not be read are left out. In one that is gone, none is
/// registered.
fn health<'a>(
    running: &[(&RegisteredTask, &Task)],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<HashMap<GroupTarget, &'a TargetHealth>, Halt> {
    let all: Vec<GroupTarget> = running.iter().flat_map(|(task, _)| task.targets.clone()).collect();
    let calls: Vec<(TargetGroupArn, Vec<Target>)> = by_group(&all)
        .into_iter()
        .flat_map(|(group, targets)| {
            let chunks = targets.chunks(MAX_TARGETS_PER_CALL).map(<[Target]>::to_vec);
            chunks.map(|chunk| (group.clone(), chunk)).collect::<Vec<_>>()
        })
        .collect();
    let mut health = HashMap::new();
    for ((group, targets), answer) in calls.iter().zip(reader.describe_target_health(calls.iter().cloned())?) {
        let of_group = targets.iter().map(|target| GroupTarget {
            group: group.clone(),
            target: target.clone(),
        });
        match answer {
            Ok(states) => health.extend(of_group.zip(states)),
            Err(error) if error.kind.is_gone() => {
                health.extend(of_group.map(|target| (target, &TargetHealth::NotRegistered)));
            }
            Err(error) => failures.add(Failure {
                message: format!("{}: {error}", group.name()),
                ..error.into()
            }),
        }
    }
    Ok(health)
}

/// The `stoppedReason` of a task that is stopped because it is unhealthy.
fn reason(found: &CheckedTask) -> String {
    let unhealthy = found
        .targets
        .iter()
        .filter(|(_, health)| Verdict::of(health) == Verdict::Unhealthy)
        .map(|(target, health)| format!("{target} {}", health.reason().unwrap_or(health.state())));
    let text = format!("{FOUND_UNHEALTHY}{}", unhealthy.collect::<Vec<_>>().join(", "));
    text.chars().take(MAX_REASON_CHARACTERS).collect()
}
