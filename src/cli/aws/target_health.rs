//! ELBv2: all targets of a target group, and how their health is checked.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::{Client, types as sdk};
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::{Port, TargetGroupArn};
use start_engines_core::domain::target::{Target, TargetHealth};

use crate::fleet::GroupMember;

/// How long a target may be registered before its health checks start, but for an Application Load Balancer: "It can
/// take a few minutes for the registration process to complete and health checks to start"
/// ([targets](https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html)).
const REGISTRATION: Duration = Duration::from_secs(300);

/// All targets of a target group, also draining ones.
pub(super) async fn describe_target_group(
    client: &Client,
    group: &TargetGroupArn,
) -> Result<Vec<GroupMember>, CallError> {
    const OPERATION: &str = "DescribeTargetHealth";
    let answer = client
        .describe_target_health()
        .target_group_arn(group.as_str())
        .send()
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    let members = answer.target_health_descriptions().iter().map(member);
    let members: Option<Vec<GroupMember>> = members.collect();
    members.ok_or_else(|| CallError {
        operation: OPERATION,
        kind: ErrorKind::Unreadable,
        code: None,
        conflicting_tasks: Vec::new(),
        message: format!("a target of {group} without id, port or state"),
    })
}

fn member(found: &sdk::TargetHealthDescription) -> Option<GroupMember> {
    let target = found.target()?;
    let health = found.target_health()?;
    let state = health.state()?.as_str();
    let reason = health.reason().map(sdk::TargetHealthReasonEnum::as_str);
    Some(GroupMember {
        target: Target {
            id: target.id()?.to_owned(),
            port: Port::try_from(i64::from(target.port()?)).ok()?,
        },
        health: TargetHealth::of(state, reason, target.availability_zone()),
        state: state.into(),
        reason: reason.map(Into::into),
    })
}

/// How a target group's health checks are timed
/// ([TargetGroup](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroup.html)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `HealthCheckIntervalSeconds`.
    pub interval: Duration,
    /// `HealthyThresholdCount`.
    pub healthy_threshold: u32,
    /// Whether the target group is of an Application Load Balancer: its `Protocol` is HTTP or HTTPS.
    pub is_application: bool,
    /// `HealthCheckProtocol`, `HealthCheckPort` and, where it has one, `HealthCheckPath`, in one text.
    pub what: String,
    /// `Matcher`: the status codes that pass.
    pub matcher: Option<String>,
}

impl HealthCheck {
    /// How long a target takes to be healthy if it passes every check: a check each interval, as many as the threshold,
    /// and with other load balancers than an Application Load Balancer five minutes before them. That of an Application
    /// Load Balancer serves after the first check that it passes, so this is the most
    /// ([health checks](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html)).
    #[must_use]
    pub fn time_to_healthy(&self) -> Duration {
        self.time_after(!self.is_application)
    }

    /// The same of a target that is `initial` for this reason, which may say that its checks have not begun.
    #[must_use]
    pub fn time_to_healthy_from(&self, reason: &str) -> Duration {
        self.time_after(!self.is_application || reason == "Elb.RegistrationInProgress")
    }

    fn time_after(&self, registration: bool) -> Duration {
        let checks = self.interval * self.healthy_threshold;
        if registration { checks + REGISTRATION } else { checks }
    }
}

/// How a target group's health is checked; `None` if there is no such group, or its checks are off.
pub(super) async fn health_check(client: &Client, group: &TargetGroupArn) -> Result<Option<HealthCheck>, CallError> {
    let answer = client
        .describe_target_groups()
        .target_group_arns(group.as_str())
        .send()
        .await
        .map_err(|error| call_error("DescribeTargetGroups", &error));
    let answer = match answer {
        Err(error) if error.kind == ErrorKind::TargetGroupNotFound => return Ok(None),
        other => other?,
    };
    Ok(answer.target_groups().first().and_then(|found| {
        let seconds = u64::try_from(found.health_check_interval_seconds()?).ok()?;
        let path = found.health_check_path().unwrap_or_default();
        let protocol = found.health_check_protocol().map_or("", |protocol| protocol.as_str());
        let port = found.health_check_port().unwrap_or("traffic-port");
        let codes = found
            .matcher()
            .and_then(|matcher| matcher.http_code().or(matcher.grpc_code()));
        (found.health_check_enabled() != Some(false)).then_some(HealthCheck {
            interval: Duration::from_secs(seconds),
            healthy_threshold: u32::try_from(found.healthy_threshold_count()?).ok()?,
            is_application: matches!(
                found.protocol(),
                Some(sdk::ProtocolEnum::Http | sdk::ProtocolEnum::Https)
            ),
            what: format!("{protocol} {path} on port {port}").replace("  ", " "),
            matcher: codes.map(str::to_owned),
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_that_takes_minutes_is_part_of_the_time_to_healthy() {
        let check = |is_application| HealthCheck {
            interval: Duration::from_secs(30),
            healthy_threshold: 5,
            is_application,
            what: String::new(),
            matcher: None,
        };
        for (is_application, reason, seconds) in [
            (true, "Elb.InitialHealthChecking", 150),
            (true, "Elb.RegistrationInProgress", 450),
            (false, "Elb.InitialHealthChecking", 450),
            (false, "Elb.RegistrationInProgress", 450),
        ] {
            let time = check(is_application).time_to_healthy_from(reason);
            assert_eq!(time.as_secs(), seconds, "{is_application} {reason}");
        }
        assert_eq!(check(true).time_to_healthy().as_secs(), 150);
        assert_eq!(check(false).time_to_healthy().as_secs(), 450);
    }
}
