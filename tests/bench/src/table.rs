//! What was measured, as a table with ratios to the floor, the goals, and JSON.

use serde_json::{Map, Value, json};

use crate::measure::{Event, Figure, Measured};

const FLOOR: usize = 0;
const OURS: usize = 1;
const RUNTIME_ONLY: usize = 2;
const DEFAULT: usize = 3;
const PYTHON: usize = 4;

const FIGURES: [(Figure, &str); 10] = [
    (Figure::Init, "init, ms"),
    (Figure::Cold, "cold start and first event, ms"),
    (Figure::Cpu, "the same, CPU ms"),
    (Figure::FirstCpu, "first event, CPU ms"),
    (Figure::Throttled, "first event at a 128 MB share, ms"),
    (Figure::Warm, "warm event above the stub's own time, us"),
    (Figure::WarmCpu, "warm event, CPU us"),
    (Figure::Memory, "peak memory, MiB"),
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

pub(crate) fn print(all: &[Measured], throttled: bool) {
    println!("median (p10), and the median's ratio to the floor's");
    for event in [Event::Start, Event::Running] {
        println!(
            "\n| {} | {} |",
            event.name(),
            all.iter().map(|one| one.name).collect::<Vec<_>>().join(" | ")
        );
        println!("| --- |{}", " --- |".repeat(all.len()));
        for (figure, name) in FIGURES {
            let floor = all[FLOOR].median(event, figure);
            let cells = all.iter().map(|one| {
                let (Some(median), Some(floor)) = (one.median(event, figure), floor) else {
                    return "not measured".to_owned();
                };
                if !one.works && figure != Figure::Init {
                    return String::new();
                }
                let p10 = quantile(&one.samples[&(event, figure)], 0.1);
                format!("{} ({}), {}x", digits(median), digits(p10), digits(median / floor))
            });
            println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
    }
    println!(
        "\n| | {} |",
        all.iter().map(|one| one.name).collect::<Vec<_>>().join(" | ")
    );
    println!("| --- |{}", " --- |".repeat(all.len()));
    let zips: Vec<String> = all.iter().map(|one| digits(one.zip as f64 / 1e6)).collect();
    println!("| zip, MB | {} |", zips.join(" | "));
    if !throttled {
        println!("\nThe share of 128 MB was not measured: this machine lets nobody make a cgroup.");
    }
    goals(all);
}

fn goals(all: &[Measured]) {
    let (floor, ours) = (&all[FLOOR], &all[OURS]);
    let ratio = |a: &Measured, b: &Measured, figure| {
        let of = |event| Some(a.median(event, figure)? / b.median(event, figure)?);
        let of = |event| of(event).unwrap_or(f64::NAN);
        (
            of(Event::Start).max(of(Event::Running)),
            of(Event::Start).min(of(Event::Running)),
        )
    };
    let most = [
        ("cold start, to the floor's", ratio(ours, floor, Figure::Cold).0, 1.5),
        (
            "init, to that of the Runtime API only",
            ratio(ours, &all[RUNTIME_ONLY], Figure::Init).0,
            2.5,
        ),
        (
            "CPU of a cold start, to the floor's",
            ratio(ours, floor, Figure::Cpu).0,
            1.7,
        ),
        ("first event, CPU ms", ours.worse(Figure::FirstCpu), 0.7),
        (
            "warm event above the stub's own time, us",
            ours.worse(Figure::Warm),
            160.0,
        ),
        ("peak memory, MiB", ours.worse(Figure::Memory), 5.0),
        ("zip, MB", ours.zip as f64 / 1e6, 1.8),
    ];
    let least = [
        (
            "cold start of all defaults, to ours",
            ratio(&all[DEFAULT], ours, Figure::Cold).1,
            10.0,
        ),
        (
            "cold start of Python, to ours",
            ratio(&all[PYTHON], ours, Figure::Cold).1,
            75.0,
        ),
    ];
    println!("\n| goal, the worse of both events | aim | measured | |\n| --- | --- | --- | --- |");
    let line = |name, word, aim: f64, value: f64, met| {
        let said = if met { "met" } else { "missed" };
        println!("| {name} | {word} {aim} | {} | {said} |", digits(value));
    };
    for (name, value, aim) in most {
        line(name, "at most", aim, value, value <= aim);
    }
    for (name, value, aim) in least {
        line(name, "at least", aim, value, value >= aim);
    }
}

pub(crate) fn json(all: &[Measured]) -> String {
    let program = |one: &Measured| {
        let mut told = Map::new();
        told.insert("name".to_owned(), json!(one.name));
        told.insert("zipBytes".to_owned(), json!(one.zip));
        for ((event, figure), samples) in &one.samples {
            let value = json!({
                "median": quantile(samples, 0.5),
                "p10": quantile(samples, 0.1),
                "samples": samples.len(),
            });
            told.insert(format!("{event:?}{figure:?}"), value);
        }
        Value::Object(told)
    };
    let all: Vec<Value> = all.iter().map(program).collect();
    serde_json::to_string_pretty(&all).expect("JSON")
}
