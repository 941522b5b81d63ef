//! Who owns the addresses now: the look at all tasks that makes a late deregistration safe.
//!
//! Over all clusters that the configuration names, since a newer task may run in another cluster
//! than the stopped one, or have further targets. Must be over while its answer holds
//! ([`super::timing::ATTACH`]): with 100 tasks a call, a few thousand tasks are within reach.

use super::Halt;
use super::timing::{ATTACH, left};
use crate::call::{CallError, ErrorKind, MOST_TASKS_DESCRIBED};
use crate::config::Config;
use crate::journal::Reader;
use crate::outcome::{Failure, GroupTarget};
use crate::started_by;
use crate::target::Target;
use crate::task::Task;
use crate::timestamp::Timestamp;

/// Every target that some other task of ours owns now: one that is to stay (desired status RUNNING,
/// whatever its last status), has the address, and whose `startedBy` names group and port.
pub(super) fn owned_by_others(
    task: &Task,
    proof_ends: Timestamp,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Vec<GroupTarget>, Halt> {
    let in_time = |reader: &Reader<'_>| left(Some(proof_ends), reader.now()).ok_or_else(|| too_slow(task));
    let mut owned = Vec::new();
    for cluster in config.clusters_to_search(&task.cluster) {
        let mut page = None;
        loop {
            in_time(reader)?;
            let found = match reader.list_tasks(&cluster, page)? {
                Ok(found) => found,
                // A cluster that is gone has no tasks.
                Err(CallError {
                    kind: ErrorKind::ClusterNotFound,
                    ..
                }) => break,
                Err(error) => return Err(error.into()),
            };
            let others: Vec<_> = found.tasks.iter().filter(|arn| **arn != task.arn).cloned().collect();
            for chunk in others.chunks(MOST_TASKS_DESCRIBED) {
                in_time(reader)?;
                let tasks = reader.describe_tasks(&cluster, chunk.to_vec())??;
                if let Some(unseen) = chunk.iter().find(|arn| !tasks.iter().any(|task| task.arn == **arn)) {
                    let message = format!("ListTasks lists {unseen}, which DescribeTasks does not know yet");
                    return Err(Failure::transient("task_not_visible", message).into());
                }
                owned.extend(tasks.iter().filter(|task| task.is_wanted()).flat_map(targets_owned_by));
            }
            page = found.next.clone();
            if page.is_none() {
                break;
            }
        }
    }
    Ok(owned)
}

/// The failure of a look that took too long.
pub(super) fn too_slow(task: &Task) -> Failure {
    let message = format!(
        "looking for newer owners of the addresses of {} took longer than the {} s for which the answer holds",
        task.arn,
        ATTACH.as_secs()
    );
    Failure::transient("owner_search_too_slow", message)
}

fn targets_owned_by(task: &Task) -> Vec<GroupTarget> {
    let text = task.started_by.as_deref().unwrap_or_default();
    let attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
    let Some(addresses) = task.network.addresses() else {
        return Vec::new();
    };
    let owned = attachments.iter().flat_map(|attachment| {
        addresses.each().map(|id| GroupTarget {
            group: attachment.group.clone(),
            target: Target {
                id,
                port: attachment.port,
            },
        })
    });
    owned.collect()
}
