//! `stop`, and `stop --wait`.

use serde_json::json;
use start_engines_fake_aws::World;

use super::Run;
use crate::stage::Stage;

const CATALOG: [&str; 2] = ["--services", "fixtures/services.json"];

async fn details(stage: &Stage, arguments: &[&str]) -> Vec<serde_json::Value> {
    Run::new(&stage.fake, arguments).end().await.must(0);
    let put = stage.fake.world(World::take_put_events);
    assert!(put.iter().all(|event| event["detail-type"] == "Stop ECS Task"));
    put.into_iter().map(|event| event["detail"].clone()).collect()
}

#[tokio::test]
async fn each_selector_becomes_the_events_own() {
    let stage = Stage::new().await;
    let id = "0123456789abcdef0123456789abcdef";
    let arn = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{id}");
    assert_eq!(
        details(&stage, &["stop", "--task", &arn, "--drain", "0", "--reason", "tests"]).await,
        [json!({"taskArn": arn, "drainSeconds": 0, "reason": "tests"})]
    );
    assert_eq!(
        details(&stage, &["stop", "--task", id, "--cluster", "engines"]).await,
        [json!({"taskArn": arn, "cluster": "engines"})]
    );
    assert_eq!(
        details(
            &stage,
            &[&["stop", "--service", "auth", "--correlation-id", "c"][..], &CATALOG].concat()
        )
        .await,
        [json!({"service": "auth", "correlationId": "c"})]
    );
    assert_eq!(
        details(&stage, &["stop", "--all-of-cluster", "engines", "--yes"]).await,
        [json!({"cluster": "engines", "all": true})]
    );
    assert_eq!(stage.calls(), ["PutEvents"; 4], "no reads without --wait");
}

