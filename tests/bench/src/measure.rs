//! One process: from its start to its first event, and its events when it is warm.

use std::collections::BTreeMap;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::process::{Process, Share};
use crate::programs::Program;
use crate::stub::{RuntimeApi, Stub};

/// The two events that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Start,
    Running,
}

impl Event {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start event",
            Self::Running => "RUNNING event",
        }
    }

    /// A new one: sent now, with an id of its own.
    fn text(self, n: usize) -> String {
        let text = match self {
            Self::Start => include_str!("../../../fixtures/events/start-minimal.json"),
            Self::Running => include_str!("../../../fixtures/events/task-running.json"),
        };
        let mut event: Value = serde_json::from_str(text).expect("JSON");
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).expect("in range");
        let now = now.format(&Rfc3339).expect("a time");
        event["id"] = json!(format!("682f96a8-479b-4ff4-8f75-{n:012x}"));
        event["time"] = json!(now);
        if self == Self::Running {
            event["detail"]["updatedAt"] = json!(now);
        }
        event.to_string()
    }

    /// What must be called for one, by name: of a function that is new, or warm.
    fn calls(self, program: &Program, cold: bool) -> &'static [&'static str] {
        match (self, cold) {
            (Self::Start, _) if program.has_deadlines => &["CreateSchedule", "RunTask"],
            (Self::Start, _) => &["RunTask"],
            (Self::Running, true) => &["DescribeTargetGroups", "DescribeTasks", "RegisterTargets"],
            (Self::Running, false) => &["DescribeTasks", "RegisterTargets"],
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    /// Milliseconds from the process's start until it asks for an event.
    Init,
    /// Milliseconds from the process's start until its first event is handled.
    Cold,
    /// CPU milliseconds of the same.
    Cpu,
    /// CPU milliseconds of the first event alone.
    FirstCpu,
    /// Milliseconds of the first event at the share of a core that 128 MB have.
    Throttled,
    /// Microseconds of a warm event, without the CPU time of this process, which plays Lambda and AWS.
    Warm,
    /// CPU microseconds of a warm event.
    WarmCpu,
    /// MiB after all events.
    Cache,
    /// KiB that a cold start reads.
    Read,
    /// AWS calls of a first event.
    Calls,
}

/// All that was measured of one program.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) zip: u64,
    pub(crate) works: bool,
    pub(crate) samples: BTreeMap<(Event, Figure), Vec<f64>>,
    events: usize,
}

impl Measured {
    pub(crate) fn of(program: &Program) -> Self {
        Self {
            name: program.name.clone(),
            zip: program.zip,
            works: program.works,
            samples: BTreeMap::new(),
            events: 0,
        }
    }

    fn note(&mut self, event: Event, figure: Figure, value: f64) {
        self.samples.entry((event, figure)).or_default().push(value);
    }

    fn next(&mut self, event: Event) -> String {
        self.events += 1;
        event.text(self.events)
    }

    /// A cold start, and then `warm` events.
    pub(crate) async fn run(&mut self, stub: &Stub, program: &Program, event: Event, warm: usize) {
        let mut runtime = RuntimeApi::start().await;
        let begun = Instant::now();
        let process = Process::start(program, &runtime.address);
        let ready = runtime.idle().await;
        let init_cpu = process.cpu();
        let first = self.next(event);
        let waited = ready.elapsed();
        let handled = runtime.handle(first).await;
        let cpu = process.cpu();
        self.note(event, Figure::Init, millis(begun, ready));
        self.note(event, Figure::Cold, millis(begun, handled) - waited.as_secs_f64() * 1e3);
        self.note(event, Figure::Cpu, cpu);
        self.note(event, Figure::FirstCpu, cpu - init_cpu);
        self.note(event, Figure::Read, process.read());
        self.expect(stub.seen(), program, event, true);
        runtime.idle().await;
        let cpu = process.cpu();
        for _ in 0..warm {
            let next = self.next(event);
            let (begun, own) = (Instant::now(), own_cpu());
            let handled = runtime.handle(next).await;
            let own = own_cpu() - own;
            self.note(event, Figure::Warm, (millis(begun, handled) - own) * 1e3);
            self.expect(stub.seen(), program, event, false);
            runtime.idle().await;
        }
        if warm > 0 {
            self.note(event, Figure::WarmCpu, (process.cpu() - cpu) / warm as f64 * 1e3);
            self.note(event, Figure::Cache, process.peak_memory());
        }
        process.end().await;
    }

    /// A first event of a process that has all it wants in init, and then what 128 MB have. Not measured where
    /// cgroups may not be made.
    pub(crate) async fn throttled(&mut self, stub: &Stub, program: &Program, event: Event) {
        let mut runtime = RuntimeApi::start().await;
        let process = Process::start(program, &runtime.address);
        runtime.idle().await;
        let share = Share::of(&process);
        let first = self.next(event);
        let begun = Instant::now();
        let handled = runtime.handle(first).await;
        if share.is_some() {
            self.note(event, Figure::Throttled, millis(begun, handled));
        }
        self.expect(stub.seen(), program, event, true);
        process.end().await;
    }

    /// A program that does less is not what it is compared with.
    fn expect(&mut self, mut calls: Vec<String>, program: &Program, event: Event, cold: bool) {
        if !program.works {
            return;
        }
        if cold {
            self.note(event, Figure::Calls, calls.len() as f64);
        }
        calls.sort();
        calls.dedup();
        assert_eq!(calls, event.calls(program, cold), "{} on a {}", self.name, event.name());
    }
}

fn millis(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// Milliseconds on the CPU of this process, which has one thread.
fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
