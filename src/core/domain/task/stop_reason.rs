//! Why a task stopped, and why its start failed if it was never RUNNING.

use std::fmt;

/// Why a task stopped before it was RUNNING. `docs/operations.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailedStart {
    /// The image of a container could not be pulled.
    ImagePullFailed,
    /// There is no capacity for the task.
    CapacityUnavailable,
    /// The task definition requires what no container instance has.
    PlacementFailed,
    /// A network interface, a volume, a secret or a log group could not be set up.
    ResourceInitializationFailed,
    /// Fargate Spot or EC2 took the capacity back.
    SpotInterruption,
    /// The task was not RUNNING within `startTimeoutSeconds`.
    StartTimedOut,
    /// A person or a service stopped it.
    StoppedBeforeRunning,
    /// Another reason, or none.
    TaskFailedToStart,
}

impl FailedStart {
    /// Every reason once, in the order of declaration; the documentation is compared with them.
    pub const ALL: [Self; 8] = [
        Self::ImagePullFailed,
        Self::CapacityUnavailable,
        Self::PlacementFailed,
        Self::ResourceInitializationFailed,
        Self::SpotInterruption,
        Self::StartTimedOut,
        Self::StoppedBeforeRunning,
        Self::TaskFailedToStart,
    ];

    /// The fixed name in log lines, outcome events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ImagePullFailed => "image_pull_failed",
            Self::CapacityUnavailable => "capacity_unavailable",
            Self::PlacementFailed => "placement_failed",
            Self::ResourceInitializationFailed => "resource_initialization_failed",
            Self::SpotInterruption => "spot_interruption",
            Self::StartTimedOut => "start_timed_out",
            Self::StoppedBeforeRunning => "stopped_before_running",
            Self::TaskFailedToStart => "task_failed_to_start",
        }
    }
}

/// How the `stoppedReason` of a task begins that was stopped because it was not RUNNING in time.
pub const START_TIMED_OUT: &str = "start-engines: not RUNNING within";
/// How the `stoppedReason` of a task begins that was stopped because its check found it unhealthy; its targets follow, each
/// with ELB's reason.
pub const FOUND_UNHEALTHY: &str = "start-engines: unhealthy: ";

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
    pub fn failed_start(&self) -> FailedStart {
        let of_containers = self.containers.iter().filter_map(|exit| exit.reason.as_deref());
        let mut texts = self.reason.as_deref().into_iter().chain(of_containers);
        if self
            .reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with(START_TIMED_OUT))
        {
            return FailedStart::StartTimedOut;
        }
        match self.code.as_deref() {
            // A person's or a service's reason can be any text.
            Some("UserInitiated" | "ServiceSchedulerInitiated") => FailedStart::StoppedBeforeRunning,
            // Fargate's and EC2's names for the same.
            Some("SpotInterruption" | "TerminationNotice") => FailedStart::SpotInterruption,
            Some(_) | None => texts.find_map(category_of).unwrap_or(FailedStart::TaskFailedToStart),
        }
    }

    /// The targets for which a check has stopped the task, each with ELB's reason; none if it was stopped for something else.
    #[must_use]
    pub fn unhealthy_targets(&self) -> Option<&str> {
        self.reason.as_deref()?.strip_prefix(FOUND_UNHEALTHY)
    }
}

