//! Deadlines at the wire: a schedule for each task, and what comes of it when its time is over.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Failure, Fault, RunTaskResult};

use crate::stage::{Stage, category, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-later",
);

async fn stage() -> Stage {
    Stage::with(&[ROLE, ("HEALTH_TIMEOUT", "0")]).await
}

/// Time passes, and what is due is sent.
fn due_after(stage: &Stage, seconds: u64) -> Vec<Value> {
    stage.pass(Duration::from_secs(seconds));
    stage.fake.world(|world| world.fire_schedules())
}

fn schedules(stage: &Stage) -> Vec<String> {
    let names: Vec<String> = stage
        .fake
        .world(|world| world.schedules("default").keys().cloned().collect());
    names
        .iter()
        .map(|name| name.rsplit_once('-').expect("a task's id").0.to_owned())
        .collect()
}

fn last_task(stage: &Stage) -> String {
    stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone())
}

#[tokio::test]
async fn a_task_that_is_not_running_in_time_is_stopped_and_says_why() {
    let stage = stage().await;
    outcome(
        &stage,
        &stage.start("e1", json!({"startTimeoutSeconds": 120, "correlationId": "c-1"})),
    )
    .await;
    assert_eq!(stage.calls(), ["RunTask", "CreateSchedule"]);
    let task = last_task(&stage);
    assert_eq!(due_after(&stage, 119), Vec::<Value>::new());
    let due = due_after(&stage, 2);
    assert_eq!(due[0]["detail"]["correlationId"], "c-1");
    let stopped = outcome(&stage, &due[0]).await;
    assert!(
        matches!(stopped, Outcome::Stopped { ref tasks, .. } if tasks[0].as_str() == task),
        "{stopped:?}"
    );
    let last = stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    let reported = stage.deliver(&last).await.summary();
    assert_eq!(reported["failedStart"], "start_timed_out");
    assert!(
        reported["failedStartReason"]
            .as_str()
            .expect("a reason")
            .contains("not RUNNING within 120 s"),
        "{reported:?}"
    );
}

#[tokio::test]
async fn a_task_that_is_running_in_time_or_was_is_left_alone() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    stage.calls();
    // The default, 300 s.
    let due = due_after(&stage, 301);
    assert_eq!(outcome(&stage, &due[0]).await, Outcome::skipped(Skip::RunningInTime));
    assert_eq!(stage.calls(), ["DescribeTasks"]);
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn a_task_that_has_lived_long_enough_drains_and_stops() {
    let stage = stage().await;
    let fields = json!({"startTimeoutSeconds": 0, "maxLifetimeSeconds": 3600});
    outcome(&stage, &stage.start("e1", fields)).await;
    let task = last_task(&stage);
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    assert_eq!(schedules(&stage), ["start-engines-lifetime"]);
    let end = due_after(&stage, 3601);
    let draining = outcome(&stage, &end[0]).await;
    assert!(
        matches!(draining, Outcome::Stopped { ref draining, .. } if draining.len() == 1),
        "{draining:?}"
    );
    assert_eq!(
        (stage.registered(), schedules(&stage)),
        (vec![], vec!["start-engines-stop".to_owned()])
    );
    let second_half = due_after(&stage, 301);
    outcome(&stage, &second_half[0]).await;
    let reason = stage.fake.world(|world| world.stopped_reason(&task)).expect("a reason");
    assert_eq!(reason, "start-engines: maxLifetimeSeconds 3600 is over");
}

#[tokio::test]
async fn every_task_of_a_start_has_its_own_and_a_second_delivery_makes_no_more() {
    let stage = stage().await;
    let start = stage.start("e1", json!({"count": 3, "maxLifetimeSeconds": 3600}));
    outcome(&stage, &start).await;
    outcome(&stage, &start).await;
    assert_eq!(stage.fake.world(|world| world.task_arns().len()), 3);
    let names = schedules(&stage);
    assert_eq!(names.iter().filter(|name| *name == "start-engines-timeout").count(), 3);
    assert_eq!(names.iter().filter(|name| *name == "start-engines-lifetime").count(), 3);
}

#[tokio::test]
async fn a_deadline_that_could_not_be_set_is_an_error_and_the_retry_sets_it_for_the_same_task() {
    let stage = stage().await;
    let start = stage.start("e1", json!({}));
    stage
        .fake
        .world(|world| world.fail_next("scheduler:CreateSchedule", Fault::Throttle, 3));
    let failure = stage.deliver(&start).await.result.expect_err("a failure");
    assert_eq!(
        (failure.category.name(), failure.transient, failure.tasks.len()),
        ("throttled", true, 1)
    );
    assert!(
        failure
            .message
            .starts_with("the tasks run, but 1 of their deadlines could not be set: CreateSchedule failed"),
        "{failure}"
    );
    stage.pass(Duration::from_secs(60));
    outcome(&stage, &start).await;
    assert_eq!(stage.fake.world(|world| world.task_arns().len()), 1);
    assert_eq!(schedules(&stage), ["start-engines-timeout"]);
}

