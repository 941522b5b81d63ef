//! Stops of a service or of a cluster with hundreds of tasks: how many calls they make, in which order, and how they go
//! on.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::tags::STOP_AT;
use start_engines_core::outcome::Outcome;
use start_engines_core::report::handled::Handled;
use start_engines_fake_aws::{Fault, TargetGroup, World};
use tokio::sync::oneshot;

use crate::stage::{BEGIN, Stage, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-schedules",
);
const CLUSTER: (&str, &str) = ("ALLOWED_CLUSTERS", "engines");
const LATER: &str = "2026-11-20T07:00:30Z";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn stop_event(drain: Value) -> Value {
    json!({
        "version": "0", "id": "stop-1", "detail-type": "Stop ECS Task", "source": "app.tests",
        "account": "111122223333", "time": LATER, "region": "us-east-1", "resources": [],
        "detail": {"cluster": "engines", "all": true, "drainSeconds": drain},
    })
}

/// A task that runs and is registered.
fn running(world: &mut World, group: &str) -> String {
    let (_, part) = group.rsplit_once("targetgroup/").expect("an ARN");
    let task = world.run_foreign_task(&json!({
        "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
        "startedBy": format!("start-engines/{part}/8080"),
        "tags": [
            {"key": "start-engines:event-id", "value": "e1"},
            {"key": "start-engines:requested-at", "value": BEGIN},
        ],
    }));
    world.advance_to(&task, "RUNNING");
    let address = world.address(&task).expect("an address");
    world.register(group, &address.to_string(), 8080);
    task
}

/// A stage with so many tasks in so many target groups, that have run for half a minute.
async fn fleet(groups: usize, tasks: usize) -> (Stage, Vec<String>, Vec<String>) {
    let stage = Stage::with(&[ROLE, CLUSTER]).await;
    let (groups, tasks) = stage.fake.world(|world| {
        let groups: Vec<String> = (0..groups)
            .map(|n| world.add_target_group(TargetGroup::ip(&format!("group-{n}"), 80)))
            .collect();
        let tasks = (0..tasks).map(|n| running(world, &groups[n % groups.len()])).collect();
        (groups, tasks)
    });
    stage.pass(seconds(30));
    stage.calls();
    (stage, groups, tasks)
}

fn registered(stage: &Stage, groups: &[String]) -> usize {
    let of = |world: &mut World| groups.iter().map(|group| world.registered(group).len()).sum();
    stage.fake.world(of)
}

fn stopped(stage: &Stage, tasks: &[String]) -> usize {
    let is_stopped = |world: &World, task: &&String| world.desired_status(task) == "STOPPED";
    stage
        .fake
        .world(|world| tasks.iter().filter(|task| is_stopped(world, task)).count())
}

/// When the tasks' drains end, by their tags.
fn tags(stage: &Stage, tasks: &[String]) -> Vec<String> {
    let tag = |world: &World, task: &String| {
        let tags = world.tags(task);
        tags.into_iter().find(|(key, _)| key == STOP_AT).map(|(_, time)| time)
    };
    stage
        .fake
        .world(|world| tasks.iter().filter_map(|task| tag(world, task)).collect())
}

fn schedules(stage: &Stage) -> Vec<String> {
    stage
        .fake
        .world(|world| world.schedules("default").keys().cloned().collect())
}

/// How often each operation was called, in the order of their first calls.
fn counts(calls: &[String]) -> Vec<(&str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for call in calls {
        match counts.iter_mut().find(|(name, _)| name == call) {
            Some((_, count)) => *count += 1,
            None => counts.push((call, 1)),
        }
    }
    counts
}

/// Whether every call of one operation comes before any of another.
fn all_before(calls: &[String], first: &str, second: &str) -> bool {
    let last = calls.iter().rposition(|call| call == first).expect("a call");
    let next = calls.iter().position(|call| call == second).expect("a call");
    last < next
}

