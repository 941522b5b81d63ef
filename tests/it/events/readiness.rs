//! Readiness at the wire: one check of what was registered, at one time, and what is reported of it.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{NextCheck, Outcome};
use start_engines_fake_aws::{Fault, Health, TargetGroup};

use crate::stage::{Stage, category, outcome, stop};

const BUS: (&str, &str) = ("OUTCOME_EVENT_BUS", "app-events");
const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-later",
);

async fn stage() -> Stage {
    Stage::with(&[BUS, ROLE]).await
}

/// Starts a task with these fields, has it run, and registers it; its only schedule is that of its check.
async fn registered(stage: &Stage, id: &str, mut fields: Value) -> String {
    fields["startTimeoutSeconds"] = json!(0);
    outcome(stage, &stage.start(id, fields)).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(stage, &running).await;
    stage.calls();
    stage.fake.world(|world| world.take_put_events());
    task
}

/// Time passes, and what is due is sent.
fn due_after(stage: &Stage, seconds: u64) -> Vec<Value> {
    stage.pass(Duration::from_secs(seconds));
    stage.fake.world(|world| world.fire_schedules())
}

/// The names of the schedules that are there.
fn schedules(stage: &Stage) -> Vec<String> {
    stage
        .fake
        .world(|world| world.schedules("default").keys().cloned().collect())
}

fn set_health(stage: &Stage, health: Health) {
    for (id, port) in stage.registered() {
        stage
            .fake
            .world(|world| world.set_health(&stage.group, &id, port, health));
    }
}

/// The outcome events since the last call, without those of other kinds.
fn reported(stage: &Stage) -> Vec<(String, Value)> {
    let events = stage.fake.world(|world| world.take_put_events());
    let split = |event: Value| {
        (
            event["detail-type"].as_str().expect("a text").to_owned(),
            event["detail"].clone(),
        )
    };
    events.into_iter().map(split).collect()
}

#[tokio::test]
async fn a_healthy_task_is_looked_at_once_and_reported() {
    let stage = stage().await;
    let fields = json!({"correlationId": "order-7", "startTimeoutSeconds": 0});
    outcome(&stage, &stage.start("e1", fields)).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    stage.calls();
    let handled = stage.deliver(&running).await;
    // 07:00:00 and 300 s.
    assert_eq!(handled.summary()["healthCheckAt"], "2026-11-20T07:05:00.000Z");
    assert_eq!(
        stage.calls(),
        [
            "DescribeTasks",
            "DescribeTargetGroups",
            "RegisterTargets",
            "DescribeTasks",
            "CreateSchedule",
            "PutEvents"
        ]
    );
    let id = task.rsplit('/').next().expect("an id");
    assert_eq!(schedules(&stage), [format!("start-engines-check-{id}")]);
    let told = reported(&stage);
    assert_eq!(
        (told[1].0.as_str(), &told[1].1["healthCheckAt"]),
        ("ECS Task Registered", &json!("2026-11-20T07:05:00.000Z"))
    );

    set_health(&stage, Health::Healthy);
    assert_eq!(due_after(&stage, 299), Vec::<Value>::new());
    // Schedules of one minute are spread over it.
    let due = due_after(&stage, 61);
    assert_eq!(due.len(), 1);
    let handled = stage.deliver(&due[0]).await;
    assert_eq!(stage.calls(), ["DescribeTasks", "DescribeTargetHealth", "PutEvents"]);
    let summary = handled.summary();
    assert_eq!(
        (&summary["outcome"], &summary["healthy"], &summary["correlationId"]),
        (&json!("checked"), &json!([task]), &json!("order-7"))
    );
    let metrics = handled.metrics("start-engines");
    assert_eq!(
        (&metrics["TasksHealthy"], &metrics["TasksUnhealthy"]),
        (&json!(1), &json!(0))
    );
    let (address, port) = stage.registered()[0].clone();
    assert_eq!(
        reported(&stage),
        [(
            "ECS Task Healthy".to_owned(),
            json!({
                "eventId": format!("start-engines-check-{id}"), "taskArn": task,
                "cluster": "arn:aws:ecs:us-east-1:111122223333:cluster/engines", "correlationId": "order-7",
                "targets": [{"targetGroupArn": stage.group, "id": address, "port": port, "state": "healthy"}],
                "registeredAt": "2026-11-20T07:00:00.000Z", "checkedAfterSeconds": 360,
                "timings": {
                    "happenedAt": "2026-11-20T07:05:00.000Z", "handledAt": "2026-11-20T07:06:00.000Z",
                    "lagMillis": 60_000,
                },
            })
        )]
    );
    // Nothing looks again.
    assert_eq!((schedules(&stage), due_after(&stage, 86_400)), (vec![], vec![]));
}

