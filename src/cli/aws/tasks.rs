//! ECS: lists and describes tasks, with the fields that only `status` shows.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DesiredStatus, TaskField};
use start_engines_aws::ecs::{no_failure_but_missing, read_task, task_arns, unreadable};
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, Desired, TaskPage};
use start_engines_core::domain::arn::{Cluster, TaskArn};
use start_engines_core::domain::tags;
use start_engines_core::domain::task::Task;
use start_engines_core::domain::timestamp::Timestamp;

/// A task, and the time of it that the function has no use for.
#[derive(Clone, Debug)]
pub struct TimedTask {
    /// The task as the function reads it, but without the tags that are not start-engines' own: a task may have 12 KiB
    /// of them, and no comparison reads them.
    pub task: Task,
    /// `stoppingAt`.
    pub stopping_at: Option<Timestamp>,
}

/// One page.
pub(super) async fn list_tasks(
    client: &Client,
    cluster: &Cluster,
    desired: Desired,
    page: Option<&str>,
) -> Result<TaskPage, CallError> {
    const OPERATION: &str = "ListTasks";
    let answer = client
        .list_tasks()
        .cluster(cluster.as_str())
        .desired_status(match desired {
            Desired::Running => DesiredStatus::Running,
            Desired::Stopped => DesiredStatus::Stopped,
        })
        .set_next_token(page.map(str::to_owned))
        .send()
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    Ok(TaskPage {
        tasks: task_arns(OPERATION, answer.task_arns().iter().map(String::as_str))?,
        next: answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned),
    })
}

/// Describes up to 100 tasks.
pub(super) async fn describe_tasks(
    client: &Client,
    cluster: &Cluster,
    tasks: &[TaskArn],
) -> Result<Vec<TimedTask>, CallError> {
    const OPERATION: &str = "DescribeTasks";
    let answer = client
        .describe_tasks()
        .cluster(cluster.as_str())
        .set_tasks(Some(tasks.iter().map(ToString::to_string).collect()))
        .include(TaskField::Tags)
        .send()
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    no_failure_but_missing(OPERATION, answer.failures())?;
    let timed = answer.tasks().iter().map(|found| {
        let mut task = read_task(found, cluster)?;
        task.tags.retain(|tag| tag.key.starts_with(tags::PREFIX));
        task.tags.shrink_to_fit();
        Some(TimedTask {
            task,
            stopping_at: found
                .stopping_at()
                .and_then(|time| time.to_millis().ok())
                .map(Timestamp::from_millis),
        })
    });
    let timed: Option<Vec<TimedTask>> = timed.collect();
    timed.ok_or_else(|| unreadable(OPERATION))
}
