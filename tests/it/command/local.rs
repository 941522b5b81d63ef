//! `local`: the function in this process, against the fake.

use serde_json::{Value, json};

use super::Run;
use crate::stage::Stage;

#[tokio::test]
async fn an_event_on_standard_input_is_handled_as_the_function_would() {
    let stage = Stage::new().await;
    let start = stage.start("e-1", json!({})).to_string();
    let ended = Run::new(&stage.fake, &["local", "-"]).end_with(&start).await.must(0);
    assert!(ended.out.starts_with("-: started in "), "{}", ended.out);
    assert!(ended.out.contains("calls: RunTask"), "{}", ended.out);
    assert_eq!(stage.calls(), ["RunTask"]);
}

#[tokio::test]
async fn a_folder_of_events_is_handled_in_the_order_of_the_names() {
    let stage = Stage::new().await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("local-events");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let (task, running) = stage.running_task("e-1").await;
    stage.calls();
    std::fs::write(
        folder.join("2-wrong.json"),
        stage.start("e-2", json!({"count": 0})).to_string(),
    )
    .unwrap();
    std::fs::write(folder.join("1-running.json"), running.to_string()).unwrap();
    std::fs::write(folder.join("read-me.txt"), "no event").unwrap();
    let folder = folder.display().to_string();
    let ended = Run::new(&stage.fake, &["local", &folder, "--output", "json"])
        .end()
        .await
        .must(3);
    let events = ended.json()["events"].as_array().unwrap().clone();
    let outcomes: Vec<&Value> = events.iter().map(|event| &event["outcome"]).collect();
    assert_eq!(outcomes, ["registered", "failed"]);
    assert_eq!(events[1]["reason"], "invalid_event");
    assert_eq!(stage.registered().len(), 1, "{task}");
    assert!(ended.err.contains("1 of 2 events failed"), "{}", ended.err);
}

#[tokio::test]
async fn without_an_endpoint_or_an_event_nothing_is_called() {
    let stage = Stage::new().await;
    let run = || Run::new(&stage.fake, &["local", "-"]);
    let ended = run().env("AWS_ENDPOINT_URL", "").end_with("{}").await.must(2);
    assert!(ended.err.contains("--endpoint-url"), "{}", ended.err);
    for (text, expected) in [("", "holds no event"), ("{ not", "is not JSON")] {
        let ended = run().end_with(text).await.must(2);
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
    assert!(stage.calls().is_empty());
}
