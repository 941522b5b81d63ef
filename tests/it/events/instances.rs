//! Tasks in bridge and host mode: host ports of container instances, in groups of instances and of
//! addresses, at the wire.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Binding, Fault, NetworkMode, TargetGroup, TaskDefinition};

use crate::stage::{Stage, category, outcome, stop};

pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";

/// A stage with one container instance, and a group for tasks on it.
pub(crate) struct Instance {
    pub(crate) stage: Stage,
    pub(crate) group: String,
    pub(crate) arn: String,
}

impl Instance {
    pub(crate) async fn new(group: TargetGroup) -> Self {
        let stage = Stage::new().await;
        let (group, arn) = stage.fake.world(|world| {
            let bridge = TaskDefinition::new("bridge", NetworkMode::Bridge).container("auth", &[8080]);
            world.add_task_definition(bridge);
            let two = TaskDefinition::new("two", NetworkMode::Bridge);
            world.add_task_definition(two.container("proxy", &[8080]).container("auth", &[8080]));
            world.add_task_definition(TaskDefinition::new("host", NetworkMode::Host).container("auth", &[8080]));
            let arn = world.add_container_instance("engines", Some(INSTANCE), Ipv4Addr::new(10, 0, 2, 7));
            (world.add_target_group(group), arn)
        });
        Self { stage, group, arn }
    }

    /// Starts a task on the instance; gives its ARN.
    pub(crate) async fn start(&self, id: &str, detail: Value) -> String {
        let mut whole = json!({
            "taskDefinition": "bridge", "targetGroupArn": self.group, "launchType": "EC2", "subnets": null,
        });
        for (name, value) in detail.as_object().expect("an object").clone() {
            whole[name] = value;
        }
        outcome(&self.stage, &self.stage.start(id, whole)).await;
        let world = |world: &mut start_engines_fake_aws::World| world.task_arns().last().expect("a task").clone();
        self.stage.fake.world(world)
    }

    pub(crate) fn running(&self, task: &str) -> Value {
        self.stage.fake.world(|world| world.advance_to(task, "RUNNING"))
    }

    /// A task that is registered.
    pub(crate) async fn registered_task(&self, id: &str, detail: Value) -> String {
        let task = self.start(id, detail).await;
        let running = self.running(&task);
        outcome(&self.stage, &running).await;
        self.stage.calls();
        task
    }

    pub(crate) fn stop(&self, task: &str) -> Value {
        self.stage.fake.world(|world| stop(world, task))
    }

    pub(crate) fn registered(&self) -> Vec<(String, u16)> {
        self.stage.fake.world(|world| world.registered(&self.group))
    }
}

pub(crate) fn on_instance(port: u16) -> Vec<(String, u16)> {
    vec![(INSTANCE.to_owned(), port)]
}

#[tokio::test]
async fn a_bridge_task_goes_into_a_group_of_instances_with_its_dynamic_port_and_out_again() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.start("e1", json!({})).await;
    let running = instance.running(&task);
    instance.stage.calls();
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.registered(), on_instance(32_768));
    let up = [
        "DescribeTasks",
        "DescribeTargetGroups",
        "DescribeContainerInstances",
        "RegisterTargets",
        "DescribeTasks",
    ];
    assert_eq!(instance.stage.calls(), up);
    let first_sign = instance.stop(&task);
    assert!(matches!(
        outcome(&instance.stage, &first_sign).await,
        Outcome::Deregistered { .. }
    ));
    assert_eq!(instance.registered(), []);
    let down = [
        "DescribeContainerInstances",
        "DescribeTargetHealth",
        "ListTasks",
        "DeregisterTargets",
    ];
    assert_eq!(instance.stage.calls(), down);
    let stopped = instance.stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    assert_eq!(
        outcome(&instance.stage, &stopped).await,
        Outcome::skipped(Skip::NotRegistered)
    );
}

