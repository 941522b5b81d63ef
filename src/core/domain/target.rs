//! Targets, target groups, and which target groups a task is attached to.
//!
//! Must not choose addresses; [`super::task`] does.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::arn::{ContainerName, Port, TargetGroupArn, VpcId};

/// One attachment of a start: a container's port that is to be registered with a target group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attachment {
    /// Where the container is to be registered: one attachment for each target group and port.
    pub group: TargetGroupArn,
    /// The container's port; in network modes `bridge` and `host`, not the host port.
    pub port: Port,
    /// The container's name; needed if several containers publish the port.
    pub container: Option<ContainerName>,
}

/// A target of a target group (`TargetDescription`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// `Id`: an IP address or an EC2 instance id.
    pub id: String,
    /// `Port`: always given, because DeregisterTargets needs it for a target with another port than its target group.
    pub port: Port,
}

impl Target {
    /// Whether it is an IP address, and not an EC2 instance.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.id.parse::<IpAddr>().is_ok()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.contains(':') {
            write!(f, "[{}]:{}", self.id, self.port)
        } else {
            write!(f, "{}:{}", self.id, self.port)
        }
    }
}

/// What kind of targets a target group has (`TargetType`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetType {
    /// `ip`: addresses.
    Ip,
    /// `instance`: EC2 instances.
    Instance,
    /// `lambda`: a Lambda function.
    Lambda,
    /// `alb`: an Application Load Balancer.
    Alb,
    /// A kind that this version does not know.
    Unknown(String),
}

impl From<&str> for TargetType {
    fn from(text: &str) -> Self {
        match text {
            "ip" => Self::Ip,
            "instance" => Self::Instance,
            "lambda" => Self::Lambda,
            "alb" => Self::Alb,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl fmt::Display for TargetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "ip",
            Self::Instance => "instance",
            Self::Lambda => "lambda",
            Self::Alb => "alb",
            Self::Unknown(other) => other,
        })
    }
}

/// The address family of a target group (`IpAddressType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// `ipv4`, and anything else that is not `ipv6`: target groups older than this attribute are IPv4.
    Ipv4,
    /// `ipv6`.
    Ipv6,
}

/// The `AvailabilityZone` of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Omitted when it is registered: ELB derives it from the address, which is in a subnet of the target group's VPC.
    Own,
    /// `all`, for addresses outside of the target group's VPC. ELB refuses it for addresses inside.
    All,
}

/// The properties of a target group that cannot change while it exists, and how its health checks are set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetGroup {
    /// `TargetType`.
    pub target_type: TargetType,
    /// `IpAddressType`.
    pub family: AddressFamily,
    /// `Protocol`, as AWS spells it.
    pub protocol: String,
    /// `VpcId`; absent for target groups of target type `lambda`.
    pub vpc: Option<VpcId>,
    /// How long ELB checks a new target. It can be changed, and this may be as old as the cached answer.
    pub health_check: HealthCheck,
}

/// How a target group's health checks are set, as far as it decides when a new target can be healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// `HealthCheckIntervalSeconds`.
    pub interval: Duration,
    /// `HealthCheckTimeoutSeconds`.
    pub timeout: Duration,
    /// `HealthyThresholdCount`.
    pub healthy_threshold: u32,
}

impl Default for HealthCheck {
    /// ELB's own default for address targets: 30 s, 5 s and 5
    /// ([CreateTargetGroup](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html)).
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
        }
    }
}

/// How long other load balancers than an Application Load Balancer may take before they begin with their checks
/// ([target health status](https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html)).
const REGISTRATION: Duration = Duration::from_secs(300);

impl TargetGroup {
    /// How long it takes until a sound target is healthy, if each check takes as long as it may.
    #[must_use]
    pub fn time_to_healthy(&self) -> Duration {
        let checks = self
            .health_check
            .interval
            .saturating_mul(self.health_check.healthy_threshold);
        let checks = checks.saturating_add(self.health_check.timeout);
        if self.protocol.starts_with("HTTP") {
            checks
        } else {
            checks.saturating_add(REGISTRATION)
        }
    }
}

/// Whether a target is registered with its target group (`TargetHealth.State` and `Reason`).
///
/// See [DescribeTargetHealth](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetHealth {
    /// Registered, in any state: `initial`, `healthy`, `unhealthy`... Also `unhealthy.draining`, in which a Network
    /// Load Balancer lets the connections of an unhealthy target end: it becomes `healthy` or `unhealthy` again, and
    /// nobody has deregistered it
    /// ([target health status](https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html#target-health-states)).
    Registered(Registration),
    /// `draining`: deregistered, while its connections end.
    Draining,
    /// Not registered: the reason is `Target.NotRegistered`.
    NotRegistered,
}

