//! What a stop of several tasks ends goes by when each was asked for, not by when it is handled.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::tags::STOP_AT;
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::Fault;

use crate::stage::{BEGIN, Stage, category, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-schedules",
);
/// So that the only schedules are those of stops.
const NO_TIMEOUT: (&str, &str) = ("TASK_WAIT_TIMEOUT", "0");
const NO_CHECK: (&str, &str) = ("HEALTH_TIMEOUT", "0");
const REQUESTED_AT: &str = "start-engines:requested-at";
const MINUTE: Duration = Duration::from_secs(60);

async fn stage() -> Stage {
    Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK, ("ECS_CLUSTER", "engines")]).await
}

/// A stop that was sent at `time`.
fn stop_at(time: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": "stop-1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

fn all() -> Value {
    json!({"cluster": "engines", "all": true, "drainSeconds": 0})
}

fn of_service() -> Value {
    json!({"service": "auth", "drainSeconds": 0})
}

/// A start of the service that was sent at `time`.
fn start_at(stage: &Stage, id: &str, time: &str) -> Value {
    let mut start = stage.start(id, json!({"service": "auth"}));
    start["time"] = json!(time);
    start
}

/// The task of a start that is handled now.
async fn started(stage: &Stage, start: &Value) -> String {
    let Outcome::Started { tasks, .. } = outcome(stage, start).await else {
        panic!("no start")
    };
    tasks[0].to_string()
}

fn desired(stage: &Stage, tasks: &[&String]) -> Vec<&'static str> {
    stage
        .fake
        .world(|world| tasks.iter().map(|task| world.desired_status(task)).collect())
}

#[tokio::test]
async fn a_late_repeated_or_redriven_stop_spares_what_was_asked_for_after_it() {
    for detail in [all(), of_service()] {
        let stage = stage().await;
        let evening = stop_at("2026-11-20T07:00:30Z", detail);
        let old = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
        stage.pass(MINUTE);
        let new = started(&stage, &start_at(&stage, "e2", "2026-11-20T07:01:00Z")).await;
        // Twelve hours late.
        stage.pass(720 * MINUTE);
        let handled = stage.deliver(&evening).await;
        let reported = handled.summary();
        assert_eq!(
            (&reported["outcome"], &reported["tasksSpared"]),
            (&json!("stopped"), &json!(1))
        );
        assert_eq!(desired(&stage, &[&old, &new]), ["STOPPED", "RUNNING"]);
        let handled = stage.deliver(&evening).await;
        let reported = handled.summary();
        assert_eq!(
            (&reported["reason"], &reported["tasksSpared"]),
            (&json!("requested_later"), &json!(1))
        );
        assert_eq!(handled.result.unwrap(), Outcome::skipped(Skip::RequestedLater(1)));
        assert_eq!(desired(&stage, &[&new]), ["RUNNING"]);
    }
}

#[tokio::test]
async fn stop_then_start_with_a_throttle_in_between_leaves_the_new_task() {
    let stage = stage().await;
    let old = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
    stage.pass(MINUTE);
    let stop = stop_at("2026-11-20T07:01:00Z", of_service());
    stage
        .fake
        .world(|world| world.fail_next("ecs:ListTasks", Fault::Throttle, 3));
    assert_eq!(category(&stage, &stop).await, "throttled");
    // In the same second: the start survives.
    let new = started(&stage, &start_at(&stage, "e2", "2026-11-20T07:01:00Z")).await;
    stage.pass(MINUTE);
    outcome(&stage, &stop).await;
    assert_eq!(desired(&stage, &[&old, &new]), ["STOPPED", "RUNNING"]);
}

#[tokio::test]
async fn an_old_start_that_is_handled_late_right_before_its_stop_ends_stopped() {
    let stage = stage().await;
    stage.pass(10 * MINUTE);
    let task = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
    stage.fake.world(|world| world.tag(&task, REQUESTED_AT, BEGIN));
    outcome(&stage, &stop_at("2026-11-20T07:00:05Z", all())).await;
    assert_eq!(desired(&stage, &[&task]), ["STOPPED"]);
}

