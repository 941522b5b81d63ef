//! ELBv2 operations: RegisterTargets, DeregisterTargets, DescribeTargetHealth,
//! DescribeTargetGroups.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::service::ApiError;
use super::target_groups::{self, Health, TargetGroup, TargetType};
use super::world::World;

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", why)
}

fn invalid_target(why: impl Into<String>) -> ApiError {
    ApiError::new("InvalidTarget", why)
}

impl World {
    pub(super) fn register_targets(&mut self, input: &Value) -> Result<Value, ApiError> {
        let instances: Vec<String> = self
            .instances
            .values()
            .filter(|instance| instance.runs())
            .filter_map(|instance| instance.ec2_instance_id.clone())
            .collect();
        let asked = self.asked_targets(input)?;
        let group = self.target_group(input["TargetGroupArn"].as_str().unwrap_or_default())?;
        let mut keys = Vec::new();
        for target in asked {
            let key = key(group, target)?;
            check_new(group, target)?;
            if group.target_type == TargetType::Instance && !instances.contains(&key.0) {
                return Err(invalid_target(format!(
                    "The following targets are not in a running state and cannot be \
                     registered: '{}'",
                    key.0
                )));
            }
            keys.push(key);
        }
        // All or none.
        let new: BTreeSet<_> = keys.iter().filter(|key| !group.is_registered(key)).collect();
        if group.occupied() + new.len() > group.quota {
            let message = format!("The maximum number of targets per group is {}", group.quota);
            return Err(ApiError::new("TooManyTargets", message));
        }
        keys.into_iter().for_each(|key| group.put(key));
        Ok(json!({}))
    }

    pub(super) fn deregister_targets(&mut self, input: &Value) -> Result<Value, ApiError> {
        let asked = self.asked_targets(input)?;
        let group = self.target_group(input["TargetGroupArn"].as_str().unwrap_or_default())?;
        let keys: Result<Vec<_>, _> = asked.into_iter().map(|target| key(group, target)).collect();
        // An unknown target is no error. Neither is one registered with another port.
        for key in keys? {
            group.take(&key);
        }
        Ok(json!({}))
    }

    pub(super) fn describe_target_health(&mut self, input: &Value) -> Result<Value, ApiError> {
        let arn = input["TargetGroupArn"].as_str().unwrap_or_default();
        let group = self.target_group(arn)?.clone();
        let group = &group;
        let asked: Vec<&Value> = input["Targets"].as_array().into_iter().flatten().collect();
        let keys: Vec<(String, u16)> = if asked.is_empty() {
            group.targets.keys().cloned().collect()
        } else {
            let keys: Result<_, _> = asked.into_iter().map(|target| key(group, target)).collect();
            keys?
        };
        let healths = keys.iter().map(|key| {
            let mut described = describe_health(group, key);
            let health = described["TargetHealth"].take();
            described["TargetHealth"] = self.overlaid("target health", &key.0, health);
            described
        });
        Ok(json!({"TargetHealthDescriptions": healths.collect::<Value>()}))
    }

