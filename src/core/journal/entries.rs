//! The calls of one event and their answers.

use crate::call::{Answer, Call, CallError};
use crate::domain::timestamp::Timestamp;

/// A call with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What was asked.
    pub call: Call,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer was there.
    pub answered_at: Timestamp,
    /// How many calls it took of its own: none if the answer was remembered, or is a part of one that is
    /// counted for another event.
    pub calls: u32,
    /// What came back.
    pub answer: Result<Answer, CallError>,
}

/// The calls made for one event, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Journal {
    /// When the handling began.
    pub began_at: Timestamp,
    /// When it must be over, if it must; what takes long asks, and goes on later.
    pub deadline: Option<Timestamp>,
    /// Calls and answers so far.
    pub entries: Vec<Entry>,
}

impl Journal {
    /// Nothing asked yet.
    #[must_use]
    pub fn new(began_at: Timestamp) -> Self {
        Self {
            began_at,
            deadline: None,
            entries: Vec::new(),
        }
    }

    /// The same, to be over by then.
    #[must_use]
    pub fn until(self, deadline: Timestamp) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// The time of the latest answer.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.entries.last().map_or(self.began_at, |entry| entry.answered_at)
    }
}
