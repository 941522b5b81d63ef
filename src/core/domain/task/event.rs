//! Reads the `detail` of an `ECS Task State Change`.
//!
//! AWS's schema `aws.ecs@ECSTaskStateChange` makes every field optional, and new fields may be added:
//! only `taskArn`, `lastStatus` and a cluster are required; anything else may be absent, malformed or unknown.

use serde_json::Value;

use super::ports::{PortBinding, RawBinding};
use super::{Addresses, ContainerExit, Network, StopReason, Task};
use crate::domain::arn::{Cluster, TaskArn};
use crate::domain::timestamp::Timestamp;
use crate::input::problem::Problems;

/// The task in an event's `detail`.
///
/// # Errors
/// If the task's ARN, its cluster or its last status is missing or invalid.
pub fn from_event(detail: &Value) -> Result<Task, Problems> {
    let mut problems = Problems::new();
    let arn: Option<TaskArn> = needed(detail, "taskArn", &mut problems);
    let cluster = match detail.get("clusterArn").and_then(Value::as_str) {
        // Task ARNs of the long format carry the cluster's name.
        None => arn.as_ref().and_then(TaskArn::cluster),
        Some(_) => needed::<Cluster>(detail, "clusterArn", &mut problems),
    };
    if cluster.is_none() && arn.is_some() && problems.is_empty() {
        problems.missing(
            "detail.clusterArn",
            "must be a cluster ARN, since taskArn does not contain the cluster",
        );
    }
    if text(detail, "lastStatus").is_none() {
        problems.missing("detail.lastStatus", "must be a task status");
    }
    let (Some(arn), Some(cluster), true) = (arn, cluster, problems.is_empty()) else {
        return Err(problems);
    };
    Ok(Task {
        arn,
        cluster,
        version: number(detail, "version").unwrap_or(0),
        last_status: text(detail, "lastStatus").unwrap_or_default().into(),
        desired_status: text(detail, "desiredStatus").unwrap_or_default().into(),
        started_by: text(detail, "startedBy").map(str::to_owned),
        task_definition: text(detail, "taskDefinitionArn").and_then(|arn| arn.parse().ok()),
        network: network(detail),
        interface: interface_detail(detail, "networkInterfaceId"),
        containers: items(detail, "containers")
            .iter()
            .filter_map(|container| text(container, "name").map(str::to_owned))
            .collect(),
        tags: Vec::new(),
        created_at: text(detail, "createdAt").and_then(Timestamp::parse),
        started_at: text(detail, "startedAt").and_then(Timestamp::parse),
        stopped_at: text(detail, "stoppedAt").and_then(Timestamp::parse),
        stop: stop_reason(detail),
    })
}

