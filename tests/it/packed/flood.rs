//! `make flood`: 100,000 state changes in batches of 1,000 through one process of the packed function, with a
//! fault in every fiftieth call: nothing is lost, its memory stays flat, and what an event costs.
//!
//! AWS is the fake at the wire in this process. `FLOOD_EVENTS` sets another number of events.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};
use start_engines_fake_aws::function::Function;
use start_engines_fake_aws::runtime_api::RuntimeApi;
use start_engines_fake_aws::{FakeAws, TargetGroup, TaskDefinition, World};

use crate::packed;
use crate::packed::soak::fault;
use crate::stage::start_event;

const EVENTS: usize = 100_000;
const BATCH: usize = 1_000;
/// Tasks whose events come one by one, to compare.
const ALONE: usize = 200;
/// Calls in a thousand that meet a fault, once it is known what an event costs without.
const FAULTS: usize = 20;
/// What the process may take in all, in MiB.
const MAX_MEMORY: f64 = 64.0;
/// SQS would deliver a message so often, with the component's settings.
const TRIES: usize = 5;

struct Flood {
    fake: FakeAws,
    runtime: RuntimeApi,
    function: Function,
    groups: Vec<String>,
    events: usize,
    again: usize,
}

impl Flood {
    async fn begin() -> Self {
        let fake = FakeAws::start().await;
        let groups = fake.world(|world| {
            world.add_cluster("engines");
            world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
            ["auth", "billing"].map(|name| {
                let group = TargetGroup::ip(name, 80).quota(2 * BATCH).deregistration_delay(0);
                world.add_target_group(group)
            })
        });
        let runtime = RuntimeApi::start().await;
        let function = packed::function(&fake.endpoint()).spawn(&runtime);
        runtime.idle().await.expect("it initializes");
        Self {
            fake,
            runtime,
            function,
            groups: groups.into(),
            events: 0,
            again: 0,
        }
    }

    /// Starts tasks, half of them in each group, and gives their ARNs.
    async fn start(&mut self, round: usize, count: usize) -> Vec<String> {
        self.fake.world(|world| world.clock = time::OffsetDateTime::now_utc());
        let events = (0..count / 10).map(|n| {
            let group = &self.groups[n % self.groups.len()];
            let mut event = start_event(&format!("flood-{round}-{n}"), group, json!({"count": 10}));
            event["time"] = Value::Null;
            event
        });
        let events: Vec<Value> = events.collect();
        let before = self.fake.world(|world| world.task_arns());
        self.deliver(&events).await;
        let after = self.fake.world(|world| world.task_arns());
        assert_eq!(after.len(), before.len() + count, "a start was lost or done twice");
        after.into_iter().filter(|arn| !before.contains(arn)).collect()
    }

    /// Delivers a batch until each of its messages is handled.
    async fn deliver(&mut self, events: &[Value]) {
        let mut left: BTreeMap<String, &Value> = events
            .iter()
            .enumerate()
            .map(|(n, event)| (n.to_string(), event))
            .collect();
        for _ in 0..TRIES {
            let records = left.iter().map(|(id, event)| {
                json!({"messageId": id, "body": event.to_string(), "eventSource": "aws:sqs", "attributes": {}})
            });
            let batch = json!({"Records": records.collect::<Vec<_>>()});
            let response = self.runtime.invoke(&batch).await.expect("it lives").expect_response();
            let failed = response["batchItemFailures"].as_array().expect("failures");
            let failed: Vec<&str> = failed
                .iter()
                .map(|one| one["itemIdentifier"].as_str().expect("an id"))
                .collect();
            left.retain(|id, _| failed.contains(&id.as_str()));
            if left.is_empty() {
                return;
            }
            self.again += left.len();
        }
        panic!("{} messages are stuck: {:?}", left.len(), left.values().next());
    }

    /// Lives of these tasks from RUNNING to STOPPED: each change of all of them is a batch, or comes alone.
    async fn live(&mut self, tasks: &[String], batch: usize) {
        let changes: [fn(&mut World, &str) -> Value; 3] = [
            |world, task| world.advance_to(task, "RUNNING"),
            |world, task| {
                world.stop(task, "UserInitiated", "flood");
                world.event(task)
            },
            |world, task| world.advance_to(task, "STOPPED"),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            for tasks in tasks.chunks(batch) {
                let events: Vec<Value> = self.fake.world(|world| {
                    world.clock = time::OffsetDateTime::now_utc();
                    tasks.iter().map(|task| change(world, task)).collect()
                });
                self.events += events.len();
                match events.as_slice() {
                    [alone] => {
                        self.runtime.invoke(alone).await.expect("it lives").expect_response();
                    }
                    events => self.deliver(events).await,
                }
                self.fake.world(|world| world.calls.clear());
            }
            let registered: usize = self
                .fake
                .world(|world| self.groups.iter().map(|group| world.registered(group).len()).sum());
            assert_eq!(registered, if n == 0 { tasks.len() } else { 0 });
        }
        self.fake
            .world(|world| tasks.iter().for_each(|task| world.forget(task)));
    }

    fn cpu_millis(&self) -> f64 {
        used(&self.function).0
    }
}

/// CPU time so far in milliseconds, and peak memory in MiB, as the kernel counts them.
fn used(function: &Function) -> (f64, f64) {
    let pid = function.pid().expect("it lives");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("Linux");
    let nanos: f64 = stat
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .expect("nanoseconds on the CPU");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().expect("KiB");
    (nanos / 1e6, kib / 1024.0)
}

#[tokio::test]
#[ignore = "minutes: run it with `make flood`"]
#[expect(clippy::print_stdout, reason = "what was measured is the result")]
async fn flood() {
    let wanted = std::env::var("FLOOD_EVENTS").map_or(EVENTS, |text| text.parse().expect("a number"));
    let mut flood = Flood::begin().await;
    let tasks = flood.start(0, ALONE).await;
    let (cpu, events) = (flood.cpu_millis(), flood.events);
    flood.live(&tasks, 1).await;
    let alone = (flood.cpu_millis() - cpu) / (flood.events - events) as f64;
    let tasks = flood.start(1, BATCH).await;
    let (cpu, events) = (flood.cpu_millis(), flood.events);
    flood.live(&tasks, BATCH).await;
    let together = (flood.cpu_millis() - cpu) / (flood.events - events) as f64;
    println!("CPU of an event that comes alone    {:>8.0} us", alone * 1e3);
    println!(
        "CPU of an event in a batch of {BATCH}  {:>8.0} us, {:.3} of that",
        together * 1e3,
        together / alone
    );

    let mut rng = Rng::with_seed(1);
    flood.fake.world(|world| {
        let hook = move |world: &mut World| {
            if rng.usize(..1000) < FAULTS {
                world.fail_next("*", fault(&mut rng), 1);
            }
        };
        world.before("*", Box::new(hook));
    });
    let mut round = 2;
    while flood.events < wanted {
        let tasks = flood.start(round, BATCH).await;
        flood.live(&tasks, BATCH).await;
        round += 1;
    }
    let peak = used(&flood.function).1;
    println!(
        "{} events, {} tries again, peak memory {peak:.1} MiB",
        flood.events, flood.again
    );
    assert!(flood.again > 0 || wanted < EVENTS, "no fault reached a batch");
    assert!(peak < MAX_MEMORY, "{peak} MiB");
}
