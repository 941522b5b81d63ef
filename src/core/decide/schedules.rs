//! The schedules of what comes later: stops, each a `Stop ECS Task` of one task, and the rest of a
//! reconcile.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::call::schedule::OneTimeSchedule;
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::timestamp::Timestamp;
use crate::request::envelope;
use crate::request::later::Later;
use crate::request::reconcile::{self, Continuation, ReconcileRequest};

/// The least that a schedule is ahead: longer than a call can take, since one of the past is refused.
pub(super) const MIN_SCHEDULE_AHEAD: Duration = Duration::from_secs(30);

/// What a stop is for; a task has one schedule of each at most, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The second half of a stop.
    Drained,
    /// It is not RUNNING in time.
    StartTimeout,
    /// It has lived long enough.
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

/// The name of a task's schedule.
pub(super) fn name(purpose: Purpose, task: &TaskArn) -> String {
    format!("start-engines-{}-{}", purpose.name(), task.id())
}

/// The schedule of a stop of `task` with these further fields; `None` for times that have no date.
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

/// The schedule with which a reconcile goes on, one for each continuation of one event.
pub(super) fn reconcile(
    request: &ReconcileRequest,
    continuation: &Continuation,
    now: Timestamp,
) -> Option<OneTimeSchedule> {
    let later = request.later.as_ref()?;
    // An id may have characters that no name has, and be long.
    let digest = Sha256::digest(format!("{} {}", request.identity, request.cluster));
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
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

fn schedule(
    later: &Later,
    name: String,
    detail_type: &str,
    detail: &Value,
    now: Timestamp,
    at: Timestamp,
) -> Option<OneTimeSchedule> {
    let scope = later.function.scope()?;
    let event = json!({
        "version": "0",
        // Not `<aws.scheduler.execution-id>`: that is one for each attempt of Scheduler, and this event is the same
        // in each delivery ("The unique ID that EventBridge Scheduler assigns for each attempted invocation of a
        // target": https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html).
        "id": name,
        "detail-type": detail_type,
        "source": later.source,
        "account": scope.account,
        "region": scope.region,
        // When it was asked for, not when it is sent: by then DescribeTasks knows every task.
        "time": format!("{}Z", now.to_seconds()?),
        "resources": [],
        "detail": detail,
    });
    Some(OneTimeSchedule {
        name,
        at,
        scheduler: later.scheduler.clone(),
        function: later.function.clone(),
        event: event.to_string(),
    })
}
