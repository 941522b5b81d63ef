//! Tasks in bridge and host mode: host ports of container instances, in groups of instances and of
//! addresses, at the wire.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Binding, Fault, NetworkMode, TargetGroup, TaskDefinition};

use crate::stage::{Stage, category, outcome, stop};

pub(crate) const MACHINE: &str = "i-0123456789abcdef0";

/// A stage with one container instance, and a group for tasks on it.
pub(crate) struct Machine {
    pub(crate) stage: Stage,
    pub(crate) group: String,
    pub(crate) arn: String,
}

impl Machine {
    pub(crate) async fn new(group: TargetGroup) -> Self {
        let stage = Stage::new().await;
        let (group, arn) = stage.fake.world(|world| {
            let bridge = TaskDefinition::new("bridge", NetworkMode::Bridge).container("auth", &[8080]);
            world.add_task_definition(bridge);
            let two = TaskDefinition::new("two", NetworkMode::Bridge);
            world.add_task_definition(two.container("proxy", &[8080]).container("auth", &[8080]));
            world.add_task_definition(TaskDefinition::new("host", NetworkMode::Host).container("auth", &[8080]));
            let arn = world.add_container_instance("engines", Some(MACHINE), Ipv4Addr::new(10, 0, 2, 7));
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

pub(crate) fn on_machine(port: u16) -> Vec<(String, u16)> {
    vec![(MACHINE.to_owned(), port)]
}

#[tokio::test]
async fn a_bridge_task_goes_into_a_group_of_instances_with_its_dynamic_port_and_out_again() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let task = machine.start("e1", json!({})).await;
    let running = machine.running(&task);
    machine.stage.calls();
    outcome(&machine.stage, &running).await;
    assert_eq!(machine.registered(), on_machine(32_768));
    let up = [
        "DescribeTasks",
        "DescribeTargetGroups",
        "DescribeContainerInstances",
        "RegisterTargets",
        "DescribeTasks",
    ];
    assert_eq!(machine.stage.calls(), up);
    let first_sign = machine.stop(&task);
    assert!(matches!(
        outcome(&machine.stage, &first_sign).await,
        Outcome::Deregistered { .. }
    ));
    assert_eq!(machine.registered(), []);
    let down = [
        "DescribeContainerInstances",
        "DescribeTargetHealth",
        "ListTasks",
        "DeregisterTargets",
    ];
    assert_eq!(machine.stage.calls(), down);
    let stopped = machine.stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    assert_eq!(
        outcome(&machine.stage, &stopped).await,
        Outcome::skipped(Skip::NotRegistered)
    );
}

#[tokio::test]
async fn a_bridge_task_goes_into_a_group_of_addresses_with_that_of_its_instance() {
    let machine = Machine::new(TargetGroup::ip("ips", 80)).await;
    let task = machine.registered_task("e1", json!({})).await;
    assert_eq!(machine.registered(), [("10.0.2.7".to_owned(), 32_768)]);
    machine.registered_task("e2", json!({})).await;
    outcome(&machine.stage, &machine.stop(&task)).await;
    assert_eq!(machine.registered(), [("10.0.2.7".to_owned(), 32_769)]);
}

#[tokio::test]
async fn what_an_instance_is_called_is_asked_once_and_group_facts_are_read_again_after_five_minutes() {
    let machine = Machine::new(TargetGroup::ip("ips", 80)).await;
    machine.registered_task("e1", json!({})).await;
    let warm = ["DescribeTasks", "RegisterTargets", "DescribeTasks"];
    let task = machine.start("e2", json!({})).await;
    let running = machine.running(&task);
    machine.stage.calls();
    outcome(&machine.stage, &running).await;
    assert_eq!(machine.stage.calls(), warm);
    machine.stage.pass(Duration::from_secs(300));
    outcome(&machine.stage, &running).await;
    let later = [
        "DescribeTasks",
        "DescribeTargetGroups",
        "RegisterTargets",
        "DescribeTasks",
    ];
    assert_eq!(machine.stage.calls(), later);
    // ELB refuses a target: what is remembered of the group may be why.
    machine.stage.fake.world(|world| {
        world.fail_next(
            "elb:RegisterTargets",
            Fault::error(400, "InvalidTarget", "no such target"),
            1,
        );
    });
    assert_eq!(category(&machine.stage, &running).await, "invalid_target");
    machine.stage.calls();
    outcome(&machine.stage, &running).await;
    assert_eq!(machine.stage.calls(), later);
}

#[tokio::test]
async fn an_ipv6_group_takes_the_ipv6_address_of_the_instance_or_none() {
    let machine = Machine::new(TargetGroup::ip("v6", 80).ipv6()).await;
    let task = machine.start("e1", json!({})).await;
    let running = machine.running(&task);
    assert_eq!(category(&machine.stage, &running).await, "address_family_mismatch");
    let address = "2001:db8::7".parse().expect("an address");
    machine.stage.fake.world(|world| world.give_ipv6(&machine.arn, address));
    // Another function, as this one remembers the instance without it.
    let mut machine = machine;
    machine.stage.cold_start(&[]).await;
    outcome(&machine.stage, &running).await;
    assert_eq!(machine.registered(), [("2001:db8::7".to_owned(), 32_768)]);
}

#[tokio::test]
async fn of_two_containers_with_one_port_the_named_one_is_registered_and_none_is_guessed() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let unnamed = machine.start("e1", json!({"taskDefinition": "two"})).await;
    let running = machine.running(&unnamed);
    let failure = machine.stage.deliver(&running).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("port_ambiguous", false));
    assert!(
        failure
            .message
            .contains("proxy (host port 32768), auth (host port 32769)"),
        "{failure}"
    );
    let named = json!({"taskDefinition": "two", "containerName": "auth"});
    let task = machine.registered_task("e2", named).await;
    assert_eq!(machine.registered(), on_machine(32_771));
    // The event of the stop does not name the container: the target's health shows it.
    outcome(&machine.stage, &machine.stop(&task)).await;
    assert_eq!(machine.registered(), []);
}

#[tokio::test]
async fn udp_ports_and_ranges_of_ports_are_found() {
    let machine = Machine::new(TargetGroup::instance("vms", 80).protocol("UDP")).await;
    let task = machine.start("e1", json!({"port": 8085})).await;
    machine.running(&task);
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
    let running = machine.stage.fake.world(|world| {
        world.set_bindings(&task, &bindings);
        world.event(&task)
    });
    outcome(&machine.stage, &running).await;
    assert_eq!(machine.registered(), on_machine(41_005));
    outcome(&machine.stage, &machine.stop(&task)).await;
    assert_eq!(machine.registered(), []);
}

#[tokio::test]
async fn a_late_stop_leaves_a_host_port_that_a_newer_task_on_the_instance_has() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let old = machine.registered_task("e1", json!({})).await;
    let first_sign = machine.stop(&old);
    let stopped = machine.stage.fake.world(|world| world.advance_to(&old, "STOPPED"));
    machine.registered_task("e2", json!({})).await;
    assert_eq!(machine.registered(), on_machine(32_768), "the same port again");
    for late in [&first_sign, &stopped] {
        let Outcome::Deregistered { targets, reused, .. } = outcome(&machine.stage, late).await else {
            panic!("it was looked for")
        };
        assert_eq!((targets.len(), reused.len()), (0, 1));
        assert_eq!(machine.registered(), on_machine(32_768));
    }
}

