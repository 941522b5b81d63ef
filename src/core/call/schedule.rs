//! The parameters of EventBridge Scheduler's CreateSchedule, for schedules that invoke the function once.

use crate::domain::arn::{FunctionArn, QueueArn, RoleArn, ScheduleGroup};
use crate::domain::timestamp::Timestamp;

/// How EventBridge Scheduler invokes the function; the same for all schedules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scheduler {
    /// `SCHEDULER_ROLE_ARN`: the role that may invoke the function.
    pub role: RoleArn,
    /// `SCHEDULER_GROUP`: the schedule group; `None` for the account's default one.
    pub group: Option<ScheduleGroup>,
    /// `SCHEDULER_DEAD_LETTER_QUEUE_ARN`: the dead-letter queue of the function's schedules.
    pub dead_letters: Option<QueueArn>,
}

/// A schedule of EventBridge Scheduler that invokes the function once and deletes itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OneTimeSchedule {
    /// `Name`, unique for each purpose and task: creating the schedule again is a conflict.
    pub name: String,
    /// When it invokes the function; sent to the second (`at(...)`).
    pub at: Timestamp,
    /// Role, schedule group and dead-letter queue.
    pub scheduler: Scheduler,
    /// The function to invoke.
    pub function: FunctionArn,
    /// The event that it is invoked with, as JSON.
    pub event: String,
}
