//! One row of the table: what was handled, and what it took.

use std::time::Duration;

use serde_json::{Value, json};

use super::cloud::Progress;
use crate::figures::Figures;
use crate::limits;

/// What has become of the address of a task whose stop comes late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Nobody has it.
    Free,
    /// A newer task of the same service.
    SameService,
    /// A task of somebody else.
    AnotherTask,
    /// An interface that is no task's.
    NoTask,
}

impl Address {
    pub(super) const ALL: [Self; 4] = [Self::Free, Self::SameService, Self::AnotherTask, Self::NoTask];
}

/// What was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The late stop of a task with two targets.
    LateStop(Address),
    /// A batch of 1,000 late stops on 20 target groups.
    LateStops(Address),
    /// A batch of 1,000 RUNNING events on 20 target groups, half of them of tasks with two targets.
    Running,
    /// A batch of 95 events of all kinds on two target groups.
    Mixed,
    /// A stop of the whole cluster, with these `drainSeconds`, by a function with this timeout, in seconds.
    StopOfAll { drain: u64, timeout: u64 },
    /// A reconcile of the whole cluster, by a function with this timeout, in seconds.
    Reconcile(u64),
}

impl Kind {
    pub(super) fn name(self) -> String {
        match self {
            Self::LateStop(Address::Free) => "a late stop, its addresses free".to_owned(),
            Self::LateStop(Address::SameService) => "a newer task of the same service has them".to_owned(),
            Self::LateStop(Address::AnotherTask) => "somebody else's task has them".to_owned(),
            Self::LateStop(Address::NoTask) => "an interface without a task has them".to_owned(),
            Self::LateStops(Address::Free) => "1,000 late stops, free".to_owned(),
            Self::LateStops(_) => "1,000 late stops, of the same services".to_owned(),
            Self::Running => "1,000 RUNNING events".to_owned(),
            Self::Mixed => "95 mixed events on 2 groups".to_owned(),
            Self::StopOfAll { drain, timeout } => format!("a stop of all, drain {drain}, timeout {timeout}"),
            Self::Reconcile(timeout) => format!("a reconcile, timeout {timeout}"),
        }
    }
}

/// One row.
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) tasks: usize,
    pub(super) figures: Figures,
    pub(super) progress: Progress,
    /// Virtual, with the function's CPU at its share.
    pub(super) time: Duration,
    /// The heap at most above what there was before.
    pub(super) heap: u64,
    /// The calls that the goal allows, for kinds with such a goal.
    pub(super) allowed: Vec<(&'static str, u64)>,
    pub(super) end: String,
    /// Whether everything was done.
    pub(super) is_done: bool,
}

impl Row {
    pub(super) const HEADING: [(&'static str, usize); 10] = [
        ("event", 42),
        ("live tasks", 10),
        ("calls", 7),
        ("throttled", 9),
        ("invocations", 11),
        ("seconds", 9),
        ("at the rates", 12),
        ("CPU ms", 10),
        ("MiB", 7),
        ("outcome", 0),
    ];

    pub(super) fn calls(&self) -> u64 {
        self.figures.all_calls()
    }

    pub(super) fn calls_of(&self, operation: &str) -> u64 {
        self.figures.by_operation().get(operation).copied().unwrap_or_default()
    }

    /// How long AWS's rates make the calls take at least, if nobody else makes any.
    pub(super) fn seconds_at_rates(&self) -> f64 {
        limits::least_seconds(self.figures.by_operation().iter())
    }

    pub(super) fn mebibytes(&self) -> f64 {
        self.heap as f64 / 1_048_576.0
    }

    pub(super) fn cpu_millis(&self) -> f64 {
        self.figures.cpu.as_secs_f64() * 1e3
    }

    pub(super) fn line(&self) -> String {
        let cells = [
            self.kind.name(),
            self.tasks.to_string(),
            self.calls().to_string(),
            self.figures.all_throttled().to_string(),
            self.figures.invocations.to_string(),
            format!("{:.2}", self.time.as_secs_f64()),
            format!("{:.1}", self.seconds_at_rates()),
            format!("{:.1}", self.cpu_millis()),
            format!("{:.1}", self.mebibytes()),
            self.end.clone(),
        ];
        line(cells.into_iter())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "what": self.kind.name(), "liveTasks": self.tasks, "calls": self.calls(),
            "callsByOperation": self.figures.by_operation(), "throttledByOperation": self.figures.throttled(),
            "invocations": self.figures.invocations, "seconds": self.time.as_secs_f64(),
            "secondsAtRates": self.seconds_at_rates(), "cpuMillis": self.cpu_millis(), "mebibytes": self.mebibytes(),
            "targetsDeregistered": self.progress.out, "lastDeregisteredSeconds": self.progress.last_out.as_secs_f64(),
            "tasksStopped": self.progress.stopped, "lastStoppedSeconds": self.progress.last_stopped.as_secs_f64(),
            "outcome": self.end, "isDone": self.is_done,
        })
    }
}

/// The first and the last column to the left, the others to the right.
pub(super) fn line(cells: impl Iterator<Item = String>) -> String {
    let padded = cells.zip(Row::HEADING).map(|(cell, (name, width))| match name {
        "event" | "outcome" => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    padded.collect::<Vec<_>>().join(" ")
}
