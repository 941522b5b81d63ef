//! `start --wait`.

use serde_json::json;
use start_engines_fake_aws::{Fault, Health, World};

use super::super::{Ended, FUNCTION, Run, answered, end, interrupt, on_a_terminal, with_terminal};
use super::whole;
use crate::stage::Stage;

/// At each poll, the next step happens: the function handles the event, the task becomes RUNNING, its target is
/// registered.
async fn while_it_polls(stage: &Stage, run: Run, detail: &str, steps: Vec<Step>) -> Ended {
    // A poll lists tasks twice: those with desired status RUNNING, and STOPPED.
    let mut steps = steps.into_iter().flat_map(|step| [Some(step), None]);
    stage.fake.world(|world| {
        world.before(
            "ecs:ListTasks",
            Box::new(move |world| {
                let task = world.task_arns().first().cloned().unwrap_or_default();
                if let Some(Some(mut step)) = steps.next() {
                    step(world, &task);
                }
            }),
        );
    });
    run.end_with(detail).await
}

type Step = Box<dyn FnMut(&mut World, &str) + Send>;

fn handled() -> Step {
    Box::new(|world, _| {
        let event = world.take_put_events().pop().expect("the event was sent");
        let group = event["detail"]["targetGroupArn"].as_str().expect("a group").to_owned();
        let tail = group.split_once(":targetgroup/").expect("an ARN").1.to_owned();
        world.run_foreign_task(&json!({
            "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
            "startedBy": format!("start-engines/{tail}/8080"),
            "tags": [{"key": "start-engines:event-id", "value": event["id"]}],
        }));
    })
}

fn running() -> Step {
    Box::new(|world, task| {
        world.advance_to(task, "RUNNING");
    })
}

fn initial(group: &str) -> Step {
    let group = group.to_owned();
    Box::new(move |world, task| {
        let address = world.address(task).expect("an address").to_string();
        world.register(&group, &address, 8080);
    })
}

fn healthy(group: &str) -> Step {
    let group = group.to_owned();
    Box::new(move |world, task| {
        let address = world.address(task).expect("an address").to_string();
        world.set_health(&group, &address, 8080, Health::Healthy);
    })
}

/// A text without its breaks.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asserts that no line is wider than a table.
fn must_fit(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[tokio::test]
async fn with_wait_each_of_several_starts_is_awaited_by_itself() {
    let stage = Stage::new().await;
    let one: serde_json::Value = serde_json::from_str(&whole(&stage.group)).unwrap();
    let run = Run::new(&stage.fake, &["start", "-f", "-", "--wait", "--output", "json"]);
    let both: Step = Box::new(|world, _| {
        for event in world.take_put_events() {
            let group = event["detail"]["targetGroupArn"].as_str().expect("a group").to_owned();
            let tail = group.split_once(":targetgroup/").expect("an ARN").1.to_owned();
            let task = world.run_foreign_task(&json!({
                "cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
                "startedBy": format!("start-engines/{tail}/8080"),
                "tags": [{"key": "start-engines:event-id", "value": event["id"]}],
            }));
            world.advance_to(&task, "RUNNING");
            let address = world.address(&task).expect("an address").to_string();
            world.register(&group, &address, 8080);
            world.set_health(&group, &address, 8080, Health::Healthy);
        }
    });
    let file = json!([one, one]).to_string();
    let json = while_it_polls(&stage, run, &file, vec![both]).await.must(0).json();
    let tasks: Vec<_> = json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["tasks"].clone())
        .collect();
    assert_eq!(
        tasks
            .iter()
            .map(|tasks| tasks.as_array().unwrap().len())
            .collect::<Vec<_>>(),
        [1, 1]
    );
    assert_ne!(tasks[0][0]["taskArn"], tasks[1][0]["taskArn"]);
}

