//! The search for the owner of an address, where it does not fit into one invocation, or where ECS may not show the owner
//! yet: it goes on with events of its own, at the wire.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::{Outcome, WhyLater};
use start_engines_core::report::handled::Handled;
use start_engines_fake_aws::{Fault, World};

use crate::events::races::address_freed;
use crate::stage::{Stage, category, outcome};

const ROLE: (&str, &str) = (
    "SCHEDULER_ROLE_ARN",
    "arn:aws:iam::111122223333:role/start-engines-later",
);
/// So that the only schedules are those of late stops.
const NO_TIMEOUT: (&str, &str) = ("TASK_WAIT_TIMEOUT", "0");
const NO_CHECK: (&str, &str) = ("HEALTH_TIMEOUT", "0");

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

async fn stage() -> Stage {
    Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK]).await
}

/// A task of somebody else.
fn run_foreign(world: &mut World) -> String {
    let task = world.run_foreign_task(&json!({
        "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE", "startedBy": "somebody",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
    }));
    world.advance_to(&task, "RUNNING");
    task
}

/// A late stop whose address has an interface of no task; ECS shows this many other tasks, one a page, and each page takes
/// 18 s, so that three fit into an invocation.
async fn slow_fleet(stage: &Stage, others: usize) -> Value {
    let stopped = fleet(stage, others).await;
    slow_down(stage, "ecs:DescribeTasks");
    stopped
}

/// Each such call takes 18 s.
fn slow_down(stage: &Stage, operation: &str) {
    let clock = stage.clock.clone();
    let slow = Box::new(move |world: &mut World| {
        clock.advance(seconds(18));
        world.clock += seconds(18);
    });
    stage.fake.world(|world| world.before(operation, slow));
}

async fn fleet(stage: &Stage, others: usize) -> Value {
    let (_, stopped) = address_freed(stage).await;
    let freed = stage.registered()[0].0.parse().expect("an address");
    stage.fake.world(|world| {
        world.list_tasks_page = 1;
        world.add_interface(freed);
        for _ in 0..others {
            run_foreign(world);
        }
    });
    stage.pass(seconds(400));
    stage.calls();
    stopped
}

fn continued(handled: &Handled) -> Option<(WhyLater, i32)> {
    match handled.result.as_ref().expect("no failure") {
        Outcome::Continued { continued, .. } => Some((continued.why, continued.count)),
        _ => None,
    }
}

/// The event with which a stop goes on, once its time has come.
fn next(stage: &Stage, after: u64) -> Value {
    stage.pass(seconds(after));
    let mut due = stage.fake.world(World::fire_schedules);
    assert_eq!(due.len(), 1, "{due:?}");
    due.remove(0)
}

/// Follows a stop to its end; gives how it ends, and the number of its continuations.
async fn follow(stage: &Stage, first: &Value) -> (Outcome, i32) {
    let mut handled = stage.deliver(first).await;
    let mut number = 0;
    while let Some((_, count)) = continued(&handled) {
        number += 1;
        assert_eq!(count, number);
        handled = stage.deliver(&next(stage, 31)).await;
    }
    (handled.result.expect("no failure"), number)
}

fn count(calls: &[String], name: &str) -> usize {
    calls.iter().filter(|call| *call == name).count()
}

