//! The account in which everything happens: clusters, target groups, services with one and two
//! targets, and capacity that comes and goes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use start_engines::config::Config;

use crate::support::fake_aws::{Failure, RunTaskResult, TargetGroup, TaskDefinition, World};
use crate::support::rng::Rng;

/// The target group that only another deployment may touch.
pub(crate) const OTHERS: &str = "others";
/// What tells its tasks.
pub(crate) const DEPLOYMENT_TAG: &str = "start-engines:deployment";

/// A target that a service's tasks have: group, port, and whether the group takes IPv6 addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) group: String,
    pub(crate) port: u16,
    pub(crate) ipv6: bool,
}

/// What applications start.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    cluster: &'static str,
    pub(crate) targets: Vec<Attached>,
}

/// An empty account and its services.
pub(crate) fn open(rng: &mut Rng) -> (World, Vec<Service>) {
    let mut world = World::new();
    world.dual_stack = rng.chance(300);
    // Small pages, so that a look at all tasks has many.
    world.list_tasks_page = 10;
    for cluster in ["engines", "workers"] {
        world.add_cluster(cluster);
    }
    world.add_task_definition(TaskDefinition::awsvpc("app").container("app", &[8080, 9090]));
    let delay = *rng.pick(&[0, 300]);
    let mut group = |group: TargetGroup, port, ipv6| Attached {
        group: world.add_target_group(group.deregistration_delay(delay)),
        port,
        ipv6,
    };
    let auth = group(TargetGroup::ip("auth", 80), 8080, false);
    let alb = group(TargetGroup::ip("api-alb", 80), 8080, false);
    let nlb = group(TargetGroup::ip("api-nlb", 80).protocol("TCP"), 9090, false);
    group(TargetGroup::ip(OTHERS, 80), 8080, false);
    let mut services = vec![
        service("engines", vec![auth.clone()]),
        service("engines", vec![alb, nlb]),
        // The same targets from another cluster.
        service("workers", vec![auth.clone()]),
        service("workers", vec![]),
    ];
    if world.dual_stack {
        let six = Attached {
            group: world.add_target_group(TargetGroup::ip("six", 80).ipv6()),
            port: 8080,
            ipv6: true,
        };
        services.push(service("engines", vec![six, auth]));
    }
    let mut rng = rng.fork();
    world.run_task_rule(move |input| capacity(&mut rng, input));
    (world, services)
}

fn service(cluster: &'static str, targets: Vec<Attached>) -> Service {
    Service { cluster, targets }
}

/// Fargate Spot is short more often than Fargate.
fn capacity(rng: &mut Rng, input: &Value) -> Option<RunTaskResult> {
    // What another deployment starts always finds room.
    let is_theirs = |tag: &Value| tag["key"] == DEPLOYMENT_TAG && tag["value"] != DEPLOYMENT;
    if input["tags"].as_array().into_iter().flatten().any(is_theirs) {
        return None;
    }
    let is_spot = !input["capacityProviderStrategy"].is_null();
    let failure = || Failure::new("Capacity is unavailable at this time. Please try again later.");
    if rng.chance(if is_spot { 300 } else { 60 }) {
        return Some(RunTaskResult::Failures(vec![failure()]));
    }
    let count = usize::try_from(input["count"].as_u64()?).ok()?;
    if count > 1 && rng.chance(150) {
        return Some(RunTaskResult::Partial {
            started: 1 + rng.below(count - 1),
            failures: vec![failure()],
        });
    }
    None
}

/// A start event, sent at this time.
pub(crate) fn start_event(service: &Service, id: &str, key: &str, count: usize, is_spot: bool, time: &str) -> Value {
    let target = |target: &Attached| json!({"targetGroupArn": target.group, "port": target.port});
    let subnets = json!(["subnet-0a1b2c3d4e5f60718"]);
    let mut detail = json!({
        "cluster": service.cluster,
        "taskDefinition": "app",
        "targets": service.targets.iter().map(target).collect::<Value>(),
        "subnets": subnets,
        "count": count,
        "idempotencyKey": key,
    });
    if is_spot {
        detail["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT"}]);
        detail["fallbacks"] = json!([{"launchType": "FARGATE"}]);
    } else {
        detail["launchType"] = json!("FARGATE");
    }
    json!({
        "version": "0", "id": id, "detail-type": "Start ECS Task", "source": "app.simulation",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

/// A stop event of one task, sent at this time.
pub(crate) fn stop_event(task: &str, id: &str, drain: Option<i64>, time: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "Stop ECS Task", "source": "app.simulation",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": {"taskArn": task, "drainSeconds": drain, "reason": "simulated"},
    })
}

/// An event that asks for a comparison of a cluster's tasks with their targets, sent at this time.
pub(crate) fn reconcile_event(cluster: &str, id: &str, time: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "Reconcile ECS Targets", "source": "app.simulation",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": {"cluster": cluster},
    })
}

/// The name of ours.
const DEPLOYMENT: &str = "ours";

/// The function's configuration; with `is_alone` as if there were no other deployment.
pub(crate) fn config(is_alone: bool) -> Config {
    let mut variables = BTreeMap::from([
        ("DEPLOYMENT", DEPLOYMENT),
        ("ALLOWED_CLUSTERS", "engines,workers"),
        ("ALLOWED_TARGET_GROUPS", "auth,api-alb,api-nlb,six"),
        (
            "SCHEDULER_ROLE_ARN",
            "arn:aws:iam::111122223333:role/start-engines-later",
        ),
        ("TASK_WAIT_TIMEOUT", "120"),
    ]);
    if is_alone {
        variables.retain(|name, _| !matches!(*name, "DEPLOYMENT" | "ALLOWED_TARGET_GROUPS"));
    }
    Config::read(|name| variables.get(name).map(|&value| value.to_owned()), None).expect("a sound configuration")
}
