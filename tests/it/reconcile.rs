//! `Reconcile ECS Targets` at the wire: what events that were lost for good left undone.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines::outcome::{GroupTarget, Outcome, Repairs};
use start_engines::plan::{Change, Why};
use start_engines::reconcile::ReconcileRequest;
use start_engines::target::Target;
use start_engines::trigger::Trigger;

use crate::stage::{AUTH, BEGIN, Stage, category, config, outcome, stop};
use crate::support::fake_aws::{Fault, Health, NetworkMode, TargetGroup, TaskDefinition, World};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-schedules",
);
/// So that the only schedules are those of reconciles.
const NO_TIMEOUT: (&str, &str) = ("TASK_WAIT_TIMEOUT", "0");
/// No group but those of the tasks, so that calls can be counted.
const CLUSTER: (&str, &str) = ("ALLOWED_CLUSTERS", "engines");

fn event(id: &str, detail: Value) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "Reconcile ECS Targets", "source": "app.tests",
        "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

fn reconcile() -> Value {
    event("r1", json!({"cluster": "engines"}))
}

async fn stage() -> Stage {
    Stage::with(&[ROLE, NO_TIMEOUT, CLUSTER]).await
}

/// What a reconcile did: registered, deregistered, unknown.
async fn repaired(stage: &Stage) -> (Vec<String>, Vec<String>, Vec<String>) {
    parts(outcome(stage, &reconcile()).await)
}

fn parts(outcome: Outcome) -> (Vec<String>, Vec<String>, Vec<String>) {
    let Outcome::Reconciled(repairs) = outcome else {
        panic!("no reconcile: {outcome:?}")
    };
    assert_eq!(repairs.continued, []);
    (
        repairs
            .registered
            .iter()
            .map(|(_, target)| target.to_string())
            .collect(),
        repairs
            .deregistered
            .iter()
            .map(|(_, target)| target.to_string())
            .collect(),
        repairs.unknown.iter().map(ToString::to_string).collect(),
    )
}

fn nothing() -> (Vec<String>, Vec<String>, Vec<String>) {
    (vec![], vec![], vec![])
}

fn only(n: usize, (registered, deregistered, unknown): &(Vec<String>, Vec<String>, Vec<String>)) -> &str {
    let all = [registered, deregistered, unknown];
    for (place, list) in all.iter().enumerate() {
        assert_eq!(list.len(), usize::from(place == n), "{all:?}");
    }
    &all[n][0]
}

fn address(stage: &Stage, task: &str) -> String {
    let address = stage.fake.world(|world| world.address(task));
    address.expect("an address").to_string()
}

#[tokio::test]
async fn a_running_event_that_was_lost_is_made_up_for_and_again_changes_nothing() {
    let stage = stage().await;
    let (task, _lost) = stage.running_task("e1").await;
    stage.calls();
    let handled = stage.deliver(&reconcile()).await;
    assert_eq!(handled.metrics("f")["TargetsRegistered"], 1);
    assert_eq!(handled.metrics("f")["TargetsUnknown"], 0);
    let told = handled.summary();
    assert_eq!(
        (&told["outcome"], &told["cluster"]),
        (&json!("reconciled"), &json!("engines"))
    );
    let target = format!("auth/{}:8080", address(&stage, &task));
    assert_eq!(told["targetsRegistered"], json!([target]));
    assert_eq!(stage.registered().len(), 1);
    let calls = stage.calls();
    let around = [
        "DescribeTargetHealth",
        "DescribeTasks",
        "RegisterTargets",
        "DescribeTasks",
    ];
    assert!(calls.windows(4).any(|some| some == around), "{calls:?}");
    let again = event("r2", json!({"cluster": "engines"}));
    assert_eq!(parts(outcome(&stage, &again).await), nothing());
    assert_eq!(parts(outcome(&stage, &reconcile()).await), nothing(), "a duplicate");
    let calls = stage.calls();
    assert!(!calls.iter().any(|call| call.contains("register")), "{calls:?}");
}

