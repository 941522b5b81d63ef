//! The diagnosis: one sentence that says why the engine serves or does not, and the command to go on with.
//!
//! Of several tasks, that of the one that is worst off. Must not guess: what the evidence does not show is said as such.

use std::time::Duration;

use start_engines_core::domain::target::TargetHealth;
use start_engines_core::domain::task::{FailedStart, Phase, Status};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::envelope::START;

use super::evidence::{Evidence, Letter, Life};
use super::gaps;
use super::log::LogLine;
use super::subject::Kind;
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
/// How many times Lambda tries an asynchronous event: twice more, after one and two minutes
/// ([retries](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)).
const TRIES: usize = 3;
/// Characters of a message id that `redrive --send` is given.
const ID_CHARACTERS: usize = 8;

/// How it is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Well,
    /// On its way.
    Waiting,
    /// Not as it should be.
    Bad,
}

/// The diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The fixed name of the cause in JSON.
    pub code: &'static str,
    /// How it is.
    pub state: State,
    /// One sentence.
    pub sentence: String,
    /// The next command; none if there is nothing to do.
    pub next: Option<String>,
}

impl Diagnosis {
    fn new(state: State, code: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            code,
            state,
            sentence: sentence.into(),
            next: None,
        }
    }

    fn then(self, next: impl Into<String>) -> Self {
        Self {
            next: Some(next.into()),
            ..self
        }
    }
}

/// The diagnosis of the whole.
#[must_use]
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    let of_tasks = evidence.tasks.iter().map(|life| (life, of_task(evidence, life)));
    // The first of the worst ones.
    let worst = of_tasks.rev().max_by_key(|(_, diagnosis)| diagnosis.state);
    let of_start = of_start(evidence);
    match (worst, of_start) {
        // A start that failed may have started some of its tasks.
        (None, Some(start)) => start,
        (Some((_, task)), Some(start)) if start.state > task.state => start,
        (Some((life, task)), _) => {
            let all = evidence.tasks.len();
            let alike = evidence
                .tasks
                .iter()
                .filter(|life| of_task(evidence, life).code == task.code);
            let sentence = match (all, alike.count()) {
                (1, _) => task.sentence,
                (_, 1) => format!("task {} of {all}: {}", life.task.arn.id(), task.sentence),
                (_, alike) => format!(
                    "{alike} of {all} tasks, such as {}: {}",
                    life.task.arn.id(),
                    task.sentence
                ),
            };
            Diagnosis { sentence, ..task }
        }
        (None, None) => without_tasks(evidence),
    }
}

/// The service that the start named, from the tasks or the log.
fn service(evidence: &Evidence) -> Option<&str> {
    let of_tasks = evidence.tasks.iter().filter_map(|life| life.status.service.as_deref());
    let of_log = evidence.lines.iter().rev().filter_map(|line| line.text("service"));
    of_tasks.chain(of_log).next()
}

fn start_again(evidence: &Evidence) -> String {
    match service(evidence) {
        Some(service) => format!("start-engines start {service} --wait"),
        None => "start-engines start --file FILE --wait".to_owned(),
    }
}

fn of_service(evidence: &Evidence, command: &str) -> String {
    match service(evidence) {
        Some(service) => format!("start-engines {command} --service {service}"),
        None => format!("start-engines {command}"),
    }
}

fn send(letter: &Letter) -> String {
    let id: String = letter.dead_letter.message.id.chars().take(ID_CHARACTERS).collect();
    format!("start-engines redrive --send {id}")
}

/// What became of the start, if it is not a success: an event that was not delivered, or failed.
fn of_start(evidence: &Evidence) -> Option<Diagnosis> {
    let letter = evidence
        .letters
        .iter()
        .find(|letter| letter.dead_letter.kind().ends_with(START));
    if let Some(letter) = letter {
        let (queue, dead) = (letter.queue, &letter.dead_letter);
        let sentence = format!(
            "the start was given up, and is in the {queue}: {}: {}",
            dead.code, dead.reason
        );
        return Some(Diagnosis::new(State::Bad, "start_given_up", sentence).then(send(letter)));
    }
    let last = evidence.lines.iter().rfind(|line| line.is_start())?;
    // A retry that succeeded may have no line.
    let may_have_succeeded = || {
        let mut lives = evidence.tasks.iter();
        !evidence.log.shows_successes() && lives.any(|life| is_of_start(evidence, life, last))
    };
    if !last.has_failed() || may_have_succeeded() {
        return None;
    }
    let sentence = format!("the start failed: {}", last.failure());
    let is_new = evidence.now.since(last.at) < Duration::from_secs(180);
    let is_last = last.retry_can_help() && is_last_try(evidence, last);
    Some(if last.retry_can_help() && is_new && !is_last {
        let sentence = format!("{sentence}; Lambda tries it again");
        Diagnosis::new(State::Waiting, "start_tried_again", sentence)
    } else {
        let reason = last.text("reason").unwrap_or("unknown");
        let sentence = if is_last {
            format!("{sentence}; that was Lambda's last try")
        } else {
            sentence
        };
        Diagnosis::new(State::Bad, "start_failed", sentence).then(format!("start-engines redrive --reason {reason}"))
    })
}

/// Whether a task is of the start that a line is about: by its tag, which has the idempotency key if there is one.
fn is_of_start(evidence: &Evidence, life: &Life, line: &LogLine) -> bool {
    let identity = life.status.event_id.as_deref();
    let is_asked_for = || evidence.kind == Kind::Event && identity == Some(&*evidence.id);
    identity.is_some() && (identity == line.text("eventId") || is_asked_for()) || line.names(&life.task.arn)
}