#[tokio::test]
async fn an_unhealthy_task_is_reported_with_elbs_reason_and_goes_on() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({})).await;
    set_health(&stage, Health::Unhealthy);
    let due = due_after(&stage, 360);
    let handled = stage.deliver(&due[0]).await;
    let summary = handled.summary();
    let (address, port) = stage.registered()[0].clone();
    assert_eq!(
        (&summary["unhealthy"], &summary["targetsNotHealthy"]),
        (
            &json!([task]),
            &json!([format!("auth/{address}:{port} unhealthy Target.FailedHealthChecks")])
        )
    );
    assert_eq!(handled.metrics("start-engines")["TasksUnhealthy"], 1);
    let told = reported(&stage);
    assert_eq!(told.len(), 1);
    let (kind, detail) = &told[0];
    assert_eq!(kind, "ECS Task Unhealthy");
    assert_eq!(
        (
            &detail["reason"],
            &detail["stopped"],
            &detail["targets"][0]["description"]
        ),
        (
            &json!("Target.FailedHealthChecks"),
            &json!(false),
            &json!("Health checks failed")
        )
    );
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn a_target_group_without_a_listener_is_unhealthy_too() {
    let stage = stage().await;
    registered(&stage, "e1", json!({})).await;
    stage.fake.world(|world| world.detach_load_balancer(&stage.group));
    let due = due_after(&stage, 360);
    stage.deliver(&due[0]).await;
    let told = reported(&stage);
    assert_eq!(
        (told[0].0.as_str(), &told[0].1["reason"]),
        ("ECS Task Unhealthy", &json!("Target.NotInUse"))
    );
}

#[tokio::test]
async fn an_unhealthy_task_is_stopped_where_its_start_says_so_and_its_event_deregisters_it() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({"onUnhealthy": "stop", "healthTimeoutSeconds": 90})).await;
    set_health(&stage, Health::Unhealthy);
    // The next full minute after 90 s.
    let due = due_after(&stage, 180);
    let handled = stage.deliver(&due[0]).await;
    assert_eq!(
        stage.calls(),
        ["DescribeTasks", "DescribeTargetHealth", "StopTask", "PutEvents"]
    );
    assert_eq!(handled.summary()["tasksStopped"], json!([task]));
    assert_eq!(reported(&stage)[0].1["stopped"], true);
    let reason = stage.fake.world(|world| world.stopped_reason(&task)).expect("a reason");
    assert!(
        reason.starts_with("start-engines: unhealthy: auth/") && reason.ends_with(" Target.FailedHealthChecks"),
        "{reason}"
    );
    let first_sign = stage.fake.world(|world| world.event(&task));
    outcome(&stage, &first_sign).await;
    assert!(stage.registered().is_empty());
    // The same check again: the task is stopping, and nobody is told twice.
    reported(&stage);
    let again = stage.deliver(&due[0]).await;
    assert_eq!(again.summary()["tasksGone"], 1);
    assert_eq!(reported(&stage), []);
}

