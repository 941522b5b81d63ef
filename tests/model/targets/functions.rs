//! The functions of the model: the crate's own `decide`, driven by what AWS has answered so far.

use std::net::Ipv4Addr;
use std::sync::Arc;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind, TaskPage};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::arn::InterfaceId;
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::tags::{self, TaskTags};
use start_engines_core::domain::target::{AddressFamily, HealthCheck, TargetGroup, TargetHealth, TargetType};
use start_engines_core::domain::task::{Addresses, Network, StopReason, Task};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::request::Trigger;
use start_engines_core::request::task_change::TaskChange;

use super::world::{HAPPENED, LATE, Mutant, PENDING, RUNNING, STOPPED, STOPPING, TASKS, Targets, arn, status};
use crate::alone;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Function {
    pub(super) task: usize,
    pub(super) version: u8,
    pub(super) fresh: bool,
    /// Whether the task has ever been RUNNING.
    pub(super) has_run: bool,
    /// The answers so far stand for the journal: with them, decide gives the same calls.
    pub(super) answers: Vec<Heard>,
    /// Once it has asked ListTasks, or EC2: the tasks whose address, or interface, was not shown then.
    pub(super) unseen: Option<[bool; TASKS]>,
}

/// The one address.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn interface(task: usize) -> InterfaceId {
    format!("eni-{task:017}").parse().expect("an id")
}

/// A function's next call, in the terms of this world, or whether it ends well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    DescribeTasks(Vec<usize>),
    List,
    /// Who has the address, by EC2.
    Interfaces,
    /// Whether the interface of its task exists.
    Exists,
    Facts,
    Health,
    Register,
    Deregister,
    End(bool),
}

/// What a call brought, in the terms of this world.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Heard {
    /// The versions shown of the tasks asked for.
    Shown(Vec<(usize, u8)>),
    Listed(Vec<usize>),
    Registered(bool),
    /// The tasks whose interfaces EC2 shows.
    Interfaces(Vec<usize>),
    Facts,
    Done,
    Failed,
}

impl Targets {
    /// A task as ECS has it in this version; `tagged` by the API only, until the task is stopped.
    pub(super) fn task(&self, task: usize, version: u8, has_run: bool, tagged: bool) -> Task {
        let (last_status, desired_status) = status(version, has_run);
        let started_by = "start-engines/auth/73e2d6bc24d8a067/8080";
        let arn: start_engines_core::domain::arn::TaskArn = arn(task).parse().expect("an ARN");
        let attachments = start_engines_core::domain::started_by::decode(started_by, &arn.scope())
            .expect("a startedBy of start-engines");
        let has_tags = version < STOPPING;
        let address = (version >= PENDING).then_some(ADDRESS);
        // The mutant's function would read the tags at a stop, where there are none.
        let is_blind = self.mutant == Mutant::TagBasedDeregistration && !has_tags;
        let shown_version = match self.mutant {
            // As if the comparison were the other way round.
            Mutant::OlderVersionWins if tagged => 100 - u64::from(version),
            Mutant::OlderVersionWins => 50,
            _ => u64::from(version),
        };
        Task {
            containers: Vec::new(),
            cluster: "engines".parse().expect("a name"),
            version: shown_version,
            last_status,
            desired_status,
            started_by: Some(if is_blind { "start-engines/-" } else { started_by }.to_owned()),
            interface: (self.has_ec2 && version >= PENDING).then(|| interface(task)),
            network: Network::Awsvpc(Addresses {
                ipv4: address,
                ipv6: None,
                complete: address.is_some(),
            }),
            tags: if tagged && has_tags {
                tags::encode(&TaskTags {
                    attachments,
                    ..TaskTags::default()
                })
            } else {
                Vec::new()
            },
            task_definition: None,
            created_at: None,
            started_at: (version >= RUNNING && has_run).then_some(Timestamp::from_millis(HAPPENED)),
            stopped_at: (version >= STOPPED).then_some(Timestamp::from_millis(HAPPENED)),
            stop: StopReason::default(),
            arn,
        }
    }

