//! Plans the repairs of one target group. Reads, and changes nothing.

use super::claims::{GroupClaims, Questioned};
use super::compare::{Owners, Stage, compare, registered};
use super::fleet::{Fleet, FleetTask};
use crate::call::{CallError, ErrorKind};
use crate::decide::failures::Failures;
use crate::decide::targets::of_running;
use crate::decide::targets::snapshot::with_containers;
use crate::domain::arn::TargetGroupArn;
use crate::domain::target::{Target, TargetGroup, TargetType};
use crate::journal::{Halt, Reader};
use crate::outcome::Failure;
use crate::outcome::plan::GroupPlan;
use crate::request::reconcile::ReconcileRequest;

/// The plan of a target group; `None` if it cannot be read, or does not exist.
pub(super) fn group(
    group: &TargetGroupArn,
    fleet: &Fleet,
    request: &ReconcileRequest,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Option<GroupPlan>, Halt> {
    let facts = match reader.describe_target_group(group)? {
        Ok(facts) => facts,
        Err(error) => return Ok(unreadable(group, fleet, error, failures)),
    };
    let members = match reader.describe_targets(group)? {
        Ok(members) => members,
        Err(error) => return Ok(unreadable(group, fleet, error, failures)),
    };
    let members = match facts.target_type {
        TargetType::Ip | TargetType::Instance => members,
        // None of its targets can be a task's.
        TargetType::Lambda | TargetType::Alb | TargetType::Unknown(_) => &[],
    };
    let mut claims = GroupClaims::of(group);
    let questioned = Questioned::of(registered(members));
    for fleet_task in fleet.of_group(group).filter(|fleet_task| fleet_task.task.is_live()) {
        let (stage, wanted) = if fleet_task.is_to_be_registered() {
            (Stage::Serving, targets(group, fleet_task, facts, reader, failures)?)
        } else {
            (Stage::Live, Vec::new())
        };
        claims.add(fleet_task, stage, wanted, &questioned, reader)?;
    }
    let live = Owners::among(claims.all());
    let questioned = Questioned::of(registered(members).filter(|target| live.of(target).is_none()));
    for fleet_task in fleet.of_group(group).filter(|fleet_task| !fleet_task.task.is_live()) {
        claims.add(
            fleet_task,
            fleet_task.stage_of_former(),
            Vec::new(),
            &questioned,
            reader,
        )?;
    }
    let plan = compare(group, claims.all(), members, &request.prune);
    Ok(Some(if request.deregisters_nothing {
        plan.withholding()
    } else {
        plan
    }))
}

/// The targets that a RUNNING task is to have in the target group; what it cannot have adds a failure.
fn targets(
    group: &TargetGroupArn,
    fleet_task: &FleetTask,
    facts: &TargetGroup,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<Target>, Halt> {
    let attachments = match with_containers(&fleet_task.task, &fleet_task.attachments) {
        Ok(attachments) => attachments,
        Err(failure) => {
            failures.add(failure);
            return Ok(Vec::new());
        }
    };
    let task = &fleet_task.task;
    let mut targets = Vec::new();
    for attachment in attachments.iter().filter(|attachment| attachment.group == *group) {
        match of_running(attachment, facts, task, task, reader)? {
            Ok(target) => targets.push(target),
            Err(refusal) => failures.add(refusal.failure(task, attachment, facts)),
        }
    }
    Ok(targets)
}

/// Adds the failure of a target group that cannot be read. One that is gone is a failure only if a task is to be
/// registered with it.
fn unreadable(group: &TargetGroupArn, fleet: &Fleet, error: &CallError, failures: &mut Failures) -> Option<GroupPlan> {
    let is_missed = fleet.of_group(group).any(FleetTask::is_to_be_registered);
    if error.kind != ErrorKind::TargetGroupNotFound || is_missed {
        failures.add(of_group(group, error));
    }
    None
}

/// The failure of a call, with its target group in the message.
pub(super) fn of_group(group: &TargetGroupArn, error: &CallError) -> Failure {
    let failure = Failure::from(error);
    Failure {
        message: format!("{group}: {}", failure.message),
        ..failure
    }
}
