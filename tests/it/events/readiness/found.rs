//! What a check finds, reports and does.

use super::*;

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
