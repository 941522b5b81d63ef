//! A task is RUNNING: put its targets into their groups.
//!
//! `DescribeTasks -> RegisterTargets per group -> DescribeTasks`. The first look brings the tags,
//! which events never carry, and shows a stop that has overtaken the event. The second closes the
//! race with a stop that was handled in between: if the task is stopping by then, what was
//! registered is undone, the careful way. An event found stale goes the careful way too, as an
//! earlier try of this same event may have registered and crashed.
//!
//! The targets are those of `startedBy`, as a stop will read them; the tags name their
//! containers. Tags that name other targets are an error: what a stop cannot find must not be
//! registered. No tags at all is none: StopTask deletes them, and the second look tells.

use super::{Failures, Halt, detach, timing};
use crate::config::Config;
use crate::journal::Reader;
use crate::outcome::{Failure, GroupTarget, Outcome};
use crate::tags;
use crate::target::{AddressFamily, Attachment, Target, TargetGroup, TargetType};
use crate::task::{Addresses, Network, Phase, Task};
use crate::trigger::TaskChange;

/// Registers the targets of the task in `change`.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn attach(
    change: &TaskChange,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let event = &change.task;
    let Some(look) = look(event, reader)? else {
        let is_old = change
            .happened_at
            .is_some_and(|time| reader.now().since(time) >= timing::STOPPED_TASKS_STAY);
        if is_old {
            return detach::carefully(event, None, attachments, config, reader);
        }
        let message = format!("DescribeTasks does not know {} yet", event.arn);
        return Err(Failure::transient("task_not_visible", message).into());
    };
    if !newer(event, look).is_wanted() {
        return detach::carefully(event, Some(look), attachments, config, reader);
    }
    check_tags(look, attachments)?;

    let mut failures = Failures::default();
    let mut targets = Vec::new();
    for attachment in attachments {
        if !config.allowed.target_groups.allows_target_group(&attachment.group) {
            let message = format!("{} is not in ALLOWED_TARGET_GROUPS", attachment.group);
            failures.add(Failure::permanent("not_allowed", message));
            continue;
        }
        let facts = match reader.describe_target_group(&attachment.group)? {
            Ok(facts) => facts,
            Err(error) => {
                failures.add(error);
                continue;
            }
        };
        match target(attachment, facts, event, look) {
            Ok(target) => targets.push(GroupTarget {
                group: attachment.group.clone(),
                target,
            }),
            Err(failure) => failures.add(failure),
        }
    }
    for (group, of_group) in detach::by_group(&targets) {
        if let Err(error) = reader.register_targets(&group, of_group)? {
            failures.add(error);
        }
    }
    if targets.is_empty() {
        return failures.into_result(Outcome::Registered { targets });
    }
    // Even a call that failed may have been applied.
    match self::look(event, reader)? {
        Some(second) if newer(newer(event, look), second).is_wanted() => {
            failures.into_result(Outcome::Registered { targets })
        }
        Some(second) => detach::carefully(event, Some(second), attachments, config, reader),
        None => {
            let message = format!("DescribeTasks knew {} a moment ago, and does not any more", event.arn);
            Err(Failure::transient("task_not_visible", message).into())
        }
    }
}

/// The task as DescribeTasks shows it; `None` if ECS does not know it.
pub(super) fn look<'a>(task: &Task, reader: &mut Reader<'a>) -> Result<Option<&'a Task>, Halt> {
    let tasks = reader.describe_tasks(&task.cluster, vec![task.arn.clone()])??;
    Ok(tasks.iter().find(|found| found.arn == task.arn))
}

/// Of two snapshots of one task, the one with the higher version: DescribeTasks can lag the event.
fn newer<'a>(one: &'a Task, other: &'a Task) -> &'a Task {
    if other.version >= one.version { other } else { one }
}

fn check_tags(look: &Task, attachments: &[Attachment]) -> Result<(), Failure> {
    let tagged = tags::decode(&look.tags).attachments;
    let bare = |attachment: &Attachment| (attachment.group.clone(), attachment.port);
    if tagged.is_empty() || tagged.iter().map(bare).eq(attachments.iter().map(bare)) {
        return Ok(());
    }
    let message = format!(
        "the tags of {} name other targets than its startedBy, which a stop goes by: start it again with both alike",
        look.arn
    );
    Err(Failure::permanent("targets_mismatch", message))
}

/// The target that a group takes for this task.
fn target(attachment: &Attachment, facts: &TargetGroup, event: &Task, look: &Task) -> Result<Target, Failure> {
    let group = &attachment.group;
    let addresses = match newer(event, look)
        .network
        .addresses()
        .or(event.network.addresses())
        .or(look.network.addresses())
    {
        Some(addresses) => addresses,
        None => return Err(no_address(event, look)),
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
    address(addresses, facts.family)
        .map(|id| Target {
            id,
            port: attachment.port,
        })
        .ok_or_else(|| family_mismatch(attachment, facts.family, event))
}

/// The address of a family, as ELB writes it.
pub(super) fn address(addresses: &Addresses, family: AddressFamily) -> Option<String> {
    match family {
        AddressFamily::Ipv4 => addresses.ipv4.map(|address| address.to_string()),
        AddressFamily::Ipv6 => addresses.ipv6.map(|address| address.to_string()),
    }
}

fn family_mismatch(attachment: &Attachment, family: AddressFamily, event: &Task) -> Failure {
    let (needed, change) = match family {
        AddressFamily::Ipv4 => (
            "IPv4",
            "use a target group of IP address type ipv6, or a subnet with IPv4",
        ),
        AddressFamily::Ipv6 => (
            "IPv6",
            "use a target group of IP address type ipv4, or a dual-stack subnet",
        ),
    };
    let message = format!(
        "{} needs an {needed} address, and {} has none: {change}",
        attachment.group, event.arn
    );
    Failure::permanent("address_family_mismatch", message)
}

fn no_address(event: &Task, look: &Task) -> Failure {
    let on_instance = |task: &Task| matches!(task.network, Network::ContainerInstance { .. });
    if event.phase() == Phase::Running && (on_instance(event) || on_instance(look)) {
        let message = format!(
            "{} has no network interface of its own, and this version registers only tasks of network mode awsvpc",
            event.arn
        );
        return Failure::permanent("unsupported_network_mode", message);
    }
    let message = format!(
        "neither the event nor DescribeTasks tells an address of {} yet",
        event.arn
    );
    Failure::transient("address_missing", message)
}
