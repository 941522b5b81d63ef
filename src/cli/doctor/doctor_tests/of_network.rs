//! The checks of networks: subnets and security groups.

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

/// Behind a Network Load Balancer with a security group, on port 8080; health checks, on port 8081, are let in from it.
fn behind_nlb(protocol: &str, keeps: bool, rule: Permission) -> World {
    broken(|world| {
        balancer(world).kind = "network".to_owned();
        let group = group(world);
        group.facts.protocol = protocol.to_owned();
        group.keeps_client_addresses = Fact::Known(keeps);
        group.check.port = "8081".to_owned();
        let ingress = &mut security_group(world, TASKS).ingress;
        (ingress[0].from, ingress[0].to) = (Some(8081), Some(8081));
        ingress.push(Permission {
            protocol: "-1".to_owned(),
            ..rule
        });
    })
}

fn of_cidrs(cidrs: &[&str]) -> Permission {
    Permission {
        cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
        ..Permission::default()
    }
}

/// What is not well with the security groups. (No container of the sound world has a port for the health check.)
fn of_groups(world: &World) -> Vec<Finding> {
    let mut found = unwell(world);
    found.retain(|finding| finding.check == "security groups");
    found
}

fn one(world: &World, level: Level, text: &str) {
    let found = of_groups(world);
    let [finding] = found.as_slice() else {
        panic!("expected one finding with {text:?}: {found:#?}");
    };
    assert_eq!(finding.level, level, "{finding:#?}");
    assert!(finding.message.contains(text), "{text:?}: {finding:#?}");
}

#[test]
fn clients_addresses_are_let_in_for_sure_only_with_the_load_balancers_group() {
    let of_group = || Permission {
        groups: vec![OF_BALANCER.to_owned()],
        ..Permission::default()
    };
    let (own, clients) = (&["10.0.0.0/16"], &["192.0.2.0/24"]);
    let not_looked_at = "auth shows the clients' own addresses; whether they are let in is not looked at";
    for (protocol, keeps) in [("TCP", true), ("UDP", true), ("UDP", false), ("TCP_UDP", false)] {
        let with = |rule: Permission| behind_nlb(protocol, keeps, rule);
        assert_eq!(of_groups(&with(of_group())), [], "{protocol}");
        assert_eq!(of_groups(&with(of_cidrs(&["0.0.0.0/0"]))), [], "{protocol}");
        one(&with(of_cidrs(own)), Level::NotChecked, not_looked_at);
        let mut world = with(of_cidrs(clients));
        one(&world, Level::NotChecked, not_looked_at);
        assert!(of_groups(&world)[0].repair.contains(OF_BALANCER));
        security_group(&mut world, OF_BALANCER).egress = vec![of_cidrs(&["10.9.0.0/16"])];
        security_group(&mut world, OF_BALANCER).egress[0].protocol = "-1".to_owned();
        let levels: Vec<Level> = of_groups(&world).iter().map(|finding| finding.level).collect();
        let ports = if protocol == "TCP_UDP" { 3 } else { 2 };
        assert_eq!(levels.iter().filter(|level| **level == Level::Failure).count(), ports);
    }
    // Where targets see the load balancer's own addresses.
    assert_eq!(of_groups(&behind_nlb("TCP", false, of_cidrs(own))), []);
    let world = behind_nlb("TCP", false, of_cidrs(clients));
    one(&world, Level::Failure, "does not let in main on port 8080/tcp");
    // Nobody is let in.
    for protocol in ["TCP", "UDP"] {
        let mut world = behind_nlb(protocol, true, of_group());
        security_group(&mut world, TASKS).ingress.pop();
        one(&world, Level::Failure, "does not let in main on port 8080");
    }
}

