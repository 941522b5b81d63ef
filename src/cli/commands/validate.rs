//! `validate`: prints what the function would do for each event of a file, or every problem in it. Makes no calls.

use std::path::Path;

use serde_json::{Value, json};
use start_engines_core::input::problem::Problems;
use start_engines_core::outcome::Failure;
use start_engines_core::request;

use crate::command_error::CommandError;
use crate::event::Known;
use crate::event_file::{self, Given, NO_ID};
use crate::session::{Session, now, read};
use crate::terminal::screen::note;
use crate::view::explain::explain;

/// What the function would do, or every problem.
type Explained = Result<String, Problems>;

/// Prints what the function would do with the events of a file, without a call to AWS.
pub(crate) fn validate(session: &Session, file: &Path) -> Result<(), CommandError> {
    let known = session.known()?;
    let given: Value = serde_json::from_str(&read(file)?)
        .map_err(|error| CommandError::Usage(format!("invalid_event: {} is not JSON: {error}", file.display())))?;
    let given = match event_file::events(given, now()) {
        Ok(given) => given,
        Err(problems) => return alone(session, &Err(problems)),
    };
    if given.iter().any(|event| event.is_entry && event.what.is_ok()) {
        note(&format!(
            "note: EventBridge gives an event its id; {NO_ID} stands for it here"
        ));
    }
    let all: Vec<(String, Explained)> = given.into_iter().map(|event| explain_event(event, &known)).collect();
    match all.as_slice() {
        [(place, explained)] if place.is_empty() => alone(session, explained),
        all => several(session, all),
    }
}

fn explain_event(given: Given<Value>, known: &Known) -> (String, Explained) {
    let read = given
        .what
        .and_then(|event| request::read(event, &known.config, known.function.as_ref()));
    (given.place, read.map(|trigger| explain(&trigger, &known.config)))
}

fn alone(session: &Session, explained: &Explained) -> Result<(), CommandError> {
    match explained {
        Ok(does) => {
            session.screen.result(does, &as_json(explained));
            Ok(())
        }
        Err(problems) => {
            if session.screen.is_json() {
                session.screen.result("", &as_json(explained));
            }
            Err(CommandError::of(problems, category(problems)))
        }
    }
}

/// Prints each event by its place in the file, also if others are wrong.
fn several(session: &Session, all: &[(String, Explained)]) -> Result<(), CommandError> {
    let (mut text, mut events, mut problems, mut wrong) = (String::new(), Vec::new(), Problems::new(), 0);
    for (place, explained) in all {
        let mut event = as_json(explained);
        event["place"] = json!(place);
        events.push(event);
        match explained {
            Ok(does) => text.push_str(&format!("{place}\n{does}")),
            Err(found) => {
                wrong += 1;
                problems.extend(found.clone().within(place));
            }
        }
    }
    session
        .screen
        .result(&text, &json!({"valid": wrong == 0, "events": events}));
    if wrong == 0 {
        return Ok(());
    }
    let heading = format!("{}: {wrong} of {} events", category(&problems), all.len());
    Err(CommandError::of(&problems, &heading))
}

fn as_json(explained: &Explained) -> Value {
    match explained {
        Ok(does) => json!({"valid": true, "does": does}),
        Err(problems) => {
            let problems_json = problems
                .iter()
                .map(|problem| json!({"field": problem.field, "value": problem.value, "rule": problem.rule}));
            json!({"valid": false, "category": category(problems), "problems": problems_json.collect::<Value>()})
        }
    }
}

fn category(problems: &Problems) -> &'static str {
    Failure::from(problems.clone()).category.name()
}
