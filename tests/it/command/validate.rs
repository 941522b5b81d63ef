//! `start-engines validate`, as an operator runs it.

use std::process::{Command, Output, Stdio};

use serde_json::json;

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
fn a_valid_start_is_shown_as_the_call_that_it_makes() {
    let output = validate(&["fixtures/events/start-fallbacks.json"], "");
    let reported = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{reported}");
    for part in [
        "RunTask, and nothing else",
        "startedBy         start-engines/auth/73e2d6bc24d8a067/8080",
        "#0",
        "    3. launch type FARGATE, subnet-0b1c2d3e4f5a60718",
        "FARGATE_SPOT",
    ] {
        assert!(reported.contains(part), "{part}: {reported}");
    }
}

#[test]
fn every_problem_is_shown_on_a_line_of_its_own() {
    let output = validate(&["fixtures/events/start-invalid.json"], "");
    let reported = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{reported}");
    assert_eq!(reported.lines().count(), 6, "{reported}");
    assert!(reported.contains("detail.port = 70000"), "{reported}");
}

#[test]
fn events_of_tasks_on_container_instances_are_shown_with_their_own_calls() {
    let output = validate(&["fixtures/events/task-bridge-ec2.json"], "");
    let reported = text(&output.stdout);
    assert!(
        reported.contains("DescribeContainerInstances for the EC2 instance id"),
        "{reported}"
    );
    assert!(reported.contains("first call: DescribeTasks"), "{reported}");
    let output = validate(&["fixtures/events/task-bridge-ec2-stopping.json"], "");
    let reported = text(&output.stdout);
    assert!(
        reported.contains("no newer task on the container instance owns it"),
        "{reported}"
    );
    assert!(!reported.contains("handled late"), "{reported}");
    assert!(reported.contains("first call: DescribeTargetGroups"), "{reported}");
    for (event, first) in [
        ("host-ec2", "DescribeTasks"),
        ("host-ec2-stopping", "DescribeTaskDefinition"),
    ] {
        let reported = text(&validate(&[&format!("fixtures/events/task-{event}.json")], "").stdout);
        assert!(reported.contains("DescribeTaskDefinition"), "{reported}");
        assert!(reported.contains(&format!("first call: {first}")), "{reported}");
    }
    let reported = text(&validate(&["fixtures/events/task-pending-stopping.json"], "").stdout);
    assert!(
        reported.contains("handled when new: DescribeTargetHealth"),
        "{reported}"
    );
    assert!(reported.contains("first call: DescribeTargetHealth"), "{reported}");
}

#[test]
fn a_service_needs_its_catalog() {
    let event = ["fixtures/events/start-by-service.json"];
    assert_eq!(validate(&event, "").status.code(), Some(2));
    let output = validate(&[event[0], "--services", "fixtures/services.json"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn the_settings_file_decides_what_is_allowed() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("settings.json");
    let settings = |sources: &str| {
        let lists = json!({"ALLOWED_CLUSTERS": ["*"], "ALLOWED_TARGET_GROUPS": ["*"], "ALLOWED_TASK_FAMILIES": ["*"],
            "ALLOWED_SOURCES": [sources]});
        std::fs::write(&file, lists.to_string()).unwrap();
        let event = "fixtures/events/start-by-service.json";
        let files = [
            "--services",
            "fixtures/services.json",
            "--settings",
            file.to_str().unwrap(),
        ];
        validate(&[&[event][..], &files].concat(), "")
    };
    let sound = settings("*");
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stderr));
    let refused = settings("another.app");
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("is not in ALLOWED_SOURCES"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn state_changes_are_shown_with_their_calls() {
    let reported = |name: &str| text(&validate(&[&format!("fixtures/events/{name}.json")], "").stdout);
    assert!(reported("task-running").contains("first call: DescribeTasks"));
    assert!(reported("task-running-stopping").contains("first call: DeregisterTargets"));
    assert!(reported("task-stopped").contains("first call: DescribeTargetHealth"));
    assert!(reported("task-foreign").contains("nothing to do: foreign_task"));
}

#[test]
fn a_reconcile_shows_which_target_groups_and_clusters_it_compares() {
    let output = validate(
        &[
            "--services",
            "fixtures/services.json",
            "fixtures/events/reconcile-continued.json",
        ],
        "",
    );
    let reported = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for line in [
        "Reconcile ECS Targets: ListTasks and DescribeTasks",
        "cluster           arn:aws:ecs:us-east-1:111122223333:cluster/engines",
        "target group      arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067",
        "continuation      2, from arn:aws:elasticloadbalancing",
    ] {
        assert!(reported.contains(line), "{reported}");
    }
    assert!(!reported.contains("owners also in"), "{reported}");
}

#[test]
fn each_event_of_a_file_is_shown_and_an_invalid_one_is_exit_status_2() {
    let file = serde_json::json!({"Entries": [
        {"Source": "a", "DetailType": "Stop ECS Task", "Detail": "{\"cluster\": \"engines\", \"all\": true, \"drainSeconds\": 0}"},
        {"Source": "a", "DetailType": "Reconcile ECS Targets", "Detail": {"cluster": "engines"}},
    ]});
    let output = validate(&["-"], &file.to_string());
    let reported = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for part in ["Entries[0]\nStop ECS Task", "Entries[1]\nReconcile ECS Targets"] {
        assert!(reported.contains(part), "{reported}");
    }
    assert!(text(&output.stderr).contains("EventBridge gives an event its id"));

    let mut wrong = file;
    wrong["Entries"][0]["Detail"] = serde_json::json!("{\"cluster\": 5");
    wrong["Entries"]
        .as_array_mut()
        .expect("entries")
        .push(serde_json::json!({"Source": "a", "DetailType": "Start ECS Task",
        "Detail": {"port": 0}}));
    let output = validate(&["-", "--output", "json"], &wrong.to_string());
    assert_eq!(output.status.code(), Some(2));
    let reported: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let valid: Vec<_> = reported["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["valid"])
        .collect();
    assert_eq!(valid, [false, true, false]);
    assert_eq!(
        (&reported["valid"], &reported["events"][2]["place"]),
        (&serde_json::json!(false), &serde_json::json!("Entries[2]"))
    );
    let error = text(&output.stderr);
    for part in [
        "invalid_event: 2 of 3 events:",
        "Entries[0]: entry.Detail = a text of 13 characters: must be a JSON object, or one as a text",
        "Entries[2]: detail.port = 0",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn whole_events_come_in_an_array_too() {
    let read = |name: &str| std::fs::read_to_string(format!("fixtures/events/{name}.json")).expect("a fixture");
    let file = format!("[{}, {}]", read("start-minimal"), read("task-running"));
    let output = validate(&["-"], &file);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("[1]\nECS Task State Change"));
    let output = validate(&["-"], "[]");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("holds no event"),
        "{}",
        text(&output.stderr)
    );
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
