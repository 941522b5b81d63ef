//! What a run counts, and what it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::parameters as p;

/// Counted while a run is under way.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) asked: u64,
    pub(crate) tasks: u64,
    /// From the asking to RunTask, of each task.
    pub(crate) started: Vec<Duration>,
    /// From RUNNING to its target being registered, of each task.
    pub(crate) registered: Vec<Duration>,
    /// From the first sign of a stop to its target being deregistered.
    pub(crate) deregistered: Vec<Duration>,
    pub(crate) throttled: u64,
    pub(crate) invocations: u64,
    pub(crate) cold_starts: u64,
    pub(crate) billed: Duration,
    pub(crate) sqs_calls: u64,
    pub(crate) log_bytes: u64,
    pub(crate) failed_invocations: u64,
    /// Events that nobody tries any more by himself.
    pub(crate) dead: u64,
    /// Of these, by `errorType`.
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    /// Targets of tasks that are gone.
    pub(crate) left: usize,
    calls: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn call(&mut self, operation: &'static str) {
        *self.calls.entry(operation).or_default() += 1;
    }

    /// Of the starts that were asked for, so many in a hundred came to a registered task.
    pub(crate) fn registered_percent(&self) -> f64 {
        if self.asked == 0 {
            0.0
        } else {
            100.0 * self.registered.len() as f64 / self.asked as f64
        }
    }

    /// By task, but for RunTask.
    pub(crate) fn calls_beside_run_task(&self) -> f64 {
        let calls: u64 = self
            .calls
            .iter()
            .filter(|(name, _)| **name != "RunTask")
            .map(|(_, n)| n)
            .sum();
        per(calls as f64, self.tasks)
    }

    pub(crate) fn calls(&self) -> f64 {
        per(self.calls.values().sum::<u64>() as f64, self.tasks)
    }

    pub(crate) fn lambda_millis(&self) -> f64 {
        per(self.billed.as_secs_f64() * 1e3, self.tasks) * 1e3
    }

    /// Of 1,000 tasks: Lambda, SQS and the custom events.
    pub(crate) fn dollars(&self) -> f64 {
        self.dollars_at(p::DOLLARS_PER_GB_SECOND)
    }

    /// The same at another price of a GB-second.
    pub(crate) fn dollars_at(&self, per_gb_second: f64) -> f64 {
        self.dollars_of(self.billed, per_gb_second)
    }

    /// The same if no invocation found an instance that was warm, as where starts are rare.
    pub(crate) fn dollars_if_cold(&self, cold_start: Duration, per_gb_second: f64) -> f64 {
        let warm = self.invocations - self.cold_starts;
        let more = cold_start.as_secs_f64() * warm as f64;
        self.dollars_of(self.billed + Duration::from_secs_f64(more), per_gb_second)
    }

    /// Of each task: what the function writes.
    pub(crate) fn log_bytes(&self) -> f64 {
        per(self.log_bytes as f64, self.tasks)
    }

    fn dollars_of(&self, billed: Duration, per_gb_second: f64) -> f64 {
        let all = billed.as_secs_f64() * p::MEMORY_GB * per_gb_second
            + self.invocations as f64 * p::DOLLARS_PER_INVOCATION
            + self.sqs_calls as f64 * p::DOLLARS_PER_SQS_CALL
            + self.asked as f64 * p::DOLLARS_PER_CUSTOM_EVENT;
        per(all, self.tasks) * 1e3
    }

    /// Milliseconds that this part of the registrations took at most.
    pub(crate) fn lag(&self, part: f64) -> Option<f64> {
        percentile(&self.registered, part)
    }

    pub(crate) fn start_lag(&self, part: f64) -> Option<f64> {
        percentile(&self.started, part)
    }

    pub(crate) fn deregistration_lag(&self, part: f64) -> Option<f64> {
        percentile(&self.deregistered, part)
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "startsAsked": self.asked, "tasks": self.tasks, "tasksRegistered": self.registered.len(),
            "startLagMillis": {"p50": self.start_lag(0.5), "p99": self.start_lag(0.99)},
            "registeredPercent": self.registered_percent(),
            "registrationLagMillis": {"p50": self.lag(0.5), "p99": self.lag(0.99)},
            "deregistrationLagMillis": {"p50": self.deregistration_lag(0.5), "p99": self.deregistration_lag(0.99)},
            "callsPerTask": self.calls(), "callsPerTaskBesideRunTask": self.calls_beside_run_task(),
            "calls": self.calls, "throttledCalls": self.throttled,
            "invocations": self.invocations, "coldStarts": self.cold_starts, "failedInvocations": self.failed_invocations,
            "lambdaMillisPer1000Tasks": self.lambda_millis(), "dollarsPer1000Tasks": self.dollars(),
            "eventsInDeadLetterQueues": self.dead, "reasons": self.reasons, "targetsLeftBehind": self.left,
        })
    }
}

fn per(all: f64, tasks: u64) -> f64 {
    if tasks == 0 { 0.0 } else { all / tasks as f64 }
}

fn percentile(times: &[Duration], part: f64) -> Option<f64> {
    let mut millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    millis.sort_unstable_by(f64::total_cmp);
    let last = millis.len().checked_sub(1)?;
    millis.get((last as f64 * part).round() as usize).copied()
}
