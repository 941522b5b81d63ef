//! The account in which everything happens: clusters, instances, target groups, services with one and two
//! targets, and capacity that comes and goes.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};
use start_engines_core::config::Config;
use start_engines_fake_aws::{Failure, RunTaskResult, TargetGroup, TaskDefinition, World};

use crate::instances;

/// What a group knows a task by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Ipv4,
    Ipv6,
    /// The id of its instance.
    InstanceId,
    /// The address of its instance.
    InstanceAddress,
}

/// Where tasks have their targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// On an interface of their own, on Fargate.
    Awsvpc,
    /// On the container's port of their instance, which only their definition contains.
    Host,
    /// On a port that their instance chooses.
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

/// The target group that only another deployment may touch.
pub(crate) const OTHERS: &str = "others";
/// What identifies its tasks.
pub(crate) const DEPLOYMENT_TAG: &str = "start-engines:deployment";

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

/// More than there ever are.
const MAX_SERVICES: usize = 10;

/// An empty account and its services, with instances and services on them, if they are wanted.
pub(crate) fn open(rng: &mut Rng, with_instances: bool) -> (World, Vec<Service>) {
    let mut world = World::new();
    world.dual_stack = rng.usize(..1000) < 300;
    // Small pages, so that a list of all tasks has many.
    world.list_tasks_page = 10;
    for cluster in ["engines", "workers"] {
        world.add_cluster(cluster);
    }
    world.add_task_definition(TaskDefinition::awsvpc("app").container("app", &[8080, 9090]));
    let delay = rng.choice([0, 300]).expect("one of these");
    let mut group = |group: TargetGroup, port, by| Attached {
        group: world.add_target_group(group.deregistration_delay(delay)),
        port,
        by,
    };
    let auth = group(TargetGroup::ip("auth", 80), 8080, By::Ipv4);
    let alb = group(TargetGroup::ip("api-alb", 80), 8080, By::Ipv4);
    let nlb = group(TargetGroup::ip("api-nlb", 80).protocol("TCP"), 9090, By::Ipv4);
    group(TargetGroup::ip(OTHERS, 80), 8080, By::Ipv4);
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
    if with_instances {
        instances::open(&mut world);
        let group = |group: TargetGroup, by, world: &mut World| Attached {
            group: world.add_target_group(group.deregistration_delay(delay).protocol("TCP")),
            port: 8080,
            by,
        };
        let vms = group(TargetGroup::instance("vms", 80), By::InstanceId, &mut world);
        let ips = group(TargetGroup::ip("vm-ips", 80), By::InstanceAddress, &mut world);
        let on_instances = |mode, targets| Service {
            cluster: "engines",
            mode,
            targets,
        };
        services.extend([
            on_instances(Mode::Host, vec![vms.clone()]),
            on_instances(Mode::Host, vec![vms.clone(), ips.clone()]),
            on_instances(Mode::Bridge, vec![vms]),
            on_instances(Mode::Bridge, vec![ips]),
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
    // What another deployment starts always finds room.
    let is_theirs = |tag: &Value| tag["key"] == DEPLOYMENT_TAG && tag["value"] != DEPLOYMENT;
    if input["tags"].as_array().into_iter().flatten().any(is_theirs) {
        return None;
    }
    let error = |code: &str, text: &str| Some(RunTaskResult::Error(code.to_owned(), text.to_owned()));
    if rng.usize(..1000) < 20 {
        // EC2 throttles ECS (`src/core/call/error_texts.rs` has the sources of these texts).
        return error("ServerException", "Rate exceeded (ErrorCode: Throttling)");
    }
    // Instances for tasks with an interface of their own there are none, and sometimes none at all.
    if input["launchType"] == "EC2" && !input["networkConfiguration"].is_null() {
        return if rng.usize(..1000) < 700 {
            error(
                "InvalidParameterException",
                "No Container Instances were found in your cluster.",
            )
        } else {
            Some(RunTaskResult::Failures(vec![Failure::new("RESOURCE:ENI")]))
        };
    }
    let is_spot = !input["capacityProviderStrategy"].is_null();
    if is_spot && rng.usize(..1000) < 100 {
        return error("ClientException", "Tasks provisioning capacity limit exceeded.");
    }
    let failure = || Failure::new("Capacity is unavailable at this time. Please try again later.");
    if rng.usize(..1000) < if is_spot { 300 } else { 60 } {
        return Some(RunTaskResult::Failures(vec![failure()]));
    }
    let count = usize::try_from(input["count"].as_u64()?).ok()?;
    if count > 1 && rng.usize(..1000) < 150 {
        return Some(RunTaskResult::Partial {
            started: 1 + rng.usize(..count - 1),
            failures: vec![failure()],
        });
    }
    None
}

/// A start that an application sends.
pub(crate) struct Start<'a> {
    pub(crate) id: &'a str,
    /// `idempotencyKey`: an application that is not sure sends it once more.
    pub(crate) key: &'a str,
    /// Which service of the account.
    pub(crate) service: usize,
    pub(crate) count: usize,
    pub(crate) first: First,
    /// `requestedAt`.
    pub(crate) requested_at: Option<&'a str>,
    /// `onUnhealthy`.
    pub(crate) on_unhealthy: Option<&'a str>,
}

/// Where a task with an interface of its own is first tried; then on Fargate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Fargate,
    Spot,
    /// On instances, of which there are none.
    Ec2,
}

/// The name of a service in the catalog.
pub(crate) fn name_of(service: usize) -> String {
    format!("service-{service}")
}

/// A start event, sent at this time.
pub(crate) fn start_event(service: &Service, start: &Start<'_>, time: &str) -> Value {
    let target = |target: &Attached| json!({"targetGroupArn": target.group, "port": target.port});
    let subnets = json!(["subnet-0a1b2c3d4e5f60718"]);
    let mut detail = json!({
        "cluster": service.cluster,
        "taskDefinition": service.mode.definition(),
        "targets": service.targets.iter().map(target).collect::<Value>(),
        "count": start.count,
        "idempotencyKey": start.key,
        "service": name_of(start.service),
        "requestedAt": start.requested_at,
        "onUnhealthy": start.on_unhealthy,
    });
    match start.first {
        _ if service.mode != Mode::Awsvpc => detail["launchType"] = json!("EC2"),
        First::Fargate => detail["launchType"] = json!("FARGATE"),
        First::Spot => {
            detail["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT"}]);
            detail["fallbacks"] = json!([{"launchType": "FARGATE"}]);
        }
        First::Ec2 => {
            detail["launchType"] = json!("EC2");
            detail["fallbacks"] = json!([{"launchType": "FARGATE"}]);
        }
    }
    if service.mode == Mode::Awsvpc {
        detail["subnets"] = subnets;
    }
    json!({
        "version": "0", "id": start.id, "detail-type": "Start ECS Task", "source": "app.simulation",
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

/// A stop event of several tasks, sent at this time.
pub(crate) fn stop_event_of(whom: &Whom, id: &str, drain: Option<i64>, time: &str) -> Value {
    let mut detail = match whom {
        Whom::Cluster(cluster) => json!({"cluster": cluster, "all": true}),
        Whom::Service(service) => json!({"service": name_of(*service)}),
    };
    detail["drainSeconds"] = json!(drain);
    json!({
        "version": "0", "id": id, "detail-type": "Stop ECS Task", "source": "app.simulation",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

/// Whose tasks a stop of several concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Cluster(String),
    Service(usize),
}

/// An event that asks for a comparison of a cluster's tasks with their targets, sent at this time.
pub(crate) fn reconcile_event(cluster: &str, id: &str, time: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "Reconcile ECS Targets", "source": "app.simulation",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": {"cluster": cluster},
    })
}

/// The name of the deployment under test.
const DEPLOYMENT: &str = "this";

/// The function's configuration; with `is_alone` as if there were no other deployment, and with or without checks of what
/// it registers.
pub(crate) fn config(is_alone: bool, has_checks: bool) -> Config {
    let mut variables = BTreeMap::from([
        ("DEPLOYMENT", DEPLOYMENT),
        ("ALLOWED_CLUSTERS", "engines,workers"),
        ("ALLOWED_TARGET_GROUPS", "auth,api-alb,api-nlb,six,vms,vm-ips"),
        (
            "SCHEDULER_ROLE_ARN",
            "arn:aws:iam::111122223333:role/start-engines-later",
        ),
        ("TASK_WAIT_TIMEOUT", "120"),
    ]);
    if !has_checks {
        variables.insert("HEALTH_TIMEOUT", "0");
    }
    if is_alone {
        variables.retain(|name, _| !matches!(*name, "DEPLOYMENT" | "ALLOWED_TARGET_GROUPS"));
    }
    let catalog: Value = (0..MAX_SERVICES)
        .map(|n| (name_of(n), json!({})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let get = |name: &str| variables.get(name).map(|&value| value.to_owned());
    Config::read(get, None, Some(&catalog.to_string())).expect("a sound configuration")
}
