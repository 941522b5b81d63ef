//! What was measured, as a table with ratios to the floor, the goals, and JSON.

use serde_json::{Map, Value, json};

use crate::measure::{Event, Figure, Measured};
use crate::programs::GO;

const FLOOR: usize = 0;
const FUNCTION: usize = 1;
const RUNTIME_ONLY: usize = 3;
const TRIMMED: usize = 4;
const DEFAULT: usize = 5;
const PYTHON: usize = 6;

const FIGURES: [(Figure, &str); 10] = [
    (Figure::Init, "init, ms"),
    (Figure::Cold, "cold start and first event, ms"),
    (Figure::Cpu, "the same, CPU ms"),
    (Figure::FirstCpu, "first event, CPU ms"),
    (Figure::Throttled, "first event at a 128 MB share, ms"),
    (Figure::Warm, "warm event above the stub's own time, us"),
    (Figure::WarmCpu, "warm event, CPU us"),
    (Figure::Cache, "peak memory, MiB"),
    (Figure::Read, "read by a cold start, KiB"),
    (Figure::Calls, "AWS calls of the first event"),
];

/// The value that `part` of all are not above.
fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    sorted[(last as f64 * part).round() as usize]
}

impl Measured {
    fn median(&self, event: Event, figure: Figure) -> Option<f64> {
        self.samples.get(&(event, figure)).map(|samples| quantile(samples, 0.5))
    }

    /// Of the event of the two that is the worse.
    fn worse(&self, figure: Figure) -> f64 {
        let of = |event| self.median(event, figure).unwrap_or(f64::NAN);
        of(Event::Start).max(of(Event::Running))
    }
}

fn digits(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

pub(crate) fn print(all: &[Measured]) {
    println!("Medians, start event / RUNNING event, and how many times the floor's in the worse of both:\n");
    figures(all, 0.5, true);
    if all[FLOOR].median(Event::Start, Figure::Throttled).is_none() {
        println!("\nThe share of 128 MB was not measured: this machine lets nobody make a cgroup.");
    }
    if all.iter().all(|one| one.name != GO) {
        println!("\nThere is no column of {GO:?}: no `go` is in PATH.");
    }
    println!("\nThe fastest tenth (p10):\n");
    figures(all, 0.1, false);
    println!("\nGoals, in the worse of both events:\n");
    goals(all);
}

fn figures(all: &[Measured], part: f64, with_ratios: bool) {
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    println!("| | {} |", names.join(" | "));
    println!("| --- |{}", " --- |".repeat(all.len()));
    for (figure, name) in FIGURES {
        let of = |one: &Measured| {
            let of = |event| Some(quantile(one.samples.get(&(event, figure))?, part));
            Some((of(Event::Start)?, of(Event::Running)?))
        };
        let cells = all.iter().map(|one| {
            if !one.works && figure != Figure::Init {
                return String::new();
            }
            let (Some((start, running)), Some(floor)) = (of(one), of(&all[FLOOR])) else {
                return "not measured".to_owned();
            };
            let pair = format!("{} / {}", digits(start), digits(running));
            if !with_ratios || figure == Figure::Calls {
                return pair;
            }
            format!("{pair} ({}x)", digits((start / floor.0).max(running / floor.1)))
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    let zips: Vec<String> = all.iter().map(|one| digits(one.zip as f64 / 1e6)).collect();
    println!("| zip, MB | {} |", zips.join(" | "));
}

fn goals(all: &[Measured]) {
    println!(
        "| goal | aim | {} | | {} | {} |",
        all[FUNCTION].name, all[TRIMMED].name, all[FLOOR].name
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let [trimmed, floor] = [TRIMMED, FLOOR].map(|one| goals_of(all, &all[one]));
    for ((name, aim, figure), (trimmed, floor)) in goals_of(all, &all[FUNCTION]).zip(trimmed.zip(floor)) {
        let (word, bound, by) = match aim {
            Aim::AtMost(most) => ("at most", most, figure / most - 1.0),
            Aim::AtLeast(least) => ("at least", least, 1.0 - figure / least),
        };
        let said = if by <= 0.0 {
            "met".to_owned()
        } else {
            format!("missed by {:.0} %", by * 100.0)
        };
        println!(
            "| {name} | {word} {bound} | {} | {said} | {} | {} |",
            digits(figure),
            digits(trimmed.2),
            digits(floor.2)
        );
    }
}

enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

/// What was aimed at, and what `one` has of it.
fn goals_of(all: &[Measured], one: &Measured) -> impl Iterator<Item = (&'static str, Aim, f64)> {
    let of = |a: &Measured, b: &Measured, figure, event| Some(a.median(event, figure)? / b.median(event, figure)?);
    let most = |b, figure| {
        let of = |event| of(one, &all[b], figure, event).unwrap_or(f64::NAN);
        of(Event::Start).max(of(Event::Running))
    };
    let least = |a: usize, figure| {
        let of = |event| of(&all[a], one, figure, event).unwrap_or(f64::NAN);
        of(Event::Start).min(of(Event::Running))
    };
    use Aim::{AtLeast, AtMost};
    [
        ("cold start, to the floor's", AtMost(1.35), most(FLOOR, Figure::Cold)),
        (
            "cold start of all defaults, to it",
            AtLeast(10.0),
            least(DEFAULT, Figure::Cold),
        ),
        (
            "cold start of Python, to it",
            AtLeast(75.0),
            least(PYTHON, Figure::Cold),
        ),
        (
            "init, to that of the Runtime API only",
            AtMost(3.0),
            most(RUNTIME_ONLY, Figure::Init),
        ),
        (
            "CPU of a cold start, to the floor's",
            AtMost(1.7),
            most(FLOOR, Figure::Cpu),
        ),
        (
            "CPU of a warm event, to the floor's",
            AtMost(2.2),
            most(FLOOR, Figure::WarmCpu),
        ),
        ("first event, CPU ms", AtMost(0.7), one.worse(Figure::FirstCpu)),
        (
            "warm event above the stub's own time, us",
            AtMost(160.0),
            one.worse(Figure::Warm),
        ),
        ("peak memory, MiB", AtMost(5.0), one.worse(Figure::Cache)),
        ("zip, MB", AtMost(1.8), one.zip as f64 / 1e6),
    ]
    .into_iter()
}

pub(crate) fn json(all: &[Measured]) -> String {
    let program = |one: &Measured| {
        let mut row = Map::new();
        row.insert("name".to_owned(), json!(one.name));
        row.insert("zipBytes".to_owned(), json!(one.zip));
        for ((event, figure), samples) in &one.samples {
            let value = json!({
                "median": quantile(samples, 0.5),
                "p10": quantile(samples, 0.1),
                "samples": samples.len(),
            });
            row.insert(format!("{event:?}{figure:?}"), value);
        }
        Value::Object(row)
    };
    let all: Vec<Value> = all.iter().map(program).collect();
    serde_json::to_string_pretty(&all).expect("JSON")
}
