//! What start-engines does under load: a discrete-event simulation on the crate's own handler.
//!
//! `make simulate` runs it. The model is `world` and `port`, its numbers and their sources are `parameters`;
//! `functions` are the three ways that are compared. Must not know how the handler decides.
#![allow(clippy::expect_used, reason = "a panic is how a model fails that contradicts itself")]

mod cost;
mod figures;
mod fleet;
mod functions;
mod parameters;
mod plot;
mod port;
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::config::Config;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::figures::Figures;
use crate::functions::Times;
use crate::world::{ACCOUNT, CLUSTER, REGION, Shared};

/// How the job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    /// Buffered, with one queue for all.
    OneQueue,
    /// Buffered, with a queue for requests and one for state changes, as the Pulumi component has it.
    TwoQueues,
    Polling,
}

impl Way {
    const ALL: [Self; 4] = [Self::Direct, Self::OneQueue, Self::TwoQueues, Self::Polling];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::TwoQueues => "two-queues",
            Self::OneQueue => "one-queue",
            Self::Polling => "polling",
        }
    }

    fn times(self) -> Times {
        match self {
            Self::Polling => Times::PYTHON,
            _ => Times::RUST,
        }
    }
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) way: Way,
    pub(crate) starts_per_second: u64,
    pub(crate) groups: u64,
    pub(crate) figures: Figures,
}

/// What is to be run.
struct Plan {
    folder: String,
    rates: Vec<u64>,
    groups: Vec<u64>,
    ways: Vec<Way>,
}

impl Plan {
    fn of(arguments: &[String]) -> Option<Self> {
        let numbers = |n: usize, default: &[u64]| match arguments.get(n) {
            None => Some(default.to_vec()),
            Some(list) => list.split(',').map(|number| number.parse().ok()).collect(),
        };
        let way = |name: &str| Way::ALL.into_iter().find(|way| way.name() == name);
        Some(Self {
            folder: arguments.first()?.clone(),
            rates: numbers(1, &[1, 2, 10, 20, 100])?,
            groups: numbers(2, &[1, 2, 10, 50])?,
            ways: match arguments.get(3) {
                None => Way::ALL.to_vec(),
                Some(list) => list.split(',').map(way).collect::<Option<_>>()?,
            },
        })
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, measured] = arguments.as_slice()
        && word == "cost"
    {
        return cost::print(Path::new(measured));
    }
    if let [word, folder, sizes] = arguments.as_slice()
        && word == "fleet"
        && let Some(sizes) = sizes
            .split(',')
            .map(|size| size.parse().ok())
            .collect::<Option<Vec<usize>>>()
    {
        return fleet::print(Path::new(folder), &sizes);
    }
    let Some(Plan {
        folder,
        rates,
        groups,
        ways,
    }) = Plan::of(&arguments)
    else {
        eprintln!(
            "usage: start-engines-load FOLDER [STARTS_PER_SECOND,.. [TARGET_GROUPS,.. [WAY,..]]]\n       start-engines-load cost BENCH_JSON\n       start-engines-load fleet FOLDER LIVE_TASKS,.."
        );
        return ExitCode::from(2);
    };
    println!("{}", heading());
    let mut runs = Vec::new();
    for &starts_per_second in &rates {
        for &groups in &groups {
            for &way in &ways {
                let figures = simulate(way, way.times(), starts_per_second, groups);
                let run = Run {
                    way,
                    starts_per_second,
                    groups,
                    figures,
                };
                println!("{}", line(&run));
                runs.push(run);
            }
        }
    }
    let folder = Path::new(&folder);
    let all: Vec<Value> = runs.iter().map(json_of).collect();
    let text = serde_json::to_string_pretty(&all).expect("JSON");
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join("load.json"), text))
        .map_err(|error| error.to_string())
        .and_then(|()| plot::plot(&runs, &folder.join("load.svg")));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn simulate(way: Way, times: Times, starts_per_second: u64, groups: u64) -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime");
    LocalSet::new().block_on(&runtime, story(way, times, starts_per_second, groups))
}

