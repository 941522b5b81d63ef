//! The checks of networks: subnets, security groups, ways out.

use start_engines_core::domain::target::AddressFamily;

use super::*;

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
fn subnets_have_addresses_of_the_target_groups_kind() {
    let with = |family: AddressFamily, blocks: [&str; 2]| {
        broken(|world| {
            group(world).facts.family = family;
            let cidrs: Vec<String> = blocks
                .iter()
                .filter(|it| !it.is_empty())
                .map(|it| (*it).to_owned())
                .collect();
            for id in SUBNETS {
                known(world.account.subnets.get_mut(id).unwrap()).cidrs = cidrs.clone();
            }
        })
    };
    let (v4, v6) = ("10.0.0.0/24", "2600:1f18::/64");
    let of_subnets = |world: &World| {
        let mut found = unwell(world);
        found.retain(|finding| finding.check == "subnets");
        found
    };
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        assert_eq!(of_subnets(&with(family, [v4, v6])), []);
    }
    for (family, block, words) in [
        (AddressFamily::Ipv6, v4, "has no IPv6 block"),
        (AddressFamily::Ipv4, v6, "has no IPv4 block"),
    ] {
        let world = with(family, [block, ""]);
        let found = of_subnets(&world);
        assert_eq!(found.len(), SUBNETS.len(), "{found:#?}");
        for finding in found {
            assert_eq!(finding.level, Level::Failure);
            assert!(finding.message.contains(words), "{finding:#?}");
        }
    }
}

#[test]
fn both_transports_of_tcp_udp_must_be_let_in() {
    let with = |protocols: &[&str]| {
        broken(|world| {
            group(world).facts.protocol = "TCP_UDP".to_owned();
            balancer(world).kind = "network".to_owned();
            let open = security_group(world, TASKS).ingress[0].clone();
            let of = |protocol: &&str| Permission {
                protocol: (*protocol).to_owned(),
                ..open.clone()
            };
            security_group(world, TASKS).ingress = protocols.iter().map(of).collect();
        })
    };
    assert_eq!(unwell(&with(&["tcp", "udp"])), []);
    assert_eq!(unwell(&with(&["-1"])), []);
    only(
        &with(&["tcp"]),
        "security groups",
        Level::Failure,
        "does not let in main on port 8080/udp",
    );
    only(
        &with(&["udp"]),
        "security groups",
        Level::Failure,
        "does not let in main on port 8080/tcp",
    );
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
