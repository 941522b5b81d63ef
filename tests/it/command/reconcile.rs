//! `reconcile`: the plan first, then the repair; unknown targets only with a person's word.

use serde_json::json;
use start_engines_fake_aws::Fault;

use super::{Ended, Run, answered, with_terminal};
use crate::stage::Stage;

const RECONCILE: &str = "reconcile --cluster engines";

/// All clusters in which there can be tasks.
const CLUSTERS: (&str, &str) = ("ALLOWED_CLUSTERS", "engines");

fn run(stage: &Stage, arguments: &[&str]) -> Run {
    Run::new(
        &stage.fake,
        &[&["reconcile", "--cluster", "engines"], arguments].concat(),
    )
}

async fn reconcile(stage: &Stage, arguments: &[&str]) -> Ended {
    run(stage, arguments).env(CLUSTERS.0, CLUSTERS.1).end().await
}

/// Runs the command on a terminal, with these answers.
async fn on_a_terminal(stage: &Stage, arguments: &str, answers: &str) -> (Option<i32>, String) {
    let mut command = with_terminal(&stage.fake, arguments);
    command.env(CLUSTERS.0, CLUSTERS.1);
    answered(command, answers).await
}

/// One task is not registered, another one has stopped and left its target, and one target is of no known task.
async fn drifted(stage: &Stage) -> [String; 3] {
    let missing = stage.registered_task("e-1").await;
    let left = stage.registered_task("e-2").await;
    let addresses = stage.fake.world(|world| {
        let [one, two] = [&missing, &left].map(|task| world.address(task).expect("an address").to_string());
        world.deregister(&stage.group, &one, 8080);
        world.stop(&left, "UserInitiated", "tests");
        world.advance_to(&left, "STOPPED");
        world.register(&stage.group, "10.9.9.9", 8080);
        [one, two, "10.9.9.9".to_owned()]
    });
    stage.calls();
    addresses
}