#[tokio::test]
async fn until_registered_it_does_not_wait_for_the_health() {
    let stage = Stage::new().await;
    let run = Run::new(&stage.fake, &["start", "-f", "-", "--wait", "--until", "registered"]);
    let steps = vec![handled(), running(), initial(&stage.group)];
    let ended = while_it_polls(&stage, run, &whole(&stage.group), steps).await.must(0);
    assert!(
        ended.err.contains("RUNNING, 1 of 1 targets registered"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn after_the_timeout_it_prints_what_trace_says() {
    let stage = Stage::new().await;
    let run = Run::new(
        &stage.fake,
        &["start", "-f", "-", "--wait", "--timeout", "2", "--cluster", "engines"],
    );
    let steps = vec![handled(), running(), initial(&stage.group)];
    let ended = while_it_polls(&stage, run, &whole(&stage.group), steps).await.must(4);
    must_fit(&ended.err);
    for expected in [
        "after 2 s 0 of 1 tasks are RUNNING and healthy, waiting for healthy, from initial",
        "Diagnosis: it is registered in auth, and ",
        "was not read",
    ] {
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
    }
    let nobody = Run::new(
        &stage.fake,
        &["start", "-f", "-", "--wait", "--timeout", "1", "--cluster", "engines"],
    );
    let ended = nobody.end_with(&whole(&stage.group)).await.must(4);
    must_fit(&ended.err);
    for expected in [
        "waiting for the function to start them",
        "trace: ID = ",
        "that is known",
    ] {
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
    }
}

#[tokio::test]
async fn of_several_starts_that_time_out_it_prints_what_trace_says_of_the_first_alone() {
    let stage = Stage::new().await;
    let one: serde_json::Value = serde_json::from_str(&whole(&stage.group)).unwrap();
    let run = Run::new(
        &stage.fake,
        &[
            "start",
            "-f",
            "-",
            "--wait",
            "--timeout",
            "1",
            "--cluster",
            "engines",
            "--output",
            "json",
        ],
    );
    let ended = run.end_with(&json!([one, one, one]).to_string()).await.must(4);
    assert_eq!(ended.err.matches("trace: ID = ").count(), 1, "{}", ended.err);
    let json = ended.json();
    let event = |n: usize| json["events"][n]["eventId"].as_str().unwrap();
    let others = format!(
        "start-engines trace ID tells of the others that timed out: {}, {}",
        event(1),
        event(2)
    );
    assert!(on_one_line(&ended.err).contains(&others), "{}", ended.err);
    must_fit(&ended.err);
    let searches = stage.fake.calls_to("logs:FilterLogEvents");
    assert_eq!(searches.len(), 1, "one event, whose id is its identity: {searches:?}");
}

#[tokio::test]
async fn with_wait_it_polls_until_the_task_serves_and_prints_each_change_once() {
    let stage = Stage::new().await;
    let run = Run::new(&stage.fake, &["start", "-f", "-", "--wait", "--output", "json"]);
    let steps = vec![handled(), running(), initial(&stage.group), healthy(&stage.group)];
    let ended = while_it_polls(&stage, run, &whole(&stage.group), steps).await.must(0);
    for expected in [
        "PROVISIONING",
        "RUNNING, 0 of 1 targets registered",
        "RUNNING and registered, 0 of 1 targets healthy: initial (the load balancer still registers it)",
        "RUNNING and registered, 1 of 1 targets healthy",
    ] {
        let all = on_one_line(&ended.err);
        assert_eq!(all.matches(expected).count(), 1, "{expected}: {}", ended.err);
    }
    must_fit(&ended.err);
    assert!(
        !ended.err.contains('\u{1b}'),
        "no terminal, no control characters: {}",
        ended.err
    );
    let task = &ended.json()["tasks"][0];
    assert_eq!(task["lastStatus"], "RUNNING");
    assert_eq!(task["targets"][0]["registered"], true);
    assert_eq!(task["targets"][0]["state"], "healthy");
}

#[tokio::test]
async fn a_task_that_stops_before_it_runs_is_exit_status_3_with_the_reason() {
    let stage = Stage::new().await;
    let run = Run::new(&stage.fake, &["start", "-f", "-", "--wait"]);
    let fails: Step = Box::new(|world, task| world.fail_start(task, "CannotPullContainerError: no such image", ""));
    let ended = while_it_polls(&stage, run, &whole(&stage.group), vec![handled(), fails])
        .await
        .must(3);
    assert!(ended.err.contains("CannotPullContainerError"), "{}", ended.err);
    assert!(
        ended.err.contains("1 of 1 tasks did not start, or stopped again"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn a_start_that_nobody_handles_ends_after_the_timeout_with_exit_status_4() {
    let stage = Stage::new().await;
    let ended = Run::new(&stage.fake, &["start", "-f", "-", "--wait", "--timeout", "1"])
        .end_with(&whole(&stage.group))
        .await
        .must(4);
    assert!(ended.err.contains("after 1 s 0 of 1 tasks"), "{}", ended.err);
}

#[tokio::test]
async fn a_throttled_poll_is_repeated_and_a_denied_one_says_that_the_event_was_sent() {
    let stage = Stage::new().await;
    // The SDK tries three times by itself.
    stage
        .fake
        .world(|world| world.fail_next("elb:DescribeTargetHealth", Fault::Throttle, 3));
    let run = Run::new(&stage.fake, &["start", "-f", "-", "--wait"]);
    let steps = vec![handled(), running(), initial(&stage.group), healthy(&stage.group)];
    let ended = while_it_polls(&stage, run, &whole(&stage.group), steps).await.must(0);
    assert!(ended.err.contains("trying again"), "{}", ended.err);

    let stage = Stage::new().await;
    let denied = Fault::error(400, "AccessDeniedException", "no");
    stage.fake.world(|world| world.fail_next("ecs:ListTasks", denied, 1));
    let run = Run::new(&stage.fake, &["start", "-f", "-", "--wait"]);
    let ended = run.end_with(&whole(&stage.group)).await.must(1);
    assert!(
        ended
            .err
            .contains("the event was sent, but reading the tasks failed: access_denied"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn on_a_terminal_a_line_moves_and_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let line = "start auth --wait --timeout 1 --cluster engines";
    let (status, shown) = on_a_terminal(&stage.fake, line, "").await;
    assert_eq!(status, Some(4), "{shown}");
    assert!(shown.contains("\n      0 s | 0 of 1 tasks"), "{shown:?}");
    let last = shown.rsplit("\r\u{1b}[2K").next().unwrap();
    assert!(
        last.starts_with("trace: ") && last.contains("\nafter 1 s"),
        "the line is cleared: {shown:?}"
    );

    let mut dumb = with_terminal(&stage.fake, line);
    dumb.env("TERM", "dumb");
    let (status, shown) = answered(dumb, "").await;
    assert_eq!(status, Some(4), "{shown}");
    assert!(
        !shown.contains("|") && !shown.contains('\u{1b}'),
        "nothing moves where nothing can: {shown:?}"
    );
}

#[tokio::test]
async fn an_interrupt_ends_the_polling_at_once_and_what_was_sent_stays_sent() {
    let stage = Stage::new().await;
    let (polled, mut polls) = tokio::sync::mpsc::unbounded_channel();
    stage.fake.world(|world| {
        world.after(
            "ecs:ListTasks",
            Box::new(move |_| polled.send(()).expect("the test listens")),
        );
    });
    let run = Run::new(&stage.fake, &["start", "auth", "--wait", "--cluster", "engines"])
        .env("START_ENGINES_FUNCTION", FUNCTION);
    let child = run.begin();
    polls.recv().await.expect("a poll");
    interrupt(&child).await;
    let ended = end(child).await.must(130);
    assert!(ended.out.contains("sent Start ECS Task as event"), "{}", ended.out);
    assert_eq!(stage.fake.world(World::take_put_events).len(), 1);
}
