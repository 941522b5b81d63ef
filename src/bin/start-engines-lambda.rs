//! The function: reads its configuration once, then hands each event to the handler.
//!
//! The shell: the only place that reads clock and environment and writes lines. Lean on purpose;
//! the operator's command is another binary.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Map, Value, json};
use start_engines::aws::AwsClients;
use start_engines::config::{Config, LogLevel};
use start_engines::handler::{Clock, Handled, Handler};
use start_engines::outcome::Failure;
use start_engines::timestamp::Timestamp;
use tracing::Level;
use tracing::level_filters::LevelFilter;

/// The machine's clock.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the shell reads the clock for everyone")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What answers each event: the handler, or the reason why there is none.
///
/// A function that died at start-up would lose the reason; this way each event takes it along to
/// the on-failure queue.
enum Function {
    Sound(Box<Handler<AwsClients, SystemClock>>),
    Misconfigured(Failure),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let name = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "start-engines".to_owned());
    let function = match read_config() {
        Ok(config) => {
            start_logging(config.log_level);
            for warning in config.warnings() {
                tracing::warn!("{warning}");
            }
            Function::Sound(Box::new(Handler::new(
                config,
                AwsClients::from_env().await,
                SystemClock,
            )))
        }
        Err(problems) => {
            start_logging(LogLevel::Info);
            tracing::error!("invalid configuration: {problems}");
            Function::Misconfigured(Failure::permanent("invalid_configuration", problems))
        }
    };
    let service = service_fn(async |event: LambdaEvent<Value>| match &function {
        Function::Misconfigured(failure) => Err(Refusal(failure.clone())),
        Function::Sound(handler) => {
            let deadline = Timestamp::from_millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
            tell(handler.handle(event.payload, deadline).await, &name)
        }
    });
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the Lambda runtime ended: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A failure, as Lambda is told of it.
#[derive(Debug)]
struct Refusal(Failure);

impl From<Refusal> for Diagnostic {
    fn from(Refusal(failure): Refusal) -> Self {
        Self {
            error_type: failure.category.to_owned(),
            error_message: failure.message,
        }
    }
}

fn read_config() -> Result<Config, String> {
    let get = |name: &str| std::env::var(name).ok();
    let catalog = match get("SERVICES_FILE").filter(|path| !path.is_empty()) {
        Some(path) => {
            Some(std::fs::read_to_string(&path).map_err(|error| format!("SERVICES_FILE = {path:?}: {error}"))?)
        }
        // Packed beside the binary, if there is a catalog at all.
        None => packed_catalog(),
    };
    Config::read(get, catalog.as_deref()).map_err(|problems| problems.to_string())
}

fn packed_catalog() -> Option<String> {
    let directory = std::env::var("LAMBDA_TASK_ROOT").ok()?;
    std::fs::read_to_string(std::path::Path::new(&directory).join("services.json")).ok()
}

fn start_logging(level: LogLevel) {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Without timestamps of its own: Lambda stamps each line.
    let logging = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(filter);
    logging
        .with_ansi(false)
        .with_current_span(false)
        .with_span_list(false)
        .without_time()
        .with_target(false)
        .init();
}

/// Writes one line for people and one for CloudWatch's metrics, and answers Lambda.
#[expect(
    clippy::print_stdout,
    reason = "lists don't fit tracing's fields; both lines are JSON on standard output"
)]
fn tell(handled: Handled, function: &str) -> Result<Map<String, Value>, Refusal> {
    let summary = handled.summary();
    let (level, enabled) = match &handled.result {
        Ok(_) => ("INFO", tracing::enabled!(Level::INFO)),
        Err(_) => ("ERROR", tracing::enabled!(Level::ERROR)),
    };
    if enabled {
        let mut line = Map::from_iter([
            ("level".to_owned(), json!(level)),
            ("message".to_owned(), json!("event handled")),
        ]);
        line.extend(summary.clone());
        println!("{}", Value::Object(line));
    }
    println!("{}", handled.metrics(function));
    handled.result.map(|_| summary).map_err(Refusal)
}
