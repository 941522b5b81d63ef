//! What the looker sees of an account: whose it is, what a capacity provider has, what a cache would fetch.

use super::*;

/// The findings that are not ok, of this check.
fn of_check<'f>(found: &'f [Value], check: &str) -> Vec<&'f Value> {
    found.iter().filter(|finding| finding["check"] == check).collect()
}

fn message(finding: &Value) -> &str {
    finding["message"].as_str().expect("a message")
}

#[tokio::test]
async fn credentials_of_another_account_are_the_cause_and_nothing_is_said_to_be_missing() {
    let other = Deployed::sound("foreign").await.change(|world| {
        world.describe("caller", "caller", json!({"Account": "444455556666"}));
        // What the other account answers: that it has nothing of the kind.
        world.take_away("function", "start-engines");
    });
    // A service that the function would refuse is no reason for another exit status.
    std::fs::write(&other.catalog, json!({"auth": {"cluster": "another"}}).to_string()).expect("a file");
    let found = other.unwell(1).await;
    let [cause] = found.as_slice() else {
        panic!("the cause alone: {found:#?}");
    };
    assert_eq!(
        (&cause["check"], &cause["level"]),
        (&json!("account"), &json!("not_checked"))
    );
    assert_eq!(
        message(cause),
        "your credentials are of the account 444455556666, and start-engines is in 111122223333: nothing was looked at"
    );
    assert_eq!(other.stage.calls(), ["GetCallerIdentity"]);
}

#[tokio::test]
async fn a_capacity_provider_is_empty_where_all_container_instances_are_of_others() {
    let strategy = json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "own", "weight": 1}]});
    let deployed = Deployed::with("staffed", strategy).await;
    let mut instance = String::new();
    let deployed = deployed.change(|world| {
        world.add_capacity_provider("engines", "own");
        let group = json!({"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:111122223333:autoScalingGroup:1:autoScalingGroupName/own",
            "managedScaling": {"status": "DISABLED"}});
        world.describe("capacity provider", "own", json!({"name": "own", "status": "ACTIVE", "autoScalingGroupProvider": group}));
        instance = world.add_container_instance("engines", Some("i-0a1b2c3d4e5f60718"), [10, 0, 0, 9].into());
        world.describe("container instance", &instance, json!({"capacityProviderName": "other"}));
    });
    let found = deployed.unwell(3).await;
    let [finding] = of_check(&found, "capacity")[..] else {
        panic!("one: {found:#?}");
    };
    assert_eq!(finding["level"], "failure");
    assert_eq!(
        message(finding),
        "the capacity provider own is empty: no ACTIVE container instance is its own, and managed scaling is off"
    );
    let denied = || Fault::error(403, "AccessDeniedException", "not authorized");
    deployed
        .stage
        .fake
        .world(|world| world.fail_next("ecs:ListContainerInstances", denied(), 1));
    let found = deployed.unwell(0).await;
    let [finding] = of_check(&found, "capacity")[..] else {
        panic!("one: {found:#?}");
    };
    assert_eq!(
        (message(finding), &finding["level"]),
        ("you may not call ecs:ListContainerInstances", &json!("not_checked"))
    );
    let deployed = deployed
        .change(|world| world.described_mut("container instance", &instance)["capacityProviderName"] = json!("own"));
    let found = deployed.unwell(0).await;
    assert!(of_check(&found, "capacity").is_empty(), "{found:#?}");
}

