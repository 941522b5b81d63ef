//! A task is stopping, or was found to be: take its targets out of their groups.
//!
//! Works from the event alone: the tags are gone. Three ways, by what the event's age allows
//! ([`super::timing`]):
//!
//! - stopping and fresh: DeregisterTargets;
//! - STOPPED and fresh: DescribeTargetHealth first, since an earlier event has usually done it, and
//!   ELB allows more Describe calls than others;
//! - **the careful way**, [`carefully`], for whatever is late: the address may be a newer task's.
//!
//! "Not registered", "no such group" and "no such task" are success here: that is what a stop wants.

use std::time::Duration;

use super::attach::address;
use super::{Failures, Halt, attach, failed_start, timing};
use crate::arn::TargetGroupArn;
use crate::call::{CallError, ErrorKind, MOST_TASKS_DESCRIBED};
use crate::config::Config;
use crate::journal::Reader;
use crate::outcome::{Failure, GroupTarget, Outcome, Skip};
use crate::started_by;
use crate::target::{AddressFamily, Attachment, Target, TargetHealth};
use crate::task::{Addresses, Network, Phase, Task};
use crate::trigger::TaskChange;

/// Deregisters the targets of the task in `change`.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn detach(
    change: &TaskChange,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let task = &change.task;
    let landing = timing::landing_time(change, reader.now());
    if landing.is_none() {
        return carefully(task, None, attachments, config, reader);
    }
    let targets = match targets(task, None, attachments, reader)? {
        Ok(targets) => targets,
        Err(reason) => {
            return Ok(Outcome::Skipped {
                reason,
                failed_start: failed_start(task),
            });
        }
    };
    let mut failures = Failures::default();
    let registered = match task.phase() {
        Phase::Stopped => still_registered(&targets, reader, &mut failures)?,
        Phase::Starting | Phase::Running | Phase::Stopping | Phase::Unknown => targets,
    };
    let mut deregistered = Vec::new();
    for (group, of_group) in by_group(&registered) {
        let Some(within) = timing::left(landing, reader.now()) else {
            // Calls were slow: what is not out by now is not fresh any more.
            return carefully(task, None, attachments, config, reader);
        };
        deregister(&group, of_group, within, reader, &mut failures, &mut deregistered)?;
    }
    failures.into_result(ended(task, deregistered, Vec::new()))
}

/// The careful way: what is still registered is deregistered only if no other task of ours owns it.
///
/// A task owns a target if it is to stay (desired status RUNNING, whatever its last status), has
/// the address, and its `startedBy` names the group and port. `ListTasks + DescribeTasks` over all
/// clusters that the configuration names, since the newer task may run in another one, or have
/// further targets.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn carefully(
    task: &Task,
    look: Option<&Task>,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let targets = match targets(task, look, attachments, reader)? {
        Ok(targets) => targets,
        Err(reason) => {
            return Ok(Outcome::Skipped {
                reason,
                failed_start: failed_start(task),
            });
        }
    };
    let mut failures = Failures::default();
    let registered = still_registered(&targets, reader, &mut failures)?;
    if registered.is_empty() {
        return failures.into_result(ended(task, Vec::new(), Vec::new()));
    }
    let proof_ends = reader.now().after(timing::REUSE);
    let owned = owned_by_others(task, config, reader)?;
    let (reused, free): (Vec<_>, Vec<_>) = registered.into_iter().partition(|target| owned.contains(target));
    let mut deregistered = Vec::new();
    for (group, of_group) in by_group(&free) {
        let within = timing::left(Some(proof_ends), reader.now()).ok_or_else(|| too_slow(task))?;
        deregister(&group, of_group, within, reader, &mut failures, &mut deregistered)?;
    }
    failures.into_result(ended(task, deregistered, reused))
}

fn ended(task: &Task, targets: Vec<GroupTarget>, reused: Vec<GroupTarget>) -> Outcome {
    let failed_start = failed_start(task);
    if targets.is_empty() && reused.is_empty() {
        return Outcome::Skipped {
            reason: Skip::NotRegistered,
            failed_start,
        };
    }
    Outcome::Deregistered {
        targets,
        reused,
        failed_start,
    }
}

fn too_slow(task: &Task) -> Failure {
    let message = format!(
        "looking for newer owners of the addresses of {} took longer than the {} s for which the answer holds",
        task.arn,
        timing::REUSE.as_secs()
    );
    Failure::transient("owner_search_too_slow", message)
}

