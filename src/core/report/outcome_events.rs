//! Outcome events: what applications learn about an event without polling.
//!
//! Pure: from a handled event to the events for `OUTCOME_EVENT_BUS`. Must not send them; `start_engines_handler` does,
//! after everything that the event requested has been done.
//!
//! They are delivered at least once; receivers recognize a repetition by detail-type, `taskArn` and `eventId`.
//! `correlationId` is always that of the start. Events of a stopping task have it for as long as ECS keeps the task's
//! tags, which [StopTask] deletes at an unspecified time.
//!
//! [StopTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::handled::Handled;
use crate::call::Call;
use crate::call::event_entry::EventEntry;
use crate::config::Config;
use crate::decide::{deployment, readiness};
use crate::domain::arn::TaskArn;
use crate::domain::tags::{self, TaskTags};
use crate::domain::target::{GroupTarget, TargetHealth};
use crate::domain::task::{FailedStart, Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::outcome::{CheckedTask, Failure, NextCheck, Outcome, Skip};
use crate::request::check::CheckRequest;
use crate::request::deregister::DeregisterRequest;
use crate::request::reconcile::ReconcileRequest;
use crate::request::task_change::TaskChange;
use crate::request::{Trigger, envelope};

/// The `source` of all outcome events.
pub const SOURCE: &str = "start-engines";

/// The kinds of outcome events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// RunTask has started a task.
    Started,
    /// A start failed, or its task stopped before RUNNING, or its targets could not be registered.
    StartFailed,
    /// A task was started, but a deadline of it could not be set: it is not stopped in time unless a retry sets it.
    DeadlineNotSet,
    /// All targets of a RUNNING task are registered, or a reconcile has registered some that were missing.
    Registered,
    /// All targets of a task are healthy, at the time of its check.
    Healthy,
    /// Targets of a task are not healthy, at the time of its check.
    Unhealthy,
    /// Targets of a task were deregistered.
    Deregistered,
    /// A task that had been RUNNING is STOPPED.
    Stopped,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Started,
        Self::StartFailed,
        Self::DeadlineNotSet,
        Self::Registered,
        Self::Healthy,
        Self::Unhealthy,
        Self::Deregistered,
        Self::Stopped,
    ];

    /// The event's `detail-type`.
    #[must_use]
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::Started => "ECS Task Started",
            Self::StartFailed => "ECS Task Start Failed",
            Self::DeadlineNotSet => "ECS Task Deadline Not Set",
            Self::Registered => "ECS Task Registered",
            Self::Healthy => "ECS Task Healthy",
            Self::Unhealthy => "ECS Task Unhealthy",
            Self::Deregistered => "ECS Task Deregistered",
            Self::Stopped => "ECS Task Stopped",
        }
    }
}

/// The DescribeTasks call for the tags of an event's task, if outcome events need them and no earlier call returned
/// them.
#[must_use]
pub fn missing_tags(handled: &Handled, config: &Config) -> Option<Call> {
    let (task, cluster) = match &handled.trigger {
        Some(Trigger::TaskStateChange(change)) => (&change.task.arn, &change.task.cluster),
        Some(Trigger::Deregister(request)) => (&request.task.arn, &request.task.cluster),
        Some(
            Trigger::Start(_) | Trigger::Stop(_) | Trigger::Reconcile(_) | Trigger::ReconcileAll(_) | Trigger::Check(_),
        )
        | None => return None,
    };
    let is_described = handled.described(task).is_some();
    (!is_described && !of(handled, config).is_empty()).then(|| Call::DescribeTasks {
        cluster: cluster.clone(),
        tasks: vec![task.clone()],
    })
}

/// The outcome events of a handled event; `bus` is not set yet.
#[must_use]
pub fn of(handled: &Handled, config: &Config) -> Vec<EventEntry> {
    match &handled.trigger {
        Some(Trigger::Start(_)) => of_start(handled),
        // An invalid start has failed, too.
        None if handled.envelope.detail_type.as_deref() == Some(envelope::START) => of_start(handled),
        Some(Trigger::Stop(_)) => of_stop(handled),
        Some(Trigger::TaskStateChange(change)) => of_change(change, handled, config),
        Some(Trigger::Deregister(request)) => of_deregister(request, handled, config),
        Some(Trigger::Check(request)) => of_check(request, handled),
        Some(Trigger::Reconcile(request)) => of_reconcile(request, handled),
        // Each cluster's own event has some.
        Some(Trigger::ReconcileAll(_)) | None => Vec::new(),
    }
}

