//! When a start was asked for, and what its age changes.

use std::time::Duration;

use serde_json::json;
use start_engines_core::outcome::Outcome;
use start_engines_fake_aws::{self as fake_aws, Fault, RunTaskResult};

use crate::events::starts::{NO_FARGATE, failed, short_of, started, tasks};
use crate::stage::Stage;

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
        assert_eq!(failed(&stage, &event).await.category.name(), "capacity_unavailable");
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
    assert_eq!((failure.category.name(), failure.transient), ("expired", false));
    assert_eq!(
        failure.message,
        "the start was requested 301 s ago, and its maxAgeSeconds is 300; 0 of its 1 tasks run"
    );
    assert_eq!(stage.calls(), ["ListTasks"]);
    // It counts from when it was asked for; and 0, or a catalog entry that has none, is none.
    let asked_before = json!({"maxAgeSeconds": 3600, "requestedAt": "2026-11-20T06:00:00Z"});
    assert_eq!(
        failed(&stage, &stage.start("e2", asked_before)).await.category.name(),
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
    assert_eq!((failure.category.name(), failure.tasks.len()), ("expired", 1));
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
