//! Keeps calls below the rates of `API_RATES`: [`RateLimited`] makes them wait for their turn.
//!
//! AWS's limits are per account, and a throttled call counts too. A function with few concurrent invocations
//! ([buffered mode](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html)) can stay below them by
//! itself. A call waits only within its own time limit; must not wait for any state.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::config::rates::{Rate, Rates};
use start_engines_core::ports::Aws;
use tokio::time::{Instant, sleep};

/// The part of a call's time limit that is left for the call itself; of a short limit, half.
const CALL: Duration = Duration::from_secs(2);

/// The port [`Aws`] with rate limits: a token bucket per operation.
///
/// As many calls at once as the burst allows, then one after the other; unused calls refill the burst.
#[derive(Debug)]
pub struct RateLimited<A> {
    aws: A,
    rates: Rates,
    /// For each rate, when its next call would be due without a burst.
    next: Mutex<HashMap<usize, Instant>>,
}

impl<A> RateLimited<A> {
    /// Limits `aws` to these rates; operations without a rate do not wait.
    pub fn new(aws: A, rates: Rates) -> Self {
        Self {
            aws,
            rates,
            next: Mutex::default(),
        }
    }

    /// How long the call has to wait. Takes the turn unless the wait is longer than `max`.
    fn turn(&self, operation: &str, max: Duration) -> Result<Duration, &Rate> {
        let mut rates = self.rates.each().iter().enumerate();
        let Some((n, rate)) = rates.find(|(_, rate)| rate.operations.contains(&operation)) else {
            return Ok(Duration::ZERO);
        };
        let now = Instant::now();
        let saved = rate.interval * (rate.burst - 1);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(saved).unwrap_or(now);
        let due = next.get(&n).copied().unwrap_or(earliest).max(earliest);
        let wait = due.saturating_duration_since(now);
        if wait > max {
            return Err(rate);
        }
        next.insert(n, due + rate.interval);
        Ok(wait)
    }
}

impl<A: Aws + Sync> Aws for RateLimited<A> {
    async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        let operation = call.operation();
        let max = within.saturating_sub(CALL).max(within / 2);
        match self.turn(operation, max) {
            Ok(Duration::ZERO) => self.aws.perform(call, within).await,
            Ok(wait) => {
                sleep(wait).await;
                self.aws.perform(call, within.saturating_sub(wait)).await
            }
            Err(rate) => Err(CallError {
                operation,
                kind: ErrorKind::Throttled,
                code: None,
                conflicting_tasks: Vec::new(),
                message: format!("not called: with API_RATES {rate} the call would have to wait too long"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_calls_go_at_once_and_the_others_wait_for_their_turn() {
        let limited = RateLimited::new((), "RunTask=4".parse().unwrap());
        let max = Duration::from_secs(1);
        let waits: Vec<u128> = (0..8)
            .map_while(|_| Some(limited.turn("RunTask", max).ok()?.as_millis().div_ceil(10)))
            .collect();
        // In hundredths of a second, as the test's own steps take microseconds.
        assert_eq!(waits, [0, 0, 0, 0, 25, 50, 75, 100]);
        assert!(limited.turn("RunTask", max).is_err());
        assert_eq!(limited.turn("StopTask", max), Ok(Duration::ZERO));
    }

    #[test]
    fn a_turn_that_comes_too_late_is_not_taken() {
        let limited = RateLimited::new((), "RunTask=1".parse().unwrap());
        assert_eq!(limited.turn("RunTask", Duration::ZERO), Ok(Duration::ZERO));
        for _ in 0..3 {
            assert!(limited.turn("RunTask", Duration::from_millis(500)).is_err());
        }
        let wait = limited.turn("RunTask", Duration::from_secs(2)).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
    }
}
