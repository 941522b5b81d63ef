//! `make simulate`: the runs, their table, and whether the goal of 60 events a second is met.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::config::Config;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::figures::{Failed, Figures};
use crate::lambda::{FUNCTION, Program};
use crate::world::{ACCOUNT, Sent, Shared};
use crate::{parameters as p, plot, polling, traffic, ways};

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

    fn program(self) -> Program {
        match self {
            Self::Polling => Program::PYTHON,
            _ => Program::RUST,
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Starts, whose tasks end without this function.
    Starts,
    /// Starts with a deadline, stops of all kinds, reconciles, outcome events; 10,000 tasks stand beside it.
    Everything,
}

impl Traffic {
    fn name(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Everything => "everything",
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) traffic: Traffic,
    pub(crate) way: Way,
    pub(crate) starts_per_second: u64,
    pub(crate) groups: u64,
}

impl Setting {
    fn is(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.traffic, one.way, one.starts_per_second, one.groups);
        key(self) == key(other)
    }
}

/// A run, and what it came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) setting: Setting,
    pub(crate) figures: Figures,
}

/// What is to be run.
pub(crate) struct Plan {
    folder: String,
    settings: Vec<Setting>,
}

impl Plan {
    /// From the arguments of the command line.
    pub(crate) fn of(arguments: &[String]) -> Option<Self> {
        let numbers = |n: usize, default: &[u64]| match arguments.get(n) {
            None => Some(default.to_vec()),
            Some(list) => list.split(',').map(|number| number.parse().ok()).collect(),
        };
        let way = |name: &str| Way::ALL.into_iter().find(|way| way.name() == name);
        let ways = match arguments.get(3) {
            None => Way::ALL.to_vec(),
            Some(list) => list.split(',').map(way).collect::<Option<_>>()?,
        };
        let groups = numbers(2, &[1, 2, 10, 50])?;
        let mut settings = Vec::new();
        for starts_per_second in numbers(1, &[1, 2, 10, 20, 100])? {
            for &groups in &groups {
                settings.extend(ways.iter().map(|&way| Setting {
                    traffic: Traffic::Starts,
                    way,
                    starts_per_second,
                    groups,
                }));
            }
        }
        // With everything: direct mode as far as it goes, and what the goal is about.
        let direct = Setting {
            traffic: Traffic::Everything,
            way: Way::Direct,
            starts_per_second: 1,
            groups: 2,
        };
        settings.extend(
            [direct, GOAL, GOAL_WITH_EVERYTHING]
                .into_iter()
                .filter(|one| ways.contains(&one.way)),
        );
        Some(Self {
            folder: arguments.first()?.clone(),
            settings,
        })
    }
}

/// 60 state changes a second, three of each task, on 8 target groups in buffered mode.
const GOAL: Setting = Setting {
    traffic: Traffic::Starts,
    way: Way::TwoQueues,
    starts_per_second: 20,
    groups: 8,
};
/// The same, with everything that may be asked for beside it.
const GOAL_WITH_EVERYTHING: Setting = Setting {
    traffic: Traffic::Everything,
    ..GOAL
};

/// Runs everything, prints the table, and writes it as JSON and as a picture.
pub(crate) fn print(plan: &Plan) -> ExitCode {
    println!("{}", heading());
    let mut runs: Vec<Run> = Vec::new();
    let mut written = Ok(());
    for &setting in &plan.settings {
        let figures = simulate(setting, setting.way.program());
        let run = Run { setting, figures };
        println!("{}", line(&run));
        print_failures(&run);
        runs.push(run);
        // The last ones take long, so what is known by now is kept.
        written = write(Path::new(&plan.folder), &runs);
    }
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", plan.folder);
            ExitCode::FAILURE
        }
    }
}

/// Writes the runs as JSON, and the picture of those with starts only.
fn write(folder: &Path, runs: &[Run]) -> Result<(), String> {
    let all: Vec<Value> = runs.iter().map(json_of).collect();
    let text = serde_json::to_string_pretty(&all).expect("JSON");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join("load.json"), text))
        .map_err(|error| error.to_string())?;
    let starts: Vec<&Run> = runs
        .iter()
        .filter(|run| run.setting.traffic == Traffic::Starts)
        .collect();
    plot::load(&starts, &folder.join("load.svg"))
}

/// One run in virtual time.
pub(crate) fn simulate(setting: Setting, program: Program) -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime");
    LocalSet::new().block_on(&runtime, story(setting, program))
}

fn config(setting: Setting, shared: &Shared) -> Config {
    let everything = setting.traffic == Traffic::Everything;
    let is_buffered = matches!(setting.way, Way::TwoQueues | Way::OneQueue);
    let get = |name: &str| match name {
        // Others than the component's can be tried by the variable of the same name.
        "API_RATES" => is_buffered.then(|| std::env::var(name).unwrap_or_else(|_| p::RATES.to_owned())),
        "AWS_LAMBDA_FUNCTION_NAME" => everything.then(|| FUNCTION.to_owned()),
        "SCHEDULER_ROLE_ARN" => everything.then(|| format!("arn:aws:iam::{ACCOUNT}:role/scheduler")),
        // No checks of health: the figures are compared with those of versions that had none.
        "HEALTH_TIMEOUT" => Some("0".to_owned()),
        "OUTCOME_EVENT_BUS" => everything.then(|| "outcomes".to_owned()),
        _ => None,
    };
    let catalog = everything.then(|| traffic::catalog(shared, setting.groups));
    Config::read(get, None, catalog.as_deref()).expect("a sound configuration")
}