#[tokio::test]
async fn requested_at_of_a_stop_counts_before_its_time_and_never_after() {
    let stage = stage().await;
    let task = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
    stage.pass(10 * MINUTE);
    let asked = |requested_at: &str| {
        let mut detail = all();
        detail["requestedAt"] = json!(requested_at);
        stop_at("2026-11-20T07:10:00Z", detail)
    };
    // As Scheduler delivers it hours late: it was due before the start.
    let due_before = outcome(&stage, &asked("2026-11-20T07:59:59+01:00")).await;
    assert_eq!(due_before, Outcome::skipped(Skip::RequestedLater(1)));
    stage.pass(MINUTE);
    let new = started(&stage, &start_at(&stage, "e2", "2026-11-20T07:11:00Z")).await;
    outcome(&stage, &asked("2026-11-21T00:00:00Z")).await;
    assert_eq!(desired(&stage, &[&task, &new]), ["STOPPED", "RUNNING"]);
}

#[tokio::test]
async fn a_tag_from_long_after_its_task_was_made_does_not_save_it() {
    for (tag, survives) in [
        ("2026-11-20T07:01:00Z", true),
        ("2026-11-20T07:01:01Z", false),
        ("2036-11-20T07:00:00Z", false),
        ("soon", false),
    ] {
        let stage = stage().await;
        let task = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
        stage.fake.world(|world| world.tag(&task, REQUESTED_AT, tag));
        stage.pass(MINUTE);
        stage
            .deliver(&stop_at("2026-11-20T07:00:30Z", all()))
            .await
            .result
            .unwrap();
        let expected = if survives { "RUNNING" } else { "STOPPED" };
        assert_eq!(desired(&stage, &[&task]), [expected], "{tag}");
    }
}

#[tokio::test]
async fn a_stop_from_the_future_is_refused_until_its_time_has_come() {
    let stage = stage().await;
    let task = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
    stage.pass(MINUTE);
    stage.calls();
    for detail in [all(), of_service(), json!({"taskArn": task, "drainSeconds": 0})] {
        let handled = stage.deliver(&stop_at("2026-11-20T07:02:01Z", detail)).await;
        let failure = handled.result.unwrap_err();
        assert_eq!((failure.category.name(), failure.transient), ("invalid_event", false));
        assert!(
            failure
                .message
                .contains("event.time = \"2026-11-20T07:02:01.000Z\": must be at most 60 s later"),
            "{failure}"
        );
    }
    assert_eq!(stage.calls(), [""; 0]);
    // The clocks may differ.
    outcome(&stage, &stop_at("2026-11-20T07:02:00Z", all())).await;
    assert_eq!(desired(&stage, &[&task]), ["STOPPED"]);
    // Its time has come, and what was asked for since is spared.
    let old = started(&stage, &start_at(&stage, "e2", "2026-11-20T07:01:00Z")).await;
    stage.pass(2 * MINUTE);
    let new = started(&stage, &start_at(&stage, "e3", "2026-11-20T07:03:00Z")).await;
    outcome(&stage, &stop_at("2026-11-20T07:02:01Z", all())).await;
    assert_eq!(desired(&stage, &[&old, &new]), ["STOPPED", "RUNNING"]);
}

#[tokio::test]
async fn a_stop_without_a_time_is_refused_for_a_requested_at_from_the_future() {
    let stage = stage().await;
    let mut detail = all();
    detail["requestedAt"] = json!("2026-11-20T12:00:00Z");
    let mut stop = stop_at(BEGIN, detail);
    stop.as_object_mut().unwrap().remove("time");
    let failure = stage.deliver(&stop).await.result.unwrap_err();
    assert_eq!((failure.category.name(), failure.transient), ("invalid_event", false));
    assert!(failure.message.contains("detail.requestedAt = "), "{failure}");
    assert_eq!(stage.calls(), [""; 0]);
}

#[tokio::test]
async fn a_stop_of_a_batch_waits_for_the_older_starts_and_takes_what_they_were_answered() {
    // Neither listed nor described yet; listed, and not described; described, and not listed.
    for (is_listed, is_described) in [(false, false), (true, false), (false, true)] {
        for detail in [all(), of_service()] {
            let stage = stage().await;
            stage.pass(MINUTE);
            stage.fake.world(|world| {
                world.after_next("ecs:RunTask", move |world| {
                    let task = world.task_arns().last().expect("a task").clone();
                    world.tag(&task, REQUESTED_AT, BEGIN);
                    world.set_listed(&task, is_listed);
                    world.pin_described(&task, usize::from(is_described));
                });
            });
            let batch = [
                stop_at("2026-11-20T07:00:05Z", detail),
                with_tag(&start_at(&stage, "e1", BEGIN)),
            ];
            let handled = stage.deliver_batch(&batch).await;
            let Ok(Outcome::Stopped { tasks, .. }) = &handled[0].result else {
                panic!("{:?}", handled[0].result)
            };
            assert_eq!(tasks.len(), 1, "listed: {is_listed}, described: {is_described}");
            assert_eq!(desired(&stage, &[&tasks[0].to_string()]), ["STOPPED"]);
        }
    }
}

