//! The check of a task's targets: what it found, and what is still to come.

use super::*;
use crate::trace::planned::purposes;

/// What the function writes of a check of these tasks.
fn check(seconds: i64, fields: Value) -> LogLine {
    let mut all = json!({"detailType": "Check ECS Targets", "outcome": "checked", "tasks": [arn(1).as_str()]});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    line(seconds, all)
}

fn found_unhealthy(seconds: i64) -> LogLine {
    let target = "auth/10.0.1.1:8080 unhealthy Target.Timeout";
    check(
        seconds,
        json!({"unhealthy": [arn(1).as_str()], "targetsNotHealthy": [target]}),
    )
}

fn stopped_at_its_check() -> LogLine {
    let target = "auth/10.0.1.1:8080 unhealthy Target.Timeout";
    let task = arn(1);
    check(
        400,
        json!({"unhealthy": [task.as_str()], "tasksStopped": [task.as_str()], "targetsNotHealthy": [target]}),
    )
}

fn deregistered() -> LogLine {
    line(
        401,
        json!({"detailType": "ECS Task State Change", "lastStatus": "RUNNING", "desiredStatus": "STOPPED",
            "outcome": "deregistered", "tasks": [arn(1).as_str()], "targets": ["auth/10.0.1.1:8080"]}),
    )
}

/// A task that was stopped with this `stoppedReason`.
fn stopped(last: &str, reason: &str) -> Life {
    let mut stopped = task(1, last, "STOPPED");
    stopped.started_at = Some(at(30));
    stopped.stopped_at = (last == "STOPPED").then(|| at(450));
    stopped.stop.code = Some("UserInitiated".to_owned());
    stopped.stop.reason = Some(reason.to_owned());
    // StopTask deletes them.
    stopped.tags.clear();
    life(stopped, None)
}

#[test]
fn a_task_that_its_check_has_stopped_is_not_well_and_elbs_reason_is_named() {
    let reason = "start-engines: unhealthy: auth/10.0.1.1:8080 Target.Timeout, tcp/10.0.1.1:9090 unused";
    for (last, what) in [("STOPPED", "has stopped"), ("RUNNING", "is stopping")] {
        // The level of the log may hide the check.
        let evidence = evidence(vec![stopped(last, reason)], vec![started(&[arn(1)])]);
        let diagnosis = Story::of(&evidence).diagnosis;
        assert_eq!((diagnosis.code, diagnosis.state), ("stopped_as_unhealthy", State::Bad));
        let expected = format!(
            "it {what}, since its check found it unhealthy: auth/10.0.1.1:8080: it does not answer health checks in time \
             (Target.Timeout), tcp/10.0.1.1:9090 unused: check that the security groups let the load balancer in, and that \
             the container listens on the port"
        );
        assert_eq!(diagnosis.sentence, expected);
        assert_eq!(diagnosis.next.as_deref(), Some("start-engines doctor auth"));
    }
    let asked = evidence(vec![stopped("STOPPED", "a person's own")], Vec::new());
    assert_eq!(code(&asked), ("stopped", State::Well));
}

#[test]
fn a_task_that_its_check_has_stopped_is_not_well_after_ecs_forgot_it() {
    let lines = vec![started(&[arn(1)]), stopped_at_its_check(), deregistered()];
    let mut forgotten = evidence(Vec::new(), lines);
    forgotten.gone = vec![arn(1)];
    let diagnosis = Story::of(&forgotten).diagnosis;
    assert_eq!((diagnosis.code, diagnosis.state), ("stopped_as_unhealthy", State::Bad));
    assert!(diagnosis.sentence.contains("(Target.Timeout)"), "{diagnosis:?}");
    assert_eq!(diagnosis.next.as_deref(), Some("start-engines doctor auth"));
    // Another task's check.
    forgotten.gone = vec![arn(2)];
    assert_eq!(code(&forgotten), ("stopped", State::Well));
}

