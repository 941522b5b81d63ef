//! `make budget`: what the packed function takes, held against `tests/budget.json`.
//!
//! All of it is repeatable, unlike time: the zip's bytes, the packages that are linked, and the instructions of a
//! cold start and of each event, which valgrind's callgrind counts where it is installed. With `UPDATE_BUDGET=1` what
//! was measured becomes the budget.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use start_engines_fake_aws::runtime_api::RuntimeApi;
use start_engines_fake_aws::{FakeAws, TargetGroup, TaskDefinition, World};

use crate::packed::{self, dependencies, unpacked};
use crate::stage::start_event;

/// How far above its budget a figure may be.
const MORE: f64 = 1.05;
/// Lives over which an event's instructions are the mean.
const LIVES: u64 = 50;

/// The events of a life, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Start,
    Running,
    Stopping,
    Stopped,
}

/// What happens to a task, and the event of it.
type Change = fn(&mut World, &str) -> Value;

const STEPS: [(Step, &str); 4] = [
    (Step::Start, "instructionsOfStart"),
    (Step::Running, "instructionsOfRunning"),
    (Step::Stopping, "instructionsOfFirstSignOfStop"),
    (Step::Stopped, "instructionsOfStopped"),
];

/// Instructions of a process that sees `lives` tasks until their step `last`.
async fn instructions(lives: u64, last: Step) -> u64 {
    let fake = FakeAws::start().await;
    let group = fake.world(|world| {
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
        world.add_target_group(TargetGroup::ip("auth", 80).deregistration_delay(0))
    });
    let runtime = RuntimeApi::start().await;
    let counted = [
        "/usr/bin/valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
    ];
    let process = packed::function(&fake.endpoint()).under(&counted).spawn(&runtime);
    runtime.idle().await.expect("it initializes");
    for life in 0..lives {
        fake.world(|world| world.clock = time::OffsetDateTime::now_utc());
        let mut event = start_event(&format!("budget-{life}"), &group, json!({}));
        event["time"] = Value::Null;
        runtime.invoke(&event).await.expect("it lives").expect_response();
        let task = fake.world(|world| world.task_arns().pop().expect("it was started"));
        let changes: [(Step, Change); 3] = [
            (Step::Running, |world, task| world.advance_to(task, "RUNNING")),
            (Step::Stopping, |world, task| {
                world.stop(task, "UserInitiated", "budget");
                world.event(task)
            }),
            (Step::Stopped, |world, task| world.advance_to(task, "STOPPED")),
        ];
        for (step, change) in changes {
            let event = fake.world(|world| change(world, &task));
            if step <= last {
                runtime.invoke(&event).await.expect("it lives").expect_response();
            }
        }
        fake.world(|world| {
            world.forget(&task);
            world.calls.clear();
        });
    }
    runtime.idle().await.expect("it is done");
    // Without its Runtime API it ends, and what was counted is reported.
    drop(runtime);
    let reported = process.end().await.stderr;
    let counted = reported.iter().find_map(|line| line.split_once("Collected :"));
    let counted = counted.unwrap_or_else(|| panic!("callgrind printed nothing: {reported:#?}"));
    counted.1.trim().parse().expect("a number")
}

async fn measure() -> BTreeMap<&'static str, u64> {
    let (zip, _) = unpacked();
    let bytes = std::fs::metadata(zip).expect("a file").len();
    let mut measured = BTreeMap::from([
        ("zipBytes", bytes),
        // The function's own package is one of them.
        ("dependencies", dependencies().len() as u64),
    ]);
    if !Path::new("/usr/bin/valgrind").exists() {
        return measured;
    }
    measured.insert("instructionsOfColdStart", instructions(0, Step::Start).await);
    let mut before = 0;
    for (step, name) in STEPS {
        let all = (instructions(1 + LIVES, step).await - instructions(1, step).await) / LIVES;
        measured.insert(name, all - before);
        before = all;
    }
    measured
}

#[tokio::test]
#[ignore = "it is a step of `make test`, which shows what it prints: `make budget`"]
#[expect(clippy::print_stdout, reason = "what was measured is the result")]
async fn budget() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/budget.json");
    let text = std::fs::read_to_string(&file).expect("the budget");
    let mut budget: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_str(&text).expect("figures");
    let measured = measure().await;
    let architecture = std::env::consts::ARCH;
    let update = std::env::var_os("UPDATE_BUDGET").is_some();
    if !update && !budget.contains_key(architecture) {
        println!("There is no budget for {architecture}: `make budget UPDATE_BUDGET=1` makes one of {measured:#?}");
        return;
    }
    let limits = budget.entry(architecture.to_owned()).or_default();
    if update {
        limits.extend(measured.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        let text = serde_json::to_string_pretty(&budget).expect("JSON");
        std::fs::write(&file, text + "\n").expect("the budget");
        return;
    }
    let mut above = Vec::new();
    for (name, most) in &*limits {
        let Some(value) = measured.get(name.as_str()) else {
            println!("{name:<32} not counted: valgrind is not installed");
            continue;
        };
        let part = *value as f64 / *most as f64;
        println!("{name:<32} {value:>12}  {part:>6.3} of the budget");
        if part > MORE {
            above.push(format!("{name} is {value}, more than 5 % above its budget of {most}"));
        }
    }
    assert!(
        above.is_empty(),
        "{above:#?}\nIf it is worth it: `make budget UPDATE_BUDGET=1`."
    );
    let missing: Vec<_> = measured.keys().filter(|name| !limits.contains_key(**name)).collect();
    assert!(
        missing.is_empty(),
        "no budget for {missing:?}: `make budget UPDATE_BUDGET=1`"
    );
}