fn needed<T: std::str::FromStr<Err: std::fmt::Display>>(
    detail: &Value,
    name: &str,
    problems: &mut Problems,
) -> Option<T> {
    let field = format!("detail.{name}");
    match detail.get(name) {
        Some(Value::String(text)) => text
            .parse()
            .map_err(|rule| problems.invalid_text(field, text, rule))
            .ok(),
        Some(other) if !other.is_null() => {
            problems.invalid(field, other, "must be a text");
            None
        }
        _ => {
            problems.missing(field, "must be an ARN");
            None
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// An integer; old events have some of them as strings.
fn number<T: TryFrom<i64> + std::str::FromStr>(value: &Value, name: &str) -> Option<T> {
    match value.get(name)? {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64().and_then(|number| number.try_into().ok()),
    }
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The attachment that is a network interface.
fn interface(detail: &Value) -> Option<&Value> {
    items(detail, "attachments").iter().find(|attachment| {
        // Events have `eni`, the API `ElasticNetworkInterface`; other types are not network interfaces.
        matches!(text(attachment, "type"), Some("eni" | "ElasticNetworkInterface"))
    })
}

/// A detail of the network interface, if it has a valid one.
fn interface_detail<T: std::str::FromStr>(detail: &Value, name: &str) -> Option<T> {
    let mut details = items(interface(detail)?, "details").iter();
    let found = details.find(|detail| text(detail, "name") == Some(name))?;
    text(found, "value")?.parse().ok()
}

fn network(detail: &Value) -> Network {
    let in_containers = || {
        items(detail, "containers")
            .iter()
            .flat_map(|container| items(container, "networkInterfaces"))
    };
    if interface(detail).is_none() && in_containers().next().is_none() {
        return match (text(detail, "launchType"), text(detail, "containerInstanceArn")) {
            (Some("EXTERNAL"), _) => Network::External,
            (_, Some(arn)) => Network::ContainerInstance {
                arn: arn.to_owned(),
                bindings: bindings(detail),
            },
            (_, None) => Network::Unknown,
        };
    }
    let attached = interface_detail(detail, "privateIPv4Address");
    Network::Awsvpc(Addresses {
        ipv4: attached.or_else(|| in_containers().find_map(|found| text(found, "privateIpv4Address")?.parse().ok())),
        // Events have IPv6 addresses only in containers.
        ipv6: in_containers().find_map(|found| text(found, "ipv6Address")?.parse().ok()),
        complete: in_containers().next().is_some(),
    })
}

fn bindings(detail: &Value) -> Vec<PortBinding> {
    let of_container = |container| {
        let name = text(container, "name").unwrap_or_default();
        items(container, "networkBindings").iter().filter_map(move |binding| {
            let raw = RawBinding {
                container_port: number(binding, "containerPort"),
                container_range: text(binding, "containerPortRange"),
                host_port: number(binding, "hostPort"),
                host_range: text(binding, "hostPortRange"),
                protocol: text(binding, "protocol"),
                // The event's schema and its examples spell it differently.
                bind_ip: text(binding, "bindIP").or_else(|| text(binding, "bindIp")),
            };
            PortBinding::read(name, raw)
        })
    };
    items(detail, "containers").iter().flat_map(of_container).collect()
}

fn stop_reason(detail: &Value) -> StopReason {
    let exits = items(detail, "containers").iter().filter_map(|container| {
        let exit = ContainerExit {
            name: text(container, "name")?.to_owned(),
            exit_code: number(container, "exitCode"),
            reason: text(container, "reason").map(str::to_owned),
        };
        (exit.exit_code.is_some() || exit.reason.is_some()).then_some(exit)
    });
    StopReason {
        code: text(detail, "stopCode").map(str::to_owned),
        reason: text(detail, "stoppedReason").map(str::to_owned),
        containers: exits.collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::task::FailedStart;

    const ARN: &str = "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef";

    #[test]
    fn the_least_that_the_schema_allows_is_enough() {
        let task = from_event(&json!({"taskArn": ARN, "lastStatus": "RUNNING"})).unwrap();
        assert_eq!(task.cluster.name(), "engines");
        assert_eq!((task.version, task.network), (0, Network::Unknown));
    }

    #[test]
    fn an_event_without_a_task_names_what_is_missing() {
        let problems = from_event(&json!({"taskArn": "nonsense"})).unwrap_err().to_string();
        assert!(
            problems.contains("detail.taskArn = \"nonsense\": must be a task ARN"),
            "{problems}"
        );
        assert!(problems.contains("detail.lastStatus is missing"), "{problems}");
    }

    #[test]
    fn an_old_event_with_other_formats_is_read() {
        let detail = json!({
            "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/0123456789abcdef0123456789abcdef",
            "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/engines",
            "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "version": "7",
            "stopCode": "TerminationNotice", "createdAt": "2016-12-06T17:41:05.702+01:00", "startedAt": null,
            "stoppedAt": "2016-12-06T08:41:06.000-08:00", "attachments": null, "startedBy": null, "group": null,
            "containers": [
                {"name": "web", "exitCode": "137", "reason": null, "networkBindings": null, "networkInterfaces": null},
                {"name": null, "exitCode": null},
            ],
        });
        let task = from_event(&detail).unwrap();
        assert_eq!((task.version, task.cluster.name()), (7, "engines"));
        assert_eq!(task.created_at, Timestamp::parse("2016-12-06T16:41:05.702Z"));
        assert_eq!(task.stopped_at, Timestamp::parse("2016-12-06T16:41:06Z"));
        assert_eq!(task.stop.containers[0].exit_code, Some(137));
        assert!(task.failed_to_start());
        assert_eq!(task.stop.failed_start(), FailedStart::SpotInterruption);
        for odd in [json!(""), json!("seven"), json!(-1), json!(1.5), json!([7])] {
            let mut detail = detail.clone();
            detail["version"] = odd;
            assert_eq!(from_event(&detail).unwrap().version, 0);
        }
    }

    proptest! {
        #[test]
        fn no_text_in_any_place_makes_it_panic(status in "\\PC*", address in "\\PC*", version in any::<i64>()) {
            let detail = json!({
                "taskArn": ARN, "lastStatus": status, "desiredStatus": status, "version": version,
                "attachments": [{"type": "eni", "details": [{"name": "privateIPv4Address", "value": address}]}, 7, null],
                "containers": [{"networkInterfaces": [{"ipv6Address": address}]}, "x"],
            });
            let task = from_event(&detail).unwrap();
            prop_assert!(matches!(task.network, Network::Awsvpc(_)));
        }

        #[test]
        fn no_binding_in_any_form_makes_it_panic(text in "\\PC*", port in any::<i64>(), range in "[0-9]{0,6}-?[0-9]{0,6}") {
            let detail = json!({
                "taskArn": ARN, "lastStatus": "RUNNING", "containerInstanceArn": text,
                "containers": [
                    {"name": text, "networkBindings": [
                        {"containerPort": port, "hostPort": port, "protocol": text, "bindIP": text},
                        {"containerPortRange": range, "hostPortRange": range},
                        {"containerPort": text, "hostPort": [port]},
                        port,
                    ]},
                    {"name": 7, "networkBindings": {"hostPort": port}},
                ],
            });
            let task = from_event(&detail).unwrap();
            let on_instance = matches!(task.network, Network::ContainerInstance { .. });
            prop_assert!(on_instance);
        }
    }
}
