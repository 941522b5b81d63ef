//! Starts that went wrong in the field (`fixtures/field-cases/`), each with what is right, and its neighbours.

use serde_json::{Value, json};
use start_engines_cli::view::explain::explain;
use start_engines_core::outcome::Outcome;
use start_engines_core::request;
use start_engines_fake_aws::{Failure, RunTaskResult};

use crate::stage::{Stage, config, start_event};

/// The files of this table.
pub(super) const FILES: [&str; 9] = [
    "03-run-task-answer",
    "03-start-ec2-then-fargate",
    "04-run-task-answer",
    "05-run-task-answer",
    "05-start-location",
    "06-start-fallback-ec2-public-ip",
    "07-start-fallback-fargate-placement",
    "13-start-ec2-public-ip",
    "13-start-fargate-placement",
];

fn case(name: &str) -> Value {
    assert!(FILES.contains(&name), "{name} is not in the table");
    let path = format!("{}/fixtures/field-cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What RunTask answers, by its file.
fn answer(name: &str) -> RunTaskResult {
    let answer = case(name);
    match answer["failures"].as_array() {
        Some(failures) => {
            let failure = |it: &Value| Failure::new(&text(&it["reason"])).arn(&text(&it["arn"]));
            RunTaskResult::Failures(failures.iter().map(failure).collect())
        }
        None => RunTaskResult::Error(text(&answer["__type"]), text(&answer["message"])),
    }
}

fn short_of(reason: &str) -> RunTaskResult {
    RunTaskResult::Failures(vec![Failure::new(reason)])
}

/// An account with a container instance, where the first RunTask ends as `first`; the inputs of the calls for `event`,
/// which must start one task.
async fn climbed(event: &Value, first: RunTaskResult) -> Vec<Value> {
    let stage = Stage::new().await;
    stage.fake.world(|world| {
        let address = std::net::Ipv4Addr::new(10, 0, 0, 9);
        world.add_container_instance("engines", Some("i-0a1b2c3d4e5f60718"), address);
        world.run_task_results.push_back(first);
    });
    let result = stage.deliver(event).await.result;
    assert!(
        matches!(result, Ok(Outcome::Started { ref tasks, .. }) if tasks.len() == 1),
        "{result:?}"
    );
    stage.fake.calls().into_iter().map(|call| call.input).collect()
}

/// What `validate` reports of the RunTask calls, one line for each.
fn validated(event: &Value) -> Vec<String> {
    let config = config(&[], None);
    let trigger = request::read(event.clone(), &config, None).expect("a sound start");
    let reported = explain(&trigger, &config);
    let (_, calls) = reported.split_once("until one finds capacity:\n").expect("the calls");
    let lines = calls.lines().filter(|line| line.starts_with("    "));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[tokio::test]
async fn an_ec2_cluster_at_zero_instances_is_followed_by_the_fallback() {
    let stage = Stage::new().await;
    let result = stage.deliver(&case("03-start-ec2-then-fargate")).await.result;
    assert!(matches!(result, Ok(Outcome::Started { .. })), "{result:?}");
    let calls = stage.fake.calls();
    assert_eq!(calls[0].outcome, text(&case("03-run-task-answer")["__type"]));
    let launches: Vec<&Value> = calls.iter().map(|call| &call.input["launchType"]).collect();
    assert_eq!(launches, ["EC2", "FARGATE"]);
    assert_eq!(calls[0].input["clientToken"], calls[1].input["clientToken"]);
}

#[tokio::test]
async fn a_throttle_of_ec2_in_ecs_clothes_passes_with_time() {
    let stage = Stage::with(&[("OUTCOME_EVENT_BUS", "app-events")]).await;
    stage
        .fake
        .world(|world| world.run_task_results.push_back(answer("04-run-task-answer")));
    let event = case("03-start-ec2-then-fargate");
    let failure = stage.deliver(&event).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("throttled", true));
    let reported = stage.fake.world(|world| world.take_put_events());
    let kinds: Vec<&Value> = reported.iter().map(|event| &event["detail-type"]).collect();
    assert_eq!(kinds, ["ECS Task Start Failed"]);
    assert_eq!(reported[0]["detail"]["retryCanHelp"], true);
    assert!(stage.deliver(&event).await.result.is_ok());
}

#[tokio::test]
async fn a_reason_of_one_place_is_followed_by_another_place() {
    let fargate = start_event(
        "e1",
        crate::stage::AUTH,
        json!({"launchType": "EC2", "fallbacks": [{"launchType": "FARGATE"}]}),
    );
    for (event, first) in [
        (case("05-start-location"), answer("05-run-task-answer")),
        (case("05-start-location"), short_of("ATTRIBUTE")),
        (fargate.clone(), short_of("ATTRIBUTE")),
        (fargate, answer("05-run-task-answer")),
    ] {
        assert_eq!(climbed(&event, first).await.len(), 2, "{event}");
    }
}

#[tokio::test]
async fn each_call_carries_what_its_launch_type_takes_and_validate_shows_it() {
    let event = case("06-start-fallback-ec2-public-ip");
    let calls = climbed(&event, short_of("Capacity is unavailable at this time.")).await;
    let public_ip = |call: &Value| call["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"].clone();
    assert_eq!(
        [public_ip(&calls[0]), public_ip(&calls[1])],
        [json!("ENABLED"), Value::Null]
    );
    assert_eq!(
        validated(&event),
        [
            "1. launch type FARGATE, subnet-0a1b2c3d4e5f60718, public IP ENABLED, clientToken 6a7e8feb-b491-4cf7-a9f1-bf3703467718#0",
            "2. launch type EC2, subnet-0a1b2c3d4e5f60718",
        ]
    );

    let event = case("07-start-fallback-fargate-placement");
    let calls = climbed(&event, short_of("RESOURCE:CPU")).await;
    assert_eq!(calls[0]["placementStrategy"][0]["type"], "spread");
    assert_eq!(calls[1]["placementStrategy"], Value::Null);
    assert_eq!(
        validated(&event),
        [
            "1. launch type EC2, subnet-0a1b2c3d4e5f60718, placement strategy spread attribute:ecs.availability-zone, clientToken 6a7e8feb-b491-4cf7-a9f1-bf3703467718#0",
            "2. launch type FARGATE, subnet-0a1b2c3d4e5f60718",
        ]
    );
}

#[test]
fn whatever_a_fallback_does_not_take_is_left_out_and_all_else_stays() {
    let providers = |name: &str| json!([{"capacityProvider": name, "weight": 1}]);
    let everything = json!({
        "launchType": null, "assignPublicIp": "ENABLED", "platformVersion": "1.4.0",
        "placementConstraints": [{"type": "distinctInstance"}],
        "fallbacks": [
            {"subnets": ["subnet-0b1c2d3e4f5a60718"]},
            {"launchType": "EC2"},
            {"launchType": "FARGATE"},
            {"capacityProviderStrategy": providers("FARGATE_SPOT")},
            {"capacityProviderStrategy": providers("instances")},
        ],
    });
    let reported = validated(&start_event("e1", crate::stage::AUTH, everything));
    let network = "subnet-0a1b2c3d4e5f60718";
    let fargate = "public IP ENABLED, platform version 1.4.0";
    let constraint = "placement constraint distinctInstance";
    // What the cluster's own capacity takes, only ECS knows.
    let default = "the cluster's default capacity";
    assert_eq!(
        reported,
        [
            format!("1. {default}, {network}, {fargate}, {constraint}, clientToken e1#0"),
            format!("2. {default}, subnet-0b1c2d3e4f5a60718, {fargate}, {constraint}"),
            format!("3. launch type EC2, {network}, {constraint}"),
            format!("4. launch type FARGATE, {network}, {fargate}"),
            format!("5. capacity providers FARGATE_SPOT (weight 1), {network}, {fargate}"),
            format!("6. capacity providers instances (weight 1), {network}, {constraint}"),
        ]
    );
    let disabled = json!({"assignPublicIp": "DISABLED", "fallbacks": [{"launchType": "EC2"}]});
    let reported = validated(&start_event("e1", crate::stage::AUTH, disabled));
    assert_eq!(
        reported[1],
        format!("2. launch type EC2, {network}, public IP DISABLED")
    );
}

#[tokio::test]
async fn what_the_launch_type_that_is_asked_for_does_not_take_is_refused_with_the_rule() {
    for (name, says) in [
        (
            "13-start-ec2-public-ip",
            "detail.assignPublicIp = \"ENABLED\": only Fargate supports ENABLED: omit it, or give DISABLED",
        ),
        (
            "13-start-fargate-placement",
            "detail.placementStrategy = \"spread attribute:ecs.availability-zone\": Fargate does not support it: omit it, or give []",
        ),
    ] {
        let stage = Stage::new().await;
        let failure = stage.deliver(&case(name)).await.result.expect_err("a refusal");
        assert_eq!(failure.category.name(), "invalid_event");
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!(stage.calls(), [""; 0]);
    }
}
