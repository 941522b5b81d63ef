//! A task: every state that it has been in, one for each version.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;
use time::OffsetDateTime;

use super::definitions::{ContainerDefinition, NetworkMode};

/// A task and all its versions, of which the last is the present.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) states: Vec<TaskState>,
    /// What DescribeTasks shows instead of the present.
    pub(super) described: Described,
}

/// How far DescribeTasks is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Described {
    Present,
    /// This version; 0: not there yet.
    Pinned(usize),
    /// So many versions behind the present.
    Behind(usize),
}

impl Task {
    pub(super) fn now(&self) -> &TaskState {
        self.states.last().expect("a task has a first state")
    }

    /// What DescribeTasks shows, or `None` while it does not know the task.
    pub(super) fn shown(&self) -> Option<&TaskState> {
        let newest = self.states.len();
        let version = match self.described {
            Described::Present => newest,
            Described::Pinned(version) => version.min(newest),
            Described::Behind(versions) => newest.saturating_sub(versions),
        };
        self.states.get(version.checked_sub(1)?)
    }
}

/// A task at one version.
#[derive(Debug, Clone)]
pub(super) struct TaskState {
    pub(super) arn: String,
    pub(super) cluster_arn: String,
    pub(super) definition_arn: String,
    pub(super) network_mode: NetworkMode,
    pub(super) containers: Vec<ContainerDefinition>,
    pub(super) version: usize,
    pub(super) last_status: &'static str,
    pub(super) desired_status: &'static str,
    pub(super) eni: Option<Eni>,
    pub(super) bindings: Vec<Binding>,
    pub(super) volumes: Vec<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) started_by: Option<String>,
    pub(super) group: String,
    pub(super) launch_type: &'static str,
    pub(super) capacity_provider: Option<String>,
    pub(super) container_instance: Option<String>,
    pub(super) platform_version: Option<String>,
    pub(super) overrides: Value,
    pub(super) execute_command: bool,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
    pub(super) started_at: Option<OffsetDateTime>,
    pub(super) stopping_at: Option<OffsetDateTime>,
    pub(super) execution_stopped_at: Option<OffsetDateTime>,
    pub(super) stopped_at: Option<OffsetDateTime>,
    pub(super) stop_code: Option<String>,
    pub(super) stopped_reason: Option<String>,
    pub(super) container_reason: Option<String>,
}

impl TaskState {
    pub(super) fn family(&self) -> &str {
        let name = super::arns::last_part(&self.definition_arn);
        name.split(':').next().unwrap_or(name)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.last_status == "STOPPED"
    }
}

/// The ENI of an awsvpc task. Without an address it is PRECREATED: only a subnet.
#[derive(Debug, Clone)]
pub(super) struct Eni {
    pub(super) status: &'static str,
    pub(super) subnet: String,
    pub(super) address: Option<Ipv4Addr>,
    /// The address went back to the subnet, and may be another's.
    pub(super) is_released: bool,
    /// Its id is not shown.
    pub(super) hides_id: bool,
    pub(super) ipv6: Option<Ipv6Addr>,
}

/// A published port of a bridge or host task. A fixed one is kept for it from its placement, a dynamic one is
/// given when its containers start. In bridge mode it is shown from then.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The container's name.
    pub container: String,
    /// `containerPort`.
    pub container_port: u16,
    /// `hostPort`.
    pub host_port: u16,
    /// How many ports: over 1 a range, which begins with these.
    pub ports: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// `bindIP`.
    pub address: &'static str,
}

impl Binding {
    /// One TCP port, on all IPv4 addresses.
    pub fn tcp(container: &str, container_port: u16, host_port: u16) -> Self {
        Self {
            container: container.to_owned(),
            container_port,
            host_port,
            ports: 1,
            protocol: "tcp",
            address: "0.0.0.0",
        }
    }
}
