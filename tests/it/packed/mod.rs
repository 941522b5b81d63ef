//! The packed function: what runs here is the `bootstrap` that is in the zip.

mod budget;
mod flood;
mod soak;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use start_engines_fake_aws::function::FunctionConfig;
use start_engines_fake_aws::runtime_api::RuntimeApi;
use start_engines_fake_aws::tls::AUTHORITY;
use start_engines_fake_aws::{FakeAws, TargetGroup, TaskDefinition};

use crate::function::connections::{Door, listener, tls};
use crate::stage::start_event;

/// Where the zip is, and its binary beside it in a folder of its own.
pub(crate) fn unpacked() -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let zip = root.join("target/lambda/start-engines-lambda/bootstrap.zip");
    assert!(zip.exists(), "{} is not there: run `make package`", zip.display());
    let folder = root.join("target/unpacked");
    let unzip = [
        "-c",
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract('bootstrap', sys.argv[2])",
    ];
    let mut python = std::process::Command::new(root.join(".venv/bin/python"));
    let done = python
        .args(unzip)
        .arg(&zip)
        .arg(&folder)
        .status()
        .expect("run `make venv`");
    assert!(done.success());
    let binary = folder.join("bootstrap");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&binary, mode).expect("its own copy");
    (zip, binary)
}

/// The packed function, run by `FUNCTION_RUNNER` if there is one: `qemu-aarch64` with its options, for example.
pub(crate) fn function(aws_endpoint: &str) -> FunctionConfig {
    let (_, binary) = unpacked();
    let runner = std::env::var("FUNCTION_RUNNER").unwrap_or_default();
    let runner: Vec<&str> = runner.split_whitespace().collect();
    FunctionConfig::new(binary.to_str().expect("a path"), aws_endpoint).under(&runner)
}

/// What is linked into the function beside our own crates: name and version of each package.
pub(crate) fn dependencies() -> Vec<String> {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    let listed = cargo
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "start-engines",
            "--no-default-features",
        ])
        .args(["--edges", "normal", "--prefix", "none", "--no-dedupe"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("text");
    let of_others = listed.lines().filter(|line| !line.starts_with("start-engines"));
    let all: BTreeSet<&str> = of_others.collect();
    all.into_iter().map(str::to_owned).collect()
}

#[test]
fn the_function_is_built_without_what_only_the_command_needs() {
    let listed = dependencies();
    let names: Vec<&str> = listed.iter().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"aws-sdk-ecs"), "{names:?}");
    assert!(!names.contains(&"aws-config"), "aws-config is in the function");
    let of_command = [
        "clap",
        "clap_complete",
        "aws-sdk-sqs",
        "aws-sdk-lambda",
        "aws-sdk-sso",
        "anstream",
        "indicatif",
        "textwrap",
        "unicode-width",
        "signal-hook-registry",
    ];
    for name in of_command {
        assert!(!names.contains(&name), "{name} is in the function");
    }
}

/// With `make test-arm64` the packed function is one of another machine than this.
#[tokio::test]
#[ignore = "it needs the packed function: `make test-arm64`"]
async fn the_packed_function_serves_a_life_over_tls() {
    let fake = FakeAws::start().await;
    let group = fake.world(|world| {
        world.clock = time::OffsetDateTime::now_utc();
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("auth").container("auth", &[8080]));
        world.add_target_group(TargetGroup::ip("auth", 80).deregistration_delay(0))
    });
    let door = Door::open(listener().await, &fake, Some(tls()));
    let runtime = RuntimeApi::start().await;
    let _function = function(&format!("https://localhost:{}", door.port))
        .env("AWS_CA_BUNDLE", AUTHORITY)
        .spawn(&runtime);
    let invoke = async |event: &Value| runtime.invoke(event).await.expect("it lives").expect_response();
    let registered = || fake.world(|world| world.registered(&group)).len();

    let mut event = start_event("packed", &group, json!({}));
    event["time"] = Value::Null;
    let started = invoke(&event).await;
    let task = started["tasks"][0].as_str().expect("an ARN").to_owned();
    let event = fake.world(|world| world.advance_to(&task, "RUNNING"));
    invoke(&event).await;
    assert_eq!(registered(), 1);
    let event = fake.world(|world| {
        world.stop(&task, "UserInitiated", "packed");
        world.event(&task)
    });
    invoke(&event).await;
    assert_eq!(registered(), 0);
    let event = fake.world(|world| world.advance_to(&task, "STOPPED"));
    invoke(&event).await;
    assert_eq!(registered(), 0);
    let starts = fake.operations().iter().filter(|name| *name == "ecs:RunTask").count();
    assert_eq!(starts, 1);
}
