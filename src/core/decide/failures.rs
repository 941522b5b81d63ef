//! Collects the failures of independent calls into one.

use crate::journal::Halt;
use crate::outcome::Failure;

/// The maximum number of failures that the message of one event contains.
const MAX_MESSAGES: usize = 20;

/// Failures of independent calls: one does not prevent the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(pub(crate) Vec<Failure>);

impl Failures {
    pub(crate) fn add(&mut self, failure: impl Into<Failure>) {
        self.0.push(failure.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// All failures as one, with the category of the first that no retry can fix, else of the first. It is transient if
    /// any of them is.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Halt> {
        let Some(chief) = self.0.iter().find(|failure| !failure.transient).or(self.0.first()) else {
            return Ok(value);
        };
        let mut messages: Vec<String> = Vec::new();
        for failure in self.0.iter().take(MAX_MESSAGES) {
            messages.push(failure.message.clone());
        }
        if self.0.len() > MAX_MESSAGES {
            messages.push(format!("and {} more", self.0.len() - MAX_MESSAGES));
        }
        Err(Failure {
            message: messages.join("; "),
            transient: self.0.iter().any(|failure| failure.transient),
            ..chief.clone()
        }
        .into())
    }
}

/// Adds a failure to `failures`, so that the caller continues with the next target group; `None` if it failed.
pub(crate) fn caught<T>(result: Result<T, Halt>, failures: &mut Failures) -> Result<Option<T>, Halt> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Halt::Fail(failure)) => {
            failures.add(*failure);
            Ok(None)
        }
        Err(ask @ Halt::Ask(_)) => Err(ask),
    }
}
