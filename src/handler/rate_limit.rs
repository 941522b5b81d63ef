//! Fewer calls a second than AWS allows, if that is wanted: [`RateLimited`] makes calls wait for their turn.
//!
//! AWS's limits are of the account, and a call that it throttles has cost one all the same. A function that few
//! invocations at a time share ([buffered mode](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html))
//! can keep below them by itself. A call waits only as long as it may take; must not wait for any state.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::config::rates::{Rate, Rates};
use start_engines_core::ports::Aws;
use tokio::time::{Instant, sleep};

/// Of the time that a call may take, so much is left for the call itself; of a short time, half.
const CALL: Duration = Duration::from_secs(2);

/// AWS, with calls that wait for their turn.
///
/// At first as many at once as the burst allows, then one after the other; what is not used is saved up to the
/// burst again.
#[derive(Debug)]
pub struct RateLimited<A> {
    aws: A,
    rates: Rates,
    /// Of each rate: when its next call would be due if none had ever been saved up.
    next: Mutex<HashMap<usize, Instant>>,
}

impl<A> RateLimited<A> {
    /// `aws` at these rates; operations without one do not wait.
    pub fn new(aws: A, rates: Rates) -> Self {
        Self {
            aws,
            rates,
            next: Mutex::default(),
        }
    }

    /// How long the call has to wait; its turn is taken, unless that is longer than `most`.
    fn turn(&self, operation: &str, most: Duration) -> Result<Duration, &Rate> {
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
        if wait > most {
            return Err(rate);
        }
        next.insert(n, due + rate.interval);
        Ok(wait)
    }
}

impl<A: Aws + Sync> Aws for RateLimited<A> {
    async fn perform(&self, call: &Call, within: Duration) -> Result<Answer, CallError> {
        let operation = call.operation();
        let most = within.saturating_sub(CALL).max(within / 2);
        match self.turn(operation, most) {
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
                message: format!("not made: with API_RATES {rate} its turn comes too late"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_calls_go_at_once_and_the_others_wait_for_their_turn() {
        let paced = RateLimited::new((), "RunTask=4".parse().unwrap());
        let most = Duration::from_secs(1);
        let waits: Vec<u128> = (0..8)
            .map_while(|_| Some(paced.turn("RunTask", most).ok()?.as_millis().div_ceil(10)))
            .collect();
        // In hundredths of a second, as the test's own steps take microseconds.
        assert_eq!(waits, [0, 0, 0, 0, 25, 50, 75, 100]);
        assert!(paced.turn("RunTask", most).is_err());
        assert_eq!(paced.turn("StopTask", most), Ok(Duration::ZERO));
    }

    #[test]
    fn a_turn_that_comes_too_late_is_not_taken() {
        let paced = RateLimited::new((), "RunTask=1".parse().unwrap());
        assert_eq!(paced.turn("RunTask", Duration::ZERO), Ok(Duration::ZERO));
        for _ in 0..3 {
            assert!(paced.turn("RunTask", Duration::from_millis(500)).is_err());
        }
        let wait = paced.turn("RunTask", Duration::from_secs(2)).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
    }
}
