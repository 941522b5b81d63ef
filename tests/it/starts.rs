//! Starts: what RunTask is asked, the token ladder, and every way in which RunTask can fail.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines::outcome::{Failure, Outcome};

use crate::stage::{AUTH, Stage};
use crate::support::fake_aws::{self, Fault, RunTaskResult};

fn short_of(reason: &str) -> RunTaskResult {
    RunTaskResult::Failures(vec![fake_aws::Failure::new(reason)])
}

const NO_FARGATE: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

async fn started(stage: &Stage, event: &Value) -> (usize, usize) {
    match stage.deliver(event).await.result {
        Ok(Outcome::Started { tasks, rungs, .. }) => (tasks.len(), rungs),
        other => panic!("no start: {other:?}"),
    }
}

async fn failed(stage: &Stage, event: &Value) -> Failure {
    stage.deliver(event).await.result.expect_err("a failure")
}

fn tasks(stage: &Stage) -> usize {
    stage.fake.world(|world| world.task_arns().len())
}

#[tokio::test]
async fn a_start_calls_run_task_and_nothing_else() {
    let stage = Stage::new().await;
    assert_eq!(
        started(
            &stage,
            &stage.start("e1", json!({"containerName": "auth", "correlationId": "c1"}))
        )
        .await,
        (1, 1)
    );
    let calls = stage.fake.calls();
    assert_eq!(calls.len(), 1);
    let input = &calls[0].input;
    assert_eq!(input["clientToken"], "e1#0");
    let (name, id) = stage.group.rsplit_once('/').map(|(_, id)| ("auth", id)).unwrap();
    assert_eq!(input["startedBy"], format!("start-engines/{name}/{id}/8080"));
    assert_eq!(
        input["tags"],
        json!([
            {"key": "start-engines:target-group-arn", "value": stage.group},
            {"key": "start-engines:port", "value": "8080"},
            {"key": "start-engines:container-name", "value": "auth"},
            {"key": "start-engines:event-id", "value": "e1"},
            {"key": "start-engines:correlation-id", "value": "c1"},
            {"key": "start-engines:requested-at", "value": "2026-11-20T07:00:00Z"},
        ])
    );
}

#[tokio::test]
async fn everything_that_run_task_takes_is_passed_on() {
    let stage = Stage::new().await;
    let detail = json!({
        "securityGroups": ["sg-0a1b2c3d4e5f60718"], "assignPublicIp": "ENABLED", "platformVersion": "1.4.0", "count": 2,
        "overrides": {
            "cpu": "512", "memory": "1024", "ephemeralStorage": {"sizeInGiB": 30},
            "containerOverrides": [{
                "name": "auth", "command": ["serve"], "cpu": 10, "memory": 20, "memoryReservation": 15,
                "environment": [{"name": "TENANT", "value": "t1"}],
                "environmentFiles": [{"value": "arn:aws:s3:::bucket/env", "type": "s3"}],
            }],
        },
        "tags": [{"key": "team", "value": "identity"}], "propagateTags": "TASK_DEFINITION",
        "enableExecuteCommand": true, "group": "family:auth",
    });
    started(&stage, &stage.start("e1", detail.clone())).await;
    let input = &stage.fake.calls()[0].input;
    assert_eq!(
        input["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"],
        "ENABLED"
    );
    assert_eq!(
        input["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"],
        detail["securityGroups"]
    );
    for field in [
        "platformVersion",
        "count",
        "overrides",
        "propagateTags",
        "enableExecuteCommand",
        "group",
    ] {
        assert_eq!(input[field], detail[field], "{field}");
    }
    assert!(
        input["tags"]
            .as_array()
            .unwrap()
            .contains(&json!({"key": "team", "value": "identity"}))
    );
}

