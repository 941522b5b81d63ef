//! The service catalog: a JSON file of named starts, packed beside the binary.
//!
//! `{"auth": {"cluster": ..., "taskDefinition": ..., "targets": [...], ...}}`: an entry has the fields of a start,
//! without `service`, `idempotencyKey`, `correlationId` and `requestedAt`, and with `overridable`: the fields that an
//! event may still give if `CATALOG_ONLY` is set.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::problem::{Problems, shorten};
use crate::spec::{self, StartDetail, tag};

/// The service catalog: start details by service name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog(BTreeMap<String, StartDetail>);

impl Catalog {
    /// Reads a catalog file, and records every problem in every entry.
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

    /// The entry of the service `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StartDetail> {
        self.0.get(name)
    }

    /// The rule that an unknown service name breaks, with all valid names.
    #[must_use]
    pub fn rule(&self) -> String {
        let names: Vec<&str> = self.names().collect();
        if names.is_empty() {
            "the service catalog is empty".to_owned()
        } else {
            format!("must be a service of the catalog: {}", names.join(", "))
        }
    }

    /// The names of all services, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The entries of all services, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = &StartDetail> {
        self.0.values()
    }
}
