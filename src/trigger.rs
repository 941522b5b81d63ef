//! From an EventBridge event to what it asks for, or every problem in it.
//!
//! Must not call AWS. Only an event that is sound and allowed becomes a [`Trigger`].

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;

use crate::arn::FunctionArn;
use crate::config::Config;
use crate::envelope::{self, RECONCILE, START, STOP};
use crate::problem::Problems;
use crate::reconcile::{self, ReconcileRequest};
use crate::sender::Sender;
use crate::start::request::StartRequest;
use crate::start::{catalog_only, detail, resolve};
use crate::stop::{self, StopRequest};
use crate::task_change::{self, TaskChange};
use crate::timestamp::Timestamp;

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

/// Reads an event; `function` is the one that reads it, if that is known.
///
/// # Errors
/// With every problem in it.
pub fn read(event: Value, config: &Config, function: Option<&FunctionArn>) -> Result<Trigger, Problems> {
    let mut problems = Problems::new();
    let envelope = envelope::read(event, &mut problems);
    let trigger = envelope.and_then(|event| match event.detail_type.as_str() {
        START => start(&event, config, function, &mut problems),
        STOP => stop(&event, config, function, &mut problems),
        RECONCILE => reconcile(&event, config, function, &mut problems),
        _ => task_change::read(&event, &mut problems).map(|change| Trigger::TaskStateChange(Box::new(change))),
    });
    match (trigger, problems.is_empty()) {
        (Some(trigger), true) => Ok(trigger),
        _ => Err(problems),
    }
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