#[test]
fn what_lets_through_some_addresses_is_not_checked() {
    let out_to = |rule: Permission| {
        broken(|world| {
            let egress = &mut security_group(world, OF_BALANCER).egress[0];
            *egress = Permission {
                protocol: "-1".to_owned(),
                ..rule
            };
        })
    };
    let list = || Permission {
        prefix_lists: vec!["pl-0a1b2c3d4e5f60718".to_owned()],
        ..Permission::default()
    };
    assert_eq!(unwell(&out_to(of_cidrs(&["10.0.0.0/24", "10.0.1.0/24"]))), []);
    for rule in [of_cidrs(&["10.0.0.0/24"]), list()] {
        only(
            &out_to(rule),
            "security groups",
            Level::NotChecked,
            &format!(
                "{OF_BALANCER} of main lets out to some addresses only; whether those of the tasks on port 8080/tcp"
            ),
        );
    }
    let world = broken(|world| {
        security_group(world, TASKS).ingress[0].groups.clear();
        security_group(world, TASKS).ingress[0].prefix_lists = list().prefix_lists;
    });
    only(&world, "security groups", Level::NotChecked, "some addresses only");
    // A group of another VPC or account is not the load balancer's.
    let world =
        broken(|world| security_group(world, TASKS).ingress[0].groups = vec!["sg-0fffffffffffffff0".to_owned()]);
    only(&world, "security groups", Level::Failure, "does not let in main");
}

#[test]
fn repairs_are_one_command_for_one_group_with_all_blocks_of_the_family() {
    const OTHER: &str = "sg-0c1d2e3f4a5b60718";
    let shut = |change: fn(&mut World)| {
        let mut world = with_entry(&json!({"securityGroups": [TASKS, OTHER]}));
        let group = security_group(&mut world, TASKS).clone();
        let other = SecurityGroup {
            ingress: Vec::new(),
            ..group
        };
        world
            .account
            .security_groups
            .insert(OTHER.to_owned(), Fact::Known(other));
        balancer(&mut world).kind = "network".to_owned();
        security_group(&mut world, TASKS).ingress.clear();
        change(&mut world);
        let mut found = unwell(&world);
        found.retain(|finding| finding.check == "security groups" && finding.level == Level::Failure);
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0).repair
    };
    let allow = format!("aws ec2 authorize-security-group-ingress --group-id {TASKS}");
    let ports = "IpProtocol=tcp,FromPort=8080,ToPort=8080";
    assert_eq!(
        shut(|_| {}),
        format!("{allow} --protocol tcp --port 8080 --source-group {OF_BALANCER}")
    );
    assert_eq!(
        shut(|world| balancer(world).security_groups.clear()),
        format!("{allow} --ip-permissions '{ports},IpRanges=[{{CidrIp=10.0.0.0/24}},{{CidrIp=10.0.1.0/24}}]'")
    );
    let of_ipv6 = shut(|world| {
        balancer(world).security_groups.clear();
        group(world).facts.family = AddressFamily::Ipv6;
        for (n, id) in SUBNETS.into_iter().enumerate() {
            let subnet = known(world.account.subnets.get_mut(id).unwrap());
            subnet.cidrs.push(format!("2600:1f18:0:{n}::/64"));
        }
    });
    assert_eq!(
        of_ipv6,
        format!(
            "{allow} --ip-permissions '{ports},Ipv6Ranges=[{{CidrIpv6=2600:1f18::/64}},{{CidrIpv6=2600:1f18:0:1::/64}}]'"
        )
    );
    let out = shut(|world| {
        let open = Permission {
            groups: vec![OF_BALANCER.to_owned()],
            protocol: "-1".to_owned(),
            ..Permission::default()
        };
        security_group(world, TASKS).ingress = vec![open];
        let mut other = security_group(world, OF_BALANCER).clone();
        other.egress.clear();
        security_group(world, OF_BALANCER).egress.clear();
        world
            .account
            .security_groups
            .insert("sg-0second".to_owned(), Fact::Known(other));
        balancer(world).security_groups.push("sg-0second".to_owned());
    });
    assert_eq!(
        out,
        format!(
            "aws ec2 authorize-security-group-egress --group-id {OF_BALANCER} \
             --ip-permissions '{ports},UserIdGroupPairs=[{{GroupId={TASKS}}}]'"
        )
    );
}
