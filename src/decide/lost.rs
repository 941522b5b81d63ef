//! Targets that a stopped task may have left in a group, and nobody can name any more: neither ECS nor
//! EC2 tells the machine that it ran on, or neither the event nor ECS, nor its definition, its host ports.
//!
//! What is left to go by is the group itself: whatever is in it, could be the task's, and is no live
//! task's of ours. Must not deregister: it may as well be somebody else's.

use super::owners::owned_by_others;
use super::targets::Rivals;
use crate::arn::{Port, TargetGroupArn};
use crate::call::CallError;
use crate::config::Config;
use crate::journal::Halt;
use crate::journal::Reader;
use crate::outcome::Failure;
use crate::target::GroupTarget;
use crate::target::{Target, TargetHealth};
use crate::task::Task;
use crate::timestamp::Timestamp;

/// How many targets a message names, each with its command.
const MOST_NAMED: usize = 10;

/// What is still known of a task's targets in one group.
pub(super) struct Lost {
    pub(super) group: TargetGroupArn,
    /// The id of its machine, if it is known.
    pub(super) id: Option<String>,
    /// The host ports that it can have, if they are known.
    pub(super) ports: Option<Vec<Port>>,
}

impl Lost {
    fn may_be(&self, target: &Target) -> bool {
        let is_port = self.ports.as_ref().is_none_or(|ports| ports.contains(&target.port));
        is_port && self.id.as_ref().is_none_or(|id| *id == target.id)
    }

    /// Names what is left, and how to take it out.
    pub(super) fn failure(&self, task: &Task, left: &[GroupTarget]) -> Failure {
        let (category, why) = match self.id {
            None => ("instance_unknown", "neither ECS nor EC2 tells the instance under"),
            Some(_) => (
                "ports_unknown",
                "neither the event nor DescribeTasks tells the host ports of",
            ),
        };
        let command = |GroupTarget { group, target }: &GroupTarget| {
            format!(
                "aws elbv2 deregister-targets --target-group-arn {group} --targets Id={},Port={}",
                target.id, target.port
            )
        };
        let commands: Vec<String> = left.iter().take(MOST_NAMED).map(command).collect();
        let more = match left.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!(
            "{why} {}, and {} has targets that may be its own and are no live task's of start-engines; for each that is nobody's: {}{more}",
            task.arn,
            self.group,
            commands.join("; ")
        );
        Failure::permanent(category, message)
    }
}

/// What is in the group, may be the task's, and is no live task's of ours.
pub(super) fn leftovers<'a>(
    task: &Task,
    lost: &Lost,
    config: &Config,
    reader: &mut Reader<'a>,
) -> Result<Result<Vec<GroupTarget>, &'a CallError>, Halt> {
    let members = match reader.describe_targets(&lost.group)? {
        Ok(members) => members,
        Err(error) => return Ok(Err(error)),
    };
    let is_in = |health: &TargetHealth| match health {
        TargetHealth::Registered(_) => true,
        TargetHealth::Draining | TargetHealth::NotRegistered => false,
    };
    let mut left: Vec<GroupTarget> = members
        .iter()
        .filter(|(target, health)| is_in(health) && lost.may_be(target))
        .map(|(target, _)| GroupTarget {
            group: lost.group.clone(),
            target: target.clone(),
        })
        .collect();
    if left.is_empty() {
        return Ok(Ok(left));
    }
    // Nothing is deregistered on this, so it need not hold.
    let never = Timestamp::from_millis(i64::MAX);
    let owned = owned_by_others(task, &left, &Rivals::Anywhere, never, config, reader)?;
    left.retain(|target| !owned.contains(target));
    Ok(Ok(left))
}
