//! The checks of ways out: routes, endpoints, and what security groups let out.

use super::*;

/// All that Fargate needs.
fn give_endpoints(world: &mut World) {
    let endpoint = |name: &str, kind: &str| Endpoint {
        service: format!("com.amazonaws.us-east-1.{name}"),
        kind: kind.to_owned(),
        state: "available".to_owned(),
        route_tables: vec!["rtb-1".to_owned()],
        private_dns: true,
        names: Vec::new(),
    };
    let interfaces = ["ecr.api", "ecr.dkr", "logs", "secretsmanager"].map(|name| endpoint(name, "Interface"));
    let all = [&interfaces[..], &[endpoint("s3", "Gateway")]].concat();
    world.account.endpoints.insert(VPC.to_owned(), Fact::Known(all));
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
    let found = unwell(&to("tgw-1"));
    let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::NotChecked; 2], "of each subnet: {found:#?}");
    let mut world = with_entry(&json!({"assignPublicIp": "ENABLED"}));
    tables(&mut world)[0].routes[1].target = "igw-1".to_owned();
    assert_eq!(unwell(&world), []);
    // With all endpoints that Fargate needs.
    let mut world = broken(|world| {
        tables(world)[0].routes.truncate(1);
        give_endpoints(world);
    });
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

const DUAL_STACK: &str = "111122223333.dkr-ecr.us-east-1.on.aws/auth:7";
const FIPS: &str = "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/auth:7";
const CHINESE: &str = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/auth:7";
const HUB: &str = "docker.io/library/auth:1";

/// The findings of `way out`, when the subnets have these blocks, their table these default routes, and the task this image.
/// No task has a public address.
fn ways_out(blocks: &[&str], routes: &[(&str, &str)], image: &str, change: impl FnOnce(&mut World)) -> Vec<Finding> {
    let mut world = broken(|world| {
        for id in SUBNETS {
            let blocks = blocks.iter().map(|block| (*block).to_owned());
            known(world.account.subnets.get_mut(id).unwrap()).cidrs = blocks.collect();
        }
        let table = &mut tables(world)[0].routes;
        table.truncate(1);
        table.extend(routes.iter().map(|(destination, target)| Route {
            destination: (*destination).to_owned(),
            target: (*target).to_owned(),
            state: "active".to_owned(),
        }));
        definition(world).containers[0].image = image.to_owned();
        let everywhere = ["0.0.0.0/0", "::/0"].map(str::to_owned);
        security_group(world, TASKS).egress[0].cidrs = everywhere.to_vec();
        change(world);
    });
    world.account.groups.clear();
    let mut found = all(&world);
    found.retain(|finding| finding.check == "way out" && finding.about == "service auth");
    found
}

/// Of each subnet one, at this level, with this text; or all are well.
fn each_way(found: &[Finding], level: Level, text: &str) {
    let count = if level == Level::Ok { 1 } else { SUBNETS.len() };
    let levels: Vec<Level> = found.iter().map(|finding| finding.level).collect();
    assert_eq!(levels, vec![level; count], "{text:?}: {found:#?}");
    for finding in found {
        assert!(finding.message.contains(text), "{text:?}: {finding:#?}");
        assert!(level != Level::Failure || !finding.repair.is_empty(), "{finding:#?}");
    }
}

#[test]
fn ways_out_are_judged_by_the_family_of_the_subnet_and_of_the_images_name() {
    const V4: &str = "10.0.0.0/24";
    const V6: &str = "2600:1f18::/64";
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str, Level, &'a str);
    let cases: [Case<'_>; 20] = [
        // IPv6 needs no public address, and no route by IPv4.
        (&[V6], &[("::/0", "igw-1")], DUAL_STACK, Level::Ok, "can pull"),
        (&[V6], &[("::/0", "eigw-1")], DUAL_STACK, Level::Ok, "can pull"),
        (
            &[V6],
            &[("::/0", "eigw-1")],
            IMAGE,
            Level::Failure,
            "IPv4 addresses only",
        ),
        (
            &[V6],
            &[("::/0", "eigw-1")],
            FIPS,
            Level::Failure,
            "dkr.ecr-fips.us-east-1.amazonaws.com IPv4 addresses only",
        ),
        (
            &[V6],
            &[("::/0", "eigw-1")],
            HUB,
            Level::NotChecked,
            "whether the registry of docker.io/library/auth:1",
        ),
        (
            &[V6],
            &[("::/0", "tgw-1")],
            DUAL_STACK,
            Level::NotChecked,
            "by IPv6 alone, by tgw-1",
        ),
        (
            &[V6],
            &[],
            DUAL_STACK,
            Level::Failure,
            "it has no IPv4 block, and the VPC has no endpoint for ecr.api",
        ),
        // What a route for the other family leads to does not help.
        (
            &[V6],
            &[("0.0.0.0/0", "nat-1")],
            DUAL_STACK,
            Level::Failure,
            "it has no IPv4 block",
        ),
        (
            &[V4],
            &[("::/0", "eigw-1")],
            IMAGE,
            Level::Failure,
            "no default route for IPv4",
        ),
        (
            &[V4],
            &[("::/0", "eigw-1")],
            HUB,
            Level::Failure,
            "no default route for IPv4",
        ),
        // NAT64 takes it to IPv4 addresses, if there is DNS64.
        (
            &[V6],
            &[("::/0", "eigw-1"), ("64:ff9b::/96", "nat-1")],
            IMAGE,
            Level::NotChecked,
            "DNS64",
        ),
        (
            &[V4],
            &[("64:ff9b::/96", "nat-1")],
            IMAGE,
            Level::Failure,
            "no default route for IPv4",
        ),
        // A dual-stack subnet goes out by IPv4.
        (&[V4, V6], &[("0.0.0.0/0", "nat-1")], IMAGE, Level::Ok, "can pull"),
        (&[V4, V6], &[("0.0.0.0/0", "nat-1")], DUAL_STACK, Level::Ok, "can pull"),
        (
            &[V4, V6],
            &[("::/0", "eigw-1")],
            IMAGE,
            Level::Failure,
            "no default route for IPv4, and the VPC has no endpoint",
        ),
        (
            &[V4, V6],
            &[("::/0", "eigw-1")],
            CHINESE,
            Level::Failure,
            "no default route for IPv4, and the VPC has no endpoint",
        ),
        (
            &[V4, V6],
            &[("::/0", "eigw-1")],
            DUAL_STACK,
            Level::NotChecked,
            "goes out by IPv6 alone: its route table has no",
        ),
        (
            &[V4, V6],
            &[("::/0", "eigw-1")],
            HUB,
            Level::NotChecked,
            "whether the registry of docker.io/library/auth:1",
        ),
        (
            &[V4, V6],
            &[("0.0.0.0/0", "igw-1"), ("::/0", "eigw-1")],
            DUAL_STACK,
            Level::NotChecked,
            "which needs a public address",
        ),
        (
            &[V4, V6],
            &[("0.0.0.0/0", "igw-1"), ("::/0", "igw-1")],
            IMAGE,
            Level::Failure,
            "which needs a public address",
        ),
    ];
    for (blocks, routes, image, level, text) in cases {
        let found = ways_out(blocks, routes, image, |_| {});
        each_way(&found, level, text);
    }
}

