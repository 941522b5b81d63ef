//! The log line of one event, which is the function's answer to a direct invocation too.
//!
//! Must not contain payloads: only identifiers, decisions and AWS's messages.

use serde_json::{Map, Value, json};

use super::attempts::attempts;
use super::handled::{Handled, Published};
use crate::domain::tags;
use crate::domain::target::GroupTarget;
use crate::domain::timestamp::Timestamp;
use crate::outcome::{CheckedTask, NextCheck, Outcome, Skip};
use crate::request::Trigger;
use crate::request::stop::Selector;

impl Handled {
    /// The fields of the log line, and of the function's answer to a direct invocation. Empty fields are left out.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() && value != json!([]) {
                line.insert(name.to_owned(), value);
            }
        };
        put("eventId", json!(self.envelope.id));
        put("detailType", json!(self.envelope.detail_type));
        put("outcome", json!(self.result.as_ref().map_or("failed", Outcome::name)));
        put("reason", json!(self.reason()));
        match &self.result {
            Ok(Outcome::Started {
                run_task_calls,
                conflict,
                ..
            }) => {
                put("runTaskCalls", json!(run_task_calls));
                put("clientTokenConflict", json!(conflict.then_some(true)));
            }
            Ok(Outcome::Registered { targets, check }) => {
                put("targets", texts(targets));
                put("targetGroups", groups(targets));
                match check {
                    NextCheck::None => {}
                    NextCheck::At(at) => put("healthCheckAt", json!(at.to_rfc3339())),
                    NextCheck::NotScheduled(why) => put("checkNotScheduled", json!(why.message)),
                }
            }
            Ok(Outcome::Deregistered { targets, reused, .. }) => {
                put("targets", texts(targets));
                put("targetsOwnedByOthers", texts(reused));
                put("targetGroups", groups(&[targets.as_slice(), reused].concat()));
            }
            Ok(Outcome::Continued { continued, .. }) => {
                put("targetsInQuestion", texts(&continued.targets));
                put("targetGroups", groups(&continued.targets));
                put("continuesAt", json!(continued.at.to_rfc3339()));
            }
            Ok(Outcome::Stopped {
                draining,
                undrained,
                spared,
                left,
                targets,
                ..
            }) => {
                let targets: Vec<GroupTarget> = targets.iter().map(|(_, target)| target.clone()).collect();
                put("draining", few(draining.iter()));
                put("stoppedWithoutDrain", few(undrained.iter()));
                put("tasksSpared", json!(Some(spared).filter(|spared| **spared > 0)));
                put("tasksLeft", json!(Some(left).filter(|left| **left > 0)));
                put("targets", few(targets.iter()));
                put("targetGroups", groups(&targets));
            }
            Ok(Outcome::Skipped {
                reason: Skip::RequestedLater(spared),
                ..
            }) => put("tasksSpared", json!(spared)),
            Ok(Outcome::Scheduled { clusters }) => put("clusters", few(clusters.iter())),
            Ok(Outcome::Checked(_) | Outcome::Reconciled(_) | Outcome::Planned(_) | Outcome::Skipped { .. }) => {}
            Err(failure) => {
                put("error", json!(failure.message));
                put("retryCanHelp", json!(failure.transient));
                if let Some(stop) = &failure.stop {
                    put("stoppedWithoutDrain", few(stop.undrained.iter()));
                    put("tasksSpared", json!(Some(stop.spared).filter(|spared| *spared > 0)));
                }
                if let Some(unset) = &failure.deadlines {
                    let tasks: Vec<&str> = unset.by_task().iter().map(|(task, _)| task.as_str()).collect();
                    put("deadlinesNotSet", json!(tasks));
                    put("deadlinesError", json!(unset.message));
                }
            }
        }
        if let Some(repairs) = self.repairs() {
            put(
                "targetsRegistered",
                few(repairs.registered.iter().map(|(_, target)| target)),
            );
            put(
                "targetsDeregistered",
                few(repairs.deregistered.iter().map(|(_, target)| target)),
            );
            put("targetsUnknown", few(repairs.unknown.iter()));
            put("tasksStopped", few(repairs.stopped.iter()));
            put(
                "groupsLeft",
                json!(Some(repairs.continued.len()).filter(|left| *left > 0)),
            );
        }
        if let Some(checked) = self.checked() {
            let arns = |tasks: &[CheckedTask]| few(tasks.iter().map(|task| &task.task));
            put("healthy", arns(&checked.healthy));
            put("unhealthy", arns(&checked.unhealthy));
            put("undecided", arns(&checked.undecided));
            put("tasksStopped", few(checked.stopped.iter()));
            put("tasksGone", json!(Some(checked.gone).filter(|gone| *gone > 0)));
            let not_healthy: Vec<String> = checked
                .unhealthy
                .iter()
                .chain(&checked.undecided)
                .flat_map(|task| &task.targets)
                .filter_map(|(target, health)| Some(format!("{target} {} {}", health.state(), health.reason()?)))
                .collect();
            put("targetsNotHealthy", few(not_healthy.iter()));
        }
        put("tasks", few(self.tasks().iter()));
        if let Some(stop) = self.result.as_ref().ok().and_then(Outcome::failed_start) {
            put("failedStart", json!(stop.failed_start().name()));
            put("failedStartReason", json!(stop.to_string()));
        }
        match &self.trigger {
            Some(Trigger::Start(request)) => {
                put("cluster", json!(request.cluster.as_str()));
                put("taskDefinition", json!(request.task_definition.as_str()));
                put("service", json!(request.service));
                put("correlationId", json!(request.correlation_id));
                put(
                    "requestedAt",
                    json!(request.requested_at.and_then(Timestamp::to_rfc3339)),
                );
                let groups: Vec<&str> = request.attachments.iter().map(|a| a.group.as_str()).collect();
                put("targetGroups", json!(groups));
            }
            Some(Trigger::Stop(request)) => {
                match &request.selector {
                    Selector::Task { arn, cluster } => {
                        put("task", json!(arn.as_str()));
                        put("cluster", json!(cluster.as_str()));
                    }
                    Selector::Service { name, .. } => put("service", json!(name)),
                    Selector::Cluster(cluster) => put("cluster", json!(cluster.as_str())),
                }
                put(
                    "requestedAt",
                    json!(request.requested_at.and_then(Timestamp::to_rfc3339)),
                );
                put("correlationId", json!(request.correlation_id));
                put("continuation", json!(request.continuation.map(|it| it.count)));
            }
            Some(Trigger::Reconcile(request)) => {
                put("cluster", json!(request.cluster.as_str()));
                put("correlationId", json!(request.correlation_id));
                put("service", json!(request.service));
                put(
                    "requestedAt",
                    json!(request.requested_at.as_ref().map(|requested| &requested.text)),
                );
                put("continuation", json!(request.continuation.as_ref().map(|it| it.count)));
            }
            Some(Trigger::ReconcileAll(request)) => {
                put("correlationId", json!(request.correlation_id));
                put(
                    "requestedAt",
                    json!(request.requested_at.as_ref().map(|requested| &requested.text)),
                );
            }
            Some(Trigger::Check(request)) => {
                put("plannedAt", json!(request.planned_at.to_rfc3339()));
                put("second", json!(request.is_second.then_some(true)));
                if let [task] = request.tasks.as_slice() {
                    put("cluster", json!(task.cluster.as_str()));
                    let tags = self.described(&task.arn).map(|task| task.tags.as_slice());
                    put("service", json!(tags.and_then(tags::service)));
                    put("correlationId", json!(tags.and_then(tags::correlation_id)));
                }
            }
            Some(Trigger::Deregister(request)) => {
                put("cluster", json!(request.task.cluster.as_str()));
                put("continuation", json!(request.count));
                let tags = self.described(&request.task.arn).map(|task| task.tags.as_slice());
                put("service", json!(tags.and_then(tags::service)));
                put("correlationId", json!(tags.and_then(tags::correlation_id)));
            }
            Some(Trigger::TaskStateChange(change)) => {
                put("cluster", json!(change.task.cluster.as_str()));
                put("lastStatus", json!(change.task.last_status.to_string()));
                put("desiredStatus", json!(change.task.desired_status.to_string()));
                put("version", json!(change.task.version));
                let tags = self.described(&change.task.arn).map(|task| task.tags.as_slice());
                put("service", json!(tags.and_then(tags::service)));
                put("correlationId", json!(tags.and_then(tags::correlation_id)));
            }
            None => {}
        }
        if self.published != Published::default() {
            put("outcomeEvents", json!(self.published.published));
            put("outcomeEventsFailed", json!(self.published.unpublished));
            put("outcomeEventsErrors", json!(self.published.errors));
        }
        put("attempts", json!(attempts(&self.journal)));
        put("withoutEc2", json!(self.is_without_ec2().then_some(true)));
        put("calls", few(self.calls().iter()));
        put("lagMillis", json!(self.lag_millis()));
        put("durationMillis", json!(self.duration_millis()));
        line
    }
}

/// The ARNs of the target groups, without adjacent repetitions.
fn groups(targets: &[GroupTarget]) -> Value {
    let mut arns: Vec<&str> = targets.iter().map(|target| target.group.as_str()).collect();
    arns.dedup();
    json!(arns)
}

/// How many targets, tasks or calls a log line names; the metrics count all.
const MAX_NAMED: usize = 100;

fn few<T: ToString>(items: impl ExactSizeIterator<Item = T>) -> Value {
    let all = items.len();
    let mut named: Vec<String> = items.take(MAX_NAMED).map(|item| item.to_string()).collect();
    if all > MAX_NAMED {
        named.push(format!("and {} more", all - MAX_NAMED));
    }
    json!(named)
}

fn texts<T: ToString>(items: &[T]) -> Value {
    json!(items.iter().map(ToString::to_string).collect::<Vec<_>>())
}
