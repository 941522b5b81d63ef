//! The table of tasks and target groups in `docs/how-it-works.md`: each cell, by the real handler.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::domain::definition::{Definition, PortMapping};
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance};
use start_engines_core::domain::target::{AddressFamily, HealthCheck, TargetGroup, TargetType};
use start_engines_core::domain::task::ports::RawBinding;
use start_engines_core::domain::task::{Addresses, Task, from_event};
use start_engines_core::outcome::Outcome;
use start_engines_core::ports::Aws;
use start_engines_handler::Handler;

use crate::stage::{TestClock, config, invocation};

const INSTANCE: &str = "i-0123456789abcdef0";
const IPV6: &str = "2001:db8:1234:1a00::17";

/// A target group's kind, and the column of the table that it belongs to.
const GROUPS: [(&str, AddressFamily, usize); 5] = [
    ("ip", AddressFamily::Ipv4, 0),
    ("ip", AddressFamily::Ipv6, 1),
    ("instance", AddressFamily::Ipv4, 2),
    ("lambda", AddressFamily::Ipv4, 3),
    ("alb", AddressFamily::Ipv4, 3),
];

/// ECS, EC2 and ELB around one RUNNING task and one kind of group.
struct Around {
    task: Task,
    group: TargetGroup,
    /// Whether the instance under the task has an IPv6 address.
    dual_stack: bool,
    /// The task definition's.
    network_mode: Option<&'static str>,
}

impl Aws for &Around {
    async fn perform(&self, call: &Call, _: Duration) -> Result<Answer, CallError> {
        Ok(match call {
            Call::DescribeTasks { .. } => Answer::tasks(vec![self.task.clone()]),
            Call::DescribeTargetGroup { .. } => Answer::TargetGroup(self.group.clone()),
            Call::DescribeContainerInstance { .. } => Answer::ContainerInstance(Some(ContainerInstance {
                ec2_instance: INSTANCE.to_owned(),
                is_registered: true,
            })),
            Call::DescribeInstance { .. } => Answer::Instance(Some(Ec2Instance {
                addresses: Addresses {
                    ipv4: "10.0.2.7".parse().ok(),
                    ipv6: IPV6.parse().ok().filter(|_| self.dual_stack),
                    complete: true,
                },
                lives: true,
            })),
            Call::DescribeTaskDefinition { .. } => Answer::Definition(Some(Arc::new(Definition {
                network_mode: self.network_mode.into(),
                mappings: vec![mapping(8080)],
            }))),
            Call::RegisterTargets { .. } => Answer::Done,
            other => panic!("a RUNNING task does not lead to {}", other.operation()),
        })
    }
}

/// The target that is registered, or the category of the refusal.
async fn cell(
    event: &Value,
    (kind, family, _): (&str, AddressFamily, usize),
    dual_stack: bool,
    network_mode: Option<&'static str>,
) -> Result<String, String> {
    let around = Around {
        task: from_event(&event["detail"]).expect("a task"),
        group: TargetGroup {
            target_type: TargetType::from(kind),
            family,
            protocol: "HTTP".to_owned(),
            vpc: "vpc-0123456789abcdef0".parse().ok(),
            health_check: HealthCheck::default(),
        },
        dual_stack,
        network_mode,
    };
    let clock = TestClock::at(event["time"].as_str().expect("a time"));
    let handler = Handler::new(config(&[], None), &around, clock.clone());
    let handled = handler
        .handle(event.clone(), &invocation(&clock, Duration::from_secs(60)))
        .await;
    match handled.result {
        Ok(Outcome::Registered { targets, .. }) => Ok(targets[0].target.to_string()),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(failure.category.name().to_owned()),
    }
}

/// A container's port that the task definition maps to none.
fn mapping(port: i64) -> PortMapping {
    let raw = RawBinding {
        container_port: Some(port),
        ..RawBinding::default()
    };
    PortMapping::read("auth", raw).expect("a mapping")
}

/// The table's cells by the text of its first column.
fn documented(row: &str) -> Vec<&'static str> {
    let line = include_str!("../../../docs/how-it-works.md")
        .lines()
        .find(|line| line.starts_with(&format!("| {row} |")))
        .unwrap_or_else(|| panic!("docs/how-it-works.md has no row {row}"));
    line.split('|').map(str::trim).skip(2).take(4).collect()
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// One row: what each of [`GROUPS`] takes of the task, or why not.
async fn row(row: &str, event: &Value, dual_stack: bool, expected: [Result<&str, &str>; 5]) {
    row_in_mode(row, event, dual_stack, None, expected).await;
}

