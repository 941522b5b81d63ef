//! Stories as pure functions of what was read: what a test at the wire cannot bring about, or only slowly.

mod of_checks;
mod of_starts;
mod of_targets;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::config::LogLevel;
use start_engines_core::domain::arn::{TargetGroupArn, TaskArn};
use start_engines_core::domain::tags::Tag;
use start_engines_core::domain::target::{Registration, Target, TargetHealth};
use start_engines_core::domain::task::{Addresses, ContainerExit, Network, StopReason, Task};
use start_engines_core::domain::timestamp::Timestamp;

use super::diagnosis::State;
use super::evidence::{Evidence, Life, LogReading};
use super::log::LogLine;
use super::planned::{Planned, Purpose};
use super::story::Story;
use super::subject::Kind;
use crate::aws::{HealthCheck, Times};
use crate::fleet::{GroupMember, TaskSnapshot, match_targets};
use crate::view::trace as view;

const BEGIN: &str = "2026-11-20T07:00:00Z";
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";

/// So many seconds after the beginning.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(Timestamp::parse(BEGIN).unwrap().millis() + seconds * 1000)
}

fn arn(n: u8) -> TaskArn {
    let text = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}");
    text.parse().unwrap()
}

/// A task that was created at the beginning.
fn task(n: u8, last: &str, desired: &str) -> Task {
    Task {
        arn: arn(n),
        cluster: "engines".parse().unwrap(),
        version: 3,
        last_status: last.into(),
        desired_status: desired.into(),
        started_by: Some("start-engines/auth/73e2d6bc24d8a067/8080".to_owned()),
        task_definition: None,
        network: Network::Awsvpc(Addresses {
            ipv4: Some([10, 0, 1, n].into()),
            ipv6: None,
            complete: true,
        }),
        interface: None,
        containers: Vec::new(),
        tags: vec![
            tag("start-engines:event-id", "e-1"),
            tag("start-engines:service", "auth"),
        ],
        created_at: Some(at(1)),
        started_at: (last == "RUNNING").then(|| at(30)),
        stopped_at: None,
        stop: StopReason::default(),
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// The task with its target in this state; none if it is not registered.
fn life(task: Task, state: Option<(&str, Option<&str>)>) -> Life {
    let group: TargetGroupArn = GROUP.parse().unwrap();
    let host = match &task.network {
        Network::Awsvpc(addresses) => addresses.each().next().unwrap(),
        _ => unreachable!("made above"),
    };
    let member = state.map(|(state, reason)| GroupMember {
        target: Target {
            id: host.clone(),
            port: 8080.try_into().unwrap(),
        },
        health: TargetHealth::of(state, reason, None),
        state: state.into(),
        reason: reason.map(Into::into),
    });
    let snapshot = TaskSnapshot {
        task: task.clone(),
        stopping_at: None,
        hosts: vec![host],
        ports: Vec::new(),
    };
    let members = BTreeMap::from([(group, member.into_iter().collect())]);
    let status = match_targets(vec![snapshot], members).tasks.remove(0);
    Life {
        stopping_at: None,
        times: Times::default(),
        status,
        task,
    }
}

fn line(seconds: i64, fields: Value) -> LogLine {
    let mut line = json!({"message": "event handled", "eventId": "e"});
    line.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    LogLine::read(at(seconds), &line.to_string()).unwrap()
}

fn started(tasks: &[TaskArn]) -> LogLine {
    let tasks: Vec<&str> = tasks.iter().map(TaskArn::as_str).collect();
    line(
        2,
        json!({"eventId": "e-1", "detailType": "Start ECS Task", "outcome": "started", "service": "auth", "tasks": tasks,
            "requestedAt": "2026-11-20T07:00:00.000Z",
            "attempts": [{"at": "2026-11-20T07:00:01.500Z", "placement": "FARGATE in subnet-a", "count": 1, "started": 1}]}),
    )
}

fn running(n: u8, fields: Value) -> LogLine {
    let mut all = json!({"detailType": "ECS Task State Change", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "tasks": [arn(n).as_str()]});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    line(31, all)
}

fn registered(n: u8) -> LogLine {
    running(
        n,
        json!({"outcome": "registered", "targets": [format!("auth/10.0.1.{n}:8080")], "lagMillis": 1_234}),
    )
}

/// Read ten minutes after the beginning.
fn evidence(tasks: Vec<Life>, lines: Vec<LogLine>) -> Evidence {
    let group: TargetGroupArn = GROUP.parse().unwrap();
    let check = HealthCheck {
        interval: Duration::from_secs(30),
        healthy_threshold: 5,
        is_application: true,
        what: "HTTP /health on port traffic-port".to_owned(),
        matcher: Some("200".to_owned()),
    };
    Evidence {
        id: "e-1".to_owned(),
        kind: Kind::Event,
        now: at(600),
        lines,
        log: LogReading {
            group: Some("/aws/lambda/start-engines".to_owned()),
            since: at(-80_000),
            level: LogLevel::Info,
            is_whole: true,
        },
        tasks,
        tasks_left: 0,
        gone: Vec::new(),
        letters: Vec::new(),
        planned: Vec::new(),
        checks: BTreeMap::from([(group, check)]),
        notes: Vec::new(),
    }
}

fn code(evidence: &Evidence) -> (&'static str, State) {
    let story = Story::of(evidence);
    (story.diagnosis.code, story.diagnosis.state)
}

#[test]
fn a_task_in_running_is_diagnosed_by_its_target_and_the_log() {
    let running_task = || task(1, "RUNNING", "RUNNING");
    let both = || vec![started(&[arn(1)]), registered(1)];
    for (life, lines, expected) in [
        (
            life(running_task(), Some(("healthy", None))),
            both(),
            ("serving", State::Well),
        ),
        (
            life(
                running_task(),
                Some(("unavailable", Some("Target.HealthCheckDisabled"))),
            ),
            both(),
            ("serving", State::Well),
        ),
        (
            life(running_task(), Some(("unhealthy", Some("Target.Timeout")))),
            both(),
            ("unhealthy", State::Bad),
        ),
        (
            life(running_task(), Some(("initial", Some("Elb.InitialHealthChecking")))),
            both(),
            ("initial_for_long", State::Bad),
        ),
        (
            life(running_task(), None),
            both(),
            ("deregistered_by_others", State::Bad),
        ),
        (
            life(running_task(), None),
            vec![
                started(&[arn(1)]),
                running(1, json!({"outcome": "skipped", "reason": "another_deployment"})),
            ],
            ("registration_skipped", State::Bad),
        ),
        (
            life(running_task(), None),
            vec![
                started(&[arn(1)]),
                running(
                    1,
                    json!({"outcome": "failed", "reason": "throttled", "error": "Rate exceeded"}),
                ),
            ],
            ("registration_failed", State::Bad),
        ),
        (
            life(running_task(), None),
            vec![started(&[arn(1)])],
            ("not_registered", State::Bad),
        ),
    ] {
        assert_eq!(code(&evidence(vec![life], lines)), expected);
    }
}

#[test]
fn a_drain_ends_in_a_stop_or_is_overdue() {
    for (until, expected) in [
        ("2026-11-20T07:20:00Z", ("draining", State::Well)),
        ("2026-11-20T07:05:00Z", ("overdue", State::Bad)),
    ] {
        let mut task = task(1, "RUNNING", "RUNNING");
        task.tags.push(tag("start-engines:stop-at", until));
        let drained = life(task, Some(("draining", Some("Target.DeregistrationInProgress"))));
        assert_eq!(code(&evidence(vec![drained], Vec::new())), expected, "{until}");
    }
}

#[test]
fn a_task_that_waits_for_capacity_names_its_provider_after_five_minutes() {
    let mut waiting = life(task(1, "PROVISIONING", "RUNNING"), None);
    waiting.times.capacity_provider = Some("instances".to_owned());
    let late = evidence(vec![waiting.clone()], vec![started(&[arn(1)])]);
    let story = Story::of(&late);
    assert_eq!(story.diagnosis.code, "no_capacity_yet");
    assert!(
        story.diagnosis.sentence.contains("the capacity provider instances"),
        "{story:?}"
    );
    let early = Evidence { now: at(60), ..late };
    assert_eq!(code(&early), ("starting", State::Waiting));
}

#[test]
fn a_container_that_ended_by_itself_is_not_well_and_a_stop_that_was_asked_for_is() {
    for (stop_code, expected) in [
        ("EssentialContainerExited", ("container_exited", State::Bad)),
        ("UserInitiated", ("stopped", State::Well)),
    ] {
        let mut stopped = task(1, "STOPPED", "STOPPED");
        stopped.started_at = Some(at(30));
        stopped.stopped_at = Some(at(120));
        stopped.stop.code = Some(stop_code.to_owned());
        assert_eq!(code(&evidence(vec![life(stopped, None)], Vec::new())), expected);
    }
}

#[test]
fn a_start_that_failed_is_tried_again_for_three_minutes_if_a_retry_can_help() {
    let failed = |help: bool| {
        line(
            10,
            json!({"detailType": "Start ECS Task", "outcome": "failed", "reason": "capacity_unavailable", "retryCanHelp": help,
                "error": "0 of 1 tasks started after 2 RunTask calls; ECS says: RESOURCE:CPU"}),
        )
    };
    let soon = |help| Evidence {
        now: at(100),
        ..evidence(Vec::new(), vec![failed(help)])
    };
    assert_eq!(code(&soon(true)), ("start_tried_again", State::Waiting));
    assert_eq!(code(&soon(false)), ("start_failed", State::Bad));
    assert_eq!(
        code(&evidence(Vec::new(), vec![failed(true)])),
        ("start_failed", State::Bad)
    );
}

/// A start that failed, after so many seconds.
fn failed_start(seconds: i64, event: &str) -> LogLine {
    line(
        seconds,
        json!({"eventId": event, "detailType": "Start ECS Task", "outcome": "failed", "reason": "throttled",
            "retryCanHelp": true, "error": "Rate exceeded"}),
    )
}

#[test]
fn which_try_of_a_start_is_the_last_one_is_not_guessed() {
    // `maximumRetryAttempts` is 0, 1 or 2, and a redrive gives as many again.
    for times in [&[10][..], &[10, 75], &[10, 75, 200]] {
        let lines = times.iter().map(|time| failed_start(*time, "e-1")).collect();
        let last = times[times.len() - 1];
        let failed = Evidence {
            now: at(last + 20),
            ..evidence(Vec::new(), lines)
        };
        let diagnosis = Story::of(&failed).diagnosis;
        let expected = ("start_tried_again", State::Waiting);
        assert_eq!((diagnosis.code, diagnosis.state), expected, "{times:?}");
        assert!(
            diagnosis
                .sentence
                .ends_with("; it is tried again, unless that was its last try"),
            "{diagnosis:?}"
        );
        let late = Evidence {
            now: at(last + 180),
            ..failed
        };
        let diagnosis = Story::of(&late).diagnosis;
        assert_eq!((diagnosis.code, diagnosis.state), ("start_failed", State::Bad));
        assert!(!diagnosis.sentence.contains("last try"), "{diagnosis:?}");
    }
}

#[test]
fn a_start_that_failed_once_is_no_cause_where_the_retry_has_no_line() {
    let serving = || life(task(1, "RUNNING", "RUNNING"), Some(("healthy", None)));
    let whole = evidence(vec![serving()], vec![failed_start(2, "e-1")]);
    assert_eq!(
        code(&whole),
        ("start_failed", State::Bad),
        "the whole log has no success"
    );
    let mut hidden = whole.clone();
    hidden.log.level = LogLevel::Warn;
    let mut cut = whole.clone();
    cut.log.is_whole = false;
    for other in [hidden.clone(), cut] {
        assert_eq!(code(&other), ("serving", State::Well));
    }
    // By its idempotency key.
    let mut keyed = hidden.clone();
    keyed.lines = vec![failed_start(2, "e-9")];
    assert_eq!(code(&keyed), ("serving", State::Well));
    // The start of other tasks, and one that has none.
    let other = Evidence {
        kind: Kind::Service,
        id: "auth".to_owned(),
        ..keyed
    };
    assert_eq!(code(&other), ("start_failed", State::Bad));
    hidden.tasks.clear();
    assert_eq!(code(&hidden), ("start_failed", State::Bad));
}

#[test]
fn the_end_of_a_task_that_ecs_forgot_is_not_guessed_from_lines_that_may_be_hidden() {
    let failed = || running(1, json!({"outcome": "failed", "reason": "throttled"}));
    for (lines, expected) in [
        (vec![failed()], ("event_failed", State::Bad)),
        (vec![registered(1)], ("stop_not_handled", State::Bad)),
    ] {
        let whole = evidence(Vec::new(), lines);
        assert_eq!(code(&whole), expected);
        let mut hidden = whole;
        hidden.log.level = LogLevel::Warn;
        assert_eq!(code(&hidden), ("end_not_shown", State::Waiting));
    }
}

#[test]
fn a_target_of_a_network_load_balancer_has_more_time_before_it_is_late() {
    let pending = |reason| {
        let life = life(task(1, "RUNNING", "RUNNING"), Some(("initial", Some(reason))));
        evidence(vec![life], vec![started(&[arn(1)]), registered(1)])
    };
    let of_network = |reason| {
        let mut evidence = pending(reason);
        for check in evidence.checks.values_mut() {
            check.is_application = false;
        }
        evidence
    };
    for (evidence, expected) in [
        (pending("Elb.InitialHealthChecking"), ("initial_for_long", State::Bad)),
        (
            pending("Elb.RegistrationInProgress"),
            ("health_pending", State::Waiting),
        ),
        (
            of_network("Elb.InitialHealthChecking"),
            ("health_pending", State::Waiting),
        ),
    ] {
        assert_eq!(code(&evidence), expected);
        let late = Evidence {
            now: at(1_000),
            ..evidence
        };
        assert_eq!(code(&late), ("initial_for_long", State::Bad));
    }
}

#[test]
fn a_failed_start_that_ecs_forgot_is_told_from_the_log() {
    let stopped = line(
        40,
        json!({"detailType": "ECS Task State Change", "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "outcome": "skipped",
            "reason": "never_had_an_address", "tasks": [arn(1).as_str()], "failedStart": "image_pull_failed",
            "failedStartReason": "TaskFailedToStart: CannotPullContainerError: no such image"}),
    );
    let mut forgotten = evidence(Vec::new(), vec![started(&[arn(1)]), stopped]);
    forgotten.gone = vec![arn(1)];
    let story = Story::of(&forgotten);
    assert_eq!(story.diagnosis.code, "failed_start");
    assert!(
        story.diagnosis.sentence.contains("CannotPullContainerError"),
        "{story:?}"
    );
    assert_eq!(story.diagnosis.next.as_deref(), Some("start-engines start auth --wait"));
}

#[test]
fn of_several_tasks_the_worst_one_is_named_with_how_many_are_alike() {
    let serving = life(task(1, "RUNNING", "RUNNING"), Some(("healthy", None)));
    let lost = |n| life(task(n, "RUNNING", "RUNNING"), None);
    let tasks: Vec<TaskArn> = (1..=3).map(arn).collect();
    let both = evidence(
        vec![serving.clone(), lost(2)],
        vec![started(&tasks[..2]), registered(1)],
    );
    let story = Story::of(&both);
    assert!(
        story
            .diagnosis
            .sentence
            .starts_with(&format!("task {} of 2: ", arn(2).id())),
        "{story:?}"
    );
    let three = evidence(vec![serving, lost(2), lost(3)], vec![started(&tasks), registered(1)]);
    let story = Story::of(&three);
    assert!(
        story.diagnosis.sentence.starts_with("2 of 3 tasks, such as "),
        "{story:?}"
    );
    let gaps: Vec<&TaskArn> = story.gaps.iter().map(super::gaps::Gap::task).collect();
    assert_eq!(gaps, [&arn(2), &arn(3)]);
}

#[test]
fn a_missing_line_proves_nothing_if_it_may_be_hidden_cut_or_too_old() {
    let lost = || life(task(1, "RUNNING", "RUNNING"), None);
    let whole = evidence(vec![lost()], Vec::new());
    assert_eq!(Story::of(&whole).gaps.len(), 2, "the start and the RUNNING event");
    let mut hidden = whole.clone();
    hidden.log.level = LogLevel::Warn;
    let mut cut = whole.clone();
    cut.log.is_whole = false;
    let mut old = whole.clone();
    old.log.since = at(300);
    for other in [hidden, cut, old] {
        assert_eq!(Story::of(&other).gaps, []);
    }
    let early = Evidence { now: at(50), ..whole };
    assert_eq!(code(&early), ("registering", State::Waiting));
}
