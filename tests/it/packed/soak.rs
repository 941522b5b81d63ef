//! `make soak`: 100,000 events through one process of the packed function, with a fault in every
//! fiftieth call: its memory stays flat, every event is handled in the end, and nothing is left.
//!
//! AWS is the fake at the wire in this process. `SOAK_EVENTS` sets another number of events.

use std::time::Instant;

use fastrand::Rng;
use serde_json::{Value, json};
use start_engines_fake_aws::function::Function;
use start_engines_fake_aws::runtime_api::{InvocationResult, RuntimeApi};
use start_engines_fake_aws::{FakeAws, Fault, TargetGroup, TaskDefinition};

use crate::packed;
use crate::stage::start_event;

const EVENTS: usize = 100_000;
/// Calls in a thousand that meet a fault.
const FAULTS: usize = 20;
/// Tasks that live at a time.
const ALIVE: usize = 20;
/// By how much memory may grow from the first fifth of the events to the end: less than 27 bytes
/// for each event.
const GROWTH_KIB: u64 = 2048;
/// Lambda and the queue behind it would try an event for two weeks.
const TRIES: usize = 20;

struct Soak {
    fake: FakeAws,
    runtime: RuntimeApi,
    function: Function,
    group: String,
    rng: Rng,
    events: usize,
    failed: usize,
    calls: usize,
    wanted: usize,
    /// Resident memory in KiB, at intervals.
    memory: Vec<u64>,
    begun: Instant,
}

#[expect(clippy::disallowed_methods, reason = "throughput is printed, and asserted by nobody")]
fn now() -> Instant {
    Instant::now()
}

impl Soak {
    async fn begin(wanted: usize) -> Self {
        let fake = FakeAws::start().await;
        let mut rng = Rng::with_seed(1);
        let mut dice = rng.fork();
        let group = fake.world(|world| {
            world.add_cluster("engines");
            world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
            world.before(
                "*",
                Box::new(move |world| {
                    if dice.usize(..1000) < FAULTS {
                        world.fail_next("*", fault(&mut dice), 1);
                    }
                }),
            );
            world.add_target_group(TargetGroup::ip("auth", 80).deregistration_delay(0))
        });
        let runtime = RuntimeApi::start().await;
        let function = packed::function(&fake.endpoint()).spawn(&runtime);
        runtime.idle().await.expect("it initializes");
        Self {
            fake,
            runtime,
            function,
            group,
            rng,
            events: 0,
            failed: 0,
            calls: 0,
            wanted,
            memory: Vec::new(),
            begun: now(),
        }
    }

    /// Delivers an event until it is handled.
    async fn handle(&mut self, event: &Value) -> Value {
        for _ in 0..TRIES {
            self.events += 1;
            if self.events.is_multiple_of(self.wanted / 20) {
                self.measure();
            }
            let answer = self.runtime.invoke(event).await.expect("it lives");
            self.calls += self.fake.world(|world| std::mem::take(&mut world.calls).len());
            match answer {
                InvocationResult::Response(outcome) => return outcome,
                InvocationResult::Error { .. } => self.failed += 1,
            }
        }
        panic!("{event} is stuck")
    }

    #[expect(clippy::print_stdout, reason = "what was measured is the result")]
    fn measure(&mut self) {
        let pid = self.function.pid().expect("it lives");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("resident memory");
        let kib = resident.trim().trim_end_matches(" kB").parse().expect("KiB");
        self.memory.push(kib);
        let seconds = (now() - self.begun).as_secs_f64();
        println!(
            "{:>7} events  {:>6} tries failed  {:>7} AWS calls  {:>7.1} s  {:>6.1} events/s  {:>7} KiB resident",
            self.events,
            self.failed,
            self.calls,
            seconds,
            self.events as f64 / seconds,
            kib
        );
    }

    /// One task from its start to RUNNING; gives it with its RUNNING event.
    async fn start(&mut self, n: usize) -> (String, Value) {
        self.fake.world(|world| world.clock = time::OffsetDateTime::now_utc());
        let mut event = start_event(&format!("soak-{n}"), &self.group, json!({}));
        event["time"] = Value::Null;
        let started = self.handle(&event).await;
        let tasks = started["tasks"].as_array().expect("tasks");
        assert_eq!(tasks.len(), 1, "{started}");
        let task = tasks[0].as_str().expect("an ARN").to_owned();
        let running = self.fake.world(|world| world.advance_to(&task, "RUNNING"));
        self.handle(&running).await;
        if self.rng.usize(..1000) < 50 {
            self.handle(&running).await;
        }
        (task, running)
    }

    async fn stop(&mut self, task: &str, running: &Value) {
        let stopping = self.fake.world(|world| {
            world.clock = time::OffsetDateTime::now_utc();
            world.stop(task, "UserInitiated", "soak");
            world.event(task)
        });
        self.handle(&stopping).await;
        for _ in 0..2 {
            let event = self.fake.world(|world| world.advance(task));
            self.handle(&event).await;
        }
        // Its first event once more, now that it is stale.
        if self.rng.usize(..1000) < 50 {
            self.handle(running).await;
        }
        self.fake.world(|world| world.forget(task));
    }
}

/// Half of them are such that the SDK tries again, the others fail the invocation. (Garbage with
/// status 200 is none of them: an answer that holds nothing is not read by the SDK.)
pub(crate) fn fault(rng: &mut Rng) -> Fault {
    let faults = [
        Fault::Throttle,
        Fault::error(500, "ServerException", "soak"),
        Fault::Reset,
        Fault::ApplyThenReset,
        Fault::Html500,
        Fault::error(400, "AccessDeniedException", "soak"),
        Fault::error(400, "ClientException", "soak"),
        Fault::error(400, "InvalidParameterException", "soak"),
        Fault::error(400, "NoSuchThingException", "soak"),
        Fault::error(400, "ValidationError", "soak"),
    ];
    rng.choice(&faults).expect("one of these").clone()
}

#[tokio::test]
#[ignore = "many minutes: run it with `make soak`"]
async fn soak() {
    let wanted = std::env::var("SOAK_EVENTS").map_or(EVENTS, |text| text.parse().expect("a number"));
    let mut soak = Soak::begin(wanted).await;
    let mut alive = std::collections::VecDeque::new();
    let mut n = 0;
    while soak.events < wanted {
        n += 1;
        let born = soak.start(n).await;
        alive.push_back(born);
        assert_eq!(
            soak.fake.world(|world| world.registered(&soak.group)).len(),
            alive.len()
        );
        if alive.len() > ALIVE {
            let (task, running) = alive.pop_front().expect("the oldest");
            soak.stop(&task, &running).await;
        }
    }
    for (task, running) in alive {
        soak.stop(&task, &running).await;
    }
    soak.measure();
    assert_eq!(soak.fake.world(|world| world.registered(&soak.group)), []);
    assert_eq!(
        soak.fake.world(|world| world.task_arns().len()),
        0,
        "a task was started twice"
    );
    assert!(soak.failed > 0, "no fault reached an event");
    let warm = soak.memory[3];
    let most = soak.memory[3..].iter().copied().max().expect("measured");
    assert!(most <= warm + GROWTH_KIB, "memory grew from {warm} to {most} KiB");
}
