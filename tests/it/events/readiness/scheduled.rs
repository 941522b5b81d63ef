//! When a check is scheduled, for which tasks, and what it is refused for.

use super::*;

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
