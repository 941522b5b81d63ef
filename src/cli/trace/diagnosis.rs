//! The diagnosis: one sentence that says why the engine serves or does not, and the command to go on with.
//!
//! Of several tasks, that of the one that is worst off. Must not guess: what the evidence does not show is said as such.

pub(super) mod of_task;

use std::collections::BTreeMap;
use std::time::Duration;

use start_engines_core::request::envelope::START;

use self::of_task::{of_task, stopped_as_unhealthy};
use super::evidence::{Evidence, Letter, Life};
use super::log::LogLine;
use super::subject::Kind;

/// How long Lambda waits at most before it tries an asynchronous event again: one minute, then two
/// ([retries](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)).
const NEXT_TRY: Duration = Duration::from_secs(180);
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
    let diagnosis = of_all_read(evidence);
    let (read, left) = (evidence.tasks.len() + evidence.gone.len(), evidence.tasks_left);
    if left == 0 {
        return diagnosis;
    }
    let sentence = format!(
        "only {read} of {} tasks were looked at: {}",
        read + left,
        diagnosis.sentence
    );
    match diagnosis.state {
        // How the others are is not known.
        State::Well => {
            Diagnosis::new(State::Waiting, "not_all_looked_at", sentence).then(of_service(evidence, "status"))
        }
        State::Waiting | State::Bad => Diagnosis { sentence, ..diagnosis },
    }
}

/// The diagnosis of what was read.
fn of_all_read(evidence: &Evidence) -> Diagnosis {
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

/// The command that looks for the cause of what ELB says.
fn doctor(evidence: &Evidence) -> String {
    match service(evidence) {
        Some(service) => format!("start-engines doctor {service}"),
        None => "start-engines doctor".to_owned(),
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

/// The command that lists the dead letter of an event that failed, if there is one. A message that SQS has moved does not
/// have the reason.
fn redrive(failed: &LogLine) -> String {
    match failed.text("reason") {
        Some(reason) if !failed.is_of_queue() => format!("start-engines redrive --reason {reason}"),
        Some(_) | None => "start-engines redrive".to_owned(),
    }
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
    // What became of each start is its last line.
    let mut last: BTreeMap<Option<&str>, &LogLine> = BTreeMap::new();
    for line in evidence.lines.iter().filter(|line| line.is_start()) {
        last.insert(line.text("eventId"), line);
    }
    let all = last.len();
    let failed = last.into_values().filter_map(|line| {
        let diagnosis = of_last_line(evidence, line)?;
        Some((diagnosis, line))
    });
    let (diagnosis, line) = failed.max_by_key(|(diagnosis, line)| (diagnosis.state, line.at))?;
    Some(match line.text("eventId") {
        Some(event) if all > 1 => Diagnosis {
            sentence: format!("of {all} starts, event {event}: {}", diagnosis.sentence),
            ..diagnosis
        },
        Some(_) | None => diagnosis,
    })
}

/// What became of a start with this last line, if it is not a success.
fn of_last_line(evidence: &Evidence, last: &LogLine) -> Option<Diagnosis> {
    // A retry that succeeded may have no line.
    let may_have_succeeded = || {
        let mut lives = evidence.tasks.iter();
        !evidence.log.shows_successes() && lives.any(|life| is_of_start(evidence, life, last))
    };
    if !last.has_failed() || may_have_succeeded() {
        return None;
    }
    let sentence = format!("the start failed: {}", last.failure());
    // How often an event is tried is a setting, of Lambda's or of the queue before the function, that is not read here; what
    // has become of the last try is a dead letter.
    Some(if last.retry_can_help() && evidence.now.since(last.at) < NEXT_TRY {
        let sentence = format!("{sentence}; it is tried again, unless that was its last try");
        Diagnosis::new(State::Waiting, "start_tried_again", sentence)
    } else {
        Diagnosis::new(State::Bad, "start_failed", sentence).then(redrive(last))
    })
}

/// Whether a task is of the start that a line is about: by its tag, which has the idempotency key if there is one.
fn is_of_start(evidence: &Evidence, life: &Life, line: &LogLine) -> bool {
    let identity = life.status.event_id.as_deref();
    let is_asked_for = || evidence.kind == Kind::Event && identity == Some(&*evidence.id);
    identity.is_some() && (identity == line.text("eventId") || is_asked_for()) || line.names(&life.task.arn)
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
    let of_check = |line: &&LogLine| evidence.gone.iter().any(|task| line.has_stopped_as_unhealthy(task));
    if let Some(line) = evidence.lines.iter().rfind(of_check) {
        return stopped_as_unhealthy(evidence, "has stopped", &line.targets_not_healthy());
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