#[tokio::test]
async fn container_instances_whose_agent_is_gone_or_that_drain_take_no_task() {
    let mut instance = String::new();
    let deployed = Deployed::with("drains", json!({"launchType": "EC2"}))
        .await
        .change(|world| {
            instance = world.add_container_instance("engines", Some("i-0a1b2c3d4e5f60718"), [10, 0, 0, 9].into());
            world.described_mut("task definition", DEFINITION)["compatibilities"] = json!(["EC2"]);
        });
    let found = deployed.unwell(0).await;
    assert!(of_check(&found, "capacity").is_empty(), "{found:#?}");
    let deployed = deployed.change(|world| {
        world.describe("container instance", &instance, json!({"agentConnected": false}));
    });
    let found = deployed.unwell(0).await;
    let [finding] = of_check(&found, "capacity")[..] else {
        panic!("one: {found:#?}");
    };
    assert_eq!(finding["level"], "warning", "{finding:#}");
    assert!(
        message(finding).contains("the agent of none is connected"),
        "{finding:#}"
    );
    // All of them drain: the cluster counts them still
    // (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html>).
    let deployed = deployed.change(|world| {
        world.deregister_container_instance(&instance);
        world.describe("cluster", "engines", json!({"registeredContainerInstancesCount": 1}));
    });
    let found = deployed.unwell(3).await;
    let [finding] = of_check(&found, "capacity")[..] else {
        panic!("one: {found:#?}");
    };
    assert_eq!(
        message(finding),
        "the cluster engines has no container instance that takes tasks, and the start wants one: none of its 1 is ACTIVE"
    );
}

#[tokio::test]
async fn a_service_control_policy_for_regions_is_asked_with_the_functions_own() {
    let with = async |name: &str, region: &str| {
        let policy = json!({"regions": [region]});
        let deployed = Deployed::sound(name).await;
        deployed.change(|world| world.describe("service control policy", "regions", policy))
    };
    assert_eq!(with("here", "us-east-1").await.unwell(0).await, Vec::<Value>::new());
    let found = with("there", "eu-west-1").await.unwell(0).await;
    assert!(!found.is_empty());
    for finding in &found {
        assert_eq!(finding["level"], "not_checked", "{finding:#}");
        assert!(message(finding).contains("a service control policy"), "{finding:#}");
    }
}

/// IAM's simulator names the keys that the other statement for the same action needs.
#[tokio::test]
async fn of_two_permissions_to_tag_each_is_missed() {
    let task = "arn:aws:ecs:us-east-1:111122223333:task/engines/*";
    for (n, permit) in [
        format!("ecs:TagResource {task}"),
        "ecs:TagResource of a drain".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let deployed = Deployed::sound(&format!("tags-{n}"))
            .await
            .change(|world| world.take_away("permit", &permit));
        let found = deployed.unwell(3).await;
        let [finding] = found.as_slice() else {
            panic!("{permit}: {found:#?}");
        };
        assert_eq!(finding["level"], "failure", "{permit}: {finding:#}");
        assert!(
            message(finding).starts_with("the function's role may not call ecs:TagResource on "),
            "{finding:#}"
        );
    }
}

#[tokio::test]
async fn a_secret_of_another_region_or_account_is_not_said_to_be_missing() {
    for (name, secret) in [
        ("region", SECRET.replace("us-east-1", "eu-west-1")),
        ("account", SECRET.replace("111122223333", "444455556666")),
    ] {
        let deployed = Deployed::sound(name).await.change(|world| {
            let definition = world.described_mut("task definition", DEFINITION);
            definition["containerDefinitions"][0]["secrets"][0]["valueFrom"] = json!(secret);
        });
        let found = deployed.unwell(0).await;
        let [finding] = found.as_slice() else {
            panic!("{name}: {found:#?}");
        };
        assert_eq!(
            (&finding["check"], &finding["level"]),
            (&json!("secrets"), &json!("not_checked"))
        );
        assert!(message(finding).ends_with("is of another account or region, which is not looked at"));
    }
}

