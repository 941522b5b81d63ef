//! A stop of a cluster of 10,000 tasks on 20 target groups, call by call and without faults: what it asks of AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::Outcome;
use start_engines_core::request;
use start_engines_fake_aws::{TargetGroup, TaskDefinition, World};
use start_engines_world::carry_out;

use crate::account;

const TASKS: usize = 10_000;
const GROUPS: usize = 20;
/// How long the answers to calls that go out together take.
const ROUND: Duration = Duration::from_millis(20);

/// The account, its target groups and its tasks.
fn fleet() -> (World, Vec<String>, Vec<String>) {
    let mut world = World::new();
    world.add_cluster("engines");
    world.add_task_definition(TaskDefinition::awsvpc("app").container("app", &[8080]));
    let groups: Vec<String> = (0..GROUPS)
        .map(|n| world.add_target_group(TargetGroup::ip(&format!("auth-{n}"), 80)))
        .collect();
    let mut tasks = Vec::new();
    for n in 0..TASKS {
        let group = &groups[n % GROUPS];
        let (_, part) = group.rsplit_once("targetgroup/").expect("an ARN");
        let task = world.run_foreign_task(&json!({
            "cluster": "engines", "taskDefinition": "app", "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
            "startedBy": format!("start-engines/{part}/8080"),
            "tags": [{"key": "start-engines:event-id", "value": "e1"}],
        }));
        world.advance_to(&task, "RUNNING");
        let address = world.address(&task).expect("an address").to_string();
        world.register(group, &address, 8080);
        tasks.push(task);
    }
    (world, groups, tasks)
}

/// Handles an event to its end; gives how often each operation was called, in the order of their first calls.
fn handle(world: &mut World, event: &serde_json::Value) -> (Outcome, Vec<(&'static str, usize)>) {
    let config = account::config(true, false);
    let function = "arn:aws:lambda:us-east-1:111122223333:function:start-engines".parse();
    let trigger = request::read(event.clone(), &config, function.ok().as_ref()).expect("a sound event");
    let now = |world: &World| Timestamp::from_millis(world.clock.unix_timestamp() * 1000);
    let mut journal = Journal::new(now(world));
    let mut at = journal.began_at;
    let (mut order, mut counts) = (Vec::new(), BTreeMap::new());
    loop {
        let calls = match decide(&trigger, &config, &journal) {
            Step::End(result) => {
                let counts = order.into_iter().map(|name| (name, counts[name])).collect();
                return (result.expect("no failure"), counts);
            }
            Step::Ask(calls) => calls,
        };
        let asked_at = at;
        at = at.after(ROUND);
        for call in calls {
            let count = counts.entry(call.operation()).or_insert(0);
            if *count == 0 {
                order.push(call.operation());
            }
            *count += 1;
            let answer = carry_out(world, &call);
            journal.entries.push(Entry {
                call,
                asked_at,
                answered_at: at,
                calls: 1,
                answer,
            });
        }
    }
}

#[test]
fn a_stop_of_ten_thousand_tasks_deregisters_200_a_call_and_makes_one_schedule() {
    let (mut world, groups, tasks) = fleet();
    world.clock += Duration::from_secs(60);
    let time = world
        .clock
        .format(&time::format_description::well_known::Rfc3339)
        .expect("a time");
    let event = json!({
        "version": "0", "id": "stop-1", "detail-type": "Stop ECS Task", "source": "app.simulation",
        "account": "111122223333", "time": time, "region": "us-east-1", "resources": [],
        "detail": {"cluster": "engines", "all": true, "drainSeconds": 60},
    });
    let (outcome, calls) = handle(&mut world, &event);
    let Outcome::Stopped { draining, left, .. } = outcome else {
        panic!("no stop: {}", outcome.name())
    };
    assert_eq!((draining.len(), left), (TASKS, 0));
    assert_eq!(
        calls,
        [
            ("ListTasks", 100),
            ("DescribeTasks", 100),
            ("CreateSchedule", 1),
            ("DescribeNetworkInterfaces", 55),
            ("DeregisterTargets", 60),
            ("TagResource", TASKS)
        ]
    );
    let registered: usize = groups.iter().map(|group| world.registered(group).len()).sum();
    assert_eq!(registered, 0);

    world.clock += Duration::from_secs(120);
    let due = world.fire_schedules();
    assert_eq!(due.len(), 1);
    let (_, calls) = handle(&mut world, &due[0]);
    assert_eq!(calls, [("ListTasks", 100), ("DescribeTasks", 100), ("StopTask", TASKS)]);
    assert!(tasks.iter().all(|task| world.desired_status(task) == "STOPPED"));
}