#[tokio::test]
async fn a_target_that_drains_while_its_task_runs_is_put_in_again() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let address = address(&stage, &task);
    stage.fake.world(|world| world.deregister(&stage.group, &address, 8080));
    only(0, &repaired(&stage).await);
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn stop_events_that_were_lost_are_made_up_for_while_ecs_shows_the_task() {
    for last in ["RUNNING", "STOPPED"] {
        let stage = stage().await;
        let task = stage.registered_task("e1").await;
        let live = stage.registered_task("e2").await;
        let target = format!("auth/{}:8080", address(&stage, &task));
        stage.fake.world(|world| {
            stop(world, &task);
            if last == "STOPPED" {
                world.advance_to(&task, "STOPPED");
            }
        });
        assert_eq!(only(1, &repaired(&stage).await), target);
        assert_eq!(stage.registered(), [(address(&stage, &live), 8080)]);
        assert_eq!(repaired(&stage).await, nothing());
    }
}

#[tokio::test]
async fn a_target_of_no_known_task_is_told_and_left_alone() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let live = stage.registered_task("e2").await;
    stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED");
        // More than an hour ago.
        world.forget(&task);
        world.register(&stage.group, "10.0.200.9", 8080);
        // Of a live task, but not its port.
        let address = world.address(&live).expect("an address").to_string();
        world.register(&stage.group, &address, 9999);
    });
    let handled = stage.deliver(&reconcile()).await;
    assert_eq!(handled.metrics("f")["TargetsUnknown"], 3);
    let told = handled.summary();
    assert_eq!(told["targetsUnknown"].as_array().map(Vec::len), Some(3), "{told:?}");
    assert_eq!(stage.registered().len(), 4);
    assert_eq!(stage.fake.calls_to("elb:DeregisterTargets").len(), 0);
}

#[tokio::test]
async fn a_dry_run_plans_everything_and_only_what_is_named_is_pruned() {
    let stage = stage().await;
    let old = stage.registered_task("e1").await;
    let (new, _) = stage.running_task("e2").await;
    let (out, back) = (address(&stage, &old), address(&stage, &new));
    stage.fake.world(|world| {
        stop(world, &old);
        world.register(&stage.group, "10.0.200.8", 8080);
        world.register(&stage.group, "10.0.200.9", 8080);
    });
    let request = |dry_run, prune| {
        let config = config(&[], None);
        Trigger::Reconcile(Box::new(ReconcileRequest {
            dry_run,
            prune,
            ..ReconcileRequest::new("engines".parse().expect("a name"), None, "here".into(), None, &config)
        }))
    };
    let target = |id: &str| Target {
        id: id.to_owned(),
        port: "8080".parse().expect("a port"),
    };
    stage.calls();
    let Ok(Outcome::Planned(plan)) = stage.carry_out(&request(true, vec![])).await else {
        panic!("no plan")
    };
    assert!(plan.failures.is_empty() && plan.unreached.is_empty() && !plan.is_empty());
    let change = |id: &str, task: &str, why| Change {
        target: target(id),
        task: Some(task.parse().expect("an ARN")),
        why,
    };
    let group = &plan.groups[0];
    assert_eq!(group.register, [change(&back, &new, Why::Missing)]);
    assert_eq!(group.deregister, [change(&out, &old, Why::Left)]);
    assert_eq!(group.unknown, [target("10.0.200.8"), target("10.0.200.9")]);
    let calls = stage.calls();
    assert!(calls.iter().all(|call| !call.contains("egister")), "{calls:?}");

    let named = |id: &str| GroupTarget {
        group: stage.group.parse().expect("an ARN"),
        target: target(id),
    };
    // One of them is unknown, the other a live task's.
    let prune = vec![named("10.0.200.8"), named(&back)];
    let done = stage.carry_out(&request(false, prune)).await.expect("an outcome");
    let (registered, deregistered, unknown) = parts(done);
    assert_eq!(registered, [format!("auth/{back}:8080")]);
    assert_eq!(
        deregistered,
        [format!("auth/{out}:8080"), "auth/10.0.200.8:8080".to_owned()]
    );
    assert_eq!(unknown, ["auth/10.0.200.9:8080"]);
    let mut left = [(back, 8080), ("10.0.200.9".to_owned(), 8080)];
    left.sort();
    assert_eq!(stage.registered(), left);
}

