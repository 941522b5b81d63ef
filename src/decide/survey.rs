//! All tasks of a cluster: those that are to stay, or those that are stopping or stopped.
//!
//! Must not decide anything about them.

use std::sync::Arc;

use super::Halt;
use crate::arn::{Cluster, TaskArn};
use crate::call::{CallError, Desired, MOST_TASKS_DESCRIBED};
use crate::journal::Reader;
use crate::outcome::Failure;
use crate::task::Task;

/// Every task of `cluster` that is to stay, but for `except`; the inner error is ListTasks' own.
///
/// Only those on a container instance, if one is named. `in_time` is asked before each call, and ends the survey with its error.
pub(super) fn wanted_tasks<'a>(
    cluster: &Cluster,
    container_instance: Option<&str>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'a>,
    in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
) -> Result<Result<Vec<&'a Task>, &'a CallError>, Halt> {
    let listed = tasks(cluster, Desired::Running, container_instance, except, reader, in_time)?;
    Ok(listed.map(|mut tasks| {
        tasks.retain(|task| task.is_wanted());
        tasks
    }))
}

/// Every task that ListTasks lists and DescribeTasks knows. One that is to stay must be known: what
/// cannot be seen may have any address.
pub(super) fn tasks<'a>(
    cluster: &Cluster,
    desired: Desired,
    container_instance: Option<&str>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'a>,
    in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
) -> Result<Result<Vec<&'a Task>, &'a CallError>, Halt> {
    let mut all = Vec::new();
    let mut page = None;
    loop {
        in_time(reader)?;
        let found = match reader.list_tasks(cluster, desired, container_instance, page)? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let listed: Vec<_> = found.tasks.iter().filter(|arn| Some(*arn) != except).cloned().collect();
        for chunk in listed.chunks(MOST_TASKS_DESCRIBED) {
            in_time(reader)?;
            let tasks = reader.describe_tasks(cluster, chunk.to_vec())??;
            if desired == Desired::Running
                && let Some(unseen) = chunk.iter().find(|arn| !tasks.iter().any(|task| task.arn == **arn))
            {
                let message = format!("ListTasks lists {unseen}, which DescribeTasks does not know yet");
                return Err(Failure::transient("task_not_visible", message).into());
            }
            all.extend(tasks.iter().map(Arc::as_ref));
        }
        page = found.next.clone();
        if page.is_none() {
            return Ok(Ok(all));
        }
    }
}
