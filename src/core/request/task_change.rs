//! Reads ECS's own events, `ECS Task State Change`.

use std::time::Duration;

use serde_json::Value;

use super::envelope::Event;
use super::later::Later;
use super::sender::Sender;
use crate::config::Config;
use crate::domain::task::{self, Task};
use crate::domain::timestamp::Timestamp;
use crate::input::problem::Problems;

/// The `source` of ECS's own events. Only AWS can send events with a source that begins with `aws.` to a bus.
pub(crate) const SOURCE: &str = "aws.ecs";

/// A state change: an `ECS Task State Change` from ECS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskChange {
    /// The task as it is in the event; never with tags.
    pub task: Task,
    /// When the change happened: the envelope's `time`, in whole seconds; or `updatedAt`, in milliseconds, if it is in
    /// the same second.
    pub happened_at: Option<Timestamp>,
    /// `updatedAt`, in milliseconds, for measurements.
    pub updated_at: Option<Timestamp>,
    /// How a late stop goes on if it does not fit into one invocation; without it, it cannot go on.
    pub later: Option<Later>,
}

/// Reads a state change; records every problem, and returns `None` if there is one.
pub(crate) fn read(event: &Event, sender: &Sender<'_>, config: &Config, problems: &mut Problems) -> Option<TaskChange> {
    // A forged event has another source.
    if event.source != SOURCE {
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
    let happened_at = event.time;
    let is_same_second = |to_the_milli: &Timestamp| {
        happened_at
            .is_some_and(|second| second <= *to_the_milli && *to_the_milli < second.after(Duration::from_secs(1)))
    };
    let happened_at = updated_at.filter(is_same_second).or(happened_at);
    Some(TaskChange {
        task,
        happened_at,
        updated_at,
        later: sender.later(config),
    })
}
