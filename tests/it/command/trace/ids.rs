//! What an id can be, and ids that are nothing, or several things.

use serde_json::{Value, json};
use start_engines_fake_aws::{Failure, RunTaskResult};

use super::{Run, Theatre, id, whats};

fn tasks(story: &Value) -> Vec<&str> {
    let tasks = story["tasks"].as_array().expect("tasks");
    tasks
        .iter()
        .map(|task| task["taskArn"].as_str().expect("an ARN"))
        .collect()
}

#[tokio::test]
async fn a_task_is_found_by_its_arn_its_id_and_the_beginning_of_it() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    for given in [task.as_str(), id(&task), &id(&task)[..8]] {
        let story = theatre.json(given, 0).await;
        assert_eq!(
            (tasks(&story), &story["kind"]),
            (vec![task.as_str()], &json!("task")),
            "{given}"
        );
    }
}

#[tokio::test]
async fn an_event_a_correlation_id_and_a_service_lead_to_all_tasks_of_the_start() {
    let theatre = Theatre::new().await;
    let old = theatre.registered("e-0", json!({"service": "auth"})).await;
    // Not long ago: they are still PROVISIONING.
    theatre.pass(480);
    let detail = json!({"service": "auth", "count": 2, "correlationId": "c-1"});
    theatre.deliver(&theatre.start("e-1", detail)).await;
    let mut all = theatre.stage.fake.world(|world| world.task_arns());
    all.retain(|task| *task != old);
    all.sort();
    for (given, kind) in [("e-1", "event"), ("c-1", "correlation"), ("auth", "service")] {
        let story = theatre.json(given, 0).await;
        let mut found = tasks(&story);
        found.sort_unstable();
        assert_eq!(found, all, "{given}");
        assert_eq!(story["kind"], kind);
        assert!(whats(&story).contains(&"run_task"), "{story:#}");
    }
}

#[tokio::test]
async fn after_a_stop_has_deleted_the_tags_the_log_still_leads_to_the_tasks() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({"correlationId": "c-1"})).await;
    let sign = theatre.stage.fake.world(|world| {
        world.stop(&task, "UserInitiated", "Task stopped by user");
        world.event(&task)
    });
    theatre.deliver(&sign).await;
    for given in ["e-1", "c-1"] {
        assert_eq!(tasks(&theatre.json(given, 0).await), [task.as_str()], "{given}");
    }
}

#[tokio::test]
async fn a_services_newest_start_may_have_failed_without_a_task() {
    let theatre = Theatre::new().await;
    theatre.registered("e-0", json!({"service": "auth"})).await;
    theatre.pass(60);
    theatre.stage.fake.world(|world| {
        for _ in 0..8 {
            let failure = Failure::new("RESOURCE:CPU");
            world.run_task_results.push_back(RunTaskResult::Failures(vec![failure]));
        }
    });
    theatre.deliver(&theatre.start("e-1", json!({"service": "auth"}))).await;
    let story = theatre.json("auth", 3).await;
    assert_eq!(
        (tasks(&story).len(), &story["diagnosis"]["code"]),
        (0, &json!("start_failed")),
        "{story:#}"
    );
}

#[tokio::test]
async fn an_id_that_fits_several_things_lists_them() {
    let theatre = Theatre::new().await;
    theatre
        .registered("e-1", json!({"service": "auth", "correlationId": "auth"}))
        .await;
    let ended = theatre.trace(&["auth"]).await.must(2);
    assert!(ended.err.contains("--as correlation or --as service"), "{}", ended.err);
    let story = theatre
        .trace(&["auth", "--as", "correlation", "--output", "json"])
        .await
        .must(0)
        .json();
    assert_eq!(story["kind"], "correlation");
    let alike = ["abcdef01".repeat(4), "abcdef02".repeat(4)];
    theatre.stage.fake.world(|world| world.task_ids.extend(alike.clone()));
    theatre.pass(480);
    theatre.started("e-2", json!({"count": 2})).await;
    let ended = theatre.trace(&["abcdef"]).await.must(2);
    for task in &alike {
        assert!(ended.err.contains(task.as_str()), "{}", ended.err);
    }
    theatre.trace(&["abcdef02"]).await.must(0);
}

#[tokio::test]
async fn an_id_that_is_nothing_is_refused_and_says_where_it_was_looked_for() {
    let theatre = Theatre::new().await;
    for given in ["nothing", "0123456789abcdef0123456789abcdef", "deadbeef"] {
        let ended = theatre.trace(&[given]).await.must(2);
        for expected in ["nothing that is known", "clusters engines", "24 hours"] {
            assert!(ended.err.contains(expected), "{given}: {}", ended.err);
        }
    }
    for (given, rule) in [
        ("a\"b", "no quotation marks"),
        ("", "1 to 2048 characters"),
        ("arn:aws:ecs:us-east-1:111122223333:cluster/engines", "not a task's"),
    ] {
        let ended = theatre.trace(&[given]).await.must(2);
        assert!(ended.err.contains(rule), "{given}: {}", ended.err);
    }
}

#[tokio::test]
async fn a_cluster_of_the_settings_that_is_deleted_has_no_tasks() {
    let theatre = Theatre::new().await;
    let task = theatre.registered("e-1", json!({})).await;
    for given in [id(&task), "e-1"] {
        let run = Run::new(&theatre.stage.fake, &["trace", given, "--output", "json"])
            .env("ALLOWED_CLUSTERS", "abandoned,engines");
        let story = run.end().await.must(0).json();
        assert_eq!(tasks(&story), [task.as_str()], "{given}");
        let notes = story["notes"].as_array().unwrap();
        let note = json!("there is no cluster abandoned: it has no tasks");
        assert!(notes.contains(&note), "{given}: {notes:?}");
    }
}

#[tokio::test]
async fn a_task_that_others_have_started_is_refused() {
    let theatre = Theatre::new().await;
    let task = theatre.started("e-1", json!({})).await;
    theatre.stage.fake.world(|world| world.make_foreign(&task));
    let ended = theatre.trace(&[id(&task)]).await.must(2);
    assert!(ended.err.contains("has not started the task"), "{}", ended.err);
}
