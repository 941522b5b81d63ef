//! Tasks that a stop ends: deregisters their targets before they are stopped, unless another task owns them by now.
//!
//! Must not decide which tasks are stopped, and must not stop any.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::call::MAX_TARGETS_PER_CALL;
use crate::config::Config;
use crate::decide::failures::Failures;
use crate::decide::owners::{addresses, owned_of_each, too_slow};
use crate::decide::targets::candidates::OwnerScope;
use crate::decide::targets::membership::still_registered;
use crate::decide::timing;
use crate::domain::arn::{Cluster, InterfaceId, TargetGroupArn, TaskArn};
use crate::domain::target::GroupTarget;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Asked, Halt, Reader};
use crate::outcome::{Category, Failure};

/// A task that is to drain, or to be stopped at once.
pub(crate) struct Leaving {
    pub(crate) task: Arc<Task>,
    pub(crate) targets: Vec<GroupTarget>,
    /// Where another task may have the targets by now. `None` if they are addresses of its network interface, which are
    /// its own while it lives. Host ports are reused at once, and DescribeTasks may for longer return a task as live that
    /// has freed its ports.
    pub(crate) owner_scope: Option<OwnerScope>,
    /// Until when it drains; `None` stops it now.
    pub(crate) until: Option<Timestamp>,
}

