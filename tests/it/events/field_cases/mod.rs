//! Real situations that went wrong elsewhere, or here: each file of `fixtures/field-cases/` with what is right.
//!
//! One row for each file, here or in the tables of starts and of hosts, which need a world around them. A file without
//! a row fails, and so does a row without its file.

mod hosts;
mod starts;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::Stage;

/// What is right.
enum Right {
    /// It is handled, without a call of AWS that changes anything; the log line has these fields.
    Summary(Value),
    /// It is refused, without a call: by these problems, and no others.
    Refused(&'static [&'static str]),
    /// It starts a task: RunTask's input has these fields.
    Starts(Value),
    /// `start-engines validate` takes the file, and says this of it.
    Valid(&'static [&'static str]),
}

fn rows() -> Vec<(&'static str, Right)> {
    vec![
        (
            "08-failed-start-image-of-one-container",
            Right::Summary(json!({"outcome": "skipped", "failedStart": "image_pull_failed"})),
        ),
        (
            "09-failed-start-no-capacity",
            Right::Summary(json!({"outcome": "skipped", "failedStart": "capacity_unavailable"})),
        ),
        (
            "10-sns-to-lambda",
            Right::Refused(&["event.Records[0].EventSource = \"aws:sns\": is a record of SNS"]),
        ),
        (
            "11-put-events-entry",
            Right::Valid(&["Start ECS Task: RunTask", "cluster           engines"]),
        ),
        (
            "11-put-events-file",
            Right::Valid(&["Entries[0]", "Start ECS Task: RunTask", "cluster           engines"]),
        ),
        (
            "12-start-cli-input-json",
            Right::Refused(&[
                "detail.clientToken = a text of 3 characters: is not a field of this object: start-engines derives RunTask's clientToken from idempotencyKey",
                "detail.startedBy = a text of 6 characters: is not a field of this object: start-engines writes the targets of a task there: use correlationId or tags",
            ]),
        ),
        (
            "12-start-ecs-parameters",
            Right::Refused(&[
                "detail.LaunchType = a text of 7 characters: is not a field of this object: did you mean `launchType`? Names are camelCase",
                "detail.NetworkConfiguration = an object of 1 fields: is not a field of this object: did you mean `networkConfiguration`?",
                "detail.PlatformVersion = a text of 6 characters: is not a field of this object: did you mean `platformVersion`?",
                "detail.TaskCount = a number: is not a field of this object: did you mean `count`?",
                "detail.TaskDefinitionArn = a text of 57 characters: is not a field of this object: did you mean `taskDefinition`?",
            ]),
        ),
        (
            "12-start-step-functions",
            Right::Refused(&[
                "detail.Cluster = a text of 7 characters: is not a field of this object: did you mean `cluster`? Names are camelCase",
                "detail.EnableExecuteCommand = a boolean: is not a field of this object: did you mean `enableExecuteCommand`?",
                "detail.LaunchType = a text of 7 characters: is not a field of this object: did you mean `launchType`?",
                "detail.NetworkConfiguration = an object of 1 fields: is not a field of this object: did you mean `networkConfiguration`?",
                "detail.Overrides = an object of 1 fields: is not a field of this object: did you mean `overrides`?",
                "detail.Port = a number: is not a field of this object: did you mean `port`?",
                "detail.Tags = an array of 1: is not a field of this object: did you mean `tags`?",
                "detail.TargetGroupArn = a text of 85 characters: is not a field of this object: did you mean `targetGroupArn`?",
                "detail.TaskDefinition = a text of 4 characters: is not a field of this object: did you mean `taskDefinition`?",
            ]),
        ),
        (
            "13-start-key-aws",
            Right::Refused(&["detail.idempotencyKey = \"aws:scheduler:nightly\": must not begin with aws:"]),
        ),
        (
            "13-start-tag-value-aws",
            Right::Refused(&["detail.tags[0].value = \"aws:ecs\": must not begin with aws:"]),
        ),
        (
            "13-start-two-bases",
            Right::Refused(&[
                "detail.capacityProviderStrategy = an array of 2: only one capacity provider can have a base",
            ]),
        ),
        (
            "13-start-zero-weights",
            Right::Refused(&[
                "detail.capacityProviderStrategy = an array of 2: at least one of several capacity providers must have a weight above 0",
            ]),
        ),
        (
            "14-start-launch-type-mi",
            Right::Refused(&[
                "detail.launchType = \"MANAGED_INSTANCES\": must be one of EC2, FARGATE, EXTERNAL; for Managed Instances, give capacityProviderStrategy",
            ]),
        ),
        (
            "14-start-launch-type-spot",
            Right::Refused(&[
                "detail.launchType = \"FARGATE_SPOT\": must be one of EC2, FARGATE, EXTERNAL; for Fargate Spot, give capacityProviderStrategy: [{\"capacityProvider\": \"FARGATE_SPOT\", \"weight\": 1}]",
            ]),
        ),
        (
            "15-start-inference-accelerator-overrides",
            Right::Starts(json!({
                "overrides": {"containerOverrides": [{"name": "auth"}], "inferenceAcceleratorOverrides": []},
            })),
        ),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field-cases")
}

fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.json"))
}

