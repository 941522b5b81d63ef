//! Tasks and targets as JSON, for programs: the form that `docs/command.md` documents.

use serde_json::{Value, json};
use start_engines_core::domain::timestamp::Timestamp;

use crate::fleet::{GroupMember, TargetStatus, TaskStatus};

/// A task with its targets.
#[must_use]
pub fn task(status: &TaskStatus) -> Value {
    let seen = &status.seen;
    let marks = seen.marks();
    json!({
        "taskArn": seen.task.arn.as_str(),
        "service": status.service,
        "taskDefinition": seen.definition,
        "lastStatus": seen.task.last_status.to_string(),
        "desiredStatus": seen.task.desired_status.to_string(),
        "createdAt": seen.created_at.and_then(Timestamp::to_rfc3339),
        "startedAt": seen.task.started_at.and_then(Timestamp::to_rfc3339),
        "drainsUntil": seen.stop_at(),
        "stopReason": (!seen.task.is_wanted()).then(|| seen.task.stop.to_string()),
        "eventId": marks.event_id,
        "correlationId": marks.correlation_id,
        "targets": status.targets.iter().map(target).collect::<Value>(),
    })
}

fn target(status: &TargetStatus) -> Value {
    let mut told = json!({
        "targetGroupArn": status.attachment.group.as_str(),
        "containerPort": status.attachment.port.number(),
        "registered": status.is_registered(),
    });
    if let Some(member) = &status.member {
        put_member(&mut told, member);
    }
    told
}

/// What a group has of a target.
pub(super) fn put_member(told: &mut Value, member: &GroupMember) {
    told["id"] = json!(member.target.id);
    told["port"] = json!(member.target.port.number());
    told["state"] = json!(member.state);
    told["reason"] = json!(member.reason);
}
