//! A task as one event or one DescribeTasks answer shows it.
//!
//! Must not decide what to do about it. Statuses, kinds and fields which this version does not
//! know are kept or passed over, never an error.

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

    /// Until when its connections may take to end, if it has been asked to stop later. Events never tell.
    ///
    /// A tag that holds no time asks for a stop all the same: its time is over.
    #[must_use]
    pub fn drains_until(&self) -> Option<Timestamp> {
        let tag = self.tags.iter().find(|tag| tag.key == tags::STOP_AT)?;
        Some(Timestamp::parse(&tag.value).unwrap_or(Timestamp::from_millis(0)))
    }

    /// Whether it has been asked to stop later: its targets are to stay out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drains_until().is_some()
    }

    /// When its start was asked for: by its tag, else when it was made. `None` if the snapshot tells neither.
    ///
    /// A tag that is more than [`MAX_TAG_AHEAD`] later than `createdAt` is not believed: nobody asks for a start after
    /// it was made, and a task with such a tag would outlive every stop.
    #[must_use]
    pub fn requested_at(&self) -> Option<Timestamp> {
        let tagged = tags::requested_at(&self.tags).and_then(Timestamp::parse);
        match (tagged, self.created_at) {
            (Some(tagged), Some(created)) if tagged > created.after(MAX_TAG_AHEAD) => Some(created),
            (tagged, created) => tagged.or(created),
        }
    }

    /// Whether it is, or has been, RUNNING.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.started_at.is_some() || self.last_status == Status::Running
    }

    /// Whether it certainly has not been RUNNING: there is no `startedAt`, "the time when the task transitioned from
    /// the PENDING state to the RUNNING state"
    /// ([Task](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html)), though `createdAt` is told; or
    /// it has a status before that, or the code for it. Of a snapshot that tells no times, one that is further on its
    /// way out may have been.
    #[must_use]
    pub fn never_ran(&self) -> bool {
        let is_before = matches!(
            self.last_status,
            Status::Provisioning | Status::Pending | Status::Activating
        );
        let is_told = self.stop.code.as_deref() == Some("TaskFailedToStart");
        !self.has_run() && (is_before || is_told || self.created_at.is_some())
    }

    /// Whether it ended without ever having been RUNNING.
    #[must_use]
    pub fn failed_to_start(&self) -> bool {
        !self.is_wanted() && (self.started_at.is_none() || self.stop.code.as_deref() == Some("TaskFailedToStart"))
    }

    /// Why its start failed, if it did: known with the last event of the task, when every container has its reason.
    #[must_use]
    pub fn failed_start(&self) -> Option<StopReason> {
        (self.phase() == Phase::Stopped && self.failed_to_start()).then(|| self.stop.clone())
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

    /// The one of a family, as ELB writes it.
    #[must_use]
    pub fn of_family(&self, family: AddressFamily) -> Option<String> {
        match family {
            AddressFamily::Ipv4 => self.ipv4.map(|address| address.to_string()),
            AddressFamily::Ipv6 => self.ipv6.map(|address| address.to_string()),
        }
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

/// How much later than `createdAt` the time of a task's request may be: both are told by clocks of AWS.
pub const MAX_TAG_AHEAD: Duration = Duration::from_secs(60);

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
    /// The category of a start that failed after RunTask.
    ///
    /// `stopCode` tells who stopped the task; only of what ECS itself says are the texts read: the task's, then those of
    /// its containers, since the error of an image is often told in one container's `reason` alone
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
            // A person's reason may say anything.
            Some("UserInitiated" | "ServiceSchedulerInitiated") => "stopped_before_running",
            // EC2's and Fargate's words for the same.
            Some("SpotInterruption" | "TerminationNotice") => "spot_interruption",
            Some(_) | None => texts.find_map(category_of).unwrap_or("task_failed_to_start"),
        }
    }
}

/// The category that one of ECS's texts tells, if it is one of those that are documented: an error's name before a colon
/// ([stopped task error messages](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)),
/// or a reason for which no instance takes the task
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
        // guide, but what others retry (dagster, EcsRunLauncher; airflow, EcsRunTaskOperator).
        "Timeout" if text.starts_with("Timeout waiting for") && text.contains("provisioning") => {
            "resource_initialization_failed"
        }
        // "Capacity is unavailable at this time. Please try again later or in a different availability zone".
        "Capacity" | "RESOURCE" | "AGENT" => "capacity_unavailable",
        "EMPTY" if text.starts_with("EMPTY CAPACITY PROVIDER") => "capacity_unavailable",
        "NO" if text.starts_with("NO ACTIVE INSTANCES") => "capacity_unavailable",
        // No other time cures these: the definition asks for what the instances do not have.
        "ATTRIBUTE" | "LOCATION" => "placement_failed",
        "MemberOf" if text.starts_with("MemberOf placement constraint unsatisfied") => "placement_failed",
        "SpotInterruption" | "SpotInterruptionError" => "spot_interruption",
        // Where there is no stopCode.
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
    fn who_stopped_it_goes_before_what_anybody_says() {
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
    fn the_tasks_own_reason_goes_before_a_containers() {
        let both = stop(None, Some("RESOURCE:MEMORY"), &[Some("CannotPullContainerError: no")]);
        assert_eq!(both.failed_start_category(), "capacity_unavailable");
    }
}
