//! Why a run of a decision ended without an outcome.

use crate::call::{Call, CallError};
use crate::domain::arn::TaskArn;
use crate::outcome::{Failure, PartOfStop};

/// Why a run of the decision ended without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// It needs the answers to these calls, at least one; none of them depends on another's answer.
    Ask(Vec<Call>),
    /// The event ends with this failure; no further call is made for it.
    Fail(Box<Failure>),
}

impl Halt {
    /// Adds the tasks that were started or stopped, if it is a failure.
    #[must_use]
    pub fn with_tasks(self, tasks: Vec<TaskArn>) -> Self {
        match self {
            Self::Fail(failure) => failure.with_tasks(tasks).into(),
            ask @ Self::Ask(_) => ask,
        }
    }

    /// Adds what is reported of a stop that failed in part, if it is a failure.
    #[must_use]
    pub fn with_part_of_stop(self, part: PartOfStop) -> Self {
        match self {
            Self::Fail(failure) => failure.with_part_of_stop(part).into(),
            ask @ Self::Ask(_) => ask,
        }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Fail(Box::new(failure))
    }
}

impl From<&CallError> for Halt {
    fn from(error: &CallError) -> Self {
        Failure::from(error).into()
    }
}

/// The answer to a call: the outer error ends the run, the inner one is AWS's.
pub type Asked<'a, T> = Result<Result<T, &'a CallError>, Halt>;

/// The answers to several calls, in order.
pub type AskedEach<'a, T> = Result<Vec<Result<T, &'a CallError>>, Halt>;
