//! `"all": true`: one event, and each cluster of the configuration is reconciled by one of its own.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Category, Outcome};
use start_engines_fake_aws::Fault;

use super::{NO_TIMEOUT, ROLE, event, parts};
use crate::stage::{Stage, outcome};

const CLUSTERS: (&str, &str) = (
    "ALLOWED_CLUSTERS",
    "engines,arn:aws:ecs:us-east-1:111122223333:cluster/others,third",
);

fn all() -> Value {
    event(
        "r1",
        json!({"all": true, "correlationId": "c-1", "requestedAt": "2026-11-20T06:59:00Z"}),
    )
}

/// A task in each of two clusters, whose RUNNING event was lost.
async fn stage() -> Stage {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, CLUSTERS]).await;
    stage
        .fake
        .world(|world| ["others", "third"].map(|name| world.add_cluster(name)));
    for (id, cluster) in [("e1", "engines"), ("e2", "others")] {
        outcome(&stage, &stage.start(id, json!({"cluster": cluster}))).await;
    }
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.advance_to(&task, "RUNNING");
        }
    });
    stage.calls();
    stage
}

fn clusters(events: &[Value]) -> Vec<String> {
    let cluster = |event: &Value| event["detail"]["cluster"].as_str().expect("a cluster").to_owned();
    let mut clusters: Vec<String> = events.iter().map(cluster).collect();
    clusters.sort();
    clusters
}

#[tokio::test]
async fn each_cluster_is_reconciled_by_an_event_of_its_own() {
    let stage = stage().await;
    let handled = stage.deliver(&all()).await;
    assert!(matches!(handled.result, Ok(Outcome::Scheduled { .. })), "{handled:?}");
    let line = handled.summary();
    assert_eq!(line["outcome"], "scheduled");
    assert_eq!(line["clusters"].as_array().expect("names").len(), 3);
    assert_eq!(stage.calls(), ["CreateSchedule", "CreateSchedule", "CreateSchedule"]);
    assert_eq!(stage.registered().len(), 0, "nothing is repaired yet");
    // The last one begins 30 s after the first.
    stage.pass(Duration::from_secs(45));
    assert_eq!(stage.fake.world(|world| world.fire_schedules()).len(), 2);
    let stage = self::stage().await;
    outcome(&stage, &all()).await;
    stage.pass(Duration::from_secs(120));
    let fired = stage.fake.world(|world| world.fire_schedules());
    let expected = ["arn:aws:ecs:us-east-1:111122223333:cluster/others", "engines", "third"];
    assert_eq!(clusters(&fired), expected);
    let mut registered = 0;
    for event in &fired {
        assert_eq!(event["detail"]["correlationId"], "c-1");
        assert_eq!(event["detail"]["requestedAt"], "2026-11-20T06:59:00Z");
        assert_eq!(event["source"], "app.tests");
        registered += parts(outcome(&stage, event).await).0.len();
    }
    assert_eq!((registered, stage.registered().len()), (2, 2));
}

#[tokio::test]
async fn a_second_delivery_schedules_nothing_that_still_waits_twice() {
    let stage = stage().await;
    for _ in 0..2 {
        outcome(&stage, &all()).await;
    }
    assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 3);
    // When they have come they are gone, and a delivery after that repeats them.
    stage.pass(Duration::from_secs(120));
    stage.fake.world(|world| world.fire_schedules());
    outcome(&stage, &all()).await;
    assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 3);
}

#[tokio::test]
async fn a_schedule_that_cannot_be_made_fails_the_event_and_keeps_no_other_cluster_waiting() {
    let stage = stage().await;
    stage.fake.world(|world| {
        let fault = Fault::error(403, "AccessDeniedException", "not authorized");
        world.fail_after("scheduler:CreateSchedule", 1, fault, 1);
    });
    let failure = stage.deliver(&all()).await.result.expect_err("a failure");
    assert!(failure.message.contains("CreateSchedule"), "{failure}");
    assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 2);
    outcome(&stage, &all()).await;
    assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 3);
}

#[tokio::test]
async fn a_single_cluster_is_reconciled_at_once_and_without_a_scheduler() {
    let stage = Stage::with(&[NO_TIMEOUT, ("ALLOWED_CLUSTERS", "engines")]).await;
    let (_, running) = stage.running_task("e1").await;
    assert_eq!(running["detail"]["lastStatus"], "RUNNING");
    let (registered, deregistered, unknown) = parts(outcome(&stage, &all()).await);
    assert_eq!((registered.len(), deregistered.len(), unknown.len()), (1, 0, 0));
    assert!(stage.fake.calls_to("scheduler:CreateSchedule").is_empty());
}

#[tokio::test]
async fn where_the_configuration_cannot_tell_all_clusters_there_is_no_all() {
    for (environment, rule) in [
        (vec![ROLE], "ALLOWED_CLUSTERS must name every cluster in full"),
        (
            vec![ROLE, ("ALLOWED_CLUSTERS", "engines,other-*")],
            "ALLOWED_CLUSTERS must name every cluster in full",
        ),
        (
            vec![
                ROLE,
                ("ALLOWED_CLUSTERS", "arn:aws:ecs:eu-west-1:111122223333:cluster/others"),
            ],
            "ALLOWED_CLUSTERS names no cluster of the function's account and region",
        ),
        (vec![CLUSTERS], "SCHEDULER_ROLE_ARN must be set"),
    ] {
        let stage = Stage::with(&environment).await;
        let failure = stage.deliver(&all()).await.result.expect_err(rule);
        assert_eq!(failure.category, Category::InvalidEvent);
        assert!(
            failure.message.contains("detail.all = true: ") && failure.message.contains(rule),
            "{failure}"
        );
        assert_eq!(stage.calls(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_null_is_no_all() {
    let stage = Stage::with(&[NO_TIMEOUT, CLUSTERS]).await;
    let event = event("r1", json!({"cluster": "engines", "all": null}));
    assert!(matches!(outcome(&stage, &event).await, Outcome::Reconciled(_)));
}

#[tokio::test]
async fn a_hundred_clusters_are_scheduled_in_one_invocation() {
    let clusters: Vec<String> = (0..100).map(|n| format!("engines-{n}")).collect();
    let listed = clusters.join(",");
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, ("ALLOWED_CLUSTERS", &listed)]).await;
    outcome(&stage, &all()).await;
    assert_eq!(stage.fake.calls_to("scheduler:CreateSchedule").len(), 100);
    stage.pass(Duration::from_secs(30 + 99 * 15 + 1));
    let fired = stage.fake.world(|world| world.fire_schedules());
    let expected = clusters.iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(
        self::clusters(&fired).iter().collect::<std::collections::BTreeSet<_>>(),
        expected
    );
}
