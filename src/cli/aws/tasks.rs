//! ECS: lists and describes tasks, with the fields that only `status` and `trace` show.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{self as sdk, DesiredStatus, TaskField};
use aws_smithy_types::DateTime;
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

/// What DescribeTasks shows of a task's life, beside what the function reads
/// ([Task](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// `connectivityAt`: the task has its network.
    pub connected_at: Option<Timestamp>,
    /// `pullStartedAt`.
    pub pull_started_at: Option<Timestamp>,
    /// `pullStoppedAt`.
    pub pull_stopped_at: Option<Timestamp>,
    /// `executionStoppedAt`: its containers have ended.
    pub execution_stopped_at: Option<Timestamp>,
    /// `capacityProviderName`.
    pub capacity_provider: Option<String>,
    /// `launchType`.
    pub launch_type: Option<String>,
    /// `availabilityZone`.
    pub zone: Option<String>,
}

const DESCRIBE_TASKS: &str = "DescribeTasks";

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
    let ids = tasks.iter().map(ToString::to_string).collect();
    let found = describe(client, cluster, ids).await?;
    let timed: Option<Vec<TimedTask>> = found.iter().map(|found| timed(found, cluster)).collect();
    timed.ok_or_else(|| unreadable(DESCRIBE_TASKS))
}

/// Describes up to 100 tasks, by ARN or id, with every time that ECS keeps.
pub(super) async fn describe_lives(
    client: &Client,
    cluster: &Cluster,
    ids: Vec<String>,
) -> Result<Vec<(TimedTask, Times)>, CallError> {
    let found = describe(client, cluster, ids).await?;
    let lives = found.iter().map(|found| Some((timed(found, cluster)?, times(found))));
    let lives: Option<Vec<(TimedTask, Times)>> = lives.collect();
    lives.ok_or_else(|| unreadable(DESCRIBE_TASKS))
}

async fn describe(client: &Client, cluster: &Cluster, ids: Vec<String>) -> Result<Vec<sdk::Task>, CallError> {
    let answer = client
        .describe_tasks()
        .cluster(cluster.as_str())
        .set_tasks(Some(ids))
        .include(TaskField::Tags)
        .send()
        .await
        .map_err(|error| call_error(DESCRIBE_TASKS, &error))?;
    no_failure_but_missing(DESCRIBE_TASKS, answer.failures())?;
    Ok(answer.tasks.unwrap_or_default())
}

fn timed(found: &sdk::Task, cluster: &Cluster) -> Option<TimedTask> {
    let mut task = read_task(found, cluster)?;
    task.tags.retain(|tag| tag.key.starts_with(tags::PREFIX));
    task.tags.shrink_to_fit();
    Some(TimedTask {
        task,
        stopping_at: found.stopping_at().and_then(timestamp),
    })
}

fn times(found: &sdk::Task) -> Times {
    Times {
        connected_at: found.connectivity_at().and_then(timestamp),
        pull_started_at: found.pull_started_at().and_then(timestamp),
        pull_stopped_at: found.pull_stopped_at().and_then(timestamp),
        execution_stopped_at: found.execution_stopped_at().and_then(timestamp),
        capacity_provider: found.capacity_provider_name().map(str::to_owned),
        launch_type: found.launch_type().map(|kind| kind.as_str().to_owned()),
        zone: found.availability_zone().map(str::to_owned),
    }
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    time.to_millis().ok().map(Timestamp::from_millis)
}
