//! What an id fits: the tasks that ECS lists, lines of the log, and events that were given up.

use serde_json::Value;
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::tags;
use start_engines_core::domain::task::Task;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::envelope::START;

use crate::command_error::CommandError;
use crate::trace::evidence::Letter;
use crate::trace::log::LogLine;
use crate::trace::subject::{Id, Kind};

/// How many candidates are listed for an id that fits several tasks.
const MAX_CANDIDATES: usize = 10;

/// A task that ECS lists, with what an id can fit.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) arn: TaskArn,
    pub(super) event: Option<String>,
    pub(super) correlation: Option<String>,
    pub(super) service: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    /// When its start was requested, by its tag; else when it was created.
    pub(super) requested_at: Option<Timestamp>,
    state: String,
}

#[cfg(test)]
impl Listed {
    pub(super) fn without_tags(arn: TaskArn) -> Self {
        Self {
            arn,
            event: None,
            correlation: None,
            service: None,
            created_at: None,
            requested_at: None,
            state: "RUNNING".to_owned(),
        }
    }
}

/// What an id can fit of a task.
pub(super) fn as_listed(task: &Task) -> Listed {
    Listed {
        arn: task.arn.clone(),
        event: tags::event_id(&task.tags).map(str::to_owned),
        correlation: tags::correlation_id(&task.tags).map(str::to_owned),
        service: tags::service(&task.tags).map(str::to_owned),
        created_at: task.created_at,
        requested_at: tags::requested_at(&task.tags)
            .and_then(Timestamp::parse)
            .or(task.created_at),
        state: task.last_status.to_string(),
    }
}

/// What an id is to a task.
pub(super) fn fits(id: &Id, task: &Listed) -> Vec<Kind> {
    let is = |value: &Option<String>| value.as_ref() == Some(&id.text);
    let all = [
        (Kind::Task, id.may_begin_a_task() && task.arn.id().starts_with(&id.text)),
        (Kind::Event, is(&task.event)),
        (Kind::Correlation, is(&task.correlation)),
        (Kind::Service, is(&task.service)),
    ];
    all.into_iter()
        .filter_map(|(kind, fits)| fits.then_some(kind))
        .collect()
}

/// What an id is to a line of the log.
pub(super) fn fits_line(id: &Id, line: &LogLine) -> Vec<Kind> {
    let is = |name: &str| line.text(name) == Some(&id.text);
    let begins = |task: &TaskArn| id.may_begin_a_task() && task.id().starts_with(&id.text);
    let all = [
        (Kind::Task, line.tasks().iter().any(begins)),
        (Kind::Event, is("eventId")),
        (Kind::Correlation, is("correlationId")),
        (Kind::Service, is("service")),
    ];
    all.into_iter()
        .filter_map(|(kind, fits)| fits.then_some(kind))
        .collect()
}

/// What an id is to an event that was given up.
pub(super) fn fits_letter(id: &Id, letter: &Letter) -> Vec<Kind> {
    let events = letter.dead_letter.events();
    let is = |value: Option<&Value>| value.and_then(Value::as_str) == Some(&id.text);
    let any = |pointer: &str| events.iter().any(|event| is(event.pointer(pointer)));
    let is_start = events.iter().any(|event| event["detail-type"] == START);
    let all = [
        (Kind::Task, is_task_of(id, letter)),
        (Kind::Event, any("/id")),
        (Kind::Correlation, any("/detail/correlationId")),
        (Kind::Service, is_start && any("/detail/service")),
    ];
    all.into_iter()
        .filter_map(|(kind, fits)| fits.then_some(kind))
        .collect()
}

fn is_task_of(id: &Id, letter: &Letter) -> bool {
    id.task_id().is_some_and(|task| mentions(letter, task))
}

/// Whether a message has this text: an id.
pub(super) fn mentions(letter: &Letter, text: &str) -> bool {
    letter.dead_letter.message.body.contains(text)
}

/// The one task that the beginning of an id fits.
pub(super) fn one_task(id: &Id, listed: &[Listed], lines: &[LogLine]) -> Result<Vec<TaskArn>, CommandError> {
    let of_ecs = listed.iter().filter(|task| fits(id, task).contains(&Kind::Task));
    let of_ecs: Vec<&Listed> = of_ecs.collect();
    let of_log = lines
        .iter()
        .flat_map(LogLine::tasks)
        .filter(|arn| arn.id().starts_with(&id.text));
    let arns = distinct(of_ecs.iter().map(|task| task.arn.clone()).chain(of_log).collect());
    if arns.len() <= 1 {
        return Ok(arns);
    }
    let mut message = format!(
        "ID = \"{}\": {} tasks begin with it: give more of the id",
        id.text,
        arns.len()
    );
    for arn in arns.iter().take(MAX_CANDIDATES) {
        let found = of_ecs.iter().find(|task| task.arn == *arn);
        let about = found.map_or_else(
            || "gone".to_owned(),
            |task| format!("{}, {}", task.service.as_deref().unwrap_or("no service"), task.state),
        );
        message += &format!("\n  {} ({about})", arn.id());
    }
    if arns.len() > MAX_CANDIDATES {
        message += "\n  ...";
    }
    Err(CommandError::Usage(message))
}

/// Each task once.
pub(super) fn distinct(mut tasks: Vec<TaskArn>) -> Vec<TaskArn> {
    tasks.sort();
    tasks.dedup_by(|one, other| one.id() == other.id());
    tasks
}
