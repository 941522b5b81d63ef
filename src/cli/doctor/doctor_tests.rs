//! Each check with a world that breaks just that; and a world in which all is well.

use serde_json::json;
use start_engines_core::domain::definition::NetworkMode;

use super::checks::all;
use super::fact::Fact;
use super::sound::*;
use super::world::*;
use super::{Finding, Level};

fn known<T>(fact: &mut Fact<T>) -> &mut T {
    match fact {
        Fact::Known(known) => known,
        _ => panic!("the sound world knows it"),
    }
}

/// What is not well.
fn unwell(world: &World) -> Vec<Finding> {
    let mut findings = all(world);
    findings.retain(|finding| finding.level != Level::Ok);
    findings
}

/// Exactly one finding that is not ok: of this check, at this level, with this text, and a repair.
fn only(world: &World, check: &str, level: Level, text: &str) {
    let found = unwell(world);
    let [finding] = found.as_slice() else {
        panic!("{check}: expected one finding with {text:?}: {found:#?}");
    };
    assert_eq!((finding.check, finding.level), (check, level), "{finding:#?}");
    assert!(finding.message.contains(text), "{text:?}: {finding:#?}");
    assert!(level != Level::Failure || !finding.repair.is_empty(), "{finding:#?}");
}

fn broken(change: impl FnOnce(&mut World)) -> World {
    let mut world = sound();
    change(&mut world);
    world
}

fn function(world: &mut World) -> &mut Function {
    known(&mut world.deployment.function)
}

fn group(world: &mut World) -> &mut Group {
    known(world.account.groups.values_mut().next().unwrap())
}

fn balancer(world: &mut World) -> &mut Balancer {
    known(world.account.balancers.values_mut().next().unwrap())
}

fn definition(world: &mut World) -> &mut TaskFacts {
    known(world.account.definitions.values_mut().next().unwrap())
}

fn cluster(world: &mut World) -> &mut Cluster {
    known(world.account.clusters.values_mut().next().unwrap())
}

fn security_group<'w>(world: &'w mut World, id: &str) -> &'w mut SecurityGroup {
    known(world.account.security_groups.get_mut(id).unwrap())
}

fn tables(world: &mut World) -> &mut Vec<RouteTable> {
    known(world.account.routes.get_mut(VPC).unwrap())
}

#[test]
fn a_sound_deployment_has_no_finding_but_ok() {
    for world in [sound(), buffered()] {
        assert_eq!(unwell(&world), []);
        let checks: Vec<&str> = all(&world).iter().map(|finding| finding.check).collect();
        for check in [
            "function",
            "architecture",
            "settings",
            "catalog",
            "rule",
            "pattern",
            "target",
            "permission",
            "queue",
            "on-failure destination",
            "alarms",
            "schedules",
            "permissions",
            "start",
            "cluster",
            "capacity",
            "task definition",
            "port",
            "target group",
            "health check",
            "target health",
            "subnets",
            "security groups",
            "way out",
            "image",
            "log group",
            "secrets",
        ] {
            assert!(checks.contains(&check), "{check}: {checks:?}");
        }
    }
    assert!(all(&buffered()).iter().any(|finding| finding.check == "mapping"));
}

#[test]
fn the_function_is_there_runs_and_is_of_the_architecture_that_it_was_built_for() {
    let world = broken(|world| world.deployment.function = Fact::Absent);
    let found = unwell(&world);
    assert!(
        found[0].check == "function" && found[0].message.contains("does not exist"),
        "{found:#?}"
    );
    let world = broken(|world| function(world).state = "Failed".to_owned());
    only(&world, "function", Level::Failure, "Failed");
    let world = broken(|world| function(world).last_update = "Failed".to_owned());
    only(&world, "function", Level::Failure, "last update");
    let world = broken(|world| function(world).reserved_concurrency = Some(0));
    only(&world, "function", Level::Failure, "reserved concurrency is 0");
    let world = broken(|world| function(world).architectures = vec!["arm64".to_owned()]);
    only(&world, "architecture", Level::Failure, "built for x86_64");
    let world = broken(|world| function(world).built_for = None);
    only(&world, "architecture", Level::NotChecked, "could not be read");
    let world = broken(|world| function(world).runtime = "provided.al2".to_owned());
    only(&world, "architecture", Level::Warning, "provided.al2");
}

