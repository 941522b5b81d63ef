//! The next call for an event, or how the event ends, from the answers of AWS so far. Pure and synchronous.
//!
//! [`decide`] runs from the beginning after each answer (see [`crate::journal`]). It must not log, read a clock, or keep
//! anything between runs.
//!
//! # What must hold
//! 1. When all events of a stopped task are handled, none of its targets is registered.
//! 2. When the RUNNING event of a live task is handled, all its targets are registered.
//! 3. A live task's target is never deregistered by another task's event.
//! 4. One start event never yields more than `count` tasks.
//! 5. A request to stop never ends a task whose start was requested after it.
//!
//! [`start`] guarantees the fourth; [`register`] the second, and the first where a stop overtakes it; [`deregister`] the
//! first and the third, on the timing assumptions of [`timing`]; [`stop`] the third, on the same assumptions, and the
//! fifth. [`reconcile`] restores the first two where an event was lost for good. A task that drains has a tag for it: its
//! targets must not be registered, and the second does not apply to it. [`readiness`] looks whether what is registered is
//! healthy; no promise depends on it. [`safety`] explains why this is enough, and what
//! it does not cover.

pub mod deployment;
pub mod deregister;
mod deregister_later;
mod failures;
mod owners;
pub mod readiness;
pub mod reconcile;
mod reconcile_all;
pub mod register;
pub mod safety;
mod schedules;
pub mod start;
pub mod stop;
mod targets;
pub mod timing;

use self::deployment::Whose;
use crate::call::Call;
use crate::config::Config;
use crate::domain::started_by::{self, DecodeError};
use crate::domain::task::Phase;
use crate::journal::{Halt, Journal, Reader};
use crate::outcome::{Category, Failure, Outcome, Skip};
use crate::request::Trigger;
use crate::request::task_change::TaskChange;

/// What the handler does next for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make these calls, which do not depend on each other, append their answers to the journal in this order, and decide
    /// again.
    Ask(Vec<Call>),
    /// The event is handled, or has failed.
    End(Result<Outcome, Failure>),
}

/// The next step for `trigger`, given all calls and answers so far.
#[must_use]
pub fn decide(trigger: &Trigger, config: &Config, journal: &Journal) -> Step {
    let mut reader = Reader::new(journal);
    let run = match trigger {
        Trigger::Start(request) => start::start(request, &mut reader),
        Trigger::Stop(request) => stop::stop(request, config, &mut reader),
        Trigger::Reconcile(request) => reconcile::reconcile(request, config, &mut reader),
        Trigger::ReconcileAll(request) => reconcile_all::reconcile_all(request, &mut reader),
        Trigger::Deregister(request) => deregister_later::deregister(request, config, &mut reader),
        Trigger::Check(request) => readiness::check(request, config, &mut reader),
        Trigger::TaskStateChange(change) => task_state_change(change, config, &mut reader),
    };
    match run {
        Ok(outcome) => Step::End(Ok(outcome)),
        Err(Halt::Fail(failure)) => Step::End(Err(*failure)),
        Err(Halt::Ask(calls)) => Step::Ask(calls),
    }
}

fn task_state_change(change: &TaskChange, config: &Config, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let task = &change.task;
    let phase = task.phase();
    let skip = |reason| {
        Ok(Outcome::Skipped {
            reason,
            failed_start: task.failed_start(),
        })
    };
    let Some(text) = &task.started_by else {
        return Ok(Outcome::skipped(Skip::ForeignTask));
    };
    let decoded = started_by::decode(text, &task.arn.scope());
    match deployment::whose_with(&decoded, task, config) {
        Whose::ThisDeployments => {}
        Whose::Foreign => return Ok(Outcome::skipped(Skip::ForeignTask)),
        // The other deployment also reports its failed start.
        Whose::AnotherDeployments => return Ok(Outcome::skipped(Skip::AnotherDeployment)),
    }
    let attachments = match decoded {
        Ok(attachments) => attachments,
        Err(DecodeError::Foreign) => return Ok(Outcome::skipped(Skip::ForeignTask)),
        // It was never registered, so there is nothing to deregister. A RUNNING one is an error: its start meant to name
        // targets.
        Err(DecodeError::Malformed) if phase != Phase::Running => return skip(Skip::MalformedStartedBy),
        Err(malformed @ DecodeError::Malformed) => {
            return Err(Failure::new(Category::MalformedStartedBy, format!("startedBy {text}: {malformed}")).into());
        }
    };
    match phase {
        Phase::Starting => skip(Skip::NotRunningYet),
        Phase::Unknown => skip(Skip::UnknownStatus),
        Phase::Running | Phase::Stopping | Phase::Stopped if attachments.is_empty() => skip(Skip::NoTargets),
        Phase::Running => register::register(change, &attachments, config, reader),
        Phase::Stopping | Phase::Stopped => {
            deregister::deregister(change, &deployment::allowed(&attachments, config), config, reader)
        }
    }
}
