//! Everything that is known about one event after it was handled.
//!
//! What is reported of it is in [`super::log_line`], [`super::metrics`] and [`super::outcome_events`].

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::call::{Answer, Call};
use crate::domain::arn::TaskArn;
use crate::domain::task::{Network, Task};
use crate::domain::timestamp::Timestamp;
use crate::journal::{Entry, Journal};
use crate::outcome::{Checked, Failure, Outcome, Repairs};
use crate::request::Trigger;
use crate::request::envelope::Envelope;
use crate::request::task_change::TaskChange;

/// One event, and how it was handled.
#[derive(Debug)]
pub struct Handled {
    /// The event's id, detail-type and correlation id.
    pub envelope: Envelope,
    /// What it requests; `None` if it is invalid or not allowed.
    pub trigger: Option<Trigger>,
    /// The calls that were made, with their answers.
    pub journal: Journal,
    /// When the handling ended.
    pub ended_at: Timestamp,
    /// What was done, or the named reason why nothing was; or the failure that the invocation ends with.
    pub result: Result<Outcome, Failure>,
    /// How publishing its outcome events ended.
    pub published: Published,
}

impl Handled {
    /// An event that was not handled, because the function's configuration is invalid.
    #[must_use]
    pub fn refused(event: &Value, now: Timestamp, failure: Failure) -> Self {
        Self {
            envelope: Envelope::of(event),
            trigger: None,
            journal: Journal::new(now),
            ended_at: now,
            result: Err(failure),
            published: Published::default(),
        }
    }

    /// What a reconcile has repaired, even if it failed later; `None` for other events.
    #[must_use]
    pub fn repairs(&self) -> Option<&Repairs> {
        match &self.result {
            Ok(Outcome::Reconciled(repairs)) => Some(repairs),
            Ok(_) => None,
            Err(failure) => failure.repairs.as_deref(),
        }
    }

    /// What a check has found, even if it failed in part; `None` for other events.
    #[must_use]
    pub fn checked(&self) -> Option<&Checked> {
        match &self.result {
            Ok(Outcome::Checked(checked)) => Some(checked),
            Ok(_) => None,
            Err(failure) => failure.checked.as_deref(),
        }
    }

    /// The task from the first DescribeTasks answer that has it, with its tags; `None` if there is none.
    #[must_use]
    pub fn described(&self, arn: &TaskArn) -> Option<&Task> {
        self.journal.entries.iter().find_map(|entry| match &entry.answer {
            Ok(Answer::Tasks(tasks)) => tasks.iter().map(Arc::as_ref).find(|task| task.arn == *arn),
            _ => None,
        })
    }

    /// All tasks from DescribeTasks answers, each from the first that has it.
    pub(super) fn all_described(&self) -> HashMap<&TaskArn, &Task> {
        let mut all = HashMap::new();
        for entry in &self.journal.entries {
            if let Ok(Answer::Tasks(tasks)) = &entry.answer {
                for task in tasks {
                    all.entry(&task.arn).or_insert(&**task);
                }
            }
        }
        all
    }

    /// The reason of a skip or a continuation, or the failure's error type; `None` for other outcomes.
    pub(super) fn reason(&self) -> Option<&'static str> {
        match &self.result {
            Ok(Outcome::Skipped { reason, .. }) => Some(reason.name()),
            Ok(Outcome::Continued { continued, .. }) => Some(continued.why.name()),
            Ok(
                Outcome::Started { .. }
                | Outcome::Registered { .. }
                | Outcome::Checked(_)
                | Outcome::Deregistered { .. }
                | Outcome::Stopped { .. }
                | Outcome::Reconciled(_)
                | Outcome::Planned(_)
                | Outcome::Scheduled { .. },
            ) => None,
            Err(failure) => Some(failure.category.name()),
        }
    }

    pub(super) fn tasks(&self) -> Vec<&TaskArn> {
        match (&self.result, &self.trigger) {
            (Ok(Outcome::Started { tasks, .. } | Outcome::Stopped { tasks, .. }), _) => tasks.iter().collect(),
            (Err(failure), _) if !failure.tasks.is_empty() => failure.tasks.iter().collect(),
            (_, Some(Trigger::TaskStateChange(change))) => vec![&change.task.arn],
            (_, Some(Trigger::Deregister(request))) => vec![&request.task.arn],
            (_, Some(Trigger::Check(request))) => request.tasks.iter().map(|task| &task.arn).collect(),
            (
                _,
                Some(Trigger::Start(_) | Trigger::Stop(_) | Trigger::Reconcile(_) | Trigger::ReconcileAll(_)) | None,
            ) => Vec::new(),
        }
    }

    /// Whether only ECS has shown who has an address: EC2 denied the call, or neither the event nor ECS shows the task's
    /// network interface. Then the search is bounded in time and in tasks, and relies on an ECS that hardly lags.
    pub(super) fn is_without_ec2(&self) -> bool {
        let entries = &self.journal.entries;
        let is_question = |entry: &&Entry| matches!(entry.call, Call::DescribeNetworkInterfaces(_));
        let mut questions = entries.iter().filter(is_question).peekable();
        if questions.peek().is_some() {
            return questions.any(|entry| entry.answer.as_ref().is_err_and(|error| !error.kind.is_transient()));
        }
        let is_on_interface = |change: &TaskChange| matches!(change.task.network, Network::Awsvpc(_));
        let is_search = |entry: &Entry| matches!(entry.call, Call::ListTasks { .. });
        matches!(&self.trigger, Some(Trigger::TaskStateChange(change)) if is_on_interface(change))
            && entries.iter().any(is_search)
    }

    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.journal
            .entries
            .iter()
            .flat_map(|entry| (0..entry.calls).map(|_| entry.call.operation()))
            .collect()
    }

    /// Milliseconds from ECS's time of the change to the answer of the last call that registered or deregistered
    /// targets.
    pub(super) fn lag_millis(&self) -> Option<i64> {
        let happened_at = match &self.trigger {
            Some(Trigger::TaskStateChange(change)) => change.updated_at.or(change.happened_at),
            Some(Trigger::Deregister(request)) => request.happened_at,
            Some(
                Trigger::Start(_)
                | Trigger::Stop(_)
                | Trigger::Reconcile(_)
                | Trigger::ReconcileAll(_)
                | Trigger::Check(_),
            )
            | None => None,
        }?;
        let acted = self.journal.entries.iter().rfind(|entry| {
            matches!(
                entry.call,
                Call::RegisterTargets { .. } | Call::DeregisterTargets { .. }
            ) && entry.answer.is_ok()
        })?;
        Some(acted.answered_at.millis() - happened_at.millis())
    }

    pub(super) fn duration_millis(&self) -> u64 {
        u64::try_from(self.ended_at.since(self.journal.began_at).as_millis()).unwrap_or(u64::MAX)
    }
}

/// How publishing the outcome events ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many events EventBridge accepted.
    pub published: usize,
    /// How many events were not published: failed entries, or entries of a failed call.
    pub unpublished: usize,
    /// Why events were not published, each reason once.
    pub errors: Vec<String>,
}
