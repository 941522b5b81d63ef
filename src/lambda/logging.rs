//! Writes the function's log lines, and its metrics in CloudWatch's embedded metric format.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};
use start_engines_core::config::LogLevel;
use start_engines_core::report::handled::Handled;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::sqs::Message;

/// Starts logging: the function's own lines, and warnings of dependencies; detailed lines of the SDK and the runtime
/// contain payloads.
pub(crate) fn start_logging(level: LogLevel) {
    let own = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let filter = Targets::new()
        .with_default(own.min(LevelFilter::WARN))
        .with_target("start_engines", own)
        // It would log each failure again, after `log`.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    // Without timestamps: Lambda adds them.
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    let lines = lines
        .with_ansi(false)
        .with_current_span(false)
        .with_span_list(false)
        .without_time()
        .with_target(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

/// The log line of one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    level: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receive_count: Option<u32>,
    #[serde(flatten)]
    summary: &'a Map<String, Value>,
}

/// Appends an event's log line and its line of metrics.
pub(crate) fn log(
    handled: &Handled,
    summary: &Map<String, Value>,
    message: Option<&Message>,
    function: &str,
    lines: &mut Vec<u8>,
) {
    let (level, enabled) = match &handled.result {
        Ok(_) => ("INFO", tracing::enabled!(Level::INFO)),
        Err(_) => ("ERROR", tracing::enabled!(Level::ERROR)),
    };
    let line = Line {
        level,
        message: "event handled",
        message_id: message.map(|message| message.id.as_str()),
        receive_count: message.and_then(|message| message.receive_count),
        summary,
    };
    if enabled {
        append(&line, lines);
    }
    append(&handled.metrics(function), lines);
}

/// Appends a line of JSON. Writing to memory does not fail, and all that is written has texts as keys.
fn append(line: &impl Serialize, lines: &mut Vec<u8>) {
    if serde_json::to_writer(&mut *lines, line).is_ok() {
        lines.push(b'\n');
    }
}

/// Writes all lines at once, since a batch has thousands. A closed output is not an error.
pub(crate) fn write(lines: &[u8]) {
    let _ = std::io::stdout().lock().write_all(lines);
}
