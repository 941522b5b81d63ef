//! ECS: lists and describes tasks, with the fields that only `status` shows.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DesiredStatus, TaskField};
use aws_smithy_types::DateTime;
use start_engines_aws::ecs::{no_failure_but_missing, read_task, task_arns, unreadable};
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, MAX_TASKS_PER_DESCRIBE};
use start_engines_core::domain::arn::{Cluster, TaskArn};
use start_engines_core::domain::timestamp::Timestamp;

use crate::fleet::TaskSnapshot;

/// Lists tasks of both desired statuses, all pages.
pub(super) async fn list_tasks(client: &Client, cluster: &Cluster) -> Result<Vec<TaskArn>, CallError> {
    const OPERATION: &str = "ListTasks";
    let mut tasks = Vec::new();
    for desired in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let mut page = None;
        loop {
            let answer = client
                .list_tasks()
                .cluster(cluster.as_str())
                .desired_status(desired.clone())
                .set_next_token(page)
                .send()
                .await
                .map_err(|error| call_error(OPERATION, &error))?;
            tasks.extend(task_arns(OPERATION, answer.task_arns().iter().map(String::as_str))?);
            page = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if page.is_none() {
                break;
            }
        }
    }
    Ok(tasks)
}

/// Describes tasks with their tags, [`MAX_TASKS_PER_DESCRIBE`] a call.
pub(super) async fn describe_tasks(
    client: &Client,
    cluster: &Cluster,
    tasks: &[TaskArn],
) -> Result<Vec<TaskSnapshot>, CallError> {
    const OPERATION: &str = "DescribeTasks";
    let mut snapshots = Vec::new();
    for chunk in tasks.chunks(MAX_TASKS_PER_DESCRIBE) {
        let answer = client
            .describe_tasks()
            .cluster(cluster.as_str())
            .set_tasks(Some(chunk.iter().map(ToString::to_string).collect()))
            .include(TaskField::Tags)
            .send()
            .await
            .map_err(|error| call_error(OPERATION, &error))?;
        no_failure_but_missing(OPERATION, answer.failures())?;
        for found in answer.tasks() {
            let task = read_task(found, cluster).ok_or_else(|| unreadable(OPERATION))?;
            let time =
                |time: Option<&DateTime>| time.and_then(|time| time.to_millis().ok()).map(Timestamp::from_millis);
            snapshots.push(TaskSnapshot {
                hosts: task
                    .network
                    .addresses()
                    .map(|addresses| addresses.each().collect())
                    .unwrap_or_default(),
                created_at: time(found.created_at()),
                stopping_at: time(found.stopping_at()),
                definition: found.task_definition_arn().map(str::to_owned),
                ports: task.published_ports().to_vec(),
                task,
            });
        }
    }
    Ok(snapshots)
}
