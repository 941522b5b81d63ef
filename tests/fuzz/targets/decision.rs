//! Any event and any answers of AWS: every decision comes to an end, and it is no internal error.
//!
//! The bytes up to the first NUL are the event, each one after it decides an answer.
#![no_main]

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use start_engines_core::call::run_task::{RunTask, StartFailure, Started};
use start_engines_core::call::{Answer, Call, CallError, Desired, ErrorKind, TaskPage};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::definition::Definition;
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::tags::{self, Tag};
use start_engines_core::domain::target::{AddressFamily, HealthCheck, Target, TargetGroup, TargetHealth, TargetType};
use start_engines_core::domain::task::{Addresses, Status, Task, from_event};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::request::{self, Trigger};
use start_engines_world::canned::{Canned, EC2_INSTANCE, definition, healthy};

/// More calls than any event needs that gets this few pages and run_task_calls.
const MAX_CALLS: usize = 2_000;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let role = |name: &str| (name == "SCHEDULER_ROLE_ARN").then(|| "arn:aws:iam::111122223333:role/later".to_owned());
    Config::read(role, None, Some(include_str!("../../../fixtures/services.json"))).expect("a sound configuration")
});

/// What a stop finds.
static RUNNING: LazyLock<Task> = LazyLock::new(|| {
    let event = include_str!("../../../fixtures/events/task-running.json");
    let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
    from_event(&event["detail"]).expect("a task")
});

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (event, choices) = bytes.split_at(end);
    let mut choices = choices.iter().skip(1).copied();
    let mut choose = || choices.next().unwrap_or(0);
    let config = &*CONFIG;
    let Ok(event) = serde_json::from_slice(event) else {
        return;
    };
    let Ok(trigger) = request::read(event, config, FUNCTION.parse().ok().as_ref()) else {
        return;
    };
    let sent_at = match &trigger {
        Trigger::Start(request) => request.sent_at,
        Trigger::Stop(request) => request.sent_at,
        Trigger::Reconcile(_) | Trigger::ReconcileAll(_) | Trigger::Check(_) => None,
        Trigger::Deregister(request) => request.happened_at,
        Trigger::TaskStateChange(change) => change.happened_at,
    };
    let age = Duration::from_millis(u64::from(choose()).pow(3));
    let mut now = sent_at.unwrap_or(Timestamp::from_millis(0)).after(age);
    let mut journal = Journal::new(now);
    for _ in 0..MAX_CALLS {
        let calls = match decide(&trigger, config, &journal) {
            Step::Ask(calls) => calls,
            Step::End(Ok(_)) => return,
            Step::End(Err(failure)) => {
                assert!(failure.category.name() != "internal", "{failure}");
                return;
            }
        };
        let asked_at = now;
        now = now.after(Duration::from_millis(u64::from(choose()) * 20));
        for call in calls {
            let answer = answer(&call, &trigger, choose());
            journal.entries.push(Entry {
                call,
                asked_at,
                answered_at: now,
                calls: 1,
                answer,
            });
        }
    }
    panic!("no end of it");
});

fn answer(call: &Call, trigger: &Trigger, choice: u8) -> Result<Answer, CallError> {
    if choice % 4 == 3 {
        return Err(error(call, choice / 4));
    }
    Ok(Chosen { trigger, choice }.answer(call))
}

/// What AWS shows, by one byte.
struct Chosen<'a> {
    trigger: &'a Trigger,
    choice: u8,
}

impl Chosen<'_> {
    fn bit(&self, n: u8) -> bool {
        self.choice & (1 << n) != 0
    }

    fn own(&self) -> Task {
        match self.trigger {
            Trigger::TaskStateChange(change) => change.task.clone(),
            Trigger::Stop(_)
            | Trigger::Reconcile(_)
            | Trigger::ReconcileAll(_)
            | Trigger::Deregister(_)
            | Trigger::Check(_) => RUNNING.clone(),
            Trigger::Start(_) => panic!("a start asks for no task"),
        }
    }
}

fn arn(n: i32) -> TaskArn {
    let text = format!("arn:aws:ecs:us-east-1:111122223333:task/c/{n:032x}");
    text.parse().expect("an ARN")
}

