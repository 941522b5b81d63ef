//! A task, from one event or one DescribeTasks answer.
//!
//! Must not decide what to do about it. Statuses, types and fields that this version does not know are kept or
//! ignored; they are never an error.

mod event;
pub mod ports;
mod stop_reason;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use self::ports::PortBinding;
use super::arn::{Cluster, InterfaceId, TaskArn, TaskDefinition};
use super::tags::{self, Tag};
use super::timestamp::Timestamp;
use crate::domain::target::AddressFamily;

pub use self::stop_reason::{ContainerExit, FOUND_UNHEALTHY, FailedStart, START_TIMED_OUT, StopReason};

pub use event::from_event;

/// A snapshot of a task, from an event or from DescribeTasks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// `taskArn`.
    pub arn: TaskArn,
    /// `clusterArn`.
    pub cluster: Cluster,
    /// `version`: grows with each change, so the snapshot with the higher version is the newer one; 0 if absent.
    pub version: u64,
    /// `lastStatus`.
    pub last_status: Status,
    /// `desiredStatus`.
    pub desired_status: Status,
    /// `startedBy`.
    pub started_by: Option<String>,
    /// `taskDefinitionArn`.
    pub task_definition: Option<TaskDefinition>,
    /// How the task can be reached.
    pub network: Network,
    /// The id of its network interface (`networkInterfaceId` of its attachment), in network mode `awsvpc`.
    pub interface: Option<InterfaceId>,
    /// The names of its containers; empty if the snapshot does not contain them.
    pub containers: Vec<String>,
    /// `tags`; always empty in events.
    pub tags: Vec<Tag>,
    /// `createdAt`: when RunTask was called.
    pub created_at: Option<Timestamp>,
    /// `startedAt`: absent until the task has been RUNNING.
    pub started_at: Option<Timestamp>,
    /// `stoppedAt`: absent until the task is STOPPED.
    pub stopped_at: Option<Timestamp>,
    /// Why it stops or has stopped; empty until then.
    pub stop: StopReason,
}

impl Task {
    /// The phase of its life, from both statuses.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.last_status, &self.desired_status) {
            (Status::Stopped | Status::Deleted, _) => Phase::Stopped,
            (_, Status::Stopped) | (Status::Deactivating | Status::Stopping | Status::Deprovisioning, _) => {
                Phase::Stopping
            }
            (Status::Running, Status::Running) => Phase::Running,
            (Status::Provisioning | Status::Pending | Status::Activating, _) => Phase::Starting,
            (Status::Running | Status::Unknown(_), _) => Phase::Unknown,
        }
    }

    /// The ports that its containers publish on the container instance (`networkBindings`); always empty in network
    /// mode `host`.
    #[must_use]
    pub fn published_ports(&self) -> &[PortBinding] {
        match &self.network {
            Network::ContainerInstance { bindings, .. } => bindings,
            Network::Awsvpc(_) | Network::External | Network::Unknown => &[],
        }
    }

    /// Whether it is live: neither stopping nor stopped.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.phase() {
            Phase::Starting | Phase::Running | Phase::Unknown => true,
            Phase::Stopping | Phase::Stopped => false,
        }
    }

    /// When its drain ends, by the tag [`tags::STOP_AT`]; `None` if it does not drain. Events never contain the tag.
    ///
    /// A tag with an invalid time counts as a drain that has ended: the task is to be stopped.
    #[must_use]
    pub fn drains_until(&self) -> Option<Timestamp> {
        let tag = self.tags.iter().find(|tag| tag.key == tags::STOP_AT)?;
        Some(Timestamp::parse(&tag.value).unwrap_or(Timestamp::from_millis(0)))
    }

    /// Whether it drains, or its drain has ended: its targets must not be registered again.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drains_until().is_some()
    }

    /// When its start was requested: by its tag, else `createdAt`. `None` if the snapshot has neither.
    ///
    /// A tag more than [`MAX_TAG_AHEAD`] later than `createdAt` is ignored: no start is requested after it was made,
    /// and a task with such a tag would survive every stop.
    #[must_use]
    pub fn requested_at(&self) -> Option<Timestamp> {
        let tagged = tags::requested_at(&self.tags).and_then(Timestamp::parse);
        match (tagged, self.created_at) {
            (Some(tagged), Some(created)) if tagged > created.after(MAX_TAG_AHEAD) => Some(created),
            (tagged, created) => tagged.or(created),
        }
    }

    /// Whether it is or was RUNNING.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.started_at.is_some() || self.last_status == Status::Running
    }

    /// Whether it certainly was never RUNNING: it has no `startedAt`, "the time when the task transitioned from
    /// the PENDING state to the RUNNING state"
    /// ([Task](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html)), but a
    /// `createdAt`, or a status before RUNNING, or the `stopCode` TaskFailedToStart. A stopping task in a snapshot
    /// without times may have been RUNNING.
    #[must_use]
    pub fn never_ran(&self) -> bool {
        let is_before = matches!(
            self.last_status,
            Status::Provisioning | Status::Pending | Status::Activating
        );
        let has_code = self.stop.code.as_deref() == Some("TaskFailedToStart");
        !self.has_run() && (is_before || has_code || self.created_at.is_some())
    }

    /// Whether it stops or has stopped without ever being RUNNING.
    #[must_use]
    pub fn failed_to_start(&self) -> bool {
        !self.is_live() && (self.started_at.is_none() || self.stop.code.as_deref() == Some("TaskFailedToStart"))
    }

    /// Why its start failed, if it did. Only a STOPPED task has it, since only then does every container have its
    /// reason.
    #[must_use]
    pub fn failed_start(&self) -> Option<StopReason> {
        (self.phase() == Phase::Stopped && self.failed_to_start()).then(|| self.stop.clone())
    }
}

