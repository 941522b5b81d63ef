//! `Reconcile ECS Targets` at the wire: what events that were lost for good left undone.

mod all;
mod failures;
mod limits;
mod races;
mod repairs;

use serde_json::{Value, json};
use start_engines_core::outcome::Outcome;

use crate::stage::{BEGIN, Stage, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-schedules",
);
/// So that the only schedules are those of reconciles.
const NO_TIMEOUT: (&str, &str) = ("TASK_WAIT_TIMEOUT", "0");
/// No group but those of the tasks, so that calls can be counted.
const CLUSTER: (&str, &str) = ("ALLOWED_CLUSTERS", "engines");

fn event(id: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "Reconcile ECS Targets", "source": "app.tests",
        "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

fn reconcile() -> Value {
    event("r1", json!({"cluster": "engines"}))
}

async fn stage() -> Stage {
    Stage::with(&[ROLE, NO_TIMEOUT, CLUSTER]).await
}

/// What a reconcile did: registered, deregistered, unknown.
async fn repaired(stage: &Stage) -> (Vec<String>, Vec<String>, Vec<String>) {
    parts(outcome(stage, &reconcile()).await)
}

fn parts(outcome: Outcome) -> (Vec<String>, Vec<String>, Vec<String>) {
    let Outcome::Reconciled(repairs) = outcome else {
        panic!("no reconcile: {outcome:?}")
    };
    assert_eq!(repairs.continued, []);
    (
        repairs
            .registered
            .iter()
            .map(|(_, target)| target.to_string())
            .collect(),
        repairs
            .deregistered
            .iter()
            .map(|(_, target)| target.to_string())
            .collect(),
        repairs.unknown.iter().map(ToString::to_string).collect(),
    )
}

fn nothing() -> (Vec<String>, Vec<String>, Vec<String>) {
    (vec![], vec![], vec![])
}

fn only(n: usize, (registered, deregistered, unknown): &(Vec<String>, Vec<String>, Vec<String>)) -> &str {
    let all = [registered, deregistered, unknown];
    for (place, list) in all.iter().enumerate() {
        assert_eq!(list.len(), usize::from(place == n), "{all:?}");
    }
    &all[n][0]
}

fn address(stage: &Stage, task: &str) -> String {
    let address = stage.fake.world(|world| world.address(task));
    address.expect("an address").to_string()
}
