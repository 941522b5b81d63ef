//! What became of a start, or of several, and of the letters of those that were given up.

use super::*;
use crate::dead_letter::{DeadLetter, Message, Receipt};
use crate::trace::evidence::Letter;

/// A good start of a later event with the same correlation id, whose task serves.
fn of_two_starts(first: Vec<LogLine>) -> Evidence {
    let serving = life(task(1, "RUNNING", "RUNNING"), Some(("healthy", None)));
    let second = line(
        20,
        json!({"eventId": "e-2", "detailType": "Start ECS Task", "outcome": "started", "tasks": [arn(1).as_str()]}),
    );
    let lines = [first, vec![second, registered(1)]].concat();
    Evidence {
        kind: Kind::Correlation,
        id: "c-1".to_owned(),
        ..evidence(vec![serving], lines)
    }
}

#[test]
fn a_start_that_failed_is_not_hidden_by_a_later_one_with_the_same_correlation_id() {
    let diagnosis = Story::of(&of_two_starts(vec![failed_start(2, "e-1")])).diagnosis;
    assert_eq!((diagnosis.code, diagnosis.state), ("start_failed", State::Bad));
    let expected = "of 2 starts, event e-1: the start failed: throttled: Rate exceeded";
    assert_eq!(diagnosis.sentence, expected);
    // Its retry has succeeded.
    let retried = line(
        9,
        json!({"eventId": "e-1", "detailType": "Start ECS Task", "outcome": "started", "tasks": [arn(2).as_str()]}),
    );
    let both = of_two_starts(vec![failed_start(2, "e-1"), retried]);
    assert_eq!(code(&both), ("serving", State::Well));
}

#[test]
fn of_more_tasks_than_are_looked_at_none_is_said_to_be_well() {
    let mut cut = of_two_starts(Vec::new());
    assert_eq!(code(&cut), ("serving", State::Well));
    cut.tasks_left = 5;
    let diagnosis = Story::of(&cut).diagnosis;
    assert_eq!((diagnosis.code, diagnosis.state), ("not_all_looked_at", State::Waiting));
    assert_eq!(
        diagnosis.sentence,
        "only 1 of 6 tasks were looked at: it serves: healthy in auth"
    );
    assert_eq!(diagnosis.next.as_deref(), Some("start-engines status --service auth"));
    cut.tasks = vec![life(task(1, "RUNNING", "RUNNING"), Some(("unhealthy", None)))];
    let diagnosis = Story::of(&cut).diagnosis;
    assert_eq!((diagnosis.code, diagnosis.state), ("unhealthy", State::Bad));
    assert!(diagnosis.sentence.starts_with("only 1 of 6 tasks"), "{diagnosis:?}");
}

/// A start that SQS has moved after its last delivery, with the time of its first enqueuing.
fn moved() -> Letter {
    let start = json!({"id": "e-1", "detail-type": "Start ECS Task", "time": BEGIN, "detail": {"service": "auth"}});
    let message = Message {
        id: "m-1".to_owned(),
        receipt: Receipt("r".to_owned()),
        body: start.to_string(),
        attributes: BTreeMap::new(),
        sent_at: Some(at(0)),
        moved_from: Some("arn:aws:sqs:us-east-1:111122223333:start-engines-requests".to_owned()),
    };
    Letter {
        queue: "request-dead-letter-queue",
        dead_letter: DeadLetter::read(message, None),
    }
}

/// A delivery of it that failed.
fn failed_delivery(seconds: i64) -> LogLine {
    line(
        seconds,
        json!({"eventId": "e-1", "messageId": "m-1", "detailType": "Start ECS Task", "outcome": "failed",
            "reason": "capacity_unavailable", "error": "RESOURCE:CPU", "retryCanHelp": true}),
    )
}

#[test]
fn a_letter_that_sqs_has_moved_comes_after_the_last_try_or_has_no_time() {
    let mut given_up = evidence(Vec::new(), vec![failed_delivery(2), failed_delivery(120)]);
    given_up.letters = vec![moved()];
    let story = Story::of(&given_up);
    let last = story.moments.last().unwrap();
    assert_eq!(
        (last.what, last.at),
        (crate::trace::What::DeadLetter, at(120)),
        "{story:?}"
    );
    assert_eq!(story.diagnosis.code, "start_given_up");
    given_up.lines.clear();
    let story = Story::of(&given_up);
    assert_eq!(story.moments, []);
    assert!(
        story.notes[0].contains("Start ECS Task in the request-dead-letter-queue: received_too_often"),
        "{story:?}"
    );
}

#[test]
fn the_reason_of_a_failure_selects_no_message_that_sqs_has_moved() {
    let failed = |line| Story::of(&evidence(Vec::new(), vec![line])).diagnosis;
    let buffered = failed(failed_delivery(2));
    assert_eq!(
        (buffered.code, buffered.next.as_deref()),
        ("start_failed", Some("start-engines redrive"))
    );
    let direct = failed(failed_start(2, "e-1"));
    assert_eq!(direct.next.as_deref(), Some("start-engines redrive --reason throttled"));
}