#[tokio::test]
async fn a_task_that_is_started_while_the_others_are_listed_is_not_unknown() {
    let stage = stage().await;
    stage.registered_task("e1").await;
    let (late, _) = stage.running_task("e2").await;
    stage.fake.world(|world| world.set_listed(&late, false));
    let (late_one, group) = (late.clone(), stage.group.clone());
    stage.fake.world(|world| {
        world.before_next("elb:DescribeTargetHealth", move |world| {
            world.set_listed(&late_one, true);
            let address = world.address(&late_one).expect("an address").to_string();
            world.register(&group, &address, 8080);
        });
    });
    assert_eq!(repaired(&stage).await, nothing());
}

#[tokio::test]
async fn a_task_that_drains_is_neither_registered_nor_unknown() {
    let stage = stage().await;
    let out = stage.registered_task("e1").await;
    let still_in = stage.registered_task("e2").await;
    let left = address(&stage, &out);
    stage.fake.world(|world| {
        for task in [&out, &still_in] {
            world.tag(task, "start-engines:stop-at", "2026-11-20T07:10:00Z");
        }
        world.deregister(&stage.group, &left, 8080);
        world.drain(&stage.group);
    });
    assert_eq!(repaired(&stage).await, nothing());
    assert_eq!(stage.registered(), [(address(&stage, &still_in), 8080)]);
}

#[tokio::test]
async fn a_task_that_is_not_running_yet_is_left_to_its_events() {
    let stage = stage().await;
    outcome(&stage, &stage.start("e1", json!({}))).await;
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    stage.fake.world(|world| world.advance_to(&task, "PENDING"));
    assert_eq!(repaired(&stage).await, nothing());
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_stop_that_is_handled_in_between_leaves_no_dead_target() {
    for moment in ["before the look", "before it is registered", "after it"] {
        let stage = stage().await;
        let (task, _) = stage.running_task("e1").await;
        let stopping = task.clone();
        // All events of the stop have been handled: there was nothing to take out yet.
        let stops = move |world: &mut World| {
            stop(world, &stopping);
            world.advance_to(&stopping, "STOPPED");
        };
        stage.fake.world(|world| match moment {
            "before the look" => world.after_next("elb:DescribeTargetHealth", stops),
            "before it is registered" => world.before_next("elb:RegisterTargets", stops),
            _ => world.after_next("elb:RegisterTargets", stops),
        });
        let (registered, _, unknown) = repaired(&stage).await;
        assert_eq!((registered, unknown), (vec![], vec![]), "{moment}");
        assert_eq!(stage.registered(), [], "{moment}");
    }
}

#[tokio::test]
async fn an_address_that_a_newer_task_has_is_not_taken_from_it() {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, ("ALLOWED_CLUSTERS", "engines,workers")]).await;
    stage.fake.world(|world| world.add_cluster("workers"));
    let old = stage.registered_task("e1").await;
    let reused = stage.fake.world(|world| {
        stop(world, &old);
        world.advance_to(&old, "STOPPED");
        world.address(&old).expect("an address")
    });
    // In another cluster.
    stage.fake.world(|world| world.next_address(reused));
    outcome(&stage, &stage.start("e2", json!({"cluster": "workers"}))).await;
    let newer = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let newer = if newer == old {
        stage.fake.world(|world| world.task_arns()[0].clone())
    } else {
        newer
    };
    let running = stage.fake.world(|world| world.advance_to(&newer, "RUNNING"));
    outcome(&stage, &running).await;
    assert_eq!(address(&stage, &newer), reused.to_string());
    assert_eq!(repaired(&stage).await, nothing());
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn a_newer_owner_that_appears_after_the_survey_keeps_its_target() {
    let stage = stage().await;
    let old = stage.registered_task("e1").await;
    let clock = stage.clock.clone();
    let reused = stage.fake.world(|world| {
        stop(world, &old);
        world.advance_to(&old, "STOPPED");
        world.address(&old).expect("an address")
    });
    stage.fake.world(|world| world.next_address(reused));
    outcome(&stage, &stage.start("e2", json!({}))).await;
    let newer = stage
        .fake
        .world(|world| world.task_arns().into_iter().find(|task| *task != old).expect("a task"));
    // It gets the address once all were listed, and the answer of ELB takes longer than the list holds.
    stage.fake.world(|world| {
        world.after_next("elb:DescribeTargetHealth", move |world| {
            world.advance_to(&newer, "RUNNING");
            clock.advance(Duration::from_secs(4));
        });
    });
    let (_, deregistered, _) = repaired(&stage).await;
    assert_eq!(deregistered, [""; 0]);
    assert_eq!(stage.registered(), [(reused.to_string(), 8080)]);
    let lists = stage.fake.calls_to("ecs:ListTasks").len();
    assert_eq!(lists, 3, "live and stopped ones, and the live ones once more");
}