#[tokio::test]
async fn what_elb_still_checks_is_looked_at_once_more_and_no_third_time() {
    for (later, kind) in [
        (Health::Healthy, "ECS Task Healthy"),
        (Health::Initial, "ECS Task Unhealthy"),
    ] {
        let stage = stage().await;
        let task = registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
        let due = due_after(&stage, 360);
        let handled = stage.deliver(&due[0]).await;
        assert_eq!(handled.summary()["undecided"], json!([task]));
        assert_eq!(reported(&stage), []);
        let id = task.rsplit('/').next().expect("an id");
        assert_eq!(schedules(&stage), [format!("start-engines-recheck-{id}")]);
        // A second delivery makes no second schedule.
        stage.deliver(&due[0]).await.result.expect("a check");
        assert_eq!(schedules(&stage).len(), 1);
        set_health(&stage, later);
        let due = due_after(&stage, 360);
        assert_eq!(due.len(), 1);
        stage.deliver(&due[0]).await.result.expect("a check");
        let told = reported(&stage);
        assert_eq!((told.len(), told[0].0.as_str()), (1, kind));
        assert_eq!(told[0].1["second"], true);
        // It is not known to be unhealthy, so it is not stopped.
        assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
        assert_eq!(schedules(&stage), [""; 0]);
    }
}

#[tokio::test]
async fn nothing_is_checked_where_it_is_off_or_there_is_no_scheduler() {
    for (environment, fields) in [
        (vec![], json!({})),
        (vec![ROLE], json!({"healthTimeoutSeconds": 0})),
        (vec![ROLE, ("HEALTH_TIMEOUT", "0")], json!({})),
    ] {
        let stage = Stage::with(&environment).await;
        let mut fields = fields;
        if !environment.is_empty() {
            fields["startTimeoutSeconds"] = json!(0);
        }
        outcome(&stage, &stage.start("e1", fields)).await;
        let running = stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.advance_to(&task, "RUNNING")
        });
        let Outcome::Registered { check, .. } = outcome(&stage, &running).await else {
            panic!("it is not registered");
        };
        assert_eq!(check, NextCheck::None);
        assert!(
            !stage.calls().iter().any(|call| call == "CreateSchedule"),
            "{environment:?}"
        );
    }
}

#[tokio::test]
async fn the_start_decides_on_the_time_before_the_environment_does() {
    let stage = Stage::with(&[ROLE, ("HEALTH_TIMEOUT", "600")]).await;
    registered(&stage, "e1", json!({})).await;
    registered(&stage, "e2", json!({"healthTimeoutSeconds": 61})).await;
    // Of e2, at the next full minute; of e1, by the setting.
    let due = due_after(&stage, 180);
    assert_eq!(due.len(), 1);
    assert_eq!(due_after(&stage, 419), Vec::<Value>::new());
    assert_eq!(due_after(&stage, 61).len(), 1);
}

#[tokio::test]
async fn if_the_check_cannot_be_scheduled_the_registration_stands_and_is_told() {
    let stage = stage().await;
    outcome(&stage, &stage.start("e1", json!({"startTimeoutSeconds": 0}))).await;
    let running = stage.fake.world(|world| {
        let task = world.task_arns().last().expect("a task").clone();
        world.advance_to(&task, "RUNNING")
    });
    reported(&stage);
    let denied = Fault::error(403, "AccessDeniedException", "no");
    stage
        .fake
        .world(|world| world.fail_next("scheduler:CreateSchedule", denied, 1));
    let handled = stage.deliver(&running).await;
    let Ok(Outcome::Registered {
        check: NextCheck::NotScheduled(why),
        ..
    }) = &handled.result
    else {
        panic!("{handled:?}");
    };
    assert_eq!(why.category.name(), "access_denied");
    assert_eq!(handled.metrics("start-engines")["ChecksNotScheduled"], 1);
    assert_eq!(stage.registered().len(), 1);
    let told = reported(&stage);
    assert_eq!(
        (told[0].0.as_str(), &told[0].1["checkNotScheduled"]["reason"]),
        ("ECS Task Registered", &json!("access_denied"))
    );
}

