//! A late stop that does not fit into one invocation, or that waits until ECS would show whose an address is: it goes on with
//! an event of its own, by a one-time schedule.
//!
//! Nothing is lost and nothing is trusted for too long in between: each part asks ELB again what is registered, and EC2 who
//! has the addresses; what the search has found goes on with the event. An interface that was not there before is searched
//! for from the beginning. So a part that is delivered twice, or a day late, or tried again, comes to the same end.

use super::deregister::Work;
use super::owners::search::Later;
use super::schedules;
use super::targets::candidates::OwnerScope;
use super::targets::membership::still_registered;
use crate::call::ErrorKind;
use crate::config::Config;
use crate::domain::arn::InterfaceId;
use crate::domain::target::GroupTarget;
use crate::domain::task::{Network, Status, StopReason, Task};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Continued, Failure, Outcome};
use crate::request::deregister::{DeregisterRequest, FormerOwner, MAX_CONTINUATIONS, Progress};
use crate::request::later;
use crate::request::task_change::TaskChange;

/// Goes on with a late stop.
///
/// # Errors
/// With the next call, or with all failures.
pub(super) fn deregister(
    request: &DeregisterRequest,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Outcome, Halt> {
    let task = stopped(&request.task);
    let mut work = Work::new(&task, Origin::continued(request));
    let registered = still_registered(&request.targets, reader, &mut work.failures)?;
    let owner_scope = OwnerScope::Interface(request.task.interface.clone());
    work.deregister_unowned(registered, &owner_scope, config, reader)?;
    work.end()
}

/// What is known of the task: its events have been reported.
fn stopped(former: &FormerOwner) -> Task {
    Task {
        arn: former.arn.clone(),
        cluster: former.cluster.clone(),
        version: 0,
        last_status: Status::Stopped,
        desired_status: Status::Stopped,
        started_by: former.started_by.clone(),
        task_definition: None,
        network: Network::Unknown,
        interface: Some(former.interface.clone()),
        containers: Vec::new(),
        tags: Vec::new(),
        created_at: None,
        started_at: None,
        stopped_at: None,
        stop: StopReason::default(),
    }
}

/// The event that a stop is handled for, and how it goes on.
#[derive(Clone, Copy)]
pub(super) struct Origin<'o> {
    later: Option<&'o later::Later>,
    happened_at: Option<Timestamp>,
    /// The number of continuations so far.
    count: i32,
    /// What they have found.
    pub(super) before: Option<&'o Progress>,
}

impl<'o> Origin<'o> {
    pub(super) fn of(change: &'o TaskChange) -> Self {
        Self {
            later: change.later.as_ref(),
            happened_at: change.updated_at.or(change.happened_at),
            count: 0,
            before: None,
        }
    }

    fn continued(request: &'o DeregisterRequest) -> Self {
        Self {
            later: request.later.as_ref(),
            happened_at: request.happened_at,
            count: request.count,
            before: Some(&request.progress),
        }
    }

    pub(super) fn can_go_on(&self) -> bool {
        self.later.is_some() && self.count < MAX_CONTINUATIONS
    }

    /// Why the task's start failed, if it did: reported with its own event only.
    pub(super) fn failed_start(&self, task: &Task) -> Option<StopReason> {
        if self.before.is_some() {
            return None;
        }
        task.failed_start()
    }

    /// Schedules the event with which the stop goes on; the inner error is why that is not possible.
    pub(super) fn go_on(
        &self,
        task: &Task,
        own: &InterfaceId,
        targets: Vec<GroupTarget>,
        later: Later,
        reader: &mut Reader<'_>,
    ) -> Result<Result<Continued, Failure>, Halt> {
        let Later { progress, at, why } = later;
        let request = DeregisterRequest {
            task: FormerOwner {
                arn: task.arn.clone(),
                cluster: task.cluster.clone(),
                started_by: task.started_by.clone(),
                interface: own.clone(),
            },
            targets,
            progress,
            count: self.count + 1,
            happened_at: self.happened_at,
            later: self.later.cloned(),
        };
        let Some(schedule) = schedules::deregister(&request, reader.now(), at) else {
            return Err(Failure::internal("the time of a stop that goes on is not a valid date").into());
        };
        if schedule.event.len() > schedules::MAX_EVENT_BYTES {
            let message = format!(
                "{} network interfaces have the addresses of {}: they do not fit into the event with which its stop goes on",
                request.progress.interfaces.len(),
                task.arn
            );
            return Ok(Err(Failure::new(Category::OwnerNotClear, message)));
        }
        match reader.create_schedule(schedule)? {
            Ok(()) => {}
            // Created by an earlier attempt or delivery, or for an earlier event of the same task.
            Err(error) if error.kind == ErrorKind::Conflict => {}
            Err(error) => return Ok(Err(error.into())),
        }
        Ok(Ok(Continued {
            targets: request.targets,
            count: request.count,
            at,
            why,
        }))
    }
}
