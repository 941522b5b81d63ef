//! `Stop ECS Task` at the wire: targets first, tasks when their connections had time to end.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::tags::STOP_AT;
use start_engines_core::outcome::{Outcome, Skip};
use start_engines_fake_aws::{Fault, TargetGroup, TaskDefinition};

use crate::stage::{Stage, category, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-schedules",
);
const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:start-engines-undelivered";

/// So that the only schedules are those of stops.
const NO_TIMEOUT: (&str, &str) = ("TASK_WAIT_TIMEOUT", "0");
const NO_CHECK: (&str, &str) = ("HEALTH_TIMEOUT", "0");

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A second after all tasks were asked for.
const LATER: &str = "2026-11-20T07:00:01Z";

fn stop_event(detail: Value) -> Value {
    json!({
        "version": "0", "id": "stop-1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": LATER, "region": "us-east-1", "resources": [],
        "detail": detail,
    })
}

/// A stop of one task.
fn stop_task(task: &str) -> Value {
    stop_event(json!({"taskArn": task}))
}

async fn stage() -> Stage {
    Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK, ("ECS_CLUSTER", "engines")]).await
}

/// A stage with a task whose target is registered.
async fn with_task() -> (Stage, String) {
    let stage = stage().await;
    let task = stage.registered_task("e1").await;
    stage.calls();
    (stage, task)
}

/// The names of the schedules in the default group.
fn schedules(stage: &Stage) -> Vec<String> {
    stage
        .fake
        .world(|world| world.schedules("default").keys().cloned().collect())
}

fn desired(stage: &Stage, task: &str) -> &'static str {
    stage.fake.world(|world| world.desired_status(task))
}

fn id(task: &str) -> &str {
    task.rsplit('/').next().expect("an id")
}

#[tokio::test]
async fn a_stop_takes_the_target_out_at_once_and_stops_the_task_when_it_has_drained() {
    let (stage, task) = with_task().await;
    let handled = stage
        .deliver(&stop_event(
            json!({"taskArn": task, "reason": "night", "correlationId": "c-1"}),
        ))
        .await;
    let reported = handled.summary();
    let Outcome::Stopped {
        tasks,
        draining,
        targets,
        ..
    } = handled.result.expect("an outcome")
    else {
        panic!("no stop: {reported:?}")
    };
    assert!(tasks.is_empty());
    assert_eq!((draining[0].as_str(), targets.len()), (task.as_str(), 1));
    assert_eq!(reported["correlationId"], "c-1");
    assert_eq!(
        stage.calls(),
        [
            "DescribeTasks",
            "DescribeTargetGroupAttributes",
            "CreateSchedule",
            "TagResource",
            "DescribeNetworkInterfaces",
            "DeregisterTargets"
        ]
    );
    assert_eq!(stage.registered(), []);
    assert_eq!(desired(&stage, &task), "RUNNING", "its connections have time to end");
    assert_eq!(schedules(&stage), [format!("start-engines-stop-{}", id(&task))]);

    stage.pass(seconds(299));
    assert!(
        stage.fake.world(|world| world.fire_schedules()).is_empty(),
        "300 s is the group's delay"
    );
    stage.pass(seconds(2));
    let second_half = stage.fake.world(|world| world.fire_schedules());
    assert_eq!(second_half[0]["detail"]["correlationId"], "c-1");
    let stopped = outcome(&stage, &second_half[0]).await;
    assert!(
        matches!(stopped, Outcome::Stopped { ref tasks, .. } if tasks[0].as_str() == task),
        "{stopped:?}"
    );
    assert_eq!(stage.calls(), ["DescribeTasks", "StopTask"]);
    assert_eq!(desired(&stage, &task), "STOPPED");
    assert_eq!(
        stage.fake.world(|world| world.stopped_reason(&task)).as_deref(),
        Some("night")
    );
    assert_eq!(schedules(&stage), [""; 0], "it has deleted itself");
}