#[tokio::test]
async fn later_running_events_of_a_task_schedule_no_second_check() {
    let stage = stage().await;
    outcome(&stage, &stage.start("e1", json!({"startTimeoutSeconds": 0}))).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    // The same event once more, while the schedule is there.
    let Outcome::Registered { check, .. } = outcome(&stage, &running).await else {
        panic!("it is not registered");
    };
    assert_eq!((check, schedules(&stage).len()), (NextCheck::None, 1));
    set_health(&stage, Health::Healthy);
    let due = due_after(&stage, 360);
    stage.deliver(&due[0]).await.result.expect("a check");
    // One of its containers stops an hour later, for example.
    stage.pass(Duration::from_secs(3600));
    let mut changed = running.clone();
    changed["id"] = json!("6d3f0c1e-4e6b-4b43-8a3c-0a0f5e6c7b21");
    changed["time"] = json!("2026-11-20T08:05:00Z");
    changed["detail"]["updatedAt"] = json!("2026-11-20T08:05:00.000Z");
    stage.deliver(&changed).await.result.expect("a registration");
    assert_eq!(schedules(&stage), [""; 0]);
    // Nor does the first event, when it is redriven then.
    stage.deliver(&running).await.result.expect("a registration");
    assert_eq!(schedules(&stage), [""; 0]);
}

#[tokio::test]
async fn the_time_is_that_of_the_slowest_target_group_and_every_target_counts() {
    let stage = Stage::with(&[BUS, ROLE]).await;
    let slow = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("slow", 80).interval(60)));
    let network = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("tcp", 80).protocol("TCP")));
    let times = [
        (&slow, "2026-11-20T07:07:00.000Z"),
        (&network, "2026-11-20T07:09:00.000Z"),
    ];
    for (n, (group, at)) in times.into_iter().enumerate() {
        let targets = json!([
            {"targetGroupArn": stage.group, "port": 8080}, {"targetGroupArn": group, "port": 9090},
        ]);
        let fields = json!({"targets": targets, "targetGroupArn": null, "port": null, "startTimeoutSeconds": 0});
        outcome(&stage, &stage.start(&format!("e{n}"), fields)).await;
        let running = stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.advance_to(&task, "RUNNING")
        });
        // 60 x 5 + 5 + 60 s; 30 x 5 + 5 + 300 + 60 s.
        assert_eq!(stage.deliver(&running).await.summary()["healthCheckAt"], *at);
    }
    reported(&stage);
    set_health(&stage, Health::Healthy);
    // In the second target group it is unhealthy.
    let in_slow = stage.fake.world(|world| world.registered(&slow));
    stage
        .fake
        .world(|world| world.set_health(&slow, &in_slow[0].0, in_slow[0].1, Health::Unhealthy));
    let due = due_after(&stage, 480);
    assert_eq!(due.len(), 1);
    stage.deliver(&due[0]).await.result.expect("a check");
    let told = reported(&stage);
    assert_eq!((told.len(), told[0].0.as_str()), (1, "ECS Task Unhealthy"));
    let states: Vec<&Value> = (0..2).map(|n| &told[0].1["targets"][n]["state"]).collect();
    assert_eq!(states, ["healthy", "unhealthy"]);
}

#[tokio::test]
async fn a_target_in_its_grace_period_is_told_and_its_connections_are_not_cut() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
    set_health(&stage, Health::UnhealthyDraining);
    let due = due_after(&stage, 360);
    stage.deliver(&due[0]).await.result.expect("a check");
    let told = reported(&stage);
    assert_eq!(
        (told[0].0.as_str(), &told[0].1["stopped"]),
        ("ECS Task Unhealthy", &json!(false))
    );
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
}

#[tokio::test]
async fn a_first_check_that_comes_late_makes_no_second_one_that_could_stop_it() {
    let stage = stage().await;
    registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
    let due = due_after(&stage, 360);
    stage.pass(Duration::from_secs(3600));
    stage.deliver(&due[0]).await.result.expect("a check");
    assert_eq!(reported(&stage)[0].0, "ECS Task Unhealthy");
    assert_eq!(schedules(&stage), [""; 0]);
}

#[tokio::test]
async fn a_check_that_comes_a_day_late_stops_nothing() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
    let due = due_after(&stage, 360);
    set_health(&stage, Health::Unhealthy);
    stage.pass(Duration::from_secs(86_400));
    stage.deliver(&due[0]).await.result.expect("a check");
    let told = reported(&stage);
    assert_eq!(told[0].0, "ECS Task Unhealthy");
    assert_eq!(
        (&told[0].1["stopped"], &told[0].1["checkedAfterSeconds"]),
        (&json!(false), &json!(86_760))
    );
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
}

