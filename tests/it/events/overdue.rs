//! A drain whose second half is lost: whoever meets the task next stops it.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::tags::STOP_AT;
use start_engines_core::outcome::{Outcome, Skip};

use crate::stage::{BEGIN, Stage, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-schedules",
);
const NO_TIMEOUT: (&str, &str) = ("TASK_WAIT_TIMEOUT", "0");
const NO_CHECK: (&str, &str) = ("HEALTH_TIMEOUT", "0");
const CLUSTER: (&str, &str) = ("ALLOWED_CLUSTERS", "engines");

fn event(detail_type: &str, time: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": "event-1", "detail-type": detail_type, "source": "app.tests",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

fn stop(time: &str, detail: Value) -> Value {
    event("Stop ECS Task", time, detail)
}

/// A task that drains for ten minutes, and whose schedule is lost.
async fn draining() -> (Stage, String) {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK, CLUSTER]).await;
    let task = stage.registered_task("e1").await;
    outcome(&stage, &stop(BEGIN, json!({"taskArn": task, "drainSeconds": 600}))).await;
    let lost = stage.fake.world(|world| {
        world.clock += Duration::from_secs(3600);
        let lost = world.fire_schedules();
        world.clock -= Duration::from_secs(3600);
        lost
    });
    assert_eq!(lost.len(), 1);
    stage.calls();
    (stage, task)
}

fn desired(stage: &Stage, task: &str) -> &'static str {
    stage.fake.world(|world| world.desired_status(task))
}

#[tokio::test]
async fn every_later_stop_ends_a_task_whose_time_to_drain_is_over() {
    let later = "2026-11-20T07:30:00Z";
    let before = "2026-11-20T06:00:00Z";
    for (time, detail) in [
        (later, json!({"taskArn": "TASK"})),
        (later, json!({"taskArn": "TASK", "drainSeconds": 600})),
        (later, json!({"cluster": "engines", "all": true})),
        // Whoever asked for its end did so before.
        (before, json!({"cluster": "engines", "all": true, "drainSeconds": 600})),
        // A deadline of its start.
        (
            later,
            json!({"taskArn": "TASK", "drainSeconds": 0, "unlessRunning": true}),
        ),
    ] {
        let (stage, task) = draining().await;
        stage.pass(Duration::from_secs(1800));
        let detail = serde_json::from_str(&detail.to_string().replace("TASK", &task)).unwrap();
        let stopped = outcome(&stage, &stop(time, detail)).await;
        assert!(
            matches!(stopped, Outcome::Stopped { ref tasks, .. } if tasks[0].as_str() == task),
            "{stopped:?}"
        );
        assert_eq!(desired(&stage, &task), "STOPPED");
    }
}

#[tokio::test]
async fn a_stop_that_meets_a_task_which_still_drains_makes_its_schedule_anew_at_the_time_of_its_tag() {
    let (stage, task) = draining().await;
    stage.pass(Duration::from_secs(300));
    let again = stop("2026-11-20T07:05:00Z", json!({"taskArn": task, "drainSeconds": 3600}));
    let draining = outcome(&stage, &again).await;
    assert!(matches!(draining, Outcome::Stopped { ref draining, .. } if draining.len() == 1));
    assert_eq!(
        stage.calls(),
        ["DescribeTasks", "DescribeTargetHealth", "CreateSchedule"]
    );
    let tags = stage.fake.world(|world| world.tags(&task));
    let tag = tags.iter().find(|(key, _)| key == STOP_AT).expect("a tag");
    assert_eq!(tag.1, "2026-11-20T07:10:00Z", "a tag is never moved later");
    stage.pass(Duration::from_secs(299));
    assert!(stage.fake.world(|world| world.fire_schedules()).is_empty());
    stage.pass(Duration::from_secs(2));
    let due = stage.fake.world(|world| world.fire_schedules());
    outcome(&stage, &due[0]).await;
    assert_eq!(desired(&stage, &task), "STOPPED");
}

#[tokio::test]
async fn a_reconcile_stops_a_task_whose_time_to_drain_is_over_and_leaves_one_that_drains() {
    let (stage, task) = draining().await;
    let reconcile = event("Reconcile ECS Targets", BEGIN, json!({"cluster": "engines"}));
    // Scheduler may still be on its way for a minute and more.
    stage.pass(Duration::from_secs(600 + 89));
    outcome(&stage, &reconcile).await;
    assert_eq!(desired(&stage, &task), "RUNNING");
    stage.pass(Duration::from_secs(2));
    stage.calls();
    let handled = stage.deliver(&reconcile).await;
    let reported = handled.summary();
    assert_eq!(reported["tasksStopped"], json!([task]));
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| *call == "StopTask").count(), 1);
    assert_eq!(desired(&stage, &task), "STOPPED");
    let reason = stage.fake.world(|world| world.stopped_reason(&task));
    assert_eq!(
        reason.as_deref(),
        Some("start-engines: its drain was over at 2026-11-20T07:10:00.000Z")
    );
    let Ok(Outcome::Reconciled(repairs)) = stage.deliver(&reconcile).await.result else {
        panic!("no reconcile")
    };
    assert_eq!(repairs.stopped, []);
}

