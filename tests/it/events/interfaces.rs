//! Who has an address, by EC2's network interfaces: late stops and late RUNNING events, at the wire.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Fault, TargetGroup, World};

use crate::events::races::{address_freed, address_reused};
use crate::stage::{Stage, category, outcome, stop};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The only address that is registered.
fn address(stage: &Stage) -> Ipv4Addr {
    let registered = stage.registered();
    assert_eq!(registered.len(), 1);
    registered[0].0.parse().expect("an address")
}

/// A task that another has started with the address that the next one gets; gives its ARN.
fn start_foreign(stage: &Stage) -> String {
    stage.fake.world(|world| {
        let task = world.run_foreign_task(&json!({
            "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE", "startedBy": "somebody",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
        }));
        world.advance_to(&task, "RUNNING");
        task
    })
}

fn filters(call: &start_engines_fake_aws::Call) -> Vec<&str> {
    let filters = call.input["Filter"].as_array().expect("filters");
    filters
        .iter()
        .map(|filter| filter["Name"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn the_number_of_calls_does_not_grow_with_the_tasks_where_an_address_is_free() {
    let stage = Stage::new().await;
    stage.fake.world(|world| world.list_tasks_page = 1);
    for n in 0..20 {
        stage.registered_task(&format!("other-{n}")).await;
    }
    let task = stage.registered_task("e1").await;
    let events = stage
        .fake
        .world(|world| [stop(world, &task), world.advance_to(&task, "STOPPED")]);
    stage.pass(seconds(60));
    stage.calls();
    let late = outcome(&stage, &events[1]).await;
    assert!(matches!(late, Outcome::Deregistered { .. }), "{late:?}");
    let asked = stage.fake.calls_to("ec2:DescribeNetworkInterfaces");
    assert_eq!(filters(&asked[0]), ["addresses.private-ip-address", "vpc-id"]);
    assert_eq!(asked[0].input["IncludeManagedResources"], true);
    let calls = ["DescribeTargetHealth", "DescribeNetworkInterfaces", "DeregisterTargets"];
    assert_eq!(stage.calls(), calls);
    assert_eq!(stage.registered().len(), 20);
    assert_eq!(outcome(&stage, &events[0]).await, Outcome::skipped(Skip::NotRegistered));
}

#[tokio::test]
async fn what_api_rates_hold_back_for_longer_than_a_proof_is_deregistered_by_the_next_proof() {
    // One call a second, three of them, and none waits for longer than 1.5 s of the 3 s.
    let stage = Stage::with(&[("API_RATES", "DeregisterTargets=1:1")]).await;
    let others = ["billing", "search"].map(|name| {
        stage
            .fake
            .world(|world| world.add_target_group(TargetGroup::ip(name, 80)))
    });
    let groups = [stage.group.clone(), others[0].clone(), others[1].clone()];
    let mut late = Vec::new();
    for (n, group) in groups.iter().enumerate() {
        let start = stage.start(&format!("e{n}"), json!({"targetGroupArn": group}));
        outcome(&stage, &start).await;
        let task = stage.fake.world(|world| world.task_arns()[n].clone());
        let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
        outcome(&stage, &running).await;
        late.push(stage.fake.world(|world| stop(world, &task)));
    }
    stage.pass(seconds(60));
    stage.calls();
    let handled = stage.deliver_batch(&late).await;
    for one in handled {
        assert!(matches!(one.result, Ok(Outcome::Deregistered { .. })), "{one:?}");
    }
    let calls = stage.calls();
    let of = |operation: &str| calls.iter().filter(|name| *name == operation).count();
    assert_eq!(of("DeregisterTargets"), 3);
    assert_eq!(of("DescribeNetworkInterfaces"), 2, "{calls:?}");
    for group in groups {
        assert_eq!(stage.fake.world(|world| world.registered(&group)), []);
    }
}

#[tokio::test]
async fn the_interface_of_a_task_that_is_still_stopping_is_its_own() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    stage.pass(seconds(60));
    stage.calls();
    outcome(&stage, &stopping).await;
    let calls = ["DescribeTargetHealth", "DescribeNetworkInterfaces", "DeregisterTargets"];
    assert_eq!(stage.calls(), calls);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_task_of_somebody_else_that_has_the_address_does_not_keep_a_dead_target() {
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    start_foreign(&stage);
    stage.calls();
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
    let calls = [
        "DescribeTargetHealth",
        "DescribeNetworkInterfaces",
        "ListTasks",
        "ListTasks",
        "DescribeTasks",
        "DeregisterTargets",
    ];
    assert_eq!(stage.calls(), calls);
}

#[tokio::test]
async fn an_address_of_an_interface_that_no_task_has_is_left_until_ecs_would_show_its_task() {
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    let free = address(&stage);
    let interface = stage.fake.world(|world| world.add_interface(free));
    stage.pass(seconds(299));
    let failure = stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("owner_not_clear", true));
    assert!(failure.message.contains(&interface), "{failure}");
    assert_eq!(stage.registered().len(), 1);
    stage.pass(seconds(2));
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn an_interface_without_a_time_of_attachment_and_without_a_task_is_never_taken_for_nobodys() {
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    let free = address(&stage);
    stage.fake.world(|world| {
        world.add_interface(free);
        world.hide_attachment(free);
    });
    stage.pass(seconds(3600));
    assert_eq!(category(&stage, &stopped).await, "owner_not_clear");
    stage.fake.world(|world| world.delete_interface(free));
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
}

/// ECS shows the newer task without its interface, as it may for half a minute; EC2 shows who has the address.
#[tokio::test]
async fn a_newer_owner_that_ecs_does_not_show_with_its_address_yet_keeps_its_target() {
    let stage = Stage::new().await;
    let (new, _, stopped) = address_reused(&stage).await;
    for version in [0, 1] {
        stage.fake.world(|world| world.pin_described(&new, version));
        assert_eq!(category(&stage, &stopped).await, "owner_not_clear");
        assert_eq!(stage.registered().len(), 1);
    }
    stage.fake.world(|world| {
        world.unpin_described(&new);
        world.set_listed(&new, false);
    });
    assert_eq!(category(&stage, &stopped).await, "owner_not_clear");
    stage.fake.world(|world| world.set_listed(&new, true));
    let Outcome::Deregistered { reused, .. } = outcome(&stage, &stopped).await else {
        panic!("it was looked for")
    };
    assert_eq!((reused.len(), stage.registered().len()), (1, 1));
}

#[tokio::test]
async fn after_a_long_search_ec2_is_asked_again_and_what_it_finds_has_no_limit() {
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    start_foreign(&stage);
    stage.calls();
    let clock = stage.clock.clone();
    stage
        .fake
        .world(|world| world.before_next("ecs:DescribeTasks", move |_| clock.advance(seconds(20))));
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
    let calls = stage.calls();
    let end = ["DescribeTasks", "DescribeNetworkInterfaces", "DeregisterTargets"];
    assert_eq!(calls[calls.len() - 3..], end, "{calls:?}");
}

#[tokio::test]
async fn an_interface_that_only_the_second_answer_shows_leaves_the_target() {
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    let foreign = start_foreign(&stage);
    let free = address(&stage);
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        world.before_next("ecs:DescribeTasks", move |world| {
            clock.advance(seconds(20));
            world.release_address(&foreign);
            world.add_interface(free);
        });
    });
    assert_eq!(category(&stage, &stopped).await, "owner_not_clear");
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn a_deregistration_takes_effect_while_what_ec2_showed_holds() {
    // A slow answer is asked for once more.
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        world.after_next("ec2:DescribeNetworkInterfaces", move |_| clock.advance(seconds(3)));
    });
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
    assert_eq!(stage.fake.calls_to("ec2:DescribeNetworkInterfaces").len(), 2);
    // Where each is slow, nothing is deregistered.
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        let slow = Box::new(move |_: &mut World| clock.advance(seconds(3)));
        world.after("ec2:DescribeNetworkInterfaces", slow);
    });
    let failure = stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("out_of_time", true));
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn where_ec2_denies_the_call_only_ecs_is_asked_and_where_it_fails_the_event_is_tried_again() {
    let denied = Fault::error(403, "UnauthorizedOperation", "not authorized");
    let stage = Stage::new().await;
    let (_, stopped) = address_freed(&stage).await;
    stage.calls();
    stage
        .fake
        .world(|world| world.fail_next("ec2:DescribeNetworkInterfaces", denied, 1));
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
    let calls = [
        "DescribeTargetHealth",
        "DescribeNetworkInterfaces",
        "ListTasks",
        "DeregisterTargets",
    ];
    assert_eq!(stage.calls(), calls);
    for (fault, times, expected) in [
        (Fault::Throttle, 3, "throttled"),
        (Fault::Garbage, 1, "unreadable_answer"),
        (Fault::Html500, 3, "server_error"),
    ] {
        let stage = Stage::new().await;
        let (_, stopped) = address_freed(&stage).await;
        stage
            .fake
            .world(|world| world.fail_next("ec2:DescribeNetworkInterfaces", fault, times));
        assert_eq!(category(&stage, &stopped).await, expected);
        assert_eq!(stage.registered().len(), 1);
    }
}