#[tokio::test]
async fn a_target_that_somebody_has_deregistered_is_told_and_its_task_not_stopped() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
    let (address, port) = stage.registered()[0].clone();
    stage.fake.world(|world| world.deregister(&stage.group, &address, port));
    let due = due_after(&stage, 360);
    stage.deliver(&due[0]).await.result.expect("a check");
    let told = reported(&stage);
    assert_eq!(told[0].0, "ECS Task Unhealthy");
    assert_eq!(told[0].1["targets"][0]["state"], "draining");
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
}

#[tokio::test]
async fn tasks_that_stop_by_then_are_gone_and_not_unhealthy() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({})).await;
    let first_sign = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &first_sign).await;
    reported(&stage);
    stage.calls();
    let due = due_after(&stage, 360);
    let handled = stage.deliver(&due[0]).await;
    assert_eq!(stage.calls(), ["DescribeTasks"]);
    assert_eq!(handled.summary()["tasksGone"], 1);
    assert_eq!(reported(&stage), []);
}

#[tokio::test]
async fn another_deployments_check_of_the_task_is_none_of_ours() {
    let stage = Stage::with(&[ROLE, BUS, ("DEPLOYMENT", "one")]).await;
    registered(&stage, "e1", json!({})).await;
    let due = due_after(&stage, 360);
    let other = stage.another(&[ROLE, BUS, ("DEPLOYMENT", "other")]).await;
    let invocation = crate::stage::invocation(&stage.clock, Duration::from_secs(60));
    let handled = other.handle(due[0].clone(), &invocation).await;
    assert_eq!(handled.summary()["tasksGone"], 1);
}

#[tokio::test]
async fn a_batch_shares_its_checks() {
    let stage = stage().await;
    let mut running = Vec::new();
    for n in 0..15 {
        let fields = json!({"count": 10, "startTimeoutSeconds": 0});
        outcome(&stage, &stage.start(&format!("e{n}"), fields)).await;
    }
    let tasks = stage.fake.world(|world| world.task_arns());
    for task in &tasks {
        running.push(stage.fake.world(|world| world.advance_to(task, "RUNNING")));
    }
    stage.calls();
    for handled in stage.deliver_batch(&running).await {
        handled.result.expect("a registration");
    }
    let calls = stage.calls();
    let made = calls.iter().filter(|call| *call == "CreateSchedule").count();
    // 150 tasks, 100 in each.
    assert_eq!((made, schedules(&stage).len()), (2, 2));
    set_health(&stage, Health::Healthy);
    let due = due_after(&stage, 360);
    let sizes: Vec<usize> = due.iter().map(|event| event.to_string().len()).collect();
    assert!(sizes.iter().all(|size| *size < 64_000), "{sizes:?}");
    let mut healthy = 0;
    for event in &due {
        let handled = stage.deliver(event).await;
        healthy += handled.metrics("start-engines")["TasksHealthy"]
            .as_u64()
            .expect("a number");
        let calls = stage.calls();
        let asked: Vec<&String> = calls.iter().filter(|call| *call != "PutEvents").collect();
        assert_eq!(asked, ["DescribeTasks", "DescribeTargetHealth"]);
    }
    assert_eq!(healthy, 150);
}

#[tokio::test]
async fn what_cannot_be_read_fails_the_event_and_the_others_are_told() {
    let stage = stage().await;
    let other = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("other", 80)));
    let mut running = Vec::new();
    for (id, group) in [("e1", &stage.group), ("e2", &other)] {
        let fields = json!({"targetGroupArn": group, "startTimeoutSeconds": 0, "onUnhealthy": "stop"});
        outcome(&stage, &stage.start(id, fields)).await;
        running.push(stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            world.advance_to(&task, "RUNNING")
        }));
    }
    for handled in stage.deliver_batch(&running).await {
        handled.result.expect("a registration");
    }
    for group in [&stage.group, &other] {
        let registered = stage.fake.world(|world| world.registered(group));
        let (id, port) = &registered[0];
        stage
            .fake
            .world(|world| world.set_health(group, id, *port, Health::Unhealthy));
    }
    let due = due_after(&stage, 360);
    assert_eq!(due.len(), 1);
    reported(&stage);
    let denied = Fault::error(403, "AccessDenied", "no");
    stage
        .fake
        .world(|world| world.fail_next("elb:DescribeTargetHealth", denied, 1));
    let handled = stage.deliver(&due[0]).await;
    let told = reported(&stage);
    assert_eq!(
        (told.len(), told[0].0.as_str(), &told[0].1["stopped"]),
        (1, "ECS Task Unhealthy", &json!(true))
    );
    assert_eq!(handled.metrics("start-engines")["TasksUnhealthy"], 1);
    let failure = handled.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "access_denied");
    assert!(
        failure.message.starts_with("auth: ") || failure.message.starts_with("other: "),
        "{}",
        failure.message
    );
    // Its retry sees to the other one; the first is stopping.
    let handled = stage.deliver(&due[0]).await;
    assert_eq!(handled.summary()["tasksGone"], 1);
    assert_eq!(reported(&stage).len(), 1);
}