/// Handles what is due now, until nothing is.
async fn fire(stage: &Stage) -> usize {
    let due = stage.fake.world(|world| world.fire_schedules());
    for event in &due {
        outcome(stage, event).await;
    }
    due.len()
}

#[tokio::test]
async fn without_a_drain_targets_go_200_a_call_and_then_all_tasks_are_stopped() {
    let (stage, groups, tasks) = fleet(1, 450).await;
    let handled = stage.deliver(&stop_event(json!(0))).await;
    let reported = handled.summary();
    assert_eq!(reported["outcome"], "stopped");
    assert_eq!(
        reported["tasks"].as_array().map(Vec::len),
        Some(101),
        "a log line names 100"
    );
    let calls = stage.calls();
    assert_eq!(
        counts(&calls),
        [
            ("ListTasks", 5),
            ("DescribeTasks", 5),
            ("DescribeNetworkInterfaces", 3),
            ("DeregisterTargets", 3),
            ("StopTask", 450)
        ]
    );
    assert!(all_before(&calls, "DeregisterTargets", "StopTask"));
    assert_eq!((registered(&stage, &groups), stopped(&stage, &tasks)), (0, 450));
}

#[tokio::test]
async fn with_a_drain_one_schedule_stops_a_thousand_tasks_whose_targets_went_before_their_tags() {
    let (stage, groups, tasks) = fleet(20, 1000).await;
    let handled = stage.deliver_with(&stop_event(json!(60)), seconds(120)).await;
    let Ok(Outcome::Stopped { draining, left, .. }) = handled.result else {
        panic!("no stop")
    };
    assert_eq!((draining.len(), left), (1000, 0));
    let calls = stage.calls();
    assert_eq!(
        counts(&calls),
        [
            ("ListTasks", 10),
            ("DescribeTasks", 10),
            ("CreateSchedule", 1),
            ("DescribeNetworkInterfaces", 5),
            ("DeregisterTargets", 20),
            ("TagResource", 1000)
        ]
    );
    assert!(all_before(&calls, "CreateSchedule", "DeregisterTargets"));
    assert!(all_before(&calls, "DeregisterTargets", "TagResource"));
    assert_eq!((registered(&stage, &groups), stopped(&stage, &tasks)), (0, 0));
    assert!(tags(&stage, &tasks).iter().all(|time| time == "2026-11-20T07:01:30Z"));

    // The full minute after the drain.
    stage.pass(seconds(89));
    assert_eq!(fire(&stage).await, 0);
    stage.pass(seconds(1));
    assert_eq!(fire(&stage).await, 1);
    let calls = stage.calls();
    assert_eq!(
        counts(&calls),
        [("ListTasks", 10), ("DescribeTasks", 10), ("StopTask", 1000)]
    );
    assert_eq!((stopped(&stage, &tasks), schedules(&stage).len()), (1000, 0));
}

#[tokio::test]
async fn what_ecs_does_not_take_in_one_invocation_is_scheduled_for_its_last_minute_beforehand() {
    // At ten TagResource a second it takes 60 s, and there are 60.
    let (stage, _, _) = fleet(1, 600).await;
    outcome(&stage, &stop_event(json!(60))).await;
    let minutes: Vec<String> = schedules(&stage)
        .iter()
        .map(|name| name.rsplit('-').next().expect("a minute").to_owned())
        .collect();
    assert_eq!(minutes, ["202611200701", "202611200702"]);
    let calls = stage.calls();
    assert!(all_before(&calls, "DeregisterTargets", "TagResource"));
    assert!(all_before(&calls, "CreateSchedule", "TagResource"));
    // Here ECS took all at once: the next one finds nothing to do.
    stage.pass(seconds(30));
    assert_eq!(fire(&stage).await, 1);
    assert_eq!(
        counts(&stage.calls()),
        [
            ("ListTasks", 6),
            ("DescribeTasks", 6),
            ("DescribeTargetHealth", 3),
            ("CreateSchedule", 1)
        ]
    );
}

