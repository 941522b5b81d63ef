//! Targets of tasks with a network interface of their own (network mode `awsvpc`): its address and
//! the container's port, in groups of target type `ip`.
//!
//! Must not know container instances.

use super::address::{address, family_mismatch, no_address};
use super::snapshot;
use crate::call::{CallError, ErrorKind};
use crate::decide::failures::Failures;
use crate::domain::target::{AddressFamily, Attachment, GroupTarget, Target, TargetGroup, TargetType};
use crate::domain::task::{Addresses, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::{Failure, Skip};

/// The target that a group takes for a RUNNING task.
pub(crate) fn of_running(
    attachment: &Attachment,
    facts: &TargetGroup,
    event: &Task,
    look: &Task,
) -> Result<Target, Failure> {
    let group = &attachment.group;
    let Some(addresses) = known_addresses(event, Some(look)) else {
        return Err(no_address(event));
    };
    match &facts.target_type {
        TargetType::Ip => {}
        other @ (TargetType::Instance | TargetType::Lambda | TargetType::Alb | TargetType::Unknown(_)) => {
            let message = format!(
                "{group} takes targets of type {other}, and a task with its own network interface is one of type ip: use a target group of target type ip"
            );
            return Err(Failure::permanent("target_type_mismatch", message));
        }
    }
    address(&addresses, facts.family)
        .map(|id| Target {
            id,
            port: attachment.port,
        })
        .ok_or_else(|| family_mismatch(attachment, facts.family, event))
}

/// Every target that a stopping task can have registered, or why there can be none.
///
/// Where the event does not tell which addresses the task has, or it has one of either family, the
/// group's facts and DescribeTasks are asked.
pub(crate) fn of_stopping<'a>(
    task: &Task,
    mut look: Option<&'a Task>,
    attachments: &[Attachment],
    reader: &mut Reader<'a>,
    failures: &mut Failures,
) -> Result<Result<Vec<GroupTarget>, Skip>, Halt> {
    if known_addresses(task, look).is_none() && task.started_at.is_none() {
        return Ok(Err(Skip::NeverHadAnAddress));
    }
    // It has none of that family yet, and nobody else has left it one.
    let never_ran = task.never_ran();
    let mut targets = Vec::new();
    for attachment in attachments {
        let family = match certain_family(known_addresses(task, look)) {
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
        let mut id = known_addresses(task, look).and_then(|addresses| address(&addresses, family));
        let is_complete = |look| known_addresses(task, look).is_some_and(|addresses| addresses.complete);
        if id.is_none() && !never_ran && !is_complete(look) && look.is_none() {
            look = snapshot::describe(task, reader)?;
            id = known_addresses(task, look).and_then(|addresses| address(&addresses, family));
        }
        match id {
            Some(id) => targets.push(GroupTarget {
                group: attachment.group.clone(),
                target: Target {
                    id,
                    port: attachment.port,
                },
            }),
            // It has no address that this group takes, so it never was registered in it.
            None if never_ran || is_complete(look) => {}
            None => failures.add(unknown_address(task)),
        }
    }
    Ok(Ok(targets))
}

/// All addresses that either snapshot tells: an interface keeps its addresses for life.
fn known_addresses(event: &Task, look: Option<&Task>) -> Option<Addresses> {
    let of_event = event.network.addresses().copied();
    let of_look = look.and_then(|look| look.network.addresses().copied());
    let (Some(one), Some(other)) = (of_event, of_look) else {
        return of_event.or(of_look);
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

fn unknown_address(task: &Task) -> Failure {
    let message = format!(
        "{} has been RUNNING, but neither the event nor DescribeTasks tells its address: take its target out by hand",
        task.arn
    );
    Failure::permanent("address_unknown", message)
}
