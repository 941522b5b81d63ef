//! ELB: target groups, the targets in them that are not healthy, and load balancers.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use start_engines_aws::elbv2::read_target_group;
use start_engines_aws::error::call_error;
use start_engines_core::call::CallError;

use super::Reads;
use crate::doctor::fact::Fact;
use crate::doctor::world::{Balancer, Group, HealthCheck, Unhealthy};

impl Reads {
    /// Those of these target groups that there are; if one does not exist, ELB refuses the call as a whole.
    pub(crate) async fn groups(&self, arns: &[String]) -> Result<BTreeMap<String, Group>, CallError> {
        let call = self
            .elbv2
            .describe_target_groups()
            .set_target_group_arns(Some(arns.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|error| call_error("DescribeTargetGroups", &error))?;
        let group = |found: &sdk::TargetGroup| {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let matcher = found.matcher().and_then(|it| it.http_code().or(it.grpc_code()));
            let group = Group {
                facts: read_target_group(found),
                balancers: found.load_balancer_arns().to_vec(),
                check: HealthCheck {
                    enabled: found.health_check_enabled().unwrap_or(true),
                    protocol: text(found.health_check_protocol().map(|it| it.as_str())),
                    port: text(found.health_check_port()),
                    path: found.health_check_path().map(str::to_owned),
                    matcher: matcher.map(str::to_owned),
                    interval: found.health_check_interval_seconds().unwrap_or(30),
                    timeout: found.health_check_timeout_seconds().unwrap_or(5),
                    threshold: found.healthy_threshold_count().unwrap_or(5),
                },
                keeps_client_addresses: Fact::Absent,
            };
            Some((found.target_group_arn()?.to_owned(), group))
        };
        Ok(answer.target_groups().iter().filter_map(group).collect())
    }

    /// `preserve_client_ip.enabled`, which target groups of Network Load Balancers have.
    pub(crate) async fn keeps_client_addresses(&self, arn: &str) -> Result<Option<bool>, CallError> {
        let answer = self
            .elbv2
            .describe_target_group_attributes()
            .target_group_arn(arn)
            .send()
            .await;
        let answer = answer.map_err(|error| call_error("DescribeTargetGroupAttributes", &error))?;
        let mut attributes = answer.attributes().iter();
        let found = attributes.find(|it| it.key() == Some("preserve_client_ip.enabled"));
        Ok(found.and_then(|it| it.value()).map(|value| value == "true"))
    }

    /// The targets that are `unhealthy`, or that no listener uses.
    pub(crate) async fn unhealthy(&self, arn: &str) -> Result<Option<Vec<Unhealthy>>, CallError> {
        let answer = self.elbv2.describe_target_health().target_group_arn(arn).send().await;
        let answer = answer.map_err(|error| call_error("DescribeTargetHealth", &error))?;
        let unhealthy = |found: &sdk::TargetHealthDescription| {
            let (target, health) = (found.target()?, found.target_health()?);
            let state = health.state()?.as_str();
            matches!(state, "unhealthy" | "unhealthy.draining" | "unused" | "unavailable").then(|| Unhealthy {
                id: target.id().unwrap_or_default().to_owned(),
                port: target.port(),
                state: state.to_owned(),
                reason: health
                    .reason()
                    .map(|reason| reason.as_str().to_owned())
                    .unwrap_or_default(),
                description: health.description().unwrap_or_default().to_owned(),
            })
        };
        let all = answer.target_health_descriptions().iter().filter_map(unhealthy);
        Ok(Some(all.collect()))
    }

    /// Those of these load balancers that there are, at most 20
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html>); if one does
    /// not exist, ELB refuses the call as a whole.
    pub(crate) async fn balancers(&self, arns: &[String]) -> Result<BTreeMap<String, Balancer>, CallError> {
        let call = self
            .elbv2
            .describe_load_balancers()
            .set_load_balancer_arns(Some(arns.to_vec()));
        let answer = call
            .send()
            .await
            .map_err(|error| call_error("DescribeLoadBalancers", &error))?;
        let balancer = |found: &sdk::LoadBalancer| {
            let zones = found.availability_zones().iter();
            let zone = |it: &sdk::AvailabilityZone| Some((it.zone_name()?.to_owned(), it.subnet_id()?.to_owned()));
            let balancer = Balancer {
                name: found.load_balancer_name().unwrap_or_default().to_owned(),
                kind: found.r#type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
                state: found
                    .state()
                    .and_then(|state| state.code())
                    .map(|code| code.as_str().to_owned())
                    .unwrap_or_default(),
                zones: zones.filter_map(zone).collect(),
                security_groups: found.security_groups().to_vec(),
            };
            Some((found.load_balancer_arn()?.to_owned(), balancer))
        };
        Ok(answer.load_balancers().iter().filter_map(balancer).collect())
    }
}