fn of_start(handled: &Handled) -> Vec<EventEntry> {
    let request = match &handled.trigger {
        Some(Trigger::Start(request)) => Some(request),
        _ => None,
    };
    let about = |kind| {
        let mut event = EventBuilder::new(kind, handled);
        event.put("correlationId", json!(handled.envelope.correlation_id));
        if let Some(request) = request {
            let targets = request.attachments.iter().map(|attachment| {
                let mut target = json!({
                    "targetGroupArn": attachment.group.as_str(),
                    "port": attachment.port.number(),
                });
                if let Some(container) = &attachment.container {
                    target["containerName"] = json!(container.as_str());
                }
                target
            });
            event.put("correlationId", json!(request.correlation_id));
            event.put("cluster", json!(request.cluster.as_str()));
            event.put("service", json!(request.service));
            event.put("taskDefinition", json!(request.task_definition.as_str()));
            event.put("targets", json!(targets.collect::<Vec<_>>()));
            event.timings(request.sent_at);
            event.resources.extend(
                request
                    .attachments
                    .iter()
                    .map(|attachment| attachment.group.to_string()),
            );
        }
        event
    };
    let started = |tasks: &[TaskArn]| -> Vec<EventEntry> {
        tasks
            .iter()
            .map(|task| about(Kind::Started).of_task(task).end())
            .collect()
    };
    match &handled.result {
        Ok(Outcome::Started { tasks, .. }) => started(tasks),
        Ok(_) => Vec::new(),
        Err(failure) => {
            let mut events = started(&failure.tasks);
            if let Some(unset) = &failure.deadlines {
                events.extend(unset.by_task().into_iter().map(|(task, fields)| {
                    let mut event = about(Kind::DeadlineNotSet).of_task(task);
                    event.put("deadlines", json!(fields));
                    event.put("reason", json!(unset.category.name()));
                    event.put("message", json!(unset.message));
                    event.put("retryCanHelp", json!(unset.transient));
                    event.end()
                }));
            }
            if failure.is_of_request() {
                events.push(about(Kind::StartFailed).of_failure(failure).end());
            }
            events
        }
    }
}

fn of_stop(handled: &Handled) -> Vec<EventEntry> {
    let (Some(Trigger::Stop(request)), Ok(Outcome::Stopped { tasks, targets, .. })) =
        (&handled.trigger, &handled.result)
    else {
        return Vec::new();
    };
    let described = handled.all_described();
    let about = |kind, task: &TaskArn| {
        let mut event = EventBuilder::new(kind, handled);
        match described.get(task) {
            Some(described) => event.origin(described),
            None => event.put("correlationId", Value::Null),
        }
        event.put("stopCorrelationId", json!(request.correlation_id));
        event.timings(request.sent_at);
        event.of_task(task)
    };
    let mut events = Vec::new();
    let mut of_owners: BTreeMap<&TaskArn, Vec<&GroupTarget>> = BTreeMap::new();
    for (task, target) in targets {
        of_owners.entry(task).or_default().push(target);
    }
    for (owner, targets) in of_owners {
        events.push(about(Kind::Deregistered, owner).of_targets(&targets).end());
    }
    // Reported now, while the task still has its tags; its last event gives ECS's own reason.
    if request.unless_running {
        let has_run = |task: &&TaskArn| described.get(*task).is_some_and(|task| task.has_run());
        for task in tasks.iter().filter(|task| !has_run(task)) {
            let mut event = about(Kind::StartFailed, task);
            event.put("reason", json!(FailedStart::StartTimedOut.name()));
            event.put("message", json!(request.reason));
            event.put("retryCanHelp", json!(false));
            events.push(event.end());
        }
    }
    events
}

