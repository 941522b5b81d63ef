//! What can happen to one call on its way: refused, applied with its answer lost, landing after it
//! was given up, or the last thing that a function does.
//!
//! Keeps to the assumptions of `start_engines_core::decide::timing` on calls that were given up.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use start_engines_core::call::{Call, ErrorKind};

/// When the SDK has spent its attempts.
const GIVEN_UP: i64 = 15_000;
/// A call that was given up lands within this time, before Lambda tries its event again.
const LANDS: i64 = 50_000;

/// What becomes of a call, in milliseconds from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// When it is applied, if ever.
    pub(crate) lands: Option<i64>,
    /// What its function gets.
    pub(crate) end: End,
    /// The fault's name, if it is one.
    pub(crate) fault: Option<&'static str>,
}

/// What a function gets of its call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// AWS's answer.
    Answered(i64),
    /// An error.
    Failed(i64, fn() -> ErrorKind),
    /// Nothing: it dies.
    Crashed(i64),
}

/// Decides it: so many calls in a thousand meet a fault. A call that is `slow` takes such a time.
pub(crate) fn fate(
    rng: &mut Rng,
    call: &Call,
    within: Duration,
    in_a_thousand: usize,
    slow: Option<RangeInclusive<i64>>,
) -> Fate {
    let within = i64::try_from(within.as_millis()).expect("not that long").min(GIVEN_UP);
    let latency = match rng.usize(..100) {
        0 => rng.i64(500..=9_000),
        1..=5 => rng.i64(60..=500),
        _ => rng.i64(4..=60),
    };
    let is_slow = slow.is_some();
    let latency = slow.map_or(latency, |slow| rng.i64(slow)).min(GIVEN_UP);
    let fate = |lands, end, fault| Fate { lands, end, fault };
    let before = if is_slow {
        latency.min(within)
    } else {
        rng.i64(0..=latency.min(within))
    };
    if latency >= within {
        return fate(Some(before), End::Failed(within, || ErrorKind::TimedOut), Some("slow"));
    }
    if rng.usize(..1000) >= in_a_thousand {
        return fate(Some(before), End::Answered(latency), None);
    }
    // A DeregisterTargets lands within its bound, retries included, or never.
    let lands = rng.i64(0..=LANDS);
    let late = |given_up: i64| match call {
        Call::DeregisterTargets { .. } => within,
        _ => given_up + lands,
    };
    match rng.usize(..10) {
        // `API_RATES` has it wait for so long, and then not sent.
        0 if matches!(call, Call::DeregisterTargets { .. }) => {
            fate(None, End::Failed(within / 2, || ErrorKind::NotSent), Some("not sent"))
        }
        0 => fate(None, End::Failed(latency, || ErrorKind::Throttled), Some("throttled")),
        1 => fate(None, End::Failed(latency, || ErrorKind::Server), Some("server error")),
        2 => fate(
            Some(before),
            End::Failed(latency, || ErrorKind::Server),
            Some("server error, applied"),
        ),
        3 => fate(None, End::Failed(latency, || ErrorKind::Unreachable), Some("reset")),
        4 => fate(
            Some(before),
            End::Failed(latency, || ErrorKind::Unreachable),
            Some("answer lost"),
        ),
        5 => fate(None, End::Failed(within, || ErrorKind::TimedOut), Some("timed out")),
        6 => fate(
            Some(late(within)),
            End::Failed(within, || ErrorKind::TimedOut),
            Some("timed out, lands late"),
        ),
        7 => fate(None, End::Crashed(latency), Some("crash before")),
        8 => fate(Some(before), End::Crashed(latency), Some("crash after")),
        _ => fate(Some(late(latency)), End::Crashed(latency), Some("crash, lands late")),
    }
}
