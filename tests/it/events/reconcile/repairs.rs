//! What is repaired, what is reported, and what is left alone.

use std::net::Ipv4Addr;

use serde_json::json;
use start_engines_core::domain::target::{GroupTarget, Target, Zone};
use start_engines_core::outcome::Outcome;
use start_engines_core::outcome::plan::{Change, Why};
use start_engines_core::request::Trigger;
use start_engines_core::request::reconcile::ReconcileRequest;
use start_engines_fake_aws::{NetworkMode, TargetGroup, TaskDefinition};

use super::{CLUSTER, address, event, nothing, only, parts, reconcile, repaired, stage};
use crate::stage::{category, config, outcome, stop};

#[tokio::test]
async fn a_running_event_that_was_lost_is_made_up_for_and_again_changes_nothing() {
    let stage = stage().await;
    let (task, _lost) = stage.running_task("e1").await;
    stage.calls();
    let handled = stage.deliver(&reconcile()).await;
    assert_eq!(handled.metrics("f")["TargetsRegistered"], 1);
    assert_eq!(handled.metrics("f")["TargetsUnknown"], 0);
    let reported = handled.summary();
    assert_eq!(
        (&reported["outcome"], &reported["cluster"]),
        (&json!("reconciled"), &json!("engines"))
    );
    let target = format!("auth/{}:8080", address(&stage, &task));
    assert_eq!(reported["targetsRegistered"], json!([target]));
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
async fn a_target_that_drains_while_its_task_runs_is_registered_again() {
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
async fn a_target_of_no_known_task_is_reported_and_left_alone() {
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
    let reported = handled.summary();
    assert_eq!(
        reported["targetsUnknown"].as_array().map(Vec::len),
        Some(3),
        "{reported:?}"
    );
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
        zone: Zone::Own,
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

/// ECS does not list its task yet, which may take it half a minute; EC2 shows that somebody has the address.
#[tokio::test]
async fn what_is_named_to_be_pruned_stays_if_its_address_has_a_new_interface() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    stage.fake.world(|world| world.set_listed(&task, false));
    let named = GroupTarget {
        group: stage.group.parse().expect("an ARN"),
        target: Target {
            id: address(&stage, &task),
            port: "8080".parse().expect("a port"),
        },
    };
    let request = || {
        let config = config(&[], None);
        Trigger::Reconcile(Box::new(ReconcileRequest {
            prune: vec![named.clone()],
            groups: vec![named.group.clone()],
            ..ReconcileRequest::new("engines".parse().expect("a name"), None, "here".into(), None, &config)
        }))
    };
    let (_, deregistered, _) = parts(stage.carry_out(&request()).await.expect("an outcome"));
    assert_eq!(deregistered, [""; 0]);
    assert_eq!(stage.registered().len(), 1);
    // Its interface is nobody's by now.
    stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED");
        world.forget(&task);
    });
    let (_, deregistered, _) = parts(stage.carry_out(&request()).await.expect("an outcome"));
    assert_eq!(deregistered, [named.to_string()]);
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
async fn host_ports_of_instances_are_repaired_too() {
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let stage = stage().await;
        let (group, instance) = stage.fake.world(|world| {
            let bridge = TaskDefinition::new("bridge", NetworkMode::Bridge).container("auth", &[8080]);
            world.add_task_definition(bridge);
            let instance =
                world.add_container_instance("engines", Some("i-0123456789abcdef0"), Ipv4Addr::new(10, 0, 2, 7));
            (world.add_target_group(group), instance)
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
        // The second one's container instance is not reported any more: a cold function deregisters nothing.
        let mut stage = stage;
        stage.fake.world(|world| {
            stop(world, &tasks[1]);
            world.advance_to(&tasks[1], "STOPPED");
            world.forget_instance(&instance);
        });
        stage.cold_start(&[CLUSTER]).await;
        let (_, deregistered, unknown) = repaired(&stage).await;
        assert_eq!((deregistered.len(), unknown.len()), (0, 1));
    }
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
    // A target group that is not allowed is not touched, and is reported if a live task is to be registered with it.
    let own = ("DEPLOYMENT", "this");
    stage.cold_start(&[own]).await;
    stage.running_task("e1").await;
    let nothing_allowed = [CLUSTER, ("ALLOWED_TARGET_GROUPS", "nothing")];
    stage.cold_start(&[&nothing_allowed[..], &[own]].concat()).await;
    assert_eq!(category(&stage, &reconcile()).await, "not_allowed");
    stage.cold_start(&nothing_allowed).await;
    assert_eq!(
        repaired(&stage).await,
        nothing(),
        "another deployment's, where the tag says nothing"
    );
    assert_eq!(stage.registered(), []);
}