    pub(super) fn describe_target_group_attributes(&mut self, input: &Value) -> Result<Value, ApiError> {
        let group = self.target_group(input["TargetGroupArn"].as_str().unwrap_or_default())?;
        let mut attributes = vec![
            ("stickiness.enabled", "false".to_owned()),
            (
                "deregistration_delay.timeout_seconds",
                group.deregistration_delay.to_string(),
            ),
        ];
        // Of target groups of Network Load Balancers.
        if !group.protocol.starts_with("HTTP") {
            attributes.push(("preserve_client_ip.enabled", "false".to_owned()));
        }
        let attributes = attributes
            .into_iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}));
        Ok(json!({"Attributes": attributes.collect::<Value>()}))
    }

    pub(super) fn describe_target_groups(&mut self, input: &Value) -> Result<Value, ApiError> {
        let texts = |name: &str| -> Vec<&str> {
            let list = input[name].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect()
        };
        let (arns, names) = (texts("TargetGroupArns"), texts("Names"));
        let load_balancer = input["LoadBalancerArn"].as_str();
        let filters = [!arns.is_empty(), !names.is_empty(), load_balancer.is_some()];
        if filters.iter().filter(|given| **given).count() > 1 {
            return Err(invalid(
                "Load balancer ARN, target group ARNs and names exclude each other",
            ));
        }
        for arn in &arns {
            self.target_group(arn)?;
        }
        let all = self.target_groups.values();
        let found: Vec<&TargetGroup> = all
            .filter(|group| arns.is_empty() || arns.contains(&group.arn.as_str()))
            .filter(|group| names.is_empty() || names.contains(&group.name.as_str()))
            .filter(|group| load_balancer.is_none() || group.load_balancer.as_deref() == load_balancer)
            .collect();
        if found.len() < names.len() {
            return Err(ApiError::new(
                "TargetGroupNotFound",
                "One or more target groups not found",
            ));
        }
        if load_balancer.is_some() && found.is_empty() {
            return Err(ApiError::new(
                "LoadBalancerNotFound",
                "One or more load balancers not found",
            ));
        }
        let start: usize = match input["Marker"].as_str() {
            None => 0,
            Some(marker) => marker.parse().map_err(|_| invalid("Invalid marker"))?,
        };
        let size = input["PageSize"].as_u64().and_then(|size| usize::try_from(size).ok());
        let end = found.len().min(start + size.unwrap_or(400));
        let page = found.get(start..end).unwrap_or_default();
        let mut answer = json!({
            "TargetGroups": page
                .iter()
                .map(|group| self.overlaid("target group", &group.arn, describe_group(group)))
                .collect::<Value>(),
        });
        if end < found.len() {
            answer["NextMarker"] = Value::from(end.to_string());
        }
        Ok(answer)
    }

    fn asked_targets<'a>(&self, input: &'a Value) -> Result<Vec<&'a Value>, ApiError> {
        let asked: Vec<&Value> = input["Targets"].as_array().into_iter().flatten().collect();
        if asked.is_empty() || asked.len() > self.targets_per_call {
            let limit = self.targets_per_call;
            return Err(invalid(format!("between 1 and {limit} targets, got {}", asked.len())));
        }
        Ok(asked)
    }
}

