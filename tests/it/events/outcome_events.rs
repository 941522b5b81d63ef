//! Outcome events at the wire: what is published, and that publishing never fails the work.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::Outcome;
use start_engines_fake_aws::Fault;

use crate::stage::{Stage, outcome, stop};

const BUS: (&str, &str) = ("OUTCOME_EVENT_BUS", "app-events");
const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-later",
);

async fn stage() -> Stage {
    Stage::with(&[BUS, ROLE]).await
}

/// The events published since the last call: detail-type and detail.
fn reported(stage: &Stage) -> Vec<(String, Value)> {
    let events = stage.fake.world(|world| world.take_put_events());
    let split = |event: Value| {
        assert_eq!(event["source"], "start-engines");
        (
            event["detail-type"].as_str().expect("a text").to_owned(),
            event["detail"].clone(),
        )
    };
    events.into_iter().map(split).collect()
}

fn marked(stage: &Stage, id: &str) -> Value {
    stage.start(id, json!({"correlationId": "order-7", "startTimeoutSeconds": 0}))
}

fn last_task(stage: &Stage) -> String {
    stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone())
}

#[tokio::test]
async fn a_whole_life_is_reported_with_the_mark_of_its_start() {
    let stage = stage().await;
    outcome(&stage, &marked(&stage, "e1")).await;
    let task = last_task(&stage);
    let started = reported(&stage);
    assert_eq!(
        started,
        [(
            "ECS Task Started".to_owned(),
            json!({
                "eventId": "e1", "correlationId": "order-7", "cluster": "engines", "taskDefinition": "auth",
                "targets": [{"targetGroupArn": stage.group, "port": 8080}],
                "taskArn": task,
                "timings": {
                    "happenedAt": "2026-11-20T07:00:00.000Z", "handledAt": "2026-11-20T07:00:00.000Z", "lagMillis": 0,
                },
            })
        )]
    );

    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    stage.clock.advance(Duration::from_millis(1_500));
    outcome(&stage, &running).await;
    let address = stage.registered()[0].0.clone();
    let registered = reported(&stage);
    assert_eq!(registered.len(), 1);
    let (kind, detail) = &registered[0];
    assert_eq!(kind, "ECS Task Registered");
    assert_eq!(
        (&detail["taskArn"], &detail["correlationId"]),
        (&json!(task), &json!("order-7"))
    );
    let target = json!({"targetGroupArn": stage.group, "id": address, "port": 8080});
    assert_eq!(detail["targets"], json!([target]));
    assert_eq!(detail["timings"]["lagMillis"], 1_500);

    let stopping = stage.fake.world(|world| stop(world, &task));
    stage.calls();
    outcome(&stage, &stopping).await;
    assert_eq!(stage.calls(), ["DeregisterTargets", "DescribeTasks", "PutEvents"]);
    let deregistered = reported(&stage);
    assert_eq!(deregistered.len(), 1);
    assert_eq!(deregistered[0].0, "ECS Task Deregistered");
    assert_eq!(deregistered[0].1["targets"], json!([target]));

    let stopped = stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    outcome(&stage, &stopped).await;
    let last = reported(&stage);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].0, "ECS Task Stopped");
    assert_eq!(last[0].1["stopCode"], "UserInitiated");
    assert_eq!(last[0].1["stoppedReason"], "Task stopped by user");
    assert_eq!(last[0].1["taskArn"], json!(task));
}

#[tokio::test]
async fn ten_tasks_are_reported_by_one_call() {
    let stage = stage().await;
    outcome(
        &stage,
        &stage.start("e1", json!({"count": 10, "startTimeoutSeconds": 0})),
    )
    .await;
    assert_eq!(stage.calls(), ["RunTask", "PutEvents"]);
    assert_eq!(reported(&stage).len(), 10);
}

