//! ELBv2: describes target groups, registers and deregisters targets.

use std::net::IpAddr;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::DeregisterTargetsInput;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_group_attributes::DescribeTargetGroupAttributesInput;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::DescribeTargetGroupsInput;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthInput;
use aws_sdk_elasticloadbalancingv2::operation::register_targets::RegisterTargetsInput;
use aws_sdk_elasticloadbalancingv2::types as sdk;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetGroupIpAddressTypeEnum};
use aws_smithy_types::timeout::TimeoutConfig;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::target::{AddressFamily, HealthCheck, Target, TargetGroup, TargetHealth, Zone};

use crate::client::Client;
use crate::error::call_error;

/// [Target group attributes](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html).
const DEFAULT_DEREGISTRATION_DELAY: Duration = Duration::from_secs(300);

/// The facts about one target group.
pub(crate) async fn describe_target_group(client: &Client, group: &TargetGroupArn) -> Result<TargetGroup, CallError> {
    const OPERATION: &str = "DescribeTargetGroups";
    let request = DescribeTargetGroupsInput::builder()
        .target_group_arns(group.as_str())
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    let found = answer
        .target_groups()
        .iter()
        .find(|found| found.target_group_arn() == Some(group.as_str()));
    let found = found.ok_or_else(|| CallError {
        operation: OPERATION,
        kind: ErrorKind::TargetGroupNotFound,
        code: None,
        conflicting_tasks: Vec::new(),
        message: format!("the answer does not contain {group}"),
    })?;
    Ok(read_target_group(found))
}

/// Translates the SDK's target group.
#[must_use]
pub fn read_target_group(found: &sdk::TargetGroup) -> TargetGroup {
    TargetGroup {
        target_type: found.target_type().map_or("", sdk::TargetTypeEnum::as_str).into(),
        family: match found.ip_address_type() {
            Some(TargetGroupIpAddressTypeEnum::Ipv6) => AddressFamily::Ipv6,
            _ => AddressFamily::Ipv4,
        },
        protocol: found.protocol().map_or("", sdk::ProtocolEnum::as_str).to_owned(),
        vpc: found.vpc_id().and_then(|id| id.parse().ok()),
        health_check: read_health_check(found),
    }
}

/// What the answer leaves out is ELB's default.
fn read_health_check(found: &sdk::TargetGroup) -> HealthCheck {
    let default = HealthCheck::default();
    let seconds = |given: Option<i32>, default| {
        given
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(default, Duration::from_secs)
    };
    HealthCheck {
        interval: seconds(found.health_check_interval_seconds(), default.interval),
        timeout: seconds(found.health_check_timeout_seconds(), default.timeout),
        healthy_threshold: found
            .healthy_threshold_count()
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(default.healthy_threshold),
    }
}

/// The current deregistration delay of a target group; ELB's default if the answer does not contain it.
pub(crate) async fn describe_deregistration_delay(
    client: &Client,
    group: &TargetGroupArn,
) -> Result<Duration, CallError> {
    const OPERATION: &str = "DescribeTargetGroupAttributes";
    let request = DescribeTargetGroupAttributesInput::builder()
        .target_group_arn(group.as_str())
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    let delay = answer
        .attributes()
        .iter()
        .find(|attribute| attribute.key() == Some("deregistration_delay.timeout_seconds"));
    match delay.and_then(sdk::TargetGroupAttribute::value).map(str::parse) {
        None => Ok(DEFAULT_DEREGISTRATION_DELAY),
        Some(Ok(seconds)) => Ok(Duration::from_secs(seconds)),
        Some(Err(error)) => Err(CallError {
            operation: OPERATION,
            kind: ErrorKind::Unreadable,
            code: None,
            conflicting_tasks: Vec::new(),
            message: format!("the deregistration delay of {group}: {error}"),
        }),
    }
}

