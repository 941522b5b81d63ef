//! ELBv2: all targets of a target group.

use aws_sdk_elasticloadbalancingv2::{Client, types as sdk};
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::{Port, TargetGroupArn};
use start_engines_core::domain::target::{Target, TargetHealth};

use crate::fleet::GroupMember;

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