/// Nothing but what is tested here: each start carries its time.
fn with_tag(start: &Value) -> Value {
    let mut start = start.clone();
    start["detail"]["requestedAt"] = start["time"].clone();
    start
}

#[tokio::test]
async fn a_stop_of_a_batch_spares_the_younger_start_and_other_services() {
    let stage = stage().await;
    stage.pass(MINUTE);
    let mut other = with_tag(&start_at(&stage, "e2", BEGIN));
    other["detail"]["service"] = Value::Null;
    let batch = [
        with_tag(&start_at(&stage, "e1", "2026-11-20T07:00:30Z")),
        stop_at("2026-11-20T07:00:30Z", of_service()),
        other,
    ];
    let handled = stage.deliver_batch(&batch).await;
    assert!(handled.iter().all(|one| one.result.is_ok()), "{handled:?}");
    let tasks = stage.fake.world(|world| world.task_arns());
    assert_eq!(desired(&stage, &[&tasks[0], &tasks[1]]), ["RUNNING", "RUNNING"]);
}

#[tokio::test]
async fn a_stop_of_a_batch_takes_the_older_start_whose_task_has_no_tag_of_its_time() {
    for is_shown in [true, false] {
        let stage = stage().await;
        stage.pass(MINUTE);
        stage.fake.world(|world| {
            world.after_next("ecs:RunTask", move |world| {
                let task = world.task_arns().last().expect("a task").clone();
                world.set_listed(&task, is_shown);
                if !is_shown {
                    world.pin_described(&task, 0);
                }
            });
        });
        let mut start = start_at(&stage, "e1", BEGIN);
        start["detail"]["idempotencyKey"] = json!("k-1");
        let handled = stage
            .deliver_batch(&[stop_at("2026-11-20T07:00:05Z", all()), start])
            .await;
        let Ok(Outcome::Stopped { tasks, .. }) = &handled[0].result else {
            panic!("{:?}", handled[0].result)
        };
        assert_eq!(desired(&stage, &[&tasks[0].to_string()]), ["STOPPED"]);
    }
}

#[tokio::test]
async fn an_older_event_of_a_batch_makes_no_task_older_that_another_event_with_its_key_has_started() {
    let stage = stage().await;
    let keyed = |id: &str, time: &str| {
        let mut start = start_at(&stage, id, time);
        start["detail"]["idempotencyKey"] = json!("k-1");
        start
    };
    stage.pass(10 * MINUTE);
    let task = started(&stage, &keyed("e2", "2026-11-20T07:10:00Z")).await;
    stage.pass(10 * MINUTE);
    // Both are redriven.
    let batch = [stop_at("2026-11-20T07:05:00Z", all()), keyed("e1", BEGIN)];
    let handled = stage.deliver_batch(&batch).await;
    let spared = handled[0].result.as_ref().unwrap();
    assert_eq!(*spared, Outcome::skipped(Skip::RequestedLater(1)));
    assert_eq!(desired(&stage, &[&task]), ["RUNNING"]);
}

#[tokio::test]
async fn a_stop_of_a_batch_passes_over_what_ecs_does_not_show_yet_of_another_service() {
    let stage = stage().await;
    stage.pass(MINUTE);
    stage.fake.world(|world| {
        world.after_next("ecs:RunTask", |world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.pin_described(&task, 0);
        });
    });
    let batch = [
        stop_at("2026-11-20T07:00:05Z", of_service()),
        with_tag(&stage.start("e1", json!({}))),
    ];
    let handled = stage.deliver_batch(&batch).await;
    let skipped = handled[0].result.as_ref().unwrap();
    assert_eq!(*skipped, Outcome::skipped(Skip::NoTasks));
}

#[tokio::test]
async fn a_task_of_the_batch_that_stop_task_does_not_know_yet_is_no_error_for_good() {
    let stage = stage().await;
    stage.pass(MINUTE);
    stage.fake.world(|world| {
        world.after_next("ecs:RunTask", |world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.set_listed(&task, false);
            world.pin_described(&task, 0);
        });
        let unknown = Fault::error(400, "InvalidParameterException", "The referenced task was not found.");
        world.fail_next("ecs:StopTask", unknown, 1);
    });
    let batch = [
        stop_at("2026-11-20T07:00:05Z", all()),
        with_tag(&start_at(&stage, "e1", BEGIN)),
    ];
    let handled = stage.deliver_batch(&batch).await;
    let failure = handled[0].result.as_ref().unwrap_err();
    assert_eq!((failure.category.name(), failure.transient), ("task_not_visible", true));
}

