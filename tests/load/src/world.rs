//! The account as the model has it: the world of the other tests, in which tasks live, and AWS's token buckets.
//!
//! Time is tokio's, which is paused: it jumps from one thing that happens to the next.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::target::Target;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_fake_aws::{TargetGroup, TaskDefinition};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::figures::Figures;
use crate::limits::Limits;
use crate::lives::{End, Step};
use crate::parameters as p;
use crate::port::Account;
use crate::standing::Standing;
use crate::traffic;

/// 2026-01-01T00:00:00Z.
pub(crate) const BEGIN: i64 = 1_767_225_600_000;
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const CLUSTER: &str = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";

/// The cluster that is stopped as a whole now and then.
pub(crate) const SECOND_CLUSTER: &str = "arn:aws:ecs:us-east-1:111122223333:cluster/night";

/// An event on its way to the function.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) event: Value,
    /// A one-time schedule sends it, which invokes the function itself.
    pub(crate) by_schedule: bool,
}

/// Where events go.
pub(crate) type Sink = tokio::sync::mpsc::UnboundedSender<Sent>;

/// What the model keeps of a task, beside the account.
#[derive(Debug)]
struct Life {
    /// Each its own: the model knows no address that is used again.
    address: Ipv4Addr,
    is_over: bool,
    is_stopping: bool,
    /// Wakes it when StopTask was called.
    stop: Arc<Notify>,
}

/// The model's AWS: the account that tests at the wire have too, its limits, and what is measured.
#[derive(Debug)]
pub(crate) struct World {
    began_at: Instant,
    pub(crate) random: Rng,
    pub(crate) figures: Figures,
    account: start_engines_world::World,
    groups: Vec<String>,
    lives: HashMap<String, Life>,
    /// When each start was asked for, by the id of its event.
    pub(crate) asked_at: HashMap<String, Instant>,
    /// Since when each address is RUNNING or stopping.
    changed_at: HashMap<String, Instant>,
    limits: Limits,
    standing: Option<Standing>,
    /// Whether stops are asked for, too.
    pub(crate) asks_for_stops: bool,
}

/// Everyone's.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    pub(crate) events: Sink,
}

impl Shared {
    pub(crate) fn new(seed: u64, groups: u64, everything: bool, events: Sink) -> Self {
        let (mut account, groups) = account(groups);
        let standing = everything.then(|| Standing::begin(&mut account, CLUSTER));
        let world = World {
            began_at: Instant::now(),
            random: Rng::with_seed(seed),
            figures: Figures::default(),
            account,
            groups,
            lives: HashMap::new(),
            asked_at: HashMap::new(),
            changed_at: HashMap::new(),
            limits: Limits::new(),
            standing,
            asks_for_stops: everything,
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            events,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("one thread")
    }
}

impl Account for Shared {
    fn time(&self, at: Instant) -> Timestamp {
        self.world().time(at)
    }

    fn admit(&self, call: &Call) -> bool {
        self.world().limits.admit(call)
    }

    fn latency(&self, call: &Call) -> Duration {
        self.some(match call {
            Call::RunTask(_) => p::RUN_TASK_ANSWERS,
            _ => p::OTHERS_ANSWER,
        })
    }

    fn part(&self) -> f64 {
        self.world().random.f64()
    }

    fn carry_out(&self, call: &Call) -> Result<Answer, CallError> {
        let (answer, new) = self.world().carry_out(call);
        for arn in new {
            tokio::task::spawn_local(self.clone().live(arn));
        }
        if let Call::StopTask { task, .. } = call {
            self.stopped(task.as_str());
        }
        answer
    }

    fn count(&self, count: impl FnOnce(&mut Figures)) {
        count(&mut self.world().figures);
    }
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.time(Instant::now())
    }

    fn time(&self, at: Instant) -> Timestamp {
        Timestamp::from_millis(BEGIN).after(at.duration_since(self.began_at))
    }

    /// The ARN of a target group.
    pub(crate) fn group(&self, number: u64) -> &str {
        &self.groups[usize::try_from(number - 1).expect("a group")]
    }

    /// The account's answer, and the tasks that are new.
    fn carry_out(&mut self, call: &Call) -> (Result<Answer, CallError>, Vec<String>) {
        self.sets_clock();
        let before: Vec<bool> = match call {
            Call::RegisterTargets { group, targets, .. } | Call::DeregisterTargets { group, targets, .. } => {
                targets.iter().map(|target| self.is_registered(group, target)).collect()
            }
            _ => Vec::new(),
        };
        let answer = start_engines_world::carry_out(&mut self.account, call);
        // Nobody listens to outcome events.
        self.account.take_put_events();
        let mut new = Vec::new();
        match (call, &answer) {
            (Call::RunTask(call), Ok(Answer::Started(started))) => {
                for task in &started.tasks {
                    if self.is_new(task.as_str(), &call.client_token) {
                        new.push(task.as_str().to_owned());
                    }
                }
            }
            (Call::RegisterTargets { targets, .. }, Ok(_)) => {
                let changed = self.since(targets, &before, false);
                self.figures.registered.extend(changed);
            }
            // Where drains are asked for, targets are deregistered long before a stop.
            (Call::DeregisterTargets { targets, .. }, Ok(_)) if !self.asks_for_stops => {
                let changed = self.since(targets, &before, true);
                self.figures.deregistered.extend(changed);
            }
            _ => {}
        }
        (answer, new)
    }