/// Id and port of a target, the group's port when none is given. The id must be of the
/// group's type and address family.
fn key(group: &TargetGroup, target: &Value) -> Result<(String, u16), ApiError> {
    let id = target["Id"].as_str().unwrap_or_default();
    let given = target["Port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let port = given.unwrap_or(group.port);
    match group.target_type {
        TargetType::Ip => match id.parse::<IpAddr>() {
            Ok(address) if address.is_ipv6() == group.ipv6 => Ok((address.to_string(), port)),
            _ => Err(invalid_target(format!("'{id}' is not an address of the group's type"))),
        },
        TargetType::Instance => {
            let digits = id.strip_prefix("i-").unwrap_or_default();
            let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            if hex && (digits.len() == 8 || digits.len() == 17) {
                Ok((id.to_owned(), port))
            } else {
                Err(invalid_target(format!("Instance ID '{id}' is not valid")))
            }
        }
        TargetType::Lambda if id.starts_with("arn:") && id.contains(":function:") => Ok((id.to_owned(), 0)),
        TargetType::Alb if id.starts_with("arn:") && id.contains(":loadbalancer/app/") => Ok((id.to_owned(), port)),
        TargetType::Lambda | TargetType::Alb => Err(invalid_target(format!(
            "'{id}' is not an ARN of the group's target type"
        ))),
    }
}

/// The rules on a target that is being registered: Availability Zone, VPC, QUIC.
fn check_new(group: &TargetGroup, target: &Value) -> Result<(), ApiError> {
    let id = target["Id"].as_str().unwrap_or_default();
    let zone = target["AvailabilityZone"].as_str();
    if !target["QuicServerId"].is_null() {
        return Err(invalid("QuicServerId is for the protocols QUIC and TCP_QUIC"));
    }
    match (group.target_type, zone) {
        (TargetType::Instance | TargetType::Alb, Some(_)) => {
            return Err(invalid("AvailabilityZone is not supported for this target type"));
        }
        (TargetType::Lambda, Some(zone)) if zone != "all" => {
            return Err(invalid("the only Availability Zone for a Lambda target is 'all'"));
        }
        (TargetType::Ip, _) => {}
        _ => return Ok(()),
    }
    let address: IpAddr = id.parse().map_err(|_| invalid_target(id))?;
    if target_groups::in_vpc(address) {
        return match zone {
            Some("all") => Err(invalid(format!(
                "The IP address '{id}' is within the VPC, and cannot have its Availability \
                 Zone overridden to 'all' from 'us-east-1a'"
            ))),
            _ => Ok(()),
        };
    }
    let outside_is_allowed = match address {
        IpAddr::V4(address) => target_groups::is_private(address),
        IpAddr::V6(_) => false,
    };
    if !outside_is_allowed {
        return Err(invalid_target(format!("'{id}' is not in the VPC or a private range")));
    }
    if zone.is_none() {
        return Err(invalid(format!(
            "The Availability Zone is required for IP address '{id}' because it is not in the VPC"
        )));
    }
    Ok(())
}

fn describe_health(group: &TargetGroup, key: &(String, u16)) -> Value {
    let unused = (
        "unused",
        Some("Target.NotInUse"),
        "Target group is not configured to receive traffic from the load balancer",
    );
    let (state, reason, description) = match group.targets.get(key) {
        None => (
            "unused",
            Some("Target.NotRegistered"),
            "Target is not registered to the target group",
        ),
        Some(Health::Draining) => (
            "draining",
            Some("Target.DeregistrationInProgress"),
            "Target deregistration is in progress",
        ),
        Some(_) if group.load_balancer.is_none() => unused,
        Some(Health::Initial) => (
            "initial",
            Some("Elb.RegistrationInProgress"),
            "Target registration is in progress",
        ),
        Some(Health::Healthy) => ("healthy", None, ""),
        Some(Health::UnhealthyDraining) => (
            "unhealthy.draining",
            Some("Target.FailedHealthChecks"),
            "Health checks failed",
        ),
        Some(Health::Unhealthy) => ("unhealthy", Some("Target.FailedHealthChecks"), "Health checks failed"),
    };
    let mut health = json!({"State": state});
    if let Some(reason) = reason {
        health["Reason"] = Value::from(reason);
        health["Description"] = Value::from(description);
    }
    let mut target = json!({"Id": key.0});
    if group.target_type != TargetType::Lambda {
        target["Port"] = Value::from(key.1);
    }
    if let Ok(address) = key.0.parse::<IpAddr>()
        && group.targets.contains_key(key)
        && !target_groups::in_vpc(address)
    {
        target["AvailabilityZone"] = Value::from("all");
    }
    let mut described = json!({"Target": target, "TargetHealth": health});
    if group.targets.contains_key(key) {
        described["HealthCheckPort"] = Value::from(key.1.to_string());
    }
    described
}

fn describe_group(group: &TargetGroup) -> Value {
    let balancers: Vec<&String> = group.load_balancer.iter().collect();
    let mut value = json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": group.interval,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "LoadBalancerArns": balancers,
        "TargetType": match group.target_type {
            TargetType::Ip => "ip",
            TargetType::Instance => "instance",
            TargetType::Lambda => "lambda",
            TargetType::Alb => "alb",
        },
    });
    // A Lambda group has no network.
    if group.target_type != TargetType::Lambda {
        value["Protocol"] = Value::from(group.protocol);
        value["Port"] = Value::from(group.port);
        value["VpcId"] = Value::from(group.vpc.as_str());
        value["HealthCheckProtocol"] = Value::from(group.protocol);
        value["HealthCheckPort"] = Value::from("traffic-port");
        value["IpAddressType"] = Value::from(if group.ipv6 { "ipv6" } else { "ipv4" });
        if group.protocol.starts_with("HTTP") {
            value["ProtocolVersion"] = Value::from("HTTP1");
        }
    }
    value
}
