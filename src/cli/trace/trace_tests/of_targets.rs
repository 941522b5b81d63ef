//! Targets whose registration or deregistration the log does not show.

use super::*;

/// The end of the work on a sign of a stop.
fn sign(seconds: i64, fields: Value) -> LogLine {
    let mut all = json!({"detailType": "ECS Task State Change", "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
        "tasks": [arn(1).as_str()]});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    line(seconds, all)
}

/// A task that stopped eight minutes ago, and whose address is registered now.
fn stopped_with_its_address_registered(lines: Vec<LogLine>) -> Evidence {
    let mut stopped = task(1, "STOPPED", "STOPPED");
    stopped.started_at = Some(at(30));
    stopped.stopped_at = Some(at(120));
    stopped.stop.code = Some("UserInitiated".to_owned());
    evidence(vec![life(stopped, Some(("healthy", None)))], lines)
}

#[test]
fn an_address_that_another_task_has_after_a_stop_was_handled_is_a_note() {
    let deregistered = || {
        sign(
            121,
            json!({"outcome": "deregistered", "targets": ["auth/10.0.1.1:8080"]}),
        )
    };
    let skipped = |reason: &str| sign(122, json!({"outcome": "skipped", "reason": reason}));
    for lines in [
        vec![deregistered()],
        vec![deregistered(), skipped("not_registered")],
        vec![deregistered(), skipped("superseded")],
    ] {
        let evidence = stopped_with_its_address_registered(lines);
        assert_eq!(code(&evidence), ("stopped", State::Well));
        let notes = Story::of(&evidence).notes;
        let expected = format!(
            "the stop of task {} was handled, and 1 target is registered with its address",
            arn(1).id()
        );
        assert!(notes.iter().any(|note| note.starts_with(&expected)), "{notes:?}");
    }
}

#[test]
fn an_address_that_is_registered_after_a_stop_that_was_not_handled_to_its_end_is_left_behind() {
    for lines in [
        Vec::new(),
        vec![sign(121, json!({"outcome": "failed", "reason": "throttled"}))],
        vec![sign(121, json!({"outcome": "continued", "reason": "owner_search"}))],
        vec![sign(121, json!({"outcome": "skipped", "reason": "another_deployment"}))],
    ] {
        let evidence = stopped_with_its_address_registered(lines);
        assert_eq!(code(&evidence), ("left_behind", State::Bad));
        assert_eq!(Story::of(&evidence).notes, [""; 0]);
    }
}

#[test]
fn a_target_that_a_reconcile_has_registered_is_not_late_by_its_tasks_age() {
    let failed = running(1, json!({"outcome": "failed", "reason": "throttled"}));
    for lines in [vec![started(&[arn(1)])], vec![started(&[arn(1)]), failed]] {
        let initial = Some(("initial", Some("Elb.InitialHealthChecking")));
        let mut evidence = evidence(vec![life(task(1, "RUNNING", "RUNNING"), initial)], lines);
        evidence.now = at(1_230);
        let diagnosis = Story::of(&evidence).diagnosis;
        assert_eq!((diagnosis.code, diagnosis.state), ("health_pending", State::Waiting));
        let expected = "expected within 2m of its registration; since when it is registered is not known";
        assert!(diagnosis.sentence.contains(expected), "{diagnosis:?}");
        // The log says since when.
        evidence.lines.push(registered(1));
        assert_eq!(code(&evidence), ("initial_for_long", State::Bad));
    }
}
