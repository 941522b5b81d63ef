//! `make bench`: speed, memory and size of the packed function, printed and never asserted.
//!
//! The function that runs is the packed one: the `bootstrap` that is in the zip. AWS is the fake at
//! the wire in this process, so times include plain HTTP on the loopback, and no TLS.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::packed::unpacked;
use crate::stage::start_event;
use crate::support::fake_aws::{FakeAws, TargetGroup, TaskDefinition};
use crate::support::function::{Function, FunctionConfig};
use crate::support::runtime_api::RuntimeApi;

const COLD_STARTS: usize = 20;
const WARM_LIVES: usize = 300;

struct World {
    fake: FakeAws,
    group: String,
    /// The time spent inside the fake since the last look.
    inside: Arc<Mutex<Duration>>,
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn now() -> Instant {
    Instant::now()
}

async fn world() -> World {
    let fake = FakeAws::start().await;
    let inside = Arc::new(Mutex::new(Duration::ZERO));
    let begun = Arc::new(Mutex::new(now()));
    let (sum, from) = (Arc::clone(&inside), Arc::clone(&begun));
    let group = fake.world(|world| {
        world.clock = time::OffsetDateTime::now_utc();
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
        world.before("*", Box::new(move |_| *begun.lock().unwrap() = now()));
        world.after(
            "*",
            Box::new(move |_| *sum.lock().unwrap() += now() - *from.lock().unwrap()),
        );
        world.add_target_group(TargetGroup::ip("auth", 80))
    });
    World { fake, group, inside }
}

impl World {
    fn start(&self, id: &str) -> Value {
        let mut event = start_event(id, &self.group, json!({}));
        event["time"] = Value::Null;
        event
    }
}

/// One event: how long it took, and how much of that was inside the fake.
async fn timed(runtime: &RuntimeApi, world: &World, event: &Value) -> (Value, Duration, Duration) {
    *world.inside.lock().unwrap() = Duration::ZERO;
    let begun = now();
    let answer = runtime.invoke(event).await.expect("an answer").expect_response();
    let whole = now() - begun;
    let inside = *world.inside.lock().unwrap();
    (answer, whole, whole.saturating_sub(inside))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// CPU time so far in milliseconds, and peak memory in MiB, as the kernel counts them.
pub(crate) fn used(function: &Function) -> (f64, f64) {
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

#[expect(clippy::print_stdout, reason = "a bench prints")]
#[tokio::test]
#[ignore = "a measurement: run it with `make bench`"]
async fn bench() {
    let (zip, binary) = unpacked();
    let size = |path: &Path| std::fs::metadata(path).expect("a file").len() as f64 / 1e6;
    println!("zip                                  {:>8.2} MB", size(&zip));
    println!("binary                               {:>8.2} MB", size(&binary));
    let world = world().await;
    let config = FunctionConfig::new(binary.to_str().expect("a path"), &world.fake.endpoint());

    let (mut inits, mut firsts, mut cpus) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..COLD_STARTS {
        let runtime = RuntimeApi::start().await;
        let begun = now();
        let function = config.spawn(&runtime);
        runtime.idle().await.expect("it initializes");
        inits.push(now() - begun);
        firsts.push(timed(&runtime, &world, &world.start(&format!("cold{n}"))).await.1);
        cpus.push(Duration::from_secs_f64(used(&function).0 / 1000.0));
        function.stop().await;
    }
    println!(
        "cold: process start to ready         {:>8.2} ms (median of {COLD_STARTS})",
        median(inits)
    );
    println!("cold: first start event              {:>8.2} ms", median(firsts));
    println!("cold: CPU, both together             {:>8.2} ms", median(cpus));

    let runtime = RuntimeApi::start().await;
    let function = config.spawn(&runtime);
    runtime.idle().await.expect("it initializes");
    timed(&runtime, &world, &world.start("warm-up")).await;
    let mut times = [const { (Vec::new(), Vec::new()) }; 4];
    let mut note = |n: usize, (_, whole, above): (Value, Duration, Duration)| {
        times[n].0.push(whole);
        times[n].1.push(above);
    };
    let before = used(&function).0;
    for n in 0..WARM_LIVES {
        world.fake.world(|world| world.clock = time::OffsetDateTime::now_utc());
        let started = timed(&runtime, &world, &world.start(&format!("warm{n}"))).await;
        let task = started.0["tasks"][0].as_str().expect("a task").to_owned();
        note(0, started);
        let pending = world.fake.world(|world| world.advance_to(&task, "PENDING"));
        note(3, timed(&runtime, &world, &pending).await);
        let running = world.fake.world(|world| world.advance_to(&task, "RUNNING"));
        note(1, timed(&runtime, &world, &running).await);
        let stopping = world.fake.world(|world| {
            world.stop(&task, "UserInitiated", "bench");
            let event = world.event(&task);
            world.calls.clear();
            event
        });
        note(2, timed(&runtime, &world, &stopping).await);
    }
    let (after, peak) = used(&function);
    let names = [
        "start: RunTask",
        "RUNNING: 3 calls",
        "first stop: 1 call",
        "skipped: no call",
    ];
    println!("warm, median of {WARM_LIVES}:                        whole  above the AWS calls' own");
    for (name, (whole, above)) in names.into_iter().zip(times) {
        println!("  {name:<34} {:>8.3} ms {:>8.3} ms", median(whole), median(above));
    }
    println!(
        "CPU per event, these four mixed      {:>8.3} ms",
        (after - before) / (4 * WARM_LIVES) as f64
    );
    println!("peak memory                          {peak:>8.1} MiB");
}
