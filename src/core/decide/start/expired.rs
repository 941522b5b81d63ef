//! A start that is older than its `maxAgeSeconds`: it starts nothing any more, and fails for good.
//!
//! What an earlier delivery of it has started counts all the same, as far as it runs: it is told as started,
//! and gets its deadlines.

use std::sync::Arc;
use std::time::Duration;

use crate::call::MAX_TASKS_PER_DESCRIBE;
use crate::domain::arn::TaskArn;
use crate::domain::tags;
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome};
use crate::request::start::StartRequest;

/// If there are `count` tasks of it already, all is well.
///
/// # Errors
/// With the next call, with AWS's own error, or with `expired`.
pub(crate) fn expired(request: &StartRequest, age: Duration, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let tasks = tasks_of(request, reader)?;
    if tasks.len() >= usize::try_from(request.count).unwrap_or(0) {
        return Ok(Outcome::Started {
            tasks,
            run_task_calls: 0,
            conflict: false,
        });
    }
    let message = format!(
        "the start was asked for {} s ago, and its maxAgeSeconds is {}; {} of its {} tasks run",
        age.as_secs(),
        request.max_age.unwrap_or_default().as_secs(),
        tasks.len(),
        request.count
    );
    Err(Failure::new(Category::Expired, message).with_tasks(tasks).into())
}

/// The tasks that this very start has, by `startedBy` and their tag.
fn tasks_of(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Vec<TaskArn>, Halt> {
    let is_of_request = |task: &&Task| {
        let task_tags = tags::decode(&task.tags);
        task.is_wanted() && task_tags.event_id.as_deref() == Some(request.identity.as_str())
    };
    let mut own = Vec::new();
    let mut page = None;
    loop {
        let found = reader.list_tasks_started_by(&request.cluster, &request.started_by, page)??;
        for chunk in found.tasks.chunks(MAX_TASKS_PER_DESCRIBE) {
            let tasks = reader.describe_tasks(&request.cluster, chunk.to_vec())??;
            let of_request = tasks.iter().map(Arc::as_ref).filter(is_of_request);
            own.extend(of_request.map(|task| task.arn.clone()));
        }
        page = found.next.clone();
        if page.is_none() {
            return Ok(own);
        }
    }
}
