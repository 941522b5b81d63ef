//! `reconcile`: the plan first, then the repair; unknown targets only with a person's word.

use serde_json::json;

use super::{Ended, Run, on_a_terminal};
use crate::stage::Stage;
use crate::support::fake_aws::Fault;

const RECONCILE: &str = "reconcile --cluster engines";

async fn reconcile(stage: &Stage, arguments: &[&str]) -> Ended {
    let all = [&["reconcile", "--cluster", "engines"], arguments].concat();
    Run::new(&stage.fake, &all).end().await
}

/// One task is not registered, another one has stopped and left its target, and one target is nobody's.
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
async fn a_dry_run_tells_the_plan_and_changes_nothing() {
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
async fn where_nobody_can_be_asked_nothing_is_repaired_without_yes_and_nothing_pruned_at_all() {
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
async fn what_cannot_be_seen_or_repaired_is_exit_status_1() {
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
        "what was done is told: {}",
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
    let (status, shown) = on_a_terminal(&stage.fake, RECONCILE, "n\n").await;
    assert_eq!(status, Some(2), "{shown}");
    assert!(shown.contains("Repair 2 targets in engines?"), "{shown}");
    assert_eq!(registered(&stage), before);
    let (status, shown) = on_a_terminal(&stage.fake, &format!("{RECONCILE} --yes --prune"), "n\n").await;
    assert_eq!(status, Some(2), "{shown}");
    assert_eq!(registered(&stage), before, "{unknown}");
    let (status, shown) = on_a_terminal(&stage.fake, &format!("{RECONCILE} --prune"), "y\ny\n").await;
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("Take 1 unknown target in engines out?"), "{shown}");
    assert_eq!(registered(&stage), [missing]);
}