#[tokio::test]
async fn an_image_that_a_pull_through_cache_would_fetch_is_not_said_to_be_missing() {
    const CACHED: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/public/nginx/nginx:1";
    let with = |world: &mut World| {
        let definition = world.described_mut("task definition", DEFINITION);
        definition["containerDefinitions"][0]["image"] = json!(CACHED);
    };
    let deployed = Deployed::sound("cached").await.change(with);
    let found = deployed.unwell(3).await;
    assert!(message(&found[0]).contains("is not in ECR: the container auth cannot be pulled"));
    let rule =
        json!({"ecrRepositoryPrefix": "public", "upstreamRegistryUrl": "public.ecr.aws", "registryId": "111122223333"});
    let deployed = deployed.change(|world| world.describe("pull-through cache rule", "public", rule));
    let found = deployed.unwell(0).await;
    let [finding] = found.as_slice() else {
        panic!("one: {found:#?}");
    };
    assert_eq!(
        (&finding["check"], &finding["level"]),
        (&json!("image"), &json!("not_checked"))
    );
    assert!(
        message(finding).contains("a pull-through cache fetches it from public.ecr.aws when it is first pulled"),
        "{finding:#}"
    );
    let denied = Fault::error(403, "AccessDeniedException", "not authorized");
    deployed
        .stage
        .fake
        .world(|world| world.fail_next("ecr:DescribePullThroughCacheRules", denied, 1));
    let found = deployed.unwell(0).await;
    assert!(
        message(&found[0]).ends_with("is not known: you may not call ecr:DescribePullThroughCacheRules"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn of_a_vpc_only_the_default_security_group_is_read() {
    let deployed = Deployed::with("default", json!({"securityGroups": null}))
        .await
        .change(|world| {
            let all = json!([{"ipProtocol": "-1", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}]);
            let group = json!({"groupId": "sg-0default", "groupName": "default", "vpcId": VPC, "ipPermissions": [],
            "ipPermissionsEgress": all});
            world.describe("security group", "sg-0default", group);
        });
    let found = deployed.unwell(3).await;
    assert!(
        message(&found[0]).starts_with("sg-0default does not let in main on port 8080/tcp"),
        "{found:#?}"
    );
    let calls = deployed.stage.fake.calls_to("ec2:DescribeSecurityGroups");
    let filters = |name: &str| {
        calls
            .iter()
            .filter(|call| call.input.to_string().contains(name))
            .count()
    };
    assert_eq!(
        (calls.len(), filters("vpc-id"), filters("group-name")),
        (2, 1, 1),
        "{calls:#?}"
    );
}

#[tokio::test]
async fn a_rule_for_a_group_of_a_peered_vpc_counts_while_the_peering_is_active() {
    let with = async |name: &str, status: &str| {
        let deployed = Deployed::sound(name).await;
        deployed.change(|world| {
            let group = &mut world.described_mut("security group", TASKS)["ipPermissions"][0]["groups"][0];
            group["vpcPeeringConnectionId"] = json!("pcx-0a1b2c3d4e5f60718");
            group["peeringStatus"] = json!(status);
        })
    };
    assert_eq!(with("peered", "active").await.unwell(0).await, Vec::<Value>::new());
    let found = with("parted", "deleted").await.unwell(3).await;
    assert!(
        message(&found[0]).contains("does not let in main on port 8080/tcp"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn an_endpoint_answers_to_the_names_that_ec2_lists() {
    let deployed = Deployed::sound("listed").await.change(|world| {
        let routes = world.described_mut("route table", "rtb-0a1b2c3d4e5f60718")["routeSet"].as_array_mut();
        routes.expect("routes").pop();
        let image = "111122223333.dkr-ecr.us-east-1.on.aws/auth:7";
        world.described_mut("task definition", DEFINITION)["containerDefinitions"][0]["image"] = json!(image);
        for name in ["ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager"] {
            let endpoint = json!({"vpcEndpointId": name, "vpcId": VPC, "vpcEndpointType": "Interface", "state": "available",
                "serviceName": format!("com.amazonaws.us-east-1.{name}"), "privateDnsEnabled": true});
            world.describe("vpc endpoint", name, endpoint);
        }
        let names = ["*.dkr.ecr.us-east-1.amazonaws.com", "*.dkr-ecr.us-east-1.on.aws"];
        let names: Value = names.iter().map(|name| json!({"dnsName": name})).collect();
        world.described_mut("vpc endpoint", "ecr.dkr")["dnsEntrySet"] = names;
    });
    assert_eq!(deployed.unwell(0).await, Vec::<Value>::new());
    let deployed = deployed.change(|world| world.described_mut("vpc endpoint", "ecr.dkr")["dnsEntrySet"] = json!([]));
    let found = deployed.unwell(0).await;
    assert_eq!(found.len(), SUBNETS.len(), "{found:#?}");
    let expected = "called by the name dkr-ecr.us-east-1.on.aws is not looked at";
    assert!(found.iter().all(|it| message(it).ends_with(expected)), "{found:#?}");
}