/// The health of each target, in the order of `targets`.
pub(crate) async fn describe_target_health(
    client: &Client,
    group: &TargetGroupArn,
    targets: &[Target],
) -> Result<Vec<TargetHealth>, CallError> {
    let request = DescribeTargetHealthInput::builder()
        .target_group_arn(group.as_str())
        .set_targets(Some(descriptions(targets)))
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error("DescribeTargetHealth", &error))?;
    let health_of = |target: &Target| {
        let same = |found: &&sdk::TargetHealthDescription| found.target().is_some_and(|found| is_same(found, target));
        health(answer.target_health_descriptions().iter().find(same)?)
    };
    // A target that the answer leaves out is not registered.
    Ok(targets
        .iter()
        .map(|target| health_of(target).unwrap_or(TargetHealth::NotRegistered))
        .collect())
}

/// All targets of the target group, also draining ones. Leaves out targets without a port, which start-engines never
/// registers.
pub(crate) async fn describe_targets(
    client: &Client,
    group: &TargetGroupArn,
) -> Result<Vec<(Target, TargetHealth)>, CallError> {
    let request = DescribeTargetHealthInput::builder()
        .target_group_arn(group.as_str())
        .build();
    let answer = client
        .send(request)
        .await
        .map_err(|error| call_error("DescribeTargetHealth", &error))?;
    let read = |described: &sdk::TargetHealthDescription| {
        let target = described.target()?;
        let id = target.id()?;
        let target = Target {
            // In our notation of addresses; ELB may use another one.
            id: id
                .parse::<IpAddr>()
                .map_or_else(|_| id.to_owned(), |address| address.to_string()),
            port: i64::from(target.port()?).try_into().ok()?,
        };
        let state = health(described).unwrap_or_else(|| TargetHealth::registered(""));
        Some((target, state))
    };
    Ok(answer.target_health_descriptions().iter().filter_map(read).collect())
}

fn health(described: &sdk::TargetHealthDescription) -> Option<TargetHealth> {
    let health = described.target_health()?;
    let of = TargetHealth::of(
        health.state()?.as_str(),
        health.reason().map(sdk::TargetHealthReasonEnum::as_str),
        described.target().and_then(TargetDescription::availability_zone),
    );
    Some(of.with_description(health.description()))
}

/// Registers targets. Registering a target again is not an error.
pub(crate) async fn register_targets(
    client: &Client,
    group: &TargetGroupArn,
    targets: &[Target],
    zone: Zone,
) -> Result<(), CallError> {
    let mut targets = descriptions(targets);
    if zone == Zone::All {
        for target in &mut targets {
            target.availability_zone = Some("all".to_owned());
        }
    }
    let request = RegisterTargetsInput::builder()
        .target_group_arn(group.as_str())
        .set_targets(Some(targets))
        .build();
    client
        .send(request)
        .await
        .map(|_| ())
        .map_err(|error| call_error("RegisterTargets", &error))
}

/// Deregisters targets, all attempts within this time. A target that is not registered is not an error.
pub(crate) async fn deregister_targets(
    client: &Client,
    group: &TargetGroupArn,
    targets: &[Target],
    within: Duration,
) -> Result<(), CallError> {
    // Half of the time, so that a dead connection leaves time for a second attempt.
    let attempt = TimeoutConfig::builder().operation_attempt_timeout(within / 2).build();
    let request = DeregisterTargetsInput::builder()
        .target_group_arn(group.as_str())
        .set_targets(Some(descriptions(targets)))
        .build();
    client
        .send_within(request, attempt)
        .await
        .map(|_| ())
        .map_err(|error| call_error("DeregisterTargets", &error))
}

fn descriptions(targets: &[Target]) -> Vec<TargetDescription> {
    let describe = |target: &Target| {
        TargetDescription::builder()
            .id(&target.id)
            .port(i32::from(target.port.number()))
            .build()
    };
    targets.iter().map(describe).collect()
}

/// Whether ELB's description is of this target. Compares parsed addresses, since IPv6 has several notations.
fn is_same(found: &TargetDescription, target: &Target) -> bool {
    let same_id = || {
        let id = found.id()?;
        let both = id.parse::<IpAddr>().ok().zip(target.id.parse::<IpAddr>().ok());
        Some(both.map_or(id == target.id, |(one, other)| one == other))
    };
    found.port() == Some(i32::from(target.port.number())) && same_id() == Some(true)
}
