//! What is to be done in one group. Reads, and changes nothing.

use std::collections::HashMap;

use super::super::attach::with_containers;
use super::super::targets::of_running;
use super::super::{Failures, Halt};
use super::fleet::{Fleet, Ours};
use super::owners::Owners;
use crate::arn::TargetGroupArn;
use crate::call::{CallError, ErrorKind};
use crate::journal::Reader;
use crate::outcome::{Failure, GroupTarget};
use crate::plan::{Change, GroupPlan, Why};
use crate::reconcile::ReconcileRequest;
use crate::target::{Target, TargetGroup, TargetHealth, TargetType};

/// The plan of a group; `None` if it cannot be told, or there is no such group.
pub(super) fn group(
    group: &TargetGroupArn,
    fleet: &Fleet<'_>,
    request: &ReconcileRequest,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Option<GroupPlan>, Halt> {
    let facts = match reader.describe_target_group(group)? {
        Ok(facts) => facts,
        Err(error) => return Ok(unseen(group, fleet, error, failures)),
    };
    let members = match reader.describe_targets(group)? {
        Ok(members) => members,
        Err(error) => return Ok(unseen(group, fleet, error, failures)),
    };
    let states: HashMap<&Target, &TargetHealth> = members.iter().map(|(target, health)| (target, health)).collect();
    let mut plan = GroupPlan {
        group: group.clone(),
        register: Vec::new(),
        deregister: Vec::new(),
        unknown: Vec::new(),
    };
    for ours in fleet.of_group(group).filter(|ours| ours.is_to_be_registered()) {
        for target in targets(group, ours, facts, reader, failures)? {
            let why = match states.get(&target) {
                Some(TargetHealth::Registered(_)) => continue,
                Some(TargetHealth::Draining) => Why::Draining,
                Some(TargetHealth::NotRegistered) | None => Why::Missing,
            };
            plan.register.push(Change {
                target,
                task: Some(ours.task.arn.clone()),
                why,
            });
        }
    }
    match facts.target_type {
        TargetType::Ip | TargetType::Instance => {}
        // Nothing in it can be a task's.
        TargetType::Lambda | TargetType::Alb | TargetType::Unknown(_) => return Ok(Some(plan)),
    }
    let live = Owners::of(group, fleet.of_group(group).filter(|ours| ours.task.is_wanted()));
    let former = Owners::of(group, fleet.of_group(group).filter(|ours| !ours.task.is_wanted()));
    for (target, health) in members {
        let is_in = matches!(health, TargetHealth::Registered(_));
        if !is_in || live.find(target, reader)?.is_some() {
            continue;
        }
        let (task, why) = match former.find_former(target, reader)? {
            Some(task) => (Some(task.arn.clone()), Why::Left),
            None if is_named(request, group, target) => (None, Why::Pruned),
            None => {
                plan.unknown.push(target.clone());
                continue;
            }
        };
        plan.deregister.push(Change {
            target: target.clone(),
            task,
            why,
        });
    }
    Ok(Some(plan))
}

fn is_named(request: &ReconcileRequest, group: &TargetGroupArn, target: &Target) -> bool {
    let is_same = |named: &GroupTarget| named.group == *group && named.target == *target;
    request.prune.iter().any(is_same)
}

/// The targets that a RUNNING task is to have in the group.
fn targets(
    group: &TargetGroupArn,
    ours: &Ours<'_>,
    facts: &TargetGroup,
    reader: &mut Reader<'_>,
    failures: &mut Failures,
) -> Result<Vec<Target>, Halt> {
    let attachments = match with_containers(ours.task, &ours.attachments) {
        Ok(attachments) => attachments,
        Err(failure) => {
            failures.add(failure);
            return Ok(Vec::new());
        }
    };
    let mut targets = Vec::new();
    for attachment in attachments.iter().filter(|attachment| attachment.group == *group) {
        match of_running(attachment, facts, ours.task, ours.task, reader)? {
            Ok(target) => targets.push(target),
            Err(failure) => failures.add(failure),
        }
    }
    Ok(targets)
}

/// A group that cannot be looked at. One that is gone is missed only by tasks that are to be in it.
fn unseen(group: &TargetGroupArn, fleet: &Fleet<'_>, error: &CallError, failures: &mut Failures) -> Option<GroupPlan> {
    let is_missed = fleet.of_group(group).any(Ours::is_to_be_registered);
    if error.kind != ErrorKind::TargetGroupNotFound || is_missed {
        failures.add(of_group(group, error));
    }
    None
}

/// The failure of a call, with the group that it was for.
pub(super) fn of_group(group: &TargetGroupArn, error: &CallError) -> Failure {
    let failure = Failure::from(error);
    Failure {
        message: format!("{group}: {}", failure.message),
        ..failure
    }
}
