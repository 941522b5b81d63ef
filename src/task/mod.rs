//! A task as one event or one DescribeTasks answer shows it.
//!
//! Must not decide what to do about it. Statuses, kinds and fields which this version does not
//! know are kept or passed over, never an error.

mod event;
pub mod ports;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use event::from_event;

use crate::arn::{Cluster, TaskArn, TaskDefinition};
use crate::tags::{self, Tag};
use crate::task::ports::PortBinding;
use crate::timestamp::Timestamp;

/// A snapshot of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// `taskArn`.
    pub arn: TaskArn,
    /// `clusterArn`.
    pub cluster: Cluster,
    /// `version`: grows with each change; of two snapshots, the higher one is the newer.
    pub version: u64,
    /// `lastStatus`.
    pub last_status: Status,
    /// `desiredStatus`.
    pub desired_status: Status,
    /// `startedBy`.
    pub started_by: Option<String>,
    /// `taskDefinitionArn`.
    pub task_definition: Option<TaskDefinition>,
    /// Where the task can be reached.
    pub network: Network,
    /// The names of its containers, if the snapshot tells them.
    pub containers: Vec<String>,
    /// `tags`; events never carry any.
    pub tags: Vec<Tag>,
    /// `createdAt`: when RunTask was made.
    pub created_at: Option<Timestamp>,
    /// `startedAt`: absent until the task has been RUNNING.
    pub started_at: Option<Timestamp>,
    /// `stoppedAt`: absent until the task is STOPPED.
    pub stopped_at: Option<Timestamp>,
    /// Why it stopped, once it does.
    pub stop: StopReason,
}

impl Task {
    /// Where the task is on its way.
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

    /// What its containers show to publish on its container instance: in network mode `host` never anything.
    #[must_use]
    pub fn shown_ports(&self) -> &[PortBinding] {
        match &self.network {
            Network::ContainerInstance { bindings, .. } => bindings,
            Network::Awsvpc(_) | Network::External | Network::Unknown => &[],
        }
    }

    /// Whether it is to stay: not stopping, not stopped.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        match self.phase() {
            Phase::Starting | Phase::Running | Phase::Unknown => true,
            Phase::Stopping | Phase::Stopped => false,
        }
    }

    /// Whether it has been asked to stop later: its targets are to stay out. Events never tell.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.tags.iter().any(|tag| tag.key == tags::STOP_AT)
    }

    /// Whether it is, or has been, RUNNING.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.started_at.is_some() || self.last_status == Status::Running
    }

    /// Whether it certainly has not been RUNNING: a status before that, or the code for it, and no time of a
    /// start. One that is further on its way out may have been, where an event leaves the time out.
    #[must_use]
    pub fn never_ran(&self) -> bool {
        let is_before = matches!(
            self.last_status,
            Status::Provisioning | Status::Pending | Status::Activating
        );
        let is_told = self.stop.code.as_deref() == Some("TaskFailedToStart");
        !self.has_run() && (is_before || is_told)
    }

    /// Whether it ended without ever having been RUNNING.
    #[must_use]
    pub fn failed_to_start(&self) -> bool {
        !self.is_wanted() && (self.started_at.is_none() || self.stop.code.as_deref() == Some("TaskFailedToStart"))
    }
}

/// `lastStatus` and `desiredStatus`.
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
    /// One that this version does not know; empty if there is none.
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

/// The life of a task, as far as target groups care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not RUNNING yet.
    Starting,
    /// RUNNING and to stay so.
    Running,
    /// On its way to STOPPED: it still holds its address.
    Stopping,
    /// STOPPED: its address is free, or another's.
    Stopped,
    /// A status that this version does not know, with no sign of a stop.
    Unknown,
}

/// Where a task can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Its own network interface (network mode `awsvpc`).
    Awsvpc(Addresses),
    /// Ports of its container instance (network modes `bridge` and `host`).
    ContainerInstance {
        /// `containerInstanceArn`.
        arn: String,
        /// The ports that its containers publish; none before they run, and in network mode `host` never any.
        bindings: Vec<PortBinding>,
    },
    /// A machine outside of AWS (launch type `EXTERNAL`, ECS Anywhere).
    External,
    /// The snapshot does not tell.
    Unknown,
}

impl Network {
    /// The addresses, if it is an interface that has any yet.
    #[must_use]
    pub fn addresses(&self) -> Option<&Addresses> {
        match self {
            Self::Awsvpc(addresses) if addresses.each().next().is_some() => Some(addresses),
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
    /// Whether these are all: the interface's own details tell IPv4 only, the containers tell both.
    pub complete: bool,
}

impl Addresses {
    /// Each address there is, as ELB writes it.
    pub fn each(&self) -> impl Iterator<Item = String> {
        let ipv4 = self.ipv4.map(|address| address.to_string());
        ipv4.into_iter().chain(self.ipv6.map(|address| address.to_string()))
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn has(&self, address: &str) -> bool {
        match address.parse() {
            Ok(IpAddr::V4(address)) => self.ipv4 == Some(address),
            Ok(IpAddr::V6(address)) => self.ipv6 == Some(address),
            Err(_) => false,
        }
    }
}

/// What the `stoppedReason` of a task begins with that was not RUNNING in time.
pub const START_TIMED_OUT: &str = "start-engines: not RUNNING within";

/// Why a task stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StopReason {
    /// `stopCode`.
    pub code: Option<String>,
    /// `stoppedReason`.
    pub reason: Option<String>,
    /// Of the containers that tell: name, exit code, reason.
    pub containers: Vec<ContainerExit>,
}

/// How one container ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerExit {
    /// `name`.
    pub name: String,
    /// `exitCode`.
    pub exit_code: Option<i64>,
    /// `reason`.
    pub reason: Option<String>,
}

impl StopReason {
    /// The category of a start that failed after RunTask, from the error name that ECS puts before
    /// the colon of `stoppedReason`
    /// ([stopped task error messages](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)).
    #[must_use]
    pub fn failed_start_category(&self) -> &'static str {
        let reason = self.reason.as_deref().unwrap_or_default();
        let name = reason.split([':', ' ']).next().unwrap_or_default();
        match name {
            "CannotPullContainerError" | "CannotPullImageManifestError" => "image_pull_failed",
            "ResourceInitializationError" => "resource_initialization_failed",
            _ if reason.starts_with(START_TIMED_OUT) => "start_timed_out",
            "Capacity" => "capacity_unavailable",
            "SpotInterruption" | "SpotInterruptionError" => "spot_interruption",
            _ => match self.code.as_deref() {
                Some("SpotInterruption") => "spot_interruption",
                Some("UserInitiated" | "ServiceSchedulerInitiated") => "stopped_before_running",
                _ => "task_failed_to_start",
            },
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_deref().unwrap_or("no stopCode"))?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        for exit in &self.containers {
            write!(f, "; container {}", exit.name)?;
            if let Some(code) = exit.exit_code {
                write!(f, " exited with {code}")?;
            }
            if let Some(reason) = &exit.reason {
                write!(f, " ({reason})")?;
            }
        }
        Ok(())
    }
}