#[tokio::test]
async fn placement_and_volumes_are_passed_on() {
    let stage = Stage::new().await;
    let detail = json!({
        "launchType": "EC2",
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
        "placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"}],
        "volumeConfigurations": [{"name": "data", "managedEBSVolume": {
            "roleArn": "arn:aws:iam::111122223333:role/ebs", "encrypted": true, "volumeType": "gp3", "sizeInGiB": 10,
            "iops": 3000, "throughput": 125, "filesystemType": "xfs", "terminationPolicy": {"deleteOnTermination": true},
            "tagSpecifications": [{"resourceType": "volume", "tags": [{"key": "a", "value": "b"}], "propagateTags": "NONE"}],
        }}],
    });
    stage.fake.world(|world| {
        let definition = fake_aws::TaskDefinition::awsvpc("auth")
            .container("auth", &[8080])
            .volume("data");
        world.add_task_definition(definition);
        world.add_container_instance(
            "engines",
            Some("i-0a1b2c3d4e5f60718"),
            std::net::Ipv4Addr::new(10, 0, 0, 9),
        );
    });
    started(&stage, &stage.start("e1", detail.clone())).await;
    let input = &stage.fake.calls()[0].input;
    for field in [
        "launchType",
        "placementConstraints",
        "placementStrategy",
        "volumeConfigurations",
    ] {
        assert_eq!(input[field], detail[field], "{field}");
    }
}

#[tokio::test]
async fn detail_goes_before_the_catalog_and_the_catalog_before_the_environment() {
    let mut stage = Stage::new().await;
    stage
        .cold_start(&[
            ("ECS_CLUSTER", "nowhere"),
            ("TASK_DEFINITION", "nothing"),
            ("CONTAINER_PORT", "1"),
            ("TARGET_GROUP_ARN", AUTH),
        ])
        .await;
    let event = stage.start(
        "e1",
        json!({"service": "auth", "cluster": null, "taskDefinition": null, "targetGroupArn": null, "port": 9090}),
    );
    stage.deliver(&event).await;
    let input = &stage.fake.calls()[0].input;
    // fixtures/services.json: cluster engines, taskDefinition auth:7, the group of AUTH.
    assert_eq!(
        (&input["cluster"], &input["taskDefinition"]),
        (&json!("engines"), &json!("auth:7"))
    );
    assert_eq!(input["startedBy"], "start-engines/auth/73e2d6bc24d8a067/9090");
    stage.calls();
    let event = stage.start(
        "e2",
        json!({"cluster": null, "taskDefinition": null, "targetGroupArn": null, "port": null}),
    );
    stage.deliver(&event).await;
    let input = &stage.fake.calls()[0].input;
    assert_eq!(
        (&input["cluster"], &input["taskDefinition"]),
        (&json!("nowhere"), &json!("nothing"))
    );
    assert_eq!(input["startedBy"], "start-engines/auth/73e2d6bc24d8a067/1");
}

#[tokio::test]
async fn the_same_event_delivered_again_starts_nothing_more() {
    let stage = Stage::new().await;
    let event = stage.start("e1", json!({"count": 3}));
    for _ in 0..4 {
        assert_eq!(started(&stage, &event).await, (3, 1));
    }
    assert_eq!(tasks(&stage), 3);
}

