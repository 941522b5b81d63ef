//! Tasks and targets as JSON, for programs: the form that `docs/command.md` documents.

use serde_json::{Value, json};
use start_engines_core::domain::timestamp::Timestamp;

use crate::fleet::{GroupMember, TargetStatus, TaskStatus};

/// A task with its targets.
#[must_use]
pub fn task(status: &TaskStatus) -> Value {
    let snapshot = &status.snapshot;
    let marks = snapshot.marks();
    json!({
        "taskArn": snapshot.task.arn.as_str(),
        "service": status.service,
        "taskDefinition": snapshot.definition,
        "lastStatus": snapshot.task.last_status.to_string(),
        "desiredStatus": snapshot.task.desired_status.to_string(),
        "createdAt": snapshot.created_at.and_then(Timestamp::to_rfc3339),
        "startedAt": snapshot.task.started_at.and_then(Timestamp::to_rfc3339),
        "drainsUntil": snapshot.stop_at(),
        "stopReason": (!snapshot.task.is_live()).then(|| snapshot.task.stop.to_string()),
        "eventId": marks.event_id,
        "correlationId": marks.correlation_id,
        "targets": status.targets.iter().map(target).collect::<Value>(),
    })
}

fn target(status: &TargetStatus) -> Value {
    let mut json = json!({
        "targetGroupArn": status.attachment.group.as_str(),
        "containerPort": status.attachment.port.number(),
        "registered": status.is_registered(),
    });
    if let Some(member) = &status.member {
        set_member(&mut json, member);
    }
    json
}

/// Adds id, port, state and reason of a registered target.
pub(super) fn set_member(json: &mut Value, member: &GroupMember) {
    json["id"] = json!(member.target.id);
    json["port"] = json!(member.target.port.number());
    json["state"] = json!(member.state);
    json["reason"] = json!(member.reason);
}
