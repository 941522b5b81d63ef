//! Who has an address now, by its network interface.
//!
//! An address belongs to a network interface, and EC2 shows which one in one call, whatever the number of tasks. Only
//! where it is another one's is its task searched for ([`super::search`]). What the search finds stays true however long
//! it takes; only what EC2 showed must not be older than [`timing::INTERFACE_PROOF`] when the address is deregistered.
//!
//! Never by subnet: a subnet can be deleted and made again with the same addresses.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::search::{self, Found, Later, Wanted, nobody_yet};
use crate::call::MAX_FILTER_VALUES;
use crate::config::Config;
use crate::decide::timing;
use crate::domain::arn::{InterfaceId, TargetGroupArn, TaskArn, VpcId};
use crate::domain::interface::{InterfaceQuery, NetworkInterface};
use crate::domain::started_by;
use crate::domain::target::{GroupTarget, Zone};
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Asked, Halt, Reader};
use crate::outcome::{Category, Failure};
use crate::request::deregister::Progress;

/// A target, and whose it was.
pub(crate) struct Former {
    pub(crate) target: GroupTarget,
    pub(crate) zone: Zone,
    /// The network interface of the task that had it; `None` if nobody knows whose it was.
    pub(crate) interface: Option<InterfaceId>,
}

/// What may be deregistered, and until when; or that it is not clear yet.
pub(crate) enum Verdict {
    Clear(Clear),
    /// The search for the owners goes on later.
    Later(Later),
}

/// What may be deregistered, and until when.
pub(crate) struct Clear {
    /// No other live task of start-engines has these.
    pub(crate) free: Vec<GroupTarget>,
    /// A live task of start-engines has these, registered or not.
    pub(crate) owned: Vec<GroupTarget>,
    /// When a deregistration must have taken effect.
    pub(crate) ends: Timestamp,
}

/// Who has the addresses of `former`, which were `task`'s; the inner error is EC2's. `before` is what an earlier invocation
/// has found, and `can_go_on` whether a later one can go on.
///
/// # Errors
/// With the next call; or if an address has an interface whose task ECS may not show yet, and it cannot go on later.
pub(crate) fn verdict<'a>(
    task: &Task,
    former: &[Former],
    before: Option<&Progress>,
    can_go_on: bool,
    config: &Config,
    reader: &mut Reader<'a>,
) -> Asked<'a, Verdict> {
    let queries = queries(former, reader)?;
    let mut ends = reader.now().after(timing::INTERFACE_PROOF);
    let others = match others(former, &queries, reader)? {
        Ok(others) => others,
        Err(error) => return Ok(Err(error)),
    };
    let mut interfaces: Vec<&NetworkInterface> = Vec::new();
    for interface in others.iter().flatten() {
        if !interfaces.iter().any(|known| known.id == interface.id) {
            interfaces.push(interface);
        }
    }
    let targets: Vec<&GroupTarget> = former.iter().map(|former| &former.target).collect();
    let mut owned = Vec::new();
    if !interfaces.is_empty() {
        let wanted = Wanted {
            task,
            targets: &targets,
            interfaces: &interfaces,
            before,
            can_go_on,
        };
        let found = match search::owners(wanted, config, reader)? {
            Found::All(found) => found,
            Found::Later(later) => return Ok(Ok(Verdict::Later(later))),
        };
        for (&target, others) in targets.iter().zip(&others) {
            if found.is_owned(target, others) {
                owned.push(target.clone());
            }
        }
    }
    if timing::left(Some(ends), reader.now()).is_none() {
        ends = reader.now().after(timing::INTERFACE_PROOF);
        let again = match self::others(former, &queries, reader)? {
            Ok(again) => again,
            Err(error) => return Ok(Err(error)),
        };
        let is_known = |interface: &&&NetworkInterface| interfaces.iter().any(|known| known.id == interface.id);
        if let Some(new) = again.iter().flatten().find(|interface| !is_known(interface)) {
            return Err(nobody_yet(&task.arn, new).into());
        }
    }
    let free = targets.into_iter().filter(|target| !owned.contains(target)).cloned();
    Ok(Ok(Verdict::Clear(Clear {
        free: free.collect(),
        owned,
        ends,
    })))
}

