//! The account as the model has it: the world of the other tests, in which tasks live, and AWS's token buckets.
//!
//! Time is tokio's, which is paused: it jumps from one thing that happens to the next.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;
use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::target::Target;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_fake_aws::{TargetGroup, TaskDefinition};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::figures::Figures;
use crate::parameters as p;
use crate::parameters::Bucket;

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000;
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const CLUSTER: &str = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";

/// Where events go.
pub(crate) type Sink = tokio::sync::mpsc::UnboundedSender<Value>;

/// What the model keeps of a task, beside the account.
#[derive(Debug)]
struct Life {
    /// Each its own: the model knows no address that is used again.
    address: Ipv4Addr,
    is_over: bool,
}

/// A bucket and what is in it.
#[derive(Debug)]
struct Tokens {
    bucket: Bucket,
    left: f64,
    at: Instant,
}

impl Tokens {
    fn new(bucket: Bucket) -> Self {
        Self {
            bucket,
            left: bucket.burst,
            at: Instant::now(),
        }
    }

    fn refill(&mut self) {
        let now = Instant::now();
        let new = now.duration_since(self.at).as_secs_f64() * self.bucket.per_second;
        self.left = (self.left + new).min(self.bucket.burst);
        self.at = now;
    }
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
    buckets: BTreeMap<&'static str, Tokens>,
}

/// Everyone's.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    events: Sink,
}

impl Shared {
    pub(crate) fn new(seed: u64, groups: u64, events: Sink) -> Self {
        let buckets = [
            ("ecs tasks", p::ECS_TASKS),
            ("fargate RunTask", p::FARGATE_RUN_TASK),
            ("ecs reads", p::ECS_READS),
            ("elb targets", p::ELB_TARGETS),
            ("elb reads", p::ELB_READS),
            ("ec2 reads", p::EC2_READS),
        ];
        let (account, groups) = account(groups);
        let world = World {
            began_at: Instant::now(),
            random: Rng::with_seed(seed),
            figures: Figures::default(),
            account,
            groups,
            lives: HashMap::new(),
            asked_at: HashMap::new(),
            changed_at: HashMap::new(),
            buckets: buckets.map(|(name, bucket)| (name, Tokens::new(bucket))).into(),
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            events,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("one thread")
    }

    /// A random time of this range.
    pub(crate) fn some(&self, (from, to): (u64, u64)) -> Duration {
        Duration::from_millis(self.world().random.u64(from..=to))
    }

    /// Carries out a call that no limit refuses.
    pub(crate) fn carry_out(&self, call: &Call) -> Result<Answer, CallError> {
        let (answer, new) = self.world().carry_out(call);
        for arn in new {
            tokio::task::spawn_local(self.clone().live(arn));
        }
        answer
    }

    /// A task comes to life, and its events follow.
    async fn live(self, arn: String) {
        tokio::time::sleep(self.some(p::STARTING)).await;
        self.change(&arn, Step::Run);
        tokio::time::sleep(self.some(p::RUNNING)).await;
        let ends_by_itself = self.world().random.u32(..p::ENDS_BY_ITSELF) == 0;
        self.change(&arn, if ends_by_itself { Step::End } else { Step::Stop });
        tokio::time::sleep(self.some(p::STOPPING)).await;
        self.change(&arn, Step::Stopped);
    }

    fn change(&self, arn: &str, step: Step) {
        let (event, times) = {
            let mut world = self.world();
            let event = world.change(arn, step);
            let times = if world.random.u32(..p::TWICE) == 0 { 2 } else { 1 };
            (event, times)
        };
        for _ in 0..times {
            let (shared, event) = (self.clone(), event.clone());
            tokio::task::spawn_local(async move {
                tokio::time::sleep(shared.some(p::ECS_TELLS) + shared.some(p::EVENTBRIDGE_DELIVERS)).await;
                // Nobody listens any more when a run is over.
                let _ = shared.events.send(event);
            });
        }
    }
}

/// A step of a task's life that the rule lets the function hear of.
#[derive(Clone, Copy, Debug)]
enum Step {
    Run,
    /// It ends by itself: DEPROVISIONING is the first sign.
    End,
    /// Somebody stops it: still RUNNING. Then DEPROVISIONING, whose event the rule holds back.
    Stop,
    Stopped,
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGIN).after(Instant::now().duration_since(self.began_at))
    }

    /// Takes a token of each bucket, or none of any.
    pub(crate) fn take(&mut self, names: &[&'static str]) -> bool {
        for name in names {
            let tokens = self.buckets.get_mut(name).expect("a bucket");
            tokens.refill();
            if tokens.left < 1.0 {
                return false;
            }
        }
        for name in names {
            self.buckets.get_mut(name).expect("a bucket").left -= 1.0;
        }
        true
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
            (Call::DeregisterTargets { targets, .. }, Ok(_)) => {
                let changed = self.since(targets, &before, true);
                self.figures.deregistered.extend(changed);
            }
            _ => {}
        }
        (answer, new)
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

    /// A start that comes again starts nothing.
    fn is_new(&mut self, arn: &str, client_token: &str) -> bool {
        if self.lives.contains_key(arn) {
            return false;
        }
        let n = self.lives.len();
        // All addresses of the VPC in turn: when they come again, the tasks that had them are long gone.
        let [_, _, high, low] = u32::try_from(n % 65_536).expect("two bytes").to_be_bytes();
        let life = Life {
            address: Ipv4Addr::new(10, 0, high, low),
            is_over: false,
        };
        self.lives.insert(arn.to_owned(), life);
        self.figures.tasks += 1;
        if let Some(asked_at) = self.asked_at.get(client_token.split('#').next().unwrap_or_default()) {
            self.figures.started.push(asked_at.elapsed());
        }
        true
    }

    /// Gives the event of it.
    fn change(&mut self, arn: &str, step: Step) -> Value {
        self.sets_clock();
        let life = self.lives.get_mut(arn).expect("a task that was started");
        if !matches!(step, Step::Stopped) {
            self.changed_at.insert(life.address.to_string(), Instant::now());
        }
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

    /// Whether no task is to change any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.lives.values().all(|life| life.is_over)
    }
}

/// An account with a cluster, a task definition, and so many target groups, which take any number of targets.
fn account(groups: u64) -> (start_engines_world::World, Vec<String>) {
    let mut account = start_engines_world::World::new();
    account.keeps_history = false;
    account.add_cluster("engines");
    account.add_task_definition(TaskDefinition::awsvpc("engine").container("engine", &[8080]));
    let add = |n| {
        let group = TargetGroup::ip(&format!("engine-{n}"), 80).quota(usize::MAX);
        account.add_target_group(group.deregistration_delay(0))
    };
    let groups = (1..=groups).map(add).collect();
    (account, groups)
}