#[tokio::test]
async fn a_look_at_all_tasks_that_takes_too_long_takes_nothing_out() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED");
        let clock = stage.clock.clone();
        world.after(
            "ecs:ListTasks",
            Box::new(move |_| clock.advance(Duration::from_secs(4))),
        );
    });
    assert_eq!(category(&stage, &reconcile()).await, "owner_search_too_slow");
    assert_eq!(stage.registered().len(), 1);
}

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
    assert_eq!(failure.category, "target_group_not_found");
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
async fn calls_that_are_throttled_are_tried_again_and_then_told() {
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
async fn host_ports_of_instances_are_repaired_too() {
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let stage = stage().await;
        let (group, machine) = stage.fake.world(|world| {
            let bridge = TaskDefinition::new("bridge", NetworkMode::Bridge).container("auth", &[8080]);
            world.add_task_definition(bridge);
            let machine =
                world.add_container_instance("engines", Some("i-0123456789abcdef0"), Ipv4Addr::new(10, 0, 2, 7));
            (world.add_target_group(group), machine)
        });
        let detail = json!({
            "taskDefinition": "bridge", "targetGroupArn": group, "launchType": "EC2", "subnets": null,
        });
        for id in ["e1", "e2"] {
            outcome(&stage, &stage.start(id, detail.clone())).await;
        }
        let tasks = stage.fake.world(|world| {
            let tasks = world.task_arns();
            for task in &tasks {
                world.advance_to(task, "RUNNING");
            }
            tasks
        });
        let (registered, _, _) = repaired(&stage).await;
        assert_eq!(registered.len(), 2);
        stage.fake.world(|world| {
            stop(world, &tasks[0]);
            world.advance_to(&tasks[0], "STOPPED");
        });
        let (_, deregistered, _) = repaired(&stage).await;
        assert_eq!(deregistered.len(), 1);
        assert_eq!(repaired(&stage).await, nothing());
        // Nobody tells the machine of the second one any more: a cold function guesses nothing.
        let mut stage = stage;
        stage.fake.world(|world| {
            stop(world, &tasks[1]);
            world.advance_to(&tasks[1], "STOPPED");
            world.forget_instance(&machine);
        });
        stage.cold_start(&[CLUSTER]).await;
        let (_, deregistered, unknown) = repaired(&stage).await;
        assert_eq!((deregistered.len(), unknown.len()), (0, 1));
    }
}