#[test]
fn settings_that_this_version_cannot_read_are_failures_each() {
    let world = broken(|world| {
        let environment = function(world).environment.as_mut().unwrap();
        environment.insert("LOG_LEVEL".to_owned(), "loud".to_owned());
    });
    let found = unwell(&world);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].check == "settings" && found[0].message.contains("LOG_LEVEL"),
        "{found:#?}"
    );
    let world = broken(|world| {
        known(&mut world.deployment.files).remove("settings.json");
    });
    only(&world, "settings", Level::Failure, "in none of its layers");
    let world = broken(|world| function(world).environment = None);
    assert!(
        unwell(&world)
            .iter()
            .any(|it| it.check == "settings" && it.level == Level::NotChecked)
    );
}

#[test]
fn a_catalog_that_differs_from_the_deployed_one_is_named_by_its_services() {
    let world = broken(|world| {
        let local = world.deployment.local_catalog.as_mut().unwrap();
        local["auth"]["port"] = json!(9090);
        local["billing"] = json!({});
    });
    only(
        &world,
        "catalog",
        Level::Failure,
        "differs from the deployed one in auth, billing",
    );
    let world = broken(|world| world.deployment.local_catalog = None);
    only(&world, "catalog", Level::NotChecked, "no catalog");
}

#[test]
fn a_rule_is_enabled_matches_and_may_send_to_its_target() {
    let world = broken(|world| world.deployment.rules[0].state = Fact::Known("DISABLED".to_owned()));
    only(&world, "rule", Level::Failure, "start-engines-requests is DISABLED");
    let world = broken(|world| world.deployment.rules[0].arn = None);
    only(&world, "rule", Level::NotChecked, "does not know");
    let world = broken(|world| world.deployment.rules[1].matches[0].1 = Fact::Known(false));
    only(&world, "pattern", Level::Failure, "does not let through a sample");
    let world = broken(|world| known(&mut world.deployment.rules[0].targets)[0].arn = format!("{FUNCTION}-2"));
    only(&world, "target", Level::Failure, "and not to start-engines");
    let world = broken(|world| known(&mut world.deployment.rules[0].targets)[0].dead_letters = None);
    only(&world, "target", Level::Warning, "no dead-letter queue");
    let world = broken(|world| {
        let policy = known(&mut world.deployment.policy).as_mut().unwrap();
        policy["Statement"][0]["Condition"]["ArnLike"]["AWS:SourceArn"] = json!([rule_arn("state-change")]);
    });
    only(&world, "permission", Level::Failure, "does not let the rule send");
    let mut world = buffered();
    if let Fact::Known(facts) = &mut world.deployment.queues[2].found {
        facts.policy = None;
    }
    only(&world, "permission", Level::Failure, "does not let the rule send");
}

#[test]
fn queues_are_there_and_lambda_reads_those_of_buffered_mode() {
    let world = broken(|world| world.deployment.queues[1].found = Fact::Absent);
    only(&world, "queue", Level::Failure, "does not exist");
    let world = broken(|world| world.deployment.on_failure = Fact::Known(None));
    only(&world, "on-failure destination", Level::Failure, "what fails is lost");
    let mut world = buffered();
    known(&mut world.deployment.mappings)[0].state = "Disabled".to_owned();
    only(&world, "mapping", Level::Failure, "is Disabled");
    let mut world = buffered();
    known(&mut world.deployment.mappings).remove(1);
    only(&world, "mapping", Level::Failure, "no event source mapping");
    let mut world = buffered();
    known(&mut world.deployment.mappings)[0].reports_items = false;
    only(&world, "mapping", Level::Failure, "ReportBatchItemFailures");
}

#[test]
fn alarms_are_there_tell_somebody_and_are_quiet() {
    let alarm = |world: &mut World| {
        known(&mut world.deployment.alarms)
            .get_mut("start-engines-errors")
            .unwrap()
            .clone()
    };
    let put = |change: fn(&mut Alarm)| {
        broken(|world| {
            let mut changed = alarm(world);
            change(&mut changed);
            known(&mut world.deployment.alarms).insert("start-engines-errors".to_owned(), changed);
        })
    };
    only(
        &put(|alarm| alarm.actions = 0),
        "alarms",
        Level::Warning,
        "has no action",
    );
    only(
        &put(|alarm| alarm.actions_enabled = false),
        "alarms",
        Level::Warning,
        "its actions off",
    );
    only(
        &put(|alarm| alarm.state = "ALARM".to_owned()),
        "alarms",
        Level::Warning,
        "is in ALARM",
    );
    let world = broken(|world| known(&mut world.deployment.alarms).clear());
    only(&world, "alarms", Level::Failure, "does not exist");
    let world = broken(|world| world.deployment.alarm_names = None);
    only(&world, "alarms", Level::NotChecked, "names");
}

