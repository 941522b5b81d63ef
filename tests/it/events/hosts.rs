//! Tasks in network mode `host`, whose ports nobody shows but their definitions, and tasks that have not got
//! theirs yet, at the wire.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Binding, Fault, Health, NetworkMode, TargetGroup, TaskDefinition};

use crate::events::instances::{INSTANCE, Instance, on_instance};
use crate::stage::{BEGIN, category, outcome};

fn host() -> Value {
    json!({"taskDefinition": "host"})
}

/// How often an operation is among calls.
fn number_of(operation: &str, calls: &[String]) -> usize {
    calls.iter().filter(|call| *call == operation).count()
}

/// The events of a stop: the first sign, and the last one.
fn stop_for_good(instance: &Instance, task: &str) -> [Value; 2] {
    let first_sign = instance.stop(task);
    let stopped = instance.stage.fake.world(|world| world.advance_to(task, "STOPPED"));
    [first_sign, stopped]
}

#[tokio::test]
async fn a_host_task_has_its_container_port_on_the_instance_and_its_definition_is_asked_for_once() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.start("e1", host()).await;
    let running = instance.running(&task);
    instance.stage.calls();
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.registered(), on_instance(8080));
    let up = [
        "DescribeTasks",
        "DescribeTargetGroups",
        "DescribeTaskDefinition",
        "DescribeContainerInstances",
        "RegisterTargets",
        "DescribeTasks",
    ];
    assert_eq!(instance.stage.calls(), up);
    let [first_sign, stopped] = stop_for_good(&instance, &task);
    outcome(&instance.stage, &first_sign).await;
    assert_eq!(instance.registered(), []);
    let down = [
        "DescribeContainerInstances",
        "DescribeTargetHealth",
        "ListTasks",
        "DeregisterTargets",
    ];
    assert_eq!(instance.stage.calls(), down);
    assert_eq!(
        outcome(&instance.stage, &stopped).await,
        Outcome::skipped(Skip::NotRegistered)
    );
    let next = instance.start("e2", host()).await;
    let running = instance.running(&next);
    instance.stage.calls();
    outcome(&instance.stage, &running).await;
    assert_eq!(
        instance.stage.calls(),
        ["DescribeTasks", "RegisterTargets", "DescribeTasks"]
    );
}

#[tokio::test]
async fn a_late_stop_leaves_the_port_to_the_newer_host_task_that_has_it_or_will_have_it() {
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let instance = Instance::new(group).await;
        let old = instance.registered_task("e1", host()).await;
        let late = stop_for_good(&instance, &old);
        let before = instance.registered();
        let newer = instance.start("e2", host()).await;
        for event in &late {
            assert_eq!(category(&instance.stage, event).await, "owner_not_clear");
        }
        let running = instance.running(&newer);
        for event in &late {
            let Outcome::Deregistered { targets, reused, .. } = outcome(&instance.stage, event).await else {
                panic!("it was looked for")
            };
            assert_eq!((targets.len(), reused.len()), (0, 1));
        }
        outcome(&instance.stage, &running).await;
        for event in &late {
            outcome(&instance.stage, event).await;
        }
        assert_eq!((instance.registered(), before.len()), (before, 1));
        // Its own stop deregisters it.
        outcome(&instance.stage, &instance.stop(&newer)).await;
        assert_eq!(instance.registered(), []);
    }
}

/// ECS keeps a fixed port for one task on a container instance: who starts with it proves that it was given back, whatever
/// DescribeTasks still shows of its former owner.
#[tokio::test]
async fn a_fixed_port_is_the_newer_tasks_even_where_describe_tasks_does_not_show_the_stop() {
    let fixed = TaskDefinition::new("fixed", NetworkMode::Bridge).container_with_host_ports("auth", &[(8080, 8080)]);
    for definition in ["host", "fixed"] {
        let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
        instance
            .stage
            .fake
            .world(|world| world.add_task_definition(fixed.clone()));
        let detail = json!({"taskDefinition": definition});
        let old = instance.registered_task("e1", detail.clone()).await;
        let [first_sign, _] = stop_for_good(&instance, &old);
        instance.start("e2", detail).await;
        instance.stage.fake.world(|world| world.describe_lag(&old, 1));
        assert_eq!(
            category(&instance.stage, &first_sign).await,
            "owner_not_clear",
            "{definition}"
        );
        assert_eq!(instance.registered(), on_instance(8080), "{definition}");
    }
}