#[tokio::test]
async fn another_event_with_the_same_idempotency_key_is_the_same_start() {
    let stage = Stage::new().await;
    started(&stage, &stage.start("e1", json!({"idempotencyKey": "nightly"}))).await;
    assert_eq!(
        started(&stage, &stage.start("e2", json!({"idempotencyKey": "nightly"}))).await,
        (1, 1)
    );
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn a_retry_with_other_parameters_finds_the_tasks_that_exist() {
    let stage = Stage::new().await;
    started(&stage, &stage.start("e1", json!({}))).await;
    // As after a change of the catalog between two deliveries.
    let changed = stage.start("e1", json!({"tags": [{"key": "new", "value": "yes"}]}));
    let handled = stage.deliver(&changed).await;
    assert!(
        matches!(handled.result, Ok(Outcome::Started { conflict: true, .. })),
        "{:?}",
        handled.result
    );
    assert_eq!(handled.summary()["clientTokenConflict"], true);
    assert_eq!(stage.fake.calls().last().unwrap().outcome, "ConflictException");
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn a_conflict_without_tasks_everywhere_can_pass() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(short_of("RESOURCE:MEMORY")));
    let fallbacks = json!([{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]);
    failed(&stage, &stage.start("e1", json!({}))).await;
    stage.calls();
    let event = stage.start("e1", json!({"count": 2, "fallbacks": fallbacks}));
    let failure = failed(&stage, &event).await;
    assert_eq!((failure.category, failure.transient), ("client_token_conflict", true));
    assert_eq!(stage.calls(), ["RunTask", "RunTask"]);
    assert_eq!(tasks(&stage), 0);
}

#[tokio::test]
async fn a_conflict_without_tasks_in_one_place_is_passed_by_in_the_place_whose_answer_it_is() {
    let stage = Stage::new().await;
    let event = start_on_instances(&stage);
    // No instance, and no room on Fargate either, which is kept.
    stage.fake.world(|world| {
        world.run_task_rule(|input| (input["launchType"] == "FARGATE").then(|| short_of(NO_FARGATE)));
    });
    assert_eq!(failed(&stage, &event).await.category, "capacity_unavailable");
    assert_eq!(tokens(&stage), ["e1#0", "e1#0"]);
    stage.calls();
    // An instance has come up since.
    add_instance(&stage);
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &event).await, (1, 3));
    assert_eq!(tokens(&stage), ["e1#0", "e1#0", "e1#1"]);
    assert_eq!(tasks(&stage), 1);
}

fn tokens(stage: &Stage) -> Vec<String> {
    let calls = stage.fake.calls();
    let tokens = calls.iter().filter_map(|call| call.input["clientToken"].as_str());
    tokens.map(str::to_owned).collect()
}

/// Launch type EC2, then Fargate.
fn start_on_instances(stage: &Stage) -> Value {
    stage.start(
        "e1",
        json!({"launchType": "EC2", "fallbacks": [{"launchType": "FARGATE"}]}),
    )
}

fn add_instance(stage: &Stage) {
    stage.fake.world(|world| {
        let address = std::net::Ipv4Addr::new(10, 0, 0, 9);
        world.add_container_instance("engines", Some("i-0a1b2c3d4e5f60718"), address);
    });
}

