//! Targets that a stopped task may have left in a group, and nobody can name any more: neither ECS nor
//! EC2 tells the machine that it ran on, or neither the event nor ECS, nor its definition, its host ports.
//!
//! What is left to go by is the group itself: whatever is in it, could be the task's, and is no live
//! task's of ours. Must not deregister: it may as well be somebody else's.

use super::owned_by_others;
use crate::call::CallError;
use crate::config::Config;
use crate::decide::targets::candidates::{OwnerScope, Unnamed};
use crate::domain::target::{GroupTarget, TargetHealth};
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};

/// What is in the group, may be the task's, and is no live task's of ours.
pub(crate) fn leftovers<'a>(
    task: &Task,
    unnamed: &Unnamed,
    config: &Config,
    reader: &mut Reader<'a>,
) -> Result<Result<Vec<GroupTarget>, &'a CallError>, Halt> {
    let members = match reader.describe_targets(&unnamed.group)? {
        Ok(members) => members,
        Err(error) => return Ok(Err(error)),
    };
    let is_in = |health: &TargetHealth| match health {
        TargetHealth::Registered(_) => true,
        TargetHealth::Draining | TargetHealth::NotRegistered => false,
    };
    let mut left: Vec<GroupTarget> = members
        .iter()
        .filter(|(target, health)| is_in(health) && unnamed.may_be(target))
        .map(|(target, _)| GroupTarget {
            group: unnamed.group.clone(),
            target: target.clone(),
        })
        .collect();
    if left.is_empty() {
        return Ok(Ok(left));
    }
    // Nothing is deregistered on this, so it need not hold.
    let never = Timestamp::from_millis(i64::MAX);
    let owned = owned_by_others(task, &left, &OwnerScope::Anywhere, never, config, reader)?;
    left.retain(|target| !owned.contains(target));
    Ok(Ok(left))
}
