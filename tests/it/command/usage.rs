//! What is wrong with a command line or a file, offline commands, and exit status 2.

use super::Run;

#[tokio::test]
async fn help_lists_every_exit_status() {
    let help = Run::offline(&["--help"]).end().await.must(0).out;
    for status in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  130  "] {
        assert!(help.contains(&format!("\n{status}")), "{status}: {help}");
    }
    let page = include_str!("../../../docs/command.md");
    let table = help.split_once("Exit status:\n").expect("the table").1;
    for line in table.lines() {
        let (number, meaning) = line.trim().split_once(' ').expect("a number and what it means");
        let row = format!("| {number} | {} |", meaning.trim());
        assert!(page.contains(&row), "docs/command.md has no row {row}");
    }
}

#[tokio::test]
async fn no_line_of_help_is_wider_than_a_table() {
    for command in [
        &["--help"][..],
        &["start", "--help"],
        &["stop", "--help"],
        &["redrive", "--help"],
        &["trace", "--help"],
    ] {
        let help = Run::offline(command).end().await.must(0).out;
        let widest = help.lines().max_by_key(|line| line.chars().count()).expect("lines");
        assert!(widest.chars().count() <= 100, "{widest}");
    }
}

#[tokio::test]
async fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Run::offline(&["completions", shell]).end().await.must(0).out;
        assert!(script.contains("redrive") && script.contains("endpoint-url"), "{shell}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_reported_and_no_call_is_made() {
    for (arguments, expected) in [
        (&["start"][..], "required"),
        (&["start", "auth", "--file", "x.json"], "cannot be used with"),
        (&["start", "auth", "--set", "count"], "must be field=JSON"),
        (&["start", "auth", "--timeout", "5"], "--wait"),
        (&["stop"], "required"),
        (&["stop", "--service", "a", "--task", "b"], "cannot be used with"),
        (
            &["stop", "--all-of-cluster", "a", "--cluster", "b"],
            "cannot be used with",
        ),
        (&["stop", "--task", "t"], "START_ENGINES_FUNCTION"),
        (&["stop", "--task", "t", "--source", "app"], "detail.taskArn"),
        (&["stop", "--service", "", "--source", "app"], "detail.service"),
        (&["redrive"], "no queue is given"),
        (
            &["start", "auth", "--source", "app", "--cluster", "a b"],
            "detail.cluster",
        ),
        (&["start", "--file", "nowhere.json"], "nowhere.json"),
        (&["completions", "ksh"], "possible values"),
        (&["status-quo"], "unrecognized subcommand"),
        (&["start", "auth", "--output", "xml"], "possible values"),
        (
            &["start", "auth", "--source", "app", "--event-bus", "a b"],
            "--event-bus",
        ),
        (&["start", "auth", "--function", "start-engines"], "--function"),
        (
            &[
                "validate",
                "fixtures/events/start-by-service.json",
                "--services",
                "README.md",
            ],
            "services",
        ),
    ] {
        let ended = Run::offline(arguments).end().await.must(2);
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
        assert!(ended.out.is_empty(), "{}", ended.out);
    }
}

#[tokio::test]
async fn without_a_region_it_says_where_to_name_one() {
    let ended = Run::offline(&["start", "auth", "--cluster", "engines", "--source", "app"])
        .end()
        .await
        .must(2);
    assert!(ended.err.contains("--region"), "{}", ended.err);
}

#[tokio::test]
async fn every_problem_of_a_catalog_is_reported() {
    let ended = Run::offline(&["start", "a", "--services", "-"])
        .end_with(r#"{"a": {"cont": 1}, "b": {"count": 0}}"#)
        .await
        .must(2);
    assert!(ended.err.contains("services.a.cont"), "{}", ended.err);
    assert!(ended.err.contains("services.b.count"), "{}", ended.err);
}
