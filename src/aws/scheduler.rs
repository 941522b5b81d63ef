//! EventBridge Scheduler: one-time schedules that invoke the function and delete themselves.

use aws_sdk_scheduler::operation::create_schedule::CreateScheduleInput;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, Target,
};
use start_engines_core::call::schedule::OneTimeSchedule;
use start_engines_core::call::{CallError, ErrorKind};

use crate::client::Client;
use crate::error::call_error;

const OPERATION: &str = "CreateSchedule";

/// Creates a schedule. A second one with the same name is a conflict.
///
/// Scheduler invokes the function asynchronously, so a failed event is retried, and kept in the on-failure queue, like
/// any other; what Scheduler cannot deliver goes to the schedule's dead-letter queue.
/// [Schedule types](https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time).
pub(crate) async fn create_schedule(client: &Client, schedule: &OneTimeSchedule) -> Result<(), CallError> {
    let invalid = |message: String| CallError {
        operation: OPERATION,
        kind: ErrorKind::InvalidParameter,
        code: None,
        conflicting_tasks: Vec::new(),
        message,
    };
    let at = schedule
        .at
        .to_seconds()
        .ok_or_else(|| invalid("a time outside of the calendar".to_owned()))?;
    let scheduler = &schedule.scheduler;
    let dead_letters = scheduler
        .dead_letters
        .as_ref()
        .map(|queue| DeadLetterConfig::builder().arn(queue.as_str()).build());
    let target = Target::builder()
        .arn(schedule.function.as_str())
        .role_arn(scheduler.role.as_str())
        .input(&schedule.event)
        .set_dead_letter_config(dead_letters)
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    let exact = FlexibleTimeWindow::builder()
        .mode(FlexibleTimeWindowMode::Off)
        .build()
        .map_err(|error| invalid(error.to_string()))?;
    let request = CreateScheduleInput::builder()
        .name(&schedule.name)
        .set_group_name(scheduler.group.as_ref().map(ToString::to_string))
        .schedule_expression(format!("at({at})"))
        .schedule_expression_timezone("UTC")
        .flexible_time_window(exact)
        .action_after_completion(ActionAfterCompletion::Delete)
        .target(target)
        .build();
    client
        .send(request)
        .await
        .map(|_| ())
        .map_err(|error| call_error(OPERATION, &error))
}
