//! `redrive`: lists the messages of the dead-letter queues, sends them again, or discards them.
//!
//! A message is deleted only after Lambda has accepted the event. If the command ends in between, the message is still in
//! the queue; at worst the event is handled twice, which does no harm. Received messages are hidden from other consumers
//! for the visibility timeout, and released at the end.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::FunctionArn;
use tokio::time::Instant;

use crate::args::Redrive;
use crate::aws::OperatorClients;
use crate::command_error::CommandError;
use crate::dead_letter::{DeadLetter, Tokens};
use crate::session::{Session, now};
use crate::terminal::interrupt::Interrupt;
use crate::terminal::screen::confirm;
use crate::terminal::table::counted;
use crate::view::dead_letters::{self, Done, Left, Queue, ReceivedLetter};

/// How long received messages are hidden from other consumers; after a kill they are visible again by then.
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(120);

/// Lists, sends or discards messages; releases all others, also after an error.
pub(crate) async fn redrive(session: &Session, options: Redrive, interrupt: &Interrupt) -> Result<(), CommandError> {
    let queues = queues(&options)?;
    let function = session.known()?.function;
    let is_sending = options.all || !options.send.is_empty();
    if is_sending && function.is_none() {
        let message = "--function is missing, and START_ENGINES_FUNCTION is not set: give the ARN of the function to invoke; the function that a message names is never used. Nothing was sent";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let clients = session.clients().await?;
    let mut work = Work {
        clients: &clients,
        session,
        function,
        options: &options,
        interrupt,
        letters: Vec::new(),
    };
    let mut result = Ok(());
    for (queue, url) in queues {
        result = work.queue(queue, &url).await;
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = work.send_or_discard().await;
    }
    work.release_rest().await;
    work.print(result.is_ok());
    match result {
        Ok(()) if interrupt.is_requested() => Err(CommandError::Interrupted),
        Ok(()) => work.end(),
        Err(error) => Err(error),
    }
}

/// The names that version 0.1 had for the queues' variables; read where the new ones are not set.
const OLD_RULE_VARIABLE: &str = "START_ENGINES_RULE_QUEUE_URL";
const OLD_ON_FAILURE_VARIABLE: &str = "START_ENGINES_FAILURE_QUEUE_URL";
const OLD_SCHEDULER_VARIABLE: &str = "START_ENGINES_SCHEDULER_QUEUE_URL";

/// Each queue once: rules and schedules may share one.
fn queues(options: &Redrive) -> Result<Vec<(Queue, String)>, CommandError> {
    let given = |option: &Option<String>| option.clone().filter(|url| !url.is_empty());
    let or_old = |option: &Option<String>, variable: &str| {
        let old = || std::env::var(variable).ok().filter(|url| !url.is_empty());
        given(option).or_else(old)
    };
    let mut queues: Vec<(Queue, String)> = Vec::new();
    for (queue, url) in [
        (
            Queue::RuleDeadLetter,
            or_old(&options.queues.rule_dead_letter_queue_url, OLD_RULE_VARIABLE),
        ),
        (
            Queue::OnFailure,
            or_old(&options.queues.on_failure_queue_url, OLD_ON_FAILURE_VARIABLE),
        ),
        (
            Queue::SchedulerDeadLetter,
            or_old(&options.queues.scheduler_dead_letter_queue_url, OLD_SCHEDULER_VARIABLE),
        ),
        (
            Queue::RequestDeadLetter,
            given(&options.queues.request_dead_letter_queue_url),
        ),
        (
            Queue::StateChangeDeadLetter,
            given(&options.queues.state_change_dead_letter_queue_url),
        ),
    ] {
        if let Some(url) = url.filter(|url| !queues.iter().any(|(_, known)| known == url)) {
            queues.push((queue, url));
        }
    }
    if queues.is_empty() {
        let message = "no queue is given: give --rule-dead-letter-queue-url, --on-failure-queue-url or another one (--help), or set the variables of the stack's output commandEnvironment";
        return Err(CommandError::Usage(message.to_owned()));
    }
    Ok(queues)
}

struct Work<'a> {
    clients: &'a OperatorClients,
    session: &'a Session,
    function: Option<FunctionArn>,
    options: &'a Redrive,
    interrupt: &'a Interrupt,
    letters: Vec<ReceivedLetter>,
}

