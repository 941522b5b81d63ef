//! The messages that `redrive` has received, as a table and as JSON.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::CallError;
use start_engines_core::domain::timestamp::Timestamp;
use tokio::time::Instant;

use crate::dead_letter::{DeadLetter, Tokens};
use crate::terminal::table::{Cell, Column, Table, Tone, age, wrap};

/// Characters of a message id in the table; `--send` and `--discard` accept them.
const SHOWN_ID: usize = 8;
const INDENT: usize = 4;
const TEXT_WIDTH: usize = 96;
const MAX_LINES: usize = 4;

/// The queues that `redrive` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    RuleDeadLetter,
    OnFailure,
    SchedulerDeadLetter,
    RequestDeadLetter,
    StateChangeDeadLetter,
}

impl Queue {
    /// The queue's one name, in JSON; options, variables, outputs and alarms contain it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RuleDeadLetter => "rule-dead-letter-queue",
            Self::OnFailure => "on-failure-queue",
            Self::SchedulerDeadLetter => "scheduler-dead-letter-queue",
            Self::RequestDeadLetter => "request-dead-letter-queue",
            Self::StateChangeDeadLetter => "state-change-dead-letter-queue",
        }
    }

    /// How the name begins, for the table's column.
    fn short_name(self) -> &'static str {
        let name = self.name().trim_end_matches("-queue");
        name.trim_end_matches("-dead-letter")
    }
}

/// A received message, and what `redrive` did with it.
pub(crate) struct ReceivedLetter {
    pub(crate) queue: Queue,
    pub(crate) url: String,
    pub(crate) dead_letter: DeadLetter,
    pub(crate) hidden_since: Instant,
    pub(crate) done: Done,
}

/// What `redrive` did with a message.
pub(crate) enum Done {
    /// Nothing, for this reason; it is released.
    Left(Left),
    /// Lambda accepted the event, and the message is deleted.
    Sent,
    /// Lambda accepted the event, but DeleteMessage failed.
    SentOnly(CallError),
    /// Invoke failed, or DeleteMessage of a message to discard.
    Failed(CallError),
    /// Deleted without being sent.
    Discarded,
    /// Another consumer has received or deleted it meanwhile: neither sent nor released.
    Lost(CallError),
}

/// Why a message is left in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// No option selects it.
    NotSelected,
    /// `--reason` names another error code than the message's.
    OtherReason,
    /// There is nothing in it to send.
    NoEvent,
    /// ECS may have forgotten the client tokens of its start.
    OldStart,
    /// It names another function than `--function`, for example after the function was renamed.
    OtherFunction,
}

impl Left {
    /// The text for an operator who wanted to send the message; `None` if no option selects it.
    fn words(self) -> Option<&'static str> {
        match self {
            Self::NotSelected | Self::OtherReason => None,
            Self::NoEvent => Some("it holds no event"),
            Self::OldStart => Some(OLD_START),
            Self::OtherFunction => Some(
                "it is of another function than --function: --send with its id sends it to --function nevertheless",
            ),
        }
    }
}

impl Done {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Left(_) => "left",
            Self::Sent => "sent",
            Self::SentOnly(_) => "sent_not_deleted",
            Self::Failed(_) => "failed",
            Self::Discarded => "discarded",
            Self::Lost(_) => "lost",
        }
    }

    pub(crate) fn error(&self) -> Option<&CallError> {
        match self {
            Self::SentOnly(error) | Self::Failed(error) | Self::Lost(error) => Some(error),
            Self::Left(_) | Self::Sent | Self::Discarded => None,
        }
    }
}

/// A row for each message, with its reason below it.
pub(crate) fn table(letters: &[&ReceivedLetter], now: Timestamp) -> String {
    let mut table = Table::new(0, &COLUMNS);
    for received in letters {
        table.row(row(received, now));
    }
    let mut text = String::new();
    if !table.is_empty() {
        text.push_str(&format!("{}\n", table.head()));
    }
    for (line, received) in table.lines().iter().zip(letters) {
        text.push_str(&format!("{line}\n"));
        let mut lines = wrap(&why(received, now), TEXT_WIDTH);
        if lines.len() > MAX_LINES {
            lines.truncate(MAX_LINES);
            lines.push("(--output json prints all of it)".to_owned());
        }
        for line in lines {
            text.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    }
    text
}

/// A list shows it too, before anything was to be sent.
const OLD_START: &str = "so old that it may start its tasks a second time: --old-starts sends it nevertheless";
/// Requests older than this are shown in red: their senders may not want them any more.
const OLD: Duration = Duration::from_secs(3600);

const COLUMNS: [Column; 6] = [
    Column::new("ID", SHOWN_ID),
    Column::new("QUEUE", 12),
    Column::new("WAITS", 6).right(),
    // Time since the request; empty for state changes.
    Column::new("AGE", 6).right(),
    Column::new("EVENT", 12),
    Column::new("ABOUT", 12),
];

fn row(received: &ReceivedLetter, now: Timestamp) -> Vec<Cell> {
    let letter = &received.dead_letter;
    let id: String = letter.message.id.chars().take(SHOWN_ID).collect();
    let waits = letter
        .message
        .sent_at
        .map(|sent| age(now.since(sent)))
        .unwrap_or_default();
    vec![
        id.into(),
        received.queue.short_name().into(),
        waits.into(),
        match letter.requested_at().map(|time| now.since(time)) {
            Some(since) => Cell::toned(age(since), if since >= OLD { Tone::Bad } else { Tone::Plain }),
            None => Cell::default(),
        },
        letter.kind().into(),
        letter.about().into(),
    ]
}

fn why(received: &ReceivedLetter, now: Timestamp) -> String {
    let letter = &received.dead_letter;
    let reason = match &letter.event {
        Ok(_) => format!("{}: {}", letter.code, letter.reason),
        Err(why) => format!("{}: {} ({why})", letter.code, letter.reason),
    };
    match &received.done {
        Done::Left(left) => match left.words() {
            Some(words) => format!("left: {words}"),
            None if letter.tokens(now) != Tokens::Kept => format!("{reason} [{OLD_START}]"),
            None => reason,
        },
        Done::Sent => "sent".to_owned(),
        Done::Discarded => "discarded".to_owned(),
        Done::SentOnly(error) => format!(
            "sent, but still in the queue: {error}. It can be sent again or discarded: handling it twice does no harm"
        ),
        Done::Failed(error) => format!("failed: {error}"),
        Done::Lost(error) => format!("another consumer has received it meanwhile: {error}"),
    }
}

/// The JSON form that `docs/command.md` documents.
pub(crate) fn json(received: &ReceivedLetter, now: Timestamp) -> Value {
    let letter = &received.dead_letter;
    let left = match &received.done {
        Done::Left(left) => left.words(),
        Done::Sent | Done::SentOnly(_) | Done::Failed(_) | Done::Discarded | Done::Lost(_) => None,
    };
    json!({
        "id": letter.message.id,
        "queue": received.queue.name(),
        "queueUrl": received.url,
        "sentAt": letter.message.sent_at.and_then(Timestamp::to_rfc3339),
        "code": letter.code,
        "reason": letter.reason,
        "condition": letter.condition,
        "function": letter.function,
        "event": letter.event.as_ref().ok(),
        "noEvent": letter.event.as_ref().err(),
        "requestedAt": letter.requested_at().and_then(Timestamp::to_rfc3339),
        "age": letter.requested_at().map(|time| now.since(time).as_secs()),
        "mayStartTwice": letter.tokens(now) != Tokens::Kept,
        "done": received.done.name(),
        "left": left,
        "error": received.done.error().map(ToString::to_string),
    })
}
