//! The story in order, and how it is printed.

use super::*;

#[test]
fn a_request_that_was_delivered_twice_was_made_once() {
    let twice = evidence(Vec::new(), vec![started(&[arn(1)]), started(&[arn(1)])]);
    let story = Story::of(&twice);
    let requested = story
        .moments
        .iter()
        .filter(|moment| moment.what == crate::trace::What::Requested);
    assert_eq!(requested.count(), 1);
}

/// A story with a moment of each source, and texts that no form may take for its own syntax.
fn whole_story() -> Evidence {
    let mut unhealthy = life(
        task(1, "RUNNING", "RUNNING"),
        Some(("unhealthy", Some("Target.ResponseCodeMismatch"))),
    );
    unhealthy.times = Times {
        connected_at: Some(at(8)),
        pull_started_at: Some(at(9)),
        pull_stopped_at: Some(at(27)),
        launch_type: Some("FARGATE".to_owned()),
        zone: Some("us-east-1a".to_owned()),
        ..Times::default()
    };
    let failed = line(
        1,
        json!({"eventId": "e-1", "detailType": "Start ECS Task", "outcome": "failed", "reason": "throttled",
            "error": "RunTask: \"Rate exceeded\"; try: later #1 %% {a}"}),
    );
    let mut whole = evidence(vec![unhealthy], vec![failed, started(&[arn(1)]), registered(1)]);
    whole.planned = vec![Planned {
        task: arn(1),
        at: at(7_200),
        purpose: Purpose::EndOfLife,
    }];
    whole.kind = Kind::Task;
    whole.id = arn(1).id().to_owned();
    whole
}

#[test]
fn the_table_is_at_most_100_columns_wide_and_ends_with_the_diagnosis() {
    let evidence = whole_story();
    let mut out = Vec::new();
    view::write_table(&evidence, &Story::of(&evidence), &mut out).unwrap();
    let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let first: Vec<&str> = text.lines().take(3).map(str::trim_end).collect();
    assert_eq!(first[0], format!("Task {}, service auth", arn(1).id()));
    assert_eq!(first[2], "2026-11-20");
    assert!(text.contains("in 1h50m") && text.contains("+18.0s"), "{text}");
    assert!(text.ends_with("Next: start-engines doctor auth\n"), "{text}");
}

/// A task whose image could not be pulled, as ECS tells of it: with the end of the pull, and the error twice.
fn without_image() -> Evidence {
    let error = "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found";
    let mut stopped = task(1, "STOPPED", "STOPPED");
    stopped.stopped_at = Some(at(40));
    stopped.stop = StopReason {
        code: Some("TaskFailedToStart".to_owned()),
        reason: Some(error.to_owned()),
        containers: vec![ContainerExit {
            name: "auth".to_owned(),
            exit_code: None,
            reason: Some(error.to_owned()),
        }],
    };
    let mut failed = life(stopped, None);
    failed.times.pull_started_at = Some(at(9));
    failed.times.pull_stopped_at = Some(at(20));
    evidence(vec![failed], vec![started(&[arn(1)])])
}

#[test]
fn a_pull_that_failed_is_no_pull_that_ended_and_its_error_is_told_once() {
    let failed = without_image();
    let story = Story::of(&failed);
    let pulls = |story: &Story| -> Vec<&str> {
        let names = story.moments.iter().map(|moment| moment.what.name());
        names.filter(|name| name.starts_with("pull")).collect()
    };
    assert_eq!(pulls(&story), ["pull_began", "pull_failed"]);
    assert_eq!(pulls(&Story::of(&whole_story())), ["pull_began", "pull_ended"]);
    let mut out = Vec::new();
    view::write_table(&failed, &story, &mut out).unwrap();
    let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
    assert_eq!(text.matches("CannotPullContainerError").count(), 1, "{text}");
    assert!(text.contains("STOPPED      TaskFailedToStart\n"), "{text}");
    // Of several tasks the diagnosis has one's error: the others' are not left out.
    let mut both = failed.clone();
    let mut other = failed.tasks[0].clone();
    other.task.arn = arn(2);
    other.task.stop.reason = Some("ResourceInitializationError: no route".to_owned());
    both.tasks.push(other);
    let mut out = Vec::new();
    view::write_table(&both, &Story::of(&both), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for error in ["CannotPullContainerError", "ResourceInitializationError"] {
        assert!(text.contains(error), "{text}");
    }
}

#[test]
fn the_chart_is_the_one_that_mermaids_own_parser_reads() {
    let evidence = whole_story();
    let chart = view::mermaid::chart(&evidence, &Story::of(&evidence));
    // `pulumi/tests/mermaid.test.ts` reads this file.
    assert_eq!(chart, include_str!("../../../../fixtures/trace.mmd"));
}

#[test]
fn a_registered_target_keeps_its_registration() {
    // What `life` above relies on.
    assert!(matches!(
        TargetHealth::of("unhealthy", Some("Target.Timeout"), None),
        TargetHealth::Registered(Registration { .. })
    ));
}
