//! Events that come as messages of one batch: few calls for many, and nobody pays for another's fault.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_core::report::handled::Handled;
use start_engines_fake_aws::{Fault, TargetGroup};

use super::instances::Instance;
use crate::stage::{Stage, stop};

/// So many tasks of one group at RUNNING: their ARNs and their RUNNING events.
async fn running_tasks(stage: &Stage, id: &str, count: usize, detail: &Value) -> (Vec<String>, Vec<Value>) {
    let mut arns = Vec::new();
    for n in 0..count.div_ceil(10) {
        let mut detail = detail.clone();
        detail["count"] = json!((count - 10 * n).min(10));
        let handled = stage.deliver(&stage.start(&format!("{id}-{n}"), detail)).await;
        let Outcome::Started { tasks, .. } = handled.result.expect("a start") else {
            panic!("no start");
        };
        arns.extend(tasks.iter().map(ToString::to_string));
    }
    let events = stage
        .fake
        .world(|world| arns.iter().map(|arn| world.advance_to(arn, "RUNNING")).collect());
    stage.calls();
    (arns, events)
}

/// A task whose address no group takes, and its RUNNING event.
async fn poisoned_task(stage: &Stage, n: u8) -> Value {
    stage
        .fake
        .world(|world| world.next_address(Ipv4Addr::new(192, 0, 2, n)));
    stage.running_task(&format!("poison-{n}")).await.1
}

fn failures(handled: &[Handled]) -> Vec<(usize, &'static str)> {
    let all = handled.iter().enumerate();
    all.filter_map(|(n, handled)| Some((n, handled.result.as_ref().err()?.category.name())))
        .collect()
}

fn counts(calls: &[String]) -> Vec<(&str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for call in calls {
        match counts.iter_mut().find(|(name, _)| name == call) {
            Some((_, count)) => *count += 1,
            None => counts.push((call, 1)),
        }
    }
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn hundreds_of_tasks_of_two_groups_take_as_few_calls_as_aws_allows() {
    let stage = Stage::new().await;
    let billing = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("billing", 80)));
    let (tasks, mut events) = running_tasks(&stage, "auth", 250, &json!({})).await;
    let (_, of_billing) = running_tasks(&stage, "billing", 50, &json!({"targetGroupArn": billing})).await;
    events.extend(of_billing);
    let handled = stage.deliver_batch(&events).await;
    assert_eq!(failures(&handled), []);
    let calls = stage.calls();
    let expected = [
        ("DescribeTargetGroups", 2),
        ("DescribeTasks", 6),
        ("RegisterTargets", 3),
    ];
    assert_eq!(counts(&calls), expected);
    assert_eq!(stage.registered().len(), 250);
    assert_eq!(stage.fake.world(|world| world.registered(&billing)).len(), 50);
    // What is counted is what was called.
    let counted: u32 = handled
        .iter()
        .flat_map(|one| &one.journal.entries)
        .map(|entry| entry.calls)
        .sum();
    assert_eq!(counted as usize, calls.len());

    let stops: Vec<Value> = stage
        .fake
        .world(|world| tasks.iter().map(|task| stop(world, task)).collect());
    assert_eq!(failures(&stage.deliver_batch(&stops).await), []);
    assert_eq!(counts(&stage.calls()), [("DeregisterTargets", 2)]);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn of_each_task_only_the_newest_event_is_handled() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let stopping = stage.fake.world(|world| stop(world, &task));
    stage.calls();
    for batch in [[&running, &stopping, &stopping], [&stopping, &stopping, &running]] {
        let handled = stage.deliver_batch(&batch.map(Clone::clone)).await;
        let superseded = handled
            .iter()
            .filter(|one| one.result == Ok(Outcome::skipped(Skip::Superseded)));
        assert_eq!((superseded.count(), failures(&handled)), (2, vec![]));
        assert_eq!(stage.calls(), ["DeregisterTargets"]);
        assert_eq!(stage.registered(), []);
    }
}

#[tokio::test]
async fn an_older_event_of_a_task_is_not_failed_for_the_newest() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    let running = stage.fake.world(|world| world.event(&task));
    let stopping = stage.fake.world(|world| stop(world, &task));
    let throttled = Fault::error(400, "Throttling", "Rate exceeded");
    stage
        .fake
        .world(|world| world.fail_next("elb:DeregisterTargets", throttled, 3));
    let handled = stage.deliver_batch(&[stopping.clone(), running]).await;
    assert_eq!(failures(&handled), [(0, "throttled")]);
    stage.pass(Duration::from_secs(60));
    assert_eq!(failures(&stage.deliver_batch(&[stopping]).await), []);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_task_that_no_group_takes_keeps_no_other_out() {
    let stage = Stage::new().await;
    let (_, mut events) = running_tasks(&stage, "auth", 150, &json!({})).await;
    events.insert(77, poisoned_task(&stage, 1).await);
    stage.calls();
    let handled = stage.deliver_batch(&events).await;
    assert_eq!(failures(&handled), [(77, "invalid_target")]);
    assert_eq!(stage.registered().len(), 150);
    let registrations = stage.calls().iter().filter(|name| *name == "RegisterTargets").count();
    assert!(
        registrations <= 17,
        "halving 151 takes at most 8 levels of two calls: {registrations}"
    );
    let message = &handled[77].result.as_ref().expect_err("a failure").message;
    assert!(message.contains("192.0.2.1"), "{message}");
}