#[tokio::test]
async fn a_search_goes_on_where_it_stopped_and_reads_each_page_once() {
    let stage = stage().await;
    let stopped = slow_fleet(&stage, 8).await;
    let (end, continuations) = follow(&stage, &stopped).await;
    let Outcome::Deregistered { targets, reused, .. } = end else {
        panic!("{end:?}")
    };
    assert_eq!((targets.len(), reused.len()), (1, 0));
    assert_eq!(stage.registered(), []);
    // Eight tasks and the stopped one, three in each part.
    assert_eq!(continuations, 2);
    let calls = stage.calls();
    assert_eq!(count(&calls, "DescribeTasks"), 9);
    // A list of the service, the pages of both others, and in each later part once more the page at which it stopped.
    assert_eq!(count(&calls, "ListTasks"), 1 + 8 + 1 + 2);
    assert_eq!(count(&calls, "DescribeTargetHealth"), 3);
    // Each part asks who has the address; the last one once more, after its search.
    assert_eq!(count(&calls, "DescribeNetworkInterfaces"), 3 + 1);
    assert_eq!(calls.last().map(String::as_str), Some("DeregisterTargets"));
    let again = outcome(&stage, &stopped).await;
    assert!(matches!(again, Outcome::Skipped { .. }), "{again:?}");
}

