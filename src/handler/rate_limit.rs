//! Keeps calls below the rates of `API_RATES`: [`RateLimited`] makes them wait for their turn.
//!
//! AWS's limits are per account, and a throttled call counts too. A function with few concurrent invocations
//! ([buffered mode](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html)) can stay below them by
//! itself. A call waits only within its own time limit; must not wait for any state.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError};
use start_engines_core::config::rates::{Rate, Rates};
use start_engines_core::ports::Aws;
use tokio::time::{Instant, sleep_until};

use crate::work::not_sent;

/// How long a call waits at least for those before it.
const MIN_WAIT: Duration = Duration::from_millis(1);
/// The part of a call's time limit that is left for the call itself; of a short limit, half.
const CALL: Duration = Duration::from_secs(2);

/// The port [`Aws`] with rate limits: a token bucket per operation.
///
/// As many calls at once as the burst allows, then one after the other; unused calls refill the burst. Calls take their
/// turns in order, but DeregisterTargets before all others: its time is short.
#[derive(Debug)]
pub struct RateLimited<A> {
    aws: A,
    rates: Rates,
    /// For each rate.
    queues: Mutex<HashMap<usize, Queue>>,
}

/// The calls that wait for a turn at one rate.
#[derive(Debug, Default)]
struct Queue {
    /// When the next call would be due without a burst.
    next: Option<Instant>,
    waiting: BTreeSet<Ticket>,
    tickets: u64,
}

/// A place in a queue: whether the call has to wait for others that are in a hurry, and when it came.
type Ticket = (bool, u64);

impl<A> RateLimited<A> {
    /// Limits `aws` to these rates; operations without a rate do not wait.
    pub fn new(aws: A, rates: Rates) -> Self {
        Self {
            aws,
            rates,
            queues: Mutex::default(),
        }
    }

    fn with_queue<T>(&self, n: usize, work: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        work(queues.entry(n).or_default())
    }

    /// Waits for the call's turn; fails if that would take longer than `max`: a DeregisterTargets after that time, since
    /// who has decided it may do so again, and a call before it may give up its turn; all others at once.
    async fn turn(&self, operation: &str, max: Duration) -> Result<(), &Rate> {
        let mut rates = self.rates.each().iter().enumerate();
        let Some((n, rate)) = rates.find(|(_, rate)| rate.operations.contains(&operation)) else {
            return Ok(());
        };
        let last = Instant::now() + max;
        let is_urgent = operation == "DeregisterTargets";
        let place = Place::take(self, n, !is_urgent);
        loop {
            let now = Instant::now();
            let Some(due) = self.with_queue(n, |queue| queue.due(place.ticket, rate, now)) else {
                return Ok(());
            };
            if due > last && (!is_urgent || now >= last) {
                return Err(rate);
            }
            sleep_until(due.min(last)).await;
        }
    }
}

impl Queue {
    /// Takes the ticket's turn, if it is due; else tells when it will be, if nobody comes who is in a hurry.
    fn due(&mut self, ticket: Ticket, rate: &Rate, now: Instant) -> Option<Instant> {
        let saved = rate.interval * (rate.burst - 1);
        let earliest = now.checked_sub(saved).unwrap_or(now);
        let next = self.next.unwrap_or(earliest).max(earliest);
        let before = self.waiting.range(..ticket).count();
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        let due = next + rate.interval.saturating_mul(before);
        if due > now || before > 0 {
            // Those before it are about to go.
            return Some(due.max(now + MIN_WAIT));
        }
        self.next = Some(next + rate.interval);
        None
    }
}

/// A call's place in a queue, until it has had its turn or has given up.
struct Place<'r, A> {
    limited: &'r RateLimited<A>,
    n: usize,
    ticket: Ticket,
}

impl<'r, A> Place<'r, A> {
    fn take(limited: &'r RateLimited<A>, n: usize, can_wait: bool) -> Self {
        let ticket = limited.with_queue(n, |queue| {
            queue.tickets += 1;
            let ticket = (can_wait, queue.tickets);
            queue.waiting.insert(ticket);
            ticket
        });
        Self { limited, n, ticket }
    }
}

impl<A> Drop for Place<'_, A> {
    fn drop(&mut self) {
        self.limited
            .with_queue(self.n, |queue| queue.waiting.remove(&self.ticket));
    }
}

impl<A: Aws + Sync> Aws for RateLimited<A> {
    async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        let operation = call.operation();
        let max = within.saturating_sub(CALL).max(within / 2);
        let began_at = Instant::now();
        match self.turn(operation, max).await {
            Ok(()) => self.aws.perform(call, within.saturating_sub(began_at.elapsed())).await,
            Err(rate) => Err(not_sent(
                call,
                format_args!("with API_RATES {rate} the call would have to wait too long"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// When each of these calls has had its turn, in hundredths of a second; `None` if it would have taken too long.
    async fn turns(rates: &str, calls: &[(&'static str, u64)], max: Duration) -> Vec<Option<u128>> {
        let limited = RateLimited::new((), rates.parse().unwrap());
        let began_at = Instant::now();
        let turns = calls.iter().map(async |(operation, after)| {
            sleep_until(began_at + Duration::from_millis(*after)).await;
            let turn = limited.turn(operation, max).await;
            turn.is_ok().then(|| (began_at.elapsed().as_millis() + 4) / 10)
        });
        join_all(turns).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_seconds_calls_go_at_once_and_the_others_wait_for_their_turn() {
        let calls = [("RunTask", 0); 9];
        let turns = turns("RunTask=4", &calls, Duration::from_secs(1)).await;
        let expected = [0, 0, 0, 0, 25, 50, 75, 100].map(Some);
        assert_eq!(turns[..8], expected);
        assert_eq!(turns[8], None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_without_a_rate_does_not_wait() {
        let turns = turns("RunTask=1", &[("StopTask", 0); 20], Duration::ZERO).await;
        assert!(turns.iter().all(|turn| *turn == Some(0)), "{turns:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_not_taken() {
        let short = Duration::from_millis(500);
        let calls = [("RunTask", 0), ("RunTask", 0), ("RunTask", 0), ("RunTask", 600)];
        let turns = turns("RunTask=1:1", &calls, short).await;
        assert_eq!(turns, [Some(0), None, None, Some(100)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deregistration_goes_before_registrations_that_wait() {
        let mut calls = vec![("RegisterTargets", 0); 5];
        calls.push(("DeregisterTargets", 100));
        let rates = "RegisterTargets+DeregisterTargets=2:1";
        let turns = turns(rates, &calls, Duration::from_secs(10)).await;
        let expected = [0, 100, 150, 200, 250, 50].map(Some);
        assert_eq!(turns, expected);
    }
}