#[tokio::test]
async fn a_host_port_given_back_while_a_newer_task_starts_is_left_until_it_is_clear_whose_it_is() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let old = machine.registered_task("e1", json!({})).await;
    machine.stop(&old);
    let stopped = machine.stage.fake.world(|world| world.advance_to(&old, "STOPPED"));
    let newer = machine.start("e2", json!({})).await;
    assert_eq!(category(&machine.stage, &stopped).await, "owner_not_clear");
    assert_eq!(machine.registered(), on_machine(32_768));
    let running = machine.running(&newer);
    outcome(&machine.stage, &running).await;
    outcome(&machine.stage, &stopped).await;
    assert_eq!(machine.registered(), on_machine(32_768), "it is the newer task's");
}

#[tokio::test]
async fn a_port_that_its_task_still_holds_is_taken_out_at_the_first_sign_whatever_starts_beside_it() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let old = machine.registered_task("e1", json!({})).await;
    let first_sign = machine.stop(&old);
    machine.start("e2", json!({})).await;
    outcome(&machine.stage, &first_sign).await;
    assert_eq!(machine.registered(), []);
}

#[tokio::test]
async fn bindings_that_the_last_event_lacks_are_asked_for() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let task = machine.registered_task("e1", json!({})).await;
    let mut first_sign = machine.stop(&task);
    for container in first_sign["detail"]["containers"].as_array_mut().expect("containers") {
        container
            .as_object_mut()
            .expect("a container")
            .remove("networkBindings");
    }
    outcome(&machine.stage, &first_sign).await;
    assert_eq!(machine.registered(), []);
    // The mapping has no fixed host port, so the definition is not enough.
    assert_eq!(machine.stage.calls()[..2], ["DescribeTaskDefinition", "DescribeTasks"]);
    // ECS has forgotten the task: its port is not reported any more.
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let task = machine.registered_task("e1", json!({})).await;
    machine.stop(&task);
    let mut stopped = machine.stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    stopped["detail"]["containers"] = json!([]);
    machine.stage.fake.world(|world| {
        world.forget(&task);
        world.register(&machine.group, "i-0fedcba9876543210", 32_768);
    });
    let failure = machine.stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "ports_unknown");
    assert!(
        failure.message.contains(&format!("Id={MACHINE},Port=32768")),
        "{failure}"
    );
    assert!(
        !failure.message.contains("i-0fedcba9876543210"),
        "not its machine: {failure}"
    );
    machine
        .stage
        .fake
        .world(|world| world.deregister(&machine.group, MACHINE, 32_768));
    outcome(&machine.stage, &stopped).await;
    // Nor is its container instance: any target in the target group may be its own.
    machine.stage.fake.world(|world| world.forget_instance(&machine.arn));
    let mut machine = machine;
    machine.stage.cold_start(&[]).await;
    let failure = machine.stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "instance_unknown");
    assert!(
        failure.message.contains("Id=i-0fedcba9876543210,Port=32768"),
        "{failure}"
    );
}

