//! Events that are duplicated, reordered, late, or met by a stop in between; calls that fail.
//!
//! Each test is one story, at the wire; the world moves only where the story says.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Fault, TargetGroup, World};

use crate::stage::{Stage, category, outcome, stop};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_task_is_registered_when_running_and_deregistered_at_the_first_sign_of_a_stop() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    stage.calls();
    assert!(matches!(outcome(&stage, &running).await, Outcome::Registered { .. }));
    assert_eq!(
        stage.calls(),
        [
            "DescribeTasks",
            "DescribeTargetGroups",
            "RegisterTargets",
            "DescribeTasks"
        ]
    );
    assert_eq!(stage.registered().len(), 1);
    let stopping = stage.fake.world(|world| stop(world, &task));
    assert!(matches!(outcome(&stage, &stopping).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.calls(), ["DeregisterTargets"]);
    assert_eq!(stage.registered(), []);
    let stopped = stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    assert_eq!(outcome(&stage, &stopped).await, Outcome::skipped(Skip::NotRegistered));
    assert_eq!(stage.calls(), ["DescribeTargetHealth"]);
}

#[tokio::test]
async fn facts_about_a_target_group_are_read_once_in_a_functions_life() {
    let stage = Stage::new().await;
    stage.registered_task("e1").await;
    stage.registered_task("e2").await;
    assert_eq!(stage.fake.calls_to("elb:DescribeTargetGroups").len(), 1);
}

#[tokio::test]
async fn every_event_delivered_twice_changes_nothing() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    for _ in 0..2 {
        assert!(matches!(outcome(&stage, &running).await, Outcome::Registered { .. }));
        assert_eq!(stage.registered().len(), 1);
    }
    let stopping = stage.fake.world(|world| stop(world, &task));
    for _ in 0..2 {
        assert!(matches!(outcome(&stage, &stopping).await, Outcome::Deregistered { .. }));
        assert_eq!(stage.registered(), []);
    }
}

