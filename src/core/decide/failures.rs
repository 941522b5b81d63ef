//! Failures of independent calls, made one in the end.

use crate::journal::Halt;
use crate::outcome::Failure;

/// How many failures of one event are told.
const MAX_MESSAGES: usize = 20;

/// Failures of independent calls: the others are made all the same.
#[derive(Debug, Default)]
pub(crate) struct Failures(pub(crate) Vec<Failure>);

impl Failures {
    pub(crate) fn add(&mut self, failure: impl Into<Failure>) {
        self.0.push(failure.into());
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// All as one, with the category of the first that only a person can cure, else of the first; a
    /// retry can help as long as it can help any of them.
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

/// What fails in one group is noted, so that the others are seen to.
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