#[tokio::test]
async fn a_machine_that_nobody_tells_stops_only_the_groups_that_need_it() {
    let stage = stage().await;
    let (vms, machine) = stage.fake.world(|world| {
        let bridge = TaskDefinition::new("bridge", NetworkMode::Bridge).container("auth", &[8080]);
        world.add_task_definition(bridge);
        let machine = world.add_container_instance("engines", Some("i-0123456789abcdef0"), Ipv4Addr::new(10, 0, 2, 7));
        (world.add_target_group(TargetGroup::instance("aaa", 80)), machine)
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
        world.forget_instance(&machine);
    });
    let (_, _lost) = stage.running_task("e2").await;
    let handled = stage.deliver(&reconcile()).await;
    let metrics = handled.metrics("f");
    assert_eq!(handled.result.expect_err("a failure").category, "instance_not_found");
    // What is in a group where an owner cannot be told stays, and is not said to be unknown.
    assert_eq!(
        (&metrics["TargetsRegistered"], &metrics["TargetsUnknown"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(stage.registered().len(), 1);
    assert_eq!(stage.fake.world(|world| world.registered(&vms).len()), 1);
}

#[tokio::test]
async fn what_was_done_is_told_and_counted_even_where_something_else_failed() {
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
    assert_eq!(handled.result.expect_err("a failure").category, "too_many_targets");
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
    let told = stage.fake.world(|world| world.take_put_events());
    let told: Vec<(&str, &Value)> = told
        .iter()
        .map(|event| (event["detail-type"].as_str().expect("a text"), &event["detail"]))
        .collect();
    assert_eq!(told.len(), 2);
    for (kind, task) in [("ECS Task Registered", &lost), ("ECS Task Deregistered", &gone)] {
        let found = told.iter().find(|(other, _)| *other == kind);
        let (_, detail) = found.expect("an outcome event");
        assert_eq!(detail["taskArn"], json!(task));
        assert_eq!(detail["reconcileCorrelationId"], "outage-7");
        assert_eq!(detail["targets"][0]["id"], json!(address(&stage, task)));
        assert_eq!(detail["targets"][0]["targetGroupArn"], json!(stage.group));
    }
}

#[tokio::test]
async fn repairs_are_told_with_the_marks_of_their_starts_ten_in_a_call() {
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
    let told = stage.fake.world(|world| world.take_put_events());
    let of_order = |n: usize| {
        let mark = json!(format!("order-{n}"));
        told.iter()
            .filter(|event| event["detail"]["correlationId"] == mark && event["detail-type"] == "ECS Task Registered")
            .count()
    };
    assert_eq!((of_order(0), of_order(1)), (10, 10));
    // What needs no repair is not told again.
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
    assert_eq!((failure.category, failure.transient), ("out_of_time", true));
    assert_eq!(metrics["TargetsRegistered"], 1);
    let again = event("r1", json!({"cluster": "engines"}));
    assert_eq!(parts(outcome(&stage, &again).await), nothing());
}

#[tokio::test]
async fn a_service_is_compared_in_its_own_groups_and_nowhere_else() {
    let stage = stage().await;
    let other = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("other", 80)));
    for (id, detail) in [
        // The catalog's group is none here: its task has another.
        ("e1", json!({"service": "auth"})),
        ("e2", json!({})),
        ("e3", json!({"targetGroupArn": other})),
    ] {
        outcome(&stage, &stage.start(id, detail)).await;
    }
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.advance_to(&task, "RUNNING");
        }
    });
    stage.calls();
    let handled = stage.deliver(&event("r1", json!({"service": "auth"}))).await;
    let line = handled.summary();
    assert_eq!(
        (&line["service"], &line["cluster"]),
        (&json!("auth"), &json!("engines"))
    );
    let (registered, _, _) = parts(handled.result.expect("an outcome"));
    // The whole group is compared: whoever is in it has to do with whose targets are whose.
    assert_eq!((registered.len(), stage.registered().len()), (2, 2));
    assert_eq!(stage.fake.world(|world| world.registered(&other).len()), 0);
    // Its own group, which is none here, and the one that its task has.
    let asked = stage
        .calls()
        .iter()
        .filter(|call| *call == "DescribeTargetHealth")
        .count();
    assert_eq!(asked, 1);
    // A service without targets has nothing to compare.
    assert_eq!(
        parts(outcome(&stage, &event("r2", json!({"service": "worker"}))).await),
        nothing()
    );
}

