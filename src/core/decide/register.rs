//! A task is RUNNING: registers its targets.
//!
//! `DescribeTasks -> RegisterTargets per target group -> DescribeTasks -> CreateSchedule`, which is for their check
//! ([`readiness`]). The first snapshot contains the tags, which
//! events never contain, and shows a stop that has overtaken the event. The second closes the race with a stop that was
//! handled in between: if the task is stopping by then, what was registered is deregistered, unless a newer task owns it.
//! A stale event takes the careful way of a stop, as an earlier attempt at this same event may have registered and
//! crashed.
//!
//! An ECS that lags may show a task as RUNNING that has stopped. For a late event EC2 shows whether its network interface
//! still exists.
//!
//! A task that drains has a tag for it; with either snapshot it counts as a stop, so that a late RUNNING event does not
//! register its targets again.
//!
//! The targets are those of `startedBy`, from which a stop reads them; the tags name their containers. The tags also show
//! that a task belongs to another deployment, which is skipped ([`super::deployment`]); and a task that others started is
//! adopted only if its family is allowed. Tags that name other targets are an error: what a stop cannot find must not be
//! registered. A task without any tags is no error: StopTask deletes them, and the second snapshot shows the stop.

use std::time::Duration;

use super::failures::Failures;
use super::owners::addresses;
use super::targets::candidates::OwnerScope;
use super::targets::membership::by_group;
use super::targets::of_running;
use super::targets::snapshot::{self, newer, with_containers};
use super::{deployment, deregister, readiness, timing};
use crate::call::{CallError, ErrorKind};
use crate::config::Config;
use crate::domain::arn::{TargetGroupArn, TaskDefinition};
use crate::domain::target::{Attachment, GroupTarget, Target, Zone};
use crate::domain::task::Task;
use crate::journal::{AskedEach, Halt, Reader};
use crate::outcome::{Category, Failure, NextCheck, Outcome, Skip};
use crate::request::task_change::TaskChange;

/// Registers the targets of the task in `change`.
///
/// # Errors
/// With the next call, or with all failures.
pub fn register(
    change: &TaskChange,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let event = &change.task;
    // A target group that is not allowed has never had a target of the task.
    let allowed = &deployment::allowed(attachments, config);
    let Some(first) = snapshot::describe(event, reader)? else {
        let is_old = change
            .happened_at
            .is_some_and(|time| reader.now().since(time) >= timing::STOPPED_TASK_RETENTION);
        if is_old {
            return deregister::carefully(change, None, allowed, config, reader);
        }
        let message = format!("DescribeTasks does not return {} yet", event.arn);
        return Err(Failure::new(Category::TaskNotVisible, message).into());
    };
    // Events contain no tags, so only this snapshot shows the deployment's tag.
    if !deployment::is_this_deployments(first, config) {
        return Ok(Outcome::skipped(Skip::AnotherDeployment));
    }
    if !newer(event, first).is_live() || first.is_draining() {
        return deregister::carefully(change, Some(first), allowed, config, reader);
    }
    if !deployment::family_is_allowed(first, config) {
        return if deployment::is_adopted(first) {
            Ok(Outcome::skipped(Skip::FamilyNotAllowed))
        } else {
            Err(family_not_allowed(first).into())
        };
    }
    let attachments = &with_containers(first, attachments)?;

    let mut failures = Failures::default();
    let Found {
        targets,
        time_to_healthy,
    } = targets(event, first, attachments, config, reader, &mut failures)?;
    let mut unanswered = Failures::default();
    for answer in register_in_groups(&by_group(&targets), reader)? {
        if let Err(error) = answer {
            unanswered.add(error);
        }
    }
    if targets.is_empty() {
        let check = NextCheck::None;
        return failures.into_result(Outcome::Registered { targets, check });
    }
    // Even a call that failed may have been applied.
    match snapshot::describe(event, reader)? {
        Some(second) if newer(newer(event, first), second).is_live() && !second.is_draining() => {
            still_exists(change, first, reader)?;
            failures.extend(unanswered);
            // A retry of the event, or a person, comes first.
            if !failures.is_empty() {
                let check = NextCheck::None;
                return failures.into_result(Outcome::Registered { targets, check });
            }
            let check = readiness::schedule(change, first, &targets, time_to_healthy, config, reader)?;
            Ok(Outcome::Registered { targets, check })
        }
        // A call that was given up may take effect after this. Then the retry of the event, which is stale by then,
        // deregisters its target.
        Some(_) => {
            let owner_scope = OwnerScope::of_running(event, first);
            unanswered.into_result(deregister::undo(change, targets, &owner_scope, config, reader)?)
        }
        None => {
            let message = format!(
                "DescribeTasks returned {} a moment ago, and does not any more",
                event.arn
            );
            Err(Failure::new(Category::TaskNotVisible, message).into())
        }
    }
}

