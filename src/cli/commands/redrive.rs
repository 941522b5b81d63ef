//! `redrive`: what failed for good, listed, sent again, or thrown away.
//!
//! A message is deleted only after Lambda has said that it has the event; so whatever happens in between,
//! it is still there, and at worst the event is handled twice, which does no harm. What is looked at is hidden
//! from others for a while, and given back at the end.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::arn::FunctionArn;
use tokio::time::Instant;

use crate::args::Redrive;
use crate::aws::OperatorClients;
use crate::dead_letter::{DeadLetter, Tokens};
use crate::error::CommandError;
use crate::session::{Session, now};
use crate::terminal::interrupt::Interrupt;
use crate::terminal::screen::confirm;
use crate::terminal::table::counted;
use crate::view::dead_letters::{self, ANOTHERS, Done, Held, OLD_START, OTHER_REASON};

/// For so long nobody else gets what is looked at; if this command is killed, it is back by then.
const HIDDEN: Duration = Duration::from_secs(120);

/// Lists, sends or throws away; gives back the rest whatever happens.
pub(crate) async fn redrive(session: &Session, asked: Redrive, interrupt: &Interrupt) -> Result<(), CommandError> {
    let queues = queues(&asked)?;
    let function = session.known()?.function;
    let is_sending = asked.all || !asked.send.is_empty();
    if is_sending && function.is_none() {
        let message = "--function is missing, and START_ENGINES_FUNCTION is not set: give the ARN of the function that the events are for, whatever function a message names; nothing was sent";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let clients = session.clients().await?;
    let mut work = Work {
        clients: &clients,
        session,
        function,
        asked: &asked,
        interrupt,
        held: Vec::new(),
    };
    let mut result = Ok(());
    for (queue, url) in queues {
        result = work.queue(queue, &url).await;
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = work.chosen().await;
    }
    work.give_back().await;
    work.tell(result.is_ok());
    match result {
        Ok(()) if interrupt.is_heard() => Err(CommandError::Interrupted),
        Ok(()) => work.end(),
        Err(trouble) => Err(trouble),
    }
}

/// Each queue once: one may serve rules and schedules.
fn queues(asked: &Redrive) -> Result<Vec<(&'static str, String)>, CommandError> {
    let mut queues: Vec<(&'static str, String)> = Vec::new();
    for (name, url) in [
        ("undelivered", &asked.rule_queue_url),
        ("failures", &asked.failure_queue_url),
        ("schedules", &asked.scheduler_queue_url),
        ("requests", &asked.request_dead_letter_queue_url),
        ("changes", &asked.state_change_dead_letter_queue_url),
    ] {
        if let Some(url) = url.as_ref().filter(|url| !url.is_empty())
            && !queues.iter().any(|(_, known)| known == url)
        {
            queues.push((name, url.clone()));
        }
    }
    if queues.is_empty() {
        let message = "which queues? Give --rule-queue-url, --failure-queue-url or another (--help), or set what the stack's output commandEnvironment tells";
        return Err(CommandError::Usage(message.to_owned()));
    }
    Ok(queues)
}

struct Work<'a> {
    clients: &'a OperatorClients,
    session: &'a Session,
    function: Option<FunctionArn>,
    asked: &'a Redrive,
    interrupt: &'a Interrupt,
    held: Vec<Held>,
}

impl Work<'_> {
    /// Takes up to `--limit` messages into our hands; with `--all`, page after page, each sent before the next.
    async fn queue(&mut self, queue: &'static str, url: &str) -> Result<(), CommandError> {
        let limit = usize::try_from(self.asked.limit).unwrap_or(usize::MAX);
        loop {
            let new = self.page(queue, url, limit).await?;
            if !self.asked.all {
                return Ok(());
            }
            for n in self.held.len() - new..self.held.len() {
                self.send(n).await?;
            }
            if new < limit || self.interrupt.is_heard() {
                return Ok(());
            }
        }
    }

    /// Up to `most` messages that are not in our hands yet; how many.
    async fn page(&mut self, queue: &'static str, url: &str, most: usize) -> Result<usize, CommandError> {
        let mut known: HashMap<String, usize> = HashMap::new();
        for (n, held) in self.held.iter().enumerate() {
            known.insert(held.letter.message.id.clone(), n);
        }
        let mut new = 0;
        while new < most && !self.interrupt.is_heard() {
            let messages = self.clients.receive(url, most - new, HIDDEN).await?;
            if messages.is_empty() {
                break;
            }
            let mut is_new = false;
            for message in messages {
                // It was hidden for too long, and has come back to us.
                if let Some(held) = known.get(&message.id).and_then(|n| self.held.get_mut(*n)) {
                    held.letter.message.receipt = message.receipt;
                    held.since = Instant::now();
                    continue;
                }
                is_new = true;
                known.insert(message.id.clone(), self.held.len());
                let letter = DeadLetter::read(message);
                let is_asked = self.asked.reason.as_ref().is_none_or(|reason| *reason == letter.code);
                self.held.push(Held {
                    queue,
                    url: url.to_owned(),
                    letter,
                    since: Instant::now(),
                    done: Done::Left(if is_asked { "" } else { OTHER_REASON }),
                });
                new += 1;
            }
            if !is_new {
                break;
            }
        }
        Ok(new)
    }

    /// `--send` and `--discard`.
    async fn chosen(&mut self) -> Result<(), CommandError> {
        let discard = !self.asked.discard.is_empty();
        let ids = if discard { &self.asked.discard } else { &self.asked.send };
        let mut chosen = Vec::new();
        for id in ids {
            chosen.push(self.find(id)?);
        }
        if discard && !self.asked.yes {
            if !self.session.screen.has_people() {
                let message = "--discard needs --yes where nobody can be asked; nothing was thrown away";
                return Err(CommandError::Usage(message.to_owned()));
            }
            let question = format!("Throw {} away for good?", counted(chosen.len(), "message"));
            let agreed = tokio::select! {
                agreed = confirm(&question) => agreed,
                () = self.interrupt.heard() => false,
            };
            if !agreed {
                return Err(CommandError::Usage("nothing was thrown away".to_owned()));
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
            .held
            .iter()
            .enumerate()
            .filter(|(_, held)| held.letter.message.id.starts_with(id));
        let places: Vec<usize> = found.map(|(n, _)| n).collect();
        match places.as_slice() {
            [one] => Ok(*one),
            [] => Err(CommandError::Usage(format!(
                "{id} is none of the {} messages seen (--limit looks at more)",
                self.held.len()
            ))),
            several => Err(CommandError::Usage(format!(
                "{id} is the beginning of {} messages: give more of it",
                several.len()
            ))),
        }
    }

    /// To Lambda, then out of the queue; an error is one that the others would meet too.
    async fn send(&mut self, n: usize) -> Result<(), CommandError> {
        if self.interrupt.is_heard() {
            return Ok(());
        }
        let now = now();
        let Some(held) = self.held.get_mut(n) else {
            return Ok(());
        };
        let Ok(event) = &held.letter.event else {
            held.done = Done::Left("it holds no event");
            return Ok(());
        };
        if matches!(held.done, Done::Left(OTHER_REASON)) {
            return Ok(());
        }
        if held.letter.tokens(now) != Tokens::Kept && !self.asked.old_starts {
            held.done = Done::Left(OLD_START);
            return Ok(());
        }
        // Never what a message names: anybody's can be in a queue.
        let Some(function) = &self.function else {
            return Err(CommandError::Usage(
                "--function is missing; nothing was sent".to_owned(),
            ));
        };
        if self.asked.all && held.letter.is_anothers(function) {
            held.done = Done::Left(ANOTHERS);
            return Ok(());
        }
        let receipt = &held.letter.message.receipt;
        if held.since.elapsed() > HIDDEN / 2 {
            if let Err(error) = self.clients.keep(&held.url, receipt, HIDDEN).await {
                held.done = Done::Lost(error);
                return Ok(());
            }
            held.since = Instant::now();
        }
        if let Err(error) = self.clients.invoke(function.as_str(), &event.to_string()).await {
            let is_of_all = is_of_all(&error);
            held.done = Done::Failed(error.clone());
            return if is_of_all { Err(error.into()) } else { Ok(()) };
        }
        held.done = match self.clients.delete(&held.url, receipt).await {
            Ok(()) => Done::Sent,
            Err(error) => Done::SentOnly(error),
        };
        Ok(())
    }

    async fn discard(&mut self, n: usize) {
        if let Some(held) = self.held.get_mut(n).filter(|_| !self.interrupt.is_heard()) {
            held.done = match self.clients.delete(&held.url, &held.letter.message.receipt).await {
                Ok(()) => Done::Discarded,
                Err(error) => Done::Failed(error),
            };
        }
    }

    /// Lets others have what is left. Where that fails, time does it.
    async fn give_back(&self) {
        for held in &self.held {
            if matches!(held.done, Done::Left(_) | Done::Failed(_) | Done::SentOnly(_)) {
                let _ = self.clients.put_back(&held.url, &held.letter.message.receipt).await;
            }
        }
    }

    fn is_listing(&self) -> bool {
        !self.asked.all && self.asked.send.is_empty() && self.asked.discard.is_empty()
    }

    /// What was seen and done. Of what was neither chosen nor asked for, nothing.
    fn tell(&self, is_whole: bool) {
        let screen = self.session.screen;
        let is_told = |held: &&Held| match &held.done {
            Done::Left(why) => (self.is_listing() && *why != OTHER_REASON) || !matches!(*why, "" | OTHER_REASON),
            _ => true,
        };
        let told: Vec<&Held> = self.held.iter().filter(is_told).collect();
        if screen.is_json() {
            let messages: Value = told.iter().map(|held| dead_letters::json(held, now())).collect();
            screen.result("", &json!({"messages": messages, "whole": is_whole}));
            return;
        }
        let mut text = dead_letters::table(&told, now());
        text.push_str(&self.summary(&told));
        screen.result(&text, &Value::Null);
    }

    fn summary(&self, told: &[&Held]) -> String {
        if self.is_listing() {
            let limit = usize::try_from(self.asked.limit).unwrap_or(usize::MAX);
            let of = |held: &&Held| told.iter().filter(|other| other.url == held.url).count();
            let is_full = told.iter().any(|held| of(held) >= limit);
            return match told.len() {
                0 => "nothing waits in the queues\n".to_owned(),
                number if is_full => format!(
                    "{}; there may be more: --limit looks further\n",
                    counted(number, "message")
                ),
                number => format!("{}\n", counted(number, "message")),
            };
        }
        let count = |name: &str| told.iter().filter(|held| held.done.name() == name).count();
        let parts: Vec<String> = ["sent", "sent_not_deleted", "discarded", "failed", "left", "lost"]
            .into_iter()
            .map(|name| (count(name), name))
            .filter(|(number, _)| *number > 0)
            .map(|(number, name)| format!("{number} {}", name.replace('_', " ")))
            .collect();
        match parts.as_slice() {
            [] => "nothing was there to be sent\n".to_owned(),
            parts => format!("{}\n", parts.join(", ")),
        }
    }

    fn end(&self) -> Result<(), CommandError> {
        let errors = self.held.iter().filter_map(|held| held.done.error());
        let failed = errors.clone().count();
        if failed > 0 {
            return Err(CommandError::Aws(format!(
                "{failed} of the messages could not be seen to; each says why"
            )));
        }
        let left = self.held.iter().filter(|held| match &held.done {
            Done::Left(why) => *why != OTHER_REASON && (self.is_listing() || self.asked.all || !why.is_empty()),
            _ => false,
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

/// An error that all other messages would meet too.
fn is_of_all(error: &CallError) -> bool {
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
