//! The checks of each service, but for its network.

use super::*;

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
    // Both that of a start and that of a drain.
    let tags = broken(|world| {
        let permits = world.account.permits.iter_mut();
        let of_drain = |ask: &Ask| ask.context.iter().any(|(key, _)| *key == "aws:TagKeys");
        for (_, verdict) in permits.filter(|(ask, _)| ask.action == "ecs:TagResource" && of_drain(ask)) {
            *verdict = Fact::Known(Verdict::Denied);
        }
    });
    only(&tags, "permissions", Level::Failure, "may not call ecs:TagResource");
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
fn what_an_entry_leaves_to_the_event_is_not_said_to_be_wrong() {
    let world = with_entry(&json!({"taskDefinition": null, "subnets": null}));
    only(
        &world,
        "start",
        Level::NotChecked,
        "the catalog entry leaves taskDefinition, subnets to the event",
    );
    // An event may not give it.
    let mut world = with_entry(&json!({"taskDefinition": null}));
    world.services[0].from_event = FromEvent::Only(vec!["port"]);
    only(&world, "start", Level::Failure, "taskDefinition is missing");
    let mut world = with_entry(&json!({"taskDefinition": null}));
    world.services[0].from_event = FromEvent::Only(vec!["taskDefinition"]);
    only(&world, "start", Level::NotChecked, "leaves taskDefinition to the event");
    // Something else is wrong besides.
    let world = with_entry(&json!({"taskDefinition": null, "cluster": "other"}));
    let found = unwell(&world);
    assert!(
        found.len() > 1 && found.iter().all(|finding| finding.level == Level::Failure),
        "{found:#?}"
    );
}

