//! The tasks of a cluster, each with its targets in the target groups: of each task only what is shown.
//!
//! Must not decide what is drift; [`start_engines_core::decide::reconcile`] does.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use start_engines_core::domain::arn::{Cluster, Port, TargetGroupArn, TaskArn, TaskDefinition};
use start_engines_core::domain::started_by;
use start_engines_core::domain::tags::{self, TaskTags};
use start_engines_core::domain::target::{Attachment, Target, TargetHealth};
use start_engines_core::domain::task::ports::PortBinding;
use start_engines_core::domain::task::{Network, Phase, Status, Task};
use start_engines_core::domain::timestamp::Timestamp;

/// One task of a DescribeTasks answer, with the fields that only `status` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSnapshot {
    /// The task as the function reads it.
    pub task: Task,
    /// `stoppingAt`.
    pub stopping_at: Option<Timestamp>,
    /// The ids that its targets can have: its own addresses, or its container instance's EC2 instance id and addresses.
    pub hosts: Vec<String>,
    /// Its host ports: from DescribeTasks, or those that its task definition fixes.
    pub ports: Vec<PortBinding>,
}

impl TaskSnapshot {
    /// Whether its `startedBy` has start-engines' prefix, of this deployment or another one.
    #[must_use]
    pub fn is_started_by_start_engines(&self) -> bool {
        is_started_by_start_engines(&self.task)
    }

    /// The values of its tags; StopTask deletes most tags.
    #[must_use]
    pub fn marks(&self) -> TaskTags {
        tags::decode(&self.task.tags)
    }

    /// The end of its drain, from the tag `start-engines:stop-at`.
    #[must_use]
    pub fn stop_at(&self) -> Option<&str> {
        let tag = self.task.tags.iter().find(|tag| tag.key == tags::STOP_AT);
        tag.map(|tag| tag.value.as_str())
    }

    /// The ports that its targets for this attachment can have.
    fn ports(&self, attachment: &Attachment) -> Vec<Port> {
        match &self.task.network {
            Network::ContainerInstance { .. } => {
                let ports = self.ports.iter();
                ports.filter_map(|found| found.host_port(attachment.port)).collect()
            }
            Network::Awsvpc(_) | Network::External | Network::Unknown => vec![attachment.port],
        }
    }
}

/// Whether its `startedBy` has start-engines' prefix.
pub(crate) fn is_started_by_start_engines(task: &Task) -> bool {
    let text = task.started_by.as_deref();
    text.is_some_and(|text| text.starts_with(started_by::PREFIX))
}

/// Its attachments from `startedBy`, with the containers from its tags.
pub(crate) fn attachments(task: &Task, marks: &TaskTags) -> Vec<Attachment> {
    let text = task.started_by.as_deref().unwrap_or_default();
    let mut attachments = started_by::decode(text, &task.arn.scope()).unwrap_or_default();
    for of_tags in &marks.attachments {
        for attachment in &mut attachments {
            if attachment.group == of_tags.group && attachment.port == of_tags.port {
                attachment.container.clone_from(&of_tags.container);
            }
        }
    }
    attachments
}

/// One target of a DescribeTargetHealth answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Id and port.
    pub target: Target,
    /// The state and reason as the function reads them.
    pub health: TargetHealth,
    /// `TargetHealth.State`.
    pub state: Arc<str>,
    /// `TargetHealth.Reason`.
    pub reason: Option<Arc<str>>,
}

/// What is shown of a task, with its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// `taskArn`.
    pub arn: TaskArn,
    /// `clusterArn`.
    pub cluster: Cluster,
    /// The phase of its life.
    pub phase: Phase,
    /// `lastStatus`.
    pub last_status: Status,
    /// `desiredStatus`.
    pub desired_status: Status,
    /// Whether it stops or has stopped without ever being RUNNING.
    pub failed_to_start: bool,
    /// `createdAt`.
    pub created_at: Option<Timestamp>,
    /// `startedAt`.
    pub started_at: Option<Timestamp>,
    /// `stoppingAt`, or `stoppedAt` if it has none.
    pub stopping_at: Option<Timestamp>,
    /// The end of its drain, from the tag `start-engines:stop-at`.
    pub stop_at: Option<String>,
    /// Why it stops or has stopped; none while it is live.
    pub stop: Option<String>,
    /// `taskDefinitionArn`.
    pub definition: Option<TaskDefinition>,
    /// The service of the catalog that it was started for, from its tag.
    pub service: Option<Arc<str>>,
    /// The identity of its start, from its tag.
    pub event_id: Option<String>,
    /// The `correlationId` of its start, from its tag.
    pub correlation_id: Option<String>,
    /// One for each attachment.
    pub targets: Vec<TargetStatus>,
}

impl TaskStatus {
    /// How many of its targets are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.targets.iter().filter(|target| target.is_registered()).count()
    }

    /// How many of its targets are registered, and healthy or without health checks.
    #[must_use]
    pub fn healthy(&self) -> usize {
        self.targets.iter().filter(|target| target.is_healthy()).count()
    }

    /// Whether it is neither stopping nor stopped.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stop.is_none()
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
    /// Whether it is registered, and gets requests: it is healthy, or its target group's health checks are off
    /// (`unavailable`: [TargetHealth](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html)).
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let state = self.member.as_ref().map(|member| &*member.state);
        self.is_registered() && matches!(state, Some("healthy" | "unavailable"))
    }

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
    pub others: BTreeMap<(TargetGroupArn, Target), GroupMember>,
}