impl Work<'_> {
    /// Receives up to `--limit` messages; with `--all`, page after page, each page sent before the next one is received.
    async fn queue(&mut self, queue: Queue, url: &str) -> Result<(), CommandError> {
        let limit = usize::try_from(self.options.limit).unwrap_or(usize::MAX);
        loop {
            let new = self.page(queue, url, limit).await?;
            if !self.options.all {
                return Ok(());
            }
            for n in self.letters.len() - new..self.letters.len() {
                self.send(n).await?;
            }
            if new < limit || self.interrupt.is_requested() {
                return Ok(());
            }
        }
    }

    /// Receives up to `max` messages that were not received before; returns their number.
    async fn page(&mut self, queue: Queue, url: &str, max: usize) -> Result<usize, CommandError> {
        let mut known: HashMap<String, usize> = HashMap::new();
        for (n, letter) in self.letters.iter().enumerate() {
            known.insert(letter.dead_letter.message.id.clone(), n);
        }
        let mut new = 0;
        while new < max && !self.interrupt.is_requested() {
            let messages = self.clients.receive(url, max - new, VISIBILITY_TIMEOUT).await?;
            if messages.is_empty() {
                break;
            }
            let mut is_new = false;
            for message in messages {
                // Its visibility timeout has passed, and it was received again.
                if let Some(letter) = known.get(&message.id).and_then(|n| self.letters.get_mut(*n)) {
                    letter.dead_letter.message.receipt = message.receipt;
                    letter.hidden_since = Instant::now();
                    continue;
                }
                is_new = true;
                known.insert(message.id.clone(), self.letters.len());
                let dead_letter = DeadLetter::read(message, self.function.as_ref());
                let is_chosen = self
                    .options
                    .reason
                    .as_ref()
                    .is_none_or(|reason| *reason == dead_letter.code);
                self.letters.push(ReceivedLetter {
                    queue,
                    url: url.to_owned(),
                    dead_letter,
                    hidden_since: Instant::now(),
                    done: Done::Left(if is_chosen {
                        Left::NotSelected
                    } else {
                        Left::OtherReason
                    }),
                });
                new += 1;
            }
            if !is_new {
                break;
            }
        }
        Ok(new)
    }

    /// Carries out `--send` and `--discard`.
    async fn send_or_discard(&mut self) -> Result<(), CommandError> {
        let discard = !self.options.discard.is_empty();
        let ids = if discard {
            &self.options.discard
        } else {
            &self.options.send
        };
        let mut chosen = Vec::new();
        for id in ids {
            chosen.push(self.find(id)?);
        }
        if discard && !self.options.yes {
            if !self.session.screen.is_interactive() {
                let message = "--discard needs --yes where there is no terminal; nothing was discarded";
                return Err(CommandError::Usage(message.to_owned()));
            }
            let question = format!("Discard {} for good?", counted(chosen.len(), "message"));
            let agreed = tokio::select! {
                agreed = confirm(&question) => agreed,
                () = self.interrupt.requested() => false,
            };
            if !agreed {
                return Err(CommandError::Usage("nothing was discarded".to_owned()));
            }
        }
        for n in chosen {
            if discard {
                self.discard(n).await;
            } else {
                self.send(n).await?;
            }
        }
        Ok(())
    }

    fn find(&self, id: &str) -> Result<usize, CommandError> {
        let found = self
            .letters
            .iter()
            .enumerate()
            .filter(|(_, letter)| letter.dead_letter.message.id.starts_with(id));
        let places: Vec<usize> = found.map(|(n, _)| n).collect();
        match places.as_slice() {
            [one] => Ok(*one),
            [] => Err(CommandError::Usage(format!(
                "no message of the {} received has the id {id} (--limit receives more)",
                self.letters.len()
            ))),
            several => Err(CommandError::Usage(format!(
                "{} messages have ids that begin with {id}: give more of the id",
                several.len()
            ))),
        }
    }

    /// Invokes the function, then deletes the message. Returns only errors that all other messages would meet too.
    async fn send(&mut self, n: usize) -> Result<(), CommandError> {
        if self.interrupt.is_requested() {
            return Ok(());
        }
        let now = now();
        let Some(letter) = self.letters.get_mut(n) else {
            return Ok(());
        };
        let Ok(event) = &letter.dead_letter.event else {
            letter.done = Done::Left(Left::NoEvent);
            return Ok(());
        };
        if matches!(letter.done, Done::Left(Left::OtherReason)) {
            return Ok(());
        }
        if letter.dead_letter.tokens(now) != Tokens::Kept && !self.options.old_starts {
            letter.done = Done::Left(Left::OldStart);
            return Ok(());
        }
        // Never the function that a message names: anyone who may send to the queue chooses it.
        let Some(function) = &self.function else {
            return Err(CommandError::Usage(
                "--function is missing; nothing was sent".to_owned(),
            ));
        };
        if self.options.all && letter.dead_letter.is_for_another_function(function) {
            letter.done = Done::Left(Left::OtherFunction);
            return Ok(());
        }
        let receipt = &letter.dead_letter.message.receipt;
        if letter.hidden_since.elapsed() > VISIBILITY_TIMEOUT / 2 {
            if let Err(error) = self
                .clients
                .extend_visibility(&letter.url, receipt, VISIBILITY_TIMEOUT)
                .await
            {
                letter.done = Done::Lost(error);
                return Ok(());
            }
            letter.hidden_since = Instant::now();
        }
        if let Err(error) = self.clients.invoke(function.as_str(), &event.to_string()).await {
            let stops_all = stops_all(&error);
            letter.done = Done::Failed(error.clone());
            return if stops_all { Err(error.into()) } else { Ok(()) };
        }
        letter.done = match self.clients.delete(&letter.url, receipt).await {
            Ok(()) => Done::Sent,
            Err(error) => Done::SentOnly(error),
        };
        Ok(())
    }

    async fn discard(&mut self, n: usize) {
        if let Some(letter) = self.letters.get_mut(n).filter(|_| !self.interrupt.is_requested()) {
            letter.done = match self
                .clients
                .delete(&letter.url, &letter.dead_letter.message.receipt)
                .await
            {
                Ok(()) => Done::Discarded,
                Err(error) => Done::Failed(error),
            };
        }
    }

    /// Makes the remaining messages visible again. Where a call fails, the visibility timeout does it.
    async fn release_rest(&self) {
        for letter in &self.letters {
            if matches!(letter.done, Done::Left(_) | Done::Failed(_) | Done::SentOnly(_)) {
                let _ = self
                    .clients
                    .release(&letter.url, &letter.dead_letter.message.receipt)
                    .await;
            }
        }
    }

    fn is_listing(&self) -> bool {
        !self.options.all && self.options.send.is_empty() && self.options.discard.is_empty()
    }

    /// Prints the messages and what was done with each; leaves out those that no option selects.
    fn print(&self, is_whole: bool) {
        let screen = self.session.screen;
        let is_listed = |letter: &&ReceivedLetter| match &letter.done {
            Done::Left(Left::NotSelected) => self.is_listing(),
            Done::Left(Left::OtherReason) => false,
            Done::Left(Left::NoEvent | Left::OldStart | Left::OtherFunction) => true,
            Done::Sent | Done::SentOnly(_) | Done::Failed(_) | Done::Discarded | Done::Lost(_) => true,
        };
        let listed: Vec<&ReceivedLetter> = self.letters.iter().filter(is_listed).collect();
        if screen.is_json() {
            let messages: Value = listed.iter().map(|letter| dead_letters::json(letter, now())).collect();
            screen.result("", &json!({"messages": messages, "whole": is_whole}));
            return;
        }
        let mut text = dead_letters::table(&listed, now());
        text.push_str(&self.summary(&listed));
        screen.result(&text, &Value::Null);
    }

    fn summary(&self, listed: &[&ReceivedLetter]) -> String {
        if self.is_listing() {
            let limit = usize::try_from(self.options.limit).unwrap_or(usize::MAX);
            let of = |letter: &&ReceivedLetter| listed.iter().filter(|other| other.url == letter.url).count();
            let is_full = listed.iter().any(|letter| of(letter) >= limit);
            return match listed.len() {
                0 => "the queues are empty\n".to_owned(),
                number if is_full => format!(
                    "{}; there may be more: --limit receives more\n",
                    counted(number, "message")
                ),
                number => format!("{}\n", counted(number, "message")),
            };
        }
        let (mut sent, mut sent_only, mut discarded, mut failed, mut left, mut lost) = (0, 0, 0, 0, 0, 0);
        for letter in listed {
            let number = match &letter.done {
                Done::Sent => &mut sent,
                Done::SentOnly(_) => &mut sent_only,
                Done::Discarded => &mut discarded,
                Done::Failed(_) => &mut failed,
                Done::Left(_) => &mut left,
                Done::Lost(_) => &mut lost,
            };
            *number += 1;
        }
        let parts: Vec<String> = [
            (sent, "sent"),
            (sent_only, "sent not deleted"),
            (discarded, "discarded"),
            (failed, "failed"),
            (left, "left"),
            (lost, "lost"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
        match parts.as_slice() {
            [] => "there was nothing to send\n".to_owned(),
            parts => format!("{}\n", parts.join(", ")),
        }
    }

    fn end(&self) -> Result<(), CommandError> {
        let errors = self.letters.iter().filter_map(|letter| letter.done.error());
        let failed = errors.clone().count();
        if failed > 0 {
            return Err(CommandError::Aws(format!(
                "{}; the reasons are above",
                counted(failed, "message failed")
            )));
        }
        let left = self.letters.iter().filter(|letter| match &letter.done {
            Done::Left(Left::NotSelected) => self.is_listing() || self.options.all,
            Done::Left(Left::OtherReason) => false,
            Done::Left(Left::NoEvent | Left::OldStart | Left::OtherFunction) => true,
            Done::Sent | Done::SentOnly(_) | Done::Failed(_) | Done::Discarded | Done::Lost(_) => false,
        });
        match left.count() {
            0 => Ok(()),
            _ if self.is_listing() => Err(CommandError::NotWell(String::new())),
            left => Err(CommandError::NotWell(format!(
                "{} left where they were",
                counted(left, "message")
            ))),
        }
    }
}

/// Whether all other messages would meet this error too.
fn stops_all(error: &CallError) -> bool {
    matches!(
        error.kind,
        ErrorKind::AccessDenied
            | ErrorKind::Credentials
            | ErrorKind::Throttled
            | ErrorKind::Unreachable
            | ErrorKind::TimedOut
            | ErrorKind::Server
            | ErrorKind::ResourceNotFound
    )
}
