//! Every fixture through the real handler, and what `fixtures/expectations.json` says must happen.
//!
//! Behind the handler stands a port that answers as the case says, so that what ECS and ELB show
//! can be reported beside the event. A case's `calls` are all calls, in order; `error` is what the
//! error must name; a case may be made older (`ageSeconds`), and ECS may show the task otherwise
//! (`ecsShows`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use start_engines_core::call::run_task::{RunTask, StartFailure, Started};
use start_engines_core::call::{Answer, Call, CallError, Desired, TaskPage};
use start_engines_core::domain::arn::{InterfaceId, TaskArn};
use start_engines_core::domain::definition::Definition;
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::started_by;
use start_engines_core::domain::tags::{self, TaskTags};
use start_engines_core::domain::target::{AddressFamily, HealthCheck, Target, TargetGroup, TargetHealth, TargetType};
use start_engines_core::domain::task::{Addresses, Status, Task, from_event};
use start_engines_core::ports::Aws;
use start_engines_handler::Handler;
use start_engines_world::canned::{Canned, EC2_INSTANCE, definition, healthy};

use crate::stage::{TestClock, config, invocation};

/// One situation around a fixture, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    calls: Vec<String>,
    outcome: String,
    reason: Option<String>,
    error: Option<Vec<String>>,
    targets: Option<Vec<String>>,
    targets_owned_by_others: Option<Vec<String>>,
    targets_registered: Option<Vec<String>>,
    targets_deregistered: Option<Vec<String>>,
    targets_unknown: Option<Vec<String>>,
    failed_start: Option<String>,
    service: Option<String>,
    correlation_id: Option<String>,
    #[serde(default)]
    age_seconds: u64,
    /// `as the event`, `stopping`, `missing`, `older`.
    #[serde(default)]
    ecs_shows: Shows,
    /// The fixture whose task ECS has, where the event itself shows none.
    task: Option<String>,
    /// Whether the target is in its group.
    #[serde(default = "yes")]
    registered: bool,
    /// Whether a newer task of start-engines has the same address and target.
    #[serde(default)]
    reused: bool,
    /// How many RunTask calls find no capacity.
    #[serde(default)]
    capacity: u64,
    #[serde(default)]
    family: Family,
    /// The groups' `TargetType`.
    #[serde(default = "ip")]
    group_type: String,
    /// What the groups' `Protocol` is.
    #[serde(default = "http")]
    protocol: String,
    /// The container that the tags name.
    container: Option<String>,
    /// Neither ECS nor EC2 knows the instance under the task.
    #[serde(default)]
    instance_gone: bool,
    /// The task definition's, which has a container `auth`.
    network_mode: Option<String>,
    /// The one port that it maps.
    #[serde(default = "mapped")]
    mapped: i64,
    /// It was deleted.
    #[serde(default)]
    definition_gone: bool,
    /// What is in the groups: `<id>:<port>`.
    #[serde(default)]
    group_targets: Vec<String>,
}

fn mapped() -> i64 {
    8080
}

fn yes() -> bool {
    true
}

fn ip() -> String {
    "ip".into()
}

fn http() -> String {
    "HTTP".into()
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
enum Shows {
    #[default]
    AsTheEvent,
    Stopping,
    Missing,
    Older,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Family {
    #[default]
    Ipv4,
    Ipv6,
}

/// ECS and ELB as one case has them.
struct Around<'a> {
    case: &'a Case,
    task: Option<Task>,
    refused: AtomicU64,
    calls: Mutex<Vec<String>>,
}

const OTHER: &str = "arn:aws:ecs:us-east-1:111122223333:task/engines/ffffffffffffffffffffffffffffffff";

const OTHER_INTERFACE: &str = "eni-0ffffffffffffffff";

impl Around<'_> {
    /// The task as ECS shows it: with tags, which events never have.
    fn shown(&self) -> Option<Task> {
        let mut task = self.task.clone()?;
        let attachments = started_by::decode(task.started_by.as_deref().unwrap_or_default(), &task.arn.scope());
        let mut attachments = attachments.unwrap_or_default();
        for attachment in &mut attachments {
            attachment.container = self.case.container.as_ref().map(|name| name.parse().unwrap());
        }
        task.tags = tags::encode(&TaskTags {
            attachments,
            ..TaskTags::default()
        });
        match self.case.ecs_shows {
            Shows::AsTheEvent => {}
            Shows::Missing => return None,
            Shows::Stopping => {
                task.version += 1;
                task.desired_status = Status::Stopped;
                task.tags.clear();
            }
            Shows::Older => {
                task.version -= 1;
                task.last_status = Status::Pending;
            }
        }
        Some(task)
    }
}

