//! Fewer calls a second than AWS allows, if that is wanted: [`Paced`] makes calls wait for their turn.
//!
//! AWS's limits are of the account, and a call that it throttles has cost one all the same. A function that few
//! invocations at a time share ([buffered mode](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html))
//! can keep below them by itself. A call waits only as long as it may take; must not wait for any state.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::call::{Answer, Call, CallError, ErrorKind};
use crate::ports::Aws;

/// The operations that can be paced: those that many events make. DescribeTaskDefinition (50 at once and 20 a second,
/// by ECS's throttling quotas) is not among them: a function makes it once for each revision that it meets.
pub const PACED: [&str; 8] = [
    "RunTask",
    "StopTask",
    "DescribeTasks",
    "ListTasks",
    "RegisterTargets",
    "DeregisterTargets",
    "DescribeTargetHealth",
    "DescribeTargetGroups",
];
/// Of the time that a call may take, so much is left for the call itself; of a short time, half.
const CALL: Duration = Duration::from_secs(2);

/// How many calls a second an instance of the function makes of some operations together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    operations: Vec<&'static str>,
    /// From one call to the next.
    interval: Duration,
    /// How many calls that were not made can be made at once.
    burst: u32,
}

/// All rates: `RunTask=10,RegisterTargets+DeregisterTargets=2:8`, calls a second and, after a colon, how many at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Vec<Rate>);

/// What is wrong with rates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRates {
    /// Not `operations=number`.
    #[error(
        "each rate must be operations and calls a second, as in RunTask=10 or RegisterTargets+DeregisterTargets=2:8: {0}"
    )]
    Shape(String),
    /// An operation that has no rate.
    #[error("{0} has no rate: it must be one of {known}", known = PACED.join(", "))]
    Operation(String),
    /// An operation with two rates.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// Not a rate.
    #[error("{0} must be a number from 0.1 to 1000")]
    Number(String),
    /// Not a burst.
    #[error("{0} must be a number of calls at once, from 1 to 1000")]
    Burst(String),
}

impl FromStr for Rates {
    type Err = InvalidRates;

    fn from_str(text: &str) -> Result<Self, InvalidRates> {
        let mut rates: Vec<Rate> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (names, number) = part
                .split_once('=')
                .ok_or_else(|| InvalidRates::Shape(part.to_owned()))?;
            let (number, burst) = match number.split_once(':') {
                Some((number, burst)) => (number.trim(), Some(burst.trim())),
                None => (number.trim(), None),
            };
            let per_second: Option<f64> = number.parse().ok();
            let per_second = per_second.filter(|rate| (0.1..=1000.0).contains(rate));
            let per_second = per_second.ok_or_else(|| InvalidRates::Number(number.to_owned()))?;
            let burst = match burst {
                Some(burst) => {
                    let calls = burst.parse().ok().filter(|calls| (1..=1000).contains(calls));
                    calls.ok_or_else(|| InvalidRates::Burst(burst.to_owned()))?
                }
                // A second's worth.
                None => 1.max(per_second as u32),
            };
            let interval = Duration::from_secs_f64(1.0 / per_second);
            let mut operations = Vec::new();
            for name in names.split('+').map(str::trim) {
                let known = PACED.into_iter().find(|known| *known == name);
                let known = known.ok_or_else(|| InvalidRates::Operation(name.to_owned()))?;
                let mut given = rates.iter().flat_map(|rate| &rate.operations).chain(&operations);
                if given.any(|given| *given == known) {
                    return Err(InvalidRates::Twice(known));
                }
                operations.push(known);
            }
            rates.push(Rate {
                operations,
                interval,
                burst,
            });
        }
        Ok(Self(rates))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = 1.0 / self.interval.as_secs_f64();
        let rounded = (per_second * 1e3).round() / 1e3;
        write!(f, "{}={rounded}:{}", self.operations.join("+"), self.burst)
    }
}

/// AWS, with calls that wait for their turn.
///
/// At first as many at once as the burst allows, then one after the other; what is not used is saved up to the
/// burst again.
#[derive(Debug)]
pub struct Paced<A> {
    aws: A,
    rates: Rates,
    /// Of each rate: when its next call would be due if none had ever been saved up.
    next: Mutex<HashMap<usize, Instant>>,
}

impl<A> Paced<A> {
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
        let mut rates = self.rates.0.iter().enumerate();
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

impl<A: Aws + Sync> Aws for Paced<A> {
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
                message: format!("not made: with API_RATES {rate} its turn comes too late"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_operations_that_share_a_number() {
        let rates: Rates = "RunTask=10, RegisterTargets+DeregisterTargets=2.5 : 8,StopTask=0.5"
            .parse()
            .unwrap();
        let shown: Vec<String> = rates.0.iter().map(Rate::to_string).collect();
        let expected = [
            "RunTask=10:10",
            "RegisterTargets+DeregisterTargets=2.5:8",
            "StopTask=0.5:1",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_no_rate_is_told() {
        let wrong = |text: &str| text.parse::<Rates>().unwrap_err();
        assert_eq!(wrong("RunTask"), InvalidRates::Shape("RunTask".into()));
        assert_eq!(wrong("RunTask=0"), InvalidRates::Number("0".into()));
        assert_eq!(wrong("RunTask=1:0"), InvalidRates::Burst("0".into()));
        assert_eq!(wrong("RunTask=NaN"), InvalidRates::Number("NaN".into()));
        assert_eq!(wrong("runtask=1"), InvalidRates::Operation("runtask".into()));
        assert_eq!(wrong("RunTask=1,RunTask=2"), InvalidRates::Twice("RunTask"));
        assert_eq!(wrong("RunTask=1,"), InvalidRates::Shape(String::new()));
    }

    #[test]
    fn a_seconds_calls_go_at_once_and_the_others_wait_for_their_turn() {
        let paced = Paced::new((), "RunTask=4".parse().unwrap());
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
        let paced = Paced::new((), "RunTask=1".parse().unwrap());
        assert_eq!(paced.turn("RunTask", Duration::ZERO), Ok(Duration::ZERO));
        for _ in 0..3 {
            assert!(paced.turn("RunTask", Duration::from_millis(500)).is_err());
        }
        let wait = paced.turn("RunTask", Duration::from_secs(2)).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
    }
}
