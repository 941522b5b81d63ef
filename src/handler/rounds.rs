//! The loop: decide, call, note the answer, decide again; of one event, or of many side by side.
//!
//! Many go in rounds. In each round every event decides what it needs next; what several need at the
//! same time becomes one call ([`crate::coalesce`]); and each gets its part of the answer into its own
//! journal. So one decision serves both, and does not know which. All answers of a round are
//! noted with the time of the last one: what rests on how old an answer is, holds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide, start};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::{Category, Failure, Outcome};
use start_engines_core::ports::{Aws, Clock};
use start_engines_core::report::handled::{Handled, Published};
use start_engines_core::request::Trigger;
use start_engines_core::request::envelope::Envelope;

use crate::cache::Cache;
use crate::coalesce::{Coalesced, coalesce};

/// Time kept back at an invocation's end for telling how it ended.
const RESERVE: Duration = Duration::from_millis(250);
/// With less time left than this, a call is not begun.
const SHORTEST_CALL: Duration = Duration::from_millis(250);
/// How many calls of one round are under way at the same time.
pub(crate) const MAX_AT_ONCE: usize = 8;
/// How many calls it may take to find whom AWS refused in a call of many; those that were not found by
/// then are refused together, and told apart when they come again.
const MAX_CALLS_PER_SPLIT: u32 = 32;

/// An event on its way.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) envelope: Envelope,
    /// What it asks for, if it is sound and allowed.
    pub(crate) trigger: Option<Trigger>,
    pub(crate) journal: Journal,
    /// When and how it ended, once it has.
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

    /// Ends it in the middle; what a start has started by then is told all the same.
    fn give_up(&mut self, at: Timestamp, failure: Failure) {
        let failure = match &self.trigger {
            Some(Trigger::Start(request)) => start::cut_short(request, &self.journal, failure),
            Some(Trigger::Stop(_) | Trigger::Reconcile(_) | Trigger::TaskStateChange(_)) | None => failure,
        };
        self.end = Some((at, Err(failure)));
    }
}

/// One asker's part of an answer.
pub(crate) struct Reply {
    /// By position in the calls that were asked.
    pub(crate) asker: usize,
    pub(crate) asked_at: Timestamp,
    /// How many calls it took, that are not counted for another asker.
    pub(crate) calls: u32,
    /// The outer error is that there was no time for the call.
    pub(crate) answer: Result<Result<Answer, CallError>, Failure>,
}

/// A call that was made, or remembered.
struct Called {
    asked_at: Timestamp,
    calls: u32,
    answer: Result<Answer, CallError>,
}

/// What runs events to their ends.
#[derive(Debug)]
pub(crate) struct Rounds<A, C> {
    pub(crate) config: Config,
    aws: A,
    pub(crate) clock: C,
    cache: Mutex<Cache>,
}

