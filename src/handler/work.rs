//! An event that is being handled: its request, its journal, its end.

use std::fmt::Display;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::decide::start;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::{Failure, Outcome};
use start_engines_core::report::handled::{Handled, Published};
use start_engines_core::request::Trigger;
use start_engines_core::request::envelope::Envelope;

/// An event that is being handled.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) envelope: Envelope,
    /// The request, if it is valid and allowed.
    pub(crate) trigger: Option<Trigger>,
    pub(crate) journal: Journal,
    /// When and how it ended; none before that.
    pub(crate) end: Option<(Timestamp, Result<Outcome, Failure>)>,
}

impl Work {
    pub(crate) fn into_handled(self) -> Handled {
        let began_at = self.journal.began_at;
        let never = || (began_at, Err(Failure::internal("the event was never decided on")));
        let (ended_at, result) = self.end.unwrap_or_else(never);
        Handled {
            envelope: self.envelope,
            trigger: self.trigger,
            journal: self.journal,
            ended_at,
            result,
            published: Published::default(),
        }
    }

    /// Takes the answers of a round into its journal, in the order in which it has asked. If there was no time for any
    /// call, it ends; if there was none for some, these were not sent, so that what was done is reported.
    pub(crate) fn hear(&mut self, replies: Vec<(Reply, Call)>, answered_at: Timestamp) {
        let is_made = |(reply, _): &(Reply, Call)| reply.answer.is_ok();
        if !replies.iter().any(is_made) {
            if let Some((_, failure)) = replies
                .into_iter()
                .find_map(|(reply, call)| Some((call, reply.answer.err()?)))
            {
                self.give_up(answered_at, failure);
            }
            return;
        }
        for (reply, call) in replies {
            let answer = reply
                .answer
                .unwrap_or_else(|failure| Err(not_sent(&call, failure.message)));
            self.journal.entries.push(Entry {
                call,
                asked_at: reply.asked_at,
                answered_at,
                calls: reply.calls,
                answer,
            });
        }
    }

    /// Ends it early; the tasks that a start has started by then are still reported.
    fn give_up(&mut self, at: Timestamp, failure: Failure) {
        let failure = match &self.trigger {
            Some(Trigger::Start(request)) => start::cut_short(request, &self.journal, failure),
            Some(
                Trigger::Stop(_)
                | Trigger::Reconcile(_)
                | Trigger::ReconcileAll(_)
                | Trigger::Deregister(_)
                | Trigger::Check(_)
                | Trigger::TaskStateChange(_),
            )
            | None => failure,
        };
        self.end = Some((at, Err(failure)));
    }
}

/// The error of a call that was not sent.
pub(crate) fn not_sent(call: &Call, why: impl Display) -> CallError {
    CallError {
        operation: call.operation(),
        kind: ErrorKind::NotSent,
        code: None,
        conflicting_tasks: Vec::new(),
        message: format!("not sent: {why}"),
    }
}

/// One asker's part of an answer.
pub(crate) struct Reply {
    /// The asker, by position in the calls of the round.
    pub(crate) asker: usize,
    pub(crate) asked_at: Timestamp,
    /// Number of calls that were made, without those that are counted for another asker.
    pub(crate) calls: u32,
    /// The outer error means that there was no time for the call.
    pub(crate) answer: Result<Result<Answer, CallError>, Failure>,
}
