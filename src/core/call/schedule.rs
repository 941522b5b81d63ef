//! The parameters of EventBridge Scheduler's CreateSchedule, for schedules that invoke the function once.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::arn::{FunctionArn, QueueArn, RoleArn, ScheduleGroup, TaskArn};
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

/// A schedule for tasks that several events can share: its event lists the tasks of all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SharedSchedule {
    /// What its name begins with; the tasks decide on the rest.
    pub purpose: &'static str,
    /// As in [`OneTimeSchedule`].
    pub at: Timestamp,
    /// As in [`OneTimeSchedule`].
    pub scheduler: Scheduler,
    /// As in [`OneTimeSchedule`].
    pub function: FunctionArn,
    /// The event, without its `id` and its `detail.tasks`.
    pub event: Value,
    /// The tasks, each with its item of `detail.tasks`.
    pub tasks: Vec<(TaskArn, Value)>,
}

impl SharedSchedule {
    /// The schedule of all its tasks. The same tasks give the same name, so that creating it again is a conflict; a single
    /// task's is that of the task, whenever it is. Where nothing is shared, schedules of one minute are spread over it, so that
    /// a thousand tasks are not a thousand invocations at once.
    #[must_use]
    pub fn one_time(&self) -> OneTimeSchedule {
        let (id, at) = match self.tasks.as_slice() {
            [(task, _)] => {
                let second: u64 = task.id().bytes().map(u64::from).sum::<u64>() % 60;
                (task.id().to_owned(), self.at.after(Duration::from_secs(second)))
            }
            tasks => {
                let mut arns: Vec<&str> = tasks.iter().map(|(task, _)| task.as_str()).collect();
                arns.sort_unstable();
                (digest(&format!("{} {}", arns.join(" "), self.function)), self.at)
            }
        };
        let name = format!("start-engines-{}-{id}", self.purpose);
        let mut event = self.event.clone();
        event["id"] = Value::from(name.as_str());
        event["detail"]["tasks"] = self.tasks.iter().map(|(_, item)| item.clone()).collect();
        OneTimeSchedule {
            name,
            at,
            scheduler: self.scheduler.clone(),
            function: self.function.clone(),
            event: event.to_string(),
        }
    }
}

/// A short name for a text that may be long, and contain characters that a schedule's name may not.
#[must_use]
pub(crate) fn digest(identity: &str) -> String {
    let digest = Sha256::digest(identity);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
