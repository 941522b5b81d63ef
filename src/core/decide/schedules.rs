//! The one-time schedules of EventBridge Scheduler: stops of one task, continuations of a stop of several, of a reconcile
//! and of late stops, and checks of registered tasks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::schedule::{OneTimeSchedule, SharedSchedule, digest};
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::target::GroupTarget;
use crate::domain::timestamp::Timestamp;
use crate::request::check::{self, RegisteredTask};
use crate::request::deregister::{self, DeregisterRequest};
use crate::request::envelope;
use crate::request::later::Later;
use crate::request::reconcile::{self, Continuation, ReconcileRequest};
use crate::request::reconcile_all::{self, ReconcileAllRequest};
use crate::request::stop::{self as stops, Selector, StopRequest};
use crate::request::task_change::SOURCE;

/// How far ahead a schedule is at least: longer than a call can take, since Scheduler refuses a time in the past.
pub(super) const MIN_SCHEDULE_AHEAD: Duration = Duration::from_secs(30);

/// The maximum size of the event of a schedule: Scheduler takes 256 KB
/// ([quotas](https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html)).
pub(super) const MAX_EVENT_BYTES: usize = 256_000;

/// Why a stop is scheduled. The schedule's name contains it, so a task has at most one schedule of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The drain is over: the second half of a stop.
    Drained,
    /// The task is not RUNNING in time (`startTimeoutSeconds`).
    StartTimeout,
    /// The task has reached its `maxLifetimeSeconds`.
    EndOfLife,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Drained => "stop",
            Self::StartTimeout => "timeout",
            Self::EndOfLife => "lifetime",
        }
    }
}

/// The name of a task's schedule: the same for every delivery.
pub(super) fn name(purpose: Purpose, task: &TaskArn) -> String {
    format!("start-engines-{}-{}", purpose.name(), task.id())
}

/// The schedule of a stop of `task` with these additional fields; `None` if a time is not a valid date.
pub(super) fn stop(
    later: &Later,
    purpose: Purpose,
    (task, cluster): (&TaskArn, &Cluster),
    mut detail: Value,
    now: Timestamp,
    at: Timestamp,
) -> Option<OneTimeSchedule> {
    detail["taskArn"] = json!(task.as_str());
    if task.cluster().is_none() {
        detail["cluster"] = json!(cluster.as_str());
    }
    schedule(later, name(purpose, task), envelope::STOP, &detail, now, at)
}

/// The schedule with which a reconcile continues, one for each continuation of one event; `None` without settings for
/// Scheduler, or if a time is not a valid date.
pub(super) fn reconcile(
    request: &ReconcileRequest,
    continuation: &Continuation,
    now: Timestamp,
) -> Option<OneTimeSchedule> {
    let later = request.later.as_ref()?;
    let id = digest(&format!("{} {} {}", request.identity, request.cluster, later.function));
    let name = format!("start-engines-reconcile-{id}-{}", continuation.count);
    let detail = reconcile::continued(request, continuation);
    schedule(
        later,
        name,
        envelope::RECONCILE,
        &detail,
        now,
        now.after(MIN_SCHEDULE_AHEAD),
    )
}

/// The schedule of the reconcile of one of several clusters, one for each cluster of one event; `None` without settings for
/// Scheduler, or if a time is not a valid date.
pub(super) fn reconcile_of(
    request: &ReconcileAllRequest,
    cluster: &Cluster,
    now: Timestamp,
    at: Timestamp,
) -> Option<OneTimeSchedule> {
    let later = request.later.as_ref()?;
    let id = digest(&format!("{} {cluster} {}", request.identity, later.function));
    let detail = reconcile_all::of_cluster(request, cluster);
    schedule(
        later,
        format!("start-engines-reconcile-{id}"),
        envelope::RECONCILE,
        &detail,
        now,
        at,
    )
}

