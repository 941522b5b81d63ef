//! All timing assumptions that the proof needs.
//!
//! A target group contains addresses, not tasks, and addresses are reused. So a late stop could deregister the target of
//! a newer task that has the address now. These assumptions rule that out:
//!
//! - **From when an address is freed until it serves another RUNNING task, at least [`REUSE`] passes**: a new task must be
//!   placed, get its network interface, pull its image, start, and be registered. A task that is stopping, but not
//!   STOPPED, still has its address when the event is made; so a DeregisterTargets that takes effect within `REUSE` of
//!   that event cannot deregister another task's target. A STOPPED task freed its address up to `REUSE - FRESH` before
//!   `stoppedAt`, so its calls must take effect within [`FRESH`] of `stoppedAt`.
//! - **From when EC2 creates a network interface until its task is registered, at least [`INTERFACE`] passes, and EC2's
//!   answers are behind by less than [`EC2_LAG`].** The careful way asks EC2 who has the address. An interface that is not
//!   shown yet was created less than `EC2_LAG` before, so its task is registered no sooner than [`INTERFACE_PROOF`], the
//!   difference, after EC2 was asked. How long ago the address was freed does not matter here. ECS's answers may be behind
//!   by up to [`ECS_LAG`]: an interface whose task ECS does not show counts as nobody's only if it is attached for longer.
//! - **EC2 shows that an interface is deleted before the last stop event of its task is handled**, and that event is made
//!   no sooner than [`FRESH`] after the task was RUNNING, since the interface is deleted in between. So what a handler of
//!   a RUNNING event has registered of a task that ECS still shows as RUNNING is found by the handler of the last stop
//!   event, if it was registered within `FRESH`, and else by EC2's answer.
//! - **From when DescribeTasks returns a task with its address or port until the task is registered, at least [`ATTACH`]
//!   passes.** That is the bound where EC2 shows nothing: for ports of container instances, and where EC2 denies the call.
//!   A task that may own the target, but is not returned with it yet, is registered no sooner than that. So the proof that
//!   nobody owns it holds for `ATTACH` from when ListTasks was called.
//! - **Host ports of container instances** are reused within seconds, so no stop of such a task is fresh. The careful way
//!   relies on this: a host port that no task of start-engines has, by its bindings or by its definition, or that its own
//!   task has not freed (it is not STOPPED), is registered for another task no sooner than `ATTACH` from then: that
//!   container must get the port, start, be reported RUNNING, and its event be handled. If a task starts while the port
//!   may be free, the stop fails and is retried. Where a definition fixes the port (network mode `host`, or a
//!   `hostPort`), ECS reserves it for one task on a container instance at a time. So a task that starts with it proves
//!   that the port was freed, whatever DescribeTasks still returns for the task before it. Only ECS reports host ports: if
//!   it does not return a task `ATTACH` before it is registered, or for longer returns a task with a dynamic port that it
//!   has freed, a late stop deregisters a live target.
//! - A call that was given up takes effect before its event is tried again (a minute later), or never; a DeregisterTargets
//!   that was given up, by the end of its time limit, or never.
//! - For tasks on container instances, and where EC2 denies the call: DescribeTasks lags by less than the time from a task's
//!   first stop event to the handling of its last, so that a stop which the second snapshot of a RUNNING handler does not
//!   show yet is followed by one more event, whose handler finds what was registered; and by less than [`REUSE`], so that a
//!   task that has freed its address is returned as stopping before another one is RUNNING with that address.
//! - DescribeTargetHealth shows a registration that was answered before the last stop event of its task was made. A
//!   handler that undoes its own registration does not call it.
//! - The clocks of ECS and of the function differ by less than [`SKEW`], which is subtracted from every limit that is
//!   computed from an event's own time; an event from the future is not fresh.

use std::time::Duration;

use crate::domain::task::{Network, Phase, Status};
use crate::domain::timestamp::Timestamp;
use crate::request::task_change::TaskChange;

/// The maximum age at which the address in an event is certainly the task's own.
pub const FRESH: Duration = Duration::from_secs(5);
/// The minimum time from when an address is freed until it serves another RUNNING task.
pub const REUSE: Duration = Duration::from_secs(8);
/// The minimum time from when DescribeTasks returns a task with its address until the task is registered.
pub const ATTACH: Duration = Duration::from_secs(3);
/// The minimum time from when EC2 creates a network interface until its task is registered: the interface must be attached,
/// the task must start and be reported RUNNING, and its event be handled.
pub const INTERFACE: Duration = Duration::from_secs(5);
/// The maximum time by which EC2's answers are behind. EC2 promises none
/// ([eventual consistency](https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html)).
pub const EC2_LAG: Duration = Duration::from_secs(2);
/// How long it holds, from when EC2 was asked, that nobody whose target is registered has an address for which EC2 shows
/// no interface: [`INTERFACE`] less [`EC2_LAG`].
pub const INTERFACE_PROOF: Duration = INTERFACE.saturating_sub(EC2_LAG);
/// The maximum time by which ECS's answers are behind: after that, ECS shows the task of every network interface. RunTask's
/// own figure: "start with a couple of seconds of wait time, and increase gradually up to five minutes"
/// ([RunTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html)).
pub const ECS_LAG: Duration = Duration::from_secs(300);
/// The maximum difference between the clocks of the function and of ECS. (The Amazon Time Sync Service synchronizes
/// both to about a millisecond.)
pub const SKEW: Duration = Duration::from_secs(1);
/// The minimum time left in which a call is begun.
pub const SHORTEST_CALL: Duration = Duration::from_secs(1);
/// The minimum time for which ECS returns a stopped task, so a task that it does not return after that is gone
/// ([DescribeTasks](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html)).
pub const STOPPED_TASK_RETENTION: Duration = Duration::from_secs(3600);

/// How long after the end of its drain a task may still be stopped by its schedule, so that nobody else stops it:
/// Scheduler is precise to the minute
/// ([schedule types](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)).
pub const DRAIN_GRACE: Duration = Duration::from_secs(90);

/// When a DeregisterTargets that relies on the event alone must have taken effect; `None` if the event is not fresh, has
/// no time, or does not show that the task has a network interface.
#[must_use]
pub fn landing_time(change: &TaskChange, now: Timestamp) -> Option<Timestamp> {
    let happened_at = change.happened_at?;
    if !matches!(change.task.network, Network::Awsvpc(_)) {
        return None;
    }
    let (since, landing) = match (change.task.phase(), &change.task.last_status) {
        (Phase::Stopping, _) => (happened_at, happened_at.after(REUSE - SKEW)),
        // ECS sends events of a stopped task again when anything about it changes, so only `stoppedAt` shows how long
        // the address has been free.
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
            later: None,
        }
    }

    #[test]
    fn a_call_takes_effect_before_the_address_can_be_anothers_even_if_the_clock_is_late() {
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
    fn an_event_that_is_old_or_from_the_future_or_without_a_time_is_not_fresh() {
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
