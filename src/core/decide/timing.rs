//! The timing assumptions that the proof needs, all of them, in one place.
//!
//! A target group knows addresses, not tasks, and addresses are used again. So a late stop could
//! take away the target of a newer task that has the address now. What rules that out:
//!
//! - **An address needs at least [`REUSE`] from being freed to serving another RUNNING task**: a new
//!   task must be placed, get its network interface, pull its image, start, and be registered. A
//!   task that is stopping, but not STOPPED, still holds its address when the event is made; so a
//!   DeregisterTargets that has landed within `REUSE` of that event cannot meet another's target. A
//!   STOPPED task gave its address back up to `REUSE - FRESH` before `stoppedAt`, so its calls must
//!   have landed within [`FRESH`] of that.
//! - **A task needs at least [`ATTACH`] from when DescribeTasks shows its address to its being
//!   registered.** The careful way lists and describes all tasks, and a task that may own the
//!   address but does not show it yet is registered no sooner than that. The proof that nobody owns
//!   the address therefore holds for `ATTACH` from when ListTasks was asked. How long ago the
//!   address was freed does not matter here: it may be given to another right after the look.
//! - **Host ports of container instances** are used again within seconds, so no stop of such a task is
//!   fresh. The careful way relies on this: a host port that no task of ours has, by what it shows or by
//!   its definition, or that its own task has not given back (it is not STOPPED), is registered for
//!   another task no sooner than `ATTACH` from then: that container must get the port, start, be
//!   reported RUNNING, and its event be handled. A task that starts while the port may be free is
//!   waited for. Where a definition fixes the port (network mode `host`, or a `hostPort`), ECS keeps it for
//!   one task on a machine at a time, so that a task which starts with it proves that it was given back,
//!   whatever DescribeTasks still shows of the one before. Only ECS tells of host ports: if it does not
//!   show a task `ATTACH` before it is registered, or shows a task that has given back a port that the
//!   machine chose as one that has it for longer, a late stop takes a live target.
//! - A call that was given up lands before its event is tried again (a minute later), or never; a
//!   DeregisterTargets that was given up, by the end of its bound, or never.
//! - DescribeTasks lags by less than the time from a task's first stop event to the handling of
//!   its last: so a stop that the second look of a RUNNING handler does not see yet is followed by
//!   one more event that finds what was registered.
//! - DescribeTasks lags by less than [`REUSE`]: a task that gave its address back is shown as stopping
//!   before another one is RUNNING with that address, and is not taken for its owner.
//! - DescribeTargetHealth shows a registration that was answered before the last stop event of its
//!   task was made. Where a handler takes back what it has just registered itself, it does not ask.
//! - The clocks of ECS and of the function differ by less than [`SKEW`], which is taken off every
//!   time that an event's own time bounds; an event from the future is not fresh.

use std::time::Duration;

use crate::domain::task::{Network, Phase, Status};
use crate::domain::timestamp::Timestamp;
use crate::request::task_change::TaskChange;

/// How old an event may be for its address to be certainly the task's own.
pub const FRESH: Duration = Duration::from_secs(5);
/// The least time from an address being freed to its serving another RUNNING task.
pub const REUSE: Duration = Duration::from_secs(8);
/// The least time from a task showing its address to its being registered.
pub const ATTACH: Duration = Duration::from_secs(3);
/// How far the function's clock may be from that of ECS. (Both are kept by the Amazon Time Sync
/// Service, to about a millisecond.)
pub const SKEW: Duration = Duration::from_secs(1);
/// With less time left than this, a call is not begun.
pub const SHORTEST_CALL: Duration = Duration::from_secs(1);
/// How long ECS shows stopped tasks at least, so that one which it does not know is gone for sure
/// ([DescribeTasks](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html)).
pub const STOPPED_TASK_RETENTION: Duration = Duration::from_secs(3600);

/// How long after the time in its tag a task that drains is on its way to be stopped, so that nobody need see to it:
/// Scheduler is precise to the minute
/// ([schedule types](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)).
pub const DRAIN_GRACE: Duration = Duration::from_secs(90);

/// Until when a DeregisterTargets must have landed which rests on the event alone; `None` if the
/// event is not fresh, does not tell when it happened, or not that the task has an interface.
#[must_use]
pub fn landing_time(change: &TaskChange, now: Timestamp) -> Option<Timestamp> {
    let happened_at = change.happened_at?;
    if !matches!(change.task.network, Network::Awsvpc(_)) {
        return None;
    }
    let (since, landing) = match (change.task.phase(), &change.task.last_status) {
        (Phase::Stopping, _) => (happened_at, happened_at.after(REUSE - SKEW)),
        // ECS sends events of a stopped task again when anything about it changes, so it is
        // `stoppedAt` that tells how long the address has been free.
        (Phase::Stopped, Status::Stopped) => {
            let stopped_at = change.task.stopped_at?.min(happened_at);
            (stopped_at, stopped_at.after(FRESH - SKEW))
        }
        (Phase::Stopped | Phase::Starting | Phase::Running | Phase::Unknown, _) => return None,
    };
    let is_fresh = happened_at <= now && now.since(since) < FRESH;
    is_fresh.then_some(landing)
}

/// The time left until `landing`, if it is enough for a call.
#[must_use]
pub fn left(landing: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    Some(landing?.since(now)).filter(|left| *left >= SHORTEST_CALL)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::task::from_event;

    const EVENT: Timestamp = Timestamp::from_millis(1_795_158_000_000);

    fn change(last: &str, stopped_at: Option<&str>) -> TaskChange {
        let detail = json!({
            "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef",
            "lastStatus": last, "desiredStatus": "STOPPED", "stoppedAt": stopped_at,
            "attachments": [{"type": "eni", "details": [{"name": "privateIPv4Address", "value": "10.0.0.1"}]}],
        });
        TaskChange {
            task: from_event(&detail).unwrap(),
            happened_at: Some(EVENT),
            updated_at: None,
        }
    }

    #[test]
    fn a_call_lands_before_the_address_can_be_anothers_even_by_a_clock_that_is_late() {
        let soon = EVENT.after(Duration::from_millis(10));
        let stopping = landing_time(&change("RUNNING", None), soon);
        assert_eq!(stopping, Some(EVENT.after(REUSE - SKEW)));
        let stopped = landing_time(&change("STOPPED", Some("2026-11-20T07:00:00Z")), soon);
        assert_eq!(stopped, Some(EVENT.after(FRESH - SKEW)));
    }

    #[test]
    fn a_stop_of_a_task_without_an_interface_of_its_own_is_never_fresh() {
        let mut stopping = change("RUNNING", None);
        assert!(landing_time(&stopping, EVENT).is_some());
        stopping.task.network = Network::Unknown;
        assert_eq!(landing_time(&stopping, EVENT), None);
    }

    #[test]
    fn what_is_old_comes_from_the_future_or_tells_no_time_is_not_fresh() {
        let stopping = change("RUNNING", None);
        assert_eq!(landing_time(&stopping, EVENT.after(FRESH)), None);
        assert_eq!(
            landing_time(&stopping, Timestamp::from_millis(EVENT.millis() - 1)),
            None
        );
        assert_eq!(landing_time(&change("STOPPED", None), EVENT), None);
        let stopped_long_ago = change("STOPPED", Some("2026-11-20T06:59:00Z"));
        assert_eq!(landing_time(&stopped_long_ago, EVENT), None);
        let timeless = TaskChange {
            happened_at: None,
            ..stopping
        };
        assert_eq!(landing_time(&timeless, EVENT), None);
    }
}