#[tokio::test]
async fn a_newer_task_that_can_only_have_other_ports_is_not_waited_for() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let fixed = |name, port| TaskDefinition::new(name, NetworkMode::Bridge).container_with_host_ports("auth", &[port]);
    instance.stage.fake.world(|world| {
        world.add_task_definition(TaskDefinition::new("other", NetworkMode::Host).container("auth", &[9090]));
        world.add_task_definition(fixed("same", (8080, 8081)));
        world.add_task_definition(fixed("silent", (9091, 0)));
    });
    let old = instance.registered_task("e1", host()).await;
    let [_, stopped] = stop_for_good(&instance, &old);
    for (id, definition) in [("e2", "other"), ("e3", "same"), ("e4", "silent")] {
        instance.start(id, json!({"taskDefinition": definition})).await;
    }
    outcome(&instance.stage, &stopped).await;
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn a_search_asks_for_each_definition_once_however_many_tasks_have_it() {
    let mut instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let old = instance.registered_task("e1", json!({})).await;
    let [_, stopped] = stop_for_good(&instance, &old);
    for n in 2..12 {
        instance.start(&format!("e{n}"), json!({})).await;
    }
    // A cold function: nothing is remembered from one event to the next.
    instance.stage.cold_start(&[]).await;
    instance.stage.calls();
    assert_eq!(category(&instance.stage, &stopped).await, "owner_not_clear");
    let calls = instance.stage.calls();
    assert_eq!(number_of("DescribeTaskDefinition", &calls), 1, "{calls:?}");
}

#[tokio::test]
async fn a_task_that_never_ran_costs_no_call_where_it_had_no_port() {
    for definition in ["host", "bridge"] {
        let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
        let task = instance.start("e1", json!({"taskDefinition": definition})).await;
        instance.stage.calls();
        for event in stop_for_good(&instance, &task) {
            let Outcome::Skipped { reason, .. } = outcome(&instance.stage, &event).await else {
                panic!("there is nothing to do")
            };
            assert_eq!(reason, Skip::NeverHadAnAddress);
        }
        assert_eq!(instance.stage.calls(), [] as [&str; 0]);
    }
}

#[tokio::test]
async fn a_definition_that_was_deleted_is_no_guess_and_one_that_is_refused_is_reported() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let definition = "arn:aws:ecs:us-east-1:111122223333:task-definition/host:1";
    let task = instance.start("e1", host()).await;
    let running = instance.running(&task);
    let faults = [
        (
            Fault::error(400, "AccessDeniedException", "not authorized"),
            1,
            "access_denied",
        ),
        (Fault::Throttle, 3, "throttled"),
        (Fault::Garbage, 1, "unreadable_answer"),
    ];
    for (fault, times, expected) in faults {
        instance
            .stage
            .fake
            .world(|world| world.fail_next("ecs:DescribeTaskDefinition", fault, times));
        assert_eq!(category(&instance.stage, &running).await, expected);
        assert_eq!(instance.registered(), []);
    }
    outcome(&instance.stage, &running).await;
    let [first_sign, _] = stop_for_good(&instance, &task);
    instance
        .stage
        .fake
        .world(|world| world.delete_task_definition(definition));
    let mut cold = instance;
    cold.stage.cold_start(&[]).await;
    let failure = cold.stage.deliver(&first_sign).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("ports_unknown", false));
    assert!(
        failure.message.contains(&format!("Id={INSTANCE},Port=8080")),
        "{failure}"
    );
    assert_eq!(cold.registered(), on_instance(8080));
}

