//! What applications are told of one event, so that they need not ask: outcome events.
//!
//! Pure: from what was handled to the events for `OUTCOME_EVENT_BUS`. Must not send them;
//! `start_engines_handler` does, after all that the event asked for has been done.
//!
//! Delivery is at least once, as everything here is: whoever receives them tells a repetition by
//! detail-type, `taskArn` and `eventId`. `correlationId` is always that of the start. On the way down it is
//! told as long as ECS keeps the task's tags, which [StopTask] deletes at a time that it does not tell.
//!
//! [StopTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::handled::Handled;
use crate::call::Call;
use crate::call::event_entry::EventEntry;
use crate::config::Config;
use crate::decide::deployment;
use crate::domain::arn::TaskArn;
use crate::domain::tags::{self, Marks};
use crate::domain::target::GroupTarget;
use crate::domain::task::{Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::outcome::{Failure, Outcome, Skip};
use crate::request::reconcile::ReconcileRequest;
use crate::request::task_change::TaskChange;
use crate::request::{Trigger, envelope};

/// The source of all of them.
pub const SOURCE: &str = "start-engines";

/// What an outcome event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// RunTask has started a task.
    Started,
    /// A start came to nothing, or the task of one did, or its targets could not be registered.
    StartFailed,
    /// A task runs, and a deadline of it could not be set: nobody stops it in time, until a retry sets it.
    DeadlineNotSet,
    /// All targets of a RUNNING task are in their groups, or a reconcile has put in some that were not.
    Registered,
    /// Targets of a task have been taken out of their groups.
    Deregistered,
    /// A task that was RUNNING is STOPPED.
    Stopped,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Started,
        Self::StartFailed,
        Self::DeadlineNotSet,
        Self::Registered,
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
            Self::Deregistered => "ECS Task Deregistered",
            Self::Stopped => "ECS Task Stopped",
        }
    }
}

/// The look at a task that tells whose start it was, where nothing else has told.
#[must_use]
pub fn look(handled: &Handled, config: &Config) -> Option<Call> {
    let Some(Trigger::TaskStateChange(change)) = &handled.trigger else {
        return None;
    };
    let is_told = handled.described(&change.task.arn).is_some();
    (!is_told && !of(handled, config).is_empty()).then(|| Call::DescribeTasks {
        cluster: change.task.cluster.clone(),
        tasks: vec![change.task.arn.clone()],
    })
}

/// What is to be told of an event that was handled.
#[must_use]
pub fn of(handled: &Handled, config: &Config) -> Vec<EventEntry> {
    match &handled.trigger {
        Some(Trigger::Start(_)) => of_start(handled),
        // What is no sound start has failed, too.
        None if handled.envelope.detail_type.as_deref() == Some(envelope::START) => of_start(handled),
        Some(Trigger::Stop(_)) => of_stop(handled),
        Some(Trigger::TaskStateChange(change)) => of_change(change, handled, config),
        Some(Trigger::Reconcile(request)) => of_reconcile(request, handled),
        None => Vec::new(),
    }
}

fn of_start(handled: &Handled) -> Vec<EventEntry> {
    let request = match &handled.trigger {
        Some(Trigger::Start(request)) => Some(request),
        _ => None,
    };
    let whole = |kind| {
        let mut telling = EventBuilder::new(kind, handled);
        telling.put("correlationId", json!(handled.envelope.correlation_id));
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
            telling.put("correlationId", json!(request.correlation_id));
            telling.put("cluster", json!(request.cluster.as_str()));
            telling.put("service", json!(request.service));
            telling.put("taskDefinition", json!(request.task_definition.as_str()));
            telling.put("targets", json!(targets.collect::<Vec<_>>()));
            telling.timings(request.sent_at);
            telling.resources.extend(
                request
                    .attachments
                    .iter()
                    .map(|attachment| attachment.group.to_string()),
            );
        }
        telling
    };
    let started = |tasks: &[TaskArn]| -> Vec<EventEntry> {
        tasks
            .iter()
            .map(|task| whole(Kind::Started).of_task(task).end())
            .collect()
    };
    match &handled.result {
        Ok(Outcome::Started { tasks, .. }) => started(tasks),
        Ok(_) => Vec::new(),
        Err(failure) => {
            let mut events = started(&failure.tasks);
            if let Some(unset) = &failure.deadlines {
                events.extend(unset.by_task().into_iter().map(|(task, fields)| {
                    let mut telling = whole(Kind::DeadlineNotSet).of_task(task);
                    telling.put("deadlines", json!(fields));
                    telling.put("reason", json!(unset.category.name()));
                    telling.put("message", json!(unset.message));
                    telling.put("retryCanHelp", json!(unset.transient));
                    telling.end()
                }));
            }
            if failure.is_of_request() {
                events.push(whole(Kind::StartFailed).of_failure(failure).end());
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
    let about = |kind, task: &TaskArn| {
        let mut telling = EventBuilder::new(kind, handled);
        match handled.described(task) {
            Some(described) => telling.marks(described),
            None => telling.put("correlationId", Value::Null),
        }
        telling.put("stopCorrelationId", json!(request.correlation_id));
        telling.timings(request.sent_at);
        telling.of_task(task)
    };
    let mut events = Vec::new();
    let mut owners: Vec<&TaskArn> = targets.iter().map(|(task, _)| task).collect();
    owners.dedup();
    for owner in owners {
        let of_owner: Vec<&GroupTarget> = targets
            .iter()
            .filter(|(task, _)| task == owner)
            .map(|(_, target)| target)
            .collect();
        events.push(about(Kind::Deregistered, owner).of_targets(&of_owner).end());
    }
    // Told here, where the tags are still there; the task's last event tells ECS's own reason.
    if request.unless_running {
        let has_run = |task: &&TaskArn| handled.described(task).is_some_and(Task::has_run);
        for task in tasks.iter().filter(|task| !has_run(task)) {
            let mut telling = about(Kind::StartFailed, task);
            telling.put("reason", json!("start_timed_out"));
            telling.put("message", json!(request.reason));
            telling.put("retryCanHelp", json!(false));
            events.push(telling.end());
        }
    }
    events
}

/// What it did is told, whether or not something else has failed.
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
        let mut telling = EventBuilder::new(kind, handled);
        if let Some(described) = handled.described(task) {
            telling.marks(described);
        }
        telling.put("reconcileCorrelationId", json!(request.correlation_id));
        telling.timings(request.sent_at);
        telling.of_task(task).of_targets(&targets).end()
    });
    events.collect()
}

