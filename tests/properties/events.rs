//! Events: arbitrary ones, fixtures with a change in them, and starts with several mistakes at once.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::task::{Network, Status};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::Journal;
use start_engines_core::request::{self, Trigger};

use crate::json::{any_json, change};

static FIXTURES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.into_iter().map(read).collect()
});

static CATALOG: LazyLock<Config> = LazyLock::new(|| {
    let catalog = include_str!("../../fixtures/services.json");
    Config::read(|_| None, None, Some(catalog)).unwrap()
});

/// An event is read, and its first decision is no internal error; or what is wrong is reported.
fn handled_soundly(event: Value) -> Result<(), TestCaseError> {
    match request::read(event, &CATALOG, None) {
        Ok(trigger) => {
            let step = decide(
                &trigger,
                &CATALOG,
                &Journal::new(Timestamp::from_millis(1_795_158_000_000)),
            );
            if let Step::End(Err(failure)) = step {
                prop_assert_ne!(failure.category.name(), "internal");
            }
        }
        Err(problems) => prop_assert!(!problems.is_empty()),
    }
    Ok(())
}

/// A start's field, a value that no start takes, and how the problem names it.
const MISTAKES: [(&str, &str, &str); 12] = [
    ("cluster", "7", "detail.cluster = 7"),
    ("taskDefinition", "\"a b\"", "detail.taskDefinition = \"a b\""),
    ("port", "0", "detail.port = 0"),
    ("targetGroupArn", "\"auth\"", "detail.targetGroupArn = \"auth\""),
    ("count", "11", "detail.count = 11"),
    ("subnets", "[\"net\"]", "detail.subnets[0] = \"net\""),
    ("securityGroups", "[\"all\"]", "detail.securityGroups[0] = \"all\""),
    ("launchType", "\"MOON\"", "detail.launchType = \"MOON\""),
    ("assignPublicIp", "true", "detail.assignPublicIp = true"),
    ("correlationId", "7", "detail.correlationId = 7"),
    ("tags", "[{\"key\": \"aws:x\", \"value\": \"\"}]", "detail.tags[0].key"),
    ("prot", "8080", "detail.prot"),
];

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(event) = serde_json::from_slice(&bytes) {
            handled_soundly(event)?;
        }
    }

    #[test]
    fn no_json_makes_the_parser_panic(event in any_json()) {
        handled_soundly(event)?;
    }

    #[test]
    fn no_detail_makes_the_parser_panic(detail in any_json(), is_start in any::<bool>()) {
        let (kind, source) = if is_start { ("Start ECS Task", "app") } else { ("ECS Task State Change", "aws.ecs") };
        handled_soundly(json!({"id": "e", "detail-type": kind, "source": source, "detail": detail}))?;
    }

    #[test]
    fn no_change_of_a_fixture_makes_the_parser_panic(
        fixture in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<u16>(), prop::option::of(any_json())), 1..4),
    ) {
        let mut event = fixture.get(&FIXTURES).clone();
        for (place, new) in changes {
            change(&mut event, usize::from(place), new);
        }
        handled_soundly(event)?;
    }

    #[test]
    fn every_mistake_in_a_start_is_reported_at_once_and_nothing_else(chosen in prop::collection::vec(any::<bool>(), MISTAKES.len())) {
        let mut detail = json!({
            "cluster": "engines", "taskDefinition": "auth", "port": 8080, "launchType": "FARGATE",
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067",
            "subnets": ["subnet-0a1b2c3d4e5f60718"],
        });
        let made: Vec<_> = MISTAKES.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(mistake, _)| mistake).collect();
        for (name, value, _) in &made {
            detail[*name] = serde_json::from_str(value).unwrap();
        }
        let event = json!({"id": "e", "detail-type": "Start ECS Task", "source": "app", "detail": detail});
        let reported: Vec<String> = match request::read(event, &Config::default(), None) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        };
        prop_assert_eq!(reported.len(), made.len(), "{:?}", reported);
        for (_, _, name) in made {
            prop_assert!(reported.iter().any(|reported| reported.starts_with(name)), "{} is not in {:?}", name, reported);
        }
    }

    #[test]
    fn a_state_change_is_read_as_it_was_written(
        version in any::<u32>(),
        last in prop::sample::select(vec!["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED", "DOZING"]),
        desired in prop::sample::select(vec!["RUNNING", "STOPPED"]),
        address in any::<std::net::Ipv4Addr>(),
        started_by in "[A-Za-z0-9/_-]{0,128}",
        stopped_at in prop::option::of(0..4_000_000_000_000_i64),
        unknown in any_json(),
    ) {
        let stopped_text = stopped_at.map(|millis| {
            let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
            time.format(&time::format_description::well_known::Rfc3339).unwrap()
        });
        let event = json!({
            "id": "e", "detail-type": "ECS Task State Change", "source": "aws.ecs", "time": "2026-11-20T07:00:00Z",
            "detail": {
                "taskArn": "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef",
                "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/engines",
                "version": version, "lastStatus": last, "desiredStatus": desired, "startedBy": started_by,
                "stoppedAt": stopped_text,
                "attachments": [
                    {"type": "sdi", "details": [{"name": "privateIPv4Address", "value": "192.0.2.1"}]},
                    {"type": "eni", "details": [{"name": "privateIPv4Address", "value": address.to_string()}]},
                ],
                "somethingNew": unknown,
            },
        });
        let Ok(Trigger::TaskStateChange(change)) = request::read(event, &Config::default(), None) else {
            panic!("it is sound")
        };
        let task = &change.task;
        prop_assert_eq!(task.version, u64::from(version));
        prop_assert_eq!(&task.last_status, &Status::from(last));
        prop_assert_eq!(task.last_status.to_string(), last);
        prop_assert_eq!(&task.desired_status, &Status::from(desired));
        prop_assert_eq!(task.started_by.as_deref(), Some(started_by.as_str()));
        prop_assert_eq!(task.stopped_at, stopped_at.map(Timestamp::from_millis));
        let Network::Awsvpc(addresses) = &task.network else {
            panic!("it has an interface")
        };
        prop_assert_eq!(addresses.ipv4, Some(address));
    }
}
