//! Makes the calls of a round: those that several events need once, and again for those that AWS did not refuse them for.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::Entry;
use start_engines_core::outcome::{Category, Failure};
use start_engines_core::ports::{Aws, Clock};

use crate::coalesce::{Coalesced, coalesce};
use crate::rounds::{Round, Rounds};
use crate::work::{Reply, not_sent};

/// Time reserved at an invocation's end for outcome events and log lines.
const RESERVE: Duration = Duration::from_millis(250);
/// Minimum time left to begin a call.
const SHORTEST_CALL: Duration = Duration::from_millis(250);
/// Maximum number of concurrent calls of one round.
pub(crate) const MAX_AT_ONCE: usize = 16;
/// Maximum number of calls to find the askers that AWS refused in a coalesced call; the rest are refused together, and
/// separated when they are delivered again.
const MAX_CALLS_PER_SPLIT: u32 = 32;

/// A call that was made, or answered from the cache.
struct Called {
    asked_at: Timestamp,
    calls: u32,
    answer: Result<Answer, CallError>,
}

impl<A: Aws, C: Clock> Rounds<A, C> {
    /// One reply for each call of the round, in any order. DeregisterTargets goes first: its time is short.
    pub(crate) async fn ask_all(&self, round: &Round, deadline: Timestamp) -> Vec<Reply> {
        let mut coalesced = coalesce(&round.calls);
        coalesced.sort_by_key(|it| !matches!(it.call, Call::DeregisterTargets { .. }));
        let replies = stream::iter(coalesced)
            .map(|coalesced| self.ask(coalesced, round, deadline))
            .buffer_unordered(MAX_AT_ONCE);
        replies.concat().await
    }

    /// One call for its askers; or several, if AWS refuses it for one of them, or the time of one is over sooner than that
    /// of others.
    async fn ask(&self, coalesced: Coalesced, round: &Round, deadline: Timestamp) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(coalesced.askers.len());
        let mut parts = vec![coalesced];
        let (mut made, mut uncounted) = (0, 0);
        while let Some(part) = parts.pop() {
            let (part, too_late) = self.with_time(part, round);
            replies.extend(too_late);
            let Some(part) = part else { continue };
            let limit = round.shortest_time_left(&part.askers, self.clock.now());
            let called = match self.call(&part.call, limit, deadline).await {
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
                && let Some(halves) = part.halves(error, &round.calls)
            {
                parts.extend(halves.into_iter().rev());
                continue;
            }
            // It was as short as the shortest time of them.
            let again = match &called.answer {
                Err(error)
                    if made < MAX_CALLS_PER_SPLIT
                        && matches!(
                            error.kind,
                            ErrorKind::TimedOut | ErrorKind::Throttled | ErrorKind::NotSent
                        ) =>
                {
                    self.others_with_time(&part, round, called.asked_at)
                }
                Ok(_) | Err(_) => None,
            };
            let shared = called.answer.as_ref().map(|answer| part.share(answer));
            let is_asked_again = |asker: &usize| again.as_ref().is_some_and(|again| again.askers.contains(asker));
            for asker in part.askers.iter().filter(|asker| !is_asked_again(asker)) {
                let own = round.calls.get(*asker).unwrap_or(&part.call);
                replies.push(Reply {
                    asker: *asker,
                    asked_at: called.asked_at,
                    calls: std::mem::take(&mut uncounted),
                    answer: Ok(match &shared {
                        Ok(shared) => Ok(shared.part(own)),
                        Err(error) => Err((*error).clone()),
                    }),
                });
            }
            parts.extend(again);
        }
        replies
    }

    /// Leaves out the askers whose time is over: nobody else's call fails because of them.
    fn with_time(&self, part: Coalesced, round: &Round) -> (Option<Coalesced>, Vec<Reply>) {
        let now = self.clock.now();
        let has_time = |asker: &usize| round.time_left(*asker, now).is_none_or(|left| left >= SHORTEST_CALL);
        if part.askers.iter().all(has_time) {
            return (Some(part), Vec::new());
        }
        let (rest, late): (Vec<usize>, Vec<usize>) = part.askers.into_iter().partition(has_time);
        let late = late.into_iter().map(|asker| Reply {
            asker,
            asked_at: now,
            calls: 0,
            answer: Ok(Err(not_sent(&part.call, "the decision is too old"))),
        });
        (Coalesced::of(&round.calls, rest), late.collect())
    }

    /// The askers that have time for another try, where a call has failed that was made at `asked_at`, in the time of the
    /// one that has the least.
    fn others_with_time(&self, part: &Coalesced, round: &Round, asked_at: Timestamp) -> Option<Coalesced> {
        let shortest = round.shortest_time_left(&part.askers, asked_at)?;
        let now = self.clock.now();
        let has_more = |asker: &&usize| {
            let more = round.time_left(**asker, asked_at) > Some(shortest + SHORTEST_CALL);
            more && round.time_left(**asker, now) >= Some(SHORTEST_CALL)
        };
        let others: Vec<usize> = part.askers.iter().filter(has_more).copied().collect();
        Coalesced::of(&round.calls, others)
    }

    /// Makes one call, which must end within `limit` if there is one, unless its answer is cached.
    async fn call(&self, call: &Call, limit: Option<Duration>, deadline: Timestamp) -> Result<Called, Failure> {
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
        let within = limit.map_or(left, |limit| limit.min(left));
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
        let called = self.call(&call, None, deadline).await?;
        Ok(Entry {
            call,
            asked_at: called.asked_at,
            answered_at: self.clock.now(),
            calls: called.calls,
            answer: called.answer,
        })
    }
}
