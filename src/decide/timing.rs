//! The timing assumptions that the proof needs, all of them, in one place.
//!
//! A target group knows addresses, not tasks, and addresses are used again. So a late stop could
//! take away the target of a newer task that has the address now. What rules that out:
//!
//! - **An address needs at least [`REUSE`] from being freed to serving another RUNNING task**:
//!   a new task must be placed, get its network interface, pull its image and start. A task that
//!   is on its way has its address in DescribeTasks by then, with desired status RUNNING.
//! - A task that is stopping, but not STOPPED, still holds its address when the event is made. So
//!   a DeregisterTargets that has landed within [`REUSE`] of that event cannot meet another's
//!   target ([`landing_time`]).
//! - A STOPPED task gave its address back up to `REUSE - FRESH` before the event; so its calls must
//!   have landed within [`FRESH`] of the event.
//! - The careful way proves with ListTasks and DescribeTasks that nobody owns the address; the
//!   proof holds for [`REUSE`] from when ListTasks was asked.
//! - DescribeTasks lags by less than the time from a task's first stop event to the handling of
//!   its last: so a stop that the second look of a RUNNING handler does not see yet is followed
//!   by one more event that finds what was registered.

use std::time::Duration;

use crate::task::Phase;
use crate::timestamp::Timestamp;
use crate::trigger::TaskChange;

/// How old an event may be for its address to be certainly the task's own.
pub const FRESH: Duration = Duration::from_secs(5);
/// The least time from an address being freed to its serving another RUNNING task.
pub const REUSE: Duration = Duration::from_secs(8);
/// With less time left than this, a call is not begun.
pub const SHORTEST_CALL: Duration = Duration::from_secs(1);
/// How long ECS shows stopped tasks at least, so that one which it does not know is gone for sure
/// ([DescribeTasks](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html)).
pub const STOPPED_TASKS_STAY: Duration = Duration::from_secs(3600);

/// Until when a DeregisterTargets must have landed which rests on the event alone; `None` if the
/// event is not fresh, or does not tell when it happened.
///
/// Measured from the envelope's time on AWS's clock, against the function's: an event from the
/// future is as suspicious as an old one.
#[must_use]
pub fn landing_time(change: &TaskChange, now: Timestamp) -> Option<Timestamp> {
    let happened_at = change.happened_at?;
    if happened_at.distance(now) >= FRESH {
        return None;
    }
    match change.task.phase() {
        Phase::Stopping => Some(happened_at.after(REUSE)),
        Phase::Stopped => Some(happened_at.after(FRESH)),
        Phase::Starting | Phase::Running | Phase::Unknown => None,
    }
}

/// The time left until `landing`, if it is enough for a call.
#[must_use]
pub fn left(landing: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    Some(landing?.since(now)).filter(|left| *left >= SHORTEST_CALL)
}