#[tokio::test]
async fn the_second_half_is_the_same_stop_with_the_time_when_the_first_was_handled() {
    let (stage, _, _) = fleet(1, 2).await;
    let mut event = stop_event(json!(600));
    event["detail"]["correlationId"] = json!("c-1");
    event["detail"]["reason"] = json!("night");
    outcome(&stage, &event).await;
    stage.pass(seconds(660));
    let sent = stage.fake.world(|world| world.fire_schedules());
    let detail = &sent[0]["detail"];
    assert_eq!(
        *detail,
        json!({
            "cluster": "engines", "all": true, "drainSeconds": 600, "correlationId": "c-1", "reason": "night",
            "requestedAt": "2026-11-20T07:00:30.000Z",
            "continuation": {"count": 1, "handledAt": "2026-11-20T07:00:30.000Z", "id": "stop-1"},
        })
    );
    let handled = stage.deliver(&sent[0]).await;
    let reported = handled.summary();
    assert_eq!(
        (&reported["continuation"], &reported["correlationId"]),
        (&json!(1), &json!("c-1"))
    );
}

#[tokio::test]
async fn tasks_that_could_not_be_tagged_are_tagged_a_minute_later_and_stopped_all_the_same() {
    for tags_again in [true, false] {
        let (stage, groups, tasks) = fleet(1, 30).await;
        // The SDK tries three times.
        let times = if tags_again { 60 } else { 90 };
        stage
            .fake
            .world(|world| world.fail_next("ecs:TagResource", Fault::Throttle, times));
        let Outcome::Stopped { draining, left, .. } = outcome(&stage, &stop_event(json!(120))).await else {
            panic!("no stop")
        };
        // A slow machine may have made fewer attempts.
        stage.fake.world(World::forget_faults);
        assert_eq!(draining.len() + left, 30);
        assert!(left > 0);
        assert_eq!(registered(&stage, &groups), 0);
        assert_eq!(
            schedules(&stage).len(),
            2,
            "a minute later, and when the drains are over"
        );
        stage.calls();
        stage.pass(seconds(60));
        // A late RUNNING event has registered one again, and nobody has seen that it drains.
        if !tags_again {
            let address = stage.fake.world(|world| world.address(&tasks[0]).expect("an address"));
            stage.fake.world(|world| {
                world.register(&groups[0], &address.to_string(), 8080);
            });
        }
        assert_eq!(fire(&stage).await, 1);
        let calls = stage.calls();
        assert_eq!(stopped(&stage, &tasks), 0, "their drains are not over");
        assert_eq!(tags(&stage, &tasks).len(), 30);
        if tags_again {
            assert!(!calls.contains(&"DeregisterTargets".to_owned()), "{calls:?}");
            assert!(tags(&stage, &tasks).iter().all(|time| time == "2026-11-20T07:02:30Z"));
        } else {
            // Its drain begins now.
            assert_eq!(calls.iter().filter(|call| *call == "DeregisterTargets").count(), 1);
            assert_eq!(registered(&stage, &groups), 0);
            assert_eq!(tags(&stage, &tasks[..1]), ["2026-11-20T07:03:30Z"]);
        }
        stage.pass(seconds(90));
        fire(&stage).await;
        assert_eq!(stopped(&stage, &tasks), if tags_again { 30 } else { 29 });
        stage.pass(seconds(60));
        fire(&stage).await;
        assert_eq!((stopped(&stage, &tasks), schedules(&stage).len()), (30, 0));
    }
}

#[tokio::test]
async fn a_task_that_was_never_tagged_is_stopped_when_its_drain_is_over() {
    let (stage, groups, tasks) = fleet(1, 30).await;
    stage
        .fake
        .world(|world| world.fail_next("ecs:TagResource", Fault::Throttle, 9000));
    outcome(&stage, &stop_event(json!(90))).await;
    stage.pass(seconds(60));
    fire(&stage).await;
    assert_eq!((tags(&stage, &tasks).len(), stopped(&stage, &tasks)), (0, 0));
    stage.pass(seconds(60));
    fire(&stage).await;
    assert_eq!((stopped(&stage, &tasks), registered(&stage, &groups)), (30, 0));
}

