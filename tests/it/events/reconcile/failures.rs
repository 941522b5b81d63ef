//! What goes wrong stops nothing else, and hides nothing of what was done.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_fake_aws::{Fault, Health, NetworkMode, TargetGroup, TaskDefinition, World};

use super::{CLUSTER, NO_TIMEOUT, ROLE, address, event, nothing, only, parts, reconcile, repaired, stage};
use crate::stage::{Stage, category, outcome, stop};

#[tokio::test]
async fn a_group_that_is_gone_or_refuses_does_not_stop_the_others() {
    let stage = stage().await;
    let (a, z) = stage.fake.world(|world| {
        (
            world.add_target_group(TargetGroup::ip("aaa", 80)),
            world.add_target_group(TargetGroup::ip("zzz", 80)),
        )
    });
    for (id, group) in [("e1", &a), ("e2", &stage.group), ("e3", &z)] {
        outcome(&stage, &stage.start(id, json!({"targetGroupArn": group}))).await;
    }
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.advance_to(&task, "RUNNING");
        }
        world.remove_target_group(&a);
        let full = Fault::error(400, "TooManyTargets", "full");
        world.fail_next("elb:RegisterTargets", full, 1);
    });
    let failure = stage.deliver(&reconcile()).await.result.expect_err("a failure");
    assert!(failure.message.contains(&format!("{a}: ")), "{failure}");
    assert!(failure.message.contains("TooManyTargets"), "{failure}");
    assert_eq!(failure.category.name(), "target_group_not_found");
    let registered = |group: &str| stage.fake.world(|world| world.registered(group).len());
    assert_eq!(
        registered(&stage.group) + registered(&z),
        1,
        "the one that was not full"
    );
    // One that is gone, and of which no live task has need, is nothing.
    stage.fake.world(|world| {
        for task in world.task_arns() {
            stop(world, &task);
        }
    });
    let (_, deregistered, _) = repaired(&stage).await;
    assert_eq!(deregistered.len(), 1);
}

#[tokio::test]
async fn calls_that_are_throttled_are_tried_again_and_then_reported() {
    let stage = stage().await;
    stage.running_task("e1").await;
    stage
        .fake
        .world(|world| world.fail_next("elb:RegisterTargets", Fault::Throttle, 1));
    only(0, &repaired(&stage).await);
    for (operation, times) in [
        ("ecs:ListTasks", 3),
        ("elb:DescribeTargetHealth", 3),
        ("ecs:DescribeTasks", 3),
    ] {
        stage
            .fake
            .world(|world| world.fail_next(operation, Fault::Throttle, times));
        assert_eq!(category(&stage, &reconcile()).await, "throttled", "{operation}");
    }
    assert_eq!(repaired(&stage).await, nothing());
}

#[tokio::test]
async fn a_registration_whose_answer_is_lost_fails_and_the_retry_finds_it() {
    let stage = stage().await;
    let (task, _) = stage.running_task("e1").await;
    stage
        .fake
        .world(|world| world.fail_next("elb:RegisterTargets", Fault::ApplyThenReset, 3));
    assert_eq!(category(&stage, &reconcile()).await, "unreachable");
    assert_eq!(repaired(&stage).await, nothing());
    assert_eq!(stage.registered(), [(address(&stage, &task), 8080)]);
}

#[tokio::test]
async fn a_target_that_elb_refuses_does_not_keep_the_others_out() {
    let stage = stage().await;
    stage.running_task("e1").await;
    stage.fake.world(|world| world.next_address(Ipv4Addr::new(10, 9, 1, 5)));
    let (outside, _) = stage.running_task("e2").await;
    stage.fake.world(|world| world.next_address(Ipv4Addr::new(8, 8, 8, 8)));
    stage.running_task("e3").await;
    assert_eq!(category(&stage, &reconcile()).await, "invalid_target");
    assert_eq!(stage.registered().len(), 2);
    let outside = address(&stage, &outside);
    let health = stage.fake.world(|world| world.health(&stage.group, &outside, 8080));
    assert_eq!(health, Some(Health::Initial), "it is registered for all zones");
}