#[tokio::test]
async fn a_deadline_that_cannot_be_set_is_counted_and_logged_as_that_and_as_no_failed_start() {
    let stage = stage().await;
    let fields = json!({"count": 2, "maxLifetimeSeconds": 3600});
    stage.fake.world(|world| {
        for _ in 0..4 {
            world.fail_next(
                "scheduler:CreateSchedule",
                Fault::error(403, "AccessDeniedException", "no"),
                1,
            );
        }
    });
    let handled = stage.deliver(&stage.start("e1", fields)).await;
    let (line, metrics) = (handled.summary(), handled.metrics("f"));
    assert_eq!(
        (&line["outcome"], &line["reason"], &line["retryCanHelp"]),
        (&json!("failed"), &json!("access_denied"), &json!(false))
    );
    assert_eq!(
        (&line["deadlinesNotSet"], &line["deadlinesNotSet"][1]),
        (&line["tasks"], &line["tasks"][1])
    );
    assert!(
        line["deadlinesError"].as_str().expect("a text").contains("no"),
        "{line:?}"
    );
    assert_eq!(
        ["TasksStarted", "DeadlinesNotSet", "EventsFailed", "StartsFailed"].map(|name| metrics[name].clone()),
        [json!(2), json!(4), json!(1), Value::Null]
    );
}

#[tokio::test]
async fn an_invocation_that_runs_out_of_time_before_its_deadlines_has_started_all_the_same() {
    let stage = stage().await;
    // RunTask takes so long that nothing can be begun after it.
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        world.run_task_rule(move |_| {
            clock.advance(Duration::from_millis(59_500));
            None
        });
    });
    let handled = stage.deliver(&stage.start("e1", json!({"count": 2}))).await;
    let failure = handled.result.as_ref().expect_err("a failure");
    assert_eq!(
        (failure.category.name(), failure.transient, failure.tasks.len()),
        ("out_of_time", true, 2)
    );
    let unset = failure.deadlines.as_ref().expect("deadlines");
    assert_eq!((unset.deadlines.len(), unset.start_is_whole), (2, true));
    assert_eq!(handled.metrics("f")["TasksStarted"], 2);
    assert_eq!(stage.calls(), ["RunTask"]);
}

#[tokio::test]
async fn a_walk_that_runs_out_of_time_names_the_tasks_that_run_without_a_deadline() {
    let stage = stage().await;
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        world.run_task_rule(move |_| {
            clock.advance(Duration::from_millis(59_500));
            let failures = vec![Failure::new("RESOURCE:CPU")];
            Some(RunTaskResult::Partial { started: 1, failures })
        });
    });
    let fields = json!({"count": 2, "fallbacks": [{"subnets": ["subnet-0b1c2d3e4f5a60718"]}]});
    let handled = stage.deliver(&stage.start("e1", fields)).await;
    let failure = handled.result.as_ref().expect_err("a failure");
    assert_eq!((failure.category.name(), failure.tasks.len()), ("out_of_time", 1));
    let unset = failure.deadlines.as_ref().expect("deadlines");
    assert_eq!((unset.deadlines.len(), unset.start_is_whole), (1, false));
    assert_eq!(handled.metrics("f")["StartsFailed"], 1);
}

#[tokio::test]
async fn instances_that_have_to_come_up_have_a_quarter_of_an_hour_unless_somebody_says_otherwise() {
    let own = json!([{"capacityProvider": "instances", "weight": 1}]);
    let fargate = json!([{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT"}]);
    let later = json!({"fallbacks": [{"capacityProviderStrategy": own}]});
    let set: &[(&str, &str)] = &[ROLE, ("TASK_WAIT_TIMEOUT", "600")];
    for (environment, fields, seconds) in [
        (
            &[ROLE][..],
            json!({"launchType": null, "capacityProviderStrategy": own}),
            900,
        ),
        (&[ROLE], later.clone(), 900),
        (
            &[ROLE],
            json!({"launchType": null, "capacityProviderStrategy": fargate}),
            300,
        ),
        (&[ROLE], json!({}), 300),
        (set, later.clone(), 600),
        (set, json!({"startTimeoutSeconds": 60}), 60),
    ] {
        let stage = Stage::with(environment).await;
        stage.fake.world(|world| {
            world.add_capacity_provider("engines", "instances");
            let address = std::net::Ipv4Addr::new(10, 0, 0, 9);
            world.add_container_instance("engines", Some("i-0a1b2c3d4e5f60718"), address);
        });
        outcome(&stage, &stage.start("e1", fields.clone())).await;
        assert_eq!(due_after(&stage, seconds - 1), Vec::<Value>::new(), "{fields}");
        assert_eq!(due_after(&stage, 2).len(), 1, "{fields}");
    }
}

#[tokio::test]
async fn tasks_of_a_start_that_fell_short_have_their_deadlines_too() {
    let stage = stage().await;
    let start = stage.start("e1", json!({"count": 2}));
    // One task, and then none at any attempt.
    stage.fake.world(|world| {
        let mut left = 1;
        world.run_task_rule(move |_| {
            let started = std::mem::take(&mut left);
            let failures = vec![Failure::new("RESOURCE:CPU")];
            Some(RunTaskResult::Partial { started, failures })
        });
    });
    assert_eq!(category(&stage, &start).await, "capacity_unavailable");
    assert_eq!(schedules(&stage), ["start-engines-timeout"]);
}

#[tokio::test]
async fn without_a_scheduler_or_with_zero_runtask_is_all_that_is_called() {
    let without = Stage::new().await;
    outcome(
        &without,
        &without.start("e1", json!({"startTimeoutSeconds": 0, "maxLifetimeSeconds": 0})),
    )
    .await;
    assert_eq!(without.calls(), ["RunTask"]);
    let off = Stage::with(&[ROLE, ("TASK_WAIT_TIMEOUT", "0")]).await;
    outcome(&off, &off.start("e1", json!({}))).await;
    assert_eq!(off.calls(), ["RunTask"]);
}