#[tokio::test]
async fn without_a_scheduler_a_search_that_does_not_fit_is_a_failure() {
    let stage = Stage::new().await;
    let stopped = slow_fleet(&stage, 8).await;
    let failure = stage.deliver(&stopped).await.result.expect_err("a failure");
    assert_eq!((failure.category.name(), failure.transient), ("out_of_time", true));
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn what_is_reported_of_a_stop_that_goes_on() {
    let stage = Stage::with(&[ROLE, NO_TIMEOUT, NO_CHECK, ("OUTCOME_EVENT_BUS", "app-events")]).await;
    let stopped = fleet(&stage, 3).await;
    // Not DescribeTasks, which outcome events need too.
    slow_down(&stage, "ecs:ListTasks");
    let handled = stage.deliver(&stopped).await;
    let line = handled.summary();
    assert_eq!(
        (&line["outcome"], &line["reason"]),
        (&json!("continued"), &json!("owner_search"))
    );
    assert_eq!(line["targetsInQuestion"].as_array().map(Vec::len), Some(1));
    assert!(line["continuesAt"].is_string(), "{line:?}");
    let metrics = handled.metrics("start-engines");
    assert_eq!(
        (&metrics["EventsContinued"], &metrics["Reason"]),
        (&json!(1), &json!("owner_search"))
    );
    // Its own event has told of the stop, so what follows only tells of the target.
    let reported = |stage: &Stage| -> Vec<String> {
        let entries = stage.fake.world(World::take_put_events);
        let kind = |entry: &Value| entry["detail-type"].as_str().expect("a detail-type").to_owned();
        entries.iter().map(kind).collect()
    };
    assert_eq!(reported(&stage).last().map(String::as_str), Some("ECS Task Stopped"));
    let second = stage.deliver(&next(&stage, 31)).await;
    assert_eq!(second.summary()["continuation"], 1);
    assert_eq!(reported(&stage), Vec::<String>::new());
    let third = stage.deliver(&next(&stage, 31)).await;
    let line = third.summary();
    assert_eq!(
        (&line["outcome"], &line["continuation"]),
        (&json!("deregistered"), &json!(2))
    );
    // From the stop, not from the schedule.
    assert!(line["lagMillis"].as_i64() > Some(400_000), "{line:?}");
    assert_eq!(reported(&stage), ["ECS Task Deregistered"]);
}

#[tokio::test]
async fn killed_before_or_after_its_schedule_or_delivered_twice_it_comes_to_the_same_end() {
    let stage = stage().await;
    let stopped = slow_fleet(&stage, 8).await;
    stage
        .fake
        .world(|world| world.fail_next("scheduler:CreateSchedule", Fault::Html500, 3));
    assert_eq!(category(&stage, &stopped).await, "server_error");
    // Twice with the schedule: the second finds it there.
    for _ in 0..2 {
        let handled = stage.deliver(&stopped).await;
        assert_eq!(continued(&handled), Some((WhyLater::OwnerSearch, 1)));
        assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 1);
    }
    let second = next(&stage, 31);
    for _ in 0..2 {
        let handled = stage.deliver(&second).await;
        assert_eq!(continued(&handled), Some((WhyLater::OwnerSearch, 2)));
        assert_eq!(stage.fake.world(|world| world.schedules("default").len()), 1);
    }
    let third = next(&stage, 31);
    let end = outcome(&stage, &third).await;
    assert!(matches!(end, Outcome::Deregistered { .. }), "{end:?}");
    for event in [&third, &second] {
        let again = outcome(&stage, event).await;
        assert!(matches!(again, Outcome::Skipped { .. }), "{again:?}");
    }
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_day_late_a_list_whose_token_is_not_known_any_more_is_begun_once_more() {
    let stage = stage().await;
    let stopped = slow_fleet(&stage, 6).await;
    stage.deliver(&stopped).await.result.expect("it goes on");
    let second = next(&stage, 86_400);
    stage.calls();
    stage.fake.world(World::expire_list_tokens);
    let handled = stage.deliver(&second).await;
    assert_eq!(continued(&handled), Some((WhyLater::OwnerSearch, 2)));
    let third = next(&stage, 31);
    assert_eq!(third["detail"]["search"]["second"], true);
    // A list that is refused twice fails, and can be tried again with the event that has its token.
    let tokens_are_gone = third.clone();
    stage.fake.world(World::expire_list_tokens);
    assert_eq!(category(&stage, &tokens_are_gone).await, "invalid_parameter");
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn an_owner_that_is_found_in_a_later_part_keeps_its_target() {
    let stage = stage().await;
    // Tasks that are listed before it.
    stage.fake.world(|world| {
        for _ in 0..6 {
            run_foreign(world);
        }
    });
    let (_, stopped) = address_freed(&stage).await;
    // Attached with another port first, so that it is of another service.
    let targets = json!([{"targetGroupArn": stage.group, "port": 9090}, {"targetGroupArn": stage.group, "port": 8080}]);
    let start = stage.start("new", json!({"targetGroupArn": null, "port": null, "targets": targets}));
    outcome(&stage, &start).await;
    let owner = stage
        .fake
        .world(|world| world.task_arns().last().expect("a task").clone());
    let running = stage.fake.world(|world| {
        world.list_tasks_page = 1;
        world.advance_to(&owner, "RUNNING")
    });
    outcome(&stage, &running).await;
    slow_down(&stage, "ecs:DescribeTasks");
    let (end, continuations) = follow(&stage, &stopped).await;
    assert!(continuations >= 1);
    let Outcome::Deregistered { targets, reused, .. } = end else {
        panic!("{end:?}")
    };
    assert_eq!((targets.len(), reused.len()), (0, 1));
    assert_eq!(stage.registered().len(), 2);
}

#[tokio::test]
async fn an_interface_that_is_new_in_a_later_part_is_searched_for_from_the_beginning() {
    let stage = stage().await;
    let stopped = slow_fleet(&stage, 8).await;
    stage.deliver(&stopped).await.result.expect("it goes on");
    let second = next(&stage, 31);
    let address = stage.registered()[0].0.parse().expect("an address");
    let began = second["detail"]["search"]["began"].clone();
    stage.fake.world(|world| {
        world.delete_interface(address);
        world.clock += seconds(3);
        world.add_interface(address);
    });
    stage.clock.advance(seconds(3));
    let handled = stage.deliver(&second).await;
    assert_eq!(continued(&handled), Some((WhyLater::OwnerSearch, 2)));
    let third = next(&stage, 31);
    assert_ne!(third["detail"]["search"]["began"], began);
    assert_eq!(third["detail"]["interfaces"].as_array().map(Vec::len), Some(1));
    assert_eq!(stage.registered().len(), 1);
}

#[tokio::test]
async fn its_age_counts_from_when_the_search_began() {
    let stage = stage().await;
    let stopped = slow_fleet(&stage, 8).await;
    let address = stage.registered()[0].0.parse().expect("an address");
    // It is 250 s old when the search begins, and 400 s old when it ends.
    stage.fake.world(|world| {
        world.delete_interface(address);
        world.clock += seconds(3);
        world.add_interface(address);
    });
    stage.clock.advance(seconds(3));
    stage.pass(seconds(250));
    let mut handled = stage.deliver(&stopped).await;
    for count in [1, 2] {
        assert_eq!(continued(&handled), Some((WhyLater::OwnerSearch, count)));
        handled = stage.deliver(&next(&stage, 31)).await;
    }
    assert_eq!(continued(&handled), Some((WhyLater::OwnerNotShown, 3)));
    assert_eq!(stage.registered().len(), 1);
    // A new search, of an interface that is old by now.
    let (end, _) = {
        let mut handled = stage.deliver(&next(&stage, 31)).await;
        while continued(&handled).is_some() {
            handled = stage.deliver(&next(&stage, 31)).await;
        }
        (handled.result.expect("no failure"), ())
    };
    assert!(matches!(end, Outcome::Deregistered { .. }), "{end:?}");
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn a_young_interface_is_waited_for_until_ecs_would_show_its_task() {
    let stage = stage().await;
    let (_, stopped) = address_freed(&stage).await;
    let address = stage.registered()[0].0.parse().expect("an address");
    stage.fake.world(|world| world.add_interface(address));
    stage.pass(seconds(100));
    let handled = stage.deliver(&stopped).await;
    assert_eq!(continued(&handled), Some((WhyLater::OwnerNotShown, 1)));
    stage.pass(seconds(199));
    assert_eq!(stage.fake.world(World::fire_schedules), Vec::<Value>::new());
    let end = outcome(&stage, &next(&stage, 3)).await;
    assert!(matches!(end, Outcome::Deregistered { .. }), "{end:?}");
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn an_interface_without_a_time_of_attachment_counts_from_when_it_was_first_seen() {
    let stage = stage().await;
    let (_, stopped) = address_freed(&stage).await;
    let address = stage.registered()[0].0.parse().expect("an address");
    let interface = stage.fake.world(|world| {
        let interface = world.add_interface(address);
        world.hide_attachment(address);
        interface
    });
    stage.pass(seconds(3600));
    let handled = stage.deliver(&stopped).await;
    assert_eq!(continued(&handled), Some((WhyLater::OwnerNotShown, 1)));
    let second = next(&stage, 302);
    assert_eq!(second["detail"]["interfaces"][0]["id"], interface.as_str());
    let end = outcome(&stage, &second).await;
    assert!(matches!(end, Outcome::Deregistered { .. }), "{end:?}");
    assert_eq!(stage.registered(), []);
}

#[tokio::test]
async fn nobody_else_sends_the_event_with_which_a_stop_goes_on() {
    let stage = stage().await;
    let stopped = slow_fleet(&stage, 8).await;
    stage.deliver(&stopped).await.result.expect("it goes on");
    let second = next(&stage, 31);
    stage.calls();
    let mut forged = second.clone();
    forged["source"] = json!("app.tests");
    let failure = stage.deliver(&forged).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "not_allowed");
    assert!(failure.message.contains("only start-engines itself"), "{failure}");
    let mut broken = second;
    broken["detail"]["targets"][0]["id"] = json!("i-0123456789abcdef0");
    broken["detail"]["interfaces"][0]["firstSeen"] = json!("yesterday");
    broken["detail"]["search"]["listing"] = json!("all");
    broken["detail"]["count"] = json!(101);
    broken["detail"]["more"] = json!(1);
    let failure = stage.deliver(&broken).await.result.expect_err("a failure");
    assert_eq!(failure.category.name(), "invalid_event");
    for part in [
        "detail.targets[0].id",
        "detail.interfaces[0].firstSeen",
        "detail.search.listing",
        "detail.count",
        "detail.more",
    ] {
        assert!(failure.message.contains(part), "{part}: {failure}");
    }
    assert_eq!(stage.calls(), Vec::<String>::new());
}
