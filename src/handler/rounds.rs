//! The loop: decide, call, record the answer, decide again; for one event, or for many concurrently.
//!
//! Many events run in rounds. In each round every event decides on its next call; equal and similar calls become one
//! ([`crate::coalesce`]); and each event gets its part of the answer into its own journal. So the same decisions serve
//! single events and batches. All answers of a round are recorded with the time of the last one, so that none counts as
//! newer than it is.

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

/// Time reserved at an invocation's end for outcome events and log lines.
const RESERVE: Duration = Duration::from_millis(250);
/// Minimum time left to begin a call.
const SHORTEST_CALL: Duration = Duration::from_millis(250);
/// Maximum number of concurrent calls of one round.
pub(crate) const MAX_AT_ONCE: usize = 8;
/// Maximum number of calls to find the askers that AWS refused in a coalesced call; the rest are refused together, and
/// separated when they are delivered again.
const MAX_CALLS_PER_SPLIT: u32 = 32;

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

    /// Ends it early; the tasks that a start has started by then are still reported.
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
    /// The asker, by position in the calls of the round.
    pub(crate) asker: usize,
    pub(crate) asked_at: Timestamp,
    /// Number of calls that were made, without those that are counted for another asker.
    pub(crate) calls: u32,
    /// The outer error means that there was no time for the call.
    pub(crate) answer: Result<Result<Answer, CallError>, Failure>,
}

/// A call that was made, or answered from the cache.
struct Called {
    asked_at: Timestamp,
    calls: u32,
    answer: Result<Answer, CallError>,
}

/// Runs events to their ends.
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
        // A panic under the lock leaves only complete entries.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs all of `works` to their ends, concurrently.
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

    /// The next call of each event; those without one have ended.
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
        let (mut made, mut uncounted) = (0, 0);
        while let Some(part) = parts.pop() {
            let called = match self.call(&part.call, began_at, deadline).await {
                Ok(called) => called,
                Err(failure) => {
                    let asked_at = self.clock.now();
                    replies.extend(part.askers.into_iter().map(|asker| Reply {
                        asker,
                        asked_at,
                        calls: std::mem::take(&mut uncounted),
                        answer: Err(failure.clone()),
                    }));
                    continue;
                }
            };
            made += called.calls;
            uncounted += called.calls;
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
                    calls: std::mem::take(&mut uncounted),
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

    /// Makes one call that was decided on at `began_at`, unless its answer is cached.
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
                    message: "not called: the decision is too old".to_owned(),
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

    /// Makes a call that no decision asked for and that is not coalesced.
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