#[tokio::test]
async fn younger_starts_of_a_batch_keep_no_stop_waiting() {
    let stage = stage().await;
    stage.pass(MINUTE);
    // Together the starts take longer than the invocation has; the clock is the world's.
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        let slow = move |_: &mut start_engines_fake_aws::World| clock.advance(Duration::from_millis(3500));
        world.before("ecs:RunTask", Box::new(slow));
    });
    let mut batch = vec![
        stop_at("2026-11-20T07:00:05Z", all()),
        with_tag(&start_at(&stage, "e0", BEGIN)),
    ];
    batch.extend((1..20).map(|n| with_tag(&start_at(&stage, &format!("e{n}"), "2026-11-20T07:00:50Z"))));
    let handled = stage.deliver_batch(&batch).await;
    assert!(
        matches!(&handled[0].result, Ok(Outcome::Stopped { tasks, .. }) if tasks.len() == 1),
        "{:?}",
        handled[0].result
    );
}

#[tokio::test]
async fn a_stop_that_fails_in_part_reports_whom_it_has_spared() {
    let stage = stage().await;
    started(&stage, &start_at(&stage, "e1", BEGIN)).await;
    stage.pass(10 * MINUTE);
    started(&stage, &start_at(&stage, "e2", "2026-11-20T07:10:00Z")).await;
    let denied = Fault::error(403, "AccessDeniedException", "no");
    stage.fake.world(|world| world.fail_next("ecs:StopTask", denied, 1));
    let reported = stage.deliver(&stop_at("2026-11-20T07:05:00Z", all())).await.summary();
    assert_eq!(
        (&reported["outcome"], &reported["tasksSpared"]),
        (&json!("failed"), &json!(1))
    );
}

#[tokio::test]
async fn of_a_conflicts_task_that_ecs_does_not_show_yet_the_stop_comes_again() {
    let stage = stage().await;
    let task = started(&stage, &with_tag(&start_at(&stage, "e1", BEGIN))).await;
    stage.fake.world(|world| {
        world.set_listed(&task, false);
        world.pin_described(&task, 0);
    });
    stage.pass(MINUTE);
    let mut changed = with_tag(&start_at(&stage, "e1", BEGIN));
    changed["detail"]["port"] = json!(9090);
    let stop = stop_at("2026-11-20T07:00:05Z", all());
    let handled = stage.deliver_batch(&[changed, stop.clone()]).await;
    let failure = handled[1].result.as_ref().unwrap_err();
    assert_eq!((failure.category.name(), failure.transient), ("task_not_visible", true));
    stage.fake.world(|world| {
        world.set_listed(&task, true);
        world.unpin_described(&task);
    });
    outcome(&stage, &stop).await;
    assert_eq!(desired(&stage, &[&task]), ["STOPPED"]);
}

#[tokio::test]
async fn one_task_that_describe_tasks_does_not_know_yet_keeps_no_other_from_being_stopped() {
    let stage = stage().await;
    let known = started(&stage, &start_at(&stage, "e1", BEGIN)).await;
    let unseen = started(&stage, &start_at(&stage, "e2", BEGIN)).await;
    stage.fake.world(|world| world.pin_described(&unseen, 0));
    stage.pass(MINUTE);
    let stop = stop_at("2026-11-20T07:00:30Z", all());
    assert_eq!(category(&stage, &stop).await, "task_not_visible");
    assert_eq!(desired(&stage, &[&known, &unseen]), ["STOPPED", "RUNNING"]);
    stage.fake.world(|world| world.unpin_described(&unseen));
    outcome(&stage, &stop).await;
    assert_eq!(desired(&stage, &[&unseen]), ["STOPPED"]);
}

#[tokio::test]
async fn a_second_half_has_an_identity_and_a_time_of_its_own_whatever_scheduler_fills_in() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let asked = stop_at(BEGIN, json!({"taskArn": task, "drainSeconds": 600}));
    outcome(&stage, &asked).await;
    stage.pass(11 * MINUTE);
    let sent = stage.fake.world(|world| world.fire_schedules());
    let id = task.rsplit('/').next().unwrap();
    assert_eq!(sent[0]["id"], format!("start-engines-stop-{id}"));
    assert_eq!(sent[0]["time"], BEGIN);
    assert!(
        stage
            .fake
            .world(|world| world.tags(&task))
            .iter()
            .any(|(key, _)| key == STOP_AT)
    );
}