#[test]
fn every_file_has_a_row_and_every_row_its_file() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let rows = rows();
    let here = rows.iter().map(|(name, _)| *name);
    assert!(here.clone().is_sorted());
    let all = here.chain(starts::FILES).chain(hosts::FILES.map(|(name, _)| name));
    assert_eq!(files, all.map(str::to_owned).collect());
}

#[tokio::test]
async fn each_field_case_comes_out_right() {
    for (name, right) in rows() {
        let text = std::fs::read_to_string(file(name)).unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        match right {
            Right::Valid(says) => valid(name, says),
            Right::Summary(fields) => {
                let (stage, reported, error) = handled(event).await;
                assert_eq!(error, None, "{name}");
                has(name, &reported, &fields);
                let calls = stage.calls();
                assert!(
                    calls.iter().all(|call| call.starts_with("Describe")),
                    "{name}: {calls:?}"
                );
            }
            Right::Refused(problems) => {
                let (stage, reported, error) = handled(event).await;
                let error = error.unwrap_or_else(|| panic!("{name} was not refused: {reported}"));
                assert_eq!(
                    (stage.calls().len(), &reported["reason"]),
                    (0, &json!("invalid_event")),
                    "{name}"
                );
                let noun = if problems.len() == 1 { "problem" } else { "problems" };
                assert!(
                    error.starts_with(&format!("{} {noun}: ", problems.len())),
                    "{name}: {error}"
                );
                for problem in problems {
                    assert!(error.contains(problem), "{name}: {error}\ndoes not say: {problem}");
                }
            }
            Right::Starts(fields) => {
                let (stage, reported, error) = handled(event).await;
                assert_eq!((error, &reported["outcome"]), (None, &json!("started")), "{name}");
                let calls = stage.fake.calls_to("ecs:RunTask");
                assert_eq!(calls.len(), 1, "{name}");
                has(name, &calls[0].input, &fields);
            }
        }
    }
}

/// By the function, a minute after all of them were sent: what it reports, and the error if it refuses.
async fn handled(event: Value) -> (Stage, Value, Option<String>) {
    let stage = Stage::new().await;
    stage.pass(Duration::from_secs(60));
    let handled = stage.deliver(&event).await;
    let error = handled.result.as_ref().err().map(ToString::to_string);
    (stage, Value::Object(handled.summary()), error)
}

fn has(name: &str, all: &Value, fields: &Value) {
    for (field, value) in fields.as_object().unwrap() {
        assert_eq!(&all[field], value, "{name}: {field} of {all}");
    }
}

fn valid(name: &str, says: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_start-engines"))
        .arg("validate")
        .arg(file(name))
        .env_clear()
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{name}: {error}");
    for part in says {
        assert!(reported.contains(part), "{name}: {reported}");
    }
}
