//! A task is RUNNING: put its targets into their groups.
//!
//! `DescribeTasks -> RegisterTargets per group -> DescribeTasks`. The first look brings the tags,
//! which events never carry, and shows a stop that has overtaken the event. The second closes the
//! race with a stop that was handled in between: if the task is stopping by then, what was
//! registered is taken back, unless a newer task owns it. An event found stale goes the careful way
//! of a stop, as an earlier try of this same event may have registered and crashed.
//!
//! A task that is asked to stop, but still has its time to drain, carries a tag for it; both looks
//! treat it like a stop, so that a RUNNING event that comes late does not bring its target back.
//!
//! The targets are those of `startedBy`, as a stop will read them; the tags name their
//! containers. The tags also tell another deployment's task, which is left alone ([`super::deployment`]); and a
//! task that others started is adopted only if its family is allowed. Tags that name other targets are an error: what a stop cannot find must not be
//! registered. No tags at all is none: StopTask deletes them, and the second look tells.

use super::failures::Failures;
use super::targets::candidates::OwnerScope;
use super::targets::membership::by_group;
use super::targets::of_running;
use super::targets::snapshot::{self, newer, with_containers};
use super::{deployment, deregister, timing};
use crate::call::{CallError, ErrorKind, Zone};
use crate::config::Config;
use crate::domain::arn::{TargetGroupArn, TaskDefinition};
use crate::domain::target::{Attachment, GroupTarget, Target};
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome, Skip};
use crate::request::task_change::TaskChange;

/// Registers the targets of the task in `change`.
///
/// # Errors
/// With the next call, or with all that went wrong.
pub fn register(
    change: &TaskChange,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let event = &change.task;
    // What was not allowed was never registered.
    let allowed = &deployment::allowed(attachments, config);
    let Some(first) = snapshot::describe(event, reader)? else {
        let is_old = change
            .happened_at
            .is_some_and(|time| reader.now().since(time) >= timing::STOPPED_TASK_RETENTION);
        if is_old {
            return deregister::carefully(event, None, allowed, config, reader);
        }
        let message = format!("DescribeTasks does not know {} yet", event.arn);
        return Err(Failure::new(Category::TaskNotVisible, message).into());
    };
    // The event has no tags, so this is the first that shows the tag of a deployment.
    if !deployment::is_ours(first, config) {
        return Ok(Outcome::skipped(Skip::AnotherDeployment));
    }
    if !newer(event, first).is_wanted() || first.is_draining() {
        return deregister::carefully(event, Some(first), allowed, config, reader);
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
    let targets = targets(event, first, attachments, config, reader, &mut failures)?;
    let mut unanswered = Failures::default();
    for (group, of_group) in by_group(&targets) {
        if let Err(error) = register_in_group(&group, of_group, reader)? {
            unanswered.add(error);
        }
    }
    if targets.is_empty() {
        return failures.into_result(Outcome::Registered { targets });
    }
    // Even a call that failed may have been applied.
    match snapshot::describe(event, reader)? {
        Some(second) if newer(newer(event, first), second).is_wanted() && !second.is_draining() => {
            failures.extend(unanswered);
            failures.into_result(Outcome::Registered { targets })
        }
        // A call that was given up may land after this: then the retry of the event, which is stale
        // by then, takes its target out.
        Some(_) => {
            let owner_scope = OwnerScope::of_running(event, first);
            unanswered.into_result(deregister::undo(event, targets, &owner_scope, config, reader)?)
        }
        None => {
            let message = format!("DescribeTasks knew {} a moment ago, and does not any more", event.arn);
            Err(Failure::new(Category::TaskNotVisible, message).into())
        }
    }
}

/// RegisterTargets, and once more for addresses that may be outside of the group's VPC.
///
/// The events do not tell the VPC of a task. ELB does: without `AvailabilityZone` it refuses an
/// address outside with ValidationError, and with `all` one inside with the same, so neither call
/// can register what the other should have. If both are refused, the first one's reason counts.
pub(super) fn register_in_group<'a>(
    group: &TargetGroupArn,
    targets: Vec<Target>,
    reader: &mut Reader<'a>,
) -> Result<Result<(), &'a CallError>, Halt> {
    let refused = match reader.register_targets(group, targets.clone(), Zone::Own)? {
        Err(error) if error.kind == ErrorKind::InvalidParameter => error,
        other => return Ok(other),
    };
    // Instances have no zone to choose.
    if !targets.iter().all(Target::is_address) {
        return Ok(Err(refused));
    }
    Ok(reader.register_targets(group, targets, Zone::All)?.map_err(|_| refused))
}

/// The targets of all groups that take the task; the others are noted as failures.
fn targets(
    event: &Task,
    snapshot: &Task,
    attachments: &[Attachment],
    config: &Config,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<GroupTarget>, Halt> {
    let mut targets = Vec::new();
    for attachment in attachments {
        let group = &attachment.group;
        if !config.allowed.target_groups.allows_target_group(group) {
            failures.add(Failure::new(
                Category::NotAllowed,
                format!("{group} is not in ALLOWED_TARGET_GROUPS"),
            ));
            continue;
        }
        match reader.describe_target_group(group)? {
            Ok(facts) => match of_running(attachment, facts, event, snapshot, reader)? {
                Ok(target) => targets.push(GroupTarget {
                    group: group.clone(),
                    target,
                }),
                Err(refusal) => failures.add(refusal.failure(snapshot, attachment, facts)),
            },
            Err(error) => failures.add(error),
        }
    }
    Ok(targets)
}

/// The list has changed since the task was started, or somebody else has given it the tags of our own: that is to be
/// seen.
fn family_not_allowed(snapshot: &Task) -> Failure {
    let definition = snapshot
        .task_definition
        .as_ref()
        .map_or("its family", TaskDefinition::as_str);
    let message = format!("{}: {definition} is not in ALLOWED_TASK_FAMILIES", snapshot.arn);
    Failure::new(Category::NotAllowed, message)
}
