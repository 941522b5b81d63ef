//! Who owns the addresses now: the look at all tasks that makes a late deregistration safe.
//!
//! Ports of a container instance can only belong to tasks on it; which ones a task has, it shows or its definition
//! tells (`ports`). For all else the look is over all
//! clusters that the configuration names, since a newer task may run in another cluster than the
//! stopped one, or have further targets. Must be over while its answer holds
//! ([`super::timing::ATTACH`]): with 100 tasks a call, a few thousand tasks are within reach.

pub(crate) mod leftovers;
pub(crate) mod survey;

use self::survey::wanted_tasks;
use super::targets::candidates::OwnerScope;
use super::targets::{host_ports, instances, snapshot};
use super::timing::{ATTACH, left};
use crate::call::ErrorKind;
use crate::config::Config;
use crate::domain::arn::Port;
use crate::domain::started_by;
use crate::domain::target::GroupTarget;
use crate::domain::task::{Network, Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// Those of `targets` that some other task of ours owns now: one that is to stay (desired status
/// RUNNING, whatever its last status), has the address, and whose `startedBy` names group and port.
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

/// The same for the targets of each of several tasks of one cluster, in one look; the inner error is that it is not
/// clear of this task's.
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
        OwnerScope::Anywhere => (config.clusters_to_search(&first.cluster), None),
    };
    let itself = (former.len() == 1).then_some(&first.arn);
    let mut all = Vec::new();
    for cluster in clusters {
        match wanted_tasks(&cluster, instance, itself, reader, in_time)? {
            Ok(others) => all.extend(others),
            // A cluster that is gone has no tasks.
            Err(error) if error.kind == ErrorKind::ClusterNotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
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
            "a newer task on the instance of {} may get the host port that it gave back, or have it",
            task.arn
        );
        return Ok(Err(Failure::new(Category::OwnerNotClear, message)));
    }
    Ok(Ok(owned))
}

/// The failure of a look that took too long.
pub(crate) fn too_slow(task: &Task) -> Failure {
    let message = format!(
        "looking for newer owners of the addresses of {} took longer than the {} s for which the answer holds",
        task.arn,
        ATTACH.as_secs()
    );
    Failure::new(Category::OwnerSearchTooSlow, message)
}

/// What another task has to do with a target.
enum Ownership {
    Owns,
    /// It starts on the same machine, and has the port once it runs: nobody else can have it any more.
    WillHave,
    /// It starts on the same machine, and has its host ports only once it runs.
    MayGet,
    None,
}

fn ownership(
    other: &Task,
    GroupTarget { group, target }: &GroupTarget,
    owner_scope: &OwnerScope,
    reader: &mut Reader<'_>,
) -> Result<Ownership, Halt> {
    // Told first, as most have another address, and there may be thousands of them.
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
        OwnerScope::Anywhere => instances::is_on(other, arn, target, reader)?,
    };
    Ok(if on_same_instance { claim } else { Ownership::None })
}

/// Whether the task, as of now, has not given its host ports back.
fn holds_its_ports(task: &Task, reader: &mut Reader<'_>) -> Result<bool, Halt> {
    Ok(snapshot::describe(task, reader)?.is_some_and(|task| task.phase() != Phase::Stopped))
}