/// The targets that the task can have registered, or why there can be none.
fn targets(
    task: &Task,
    look: Option<&Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'_>,
) -> Result<Result<Vec<GroupTarget>, Skip>, Halt> {
    let known = |look: Option<&Task>| task.network.addresses().or(look?.network.addresses()).copied();
    let mut addresses = task.network.addresses().copied().or_else(|| known(look));
    if addresses.is_none() {
        if matches!(task.network, Network::ContainerInstance { .. }) {
            return Ok(Err(Skip::UnsupportedNetworkMode));
        }
        if task.started_at.is_none() {
            return Ok(Err(Skip::NeverHadAnAddress));
        }
        // It has been RUNNING, so it can be registered; ECS may tell what the event does not.
        if look.is_none() {
            addresses = attach::look(task, reader)?.and_then(|look| known(Some(look)));
        }
    }
    let Some(addresses) = addresses else {
        let message = format!(
            "{} has been RUNNING, but neither the event nor ECS tells its address",
            task.arn
        );
        return Err(Failure::permanent("address_missing", message).into());
    };
    let mut targets = Vec::new();
    for attachment in attachments {
        if let Some(family) = family(attachment, addresses, reader)?
            && let Some(id) = address(&addresses, family)
        {
            let target = Target {
                id,
                port: attachment.port,
            };
            targets.push(GroupTarget {
                group: attachment.group.clone(),
                target,
            });
        }
    }
    Ok(Ok(targets))
}

/// Which of its addresses a task has in a group; only a dual-stack task needs to ask.
fn family(
    attachment: &Attachment,
    addresses: Addresses,
    reader: &mut Reader<'_>,
) -> Result<Option<AddressFamily>, Halt> {
    match (addresses.ipv4, addresses.ipv6) {
        (Some(_), Some(_)) => match reader.describe_target_group(&attachment.group)? {
            Ok(facts) => Ok(Some(facts.family)),
            Err(CallError {
                kind: ErrorKind::TargetGroupNotFound,
                ..
            }) => Ok(None),
            Err(error) => Err(error.into()),
        },
        (Some(_), None) => Ok(Some(AddressFamily::Ipv4)),
        (None, Some(_)) => Ok(Some(AddressFamily::Ipv6)),
        (None, None) => Ok(None),
    }
}

/// Targets by group, groups and targets in the order given.
pub(super) fn by_group(targets: &[GroupTarget]) -> Vec<(TargetGroupArn, Vec<Target>)> {
    let mut groups: Vec<(TargetGroupArn, Vec<Target>)> = Vec::new();
    for GroupTarget { group, target } in targets {
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, of_group)) => of_group.push(target.clone()),
            None => groups.push((group.clone(), vec![target.clone()])),
        }
    }
    groups
}

/// Those that are in their group and not on their way out.
fn still_registered(
    targets: &[GroupTarget],
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<GroupTarget>, Halt> {
    let mut registered = Vec::new();
    for (group, of_group) in by_group(targets) {
        match reader.describe_target_health(&group, of_group.clone())? {
            Ok(health) => {
                let still = of_group.into_iter().zip(health).filter(|(_, health)| match health {
                    TargetHealth::Registered(_) => true,
                    TargetHealth::Draining | TargetHealth::NotRegistered => false,
                });
                registered.extend(still.map(|(target, _)| GroupTarget {
                    group: group.clone(),
                    target,
                }));
            }
            Err(error) if is_gone(error) => {}
            Err(error) => failures.add(error),
        }
    }
    Ok(registered)
}

fn deregister(
    group: &TargetGroupArn,
    targets: Vec<Target>,
    within: Duration,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
    deregistered: &mut Vec<GroupTarget>,
) -> Result<(), Halt> {
    match reader.deregister_targets(group, targets.clone(), within)? {
        Ok(()) => deregistered.extend(targets.into_iter().map(|target| GroupTarget {
            group: group.clone(),
            target,
        })),
        Err(error) if is_gone(error) => {}
        Err(error) => failures.add(error),
    }
    Ok(())
}

/// The group is gone, or the target is none that it could have: nothing is registered.
fn is_gone(error: &CallError) -> bool {
    matches!(error.kind, ErrorKind::TargetGroupNotFound | ErrorKind::InvalidTarget)
}

/// Every target that some other task of ours, meant to stay, owns now.
fn owned_by_others(task: &Task, config: &Config, reader: &mut Reader<'_>) -> Result<Vec<GroupTarget>, Halt> {
    let mut owned = Vec::new();
    for cluster in config.clusters_to_search(&task.cluster) {
        let mut page = None;
        loop {
            let found = match reader.list_tasks(&cluster, page)? {
                Ok(found) => found,
                // A cluster that is gone has no tasks.
                Err(CallError {
                    kind: ErrorKind::ClusterNotFound,
                    ..
                }) => break,
                Err(error) => return Err(error.into()),
            };
            let others: Vec<_> = found.tasks.iter().filter(|arn| **arn != task.arn).cloned().collect();
            for chunk in others.chunks(MOST_TASKS_DESCRIBED) {
                let tasks = reader.describe_tasks(&cluster, chunk.to_vec())??;
                owned.extend(tasks.iter().filter(|task| task.is_wanted()).flat_map(targets_owned_by));
            }
            page = found.next.clone();
            if page.is_none() {
                break;
            }
        }
    }
    Ok(owned)
}

fn targets_owned_by(task: &Task) -> Vec<GroupTarget> {
    let text = task.started_by.as_deref().unwrap_or_default();
    let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
    let Some(addresses) = task.network.addresses() else {
        return Vec::new();
    };
    let owned = attachments.iter().flat_map(|attachment| {
        addresses.each().map(|id| GroupTarget {
            group: attachment.group.clone(),
            target: Target {
                id,
                port: attachment.port,
            },
        })
    });
    owned.collect()
}
