//! Real situations that went wrong, around container instances and targets in a grace period: each file of
//! `fixtures/field-cases/` with what is right.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::{Answer, Call, CallError, TaskPage};
use start_engines_core::domain::definition::{Definition, PortMapping};
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance};
use start_engines_core::domain::target::{
    AddressFamily, GroupTarget, HealthCheck, TargetGroup, TargetHealth, TargetType,
};
use start_engines_core::domain::task::ports::RawBinding;
use start_engines_core::domain::task::{Addresses, Status, Task, from_event};
use start_engines_core::outcome::Outcome;
use start_engines_core::ports::Aws;
use start_engines_handler::Handler;

use crate::stage::{TestClock, config, invocation};

const HOST_MODE_RUNNING: &str = include_str!("../../../../fixtures/field-cases/01-host-mode-running.json");
const LATE_STOP: &str = include_str!("../../../../fixtures/field-cases/02-late-stop.json");
const HEALTH_ANSWER: &str = include_str!("../../../../fixtures/field-cases/02-describe-target-health-answer.json");
/// The files of this table.
pub(super) const FILES: [(&str, &str); 3] = [
    ("01-host-mode-running", HOST_MODE_RUNNING),
    ("02-late-stop", LATE_STOP),
    ("02-describe-target-health-answer", HEALTH_ANSWER),
];
const OTHER: &str = "arn:aws:ecs:us-east-1:111122223333:task/engines/ffffffffffffffffffffffffffffffff";

/// A situation, and what is right.
struct Row {
    name: &'static str,
    file: &'static str,
    /// The task is asked to stop, by an event that is handled so late.
    stopped_for: Option<u64>,
    /// `TargetType` of the group.
    group: &'static str,
    /// What a newer task of the same definition on the same instance says of itself: last status.
    newer: Option<&'static str>,
    right: Right,
}