#[tokio::test]
async fn a_stop_without_drain_stops_at_once() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e1").await;
    stage.calls();
    let stopped = outcome(&stage, &stop_event(json!({"taskArn": task, "drainSeconds": 0}))).await;
    assert!(
        matches!(stopped, Outcome::Stopped { ref tasks, .. } if tasks.len() == 1),
        "{stopped:?}"
    );
    let calls = [
        "DescribeTasks",
        "DescribeNetworkInterfaces",
        "DeregisterTargets",
        "StopTask",
    ];
    assert_eq!(stage.calls(), calls);
    assert_eq!((stage.registered(), desired(&stage, &task)), (vec![], "STOPPED"));
}

#[tokio::test]
async fn the_longest_delay_of_several_groups_is_waited_for_and_drain_seconds_outweigh_it() {
    let stage = stage().await;
    let slow = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("slow", 80).deregistration_delay(900)));
    let targets = json!([{"targetGroupArn": slow, "port": 9090}, {"targetGroupArn": stage.group, "port": 8080}]);
    for (id, drain, expected) in [("e1", Value::Null, 900), ("e2", json!(45), 45), ("e3", json!(1), 30)] {
        let start = stage.start(id, json!({"targetGroupArn": null, "port": null, "targets": targets}));
        outcome(&stage, &start).await;
        let (task, running) = stage.fake.world(|world| {
            let task = world.task_arns().last().expect("a task").clone();
            let running = world.advance_to(&task, "RUNNING");
            (task, running)
        });
        outcome(&stage, &running).await;
        outcome(&stage, &stop_event(json!({"taskArn": task, "drainSeconds": drain}))).await;
        let ahead = stage.fake.world(|world| {
            let at = world.schedules("default").values().next_back().expect("a schedule").at;
            world.fire_schedules();
            at - world.clock
        });
        assert_eq!(ahead.whole_seconds(), expected, "{id}");
        stage.pass(seconds(901));
        stage.fake.world(|world| world.fire_schedules());
    }
}

#[tokio::test]
async fn the_schedule_is_sent_by_the_role_in_the_group_and_keeps_what_it_cannot_send() {
    let variables = [
        ROLE,
        NO_TIMEOUT,
        NO_CHECK,
        ("SCHEDULER_GROUP", "engines"),
        ("SCHEDULER_DEAD_LETTER_QUEUE_ARN", QUEUE),
    ];
    let stage = Stage::with(&variables).await;
    let task = stage.registered_task("e1").await;
    // Without its group, nobody would stop the task: it stays as it is.
    assert_eq!(category(&stage, &stop_task(&task)).await, "resource_not_found");
    assert_eq!(stage.registered().len(), 1);
    stage.fake.world(|world| world.add_schedule_group("engines"));
    outcome(&stage, &stop_task(&task)).await;
    let target = stage.fake.world(|world| {
        world
            .schedules("engines")
            .values()
            .next()
            .expect("a schedule")
            .target
            .clone()
    });
    assert_eq!(target["RoleArn"], ROLE.1);
    assert_eq!(target["DeadLetterConfig"]["Arn"], QUEUE);
    assert_eq!(
        target["Arn"],
        "arn:aws:lambda:us-east-1:111122223333:function:start-engines"
    );
}

#[tokio::test]
async fn a_stop_that_is_delivered_twice_makes_one_schedule() {
    let (stage, task) = with_task().await;
    let first = outcome(&stage, &stop_task(&task)).await;
    stage.calls();
    let second = outcome(&stage, &stop_task(&task)).await;
    assert!(matches!(first, Outcome::Stopped { ref draining, .. } if draining.len() == 1));
    assert!(
        matches!(second, Outcome::Stopped { ref draining, .. } if draining.len() == 1),
        "{second:?}"
    );
    assert_eq!(
        stage.calls(),
        ["DescribeTasks", "DescribeTargetHealth", "CreateSchedule"],
        "the first one's time stands; its schedule may have been lost"
    );
    assert_eq!(schedules(&stage).len(), 1);
}