#[tokio::test]
async fn a_world_that_changes_between_deliveries_starts_nothing_more() {
    let stage = Stage::new().await;
    let event = start_on_instances(&stage);
    assert_eq!(started(&stage, &event).await, (1, 2));
    assert_eq!(tokens(&stage), ["e1#0", "e1#0"]);
    // An instance has come up, and the event comes again.
    add_instance(&stage);
    let handled = stage.deliver(&event).await;
    assert!(
        matches!(handled.result, Ok(Outcome::Started { ref tasks, conflict: true, .. }) if tasks.len() == 1),
        "{:?}",
        handled.result
    );
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn what_is_left_after_a_partial_answer_and_an_exception_is_asked_for_with_the_same_token() {
    let stage = Stage::new().await;
    add_instance(&stage);
    let partial = RunTaskResult::Partial {
        started: 1,
        failures: vec![fake_aws::Failure::new("RESOURCE:CPU")],
    };
    let full = RunTaskResult::Error(
        "ClientException".to_owned(),
        "Tasks provisioning capacity limit exceeded.".to_owned(),
    );
    stage.fake.world(|world| {
        world.add_capacity_provider("engines", "machines");
        world.run_task_results.extend([partial, full]);
    });
    let fallbacks = json!([
        {"capacityProviderStrategy": [{"capacityProvider": "machines"}]},
        {"launchType": "FARGATE"},
    ]);
    let event = stage.start("e1", json!({"launchType": "EC2", "count": 3, "fallbacks": fallbacks}));
    for _ in 0..2 {
        assert_eq!(started(&stage, &event).await.0, 3);
    }
    let counts: Vec<Value> = stage
        .fake
        .calls()
        .iter()
        .map(|call| call.input["count"].clone())
        .collect();
    // The second time, the provider has room, and is told which tasks there are.
    assert_eq!(counts, [3, 2, 2, 3, 2]);
    assert_eq!(tokens(&stage), ["e1#0", "e1#1", "e1#1", "e1#0", "e1#1"]);
    assert_eq!(tasks(&stage), 3);
}

#[tokio::test]
async fn exceptions_in_every_place_pass_with_time_and_are_not_repeated_at_once() {
    let stage = Stage::new().await;
    let event = stage.start("e1", json!({"launchType": "EC2"}));
    stage.pass(Duration::from_secs(3600));
    let failure = failed(&stage, &event).await;
    assert_eq!((failure.category, failure.transient), ("capacity_unavailable", true));
    assert!(
        failure
            .message
            .contains("No Container Instances were found in your cluster."),
        "{failure}"
    );
    assert_eq!(stage.calls(), ["RunTask"]);
    add_instance(&stage);
    assert_eq!(started(&stage, &event).await, (1, 1));
}

#[tokio::test]
async fn capacity_is_looked_for_in_every_fallback_in_order() {
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        world
            .run_task_results
            .extend([short_of(NO_FARGATE), short_of(NO_FARGATE)])
    });
    let fallbacks = json!([
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
        {"subnets": ["subnet-0b1c2d3e4f5a60718"]},
    ]);
    assert_eq!(
        started(&stage, &stage.start("e1", json!({"fallbacks": fallbacks}))).await,
        (1, 3)
    );
    let calls = stage.fake.calls();
    let tokens: Vec<&Value> = calls.iter().map(|call| &call.input["clientToken"]).collect();
    assert_eq!(tokens, ["e1#0", "e1#1", "e1#2"]);
    let subnets = |n: usize| &calls[n].input["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0];
    assert_eq!(
        [subnets(0), subnets(1), subnets(2)],
        [
            "subnet-0a1b2c3d4e5f60718",
            "subnet-0a1b2c3d4e5f60718",
            "subnet-0b1c2d3e4f5a60718"
        ]
    );
    assert_eq!(calls[1].input["launchType"], Value::Null);
    assert_eq!(calls[2].input["launchType"], "FARGATE");
}

