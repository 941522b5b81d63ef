//! Tasks and target groups: families, types, several groups, groups that are gone or refused.
//!
//! At the wire, as in `races`, but each in the plain order of events.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Fault, TargetGroup};

use crate::stage::{Stage, category, outcome, stop};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_group_that_is_gone_is_success_on_the_way_down_and_an_error_on_the_way_up() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    outcome(&stage, &running).await;
    stage.fake.world(|world| world.remove_target_group(&stage.group));
    assert_eq!(category(&stage, &running).await, "target_group_not_found");
    let stopping = stage.fake.world(|world| stop(world, &task));
    assert_eq!(outcome(&stage, &stopping).await, Outcome::skipped(Skip::NotRegistered));
    let stopped = stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    assert_eq!(outcome(&stage, &stopped).await, Outcome::skipped(Skip::NotRegistered));
    stage.pass(seconds(60));
    assert_eq!(outcome(&stage, &stopped).await, Outcome::skipped(Skip::NotRegistered));
}

#[tokio::test]
async fn one_group_that_fails_does_not_keep_the_other_from_its_target() {
    let stage = Stage::new().await;
    let gone = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("gone", 80)));
    let targets = json!([{"targetGroupArn": gone, "port": 9090}, {"targetGroupArn": stage.group, "port": 8080}]);
    outcome(
        &stage,
        &stage.start("e1", json!({"targetGroupArn": null, "port": null, "targets": targets})),
    )
    .await;
    let running = stage.fake.world(|world| {
        let task = world.task_arns().last().expect("a task").clone();
        world.remove_target_group(&gone);
        world.advance_to(&task, "RUNNING")
    });
    assert_eq!(category(&stage, &running).await, "target_group_not_found");
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn two_targets_of_one_task_go_into_two_groups_and_out_again() {
    let stage = Stage::new().await;
    let nlb = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("auth-nlb", 80).protocol("TCP")));
    let targets = json!([{"targetGroupArn": stage.group, "port": 8080}, {"targetGroupArn": nlb, "port": 9090}]);
    outcome(
        &stage,
        &stage.start("e1", json!({"targetGroupArn": null, "port": null, "targets": targets})),
    )
    .await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    let ports = || {
        stage
            .fake
            .world(|world| (world.registered(&stage.group), world.registered(&nlb)))
    };
    assert_eq!(ports().0[0].1, 8080);
    assert_eq!(ports().1[0].1, 9090);
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    assert_eq!(ports(), (vec![], vec![]));
}

#[tokio::test]
async fn a_dual_stack_task_has_its_ipv6_address_in_an_ipv6_group() {
    let stage = Stage::new().await;
    let group = stage.fake.world(|world| {
        world.dual_stack = true;
        world.add_target_group(TargetGroup::ip("auth-v6", 80).ipv6())
    });
    outcome(&stage, &stage.start("e1", json!({"targetGroupArn": group}))).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    let registered = || stage.fake.world(|world| world.registered(&group));
    assert!(registered()[0].0.contains(':'), "{:?}", registered());
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    assert_eq!(registered(), []);
}

