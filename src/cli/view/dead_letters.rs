//! A message of a dead-letter queue in the command's hands, and how it is told.

use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::CallError;
use start_engines_core::domain::timestamp::Timestamp;
use tokio::time::Instant;

use crate::dead_letter::{DeadLetter, Tokens};
use crate::terminal::table::{Cell, Column, Table, Tone, age, wrap};

/// How many letters of an id are shown; as many name a message.
const SHOWN_ID: usize = 8;
const INDENT: usize = 4;
const TEXT_WIDTH: usize = 96;
const MAX_LINES: usize = 4;

/// A message in our hands.
pub(crate) struct Held {
    pub(crate) queue: &'static str,
    pub(crate) url: String,
    pub(crate) letter: DeadLetter,
    pub(crate) since: Instant,
    pub(crate) done: Done,
}

/// What has become of it.
pub(crate) enum Done {
    /// Nothing: it goes back.
    Left(&'static str),
    /// Lambda has it, and the queue has not.
    Sent,
    /// Lambda has it, and so has the queue.
    SentOnly(CallError),
    /// Lambda did not take it.
    Failed(CallError),
    /// It is deleted.
    Discarded,
    /// Others have it meanwhile, or it was deleted: neither sent nor given back.
    Lost(CallError),
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

/// A row for each, with its reason below it.
pub(crate) fn table(told: &[&Held], now: Timestamp) -> String {
    let mut table = Table::new(0, &COLUMNS);
    for held in told {
        table.row(row(held, now));
    }
    let mut text = String::new();
    if !table.is_empty() {
        text.push_str(&format!("{}\n", table.head()));
    }
    for (line, held) in table.lines().iter().zip(told) {
        text.push_str(&format!("{line}\n"));
        let mut lines = wrap(&why(held, now), TEXT_WIDTH);
        if lines.len() > MAX_LINES {
            lines.truncate(MAX_LINES);
            lines.push("(--output json has all of it)".to_owned());
        }
        for line in lines {
            text.push_str(&format!("{:INDENT$}{line}\n", ""));
        }
    }
    text
}

/// It was not asked for.
pub(crate) const OTHER_REASON: &str = "another reason";
/// Nobody knows whether ECS still has its client tokens.
pub(crate) const OLD_START: &str =
    "so old that it may start its tasks a second time: --old-starts sends it all the same";

/// It names another function; one that is renamed leaves such messages.
pub(crate) const ANOTHERS: &str =
    "it is of another function than --function: --send with its id sends it to that one all the same";
/// A request that is older than this is marked: who asked for it may not want it any more.
const OLD: Duration = Duration::from_secs(3600);

const COLUMNS: [Column; 6] = [
    Column::new("ID", SHOWN_ID),
    Column::new("QUEUE", 11),
    Column::new("WAITS", 6).right(),
    // Since it was asked for; not of what only tells that something happened.
    Column::new("AGE", 6).right(),
    Column::new("EVENT", 12),
    Column::new("ABOUT", 12),
];

fn row(held: &Held, now: Timestamp) -> Vec<Cell> {
    let letter = &held.letter;
    let id: String = letter.message.id.chars().take(SHOWN_ID).collect();
    let waits = letter
        .message
        .sent_at
        .map(|sent| age(now.since(sent)))
        .unwrap_or_default();
    vec![
        id.into(),
        held.queue.into(),
        waits.into(),
        match letter.requested_at().map(|time| now.since(time)) {
            Some(since) => Cell::toned(age(since), if since >= OLD { Tone::Bad } else { Tone::Plain }),
            None => Cell::default(),
        },
        letter.kind().into(),
        letter.about().into(),
    ]
}

fn why(held: &Held, now: Timestamp) -> String {
    let letter = &held.letter;
    let reason = match &letter.event {
        Ok(_) => format!("{}: {}", letter.code, letter.reason),
        Err(why) => format!("{}: {} ({why})", letter.code, letter.reason),
    };
    match &held.done {
        Done::Left("") if letter.tokens(now) != Tokens::Kept => {
            format!("{reason} [{OLD_START}]")
        }
        Done::Left("") => reason,
        Done::Left(why) => format!("left: {why}"),
        Done::Sent => "sent".to_owned(),
        Done::Discarded => "thrown away".to_owned(),
        Done::SentOnly(error) => format!(
            "sent, but still in the queue: {error}. It can be sent again or thrown away: handling it twice does no harm"
        ),
        Done::Failed(error) => format!("failed: {error}"),
        Done::Lost(error) => format!("somebody else has it by now: {error}"),
    }
}

/// For programs.
pub(crate) fn json(held: &Held, now: Timestamp) -> Value {
    let letter = &held.letter;
    let left = match &held.done {
        Done::Left("") => None,
        Done::Left(why) => Some(*why),
        _ => None,
    };
    json!({
        "id": letter.message.id,
        "queue": held.queue,
        "queueUrl": held.url,
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
        "done": held.done.name(),
        "left": left,
        "error": held.done.error().map(ToString::to_string),
    })
}
