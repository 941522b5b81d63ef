//! Readiness at the wire: one check of what was registered, at one time, and what is reported of it.

mod found;
mod scheduled;

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{NextCheck, Outcome};
use start_engines_fake_aws::{Fault, Health, TargetGroup};

use crate::stage::{Stage, category, outcome, stop};

const BUS: (&str, &str) = ("OUTCOME_EVENT_BUS", "app-events");
const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-later",
);

async fn stage() -> Stage {
    Stage::with(&[BUS, ROLE]).await
}

/// Starts a task with these fields, has it run, and registers it; its only schedule is that of its check.
async fn registered(stage: &Stage, id: &str, mut fields: Value) -> String {
    fields["startTimeoutSeconds"] = json!(0);
    outcome(stage, &stage.start(id, fields)).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(stage, &running).await;
    stage.calls();
    stage.fake.world(|world| world.take_put_events());
    task
}

/// Time passes, and what is due is sent.
fn due_after(stage: &Stage, seconds: u64) -> Vec<Value> {
    stage.pass(Duration::from_secs(seconds));
    stage.fake.world(|world| world.fire_schedules())
}

/// The names of the schedules that are there.
fn schedules(stage: &Stage) -> Vec<String> {
    stage
        .fake
        .world(|world| world.schedules("default").keys().cloned().collect())
}

fn set_health(stage: &Stage, health: Health) {
    for (id, port) in stage.registered() {
        stage
            .fake
            .world(|world| world.set_health(&stage.group, &id, port, health));
    }
}

/// The outcome events since the last call, without those of other kinds.
fn reported(stage: &Stage) -> Vec<(String, Value)> {
    let events = stage.fake.world(|world| world.take_put_events());
    let split = |event: Value| {
        (
            event["detail-type"].as_str().expect("a text").to_owned(),
            event["detail"].clone(),
        )
    };
    events.into_iter().map(split).collect()
}