#[test]
fn the_schedules_group_and_role_are_there_and_the_role_may_invoke() {
    let world = broken(|world| world.deployment.schedule_group = Fact::Absent);
    only(&world, "schedules", Level::Failure, "does not exist");
    let world = broken(|world| {
        world
            .deployment
            .trust
            .insert(LATER.to_owned(), Fact::Known(json!({"Statement": []})));
    });
    only(&world, "schedules", Level::Failure, "does not trust");
    let world = denied("lambda:InvokeFunction", FUNCTION);
    only(&world, "schedules", Level::Failure, "may not invoke");
}

/// IAM says no to this.
fn denied(action: &str, resource: &str) -> World {
    broken(|world| {
        let permits = world.account.permits.iter_mut();
        let mut denied = permits.filter(|(ask, _)| ask.action == action && ask.resource == resource);
        *denied.next().expect("it is asked").1 = Fact::Known(Verdict::Denied);
    })
}

#[test]
fn a_role_that_cannot_be_passed_is_named() {
    let world = denied("iam:PassRole", EXECUTION);
    only(
        &world,
        "permissions",
        Level::Failure,
        &format!("may not call iam:PassRole on {EXECUTION}"),
    );
    only(
        &denied("elasticloadbalancing:RegisterTargets", GROUP),
        "permissions",
        Level::Failure,
        "RegisterTargets",
    );
    let world = broken(|world| {
        let (_, verdict) = world
            .account
            .permits
            .iter_mut()
            .find(|(ask, _)| ask.action == "ecs:RunTask")
            .unwrap();
        *verdict = Fact::Known(Verdict::Unclear(vec!["aws:RequestedRegion".to_owned()]));
    });
    only(&world, "permissions", Level::NotChecked, "aws:RequestedRegion");
}

#[test]
fn a_start_that_the_function_refuses_is_told_with_each_problem() {
    let mut world = with_entry(&json!({"taskDefinition": "other:1"}));
    world.account.definitions.clear();
    only(&world, "start", Level::Failure, "ALLOWED_TASK_FAMILIES");
}

#[test]
fn the_cluster_is_active_and_has_what_the_start_is_launched_on() {
    let world = broken(|world| cluster(world).status = "INACTIVE".to_owned());
    only(&world, "cluster", Level::Failure, "INACTIVE");
    let mut world = broken(|world| {
        world.account.clusters.insert("engines".to_owned(), Fact::Absent);
    });
    world.account.permits.clear();
    only(&world, "cluster", Level::Failure, "does not exist");
    let strategy = json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "own", "weight": 1}]});
    let provider = |scales| Provider {
        status: "ACTIVE".to_owned(),
        scales,
    };
    let with = |scales: bool, is_there: bool| {
        let mut world = with_entry(&strategy);
        if is_there {
            cluster(&mut world).providers.push("own".to_owned());
        }
        world
            .account
            .providers
            .insert("own".to_owned(), Fact::Known(provider(scales)));
        let mut found = unwell(&world);
        // Container instances pull the image: their ways are not looked at.
        found.retain(|finding| finding.level == Level::Failure);
        found
    };
    assert_eq!(with(true, true), []);
    assert!(with(false, true)[0].message.contains("own is empty"));
    assert!(
        with(true, false)[0]
            .message
            .contains("is not one of the cluster engines")
    );
    let mut world = with_entry(&json!({"launchType": "EC2"}));
    assert!(unwell(&world)[0].message.contains("has no container instance"));
    cluster(&mut world).instances = 1;
    assert!(unwell(&world).iter().all(|finding| finding.level == Level::NotChecked));
}

