//! Task lives through the real binary, killed again and again between its AWS calls, and before or
//! after one of them is applied; then Lambda tries the event again in a new process.
//!
//! The killer waits for the call, never for time. `SEED` runs one story.

use std::sync::{Arc, Mutex};

use fastrand::Rng;
use serde_json::{Value, json};
use start_engines_fake_aws::function::{Function, FunctionConfig};
use start_engines_fake_aws::runtime_api::RuntimeApi;
use start_engines_fake_aws::{FakeAws, Fault, TargetGroup, TaskDefinition, World};
use tokio::sync::mpsc;

use crate::stage::start_event;

const BINARY: &str = env!("CARGO_BIN_EXE_start-engines-lambda");
const SEEDS: u64 = 8;
/// Pairs of tasks that have the same address one after the other, in one story.
const PAIRS: usize = 2;

#[derive(Debug, Default)]
struct Counts {
    lives: usize,
    events: usize,
    killed_before: usize,
    killed_after: usize,
    late: usize,
}

struct Story {
    rng: Rng,
    fake: FakeAws,
    runtime: RuntimeApi,
    function: Option<Function>,
    groups: [String; 2],
    /// How many calls to let through until one hangs.
    fuse: Arc<Mutex<Option<usize>>>,
    hangs: mpsc::UnboundedReceiver<()>,
    counts: Counts,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let fake = FakeAws::start().await;
        let fuse = Arc::new(Mutex::new(None));
        let (hanging, hangs) = mpsc::unbounded_channel();
        let armed = Arc::clone(&fuse);
        let groups = fake.world(|world| {
            world.add_cluster("engines");
            world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080, 9090]));
            let hook = move |world: &mut World| {
                let mut fuse = armed.lock().unwrap();
                *fuse = match *fuse {
                    Some(0) => {
                        world.fail_next("*", Fault::Hang, 1);
                        hanging.send(()).unwrap();
                        None
                    }
                    Some(calls) => Some(calls - 1),
                    None => None,
                };
            };
            world.before("*", Box::new(hook));
            ["auth", "auth-nlb"].map(|name| world.add_target_group(TargetGroup::ip(name, 80)))
        });
        Self {
            rng: Rng::with_seed(seed),
            fake,
            runtime: RuntimeApi::start().await,
            function: None,
            groups,
            fuse,
            hangs,
            counts: Counts::default(),
        }
    }

    /// Delivers an event until a process lives to the end of it.
    async fn handle(&mut self, event: &Value) -> Value {
        self.counts.events += 1;
        loop {
            if self.function.is_none() {
                self.function = Some(FunctionConfig::new(BINARY, &self.fake.endpoint()).spawn(&self.runtime));
            }
            let is_doomed = self.rng.bool();
            *self.fuse.lock().unwrap() = is_doomed.then(|| self.rng.usize(..4));
            let invoking = self.runtime.invoke(event);
            tokio::pin!(invoking);
            tokio::select! {
                answer = &mut invoking => {
                    *self.fuse.lock().unwrap() = None;
                    return answer.expect("it lives").expect_response();
                }
                Some(()) = self.hangs.recv() => {}
            }
            let function = self.function.take().expect("it is under way");
            if self.rng.bool() {
                function.stop().await;
                assert_eq!(self.fake.world(World::lose_hung_calls), 1);
                self.counts.killed_before += 1;
            } else {
                assert_eq!(self.fake.world(World::land_hung_calls), 1);
                function.stop().await;
                self.counts.killed_after += 1;
            }
            assert!(invoking.await.is_err(), "a dead process has answered");
        }
    }

    /// Starts a task and brings it to RUNNING; gives it and its RUNNING event.
    async fn start(&mut self, id: &str) -> (String, Value) {
        self.counts.lives += 1;
        let [alb, nlb] = self.groups.clone();
        let targets = json!([{"targetGroupArn": alb, "port": 8080}, {"targetGroupArn": nlb, "port": 9090}]);
        let detail = json!({"targetGroupArn": null, "port": null, "targets": targets});
        let mut event = start_event(id, &alb, detail);
        event["time"] = Value::Null;
        let before = self.fake.world(|world| world.task_arns().len());
        let started = self.handle(&event).await;
        let arns = self.fake.world(|world| world.task_arns());
        assert_eq!(arns.len(), before + 1, "{started}");
        let task = arns[before].clone();
        assert_eq!(started["tasks"], json!([task]));
        let running = self.fake.world(|world| world.advance_to(&task, "RUNNING"));
        (task, running)
    }

    /// Stops a task to its end; gives the events of that.
    fn stop(&self, task: &str) -> Vec<Value> {
        self.fake.world(|world| {
            world.stop(task, "UserInitiated", "kills");
            vec![world.event(task), world.advance(task), world.advance(task)]
        })
    }

    fn registered(&self) -> [usize; 2] {
        self.fake
            .world(|world| [0, 1].map(|n: usize| world.registered(&self.groups[n]).len()))
    }

    /// Two tasks with one address: while the second lives, the events of the first come in any order.
    async fn pair(&mut self, n: usize) {
        let now = time::OffsetDateTime::now_utc();
        // The address is given again at once here, so all that happened to the first is long ago.
        self.fake.world(|world| world.clock = now - time::Duration::minutes(10));
        let (old, running) = self.start(&format!("old-{n}")).await;
        self.handle(&running).await;
        assert_eq!(self.registered(), [1, 1]);
        let mut late = self.stop(&old);
        late.push(running);
        let (new, running) = self.start(&format!("new-{n}")).await;
        let address = |task: &String| self.fake.world(|world| world.address(task));
        assert_eq!(address(&old), address(&new));
        self.handle(&running).await;
        self.rng.shuffle(&mut late);
        for event in late {
            self.counts.late += 1;
            self.handle(&event).await;
            assert_eq!(
                self.registered(),
                [1, 1],
                "a late event has taken the newer task's targets"
            );
        }
        self.fake.world(|world| world.clock = time::OffsetDateTime::now_utc());
        let mut fresh = self.stop(&new);
        fresh.push(running);
        self.rng.shuffle(&mut fresh);
        for event in fresh {
            self.handle(&event).await;
        }
        assert_eq!(self.registered(), [0, 0], "a stopped task's target is left");
    }
}

#[expect(clippy::print_stdout, reason = "a failing seed is there to be replayed")]
#[tokio::test]
async fn a_function_killed_between_any_calls_keeps_what_is_promised() {
    let seeds = match std::env::var("SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("a number");
            seed..seed + 1
        }
        Err(_) => 0..SEEDS,
    };
    for seed in seeds {
        println!("SEED={seed} cargo test --test it kills -- --nocapture");
        let mut story = Story::begin(seed).await;
        for n in 0..PAIRS {
            story.pair(n).await;
        }
        let counts = story.counts;
        println!("{counts:?}");
        assert!(
            counts.killed_before > 0 && counts.killed_after > 0,
            "nothing was killed"
        );
    }
}