#[tokio::test]
async fn four_hundred_and_fifty_tasks_are_compared_in_pages_and_repaired_in_chunks() {
    let stage = stage().await;
    for n in 0..45 {
        outcome(&stage, &stage.start(&format!("e{n}"), json!({"count": 10}))).await;
    }
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.advance_to(&task, "RUNNING");
        }
    });
    stage.calls();
    let (registered, _, _) = repaired(&stage).await;
    assert_eq!((registered.len(), stage.registered().len()), (450, 450));
    let calls = stage.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!(count("ListTasks"), 6, "five pages of live ones, one of stopped ones");
    assert_eq!(count("RegisterTargets"), 3);
    assert_eq!(count("DescribeTargetHealth"), 1, "{calls:?}");
    // Each task once to begin with, and before and after each chunk.
    assert_eq!(count("DescribeTasks"), 5 + 2 * (2 + 2 + 1));
    stage.fake.world(|world| {
        for task in world.task_arns() {
            stop(world, &task);
        }
    });
    let (_, deregistered, _) = repaired(&stage).await;
    assert_eq!((deregistered.len(), stage.registered().len()), (450, 0));
    let calls = stage.calls();
    assert_eq!(calls.iter().filter(|call| *call == "DeregisterTargets").count(), 3);
}

/// Three groups with a task each whose RUNNING event was lost; each look at a group takes 20 s.
async fn slow(environment: &[(&str, &str)]) -> (Stage, Vec<String>) {
    let stage = Stage::with(environment).await;
    let mut groups = stage.fake.world(|world| {
        vec![
            world.add_target_group(TargetGroup::ip("aaa", 80)),
            world.add_target_group(TargetGroup::ip("zzz", 80)),
        ]
    });
    groups.insert(1, stage.group.clone());
    for (n, group) in groups.iter().enumerate() {
        outcome(&stage, &stage.start(&format!("e{n}"), json!({"targetGroupArn": group}))).await;
    }
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.advance_to(&task, "RUNNING");
        }
        let clock = stage.clock.clone();
        world.after(
            "elb:RegisterTargets",
            Box::new(move |_| clock.advance(Duration::from_secs(21))),
        );
    });
    stage.calls();
    (stage, groups)
}

#[tokio::test]
async fn what_does_not_fit_into_one_invocation_goes_on_by_a_schedule() {
    let (stage, groups) = slow(&[ROLE, NO_TIMEOUT, CLUSTER]).await;
    let mut next = event("r1", json!({"cluster": "engines", "correlationId": "c-1"}));
    for (n, group) in groups.iter().enumerate() {
        let handled = stage.deliver_with(&next, Duration::from_secs(30)).await;
        let told = handled.summary();
        let Ok(Outcome::Reconciled(repairs)) = handled.result else {
            panic!("{told:?}")
        };
        let Repairs {
            registered, continued, ..
        } = *repairs;
        assert_eq!(registered[0].1.group.as_str(), group);
        // Beside the catalog's, of which there is none here.
        let left = continued.iter().filter(|group| group.as_str() != AUTH).count();
        assert_eq!(left, 2 - n);
        assert_eq!(told.get("groupsLeft").is_some(), n < 2);
        if n == 2 {
            assert!(stage.fake.world(|world| world.schedules("default").is_empty()));
            break;
        }
        let name = stage
            .fake
            .world(|world| world.schedules("default").keys().next().expect("a schedule").clone());
        let place = format!("-{}", n + 1);
        assert!(
            name.starts_with("start-engines-reconcile-") && name.ends_with(&place),
            "{name}"
        );
        // The function's clock has run ahead of the fake's by what its calls took.
        stage.pass(Duration::from_secs(120));
        let fired = stage.fake.world(|world| world.fire_schedules());
        assert_eq!(fired.len(), 1);
        next = fired[0].clone();
        assert_eq!(next["detail"]["correlationId"], "c-1");
        assert_eq!(next["source"], "app.tests");
    }
}