/// The error type for one of ECS's documented texts: an error's name before a colon
/// ([stopped task error messages](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html)),
/// or a reason why no container instance can run the task
/// ([API failure reasons](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html)), which
/// the guide prints with the `stopCode` before it.
fn category_of(text: &str) -> Option<FailedStart> {
    let text = text.strip_prefix("TaskFailedToStart:").unwrap_or(text).trim();
    let name = text.split([':', ' ']).next().unwrap_or_default();
    Some(match name {
        // CannotPullContainerError, CannotPullImageManifestError; the agent also has CannotPullECRContainerError and
        // CannotPullContainerAuthError (amazon-ecs-agent, dockerapi/errors.go).
        _ if name.starts_with("CannotPull") => FailedStart::ImagePullFailed,
        "ResourceInitializationError" | "CannotCreateVolumeError" => FailedStart::ResourceInitializationFailed,
        // "... network interface provisioning to complete", "... EphemeralStorage provisioning to complete": not in the
        // guide, but dagster's EcsRunLauncher and airflow's EcsRunTaskOperator retry them.
        "Timeout" if text.starts_with("Timeout waiting for") && text.contains("provisioning") => {
            FailedStart::ResourceInitializationFailed
        }
        // "Capacity is unavailable at this time. Please try again later or in a different availability zone".
        "Capacity" | "RESOURCE" | "AGENT" => FailedStart::CapacityUnavailable,
        "EMPTY" if text.starts_with("EMPTY CAPACITY PROVIDER") => FailedStart::CapacityUnavailable,
        "NO" if text.starts_with("NO ACTIVE INSTANCES") => FailedStart::CapacityUnavailable,
        // A retry does not help: the task definition requires what the container instances do not have.
        "ATTRIBUTE" | "LOCATION" => FailedStart::PlacementFailed,
        "MemberOf" if text.starts_with("MemberOf placement constraint unsatisfied") => FailedStart::PlacementFailed,
        "SpotInterruption" | "SpotInterruptionError" => FailedStart::SpotInterruption,
        // If there is no stopCode.
        "Your" if text.starts_with("Your Spot Task was interrupted") => FailedStart::SpotInterruption,
        _ => return None,
    })
}

