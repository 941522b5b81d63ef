//! A stop: deregisters the targets first, and stops the tasks once their connections had time to end.
//!
//! For each task: DeregisterTargets at once, then StopTask at once if it does not drain, else a schedule of EventBridge
//! Scheduler, which sends the second half. Nothing waits.
//!
//! - The schedule is created before a target is deregistered: a task that nobody would stop must not lose its targets.
//! - A task that drains has the tag [`crate::domain::tags::STOP_AT`]: a late RUNNING event must find that it drains
//!   ([`super::register`]). A stop of one task (`one`) sets it before the targets go; a stop of many (`many`) after, as
//!   tags are slow, and its second half makes up for a RUNNING event that was handled in between.
//! - The second half of a stop of one task is a stop of that task with `drainSeconds` 0, with the task's id in its
//!   name; that of many is the same stop of many, one for each minute in which drains end. So a stop that is delivered
//!   twice makes each schedule once.
//! - An address is deregistered only while EC2, or a snapshot, shows that it is its task's (`targets_out`).
//! - StopTask is called even where DeregisterTargets fails: the events of the stop deregister the targets.
//! - The second half of a drain may be lost, so any stop that meets a task whose drain is over stops it now; and one
//!   that meets a task which still drains makes sure of a schedule for the time in its tag: the first stop sets the
//!   time, and a tag is never moved later.
//! - A task that has no room for the tag is stopped without a drain, rather than never.
//!
//! A task that is stopping, stopped or gone is success: that is what was requested.

mod concerned;
mod done;
mod drain;
mod host_ports_out;
mod many;
mod minutes;
mod one;
mod prepared;
mod proof;
mod targets_out;

use crate::config::Config;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::Outcome;
use crate::request::stop::{Selector, StopRequest};

/// Stops the tasks that `request` concerns.
///
/// # Errors
/// With the next call, or with all failures.
pub fn stop(request: &StopRequest, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    concerned::check_not_in_future(request, reader.now())?;
    match &request.selector {
        Selector::Task { arn, cluster } => one::stop(arn, cluster, request, config, reader),
        Selector::Service { .. } | Selector::Cluster(_) => many::stop(request, config, reader),
    }
}

/// The `reason` of StopTask for a task whose drain is over.
pub(crate) fn drain_is_over(until: Timestamp) -> String {
    let until = until.to_rfc3339().unwrap_or_default();
    format!("start-engines: its drain was over at {until}")
}