#[tokio::test]
async fn a_reconcile_that_is_delivered_twice_goes_on_once() {
    let (stage, _) = slow(&[ROLE, NO_TIMEOUT, CLUSTER]).await;
    for _ in 0..2 {
        let handled = stage.deliver_with(&reconcile(), Duration::from_secs(30)).await;
        let Ok(Outcome::Reconciled(repairs)) = handled.result else {
            panic!("{:?}", handled.result)
        };
        assert!(!repairs.continued.is_empty());
    }
    assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 1);
    assert_eq!(stage.fake.calls_to("scheduler:CreateSchedule").len(), 2);
}

#[tokio::test]
async fn without_a_scheduler_the_groups_that_were_not_reached_are_told() {
    let (stage, groups) = slow(&[CLUSTER]).await;
    let failure = stage
        .deliver_with(&reconcile(), Duration::from_secs(30))
        .await
        .result
        .expect_err("a failure");
    assert_eq!((failure.category, failure.transient), ("reconcile_incomplete", true));
    assert!(!failure.message.contains(&groups[0]), "{failure}");
    for group in &groups[1..] {
        assert!(failure.message.contains(group), "{failure}");
    }
    assert!(failure.message.contains("SCHEDULER_ROLE_ARN"), "{failure}");
    assert_eq!(stage.fake.world(|world| world.registered(&groups[0]).len()), 1);
}

#[tokio::test]
async fn a_reconcile_goes_on_a_hundred_times_at_most_and_only_if_it_came_further() {
    let (stage, _) = slow(&[ROLE, NO_TIMEOUT, CLUSTER]).await;
    let last = json!({"cluster": "engines", "continuation": {"count": 100, "id": "r1"}});
    let failure = stage
        .deliver_with(&event("r100", last), Duration::from_secs(30))
        .await
        .result
        .expect_err("a failure");
    assert_eq!(failure.category, "reconcile_incomplete");
    assert!(failure.message.contains("it has gone on 100 times"), "{failure}");
    let failure = stage
        .deliver_with(&reconcile(), Duration::from_secs(9))
        .await
        .result
        .expect_err("a failure");
    assert_eq!(failure.category, "reconcile_incomplete");
    assert!(failure.message.contains("give the function more"), "{failure}");
    assert!(stage.fake.world(|world| world.schedules("default").is_empty()));
}

#[tokio::test]
async fn a_group_that_only_the_configuration_names_is_looked_at() {
    let environment = |group: &str| format!("{group},auth*");
    let mut stage = stage().await;
    let group = stage.fake.world(|world| {
        let group = world.add_target_group(TargetGroup::ip("idle", 80));
        world.register(&group, "10.0.200.9", 8080);
        group
    });
    stage
        .cold_start(&[CLUSTER, ("ALLOWED_TARGET_GROUPS", &environment(&group))])
        .await;
    assert_eq!(only(2, &repaired(&stage).await), "idle/10.0.200.9:8080");
    // One that it does not allow is not touched, and tells if a live task wants it.
    stage.running_task("e1").await;
    stage.cold_start(&[CLUSTER, ("ALLOWED_TARGET_GROUPS", "nothing")]).await;
    assert_eq!(category(&stage, &reconcile()).await, "not_allowed");
    assert_eq!(stage.registered(), []);
}