impl Canned for Around<'_> {
    fn started(&self, call: &RunTask) -> Started {
        if self.refused.fetch_add(1, Ordering::SeqCst) < self.case.capacity {
            Started {
                tasks: vec![],
                failures: vec![StartFailure {
                    reason: "RESOURCE:CPU".into(),
                    detail: None,
                }],
            }
        } else {
            Started {
                tasks: (0..call.count)
                    .map(|n| format!("{OTHER}{n}").parse().unwrap())
                    .collect(),
                failures: vec![],
            }
        }
    }

    fn tasks(&self, asked: &[TaskArn]) -> Vec<Task> {
        let found = if asked[0].as_str() == OTHER {
            self.task.clone().map(|task| Task {
                arn: OTHER.parse().unwrap(),
                interface: OTHER_INTERFACE.parse().ok(),
                desired_status: Status::Running,
                last_status: Status::Running,
                ..task
            })
        } else {
            self.shown()
        };
        found.into_iter().collect()
    }

    fn listed(&self, desired: Desired, _page: Option<&str>) -> TaskPage {
        let is_live = desired == Desired::Running;
        let other = (self.case.reused && is_live).then(|| OTHER.parse().unwrap());
        let own = self.case.task.is_some().then(|| self.task.clone().unwrap());
        let own = own.filter(|own| own.is_live() == is_live).map(|own| own.arn);
        TaskPage {
            tasks: other.into_iter().chain(own).collect(),
            next: None,
        }
    }

    fn listed_started_by(&self, page: Option<&str>) -> TaskPage {
        self.listed(Desired::Running, page)
    }

    fn interfaces(&self, query: &InterfaceQuery) -> Vec<Arc<NetworkInterface>> {
        let interface = |id: &InterfaceId, addresses: &[IpAddr]| {
            Arc::new(NetworkInterface {
                id: id.clone(),
                addresses: addresses.to_vec(),
                attached_at: None,
            })
        };
        match query {
            // That of the newer task, as the task's own is deleted by then.
            InterfaceQuery::Addresses { addresses, .. } if self.case.reused => {
                vec![interface(&OTHER_INTERFACE.parse().unwrap(), addresses)]
            }
            InterfaceQuery::Addresses { .. } => Vec::new(),
            InterfaceQuery::Ids(ids) => ids.iter().map(|id| interface(id, &[])).collect(),
        }
    }

    fn group(&self) -> TargetGroup {
        TargetGroup {
            target_type: TargetType::from(self.case.group_type.as_str()),
            family: match self.case.family {
                Family::Ipv4 => AddressFamily::Ipv4,
                Family::Ipv6 => AddressFamily::Ipv6,
            },
            protocol: self.case.protocol.clone(),
            vpc: "vpc-0123456789abcdef0".parse().ok(),
            health_check: HealthCheck::default(),
        }
    }

    fn health(&self, _nth: usize) -> TargetHealth {
        if self.case.registered {
            healthy()
        } else {
            TargetHealth::NotRegistered
        }
    }

    fn targets(&self) -> Vec<(Target, TargetHealth)> {
        let target = |target: &String| {
            let (id, port) = target.rsplit_once(':').unwrap();
            let target = Target {
                id: id.to_owned(),
                port: port.parse().unwrap(),
            };
            (target, healthy())
        };
        self.case.group_targets.iter().map(target).collect()
    }

    fn definition(&self) -> Option<Definition> {
        let mode = self.case.network_mode.as_deref();
        (!self.case.definition_gone).then(|| definition(mode, &[(self.case.mapped, Some(0))]))
    }

    fn container_instance(&self) -> Option<ContainerInstance> {
        (!self.case.instance_gone).then(|| ContainerInstance {
            ec2_instance: EC2_INSTANCE.into(),
            is_registered: true,
        })
    }

    fn instance(&self) -> Option<Ec2Instance> {
        (!self.case.instance_gone).then(|| Ec2Instance {
            addresses: Addresses {
                ipv4: "10.0.2.7".parse().ok(),
                ipv6: "2001:db8:1234:1a00::7".parse().ok(),
                complete: true,
            },
            lives: true,
        })
    }

    fn deregistration_delay(&self) -> Duration {
        Duration::from_secs(300)
    }
}

