//! `local`: runs the function's handler in this process, against an emulator. Nothing is deployed.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use start_engines_core::ports::Clock;
use start_engines_handler::{Handler, Invocation};

use crate::args::Local;
use crate::command_error::CommandError;
use crate::session::{Session, SystemClock, read};
use crate::terminal::table::{Tone, printable, wrap};

const TEXT_WIDTH: usize = 96;
/// The fields of a summary that are printed for each event, in this order.
const FIELDS: [&str; 8] = [
    "reason",
    "error",
    "failedStartReason",
    "tasks",
    "draining",
    "targets",
    "targetsUnknown",
    "calls",
];

/// Handles the events one after the other.
pub(crate) async fn local(session: &Session, options: Local) -> Result<(), CommandError> {
    let has_endpoint = std::env::vars().any(|(name, value)| name.starts_with("AWS_ENDPOINT_URL") && !value.is_empty());
    if session.global.endpoint_url.is_none() && !has_endpoint {
        let message = "local is for emulators: give --endpoint-url, or set AWS_ENDPOINT_URL";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let known = session.known()?;
    let events = events(&options.events)?;
    let handler = Handler::new(known.config, session.clients().await?.function(), SystemClock);
    let (mut summaries, mut text, mut failed) = (Vec::new(), String::new(), 0);
    for (name, event) in events {
        let invocation = Invocation {
            deadline: SystemClock.now().after(options.timeout),
            function: known.function.clone(),
        };
        let handled = handler.handle(event, &invocation).await;
        let has_failed = handled.result.is_err();
        failed += usize::from(has_failed);
        let mut summary = handled.summary();
        text.push_str(&lines(&name, has_failed, &summary));
        summary.insert("file".to_owned(), json!(name));
        summaries.push(Value::Object(summary));
    }
    session.screen.result(&text, &json!({"events": summaries}));
    match failed {
        0 => Ok(()),
        failed => Err(CommandError::NotWell(format!(
            "{failed} of {} events failed",
            summaries.len()
        ))),
    }
}

fn lines(name: &str, has_failed: bool, summary: &Map<String, Value>) -> String {
    let outcome = summary.get("outcome").and_then(Value::as_str).unwrap_or_default();
    let tone = if has_failed { Tone::Bad } else { Tone::Good };
    let millis = summary
        .get("durationMillis")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let outcome = tone.paint(outcome);
    let mut text = format!("{}: {outcome} in {millis} ms\n", printable(name));
    for field in FIELDS {
        let value = match summary.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            _ => continue,
        };
        for line in wrap(&format!("{field}: {value}"), TEXT_WIDTH) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

/// All events, each with the name of its file.
fn events(paths: &[PathBuf]) -> Result<Vec<(String, Value)>, CommandError> {
    let mut events = Vec::new();
    for path in paths {
        for file in files(path)? {
            let name = file.display().to_string();
            let text = read(&file)?;
            let before = events.len();
            for event in serde_json::Deserializer::from_str(&text).into_iter() {
                let event = event
                    .map_err(|error| CommandError::Usage(format!("invalid_event: {name} is not JSON: {error}")))?;
                // Like the function, handles the events of an array one by one.
                match event {
                    Value::Array(all) if !all.is_empty() => {
                        events.extend(all.into_iter().map(|event| (name.clone(), event)))
                    }
                    event => events.push((name.clone(), event)),
                }
            }
            if events.len() == before {
                return Err(CommandError::Usage(format!("invalid_event: {name} holds no event")));
            }
        }
    }
    Ok(events)
}

/// The file itself, or the `.json` files of a folder by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, CommandError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error: std::io::Error| CommandError::Usage(format!("{}: {error}", path.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(CommandError::Usage(format!("{} holds no .json file", path.display())));
    }
    Ok(files)
}