#[tokio::test]
async fn an_instance_that_has_left_its_cluster_or_is_forgotten_keeps_no_target() {
    // Left: ECS still reports its id, and a newer owner is looked for everywhere.
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let task = machine.registered_task("e1", json!({})).await;
    machine
        .stage
        .fake
        .world(|world| world.deregister_container_instance(&machine.arn));
    outcome(&machine.stage, &machine.stop(&task)).await;
    assert_eq!(machine.registered(), []);
    // Forgotten: a warm function knows.
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let machine = Machine::new(group).await;
        let task = machine.registered_task("e1", json!({})).await;
        machine.stage.fake.world(|world| world.forget_instance(&machine.arn));
        outcome(&machine.stage, &machine.stop(&task)).await;
        assert_eq!(machine.registered(), []);
    }
}

#[tokio::test]
async fn a_terminated_instance_reports_no_address_but_a_warm_function_knows_it() {
    let machine = Machine::new(TargetGroup::ip("ips", 80)).await;
    let task = machine.registered_task("e1", json!({})).await;
    machine.stage.fake.world(|world| world.terminate_instance(&machine.arn));
    let first_sign = machine.stop(&task);
    let mut cold = machine;
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
async fn lost_instance(group: TargetGroup) -> (Machine, Value) {
    let mut machine = Machine::new(group).await;
    let task = machine.registered_task("e1", json!({})).await;
    let first_sign = machine.stop(&task);
    machine.stage.fake.world(|world| {
        world.advance_to(&task, "STOPPED");
        world.forget_instance(&machine.arn);
    });
    machine.stage.cold_start(&[]).await;
    machine.stage.calls();
    (machine, first_sign)
}

#[tokio::test]
async fn a_target_of_an_instance_that_nobody_reports_is_named_with_its_command_and_left_in() {
    for (group, id) in [
        (TargetGroup::instance("vms", 80), MACHINE),
        (TargetGroup::ip("ips", 80), "10.0.2.7"),
    ] {
        let (machine, first_sign) = lost_instance(group).await;
        machine.stage.fake.world(|world| {
            world.register(&machine.group, id, 32_768);
            world.register(&machine.group, id, 40_000);
        });
        let failure = machine.stage.deliver(&first_sign).await.result.expect_err("a failure");
        assert_eq!(
            (failure.category.name(), failure.transient),
            ("instance_unknown", false)
        );
        let command = format!(
            "aws elbv2 deregister-targets --target-group-arn {} --targets Id={id},Port=32768",
            machine.group
        );
        assert!(failure.message.ends_with(&command), "{failure}");
        assert!(!failure.message.contains("40000"), "{failure}");
        assert_eq!(machine.registered().len(), 2);
        let calls = [
            "DescribeTargetGroups",
            "DescribeContainerInstances",
            "DescribeTargetHealth",
            "ListTasks",
        ];
        assert_eq!(machine.stage.calls(), calls);
        // Somebody has taken it out: what is left is not on a port of the task.
        machine
            .stage
            .fake
            .world(|world| world.deregister(&machine.group, id, 32_768));
        assert_eq!(
            outcome(&machine.stage, &first_sign).await,
            Outcome::skipped(Skip::NotRegistered)
        );
        assert_eq!(machine.registered().len(), 1);
        let calls = ["DescribeContainerInstances", "DescribeTargetHealth"];
        assert_eq!(machine.stage.calls(), calls);
    }
}

#[tokio::test]
async fn a_target_that_a_live_task_has_is_none_that_a_lost_instance_left() {
    for group in [TargetGroup::instance("vms", 80), TargetGroup::ip("ips", 80)] {
        let (machine, first_sign) = lost_instance(group).await;
        machine.stage.fake.world(|world| {
            let old = world.registered(&machine.group);
            for (id, port) in old {
                world.deregister(&machine.group, &id, port);
            }
            world.add_container_instance("engines", Some("i-0fedcba9876543210"), Ipv4Addr::new(10, 0, 2, 8));
        });
        machine.registered_task("e2", json!({})).await;
        assert_eq!(machine.registered()[0].1, 32_768, "the same port on another machine");
        assert_eq!(
            outcome(&machine.stage, &first_sign).await,
            Outcome::skipped(Skip::NotRegistered)
        );
        assert_eq!(machine.registered().len(), 1);
    }
}

#[tokio::test]
async fn a_lost_instance_leaves_nothing_in_a_group_that_is_gone_or_only_drains() {
    let (machine, first_sign) = lost_instance(TargetGroup::instance("vms", 80)).await;
    machine
        .stage
        .fake
        .world(|world| world.deregister(&machine.group, MACHINE, 32_768));
    outcome(&machine.stage, &first_sign).await;
    machine
        .stage
        .fake
        .world(|world| world.remove_target_group(&machine.group));
    outcome(&machine.stage, &first_sign).await;
}

#[tokio::test]
async fn an_address_of_a_terminated_instance_that_a_newer_one_has_is_left_to_its_task() {
    let machine = Machine::new(TargetGroup::ip("ips", 80)).await;
    let old = machine.registered_task("e1", json!({})).await;
    let first_sign = machine.stop(&old);
    machine.stage.fake.world(|world| {
        world.advance_to(&old, "STOPPED");
        world.terminate_instance(&machine.arn);
        world.deregister_container_instance(&machine.arn);
        world.add_container_instance("engines", Some("i-0fedcba9876543210"), Ipv4Addr::new(10, 0, 2, 7));
    });
    machine.registered_task("e2", json!({})).await;
    assert_eq!(machine.registered(), [("10.0.2.7".to_owned(), 32_768)]);
    let late = outcome(&machine.stage, &first_sign).await;
    assert!(matches!(late, Outcome::Deregistered { reused, .. } if reused.len() == 1));
    assert_eq!(machine.registered(), [("10.0.2.7".to_owned(), 32_768)]);
}

#[tokio::test]
async fn a_stop_that_overtakes_the_registration_takes_it_back() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let task = machine.start("e1", json!({})).await;
    let running = machine.running(&task);
    let stopping = task.clone();
    machine.stage.fake.world(|world| {
        world.after_next("elb:RegisterTargets", move |world| {
            world.stop(&stopping, "TerminationNotice", "the instance ends");
        });
    });
    let result = outcome(&machine.stage, &running).await;
    assert!(matches!(result, Outcome::Deregistered { .. }), "{result:?}");
    assert_eq!(machine.registered(), []);
}