#[tokio::test]
async fn a_stop_whose_event_and_snapshot_show_no_interface_asks_only_ecs() {
    let stage = Stage::new().await;
    let (_, mut stopped) = address_freed(&stage).await;
    let details = stopped["detail"]["attachments"][0]["details"].as_array_mut();
    details
        .expect("details")
        .retain(|detail| detail["name"] != "networkInterfaceId");
    stage.calls();
    outcome(&stage, &stopped).await;
    assert_eq!(
        stage.calls(),
        ["DescribeTargetHealth", "ListTasks", "DeregisterTargets"]
    );
}

#[tokio::test]
async fn outside_of_the_target_groups_vpc_the_address_alone_is_asked_for() {
    let stage = Stage::new().await;
    let outside = Ipv4Addr::new(10, 9, 1, 5);
    stage.fake.world(|world| world.next_address(outside));
    let old = stage.registered_task("old").await;
    let stopped = stage.fake.world(|world| {
        stop(world, &old);
        let stopped = world.advance_to(&old, "STOPPED");
        world.next_address(outside);
        stopped
    });
    stage.pass(seconds(20));
    stage.registered_task("new").await;
    let Outcome::Deregistered { reused, .. } = outcome(&stage, &stopped).await else {
        panic!("it was looked for")
    };
    assert_eq!((reused.len(), stage.registered().len()), (1, 1));
    let asked = stage.fake.calls_to("ec2:DescribeNetworkInterfaces");
    assert_eq!(filters(&asked[0]), ["addresses.private-ip-address"]);
}

