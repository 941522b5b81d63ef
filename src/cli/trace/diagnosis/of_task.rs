//! The diagnosis of one task that ECS knows.

use std::time::Duration;

use start_engines_core::domain::target::TargetHealth;
use start_engines_core::domain::task::{FailedStart, Phase, Status};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::envelope::START;

use super::super::evidence::{Evidence, Letter, Life};
use super::super::gaps;
use super::super::log::LogLine;
use super::{Diagnosis, State, doctor, of_service, redrive, send, start_again};
use crate::fleet::TargetStatus;
use crate::terminal::table::{age, counted};
use crate::view::health;
use crate::view::status::SETTLE;

/// How long a task may be in PROVISIONING before that is the cause: a capacity provider takes "2 to 5 minutes" for new
/// instances ([managed scaling](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html)).
const MAX_PROVISIONING: Duration = Duration::from_secs(300);
/// From here on, a deregistration was late: requests went to a task that was ending.
const LATE_MILLIS: i64 = 60_000;
/// How many times the expected time a target may be `initial` before that is the cause.
const PATIENCE: u32 = 2;

pub(super) fn of_task(evidence: &Evidence, life: &Life) -> Diagnosis {
    match life.task.phase() {
        Phase::Stopping | Phase::Stopped => of_stopped(evidence, life),
        Phase::Starting => of_starting(evidence, life),
        Phase::Running | Phase::Unknown => of_running(evidence, life),
    }
}

/// The message that has an event of the task, if one was given up.
fn letter_of<'e>(evidence: &'e Evidence, life: &Life) -> Option<&'e Letter> {
    let id = life.task.arn.id();
    let mut letters = evidence.letters.iter();
    letters.find(|letter| !letter.dead_letter.kind().ends_with(START) && letter.dead_letter.message.body.contains(id))
}

/// The last line about the stop of a task.
fn last_of_stop<'e>(evidence: &'e Evidence, life: &Life) -> Option<&'e LogLine> {
    let mut lines = evidence.lines.iter();
    lines.rfind(|line| line.is_stop_of(&life.task.arn) && !line.is_superseded())
}

/// What to know of a task whose stop was handled to its end, if targets with its address are registered all the same: an
/// address is another task's once its own has stopped.
pub(in crate::trace) fn of_address(evidence: &Evidence, life: &Life) -> Option<String> {
    let left = life.status.registered();
    let is_over = matches!(life.task.phase(), Phase::Stopping | Phase::Stopped);
    let is_handled = last_of_stop(evidence, life).is_some_and(LogLine::has_deregistered);
    (is_over && is_handled && left > 0).then(|| {
        let id = life.task.arn.id();
        let are = if left == 1 { "is" } else { "are" };
        let targets = counted(left, "target");
        format!(
            "the stop of task {id} was handled, and {targets} {are} registered with its address: likely another task's, which \
             has the address now"
        )
    })
}

fn of_stopped(evidence: &Evidence, life: &Life) -> Diagnosis {
    let task = &life.task;
    let is_stopped = task.phase() == Phase::Stopped;
    let left = life.status.registered();
    let since = life.stopping_at.or(task.stopped_at);
    let is_due = since.is_some_and(|since| evidence.now.since(since) > SETTLE);
    let last = last_of_stop(evidence, life);
    if left > 0 && is_due && !last.is_some_and(LogLine::has_deregistered) {
        let targets = counted(left, "target");
        let why = if let Some(letter) = letter_of(evidence, life) {
            let dead = &letter.dead_letter;
            let sentence = format!(
                "it stops, and its event was given up ({}: {}): {targets} with its address still registered",
                dead.code, dead.reason
            );
            return Diagnosis::new(State::Bad, "stop_given_up", sentence).then(send(letter));
        } else if let Some(line) = last.filter(|line| line.has_failed()) {
            format!("deregistering failed: {}", line.failure())
        } else if let Some(line) = last {
            let reason = line.text("reason").unwrap_or_default();
            format!(
                "the last that the log has of its stop is {} {reason}",
                line.text("outcome").unwrap_or_default()
            )
        } else if evidence.log.shows_successes() {
            "no sign of its stop was handled: a rule that is off, or may not invoke the function".to_owned()
        } else {
            "the log does not show why".to_owned()
        };
        let sentence = format!("it stops, and {targets} with its address still registered: {why}");
        return Diagnosis::new(State::Bad, "left_behind", sentence).then(of_service(evidence, "reconcile"));
    }
    if is_stopped && task.failed_to_start() {
        let failed = task.stop.failed_start();
        let sentence = format!("{}: {}", failed_start(failed), task.stop);
        return Diagnosis::new(State::Bad, failed.name(), sentence).then(start_again(evidence));
    }
    let what = if is_stopped { "has stopped" } else { "is stopping" };
    if let Some(targets) = task.stop.unhealthy_targets() {
        let targets: Vec<String> = targets.split(", ").map(str::to_owned).collect();
        return stopped_as_unhealthy(evidence, what, &targets);
    }
    let late = last.and_then(LogLine::lag_millis).filter(|lag| *lag > LATE_MILLIS);
    if let Some(lag) = late {
        let late = age(Duration::from_millis(u64::try_from(lag).unwrap_or(0)));
        let sentence = format!(
            "it has stopped ({}), and its targets were deregistered only {late} later",
            task.stop
        );
        return Diagnosis::new(State::Bad, "stop_handled_late", sentence).then(of_service(evidence, "status"));
    }
    let sentence = format!("it {what}: {}", task.stop);
    // Its containers ended by themselves: nobody asked for it
    // (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html).
    if task.stop.code.as_deref() == Some("EssentialContainerExited") {
        return Diagnosis::new(State::Bad, "container_exited", sentence).then(start_again(evidence));
    }
    Diagnosis::new(State::Well, "stopped", sentence)
}