fn of_change(change: &TaskChange, handled: &Handled, config: &Config) -> Vec<EventEntry> {
    let task = &change.task;
    // Another deployment tells of it.
    if handled
        .described(&task.arn)
        .is_some_and(|seen| !deployment::is_ours(seen, config))
    {
        return Vec::new();
    }
    let about = |kind| {
        let mut telling = EventBuilder::new(kind, handled);
        telling.marks(handled.described(&task.arn).unwrap_or(task));
        telling.timings(change.updated_at.or(change.happened_at));
        telling.of_task(&task.arn)
    };
    let mut events = Vec::new();
    match &handled.result {
        Ok(Outcome::Registered { targets }) => {
            events.push(
                about(Kind::Registered)
                    .of_targets(&targets.iter().collect::<Vec<_>>())
                    .end(),
            );
        }
        Ok(Outcome::Deregistered { targets, .. }) if !targets.is_empty() => {
            events.push(
                about(Kind::Deregistered)
                    .of_targets(&targets.iter().collect::<Vec<_>>())
                    .end(),
            );
        }
        // Its task runs, and nobody reaches it.
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
        let mut telling = about(if has_failed { Kind::StartFailed } else { Kind::Stopped });
        if has_failed {
            telling.put("reason", json!(task.stop.failed_start_category()));
            telling.put("retryCanHelp", json!(false));
        }
        telling.put("message", json!(task.stop.to_string()));
        telling.put("stopCode", json!(task.stop.code));
        telling.put("stoppedReason", json!(task.stop.reason));
        events.push(telling.end());
    }
    events
}

/// An outcome event that is being written.
struct EventBuilder {
    kind: Kind,
    time: Timestamp,
    resources: Vec<String>,
    detail: Map<String, Value>,
}

impl EventBuilder {
    fn new(kind: Kind, handled: &Handled) -> Self {
        let mut telling = Self {
            kind,
            time: handled.ended_at,
            resources: Vec::new(),
            detail: Map::new(),
        };
        telling.put("eventId", json!(handled.envelope.id));
        telling
    }

    /// What is not known is left out.
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
        let told = targets.iter().map(|one| {
            json!({
                "targetGroupArn": one.group.as_str(),
                "id": one.target.id,
                "port": one.target.port.number(),
            })
        });
        let told: Vec<Value> = told.collect();
        self.put("targets", json!(told));
        for one in targets {
            if !self.resources.iter().any(|known| known == one.group.as_str()) {
                self.resources.push(one.group.to_string());
            }
        }
        self
    }

    fn of_failure(mut self, failure: &Failure) -> Self {
        self.put("reason", json!(failure.category.name()));
        self.put("message", json!(failure.message));
        self.put("retryCanHelp", json!(failure.transient));
        self
    }

    /// Whose start it was, and where it runs.
    fn marks(&mut self, task: &Task) {
        let Marks {
            service,
            correlation_id,
            ..
        } = tags::decode(&task.tags);
        self.put("cluster", json!(task.cluster.as_str()));
        self.put("service", json!(service));
        self.put("correlationId", json!(correlation_id));
    }

    /// From when it happened, or was asked for, to when it was done: UTC, milliseconds.
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