/// The same, with the network mode that the task definition reports.
async fn row_in_mode(
    row: &str,
    event: &Value,
    dual_stack: bool,
    network_mode: Option<&'static str>,
    expected: [Result<&str, &str>; 5],
) {
    for (group, expected) in GROUPS.into_iter().zip(expected) {
        let found = cell(event, group, dual_stack, network_mode).await;
        let found = found.as_ref().map(String::as_str).map_err(String::as_str);
        assert_eq!(found, expected, "{row} in a group of type {}", group.0);
        let cell = documented(row)[group.2];
        match expected {
            Ok(_) => assert!(!cell.starts_with('`'), "{row}: the table says {cell}"),
            Err(category) => assert!(cell.contains(&format!("`{category}`")), "{row}: the table says {cell}"),
        }
    }
}

const TYPE: Result<&str, &str> = Err("target_type_mismatch");
const FAMILY: Result<&str, &str> = Err("address_family_mismatch");

#[tokio::test]
async fn tasks_with_an_interface_of_their_own_go_by_their_addresses_whatever_runs_them() {
    let name = "awsvpc on Fargate, Fargate Spot, EC2 or Managed Instances";
    let fargate = fixture(include_str!("../../../fixtures/events/task-running.json"));
    let mut ec2 = fargate.clone();
    ec2["detail"]["launchType"] = json!("EC2");
    ec2["detail"]["containerInstanceArn"] =
        json!("arn:aws:ecs:us-east-1:111122223333:container-instance/engines/cc6c8c5c68fd20dfce67575797caa349");
    let spot = fixture(include_str!(
        "../../../fixtures/events/task-running-capacity-provider.json"
    ));
    let managed = fixture(include_str!(
        "../../../fixtures/events/task-running-managed-instances.json"
    ));
    for event in [fargate, ec2, spot, managed] {
        row(name, &event, false, [Ok("10.0.1.23:8080"), FAMILY, TYPE, TYPE, TYPE]).await;
        let mut dual = event.clone();
        dual["detail"]["containers"][0]["networkInterfaces"] =
            json!([{"privateIpv4Address": "10.0.1.23", "ipv6Address": IPV6}]);
        let six = format!("[{IPV6}]:8080");
        row(name, &dual, false, [Ok("10.0.1.23:8080"), Ok(&six), TYPE, TYPE, TYPE]).await;
    }
}

#[tokio::test]
async fn tasks_with_ipv6_only_go_into_ipv6_groups() {
    let event = fixture(include_str!("../../../fixtures/events/task-running-ipv6-only.json"));
    let six = format!("[{IPV6}]:8080");
    row("awsvpc, IPv6 only", &event, false, [FAMILY, Ok(&six), TYPE, TYPE, TYPE]).await;
}

#[tokio::test]
async fn tasks_on_instances_go_by_the_instance_and_their_host_port() {
    let bridge = fixture(include_str!("../../../fixtures/events/task-bridge-ec2.json"));
    let host = fixture(include_str!("../../../fixtures/events/task-host-ec2.json"));
    let mut host_managed = host.clone();
    host_managed["detail"]["launchType"] = json!("MANAGED_INSTANCES");
    for (name, event, mode, port) in [
        ("bridge on EC2", bridge, None, 32768),
        ("host on EC2 or Managed Instances", host, Some("host"), 8080),
        ("host on EC2 or Managed Instances", host_managed, Some("host"), 8080),
    ] {
        let four = format!("10.0.2.7:{port}");
        let six = format!("[{IPV6}]:{port}");
        let instance = format!("{INSTANCE}:{port}");
        let dual = [Ok(four.as_str()), Ok(&six), Ok(&instance), TYPE, TYPE];
        row_in_mode(name, &event, true, mode, dual).await;
        let single = [Ok(four.as_str()), FAMILY, Ok(&instance), TYPE, TYPE];
        row_in_mode(name, &event, false, mode, single).await;
    }
}

#[tokio::test]
async fn tasks_on_instances_that_show_no_port_are_reported_by_their_definitions() {
    let mut silent = fixture(include_str!("../../../fixtures/events/task-bridge-ec2.json"));
    silent["detail"]["containers"][0]["networkBindings"] = json!([]);
    let silent = silent;
    for (name, mode, category) in [
        ("bridge, with no host port reported yet", None, "address_missing"),
        ("none on EC2 or Managed Instances", Some("none"), "port_not_published"),
    ] {
        let refused = Err(category);
        row_in_mode(name, &silent, true, mode, [refused, refused, refused, TYPE, TYPE]).await;
    }
}

#[tokio::test]
async fn tasks_on_external_instances_are_refused_by_every_group() {
    let event = fixture(include_str!("../../../fixtures/events/task-running-external.json"));
    row("ECS Anywhere", &event, false, [Err("external_instance"); 5]).await;
}
