//! Starts: what RunTask is asked, the token ladder, and every way in which RunTask can fail.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Failure, Outcome};
use start_engines_fake_aws::{self as fake_aws, Fault, RunTaskResult};

use crate::stage::{AUTH, Stage};

pub(crate) fn short_of(reason: &str) -> RunTaskResult {
    RunTaskResult::Failures(vec![fake_aws::Failure::new(reason)])
}

pub(crate) const NO_FARGATE: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

pub(crate) async fn started(stage: &Stage, event: &Value) -> (usize, usize) {
    match stage.deliver(event).await.result {
        Ok(Outcome::Started {
            tasks, run_task_calls, ..
        }) => (tasks.len(), run_task_calls),
        other => panic!("no start: {other:?}"),
    }
}

pub(crate) async fn failed(stage: &Stage, event: &Value) -> Failure {
    stage.deliver(event).await.result.expect_err("a failure")
}

pub(crate) fn tasks(stage: &Stage) -> usize {
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
        assert_eq!(
            (failure.category.name(), failure.transient),
            (category, transient),
            "{code}"
        );
        assert_eq!(failure.message, format!("RunTask failed with {code}: as ECS words it"));
        assert_eq!(stage.calls(), ["RunTask"], "{code}");
        // Nothing is kept under the token: the event can be sent again when the cause is gone.
        assert_eq!(started(&stage, &event).await, (1, 1), "{code}");
    }
}

#[tokio::test]
async fn an_unknown_cluster_is_reported_as_ecs_reports_it() {
    let stage = Stage::new().await;
    let failure = failed(&stage, &stage.start("e1", json!({"cluster": "elsewhere"}))).await;
    assert_eq!(failure.category.name(), "cluster_not_found");
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
            (failure.category.name(), failure.transient),
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
    assert_eq!(handled.result.expect_err("a failure").category.name(), "out_of_time");
    assert_eq!(stage.calls(), [""; 0]);
}

#[tokio::test]
async fn two_events_with_one_key_agree_once_the_second_has_been_retried_as_often() {
    let stage = Stage::new().await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(short_of(NO_FARGATE)));
    let first = stage.start("e1", json!({"idempotencyKey": "nightly"}));
    assert_eq!(failed(&stage, &first).await.category.name(), "capacity_unavailable");
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &first).await, (1, 2));
    let mut second = stage.start("e2", json!({"idempotencyKey": "nightly"}));
    second["time"] = json!("2026-11-20T07:01:01Z");
    assert_eq!(failed(&stage, &second).await.category.name(), "capacity_unavailable");
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &second).await, (1, 2));
    assert_eq!(tasks(&stage), 1);
}

#[tokio::test]
async fn the_same_reason_of_many_instances_is_reported_once() {
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
        world.add_capacity_provider("engines", "instances");
        world.run_task_results.push_back(short_of(NO_FARGATE));
    });
    let detail = json!({
        "securityGroups": ["sg-0a1b2c3d4e5f60718"], "platformVersion": "1.4.0",
        "fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"], "capacityProviderStrategy": [{"capacityProvider": "instances"}]}],
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
    assert_eq!(failed(&stage, &event).await.category.name(), "invalid_parameter");
    assert_eq!(started(&stage, &stage.start("e2", json!({}))).await.0, 1);
}