#[tokio::test]
async fn a_running_event_after_the_stop_was_handled_registers_nothing() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    stage.calls();
    assert_eq!(outcome(&stage, &running).await, Outcome::skipped(Skip::NotRegistered));
    assert_eq!(stage.calls(), ["DescribeTasks", "DescribeTargetHealth"]);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_stop_handled_between_the_looks_is_found_by_the_second_and_undone() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let stopping = task.clone();
    stage
        .fake
        .world(|world| world.before_next("elb:RegisterTargets", move |world| drop(stop(world, &stopping))));
    let Outcome::Deregistered { targets, reused, .. } = outcome(&stage, &running).await else {
        panic!("not undone")
    };
    assert_eq!((targets.len(), reused.len()), (1, 0));
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_registration_that_was_retried_after_a_crash_is_cleaned_up_by_the_stale_event() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    // The first try registers, and dies before its second DescribeTasks.
    stage
        .fake
        .world(|world| world.fail_after("ecs:DescribeTasks", 1, Fault::Throttle, 3));
    assert_eq!(category(&stage, &running).await, "throttled");
    assert_eq!(stage.registered().len(), 1);
    stage.fake.world(|world| drop(stop(world, &task)));
    stage.pass(seconds(60));
    assert!(matches!(outcome(&stage, &running).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn describe_tasks_lagging_behind_the_event_does_not_hide_that_it_runs() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    stage.fake.world(|world| world.pin_described(&task, 2));
    assert!(matches!(outcome(&stage, &running).await, Outcome::Registered { .. }));
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn a_task_that_ecs_does_not_show_yet_is_tried_again() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    stage.fake.world(|world| world.pin_described(&task, 0));
    assert_eq!(category(&stage, &running).await, "task_not_visible");
    assert_eq!(stage.registered(), []);
    stage.fake.world(|world| world.unpin_described(&task));
    assert!(matches!(outcome(&stage, &running).await, Outcome::Registered { .. }));
}

#[tokio::test]
async fn a_stop_that_the_second_describe_tasks_does_not_show_yet_is_caught_by_the_last_event() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let stopping = stage.fake.world(|world| {
        let event = stop(world, &task);
        world.pin_described(&task, 3);
        event
    });
    outcome(&stage, &stopping).await;
    assert!(matches!(outcome(&stage, &running).await, Outcome::Registered { .. }));
    assert_eq!(stage.registered().len(), 1, "DescribeTasks lags, as it may");
    stage.pass(seconds(20));
    let stopped = stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    assert!(matches!(outcome(&stage, &stopped).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.registered(), []);
}

/// A task that was registered and has stopped since, whose address the next task will have: its
/// first stop event and its last.
pub(crate) async fn address_freed(stage: &Stage) -> (Value, Value) {
    let old = stage.registered_task("old").await;
    let address = stage.fake.world(|world| world.address(&old)).expect("an address");
    let events = stage.fake.world(|world| {
        let stopping = stop(world, &old);
        let stopped = world.advance_to(&old, "STOPPED");
        world.next_address(address);
        (stopping, stopped)
    });
    stage.pass(seconds(20));
    events
}

/// The same, and the newer task is registered.
pub(crate) async fn address_reused(stage: &Stage) -> (String, Value, Value) {
    let (stopping, stopped) = address_freed(stage).await;
    let old = stage.registered();
    let new = stage.registered_task("new").await;
    assert_eq!(
        stage.registered(),
        old,
        "one target, of the old task and of the new one"
    );
    stage.calls();
    (new, stopping, stopped)
}

#[tokio::test]
async fn a_late_stop_leaves_the_target_of_a_newer_task_alone() {
    let stage = Stage::new().await;
    let (_, stopping, stopped) = address_reused(&stage).await;
    for event in [stopping, stopped] {
        let Outcome::Deregistered { targets, reused, .. } = outcome(&stage, &event).await else {
            panic!("no DescribeTasks")
        };
        assert_eq!((targets.len(), reused.len()), (0, 1));
        let calls = [
            "DescribeTargetHealth",
            "DescribeNetworkInterfaces",
            "ListTasks",
            "DescribeTasks",
        ];
        assert_eq!(stage.calls(), calls);
        assert_eq!(stage.registered().len(), 1);
    }
}

#[tokio::test]
async fn a_late_stop_takes_its_target_once_the_newer_owner_is_stopping_too() {
    let stage = Stage::new().await;
    let (new, _, stopped) = address_reused(&stage).await;
    stage.fake.world(|world| drop(stop(world, &new)));
    assert!(matches!(outcome(&stage, &stopped).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_newer_task_with_the_address_but_another_group_does_not_keep_a_dead_target() {
    let stage = Stage::new().await;
    let other = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("other", 80)));
    let (_, stopped) = address_freed(&stage).await;
    outcome(&stage, &stage.start("new", json!({"targetGroupArn": other}))).await;
    let new = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&new, "RUNNING"));
    outcome(&stage, &running).await;
    assert!(matches!(outcome(&stage, &stopped).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.registered(), []);
    assert_eq!(stage.fake.world(|world| world.registered(&other)).len(), 1);
}

#[tokio::test]
async fn a_newer_owner_in_another_cluster_of_the_configuration_is_found() {
    let mut stage = Stage::new().await;
    stage.cold_start(&[("ALLOWED_CLUSTERS", "engines,blue,gone")]).await;
    stage.fake.world(|world| drop(world.add_cluster("blue")));
    let (_, stopped) = address_freed(&stage).await;
    outcome(&stage, &stage.start("new", json!({"cluster": "blue"}))).await;
    let new = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&new, "RUNNING"));
    outcome(&stage, &running).await;
    let Outcome::Deregistered { targets, reused, .. } = outcome(&stage, &stopped).await else {
        panic!("no DescribeTasks")
    };
    assert_eq!((targets.len(), reused.len()), (0, 1));
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn the_search_for_a_newer_owner_reads_every_page() {
    let stage = Stage::new().await;
    let (_, _, stopped) = {
        stage.fake.world(|world| world.list_tasks_page = 2);
        for n in 0..5 {
            stage.running_task(&format!("other{n}")).await;
        }
        address_reused(&stage).await
    };
    let Outcome::Deregistered { reused, .. } = outcome(&stage, &stopped).await else {
        panic!("no DescribeTasks")
    };
    assert_eq!(reused.len(), 1);
    assert_eq!(stage.calls().iter().filter(|call| *call == "ListTasks").count(), 3);
}

#[tokio::test]
async fn a_late_stop_of_a_target_that_nobody_else_owns_is_carried_out() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    stage.calls();
    stage.pass(seconds(6));
    assert!(matches!(outcome(&stage, &stopping).await, Outcome::Deregistered { .. }));
    let calls = ["DescribeTargetHealth", "DescribeNetworkInterfaces", "DeregisterTargets"];
    assert_eq!(stage.calls(), calls);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_fresh_stop_whose_calls_are_slow_goes_the_careful_way() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let stopped = stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED")
    });
    stage.calls();
    let clock = stage.clock.clone();
    stage
        .fake
        .world(|world| world.before_next("elb:DescribeTargetHealth", move |_| clock.advance(seconds(6))));
    assert!(matches!(outcome(&stage, &stopped).await, Outcome::Deregistered { .. }));
    assert_eq!(
        stage.calls(),
        [
            "DescribeTargetHealth",
            "DescribeTargetHealth",
            "DescribeNetworkInterfaces",
            "DeregisterTargets"
        ]
    );
}

#[tokio::test]
async fn an_event_from_the_future_is_not_fresh() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    stage.fake.world(|world| world.clock += seconds(600));
    let stopping = stage.fake.world(|world| stop(world, &task));
    stage.calls();
    outcome(&stage, &stopping).await;
    assert_eq!(stage.calls()[0], "DescribeTargetHealth");
}