#[test]
fn the_task_definition_is_active_and_fits_launch_port_and_target_group() {
    let world = broken(|world| definition(world).status = "INACTIVE".to_owned());
    only(&world, "task definition", Level::Failure, "INACTIVE");
    let world = broken(|world| definition(world).compatibilities = vec!["EC2".to_owned()]);
    only(&world, "task definition", Level::Failure, "not compatible with FARGATE");
    let world = broken(|world| {
        let group = &mut group(world).facts;
        group.target_type = start_engines_core::domain::target::TargetType::Instance;
    });
    only(&world, "port", Level::Failure, "takes targets of type instance");
    let world = broken(|world| definition(world).ports.network_mode = NetworkMode::Bridge);
    assert!(
        unwell(&world)[0]
            .message
            .contains("network mode bridge, and the start has subnets")
    );
    // The task's security group must let in the other port too, so that only the mapping is wrong.
    let mut world = with_entry(&json!({"port": 9090}));
    security_group(&mut world, TASKS)
        .ingress
        .push(from_anywhere((9090, 9090)));
    only(
        &world,
        "port",
        Level::Warning,
        "maps port 9090/tcp, which auth gets: mapped is auth 8080/tcp",
    );
    let world = with_entry(&json!({"containerName": "other"}));
    let found = unwell(&world);
    assert!(
        found[0].level == Level::Failure && found[0].message.contains("has no container other"),
        "{found:#?}"
    );
}

#[test]
fn a_target_group_without_a_listener_is_named() {
    let world = broken(|world| group(world).balancers.clear());
    only(
        &world,
        "target group",
        Level::Failure,
        "no listener and no rule of a load balancer forwards to auth",
    );
    let world = broken(|world| balancer(world).state = "failed".to_owned());
    only(&world, "target group", Level::Failure, "could not be set up");
}

#[test]
fn a_health_check_that_cannot_pass_is_named_before_and_after_it_fails() {
    let world = broken(|world| group(world).check.path = Some("health".to_owned()));
    only(&world, "health check", Level::Failure, "is no path");
    let world = broken(|world| {
        group(world).check.port = "9090".to_owned();
        security_group(world, TASKS).ingress.push(from_anywhere((9090, 9090)));
    });
    only(
        &world,
        "health check",
        Level::Warning,
        "asks port 9090, which no container",
    );
    let unhealthy = |reason: &str| {
        broken(|world| {
            let targets = known(world.account.unhealthy.values_mut().next().unwrap());
            targets.push(Unhealthy {
                id: "10.0.0.7".to_owned(),
                port: Some(8080),
                state: "unhealthy".to_owned(),
                reason: reason.to_owned(),
                description: "Health checks failed with these codes: [404]".to_owned(),
            });
        })
    };
    let world = unhealthy("Target.ResponseCodeMismatch");
    only(
        &world,
        "target health",
        Level::Failure,
        "[404]; the health check asks for /health on its own port (8080) and wants 200",
    );
    only(
        &unhealthy("Target.Timeout"),
        "target health",
        Level::Failure,
        "nothing answers /health",
    );
    only(
        &unhealthy("Target.FailedHealthChecks"),
        "target health",
        Level::Failure,
        "connection",
    );
    only(
        &unhealthy("Elb.InternalError"),
        "target health",
        Level::Warning,
        "unhealthy",
    );
}

#[test]
fn the_time_until_a_target_is_healthy_follows_from_the_load_balancer() {
    let told = |world: &World| {
        let findings = all(world);
        let found = findings.iter().find(|finding| finding.check == "health check").unwrap();
        found.message.clone()
    };
    // One passed check is enough for an Application Load Balancer.
    assert!(
        told(&sound()).ends_with("healthy at most 35 s after it answers"),
        "{}",
        told(&sound())
    );
    let world = broken(|world| balancer(world).kind = "network".to_owned());
    assert!(
        told(&world).contains("healthy at most 155 s after it answers and its checks have begun"),
        "{}",
        told(&world)
    );
}

#[test]
fn subnets_are_in_the_vpc_and_in_zones_of_the_load_balancer() {
    let subnet = |world: &mut World, change: fn(&mut Subnet)| {
        change(known(world.account.subnets.get_mut(SUBNETS[1]).unwrap()));
    };
    let world = broken(|world| subnet(world, |subnet| subnet.zone = "us-east-1c".to_owned()));
    only(
        &world,
        "subnets",
        Level::Failure,
        "is in the zone us-east-1c, and the load balancer main only in us-east-1a, us-east-1b",
    );
    let world = broken(|world| subnet(world, |subnet| subnet.vpc = "vpc-other".to_owned()));
    // One task cannot be in both; and whether the load balancer has a way to the other is not known.
    let mut found = unwell(&world);
    found.retain(|finding| finding.check == "subnets");
    let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::NotChecked, Level::Failure], "{found:#?}");
}

