//! What a stopping task can have in its groups, and where a newer owner of it would be.

use super::snapshot::network;
use crate::domain::arn::{Port, TargetGroupArn};
use crate::domain::target::{GroupTarget, Target};
use crate::domain::task::{Network, Task};
use crate::outcome::Failure;

/// Every target that a stopping task can have registered.
pub(crate) struct Candidates {
    pub(crate) targets: Vec<GroupTarget>,
    /// Those that nobody can name any more.
    pub(crate) lost: Vec<Lost>,
    pub(crate) owner_scope: OwnerScope,
}

/// Where a newer owner of the targets would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnerScope {
    /// On this container instance: they are ports of it.
    On(String),
    /// In any cluster: the machine or the interface that had the address may be gone.
    Anywhere,
}

impl OwnerScope {
    /// Of targets that were registered a moment ago, when the task was RUNNING.
    pub(crate) fn of_running(event: &Task, look: &Task) -> Self {
        match network(event, Some(look)) {
            Network::ContainerInstance { arn, .. } => Self::On(arn.clone()),
            Network::Awsvpc(_) | Network::External | Network::Unknown => Self::Anywhere,
        }
    }
}

/// How many targets a message names, each with its command.
const MAX_NAMED: usize = 10;

/// What is still known of a task's targets in one group.
pub(crate) struct Lost {
    pub(crate) group: TargetGroupArn,
    /// The id of its machine, if it is known.
    pub(crate) id: Option<String>,
    /// The host ports that it can have, if they are known.
    pub(crate) ports: Option<Vec<Port>>,
}

impl Lost {
    pub(crate) fn may_be(&self, target: &Target) -> bool {
        let is_port = self.ports.as_ref().is_none_or(|ports| ports.contains(&target.port));
        is_port && self.id.as_ref().is_none_or(|id| *id == target.id)
    }

    /// Names what is left, and how to take it out.
    pub(crate) fn failure(&self, task: &Task, left: &[GroupTarget]) -> Failure {
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
        let commands: Vec<String> = left.iter().take(MAX_NAMED).map(command).collect();
        let more = match left.len().saturating_sub(MAX_NAMED) {
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
