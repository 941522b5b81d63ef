//! EC2's network interfaces of tasks and of others.

use std::net::Ipv4Addr;
use std::time::Duration;

use start_engines_fake_aws::{FakeAws, wire};

use crate::{fargate, one_task};

const MANAGED: (&str, &str) = ("IncludeManagedResources", "true");

async fn ec2(fake: &FakeAws, fields: &[(&str, &str)]) -> wire::Answer {
    let answer = wire::ec2(&fake.endpoint(), "DescribeNetworkInterfaces", fields).await;
    answer.expect("an answer")
}

fn filter<'a>(name: &'a str, value: &'a str) -> [(&'a str, &'a str); 2] {
    [("Filter.1.Name", name), ("Filter.1.Value.1", value)]
}

/// A fake with a task that has its address.
async fn attached() -> (FakeAws, String, String) {
    let fake = fargate().await;
    let task = one_task(&fake, "t1").await;
    let address = fake.world(|w| {
        w.dual_stack = true;
        w.advance(&task);
        w.address(&task).expect("an address").to_string()
    });
    (fake, task, address)
}

#[tokio::test]
async fn an_interface_is_found_by_its_address_its_id_or_its_vpc_if_all_filters_match() {
    let (fake, _, address) = attached().await;
    let found = ec2(
        &fake,
        &[&filter("addresses.private-ip-address", &address)[..], &[MANAGED]].concat(),
    )
    .await;
    let id = found.text("networkInterfaceId").expect("an id").to_owned();
    assert!(found.text("attachTime").is_some(), "{}", found.body);
    let ipv6 = found.text("ipv6Address").expect("an address").to_owned();
    for (name, value) in [
        ("network-interface-id", id.as_str()),
        ("ipv6-addresses.ipv6-address", &ipv6),
        ("vpc-id", "vpc-0123456789abcdef0"),
    ] {
        let found = ec2(&fake, &[&filter(name, value)[..], &[MANAGED]].concat()).await;
        assert_eq!(found.text("networkInterfaceId"), Some(id.as_str()), "{name}");
    }
    let elsewhere = [
        ("Filter.2.Name", "vpc-id"),
        ("Filter.2.Value.1", "vpc-0fedcba9876543210"),
        MANAGED,
    ];
    let found = ec2(
        &fake,
        &[&filter("addresses.private-ip-address", &address)[..], &elsewhere].concat(),
    )
    .await;
    assert_eq!((found.status, found.text("networkInterfaceId")), (200, None));
}

#[tokio::test]
async fn what_a_service_manages_is_hidden_from_those_who_do_not_ask_for_it() {
    let (fake, _, address) = attached().await;
    let found = ec2(&fake, &filter("addresses.private-ip-address", &address)).await;
    assert_eq!((found.status, found.text("networkInterfaceId")), (200, None));
    let other = Ipv4Addr::new(10, 0, 1, 200);
    let id = fake.world(|w| w.add_interface(other));
    let found = ec2(&fake, &filter("addresses.private-ip-address", "10.0.1.200")).await;
    assert_eq!(found.text("networkInterfaceId"), Some(id.as_str()));
    fake.world(|w| w.hide_attachment(other));
    let found = ec2(&fake, &filter("addresses.private-ip-address", "10.0.1.200")).await;
    assert_eq!(found.text("attachTime"), None);
}

#[tokio::test]
async fn ec2_may_lag_and_shows_what_is_deleted_and_hides_what_is_new() {
    let (fake, task, address) = attached().await;
    let ask = [&filter("addresses.private-ip-address", &address)[..], &[MANAGED]].concat();
    fake.world(|w| w.ec2_lag = Duration::from_secs(2));
    assert_eq!(ec2(&fake, &ask).await.text("networkInterfaceId"), None);
    fake.world(|w| w.clock += Duration::from_secs(2));
    assert!(ec2(&fake, &ask).await.text("networkInterfaceId").is_some());
    fake.world(|w| {
        w.stop(&task, "UserInitiated", "");
        w.advance_to(&task, "STOPPED");
        w.clock += Duration::from_secs(1);
    });
    assert!(ec2(&fake, &ask).await.text("networkInterfaceId").is_some());
    fake.world(|w| w.clock += Duration::from_secs(1));
    assert_eq!(ec2(&fake, &ask).await.text("networkInterfaceId"), None);
}

#[tokio::test]
async fn pages_values_and_filters_are_limited_as_in_ec2() {
    let fake = fargate().await;
    fake.world(|w| {
        for n in 0..7 {
            w.add_interface(Ipv4Addr::new(10, 0, 1, 100 + n));
        }
    });
    let vpc = filter("vpc-id", "vpc-0123456789abcdef0");
    let first = ec2(&fake, &[&vpc[..], &[("MaxResults", "5")]].concat()).await;
    assert_eq!(first.texts("networkInterfaceId").len(), 5);
    let token = first.text("nextToken").expect("a token").to_owned();
    let next = ec2(
        &fake,
        &[&vpc[..], &[("MaxResults", "5"), ("NextToken", &token)]].concat(),
    )
    .await;
    assert_eq!(
        (next.texts("networkInterfaceId").len(), next.text("nextToken")),
        (2, None)
    );
    for (fields, code) in [
        (vec![("NextToken", "mine")], "InvalidNextToken"),
        (filter("subnet", "x").to_vec(), "InvalidParameterValue"),
        (vec![("MaxResults", "4")], "InvalidParameterValue"),
    ] {
        let refused = ec2(&fake, &fields).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert_eq!(refused.text("Code"), Some(code), "{}", refused.body);
    }
    let names: Vec<String> = (1..=200).map(|n| format!("Filter.1.Value.{n}")).collect();
    let mut many = vec![("Filter.1.Name", "addresses.private-ip-address")];
    many.extend(names.iter().map(|name| (name.as_str(), "10.0.1.100")));
    assert_eq!(ec2(&fake, &many).await.status, 200);
    many.extend([
        ("Filter.2.Name", "vpc-id"),
        ("Filter.2.Value.1", "vpc-0123456789abcdef0"),
    ]);
    assert_eq!(ec2(&fake, &many).await.text("Code"), Some("FilterLimitExceeded"));
}
