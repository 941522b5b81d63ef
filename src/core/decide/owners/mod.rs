//! Who owns targets now: what makes a late deregistration safe.
//!
//! An address belongs to a network interface, which EC2 shows (`addresses`). Ports of a container instance can only belong
//! to tasks on it; which ones a task has, is in its bindings or its definition (`targets::host_ports`). Where EC2 denies
//! the call, or the interface or the container instance is not known, the search covers all tasks of all clusters that the
//! configuration names. A search through tasks must end while its result holds ([`super::timing::ATTACH`]): with 100 tasks
//! for each call, a few thousand tasks are possible.

pub(crate) mod addresses;
pub(crate) mod leftovers;
pub(crate) mod search;
pub(crate) mod survey;

use self::survey::{Listing, Survey, Walk};
use std::sync::Arc;

use super::targets::candidates::OwnerScope;
use super::targets::{host_ports, instances, snapshot};
use super::timing::{ATTACH, left};
use crate::call::{Desired, ErrorKind};
use crate::config::Config;
use crate::domain::arn::Port;
use crate::domain::started_by;
use crate::domain::target::GroupTarget;
use crate::domain::task::{Network, Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// Those of `targets` that another task of start-engines owns now: a live task (desired status RUNNING, whatever its last
/// status) that has the address, and whose `startedBy` contains the target group and the port.
pub(crate) fn owned_by_others(
    task: &Task,
    targets: &[GroupTarget],
    owner_scope: &OwnerScope,
    proof_ends: Timestamp,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Vec<GroupTarget>, Halt> {
    let mut owned = Vec::new();
    for of_task in owned_of_each(&[(task, targets)], owner_scope, proof_ends, config, reader)? {
        owned.extend(of_task?);
    }
    Ok(owned)
}

/// The same for the targets of each of several tasks of one cluster, in one search; the inner error is that the owners of
/// that task's targets are not clear.
pub(crate) fn owned_of_each(
    former: &[(&Task, &[GroupTarget])],
    owner_scope: &OwnerScope,
    proof_ends: Timestamp,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Vec<Result<Vec<GroupTarget>, Failure>>, Halt> {
    let Some((first, _)) = former.first() else {
        return Ok(Vec::new());
    };
    let in_time = |reader: &Reader<'_>| {
        left(Some(proof_ends), reader.now())
            .map(|_| ())
            .ok_or_else(|| too_slow(first))
    };
    let (clusters, instance) = match owner_scope {
        OwnerScope::On(instance) => (vec![first.cluster.clone()], Some(instance.as_str())),
        OwnerScope::Interface(_) | OwnerScope::Anywhere => (config.clusters_to_search(&first.cluster), None),
    };
    let itself = (former.len() == 1).then_some(&first.arn);
    let listing = match instance {
        Some(instance) => Listing::On(Desired::Running, instance),
        None => Listing::All(Desired::Running),
    };
    let mut found: Vec<Arc<Walk<Survey>>> = Vec::new();
    for cluster in clusters {
        let survey = survey::tasks(&cluster, listing, itself, reader, in_time)?;
        match &survey.error {
            // A cluster that is gone has no tasks.
            Some(error) if error.kind == ErrorKind::ClusterNotFound => {}
            Some(error) => return Err(error.into()),
            None => found.push(survey),
        }
    }
    let listed = found.iter().flat_map(|walk| &walk.found.tasks);
    let all: Vec<&Task> = listed.map(Arc::as_ref).filter(|task| task.is_live()).collect();
    let mut owned_of_each = Vec::new();
    for (task, targets) in former {
        owned_of_each.push(owned_among(&all, task, targets, owner_scope, reader)?);
    }
    Ok(owned_of_each)
}

fn owned_among(
    all: &[&Task],
    task: &Task,
    targets: &[GroupTarget],
    owner_scope: &OwnerScope,
    reader: &mut Reader<'_>,
) -> Result<Result<Vec<GroupTarget>, Failure>, Halt> {
    let mut owned = Vec::new();
    let (mut some_may_get, mut some_will_have) = (false, false);
    for other in all.iter().filter(|other| other.arn != task.arn) {
        for target in targets {
            match ownership(other, target, owner_scope, reader)? {
                Ownership::Owns => owned.push(target.clone()),
                Ownership::WillHave => some_will_have = true,
                Ownership::MayGet => some_may_get = true,
                Ownership::None => {}
            }
        }
    }
    if some_will_have || some_may_get && !holds_its_ports(task, reader)? {
        let message = format!(
            "a newer task on the container instance of {} has its host port, or may get it",
            task.arn
        );
        return Ok(Err(Failure::new(Category::OwnerNotClear, message)));
    }
    Ok(Ok(owned))
}

/// The failure of a search that took too long.
pub(crate) fn too_slow(task: &Task) -> Failure {
    let message = format!(
        "the search for newer owners of the addresses of {} took longer than the {} s for which its result holds",
        task.arn,
        ATTACH.as_secs()
    );
    Failure::new(Category::OwnerSearchTooSlow, message)
}

/// How another task claims a target.
enum Ownership {
    /// It has the address and the port.
    Owns,
    /// It starts on the same container instance, and has the port once it runs: no other task can have it any more.
    WillHave,
    /// It is on the same container instance, and may get any host port of it: its ports are dynamic, or not known.
    MayGet,
    /// Not at all.
    None,
}

fn ownership(
    other: &Task,
    GroupTarget { group, target }: &GroupTarget,
    owner_scope: &OwnerScope,
    reader: &mut Reader<'_>,
) -> Result<Ownership, Halt> {
    // First, as it is cheap: most tasks have another address, and there may be thousands.
    if let Network::Awsvpc(addresses) = &other.network
        && !addresses.has(&target.id)
    {
        return Ok(Ownership::None);
    }
    let text = other.started_by.as_deref().unwrap_or_default();
    let attachments = started_by::decode(text, &other.arn.scope()).unwrap_or_default();
    let of_group = attachments.iter().filter(|attachment| attachment.group == *group);
    let ports: Vec<Port> = of_group.map(|attachment| attachment.port).collect();
    if ports.is_empty() {
        return Ok(Ownership::None);
    }
    let claim = match &other.network {
        Network::Awsvpc(_) => {
            let owns = ports.contains(&target.port);
            return Ok(if owns { Ownership::Owns } else { Ownership::None });
        }
        Network::ContainerInstance { arn, .. } => {
            let claims = host_ports::claims(other, &ports, reader)?;
            if claims.has.contains(&target.port) {
                Some((arn, Ownership::Owns))
            } else if claims.will_have.contains(&target.port) {
                Some((arn, Ownership::WillHave))
            } else {
                claims.may_get_any.then_some((arn, Ownership::MayGet))
            }
        }
        Network::External | Network::Unknown => None,
    };
    let Some((arn, claim)) = claim else {
        return Ok(Ownership::None);
    };
    let on_same_instance = match owner_scope {
        OwnerScope::On(_) => true,
        OwnerScope::Interface(_) | OwnerScope::Anywhere => instances::is_on(other, arn, target, reader)?,
    };
    Ok(if on_same_instance { claim } else { Ownership::None })
}

/// Whether the task has not freed its host ports yet, by a new snapshot: it is not STOPPED.
fn holds_its_ports(task: &Task, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    Ok(snapshot::describe(task, reader)?.is_some_and(|task| task.phase() != Phase::Stopped))
}
