//! `start`; `waits` has `start --wait`.

mod waits;

use serde_json::json;
use start_engines_fake_aws::{Fault, World};

use super::Run;
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
