//! Who owns the addresses now: the look at all tasks that makes a late deregistration safe.
//!
//! Over all clusters that the configuration names, since a newer task may run in another cluster
//! than the stopped one, or have further targets. Must be over while its answer holds
//! ([`super::timing::ATTACH`]): with 100 tasks a call, a few thousand tasks are within reach.

use super::Halt;
use super::survey::wanted_tasks;
use super::timing::{ATTACH, left};
use crate::call::ErrorKind;
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
    let in_time = |reader: &Reader<'_>| {
        left(Some(proof_ends), reader.now())
            .map(|_| ())
            .ok_or_else(|| too_slow(task))
    };
    let mut owned = Vec::new();
    for cluster in config.clusters_to_search(&task.cluster) {
        match wanted_tasks(&cluster, Some(&task.arn), reader, in_time)? {
            Ok(others) => owned.extend(others.into_iter().flat_map(targets_owned_by)),
            // A cluster that is gone has no tasks.
            Err(error) if error.kind == ErrorKind::ClusterNotFound => {}
            Err(error) => return Err(error.into()),
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