/// The schedule with which a late stop goes on, one for each continuation of the same targets; `None` without settings for
/// Scheduler, or if a time is not a valid date.
pub(super) fn deregister(request: &DeregisterRequest, now: Timestamp, at: Timestamp) -> Option<OneTimeSchedule> {
    let later = request.later.as_ref()?;
    let targets: Vec<String> = request
        .targets
        .iter()
        .map(|GroupTarget { group, target }| format!("{group} {target}"))
        .collect();
    let task = &request.task.arn;
    let id = digest(&format!("{task} {} {}", targets.join(" "), later.function));
    let name = format!("start-engines-deregister-{id}-{}", request.count);
    let detail = deregister::detail(request)?;
    schedule(later, name, envelope::DEREGISTER, &detail, now, at)
}

/// The schedule with which a stop of several tasks continues at a full minute, one for each minute of one event; `None`
/// without settings for Scheduler, or if a time is not a valid date.
pub(super) fn stop_again(
    request: &StopRequest,
    continuation: &stops::Continuation,
    now: Timestamp,
    at: Timestamp,
) -> Option<OneTimeSchedule> {
    let later = request.later.as_ref()?;
    // Several functions may hear one event, and have their schedules in one group; and one identity may be that of several
    // stops, if their events have no id.
    let selected = match &request.selector {
        Selector::Service { name, .. } => format!("service {name}"),
        Selector::Cluster(cluster) => format!("cluster {}", cluster.name()),
        Selector::Task { arn, .. } => arn.to_string(),
    };
    let id = digest(&format!("{} {selected} {}", request.identity, later.function));
    let name = format!("start-engines-stop-{id}-{}", minute_of(at)?);
    let detail = stops::continued(request, continuation)?;
    // No earlier than the request, whose own time may be ahead of this clock: the earlier of both counts.
    let sent_at = request.requested_at.map_or(now, |requested_at| requested_at.max(now));
    schedule(later, name, envelope::STOP, &detail, sent_at, at)
}

/// The minute of a time, in twelve digits.
fn minute_of(at: Timestamp) -> Option<String> {
    Some(at.to_seconds()?.chars().filter(char::is_ascii_digit).take(12).collect())
}

fn schedule(
    later: &Later,
    name: String,
    detail_type: &str,
    detail: &Value,
    now: Timestamp,
    at: Timestamp,
) -> Option<OneTimeSchedule> {
    let mut event = event(later, detail_type, detail, now)?;
    // Not `<aws.scheduler.execution-id>`: that differs for each attempt of Scheduler, and this event is the same
    // in each delivery ("The unique ID that EventBridge Scheduler assigns for each attempted invocation of a
    // target": https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html).
    event["id"] = json!(name);
    Some(OneTimeSchedule {
        name,
        at,
        scheduler: later.scheduler.clone(),
        function: later.function.clone(),
        event: event.to_string(),
    })
}

/// The event of a schedule, without its `id`.
fn event(later: &Later, detail_type: &str, detail: &Value, now: Timestamp) -> Option<Value> {
    let scope = later.function.scope()?;
    Some(json!({
        "version": "0",
        "detail-type": detail_type,
        "source": later.source,
        "account": scope.account,
        "region": scope.region,
        // When it was requested, not when it is sent: by then DescribeTasks returns every task.
        "time": format!("{}Z", now.to_seconds()?),
        "resources": [],
        "detail": detail,
    }))
}

/// The schedule of the check of registered tasks; `None` if a time is not a valid date.
pub(super) fn check(
    later: &Later,
    tasks: &[RegisteredTask],
    is_second: bool,
    now: Timestamp,
    at: Timestamp,
) -> Option<SharedSchedule> {
    let item = |task: &RegisteredTask| Some((task.arn.clone(), check::item(task)?));
    // Its handler trusts it, so it has the source that only AWS and the function itself can give an event.
    let later = Later {
        source: SOURCE.to_owned(),
        ..later.clone()
    };
    Some(SharedSchedule {
        purpose: if is_second { "recheck" } else { "check" },
        at,
        event: event(&later, envelope::CHECK, &check::detail(is_second, at)?, now)?,
        tasks: tasks.iter().map(item).collect::<Option<Vec<_>>>()?,
        scheduler: later.scheduler,
        function: later.function,
    })
}