#[tokio::test]
async fn all_of_a_cluster_needs_a_yes_where_there_is_no_terminal() {
    let stage = Stage::new().await;
    let ended = Run::new(&stage.fake, &["stop", "--all-of-cluster", "engines"])
        .end_with("y\n")
        .await
        .must(2);
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn a_service_that_the_catalog_does_not_have_is_refused() {
    let stage = Stage::new().await;
    let ended = Run::new(&stage.fake, &[&["stop", "--service", "atuh"][..], &CATALOG].concat())
        .end()
        .await
        .must(2);
    assert!(ended.err.contains("must be a service of the catalog"), "{}", ended.err);
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn an_id_without_account_or_cluster_is_refused() {
    let id = "0123456789abcdef0123456789abcdef";
    let ended = Run::offline(&["stop", "--task", id]).end().await.must(2);
    assert!(ended.err.contains("no cluster is given"), "{}", ended.err);
    let ended = Run::offline(&["stop", "--task", id, "--cluster", "engines"])
        .end()
        .await
        .must(2);
    assert!(ended.err.contains("the account is not known here"), "{}", ended.err);
}

#[tokio::test]
async fn with_wait_it_polls_until_the_tasks_of_the_service_have_stopped() {
    let stage = Stage::new().await;
    let mine = stage.registered_task("e-1").await;
    let other = stage.registered_task("e-2").await;
    stage.fake.world(|world| {
        world.tag(&mine, "start-engines:service", "auth");
        let mut polls = 0;
        let task = mine.clone();
        world.before(
            "ecs:DescribeTasks",
            Box::new(move |world| {
                polls += 1;
                match polls {
                    3 => world.stop(&task, "UserInitiated", "tests"),
                    4 => {
                        world.advance_to(&task, "STOPPED");
                    }
                    _ => {}
                }
            }),
        );
    });
    let arguments = [
        "stop",
        "--service",
        "auth",
        "--cluster",
        "engines",
        "--wait",
        "--output",
        "json",
    ];
    let ended = Run::new(&stage.fake, &[&arguments[..], &CATALOG].concat())
        .end()
        .await
        .must(0);
    let tasks = &ended.json()["tasks"];
    assert_eq!(tasks.as_array().unwrap().len(), 1, "{tasks}");
    assert_eq!(
        (&tasks[0]["taskArn"], &tasks[0]["lastStatus"]),
        (&json!(mine), &json!("STOPPED"))
    );
    assert_eq!(ended.err.matches("  RUNNING, stopping").count(), 1, "{}", ended.err);
    assert!(!ended.err.contains(other.rsplit('/').next().unwrap()), "{}", ended.err);
}

#[tokio::test]
async fn a_stop_with_nothing_to_stop_is_sent_and_done() {
    let stage = Stage::new().await;
    let arguments = [
        "stop",
        "--all-of-cluster",
        "engines",
        "--yes",
        "--wait",
        "--output",
        "json",
    ];
    let ended = Run::new(&stage.fake, &arguments).end().await.must(0);
    assert_eq!(ended.json()["tasks"], json!([]));
    let nothing = "\nnothing to stop: ECS lists no live task of this deployment in engines\n";
    assert!(ended.err.ends_with(nothing), "{}", ended.err);
    assert_eq!(stage.fake.world(World::take_put_events).len(), 1);
    stage.registered_task("e-1").await;
    let of_another = ["stop", "--service", "auth", "--cluster", "engines", "--wait"];
    let ended = Run::new(&stage.fake, &[&of_another[..], &CATALOG].concat())
        .end()
        .await
        .must(0);
    let nothing = "nothing to stop: ECS lists no live task of the service auth in engines\n";
    assert!(ended.err.ends_with(nothing), "{}", ended.err);
}

#[tokio::test]
async fn a_task_that_does_not_stop_in_time_is_exit_status_4() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e-1").await;
    let arguments = ["stop", "--task", &task, "--wait", "--timeout", "1"];
    let ended = Run::new(&stage.fake, &arguments).end().await.must(4);
    assert!(ended.err.contains("0 of 1 tasks have stopped"), "{}", ended.err);
}

#[tokio::test]
async fn a_task_that_ecs_never_returns_is_looked_for_ten_seconds_and_said_to_be_unknown() {
    let stage = Stage::new().await;
    let id = "0123456789abcdef0123456789abcdef";
    let arguments = [
        "stop",
        "--task",
        id,
        "--cluster",
        "engines",
        "--wait",
        "--output",
        "json",
    ];
    let ended = Run::new(&stage.fake, &arguments).end().await.must(0);
    // Before the stop is sent, and again and again.
    let looks = stage.fake.calls_to("ecs:DescribeTasks").len();
    assert!(looks > 3, "{looks}");
    assert_eq!(ended.json()["tasks"][0]["lastStatus"], json!(null));
    let err = ended.err.replace('\n', " ");
    let nothing = format!("nothing to stop: ECS knows no task {id} in engines; it is looked for 10 s");
    assert!(err.contains(&nothing) && !err.contains("not found any more"), "{err}");
    assert_eq!(stage.fake.world(World::take_put_events).len(), 1);
}

#[tokio::test]
async fn a_task_that_ecs_does_not_return_yet_is_waited_for() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e-1").await;
    stage.fake.world(|world| {
        world.pin_described(&task, 0);
        let mut polls = 0;
        let task = task.clone();
        world.before(
            "ecs:DescribeTasks",
            Box::new(move |world| {
                polls += 1;
                match polls {
                    3 => world.unpin_described(&task),
                    4 => world.stop(&task, "UserInitiated", "tests"),
                    5 => {
                        world.advance_to(&task, "STOPPED");
                    }
                    _ => {}
                }
            }),
        );
    });
    let arguments = ["stop", "--task", &task, "--wait", "--output", "json"];
    let ended = Run::new(&stage.fake, &arguments).end().await.must(0);
    assert_eq!(ended.json()["tasks"][0]["lastStatus"], "STOPPED");
    assert!(ended.err.contains("  not found\n"), "{}", ended.err);
    assert!(ended.err.contains("  RUNNING, stopping\n"), "{}", ended.err);
}
