//! Targets that a stopped task may have left in a target group, and whose id or port is not known any more: neither ECS
//! nor EC2 reports the container instance that it ran on, or neither the event nor ECS, nor its definition, its host ports.
//!
//! Only the target group itself shows what is left: the targets in it that could be the task's, and that no live task of
//! start-engines owns. Must not deregister: they may be somebody else's.

use super::owned_by_others;
use crate::call::CallError;
use crate::config::Config;
use crate::decide::targets::candidates::{OwnerScope, Unnamed};
use crate::domain::target::{GroupTarget, TargetHealth};
use crate::domain::task::Task;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};

/// The targets that are registered, may be the task's, and are owned by no live task of start-engines; the inner error is
/// that of DescribeTargetHealth.
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
    // No target is deregistered because of this, so the search may take any time.
    let never = Timestamp::from_millis(i64::MAX);
    let owned = owned_by_others(task, &left, &OwnerScope::Anywhere, never, config, reader)?;
    left.retain(|target| !owned.contains(target));
    Ok(Ok(left))
}