#[test]
fn a_task_that_its_check_found_unhealthy_and_left_running_is_not_well_until_it_is_healthy() {
    let found = |state, reason, checked: LogLine| {
        let left = life(task(1, "RUNNING", "RUNNING"), Some((state, reason)));
        let mut evidence = evidence(vec![left], vec![started(&[arn(1)]), registered(1), checked]);
        // Soon enough for a target that has been registered anew.
        evidence.now = at(100);
        Story::of(&evidence).diagnosis
    };
    let initial = Some("Elb.InitialHealthChecking");
    for (diagnosis, code) in [
        (
            found("unhealthy", Some("Target.Timeout"), found_unhealthy(90)),
            "unhealthy",
        ),
        (found("initial", initial, found_unhealthy(90)), "initial_for_long"),
    ] {
        assert_eq!((diagnosis.code, diagnosis.state), (code, State::Bad));
        assert_eq!(diagnosis.next.as_deref(), Some("start-engines doctor auth"));
        let named = ["(Target.Timeout)", "(Elb.InitialHealthChecking)"];
        assert!(
            named.iter().any(|reason| diagnosis.sentence.contains(reason)),
            "{diagnosis:?}"
        );
    }
    // It was registered anew since, or is healthy by now.
    assert_eq!(found("initial", initial, found_unhealthy(20)).code, "health_pending");
    assert_eq!(found("healthy", None, found_unhealthy(90)).code, "serving");
}

#[test]
fn only_what_a_schedule_would_still_do_is_asked_for() {
    let of = |task: Task| purposes(&life(task, None));
    let always = [Purpose::Drained, Purpose::EndOfLife];
    let starting = of(task(1, "PENDING", "RUNNING"));
    assert_eq!(starting, [&always[..], &[Purpose::StartTimeout]].concat());
    let checks = [Purpose::Check, Purpose::SecondCheck];
    assert_eq!(of(task(1, "RUNNING", "RUNNING")), [always, checks].concat());
    let mut draining = task(1, "RUNNING", "RUNNING");
    draining.tags.push(tag("start-engines:stop-at", "2026-11-20T07:20:00Z"));
    assert_eq!(of(draining), always);
    assert_eq!(of(task(1, "RUNNING", "STOPPED")), []);
}

#[test]
fn a_check_that_is_still_to_come_is_planned_by_its_own_schedule_or_by_the_log() {
    let serving = || life(task(1, "RUNNING", "RUNNING"), Some(("healthy", None)));
    let told = |check_at: &str| {
        running(
            1,
            json!({"outcome": "registered", "targets": ["auth/10.0.1.1:8080"], "healthCheckAt": check_at}),
        )
    };
    let planned = |evidence: &Evidence| -> Vec<(i64, String)> {
        let moments = Story::of(evidence).moments.into_iter();
        let planned = moments.filter(|moment| moment.what == crate::trace::What::Planned);
        let seconds = |at: Timestamp| (at.millis() - super::at(0).millis()) / 1000;
        planned.map(|moment| (seconds(moment.at), moment.detail)).collect()
    };
    let ahead = "2026-11-20T07:12:00.000Z";
    let of_log = evidence(vec![serving()], vec![started(&[arn(1)]), told(ahead)]);
    let words = "a look at its targets' health";
    assert_eq!(planned(&of_log), [(720, format!("{words}, says the log"))]);
    let mut of_schedule = of_log.clone();
    of_schedule.planned = vec![Planned {
        task: arn(1),
        at: at(741),
        purpose: Purpose::Check,
    }];
    assert_eq!(planned(&of_schedule), [(741, words.to_owned())]);
    let past = evidence(
        vec![serving()],
        vec![started(&[arn(1)]), told("2026-11-20T07:05:00.000Z")],
    );
    assert_eq!(planned(&past), []);
    let mut draining = of_log;
    draining.tasks[0]
        .task
        .tags
        .push(tag("start-engines:stop-at", "2026-11-20T07:20:00Z"));
    assert_eq!(planned(&draining), []);
}
