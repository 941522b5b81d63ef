//! What a `Check ECS Targets` event requests, or every problem in it.
//!
//! Only start-engines itself sends it, by a one-time schedule that it makes when it has registered the targets: at that time
//! it looks whether they are healthy, once. Its `source` is that of ECS's own events, which nobody but AWS can send to a
//! bus. Must not call AWS.

use serde_json::{Value, json};

use super::envelope::Event;
use super::later::Later;
use super::own::{self, Ids};
use super::sender::Sender;
use super::task_change::SOURCE;
use crate::call::MAX_TASKS_PER_SCHEDULE;
use crate::config::Config;
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::target::GroupTarget;
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// A request to see whether registered targets are healthy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckRequest {
    /// The tasks, with their targets.
    pub tasks: Vec<RegisteredTask>,
    /// Whether it is the second check, of targets that ELB still checked at the first.
    pub is_second: bool,
    /// When it was to be made. Scheduler, or a redrive, may deliver it later.
    pub planned_at: Timestamp,
    /// How the second check is scheduled.
    pub later: Option<Later>,
}

/// A task whose targets were registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegisteredTask {
    /// `taskArn`.
    pub arn: TaskArn,
    /// The cluster, by name or ARN.
    pub cluster: Cluster,
    /// All its targets.
    pub targets: Vec<GroupTarget>,
    /// When they were registered.
    pub registered_at: Timestamp,
}

/// Reads an event; records every problem, and returns `None` if there is one.
pub(crate) fn read(
    event: &Event,
    sender: &Sender<'_>,
    config: &Config,
    problems: &mut Problems,
) -> Option<CheckRequest> {
    // Through a bus only AWS can send this source, and what AWS sends has another detail-type.
    if event.source != SOURCE {
        problems.not_allowed(
            "event.source",
            &event.source,
            "only start-engines itself sends this detail-type",
        );
        return None;
    }
    let mut fields = Fields::of(&event.detail, "detail", problems)?;
    let tasks = fields.list("tasks", MAX_TASKS_PER_SCHEDULE, problems, task);
    let is_second = fields.flag("second", problems).unwrap_or(false);
    let planned_at = fields.read("plannedAt", problems, own::time);
    own::require(
        &mut fields,
        "event of this detail-type",
        &["tasks", "plannedAt"],
        problems,
    );
    fields.deny_unknown(problems);
    Some(CheckRequest {
        tasks: tasks?,
        is_second,
        planned_at: planned_at?,
        later: sender.later(config),
    })
}

fn task(value: &Value, path: &str, problems: &mut Problems) -> Option<RegisteredTask> {
    let mut fields = Fields::of(value, path, problems)?;
    let arn: Option<TaskArn> = fields.parsed("taskArn", problems);
    let cluster: Option<Cluster> = fields.parsed("cluster", problems);
    let targets = fields.list("targets", own::MAX_TARGETS, problems, |value, path, problems| {
        own::target(value, path, Ids::Any, problems)
    });
    let registered_at = fields.read("registeredAt", problems, own::time);
    own::require(
        &mut fields,
        "task",
        &["taskArn", "cluster", "targets", "registeredAt"],
        problems,
    );
    fields.deny_unknown(problems);
    Some(RegisteredTask {
        arn: arn?,
        cluster: cluster?,
        targets: targets?,
        registered_at: registered_at?,
    })
}

/// The item of a task in the `detail` of the event; `None` if a time is not a valid date.
pub(crate) fn item(task: &RegisteredTask) -> Option<Value> {
    Some(json!({
        "taskArn": task.arn.as_str(),
        "cluster": task.cluster.as_str(),
        "targets": task.targets.iter().map(own::target_item).collect::<Vec<_>>(),
        "registeredAt": task.registered_at.to_rfc3339()?,
    }))
}

/// The `detail` of the event without its tasks; `None` if the time is not a valid date.
pub(crate) fn detail(is_second: bool, planned_at: Timestamp) -> Option<Value> {
    let mut detail = json!({"plannedAt": planned_at.to_rfc3339()?});
    if is_second {
        detail["second"] = json!(true);
    }
    Some(detail)
}