impl Aws for &Around<'_> {
    async fn perform(&self, call: &Call, _: Duration) -> Result<Answer, CallError> {
        self.calls.lock().unwrap().push(call.operation().to_owned());
        Ok(self.answer(call))
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
}

fn fixture(name: &str) -> Value {
    serde_json::from_str(&read(&folder().join("events").join(format!("{name}.json")))).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn every_fixture_does_what_is_expected_of_it() {
    let expectations: BTreeMap<String, Vec<Case>> =
        serde_json::from_str(&read(&folder().join("expectations.json"))).expect("sound expectations");
    let services = read(&folder().join("services.json"));
    let files: BTreeSet<String> = std::fs::read_dir(folder().join("events"))
        .expect("the folder of events")
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let expected: BTreeSet<String> = expectations.keys().cloned().collect();
    assert_eq!(
        files, expected,
        "each fixture has its expectation, and the other way round"
    );
    let mut wrong = Vec::new();
    for (name, cases) in &expectations {
        let event = fixture(name);
        assert!(!cases.is_empty(), "{name} expects nothing");
        for (n, case) in cases.iter().enumerate() {
            wrong.extend(
                differences(&event, case, &services)
                    .await
                    .into_iter()
                    .map(|text| format!("{name} #{n}: {text}")),
            );
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

async fn differences(event: &Value, case: &Case, services: &str) -> Vec<String> {
    let clock = TestClock::at(event["time"].as_str().expect("a time"));
    // No event comes before it has happened, and `time` has whole seconds only.
    clock.advance(Duration::from_secs(1));
    clock.advance(Duration::from_secs(case.age_seconds));
    let around = Around {
        case,
        task: from_event(&case.task.as_ref().map_or(event.clone(), |name| fixture(name))["detail"]).ok(),
        refused: AtomicU64::new(0),
        calls: Mutex::default(),
    };
    let scheduler = [(
        "SCHEDULER_ROLE_ARN",
        "arn:aws:iam::111122223333:role/start-engines-schedules",
    )];
    let handler = Handler::new(config(&scheduler, Some(services)), &around, clock.clone());
    let handled = handler
        .handle(event.clone(), &invocation(&clock, Duration::from_secs(60)))
        .await;
    let reported = handled.summary();
    let mut wrong = Vec::new();
    let calls = around.calls.lock().unwrap().clone();
    if calls != case.calls {
        wrong.push(format!("calls {calls:?}, not {:?}", case.calls));
    }
    let one = |value: &Option<String>| value.clone().map(Value::String);
    let many = |values: &Option<Vec<String>>| {
        values
            .clone()
            .map(|values| Value::Array(values.into_iter().map(Value::String).collect()))
    };
    let fields = [
        ("outcome", Some(Value::String(case.outcome.clone()))),
        ("reason", one(&case.reason)),
        ("failedStart", one(&case.failed_start)),
        ("targets", many(&case.targets)),
        ("targetsOwnedByOthers", many(&case.targets_owned_by_others)),
        ("targetsRegistered", many(&case.targets_registered)),
        ("targetsDeregistered", many(&case.targets_deregistered)),
        ("targetsUnknown", many(&case.targets_unknown)),
        ("service", one(&case.service)),
        ("correlationId", one(&case.correlation_id)),
    ];
    for (name, expected) in fields {
        let is_free = matches!(name, "service" | "correlationId") && expected.is_none();
        if reported.get(name) != expected.as_ref() && !is_free {
            wrong.push(format!(
                "{name} {:?}, not {expected:?} ({reported:?})",
                reported.get(name)
            ));
        }
    }
    let error = reported.get("error").and_then(Value::as_str).unwrap_or_default();
    for part in case.error.iter().flatten() {
        if !error.contains(part) {
            wrong.push(format!("the error does not name {part}: {error}"));
        }
    }
    wrong
}