impl<A: Aws, C: Clock> Rounds<A, C> {
    pub(crate) fn new(config: Config, aws: A, clock: C) -> Self {
        Self {
            config,
            aws,
            clock,
            cache: Mutex::default(),
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // Whoever panicked with the lock can have left only whole entries.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs all of `works` to their ends, side by side.
    pub(crate) async fn run(&self, mut works: Vec<&mut Work>, deadline: Timestamp) {
        loop {
            let began_at = self.clock.now();
            let asked = self.decide_all(&mut works, began_at);
            if asked.is_empty() {
                return;
            }
            let (askers, calls): (Vec<usize>, Vec<Call>) = asked.into_iter().unzip();
            let replies = self.ask_all(&calls, began_at, deadline).await;
            let answered_at = self.clock.now();
            for reply in replies {
                let of_asker = askers.get(reply.asker).and_then(|asker| works.get_mut(*asker));
                let (Some(work), Some(call)) = (of_asker, calls.get(reply.asker)) else {
                    continue;
                };
                match reply.answer {
                    Ok(answer) => work.journal.entries.push(Entry {
                        call: call.clone(),
                        asked_at: reply.asked_at,
                        answered_at,
                        calls: reply.calls,
                        answer,
                    }),
                    Err(failure) => work.give_up(answered_at, failure),
                }
            }
        }
    }

    /// What each needs next; whoever needs nothing more has ended.
    fn decide_all(&self, works: &mut [&mut Work], now: Timestamp) -> Vec<(usize, Call)> {
        let mut asked = Vec::new();
        for (n, work) in works.iter_mut().enumerate() {
            let (None, Some(trigger)) = (&work.end, &work.trigger) else {
                continue;
            };
            match decide(trigger, &self.config, &work.journal) {
                Step::End(result) => work.end = Some((now, result)),
                Step::Call(call) => asked.push((n, *call)),
            }
        }
        asked
    }

    pub(crate) async fn ask_all(&self, calls: &[Call], began_at: Timestamp, deadline: Timestamp) -> Vec<Reply> {
        let replies = stream::iter(coalesce(calls))
            .map(|coalesced| self.ask(coalesced, calls, began_at, deadline))
            .buffer_unordered(MAX_AT_ONCE);
        replies.concat().await
    }

    /// One call for its askers, or several if AWS refuses it for one of them.
    async fn ask(&self, coalesced: Coalesced, calls: &[Call], began_at: Timestamp, deadline: Timestamp) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(coalesced.askers.len());
        let mut parts = vec![coalesced];
        let (mut made, mut untold) = (0, 0);
        while let Some(part) = parts.pop() {
            let called = match self.call(&part.call, began_at, deadline).await {
                Ok(called) => called,
                Err(failure) => {
                    let asked_at = self.clock.now();
                    replies.extend(part.askers.into_iter().map(|asker| Reply {
                        asker,
                        asked_at,
                        calls: std::mem::take(&mut untold),
                        answer: Err(failure.clone()),
                    }));
                    continue;
                }
            };
            made += called.calls;
            untold += called.calls;
            if let Err(error) = &called.answer
                && made < MAX_CALLS_PER_SPLIT
                && let Some(halves) = part.halves(error, calls)
            {
                parts.extend(halves.into_iter().rev());
                continue;
            }
            for asker in &part.askers {
                let own = calls.get(*asker).unwrap_or(&part.call);
                replies.push(Reply {
                    asker: *asker,
                    asked_at: called.asked_at,
                    calls: std::mem::take(&mut untold),
                    answer: Ok(called
                        .answer
                        .as_ref()
                        .map(|answer| part.part(answer, own))
                        .map_err(Clone::clone)),
                });
            }
        }
        replies
    }

    /// Makes one call that was decided on at `began_at`, unless its answer is remembered.
    async fn call(&self, call: &Call, began_at: Timestamp, deadline: Timestamp) -> Result<Called, Failure> {
        let asked_at = self.clock.now();
        if let Some(answer) = self.cache().recall(call, asked_at) {
            return Ok(Called {
                asked_at,
                calls: 0,
                answer: Ok(answer),
            });
        }
        let left = deadline.since(asked_at.after(RESERVE));
        if left < SHORTEST_CALL {
            let message = format!("no time is left in this invocation for {}", call.operation());
            return Err(Failure::new(Category::OutOfTime, message));
        }
        let within = match call {
            // Counted from the decision: the call may have waited for others since.
            Call::DeregisterTargets { within, .. } => left.min(within.saturating_sub(asked_at.since(began_at))),
            _ => left,
        };
        if within < SHORTEST_CALL {
            return Ok(Called {
                asked_at,
                calls: 0,
                answer: Err(CallError {
                    operation: call.operation(),
                    kind: ErrorKind::TimedOut,
                    code: None,
                    conflicting_tasks: Vec::new(),
                    message: "not made: the time for which the decision holds is over".to_owned(),
                }),
            });
        }
        let answer = self.aws.perform(call, within).await;
        let answered_at = self.clock.now();
        let error = answer.as_ref().err().map(|error| error.kind.name());
        let millis = answered_at.since(asked_at).as_millis();
        tracing::debug!(operation = call.operation(), millis, error, "AWS call");
        let answer = self.cache().note(call, answer, answered_at);
        Ok(Called {
            asked_at,
            calls: 1,
            answer,
        })
    }

    /// The same for a call that nobody decided on and nobody shares.
    pub(crate) async fn call_alone(&self, call: Call, deadline: Timestamp) -> Result<Entry, Failure> {
        let called = self.call(&call, self.clock.now(), deadline).await?;
        Ok(Entry {
            call,
            asked_at: called.asked_at,
            answered_at: self.clock.now(),
            calls: called.calls,
            answer: called.answer,
        })
    }
}
