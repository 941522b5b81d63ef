//! `start-engines validate`, as an operator runs it.

use std::process::{Command, Output, Stdio};

fn validate(arguments: &[&str], stdin: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_start-engines"))
        .arg("validate")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(stdin.as_bytes())
        .expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_sound_start_is_told_as_the_call_that_it_makes() {
    let output = validate(&["fixtures/events/start-fallbacks.json"], "");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for part in [
        "RunTask, and nothing else",
        "startedBy         start-engines/auth/73e2d6bc24d8a067/8080",
        "#0",
        "#2",
        "FARGATE_SPOT",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn every_problem_is_told_on_a_line_of_its_own() {
    let output = validate(&["fixtures/events/start-invalid.json"], "");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.lines().count(), 6, "{told}");
    assert!(told.contains("detail.port = 70000"), "{told}");
}

#[test]
fn events_of_tasks_on_instances_are_told_with_their_own_calls() {
    let output = validate(&["fixtures/events/task-bridge-ec2.json"], "");
    let told = text(&output.stdout);
    assert!(
        told.contains("DescribeContainerInstances for the instance id"),
        "{told}"
    );
    assert!(told.contains("first call: DescribeTasks"), "{told}");
    let output = validate(&["fixtures/events/task-bridge-ec2-stopping.json"], "");
    let told = text(&output.stdout);
    assert!(told.contains("no newer task on the instance has it"), "{told}");
    assert!(!told.contains("handled late"), "{told}");
    assert!(told.contains("first call: DescribeTargetGroups"), "{told}");
    for (event, first) in [
        ("host-ec2", "DescribeTasks"),
        ("host-ec2-stopping", "DescribeTaskDefinition"),
    ] {
        let told = text(&validate(&[&format!("fixtures/events/task-{event}.json")], "").stdout);
        assert!(told.contains("DescribeTaskDefinition"), "{told}");
        assert!(told.contains(&format!("first call: {first}")), "{told}");
    }
    let told = text(&validate(&["fixtures/events/task-pending-stopping.json"], "").stdout);
    assert!(told.contains("handled when new: DescribeTargetHealth"), "{told}");
    assert!(told.contains("first call: DescribeTargetHealth"), "{told}");
}

#[test]
fn a_service_needs_its_catalog() {
    let event = ["fixtures/events/start-by-service.json"];
    assert_eq!(validate(&event, "").status.code(), Some(2));
    let output = validate(&[event[0], "--services", "fixtures/services.json"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn state_changes_tell_their_way() {
    let told = |name: &str| text(&validate(&[&format!("fixtures/events/{name}.json")], "").stdout);
    assert!(told("task-running").contains("first call: DescribeTasks"));
    assert!(told("task-running-stopping").contains("first call: DeregisterTargets"));
    assert!(told("task-stopped").contains("first call: DescribeTargetHealth"));
    assert!(told("task-foreign").contains("nothing to do: foreign_task"));
}

#[test]
fn a_reconcile_tells_which_groups_and_clusters_it_looks_at() {
    let output = validate(
        &[
            "--services",
            "fixtures/services.json",
            "fixtures/events/reconcile-continued.json",
        ],
        "",
    );
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for line in [
        "Reconcile ECS Targets: ListTasks and DescribeTasks",
        "cluster           arn:aws:ecs:us-east-1:111122223333:cluster/engines",
        "group             arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067",
        "continuation      2, from arn:aws:elasticloadbalancing",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(!told.contains("owners also in"), "{told}");
}

#[test]
fn standard_input_is_read_and_must_be_json() {
    let output = validate(&["-"], "{ not json");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("- is not JSON"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_file_that_is_not_there_is_a_usage_error() {
    assert_eq!(validate(&["nowhere.json"], "").status.code(), Some(2));
    assert_eq!(validate(&[], "").status.code(), Some(2));
}
