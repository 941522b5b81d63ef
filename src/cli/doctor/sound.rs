//! For tests: a world in which everything is well. Each test breaks one thing of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use start_engines_core::config::Config;
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::definition::{Definition, NetworkMode, PortMapping};
use start_engines_core::domain::target::{AddressFamily, TargetGroup, TargetType};
use start_engines_core::domain::task::ports::RawBinding;

use super::checks;
use super::fact::Fact;
use super::survey::{Told, services};
use super::world::*;

pub(super) const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/start-engines";
pub(super) const LATER: &str = "arn:aws:iam::111122223333:role/start-engines-later";
pub(super) const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
pub(super) const BALANCER: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/main/1";
pub(super) const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/auth:7";
pub(super) const SUBNETS: [&str; 2] = ["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5a60718"];
pub(super) const TASKS: &str = "sg-0a1b2c3d4e5f60718";
pub(super) const OF_BALANCER: &str = "sg-0b1c2d3e4f5a60718";
pub(super) const VPC: &str = "vpc-0a1b2c3d4e5f60718";
pub(super) const EXECUTION: &str = "arn:aws:iam::111122223333:role/execution";
const DEFINITION: &str = "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:7";

pub(super) fn rule_arn(suffix: &str) -> String {
    format!("arn:aws:events:us-east-1:111122223333:rule/start-engines-{suffix}")
}

fn queue_arn(suffix: &str) -> String {
    format!("arn:aws:sqs:us-east-1:111122223333:start-engines-{suffix}")
}

pub(super) fn catalog() -> Value {
    json!({"auth": {
        "cluster": "engines", "taskDefinition": "auth:7", "targetGroupArn": GROUP, "port": 8080,
        "subnets": SUBNETS, "securityGroups": [TASKS], "launchType": "FARGATE",
    }})
}

fn settings() -> String {
    json!({
        "ALLOWED_CLUSTERS": ["arn:aws:ecs:us-east-1:111122223333:cluster/engines"],
        "ALLOWED_TARGET_GROUPS": [GROUP],
        "ALLOWED_TASK_FAMILIES": ["auth"],
        "ALLOWED_SOURCES": ["app.tenants", "start-engines.operator.start-engines"],
    })
    .to_string()
}

fn policy(action: &str, rules: &[String]) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": action,
        "Condition": {"ArnLike": {"AWS:SourceArn": rules}}}]})
}

fn queue(label: &'static str, suffix: &str) -> Queue {
    Queue {
        label,
        url: format!("https://sqs.us-east-1.amazonaws.com/111122223333/start-engines-{suffix}"),
        is_buffer: false,
        found: Fact::Known(QueueFacts {
            arn: queue_arn(suffix),
            ..QueueFacts::default()
        }),
    }
}

fn undelivered() -> Queue {
    let mut queue = queue("rule dead-letter queue", "undelivered");
    if let Fact::Known(facts) = &mut queue.found {
        facts.policy = Some(policy(
            "sqs:SendMessage",
            &[rule_arn("requests"), rule_arn("state-change")],
        ));
    }
    queue
}

fn rule(label: &'static str, suffix: &str) -> Rule {
    Rule {
        label,
        arn: Some(rule_arn(suffix)),
        queue_url: None,
        state: Fact::Known("ENABLED".to_owned()),
        targets: Fact::Known(vec![RuleTarget {
            arn: FUNCTION.to_owned(),
            dead_letters: Some(queue_arn("undelivered")),
            sends: Sends::Event,
        }]),
        matches: vec![("a sample".to_owned(), Fact::Known(true))],
    }
}

