//! `make cost`: dollars for a million lives of tasks, with the times that `make bench` measured.
//!
//! The simulation reports the invocations, and how long each waits for AWS. What a program adds is its CPU time at the
//! share of a core that 128 MB have, and of a new instance its init, at a whole core.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::lambda::Program;
use crate::parameters as p;
use crate::simulate::{Setting, Traffic, Way, simulate};

const STARTS_PER_SECOND: u64 = 1;
const GROUPS: u64 = 2;

/// As named by `make bench`.
const FUNCTION: &str = "start-engines";
const PYTHON: &str = "Python, boto3";

fn program(measured: &Value, program: &str) -> Option<Program> {
    let programs = measured.as_array()?;
    let program = programs.iter().find(|one| one["name"] == program)?;
    // Of both events, in the unit that it was measured in.
    let mean = |figure: &str| {
        let of = |event: &str| program[format!("{event}{figure}")]["median"].as_f64();
        Some((of("Start")? + of("Running")?) / 2.0)
    };
    let millis = |millis: f64| Duration::from_secs_f64(millis / 1e3);
    let warm = mean("WarmCpu")? / 1e3;
    let program = Program {
        memory: p::MEMORY_OF_COST,
        cpu: Some(millis(warm)),
        ..Program::RUST
    };
    Some(Program {
        // The first event has what each has, too.
        cold_start: millis(mean("Init")? + (mean("FirstCpu")? - warm).max(0.0) / program.share()),
        ..program
    })
}

pub(crate) fn print(file: &Path) -> ExitCode {
    let measured = std::fs::read_to_string(file)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    let found = measured
        .as_ref()
        .and_then(|all: &Value| Some((program(all, FUNCTION)?, program(all, PYTHON)?)));
    let Some((function, python)) = found else {
        eprintln!("{}: this is not what `make bench` writes", file.display());
        return ExitCode::FAILURE;
    };
    println!(
        "| | cold start and first event, ms | warm event, ms | Lambda ms for each task | x86_64 | arm64 | x86_64, all cold |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    let mut lines = None;
    let ways = [
        ("start-engines, direct", Way::Direct, function),
        ("start-engines, buffered", Way::TwoQueues, function),
        ("event-driven, Python", Way::Direct, python),
        ("polling, Python", Way::Polling, python),
    ];
    for (name, way, program) in ways {
        let setting = Setting {
            traffic: Traffic::Starts,
            way,
            starts_per_second: STARTS_PER_SECOND,
            groups: GROUPS,
        };
        let program = Program {
            timeout: if way == Way::Polling {
                p::LONGEST_TIMEOUT
            } else {
                p::TIMEOUT
            },
            ..program
        };
        let figures = simulate(setting, program);
        let warm = program.cpu.unwrap_or_default().div_f64(program.share());
        // Of 1,000 tasks that it lists.
        let dollars = [
            figures.dollars_at(p::DOLLARS_PER_GB_SECOND),
            figures.dollars_at(p::DOLLARS_PER_GB_SECOND_ARM64),
            figures.dollars_if_cold(program.cold_start, p::DOLLARS_PER_GB_SECOND),
        ];
        let [x86_64, arm64, cold] = dollars.map(|thousand| thousand * 1e3);
        println!(
            "| {name} | {:.1} | {:.1} | {:.0} | $ {x86_64:.2} | $ {arm64:.2} | $ {cold:.2} |",
            (program.cold_start + warm).as_secs_f64() * 1e3,
            warm.as_secs_f64() * 1e3,
            figures.lambda_millis() / 1e3,
        );
        if way == Way::Direct && lines.is_none() {
            lines = Some(figures.log_bytes());
        }
    }
    if let Some(bytes) = lines {
        println!(
            "\nCloudWatch Logs beside it: start-engines writes {bytes:.0} bytes for each task, $ {:.2}.",
            bytes * 1e6 * p::DOLLARS_PER_LOG_BYTE
        );
    }
    ExitCode::SUCCESS
}