/// Of a task that StopTask was called for since its check found it unhealthy. Each target has ELB's reason as its last word.
pub(super) fn stopped_as_unhealthy(evidence: &Evidence, what: &str, targets: &[String]) -> Diagnosis {
    let reasons = targets.iter().map(|target| match target.rsplit_once(' ') {
        Some((target, reason)) if health::words(reason) != reason => {
            format!("{target}: {} ({reason})", health::words(reason))
        }
        Some(_) | None => target.clone(),
    });
    let mut sentence = format!("it {what}, since its check found it unhealthy");
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        sentence += &format!(": {}", reasons.join(", "));
    }
    let first = targets.iter().find_map(|target| target.rsplit_once(' '));
    if let Some((_, reason)) = first.filter(|(_, reason)| health::is_fault(reason)) {
        sentence += &format!(": {}", health::advice(reason));
    }
    Diagnosis::new(State::Bad, "stopped_as_unhealthy", sentence).then(doctor(evidence))
}

fn failed_start(failed: FailedStart) -> &'static str {
    match failed {
        FailedStart::ImagePullFailed => "its image could not be pulled",
        FailedStart::CapacityUnavailable => "there was no capacity for it",
        FailedStart::PlacementFailed => "no container instance has what its task definition asks for",
        FailedStart::ResourceInitializationFailed => {
            "its network interface, a volume, a secret or its log group could not be set up"
        }
        FailedStart::SpotInterruption => "its capacity was taken back before it was RUNNING",
        FailedStart::StartTimedOut => "it was not RUNNING in time",
        FailedStart::StoppedBeforeRunning => "it was stopped before it was RUNNING",
        FailedStart::TaskFailedToStart => "it failed to start",
    }
}

fn of_starting(evidence: &Evidence, life: &Life) -> Diagnosis {
    let (task, times) = (&life.task, &life.times);
    let waited = task
        .created_at
        .map(|created| evidence.now.since(created))
        .unwrap_or_default();
    if task.last_status == Status::Provisioning && waited > MAX_PROVISIONING {
        let whose = match &times.capacity_provider {
            Some(name) => format!("the capacity provider {name} brings up no room for it"),
            None => "ECS finds no room for it".to_owned(),
        };
        let sentence = format!("it is in PROVISIONING since {}: {whose}", age(waited));
        return Diagnosis::new(State::Bad, "no_capacity_yet", sentence).then(of_service(evidence, "status"));
    }
    let doing = match (times.pull_started_at, times.pull_stopped_at) {
        (Some(since), None) => format!(", and pulls its images since {}", age(evidence.now.since(since))),
        _ => String::new(),
    };
    let sentence = format!("it is starting: {} after {}{doing}", task.last_status, age(waited));
    Diagnosis::new(State::Waiting, "starting", sentence)
}

fn of_running(evidence: &Evidence, life: &Life) -> Diagnosis {
    if life.status.targets.is_empty() {
        return Diagnosis::new(State::Well, "no_targets", "it runs, and was started without targets");
    }
    if let Some(until) = &life.status.stop_at {
        let is_over = Timestamp::parse(until).is_some_and(|until| evidence.now.since(until) > 3 * SETTLE);
        if is_over {
            let sentence = format!("it should have been stopped at {until}, when its drain was over, and still runs");
            return Diagnosis::new(State::Bad, "overdue", sentence).then(of_service(evidence, "reconcile"));
        }
        let sentence = format!("it drains: it is stopped at {until}");
        return Diagnosis::new(State::Well, "draining", sentence);
    }
    let missing = life.status.targets.iter().find(|target| !target.is_registered());
    if let Some(target) = missing {
        return not_registered(evidence, life, target);
    }
    let targets = life
        .status
        .targets
        .iter()
        .map(|target| of_target(evidence, life, target));
    let worst = targets.rev().max_by_key(|diagnosis| diagnosis.state);
    worst.unwrap_or_else(|| Diagnosis::new(State::Well, "no_targets", "it runs, and was started without targets"))
}