async fn story(setting: Setting, program: Program) -> Figures {
    let (sink, mut events) = tokio::sync::mpsc::unbounded_channel();
    let everything = setting.traffic == Traffic::Everything;
    let shared = Shared::new(7, setting.groups, everything, sink);
    let config = config(setting, &shared);
    let take: Box<dyn Fn(Sent)> = match setting.way {
        Way::Direct => Box::new(ways::direct(&shared, config, program)),
        Way::TwoQueues => Box::new(ways::buffered(&shared, config, program, false)),
        Way::OneQueue => Box::new(ways::buffered(&shared, config, program, true)),
        Way::Polling => Box::new(polling::polling(&shared, config, program)),
    };
    spawn_local(async move {
        while let Some(sent) = events.recv().await {
            take(sent);
        }
    });
    let ends_at = Instant::now() + Duration::from_millis(p::STARTS_FOR);
    if everything {
        spawn_local(shared.clone().keep_schedules());
        traffic::ask_for_the_rest(&shared, setting.groups);
    }
    traffic::starts(&shared, setting.starts_per_second, setting.groups, ends_at).await;
    // Until all is said and done: every start that was asked for has come to its end, one way or the other.
    let gives_up_at = ends_at + Duration::from_millis(p::AFTERMATH);
    while Instant::now() < gives_up_at {
        sleep(Duration::from_secs(60)).await;
        let world = shared.world();
        if world.is_quiet() && world.figures.tasks + world.figures.dead_starts() >= world.figures.asked {
            break;
        }
    }
    // What was tried again for the last ones.
    sleep(Duration::from_secs(3600)).await;
    let mut world = shared.world();
    world.figures.left = world.left();
    world.figures.lost = world.lost();
    std::mem::take(&mut world.figures)
}

/// The columns: name and width.
const COLUMNS: [(&str, usize); 17] = [
    ("traffic", 10),
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
    ("CPU ms/task", 11),
    ("$/1000 tasks", 12),
    ("dead", 6),
    ("left", 4),
    ("lost", 4),
];

fn row(cells: impl Iterator<Item = String>) -> String {
    let padded = cells.zip(COLUMNS).map(|(cell, (_, width))| format!("{cell:>width$}"));
    padded.collect::<Vec<_>>().join("  ")
}

fn heading() -> String {
    row(COLUMNS.iter().map(|(name, _)| (*name).to_owned()))
}

fn line(run: &Run) -> String {
    let Run { setting, figures } = run;
    let millis = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"));
    let cells = [
        setting.traffic.name().to_owned(),
        setting.starts_per_second.to_string(),
        setting.groups.to_string(),
        setting.way.name().to_owned(),
        format!("{:.1}", figures.registered_percent()),
        millis(figures.start_lag(0.99)),
        millis(figures.lag(0.5)),
        millis(figures.lag(0.99)),
        format!("{:.2}", figures.calls()),
        format!("{:.2}", figures.calls_beside_run_task()),
        figures.all_throttled().to_string(),
        format!("{:.1}", figures.lambda_millis() / 1e3),
        format!("{:.2}", figures.cpu.as_secs_f64() * 1e3 / figures.tasks.max(1) as f64),
        format!("{:.4}", figures.dollars()),
        figures.dead().to_string(),
        figures.left.to_string(),
        figures.lost.to_string(),
    ];
    row(cells.into_iter())
}

/// What failed in a run that the goal is about, by reason, and whether the goal is met.
fn print_failures(run: &Run) {
    let Run { setting, figures } = run;
    if !GOAL.is(setting) && !GOAL_WITH_EVERYTHING.is(setting) {
        return;
    }
    let all = figures.all_events();
    let sum = |failed: &Failed| failed.values().sum::<u64>();
    let percent = 100.0 * sum(figures.first_failures()) as f64 / all.max(1) as f64;
    println!(
        "  at first failed {} of {all}, {percent:.2} %: {}",
        sum(figures.first_failures()),
        by_reason(figures.first_failures())
    );
    println!(
        "  at all their tries failed {}: {}",
        figures.dead(),
        by_reason(figures.given_up())
    );
    println!(
        "  throttled by AWS: {}",
        by_count(
            figures
                .throttled()
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
        )
    );
    let is_met = figures.dead() == 0 && percent <= 1.0;
    println!(
        "goal 9, {}: {}: {} failed at all their tries (none may), {percent:.2} % at first (at most 1 %)",
        setting.traffic.name(),
        if is_met { "met" } else { "missed" },
        figures.dead(),
    );
}

fn by_reason(failed: &Failed) -> String {
    by_count(
        failed
            .iter()
            .map(|((kind, reason), count)| (format!("{kind} {reason}"), *count)),
    )
}

fn by_count(counted: impl Iterator<Item = (String, u64)>) -> String {
    let texts: Vec<String> = counted.map(|(what, count)| format!("{count} {what}")).collect();
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}

fn json_of(run: &Run) -> Value {
    let mut all = run.figures.json();
    all["traffic"] = json!(run.setting.traffic.name());
    all["way"] = json!(run.setting.way.name());
    all["startsPerSecond"] = json!(run.setting.starts_per_second);
    all["targetGroups"] = json!(run.setting.groups);
    all
}
