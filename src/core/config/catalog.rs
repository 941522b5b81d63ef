//! The service catalog: a JSON file of named starts, packed beside the binary.
//!
//! `{"auth": {"cluster": ..., "taskDefinition": ..., "targets": [...], ...}}`: the fields are those
//! of a start event without `service`, `idempotencyKey` and `correlationId`, and `overridable`: those of them that an
//! event may give all the same where `CATALOG_ONLY` is set.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::problem::{Problems, shorten};
use crate::spec::{self, StartDetail, tag};

/// Named starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog(BTreeMap<String, StartDetail>);

impl Catalog {
    /// Reads the text of a catalog file, noting every problem in every entry.
    pub fn read(text: &str, problems: &mut Problems) -> Self {
        let entries = match serde_json::from_str(text) {
            Ok(Value::Object(entries)) => entries,
            Ok(other) => {
                problems.wrong_kind("services", &other, "must be a JSON object of services");
                return Self::default();
            }
            Err(error) => {
                problems.missing("services", format!("must be JSON: {error}"));
                return Self::default();
            }
        };
        let mut catalog = BTreeMap::new();
        for (name, entry) in entries {
            let path = format!("services.{}", shorten(&name));
            if !(1..=128).contains(&name.chars().count()) || !crate::domain::tags::allowed(&name) {
                problems.invalid_text(
                    &path,
                    &name,
                    "a service's name has 1 to 128 letters, digits, spaces and _.:/=+-@",
                );
            }
            if crate::domain::tags::reserved(&name) {
                problems.invalid_text(&path, &name, tag::RESERVED);
            }
            catalog.insert(name, spec::of_catalog(&entry, &path, problems));
        }
        Self(catalog)
    }

    /// One entry.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StartDetail> {
        self.0.get(name)
    }

    /// What the name of a service must be, for an error.
    #[must_use]
    pub fn rule(&self) -> String {
        let names: Vec<&str> = self.names().collect();
        if names.is_empty() {
            "the service catalog is empty".to_owned()
        } else {
            format!("must be a service of the catalog: {}", names.join(", "))
        }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = &StartDetail> {
        self.0.values()
    }
}