#[tokio::test]
async fn a_warm_function_needs_no_definition_that_was_deleted() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.registered_task("e1", host()).await;
    let [first_sign, _] = stop_for_good(&instance, &task);
    let definition = "arn:aws:ecs:us-east-1:111122223333:task-definition/host:1";
    instance
        .stage
        .fake
        .world(|world| world.delete_task_definition(definition));
    outcome(&instance.stage, &first_sign).await;
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn a_bridge_task_that_shows_no_host_port_yet_is_not_guessed_and_comes_again() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.start("e1", json!({})).await;
    let running = instance.running(&task);
    let mut silent = running.clone();
    silent["detail"]["containers"][0]["networkBindings"] = json!([]);
    instance.stage.fake.world(|world| world.describe_lag(&task, 1));
    let failure = instance.stage.deliver(&silent).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("address_missing", true));
    instance.stage.fake.world(|world| world.unpin_described(&task));
    outcome(&instance.stage, &silent).await;
    assert_eq!(instance.registered(), on_instance(32_768));
}

#[tokio::test]
async fn a_bridge_task_that_shows_the_ports_of_some_containers_only_comes_again() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance
        .start("e1", json!({"taskDefinition": "two", "containerName": "auth"}))
        .await;
    let all = [Binding::tcp("proxy", 8080, 32_768), Binding::tcp("auth", 8080, 32_769)];
    instance.running(&task);
    instance.stage.fake.world(|world| world.set_bindings(&task, &all[..1]));
    let partial = instance.stage.fake.world(|world| world.event(&task));
    let failure = instance.stage.deliver(&partial).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("address_missing", true));
    instance.stage.fake.world(|world| world.set_bindings(&task, &all));
    outcome(&instance.stage, &partial).await;
    assert_eq!(instance.registered(), on_instance(32_769));
}

#[tokio::test]
async fn a_registration_of_a_host_task_that_a_stop_overtakes_is_undone() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.start("e1", host()).await;
    let running = instance.running(&task);
    instance.stage.fake.world(|world| {
        world.after_next("elb:RegisterTargets", move |world| {
            world.stop(&task, "TerminationNotice", "the instance ends");
        });
    });
    let result = outcome(&instance.stage, &running).await;
    assert!(matches!(result, Outcome::Deregistered { .. }), "{result:?}");
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn a_requested_stop_deregisters_the_port_of_a_host_task_first() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.registered_task("e1", host()).await;
    let event = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
        "detail": {"taskArn": task, "drainSeconds": 0},
    });
    outcome(&instance.stage, &event).await;
    assert_eq!(instance.registered(), []);
    let calls = instance.stage.calls();
    let at = |name: &str| calls.iter().position(|call| call == name);
    assert!(
        at("DeregisterTargets") < at("StopTask") && at("DeregisterTargets").is_some(),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_stop_that_is_asked_for_leaves_the_port_to_a_newer_task_though_describe_tasks_does_not_show_the_old_ones_stop()
 {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let old = instance.registered_task("e1", host()).await;
    stop_for_good(&instance, &old);
    let newer = instance.registered_task("e2", host()).await;
    instance.stage.fake.world(|world| world.describe_lag(&old, 2));
    let stop = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
        "detail": {"taskArn": old, "drainSeconds": 0},
    });
    let handled = instance.stage.deliver(&stop).await;
    let calls = instance.stage.calls();
    assert!(
        number_of("ListTasks", &calls) == 1 && number_of("DeregisterTargets", &calls) == 0,
        "{calls:?}, {:?}",
        handled.result
    );
    assert_eq!(instance.registered(), on_instance(8080));
    assert_eq!(
        instance.stage.fake.world(|world| world.desired_status(&newer)),
        "RUNNING"
    );
}