/// What was repaired is reported even if the reconcile failed later.
fn of_reconcile(request: &ReconcileRequest, handled: &Handled) -> Vec<EventEntry> {
    let Some(repairs) = handled.repairs() else {
        return Vec::new();
    };
    let registered = repairs.registered.iter().map(|(task, target)| (task, target));
    let deregistered = repairs.deregistered.iter();
    let deregistered = deregistered.filter_map(|(task, target)| Some((task.as_ref()?, target)));
    let mut changes: BTreeMap<(&TaskArn, Kind), Vec<&GroupTarget>> = BTreeMap::new();
    for (task, target) in registered {
        changes.entry((task, Kind::Registered)).or_default().push(target);
    }
    for (task, target) in deregistered {
        changes.entry((task, Kind::Deregistered)).or_default().push(target);
    }
    let events = changes.into_iter().map(|((task, kind), targets)| {
        let mut event = EventBuilder::new(kind, handled);
        if let Some(described) = handled.described(task) {
            event.origin(described);
        }
        event.put("reconcileCorrelationId", json!(request.correlation_id));
        event.timings(request.sent_at);
        event.of_task(task).of_targets(&targets).end()
    });
    events.collect()
}

/// What was found is reported even if the check failed for other tasks.
fn of_check(request: &CheckRequest, handled: &Handled) -> Vec<EventEntry> {
    let Some(checked) = handled.checked() else {
        return Vec::new();
    };
    let described = handled.all_described();
    let about = |kind, found: &CheckedTask| {
        let mut event = EventBuilder::new(kind, handled);
        if let Some(task) = described.get(&found.task) {
            event.origin(task);
        }
        event.timings(Some(request.planned_at));
        event.put("registeredAt", json!(found.registered_at.to_rfc3339()));
        let after = handled.ended_at.since(found.registered_at);
        event.put("checkedAfterSeconds", json!(after.as_secs()));
        event.put("second", json!(request.is_second.then_some(true)));
        event.of_task(&found.task).of_health(&found.targets)
    };
    let healthy = checked.healthy.iter().map(|found| about(Kind::Healthy, found).end());
    let unhealthy = checked.unhealthy.iter().map(|found| {
        let mut event = about(Kind::Unhealthy, found);
        let worst = readiness::worst(&found.targets);
        event.put("reason", json!(worst.and_then(TargetHealth::reason)));
        let is_stopped = checked.stopped.contains(&found.task);
        event.put("stopped", json!(is_stopped));
        event.end()
    });
    healthy.chain(unhealthy).collect()
}

