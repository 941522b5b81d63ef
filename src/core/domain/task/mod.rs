//! A task, from one event or one DescribeTasks answer.
//!
//! Must not decide what to do about it. Statuses, types and fields that this version does not know are kept or
//! ignored; they are never an error.

mod event;
pub mod ports;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use self::ports::PortBinding;
use super::arn::{Cluster, TaskArn, TaskDefinition};
use super::tags::{self, Tag};
use super::timestamp::Timestamp;
use crate::domain::target::AddressFamily;

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
    pub fn is_wanted(&self) -> bool {
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
        !self.is_wanted() && (self.started_at.is_none() || self.stop.code.as_deref() == Some("TaskFailedToStart"))
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

/// How the `stoppedReason` of a task begins that was stopped because it was not RUNNING in time.
pub const START_TIMED_OUT: &str = "start-engines: not RUNNING within";

/// Why a task stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StopReason {
    /// `stopCode`.
    pub code: Option<String>,
    /// `stoppedReason`.
    pub reason: Option<String>,
    /// The containers that have an exit code or a reason.
    pub containers: Vec<ContainerExit>,
}

/// How one container exited.
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
    /// The error type of a start that failed after RunTask.
    ///
    /// `stopCode` shows who stopped the task. The texts are only read if ECS did: first the task's, then those of its
    /// containers, since an image error is often only in one container's `reason`
    /// ([stopped task error messages](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)).
    #[must_use]
    pub fn failed_start_category(&self) -> &'static str {
        let of_containers = self.containers.iter().filter_map(|exit| exit.reason.as_deref());
        let mut texts = self.reason.as_deref().into_iter().chain(of_containers);
        if self
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with(START_TIMED_OUT))
        {
            return "start_timed_out";
        }
        match self.code.as_deref() {
            // A person's or a service's reason can be any text.
            Some("UserInitiated" | "ServiceSchedulerInitiated") => "stopped_before_running",
            // Fargate's and EC2's names for the same.
            Some("SpotInterruption" | "TerminationNotice") => "spot_interruption",
            Some(_) | None => texts.find_map(category_of).unwrap_or("task_failed_to_start"),
        }
    }
}