async fn story(way: Way, times: Times, starts_per_second: u64, groups: u64) -> Figures {
    let (sink, mut events) = tokio::sync::mpsc::unbounded_channel();
    let shared = Shared::new(7, groups, sink.clone());
    let rates = match way {
        Way::TwoQueues | Way::OneQueue => Some(parameters::RATES.to_owned()),
        Way::Direct | Way::Polling => None,
    };
    let get = |name: &str| rates.clone().filter(|_| name == "API_RATES");
    let config = Config::read(get, None).expect("a sound configuration");
    let take: Box<dyn Fn(Value)> = match way {
        Way::Direct => Box::new(functions::direct(&shared, config, times)),
        Way::TwoQueues => Box::new(functions::buffered(&shared, config, times, false)),
        Way::OneQueue => Box::new(functions::buffered(&shared, config, times, true)),
        Way::Polling => Box::new(functions::polling(&shared, config, times)),
    };
    spawn_local(async move {
        while let Some(event) = events.recv().await {
            take(event);
        }
    });
    let began_at = Instant::now();
    let ends_at = began_at + Duration::from_millis(parameters::STARTS_FOR);
    let mut number = 0;
    loop {
        // As they come of many askers: at random, so many a second.
        let part = shared.world().random.f64();
        sleep(Duration::from_secs_f64(-(1.0 - part).ln() / starts_per_second as f64)).await;
        if Instant::now() >= ends_at {
            break;
        }
        number += 1;
        let event = {
            let mut world = shared.world();
            world.figures.asked += 1;
            world.asked_at.insert(format!("start-{number}"), Instant::now());
            let group = world.random.u64(1..=groups);
            start(number, world.group(group), &world.now().to_seconds().expect("a date"))
        };
        let (sink, shared) = (sink.clone(), shared.clone());
        spawn_local(async move {
            sleep(shared.some(parameters::EVENTBRIDGE_DELIVERS)).await;
            let _ = sink.send(event);
        });
    }
    // Until all is said and done: every start that was asked for has come to its end, one way or the other.
    let gives_up_at = ends_at + Duration::from_millis(parameters::AFTERMATH);
    while Instant::now() < gives_up_at {
        sleep(Duration::from_secs(60)).await;
        let world = shared.world();
        if world.is_quiet() && world.figures.tasks + world.figures.dead >= world.figures.asked {
            break;
        }
    }
    // What was tried again for the last ones.
    sleep(Duration::from_secs(3600)).await;
    let mut world = shared.world();
    world.figures.left = world.left();
    std::mem::take(&mut world.figures)
}

fn start(number: u64, group: &str, time: &str) -> Value {
    json!({
        "version": "0", "id": format!("start-{number}"), "detail-type": "Start ECS Task", "source": "app.load",
        "account": ACCOUNT, "time": format!("{time}Z"), "region": REGION, "resources": [],
        "detail": {
            "cluster": CLUSTER, "taskDefinition": "engine", "launchType": "FARGATE", "port": 8080,
            "targetGroupArn": group,
            "subnets": ["subnet-0a1b2c3d4e5f60718"],
        },
    })
}

/// The columns: name and width.
const COLUMNS: [(&str, usize); 14] = [
    ("starts/s", 8),
    ("groups", 6),
    ("way", 10),
    ("registered %", 12),
    ("start p99 ms", 12),
    ("lag p50 ms", 10),
    ("lag p99 ms", 10),
    ("calls/task", 10),
    ("but RunTask", 11),
    ("throttled", 9),
    ("Lambda ms/task", 14),
    ("$/1000 tasks", 12),
    ("dead", 6),
    ("left", 4),
];

fn row(cells: impl Iterator<Item = String>) -> String {
    let padded = cells.zip(COLUMNS).map(|(cell, (_, width))| format!("{cell:>width$}"));
    padded.collect::<Vec<_>>().join("  ")
}

fn heading() -> String {
    row(COLUMNS.iter().map(|(name, _)| (*name).to_owned()))
}

fn line(run: &Run) -> String {
    let figures = &run.figures;
    let millis = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"));
    let cells = [
        run.starts_per_second.to_string(),
        run.groups.to_string(),
        run.way.name().to_owned(),
        format!("{:.1}", figures.registered_percent()),
        millis(figures.start_lag(0.99)),
        millis(figures.lag(0.5)),
        millis(figures.lag(0.99)),
        format!("{:.2}", figures.calls()),
        format!("{:.2}", figures.calls_beside_run_task()),
        figures.throttled.to_string(),
        format!("{:.1}", figures.lambda_millis() / 1e3),
        format!("{:.4}", figures.dollars()),
        figures.dead.to_string(),
        figures.left.to_string(),
    ];
    row(cells.into_iter())
}

fn json_of(run: &Run) -> Value {
    let mut all = run.figures.json();
    all["way"] = json!(run.way.name());
    all["startsPerSecond"] = json!(run.starts_per_second);
    all["targetGroups"] = json!(run.groups);
    all
}