#[tokio::test]
async fn a_stop_that_is_asked_for_takes_the_host_port_out_first() {
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let task = machine.registered_task("e1", json!({})).await;
    let event = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": crate::stage::BEGIN, "region": "us-east-1", "resources": [],
        "detail": {"taskArn": task, "drainSeconds": 0},
    });
    outcome(&machine.stage, &event).await;
    assert_eq!(machine.registered(), []);
    let calls = machine.stage.calls();
    let at = |name: &str| calls.iter().position(|call| call == name);
    assert!(
        at("DeregisterTargets") < at("StopTask") && at("DeregisterTargets").is_some(),
        "{calls:?}"
    );
}

#[tokio::test]
async fn ec2_that_says_no_or_nothing_is_an_error_with_its_category() {
    let machine = Machine::new(TargetGroup::ip("ips", 80)).await;
    let task = machine.start("e1", json!({})).await;
    let running = machine.running(&task);
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
        machine
            .stage
            .fake
            .world(|world| world.fail_next("ec2:DescribeInstances", fault, times));
        assert_eq!(category(&machine.stage, &running).await, expected, "{reported}");
    }
    // One that is throttled once is tried again by the SDK.
    machine
        .stage
        .fake
        .world(|world| world.fail_next("ec2:DescribeInstances", Fault::Throttle, 1));
    outcome(&machine.stage, &running).await;
    assert_eq!(machine.registered().len(), 1);
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
    let machine = Machine::new(TargetGroup::instance("vms", 80)).await;
    let (name, id) = machine
        .group
        .rsplit_once("targetgroup/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .expect("the ARN of a group");
    let started_by = format!("start-engines/{name}/{id}/8080");
    for tags in [
        json!([]),
        json!([
            {"key": "start-engines:target-group-arn", "value": machine.group},
            {"key": "start-engines:port", "value": "8080"},
            {"key": "start-engines:container-name", "value": "auth"},
        ]),
    ] {
        // RunTask of somebody else: not a call of the function.
        let task = machine.stage.fake.world(|world| {
            world.run_foreign_task(&json!({
                "cluster": "engines", "taskDefinition": "bridge", "startedBy": started_by, "tags": tags,
            }))
        });
        let running = machine.running(&task);
        outcome(&machine.stage, &running).await;
        assert_eq!(machine.registered().len(), 1);
        outcome(&machine.stage, &machine.stop(&task)).await;
        assert_eq!(machine.registered(), []);
    }
}