/// A late event may be of a task that has stopped since, and that ECS still shows as RUNNING: EC2 shows whether its network
/// interface is still there. If it is not, the event fails: once ECS shows the stop, its retry deregisters the targets.
fn still_exists(change: &TaskChange, snapshot: &Task, reader: &mut Reader<'_>) -> Result<(), Halt> {
    let now = reader.now();
    let is_late = change
        .happened_at
        .is_none_or(|time| now.since(time) >= timing::FRESH - timing::SKEW);
    let OwnerScope::Interface(id) = OwnerScope::of_running(&change.task, snapshot) else {
        return Ok(());
    };
    if !is_late {
        return Ok(());
    }
    match addresses::existing(std::slice::from_ref(&id), reader)? {
        Ok(existing) if existing.contains(&id) => Ok(()),
        Ok(_) => Err(addresses::interface_is_gone(&change.task.arn, &id).into()),
        Err(error) if !error.kind.is_transient() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// RegisterTargets in each target group, side by side, and once more with the zone `all` for addresses that may be outside
/// of the target group's VPC; one answer for each.
///
/// Events do not contain the VPC of a task. ELB shows it: without `AvailabilityZone` it refuses an address outside the
/// VPC with ValidationError, and with `all` an address inside with the same, so neither call can register what the other
/// should. If both are refused, the first error is returned.
pub(super) fn register_in_groups<'a>(
    of_groups: &[(TargetGroupArn, Vec<Target>)],
    reader: &mut Reader<'a>,
) -> AskedEach<'a, ()> {
    let mut answers = reader.register_targets(of_groups.iter().cloned(), Zone::Own)?;
    // `AvailabilityZone` is only for addresses.
    let is_refused =
        |answer: &Result<(), &CallError>| answer.is_err_and(|error| error.kind == ErrorKind::InvalidParameter);
    let refused: Vec<usize> = of_groups
        .iter()
        .zip(&answers)
        .enumerate()
        .filter(|(_, ((_, targets), answer))| is_refused(answer) && targets.iter().all(Target::is_address))
        .map(|(n, _)| n)
        .collect();
    let again = refused.iter().filter_map(|n| of_groups.get(*n)).cloned();
    for (n, answer) in refused.iter().zip(reader.register_targets(again, Zone::All)?) {
        if let (Some(first), Ok(())) = (answers.get_mut(*n), answer) {
            *first = Ok(());
        }
    }
    Ok(answers)
}

/// The targets of a task, and how long ELB takes to find them healthy.
struct Found {
    targets: Vec<GroupTarget>,
    /// The longest of all target groups.
    time_to_healthy: Duration,
}

/// The targets in all target groups that take the task; for each of the others a failure is added.
fn targets(
    event: &Task,
    snapshot: &Task,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Found, Halt> {
    let mut found = Found {
        targets: Vec::new(),
        time_to_healthy: Duration::ZERO,
    };
    let (allowed, others): (Vec<&Attachment>, Vec<&Attachment>) = attachments
        .iter()
        .partition(|attachment| config.allowed.target_groups.allows_target_group(&attachment.group));
    for Attachment { group, .. } in others {
        failures.add(Failure::new(
            Category::NotAllowed,
            format!("{group} is not in ALLOWED_TARGET_GROUPS"),
        ));
    }
    let facts = reader.describe_target_groups(allowed.iter().map(|attachment| &attachment.group))?;
    for (attachment, facts) in allowed.into_iter().zip(facts) {
        match facts {
            Ok(facts) => match of_running(attachment, facts, event, snapshot, reader)? {
                Ok(target) => {
                    found.targets.push(GroupTarget {
                        group: attachment.group.clone(),
                        target,
                    });
                    found.time_to_healthy = found.time_to_healthy.max(facts.time_to_healthy());
                }
                Err(refusal) => failures.add(refusal.failure(snapshot, attachment, facts)),
            },
            Err(error) => failures.add(error),
        }
    }
    Ok(found)
}

/// The failure of a task that start-engines has started, whose family is not allowed: the list has changed since, or
/// somebody else has set the tags. Not a skip, so that somebody notices.
fn family_not_allowed(snapshot: &Task) -> Failure {
    let definition = snapshot
        .task_definition
        .as_ref()
        .map_or("its family", TaskDefinition::as_str);
    let message = format!("{}: {definition} is not in ALLOWED_TASK_FAMILIES", snapshot.arn);
    Failure::new(Category::NotAllowed, message)
}