#[tokio::test]
async fn the_time_of_a_fresh_deregistration_is_bounded_retries_included() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    stage
        .fake
        .world(|world| world.fail_next("elb:DeregisterTargets", Fault::Hang, 9));
    stage.pass(seconds(4));
    // The invocation has a minute, the address may be another's 8 s after the event, by clocks a second apart.
    let failure = stage.deliver(&stopping).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "timed_out");
    let within = failure
        .message
        .strip_prefix("DeregisterTargets failed with timed_out: no answer within ");
    let millis = within.and_then(|within| within.strip_suffix(" ms, retries included"));
    let millis: u64 = millis.and_then(|millis| millis.parse().ok()).expect("a number");
    assert!((1_000..=3_000).contains(&millis), "{failure}");
}

#[tokio::test]
async fn throttled_and_reset_calls_of_elb_are_retried_within_the_invocation() {
    for fault in [Fault::Throttle, Fault::Reset, Fault::ApplyThenReset, Fault::Html500] {
        let stage = Stage::new().await;
        stage
            .fake
            .world(|world| world.fail_next("elb:RegisterTargets", fault.clone(), 1));
        let task = stage.registered_task("e1").await;
        assert_eq!(stage.registered().len(), 1, "{fault:?}");
        let stopping = stage.fake.world(|world| {
            world.fail_next("elb:DeregisterTargets", fault.clone(), 1);
            stop(world, &task)
        });
        outcome(&stage, &stopping).await;
        assert_eq!(stage.registered(), [], "{fault:?}");
    }
}

#[tokio::test]
async fn a_failed_deregistration_is_an_error_and_the_retry_does_it() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let stopping = stage.fake.world(|world| {
        world.fail_next("elb:DeregisterTargets", Fault::Throttle, 3);
        stop(world, &task)
    });
    assert_eq!(category(&stage, &stopping).await, "throttled");
    assert_eq!(stage.registered().len(), 1);
    stage.pass(seconds(60));
    assert!(matches!(outcome(&stage, &stopping).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_is_still_looked_after() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let stopping = task.clone();
    stage.fake.world(|world| {
        world.fail_next("elb:RegisterTargets", Fault::ApplyThenReset, 3);
        world.after_next("elb:RegisterTargets", move |world| drop(stop(world, &stopping)));
    });
    // The second DescribeTasks comes all the same, and undoes what may have been applied; but a call that was
    // given up may land even later, so the event is tried again.
    assert_eq!(category(&stage, &running).await, "unreachable");
    assert_eq!(stage.registered(), []);
    stage.pass(seconds(60));
    assert_eq!(outcome(&stage, &running).await, Outcome::skipped(Skip::NotRegistered));
}

#[tokio::test]
async fn a_registration_that_lands_after_its_undoing_is_deregistered_by_the_retry() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let stopping = task.clone();
    stage.fake.world(|world| {
        world.fail_next("elb:RegisterTargets", Fault::Hang, 9);
        world.before_next("elb:RegisterTargets", move |world| drop(stop(world, &stopping)));
    });
    assert_eq!(
        stage
            .deliver_with(&running, seconds(60))
            .await
            .result
            .expect_err("a failure")
            .category
            .name(),
        "timed_out"
    );
    assert!(stage.fake.world(World::land_hung_calls) > 0);
    assert_eq!(stage.registered().len(), 1, "it has landed after the undoing");
    stage.pass(seconds(60));
    assert!(matches!(outcome(&stage, &running).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn an_event_of_a_task_long_stopped_is_as_old_as_its_stop_whenever_it_is_sent() {
    let stage = Stage::new().await;
    let (_, _, stopped) = address_reused(&stage).await;
    for status in ["STOPPED", "DELETED"] {
        let mut again = stopped.clone();
        again["detail"]["lastStatus"] = json!(status);
        again["time"] = json!("2026-11-20T07:00:20Z");
        let Outcome::Deregistered { targets, reused, .. } = outcome(&stage, &again).await else {
            panic!("no DescribeTasks at {status}")
        };
        assert_eq!((targets.len(), reused.len()), (0, 1), "{status}");
    }
}

#[tokio::test]
async fn what_was_just_registered_is_taken_back_without_asking_for_its_health() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    stage.calls();
    stage
        .fake
        .world(|world| world.after_next("elb:RegisterTargets", move |world| drop(stop(world, &task))));
    outcome(&stage, &running).await;
    let expected = [
        "DescribeTasks",
        "DescribeTargetGroups",
        "RegisterTargets",
        "DescribeTasks",
        "DescribeNetworkInterfaces",
        "DeregisterTargets",
    ];
    assert_eq!(stage.calls(), expected);
    assert_eq!(stage.registered(), []);
}