#[tokio::test]
async fn a_delivery_after_a_climb_climbs_again_and_starts_nothing_more() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(short_of("RESOURCE:CPU")));
    let event = stage.start("e1", json!({"fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]}));
    assert_eq!(started(&stage, &event).await, (1, 2));
    assert_eq!(started(&stage, &event).await, (1, 2));
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn each_retry_of_lambda_tries_capacity_anew() {
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        world
            .run_task_results
            .extend([short_of(NO_FARGATE), short_of(NO_FARGATE)])
    });
    let event = stage.start("e1", json!({}));
    let failure = failed(&stage, &event).await;
    assert_eq!((failure.category, failure.transient), ("capacity_unavailable", true));
    assert!(failure.message.contains(NO_FARGATE), "{}", failure.message);
    stage.pass(Duration::from_secs(61));
    assert_eq!(failed(&stage, &event).await.category, "capacity_unavailable");
    stage.pass(Duration::from_secs(121));
    assert_eq!(started(&stage, &event).await, (1, 3));
    assert_eq!(stage.calls().len(), 1 + 2 + 3);
}

#[tokio::test]
async fn what_a_partial_answer_leaves_over_is_the_next_rungs() {
    let stage = Stage::new().await;
    let partial = RunTaskResult::Partial {
        started: 2,
        failures: vec![fake_aws::Failure::new("RESOURCE:ENI")],
    };
    stage.fake.world(|world| world.run_task_results.push_back(partial));
    let event = stage.start(
        "e1",
        json!({"count": 3, "fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]}),
    );
    assert_eq!(started(&stage, &event).await, (3, 2));
    assert_eq!(started(&stage, &event).await, (3, 2));
    let counts: Vec<Value> = stage
        .fake
        .calls()
        .iter()
        .map(|call| call.input["count"].clone())
        .collect();
    assert_eq!(counts, [3, 1, 3, 1]);
    assert_eq!(tasks(&stage), 3);
}

#[tokio::test]
async fn a_start_that_stays_partial_fails_and_names_the_tasks_that_run() {
    let stage = Stage::new().await;
    let partial = RunTaskResult::Partial {
        started: 1,
        failures: vec![fake_aws::Failure::new("AGENT")],
    };
    stage.fake.world(|world| world.run_task_results.push_back(partial));
    let failure = failed(&stage, &stage.start("e1", json!({"count": 2}))).await;
    assert_eq!((failure.category, failure.tasks.len()), ("capacity_unavailable", 1));
    assert!(failure.message.contains("1 of 2 tasks started"), "{}", failure.message);
}

#[tokio::test]
async fn a_reason_that_the_place_gives_climbs_and_ends_the_walk_where_no_other_place_is_left() {
    for reason in ["LOCATION", "ATTRIBUTE"] {
        let stage = Stage::new().await;
        stage
            .fake
            .world(|world| world.run_task_results.extend([short_of(reason), short_of(reason)]));
        let event = stage.start("e1", json!({"fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]}));
        for _ in 0..3 {
            let failure = failed(&stage, &event).await;
            assert_eq!((failure.category, failure.transient), ("placement_failed", false));
            assert_eq!(stage.calls(), ["RunTask", "RunTask"], "{reason}");
            stage.pass(Duration::from_secs(90));
        }
    }
}

#[tokio::test]
async fn the_same_place_again_is_no_other_place() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(short_of("ATTRIBUTE")));
    let event = stage.start("e1", json!({"fallbacks": [{"launchType": "FARGATE"}]}));
    assert_eq!(failed(&stage, &event).await.category, "placement_failed");
    assert_eq!(stage.calls(), ["RunTask"]);
}

#[tokio::test]
async fn one_place_that_is_short_outweighs_others_that_never_will_do() {
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        world
            .run_task_results
            .extend([short_of(NO_FARGATE), short_of("LOCATION")])
    });
    let event = stage.start("e1", json!({"fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]}));
    let failure = failed(&stage, &event).await;
    assert_eq!((failure.category, failure.transient), ("capacity_unavailable", true));
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &event).await, (1, 3));
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn one_instance_short_of_memory_outweighs_others_without_the_attribute() {
    let stage = Stage::new().await;
    let mixed = ["ATTRIBUTE", "RESOURCE:MEMORY"].map(fake_aws::Failure::new).to_vec();
    stage
        .fake
        .world(|world| world.run_task_results.push_back(RunTaskResult::Failures(mixed)));
    let event = stage.start("e1", json!({"fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]}));
    assert_eq!(started(&stage, &event).await, (1, 2));
}

#[tokio::test]
async fn errors_of_run_task_have_their_own_categories_and_end_the_walk() {
    for (code, category, transient) in [
        ("AccessDeniedException", "access_denied", false),
        ("BlockedException", "account_blocked", false),
        ("ClientException", "client_exception", false),
        ("ClusterNotFoundException", "cluster_not_found", false),
        ("InvalidParameterException", "invalid_parameter", false),
        (
            "PlatformTaskDefinitionIncompatibilityException",
            "platform_unsupported",
            false,
        ),
        ("PlatformUnknownException", "platform_unsupported", false),
        ("UnsupportedFeatureException", "unsupported_feature", false),
        ("BrandNewException", "unknown_aws_error", true),
    ] {
        let stage = Stage::new().await;
        let result = RunTaskResult::Error(code.to_owned(), "as ECS words it".to_owned());
        stage.fake.world(|world| world.run_task_results.push_back(result));
        let event = stage.start("e1", json!({"fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]}));
        let failure = failed(&stage, &event).await;
        assert_eq!((failure.category, failure.transient), (category, transient), "{code}");
        assert_eq!(failure.message, format!("RunTask failed with {code}: as ECS words it"));
        assert_eq!(stage.calls(), ["RunTask"], "{code}");
        // Nothing is kept under the token: the event can be sent again when the cause is gone.
        assert_eq!(started(&stage, &event).await, (1, 1), "{code}");
    }
}

#[tokio::test]
async fn an_unknown_cluster_is_told_as_ecs_tells_it() {
    let stage = Stage::new().await;
    let failure = failed(&stage, &stage.start("e1", json!({"cluster": "elsewhere"}))).await;
    assert_eq!(failure.category, "cluster_not_found");
}

#[tokio::test]
async fn throttling_and_server_errors_are_retried_within_the_invocation() {
    for fault in [
        Fault::Throttle,
        Fault::error(500, "ServerException", "x"),
        Fault::Html500,
        Fault::Reset,
    ] {
        let stage = Stage::new().await;
        stage
            .fake
            .world(|world| world.fail_next("ecs:RunTask", fault.clone(), 1));
        assert_eq!(
            started(&stage, &stage.start("e1", json!({}))).await,
            (1, 1),
            "{fault:?}"
        );
        assert_eq!(tasks(&stage), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_fails_with_its_category_and_the_event_can_be_retried() {
    // The SDK makes three attempts, but none after an answer that it cannot read.
    for (fault, times, category) in [
        (Fault::Throttle, 3, "throttled"),
        (Fault::error(500, "ServerException", "x"), 3, "server_error"),
        (Fault::Html500, 3, "server_error"),
        (Fault::Reset, 3, "unreachable"),
        (Fault::Garbage, 1, "unreadable_answer"),
    ] {
        let stage = Stage::new().await;
        stage
            .fake
            .world(|world| world.fail_next("ecs:RunTask", fault.clone(), times));
        let event = stage.start("e1", json!({}));
        let failure = failed(&stage, &event).await;
        assert_eq!(
            (failure.category, failure.transient),
            (category, true),
            "{fault:?}: {}",
            failure.message
        );
        assert_eq!(stage.calls().len(), times, "{fault:?}");
        assert_eq!(started(&stage, &event).await, (1, 1), "{fault:?}");
        assert_eq!(tasks(&stage), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_start_that_was_applied_but_not_answered_is_found_again() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.fail_next("ecs:RunTask", Fault::ApplyThenReset, 2));
    assert_eq!(started(&stage, &stage.start("e1", json!({}))).await, (1, 1));
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn a_start_with_no_time_left_makes_no_call() {
    let stage = Stage::new().await;
    let event = stage.start("e1", json!({}));
    let handled = stage.deliver_with(&event, Duration::from_millis(300)).await;
    assert_eq!(handled.result.expect_err("a failure").category, "out_of_time");
    assert_eq!(stage.calls(), [""; 0]);
}

#[tokio::test]
async fn two_events_with_one_key_agree_once_the_second_has_been_retried_as_often() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(short_of(NO_FARGATE)));
    let first = stage.start("e1", json!({"idempotencyKey": "nightly"}));
    assert_eq!(failed(&stage, &first).await.category, "capacity_unavailable");
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &first).await, (1, 2));
    let mut second = stage.start("e2", json!({"idempotencyKey": "nightly"}));
    second["time"] = json!("2026-11-20T07:01:01Z");
    assert_eq!(failed(&stage, &second).await.category, "capacity_unavailable");
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &second).await, (1, 2));
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn the_same_reason_of_many_instances_is_told_once() {
    let stage = Stage::new().await;
    let many = (0..40)
        .map(|n| fake_aws::Failure::new(["RESOURCE:CPU", "RESOURCE:MEMORY"][n % 2]))
        .collect();
    stage
        .fake
        .world(|world| world.run_task_results.push_back(RunTaskResult::Failures(many)));
    let failure = failed(&stage, &stage.start("e1", json!({}))).await;
    assert!(
        failure.message.ends_with("ECS says: RESOURCE:CPU, RESOURCE:MEMORY"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_fallback_keeps_security_groups_and_drops_a_platform_version_that_is_not_its_own() {
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        world.add_capacity_provider("engines", "machines");
        world.run_task_results.push_back(short_of(NO_FARGATE));
    });
    let detail = json!({
        "securityGroups": ["sg-0a1b2c3d4e5f60718"], "platformVersion": "1.4.0",
        "fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"], "capacityProviderStrategy": [{"capacityProvider": "machines"}]}],
    });
    stage.deliver(&stage.start("e1", detail.clone())).await;
    let second = &stage.fake.calls()[1].input;
    assert_eq!(
        second["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"],
        detail["securityGroups"]
    );
    assert_eq!(second["platformVersion"], Value::Null);
}

#[tokio::test]
async fn a_start_from_the_future_has_more_than_its_first_token() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(short_of(NO_FARGATE)));
    let mut event = stage.start("e1", json!({}));
    event["time"] = json!("2026-11-20T09:00:00Z");
    assert_eq!(started(&stage, &event).await, (1, 2));
    assert_eq!(started(&stage, &event).await, (1, 2));
    assert_eq!(tasks(&stage), 1);
    // A little ahead is now: each retry has a token of its own.
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        world
            .run_task_results
            .extend([short_of(NO_FARGATE), short_of(NO_FARGATE)])
    });
    let mut event = stage.start("e2", json!({}));
    event["time"] = json!("2026-11-20T07:00:02Z");
    for wait in [61, 121] {
        assert_eq!(failed(&stage, &event).await.category, "capacity_unavailable");
        stage.pass(Duration::from_secs(wait));
    }
    assert_eq!(started(&stage, &event).await, (1, 3));
}

fn requested_at(stage: &Stage) -> Option<String> {
    let tags = stage.fake.calls().last().expect("a call").input["tags"].clone();
    let tags = tags.as_array().expect("tags").clone();
    let tag = tags.iter().find(|tag| tag["key"] == "start-engines:requested-at")?;
    tag["value"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn tasks_carry_the_time_of_their_request() {
    let given = "2026-11-20T07:55:00+01:00";
    let later = "2026-11-20T07:00:01Z";
    for (fields, tag) in [
        (json!({}), Some("2026-11-20T07:00:00Z")),
        (json!({"requestedAt": given}), Some(given)),
        // EventBridge's clock goes before the sender's.
        (json!({"requestedAt": later}), Some("2026-11-20T07:00:00Z")),
        // Two events with one key have two times.
        (json!({"idempotencyKey": "nightly"}), None),
        (json!({"idempotencyKey": "nightly", "requestedAt": given}), Some(given)),
        (json!({"idempotencyKey": "nightly", "requestedAt": later}), Some(later)),
    ] {
        let stage = Stage::new().await;
        started(&stage, &stage.start("e1", fields.clone())).await;
        assert_eq!(requested_at(&stage).as_deref(), tag, "{fields}");
    }
}

#[tokio::test]
async fn two_events_with_one_key_and_one_time_are_one_start_whenever_they_were_sent() {
    let stage = Stage::new().await;
    let fields = json!({"idempotencyKey": "nightly", "requestedAt": "2026-11-20T06:00:00Z"});
    started(&stage, &stage.start("e1", fields.clone())).await;
    let mut second = stage.start("e2", fields);
    second["time"] = json!("2026-11-20T07:01:01Z");
    let handled = stage.deliver(&second).await;
    assert!(
        matches!(handled.result, Ok(Outcome::Started { conflict: false, .. })),
        "{:?}",
        handled.result
    );
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn a_start_that_is_too_old_starts_nothing() {
    let stage = Stage::new().await;
    let event = stage.start("e1", json!({"maxAgeSeconds": 300}));
    stage.pass(Duration::from_secs(301));
    let failure = failed(&stage, &event).await;
    assert_eq!((failure.category, failure.transient), ("expired", false));
    assert_eq!(
        failure.message,
        "the start was asked for 301 s ago, and its maxAgeSeconds is 300; 0 of its 1 tasks run"
    );
    assert_eq!(stage.calls(), ["ListTasks"]);
    // It counts from when it was asked for; and 0, or a catalog entry that has none, is none.
    let asked_before = json!({"maxAgeSeconds": 3600, "requestedAt": "2026-11-20T06:00:00Z"});
    assert_eq!(
        failed(&stage, &stage.start("e2", asked_before)).await.category,
        "expired"
    );
    for fields in [json!({}), json!({"maxAgeSeconds": 0}), json!({"maxAgeSeconds": 301})] {
        assert_eq!(
            started(&stage, &stage.start("e3", fields.clone())).await.0,
            1,
            "{fields}"
        );
    }
}

#[tokio::test]
async fn what_an_earlier_delivery_of_an_old_start_has_started_counts_and_gets_its_deadlines() {
    let role = (
        "SCHEDULER_ROLE_ARN",
        "arn:aws:iam::111122223333:role/start-engines-later",
    );
    let stage = Stage::with(&[role]).await;
    let partial = RunTaskResult::Partial {
        started: 1,
        failures: vec![fake_aws::Failure::new("RESOURCE:CPU")],
    };
    stage.fake.world(|world| {
        world.list_tasks_page = 1;
        world.run_task_results.push_back(partial);
        world.fail_next("scheduler:CreateSchedule", Fault::Throttle, 3);
    });
    let event = stage.start("e1", json!({"maxAgeSeconds": 300, "count": 2}));
    failed(&stage, &event).await;
    // Others with the same targets.
    for id in ["e2", "e3"] {
        started(&stage, &stage.start(id, json!({"startTimeoutSeconds": 0}))).await;
    }
    stage.pass(Duration::from_secs(301));
    stage.calls();
    let failure = failed(&stage, &event).await;
    assert_eq!((failure.category, failure.tasks.len()), ("expired", 1));
    assert!(failure.message.ends_with("1 of its 2 tasks run"), "{failure}");
    assert_eq!(
        stage.calls(),
        [
            "ListTasks",
            "DescribeTasks",
            "ListTasks",
            "DescribeTasks",
            "ListTasks",
            "DescribeTasks",
            "CreateSchedule",
        ]
    );
    assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 1);
    // Of one whose tasks all run, nothing is left to refuse.
    let whole = stage.start("e4", json!({"maxAgeSeconds": 600, "startTimeoutSeconds": 0}));
    started(&stage, &whole).await;
    stage.pass(Duration::from_secs(301));
    assert_eq!(started(&stage, &whole).await, (1, 0));
    assert_eq!(tasks(&stage), 4);
}

#[tokio::test]
async fn tags_of_the_definition_can_be_too_many_and_ecs_says_so() {
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        let mut definition = fake_aws::TaskDefinition::awsvpc("auth").container("auth", &[8080]);
        for n in 0..47 {
            definition = definition.tag(&format!("k{n}"), "v");
        }
        world.add_task_definition(definition);
    });
    let event = stage.start("e1", json!({"propagateTags": "TASK_DEFINITION"}));
    assert_eq!(failed(&stage, &event).await.category, "invalid_parameter");
    assert_eq!(started(&stage, &stage.start("e2", json!({}))).await.0, 1);
}
