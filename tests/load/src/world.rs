//! The account as the model has it: engines and their lives, target groups, and AWS's token buckets.
//!
//! Time is tokio's, which is paused: it jumps from one thing that happens to the next.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use start_engines_core::call::run_task::RunTask;
use start_engines_core::domain::tags::Tag;
use start_engines_core::domain::task::{Task, self};
use start_engines_core::domain::timestamp::Timestamp;
use tokio::time::Instant;

use crate::parameters as p;
use crate::figures::Figures;
use crate::parameters::Bucket;

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000;
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const CLUSTER: &str = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";

/// Where events go.
pub(crate) type Sink = tokio::sync::mpsc::UnboundedSender<Value>;

/// One task.
#[derive(Debug)]
struct Engine {
    number: usize,
    started_by: String,
    tags: Vec<Tag>,
    version: u64,
    last_status: &'static str,
    desired_status: &'static str,
    stop_code: Option<&'static str>,
    started_at: Option<Timestamp>,
    stopped_at: Option<Timestamp>,
    /// As DescribeTasks shows it.
    shown: Option<Arc<Task>>,
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

/// The model's AWS.
#[derive(Debug)]
pub(crate) struct World {
    began_at: Instant,
    pub(crate) random: Rng,
    pub(crate) figures: Figures,
    engines: HashMap<String, Engine>,
    /// Those that are to stay, by number.
    wanted: BTreeMap<usize, String>,
    /// By client token: a start that comes again starts nothing.
    started: HashMap<String, String>,
    /// When each start was asked for, by the id of its event.
    pub(crate) asked_at: HashMap<String, Instant>,
    targets: HashMap<String, HashSet<String>>,
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
    pub(crate) fn new(seed: u64, events: Sink) -> Self {
        let buckets = [
            ("ecs tasks", p::ECS_TASKS),
            ("fargate RunTask", p::FARGATE_RUN_TASK),
            ("ecs reads", p::ECS_READS),
            ("elb targets", p::ELB_TARGETS),
            ("elb reads", p::ELB_READS),
        ];
        let world = World {
            began_at: Instant::now(),
            random: Rng::with_seed(seed),
            figures: Figures::default(),
            engines: HashMap::new(),
            wanted: BTreeMap::new(),
            started: HashMap::new(),
            asked_at: HashMap::new(),
            targets: HashMap::new(),
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

    /// A task comes to life, and tells of it as it goes.
    pub(crate) fn run(&self, call: &RunTask) -> String {
        let (arn, is_new) = self.world().start(call);
        if is_new {
            tokio::task::spawn_local(self.clone().live(arn.clone()));
        }
        arn
    }

    async fn live(self, arn: String) {
        tokio::time::sleep(self.some(p::STARTING)).await;
        self.change(&arn, "RUNNING", "RUNNING", None);
        tokio::time::sleep(self.some(p::RUNNING)).await;
        let ends_by_itself = self.world().random.u32(..p::ENDS_BY_ITSELF) == 0;
        if ends_by_itself {
            self.change(&arn, "DEPROVISIONING", "STOPPED", Some("EssentialContainerExited"));
        } else {
            // Then DEPROVISIONING, whose event the rule holds back where somebody stopped the task.
            self.change(&arn, "RUNNING", "STOPPED", Some("UserInitiated"));
        }
        tokio::time::sleep(self.some(p::STOPPING)).await;
        self.change(&arn, "STOPPED", "STOPPED", None);
    }

    fn change(&self, arn: &str, last: &'static str, desired: &'static str, stop_code: Option<&'static str>) {
        let (event, times) = {
            let mut world = self.world();
            let event = world.change(arn, last, desired, stop_code);
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

    fn start(&mut self, call: &RunTask) -> (String, bool) {
        if let Some(arn) = self.started.get(&call.client_token) {
            return (arn.clone(), false);
        }
        let number = self.engines.len();
        let arn = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/engines/{number:032x}");
        let engine = Engine {
            number,
            started_by: call.started_by.clone(),
            tags: call.tags.clone(),
            version: 1,
            last_status: "PROVISIONING",
            desired_status: "RUNNING",
            stop_code: None,
            started_at: None,
            stopped_at: None,
            shown: None,
        };
        self.engines.insert(arn.clone(), engine);
        self.show(&arn);
        self.wanted.insert(number, arn.clone());
        self.started.insert(call.client_token.clone(), arn.clone());
        self.figures.tasks += 1;
        if let Some(asked_at) = self
            .asked_at
            .get(call.client_token.split('#').next().unwrap_or_default())
        {
            self.figures.started.push(asked_at.elapsed());
        }
        (arn, true)
    }

    fn change(
        &mut self,
        arn: &str,
        last: &'static str,
        desired: &'static str,
        stop_code: Option<&'static str>,
    ) -> Value {
        let now = self.now();
        let engine = self.engines.get_mut(arn).expect("an engine");
        let (was_running, is_stop) = (engine.desired_status == "RUNNING", desired == "STOPPED");
        engine.version += 1;
        (engine.last_status, engine.desired_status) = (last, desired);
        engine.stop_code = stop_code.or(engine.stop_code);
        match last {
            "RUNNING" => engine.started_at = engine.started_at.or(Some(now)),
            "STOPPED" => engine.stopped_at = Some(now),
            _ => {}
        }
        if was_running || !is_stop {
            self.changed_at.insert(engine.address(), Instant::now());
        }
        let time = now.to_seconds().expect("a date");
        let (version, mut detail) = (engine.version, engine.detail(arn));
        self.show(arn);
        detail["updatedAt"] = json!(now.to_rfc3339());
        json!({
            "version": "0", "id": format!("{arn}/{version}"), "detail-type": "ECS Task State Change",
            "source": "aws.ecs", "account": ACCOUNT, "time": format!("{time}Z"), "region": REGION,
            "resources": [arn], "detail": detail,
        })
    }

    pub(crate) fn describe(&self, arn: &str) -> Option<Arc<Task>> {
        self.engines.get(arn)?.shown.clone()
    }

    fn show(&mut self, arn: &str) {
        let engine = self.engines.get_mut(arn).expect("an engine");
        let mut task = task::from_event(&engine.detail(arn)).expect("a task");
        task.tags.clone_from(&engine.tags);
        engine.shown = Some(Arc::new(task));
        if engine.desired_status == "STOPPED" {
            self.wanted.remove(&engine.number);
        }
    }

    /// One page of those that are to stay, and where the next begins.
    pub(crate) fn list(&self, page: usize) -> (Vec<String>, Option<usize>) {
        const PAGE: usize = 100;
        let of_page = self.wanted.values().skip(page * PAGE).take(PAGE).cloned();
        let next = (self.wanted.len() > (page + 1) * PAGE).then_some(page + 1);
        (of_page.collect(), next)
    }

    pub(crate) fn register(&mut self, group: &str, address: &str) {
        let targets = self.targets.entry(group.to_owned()).or_default();
        if targets.insert(address.to_owned())
            && let Some(since) = self.changed_at.get(address)
        {
            self.figures.registered.push(since.elapsed());
        }
    }

    pub(crate) fn deregister(&mut self, group: &str, address: &str) {
        let targets = self.targets.entry(group.to_owned()).or_default();
        if targets.remove(address)
            && let Some(since) = self.changed_at.get(address)
        {
            self.figures.deregistered.push(since.elapsed());
        }
    }

    pub(crate) fn is_registered(&self, group: &str, address: &str) -> bool {
        self.targets.get(group).is_some_and(|targets| targets.contains(address))
    }

    /// What is left when all tasks are gone.
    pub(crate) fn left(&self) -> usize {
        self.targets.values().map(HashSet::len).sum()
    }

    /// Whether no task is to change any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.engines.values().all(|engine| engine.last_status == "STOPPED")
    }
}

impl Engine {
    /// Each its own: the model knows no address that is used again.
    fn address(&self) -> String {
        let n = self.number;
        format!("10.{}.{}.{}", n / 65_536, n / 256 % 256, n % 256)
    }

    /// As an event shows it, with what the function reads and some of what it does not.
    fn detail(&self, arn: &str) -> Value {
        let time = |time: Option<Timestamp>| time.and_then(Timestamp::to_rfc3339);
        json!({
            "taskArn": arn, "clusterArn": CLUSTER, "version": self.version, "startedBy": self.started_by,
            "lastStatus": self.last_status, "desiredStatus": self.desired_status, "launchType": "FARGATE",
            "group": "family:engine", "cpu": "256", "memory": "512", "availabilityZone": "us-east-1a",
            "taskDefinitionArn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/engine:1"),
            "startedAt": time(self.started_at), "stoppedAt": time(self.stopped_at), "stopCode": self.stop_code,
            "attachments": [{
                "id": "9d3b6f0e", "type": "eni", "status": "ATTACHED",
                "details": [
                    {"name": "subnetId", "value": "subnet-0a1b2c3d4e5f60718"},
                    {"name": "privateIPv4Address", "value": self.address()},
                ],
            }],
            "containers": [{
                "name": "engine", "lastStatus": self.last_status,
                "networkInterfaces": [{"attachmentId": "9d3b6f0e", "privateIpv4Address": self.address()}],
            }],
        })
    }
}