#[tokio::test]
async fn a_deadline_that_cannot_be_set_is_reported_beside_the_start_and_not_as_its_failure() {
    let stage = stage().await;
    let start = stage.start("e1", json!({"correlationId": "order-7", "maxLifetimeSeconds": 3600}));
    for _ in 0..2 {
        stage.fake.world(|world| {
            // The first is the timeout, the second the lifetime.
            for _ in 0..2 {
                world.fail_next(
                    "scheduler:CreateSchedule",
                    Fault::error(403, "AccessDeniedException", "no"),
                    1,
                );
            }
        });
        stage.deliver(&start).await.result.expect_err("a failure");
        let reported = reported(&stage);
        let kinds: Vec<&str> = reported.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["ECS Task Started", "ECS Task Deadline Not Set"]);
        let detail = &reported[1].1;
        assert_eq!(detail["taskArn"], json!(last_task(&stage)));
        assert_eq!(
            detail["deadlines"],
            json!(["startTimeoutSeconds", "maxLifetimeSeconds"])
        );
        assert_eq!(
            (&detail["correlationId"], &detail["reason"], &detail["retryCanHelp"]),
            (&json!("order-7"), &json!("access_denied"), &json!(false))
        );
    }
    outcome(&stage, &start).await;
    assert_eq!(reported(&stage).len(), 1);
}

#[tokio::test]
async fn a_start_that_is_wrong_or_cannot_be_is_reported_with_its_mark_and_its_reason() {
    let stage = stage().await;
    let wrong = stage.start("e1", json!({"correlationId": "order-7", "port": 0}));
    stage.deliver(&wrong).await.result.expect_err("a failure");
    let (kind, detail) = reported(&stage).remove(0);
    assert_eq!(kind, "ECS Task Start Failed");
    assert_eq!(
        (&detail["correlationId"], &detail["reason"], &detail["retryCanHelp"]),
        (&json!("order-7"), &json!("invalid_event"), &json!(false))
    );
    assert!(
        detail["message"].as_str().expect("a text").contains("detail.port"),
        "{detail}"
    );

    stage
        .fake
        .world(|world| world.fail_next("ecs:RunTask", Fault::Throttle, 3));
    stage
        .deliver(&marked(&stage, "e2"))
        .await
        .result
        .expect_err("a failure");
    let (_, detail) = reported(&stage).remove(0);
    assert_eq!(
        (&detail["reason"], &detail["retryCanHelp"]),
        (&json!("throttled"), &json!(true))
    );
}

#[tokio::test]
async fn a_task_that_never_ran_is_reported_with_the_reason_that_ecs_gives() {
    let stage = stage().await;
    outcome(&stage, &marked(&stage, "e1")).await;
    reported(&stage);
    let task = last_task(&stage);
    let last = stage.fake.world(|world| {
        world.fail_start(
            &task,
            "CannotPullContainerError: no such image",
            "CannotPullContainerError",
        );
        world.advance_to(&task, "STOPPED")
    });
    stage.calls();
    outcome(&stage, &last).await;
    assert_eq!(stage.calls(), ["DescribeTasks", "PutEvents"]);
    let (kind, detail) = reported(&stage).remove(0);
    assert_eq!(kind, "ECS Task Start Failed");
    assert_eq!(detail["reason"], "image_pull_failed");
    assert_eq!(detail["stoppedReason"], "CannotPullContainerError: no such image");
}

#[tokio::test]
async fn a_start_that_took_too_long_is_reported_before_its_tags_are_gone() {
    let stage = stage().await;
    let start = stage.start("e1", json!({"correlationId": "order-7", "startTimeoutSeconds": 60}));
    outcome(&stage, &start).await;
    reported(&stage);
    stage.pass(Duration::from_secs(61));
    let due = stage.fake.world(|world| world.fire_schedules());
    outcome(&stage, &due[0]).await;
    let (kind, detail) = reported(&stage).remove(0);
    assert_eq!(kind, "ECS Task Start Failed");
    assert_eq!(
        (&detail["correlationId"], &detail["reason"], &detail["taskArn"]),
        (&json!("order-7"), &json!("start_timed_out"), &json!(last_task(&stage)))
    );
}

#[tokio::test]
async fn a_task_that_runs_but_cannot_be_registered_is_a_start_that_failed() {
    let stage = stage().await;
    outcome(&stage, &marked(&stage, "e1")).await;
    reported(&stage);
    let task = last_task(&stage);
    let running = stage.fake.world(|world| {
        world.remove_target_group(&stage.group);
        world.advance_to(&task, "RUNNING")
    });
    stage.deliver(&running).await.result.expect_err("a failure");
    let (kind, detail) = reported(&stage).remove(0);
    assert_eq!(kind, "ECS Task Start Failed");
    assert_eq!(
        (&detail["correlationId"], &detail["reason"]),
        (&json!("order-7"), &json!("target_group_not_found"))
    );
}