/// Keeps only the targets that are still registered, with one DescribeTargetHealth for each target group.
pub(crate) fn leave_registered(
    leaving: &mut [Leaving],
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<(), Halt> {
    let all: Vec<GroupTarget> = leaving.iter().flat_map(|it| it.targets.clone()).collect();
    let still = still_registered(&all, reader, failures)?;
    for leaving in leaving {
        leaving
            .targets
            .retain(|target| still.iter().any(|(registered, _)| registered == target));
    }
    Ok(())
}

/// Deregisters the targets, those of all tasks in one target group at once; returns those that DeregisterTargets was
/// called for. The snapshots of the tasks, which are live in them, were taken at `snapshot_at` or later.
pub(crate) fn deregister(
    cluster: &Cluster,
    leaving: &[Leaving],
    snapshot_at: Timestamp,
    config: &Config,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<(TaskArn, GroupTarget)>, Halt> {
    let mut deregistered = host_ports(leaving, config, reader, failures)?;
    let is_concerned = |leaving: &&Leaving| leaving.owner_scope.is_none() && !leaving.targets.is_empty();
    let leaving: Vec<&Leaving> = leaving.iter().filter(is_concerned).collect();
    let mut present = Present::of(cluster, &leaving, snapshot_at);
    for group in groups(leaving.iter().copied()) {
        if let Err(error) = present.renew_if_old(reader)? {
            failures.add(error);
            continue;
        }
        let of_group: Vec<(TaskArn, GroupTarget)> = leaving
            .iter()
            .filter(|leaving| present.tasks.contains(&leaving.task.arn))
            .flat_map(|Leaving { task, targets, .. }| {
                let of_group = targets.iter().filter(|target| target.group == group);
                of_group.map(|target| (task.arn.clone(), target.clone()))
            })
            .collect();
        for targets in of_group.chunks(MAX_TARGETS_PER_CALL) {
            let Some(within) = timing::left(Some(present.ends), reader.now()) else {
                let message = format!(
                    "targets of {group} were not deregistered: AWS answered so late that their addresses may be other tasks'"
                );
                failures.add(Failure::new(Category::OutOfTime, message));
                continue;
            };
            deregistered.extend(from_group(&group, targets.to_vec(), within, reader, failures)?);
        }
    }
    Ok(deregistered)
}

/// The tasks whose addresses are their own for a moment.
///
/// ECS may show a task as live for a while after it has stopped. EC2 shows whether its network interface still exists: then
/// its address is its own. The targets of the others are deregistered by the events of their stops.
struct Present<'c> {
    cluster: &'c Cluster,
    /// The interfaces of all tasks; `None` if ECS does not show them all, or EC2 refuses to answer.
    interfaces: Option<Vec<(TaskArn, InterfaceId)>>,
    tasks: HashSet<TaskArn>,
    /// Until when no address of these is another's that is registered.
    ends: Timestamp,
}

impl<'c> Present<'c> {
    fn of(cluster: &'c Cluster, leaving: &[&Leaving], snapshot_at: Timestamp) -> Self {
        let interface = |leaving: &&Leaving| Some((leaving.task.arn.clone(), leaving.task.interface.clone()?));
        let interfaces: Option<Vec<_>> = leaving.iter().map(interface).collect();
        Self {
            cluster,
            // EC2 is yet to be asked.
            ends: match interfaces {
                Some(_) => Timestamp::from_millis(0),
                None => snapshot_at.after(timing::ATTACH),
            },
            interfaces,
            tasks: leaving.iter().map(|leaving| leaving.task.arn.clone()).collect(),
        }
    }

    /// Asks again if what is known does not hold for another call; the inner error is AWS's.
    fn renew_if_old<'a>(&mut self, reader: &mut Reader<'a>) -> Asked<'a, ()> {
        if self.tasks.is_empty() || timing::left(Some(self.ends), reader.now()).is_some() {
            return Ok(Ok(()));
        }
        let asked_at = reader.now();
        if let Some(all) = &self.interfaces {
            let ids: Vec<InterfaceId> = all.iter().map(|(_, id)| id.clone()).collect();
            match addresses::existing(&ids, reader)? {
                Ok(existing) => {
                    let exist = all.iter().filter(|(_, id)| existing.contains(id));
                    self.tasks = exist.map(|(task, _)| task.clone()).collect();
                    self.ends = asked_at.after(timing::INTERFACE_PROOF);
                    return Ok(Ok(()));
                }
                Err(error) if error.kind.is_transient() => return Ok(Err(error)),
                Err(_) => self.interfaces = None,
            }
        }
        let mut tasks: Vec<TaskArn> = self.tasks.iter().cloned().collect();
        tasks.sort();
        let asked_at = reader.now();
        match reader.describe_tasks(self.cluster, tasks)? {
            Ok(shown) => {
                let is_wanted = |arn: &TaskArn| shown.iter().any(|task| task.arn == *arn && task.is_live());
                self.tasks.retain(is_wanted);
                self.ends = asked_at.after(timing::ATTACH);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

/// The same for host ports, but for those that another task owns: one search for each container instance.
fn host_ports(
    leaving: &[Leaving],
    config: &Config,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<(TaskArn, GroupTarget)>, Halt> {
    let mut deregistered = Vec::new();
    let with_host_ports = || {
        leaving
            .iter()
            .filter(|it| it.owner_scope.is_some() && !it.targets.is_empty())
    };
    let mut scopes: Vec<&OwnerScope> = Vec::new();
    for owner_scope in with_host_ports().filter_map(|it| it.owner_scope.as_ref()) {
        if !scopes.contains(&owner_scope) {
            scopes.push(owner_scope);
        }
    }
    for owner_scope in scopes {
        let on_instance: Vec<&Leaving> = with_host_ports()
            .filter(|it| it.owner_scope.as_ref() == Some(owner_scope))
            .collect();
        let former: Vec<(&Task, &[GroupTarget])> = on_instance
            .iter()
            .map(|it| (&*it.task, it.targets.as_slice()))
            .collect();
        let proof_ends = reader.now().after(timing::ATTACH);
        let owned = match owned_of_each(&former, owner_scope, proof_ends, config, reader) {
            Ok(owned) => owned,
            Err(Halt::Fail(failure)) => on_instance.iter().map(|_| Err((*failure).clone())).collect(),
            Err(ask @ Halt::Ask(_)) => return Err(ask),
        };
        let mut free: Vec<(TaskArn, GroupTarget)> = Vec::new();
        for (leaving, owned) in on_instance.iter().zip(owned) {
            match owned {
                Ok(owned) => {
                    let own = leaving.targets.iter().filter(|target| !owned.contains(target));
                    free.extend(own.map(|target| (leaving.task.arn.clone(), target.clone())));
                }
                Err(failure) if leaving.until.is_some() => failures.add(failure),
                // It is stopped now: the events of its stop search again.
                Err(_) => {}
            }
        }
        for group in groups(on_instance.iter().copied()) {
            let targets: Vec<(TaskArn, GroupTarget)> = free
                .iter()
                .filter(|(_, target)| target.group == group)
                .cloned()
                .collect();
            if targets.is_empty() {
                continue;
            }
            let Some(within) = timing::left(Some(proof_ends), reader.now()) else {
                let draining = on_instance.iter().find(|leaving| leaving.until.is_some());
                if let Some(leaving) = draining {
                    failures.add(too_slow(&leaving.task));
                }
                continue;
            };
            deregistered.extend(from_group(&group, targets, within, reader, failures)?);
        }
    }
    Ok(deregistered)
}

/// Calls DeregisterTargets; returns the targets if it succeeded.
fn from_group(
    group: &TargetGroupArn,
    targets: Vec<(TaskArn, GroupTarget)>,
    within: Duration,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<(TaskArn, GroupTarget)>, Halt> {
    let of_group = targets.iter().map(|(_, target)| target.target.clone()).collect();
    match reader.deregister_targets([(group.clone(), of_group)], within)?.first() {
        Some(Ok(())) => return Ok(targets),
        Some(Err(error)) if !error.kind.is_gone() => failures.add(*error),
        Some(Err(_)) | None => {}
    }
    Ok(Vec::new())
}

/// The target groups of the targets, each once.
fn groups<'l>(leaving: impl Iterator<Item = &'l Leaving>) -> Vec<TargetGroupArn> {
    let mut groups = Vec::new();
    for target in leaving.flat_map(|leaving| &leaving.targets) {
        if !groups.contains(&target.group) {
            groups.push(target.group.clone());
        }
    }
    groups
}
