//! `trace`: tells the story of one engine.

mod gather;
mod sources;

use start_engines_core::input::problem::shorten;

use self::gather::Gathering;
use crate::args::Trace;
use crate::command_error::CommandError;
use crate::session::Session;
use crate::terminal::screen::{out, out_by, out_json};
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
