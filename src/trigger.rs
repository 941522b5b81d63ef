//! From an EventBridge event to what it asks for, or every problem in it.
//!
//! Must not call AWS. Only an event that is sound and allowed becomes a [`Trigger`].

use std::time::Duration;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;

use crate::arn::FunctionArn;
use crate::config::Config;
use crate::fields::Fields;
use crate::other_shapes;
use crate::problem::Problems;
use crate::reconcile::{self, ReconcileRequest};
use crate::sender::Sender;
use crate::start::request::StartRequest;
use crate::start::{catalog_only, detail, resolve};
use crate::stop::{self, StopRequest};
use crate::task::{self, Task};
use crate::timestamp::Timestamp;

/// The detail-type that asks for a start.
pub const START: &str = "Start ECS Task";
/// The detail-type that asks for a stop.
pub const STOP: &str = "Stop ECS Task";
/// The detail-type that asks for a comparison of tasks with targets, and for repair.
pub const RECONCILE: &str = "Reconcile ECS Targets";
/// The detail-type of ECS's own events.
pub const TASK_STATE_CHANGE: &str = "ECS Task State Change";

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Start tasks.
    Start(Box<StartRequest>),
    /// Stop tasks.
    Stop(Box<StopRequest>),
    /// Compare the tasks of a cluster with the targets of their groups, and repair.
    Reconcile(Box<ReconcileRequest>),
    /// A task has changed.
    TaskStateChange(Box<TaskChange>),
}

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

/// What can be told of any event, sound or not, for the log.
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
    /// As far as the event tells.
    #[must_use]
    pub fn of(event: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(crate::problem::shorten);
        Self {
            id: text(event.get("id")),
            detail_type: text(event.get("detail-type")),
            correlation_id: text(event.pointer("/detail/correlationId")),
        }
    }
}

/// Reads an event; `function` is the one that reads it, if that is known.
///
/// # Errors
/// With every problem in it.
pub fn read(event: Value, config: &Config, function: Option<&FunctionArn>) -> Result<Trigger, Problems> {
    let mut problems = Problems::new();
    let envelope = envelope(event, &mut problems);
    let trigger = envelope.and_then(|event| match event.detail_type.as_str() {
        START => start(&event, config, function, &mut problems),
        STOP => stop(&event, config, function, &mut problems),
        RECONCILE => reconcile(&event, config, function, &mut problems),
        _ => task_state_change(&event, &mut problems),
    });
    match (trigger, problems.is_empty()) {
        (Some(trigger), true) => Ok(trigger),
        _ => Err(problems),
    }
}

fn envelope(event: Value, problems: &mut Problems) -> Option<EventBridgeEvent> {
    let mut fields = Fields::of(&event, "event", problems)?;
    if let (None, Some(object)) = (fields.raw("detail-type"), event.as_object()) {
        other_shapes::tell(object, problems);
        if !problems.is_empty() {
            return None;
        }
    }
    let detail_type = fields.read("detail-type", problems, |value| match value.as_str() {
        Some(known @ (START | STOP | RECONCILE | TASK_STATE_CHANGE)) => Ok(known),
        _ => Err(format!(
            "must be \"{START}\", \"{STOP}\", \"{RECONCILE}\" or \"{TASK_STATE_CHANGE}\""
        )),
    });
    let source = fields.text("source", 256, problems);
    fields.text("id", 1024, problems);
    fields.read("time", problems, |value| {
        let time = value.as_str().and_then(Timestamp::parse);
        time.ok_or_else(|| "must be a time as in 2026-11-20T07:00:00Z".to_owned())
    });
    for name in ["detail-type", "source"] {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), "an EventBridge event has it");
        }
    }
    match fields.raw("detail") {
        None => problems.missing("detail", "must be a JSON object"),
        Some(detail) if !detail.is_object() => problems.wrong_kind("detail", detail, "must be a JSON object"),
        Some(_) => {}
    }
    detail_type.zip(source)?;
    serde_json::from_value(event)
        .map_err(|error| problems.invalid_text("event", "an object", format!("must be an EventBridge event: {error}")))
        .ok()
}

fn check_source(event: &EventBridgeEvent, config: &Config, problems: &mut Problems) {
    if !config.allowed.sources.allows(&event.source) {
        problems.not_allowed("event.source", &event.source, "is not in ALLOWED_SOURCES");
    }
}

fn stop(
    event: &EventBridgeEvent,
    config: &Config,
    function: Option<&FunctionArn>,
    problems: &mut Problems,
) -> Option<Trigger> {
    check_source(event, config, problems);
    if !event.detail.is_object() {
        return None;
    }
    let request = stop::read(&event.detail, &sender(event, function), config, problems)?;
    Some(Trigger::Stop(Box::new(request)))
}

fn reconcile(
    event: &EventBridgeEvent,
    config: &Config,
    function: Option<&FunctionArn>,
    problems: &mut Problems,
) -> Option<Trigger> {
    check_source(event, config, problems);
    if !event.detail.is_object() {
        return None;
    }
    let request = reconcile::read(&event.detail, &sender(event, function), config, problems)?;
    Some(Trigger::Reconcile(Box::new(request)))
}

fn sender<'a>(event: &'a EventBridgeEvent, function: Option<&'a FunctionArn>) -> Sender<'a> {
    Sender {
        event_id: event.id.as_deref(),
        sent_at: event.time.map(Timestamp::from),
        source: &event.source,
        function,
    }
}

fn start(
    event: &EventBridgeEvent,
    config: &Config,
    function: Option<&FunctionArn>,
    problems: &mut Problems,
) -> Option<Trigger> {
    check_source(event, config, problems);
    if !event.detail.is_object() {
        return None;
    }
    let detail = detail::of_event(&event.detail, problems);
    catalog_only::check(&event.detail, config, problems);
    let request = resolve::resolve(detail, &sender(event, function), config, problems)?;
    Some(Trigger::Start(Box::new(request)))
}

fn task_state_change(event: &EventBridgeEvent, problems: &mut Problems) -> Option<Trigger> {
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
    Some(Trigger::TaskStateChange(Box::new(TaskChange {
        task,
        happened_at,
        updated_at,
    })))
}
