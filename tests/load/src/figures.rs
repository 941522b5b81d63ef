//! What a run counts, and what it comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::outcome::Outcome;
use start_engines_core::report::handled::Handled;

use crate::parameters as p;

/// How many events failed, by kind and `errorType`.
pub(crate) type Failed = BTreeMap<(&'static str, &'static str), u64>;

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
    throttled: BTreeMap<&'static str, u64>,
    pub(crate) invocations: u64,
    pub(crate) cold_starts: u64,
    pub(crate) billed: Duration,
    /// Of a whole core.
    pub(crate) cpu: Duration,
    pub(crate) memory_gb: f64,
    pub(crate) sqs_calls: u64,
    pub(crate) log_bytes: u64,
    /// Events, by kind.
    events: BTreeMap<&'static str, u64>,
    /// Tries that failed.
    failed: Failed,
    /// Of these the first of their events.
    failed_first: Failed,
    /// Events that nobody tries any more by himself.
    given_up: Failed,
    /// Targets of tasks that are gone.
    pub(crate) left: usize,
    /// Targets of tasks that stand beside the traffic, and are not registered any more.
    pub(crate) lost: usize,
    calls: BTreeMap<&'static str, u64>,
    /// How tries ended.
    ends: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn call(&mut self, operation: &'static str) {
        *self.calls.entry(operation).or_default() += 1;
    }

    pub(crate) fn throttle(&mut self, operation: &'static str) {
        *self.throttled.entry(operation).or_default() += 1;
    }

    pub(crate) fn event(&mut self, kind: &'static str) {
        *self.events.entry(kind).or_default() += 1;
    }

    /// A try of an event failed.
    pub(crate) fn fail(&mut self, kind: &'static str, reason: &'static str, is_first: bool, is_last: bool) {
        let counted = [
            (&mut self.failed, true),
            (&mut self.failed_first, is_first),
            (&mut self.given_up, is_last),
        ];
        for (failed, _) in counted.into_iter().filter(|(_, counts)| *counts) {
            *failed.entry((kind, reason)).or_default() += 1;
        }
    }

    /// A try of an event ended.
    pub(crate) fn end(&mut self, handled: &Handled) {
        let end = match &handled.result {
            Ok(Outcome::Deregistered { reused, .. }) if !reused.is_empty() => "left to its owner",
            Ok(outcome) => outcome.name(),
            Err(failure) => failure.category.name(),
        };
        *self.ends.entry(end).or_default() += 1;
    }

    /// How many tries ended in which way.
    pub(crate) fn ends(&self) -> String {
        let texts: Vec<String> = self.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        texts.join(", ")
    }

    /// Attempts of calls, by operation.
    pub(crate) fn by_operation(&self) -> &BTreeMap<&'static str, u64> {
        &self.calls
    }

    pub(crate) fn throttled(&self) -> &BTreeMap<&'static str, u64> {
        &self.throttled
    }

    pub(crate) fn all_throttled(&self) -> u64 {
        self.throttled.values().sum()
    }

    pub(crate) fn all_events(&self) -> u64 {
        self.events.values().sum()
    }

    pub(crate) fn first_failures(&self) -> &Failed {
        &self.failed_first
    }

    pub(crate) fn given_up(&self) -> &Failed {
        &self.given_up
    }

    pub(crate) fn dead(&self) -> u64 {
        self.given_up.values().sum()
    }

    /// Starts that nobody tries any more.
    pub(crate) fn dead_starts(&self) -> u64 {
        let starts = self.given_up.iter().filter(|((kind, _), _)| *kind == "start");
        starts.map(|(_, count)| count).sum()
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
        let others = self.calls.iter().filter(|(name, _)| **name != "RunTask");
        per(others.map(|(_, n)| n).sum::<u64>() as f64, self.tasks)
    }

    pub(crate) fn calls(&self) -> f64 {
        per(self.all_calls() as f64, self.tasks)
    }

    pub(crate) fn all_calls(&self) -> u64 {
        self.calls.values().sum()
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
        let all = billed.as_secs_f64() * self.memory_gb * per_gb_second
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
            "invocations": self.invocations, "coldStarts": self.cold_starts, "cpuMillis": self.cpu.as_secs_f64() * 1e3,
            "lambdaMillisPer1000Tasks": self.lambda_millis(), "dollarsPer1000Tasks": self.dollars(),
            "events": self.events, "failedTries": named(&self.failed), "failedAtFirst": named(&self.failed_first),
            "givenUp": named(&self.given_up), "targetsLeftBehind": self.left, "targetsLost": self.lost,
        })
    }
}

/// As an object: kind, then reason.
fn named(failed: &Failed) -> Value {
    let mut all = json!({});
    for ((kind, reason), count) in failed {
        all[kind][reason] = json!(count);
    }
    all
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