fn deployment() -> Deployment {
    let environment = [
        ("SETTINGS_FILE", "/opt/settings.json"),
        ("SERVICES_FILE", "/opt/services.json"),
        ("SCHEDULER_ROLE_ARN", LATER),
        ("SCHEDULER_GROUP", "start-engines"),
        (
            "SCHEDULER_DEAD_LETTER_QUEUE_ARN",
            "arn:aws:sqs:us-east-1:111122223333:start-engines-unscheduled",
        ),
    ];
    let environment: BTreeMap<String, String> = environment
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let trust = json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": ["sts:AssumeRole"], "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333",
            "aws:SourceArn": "arn:aws:scheduler:us-east-1:111122223333:schedule-group/start-engines"}}}]});
    let alarm = Alarm {
        actions_enabled: true,
        actions: 1,
        state: "OK".to_owned(),
    };
    Deployment {
        arn: FUNCTION.parse().unwrap(),
        function: Fact::Known(Function {
            state: "Active".to_owned(),
            last_update: "Successful".to_owned(),
            runtime: "provided.al2023".to_owned(),
            architectures: vec!["x86_64".to_owned()],
            built_for: Some("x86_64".to_owned()),
            role: ROLE.to_owned(),
            environment: Some(environment),
            layers: vec!["arn:aws:lambda:us-east-1:111122223333:layer:start-engines:1".to_owned()],
            ..Function::default()
        }),
        files: Fact::Known(
            [("settings.json", settings()), ("services.json", catalog().to_string())]
                .map(|(name, text)| (name.to_owned(), text))
                .into(),
        ),
        local_catalog: Some(catalog()),
        policy: Fact::Known(Some(policy(
            "lambda:InvokeFunction",
            &[rule_arn("requests"), rule_arn("state-change")],
        ))),
        on_failure: Fact::Known(Some(queue_arn("failures"))),
        rules: vec![
            rule("request rule", "requests"),
            rule("state-change rule", "state-change"),
        ],
        queues: vec![queue("on-failure queue", "failures"), undelivered()],
        mappings: Fact::Known(Vec::new()),
        alarm_names: Some(vec!["start-engines-errors".to_owned()]),
        alarms: Fact::Known([("start-engines-errors".to_owned(), alarm)].into()),
        schedule_group: Fact::Known("ACTIVE".to_owned()),
        trust: [(LATER.to_owned(), Fact::Known(trust))].into(),
    }
}

/// In buffered mode: the rules send to queues, which Lambda reads.
pub(super) fn buffered() -> World {
    let mut world = sound();
    let deployment = &mut world.deployment;
    let mut mappings = Vec::new();
    for (n, (label, suffix)) in [("request queue", "requests"), ("state-change queue", "state-changes")]
        .into_iter()
        .enumerate()
    {
        let mut buffer = queue(label, suffix);
        buffer.is_buffer = true;
        let rule = &mut deployment.rules[n];
        rule.queue_url = Some(buffer.url.clone());
        rule.targets = Fact::Known(vec![RuleTarget {
            arn: queue_arn(suffix),
            dead_letters: Some(queue_arn("undelivered")),
            sends: Sends::Event,
        }]);
        if let Fact::Known(facts) = &mut buffer.found {
            facts.dead_letters = Some(queue_arn("dead-letters"));
            facts.policy = Some(policy("sqs:SendMessage", &rule.arn.iter().cloned().collect::<Vec<_>>()));
        }
        mappings.push(Mapping {
            source: queue_arn(suffix),
            state: "Enabled".to_owned(),
            reports_items: true,
        });
        deployment.queues.push(buffer);
    }
    deployment.mappings = Fact::Known(mappings);
    deployment.policy = Fact::Known(None);
    world
}

fn permission(protocol: &str, ports: Option<(i32, i32)>) -> Permission {
    Permission {
        protocol: protocol.to_owned(),
        from: ports.map(|(from, _)| from),
        to: ports.map(|(_, to)| to),
        ..Permission::default()
    }
}

pub(super) fn from_anywhere(ports: (i32, i32)) -> Permission {
    Permission {
        cidrs: vec!["0.0.0.0/0".to_owned()],
        ..permission("tcp", Some(ports))
    }
}

