//! `start`, and `start --wait`.

use serde_json::json;
use start_engines_fake_aws::{Fault, Health, World};

use super::{FUNCTION, Run, answered, end, interrupt, on_a_terminal, with_terminal};
use crate::stage::Stage;

const CATALOG: [&str; 2] = ["--services", "fixtures/services.json"];

/// A complete start, which needs no catalog.
fn whole(group: &str) -> String {
    json!({"cluster": "engines", "taskDefinition": "auth", "launchType": "FARGATE", "port": 8080,
        "targetGroupArn": group, "subnets": ["subnet-0a1b2c3d4e5f60718"]})
    .to_string()
}

#[tokio::test]
async fn a_service_is_started_by_one_event_and_its_id_is_printed() {
    let stage = Stage::new().await;
    let arguments = ["start", "auth", "--count", "2", "--correlation-id", "c-1"];
    let ended = Run::new(&stage.fake, &[&arguments[..], &CATALOG].concat())
        .env("START_ENGINES_EVENT_BUS", "engines-bus")
        .end()
        .await
        .must(0);
    let put = stage.fake.world(World::take_put_events);
    assert_eq!(put.len(), 1);
    assert_eq!(put[0]["source"], "start-engines.operator.start-engines");
    assert_eq!(
        put[0]["detail"],
        json!({"service": "auth", "count": 2, "correlationId": "c-1"})
    );
    let id = put[0]["id"].as_str().unwrap();
    assert!(ended.out.contains(id), "{}", ended.out);
    assert_eq!(
        stage.fake.calls_to("events:PutEvents")[0].input["Entries"][0]["EventBusName"],
        "engines-bus"
    );
    assert_eq!(stage.calls(), ["PutEvents"], "no reads without --wait");
}

#[tokio::test]
async fn without_a_source_nothing_is_sent_since_nobody_would_hear_it() {
    let stage = Stage::new().await;
    let arguments = [&["start", "auth"][..], &CATALOG].concat();
    let ended = Run::new(&stage.fake, &arguments)
        .env("START_ENGINES_FUNCTION", "")
        .end()
        .await
        .must(2);
    for named in ["--function", "--source", "Nothing was sent"] {
        assert!(ended.err.contains(named), "{}", ended.err);
    }
    assert_eq!(stage.calls(), [""; 0]);
    let function = "arn:aws:lambda:us-east-1:111122223333:function:prod:live";
    let of_prod = [&arguments[..], &["--function", function]].concat();
    Run::new(&stage.fake, &of_prod).end().await.must(0);
    let own = [&arguments[..], &["--source", "app.own"]].concat();
    Run::new(&stage.fake, &own)
        .env("START_ENGINES_FUNCTION", "")
        .end()
        .await
        .must(0);
    let put = stage.fake.world(World::take_put_events);
    let sources: Vec<_> = put.iter().map(|event| event["source"].clone()).collect();
    assert_eq!(sources, ["start-engines.operator.prod", "app.own"]);
}

#[tokio::test]
async fn a_file_or_standard_input_holds_a_detail_or_an_event() {
    let stage = Stage::new().await;
    let detail = whole(&stage.group);
    Run::new(&stage.fake, &["start", "-f", "-", "--set", "count=3"])
        .end_with(&detail)
        .await
        .must(0);
    let event = stage.start("e-1", json!({})).to_string();
    let ended = Run::new(
        &stage.fake,
        &["start", "--file", "-", "--output", "json", "--source", "app.x"],
    )
    .end_with(&event)
    .await
    .must(0);
    let put = stage.fake.world(World::take_put_events);
    assert_eq!(put[0]["detail"]["count"], 3);
    assert_eq!(put[1]["source"], "app.x");
    assert_eq!(put[1]["detail"]["taskDefinition"], "auth");
    assert_eq!(ended.json()["eventId"], put[1]["id"]);
    assert_eq!(ended.json()["detail"], put[1]["detail"]);
}

#[tokio::test]
async fn a_file_holds_entries_of_put_events_one_or_several() {
    let stage = Stage::new().await;
    let entry = |n: i64| {
        json!({"Source": "app.tenants", "DetailType": "Start ECS Task", "EventBusName": "engines",
        "Detail": json!({"service": "auth", "count": n}).to_string()})
    };
    let arguments = [
        &["start", "--file", "-", "--output", "json", "--correlation-id", "c"][..],
        &CATALOG,
    ]
    .concat();
    let run = |text: String| {
        let run = Run::new(&stage.fake, &arguments);
        async move { run.end_with(&text).await.must(0).json() }
    };
    let one = run(entry(1).to_string()).await;
    assert_eq!(
        one["detail"],
        json!({"service": "auth", "count": 1, "correlationId": "c"})
    );
    let two = run(json!({"Entries": [entry(2), entry(3)]}).to_string()).await;
    assert_eq!(two["events"].as_array().unwrap().len(), 2);
    let put = stage.fake.world(World::take_put_events);
    let counts: Vec<_> = put
        .iter()
        .map(|event| event["detail"]["count"].as_i64().unwrap())
        .collect();
    assert_eq!(counts, [1, 2, 3]);
    assert!(
        put.iter()
            .all(|event| event["source"] == "start-engines.operator.start-engines")
    );
    assert_eq!(two["events"][1]["eventId"], put[2]["id"]);
}

