//! The tasks of a cluster, each with its targets in the target groups.
//!
//! Must not decide what is drift; [`start_engines_core::decide::reconcile`] does.

use std::collections::{BTreeMap, HashSet};

use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::started_by;
use start_engines_core::domain::tags::{self, TaskTags};
use start_engines_core::domain::target::{Attachment, Target, TargetHealth};
use start_engines_core::domain::task::ports::PortBinding;
use start_engines_core::domain::task::{Network, Phase, Task};
use start_engines_core::domain::timestamp::Timestamp;

/// One task of a DescribeTasks answer, with the fields that only `status` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSnapshot {
    /// The task as the function reads it.
    pub task: Task,
    /// `createdAt`.
    pub created_at: Option<Timestamp>,
    /// `stoppingAt`.
    pub stopping_at: Option<Timestamp>,
    /// `taskDefinitionArn`.
    pub definition: Option<String>,
    /// The ids that its targets can have: its own addresses, or its container instance's EC2 instance id and addresses.
    pub hosts: Vec<String>,
    /// Its host ports: from DescribeTasks, or those that its task definition fixes.
    pub ports: Vec<PortBinding>,
}

impl TaskSnapshot {
    /// Whether its `startedBy` has start-engines' prefix, of this deployment or another one.
    #[must_use]
    pub fn is_started_by_start_engines(&self) -> bool {
        self.task
            .started_by
            .as_deref()
            .is_some_and(|text| text.starts_with(started_by::PREFIX))
    }

    /// The values of its tags; StopTask deletes most tags.
    #[must_use]
    pub fn marks(&self) -> TaskTags {
        tags::decode(&self.task.tags)
    }

    /// Its attachments from `startedBy`, with the containers from its tags.
    #[must_use]
    pub fn attachments(&self) -> Vec<Attachment> {
        let text = self.task.started_by.as_deref().unwrap_or_default();
        let mut attachments = started_by::decode(text, &self.task.arn.scope()).unwrap_or_default();
        for of_tags in self.marks().attachments {
            for attachment in &mut attachments {
                if attachment.group == of_tags.group && attachment.port == of_tags.port {
                    attachment.container.clone_from(&of_tags.container);
                }
            }
        }
        attachments
    }

    /// The end of its drain, from the tag `start-engines:stop-at`.
    #[must_use]
    pub fn stop_at(&self) -> Option<&str> {
        let tag = self.task.tags.iter().find(|tag| tag.key == tags::STOP_AT);
        tag.map(|tag| tag.value.as_str())
    }

    /// Whether this target can be the task's own for the attachment.
    fn has(&self, attachment: &Attachment, target: &Target) -> bool {
        let is_port = match &self.task.network {
            Network::ContainerInstance { .. } => {
                let mut ports = self.ports.iter().filter_map(|found| found.host_port(attachment.port));
                ports.any(|port| port == target.port)
            }
            Network::Awsvpc(_) | Network::External | Network::Unknown => attachment.port == target.port,
        };
        is_port && self.hosts.iter().any(|host| same_host(host, &target.id))
    }
}

/// Compares parsed addresses, since IPv6 has several notations.
fn same_host(one: &str, other: &str) -> bool {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok();
    address(one).zip(address(other)).map_or(one == other, |(a, b)| a == b)
}

/// One target of a DescribeTargetHealth answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Id and port.
    pub target: Target,
    /// The state and reason as the function reads them.
    pub health: TargetHealth,
    /// `TargetHealth.State`.
    pub state: String,
    /// `TargetHealth.Reason`.
    pub reason: Option<String>,
}

/// A task with its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// The task in the last DescribeTasks answer.
    pub snapshot: TaskSnapshot,
    /// The service of the catalog that it was started for, from its tag.
    pub service: Option<String>,
    /// One for each attachment.
    pub targets: Vec<TargetStatus>,
}

impl TaskStatus {
    /// How many of its targets are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.targets.iter().filter(|target| target.is_registered()).count()
    }
}

/// A target of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetStatus {
    /// The target group, port and container.
    pub attachment: Attachment,
    /// The target in the target group; none if it has none.
    pub member: Option<GroupMember>,
}

impl TargetStatus {
    /// Whether it is registered, and not draining.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        let health = self.member.as_ref().map(|member| &member.health);
        matches!(health, Some(TargetHealth::Registered(_)))
    }
}

/// All tasks with their targets, and the other targets of the target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Sorted by cluster, service and creation time.
    pub tasks: Vec<TaskStatus>,
    /// Targets of none of these tasks.
    pub others: Vec<(TargetGroupArn, GroupMember)>,
}

/// Finds the targets of each task. Leaves out tasks that start-engines has not started.
#[must_use]
pub fn match_targets(tasks: Vec<TaskSnapshot>, groups: &BTreeMap<TargetGroupArn, Vec<GroupMember>>) -> Fleet {
    let mut tasks: Vec<TaskSnapshot> = tasks
        .into_iter()
        .filter(TaskSnapshot::is_started_by_start_engines)
        .collect();
    // A stopped task's address may belong to a newer task: running tasks choose first.
    tasks.sort_by_key(|snapshot| (rank(&snapshot.task), std::cmp::Reverse(snapshot.created_at)));
    let mut taken: HashSet<(&TargetGroupArn, &Target)> = HashSet::new();
    let mut fleet = Fleet::default();
    for snapshot in tasks {
        let mut targets = Vec::new();
        for attachment in snapshot.attachments() {
            let found = groups.get_key_value(&attachment.group).and_then(|(group, members)| {
                let is_its = |member: &&GroupMember| {
                    snapshot.has(&attachment, &member.target) && !taken.contains(&(group, &member.target))
                };
                members.iter().find(is_its).map(|member| (group, member))
            });
            if let Some((group, member)) = found {
                taken.insert((group, &member.target));
            }
            targets.push(TargetStatus {
                member: found.map(|(_, member)| member.clone()),
                attachment,
            });
        }
        fleet.tasks.push(TaskStatus {
            service: snapshot.marks().service,
            snapshot,
            targets,
        });
    }
    for (group, members) in groups {
        let others = members
            .iter()
            .filter(|member| !taken.contains(&(group, &member.target)));
        fleet
            .others
            .extend(others.map(|member| (group.clone(), member.clone())));
    }
    fleet.tasks.sort_by_cached_key(|status| {
        let task = &status.snapshot.task;
        // Tasks without a service come last.
        let service = (status.service.is_none(), status.service.clone());
        (
            task.cluster.name().to_owned(),
            service,
            status.snapshot.created_at,
            task.arn.clone(),
        )
    });
    fleet
}

fn rank(task: &Task) -> u8 {
    match task.phase() {
        Phase::Running => 0,
        Phase::Unknown => 1,
        Phase::Starting => 2,
        Phase::Stopping => 3,
        Phase::Stopped => 4,
    }
}

#[cfg(test)]
mod fleet_tests;
