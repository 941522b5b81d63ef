//! Where a start is tried: what another placement cures, what passes with time, and what ends the walk.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::Outcome;
use start_engines_fake_aws::{self as fake_aws, RunTaskResult};

use crate::events::starts::{NO_FARGATE, failed, short_of, started, tasks};
use crate::stage::Stage;

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
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("client_token_conflict", true)
    );
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
    assert_eq!(failed(&stage, &event).await.category.name(), "capacity_unavailable");
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
        world.add_capacity_provider("engines", "instances");
        world.run_task_results.extend([partial, full]);
    });
    let fallbacks = json!([
        {"capacityProviderStrategy": [{"capacityProvider": "instances"}]},
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
    // The second time, the provider has room, and the answer names the tasks that exist.
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
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("capacity_unavailable", true)
    );
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
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("capacity_unavailable", true)
    );
    assert!(failure.message.contains(NO_FARGATE), "{}", failure.message);
    stage.pass(Duration::from_secs(61));
    assert_eq!(failed(&stage, &event).await.category.name(), "capacity_unavailable");
    stage.pass(Duration::from_secs(121));
    assert_eq!(started(&stage, &event).await, (1, 3));
    assert_eq!(stage.calls().len(), 1 + 2 + 3);
}

#[tokio::test]
async fn what_a_partial_answer_leaves_over_is_the_next_attempts() {
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
    assert_eq!(
        (failure.category.name(), failure.tasks.len()),
        ("capacity_unavailable", 1)
    );
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
            assert_eq!(
                (failure.category.name(), failure.transient),
                ("placement_failed", false)
            );
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
    assert_eq!(failed(&stage, &event).await.category.name(), "placement_failed");
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
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("capacity_unavailable", true)
    );
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
async fn an_error_for_good_in_one_place_after_an_exception_of_another_can_pass() {
    let stage = Stage::new().await;
    let event = start_on_instances(&stage);
    stage.fake.world(|world| {
        world.run_task_rule(|input| {
            let refused = "Task definition does not support launch_type FARGATE.";
            (input["launchType"] == "FARGATE")
                .then(|| RunTaskResult::Error("InvalidParameterException".into(), refused.into()))
        });
    });
    let failure = failed(&stage, &event).await;
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("invalid_parameter", true)
    );
    assert!(
        failure.message.contains("an earlier placement may have room"),
        "{failure}"
    );
    // An instance has come up since: the first placement can do.
    add_instance(&stage);
    stage.pass(Duration::from_secs(61));
    assert_eq!(started(&stage, &event).await.0, 1);
}
