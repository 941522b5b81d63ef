//! All that is known of one event once it was handled.
//!
//! What is told of it is in [`super::log_line`] and [`super::outcome_events`].

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

/// All that is to be told of one event.
#[derive(Debug)]
pub struct Handled {
    /// What the event says of itself.
    pub envelope: Envelope,
    /// What it asks for, if it is sound and allowed.
    pub trigger: Option<Trigger>,
    /// The calls that were made.
    pub journal: Journal,
    /// When the handling ended.
    pub ended_at: Timestamp,
    /// How.
    pub result: Result<Outcome, Failure>,
    /// What became of its outcome events.
    pub published: Published,
}

impl Handled {
    /// An event that was not looked into, since the function itself is not sound.
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
    /// What a reconcile has done, whether or not all of it succeeded.
    #[must_use]
    pub fn repairs(&self) -> Option<&Repairs> {
        match &self.result {
            Ok(Outcome::Reconciled(repairs)) => Some(repairs),
            Ok(_) => None,
            Err(failure) => failure.repairs.as_deref(),
        }
    }

    /// The task as DescribeTasks told it, with its tags, if it was asked.
    #[must_use]
    pub fn described(&self, arn: &TaskArn) -> Option<&Task> {
        self.journal.entries.iter().find_map(|entry| match &entry.answer {
            Ok(Answer::Tasks(tasks)) => tasks.iter().map(Arc::as_ref).find(|task| task.arn == *arn),
            _ => None,
        })
    }
}

/// How publishing ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many events EventBridge took.
    pub published: usize,
    /// How many it did not.
    pub unpublished: usize,
    /// Why, each reason once.
    pub errors: Vec<String>,
}