#[tokio::test]
async fn a_later_stop_makes_one_schedule_for_all_tasks_whose_drains_end_in_one_minute() {
    let (stage, groups, tasks) = fleet(1, 40).await;
    for (n, task) in tasks.iter().enumerate() {
        // In two minutes.
        let time = format!("2026-11-20T07:{:02}:{:02}Z", 10 + n % 2, 1 + n);
        stage.fake.world(|world| world.tag(task, STOP_AT, &time));
    }
    stage.fake.world(|world| {
        for task in &tasks {
            let address = world.address(task).expect("an address");
            world.deregister(&groups[0], &address.to_string(), 8080);
        }
    });
    let Outcome::Stopped { draining, .. } = outcome(&stage, &stop_event(json!(600))).await else {
        panic!("no stop")
    };
    assert_eq!(draining.len(), 40);
    assert_eq!(
        counts(&stage.calls()),
        [
            ("ListTasks", 1),
            ("DescribeTasks", 1),
            ("DescribeTargetHealth", 1),
            ("CreateSchedule", 2)
        ]
    );
    let minutes: Vec<String> = schedules(&stage);
    assert!(
        minutes[0].ends_with("-202611200711") && minutes[1].ends_with("-202611200712"),
        "{minutes:?}"
    );
    // The same event once more.
    outcome(&stage, &stop_event(json!(600))).await;
    assert_eq!(schedules(&stage), minutes);
    stage.pass(seconds(10 * 60 + 30));
    fire(&stage).await;
    assert_eq!(stopped(&stage, &tasks), 20);
    stage.pass(seconds(60));
    fire(&stage).await;
    assert_eq!((stopped(&stage, &tasks), schedules(&stage).len()), (40, 0));
}

#[tokio::test]
async fn a_task_whose_interface_is_not_shown_sends_no_other_the_slow_way() {
    let (stage, groups, tasks) = fleet(1, 50).await;
    stage.fake.world(|world| world.hide_interface_id(&tasks[7]));
    // Its snapshot is too old to go by.
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        world.after_next("ecs:DescribeTasks", move |_| clock.advance(seconds(3)));
    });
    outcome(&stage, &stop_event(json!(0))).await;
    let described = stage.fake.calls_to("ecs:DescribeTasks");
    let asked: Vec<usize> = described
        .iter()
        .map(|call| call.input["tasks"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(asked, [50, 1]);
    assert_eq!(
        counts(&stage.calls()),
        [
            ("ListTasks", 1),
            ("DescribeTasks", 2),
            ("DescribeNetworkInterfaces", 1),
            ("DeregisterTargets", 2),
            ("StopTask", 50)
        ]
    );
    assert_eq!((registered(&stage, &groups), stopped(&stage, &tasks)), (0, 50));
}

/// Makes every call of an operation take so long.
fn slow(stage: &Stage, operation: &str, millis: u64) {
    let clock = stage.clock.clone();
    stage.fake.world(|world| {
        let slow = move |_: &mut World| clock.advance(Duration::from_millis(millis));
        world.before(operation, Box::new(slow));
    });
}

#[tokio::test]
async fn what_there_is_no_time_for_is_left_to_the_same_stop_a_minute_later() {
    let (stage, groups, tasks) = fleet(2, 300).await;
    slow(&stage, "ecs:StopTask", 150);
    let mut left = vec![];
    let mut event = stop_event(json!(0));
    loop {
        let handled = stage.deliver_with(&event, seconds(30)).await;
        let reported = handled.summary();
        left.push(reported.get("tasksLeft").and_then(Value::as_u64).unwrap_or(0));
        assert_eq!(registered(&stage, &groups), 0, "in the first of them");
        assert!(left.len() < 10, "it never comes to an end: {left:?}");
        handled.result.expect("no failure");
        if left.last() == Some(&0) {
            break;
        }
        stage.fake.world(|world| world.clock = time_of(&stage));
        stage.pass(seconds(90));
        let due = stage.fake.world(|world| world.fire_schedules());
        assert_eq!(due.len(), 1);
        assert_eq!(due[0]["detail"]["continuation"]["count"], json!(left.len()));
        assert_eq!(due[0]["detail"]["requestedAt"], "2026-11-20T07:00:30.000Z");
        event = due[0].clone();
    }
    assert!(left.len() > 1, "there was too little time");
    assert!(left.is_sorted_by(|a, b| a > b), "{left:?}");
    let deregistered = stage.calls().iter().filter(|call| *call == "DeregisterTargets").count();
    assert_eq!((deregistered, stopped(&stage, &tasks)), (2, 300));
}

fn time_of(stage: &Stage) -> time::OffsetDateTime {
    use start_engines_core::ports::Clock;
    let millis = i128::from(stage.clock.now().millis());
    time::OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).expect("a time")
}