/// Whether Lambda has tried an event as often as it does; a redrive gives it as many tries again. In buffered mode a queue
/// counts the tries, and more of them.
fn is_last_try(evidence: &Evidence, line: &LogLine) -> bool {
    let event = line.text("eventId");
    let tries = evidence.lines.iter().filter(|other| {
        let is_same = other.is_start() && other.text("eventId") == event;
        is_same && other.has_failed()
    });
    event.is_some() && line.text("messageId").is_none() && is_whole(tries.count())
}

/// Whether so many tries are all that an event gets.
fn is_whole(tries: usize) -> bool {
    tries > 0 && tries.is_multiple_of(TRIES)
}

/// A start without a task that ECS knows.
fn without_tasks(evidence: &Evidence) -> Diagnosis {
    if let Some(letter) = evidence.letters.first() {
        let (queue, dead) = (letter.queue, &letter.dead_letter);
        let sentence = format!("an event of it is in the {queue}: {}: {}", dead.code, dead.reason);
        return Diagnosis::new(State::Bad, "event_given_up", sentence).then(send(letter));
    }
    let failed = evidence
        .lines
        .iter()
        .rev()
        .find_map(|line| line.text("failedStartReason"));
    if let Some(reason) = failed {
        let sentence = format!("it stopped before it was RUNNING: {reason}");
        return Diagnosis::new(State::Bad, "failed_start", sentence).then(start_again(evidence));
    }
    match evidence.lines.iter().rfind(|line| line.is_change()) {
        Some(line) if line.text("desiredStatus") == Some("STOPPED") && !line.has_failed() => Diagnosis::new(
            State::Well,
            "stopped",
            "it has stopped, and its targets are deregistered; ECS does not keep its reason any more",
        ),
        // What followed may have no line.
        Some(_) if !evidence.log.shows_successes() => {
            let sentence = "ECS does not know it any more, and the log does not show what became of its targets";
            Diagnosis::new(State::Waiting, "end_not_shown", sentence).then(of_service(evidence, "status"))
        }
        Some(line) if line.has_failed() => {
            let sentence = format!("its last event failed: {}", line.failure());
            Diagnosis::new(State::Bad, "event_failed", sentence).then("start-engines redrive")
        }
        Some(_) => {
            let sentence = "ECS does not know it any more, and the log has no sign of its stop";
            Diagnosis::new(State::Bad, "stop_not_handled", sentence).then(of_service(evidence, "reconcile"))
        }
        None if evidence.lines.is_empty() => {
            let sentence = "nothing is known of it: no task, no log line, no dead letter";
            Diagnosis::new(State::Bad, "unknown", sentence)
        }
        None => {
            let sentence = "its start was handled, and ECS shows none of its tasks: it may not list them yet";
            Diagnosis::new(State::Waiting, "tasks_not_visible", sentence).then(of_service(evidence, "status"))
        }
    }
}

fn of_task(evidence: &Evidence, life: &Life) -> Diagnosis {
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

fn of_stopped(evidence: &Evidence, life: &Life) -> Diagnosis {
    let task = &life.task;
    let is_stopped = task.phase() == Phase::Stopped;
    let left = life.status.registered();
    let since = life.stopping_at.or(task.stopped_at);
    let is_due = since.is_some_and(|since| evidence.now.since(since) > SETTLE);
    let last = evidence.lines.iter().rfind(|line| line.is_stop_of(&task.arn));
    if left > 0 && is_due {
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
        } else if last.is_some() {
            "its stop was handled, so that they may be another task's".to_owned()
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
    let late = last.and_then(LogLine::lag_millis).filter(|lag| *lag > LATE_MILLIS);
    if let Some(lag) = late {
        let late = age(Duration::from_millis(u64::try_from(lag).unwrap_or(0)));
        let sentence = format!(
            "it has stopped ({}), and its targets were deregistered only {late} later",
            task.stop
        );
        return Diagnosis::new(State::Bad, "stop_handled_late", sentence).then(of_service(evidence, "status"));
    }
    let what = if is_stopped { "has stopped" } else { "is stopping" };
    let sentence = format!("it {what}: {}", task.stop);
    // Its containers ended by themselves: nobody asked for it
    // (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html).
    if task.stop.code.as_deref() == Some("EssentialContainerExited") {
        return Diagnosis::new(State::Bad, "container_exited", sentence).then(start_again(evidence));
    }
    Diagnosis::new(State::Well, "stopped", sentence)
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
            let reason = line.text("reason").unwrap_or("unknown");
            Diagnosis::new(State::Bad, "registration_failed", sentence)
                .then(format!("start-engines redrive --reason {reason}"))
        }
        Some(line) if line.text("outcome") == Some("registered") => {
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
            let since = evidence
                .lines
                .iter()
                .rfind(|line| line.is_running_of(&life.task.arn))
                .map(|line| line.at);
            let waited = since
                .or(life.task.started_at)
                .map(|since| evidence.now.since(since))
                .unwrap_or_default();
            if expected.is_some_and(|expected| waited > expected * PATIENCE) {
                let sentence = format!(
                    "it is registered in {group}, and {} later not healthy yet{why}",
                    age(waited)
                );
                return Diagnosis::new(State::Bad, "initial_for_long", sentence).then(of_service(evidence, "status"));
            }
            let expected = expected.map_or_else(String::new, |expected| format!(", expected within {}", age(expected)));
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
            Diagnosis::new(State::Bad, code, sentence).then(of_service(evidence, "status"))
        }
    }
}
