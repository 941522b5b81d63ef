//! Container instances that have left their cluster, are terminated or forgotten: what happens to the targets of
//! their tasks, at the wire.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::TargetGroup;

use crate::events::instances::{INSTANCE, Instance};
use crate::stage::outcome;

#[tokio::test]
async fn an_instance_that_has_left_its_cluster_or_is_forgotten_keeps_no_target() {
    // Left: ECS still reports its id, and a newer owner is looked for everywhere.
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.registered_task("e1", json!({})).await;
    instance
        .stage
        .fake
        .world(|world| world.deregister_container_instance(&instance.arn));
    outcome(&instance.stage, &instance.stop(&task)).await;
    assert_eq!(instance.registered(), []);
    // Forgotten: a warm function knows.
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let instance = Instance::new(group).await;
        let task = instance.registered_task("e1", json!({})).await;
        instance.stage.fake.world(|world| world.forget_instance(&instance.arn));
        outcome(&instance.stage, &instance.stop(&task)).await;
        assert_eq!(instance.registered(), []);
    }
}

#[tokio::test]
async fn a_terminated_instance_reports_no_address_but_a_warm_function_knows_it() {
    let instance = Instance::new(TargetGroup::ip("ips", 80)).await;
    let task = instance.registered_task("e1", json!({})).await;
    instance
        .stage
        .fake
        .world(|world| world.terminate_instance(&instance.arn));
    let first_sign = instance.stop(&task);
    let mut cold = instance;
    let warm = outcome(&cold.stage, &first_sign).await;
    assert!(matches!(warm, Outcome::Deregistered { .. }), "{warm:?}");
    assert_eq!(cold.registered(), []);
    cold.stage.cold_start(&[]).await;
    assert_eq!(
        outcome(&cold.stage, &first_sign).await,
        Outcome::skipped(Skip::NotRegistered),
        "nothing is left in the group"
    );
}

/// A cold function, and the first sign of a stop of a registered task whose instance nobody reports.
async fn lost_instance(group: TargetGroup) -> (Instance, Value) {
    let mut instance = Instance::new(group).await;
    let task = instance.registered_task("e1", json!({})).await;
    let first_sign = instance.stop(&task);
    instance.stage.fake.world(|world| {
        world.advance_to(&task, "STOPPED");
        world.forget_instance(&instance.arn);
    });
    instance.stage.cold_start(&[]).await;
    instance.stage.calls();
    (instance, first_sign)
}

#[tokio::test]
async fn a_target_of_an_instance_that_nobody_reports_is_named_with_its_command_and_left_in() {
    for (group, id) in [
        (TargetGroup::instance("vms", 80), INSTANCE),
        (TargetGroup::ip("ips", 80), "10.0.2.7"),
    ] {
        let (instance, first_sign) = lost_instance(group).await;
        instance.stage.fake.world(|world| {
            world.register(&instance.group, id, 32_768);
            world.register(&instance.group, id, 40_000);
        });
        let failure = instance.stage.deliver(&first_sign).await.result.expect_err("a failure");
        assert_eq!(
            (failure.category.name(), failure.transient),
            ("instance_unknown", false)
        );
        let command = format!(
            "aws elbv2 deregister-targets --target-group-arn {} --targets Id={id},Port=32768",
            instance.group
        );
        assert!(failure.message.ends_with(&command), "{failure}");
        assert!(!failure.message.contains("40000"), "{failure}");
        assert_eq!(instance.registered().len(), 2);
        let calls = [
            "DescribeTargetGroups",
            "DescribeContainerInstances",
            "DescribeTargetHealth",
            "ListTasks",
        ];
        assert_eq!(instance.stage.calls(), calls);
        // Somebody has deregistered it: what is left is not on a port of the task.
        instance
            .stage
            .fake
            .world(|world| world.deregister(&instance.group, id, 32_768));
        assert_eq!(
            outcome(&instance.stage, &first_sign).await,
            Outcome::skipped(Skip::NotRegistered)
        );
        assert_eq!(instance.registered().len(), 1);
        let calls = ["DescribeContainerInstances", "DescribeTargetHealth"];
        assert_eq!(instance.stage.calls(), calls);
    }
}

#[tokio::test]
async fn a_target_that_a_live_task_has_is_none_that_a_lost_instance_left() {
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let (instance, first_sign) = lost_instance(group).await;
        instance.stage.fake.world(|world| {
            let old = world.registered(&instance.group);
            for (id, port) in old {
                world.deregister(&instance.group, &id, port);
            }
            world.add_container_instance("engines", Some("i-0fedcba9876543210"), Ipv4Addr::new(10, 0, 2, 8));
        });
        instance.registered_task("e2", json!({})).await;
        assert_eq!(instance.registered()[0].1, 32_768, "the same port on another instance");
        assert_eq!(
            outcome(&instance.stage, &first_sign).await,
            Outcome::skipped(Skip::NotRegistered)
        );
        assert_eq!(instance.registered().len(), 1);
    }
}

#[tokio::test]
async fn a_lost_instance_leaves_nothing_in_a_group_that_is_gone_or_only_drains() {
    let (instance, first_sign) = lost_instance(TargetGroup::instance("vms", 80)).await;
    instance
        .stage
        .fake
        .world(|world| world.deregister(&instance.group, INSTANCE, 32_768));
    outcome(&instance.stage, &first_sign).await;
    instance
        .stage
        .fake
        .world(|world| world.remove_target_group(&instance.group));
    outcome(&instance.stage, &first_sign).await;
}

#[tokio::test]
async fn an_address_of_a_terminated_instance_that_a_newer_one_has_is_left_to_its_task() {
    let instance = Instance::new(TargetGroup::ip("ips", 80)).await;
    let old = instance.registered_task("e1", json!({})).await;
    let first_sign = instance.stop(&old);
    instance.stage.fake.world(|world| {
        world.advance_to(&old, "STOPPED");
        world.terminate_instance(&instance.arn);
        world.deregister_container_instance(&instance.arn);
        world.add_container_instance("engines", Some("i-0fedcba9876543210"), Ipv4Addr::new(10, 0, 2, 7));
    });
    instance.registered_task("e2", json!({})).await;
    assert_eq!(instance.registered(), [("10.0.2.7".to_owned(), 32_768)]);
    let late = outcome(&instance.stage, &first_sign).await;
    assert!(matches!(late, Outcome::Deregistered { reused, .. } if reused.len() == 1));
    assert_eq!(instance.registered(), [("10.0.2.7".to_owned(), 32_768)]);
}