enum Right {
    Registered(&'static str),
    Deregistered(&'static str),
    Left(&'static str),
    Fails(&'static str),
}

const ROWS: [Row; 8] = [
    Row {
        name: "the instance and the container's port are registered",
        file: HOST_MODE_RUNNING,
        stopped_for: None,
        group: "instance",
        newer: None,
        right: Right::Registered("i-0123456789abcdef0:8080"),
    },
    Row {
        name: "in a group of addresses it is the instance's",
        file: HOST_MODE_RUNNING,
        stopped_for: None,
        group: "ip",
        newer: None,
        right: Right::Registered("10.0.2.7:8080"),
    },
    Row {
        name: "a stop deregisters it again",
        file: HOST_MODE_RUNNING,
        stopped_for: Some(1),
        group: "instance",
        newer: None,
        right: Right::Deregistered("i-0123456789abcdef0:8080"),
    },
    Row {
        name: "a late stop leaves it where a newer task has the same port of the same instance",
        file: HOST_MODE_RUNNING,
        stopped_for: Some(600),
        group: "instance",
        newer: Some("RUNNING"),
        right: Right::Left("i-0123456789abcdef0:8080"),
    },
    Row {
        name: "and by the address too",
        file: HOST_MODE_RUNNING,
        stopped_for: Some(600),
        group: "ip",
        newer: Some("RUNNING"),
        right: Right::Left("10.0.2.7:8080"),
    },
    Row {
        name: "while that one starts, nothing is done: it is tried again",
        file: HOST_MODE_RUNNING,
        stopped_for: Some(600),
        group: "instance",
        newer: Some("PENDING"),
        right: Right::Fails("owner_not_clear"),
    },
    Row {
        name: "a target in its grace period is registered, and a stop deregisters it",
        file: LATE_STOP,
        stopped_for: Some(1),
        group: "ip",
        newer: None,
        right: Right::Deregistered("10.0.1.23:8080"),
    },
    Row {
        name: "and so does a late one",
        file: LATE_STOP,
        stopped_for: Some(600),
        group: "ip",
        newer: None,
        right: Right::Deregistered("10.0.1.23:8080"),
    },
];

/// AWS around one row.
struct Around<'r> {
    row: &'r Row,
    task: Task,
    calls: Mutex<Vec<&'static str>>,
}

impl Around<'_> {
    fn newer(&self) -> Option<Task> {
        let last_status = self.row.newer?;
        Some(Task {
            arn: OTHER.parse().expect("an ARN"),
            last_status: last_status.into(),
            desired_status: Status::Running,
            ..self.task.clone()
        })
    }

    fn answer(&self, call: &Call) -> Answer {
        match call {
            // As DescribeTasks shows it, the task has no more bindings than in its event.
            Call::DescribeTasks { tasks, .. } if tasks[0].as_str() == OTHER => Answer::tasks(self.newer()),
            Call::DescribeTasks { .. } => Answer::tasks([self.task.clone()]),
            Call::ListTasks { .. } => Answer::task_page(TaskPage {
                tasks: self.newer().into_iter().map(|task| task.arn).collect(),
                next: None,
            }),
            Call::DescribeTaskDefinition { .. } => {
                let mapping = RawBinding {
                    container_port: Some(8080),
                    ..RawBinding::default()
                };
                Answer::Definition(Some(Arc::new(Definition {
                    network_mode: Some("host").into(),
                    mappings: PortMapping::read("auth", mapping).into_iter().collect(),
                })))
            }
            Call::DescribeContainerInstance { .. } => Answer::ContainerInstance(Some(ContainerInstance {
                ec2_instance: "i-0123456789abcdef0".to_owned(),
                is_registered: true,
            })),
            Call::DescribeInstance { .. } => Answer::Instance(Some(Ec2Instance {
                addresses: Addresses {
                    ipv4: "10.0.2.7".parse().ok(),
                    ipv6: None,
                    complete: true,
                },
                lives: true,
            })),
            Call::DescribeTargetGroup { .. } => Answer::TargetGroup(TargetGroup {
                target_type: TargetType::from(self.row.group),
                family: AddressFamily::Ipv4,
                protocol: "TCP".to_owned(),
                vpc: "vpc-0123456789abcdef0".parse().ok(),
                health_check: HealthCheck::default(),
            }),
            Call::DescribeTargetHealth { .. } => {
                let answer: Value = serde_json::from_str(HEALTH_ANSWER).expect("JSON");
                let health = &answer["TargetHealthDescriptions"][0]["TargetHealth"];
                let state = health["State"].as_str().expect("a state");
                Answer::Health(vec![TargetHealth::of(state, health["Reason"].as_str(), None)])
            }
            Call::RegisterTargets { .. } | Call::DeregisterTargets { .. } => Answer::Done,
            other => panic!("it does not lead to {}", other.operation()),
        }
    }
}

impl Aws for &Around<'_> {
    async fn perform(&self, call: &Call, _: Duration) -> Result<Answer, CallError> {
        self.calls.lock().expect("no panic").push(call.operation());
        Ok(self.answer(call))
    }
}

fn texts(targets: &[GroupTarget]) -> Vec<String> {
    targets.iter().map(|target| target.target.to_string()).collect()
}

#[tokio::test]
async fn each_situation_of_the_field_ends_right() {
    for row in &ROWS {
        let mut event: Value = serde_json::from_str(row.file).expect("JSON");
        if row.stopped_for.is_some() {
            event["detail"]["desiredStatus"] = json!("STOPPED");
            event["detail"]["version"] = json!(6);
        }
        // The last event of a task that has given its port back.
        if row.newer.is_some() {
            event["detail"]["lastStatus"] = json!("STOPPED");
        }
        let around = Around {
            row,
            task: from_event(&event["detail"]).expect("a task"),
            calls: Mutex::default(),
        };
        let clock = TestClock::at(event["time"].as_str().expect("a time"));
        clock.advance(Duration::from_secs(row.stopped_for.unwrap_or(1)));
        let handler = Handler::new(config(&[], None), &around, clock.clone());
        let handled = handler
            .handle(event, &invocation(&clock, Duration::from_secs(60)))
            .await;
        let calls = around.calls.lock().expect("no panic").clone();
        let changes = |name: &str| calls.iter().filter(|call| **call == name).count();
        let (name, changed) = (row.name, (changes("RegisterTargets"), changes("DeregisterTargets")));
        match (&row.right, &handled.result) {
            (Right::Registered(right), Ok(Outcome::Registered { targets, .. })) => {
                assert_eq!((texts(targets), changed), (vec![(*right).to_owned()], (1, 0)), "{name}");
            }
            (Right::Deregistered(right), Ok(Outcome::Deregistered { targets, reused, .. })) => {
                assert_eq!((texts(targets), changed), (vec![(*right).to_owned()], (0, 1)), "{name}");
                assert!(reused.is_empty(), "{name}");
            }
            (Right::Left(right), Ok(Outcome::Deregistered { targets, reused, .. })) => {
                assert_eq!((texts(reused), changed), (vec![(*right).to_owned()], (0, 0)), "{name}");
                assert!(targets.is_empty(), "{name}");
            }
            (Right::Fails(right), Err(failure)) => {
                assert_eq!(
                    (failure.category.name(), failure.transient, changed),
                    (*right, true, (0, 0)),
                    "{name}"
                );
            }
            (_, other) => panic!("{name}: {other:?}"),
        }
        // Tasks of one definition have one answer.
        assert!(changes("DescribeTaskDefinition") <= 1, "{name}: {calls:?}");
    }
}
