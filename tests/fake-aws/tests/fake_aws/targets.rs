//! Target groups: draining, ports, and what registering refuses.

use start_engines_fake_aws::{FakeAws, Health, TargetGroup};

use crate::{elb, target};

#[tokio::test]
async fn a_deregistered_target_drains_and_can_come_back() {
    let fake = FakeAws::start().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80)));
    let one = target(&group, "10.0.1.10", Some("8080"));
    let state = async || {
        let answer = elb(&fake, "DescribeTargetHealth", &one).await;
        answer.text("State").map(str::to_owned)
    };
    assert_eq!(state().await.as_deref(), Some("unused"));
    elb(&fake, "RegisterTargets", &one).await;
    assert_eq!(state().await.as_deref(), Some("initial"));
    fake.world(|w| w.set_health(&group, "10.0.1.10", 8080, Health::Healthy));
    elb(&fake, "RegisterTargets", &one).await;
    assert_eq!(
        state().await.as_deref(),
        Some("healthy"),
        "registering twice changes nothing"
    );

    elb(&fake, "DeregisterTargets", &one).await;
    assert_eq!(state().await.as_deref(), Some("draining"));
    assert_eq!(fake.world(|w| w.registered(&group)), vec![]);
    let all = elb(&fake, "DescribeTargetHealth", &[("TargetGroupArn", &group)]).await;
    assert_eq!(all.texts("State"), vec!["draining"]);
    elb(&fake, "RegisterTargets", &one).await;
    assert_eq!(state().await.as_deref(), Some("initial"));

    elb(&fake, "DeregisterTargets", &one).await;
    fake.world(|w| w.drain(&group));
    let gone = elb(&fake, "DescribeTargetHealth", &one).await;
    assert_eq!(gone.text("Reason"), Some("Target.NotRegistered"));
    assert_eq!(elb(&fake, "DeregisterTargets", &one).await.status, 200);
}

#[tokio::test]
async fn deregistering_without_the_port_leaves_a_target_with_another_port() {
    let fake = FakeAws::start().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80)));
    elb(&fake, "RegisterTargets", &target(&group, "10.0.1.10", Some("8080"))).await;
    elb(&fake, "RegisterTargets", &target(&group, "10.0.1.11", None)).await;
    elb(&fake, "DeregisterTargets", &target(&group, "10.0.1.10", None)).await;
    elb(&fake, "DeregisterTargets", &target(&group, "10.0.1.11", None)).await;
    assert_eq!(
        fake.world(|w| w.registered(&group)),
        vec![("10.0.1.10".to_owned(), 8080)]
    );
}

#[tokio::test]
async fn register_targets_refuses_what_the_group_does_not_take() {
    let fake = FakeAws::start().await;
    let (ip, ipv6, instance, full) = fake.world(|w| {
        let full = TargetGroup::ip("full", 80).quota(0);
        (
            w.add_target_group(TargetGroup::ip("web", 80)),
            w.add_target_group(TargetGroup::ip("web6", 80).ipv6()),
            w.add_target_group(TargetGroup::instance("hosts", 80)),
            w.add_target_group(full),
        )
    });
    let nowhere = ip.replace("web", "gone");
    for (group, id, code) in [
        (&ip, "i-0123456789abcdef0", "InvalidTarget"),
        (&ip, "2001:db8::1", "InvalidTarget"),
        (&ip, "8.8.8.8", "InvalidTarget"),
        (&ip, "192.168.0.1", "ValidationError"),
        (&ipv6, "10.0.1.10", "InvalidTarget"),
        (&instance, "10.0.1.10", "InvalidTarget"),
        (&instance, "i-0123456789abcdef0", "InvalidTarget"),
        (&full, "10.0.1.10", "TooManyTargets"),
        (&nowhere, "10.0.1.10", "TargetGroupNotFound"),
    ] {
        let answer = elb(&fake, "RegisterTargets", &target(group, id, None)).await;
        assert_eq!(
            (answer.status, answer.text("Code")),
            (400, Some(code)),
            "{id}: {}",
            answer.body
        );
    }
    let fields = [target(&ip, "10.0.1.10", Some("0")), vec![("Tragets", "x")]].concat();
    let answer = elb(&fake, "RegisterTargets", &fields).await;
    assert_eq!(answer.text("Code"), Some("MalformedInput"));
    let call = fake.calls().pop().expect("a recorded call");
    assert_eq!(
        (call.name().as_str(), call.outcome.as_str()),
        ("elb:RegisterTargets", "MalformedInput")
    );
    assert_eq!(call.input["Tragets"], "x");
}

#[tokio::test]
async fn an_availability_zone_is_for_addresses_outside_the_vpc() {
    let fake = FakeAws::start().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80)));
    let everywhere = ("Targets.member.1.AvailabilityZone", "all");
    for (id, status) in [("10.0.1.10", 400), ("192.168.0.1", 200), ("8.8.8.8", 400)] {
        let fields = [target(&group, id, None), vec![everywhere]].concat();
        let answer = elb(&fake, "RegisterTargets", &fields).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.body);
    }
}

#[tokio::test]
async fn without_a_deregistration_delay_a_target_is_gone_at_once() {
    let fake = FakeAws::start().await;
    let group = TargetGroup::ip("web", 80).deregistration_delay(0);
    let group = fake.world(|w| w.add_target_group(group));
    let one = target(&group, "10.0.1.10", None);
    elb(&fake, "RegisterTargets", &one).await;
    elb(&fake, "DeregisterTargets", &one).await;
    assert_eq!(fake.world(|w| w.health(&group, "10.0.1.10", 80)), None);
}

#[tokio::test]
async fn describe_target_groups_reports_type_and_address_family() {
    let fake = FakeAws::start().await;
    let group = fake.world(|w| w.add_target_group(TargetGroup::ip("web", 80).ipv6()));
    let ask = [("TargetGroupArns.member.1", group.as_str())];
    let answer = elb(&fake, "DescribeTargetGroups", &ask).await;
    assert_eq!(answer.text("TargetType"), Some("ip"));
    assert_eq!(answer.text("IpAddressType"), Some("ipv6"));
    fake.world(|w| w.remove_target_group(&group));
    let answer = elb(&fake, "DescribeTargetGroups", &ask).await;
    assert_eq!(answer.text("Code"), Some("TargetGroupNotFound"));
}
