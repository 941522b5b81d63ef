//! What is asked for: starts at random times, and in a run with everything stops by task, by service and of all,
//! and reconciles.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use crate::lambda::millis;
use crate::parameters as p;
use crate::world::{ACCOUNT, CLUSTER, REGION, SECOND_CLUSTER, Shared};

/// The catalog: a service for each target group.
pub(crate) fn catalog(shared: &Shared, groups: u64) -> String {
    let world = shared.world();
    let entry = |n: u64| {
        let entry = json!({
            "cluster": CLUSTER, "taskDefinition": "engine", "launchType": "FARGATE", "port": 8080,
            "targetGroupArn": world.group(n), "subnets": ["subnet-0a1b2c3d4e5f60718"],
        });
        (service(n), entry)
    };
    Value::Object((1..=groups).map(entry).collect()).to_string()
}

fn service(number: u64) -> String {
    format!("engine-{number}")
}

/// Asks for so many starts a second; ends when the last was asked for.
pub(crate) async fn starts(shared: &Shared, per_second: u64, groups: u64, ends_at: Instant) {
    let mut number = 0;
    loop {
        // As they come of many askers: at random, so many a second.
        let part = shared.world().random.f64();
        sleep(Duration::from_secs_f64(-(1.0 - part).ln() / per_second as f64)).await;
        if Instant::now() >= ends_at {
            return;
        }
        number += 1;
        let event = {
            let mut world = shared.world();
            world.figures.asked += 1;
            world.asked_at.insert(format!("start-{number}"), Instant::now());
            let group = world.random.u64(1..=groups);
            let in_second = world.asks_for_stops && world.random.u32(..p::IN_SECOND_CLUSTER) == 0;
            let time = world.now().to_seconds().expect("a date");
            let detail = if world.asks_for_stops {
                let cluster = if in_second { SECOND_CLUSTER } else { CLUSTER };
                json!({"service": service(group), "cluster": cluster})
            } else {
                json!({
                    "cluster": CLUSTER, "taskDefinition": "engine", "launchType": "FARGATE", "port": 8080,
                    "targetGroupArn": world.group(group), "subnets": ["subnet-0a1b2c3d4e5f60718"],
                })
            };
            event(&format!("start-{number}"), "Start ECS Task", &time, detail)
        };
        shared.request(event);
    }
}

/// Asks for everything else.
pub(crate) fn ask_for_the_rest(shared: &Shared, groups: u64) {
    let drain = |n: usize| p::DRAINS[n % p::DRAINS.len()];
    for (n, at) in p::STOPS_OF_A_SERVICE.into_iter().enumerate() {
        let detail = json!({"service": service(1 + n as u64 % groups), "drainSeconds": drain(n)});
        later(shared, at, move |time| stop(time, detail));
    }
    for (n, at) in p::STOPS_OF_ALL.into_iter().enumerate() {
        let detail = json!({"cluster": SECOND_CLUSTER, "all": true, "drainSeconds": drain(n)});
        later(shared, at, move |time| stop(time, detail));
    }
    for at in (1..)
        .map(|n| n * p::RECONCILED_EVERY)
        .take_while(|at| *at < p::STARTS_FOR)
    {
        for cluster in [CLUSTER, SECOND_CLUSTER] {
            let detail = json!({"cluster": cluster});
            let id = format!("reconcile-{at}-{cluster}");
            later(shared, at, move |time| {
                event(&id, "Reconcile ECS Targets", time, detail)
            });
        }
    }
}

fn later(shared: &Shared, at: u64, event: impl FnOnce(&str) -> Value + 'static) {
    let (shared, at) = (shared.clone(), Instant::now() + millis(at));
    spawn_local(async move {
        sleep_until(at).await;
        let time = shared.world().now().to_seconds().expect("a date");
        shared.request(event(&time));
    });
}

/// A request to stop.
pub(crate) fn stop(time: &str, detail: Value) -> Value {
    let id = format!("stop-{time}-{}", detail["taskArn"].as_str().unwrap_or("many"));
    event(&id, "Stop ECS Task", time, detail)
}

/// An event as EventBridge delivers it; its time without `Z`.
pub(crate) fn event(id: &str, detail_type: &str, time: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": detail_type, "source": "app.load",
        "account": ACCOUNT, "time": format!("{time}Z"), "region": REGION, "resources": [], "detail": detail,
    })
}
