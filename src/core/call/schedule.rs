//! What EventBridge Scheduler needs for a schedule that invokes the function once.

use crate::domain::arn::{FunctionArn, QueueArn, RoleArn, ScheduleGroup};
use crate::domain::timestamp::Timestamp;

/// How EventBridge Scheduler sends what comes later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scheduler {
    /// `SCHEDULER_ROLE_ARN`: may invoke the function.
    pub role: RoleArn,
    /// `SCHEDULER_GROUP`; the account's default group if unset.
    pub group: Option<ScheduleGroup>,
    /// `SCHEDULER_DEAD_LETTER_QUEUE_ARN`: the dead-letter queue of the function's schedules.
    pub dead_letters: Option<QueueArn>,
}

/// A schedule of EventBridge Scheduler that invokes the function once and deletes itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OneTimeSchedule {
    /// `Name`, of its own for each purpose and task: a second one is a conflict.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Role, group and queue.
    pub scheduler: Scheduler,
    /// Which function.
    pub function: FunctionArn,
    /// What it is invoked with.
    pub event: String,
}