/// The targets of one target group, each until a task takes it.
struct Members {
    group: TargetGroupArn,
    left: Vec<Option<GroupMember>>,
    places: HashMap<(Host, Port), usize>,
}

/// A target's id. Addresses are compared parsed, since IPv6 has several notations.
#[derive(PartialEq, Eq, Hash)]
enum Host {
    Address(IpAddr),
    Other(String),
}

impl Host {
    fn of(id: &str) -> Self {
        id.parse().map_or_else(|_| Self::Other(id.to_owned()), Self::Address)
    }
}

impl Members {
    fn of(group: TargetGroupArn, members: Vec<GroupMember>) -> Self {
        let key = |member: &GroupMember| (Host::of(&member.target.id), member.target.port);
        Self {
            group,
            places: members.iter().enumerate().map(|(n, member)| (key(member), n)).collect(),
            left: members.into_iter().map(Some).collect(),
        }
    }

    /// The target that can be the task's own for the attachment, unless another task has taken it.
    fn take(&mut self, snapshot: &TaskSnapshot, attachment: &Attachment) -> Option<GroupMember> {
        let ports = snapshot.ports(attachment);
        let keys = snapshot
            .hosts
            .iter()
            .flat_map(|host| ports.iter().map(|port| (Host::of(host), *port)));
        let places = keys.filter_map(|key| self.places.get(&key).copied());
        let place = places.filter(|n| matches!(self.left.get(*n), Some(Some(_)))).min()?;
        self.left.get_mut(place)?.take()
    }
}

/// One text for all tasks that have it.
struct Texts<T>(HashSet<T>);

impl<T: Clone + Eq + std::hash::Hash> Texts<T> {
    fn shared(&mut self, text: T) -> T {
        match self.0.get(&text) {
            Some(known) => known.clone(),
            None => {
                self.0.insert(text.clone());
                text
            }
        }
    }
}

/// Finds the targets of each task. Leaves out tasks that start-engines has not started.
#[must_use]
pub fn match_targets(mut tasks: Vec<TaskSnapshot>, groups: BTreeMap<TargetGroupArn, Vec<GroupMember>>) -> Fleet {
    tasks.retain(TaskSnapshot::is_started_by_start_engines);
    // A stopped task's address may belong to a newer task: running tasks choose first.
    tasks.sort_by_key(|snapshot| (rank(&snapshot.task), std::cmp::Reverse(snapshot.task.created_at)));
    let mut groups: BTreeMap<TargetGroupArn, Members> = groups
        .into_iter()
        .map(|(group, members)| (group.clone(), Members::of(group, members)))
        .collect();
    let (mut services, mut definitions) = (Texts(HashSet::new()), Texts(HashSet::new()));
    let mut fleet = Fleet::default();
    for snapshot in tasks {
        let marks = snapshot.marks();
        let mut targets = attachments(&snapshot.task, &marks);
        targets.shrink_to_fit();
        let targets = targets
            .into_iter()
            .map(|attachment| match groups.get_mut(&attachment.group) {
                Some(members) => TargetStatus {
                    member: members.take(&snapshot, &attachment),
                    attachment: Attachment {
                        group: members.group.clone(),
                        ..attachment
                    },
                },
                None => TargetStatus {
                    attachment,
                    member: None,
                },
            });
        let targets = targets.collect();
        let stop_at = snapshot.stop_at().map(str::to_owned);
        let TaskSnapshot { task, stopping_at, .. } = snapshot;
        fleet.tasks.push(TaskStatus {
            phase: task.phase(),
            failed_to_start: task.failed_to_start(),
            stop: (!task.is_live()).then(|| task.stop.to_string()),
            stopping_at: stopping_at.or(task.stopped_at),
            stop_at,
            arn: task.arn,
            cluster: task.cluster,
            last_status: task.last_status,
            desired_status: task.desired_status,
            created_at: task.created_at,
            started_at: task.started_at,
            definition: task.task_definition.map(|definition| definitions.shared(definition)),
            service: marks.service.map(|service| services.shared(Arc::from(service))),
            event_id: marks.event_id,
            correlation_id: marks.correlation_id,
            targets,
        });
    }
    for (group, members) in groups {
        let left = members.left.into_iter().flatten();
        fleet
            .others
            .extend(left.map(|member| ((group.clone(), member.target.clone()), member)));
    }
    // Tasks without a service come last.
    let order = |status: &TaskStatus| (status.service.is_none(), status.service.clone(), status.created_at);
    fleet.tasks.sort_by(|one, other| {
        let by_cluster = one.cluster.name().cmp(other.cluster.name());
        by_cluster
            .then_with(|| order(one).cmp(&order(other)))
            .then_with(|| one.arn.cmp(&other.arn))
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
