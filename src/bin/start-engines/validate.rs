//! `validate`: what an event would make the function do, or every problem in it. Calls nobody.

use std::path::Path;

use serde_json::{Value, json};
use start_engines::explain::explain;
use start_engines::outcome::Failure;
use start_engines::trigger;

use crate::session::{Session, read};
use crate::trouble::Trouble;

/// Tells it.
pub(crate) fn validate(session: &Session, file: &Path) -> Result<(), Trouble> {
    let known = session.known()?;
    let event: Value = serde_json::from_str(&read(file)?)
        .map_err(|error| Trouble::Usage(format!("invalid_event: {} is not JSON: {error}", file.display())))?;
    match trigger::read(event, &known.config, known.function.as_ref()) {
        Ok(trigger) => {
            let told = explain(&trigger, &known.config);
            session.screen.result(&told, &json!({"valid": true, "does": told}));
            Ok(())
        }
        Err(problems) => {
            let category = Failure::from(problems.clone()).category;
            if session.screen.is_json() {
                let told = problems
                    .iter()
                    .map(|problem| json!({"field": problem.field, "value": problem.value, "rule": problem.rule}));
                let told: Value = told.collect();
                session
                    .screen
                    .result("", &json!({"valid": false, "category": category, "problems": told}));
            }
            Err(Trouble::of(&problems, category))
        }
    }
}
