//! The loop: decide, call, record the answer, decide again; for one event, or for many concurrently.
//!
//! Many events run in rounds. In each round every event decides on its next calls; equal and similar calls become one
//! ([`crate::coalesce`]); and each event gets its part of the answer into its own journal. So the same decisions serve
//! single events and batches. All answers of a round are recorded with the time of the last one, so that none counts as
//! newer than it is.
//!
//! Calls that change targets wait a moment for events that still read ([`Pending::can_wait`]): so all events of a batch share
//! one RegisterTargets and one DeregisterTargets for each target group, whatever their ways were.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use start_engines_core::call::Call;
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::ports::{Aws, Clock};
use tokio::time::timeout;

use crate::cache::Cache;
use crate::work::{Reply, Work};

/// How long a call that changes targets waits for others at most, from its decision; and how long for one round.
const MAX_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT_FOR_ROUND: Duration = Duration::from_millis(200);
/// How much time a DeregisterTargets that waits must have left.
const MIN_TIME_TO_WAIT: Duration = Duration::from_secs(2);

/// Runs events to their ends.
#[derive(Debug)]
pub(crate) struct Rounds<A, C> {
    pub(crate) config: Config,
    pub(crate) aws: A,
    pub(crate) clock: C,
    cache: Mutex<Cache>,
}

/// The calls that an event needs next.
struct Pending {
    /// The event, by position.
    work: usize,
    calls: Vec<Call>,
    decided_at: Timestamp,
}

impl Pending {
    /// Whether others may need a part of the same calls in a moment, and it loses nothing by waiting for them.
    fn can_wait(&self, now: Timestamp) -> bool {
        let waited = now.since(self.decided_at);
        let can_wait = |call: &Call| match call {
            Call::RegisterTargets { .. } => true,
            Call::DeregisterTargets { within, .. } => within.saturating_sub(waited) >= MIN_TIME_TO_WAIT,
            _ => false,
        };
        waited < MAX_WAIT && self.calls.iter().all(can_wait)
    }
}

/// Calls that are made together.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) calls: Vec<Call>,
    /// When each was decided on.
    pub(crate) decided_at: Vec<Timestamp>,
    /// The event of each, by position.
    works: Vec<usize>,
}

impl Round {
    /// Calls that were decided on at the same time.
    pub(crate) fn new(calls: Vec<Call>, decided_at: Timestamp) -> Self {
        Self {
            decided_at: vec![decided_at; calls.len()],
            works: Vec::new(),
            calls,
        }
    }

    fn of(pending: Vec<Pending>) -> Self {
        let mut round = Self::default();
        for Pending {
            work,
            calls,
            decided_at,
        } in pending
        {
            for call in calls {
                round.calls.push(call);
                round.decided_at.push(decided_at);
                round.works.push(work);
            }
        }
        round
    }

    /// How long an asker's call may still take: counted from its decision, as the call may have waited for others since.
    /// `None` if it may take any time.
    pub(crate) fn time_left(&self, asker: usize, now: Timestamp) -> Option<Duration> {
        match (self.calls.get(asker)?, self.decided_at.get(asker)?) {
            (Call::DeregisterTargets { within, .. }, decided_at) => Some(within.saturating_sub(now.since(*decided_at))),
            _ => None,
        }
    }

    /// The shortest of these askers.
    pub(crate) fn shortest_time_left(&self, askers: &[usize], now: Timestamp) -> Option<Duration> {
        askers.iter().filter_map(|asker| self.time_left(*asker, now)).min()
    }

    /// Hands the answers to their events, each in the order in which it has asked.
    fn hand_out(self, mut replies: Vec<Reply>, works: &mut [&mut Work], answered_at: Timestamp) {
        replies.sort_by_key(|reply| reply.asker);
        let mut answers = replies.into_iter().zip(self.calls).zip(self.works).peekable();
        while let Some(work) = answers.peek().map(|(_, work)| *work) {
            let next = || Some(answers.next_if(|(_, next)| *next == work)?.0);
            let of_work: Vec<(Reply, Call)> = std::iter::from_fn(next).collect();
            if let Some(work) = works.get_mut(work) {
                work.hear(of_work, answered_at);
            }
        }
    }
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

    pub(crate) fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // A panic under the lock leaves only complete entries.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs all of `works` to their ends, concurrently.
    pub(crate) async fn run(&self, mut works: Vec<&mut Work>, deadline: Timestamp) {
        let mut waiting: Vec<Pending> = Vec::new();
        loop {
            let now = self.clock.now();
            self.decide_all(&mut works, &mut waiting, now);
            let (mut later, mut next): (Vec<Pending>, Vec<Pending>) =
                waiting.into_iter().partition(|pending| pending.can_wait(now));
            if next.is_empty() {
                // Nobody is left to wait for.
                next = std::mem::take(&mut later);
            }
            if next.is_empty() {
                return;
            }
            let next = Round::of(next);
            let (of_next, late) = self.ask_next(&next, &mut later, deadline).await;
            let answered_at = self.clock.now();
            next.hand_out(of_next, &mut works, answered_at);
            if let Some((late, of_late)) = late {
                late.hand_out(of_late, &mut works, answered_at);
            }
            waiting = later;
        }
    }

    /// Asks for the calls of a round; and beside them, if one of them is slow, for those that would wait for its end.
    async fn ask_next(
        &self,
        next: &Round,
        later: &mut Vec<Pending>,
        deadline: Timestamp,
    ) -> (Vec<Reply>, Option<(Round, Vec<Reply>)>) {
        let mut of_next = pin!(self.ask_all(next, deadline));
        if later.is_empty() {
            return (of_next.await, None);
        }
        if let Ok(replies) = timeout(MAX_WAIT_FOR_ROUND, &mut of_next).await {
            return (replies, None);
        }
        let late = Round::of(std::mem::take(later));
        let (of_next, of_late) = tokio::join!(of_next, self.ask_all(&late, deadline));
        (of_next, Some((late, of_late)))
    }

    /// The next calls of each event that waits for none; those without one have ended.
    fn decide_all(&self, works: &mut [&mut Work], waiting: &mut Vec<Pending>, now: Timestamp) {
        let mut waits = vec![false; works.len()];
        for pending in waiting.iter() {
            if let Some(waits) = waits.get_mut(pending.work) {
                *waits = true;
            }
        }
        for (n, (work, waits)) in works.iter_mut().zip(waits).enumerate() {
            let (None, Some(trigger), false) = (&work.end, &work.trigger, waits) else {
                continue;
            };
            match decide(trigger, &self.config, &work.journal) {
                Step::End(result) => work.end = Some((now, result)),
                Step::Ask(calls) => waiting.push(Pending {
                    work: n,
                    calls,
                    decided_at: now,
                }),
            }
        }
    }
}