#[tokio::test]
async fn a_requested_stop_reports_whose_targets_it_deregistered_and_both_marks() {
    let stage = stage().await;
    for id in ["e1", "e2"] {
        outcome(&stage, &marked(&stage, id)).await;
        let running = stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.advance_to(&task, "RUNNING")
        });
        outcome(&stage, &running).await;
    }
    reported(&stage);
    let detail = json!({"cluster": "engines", "all": true, "correlationId": "evening", "drainSeconds": 60});
    let stop = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": "2026-11-20T07:00:01Z", "region": "us-east-1", "resources": [], "detail": detail,
    });
    outcome(&stage, &stop).await;
    let events = reported(&stage);
    let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["ECS Task Deregistered", "ECS Task Deregistered"]);
    assert_ne!(events[0].1["taskArn"], events[1].1["taskArn"]);
    for (_, detail) in &events {
        assert_eq!(
            (
                &detail["correlationId"],
                &detail["stopCorrelationId"],
                &detail["eventId"]
            ),
            (&json!("order-7"), &json!("evening"), &json!("s1"))
        );
    }
}

#[tokio::test]
async fn reporting_that_fails_is_counted_and_undoes_nothing() {
    let stage = stage().await;
    let faults = [
        (Fault::Throttle, 3),
        (Fault::Reset, 3),
        (Fault::Html500, 3),
        // Not tried again.
        (Fault::error(400, "AccessDeniedException", "no"), 1),
    ];
    for (n, (fault, times)) in faults.into_iter().enumerate() {
        stage
            .fake
            .world(|world| world.fail_next("events:PutEvents", fault, times));
        let handled = stage.deliver(&marked(&stage, &format!("e{n}"))).await;
        assert!(
            matches!(handled.result, Ok(Outcome::Started { .. })),
            "{:?}",
            handled.result
        );
        assert_eq!((handled.published.published, handled.published.unpublished), (0, 1));
        let (line, metrics) = (handled.summary(), handled.metrics("start-engines"));
        assert_eq!(line["outcomeEventsFailed"], 1);
        assert!(
            line["outcomeEventsErrors"][0]
                .as_str()
                .expect("a text")
                .contains("PutEvents"),
            "{line:?}"
        );
        assert_eq!(
            (&metrics["OutcomeEventsFailed"], &metrics["TasksStarted"]),
            (&json!(1), &json!(1))
        );
    }
}

#[tokio::test]
async fn entries_that_were_not_taken_are_put_once_more_and_only_those() {
    let stage = stage().await;
    stage.fake.world(|world| world.refuse_entries(2));
    let start = stage.start("e1", json!({"count": 3, "startTimeoutSeconds": 0}));
    let handled = stage.deliver(&start).await;
    assert_eq!(handled.published.published, 3);
    assert_eq!(stage.calls(), ["RunTask", "PutEvents", "PutEvents"]);
    assert_eq!(reported(&stage).len(), 3);

    stage.fake.world(|world| world.refuse_entries(3));
    let handled = stage
        .deliver(&stage.start("e2", json!({"count": 2, "startTimeoutSeconds": 0})))
        .await;
    assert_eq!((handled.published.published, handled.published.unpublished), (1, 1));
    assert_eq!(handled.published.errors, ["ThrottlingException: Rate exceeded"]);
}

#[tokio::test]
async fn nothing_is_reported_of_tasks_of_others_or_of_repetitions_that_did_nothing() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    reported(&stage);
    let mut foreign = stopping.clone();
    foreign["detail"]["startedBy"] = json!("ecs-svc/123");
    outcome(&stage, &foreign).await;
    stage.pass(Duration::from_secs(60));
    outcome(&stage, &stopping).await;
    assert_eq!(reported(&stage), []);
}

#[tokio::test]
async fn without_a_bus_nothing_is_put() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    assert!(!stage.calls().contains(&"PutEvents".to_owned()));
}
