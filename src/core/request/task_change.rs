//! ECS's own word of a task: an `ECS Task State Change`.

use std::time::Duration;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;

use crate::domain::task::{self, Task};
use crate::domain::timestamp::Timestamp;
use crate::input::problem::Problems;

/// An `ECS Task State Change`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskChange {
    /// The task as the event shows it.
    pub task: Task,
    /// When the event happened, by the envelope: whole seconds; to the millisecond where `updatedAt` tells the
    /// same second.
    pub happened_at: Option<Timestamp>,
    /// The same by `updatedAt`: milliseconds, for measuring.
    pub updated_at: Option<Timestamp>,
}

/// Reads an `ECS Task State Change`; `None` if there is a problem, which is noted then.
pub(crate) fn read(event: &EventBridgeEvent, problems: &mut Problems) -> Option<TaskChange> {
    // Nobody but AWS can send from an `aws.` source, so this tells ECS's word from a forged one.
    if event.source != "aws.ecs" {
        problems.invalid_text("event.source", &event.source, "only aws.ecs sends this detail-type");
    }
    let task = match task::from_event(&event.detail) {
        Ok(task) => task,
        Err(found) => {
            problems.extend(found);
            return None;
        }
    };
    let updated_at = event
        .detail
        .get("updatedAt")
        .and_then(Value::as_str)
        .and_then(Timestamp::parse);
    let happened_at = event.time.map(Timestamp::from);
    let is_same_second = |to_the_milli: &Timestamp| {
        happened_at
            .is_some_and(|second| second <= *to_the_milli && *to_the_milli < second.after(Duration::from_secs(1)))
    };
    let happened_at = updated_at.filter(is_same_second).or(happened_at);
    Some(TaskChange {
        task,
        happened_at,
        updated_at,
    })
}