#[tokio::test]
async fn an_instance_that_nobody_reports_stops_only_the_groups_that_need_it() {
    let stage = stage().await;
    let (vms, instance) = stage.fake.world(|world| {
        let bridge = TaskDefinition::new("bridge", NetworkMode::Bridge).container("auth", &[8080]);
        world.add_task_definition(bridge);
        let instance = world.add_container_instance("engines", Some("i-0123456789abcdef0"), Ipv4Addr::new(10, 0, 2, 7));
        (world.add_target_group(TargetGroup::instance("aaa", 80)), instance)
    });
    let detail = json!({
        "taskDefinition": "bridge", "targetGroupArn": vms, "launchType": "EC2", "subnets": null,
    });
    outcome(&stage, &stage.start("e1", detail)).await;
    stage.fake.world(|world| {
        let task = world.task_arns()[0].clone();
        world.advance_to(&task, "RUNNING");
        let port = world.host_port(&task, 8080).expect("a port");
        world.register(&vms, "i-0123456789abcdef9", port);
        world.forget_instance(&instance);
    });
    let (_, _lost) = stage.running_task("e2").await;
    let handled = stage.deliver(&reconcile()).await;
    let metrics = handled.metrics("f");
    assert_eq!(
        handled.result.expect_err("a failure").category.name(),
        "instance_not_found"
    );
    // Targets whose owner is not known stay, and are not reported as unknown.
    assert_eq!(
        (&metrics["TargetsRegistered"], &metrics["TargetsUnknown"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(stage.registered().len(), 1);
    assert_eq!(stage.fake.world(|world| world.registered(&vms).len()), 1);
}

#[tokio::test]
async fn what_was_done_is_reported_and_counted_even_where_something_else_failed() {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, CLUSTER, ("OUTCOME_EVENT_BUS", "app-events")]).await;
    let gone = stage.registered_task("e1").await;
    let (lost, _) = stage.running_task("e2").await;
    let unreachable = stage.fake.world(|world| {
        stop(world, &gone);
        world.register(&stage.group, "10.0.200.9", 8080);
        world.add_target_group(TargetGroup::ip("zzz", 80))
    });
    outcome(&stage, &stage.start("e3", json!({"targetGroupArn": unreachable}))).await;
    stage.fake.world(|world| {
        for task in world.task_arns().into_iter().filter(|task| *task != gone) {
            world.advance_to(&task, "RUNNING");
        }
        let full = Fault::error(400, "TooManyTargets", "full");
        world.fail_after("elb:RegisterTargets", 1, full, 1);
        world.take_put_events();
    });
    let detail = json!({"cluster": "engines", "correlationId": "outage-7"});
    let handled = stage.deliver(&event("r1", detail)).await;
    let (line, metrics) = (handled.summary(), handled.metrics("f"));
    assert_eq!(
        handled.result.expect_err("a failure").category.name(),
        "too_many_targets"
    );
    let target = |task: &str| json!([format!("auth/{}:8080", address(&stage, task))]);
    assert_eq!(
        (&line["outcome"], &line["reason"]),
        (&json!("failed"), &json!("too_many_targets"))
    );
    assert_eq!(line["targetsRegistered"], target(&lost));
    assert_eq!(line["targetsDeregistered"], target(&gone));
    assert_eq!(line["targetsUnknown"], json!(["auth/10.0.200.9:8080"]));
    for name in [
        "TargetsRegistered",
        "TargetsDeregistered",
        "TargetsUnknown",
        "EventsFailed",
    ] {
        assert_eq!(metrics[name], 1, "{name}");
    }
    let reported = stage.fake.world(|world| world.take_put_events());
    let reported: Vec<(&str, &Value)> = reported
        .iter()
        .map(|event| (event["detail-type"].as_str().expect("a text"), &event["detail"]))
        .collect();
    assert_eq!(reported.len(), 2);
    for (kind, task) in [("ECS Task Registered", &lost), ("ECS Task Deregistered", &gone)] {
        let found = reported.iter().find(|(other, _)| *other == kind);
        let (_, detail) = found.expect("an outcome event");
        assert_eq!(detail["taskArn"], json!(task));
        assert_eq!(detail["reconcileCorrelationId"], "outage-7");
        assert_eq!(detail["targets"][0]["id"], json!(address(&stage, task)));
        assert_eq!(detail["targets"][0]["targetGroupArn"], json!(stage.group));
    }
}

#[tokio::test]
async fn repairs_are_reported_with_the_marks_of_their_starts_ten_in_a_call() {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, CLUSTER, ("OUTCOME_EVENT_BUS", "app-events")]).await;
    for n in 0..2 {
        let detail = json!({"count": 10, "correlationId": format!("order-{n}")});
        outcome(&stage, &stage.start(&format!("e{n}"), detail)).await;
    }
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.advance_to(&task, "RUNNING");
        }
        world.take_put_events();
    });
    stage.calls();
    let handled = stage.deliver(&reconcile()).await;
    assert_eq!((handled.published.published, handled.published.unpublished), (20, 0));
    let puts = stage.calls().iter().filter(|call| *call == "PutEvents").count();
    assert_eq!(puts, 2);
    let reported = stage.fake.world(|world| world.take_put_events());
    let of_order = |n: usize| {
        let mark = json!(format!("order-{n}"));
        reported
            .iter()
            .filter(|event| event["detail"]["correlationId"] == mark && event["detail-type"] == "ECS Task Registered")
            .count()
    };
    assert_eq!((of_order(0), of_order(1)), (10, 10));
    // What needs no repair is not reported again.
    let again = stage.deliver(&event("r2", json!({"cluster": "engines"}))).await;
    assert_eq!(again.published.published, 0);
}

#[tokio::test]
async fn a_call_that_takes_all_the_time_hides_nothing_of_what_was_done() {
    let stage = stage().await;
    let (_, _lost) = stage.running_task("e1").await;
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        let slow = move |_: &mut World| clock.advance(Duration::from_millis(59_400));
        world.after_next("elb:RegisterTargets", slow);
    });
    let handled = stage.deliver(&reconcile()).await;
    let metrics = handled.metrics("f");
    let failure = handled.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("out_of_time", true));
    assert_eq!(metrics["TargetsRegistered"], 1);
    let again = event("r1", json!({"cluster": "engines"}));
    assert_eq!(parts(outcome(&stage, &again).await), nothing());
}

#[tokio::test]
async fn whom_elb_refuses_among_many_is_found_by_halves() {
    let stage = stage().await;
    for n in 0..16 {
        if n == 5 {
            stage.fake.world(|world| world.next_address(Ipv4Addr::new(8, 8, 8, 8)));
        }
        stage.running_task(&format!("e{n}")).await;
    }
    stage.calls();
    assert_eq!(category(&stage, &reconcile()).await, "invalid_target");
    assert_eq!(stage.registered().len(), 15);
    let calls = stage.calls();
    let registers = calls.iter().filter(|call| *call == "RegisterTargets").count();
    // Sixteen, eight, four, two and one: of each both halves.
    assert_eq!(registers, 9, "{calls:?}");
}