#[tokio::test]
async fn a_stop_of_many_looks_once_for_each_instance() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    for id in ["e1", "e2", "e3"] {
        instance.registered_task(id, json!({})).await;
    }
    instance.stage.pass(std::time::Duration::from_secs(60));
    let newer = instance.start("e4", json!({})).await;
    let asked_for = "2026-11-20T07:01:00Z";
    let tag = |world: &mut start_engines_fake_aws::World| world.tag(&newer, "start-engines:requested-at", asked_for);
    instance.stage.fake.world(tag);
    outcome(&instance.stage, &instance.running(&newer)).await;
    assert_eq!(instance.registered().len(), 4);
    instance.stage.calls();
    let stop = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": "2026-11-20T07:00:30Z", "region": "us-east-1", "resources": [],
        "detail": {"cluster": "engines", "all": true, "drainSeconds": 0},
    });
    let handled = instance.stage.deliver(&stop).await;
    let calls = instance.stage.calls();
    let port = instance
        .stage
        .fake
        .world(|world| world.host_port(&newer, 8080))
        .expect("a port");
    assert_eq!(instance.registered(), on_instance(port), "{:?}", handled.result);
    assert_eq!(
        number_of("ListTasks", &calls),
        2,
        "of the cluster, and of the instance: {calls:?}"
    );
    assert_eq!(number_of("DeregisterTargets", &calls), 1, "{calls:?}");
    assert_eq!(number_of("StopTask", &calls), 3, "{calls:?}");
}

#[tokio::test]
async fn a_reconcile_puts_host_tasks_in_takes_them_out_and_leaves_the_port_to_a_newer_one() {
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let instance = Instance::new(group).await;
        let reconcile = || async {
            let event = json!({
                "version": "0", "id": "r1", "detail-type": "Reconcile ECS Targets", "source": "app.tests",
                "account": "111122223333", "time": BEGIN, "region": "us-east-1", "resources": [],
                "detail": {"cluster": "engines"},
            });
            let Outcome::Reconciled(repairs) = outcome(&instance.stage, &event).await else {
                panic!("a reconcile")
            };
            let done = (repairs.registered.len(), repairs.deregistered.len());
            (done, repairs.unknown.len())
        };
        let first = instance.start("e1", host()).await;
        instance.running(&first);
        assert_eq!(reconcile().await, ((1, 0), 0));
        let target = instance.registered()[0].clone();
        // In its grace period it is registered: neither registered anew, nor left behind when it stops.
        instance.stage.fake.world(|world| {
            world.set_health(&instance.group, &target.0, target.1, Health::UnhealthyDraining);
        });
        assert_eq!(reconcile().await, ((0, 0), 0));
        stop_for_good(&instance, &first);
        let second = instance.start("e2", host()).await;
        assert_eq!(reconcile().await, ((0, 0), 0), "it is kept for the one that starts");
        instance.running(&second);
        assert_eq!(reconcile().await, ((0, 0), 0), "and for the one that has it");
        stop_for_good(&instance, &second);
        assert_eq!(reconcile().await, ((0, 1), 0));
        assert_eq!(instance.registered(), []);
    }
}

#[tokio::test]
async fn an_address_of_an_instance_that_is_gone_is_left_to_a_host_task_on_the_one_that_has_it_now() {
    let instance = Instance::new(TargetGroup::ip("ips", 80)).await;
    let old = instance.registered_task("e1", host()).await;
    let [first_sign, _] = stop_for_good(&instance, &old);
    instance.stage.fake.world(|world| {
        world.terminate_instance(&instance.arn);
        world.deregister_container_instance(&instance.arn);
        world.add_container_instance("engines", Some("i-0fedcba9876543210"), Ipv4Addr::new(10, 0, 2, 7));
    });
    instance.registered_task("e2", host()).await;
    let late = outcome(&instance.stage, &first_sign).await;
    assert!(matches!(late, Outcome::Deregistered { reused, .. } if reused.len() == 1));
    assert_eq!(instance.registered(), [("10.0.2.7".to_owned(), 8080)]);
}