#[test]
fn a_closed_security_group_is_named_with_the_rule_that_opens_it() {
    let world = broken(|world| security_group(world, TASKS).ingress.clear());
    only(
        &world,
        "security groups",
        Level::Failure,
        &format!("{TASKS} does not let in main on port 8080/tcp, for auth"),
    );
    assert!(
        unwell(&world)[0]
            .repair
            .contains(&format!("--port 8080 --source-group {OF_BALANCER}"))
    );
    let world = broken(|world| security_group(world, OF_BALANCER).egress.clear());
    only(
        &world,
        "security groups",
        Level::Failure,
        "does not let out to the tasks on port 8080",
    );
    // By addresses: all of the load balancer's subnets must be let in.
    let by = |cidrs: &[&str]| {
        broken(|world| {
            let rule = &mut security_group(world, TASKS).ingress[0];
            rule.groups.clear();
            rule.cidrs = cidrs.iter().map(|cidr| (*cidr).to_owned()).collect();
        })
    };
    assert_eq!(unwell(&by(&["10.0.0.0/16"])), []);
    assert_eq!(unwell(&by(&["10.0.0.0/24", "10.0.1.0/24"])), []);
    only(
        &by(&["10.0.0.0/24"]),
        "security groups",
        Level::NotChecked,
        "some addresses only",
    );
    only(
        &by(&["10.9.0.0/16"]),
        "security groups",
        Level::Failure,
        "does not let in",
    );
    // Another protocol or port.
    let world = broken(|world| security_group(world, TASKS).ingress[0].protocol = "udp".to_owned());
    only(&world, "security groups", Level::Failure, "does not let in");
}

#[test]
fn a_network_load_balancer_without_security_groups_comes_with_its_own_addresses_or_its_clients() {
    let network = |keeps: bool| {
        broken(|world| {
            let balancer = balancer(world);
            balancer.kind = "network".to_owned();
            balancer.security_groups.clear();
            let group = group(world);
            group.facts.protocol = "TCP".to_owned();
            group.keeps_client_addresses = Fact::Known(keeps);
            let rule = &mut security_group(world, TASKS).ingress[0];
            rule.groups.clear();
            rule.cidrs = vec!["10.0.0.0/16".to_owned()];
        })
    };
    assert_eq!(unwell(&network(false)), []);
    only(
        &network(true),
        "security groups",
        Level::NotChecked,
        "the clients' own addresses",
    );
    let mut world = network(true);
    security_group(&mut world, TASKS).ingress.clear();
    // Its health checks come from its own addresses all the same.
    assert!(unwell(&world).iter().any(|finding| finding.level == Level::Failure));
}

#[test]
fn tasks_on_fargate_need_a_way_out() {
    let to = |target: &str| {
        let target = target.to_owned();
        broken(move |world| tables(world)[0].routes[1].target = target)
    };
    let world = to("igw-1");
    let found = unwell(&world);
    assert_eq!(found.len(), 2, "of each subnet: {found:#?}");
    assert!(
        found[0]
            .message
            .contains("needs a public address, and the VPC has no endpoint for"),
        "{found:#?}"
    );
    assert!(
        unwell(&to("tgw-1"))
            .iter()
            .all(|finding| finding.level == Level::NotChecked)
    );
    let mut world = with_entry(&json!({"assignPublicIp": "ENABLED"}));
    tables(&mut world)[0].routes[1].target = "igw-1".to_owned();
    assert_eq!(unwell(&world), []);
    // With all endpoints that Fargate needs.
    let mut world = broken(|world| {
        tables(world)[0].routes.truncate(1);
    });
    let endpoint = |name: &str, kind: &str| Endpoint {
        service: format!("com.amazonaws.us-east-1.{name}"),
        kind: kind.to_owned(),
        state: "available".to_owned(),
        route_tables: vec!["rtb-1".to_owned()],
        private_dns: true,
    };
    let interfaces = ["ecr.api", "ecr.dkr", "logs", "secretsmanager"].map(|name| endpoint(name, "Interface"));
    let all = [&interfaces[..], &[endpoint("s3", "Gateway")]].concat();
    world.account.endpoints.insert(VPC.to_owned(), Fact::Known(all));
    assert_eq!(unwell(&world), []);
    known(world.account.endpoints.get_mut(VPC).unwrap()).remove(0);
    assert!(
        unwell(&world)[0]
            .message
            .ends_with("the VPC has no endpoint for ecr.api")
    );
    // Endpoints do not reach other registries.
    definition(&mut world).containers[0].image = "docker.io/library/auth:1".to_owned();
    assert!(
        unwell(&world)[0]
            .message
            .contains("an image that is not in ECR cannot be pulled")
    );
    let world = broken(|world| security_group(world, TASKS).egress.clear());
    only(&world, "way out", Level::Failure, "lets nothing out on port 443");
}