/// What the task's own events have reported is not reported again.
fn of_deregister(request: &DeregisterRequest, handled: &Handled, config: &Config) -> Vec<EventEntry> {
    let described = handled.described(&request.task.arn);
    if described.is_some_and(|task| !deployment::is_this_deployments(task, config)) {
        return Vec::new();
    }
    match &handled.result {
        Ok(Outcome::Deregistered { targets, .. }) if !targets.is_empty() => {
            let mut event = EventBuilder::new(Kind::Deregistered, handled);
            match described {
                Some(described) => event.origin(described),
                None => event.put("cluster", json!(request.task.cluster.as_str())),
            }
            event.timings(request.happened_at);
            let targets: Vec<&GroupTarget> = targets.iter().collect();
            vec![event.of_task(&request.task.arn).of_targets(&targets).end()]
        }
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn of_change(change: &TaskChange, handled: &Handled, config: &Config) -> Vec<EventEntry> {
    let task = &change.task;
    // Its own deployment reports it.
    if handled
        .described(&task.arn)
        .is_some_and(|task| !deployment::is_this_deployments(task, config))
    {
        return Vec::new();
    }
    let about = |kind| {
        let mut event = EventBuilder::new(kind, handled);
        event.origin(handled.described(&task.arn).unwrap_or(task));
        event.timings(change.updated_at.or(change.happened_at));
        event.of_task(&task.arn)
    };
    let mut events = Vec::new();
    match &handled.result {
        Ok(Outcome::Registered { targets, check }) => {
            let mut event = about(Kind::Registered);
            match check {
                NextCheck::None => {}
                NextCheck::At(at) => event.put("healthCheckAt", json!(at.to_rfc3339())),
                NextCheck::NotScheduled(why) => {
                    let why = json!({"reason": why.category.name(), "message": why.message});
                    event.put("checkNotScheduled", why);
                }
            }
            events.push(event.of_targets(&targets.iter().collect::<Vec<_>>()).end());
        }
        Ok(Outcome::Deregistered { targets, .. }) if !targets.is_empty() => {
            events.push(
                about(Kind::Deregistered)
                    .of_targets(&targets.iter().collect::<Vec<_>>())
                    .end(),
            );
        }
        // The task runs, but cannot be reached.
        Err(failure) if task.phase() == Phase::Running => {
            events.push(about(Kind::StartFailed).of_failure(failure).end());
        }
        Ok(Outcome::Skipped {
            reason: Skip::ForeignTask | Skip::AnotherDeployment,
            ..
        }) => return Vec::new(),
        Ok(_) | Err(_) => {}
    }
    if task.phase() == Phase::Stopped {
        let has_failed = task.failed_to_start();
        let mut event = about(if has_failed { Kind::StartFailed } else { Kind::Stopped });
        if has_failed {
            event.put("reason", json!(task.stop.failed_start().name()));
            event.put("retryCanHelp", json!(false));
        }
        event.put("message", json!(task.stop.to_string()));
        event.put("stopCode", json!(task.stop.code));
        event.put("stoppedReason", json!(task.stop.reason));
        events.push(event.end());
    }
    events
}

fn target(one: &GroupTarget) -> Value {
    json!({
        "targetGroupArn": one.group.as_str(),
        "id": one.target.id,
        "port": one.target.port.number(),
    })
}

/// An outcome event that is being built.
struct EventBuilder {
    kind: Kind,
    time: Timestamp,
    resources: Vec<String>,
    detail: Map<String, Value>,
}

impl EventBuilder {
    fn new(kind: Kind, handled: &Handled) -> Self {
        let mut event = Self {
            kind,
            time: handled.ended_at,
            resources: Vec::new(),
            detail: Map::new(),
        };
        event.put("eventId", json!(handled.envelope.id));
        event
    }

    /// Adds a field to `detail`; a null value is left out.
    fn put(&mut self, name: &str, value: Value) {
        if !value.is_null() {
            self.detail.insert(name.to_owned(), value);
        }
    }

    fn of_task(mut self, task: &TaskArn) -> Self {
        self.put("taskArn", json!(task.as_str()));
        self.resources.insert(0, task.to_string());
        self
    }

    fn of_targets(mut self, targets: &[&GroupTarget]) -> Self {
        let listed: Vec<Value> = targets.iter().map(|one| target(one)).collect();
        self.put("targets", json!(listed));
        self.resources_of(targets.iter().copied());
        self
    }

    /// The targets, with what ELB says of each.
    fn of_health(mut self, targets: &[(GroupTarget, TargetHealth)]) -> Self {
        let listed = targets.iter().map(|(one, health)| {
            let mut listed = target(one);
            listed["state"] = json!(health.state());
            if let Some(reason) = health.reason() {
                listed["reason"] = json!(reason);
            }
            if let Some(description) = health.description() {
                listed["description"] = json!(description);
            }
            listed
        });
        let listed: Vec<Value> = listed.collect();
        self.put("targets", json!(listed));
        self.resources_of(targets.iter().map(|(one, _)| one));
        self
    }

    fn resources_of<'t>(&mut self, targets: impl Iterator<Item = &'t GroupTarget>) {
        for one in targets {
            if !self.resources.iter().any(|known| known == one.group.as_str()) {
                self.resources.push(one.group.to_string());
            }
        }
    }

    fn of_failure(mut self, failure: &Failure) -> Self {
        self.put("reason", json!(failure.category.name()));
        self.put("message", json!(failure.message));
        self.put("retryCanHelp", json!(failure.transient));
        self
    }

    /// The task's cluster, and the service and correlation id of its start.
    fn origin(&mut self, task: &Task) {
        let TaskTags {
            service,
            correlation_id,
            ..
        } = tags::decode(&task.tags);
        self.put("cluster", json!(task.cluster.as_str()));
        self.put("service", json!(service));
        self.put("correlationId", json!(correlation_id));
    }

    /// From when it happened or was requested to when it was handled: UTC, in milliseconds.
    fn timings(&mut self, happened_at: Option<Timestamp>) {
        if let Some(happened_at) = happened_at {
            let timings = json!({
                "happenedAt": happened_at.to_rfc3339(),
                "handledAt": self.time.to_rfc3339(),
                "lagMillis": self.time.millis() - happened_at.millis(),
            });
            self.put("timings", timings);
        }
    }

    fn end(self) -> EventEntry {
        EventEntry {
            bus: None,
            source: SOURCE.to_owned(),
            detail_type: self.kind.detail_type(),
            time: Some(self.time),
            resources: self.resources,
            detail: Value::Object(self.detail),
        }
    }
}
