//! All tasks of a cluster: those that are to stay, or those that are stopping or stopped.
//!
//! Must not decide anything about them.

use std::sync::Arc;

use crate::call::{CallError, Desired, MAX_TASKS_PER_DESCRIBE};
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// What ListTasks lists.
pub(crate) struct Survey<'a> {
    /// As DescribeTasks shows them.
    pub(crate) tasks: Vec<&'a Task>,
    /// Those that DescribeTasks does not know.
    pub(crate) undescribed: Vec<TaskArn>,
}

/// Every task of `cluster` that is to stay, but for `except`; the inner error is ListTasks' own.
///
/// Only those on a container instance, if one is named. `in_time` is asked before each call, and ends the survey with its error.
pub(crate) fn wanted_tasks<'a>(
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
pub(crate) fn tasks<'a>(
    cluster: &Cluster,
    desired: Desired,
    container_instance: Option<&str>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'a>,
    in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
) -> Result<Result<Vec<&'a Task>, &'a CallError>, Halt> {
    let all_known = |undescribed: &[TaskArn]| match undescribed.first() {
        Some(undescribed) if desired == Desired::Running => {
            let message = format!("ListTasks lists {undescribed}, which DescribeTasks does not know yet");
            Err(Failure::new(Category::TaskNotVisible, message))
        }
        Some(_) | None => Ok(()),
    };
    let check = |reader: &Reader<'_>, undescribed: &[TaskArn]| all_known(undescribed).and_then(|()| in_time(reader));
    let survey = match walk(cluster, desired, container_instance, except, reader, check)? {
        Ok(survey) => survey,
        Err(error) => return Ok(Err(error)),
    };
    all_known(&survey.undescribed)?;
    Ok(Ok(survey.tasks))
}

/// Every task that ListTasks lists, whether or not DescribeTasks knows it; the inner error is ListTasks' own.
pub(crate) fn listed<'a>(
    cluster: &Cluster,
    desired: Desired,
    reader: &mut Reader<'a>,
) -> Result<Result<Survey<'a>, &'a CallError>, Halt> {
    walk(cluster, desired, None, None, reader, |_, _| Ok(()))
}

/// `go_on` is asked before each call, with what DescribeTasks did not know so far.
fn walk<'a>(
    cluster: &Cluster,
    desired: Desired,
    container_instance: Option<&str>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'a>,
    check: impl Fn(&Reader<'_>, &[TaskArn]) -> Result<(), Failure>,
) -> Result<Result<Survey<'a>, &'a CallError>, Halt> {
    let (mut all, mut undescribed) = (Vec::new(), Vec::new());
    let mut page = None;
    loop {
        check(reader, &undescribed)?;
        let found = match reader.list_tasks(cluster, desired, container_instance, page)? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let listed: Vec<_> = found.tasks.iter().filter(|arn| Some(*arn) != except).cloned().collect();
        for chunk in listed.chunks(MAX_TASKS_PER_DESCRIBE) {
            check(reader, &undescribed)?;
            let tasks = reader.describe_tasks(cluster, chunk.to_vec())??;
            let is_known = |arn: &&TaskArn| tasks.iter().any(|task| task.arn == **arn);
            undescribed.extend(chunk.iter().filter(|arn| !is_known(arn)).cloned());
            all.extend(tasks.iter().map(Arc::as_ref));
        }
        page = found.next.clone();
        if page.is_none() {
            return Ok(Ok(Survey {
                tasks: all,
                undescribed,
            }));
        }
    }
}