#[tokio::test]
async fn many_tasks_that_no_group_takes_make_no_storm_of_calls() {
    let stage = Stage::new().await;
    let mut events = Vec::new();
    for n in 0..100 {
        events.push(poisoned_task(&stage, n).await);
    }
    stage.calls();
    let handled = stage.deliver_batch(&events).await;
    assert_eq!(failures(&handled).len(), 100);
    let registrations = stage.calls().iter().filter(|name| *name == "RegisterTargets").count();
    assert!(registrations <= 64, "{registrations}");
}

#[tokio::test]
async fn a_group_that_is_nearly_full_takes_whom_it_has_room_for() {
    let stage = Stage::new().await;
    let small = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("small", 80).quota(10)));
    let (_, events) = running_tasks(&stage, "small", 16, &json!({"targetGroupArn": small})).await;
    let handled = stage.deliver_batch(&events).await;
    let failed = failures(&handled);
    assert_eq!(failed.len(), 6);
    assert!(
        failed.iter().all(|(_, category)| *category == "too_many_targets"),
        "{failed:?}"
    );
    assert_eq!(stage.fake.world(|world| world.registered(&small)).len(), 10);
}

#[tokio::test]
async fn addresses_outside_of_the_vpc_are_registered_beside_those_inside() {
    let stage = Stage::new().await;
    let (_, mut events) = running_tasks(&stage, "auth", 20, &json!({})).await;
    for n in 0..3 {
        stage
            .fake
            .world(|world| world.next_address(Ipv4Addr::new(10, 9, 1, 5 + n)));
        events.push(stage.running_task(&format!("far-{n}")).await.1);
    }
    assert_eq!(failures(&stage.deliver_batch(&events).await), []);
    assert_eq!(stage.registered().len(), 23);
}

#[tokio::test]
async fn late_stops_share_one_question_to_ec2() {
    let stage = Stage::new().await;
    let (tasks, events) = running_tasks(&stage, "auth", 60, &json!({})).await;
    stage.deliver_batch(&events).await;
    let stops: Vec<Value> = stage
        .fake
        .world(|world| tasks.iter().take(40).map(|task| stop(world, task)).collect());
    stage.pass(Duration::from_secs(60));
    stage.calls();
    assert_eq!(failures(&stage.deliver_batch(&stops).await), []);
    let expected = [
        ("DeregisterTargets", 1),
        ("DescribeNetworkInterfaces", 1),
        ("DescribeTargetHealth", 1),
    ];
    assert_eq!(counts(&stage.calls()), expected);
    assert_eq!(stage.registered().len(), 20);
}

#[tokio::test]
async fn a_late_stop_in_a_batch_leaves_the_target_of_a_newer_task_alone() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("old").await;
    stage.deliver(&running).await.result.expect("a registration");
    let address = stage.fake.world(|world| {
        let address = world.address(&task).expect("an address");
        world.stop(&task, "UserInitiated", "evening");
        address
    });
    let stopped = stage.fake.world(|world| world.advance_to(&task, "STOPPED"));
    stage.pass(Duration::from_secs(60));
    stage.fake.world(|world| world.next_address(address));
    let (_, newer) = stage.running_task("new").await;
    for batch in [[newer.clone(), stopped.clone()], [stopped, newer]] {
        assert_eq!(failures(&stage.deliver_batch(&batch).await), []);
        assert_eq!(stage.registered(), [(address.to_string(), 8080)]);
    }
}

#[tokio::test]
async fn a_group_that_is_gone_fails_its_own_tasks_only() {
    let stage = Stage::new().await;
    let billing = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("billing", 80)));
    let (_, mut events) = running_tasks(&stage, "billing", 3, &json!({"targetGroupArn": billing})).await;
    let of_billing = events.len();
    events.extend(running_tasks(&stage, "auth", 3, &json!({})).await.1);
    stage.fake.world(|world| world.remove_target_group(&billing));
    let handled = stage.deliver_batch(&events).await;
    let expected: Vec<(usize, &str)> = (0..of_billing).map(|n| (n, "target_group_not_found")).collect();
    assert_eq!(failures(&handled), expected);
    assert_eq!(stage.registered().len(), 3);
}