/// The error type for one of ECS's documented texts: an error's name before a colon
/// ([stopped task error messages](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)),
/// or a reason why no container instance can run the task
/// ([API failure reasons](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html)), which
/// the guide prints with the `stopCode` before it.
fn category_of(text: &str) -> Option<&'static str> {
    let text = text.strip_prefix("TaskFailedToStart:").unwrap_or(text).trim();
    let name = text.split([':', ' ']).next().unwrap_or_default();
    Some(match name {
        // CannotPullContainerError, CannotPullImageManifestError; the agent also has CannotPullECRContainerError and
        // CannotPullContainerAuthError (amazon-ecs-agent, dockerapi/errors.go).
        _ if name.starts_with("CannotPull") => "image_pull_failed",
        "ResourceInitializationError" | "CannotCreateVolumeError" => "resource_initialization_failed",
        // "... network interface provisioning to complete", "... EphemeralStorage provisioning to complete": not in the
        // guide, but dagster's EcsRunLauncher and airflow's EcsRunTaskOperator retry them.
        "Timeout" if text.starts_with("Timeout waiting for") && text.contains("provisioning") => {
            "resource_initialization_failed"
        }
        // "Capacity is unavailable at this time. Please try again later or in a different availability zone".
        "Capacity" | "RESOURCE" | "AGENT" => "capacity_unavailable",
        "EMPTY" if text.starts_with("EMPTY CAPACITY PROVIDER") => "capacity_unavailable",
        "NO" if text.starts_with("NO ACTIVE INSTANCES") => "capacity_unavailable",
        // A retry does not help: the task definition requires what the container instances do not have.
        "ATTRIBUTE" | "LOCATION" => "placement_failed",
        "MemberOf" if text.starts_with("MemberOf placement constraint unsatisfied") => "placement_failed",
        "SpotInterruption" | "SpotInterruptionError" => "spot_interruption",
        // If there is no stopCode.
        "Your" if text.starts_with("Your Spot Task was interrupted") => "spot_interruption",
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(code: Option<&str>, reason: Option<&str>, of_containers: &[Option<&str>]) -> StopReason {
        StopReason {
            code: code.map(str::to_owned),
            reason: reason.map(str::to_owned),
            containers: of_containers
                .iter()
                .map(|reason| ContainerExit {
                    name: "web".to_owned(),
                    exit_code: None,
                    reason: reason.map(str::to_owned),
                })
                .collect(),
        }
    }

    #[test]
    fn each_documented_reason_has_its_category_in_the_task_or_in_one_container() {
        for (text, category) in [
            (
                "CannotPullContainerError: pull has been retried 5 time(s)",
                "image_pull_failed",
            ),
            ("CannotPullImageManifestError: manifest unknown", "image_pull_failed"),
            (
                "CannotPullECRContainerError: AccessDeniedException",
                "image_pull_failed",
            ),
            ("CannotPullContainerAuthError: no credentials", "image_pull_failed"),
            (
                "ResourceInitializationError: unable to pull secrets",
                "resource_initialization_failed",
            ),
            (
                "CannotCreateVolumeError: no such file",
                "resource_initialization_failed",
            ),
            (
                "Timeout waiting for network interface provisioning to complete.",
                "resource_initialization_failed",
            ),
            (
                "Timeout waiting for EphemeralStorage provisioning to complete.",
                "resource_initialization_failed",
            ),
            (
                "Capacity is unavailable at this time. Please try again later",
                "capacity_unavailable",
            ),
            ("RESOURCE:CPU", "capacity_unavailable"),
            ("RESOURCE:MEMORY", "capacity_unavailable"),
            ("RESOURCE:PORTS", "capacity_unavailable"),
            ("RESOURCE:ENI", "capacity_unavailable"),
            ("RESOURCE:GPU", "capacity_unavailable"),
            ("AGENT", "capacity_unavailable"),
            ("EMPTY CAPACITY PROVIDER", "capacity_unavailable"),
            ("NO ACTIVE INSTANCES", "capacity_unavailable"),
            ("TaskFailedToStart: NO ACTIVE INSTANCES", "capacity_unavailable"),
            ("TaskFailedToStart: RESOURCE:MEMORY", "capacity_unavailable"),
            ("ATTRIBUTE", "placement_failed"),
            ("LOCATION", "placement_failed"),
            ("MemberOf placement constraint unsatisfied", "placement_failed"),
            ("SpotInterruptionError: interrupted", "spot_interruption"),
            ("Your Spot Task was interrupted.", "spot_interruption"),
            ("Task failed to start", "task_failed_to_start"),
            (
                "CannotStartContainerError: failed to get container status",
                "task_failed_to_start",
            ),
            ("OutOfMemoryError: container killed", "task_failed_to_start"),
            ("InternalError: unexpected", "task_failed_to_start"),
            ("NO", "task_failed_to_start"),
            ("", "task_failed_to_start"),
        ] {
            for code in [
                Some("TaskFailedToStart"),
                Some("EssentialContainerExited"),
                Some("new"),
                None,
            ] {
                assert_eq!(stop(code, Some(text), &[]).failed_start_category(), category, "{text}");
                let by_container = stop(code, Some("Task failed to start"), &[None, Some("other"), Some(text)]);
                assert_eq!(by_container.failed_start_category(), category, "{text}");
                assert_eq!(
                    stop(code, None, &[Some(text)]).failed_start_category(),
                    category,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn the_stop_code_takes_precedence_over_the_texts() {
        let text = Some("CannotPullContainerError: no");
        for (code, category) in [
            ("SpotInterruption", "spot_interruption"),
            ("TerminationNotice", "spot_interruption"),
            ("UserInitiated", "stopped_before_running"),
            ("ServiceSchedulerInitiated", "stopped_before_running"),
        ] {
            assert_eq!(stop(Some(code), text, &[text]).failed_start_category(), category);
            let timed_out = format!("{START_TIMED_OUT} 300 s");
            let timed_out = stop(Some(code), Some(&timed_out), &[text]);
            assert_eq!(timed_out.failed_start_category(), "start_timed_out");
        }
    }

    #[test]
    fn the_tasks_own_reason_takes_precedence_over_a_containers() {
        let both = stop(None, Some("RESOURCE:MEMORY"), &[Some("CannotPullContainerError: no")]);
        assert_eq!(both.failed_start_category(), "capacity_unavailable");
    }
}
