//! `trace`: tells the story of one engine.

mod candidates;
mod gather;
mod newest;
mod sources;

use clap::Parser;
use start_engines_core::input::problem::shorten;

use self::gather::Gathering;
use crate::args::{Arguments, Command, Trace};
use crate::command_error::CommandError;
use crate::event::Known;
use crate::session::Session;
use crate::terminal::screen::{note, note_wrapped, out, out_by, out_json};
use crate::trace::diagnosis::State;
use crate::trace::story::Story;
use crate::trace::subject::Id;
use crate::view::trace as view;

/// Prints the story; exit status 3 if the engine is not as it should be.
pub(crate) async fn trace(session: &Session, options: Trace) -> Result<(), CommandError> {
    let id = Id::read(&options.id)
        .map_err(|rule| CommandError::Usage(format!("ID = \"{}\": {rule}", shorten(&options.id))))?;
    let known = session.known()?;
    let evidence = Gathering::new(session, &known, &options).await?.of(&id).await?;
    let story = Story::of(&evidence);
    if session.screen.is_json() {
        out_json(&view::json::json(&evidence, &story));
    } else if session.screen.is_mermaid() {
        out(&view::mermaid::chart(&evidence, &story));
    } else {
        out_by(|out| view::write_table(&evidence, &story, out));
    }
    match story.diagnosis.state {
        State::Well | State::Waiting => Ok(()),
        State::Bad => Err(CommandError::NotWell(String::new())),
    }
}

/// Prints to standard error what `trace` says of the first of these events that it knows; if it knows none, why.
pub(crate) async fn say(session: &Session, known: &Known, events: &[&str]) {
    let mut why = None;
    for event in events {
        match story_of(session, known, event).await {
            Ok(text) => {
                text.lines().for_each(note);
                return;
            }
            Err(error) => why = why.or(Some(error)),
        }
    }
    if let Some(error) = why {
        note_wrapped(&format!("trace: {error}"));
    }
}

async fn story_of(session: &Session, known: &Known, event: &str) -> Result<String, CommandError> {
    let wrong = |error: String| CommandError::Usage(error);
    let id = Id::read(event).map_err(|rule| wrong(rule.to_string()))?;
    // The log group and the queues from the environment.
    let arguments = Arguments::try_parse_from(["start-engines", "trace", "--as", "event", "--", event]);
    let Command::Trace(options) = arguments.map_err(|error| wrong(error.to_string()))?.command else {
        return Err(wrong("the command line is not that of trace".to_owned()));
    };
    let evidence = Gathering::new(session, known, &options).await?.of(&id).await?;
    let mut text = Vec::new();
    view::write_table(&evidence, &Story::of(&evidence), &mut text).map_err(|error| wrong(error.to_string()))?;
    Ok(anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string())
}
