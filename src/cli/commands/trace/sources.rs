//! What `trace` reads beside the tasks: log lines, dead letters, schedules. Each is bounded, and says when it was cut.

use std::collections::HashSet;
use std::time::Duration;

use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::{FunctionArn, TaskArn};
use start_engines_core::domain::timestamp::Timestamp;
use tokio::time::Instant;

use crate::aws::OperatorClients;
use crate::dead_letter::DeadLetter;
use crate::trace::evidence::Letter;
use crate::trace::log::LogLine;
use crate::trace::planned::{Planned, Purpose};
use crate::view::dead_letters::Queue;

/// How long the searches of the log may take, and how many lines one may find.
const LOG_TIME: Duration = Duration::from_secs(60);
const MAX_LINES: usize = 2_000;
/// How many messages of a queue are looked at, and how many calls may show none that is new: SQS picks the messages of a
/// call from a part of its servers
/// ([short and long polling](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html)).
const MAX_MESSAGES: usize = 200;
const MAX_IDLE: usize = 2;

/// The searches of the function's log: each pattern once, and all together within [`LOG_TIME`].
#[derive(Debug)]
pub(super) struct Searches {
    /// Since when lines are read.
    pub(super) since: Timestamp,
    /// When the first search began.
    began: Option<Instant>,
    patterns: HashSet<String>,
    is_cut: bool,
    has_failed: bool,
}

impl Searches {
    pub(super) fn since(since: Timestamp) -> Self {
        Self {
            since,
            began: None,
            patterns: HashSet::new(),
            is_cut: false,
            has_failed: false,
        }
    }

    /// Whether a search ended before the log did.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether every line that matches was read.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_cut && !self.has_failed
    }

    /// The function's lines about events that match a pattern: of all pages, also those after an empty one. None if the
    /// same was searched before, or a search has failed.
    ///
    /// # Errors
    /// FilterLogEvents' own.
    pub(super) async fn search(
        &mut self,
        clients: &OperatorClients,
        group: &str,
        pattern: &str,
    ) -> Result<Vec<LogLine>, CallError> {
        let mut lines = Vec::new();
        if self.has_failed || !self.patterns.insert(pattern.to_owned()) {
            return Ok(lines);
        }
        let began = *self.began.get_or_insert_with(Instant::now);
        let mut next: Option<String> = None;
        loop {
            if lines.len() >= MAX_LINES || began.elapsed() > LOG_TIME {
                self.is_cut = true;
                return Ok(lines);
            }
            let page = clients.log_lines(group, pattern, self.since, next.as_deref()).await;
            let page = page.inspect_err(|_| self.has_failed = true)?;
            let read = page
                .lines
                .iter()
                .filter_map(|(at, message)| LogLine::read(*at, message));
            lines.extend(read);
            next = page.next;
            if next.is_none() {
                return Ok(lines);
            }
        }
    }
}

/// The messages of a queue, without hiding them from others: with a visibility timeout of zero, a message that is received
/// is visible again at once
/// ([visibility timeout](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html)).
/// That raises its `ApproximateReceiveCount`, which moves no message here: only a queue with a redrive policy counts, and a
/// dead-letter queue has none.
///
/// # Errors
/// ReceiveMessage's own.
pub(super) async fn letters(
    clients: &OperatorClients,
    (queue, url): (Queue, &str),
    function: Option<&FunctionArn>,
) -> Result<(Vec<Letter>, bool), CallError> {
    let mut known = HashSet::new();
    let mut letters = Vec::new();
    let mut idle = 0;
    while idle < MAX_IDLE {
        let messages = clients.receive(url, usize::MAX, Duration::ZERO).await?;
        if messages.is_empty() {
            return Ok((letters, false));
        }
        idle += 1;
        for message in messages {
            if known.insert(message.id.clone()) {
                idle = 0;
                letters.push(Letter {
                    queue: queue.name(),
                    dead_letter: DeadLetter::read(message, function),
                });
            }
        }
        if letters.len() >= MAX_MESSAGES {
            return Ok((letters, true));
        }
    }
    // As many as one call returns: there may be more that SQS has not shown.
    let is_cut = letters.len() >= 10;
    Ok((letters, is_cut))
}

/// Which of these schedules a task has.
///
/// # Errors
/// GetSchedule's own.
pub(super) async fn planned(
    clients: &OperatorClients,
    group: Option<&str>,
    task: &TaskArn,
    purposes: &[Purpose],
) -> Result<Vec<Planned>, CallError> {
    let mut planned = Vec::new();
    for purpose in purposes {
        let found = clients.one_time_schedule(group, &purpose.schedule(task)).await?;
        planned.extend(found.map(|at| Planned {
            task: task.clone(),
            at,
            purpose: *purpose,
        }));
    }
    Ok(planned)
}

/// An error as a note: what could not be read, and why.
pub(super) fn unread(what: &str, error: &CallError) -> String {
    let hint = match error.kind {
        ErrorKind::AccessDenied => "; the operators' policy of the component allows it",
        _ => "",
    };
    format!("{what} not read: {}: {error}{hint}", error.kind.name())
}