    pub(super) fn answer(&self, heard: &Heard) -> Result<Answer, CallError> {
        Ok(match heard {
            Heard::Shown(tasks) => Answer::tasks(
                tasks
                    .iter()
                    .map(|&(task, version)| self.task(task, version, true, true)),
            ),
            Heard::Listed(tasks) => {
                let tasks = tasks.iter().map(|&task| arn(task).parse().expect("an ARN")).collect();
                Answer::task_page(TaskPage { tasks, next: None })
            }
            Heard::Registered(true) => Answer::Health(vec![TargetHealth::registered("healthy")]),
            Heard::Registered(false) => Answer::Health(vec![TargetHealth::NotRegistered]),
            Heard::Interfaces(tasks) => {
                let shown = tasks.iter().map(|&task| NetworkInterface {
                    id: interface(task),
                    addresses: vec![ADDRESS.into()],
                    // Young: ECS may not show its task yet.
                    attached_at: Some(Timestamp::from_millis(LATE)),
                });
                Answer::Interfaces(shown.map(Arc::new).collect())
            }
            Heard::Facts => Answer::TargetGroup(TargetGroup {
                target_type: TargetType::Ip,
                family: AddressFamily::Ipv4,
                protocol: "HTTP".into(),
                vpc: "vpc-0123456789abcdef0".parse().ok(),
                health_check: HealthCheck::default(),
            }),
            Heard::Done => Answer::Done,
            Heard::Failed => {
                return Err(CallError {
                    operation: "any",
                    kind: ErrorKind::TimedOut,
                    code: None,
                    conflicting_tasks: Vec::new(),
                    message: String::new(),
                });
            }
        })
    }

    /// The next step of a function.
    pub(super) fn next(&self, function: &Function) -> Next {
        let key = Function {
            unseen: None,
            ..function.clone()
        };
        if let Some(next) = self.known.read().unwrap().get(&key) {
            return next.clone();
        }
        let next = match self.decide(function) {
            Step::End(result) => Next::End(result.is_ok()),
            Step::Ask(calls) => match alone(calls) {
                Call::DescribeTasks { tasks, .. } => Next::DescribeTasks(
                    (0..TASKS)
                        .filter(|&task| tasks.iter().any(|found| found.as_str() == arn(task)))
                        .collect(),
                ),
                Call::ListTasks { .. } | Call::ListTasksStartedBy { .. } => Next::List,
                Call::DescribeNetworkInterfaces(InterfaceQuery::Addresses { .. }) => Next::Interfaces,
                Call::DescribeNetworkInterfaces(InterfaceQuery::Ids(_)) => Next::Exists,
                Call::DescribeTargetGroup { .. } => Next::Facts,
                Call::DescribeTargetHealth { .. } => Next::Health,
                Call::RegisterTargets { .. } => Next::Register,
                Call::DeregisterTargets { .. } => Next::Deregister,
                other => panic!("a state change never leads to {}", other.operation()),
            },
        };
        self.known.write().unwrap().insert(key, next.clone());
        next
    }

    /// The crate's own decide, run with every call that the function made and what it heard.
    pub(super) fn decide(&self, function: &Function) -> Step {
        let is_fresh = function.fresh || self.mutant == Mutant::NoLateStopGuard;
        let now = Timestamp::from_millis(if is_fresh { HAPPENED } else { LATE });
        let trigger = Trigger::TaskStateChange(Box::new(TaskChange {
            task: self.task(function.task, function.version, function.has_run, false),
            happened_at: Some(Timestamp::from_millis(HAPPENED)),
            later: None,
            updated_at: None,
        }));
        let config = Config::default();
        let mut journal = Journal::new(now);
        for heard in &function.answers {
            let Step::Ask(calls) = decide(&trigger, &config, &journal) else {
                panic!("more answers than calls")
            };
            let answer = self.answer(heard);
            journal.entries.push(Entry {
                call: alone(calls),
                asked_at: now,
                answered_at: now,
                calls: 1,
                answer,
            });
        }
        decide(&trigger, &config, &journal)
    }
}
