//! A start that is older than its `maxAgeSeconds`: it starts nothing any more, and its failure is permanent.
//!
//! Live tasks that an earlier delivery has started count: they are reported as started, and get their deadlines.

use std::sync::Arc;
use std::time::Duration;

use crate::decide::owners::survey::{Listing, Pace, walk};
use crate::domain::arn::TaskArn;
use crate::domain::tags;
use crate::domain::task::Task;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome};
use crate::request::start::StartRequest;

/// Succeeds if the start has its `count` live tasks already.
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
        "the start was requested {} s ago, and its maxAgeSeconds is {}; {} of its {} tasks run",
        age.as_secs(),
        request.max_age.unwrap_or_default().as_secs(),
        tasks.len(),
        request.count
    );
    Err(Failure::new(Category::Expired, message).with_tasks(tasks).into())
}

/// The live tasks of this start, by `startedBy` and the tag `start-engines:event-id`.
fn tasks_of(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Vec<TaskArn>, Halt> {
    let is_of_request = |task: &&Task| {
        let task_tags = tags::decode(&task.tags);
        task.is_live() && task_tags.event_id.as_deref() == Some(request.identity.as_str())
    };
    let note = |own: &mut Vec<TaskArn>, _: &[TaskArn], described: &[Arc<Task>]| {
        let of_request = described.iter().map(Arc::as_ref).filter(is_of_request);
        own.extend(of_request.map(|task| task.arn.clone()));
        false
    };
    let listing = Listing::StartedBy(&request.started_by);
    let walk = walk(
        &request.cluster,
        listing,
        None,
        None,
        reader,
        |_, _| Ok(Pace::GoOn),
        note,
    )?;
    match &walk.error {
        Some(error) => Err(error.into()),
        None => Ok(walk.found.clone()),
    }
}
