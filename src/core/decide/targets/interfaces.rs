//! Targets of tasks with their own network interface (network mode `awsvpc`): its address and the container's port, in
//! target groups of target type `ip`.
//!
//! Must not know container instances.

use super::refusal::{self, Refusal};
use super::snapshot;
use crate::call::{CallError, ErrorKind};
use crate::decide::failures::Failures;
use crate::domain::target::{AddressFamily, Attachment, GroupTarget, Target, TargetGroup, TargetType};
use crate::domain::task::{Addresses, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::Skip;

/// The target that a target group takes for a RUNNING task, or why it takes none.
pub(crate) fn of_running(
    attachment: &Attachment,
    facts: &TargetGroup,
    event: &Task,
    snapshot: &Task,
) -> Result<Target, Refusal<'static>> {
    let addresses = known_addresses(event, Some(snapshot)).ok_or(Refusal::NoAddressYet)?;
    match &facts.target_type {
        TargetType::Ip => {}
        TargetType::Instance | TargetType::Lambda | TargetType::Alb | TargetType::Unknown(_) => {
            return Err(Refusal::NotOfTypeIp);
        }
    }
    let id = addresses.of_family(facts.family).ok_or(Refusal::NoAddressOfFamily)?;
    Ok(Target {
        id,
        port: attachment.port,
    })
}

/// Every target that a stopping task can have registered, or why there can be none.
///
/// Where the event does not contain all addresses, or the task has one of each family, this calls DescribeTargetGroups,
/// and DescribeTasks if an address is missing.
pub(crate) fn of_stopping<'s, 'a: 's>(
    task: &Task,
    mut snapshot: Option<&'s Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Vec<GroupTarget>, Skip>, Halt> {
    if known_addresses(task, snapshot).is_none() && task.started_at.is_none() {
        return Ok(Err(Skip::NeverHadAnAddress));
    }
    // A missing address is no failure then: it has none of that family yet, so nothing can be registered with it.
    let never_ran = task.never_ran();
    let mut targets = Vec::new();
    for attachment in attachments {
        let family = match certain_family(known_addresses(task, snapshot)) {
            Some(family) => family,
            None => match reader.describe_target_group(&attachment.group)? {
                Ok(facts) => facts.family,
                Err(CallError {
                    kind: ErrorKind::TargetGroupNotFound,
                    ..
                }) => continue,
                Err(error) => {
                    failures.add(error);
                    continue;
                }
            },
        };
        let mut id = known_addresses(task, snapshot).and_then(|addresses| addresses.of_family(family));
        let is_complete = |snapshot| known_addresses(task, snapshot).is_some_and(|addresses| addresses.complete);
        if id.is_none() && !never_ran && !is_complete(snapshot) && snapshot.is_none() {
            snapshot = snapshot::describe(task, reader)?;
            id = known_addresses(task, snapshot).and_then(|addresses| addresses.of_family(family));
        }
        match id {
            Some(id) => targets.push(GroupTarget {
                group: attachment.group.clone(),
                target: Target {
                    id,
                    port: attachment.port,
                },
            }),
            // It has no address of this target group's family, so it was never registered.
            None if never_ran || is_complete(snapshot) => {}
            None => failures.add(refusal::address_unknown(task)),
        }
    }
    Ok(Ok(targets))
}

/// The addresses in event and snapshot together: a network interface keeps its addresses for life.
fn known_addresses(event: &Task, snapshot: Option<&Task>) -> Option<Addresses> {
    let of_event = event.network.addresses().copied();
    let of_snapshot = snapshot.and_then(|snapshot| snapshot.network.addresses().copied());
    let (Some(one), Some(other)) = (of_event, of_snapshot) else {
        return of_event.or(of_snapshot);
    };
    Some(Addresses {
        ipv4: one.ipv4.or(other.ipv4),
        ipv6: one.ipv6.or(other.ipv6),
        complete: one.complete || other.complete,
    })
}

/// The family of a task that has just one address, if that is certain.
fn certain_family(addresses: Option<Addresses>) -> Option<AddressFamily> {
    let addresses = addresses.filter(|addresses| addresses.complete)?;
    match (addresses.ipv4, addresses.ipv6) {
        (Some(_), None) => Some(AddressFamily::Ipv4),
        (None, Some(_)) => Some(AddressFamily::Ipv6),
        (Some(_), Some(_)) | (None, None) => None,
    }
}
