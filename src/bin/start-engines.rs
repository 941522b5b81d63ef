//! The operator's command.
//!
//! Exit status: 0 all is well, 1 the event has problems, 2 the command line or a file is wrong.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::Value;
use start_engines::config::Config;
use start_engines::explain::explain;
use start_engines::{outcome::Failure, trigger};

/// Attaches standalone ECS tasks to load balancers.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell what an event would make the function do, or every problem in it; offline.
    ///
    /// Defaults and allow-lists come from the same environment variables that the function reads.
    Validate {
        /// The EventBridge event, as JSON; - for standard input.
        file: PathBuf,
        /// The service catalog.
        #[arg(long, env = "SERVICES_FILE", value_name = "FILE")]
        services: Option<PathBuf>,
    },
}

/// What is wrong, and the exit status for it.
enum Trouble {
    /// With the event: 1.
    Event(String),
    /// With the command line, a file or the environment: 2.
    Usage(String),
}

fn main() -> ExitCode {
    let Arguments {
        command: Command::Validate { file, services },
    } = Arguments::parse();
    let (text, status) = match validate(&file, services) {
        Ok(text) => return finish(&mut std::io::stdout(), &text, 0),
        Err(Trouble::Event(text)) => (text, 1),
        Err(Trouble::Usage(text)) => (text, 2),
    };
    finish(&mut std::io::stderr(), &format!("{text}\n"), status)
}

/// A reader who hangs up early is no error of ours.
fn finish(to: &mut dyn Write, text: &str, status: u8) -> ExitCode {
    let _ = to.write_all(text.as_bytes());
    ExitCode::from(status)
}

fn validate(file: &PathBuf, services: Option<PathBuf>) -> Result<String, Trouble> {
    let unread = |path: &PathBuf, error: std::io::Error| Trouble::Usage(format!("{}: {error}", path.display()));
    let catalog = match &services {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| unread(path, error))?),
        None => None,
    };
    let config = Config::read(|name| std::env::var(name).ok(), catalog.as_deref())
        .map_err(|problems| Trouble::Usage(format!("the configuration has {problems}")))?;
    let mut text = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut text).map(|_| ())
    } else {
        std::fs::read(file).map(|bytes| text = bytes)
    };
    read.map_err(|error| unread(file, error))?;
    let event: Value = serde_json::from_slice(&text)
        .map_err(|error| Trouble::Event(format!("invalid_event: {} is not JSON: {error}", file.display())))?;
    match trigger::read(event, &config, None) {
        Ok(trigger) => Ok(explain(&trigger, &config)),
        Err(problems) => {
            let category = Failure::from(problems.clone()).category;
            let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
            Err(Trouble::Event(format!("{category}:\n{}", lines.join("\n"))))
        }
    }
}