    /// The events of the schedules that are due.
    pub(crate) fn due(&mut self) -> Vec<Value> {
        self.sets_clock();
        self.account.fire_schedules()
    }

    fn sets_clock(&mut self) {
        let millis = i128::from(self.now().millis());
        self.account.clock = OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).expect("a time");
    }

    fn is_registered(&self, group: &TargetGroupArn, target: &Target) -> bool {
        let health = self.account.health(group.as_str(), &target.id, target.port.number());
        health.is_some()
    }

    /// How long ago the targets changed that were, or were not, registered before a call.
    fn since(&self, targets: &[Target], before: &[bool], was_registered: bool) -> Vec<Duration> {
        let changed = targets.iter().zip(before).filter(|(_, was)| **was == was_registered);
        changed
            .filter_map(|(target, _)| Some(self.changed_at.get(&target.id)?.elapsed()))
            .collect()
    }

    /// How a task ends.
    pub(crate) fn end(&mut self) -> End {
        if self.asks_for_stops && self.random.u32(..p::STOPPED_BY_REQUEST) == 0 {
            return End::Asked;
        }
        match self.random.u32(..p::ENDS_BY_ITSELF) {
            0 => End::OfItself,
            _ => End::Stopped,
        }
    }

    /// What wakes a task of the traffic; `None` for any other.
    pub(crate) fn stop_of(&self, arn: &str) -> Option<Arc<Notify>> {
        Some(Arc::clone(&self.lives.get(arn)?.stop))
    }

    /// Whether a task that StopTask was called for was not stopping before.
    pub(crate) fn begins_to_stop(&mut self, arn: &str) -> bool {
        let life = self.lives.get_mut(arn).expect("a task that was started");
        !std::mem::replace(&mut life.is_stopping, true)
    }

    /// The request to stop a task.
    pub(crate) fn stop_request(&mut self, arn: &str) -> Value {
        let drain = p::DRAINS[self.random.usize(..p::DRAINS.len())];
        let time = self.now().to_seconds().expect("a date");
        traffic::stop(&time, json!({"taskArn": arn, "drainSeconds": drain}))
    }

    /// A start that comes again starts nothing.
    fn is_new(&mut self, arn: &str, client_token: &str) -> bool {
        if self.lives.contains_key(arn) {
            return false;
        }
        let n = self.lives.len();
        // All addresses of the VPC in turn: when they come again, the tasks that had them are long gone.
        let place = u32::try_from(n).expect("not so many") % (65_536 - p::FIRST_ADDRESS);
        let [_, _, high, low] = (p::FIRST_ADDRESS + place).to_be_bytes();
        let life = Life {
            address: Ipv4Addr::new(10, 0, high, low),
            is_over: false,
            is_stopping: false,
            stop: Arc::default(),
        };
        self.lives.insert(arn.to_owned(), life);
        self.figures.tasks += 1;
        if let Some(asked_at) = self.asked_at.get(client_token.split('#').next().unwrap_or_default()) {
            self.figures.started.push(asked_at.elapsed());
        }
        true
    }

    /// Gives the event of it.
    pub(crate) fn change(&mut self, arn: &str, step: Step) -> Value {
        self.sets_clock();
        let life = self.lives.get_mut(arn).expect("a task that was started");
        if !matches!(step, Step::Stopped) {
            self.changed_at.insert(life.address.to_string(), Instant::now());
        }
        life.is_stopping |= !matches!(step, Step::Run);
        match step {
            Step::Run => {
                self.account.next_address(life.address);
                self.account.advance_to(arn, "RUNNING")
            }
            Step::End => {
                self.account
                    .stop(arn, "EssentialContainerExited", "Essential container in task exited");
                self.account.advance(arn)
            }
            Step::Stop => {
                self.account.stop(arn, "UserInitiated", "Task stopped by user");
                self.account.event(arn)
            }
            Step::Stopped => {
                life.is_over = true;
                self.account.advance_to(arn, "STOPPED")
            }
        }
    }

    /// What is left when all tasks are gone.
    pub(crate) fn left(&self) -> usize {
        self.groups
            .iter()
            .map(|group| self.account.registered(group).len())
            .sum()
    }

    /// Targets that are not registered any more, of tasks that stand beside the traffic.
    pub(crate) fn lost(&self) -> usize {
        self.standing
            .as_ref()
            .map_or(0, |standing| standing.lost(&self.account))
    }

    /// Whether no task is to change any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.lives.values().all(|life| life.is_over)
    }
}

/// An account with a cluster, a task definition, and so many target groups, which take any number of targets.
fn account(groups: u64) -> (start_engines_world::World, Vec<String>) {
    let mut account = start_engines_world::World::new();
    account.keeps_history = false;
    for cluster in [CLUSTER, SECOND_CLUSTER] {
        let (_, name) = cluster.rsplit_once('/').expect("an ARN");
        account.add_cluster(name);
    }
    account.add_task_definition(TaskDefinition::awsvpc("engine").container("engine", &[8080]));
    let add = |n| {
        let group = TargetGroup::ip(&format!("engine-{n}"), 80).quota(usize::MAX);
        account.add_target_group(group.deregistration_delay(0))
    };
    let groups = (1..=groups).map(add).collect();
    (account, groups)
}