#[test]
fn what_lets_a_denied_call_through_is_named_by_the_call() {
    const VOLUMES: &str = "arn:aws:iam::111122223333:role/volumes";
    let volumes =
        json!({"volumeConfigurations": [{"name": "data", "managedEBSVolume": {"roleArn": VOLUMES, "sizeInGiB": 1}}]});
    let mut world = with_entry(&volumes);
    deny(&mut world, "iam:PassRole", VOLUMES);
    let repair = |world: &World| {
        let found = unwell(world);
        let mut denied = found.iter().filter(|finding| finding.check == "permissions");
        denied.next().expect("it is denied").repair.clone()
    };
    assert!(repair(&world).starts_with("name it in infrastructureRoles of the component"));
    for (action, resource, expected) in [
        ("iam:PassRole", EXECUTION, "name it in taskRoles of"),
        (
            "elasticloadbalancing:RegisterTargets",
            GROUP,
            "name it in targetGroups of",
        ),
        ("ecs:ListTasks", "*", "name the cluster in clusters of"),
        ("ec2:DescribeNetworkInterfaces", "*", "deploy again"),
    ] {
        let repair = repair(&denied(action, resource));
        assert!(repair.starts_with(expected), "{action}: {repair}");
    }
    // Container instances are looked up where the target is theirs.
    for action in ["ecs:DescribeContainerInstances", "ec2:DescribeInstances"] {
        let mut world = sound();
        definition(&mut world).ports.network_mode = NetworkMode::Bridge;
        permit_all(&mut world);
        let ask = world.account.permits.keys().find(|ask| ask.action == action);
        let resource = ask.expect("it is asked").resource.clone();
        deny(&mut world, action, &resource);
        assert!(
            unwell(&world)
                .iter()
                .any(|finding| finding.check == "permissions"
                    && finding.message.contains(&format!("may not call {action}"))),
            "{action}"
        );
    }
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

/// The task's containers each map this, in network mode bridge.
fn bridge(world: &mut World, mappings: &[(&str, i64, Option<i64>, &str)]) {
    let ports = &mut definition(world).ports;
    ports.network_mode = NetworkMode::Bridge;
    let mapping = |(container, port, host_port, protocol): &(&str, i64, Option<i64>, &str)| {
        let raw = RawBinding {
            container_port: Some(*port),
            container_range: None,
            host_port: *host_port,
            host_range: None,
            protocol: Some(protocol),
            bind_ip: None,
        };
        PortMapping::read(container, raw).unwrap()
    };
    ports.mappings = mappings.iter().map(mapping).collect();
}

#[test]
fn a_health_check_comes_by_tcp_to_a_port_that_the_container_has_on_its_host() {
    let of_check = |world: &World| {
        let mut found = unwell(world);
        found.retain(|finding| finding.check == "health check");
        found
    };
    // ECS assigns the host port, and the health check asks the container's.
    let mut world = sound();
    bridge(&mut world, &[("auth", 8080, None, "tcp")]);
    assert_eq!(of_check(&world), []);
    group(&mut world).check.port = "8080".to_owned();
    let found = of_check(&world);
    assert!(
        found.len() == 1
            && found[0].level == Level::Failure
            && found[0].message.contains("where ECS assigns another one"),
        "{found:#?}"
    );
    bridge(&mut world, &[("auth", 8080, Some(8080), "tcp")]);
    let found = of_check(&world);
    assert!(found.len() == 1 && found[0].level == Level::NotChecked, "{found:#?}");
    // UDP only.
    for (mode, level) in [
        (NetworkMode::Awsvpc, Level::Warning),
        (NetworkMode::Bridge, Level::Failure),
    ] {
        let mut world = sound();
        group(&mut world).facts.protocol = "UDP".to_owned();
        bridge(&mut world, &[("auth", 8080, None, "udp")]);
        definition(&mut world).ports.network_mode = mode;
        let found = of_check(&world);
        assert!(
            found.len() == 1 && found[0].level == level && found[0].message.contains("comes by TCP on port 8080"),
            "{found:#?}"
        );
        bridge(
            &mut world,
            &[("auth", 8080, None, "udp"), ("health", 8080, None, "tcp")],
        );
        assert_eq!(of_check(&world), []);
    }
}

#[test]
fn of_two_containers_with_the_port_the_function_must_be_told_which() {
    let of_port = |world: &World| {
        let mut found = unwell(world);
        found.retain(|finding| finding.check == "port");
        found
    };
    let both = [("auth", 8080, None, "tcp"), ("sidecar", 8080, None, "tcp")];
    let mut world = sound();
    bridge(&mut world, &both);
    let found = of_port(&world);
    assert!(
        found[0].level == Level::Failure && found[0].message.starts_with("auth and sidecar of "),
        "{found:#?}"
    );
    let mut world = with_entry(&json!({"containerName": "auth"}));
    bridge(&mut world, &both);
    assert_eq!(of_port(&world), []);
}

#[test]
fn targets_that_are_unhealthy_for_one_reason_are_one_finding() {
    let world = broken(|world| {
        let targets = known(world.account.unhealthy.values_mut().next().unwrap());
        targets.extend((0..300).map(|n| Unhealthy {
            id: format!("10.0.1.{n}"),
            port: Some(8080),
            state: "unhealthy".to_owned(),
            reason: "Target.Timeout".to_owned(),
            description: "Request timed out".to_owned(),
        }));
    });
    only(
        &world,
        "target health",
        Level::Failure,
        "10.0.1.0:8080 (and 299 more) in auth is unhealthy: Request timed out",
    );
    assert!(
        unwell(&world)[0]
            .repair
            .ends_with("start-engines status shows whose it is")
    );
}

#[test]
fn what_cannot_be_read_of_a_target_group_makes_no_wrong_port() {
    let mut world = sound();
    bridge(&mut world, &[("auth", 8080, None, "udp")]);
    *world.account.groups.values_mut().next().unwrap() = Fact::unread("you may not call it", "attach the policy");
    let found = unwell(&world);
    let of_port = found.iter().find(|finding| finding.check == "port");
    assert_eq!(
        of_port.map(|finding| finding.level),
        Some(Level::NotChecked),
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
fn images_log_groups_and_secrets_are_there() {
    let world = broken(|world| *world.account.images.get_mut(IMAGE).unwrap() = Fact::Absent);
    only(&world, "image", Level::Failure, "is not in ECR");
    let world = broken(|world| *world.account.log_groups.values_mut().next().unwrap() = Fact::Absent);
    only(&world, "log group", Level::Failure, "/ecs/auth does not exist");
    let world = broken(|world| *world.account.secrets.values_mut().next().unwrap() = Fact::Absent);
    only(&world, "secrets", Level::Failure, "does not exist");
}