#[tokio::test]
async fn a_bridge_task_goes_into_a_group_of_addresses_with_that_of_its_instance() {
    let instance = Instance::new(TargetGroup::ip("ips", 80)).await;
    let task = instance.registered_task("e1", json!({})).await;
    assert_eq!(instance.registered(), [("10.0.2.7".to_owned(), 32_768)]);
    instance.registered_task("e2", json!({})).await;
    outcome(&instance.stage, &instance.stop(&task)).await;
    assert_eq!(instance.registered(), [("10.0.2.7".to_owned(), 32_769)]);
}

#[tokio::test]
async fn what_an_instance_is_called_is_asked_once_and_group_facts_are_read_again_after_five_minutes() {
    let instance = Instance::new(TargetGroup::ip("ips", 80)).await;
    instance.registered_task("e1", json!({})).await;
    let warm = ["DescribeTasks", "RegisterTargets", "DescribeTasks"];
    let task = instance.start("e2", json!({})).await;
    let running = instance.running(&task);
    instance.stage.calls();
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.stage.calls(), warm);
    instance.stage.pass(Duration::from_secs(300));
    outcome(&instance.stage, &running).await;
    let later = [
        "DescribeTasks",
        "DescribeTargetGroups",
        "RegisterTargets",
        "DescribeTasks",
    ];
    assert_eq!(instance.stage.calls(), later);
    // ELB refuses a target: what is remembered of the group may be why.
    instance.stage.fake.world(|world| {
        world.fail_next(
            "elb:RegisterTargets",
            Fault::error(400, "InvalidTarget", "no such target"),
            1,
        );
    });
    assert_eq!(category(&instance.stage, &running).await, "invalid_target");
    instance.stage.calls();
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.stage.calls(), later);
}

#[tokio::test]
async fn an_ipv6_group_takes_the_ipv6_address_of_the_instance_or_none() {
    let instance = Instance::new(TargetGroup::ip("v6", 80).ipv6()).await;
    let task = instance.start("e1", json!({})).await;
    let running = instance.running(&task);
    assert_eq!(category(&instance.stage, &running).await, "address_family_mismatch");
    let address = "2001:db8::7".parse().expect("an address");
    instance
        .stage
        .fake
        .world(|world| world.give_ipv6(&instance.arn, address));
    // Another function, as this one remembers the instance without it.
    let mut instance = instance;
    instance.stage.cold_start(&[]).await;
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.registered(), [("2001:db8::7".to_owned(), 32_768)]);
}

#[tokio::test]
async fn of_two_containers_with_one_port_the_named_one_is_registered_and_none_is_guessed() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let unnamed = instance.start("e1", json!({"taskDefinition": "two"})).await;
    let running = instance.running(&unnamed);
    let failure = instance.stage.deliver(&running).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("port_ambiguous", false));
    assert!(
        failure
            .message
            .contains("proxy (host port 32768), auth (host port 32769)"),
        "{failure}"
    );
    let named = json!({"taskDefinition": "two", "containerName": "auth"});
    let task = instance.registered_task("e2", named).await;
    assert_eq!(instance.registered(), on_instance(32_771));
    // The event of the stop does not name the container: the target's health shows it.
    outcome(&instance.stage, &instance.stop(&task)).await;
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn udp_ports_and_ranges_of_ports_are_found() {
    let instance = Instance::new(TargetGroup::instance("vms", 80).protocol("UDP")).await;
    let task = instance.start("e1", json!({"port": 8085})).await;
    instance.running(&task);
    let range = |protocol, address, host_port| Binding {
        ports: 11,
        protocol,
        address,
        ..Binding::tcp("auth", 8080, host_port)
    };
    let bindings = [
        range("tcp", "0.0.0.0", 50_000),
        range("udp", "::", 40_000),
        range("udp", "0.0.0.0", 41_000),
    ];
    let running = instance.stage.fake.world(|world| {
        world.set_bindings(&task, &bindings);
        world.event(&task)
    });
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.registered(), on_instance(41_005));
    outcome(&instance.stage, &instance.stop(&task)).await;
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn a_late_stop_leaves_a_host_port_that_a_newer_task_on_the_instance_has() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let old = instance.registered_task("e1", json!({})).await;
    let first_sign = instance.stop(&old);
    let stopped = instance.stage.fake.world(|world| world.advance_to(&old, "STOPPED"));
    instance.registered_task("e2", json!({})).await;
    assert_eq!(instance.registered(), on_instance(32_768), "the same port again");
    for late in [&first_sign, &stopped] {
        let Outcome::Deregistered { targets, reused, .. } = outcome(&instance.stage, late).await else {
            panic!("it was looked for")
        };
        assert_eq!((targets.len(), reused.len()), (0, 1));
        assert_eq!(instance.registered(), on_instance(32_768));
    }
}

