//! Snapshots of a task (answers of DescribeTasks), and how they and its event are combined.

use std::sync::Arc;

use crate::domain::tags;
use crate::domain::target::Attachment;
use crate::domain::task::{Network, Task};
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// A snapshot of the task, by DescribeTasks; `None` if ECS does not return it.
pub(crate) fn describe<'a>(task: &Task, reader: &mut Reader<'a>) -> Result<Option<&'a Task>, Halt> {
    let tasks = reader.describe_tasks(&task.cluster, vec![task.arn.clone()])??;
    Ok(tasks.iter().map(Arc::as_ref).find(|found| found.arn == task.arn))
}

/// The network in event or snapshot, whichever contains it: a network interface before a container instance, as tasks on
/// Managed Instances have both.
pub(crate) fn network<'t>(event: &'t Task, snapshot: Option<&'t Task>) -> &'t Network {
    let both = || [Some(event), snapshot].into_iter().flatten().map(|task| &task.network);
    both()
        .find(|network| matches!(network, Network::Awsvpc(_)))
        .or_else(|| both().find(|network| **network != Network::Unknown))
        .unwrap_or(&Network::Unknown)
}

/// The one with the higher `version`, the second if they are equal: DescribeTasks can lag behind the event.
pub(crate) fn newer<'a>(one: &'a Task, other: &'a Task) -> &'a Task {
    if other.version >= one.version { other } else { one }
}

/// The targets with the containers in the snapshot's tags, if it has tags.
///
/// # Errors
/// If the tags name other targets.
pub(crate) fn with_containers(snapshot: &Task, attachments: &[Attachment]) -> Result<Vec<Attachment>, Failure> {
    let tagged = tags::attachments(&snapshot.tags);
    let bare = |attachment: &Attachment| (attachment.group.clone(), attachment.port);
    if tagged.is_empty() {
        return Ok(attachments.to_vec());
    }
    if tagged.iter().map(bare).eq(attachments.iter().map(bare)) {
        return Ok(tagged);
    }
    let message = format!(
        "the tags of {} name other targets than its startedBy, which a stop uses: start it again with the same targets in both",
        snapshot.arn
    );
    Err(Failure::new(Category::TargetsMismatch, message))
}
