//! The schedules of stops that come later, each a `Stop ECS Task` of one task.

use std::time::Duration;

use serde_json::{Value, json};

use crate::arn::{Cluster, TaskArn};
use crate::call::OneTimeSchedule;
use crate::later::Later;
use crate::timestamp::Timestamp;
use crate::trigger;

/// The least that a schedule is ahead: longer than a call can take, since one of the past is refused.
pub(super) const SOONEST: Duration = Duration::from_secs(30);

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

/// The schedule of a stop of `task` with these further fields; `None` for times that have no date.
pub(super) fn stop(
    later: &Later,
    purpose: Purpose,
    (task, cluster): (&TaskArn, &Cluster),
    mut detail: Value,
    now: Timestamp,
    at: Timestamp,
) -> Option<OneTimeSchedule> {
    let scope = later.function.scope()?;
    detail["taskArn"] = json!(task.as_str());
    if task.cluster().is_none() {
        detail["cluster"] = json!(cluster.as_str());
    }
    let event = json!({
        "version": "0",
        // Scheduler puts its own in, which is the same in each delivery:
        // https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        "id": "<aws.scheduler.execution-id>",
        "detail-type": trigger::STOP,
        "source": later.source,
        "account": scope.account,
        "region": scope.region,
        // When it was asked for: by the time it comes, DescribeTasks knows every task.
        "time": format!("{}Z", now.to_seconds()?),
        "resources": [],
        "detail": detail,
    });
    Some(OneTimeSchedule {
        name: format!("start-engines-{}-{}", purpose.name(), task.id()),
        at,
        scheduler: later.scheduler.clone(),
        function: later.function.clone(),
        event: event.to_string(),
    })
}