#[test]
fn a_function_in_a_vpc_needs_a_way_to_aws() {
    let mut world = broken(|world| {
        function(world).subnets = vec![SUBNETS[0].to_owned()];
        function(world).security_groups = vec![TASKS.to_owned()];
    });
    assert_eq!(unwell(&world), []);
    let table = RouteTable {
        id: "rtb-2".to_owned(),
        subnets: vec![SUBNETS[0].to_owned()],
        ..RouteTable::default()
    };
    tables(&mut world).push(table);
    let found = unwell(&world);
    let of_function = found.iter().find(|finding| finding.about == "start-engines").unwrap();
    assert!(
        of_function
            .message
            .contains("no endpoint for ec2, ecs, elasticloadbalancing, scheduler"),
        "{of_function:#?}"
    );
}

#[test]
fn images_log_groups_and_secrets_are_there() {
    let world = broken(|world| *world.account.images.get_mut(IMAGE).unwrap() = Fact::Absent);
    only(&world, "image", Level::Failure, "is not in ECR");
    let world = broken(|world| *world.account.log_groups.values_mut().next().unwrap() = Fact::Absent);
    only(&world, "log group", Level::Failure, "/ecs/auth does not exist");
    let world = broken(|world| *world.account.secrets.values_mut().next().unwrap() = Fact::Absent);
    only(&world, "secrets", Level::Failure, "does not exist");
}

#[test]
fn what_the_looker_may_not_read_is_not_checked_and_never_guessed() {
    let unread = || "you may not call it".to_owned();
    macro_rules! hide {
        ($fact:expr) => {
            $fact = Fact::unread(unread(), "attach the policy")
        };
    }
    let mut world = sound();
    let deployment = &mut world.deployment;
    hide!(deployment.files);
    hide!(deployment.policy);
    hide!(deployment.on_failure);
    hide!(deployment.mappings);
    hide!(deployment.alarms);
    hide!(deployment.schedule_group);
    for rule in &mut deployment.rules {
        hide!(rule.state);
        hide!(rule.targets);
    }
    deployment.queues.iter_mut().for_each(|queue| hide!(queue.found));
    let account = &mut world.account;
    account.clusters.values_mut().for_each(|fact| hide!(*fact));
    account.definitions.values_mut().for_each(|fact| hide!(*fact));
    account.groups.values_mut().for_each(|fact| hide!(*fact));
    account.unhealthy.values_mut().for_each(|fact| hide!(*fact));
    account.balancers.values_mut().for_each(|fact| hide!(*fact));
    account.subnets.values_mut().for_each(|fact| hide!(*fact));
    account.security_groups.values_mut().for_each(|fact| hide!(*fact));
    account.routes.values_mut().for_each(|fact| hide!(*fact));
    account.permits.values_mut().for_each(|fact| hide!(*fact));
    let found = unwell(&world);
    assert!(
        !found.is_empty() && found.iter().all(|finding| finding.level == Level::NotChecked),
        "{found:#?}"
    );
}

#[test]
fn nothing_is_well_that_depends_on_what_could_not_be_read() {
    fn hide<K: Ord, T>(facts: &mut std::collections::BTreeMap<K, Fact<T>>) {
        for fact in facts.values_mut() {
            *fact = Fact::unread("you may not call it", "attach the policy");
        }
    }
    type Case = (fn(&mut Account), &'static [&'static str]);
    let cases: [Case; 6] = [
        (|account| hide(&mut account.groups), &["security groups", "subnets"]),
        (|account| hide(&mut account.balancers), &["security groups", "subnets"]),
        (|account| hide(&mut account.subnets), &["subnets", "way out"]),
        (
            |account| hide(&mut account.security_groups),
            &["security groups", "way out"],
        ),
        (|account| hide(&mut account.clusters), &["permissions"]),
        (|account| hide(&mut account.definitions), &["permissions"]),
    ];
    for (n, (hide, checks)) in cases.into_iter().enumerate() {
        let world = broken(|world| hide(&mut world.account));
        let well = all(&world)
            .into_iter()
            .filter(|finding| finding.level == Level::Ok && finding.about != "start-engines")
            .find(|finding| checks.contains(&finding.check));
        assert_eq!(well, None, "#{n}");
    }
}