impl Canned for Chosen<'_> {
    fn started(&self, call: &RunTask) -> Started {
        let count = i32::from(self.choice / 4) % (call.count + 1);
        let reasons = ["RESOURCE:CPU", "ATTRIBUTE", ""];
        let failure = StartFailure {
            reason: reasons[usize::from(self.choice) % 3].to_owned(),
            detail: None,
        };
        Started {
            tasks: (0..count).map(arn).collect(),
            failures: (count < call.count).then_some(failure).into_iter().collect(),
        }
    }

    fn tasks(&self, asked: &[TaskArn]) -> Vec<Task> {
        let snapshot = |arn: &TaskArn| Task {
            arn: arn.clone(),
            version: u64::from(self.choice),
            desired_status: if self.bit(4) { Status::Stopped } else { Status::Running },
            tags: if self.bit(5) { vec![stop_at()] } else { Vec::new() },
            ..self.own()
        };
        asked.iter().filter(|_| !self.bit(3)).map(snapshot).collect()
    }

    fn listed(&self, _: Desired, page: Option<&str>) -> TaskPage {
        TaskPage {
            tasks: vec![arn(1), self.own().arn],
            next: (page.is_none() && self.bit(3)).then(|| "more".to_owned()),
        }
    }

    fn listed_started_by(&self, page: Option<&str>) -> TaskPage {
        self.listed(Desired::Running, page)
    }

    fn interfaces(&self, query: &InterfaceQuery) -> Vec<Arc<NetworkInterface>> {
        let (addresses, id) = match query {
            InterfaceQuery::Addresses { addresses, .. } => (addresses.clone(), None),
            InterfaceQuery::Ids(ids) => (Vec::new(), ids.first().cloned()),
        };
        let another = || format!("eni-{:017x}", self.choice).parse().ok();
        let id = if self.bit(2) {
            id.or_else(|| self.own().interface)
        } else {
            another()
        };
        let interface = id.map(|id| NetworkInterface {
            id,
            addresses,
            attached_at: self.bit(5).then_some(Timestamp::from_millis(0)),
        });
        interface.filter(|_| self.bit(3)).map(Arc::new).into_iter().collect()
    }

    fn group(&self) -> TargetGroup {
        TargetGroup {
            target_type: if self.bit(3) {
                TargetType::Instance
            } else {
                TargetType::Ip
            },
            family: if self.bit(4) {
                AddressFamily::Ipv6
            } else {
                AddressFamily::Ipv4
            },
            protocol: "HTTP".to_owned(),
            vpc: "vpc-0123456789abcdef0".parse().ok(),
            health_check: HealthCheck::default(),
        }
    }

    fn health(&self, nth: usize) -> TargetHealth {
        match (usize::from(self.choice / 4) + nth) % 3 {
            0 => healthy(),
            1 => TargetHealth::Draining,
            _ => TargetHealth::NotRegistered,
        }
    }

    fn targets(&self) -> Vec<(Target, TargetHealth)> {
        let target = |n: u8| Target {
            id: if self.bit(n) { EC2_INSTANCE } else { "10.0.1.23" }.to_owned(),
            port: i64::from(8080 + u16::from(n)).try_into().expect("a port"),
        };
        let health = if self.bit(6) { TargetHealth::Draining } else { healthy() };
        (2..5).map(|n| (target(n), health.clone())).collect()
    }

    fn definition(&self) -> Option<Definition> {
        let mode = [None, Some("host"), Some("awsvpc"), Some("none"), Some("nat")][usize::from(self.choice) % 5];
        let ports = [8080, 9090].map(|port| (port, self.bit(6).then_some(port + 1)));
        self.bit(3).then(|| definition(mode, &ports))
    }

    fn container_instance(&self) -> Option<ContainerInstance> {
        self.bit(3).then(|| ContainerInstance {
            ec2_instance: EC2_INSTANCE.to_owned(),
            is_registered: self.bit(4),
        })
    }

    fn instance(&self) -> Option<Ec2Instance> {
        self.bit(3).then(|| Ec2Instance {
            addresses: Addresses {
                ipv4: self.bit(4).then_some(Ipv4Addr::new(10, 0, 0, self.choice)),
                ..Addresses::default()
            },
            lives: self.bit(5),
        })
    }

    fn deregistration_delay(&self) -> Duration {
        Duration::from_secs(self.choice.into())
    }
}

fn stop_at() -> Tag {
    Tag {
        key: tags::STOP_AT.to_owned(),
        value: "2026-11-20T07:00:00Z".to_owned(),
    }
}

fn error(call: &Call, choice: u8) -> CallError {
    let kinds = [
        ErrorKind::Throttled,
        ErrorKind::AccessDenied,
        ErrorKind::ClusterNotFound,
        ErrorKind::Conflict,
        ErrorKind::NoCapacity,
        ErrorKind::TargetGroupNotFound,
        ErrorKind::InvalidTarget,
        ErrorKind::TimedOut,
        ErrorKind::NotSent,
        ErrorKind::Unknown,
    ];
    CallError {
        operation: call.operation(),
        kind: kinds[usize::from(choice) % kinds.len()],
        code: None,
        conflicting_tasks: Vec::new(),
        message: "fuzzed".to_owned(),
    }
}