/// Those of the interfaces that EC2 shows; the inner error is EC2's.
pub(crate) fn existing<'a>(ids: &[InterfaceId], reader: &mut Reader<'a>) -> Asked<'a, HashSet<&'a InterfaceId>> {
    let mut existing = HashSet::new();
    let queries = ids
        .chunks(MAX_FILTER_VALUES)
        .map(|ids| InterfaceQuery::Ids(ids.to_vec()));
    for answer in reader.describe_network_interfaces(queries)? {
        match answer {
            Ok(found) => existing.extend(found.iter().map(|interface| &interface.id)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(existing))
}

/// The queries for the addresses of targets, by VPC and family. Outside of the target group's VPC, where ELB shows the zone
/// `all`, by the address alone.
pub(crate) fn queries(former: &[Former], reader: &mut Reader<'_>) -> Result<Vec<InterfaceQuery>, Halt> {
    let mut groups: Vec<&TargetGroupArn> = Vec::new();
    for Former { target, zone, .. } in former {
        if *zone == Zone::Own && !groups.contains(&&target.group) {
            groups.push(&target.group);
        }
    }
    let facts = reader.describe_target_groups(groups.iter().copied())?;
    // Where ELB refuses to answer, the VPC is not known.
    let vpcs: HashMap<&TargetGroupArn, &VpcId> = groups
        .into_iter()
        .zip(facts)
        .filter_map(|(group, facts)| Some((group, facts.ok()?.vpc.as_ref()?)))
        .collect();
    let mut parts: Vec<(Option<VpcId>, bool, Vec<IpAddr>)> = Vec::new();
    for Former { target, zone, .. } in former {
        let Ok(address) = target.target.id.parse::<IpAddr>() else {
            return Err(Failure::internal("a target of a network interface is no address").into());
        };
        let vpc = match zone {
            Zone::All => None,
            Zone::Own => vpcs.get(&target.group).map(|vpc| (*vpc).clone()),
        };
        let is_ipv6 = address.is_ipv6();
        match parts.iter_mut().find(|part| (&part.0, part.1) == (&vpc, is_ipv6)) {
            Some((_, _, addresses)) => addresses.push(address),
            None => parts.push((vpc, is_ipv6, vec![address])),
        }
    }
    let mut queries = Vec::new();
    for (vpc, _, mut addresses) in parts {
        addresses.sort_unstable();
        addresses.dedup();
        // The VPC takes one value.
        queries.extend(
            addresses
                .chunks(MAX_FILTER_VALUES - 1)
                .map(|chunk| InterfaceQuery::Addresses {
                    vpc: vpc.clone(),
                    addresses: chunk.to_vec(),
                }),
        );
    }
    Ok(queries)
}

/// For each target, the interfaces other than its former owner's that have its address.
pub(crate) fn others<'a>(
    former: &[Former],
    queries: &[InterfaceQuery],
    reader: &mut Reader<'a>,
) -> Asked<'a, Vec<Vec<&'a NetworkInterface>>> {
    let mut by_address: HashMap<IpAddr, Vec<&'a NetworkInterface>> = HashMap::new();
    for answer in reader.describe_network_interfaces(queries.iter().cloned())? {
        match answer {
            Ok(found) => {
                for interface in found {
                    for address in &interface.addresses {
                        by_address.entry(*address).or_default().push(interface);
                    }
                }
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    let of_target = |former: &Former| {
        let address: Option<IpAddr> = former.target.target.id.parse().ok();
        let shown = address.and_then(|address| by_address.get(&address));
        let others = shown.into_iter().flatten().copied();
        others
            .filter(|interface| former.interface.as_ref() != Some(&interface.id))
            .collect()
    };
    Ok(Ok(former.iter().map(of_target).collect()))
}

/// Whether ECS shows the task of an interface by now, if it has one: it has been attached for longer than ECS may lag.
pub(crate) fn is_attached_for_long(interface: &NetworkInterface, at: Timestamp) -> bool {
    let attached = interface.attached_at;
    attached.is_some_and(|attached| at.since(attached) >= timing::ECS_LAG)
}

/// Whether the task is attached to the target group with the target's port.
pub(crate) fn names(task: &Task, GroupTarget { group, target }: &GroupTarget) -> bool {
    let text = task.started_by.as_deref().unwrap_or_default();
    let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
    attachments
        .iter()
        .any(|attachment| attachment.group == *group && attachment.port == target.port)
}

/// Whether a live task, whose interface ECS does not show, has the target by its address.
pub(crate) fn has(task: &Task, target: &GroupTarget) -> bool {
    let addresses = task.network.addresses();
    let has_address = addresses.is_some_and(|addresses| addresses.has(&target.target.id));
    task.is_live() && task.interface.is_none() && has_address && names(task, target)
}

/// The failure of a deregistration that would come too late after EC2's answer.
pub(crate) fn out_of_time(whose: &str) -> Failure {
    let message = format!(
        "what EC2 showed of the addresses of {whose} was older than {} s when they were to be deregistered",
        timing::INTERFACE_PROOF.as_secs()
    );
    Failure::new(Category::OutOfTime, message)
}

/// The failure of a task that ECS shows as RUNNING, and whose interface EC2 does not show.
pub(crate) fn interface_is_gone(task: &TaskArn, interface: &InterfaceId) -> Failure {
    let message = format!(
        "DescribeTasks returns {task} as RUNNING, and EC2 does not show its network interface {interface}: it may have stopped"
    );
    Failure::new(Category::TaskNotVisible, message)
}
