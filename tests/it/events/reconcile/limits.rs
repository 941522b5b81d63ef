//! Many tasks, little time: pages, chunks, and what goes on later.

use std::time::Duration;

use serde_json::json;
use start_engines_core::outcome::{Outcome, Repairs};
use start_engines_fake_aws::TargetGroup;

use super::{CLUSTER, NO_TIMEOUT, ROLE, event, reconcile, repaired, stage};
use crate::stage::{AUTH, Stage, outcome, stop};

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

/// Three groups with a task each whose RUNNING event was lost; each DescribeTargetHealth takes 20 s.
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
        let reported = handled.summary();
        let Ok(Outcome::Reconciled(repairs)) = handled.result else {
            panic!("{reported:?}")
        };
        let Repairs {
            registered, continued, ..
        } = *repairs;
        assert_eq!(registered[0].1.group.as_str(), group);
        // Beside the catalog's, of which there is none here.
        let left = continued.iter().filter(|group| group.as_str() != AUTH).count();
        assert_eq!(left, 2 - n);
        assert_eq!(reported.get("groupsLeft").is_some(), n < 2);
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
async fn without_a_scheduler_the_groups_that_were_not_reached_are_reported() {
    let (stage, groups) = slow(&[CLUSTER]).await;
    let failure = stage
        .deliver_with(&reconcile(), Duration::from_secs(30))
        .await
        .result
        .expect_err("a failure");
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("reconcile_incomplete", true)
    );
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
    assert_eq!(failure.category.name(), "reconcile_incomplete");
    assert!(failure.message.contains("it has continued 100 times"), "{failure}");
    let failure = stage
        .deliver_with(&reconcile(), Duration::from_secs(9))
        .await
        .result
        .expect_err("a failure");
    assert_eq!(failure.category.name(), "reconcile_incomplete");
    assert!(failure.message.contains("increase the function's timeout"), "{failure}");
    assert!(stage.fake.world(|world| world.schedules("default").is_empty()));
}