#[tokio::test]
async fn a_host_port_given_back_while_a_newer_task_starts_is_left_until_it_is_clear_whose_it_is() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let old = instance.registered_task("e1", json!({})).await;
    instance.stop(&old);
    let stopped = instance.stage.fake.world(|world| world.advance_to(&old, "STOPPED"));
    let newer = instance.start("e2", json!({})).await;
    assert_eq!(category(&instance.stage, &stopped).await, "owner_not_clear");
    assert_eq!(instance.registered(), on_instance(32_768));
    let running = instance.running(&newer);
    outcome(&instance.stage, &running).await;
    outcome(&instance.stage, &stopped).await;
    assert_eq!(instance.registered(), on_instance(32_768), "it is the newer task's");
}

#[tokio::test]
async fn a_port_that_its_task_still_holds_is_deregistered_at_the_first_sign_whatever_starts_beside_it() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let old = instance.registered_task("e1", json!({})).await;
    let first_sign = instance.stop(&old);
    instance.start("e2", json!({})).await;
    outcome(&instance.stage, &first_sign).await;
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn bindings_that_the_last_event_lacks_are_asked_for() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.registered_task("e1", json!({})).await;
    let mut first_sign = instance.stop(&task);
    for container in first_sign["detail"]["containers"].as_array_mut().expect("containers") {
        container
            .as_object_mut()
            .expect("a container")
            .remove("networkBindings");
    }
    outcome(&instance.stage, &first_sign).await;
    assert_eq!(instance.registered(), []);
    // The mapping has no fixed host port, so the definition is not enough.
    assert_eq!(instance.stage.calls()[..2], ["DescribeTaskDefinition", "DescribeTasks"]);
    // ECS has forgotten the task: its port is not reported any more.
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.registered_task("e1", json!({})).await;
    instance.stop(&task);
    let mut stopped = instance.stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    stopped["detail"]["containers"] = json!([]);
    instance.stage.fake.world(|world| {
        world.forget(&task);
        world.register(&instance.group, "i-0fedcba9876543210", 32_768);
    });
    let failure = instance.stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "ports_unknown");
    assert!(
        failure.message.contains(&format!("Id={INSTANCE},Port=32768")),
        "{failure}"
    );
    assert!(
        !failure.message.contains("i-0fedcba9876543210"),
        "not its instance: {failure}"
    );
    instance
        .stage
        .fake
        .world(|world| world.deregister(&instance.group, INSTANCE, 32_768));
    outcome(&instance.stage, &stopped).await;
    // Nor is its container instance: any target in the target group may be its own.
    instance.stage.fake.world(|world| world.forget_instance(&instance.arn));
    let mut instance = instance;
    instance.stage.cold_start(&[]).await;
    let failure = instance.stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "instance_unknown");
    assert!(
        failure.message.contains("Id=i-0fedcba9876543210,Port=32768"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_registration_that_a_stop_overtakes_is_undone() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.start("e1", json!({})).await;
    let running = instance.running(&task);
    let stopping = task.clone();
    instance.stage.fake.world(|world| {
        world.after_next("elb:RegisterTargets", move |world| {
            world.stop(&stopping, "TerminationNotice", "the instance ends");
        });
    });
    let result = outcome(&instance.stage, &running).await;
    assert!(matches!(result, Outcome::Deregistered { .. }), "{result:?}");
    assert_eq!(instance.registered(), []);
}

#[tokio::test]
async fn a_requested_stop_deregisters_the_host_port_first() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let task = instance.registered_task("e1", json!({})).await;
    let event = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": crate::stage::BEGIN, "region": "us-east-1", "resources": [],
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
async fn ec2_that_says_no_or_nothing_is_an_error_with_its_category() {
    let instance = Instance::new(TargetGroup::ip("ips", 80)).await;
    let task = instance.start("e1", json!({})).await;
    let running = instance.running(&task);
    let faults = [
        (
            Fault::error(403, "UnauthorizedOperation", "not authorized"),
            1,
            "access_denied",
        ),
        (Fault::error(401, "AuthFailure", "who?"), 1, "credentials"),
        (Fault::Throttle, 3, "throttled"),
        (Fault::Garbage, 1, "unreadable_answer"),
        (Fault::Html500, 3, "server_error"),
    ];
    for (fault, times, expected) in faults {
        let reported = format!("{fault:?}");
        instance
            .stage
            .fake
            .world(|world| world.fail_next("ec2:DescribeInstances", fault, times));
        assert_eq!(category(&instance.stage, &running).await, expected, "{reported}");
    }
    // One that is throttled once is tried again by the SDK.
    instance
        .stage
        .fake
        .world(|world| world.fail_next("ec2:DescribeInstances", Fault::Throttle, 1));
    outcome(&instance.stage, &running).await;
    assert_eq!(instance.registered().len(), 1);
}

#[tokio::test]
async fn an_address_outside_of_the_vpc_is_registered_for_all_zones() {
    let stage = Stage::new().await;
    stage.fake.world(|world| world.next_address(Ipv4Addr::new(10, 9, 1, 5)));
    let (task, running) = stage.running_task("e1").await;
    outcome(&stage, &running).await;
    assert_eq!(stage.registered(), [("10.9.1.5".to_owned(), 8080)]);
    let registrations = stage.fake.calls_to("elb:RegisterTargets");
    let outcomes: Vec<&str> = registrations.iter().map(|call| call.outcome.as_str()).collect();
    assert_eq!(outcomes, ["ValidationError", "ok"]);
    let stopping = stage.fake.world(|world| stop(world, &task));
    outcome(&stage, &stopping).await;
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_refusal_that_no_zone_cures_is_reported_in_its_first_words() {
    let stage = Stage::new().await;
    let (_, running) = stage.running_task("e1").await;
    stage.fake.world(|world| {
        world.fail_next(
            "elb:RegisterTargets",
            Fault::error(400, "ValidationError", "first words"),
            1,
        );
    });
    // The fake refuses `all` for an address inside, as ELB does.
    let failure = stage.deliver(&running).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "invalid_parameter");
    assert!(failure.message.contains("first words"), "{failure}");
}

#[tokio::test]
async fn a_task_that_another_started_with_our_startedby_is_adopted_with_and_without_tags() {
    let instance = Instance::new(TargetGroup::instance("vms", 80)).await;
    let (name, id) = instance
        .group
        .rsplit_once("targetgroup/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .expect("the ARN of a group");
    let started_by = format!("start-engines/{name}/{id}/8080");
    for tags in [
        json!([]),
        json!([
            {"key": "start-engines:target-group-arn", "value": instance.group},
            {"key": "start-engines:port", "value": "8080"},
            {"key": "start-engines:container-name", "value": "auth"},
        ]),
    ] {
        // RunTask of somebody else: not a call of the function.
        let task = instance.stage.fake.world(|world| {
            world.run_foreign_task(&json!({
                "cluster": "engines", "taskDefinition": "bridge", "startedBy": started_by, "tags": tags,
            }))
        });
        let running = instance.running(&task);
        outcome(&instance.stage, &running).await;
        assert_eq!(instance.registered().len(), 1);
        outcome(&instance.stage, &instance.stop(&task)).await;
        assert_eq!(instance.registered(), []);
    }
}