#[tokio::test]
async fn of_several_starts_none_is_sent_if_one_is_wrong_and_each_problem_has_its_place() {
    let stage = Stage::new().await;
    let file = json!([
        {"Source": "a", "DetailType": "Start ECS Task", "Detail": {"service": "auth"}},
        {"Source": "a", "DetailType": "Start ECS Task", "Detail": {"service": "auth", "count": 0, "Cluster": "x"}},
        {"Source": "a", "DetailType": "Stop ECS Task", "Detail": {"service": "auth"}},
    ]);
    let run = |more: &[&str]| Run::new(&stage.fake, &[&["start", "-f", "-"][..], &CATALOG, more].concat());
    let ended = run(&[]).end_with(&file.to_string()).await.must(2);
    for expected in [
        "2 of 3 events are wrong, and none was sent:",
        "[1]: detail.count = 0",
        "[1]: detail.Cluster = a text of 1 characters: is not a field of this object: did you mean `cluster`?",
        "[2]: entry.DetailType = \"Stop ECS Task\": must be \"Start ECS Task\"",
    ] {
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
    }
    let ended = run(&["--idempotency-key", "k"])
        .end_with(&file.to_string())
        .await
        .must(2);
    assert!(
        ended.err.contains("--idempotency-key makes one start of the 3"),
        "{}",
        ended.err
    );
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn a_stop_in_a_file_is_not_sent_as_a_start() {
    let stage = Stage::new().await;
    let stop = json!({"detail-type": "Stop ECS Task", "source": "a", "detail": {"service": "auth"}});
    let run = Run::new(&stage.fake, &[&["start", "-f", "-"][..], &CATALOG].concat());
    let ended = run.end_with(&stop.to_string()).await.must(2);
    assert!(
        ended.err.contains("event.detail-type = \"Stop ECS Task\""),
        "{}",
        ended.err
    );
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn a_bus_that_refuses_one_of_several_is_reported_with_the_number_of_those_sent() {
    let stage = Stage::new().await;
    let file = json!([{"service": "auth"}, {"service": "auth"}, {"service": "auth"}]).to_string();
    let denied = Fault::error(400, "AccessDeniedException", "no");
    let mut calls = 0;
    stage.fake.world(|world| {
        world.before(
            "events:PutEvents",
            Box::new(move |world| {
                calls += 1;
                if calls == 2 {
                    world.fail_next("events:PutEvents", denied.clone(), 1);
                }
            }),
        );
    });
    let run = Run::new(&stage.fake, &[&["start", "-f", "-"][..], &CATALOG].concat());
    let ended = run.end_with(&file).await.must(1);
    assert!(
        ended
            .err
            .contains("1 of 3 events were sent, but not [1]: access_denied"),
        "{}",
        ended.err
    );
    assert_eq!(
        ended.out.matches("sent Start ECS Task as event").count(),
        1,
        "{}",
        ended.out
    );
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
async fn a_wrong_start_is_refused_with_every_problem_and_nothing_is_sent() {
    let stage = Stage::new().await;
    let arguments = ["start", "auth", "--count", "0", "--set", "containerNam=x"];
    let ended = Run::new(&stage.fake, &[&arguments[..], &CATALOG].concat())
        .end()
        .await
        .must(2);
    for expected in ["detail.count = 0", "detail.containerNam"] {
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn what_cannot_be_checked_without_the_catalog_is_noted() {
    let stage = Stage::new().await;
    let ended = Run::new(&stage.fake, &["start", "auth"]).end().await.must(0);
    assert!(
        ended.err.contains("the service catalog is not known here"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn a_source_that_the_function_does_not_allow_is_refused_here() {
    let stage = Stage::new().await;
    let ended = Run::new(&stage.fake, &[&["start", "auth"][..], &CATALOG].concat())
        .env("ALLOWED_SOURCES", "app.tenants")
        .end()
        .await
        .must(2);
    assert!(ended.err.contains("event.source"), "{}", ended.err);
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn what_the_bus_or_aws_refuses_is_exit_status_1() {
    let stage = Stage::new().await;
    let start = [&["start", "auth"][..], &CATALOG].concat();
    stage.fake.world(|world| world.refuse_entries(1));
    let ended = Run::new(&stage.fake, &start).end().await.must(1);
    assert!(ended.err.contains("throttled"), "{}", ended.err);
    let denied = Fault::error(
        400,
        "AccessDeniedException",
        "not authorized to perform: events:PutEvents",
    );
    stage.fake.world(|world| world.fail_next("events:PutEvents", denied, 1));
    let ended = Run::new(&stage.fake, &start).end().await.must(1);
    assert!(
        ended.err.contains("access_denied") && ended.err.contains("PutEvents"),
        "{}",
        ended.err
    );
    stage
        .fake
        .world(|world| world.fail_next("events:PutEvents", Fault::Throttle, 1));
    Run::new(&stage.fake, &start).end().await.must(0);
}

/// At each poll, the next step happens: the function handles the event, the task becomes RUNNING, its target is
/// registered.
async fn while_it_polls(stage: &Stage, run: Run, detail: &str, steps: Vec<Step>) -> super::Ended {
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
    assert!(ended.err.contains("1 of 1 tasks did not start"), "{}", ended.err);
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
