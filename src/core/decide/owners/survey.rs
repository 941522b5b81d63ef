//! Lists and describes all tasks of a cluster: the live ones, or those that are stopping or stopped.
//!
//! Must not decide anything about them.

use std::sync::Arc;

use crate::call::{CallError, Desired, MAX_TASKS_PER_DESCRIBE};
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// The tasks that ListTasks lists.
pub(crate) struct Survey<'a> {
    /// Their snapshots.
    pub(crate) tasks: Vec<&'a Task>,
    /// Those that DescribeTasks does not return.
    pub(crate) undescribed: Vec<TaskArn>,
}

/// Every live task of `cluster`, but for `except`; the inner error is that of ListTasks.
///
/// With `container_instance`, only those on it. `in_time` is called before each call to AWS, and its error ends the
/// survey.
pub(crate) fn live_tasks<'a>(
    cluster: &Cluster,
    container_instance: Option<&str>,
    except: Option<&TaskArn>,
    reader: &mut Reader<'a>,
    in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
) -> Result<Result<Vec<&'a Task>, &'a CallError>, Halt> {
    let listed = tasks(cluster, Desired::Running, container_instance, except, reader, in_time)?;
    Ok(listed.map(|mut tasks| {
        tasks.retain(|task| task.is_live());
        tasks
    }))
}

/// Every task that ListTasks lists and DescribeTasks returns. If it does not return a live one, the survey fails: that
/// task may have any address.
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
            let message = format!("ListTasks lists {undescribed}, which DescribeTasks does not return yet");
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

/// Every task that ListTasks lists, whether or not DescribeTasks returns it; the inner error is that of ListTasks.
pub(crate) fn listed<'a>(
    cluster: &Cluster,
    desired: Desired,
    reader: &mut Reader<'a>,
) -> Result<Result<Survey<'a>, &'a CallError>, Halt> {
    walk(cluster, desired, None, None, reader, |_, _| Ok(()))
}

/// `check` is called before each call to AWS, with the tasks that DescribeTasks did not return so far; its error ends the
/// walk.
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