#[tokio::test]
async fn tags_for_which_there_is_no_time_come_a_minute_later() {
    let (stage, groups, tasks) = fleet(1, 60).await;
    slow(&stage, "ecs:TagResource", 500);
    let mut event = stop_event(json!(3600));
    let mut tagged = vec![];
    loop {
        let handled = stage.deliver_with(&event, seconds(30)).await;
        let reported = handled.summary();
        handled.result.expect("no failure");
        tagged.push(tags(&stage, &tasks).len());
        assert_eq!(registered(&stage, &groups), 0, "all are out in the first of them");
        assert!(tagged.is_sorted_by(|a, b| a < b), "it gets no further: {tagged:?}");
        if !reported.contains_key("tasksLeft") {
            break;
        }
        stage.fake.world(|world| world.clock = time_of(&stage));
        stage.pass(seconds(90));
        let due = stage.fake.world(|world| world.fire_schedules());
        assert_eq!(due.len(), 1);
        event = due[0].clone();
    }
    assert!(tagged.len() > 1, "there was too little time");
    assert!(tags(&stage, &tasks).iter().all(|time| time == "2026-11-20T08:00:30Z"));
    assert_eq!(
        stage.calls().iter().filter(|call| *call == "DeregisterTargets").count(),
        1
    );
}

#[tokio::test]
async fn without_a_scheduler_what_there_is_no_time_for_comes_with_the_retry() {
    let stage = Stage::with(&[CLUSTER]).await;
    let tasks: Vec<String> = stage.fake.world(|world| {
        let group = world.target_group_arn("auth");
        (0..200).map(|_| running(world, &group)).collect()
    });
    stage.pass(seconds(30));
    slow(&stage, "ecs:StopTask", 300);
    let mut tries = 0;
    loop {
        tries += 1;
        let before = stopped(&stage, &tasks);
        match stage.deliver_with(&stop_event(json!(0)), seconds(30)).await.result {
            Ok(_) => break,
            Err(failure) => {
                assert_eq!((failure.category.name(), failure.transient), ("out_of_time", true));
                assert!(stopped(&stage, &tasks) > before, "it gets no further: {failure}");
            }
        }
        assert!(tries < 10, "it never comes to an end");
    }
    assert!(tries > 1, "there was too little time");
    assert_eq!((stopped(&stage, &tasks), stage.registered().len()), (200, 0));
}

/// Hands an event to the handler, which dies once AWS has answered so many calls of an operation; `None` if it has.
async fn deliver_until(stage: &Stage, event: &Value, operation: &str, calls: usize) -> Option<Handled> {
    let (kill, killed) = oneshot::channel();
    let mut kill = Some(kill);
    let mut seen = 0;
    stage.fake.world(|world| {
        let count = move |_: &mut World| {
            seen += 1;
            if let Some(kill) = kill.take_if(|_| seen == calls) {
                kill.send(()).ok();
            }
        };
        world.after(operation, Box::new(count));
    });
    tokio::select! {
        biased;
        Ok(()) = killed => None,
        handled = stage.deliver(event) => Some(handled),
    }
}

