//! Container instances and the EC2 instances under them.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use start_engines_fake_aws::FakeAws;
use start_engines_fake_aws::wire;

use crate::ecs;

const INSTANCE: &str = "i-0123456789abcdef0";

/// A fake with one container instance; its ARN.
async fn instance() -> (FakeAws, String) {
    let fake = FakeAws::start().await;
    let arn = fake.world(|w| {
        w.add_cluster("main");
        w.add_container_instance("main", Some(INSTANCE), Ipv4Addr::new(10, 0, 2, 7))
    });
    (fake, arn)
}

async fn ec2(fake: &FakeAws, fields: &[(&str, &str)]) -> wire::Answer {
    let answer = wire::ec2(&fake.endpoint(), "DescribeInstances", fields).await;
    answer.expect("an answer")
}

async fn described(fake: &FakeAws, arn: &str) -> Value {
    let input = json!({"cluster": "main", "containerInstances": [arn]});
    ecs(fake, "DescribeContainerInstances", &input).await
}

#[tokio::test]
async fn an_instance_reports_its_addresses_until_it_is_terminated_and_then_it_is_unknown() {
    let (fake, arn) = instance().await;
    let ask = [("InstanceId.1", INSTANCE)];
    let answer = ec2(&fake, &ask).await;
    assert_eq!(
        answer.texts("privateIpAddress"),
        ["10.0.2.7", "10.0.2.7"],
        "{}",
        answer.body
    );
    assert_eq!(
        (answer.text("name"), answer.text("ipv6Address")),
        (Some("running"), None)
    );
    fake.world(|w| w.give_ipv6(&arn, "2001:db8::7".parse().expect("an address")));
    assert_eq!(ec2(&fake, &ask).await.text("ipv6Address"), Some("2001:db8::7"));
    fake.world(|w| w.terminate_instance(&arn));
    let answer = ec2(&fake, &ask).await;
    assert_eq!(
        (answer.status, answer.text("name"), answer.text("privateIpAddress")),
        (200, Some("terminated"), None)
    );
    fake.world(|w| w.forget_instance(&arn));
    let answer = ec2(&fake, &ask).await;
    assert_eq!(
        (answer.status, answer.text("Code")),
        (400, Some("InvalidInstanceID.NotFound"))
    );
}

#[tokio::test]
async fn describe_instances_refuses_what_ec2_refuses_in_an_element_of_its_own() {
    let (fake, _) = instance().await;
    let answer = ec2(&fake, &[("InstanceId.1", "vm-1")]).await;
    assert_eq!(answer.text("Code"), Some("InvalidInstanceID.Malformed"));
    assert!(answer.body.starts_with("<Response><Errors><Error>"), "{}", answer.body);
    // A misspelled field, and one numbered with a gap.
    for field in ["Instances.1", "InstanceId.2"] {
        let answer = ec2(&fake, &[(field, INSTANCE)]).await;
        assert_eq!(answer.status, 400, "{field}: {}", answer.body);
    }
    // ELB's name in the signature is not EC2's.
    let form = format!("Action=DescribeInstances&Version=2016-11-15&InstanceId.1={INSTANCE}");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-amz-date", "20260101T000000Z".to_owned()),
        ("authorization", wire::authorization("elasticloadbalancing")),
    ];
    let endpoint = fake.endpoint();
    let address = endpoint.trim_start_matches("http://");
    let answer = wire::send(address, "POST", "/", &headers, form.as_bytes()).await;
    let answer = answer.expect("an answer");
    assert_eq!((answer.status, answer.text("Code")), (403, Some("AuthFailure")));
}

#[tokio::test]
async fn a_container_instance_that_has_left_is_shown_inactive_and_one_that_is_forgotten_is_missing() {
    let (fake, arn) = instance().await;
    let answer = described(&fake, &arn).await;
    let shown = &answer["containerInstances"][0];
    assert_eq!(
        (&shown["ec2InstanceId"], &shown["status"]),
        (&json!(INSTANCE), &json!("ACTIVE"))
    );
    fake.world(|w| w.deregister_container_instance(&arn));
    let answer = described(&fake, &arn).await;
    assert_eq!(answer["containerInstances"][0]["status"], "INACTIVE");
    fake.world(|w| w.forget_instance(&arn));
    let answer = described(&fake, &arn).await;
    assert_eq!(answer["containerInstances"], json!([]));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    // One that comes after it is another one.
    let newer =
        fake.world(|w| w.add_container_instance("main", Some("i-0fedcba9876543210"), Ipv4Addr::new(10, 0, 2, 7)));
    assert_ne!(newer, arn);
}

#[tokio::test]
async fn an_external_instance_has_no_id_of_ec2() {
    let (fake, _) = instance().await;
    let arn = fake.world(|w| w.add_container_instance("main", None, Ipv4Addr::new(192, 168, 0, 9)));
    let answer = described(&fake, &arn).await;
    assert_eq!(answer["containerInstances"][0].get("ec2InstanceId"), None);
}

#[tokio::test]
async fn a_cluster_lists_its_instances_by_status_and_counts_the_active_ones() {
    let (fake, arn) = instance().await;
    let drained =
        fake.world(|w| w.add_container_instance("main", Some("i-1123456789abcdef0"), Ipv4Addr::new(10, 0, 2, 8)));
    fake.world(|w| {
        w.add_cluster("other");
        w.deregister_container_instance(&drained);
        w.describe("container instance", &arn, json!({"capacityProviderName": "own"}));
    });
    for (input, expected) in [
        (json!({"cluster": "main", "status": "ACTIVE"}), json!([arn])),
        (json!({"cluster": "main"}), json!([arn])),
        (json!({"cluster": "main", "status": "DRAINING"}), json!([])),
        (json!({"cluster": "other"}), json!([])),
    ] {
        let listed = ecs(&fake, "ListContainerInstances", &input).await;
        assert_eq!(listed["containerInstanceArns"], expected, "{input}");
    }
    let answer = described(&fake, &arn).await;
    assert_eq!(answer["containerInstances"][0]["capacityProviderName"], "own");
    let clusters = ecs(&fake, "DescribeClusters", &json!({"clusters": ["main", "other"]})).await;
    let counts: Vec<&Value> = clusters["clusters"]
        .as_array()
        .expect("clusters")
        .iter()
        .map(|cluster| &cluster["registeredContainerInstancesCount"])
        .collect();
    assert_eq!(counts, [1, 0]);
    let unknown = wire::ecs(&fake.endpoint(), "ListContainerInstances", &json!({"cluster": "none"})).await;
    assert_eq!(unknown.expect("an answer").json()["__type"], "ClusterNotFoundException");
}
