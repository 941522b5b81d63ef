//! What a target group needs to know of a task, and what we need to know of a target group.
//!
//! Must not choose addresses; [`super::task`] does.

use std::fmt;
use std::net::IpAddr;

use super::arn::{ContainerName, Port, TargetGroupArn};

/// One attachment that a task asks for: a port of a container in a target group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attachment {
    /// The group.
    pub group: TargetGroupArn,
    /// The container's port.
    pub port: Port,
    /// Which container, where several publish the port.
    pub container: Option<ContainerName>,
}

/// A target as Elastic Load Balancing knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// An IP address or an instance id.
    pub id: String,
    /// The port, always given, so that an overridden one is deregistered too.
    pub port: Port,
}

impl Target {
    /// Whether it is an address, and not an instance.
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

/// What kind of targets a group takes (`TargetType`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetType {
    /// Addresses.
    Ip,
    /// Instance ids.
    Instance,
    /// A Lambda function.
    Lambda,
    /// An Application Load Balancer.
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

/// The address family of a group (`IpAddressType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// `ipv4`, and whatever else is not `ipv6`: groups made before the attribute existed are ipv4.
    Ipv4,
    /// `ipv6`.
    Ipv6,
}

/// The facts about a target group, none of which can be edited while it exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetGroup {
    /// `TargetType`.
    pub target_type: TargetType,
    /// `IpAddressType`.
    pub family: AddressFamily,
    /// `Protocol`, as AWS spells it.
    pub protocol: String,
}

/// Whether a target is in its group (`TargetHealth.State` and `Reason`).
///
/// See [DescribeTargetHealth](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetHealth {
    /// In the group, in whichever state: `initial`, `healthy`, `unhealthy`... and `unhealthy.draining`, in which
    /// a Network Load Balancer lets the connections of an unhealthy target end, who goes back to `healthy` or on
    /// to `unhealthy`: nobody has deregistered it
    /// ([target health status](https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html#target-health-states)).
    Registered(String),
    /// `draining`: already on its way out.
    Draining,
    /// For the reason `Target.NotRegistered`.
    NotRegistered,
}

impl TargetHealth {
    /// From the state and reason of the answer. A state that this version does not know counts as
    /// registered: deregistering once too often does no harm, once too seldom does.
    #[must_use]
    pub fn of(state: &str, reason: Option<&str>) -> Self {
        match (state, reason) {
            ("draining", _) => Self::Draining,
            (_, Some("Target.NotRegistered")) => Self::NotRegistered,
            (state, _) => Self::Registered(state.to_owned()),
        }
    }
}

/// A target in its group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupTarget {
    /// The group.
    pub group: TargetGroupArn,
    /// The target.
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
    fn only_not_registered_and_draining_targets_are_out() {
        assert_eq!(
            TargetHealth::of("unused", Some("Target.NotRegistered")),
            TargetHealth::NotRegistered
        );
        assert_eq!(
            TargetHealth::of("draining", Some("Target.DeregistrationInProgress")),
            TargetHealth::Draining
        );
        // Registered, but its load balancer has no listener or its zone is off.
        assert_eq!(
            TargetHealth::of("unused", Some("Target.NotInUse")),
            TargetHealth::Registered("unused".into())
        );
        assert_eq!(
            TargetHealth::of("dozing", None),
            TargetHealth::Registered("dozing".into())
        );
    }

    #[test]
    fn a_target_in_its_grace_period_after_failed_checks_is_registered() {
        let health = TargetHealth::of("unhealthy.draining", Some("Target.FailedHealthChecks"));
        assert_eq!(health, TargetHealth::Registered("unhealthy.draining".into()));
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