#[tokio::test]
async fn killed_anywhere_and_tried_again_it_comes_to_the_same_end() {
    for drain in [0, 60] {
        for (operation, calls) in [
            ("ecs:ListTasks", 1),
            ("ecs:DescribeTasks", 1),
            ("scheduler:CreateSchedule", 1),
            ("ec2:DescribeNetworkInterfaces", 1),
            ("elb:DeregisterTargets", 1),
            ("elb:DeregisterTargets", 2),
            ("ecs:TagResource", 1),
            ("ecs:TagResource", 20),
            ("ecs:StopTask", 1),
            ("ecs:StopTask", 20),
        ] {
            let (stage, groups, tasks) = fleet(2, 40).await;
            let event = stop_event(json!(drain));
            let first = deliver_until(&stage, &event, operation, calls).await;
            let is_killed = first.is_none();
            let drains = drain > 0;
            let is_of_drain = matches!(operation, "scheduler:CreateSchedule" | "ecs:TagResource");
            let is_made = if operation == "ecs:StopTask" {
                !drains
            } else {
                drains || !is_of_drain
            };
            assert_eq!(is_killed, is_made, "{operation} {calls}, drain {drain}");
            stage.pass(seconds(60));
            outcome(&stage, &event).await;
            assert_eq!(registered(&stage, &groups), 0, "{operation} {calls}, drain {drain}");
            for _ in 0..5 {
                fire(&stage).await;
                stage.pass(seconds(60));
            }
            assert_eq!(
                (
                    registered(&stage, &groups),
                    stopped(&stage, &tasks),
                    schedules(&stage).len()
                ),
                (0, 40, 0),
                "{operation} {calls}, drain {drain}"
            );
        }
    }
}

#[tokio::test]
async fn a_second_half_spares_what_was_asked_for_after_the_first() {
    let (stage, groups, tasks) = fleet(1, 3).await;
    outcome(&stage, &stop_event(json!(60))).await;
    stage.pass(seconds(30));
    let new = stage.fake.world(|world| {
        let task = running(world, &groups[0]);
        world.tag(&task, "start-engines:requested-at", "2026-11-20T07:01:00Z");
        task
    });
    stage.pass(seconds(60));
    assert_eq!(fire(&stage).await, 1);
    assert_eq!((stopped(&stage, &tasks), stopped(&stage, &[new])), (3, 0));
    assert_eq!(registered(&stage, &groups), 1);
}

#[tokio::test]
async fn two_stops_of_one_identity_have_a_schedule_each() {
    let (stage, groups, tasks) = fleet(1, 2).await;
    let of_cluster = stop_event(json!(60));
    assert!(matches!(outcome(&stage, &of_cluster).await, Outcome::Stopped { .. }));
    assert_eq!((schedules(&stage).len(), registered(&stage, &groups)), (1, 0));
    let of_service = stage.fake.world(|world| {
        let (_, part) = groups[0].rsplit_once("targetgroup/").expect("an ARN");
        let task = world.run_foreign_task(&json!({
            "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
            "startedBy": format!("start-engines/{part}/8080"),
            "tags": [
                {"key": "start-engines:event-id", "value": "e2"},
                {"key": "start-engines:service", "value": "auth"},
                {"key": "start-engines:requested-at", "value": BEGIN},
            ],
        }));
        world.advance_to(&task, "RUNNING");
        task
    });
    let mut second = of_cluster;
    second["detail"] = json!({"service": "auth", "drainSeconds": 60});
    let Outcome::Stopped { draining, .. } = outcome(&stage, &second).await else {
        panic!("no stop");
    };
    assert_eq!(draining.len(), 1);
    let names = schedules(&stage);
    assert_eq!(names.len(), 2, "{names:?}");
    // Each stops its own.
    stage.pass(seconds(180));
    let due = stage.fake.world(World::fire_schedules);
    for event in &due {
        outcome(&stage, event).await;
    }
    let all = [tasks, vec![of_service]].concat();
    assert_eq!((due.len(), stopped(&stage, &all)), (2, 3));
}