#[test]
fn endpoints_answer_to_the_usual_names_of_ecr_and_to_others_that_they_list() {
    const V4: &[&str] = &["10.0.0.0/24"];
    let with = |image: &str, names: &[&str]| {
        ways_out(V4, &[], image, |world| {
            give_endpoints(world);
            let endpoints = known(world.account.endpoints.get_mut(VPC).unwrap());
            let registry = endpoints
                .iter_mut()
                .find(|it| it.service.ends_with(".ecr.dkr"))
                .unwrap();
            registry.names = names.iter().map(|name| (*name).to_owned()).collect();
        })
    };
    let listed = [
        "*.dkr.ecr.us-east-1.amazonaws.com",
        "dkr-ecr.us-east-1.on.aws",
        "*.dkr-ecr.us-east-1.on.aws",
    ];
    each_way(&with(IMAGE, &[]), Level::Ok, "can pull");
    each_way(&with(CHINESE, &[]), Level::Ok, "can pull");
    each_way(&with(DUAL_STACK, &listed), Level::Ok, "can pull");
    for (image, names, name) in [
        (DUAL_STACK, &listed[..2], "the name dkr-ecr.us-east-1.on.aws is not"),
        (
            FIPS,
            &listed[..],
            "the name dkr.ecr-fips.us-east-1.amazonaws.com is not",
        ),
    ] {
        each_way(&with(image, names), Level::NotChecked, name);
    }
    each_way(&with(HUB, &listed), Level::Failure, "not in ECR");
    // Without any, no name of ECR is reached.
    for image in [IMAGE, DUAL_STACK, FIPS] {
        let missing = "no endpoint for ecr.api, ecr.dkr, logs, s3, secretsmanager";
        each_way(&ways_out(V4, &[], image, |_| {}), Level::Failure, missing);
    }
    // Whether they have IPv6 addresses is not known.
    let v6 = &["2600:1f18::/64"];
    let text = "has IPv6 addresses only";
    each_way(&ways_out(v6, &[], DUAL_STACK, give_endpoints), Level::NotChecked, text);
    each_way(
        &ways_out(v6, &[("::/0", "eigw-1")], IMAGE, give_endpoints),
        Level::NotChecked,
        text,
    );
}

#[test]
fn security_groups_let_out_by_the_family_that_aws_is_called_by() {
    const V6: &[&str] = &["2600:1f18::/64"];
    let out = |blocks: &[&str], cidrs: &[&str]| {
        let routes = [("0.0.0.0/0", "nat-1"), ("::/0", "eigw-1")];
        ways_out(blocks, &routes, DUAL_STACK, |world| {
            security_group(world, TASKS).egress[0].cidrs = cidrs.iter().map(|cidr| (*cidr).to_owned()).collect();
        })
    };
    let one = |found: Vec<Finding>, level: Level, text: &str| {
        let [finding] = found.as_slice() else {
            panic!("{text:?}: {found:#?}");
        };
        assert!(
            finding.level == level && finding.message.contains(text),
            "{text:?}: {finding:#?}"
        );
    };
    one(out(&["10.0.0.0/24"], &["0.0.0.0/0"]), Level::Ok, "can pull");
    one(out(V6, &["::/0"]), Level::Ok, "can pull");
    one(
        out(&["10.0.0.0/24"], &["::/0"]),
        Level::Failure,
        "nothing out on port 443 by IPv4",
    );
    one(
        out(V6, &["0.0.0.0/0"]),
        Level::Failure,
        "nothing out on port 443 by IPv6",
    );
    one(
        out(&["10.0.0.0/24"], &["10.0.0.0/16"]),
        Level::NotChecked,
        "some addresses only on port 443",
    );
}
