//! The event patterns that the Pulumi program emits, judged by MiniStack's TestEventPattern on every
//! fixture: `fixtures/rules.json` has the rule that each event must match.
//!
//! The patterns are read from the recorded run of the program, so what is judged here is deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use start_engines_fake_aws::wire;

use super::ministack;

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pattern of one of the program's rules.
fn pattern(rule: &str) -> Value {
    let recorded = read("pulumi/tests/snapshots/up.json");
    let name = format!("aws:cloudwatch/eventRule:EventRule::start-engines-{rule}");
    let mut registrations = recorded.as_array().expect("registrations").iter();
    let found = registrations.find(|registration| registration["resource"] == name.as_str());
    found.expect("the rule")["inputs"]["eventPattern"]["json"].clone()
}

async fn lets_through(endpoint: &str, pattern: &Value, event: &Value) -> bool {
    let headers = [
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target", "AWSEvents.TestEventPattern".to_owned()),
        ("x-amz-date", "20260101T000000Z".to_owned()),
        ("authorization", wire::authorization("events")),
    ];
    let input = json!({"EventPattern": pattern.to_string(), "Event": event.to_string()}).to_string();
    let address = endpoint.trim_start_matches("http://");
    let answer = wire::send(address, "POST", "/", &headers, input.as_bytes())
        .await
        .expect("an answer");
    answer.json()["Result"]
        .as_bool()
        .unwrap_or_else(|| panic!("no result: {}", answer.body))
}

#[tokio::test]
async fn each_rule_lets_just_its_own_fixtures_through() {
    let session = ministack::session().await;
    let endpoint = session.emulator.endpoint();
    let patterns = [
        ("requests", pattern("requests")),
        ("stateChange", pattern("state-change")),
    ];
    let source = patterns[0].1["source"][0].clone();
    let expected: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_value(read("fixtures/rules.json")).expect("lists");
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")).expect("fixtures");
    let names: BTreeSet<String> = files
        .map(|file| {
            file.expect("a file")
                .path()
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let listed: BTreeSet<String> = expected.values().flatten().cloned().collect();
    assert_eq!(names, listed, "each fixture is listed once, and the other way round");
    for name in &names {
        let mut event = read(&format!("fixtures/events/{name}.json"));
        let sent_from = event["source"].clone();
        if sent_from != "aws.ecs" {
            // The application that the program allows; from any other, no rule lets it through.
            let stranger = lets_through(&endpoint, &patterns[0].1, &event).await;
            assert!(!stranger, "{name} from {sent_from}");
            event["source"] = source.clone();
        }
        for (rule, pattern) in &patterns {
            let is_expected = expected[*rule].contains(name);
            assert_eq!(
                lets_through(&endpoint, pattern, &event).await,
                is_expected,
                "{name} through {rule}"
            );
        }
    }
}

#[tokio::test]
async fn neither_rule_lets_events_of_other_clusters_or_forgers_through() {
    let session = ministack::session().await;
    let endpoint = session.emulator.endpoint();
    let pattern = pattern("state-change");
    let running = read("fixtures/events/task-running.json");
    assert!(lets_through(&endpoint, &pattern, &running).await);
    for (pointer, value) in [
        (
            "/detail/clusterArn",
            json!("arn:aws:ecs:us-east-1:111122223333:cluster/others"),
        ),
        ("/source", json!("app.forger")),
        ("/detail/startedBy", json!("ecs-svc/1234567890123456789")),
        ("/detail/lastStatus", json!("PENDING")),
    ] {
        let mut other = running.clone();
        *other.pointer_mut(pointer).expect("a field") = value;
        assert!(!lets_through(&endpoint, &pattern, &other).await, "{pointer}");
    }
}