fn registered(stage: &Stage) -> Vec<String> {
    let mut ids: Vec<String> = stage.registered().into_iter().map(|(id, _)| id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_dry_run_prints_the_plan_and_changes_nothing() {
    let stage = Stage::new().await;
    reconcile(&stage, &["--dry-run"]).await.must(0);
    let [missing, left, unknown] = drifted(&stage).await;
    let before = registered(&stage);
    let ended = reconcile(&stage, &["--dry-run"]).await.must(3);
    for (sign, address) in [("+", &missing), ("-", &left), ("?", &unknown)] {
        let line = ended.out.lines().find(|line| line.contains(&format!("{address}:8080")));
        assert!(
            line.is_some_and(|line| line.trim_start().starts_with(sign)),
            "{address}: {}",
            ended.out
        );
    }
    assert!(
        ended.out.contains("1 to register, 1 to deregister, 1 unknown"),
        "{}",
        ended.out
    );
    assert_eq!(registered(&stage), before);
    let json = reconcile(&stage, &["--dry-run", "--output", "json"])
        .await
        .must(3)
        .json();
    let actions: Vec<&str> = json["plans"][0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["register", "deregister", "none"]);
}

#[tokio::test]
async fn with_yes_it_repairs_and_leaves_unknown_targets_alone() {
    let stage = Stage::new().await;
    let [missing, _, unknown] = drifted(&stage).await;
    let ended = reconcile(&stage, &["--yes"]).await.must(0);
    assert!(
        ended.out.contains("Cluster engines: 1 registered, 1 deregistered"),
        "{}",
        ended.out
    );
    assert!(
        ended.err.contains("1 unknown target in engines left alone"),
        "{}",
        ended.err
    );
    let mut expected = vec![missing, unknown];
    expected.sort();
    assert_eq!(registered(&stage), expected);
    reconcile(&stage, &["--dry-run"]).await.must(0);
    let ended = reconcile(&stage, &["--yes", "--output", "json"]).await.must(0);
    assert_eq!(ended.json()["done"], json!([]));
}

#[tokio::test]
async fn without_a_terminal_nothing_is_repaired_without_yes_and_nothing_pruned_at_all() {
    let stage = Stage::new().await;
    drifted(&stage).await;
    let before = registered(&stage);
    let ended = reconcile(&stage, &[]).await.must(2);
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    let ended = reconcile(&stage, &["--yes", "--prune"]).await.must(2);
    assert!(ended.err.contains("a terminal"), "{}", ended.err);
    assert_eq!(registered(&stage), before);
}

#[tokio::test]
async fn what_cannot_be_read_or_repaired_is_exit_status_1() {
    let stage = Stage::new().await;
    drifted(&stage).await;
    let denied = |what: &str| Fault::error(400, "AccessDenied", &format!("not authorized to perform: {what}"));
    stage
        .fake
        .world(|world| world.fail_next("elb:DescribeTargetHealth", denied("a"), 1));
    let ended = reconcile(&stage, &["--dry-run"]).await.must(1);
    assert!(ended.out.contains("access_denied"), "{}", ended.out);
    stage
        .fake
        .world(|world| world.fail_next("elb:RegisterTargets", denied("elasticloadbalancing:RegisterTargets"), 1));
    let ended = reconcile(&stage, &["--yes"]).await.must(1);
    assert!(
        ended.err.contains("access_denied") && ended.err.contains("RegisterTargets"),
        "{}",
        ended.err
    );
    assert!(
        ended.out.contains("0 registered, 1 deregistered"),
        "what was done is printed: {}",
        ended.out
    );
    reconcile(&stage, &["--yes"]).await.must(0);
    reconcile(&stage, &["--dry-run"]).await.must(0);
}

#[tokio::test]
async fn one_service_is_compared_where_the_catalog_has_it() {
    let stage = Stage::new().await;
    let ended = reconcile(
        &stage,
        &["--dry-run", "--service", "auth", "--services", "fixtures/services.json"],
    )
    .await;
    let ended = ended.must(0);
    assert!(ended.out.contains("Cluster engines: "), "{ended:?}");
    let ended = reconcile(&stage, &["--service", "atuh", "--services", "fixtures/services.json"])
        .await
        .must(2);
    assert!(ended.err.contains("must be a service of the catalog"), "{}", ended.err);
}

#[tokio::test]
async fn on_a_terminal_a_person_decides_on_the_repair_and_on_each_cluster_s_unknown_targets() {
    let stage = Stage::new().await;
    let [missing, _, unknown] = drifted(&stage).await;
    let before = registered(&stage);
    // Anything but yes is no.
    for answer in ["n\n", "\n", "maybe\n"] {
        let (status, shown) = on_a_terminal(&stage, RECONCILE, answer).await;
        assert_eq!(status, Some(2), "{shown}");
        assert!(shown.contains("Repair 2 targets in engines?"), "{shown}");
        assert_eq!(registered(&stage), before);
    }
    let (status, shown) = on_a_terminal(&stage, &format!("{RECONCILE} --yes --prune"), "n\n").await;
    assert_eq!(status, Some(2), "{shown}");
    assert_eq!(registered(&stage), before, "{unknown}");
    let (status, shown) = on_a_terminal(&stage, &format!("{RECONCILE} --prune"), "y\ny\n").await;
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("Deregister 1 unknown target in engines?"), "{shown}");
    assert_eq!(registered(&stage), [missing]);
}

/// A task in another cluster has the address of one in `engines` that has stopped, as a live target.
async fn taken_over_elsewhere() -> (Stage, String) {
    let stage = Stage::new().await;
    let old = stage.registered_task("e-1").await;
    stage.fake.world(|world| {
        world.add_cluster("workers");
        let address = world.address(&old).expect("an address");
        world.stop(&old, "UserInitiated", "tests");
        world.advance_to(&old, "STOPPED");
        world.release_address(&old);
        world.next_address(address);
    });
    let start = stage.start("e-2", json!({"cluster": "workers"}));
    stage.deliver(&start).await.result.expect("a start");
    let running = stage.fake.world(|world| {
        let task = world.task_arns().last().expect("a task").clone();
        world.advance_to(&task, "RUNNING")
    });
    stage.deliver(&running).await.result.expect("a registration");
    stage.calls();
    let address = registered(&stage)[0].clone();
    (stage, address)
}

#[tokio::test]
async fn without_the_functions_settings_nothing_is_deregistered_and_it_says_what_to_give() {
    let (stage, address) = taken_over_elsewhere().await;
    // What names no cluster in full, or not all of them, is as good as nothing.
    let little = [
        ("ECS_CLUSTER", "engines"),
        ("SERVICES_FILE", "fixtures/services.json"),
        ("ALLOWED_CLUSTERS", "eng*"),
    ];
    for (name, value) in [("LANG", "C")].into_iter().chain(little) {
        for arguments in [&["--dry-run"][..], &["--yes"], &["--yes", "--output", "json"]] {
            let ended = run(&stage, arguments).env(name, value).end().await.must(3);
            for expected in ["ALLOWED_CLUSTERS", "commandEnvironment", "SERVICES_FILE"] {
                assert!(ended.err.contains(expected), "{name} {arguments:?}: {ended:?}");
            }
            if arguments.contains(&"json") {
                let json = ended.json();
                assert!(json["note"].as_str().unwrap().contains("ALLOWED_CLUSTERS"), "{json}");
                let change = &json["plans"][0]["changes"][0];
                assert_eq!((&change["action"], &change["id"]), (&json!("none"), &json!(address)));
            } else {
                assert!(
                    ended.out.contains("0 to deregister, 0 unknown, 1 left behind"),
                    "{}",
                    ended.out
                );
                assert!(
                    ended.out.lines().all(|line| line.chars().count() <= 100),
                    "{}",
                    ended.out
                );
            }
            assert_eq!(
                registered(&stage),
                std::slice::from_ref(&address),
                "{name} {arguments:?}"
            );
        }
    }
    assert_eq!(stage.fake.calls_to("elb:DeregisterTargets").len(), 0);
    // With them, the task of the other cluster is its owner.
    let all = run(&stage, &["--yes"]).env("ALLOWED_CLUSTERS", "engines,workers");
    let ended = all.end().await.must(0);
    assert!(
        ended.out.contains("0 to register, 0 to deregister, 0 unknown\n"),
        "{}",
        ended.out
    );
    assert_eq!(registered(&stage), [address]);
}

#[tokio::test]
async fn without_the_functions_settings_missing_targets_are_still_registered() {
    let stage = Stage::new().await;
    let [missing, left, unknown] = drifted(&stage).await;
    let ended = run(&stage, &["--yes"]).end().await.must(3);
    assert!(ended.out.contains("1 registered, 0 deregistered"), "{}", ended.out);
    let mut expected = vec![missing, left, unknown];
    expected.sort();
    assert_eq!(registered(&stage), expected);
    let ended = run(&stage, &["--yes", "--prune"]).end().await.must(2);
    assert!(
        ended.err.contains("--prune") && ended.err.contains("ALLOWED_CLUSTERS"),
        "{}",
        ended.err
    );
    assert_eq!(registered(&stage), expected);
}

#[tokio::test]
async fn status_does_not_send_anybody_to_a_reconcile_that_would_guess() {
    let (stage, _) = taken_over_elsewhere().await;
    let status = |arguments: &[&str]| Run::new(&stage.fake, &[&["status", "--cluster", "engines"], arguments].concat());
    let ended = status(&[]).end().await.must(3);
    assert!(ended.out.contains("LEFT BEHIND?"), "{}", ended.out);
    assert!(
        ended.err.contains("ALLOWED_CLUSTERS") && !ended.err.contains("repairs the drift"),
        "{}",
        ended.err
    );
    let json = status(&["--output", "json"]).end().await.must(3).json();
    assert!(json["note"].as_str().unwrap().contains("ALLOWED_CLUSTERS"), "{json}");
    let ended = status(&[])
        .env("ALLOWED_CLUSTERS", "engines,workers")
        .end()
        .await
        .must(0);
    assert!(!ended.out.contains("LEFT BEHIND"), "{}", ended.out);
}

#[tokio::test]
async fn another_deployments_tasks_are_neither_repaired_nor_shown() {
    let stage = Stage::new().await;
    let [missing, left, unknown] = drifted(&stage).await;
    stage.fake.world(|world| {
        for task in world.task_arns() {
            world.tag(&task, "start-engines:deployment", "another");
        }
    });
    let before = registered(&stage);
    let ended = reconcile(&stage, &["--yes"]).await.must(0);
    assert!(
        ended.out.contains("0 to register, 0 to deregister, 0 unknown"),
        "{}",
        ended.out
    );
    assert_eq!(registered(&stage), before);
    let status = |arguments: &[&str]| {
        let all = [&["status", "--cluster", "engines"], arguments].concat();
        Run::new(&stage.fake, &all)
            .env(CLUSTERS.0, CLUSTERS.1)
            .env("ALLOWED_TARGET_GROUPS", "auth*")
    };
    let ended = status(&[]).end().await.must(0);
    assert!(ended.out.contains("0 tasks, 0 targets drifted"), "{}", ended.out);
    assert!(
        ended.out.contains("1 task of other deployments not shown"),
        "{}",
        ended.out
    );
    for address in [missing, left, unknown] {
        assert!(!ended.out.contains(&address), "{}", ended.out);
    }
    let json = status(&["--output", "json"]).end().await.must(0).json();
    assert_eq!(json["clusters"][0]["tasksOfOtherDeployments"], 1);
    // By its own name they are its own.
    let ended = status(&[]).env("DEPLOYMENT", "another").end().await.must(3);
    assert!(ended.out.contains("2 tasks, 2 targets drifted"), "{}", ended.out);
}

#[tokio::test]
async fn without_the_functions_settings_a_task_whose_time_to_drain_is_over_is_stopped_all_the_same() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e-1").await;
    stage
        .fake
        .world(|world| world.tag(&task, "start-engines:stop-at", "2020-01-01T00:00:00Z"));
    run(&stage, &["--yes"]).end().await.must(0);
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "STOPPED");
    assert_eq!(stage.registered().len(), 1, "no target is deregistered");
}

