//! The journal of one event: its calls and their answers.

use super::parts::Parts;
use crate::call::{Answer, Call, CallError};
use crate::domain::timestamp::Timestamp;

/// A call to AWS with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The call as the decision asked for it; a decision that is run again must ask for the same.
    pub call: Call,
    /// When the call began.
    pub asked_at: Timestamp,
    /// When the answer arrived.
    pub answered_at: Timestamp,
    /// The number of AWS calls that it took: 0 if the answer was cached, or is part of an answer that is counted for
    /// another event.
    pub calls: u32,
    /// The answer, or the error.
    pub answer: Result<Answer, CallError>,
}

/// The calls made for one event, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Journal {
    /// When the handling of the event began.
    pub began_at: Timestamp,
    /// When it must end, if there is a limit. Long decisions check it, and continue in a later event.
    pub deadline: Option<Timestamp>,
    /// The calls so far, in order, with their answers. Calls that were made side by side are in the order in which the
    /// decision asked for them.
    pub entries: Vec<Entry>,
    /// What was made of them so far.
    pub(super) parts: Parts,
}

impl Journal {
    /// An empty journal without a deadline.
    #[must_use]
    pub fn new(began_at: Timestamp) -> Self {
        Self {
            began_at,
            deadline: None,
            entries: Vec::new(),
            parts: Parts::default(),
        }
    }

    /// The same journal with a deadline.
    #[must_use]
    pub fn until(self, deadline: Timestamp) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// The time of the latest answer; before the first, when the handling began.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.entries.last().map_or(self.began_at, |entry| entry.answered_at)
    }
}
