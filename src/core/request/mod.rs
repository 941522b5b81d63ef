//! From an EventBridge event to what it requests, or every problem in it.
//!
//! Must not call AWS. Only a valid and allowed event becomes a [`Trigger`].

pub mod check;
pub mod deregister;
pub mod envelope;
pub mod later;
pub mod other_shapes;
mod own;
pub mod reconcile;
pub mod reconcile_all;
pub mod sender;
pub mod start;
pub mod stop;
pub mod task_change;

use serde_json::Value;

use self::check::CheckRequest;
use self::deregister::DeregisterRequest;
use self::envelope::{CHECK, DEREGISTER, Event, RECONCILE, START, STOP};
use self::reconcile::ReconcileRequest;
use self::reconcile_all::ReconcileAllRequest;
use self::sender::Sender;
use self::start::{StartRequest, catalog_only, resolve};
use self::stop::StopRequest;
use self::task_change::TaskChange;
use crate::config::Config;
use crate::domain::arn::FunctionArn;
use crate::input::problem::Problems;
use crate::spec;

/// What an event requests or reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// `Start ECS Task`: start tasks.
    Start(Box<StartRequest>),
    /// `Stop ECS Task`: stop tasks.
    Stop(Box<StopRequest>),
    /// `Reconcile ECS Targets`: compare the tasks of a cluster with the targets of their target groups, and repair.
    Reconcile(Box<ReconcileRequest>),
    /// `Reconcile ECS Targets` with `"all": true`: the same for each of several clusters.
    ReconcileAll(Box<ReconcileAllRequest>),
    /// `Deregister ECS Targets`: go on with a late stop. Only start-engines itself sends it.
    Deregister(Box<DeregisterRequest>),
    /// `Check ECS Targets`: see whether registered targets are healthy. Only start-engines itself sends it.
    Check(Box<CheckRequest>),
    /// `ECS Task State Change`: a task has changed.
    TaskStateChange(Box<TaskChange>),
}

/// Reads an event. `function` is the ARN of this function, if it is known: it is not when the operator's command
/// validates offline.
///
/// # Errors
/// With all problems of the event.
pub fn read(event: Value, config: &Config, function: Option<&FunctionArn>) -> Result<Trigger, Problems> {
    let mut problems = Problems::new();
    let envelope = envelope::read(event, &mut problems);
    let trigger = envelope.and_then(|event| match event.detail_type {
        START => start(&event, config, function, &mut problems),
        STOP => stop(&event, config, function, &mut problems),
        RECONCILE => reconcile(&event, config, function, &mut problems),
        DEREGISTER => deregister::read(&event, &sender(&event, function), config, &mut problems)
            .map(|request| Trigger::Deregister(Box::new(request))),
        CHECK => check::read(&event, &sender(&event, function), config, &mut problems)
            .map(|request| Trigger::Check(Box::new(request))),
        _ => task_change::read(&event, &sender(&event, function), config, &mut problems)
            .map(|change| Trigger::TaskStateChange(Box::new(change))),
    });
    match (trigger, problems.is_empty()) {
        (Some(trigger), true) => Ok(trigger),
        _ => Err(problems),
    }
}

fn check_source(event: &Event, config: &Config, problems: &mut Problems) {
    if !config.allowed.sources.allows(&event.source) {
        problems.not_allowed("event.source", &event.source, "is not in ALLOWED_SOURCES");
    }
}

fn stop(event: &Event, config: &Config, function: Option<&FunctionArn>, problems: &mut Problems) -> Option<Trigger> {
    check_source(event, config, problems);
    if !event.detail.is_object() {
        return None;
    }
    let request = stop::read(&event.detail, &sender(event, function), config, problems)?;
    Some(Trigger::Stop(Box::new(request)))
}

fn reconcile(
    event: &Event,
    config: &Config,
    function: Option<&FunctionArn>,
    problems: &mut Problems,
) -> Option<Trigger> {
    check_source(event, config, problems);
    if !event.detail.is_object() {
        return None;
    }
    let sender = sender(event, function);
    if reconcile_all::is_meant(&event.detail) {
        return reconcile_all::read(&event.detail, &sender, config, problems);
    }
    let request = reconcile::read(&event.detail, &sender, config, problems)?;
    Some(Trigger::Reconcile(Box::new(request)))
}

fn sender<'a>(event: &'a Event, function: Option<&'a FunctionArn>) -> Sender<'a> {
    Sender {
        event_id: event.id.as_deref(),
        sent_at: event.time,
        source: &event.source,
        function,
    }
}

fn start(event: &Event, config: &Config, function: Option<&FunctionArn>, problems: &mut Problems) -> Option<Trigger> {
    check_source(event, config, problems);
    if !event.detail.is_object() {
        return None;
    }
    let detail = spec::of_event(&event.detail, problems);
    catalog_only::check(&event.detail, config, problems);
    let request = resolve::resolve(detail, &sender(event, function), config, problems)?;
    Some(Trigger::Start(Box::new(request)))
}
