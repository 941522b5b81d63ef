//! An event's envelope: the fields that EventBridge puts around every `detail`.

use serde_json::Value;

use super::other_shapes;
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::{Problems, shorten};

/// The detail-type of starts.
pub const START: &str = "Start ECS Task";

/// The detail-type of stops.
pub const STOP: &str = "Stop ECS Task";

/// The detail-type of reconciles: compare tasks with targets, and repair.
pub const RECONCILE: &str = "Reconcile ECS Targets";

/// The detail-type with which a late stop goes on. Only start-engines itself sends it, by a one-time schedule.
pub const DEREGISTER: &str = "Deregister ECS Targets";

/// The detail-type with which the health of registered targets is checked. Only start-engines itself sends it, by a
/// one-time schedule.
pub const CHECK: &str = "Check ECS Targets";

/// The detail-type of ECS's own events, the state changes.
pub const TASK_STATE_CHANGE: &str = "ECS Task State Change";

/// What the log shows of any event, valid or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `id`.
    pub id: Option<String>,
    /// `detail-type`.
    pub detail_type: Option<String>,
    /// `detail.correlationId`.
    pub correlation_id: Option<String>,
}

impl Envelope {
    /// Reads what the event contains of it; values are shortened and escaped.
    #[must_use]
    pub fn of(event: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(shorten);
        Self {
            id: text(event.get("id")),
            detail_type: text(event.get("detail-type")),
            correlation_id: text(event.pointer("/detail/correlationId")),
        }
    }
}

/// An EventBridge event with one of the detail-types above.
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) detail_type: &'static str,
    pub(crate) source: String,
    pub(crate) time: Option<Timestamp>,
    pub(crate) detail: Value,
}

/// Reads an EventBridge event with one of the detail-types above; otherwise records every problem and returns `None`.
pub(crate) fn read(mut event: Value, problems: &mut Problems) -> Option<Event> {
    let mut fields = Fields::of(&event, "event", problems)?;
    if let (None, Some(object)) = (fields.raw("detail-type"), event.as_object()) {
        other_shapes::check(object, problems);
        if !problems.is_empty() {
            return None;
        }
    }
    let detail_type = fields.read("detail-type", problems, |value| {
        let mut known = [START, STOP, RECONCILE, DEREGISTER, CHECK, TASK_STATE_CHANGE].into_iter();
        known
            .find(|known| value.as_str() == Some(known))
            .ok_or_else(|| format!("must be \"{START}\", \"{STOP}\", \"{RECONCILE}\" or \"{TASK_STATE_CHANGE}\""))
    });
    let source = fields.text("source", 256, problems);
    let id = fields.text("id", 1024, problems);
    let time = fields.read("time", problems, |value| {
        let time = value.as_str().and_then(Timestamp::parse);
        time.ok_or_else(|| "must be a time as in 2026-11-20T07:00:00Z".to_owned())
    });
    for name in ["detail-type", "source"] {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), "every EventBridge event has this field");
        }
    }
    match fields.raw("detail") {
        None => problems.missing("detail", "must be a JSON object"),
        Some(detail) if !detail.is_object() => problems.wrong_kind("detail", detail, "must be a JSON object"),
        Some(_) => {}
    }
    let (detail_type, source) = detail_type.zip(source)?;
    Some(Event {
        id,
        detail_type,
        source,
        time,
        detail: event.get_mut("detail")?.take(),
    })
}