#[tokio::test]
async fn a_task_whose_time_to_drain_is_over_is_in_the_plan_and_is_stopped() {
    let stage = Stage::new().await;
    let task = stage.registered_task("e-1").await;
    stage
        .fake
        .world(|world| world.tag(&task, "start-engines:stop-at", "2020-01-01T00:00:00Z"));
    let plan = reconcile(&stage, &["--dry-run"]).await.must(3);
    assert!(plan.out.contains("1 task to stop"), "{}", plan.out);
    assert!(plan.out.contains("its drain is over"), "{}", plan.out);
    let json = reconcile(&stage, &["--dry-run", "--output", "json"])
        .await
        .must(3)
        .json();
    let change = &json["plans"][0]["changes"][0];
    assert_eq!((&change["action"], &change["taskArn"]), (&json!("stop"), &json!(task)));
    assert!(change["why"].as_str().unwrap().contains("2020-01-01T00:00:00.000Z"));
    let (status, text) = on_a_terminal(&stage, RECONCILE, "n\n").await;
    assert!(
        status == Some(2) && text.contains("Repair 1 task to stop in engines?"),
        "{text}"
    );
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "RUNNING");
    let done = reconcile(&stage, &["--yes", "--output", "json"]).await.must(0).json();
    assert_eq!(done["done"][0]["stopped"], json!([task]));
    assert_eq!(stage.fake.world(|world| world.desired_status(&task)), "STOPPED");
    reconcile(&stage, &["--dry-run"]).await.must(3); // Its target is left, until its events are handled.
}