/// Each text once.
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
            match &exit.reason {
                // ECS gives an image error to the task and to its container, in the same words: the guide's example of the
                // event has both (fixtures/events/task-failed-to-start.json).
                Some(_) if exit.reason == self.reason => f.write_str(" (the same)")?,
                Some(reason) => write!(f, " ({reason})")?,
                None => {}
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
                FailedStart::ImagePullFailed,
            ),
            (
                "CannotPullImageManifestError: manifest unknown",
                FailedStart::ImagePullFailed,
            ),
            (
                "CannotPullECRContainerError: AccessDeniedException",
                FailedStart::ImagePullFailed,
            ),
            (
                "CannotPullContainerAuthError: no credentials",
                FailedStart::ImagePullFailed,
            ),
            (
                "ResourceInitializationError: unable to pull secrets",
                FailedStart::ResourceInitializationFailed,
            ),
            (
                "CannotCreateVolumeError: no such file",
                FailedStart::ResourceInitializationFailed,
            ),
            (
                "Timeout waiting for network interface provisioning to complete.",
                FailedStart::ResourceInitializationFailed,
            ),
            (
                "Timeout waiting for EphemeralStorage provisioning to complete.",
                FailedStart::ResourceInitializationFailed,
            ),
            (
                "Capacity is unavailable at this time. Please try again later",
                FailedStart::CapacityUnavailable,
            ),
            ("RESOURCE:CPU", FailedStart::CapacityUnavailable),
            ("RESOURCE:MEMORY", FailedStart::CapacityUnavailable),
            ("RESOURCE:PORTS", FailedStart::CapacityUnavailable),
            ("RESOURCE:ENI", FailedStart::CapacityUnavailable),
            ("RESOURCE:GPU", FailedStart::CapacityUnavailable),
            ("AGENT", FailedStart::CapacityUnavailable),
            ("EMPTY CAPACITY PROVIDER", FailedStart::CapacityUnavailable),
            ("NO ACTIVE INSTANCES", FailedStart::CapacityUnavailable),
            (
                "TaskFailedToStart: NO ACTIVE INSTANCES",
                FailedStart::CapacityUnavailable,
            ),
            ("TaskFailedToStart: RESOURCE:MEMORY", FailedStart::CapacityUnavailable),
            ("ATTRIBUTE", FailedStart::PlacementFailed),
            ("LOCATION", FailedStart::PlacementFailed),
            (
                "MemberOf placement constraint unsatisfied",
                FailedStart::PlacementFailed,
            ),
            ("SpotInterruptionError: interrupted", FailedStart::SpotInterruption),
            ("Your Spot Task was interrupted.", FailedStart::SpotInterruption),
            ("Task failed to start", FailedStart::TaskFailedToStart),
            (
                "CannotStartContainerError: failed to get container status",
                FailedStart::TaskFailedToStart,
            ),
            ("OutOfMemoryError: container killed", FailedStart::TaskFailedToStart),
            ("InternalError: unexpected", FailedStart::TaskFailedToStart),
            ("NO", FailedStart::TaskFailedToStart),
            ("", FailedStart::TaskFailedToStart),
        ] {
            for code in [
                Some("TaskFailedToStart"),
                Some("EssentialContainerExited"),
                Some("new"),
                None,
            ] {
                assert_eq!(stop(code, Some(text), &[]).failed_start(), category, "{text}");
                let by_container = stop(code, Some("Task failed to start"), &[None, Some("other"), Some(text)]);
                assert_eq!(by_container.failed_start(), category, "{text}");
                assert_eq!(stop(code, None, &[Some(text)]).failed_start(), category, "{text}");
            }
        }
    }

    #[test]
    fn the_stop_code_takes_precedence_over_the_texts() {
        let text = Some("CannotPullContainerError: no");
        for (code, category) in [
            ("SpotInterruption", FailedStart::SpotInterruption),
            ("TerminationNotice", FailedStart::SpotInterruption),
            ("UserInitiated", FailedStart::StoppedBeforeRunning),
            ("ServiceSchedulerInitiated", FailedStart::StoppedBeforeRunning),
        ] {
            assert_eq!(stop(Some(code), text, &[text]).failed_start(), category);
            let timed_out = format!("{START_TIMED_OUT} 300 s");
            let timed_out = stop(Some(code), Some(&timed_out), &[text]);
            assert_eq!(timed_out.failed_start(), FailedStart::StartTimedOut);
        }
    }

    #[test]
    fn the_tasks_own_reason_takes_precedence_over_a_containers() {
        let both = stop(None, Some("RESOURCE:MEMORY"), &[Some("CannotPullContainerError: no")]);
        assert_eq!(both.failed_start(), FailedStart::CapacityUnavailable);
    }

    #[test]
    fn what_the_container_says_as_the_task_does_is_said_once() {
        let text = "CannotPullContainerError: no such image";
        let both = stop(Some("TaskFailedToStart"), Some(text), &[Some(text), Some("other")]);
        assert_eq!(
            both.to_string(),
            format!("TaskFailedToStart: {text}; container web (the same); container web (other)")
        );
    }

    #[test]
    fn only_a_check_stops_a_task_for_its_targets() {
        let unhealthy = stop(
            None,
            Some(&format!("{FOUND_UNHEALTHY}auth/10.0.1.1:8080 Target.Timeout")),
            &[],
        );
        assert_eq!(unhealthy.unhealthy_targets(), Some("auth/10.0.1.1:8080 Target.Timeout"));
        assert_eq!(stop(None, Some("unhealthy: a"), &[]).unhealthy_targets(), None);
    }

    #[test]
    fn the_list_has_each_once() {
        let place = |failed: FailedStart| match failed {
            FailedStart::ImagePullFailed => 0,
            FailedStart::CapacityUnavailable => 1,
            FailedStart::PlacementFailed => 2,
            FailedStart::ResourceInitializationFailed => 3,
            FailedStart::SpotInterruption => 4,
            FailedStart::StartTimedOut => 5,
            FailedStart::StoppedBeforeRunning => 6,
            FailedStart::TaskFailedToStart => 7,
        };
        let places: Vec<usize> = FailedStart::ALL.into_iter().map(place).collect();
        assert_eq!(places, (0..8).collect::<Vec<usize>>());
    }
}
