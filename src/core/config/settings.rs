//! The settings file: the allow-lists as JSON, of any length. Lambda's environment has room for 4 KB.
//!
//! `{"ALLOWED_CLUSTERS": [...], "ALLOWED_TARGET_GROUPS": [...], "ALLOWED_TASK_FAMILIES": [...], "ALLOWED_SOURCES": [...]}`:
//! all four and nothing else, since a list that is not set allows everything, and one that is lost must not look like one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// The lists of a settings file, by the names of the variables that they go before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings(BTreeMap<&'static str, Vec<String>>);

/// The allow-lists, by the names of their variables.
const LISTS: [&str; 4] = [
    "ALLOWED_CLUSTERS",
    "ALLOWED_TARGET_GROUPS",
    "ALLOWED_TASK_FAMILIES",
    "ALLOWED_SOURCES",
];
/// Far more than AWS has in one account and region of anything that the lists name.
const MAX_ITEMS: usize = 10_000;

impl Settings {
    /// Reads a settings file, and records every problem. The items are checked where the lists are read.
    pub(super) fn read(text: &str, problems: &mut Problems) -> Self {
        let mut lists = BTreeMap::new();
        match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                if let Some(mut fields) = Fields::of(&value, "settings", problems) {
                    for name in LISTS {
                        lists.insert(name, list(&mut fields, name, problems).unwrap_or_default());
                    }
                    fields.deny_unknown(problems);
                }
            }
            Err(error) => problems.missing("settings", format!("must be JSON: {error}")),
        }
        Self(lists)
    }

    /// The items of a list.
    pub(super) fn list(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn list(fields: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<Vec<String>> {
    if fields.raw(name).is_none() {
        problems.missing(fields.at(name), "a list that is not set would allow everything");
    }
    let items = fields.list(name, MAX_ITEMS, problems, |item, place, problems| match item {
        Value::String(text) => Some(text.clone()),
        _ => {
            problems.wrong_kind(place, item, "must be a text");
            None
        }
    })?;
    if items.is_empty() {
        problems.invalid(
            fields.at(name),
            &Value::Array(Vec::new()),
            "must have at least one item",
        );
    }
    Some(items)
}
