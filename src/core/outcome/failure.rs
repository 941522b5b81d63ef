//! Why an event could not be handled, or not all of it.

use super::category::Category;
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
    /// Whether the same event can succeed later with nobody changing anything.
    pub transient: bool,
    /// The whole chain; never a payload.
    pub message: String,
    /// Tasks that exist all the same.
    pub tasks: Vec<TaskArn>,
    /// What a reconcile has done all the same.
    pub repairs: Option<Box<Repairs>>,
    /// What is to be told of a stop that failed in part.
    pub stop: Option<Box<PartOfStop>>,
    /// Deadlines that the tasks of a start do not have.
    pub deadlines: Option<Box<DeadlinesNotSet>>,
}

/// Of a stop that failed in part: what its end does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartOfStop {
    /// As [`super::Outcome::Stopped`] has it.
    pub undrained: Vec<TaskArn>,
    /// As [`super::Outcome::Stopped`] has it.
    pub spared: usize,
}

/// Deadlines of tasks that run, which could not be set: nobody stops them in time, until a retry has set them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeadlinesNotSet {
    /// Which.
    pub deadlines: Vec<Deadline>,
    /// Why not: as [`Failure::category`].
    pub category: Category,
    /// As [`Failure::transient`].
    pub transient: bool,
    /// As [`Failure::message`].
    pub message: String,
    /// All tasks of the start run, so that it has not failed.
    pub start_is_whole: bool,
}

impl DeadlinesNotSet {
    /// Each task with the fields whose time nobody keeps.
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
    /// The task.
    pub task: TaskArn,
    /// The field of the start that asks for it.
    pub field: &'static str,
}

impl Failure {
    /// One of this category; whether a retry can help is the category's.
    #[must_use]
    pub fn new(category: Category, message: impl Into<String>) -> Self {
        Self {
            category,
            transient: category.is_transient(),
            message: message.into(),
            tasks: Vec::new(),
            repairs: None,
            stop: None,
            deadlines: None,
        }
    }

    /// A mistake of ours.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Category::Internal, message)
    }

    /// The same, with what a reconcile has done all the same.
    #[must_use]
    pub fn with_repairs(mut self, repairs: Repairs) -> Self {
        self.repairs = Some(Box::new(repairs));
        self
    }

    /// The same, with what is to be told of a stop that failed in part.
    #[must_use]
    pub fn with_part_of_stop(mut self, part: PartOfStop) -> Self {
        self.stop = (part != PartOfStop::default()).then(|| Box::new(part));
        self
    }

    /// Whether what was asked for has failed, rather than only the deadlines of a start that has succeeded.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        !self.deadlines.as_ref().is_some_and(|unset| unset.start_is_whole)
    }

    /// The same, with the tasks that exist all the same.
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