#[tokio::test]
async fn a_stop_that_died_between_any_two_calls_is_completed_by_its_retry() {
    for call in ["scheduler:CreateSchedule", "ecs:TagResource", "elb:DeregisterTargets"] {
        for applied in [false, true] {
            let (stage, task) = with_task().await;
            let fault = if applied { Fault::ApplyThenReset } else { Fault::Reset };
            // As often as the SDK tries.
            stage.fake.world(|world| world.fail_next(call, fault, 3));
            let first = stage.deliver(&stop_task(&task)).await.result;
            // Scheduler answers the second attempt of an applied call with a conflict.
            assert!(first.is_err() || applied, "{call}: {first:?}");
            stage.pass(seconds(60));
            outcome(&stage, &stop_task(&task)).await;
            assert_eq!(
                (stage.registered(), schedules(&stage).len()),
                (vec![], 1),
                "{call}, applied: {applied}"
            );
            let tags = stage.fake.world(|world| world.tags(&task));
            assert_eq!(tags.iter().filter(|(key, _)| key == STOP_AT).count(), 1);
        }
    }
}

#[tokio::test]
async fn a_running_event_that_comes_while_the_task_drains_does_not_bring_its_target_back() {
    let stage = stage().await;
    let (task, running) = stage.running_task("e1").await;
    outcome(&stage, &running).await;
    outcome(&stage, &stop_task(&task)).await;
    stage.calls();
    stage.pass(seconds(20));
    assert_eq!(outcome(&stage, &running).await, Outcome::skipped(Skip::NotRegistered));
    assert_eq!(stage.calls(), ["DescribeTasks", "DescribeTargetHealth"]);
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_stop_handled_while_its_task_is_being_registered_is_found_by_the_second_describe_tasks() {
    let stage = stage().await;
    let (task, running) = stage.running_task("e1").await;
    let tagged = task.clone();
    stage
        .fake
        .world(|world| world.after_next("elb:RegisterTargets", move |world| world.tag(&tagged, STOP_AT, "soon")));
    let undone = outcome(&stage, &running).await;
    assert!(matches!(undone, Outcome::Deregistered { .. }), "{undone:?}");
    assert_eq!((stage.registered(), desired(&stage, &task)), (vec![], "RUNNING"));
}

#[tokio::test]
async fn a_task_that_is_not_running_yet_has_no_connections_to_wait_for() {
    let stage = stage().await;
    outcome(&stage, &stage.start("e1", json!({}))).await;
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    stage.calls();
    outcome(&stage, &stop_task(&task)).await;
    assert_eq!(stage.calls(), ["DescribeTasks", "StopTask"]);
    assert_eq!(desired(&stage, &task), "STOPPED");
}

#[tokio::test]
async fn a_service_is_stopped_in_every_cluster_and_nothing_else_is() {
    let variables = [ROLE, NO_TIMEOUT, NO_CHECK, ("ALLOWED_CLUSTERS", "engines,night")];
    let stage = Stage::with(&variables).await;
    stage.fake.world(|world| world.add_cluster("night"));
    let mut tasks = Vec::new();
    for (id, detail) in [
        ("e1", json!({"service": "auth"})),
        ("e2", json!({"service": "auth", "cluster": "night"})),
        ("e3", json!({"service": "worker", "taskDefinition": "auth"})),
        ("e4", json!({})),
        ("e5", json!({"service": "auth"})),
    ] {
        let mut fields = detail;
        fields["capacityProviderStrategy"] = Value::Null;
        outcome(&stage, &stage.start(id, fields)).await;
        tasks.push(
            stage
                .fake
                .world(|world| world.task_arns().last().expect("a task").clone()),
        );
    }
    stage.fake.world(|world| world.make_foreign(&tasks[4]));
    let stopped = outcome(&stage, &stop_event(json!({"service": "auth", "drainSeconds": 0}))).await;
    assert!(
        matches!(stopped, Outcome::Stopped { ref tasks, .. } if tasks.len() == 2),
        "{stopped:?}"
    );
    let states: Vec<&str> = tasks.iter().map(|task| desired(&stage, task)).collect();
    assert_eq!(states, ["STOPPED", "STOPPED", "RUNNING", "RUNNING", "RUNNING"]);
    let none = outcome(&stage, &stop_event(json!({"service": "auth", "drainSeconds": 0}))).await;
    assert_eq!(none, Outcome::skipped(Skip::NoTasks));
    // One cluster of the service's.
    let there = stop_event(json!({"service": "worker", "cluster": "night"}));
    assert_eq!(outcome(&stage, &there).await, Outcome::skipped(Skip::NoTasks));
}

#[tokio::test]
async fn all_of_a_cluster_are_all_of_the_deployment_page_by_page_with_one_call_for_each_group() {
    let stage = stage().await;
    stage.fake.world(|world| world.list_tasks_page = 3);
    let mut tasks = Vec::new();
    for n in 0..8 {
        tasks.push(stage.registered_task(&format!("e{n}")).await);
    }
    stage.fake.world(|world| world.make_foreign(&tasks[3]));
    stage.calls();
    outcome(
        &stage,
        &stop_event(json!({"cluster": "engines", "all": true, "drainSeconds": 0})),
    )
    .await;
    let calls = stage.calls();
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    assert_eq!(
        (count("ListTasks"), count("DeregisterTargets"), count("StopTask")),
        (3, 1, 7),
        "{calls:?}"
    );
    assert_eq!((stage.registered().len(), desired(&stage, &tasks[3])), (1, "RUNNING"));
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_an_error_and_a_task_of_it_is_gone() {
    let stage = stage().await;
    let all = stop_event(json!({"cluster": "nowhere", "all": true}));
    assert_eq!(category(&stage, &all).await, "cluster_not_found");
    let task = stop_task("arn:aws:ecs:us-east-1:111122223333:task/nowhere/0123456789abcdef0123456789abcdef");
    assert_eq!(outcome(&stage, &task).await, Outcome::skipped(Skip::TaskGone));
}

#[tokio::test]
async fn a_task_that_others_started_is_never_stopped() {
    let (stage, task) = with_task().await;
    stage.fake.world(|world| world.make_foreign(&task));
    assert_eq!(category(&stage, &stop_task(&task)).await, "foreign_task");
    assert_eq!(
        (stage.calls(), desired(&stage, &task)),
        (vec!["DescribeTasks".to_owned()], "RUNNING")
    );
}

#[tokio::test]
async fn a_stop_of_what_is_stopping_or_gone_is_success() {
    let (stage, task) = with_task().await;
    stage.fake.world(|world| world.stop(&task, "UserInitiated", "by hand"));
    assert_eq!(
        outcome(&stage, &stop_task(&task)).await,
        Outcome::skipped(Skip::StoppedAlready)
    );
    stage.fake.world(|world| {
        world.advance_to(&task, "STOPPED");
        world.forget(&task);
    });
    // Right after it was sent, ECS may not know the task yet.
    assert_eq!(category(&stage, &stop_task(&task)).await, "task_not_visible");
    stage.pass(seconds(60));
    assert_eq!(
        outcome(&stage, &stop_task(&task)).await,
        Outcome::skipped(Skip::TaskGone)
    );
}

#[tokio::test]
async fn a_deregistration_that_fails_does_not_keep_a_task_alive() {
    let (stage, task) = with_task().await;
    stage
        .fake
        .world(|world| world.fail_next("elb:DeregisterTargets", Fault::Throttle, 3));
    let failure = stage
        .deliver(&stop_event(json!({"taskArn": task, "drainSeconds": 0})))
        .await
        .result
        .expect_err("a failure");
    assert_eq!((failure.category.name(), failure.tasks.len()), ("throttled", 1));
    assert_eq!(desired(&stage, &task), "STOPPED");
    let event = stage.fake.world(|world| world.event(&task));
    outcome(&stage, &event).await;
    assert_eq!(stage.registered(), [], "the stop's own event takes the target out");
}

#[tokio::test]
async fn an_address_that_became_anothers_while_a_stop_was_slow_stays_in_its_group() {
    let stage = stage().await;
    let other = stage
        .fake
        .world(|world| world.add_target_group(TargetGroup::ip("other", 80)));
    let targets = json!([{"targetGroupArn": other, "port": 9090}, {"targetGroupArn": stage.group, "port": 8080}]);
    outcome(
        &stage,
        &stage.start("e1", json!({"targetGroupArn": null, "port": null, "targets": targets})),
    )
    .await;
    let old = stage.fake.world(|world| world.task_arns()[0].clone());
    let running = stage.fake.world(|world| world.advance_to(&old, "RUNNING"));
    outcome(&stage, &running).await;
    outcome(&stage, &stage.start("e2", json!({}))).await;
    let new = stage.fake.world(|world| world.task_arns()[1].clone());
    stage.calls();
    // Once EC2 has shown its interface the task stops by itself, and another gets its address.
    let (clock, group) = (stage.clock.clone(), stage.group.clone());
    let (first, second) = (old.clone(), new.clone());
    stage.fake.world(|world| {
        world.after_next("ec2:DescribeNetworkInterfaces", move |world| {
            let address = world.address(&first).expect("an address");
            world.stop(&first, "EssentialContainerExited", "it ended");
            world.advance_to(&first, "STOPPED");
            world.next_address(address);
            world.advance_to(&second, "RUNNING");
            world.register(&group, &address.to_string(), 8080);
            clock.advance(seconds(9));
            world.clock += seconds(9);
        });
    });
    outcome(&stage, &stop_event(json!({"taskArn": old, "drainSeconds": 0}))).await;
    let calls = [
        "DescribeTasks",
        "DescribeNetworkInterfaces",
        "DescribeNetworkInterfaces",
        "StopTask",
    ];
    assert_eq!(stage.calls(), calls);
    assert_eq!(stage.registered().len(), 1, "the newer task's target stays");
}

#[tokio::test]
async fn a_start_leaves_room_for_the_tag_of_its_stop() {
    let stage = stage().await;
    let tags = |count: usize| -> Value {
        (0..count)
            .map(|n| json!({"key": format!("k{n}"), "value": "v"}))
            .collect()
    };
    // FleetTask are four: group, port, event id, and when it was asked for.
    assert_eq!(
        category(&stage, &stage.start("e1", json!({"tags": tags(46)}))).await,
        "invalid_event"
    );
    outcome(&stage, &stage.start("e2", json!({"tags": tags(45)}))).await;
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    let running = stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    outcome(&stage, &running).await;
    outcome(&stage, &stop_task(&task)).await;
}

#[tokio::test]
async fn a_task_without_targets_has_nothing_to_wait_for() {
    let stage = stage().await;
    stage
        .fake
        .world(|world| world.add_task_definition(TaskDefinition::awsvpc("job").container("job", &[])));
    let fields = json!({"taskDefinition": "job", "targetGroupArn": null, "port": null, "targets": []});
    outcome(&stage, &stage.start("e1", fields)).await;
    let task = stage.fake.world(|world| world.task_arns()[0].clone());
    stage.fake.world(|world| world.advance_to(&task, "RUNNING"));
    stage.calls();
    outcome(&stage, &stop_task(&task)).await;
    assert_eq!(stage.calls(), ["DescribeTasks", "StopTask"]);
}
