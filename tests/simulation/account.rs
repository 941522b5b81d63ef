//! The account in which everything happens: clusters, machines, target groups, services with one and two
//! targets, and capacity that comes and goes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use start_engines::config::Config;

use crate::machines;
use crate::support::fake_aws::{Failure, RunTaskResult, TargetGroup, TaskDefinition, World};
use crate::support::rng::Rng;

/// What a group knows a task by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Ipv4,
    Ipv6,
    /// The id of its machine.
    Machine,
    /// The address of its machine.
    MachineAddress,
}

/// Where tasks have their targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// On an interface of their own, on Fargate.
    Awsvpc,
    /// On the container's port of their machine, which their definition alone tells.
    Host,
    /// On a port that their machine chooses.
    Bridge,
}

impl Mode {
    fn definition(self) -> &'static str {
        match self {
            Self::Awsvpc => "app",
            Self::Host => "host",
            Self::Bridge => "bridge",
        }
    }
}

/// A target that a service's tasks have: group, the container's port, and what the group takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    pub(crate) group: String,
    pub(crate) port: u16,
    pub(crate) by: By,
}

/// What applications start.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    cluster: &'static str,
    pub(crate) mode: Mode,
    pub(crate) targets: Vec<Attached>,
}

/// An empty account and its services, with machines and services on them, if they are wanted.
pub(crate) fn open(rng: &mut Rng, with_machines: bool) -> (World, Vec<Service>) {
    let mut world = World::new();
    world.dual_stack = rng.chance(300);
    // Small pages, so that a look at all tasks has many.
    world.list_tasks_page = 10;
    for cluster in ["engines", "workers"] {
        world.add_cluster(cluster);
    }
    world.add_task_definition(TaskDefinition::awsvpc("app").container("app", &[8080, 9090]));
    let delay = *rng.pick(&[0, 300]);
    let mut group = |group: TargetGroup, port, by| Attached {
        group: world.add_target_group(group.deregistration_delay(delay)),
        port,
        by,
    };
    let auth = group(TargetGroup::ip("auth", 80), 8080, By::Ipv4);
    let alb = group(TargetGroup::ip("api-alb", 80), 8080, By::Ipv4);
    let nlb = group(TargetGroup::ip("api-nlb", 80).protocol("TCP"), 9090, By::Ipv4);
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
            by: By::Ipv6,
        };
        services.push(service("engines", vec![six, auth]));
    }
    if with_machines {
        machines::open(&mut world);
        let group = |group: TargetGroup, by, world: &mut World| Attached {
            group: world.add_target_group(group.deregistration_delay(delay).protocol("TCP")),
            port: 8080,
            by,
        };
        let vms = group(TargetGroup::instance("vms", 80), By::Machine, &mut world);
        let ips = group(TargetGroup::ip("vm-ips", 80), By::MachineAddress, &mut world);
        let on_machines = |mode, targets| Service {
            cluster: "engines",
            mode,
            targets,
        };
        services.extend([
            on_machines(Mode::Host, vec![vms.clone()]),
            on_machines(Mode::Host, vec![vms.clone(), ips.clone()]),
            on_machines(Mode::Bridge, vec![vms]),
            on_machines(Mode::Bridge, vec![ips]),
        ]);
    }
    let mut rng = rng.fork();
    world.run_task_rule(move |input| capacity(&mut rng, input));
    (world, services)
}

fn service(cluster: &'static str, targets: Vec<Attached>) -> Service {
    Service {
        cluster,
        mode: Mode::Awsvpc,
        targets,
    }
}

/// Fargate Spot is short more often than Fargate.
fn capacity(rng: &mut Rng, input: &Value) -> Option<RunTaskResult> {
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
        "taskDefinition": service.mode.definition(),
        "targets": service.targets.iter().map(target).collect::<Value>(),
        "count": count,
        "idempotencyKey": key,
    });
    if service.mode != Mode::Awsvpc {
        detail["launchType"] = json!("EC2");
    } else if is_spot {
        detail["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT"}]);
        detail["fallbacks"] = json!([{"launchType": "FARGATE"}]);
    } else {
        detail["launchType"] = json!("FARGATE");
    }
    if service.mode == Mode::Awsvpc {
        detail["subnets"] = subnets;
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

/// The function's configuration.
pub(crate) fn config() -> Config {
    let variables = BTreeMap::from([
        ("ALLOWED_CLUSTERS", "engines,workers"),
        (
            "SCHEDULER_ROLE_ARN",
            "arn:aws:iam::111122223333:role/start-engines-later",
        ),
        ("TASK_WAIT_TIMEOUT", "120"),
    ]);
    Config::read(|name| variables.get(name).map(|&value| value.to_owned()), None).expect("a sound configuration")
}
