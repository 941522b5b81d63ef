//! Everything that is known about one event after it was handled.
//!
//! What is reported of it is in [`super::log_line`] and [`super::outcome_events`].

use std::sync::Arc;

use serde_json::Value;

use crate::call::Answer;
use crate::domain::arn::TaskArn;
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::Journal;
use crate::outcome::{Failure, Outcome, Repairs};
use crate::request::Trigger;
use crate::request::envelope::Envelope;

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
    /// How it ended.
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
}

impl Handled {
    /// What a reconcile has repaired, even if it failed later; `None` for other events.
    #[must_use]
    pub fn repairs(&self) -> Option<&Repairs> {
        match &self.result {
            Ok(Outcome::Reconciled(repairs)) => Some(repairs),
            Ok(_) => None,
            Err(failure) => failure.repairs.as_deref(),
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