#[tokio::test]
async fn a_stop_that_fails_is_tried_again() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
    set_health(&stage, Health::Unhealthy);
    let due = due_after(&stage, 360);
    stage
        .fake
        .world(|world| world.fail_next("ecs:StopTask", Fault::error(400, "AccessDeniedException", "no"), 1));
    assert_eq!(category(&stage, &due[0]).await, "access_denied");
    assert_eq!(reported(&stage)[0].1["stopped"], false);
    stage.deliver(&due[0]).await.result.expect("a check");
    assert_eq!(reported(&stage)[0].1["stopped"], true);
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "STOPPED");
}

#[tokio::test]
async fn in_a_target_group_that_is_gone_no_target_is_registered() {
    let stage = stage().await;
    let task = registered(&stage, "e1", json!({"onUnhealthy": "stop"})).await;
    let due = due_after(&stage, 360);
    stage.fake.world(|world| world.remove_target_group(&stage.group));
    stage.deliver(&due[0]).await.result.expect("a check");
    assert_eq!(reported(&stage)[0].1["reason"], "Target.NotRegistered");
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
}

#[tokio::test]
async fn a_check_that_others_send_is_refused_and_a_malformed_one_names_each_problem() {
    let stage = stage().await;
    registered(&stage, "e1", json!({})).await;
    let due = due_after(&stage, 360).remove(0);
    let mut forged = due.clone();
    forged["source"] = json!("app.tests");
    stage.calls();
    assert_eq!(category(&stage, &forged).await, "not_allowed");
    let mut malformed = due;
    malformed["detail"] = json!({"tasks": [{"taskArn": "auth", "targets": [{"port": 0}]}], "second": "no"});
    let failure = stage.deliver(&malformed).await.result.expect_err("a failure");
    for part in [
        "detail.tasks[0].taskArn",
        "detail.tasks[0].cluster",
        "detail.tasks[0].registeredAt",
        "detail.tasks[0].targets[0].targetGroupArn",
        "detail.tasks[0].targets[0].port",
        "detail.second",
        "detail.plannedAt",
    ] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
    assert_eq!(stage.calls(), [""; 0]);
}

#[tokio::test]
async fn a_start_that_asks_for_what_there_is_not_is_refused() {
    let stage = Stage::new().await;
    let fields = json!({"healthTimeoutSeconds": 60, "onUnhealthy": "stop"});
    let failure = stage
        .deliver(&stage.start("e1", fields))
        .await
        .result
        .expect_err("a failure");
    for field in ["detail.healthTimeoutSeconds = 60", "detail.onUnhealthy = \"stop\""] {
        assert!(failure.message.contains(field), "{}", failure.message);
    }
    let stage = Stage::with(&[ROLE]).await;
    for (fields, part) in [
        (
            json!({"healthTimeoutSeconds": 3601}),
            "must be a whole number from 0 to 3600",
        ),
        (json!({"onUnhealthy": "restart"}), "must be one of report, stop"),
        (
            json!({"healthTimeoutSeconds": 0, "onUnhealthy": "stop"}),
            "with healthTimeoutSeconds 0 nothing is checked",
        ),
    ] {
        let failure = stage
            .deliver(&stage.start("e1", fields))
            .await
            .result
            .expect_err("a failure");
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert_eq!(stage.calls(), [""; 0]);
}
