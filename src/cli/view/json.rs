//! Tasks and targets as JSON, for programs: the form that `docs/command.md` documents.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use start_engines_core::domain::arn::TaskDefinition;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::outcome::Failure;

use super::health;
use crate::fleet::{GroupMember, TargetStatus, TaskStatus};

/// An array whose values are made one after the other, while they are written.
pub(super) struct Each<F>(pub(super) F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

/// What could not be read or done.
pub(super) fn failure(failure: &Failure) -> Value {
    json!({"category": failure.category.name(), "message": failure.message})
}

/// A task with its targets.
#[must_use]
pub fn task(status: &TaskStatus) -> Value {
    json!({
        "taskArn": status.arn.as_str(),
        "service": status.service.as_deref(),
        "taskDefinition": status.definition.as_ref().map(TaskDefinition::as_str),
        "lastStatus": status.last_status.to_string(),
        "desiredStatus": status.desired_status.to_string(),
        "createdAt": status.created_at.and_then(Timestamp::to_rfc3339),
        "startedAt": status.started_at.and_then(Timestamp::to_rfc3339),
        "drainsUntil": status.stop_at,
        "stopReason": status.stop,
        "eventId": status.event_id,
        "correlationId": status.correlation_id,
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

/// Adds id, port, state and reason of a registered target, and what the reason means.
pub(super) fn set_member(json: &mut Value, member: &GroupMember) {
    json["id"] = json!(member.target.id);
    json["port"] = json!(member.target.port.number());
    json["state"] = json!(&*member.state);
    json["reason"] = json!(member.reason.as_deref());
    json["meaning"] = json!(member.reason.as_deref().map(health::words));
}