/// A `lastStatus` or `desiredStatus`.
///
/// See [Amazon ECS task lifecycle](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are ECS's own")]
pub enum Status {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
    Deleted,
    /// A status that this version does not know; empty if absent.
    Unknown(String),
}

impl From<&str> for Status {
    fn from(text: &str) -> Self {
        match text {
            "PROVISIONING" => Self::Provisioning,
            "PENDING" => Self::Pending,
            "ACTIVATING" => Self::Activating,
            "RUNNING" => Self::Running,
            "DEACTIVATING" => Self::Deactivating,
            "STOPPING" => Self::Stopping,
            "DEPROVISIONING" => Self::Deprovisioning,
            "STOPPED" => Self::Stopped,
            "DELETED" => Self::Deleted,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
            Self::Deleted => "DELETED",
            Self::Unknown(other) => other,
        })
    }
}

/// The phases of a task's life that matter for its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not RUNNING yet: PROVISIONING, PENDING or ACTIVATING.
    Starting,
    /// `lastStatus` and `desiredStatus` are RUNNING.
    Running,
    /// Stopping, but not STOPPED: it still has its address.
    Stopping,
    /// STOPPED: its address is free, or belongs to another task.
    Stopped,
    /// A status that this version does not know, with no sign of a stop.
    Unknown,
}

/// How a task can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Its own network interface (network mode `awsvpc`).
    Awsvpc(Addresses),
    /// Ports of its container instance (network modes `bridge` and `host`).
    ContainerInstance {
        /// `containerInstanceArn`.
        arn: String,
        /// `networkBindings`: the ports that its containers publish. Empty before they run, and always in network
        /// mode `host`.
        bindings: Vec<PortBinding>,
    },
    /// An external instance (launch type `EXTERNAL`, ECS Anywhere).
    External,
    /// The snapshot does not show it.
    Unknown,
}

impl Network {
    /// The addresses of a network interface that has at least one.
    #[must_use]
    pub fn addresses(&self) -> Option<&Addresses> {
        match self {
            Self::Awsvpc(addresses) if addresses.ipv4.is_some() || addresses.ipv6.is_some() => Some(addresses),
            Self::Awsvpc(_) | Self::ContainerInstance { .. } | Self::External | Self::Unknown => None,
        }
    }
}

/// The private addresses of a network interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// `privateIPv4Address`.
    pub ipv4: Option<Ipv4Addr>,
    /// `ipv6Address`.
    pub ipv6: Option<Ipv6Addr>,
    /// Whether these are all addresses: the interface's details contain only IPv4, the containers contain both.
    pub complete: bool,
}

impl Addresses {
    /// The addresses as target ids, IPv4 first.
    pub fn each(&self) -> impl Iterator<Item = String> {
        let ipv4 = self.ipv4.map(|address| address.to_string());
        ipv4.into_iter().chain(self.ipv6.map(|address| address.to_string()))
    }

    /// The address of a family, in the form of a target id.
    #[must_use]
    pub fn of_family(&self, family: AddressFamily) -> Option<String> {
        match family {
            AddressFamily::Ipv4 => self.ipv4.map(|address| address.to_string()),
            AddressFamily::Ipv6 => self.ipv6.map(|address| address.to_string()),
        }
    }

    /// Whether this target id is one of the addresses.
    #[must_use]
    pub fn has(&self, address: &str) -> bool {
        match address.parse() {
            Ok(IpAddr::V4(address)) => self.ipv4 == Some(address),
            Ok(IpAddr::V6(address)) => self.ipv6 == Some(address),
            Err(_) => false,
        }
    }
}

/// How much later than `createdAt` the tag of a task's request may be: the times come from different clocks of AWS.
pub const MAX_TAG_AHEAD: Duration = Duration::from_secs(60);
