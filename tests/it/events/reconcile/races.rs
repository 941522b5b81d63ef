//! Tasks that start and stop while a reconcile runs, and addresses that change hands.

use std::time::Duration;

use serde_json::json;
use start_engines_fake_aws::{Fault, World};

use super::{NO_TIMEOUT, ROLE, address, nothing, reconcile, repaired, stage};
use crate::stage::{Stage, category, outcome, stop};

#[tokio::test]
async fn a_stop_that_is_handled_in_between_leaves_no_dead_target() {
    for moment in ["before its snapshot", "before it is registered", "after it"] {
        let stage = stage().await;
        let (task, _) = stage.running_task("e1").await;
        let stopping = task.clone();
        // All events of the stop have been handled: there was nothing to deregister yet.
        let stops = move |world: &mut World| {
            stop(world, &stopping);
            world.advance_to(&stopping, "STOPPED");
        };
        stage.fake.world(|world| match moment {
            "before its snapshot" => world.after_next("elb:DescribeTargetHealth", stops),
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
    assert_eq!(lists, 3, "live and stopped ones, and those of the same service");
}

/// A stage where a stopped task has left its target, and each page of ListTasks takes longer than a list holds.
async fn with_slow_lists() -> Stage {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED");
        let slow = Box::new(move |_: &mut World| clock.advance(Duration::from_secs(4)));
        world.after("ecs:ListTasks", slow);
    });
    stage
}

#[tokio::test]
async fn a_long_list_of_all_tasks_proves_as_much_as_a_short_one() {
    let stage = with_slow_lists().await;
    repaired(&stage).await;
    assert_eq!(stage.registered(), []);
}

/// Without EC2 only a list of all live tasks proves that nobody has an address, for a moment.
#[tokio::test]
async fn without_ec2_a_list_that_takes_too_long_deregisters_nothing() {
    let stage = with_slow_lists().await;
    let denied = Fault::error(403, "UnauthorizedOperation", "not authorized");
    stage
        .fake
        .world(|world| world.fail_next("ec2:DescribeNetworkInterfaces", denied, 9));
    assert_eq!(category(&stage, &reconcile()).await, "owner_search_too_slow");
    assert_eq!(stage.registered().len(), 1);
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

fn run_foreign(world: &mut World) -> String {
    let task = world.run_foreign_task(&json!({
        "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE", "startedBy": "somebody",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
    }));
    world.advance_to(&task, "RUNNING");
    task
}

/// Of somebody else's task no more is known than its network interface.
#[tokio::test]
async fn an_address_that_a_task_of_somebody_else_has_is_deregistered_even_if_ec2_shows_no_attachment() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let freed = address(&stage, &task).parse().expect("an address");
    stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED");
        world.next_address(freed);
        run_foreign(world);
        world.hide_attachment(freed);
    });
    let (_, deregistered, _) = repaired(&stage).await;
    assert_eq!(deregistered.len(), 1);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_newer_task_that_stops_by_then_is_named_as_what_it_is() {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    let freed = address(&stage, &task).parse().expect("an address");
    let started_by = stage.fake.world(|world| {
        let event = stop(world, &task);
        world.advance_to(&task, "STOPPED");
        event["detail"]["startedBy"].as_str().expect("text").to_owned()
    });
    let starts = move |world: &mut World| {
        world.next_address(freed);
        let new = world.run_foreign_task(&json!({
            "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE", "startedBy": started_by,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
        }));
        world.advance_to(&new, "RUNNING");
        world.before_next("ecs:DescribeTasks", move |world| {
            stop(world, &new);
        });
    };
    stage
        .fake
        .world(|world| world.before_next("ec2:DescribeNetworkInterfaces", starts));
    let failure = stage.deliver(&reconcile()).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("owner_not_clear", true));
    assert!(failure.message.contains("or is stopping"), "{failure}");
    assert_eq!(stage.registered().len(), 1);
}