#[tokio::test]
async fn a_tag_that_holds_no_time_asks_for_a_stop_now() {
    let (stage, task) = draining().await;
    stage.fake.world(|world| world.tag(&task, STOP_AT, "soon"));
    outcome(&stage, &stop("2026-11-20T07:00:00Z", json!({"taskArn": task}))).await;
    assert_eq!(desired(&stage, &task), "STOPPED");
}

#[tokio::test]
async fn a_task_without_room_for_the_tag_is_stopped_without_a_drain() {
    // As DescribeTasks shows it, or only as TagResource hears of it.
    for is_seen in [true, false] {
        let stage = Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK, CLUSTER]).await;
        let task = stage.registered_task("e1").await;
        stage.calls();
        let own = task.clone();
        let fill = move |world: &mut start_engines_fake_aws::World| {
            let room = 50 - world.tags(&own).len();
            for n in 0..room {
                world.tag(&own, &format!("propagated-{n}"), "x");
            }
        };
        stage.fake.world(|world| {
            if is_seen {
                fill(world);
            } else {
                world.after_next("ecs:DescribeTasks", fill);
            }
        });
        let handled = stage
            .deliver(&stop(BEGIN, json!({"taskArn": task, "drainSeconds": 600})))
            .await;
        let reported = handled.summary();
        assert_eq!(reported["stoppedWithoutDrain"], json!([task]), "{reported:?}");
        assert_eq!(reported["tasks"], json!([task]));
        assert_eq!(desired(&stage, &task), "STOPPED");
        assert_eq!(stage.registered(), []);
        let expected: &[&str] = if is_seen {
            &[
                "DescribeTasks",
                "DescribeNetworkInterfaces",
                "DeregisterTargets",
                "StopTask",
            ]
        } else {
            &[
                "DescribeTasks",
                "CreateSchedule",
                "TagResource",
                "DescribeNetworkInterfaces",
                "DeregisterTargets",
                "StopTask",
            ]
        };
        assert_eq!(stage.calls(), expected);
    }
}

#[tokio::test]
async fn tags_of_aws_take_no_room() {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK, CLUSTER]).await;
    let task = stage.registered_task("e1").await;
    stage.fake.world(|world| {
        let room = 49 - world.tags(&task).len();
        for n in 0..room {
            world.tag(&task, &format!("own-{n}"), "x");
        }
        world.tag(&task, "aws:ecs:clusterName", "engines");
    });
    let drains = outcome(&stage, &stop(BEGIN, json!({"taskArn": task, "drainSeconds": 600}))).await;
    assert!(
        matches!(drains, Outcome::Stopped { ref draining, .. } if draining.len() == 1),
        "{drains:?}"
    );
}

#[tokio::test]
async fn the_deadline_of_a_start_leaves_a_task_that_runs_and_drains_in_time() {
    let (stage, task) = draining().await;
    let deadline = stop(
        BEGIN,
        json!({"taskArn": task, "drainSeconds": 0, "unlessRunning": true}),
    );
    assert_eq!(outcome(&stage, &deadline).await, Outcome::skipped(Skip::RunningInTime));
}

#[tokio::test]
async fn a_deadline_that_meets_a_task_whose_time_to_drain_is_over_is_no_failed_start() {
    let stage = Stage::with(&[ROLE, NO_CHECK, CLUSTER, ("OUTCOME_EVENT_BUS", "app-events")]).await;
    let start = stage.start("e1", json!({"startTimeoutSeconds": 3600}));
    outcome(&stage, &start).await;
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    outcome(&stage, &stop(BEGIN, json!({"taskArn": task, "drainSeconds": 60}))).await;
    stage.pass(Duration::from_secs(120));
    let lost = stage.fake.world(|world| world.fire_schedules());
    assert_eq!(lost.len(), 1);
    stage.pass(Duration::from_secs(3600));
    stage.fake.world(|world| world.take_put_events());
    let due = stage.fake.world(|world| world.fire_schedules());
    outcome(&stage, &due[0]).await;
    assert_eq!(desired(&stage, &task), "STOPPED");
    let reason = stage.fake.world(|world| world.stopped_reason(&task)).unwrap();
    assert!(reason.contains("its drain was over at"), "{reason}");
    let reported = stage.fake.world(|world| world.take_put_events());
    assert!(
        reported
            .iter()
            .all(|event| event["detail-type"] != "ECS Task Start Failed"),
        "{reported:?}"
    );
}
