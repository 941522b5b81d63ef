//! Why an event could not be handled, in whole or in part.

use super::category::Category;
use super::checked::Checked;
use super::repairs::Repairs;
use crate::call::CallError;
use crate::domain::arn::TaskArn;
use crate::input::problem::Problems;

/// Why an event could not be handled. Each ends as an `Err` of the invocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure it is.
    pub category: Category,
    /// Whether the same event can succeed later without any change by a person.
    pub transient: bool,
    /// The message of the error and of its sources; never contains a payload.
    pub message: String,
    /// Tasks that were started or stopped in spite of the failure.
    pub tasks: Vec<TaskArn>,
    /// What a reconcile has done in spite of the failure.
    pub repairs: Option<Box<Repairs>>,
    /// What a check has found in spite of the failure.
    pub checked: Option<Box<Checked>>,
    /// What is reported of a stop that failed in part.
    pub stop: Option<Box<PartOfStop>>,
    /// Deadlines of a start that are not set.
    pub deadlines: Option<Box<DeadlinesNotSet>>,
}

/// What is reported of a stop that failed in part, besides its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartOfStop {
    /// Tasks that were to drain and were stopped at once, as they have no room for the tag.
    pub undrained: Vec<TaskArn>,
    /// The number of tasks that were spared, since they were requested after the stop.
    pub spared: usize,
}

/// Deadlines of running tasks that could not be set: until a retry sets them, nothing stops the tasks in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeadlinesNotSet {
    /// One for each task and field.
    pub deadlines: Vec<Deadline>,
    /// The category of the failure to set them.
    pub category: Category,
    /// Whether a retry can set them without any change by a person.
    pub transient: bool,
    /// The messages of the failures to set them.
    pub message: String,
    /// Whether all tasks of the start run: then only the deadlines have failed.
    pub start_is_whole: bool,
}

impl DeadlinesNotSet {
    /// Each task, with the fields of the start whose deadlines are not set.
    #[must_use]
    pub fn by_task(&self) -> Vec<(&TaskArn, Vec<&'static str>)> {
        let mut tasks: Vec<(&TaskArn, Vec<&'static str>)> = Vec::new();
        for deadline in &self.deadlines {
            match tasks.iter_mut().find(|(task, _)| **task == deadline.task) {
                Some((_, fields)) => fields.push(deadline.field),
                None => tasks.push((&deadline.task, vec![deadline.field])),
            }
        }
        tasks
    }
}

/// A deadline of one task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// `taskArn`.
    pub task: TaskArn,
    /// The field of the start: `startTimeoutSeconds` or `maxLifetimeSeconds`.
    pub field: &'static str,
}

impl Failure {
    /// A failure of this category, as transient as the category is.
    #[must_use]
    pub fn new(category: Category, message: impl Into<String>) -> Self {
        Self {
            category,
            transient: category.is_transient(),
            message: message.into(),
            tasks: Vec::new(),
            repairs: None,
            checked: None,
            stop: None,
            deadlines: None,
        }
    }

    /// A defect of start-engines.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Category::Internal, message)
    }

    /// The same failure, with what a reconcile has done in spite of it.
    #[must_use]
    pub fn with_repairs(mut self, repairs: Repairs) -> Self {
        self.repairs = Some(Box::new(repairs));
        self
    }

    /// The same failure, with what a check has found in spite of it.
    #[must_use]
    pub fn with_checked(mut self, checked: Checked) -> Self {
        self.checked = Some(Box::new(checked));
        self
    }

    /// The same failure, with what is reported of a stop that failed in part.
    #[must_use]
    pub fn with_part_of_stop(mut self, part: PartOfStop) -> Self {
        self.stop = (part != PartOfStop::default()).then(|| Box::new(part));
        self
    }

    /// Whether the request has failed, rather than only the deadlines of a start that has succeeded.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        !self.deadlines.as_ref().is_some_and(|unset| unset.start_is_whole)
    }

    /// The same failure, with the tasks that were started or stopped in spite of it.
    #[must_use]
    pub fn with_tasks(mut self, tasks: Vec<TaskArn>) -> Self {
        self.tasks = tasks;
        self
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        Self::new(error.kind.into(), error.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let category = if problems.only_not_allowed() {
            Category::NotAllowed
        } else {
            Category::InvalidEvent
        };
        Self::new(category, problems.to_string())
    }
}