#[tokio::test]
async fn a_group_for_instances_is_refused_with_what_to_change() {
    let stage = Stage::new().await;
    let group = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::instance("vms", 80)));
    outcome(&stage, &stage.start("e1", json!({"targetGroupArn": group}))).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    let failure = stage.deliver(&running).await.result.expect_err("a failure");
    assert_eq!(
        (failure.category.name(), failure.transient),
        ("target_type_mismatch", false)
    );
    assert!(
        failure.message.contains("use a target group of target type ip"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_group_outside_the_allow_list_is_not_registered_in_whoever_started_the_task() {
    let mut stage = Stage::new().await;
    let (_, running) = stage.running_task("e1").await;
    stage.cold_start(&[("ALLOWED_TARGET_GROUPS", "other")]).await;
    stage.calls();
    // It is another deployment's, as far as anybody can know.
    assert_eq!(
        outcome(&stage, &running).await,
        Outcome::skipped(Skip::AnotherDeployment)
    );
    assert_eq!(stage.calls(), [""; 0]);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn tags_that_name_another_group_than_started_by_are_refused() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let tags = stage.fake.world(|world| world.tags(&task));
    assert!(tags.iter().any(|(key, _)| key == "start-engines:target-group-arn"));
    let mut forged = running.clone();
    forged["detail"]["startedBy"] = json!("start-engines/other/0123456789abcdef/8080");
    assert_eq!(category(&stage, &forged).await, "targets_mismatch");
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_start_that_fails_before_running_is_reported_with_its_reason() {
    let stage = Stage::new().await;
    outcome(&stage, &stage.start("e1", json!({}))).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let stopped = stage.fake.world(|world| {
        world.advance(&task);
        world.fail_start(
            &task,
            "CannotPullContainerError: no such image",
            "CannotPullContainerError: no such image",
        );
        world.advance_to(&task, "STOPPED")
    });
    let handled = stage.deliver(&stopped).await;
    let reported = handled.summary();
    assert_eq!(reported["failedStart"], "image_pull_failed");
    assert!(
        reported["failedStartReason"]
            .as_str()
            .expect("a reason")
            .contains("no such image")
    );
    assert_eq!(handled.metrics("f")["StartsFailed"], 1);
    assert_eq!(handled.metrics("f")["Reason"], "image_pull_failed");
}

#[tokio::test]
async fn a_task_registered_by_hand_under_a_tasks_address_is_kept_only_if_it_is_the_tasks() {
    // An address that some other process registered, when no task of start-engines has it.
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let address = stage
        .fake
        .world(|world| world.address(&task))
        .unwrap_or(Ipv4Addr::UNSPECIFIED)
        .to_string();
    stage.fake.world(|world| world.register(&stage.group, "10.9.9.9", 8080));
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    assert_eq!(
        stage.registered(),
        [("10.9.9.9".to_owned(), 8080)],
        "only {address} is gone"
    );
}

/// A dual-stack task that is registered in an ipv6 group, and its first stop event.
async fn dual_stack(stage: &Stage) -> (String, Value) {
    let group = stage.fake.world(|world| {
        world.dual_stack = true;
        world.add_target_group(TargetGroup::ip("auth-v6", 80).ipv6())
    });
    outcome(stage, &stage.start("e1", json!({"targetGroupArn": group}))).await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(stage, &running).await;
    assert_eq!(stage.fake.world(|world| world.registered(&group)).len(), 1);
    let stopping = stage.fake.world(|world| stop(world, &task));
    (group, stopping)
}

#[tokio::test]
async fn an_event_that_reports_only_the_interfaces_ipv4_does_not_leave_an_ipv6_target() {
    let stage = Stage::new().await;
    let (group, mut stopping) = dual_stack(&stage).await;
    stopping["detail"]["containers"] = json!([]);
    stage.calls();
    assert!(matches!(outcome(&stage, &stopping).await, Outcome::Deregistered { .. }));
    assert_eq!(stage.calls(), ["DescribeTasks", "DeregisterTargets"]);
    assert_eq!(stage.fake.world(|world| world.registered(&group)), []);
}

#[tokio::test]
async fn a_group_whose_facts_cannot_be_read_keeps_no_other_group_from_being_cleared() {
    let mut stage = Stage::new().await;
    let group = stage.fake.world(|world| {
        world.dual_stack = true;
        world.add_target_group(TargetGroup::ip("auth-v6", 80).ipv6())
    });
    let targets = json!([{"targetGroupArn": group, "port": 8080}, {"targetGroupArn": stage.group, "port": 8080}]);
    outcome(
        &stage,
        &stage.start("e1", json!({"targetGroupArn": null, "port": null, "targets": targets})),
    )
    .await;
    let task = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    stage.cold_start(&[]).await;
    let denied = Fault::error(403, "AccessDenied", "not authorized");
    stage
        .fake
        .world(|world| world.fail_next("elb:DescribeTargetGroups", denied, 1));
    assert_eq!(category(&stage, &stopping).await, "access_denied");
    assert_eq!(stage.registered(), []);
}