/// A target that is registered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Registration {
    /// `State`, as AWS spells it.
    pub state: String,
    /// `Target.AvailabilityZone`: whether it is outside of the target group's VPC.
    pub zone: Zone,
    /// Why it is not healthy; `None` if it is, or if ELB does not tell.
    pub why: Option<Box<HealthReason>>,
}

/// Why a target is not healthy (`TargetHealth.Reason` and `.Description`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthReason {
    /// `Reason`, as AWS spells it.
    pub code: String,
    /// `Description`.
    pub description: Option<String>,
}

impl TargetHealth {
    /// Registered in this state, inside of the target group's VPC.
    #[must_use]
    pub fn registered(state: &str) -> Self {
        Self::Registered(Registration {
            state: state.to_owned(),
            zone: Zone::Own,
            why: None,
        })
    }

    /// From `State`, `Reason` and the target's `AvailabilityZone`. A state that this version does not know counts as
    /// registered: an unnecessary DeregisterTargets does no harm, a missing one does.
    #[must_use]
    pub fn of(state: &str, reason: Option<&str>, zone: Option<&str>) -> Self {
        match (state, reason) {
            ("draining", _) => Self::Draining,
            (_, Some("Target.NotRegistered")) => Self::NotRegistered,
            (state, reason) => Self::Registered(Registration {
                state: state.to_owned(),
                zone: if zone == Some("all") { Zone::All } else { Zone::Own },
                why: reason.map(|code| {
                    Box::new(HealthReason {
                        code: code.to_owned(),
                        description: None,
                    })
                }),
            }),
        }
    }

    /// The same, with `Description`, which ELB gives beside a reason.
    #[must_use]
    pub fn with_description(mut self, description: Option<&str>) -> Self {
        if let Self::Registered(Registration { why: Some(why), .. }) = &mut self {
            why.description = description.map(str::to_owned);
        }
        self
    }

    /// `State`, as AWS spells it.
    #[must_use]
    pub fn state(&self) -> &str {
        match self {
            Self::Registered(registration) => &registration.state,
            Self::Draining => "draining",
            Self::NotRegistered => "unused",
        }
    }

    /// `Reason`, as AWS spells it; `None` for a healthy target.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Registered(registration) => registration.why.as_ref().map(|why| why.code.as_str()),
            Self::Draining => Some("Target.DeregistrationInProgress"),
            Self::NotRegistered => Some("Target.NotRegistered"),
        }
    }

    /// `Description`, if ELB gives one.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        match self {
            Self::Registered(registration) => registration.why.as_ref()?.description.as_deref(),
            Self::Draining | Self::NotRegistered => None,
        }
    }
}

/// A target together with its target group; displayed as `NAME/ADDRESS:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupTarget {
    /// Where the target is registered, or could be.
    pub group: TargetGroupArn,
    /// The address or EC2 instance with its port; it can be in other target groups too.
    pub target: Target,
}

impl fmt::Display for GroupTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group.name(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_targets_but_unregistered_and_draining_ones_are_registered() {
        assert_eq!(
            TargetHealth::of("unused", Some("Target.NotRegistered"), None),
            TargetHealth::NotRegistered
        );
        assert_eq!(
            TargetHealth::of("draining", Some("Target.DeregistrationInProgress"), None),
            TargetHealth::Draining
        );
        // Registered, but the target group has no listener or the target's zone is not enabled.
        let unused = TargetHealth::of("unused", Some("Target.NotInUse"), None).with_description(Some("no listener"));
        assert!(matches!(unused, TargetHealth::Registered(_)));
        assert_eq!(
            (unused.state(), unused.reason(), unused.description()),
            ("unused", Some("Target.NotInUse"), Some("no listener"))
        );
        assert_eq!(
            TargetHealth::of("dozing", None, None),
            TargetHealth::registered("dozing")
        );
    }

    #[test]
    fn a_target_in_its_grace_period_after_failed_checks_is_registered() {
        let health = TargetHealth::of("unhealthy.draining", Some("Target.FailedHealthChecks"), None);
        assert!(matches!(health, TargetHealth::Registered(_)));
        assert_eq!(health.state(), "unhealthy.draining");
    }

    #[test]
    fn ipv6_targets_are_shown_with_brackets() {
        let port = "80".parse().unwrap();
        assert_eq!(
            Target {
                id: "2001:db8::1".into(),
                port
            }
            .to_string(),
            "[2001:db8::1]:80"
        );
        assert_eq!(
            Target {
                id: "10.0.0.1".into(),
                port
            }
            .to_string(),
            "10.0.0.1:80"
        );
    }
}