#[tokio::test]
async fn ipv6_addresses_are_asked_for_by_themselves() {
    let stage = Stage::new().await;
    let v6 = stage.fake.world(|world| {
        world.dual_stack = true;
        world.add_target_group(TargetGroup::ip("v6", 80).ipv6())
    });
    let v4 = stage.group.clone();
    let targets = json!([{"targetGroupArn": v4, "port": 8080}, {"targetGroupArn": v6, "port": 8080}]);
    let start = stage.start("e1", json!({"targetGroupArn": null, "port": null, "targets": targets}));
    outcome(&stage, &start).await;
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    let stopped = stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED")
    });
    stage.pass(seconds(20));
    outcome(&stage, &stopped).await;
    assert_eq!(stage.registered(), []);
    assert_eq!(stage.fake.world(|world| world.registered(&v6)), []);
    let asked = stage.fake.calls_to("ec2:DescribeNetworkInterfaces");
    // Side by side, so in any order.
    let mut asked: Vec<Vec<&str>> = asked.iter().map(filters).collect();
    asked.sort_unstable();
    assert_eq!(
        asked,
        [
            ["addresses.private-ip-address", "vpc-id"],
            ["ipv6-addresses.ipv6-address", "vpc-id"]
        ]
    );
}

/// A late RUNNING event of a task that has stopped, while ECS still shows it as RUNNING.
#[tokio::test]
async fn a_late_running_event_of_a_task_whose_interface_is_gone_fails_until_ecs_shows_the_stop() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    stage.fake.world(|world| {
        stop(world, &task);
        world.advance_to(&task, "STOPPED");
        world.pin_described(&task, 3);
    });
    stage.pass(seconds(6));
    stage.calls();
    let failure = stage.deliver(&running).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("task_not_visible", true));
    assert!(failure.message.contains("eni-"), "{failure}");
    stage.pass(seconds(60));
    stage.fake.world(|world| world.unpin_described(&task));
    outcome(&stage, &running).await;
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_late_running_event_of_a_task_that_lives_asks_ec2_once_and_a_fresh_one_never() {
    let stage = Stage::new().await;
    stage.registered_task("fresh").await;
    assert_eq!(stage.fake.calls_to("ec2:DescribeNetworkInterfaces"), []);
    let (_, running) = stage.running_task("late").await;
    stage.pass(seconds(6));
    stage.calls();
    outcome(&stage, &running).await;
    let calls = [
        "DescribeTasks",
        "RegisterTargets",
        "DescribeTasks",
        "DescribeNetworkInterfaces",
    ];
    assert_eq!(stage.calls(), calls);
    assert_eq!(stage.registered().len(), 2);
    // Where EC2 denies the call, ECS's word is taken.
    let denied = Fault::error(403, "UnauthorizedOperation", "not authorized");
    stage
        .fake
        .world(|world| world.fail_next("ec2:DescribeNetworkInterfaces", denied, 1));
    assert!(matches!(outcome(&stage, &running).await, Outcome::Registered { .. }));
}

/// Twelve late stops whose addresses are another task's each.
#[tokio::test]
async fn a_batch_of_late_stops_shares_its_calls_whatever_ec2s_pages() {
    let stage = Stage::new().await;
    stage.fake.world(|world| world.interfaces_page = 5);
    let mut olds = Vec::new();
    for n in 0..12 {
        olds.push(stage.registered_task(&format!("old-{n}")).await);
    }
    let stops: Vec<Value> = stage.fake.world(|world| {
        let stop_for_good = |task: &String| {
            stop(world, task);
            world.advance_to(task, "STOPPED")
        };
        olds.iter().map(stop_for_good).collect()
    });
    stage.pass(seconds(20));
    for n in 0..12 {
        stage.registered_task(&format!("new-{n}")).await;
    }
    stage.calls();
    for handled in stage.deliver_batch(&stops).await {
        let Ok(Outcome::Deregistered { reused, .. }) = &handled.result else {
            panic!("{:?}", handled.result)
        };
        assert_eq!(reused.len(), 1);
    }
    assert_eq!(stage.registered().len(), 12);
    let calls = [
        "DescribeTargetHealth",
        // Three pages.
        "DescribeNetworkInterfaces",
        "DescribeNetworkInterfaces",
        "DescribeNetworkInterfaces",
        "ListTasks",
        "DescribeTasks",
    ];
    assert_eq!(stage.calls(), calls);
}