fn account() -> Account {
    let text = str::to_owned;
    let mut account = Account::default();
    let cluster = Cluster {
        arn: text("arn:aws:ecs:us-east-1:111122223333:cluster/engines"),
        status: text("ACTIVE"),
        providers: vec![text("FARGATE"), text("FARGATE_SPOT")],
        ..Cluster::default()
    };
    account.clusters.insert(text("engines"), Fact::Known(cluster));
    let raw = RawBinding {
        container_port: Some(8080),
        host_port: Some(8080),
        ..RawBinding::default()
    };
    let definition = TaskFacts {
        arn: text(DEFINITION),
        status: text("ACTIVE"),
        ports: Definition {
            network_mode: NetworkMode::Awsvpc,
            mappings: PortMapping::read("auth", raw).into_iter().collect(),
        },
        compatibilities: vec![text("EC2"), text("FARGATE")],
        task_role: None,
        execution_role: Some(text(EXECUTION)),
        containers: vec![Container {
            name: text("auth"),
            image: text(IMAGE),
            log_group: Some(text("/ecs/auth")),
            creates_log_group: false,
            secrets: vec![text("arn:aws:secretsmanager:us-east-1:111122223333:secret:auth-a1b2c3")],
        }],
    };
    account
        .definitions
        .insert("auth:7".parse().unwrap(), Fact::Known(definition));
    let group: TargetGroupArn = GROUP.parse().unwrap();
    account.groups.insert(
        group.clone(),
        Fact::Known(Group {
            facts: TargetGroup {
                target_type: TargetType::Ip,
                family: AddressFamily::Ipv4,
                protocol: text("HTTP"),
                vpc: VPC.parse().ok(),
                health_check: start_engines_core::domain::target::HealthCheck::default(),
            },
            balancers: vec![text(BALANCER)],
            check: HealthCheck {
                enabled: true,
                protocol: text("HTTP"),
                port: text("traffic-port"),
                path: Some(text("/health")),
                matcher: Some(text("200")),
                interval: 30,
                timeout: 5,
                threshold: 5,
            },
            keeps_client_addresses: Fact::Absent,
        }),
    );
    account.unhealthy.insert(group, Fact::Known(Vec::new()));
    let zones = ["us-east-1a", "us-east-1b"];
    let balancer = Balancer {
        name: text("main"),
        kind: text("application"),
        state: text("active"),
        zones: zones
            .iter()
            .zip(SUBNETS)
            .map(|(zone, subnet)| (text(zone), text(subnet)))
            .collect(),
        security_groups: vec![text(OF_BALANCER)],
    };
    account.balancers.insert(text(BALANCER), Fact::Known(balancer));
    for (n, (id, zone)) in SUBNETS.into_iter().zip(zones).enumerate() {
        let subnet = Subnet {
            vpc: text(VPC),
            zone: text(zone),
            cidrs: vec![format!("10.0.{n}.0/24")],
        };
        account.subnets.insert(text(id), Fact::Known(subnet));
    }
    let all = Permission {
        cidrs: vec![text("0.0.0.0/0")],
        ..permission("-1", None)
    };
    let of_tasks = Permission {
        groups: vec![text(OF_BALANCER)],
        ..permission("tcp", Some((8080, 8080)))
    };
    for (id, ingress) in [(TASKS, of_tasks), (OF_BALANCER, from_anywhere((80, 80)))] {
        let group = SecurityGroup {
            ingress: vec![ingress],
            egress: vec![all.clone()],
        };
        account.security_groups.insert(text(id), Fact::Known(group));
    }
    let route = |destination: &str, target: &str| Route {
        destination: text(destination),
        target: text(target),
        state: text("active"),
    };
    let table = RouteTable {
        id: text("rtb-1"),
        is_main: true,
        subnets: Vec::new(),
        routes: vec![route("10.0.0.0/16", "local"), route("0.0.0.0/0", "nat-1")],
    };
    account.routes.insert(text(VPC), Fact::Known(vec![table]));
    account.endpoints.insert(text(VPC), Fact::Known(Vec::new()));
    account.images.insert(text(IMAGE), Fact::Known(()));
    account.log_groups.insert(text("/ecs/auth"), Fact::Known(()));
    let secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:auth-a1b2c3";
    account.secrets.insert(text(secret), Fact::Known(()));
    account
}

/// Everything is well.
pub(super) fn sound() -> World {
    let deployment = deployment();
    let config = deployment.config().unwrap().unwrap();
    with_services(
        World {
            looker: Looker {
                account: Fact::Known("111122223333".to_owned()),
                region: "us-east-1".to_owned(),
            },
            deployment,
            services: Vec::new(),
            account: account(),
        },
        &config,
    )
}

/// The world with the services of this configuration, and IAM's yes to all that they ask.
pub(super) fn with_services(mut world: World, config: &Config) -> World {
    let told = Told {
        function: FUNCTION.parse().unwrap(),
        request_rule: None,
        state_change_rule: None,
        request_queue: None,
        state_change_queue: None,
        failed: Vec::new(),
        alarms: None,
        catalog: None,
        config: config.clone(),
        service: None,
    };
    world.services = services(&told, config);
    permit_all(&mut world);
    world
}

/// IAM says yes to all that is asked.
pub(super) fn permit_all(world: &mut World) {
    let starts = world
        .services
        .iter()
        .filter_map(|service| service.start.as_deref().ok());
    let of_services = starts.flat_map(|start| checks::asks(start, &world.account, ROLE));
    let asks: Vec<Ask> = of_services
        .chain(checks::asks_of_deployment(&world.deployment))
        .collect();
    world.account.permits = asks
        .into_iter()
        .map(|ask| (ask, Fact::Known(Verdict::Allowed)))
        .collect();
}

/// The world with one service that this catalog entry describes.
pub(super) fn with_entry(change: &Value) -> World {
    let mut entry = catalog()["auth"].clone();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            entry.as_object_mut().unwrap().remove(name);
        } else {
            entry[name] = value.clone();
        }
    }
    let mut world = sound();
    let both = json!({"auth": entry});
    if let Fact::Known(files) = &mut world.deployment.files {
        files.insert("services.json".to_owned(), both.to_string());
    }
    world.deployment.local_catalog = Some(both);
    let config = world.deployment.config().unwrap().unwrap();
    with_services(world, &config)
}
