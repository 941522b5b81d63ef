//! `make bench-pure`: what the crate itself costs for an event, without SDK, network and runtime.
//!
//! Three parts: `parse`, from the event's text to a trigger; `decide`, all decisions of the event, with answers
//! of AWS that are made before; `encode`, the log line and the metrics line. Criterion prints the nanoseconds, and
//! a counting allocator how often and how much memory is asked for, which is the same in every run.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use start_engines_core::call::run_task::Started;
use start_engines_core::call::{Answer, Call};
use start_engines_core::config::Config;
use start_engines_core::decide::{Step, decide};
use start_engines_core::domain::arn::FunctionArn;
use start_engines_core::domain::target::{AddressFamily, TargetGroup, TargetHealth, TargetType};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::journal::{Entry, Journal};
use start_engines_core::outcome::{Failure, Outcome};
use start_engines_core::report::handled::{Handled, Published};
use start_engines_core::request::envelope::Envelope;
use start_engines_core::request::{self, Trigger};

const EVENTS: [(&str, &str); 4] = [
    ("start", include_str!("../../../fixtures/events/start-minimal.json")),
    ("running", include_str!("../../../fixtures/events/task-running.json")),
    ("stopping", include_str!("../../../fixtures/events/task-stopping.json")),
    ("stopped", include_str!("../../../fixtures/events/task-stopped.json")),
];
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";
/// Between the event and its handling, and for each call.
const LATER: Duration = Duration::from_millis(50);

/// An event's way through the crate, as it went once.
struct Way {
    text: &'static str,
    config: Config,
    function: FunctionArn,
    trigger: Trigger,
    now: Timestamp,
    entries: Vec<Entry>,
    result: Result<Outcome, Failure>,
}

impl Way {
    fn of(text: &'static str) -> Self {
        let catalog = include_str!("../../../fixtures/services.json");
        let config = Config::read(|_| None, None, Some(catalog)).expect("a sound configuration");
        let function: FunctionArn = FUNCTION.parse().expect("an ARN");
        let trigger = parse(text, &config, &function);
        let sent_at = match &trigger {
            Trigger::Start(request) => request.sent_at,
            Trigger::TaskStateChange(change) => change.happened_at,
            other => panic!("not measured: {other:?}"),
        };
        let now = sent_at.expect("a time").after(LATER);
        let mut journal = Journal::new(now);
        let result = loop {
            match decide(&trigger, &config, &journal) {
                Step::End(result) => break result,
                Step::Ask(calls) => {
                    let asked_at = journal.now();
                    journal.entries.extend(calls.into_iter().map(|call| Entry {
                        answer: Ok(answer(&call, &trigger)),
                        call,
                        asked_at,
                        answered_at: asked_at.after(LATER),
                        calls: 1,
                    }));
                }
            }
        };
        Self {
            text,
            config,
            function,
            trigger,
            now,
            entries: journal.entries,
            result,
        }
    }

    fn parse(&self) -> Trigger {
        parse(self.text, &self.config, &self.function)
    }

    fn decide(&self, mut journal: Journal, entries: Vec<Entry>) -> (Journal, Result<Outcome, Failure>) {
        let mut entries = entries.into_iter();
        loop {
            match decide(&self.trigger, &self.config, &journal) {
                Step::End(result) => return (journal, result),
                Step::Ask(calls) => journal.entries.extend(entries.by_ref().take(calls.len())),
            }
        }
    }

    fn handled(&self) -> Handled {
        let event = serde_json::from_str(self.text).expect("JSON");
        let mut journal = Journal::new(self.now);
        journal.entries.clone_from(&self.entries);
        Handled {
            envelope: Envelope::of(&event),
            trigger: Some(self.trigger.clone()),
            ended_at: journal.now(),
            journal,
            result: self.result.clone(),
            published: Published::default(),
        }
    }
}

fn parse(text: &str, config: &Config, function: &FunctionArn) -> Trigger {
    let event = serde_json::from_str(text).expect("JSON");
    request::read(event, config, Some(function)).expect("a sound event")
}

fn encode(handled: &Handled) -> [String; 2] {
    let line = serde_json::to_string(&handled.summary()).expect("JSON");
    [line, handled.metrics("start-engines").to_string()]
}

fn answer(call: &Call, trigger: &Trigger) -> Answer {
    let own = || match trigger {
        Trigger::TaskStateChange(change) => change.task.clone(),
        other => panic!("it asks for no task: {other:?}"),
    };
    match call {
        Call::RunTask(_) => Answer::Started(Started {
            tasks: vec![
                "arn:aws:ecs:us-east-1:111122223333:task/engines/b156934a2d0823b5697fab8bb5ccb4dc"
                    .parse()
                    .expect("an ARN"),
            ],
            failures: Vec::new(),
        }),
        Call::DescribeTasks { .. } => Answer::tasks([own()]),
        Call::DescribeTargetGroup { .. } => Answer::TargetGroup(TargetGroup {
            target_type: TargetType::Ip,
            family: AddressFamily::Ipv4,
            protocol: "HTTP".to_owned(),
            vpc: "vpc-0123456789abcdef0".parse().ok(),
        }),
        Call::DescribeTargetHealth { targets, .. } => Answer::Health(vec![TargetHealth::NotRegistered; targets.len()]),
        Call::RegisterTargets { .. } | Call::DeregisterTargets { .. } => Answer::Done,
        other => panic!("no answer is made for {}", other.operation()),
    }
}

fn pure(criterion: &mut Criterion) {
    let ways = EVENTS.map(|(name, text)| (name, Way::of(text)));
    println!("allocations                times    bytes");
    for (name, way) in &ways {
        let journal = (Journal::new(way.now), way.entries.clone());
        let handled = way.handled();
        let reported = |part: &str, counted: allocation_counter::AllocationInfo| {
            let what = format!("{part}/{name}");
            println!("{what:<24} {:>7} {:>8}", counted.count_total, counted.bytes_total);
        };
        reported("parse", measure(|| drop(black_box(way.parse()))));
        reported("decide", measure(|| drop(black_box(way.decide(journal.0, journal.1)))));
        reported("encode", measure(|| drop(black_box(encode(&handled)))));
    }
    for (name, way) in &ways {
        criterion.bench_function(&format!("parse/{name}"), |bench| bench.iter(|| way.parse()));
        criterion.bench_function(&format!("decide/{name}"), |bench| {
            bench.iter_batched(
                || (Journal::new(way.now), way.entries.clone()),
                |(journal, entries)| way.decide(journal, entries),
                BatchSize::SmallInput,
            );
        });
        let handled = way.handled();
        criterion.bench_function(&format!("encode/{name}"), |bench| bench.iter(|| encode(&handled)));
    }
}

criterion_group!(benches, pure);
criterion_main!(benches);