fn not_registered(evidence: &Evidence, life: &Life, target: &TargetStatus) -> Diagnosis {
    let arn = &life.task.arn;
    let group = target.attachment.group.name();
    if let Some(letter) = letter_of(evidence, life) {
        let dead = &letter.dead_letter;
        let sentence = format!(
            "it runs, and is not registered in {group}: its event was given up: {}: {}",
            dead.code, dead.reason
        );
        return Diagnosis::new(State::Bad, "event_given_up", sentence).then(send(letter));
    }
    let last = evidence.lines.iter().rfind(|line| line.is_running_of(arn));
    match last {
        Some(line) if line.has_failed() => {
            let sentence = format!("it runs, and registering it in {group} failed: {}", line.failure());
            Diagnosis::new(State::Bad, "registration_failed", sentence).then(redrive(line))
        }
        Some(line) if line.has_registered() => {
            let sentence = format!("it was registered in {group}, and is not any more: somebody has deregistered it");
            Diagnosis::new(State::Bad, "deregistered_by_others", sentence).then(of_service(evidence, "reconcile"))
        }
        Some(line) => {
            let reason = line.text("reason").unwrap_or("unknown");
            let sentence = format!("it runs, and its RUNNING event was skipped: {reason}");
            Diagnosis::new(State::Bad, "registration_skipped", sentence).then(of_service(evidence, "status"))
        }
        None => {
            let since = life.task.started_at.map(|started| evidence.now.since(started));
            if since.is_none_or(|since| since <= SETTLE) {
                let sentence = format!("it runs, and its RUNNING event is on its way: not registered in {group} yet");
                return Diagnosis::new(State::Waiting, "registering", sentence);
            }
            let why = if gaps::misses_running(evidence, life) && evidence.log.shows_successes() {
                "no RUNNING event was handled: a rule that is off, or may not invoke the function"
            } else {
                "the log does not show why"
            };
            let sentence = format!("it runs, and is not registered in {group}: {why}");
            Diagnosis::new(State::Bad, "not_registered", sentence).then(of_service(evidence, "reconcile"))
        }
    }
}

/// A target that is registered.
fn of_target(evidence: &Evidence, life: &Life, target: &TargetStatus) -> Diagnosis {
    let group = target.attachment.group.name();
    let Some(member) = target
        .member
        .as_ref()
        .filter(|member| matches!(member.health, TargetHealth::Registered(_)))
    else {
        return not_registered(evidence, life, target);
    };
    let check = evidence.checks.get(&target.attachment.group);
    let reason = member.reason.as_deref().unwrap_or_default();
    let why = match reason {
        "" => String::new(),
        reason => format!(": {} ({reason})", health::words(reason)),
    };
    match &*member.state {
        "healthy" => Diagnosis::new(State::Well, "serving", format!("it serves: healthy in {group}")),
        // ELB sends requests all the same, since it does not check
        // (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
        "unavailable" => Diagnosis::new(State::Well, "serving", format!("it is registered in {group}{why}")),
        "initial" => {
            let expected = check.map(|check| check.time_to_healthy_from(reason));
            let task = &life.task;
            let mut lines = evidence.lines.iter();
            let registered = lines.rfind(|line| line.is_running_of(&task.arn) && line.has_registered());
            let registered_at = registered.map(|line| line.at);
            // A reconcile may have registered it long after.
            let since = registered_at.or(task.started_at);
            let mut checks = evidence
                .lines
                .iter()
                .filter(|line| since.is_none_or(|since| line.at > since));
            let was_found = checks.any(|line| line.has_found_unhealthy(&task.arn));
            let waited = since.map(|since| evidence.now.since(since)).unwrap_or_default();
            let is_late = expected.is_some_and(|expected| waited > expected * PATIENCE);
            if was_found || is_late && registered_at.is_some() {
                let sentence = format!(
                    "it is registered in {group}, and {} later not healthy yet{why}",
                    age(waited)
                );
                return Diagnosis::new(State::Bad, "initial_for_long", sentence).then(doctor(evidence));
            }
            let expected = match expected {
                Some(expected) if is_late => {
                    let expected = age(expected);
                    format!(
                        ", expected within {expected} of its registration; since when it is registered is not known"
                    )
                }
                Some(expected) => format!(", expected within {}", age(expected)),
                None => String::new(),
            };
            let sentence = format!("it is registered in {group}, and not healthy yet{expected}{why}");
            Diagnosis::new(State::Waiting, "health_pending", sentence)
        }
        state => {
            let checked = check.map_or_else(String::new, |check| {
                let matcher = check
                    .matcher
                    .as_ref()
                    .map_or_else(String::new, |codes| format!(", {codes} passes"));
                format!(" (the check: {}{matcher})", check.what)
            });
            let sentence = format!(
                "it is registered in {group}, and {state}{why}: {}{checked}",
                health::advice(reason)
            );
            let code = if state == "unused" {
                "target_not_in_use"
            } else {
                "unhealthy"
            };
            Diagnosis::new(State::Bad, code, sentence).then(doctor(evidence))
        }
    }
}