#[tokio::test]
async fn starts_stops_and_changes_of_one_batch_are_all_done() {
    let stage = Stage::new().await;
    let (task, running) = stage.running_task("e1").await;
    let other = stage.registered_task("e2").await;
    let stopping = stage.fake.world(|world| stop(world, &other));
    let request = json!({
        "version": "0", "id": "s1", "detail-type": "Stop ECS Task", "source": "app.tests", "time": crate::stage::BEGIN,
        "account": "111122223333", "region": "us-east-1", "resources": [],
        "detail": {"taskArn": other, "drainSeconds": 0},
    });
    let batch = [
        stage.start("e3", json!({})),
        running,
        json!("no event"),
        stopping,
        request,
        stage.start("e3", json!({})),
    ];
    let handled = stage.deliver_batch(&batch).await;
    let names: Vec<&str> = handled
        .iter()
        .map(|one| {
            one.result
                .as_ref()
                .map_or_else(|failure| failure.category.name(), Outcome::name)
        })
        .collect();
    assert_eq!(
        names,
        [
            "started",
            "registered",
            "invalid_event",
            "deregistered",
            "skipped",
            "started"
        ]
    );
    let address = stage.fake.world(|world| world.address(&task)).expect("an address");
    assert_eq!(stage.registered(), [(address.to_string(), 8080)]);
    // The same start twice is one start.
    assert_eq!(stage.fake.world(|world| world.task_arns().len()), 3);
}

#[tokio::test]
async fn requested_stops_in_a_batch_share_their_calls() {
    let stage = Stage::new().await;
    let (tasks, events) = running_tasks(&stage, "auth", 30, &json!({})).await;
    stage.deliver_batch(&events).await;
    let stops: Vec<Value> = tasks
        .iter()
        .map(|task| {
            json!({
                "version": "0", "id": task, "detail-type": "Stop ECS Task", "source": "app.tests",
                "time": crate::stage::BEGIN, "account": "111122223333", "region": "us-east-1", "resources": [],
                "detail": {"taskArn": task, "drainSeconds": 0},
            })
        })
        .collect();
    stage.calls();
    assert_eq!(failures(&stage.deliver_batch(&stops).await), []);
    let expected = [
        ("DeregisterTargets", 1),
        ("DescribeNetworkInterfaces", 1),
        ("DescribeTasks", 1),
        ("StopTask", 30),
    ];
    assert_eq!(counts(&stage.calls()), expected);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn events_of_all_shapes_share_the_calls_that_change_targets() {
    let instance = Instance::new(TargetGroup::ip("hosts", 80)).await;
    let stage = &instance.stage;
    let to_hosts = json!({"targetGroupArn": instance.group});
    // To be stopped: some long ago, some now.
    let (auth, registered) = running_tasks(stage, "auth", 25, &json!({})).await;
    let (hosts, of_hosts) = running_tasks(stage, "hosts", 20, &to_hosts).await;
    let all = [registered, of_hosts].concat();
    assert_eq!(failures(&stage.deliver_batch(&all).await), []);
    let on_instance = instance.registered_task("bridge-0", json!({})).await;
    let mut events: Vec<Value> = stage.fake.world(|world| {
        let stopped = auth[..5].iter().chain(&hosts[..5]);
        let stopped = stopped.map(|task| {
            stop(world, task);
            world.advance_to(task, "STOPPED")
        });
        stopped.collect()
    });
    // Late RUNNING events, each with a question to EC2.
    events.extend(running_tasks(stage, "late", 10, &to_hosts).await.1);
    stage.pass(Duration::from_secs(60));
    events.extend(running_tasks(stage, "new", 28, &json!({})).await.1);
    for n in 1..=2 {
        let task = instance.start(&format!("bridge-{n}"), json!({})).await;
        events.push(instance.running(&task));
    }
    events.extend(stage.fake.world(|world| {
        let stopping: Vec<Value> = auth[5..15].iter().map(|task| stop(world, task)).collect();
        let stopped = auth[15..].iter().chain(&hosts[5..]);
        let stopped = stopped.map(|task| {
            stop(world, task);
            world.advance_to(task, "STOPPED")
        });
        let stopped: Vec<Value> = stopped.collect();
        [stopping, stopped].concat()
    }));
    events.push(instance.stop(&on_instance));
    stage.calls();

    assert_eq!(events.len(), 86);
    let handled = stage.deliver_batch(&events).await;
    assert_eq!(failures(&handled), []);
    let calls = stage.calls();
    let counts = counts(&calls);
    let of = |name: &str| {
        counts
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(
        (of("RegisterTargets"), of("DeregisterTargets")),
        (2, 2),
        "one for each target group: {counts:?}"
    );
    // Two for the RUNNING tasks; the others are of searches for owners.
    assert_eq!(of("DescribeTasks"), 5, "{counts:?}");
    assert_eq!((stage.registered().len(), instance.registered().len()), (28, 12));
}
