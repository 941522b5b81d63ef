//! The targets that a stopping task can have in its target groups, and where a newer owner of them would be.

use super::snapshot::network;
use crate::domain::arn::{InterfaceId, Port, TargetGroupArn};
use crate::domain::target::{GroupTarget, Target};
use crate::domain::task::{Network, Task};

/// Every target that a stopping task can have registered.
pub(crate) struct Candidates {
    pub(crate) targets: Vec<GroupTarget>,
    /// What is known of those whose id or port is not reported any more.
    pub(crate) unnamed: Vec<Unnamed>,
    pub(crate) owner_scope: OwnerScope,
}

/// Where a newer owner of the targets would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnerScope {
    /// On this container instance: they are ports of it.
    On(String),
    /// Whoever has the addresses that this network interface had.
    Interface(InterfaceId),
    /// In any cluster: the container instance that had the address may be gone, or the network interface is not known.
    Anywhere,
}

impl OwnerScope {
    /// The scope for targets that were registered a moment ago, when the task was RUNNING.
    pub(crate) fn of_running(event: &Task, snapshot: &Task) -> Self {
        match network(event, Some(snapshot)) {
            Network::ContainerInstance { arn, .. } => Self::On(arn.clone()),
            Network::Awsvpc(_) | Network::External | Network::Unknown => Self::of_interface(event, Some(snapshot)),
        }
    }

    /// The scope for targets on the task's network interface.
    pub(crate) fn of_interface(event: &Task, snapshot: Option<&Task>) -> Self {
        let known = event.interface.as_ref().or_else(|| snapshot?.interface.as_ref());
        known.map_or(Self::Anywhere, |id| Self::Interface(id.clone()))
    }
}

/// What is known of the targets of a task in one target group, if not their ids and ports.
pub(crate) struct Unnamed {
    pub(crate) group: TargetGroupArn,
    /// The id of its container instance in the target group, if it is known.
    pub(crate) id: Option<String>,
    /// The host ports that it can have, if they are known.
    pub(crate) ports: Option<Vec<Port>>,
}

impl Unnamed {
    pub(crate) fn may_be(&self, target: &Target) -> bool {
        let is_port = self.ports.as_ref().is_none_or(|ports| ports.contains(&target.port));
        is_port && self.id.as_ref().is_none_or(|id| *id == target.id)
    }
}
