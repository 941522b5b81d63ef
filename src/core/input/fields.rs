//! Reads JSON objects field by field and records every problem, where a derived deserializer would
//! stop at the first.
//!
//! Must not know any particular object: each reader passes its own field names and rules.

use serde_json::{Map, Value};

use super::names;
use super::problem::{Problems, shorten};

/// One JSON object that is being read: its path in the event, and the fields that were asked for.
pub struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Starts reading `value`; records a problem at `path` and returns `None` if it is not an object.
    pub fn of(value: &'a Value, path: &str, problems: &mut Problems) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self {
                path: path.to_owned(),
                map,
                known: Vec::new(),
            }),
            _ => {
                problems.wrong_kind(path, value, "must be a JSON object");
                None
            }
        }
    }

    /// The path of one of this object's fields, as problems name it: `detail.targets[1].port`.
    pub fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The field's value; a field that is `null` counts as absent.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A field that `read` reads; `read` returns the rule as its error when the value breaks it.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.raw(name)?;
        read(value)
            .map_err(|rule| problems.invalid(self.at(name), value, rule))
            .ok()
    }

    /// A string that `T` can be parsed from.
    pub fn parsed<T>(&mut self, name: &'static str, problems: &mut Problems) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.read(name, problems, parsed)
    }

    /// A string of 1 to `max` characters.
    pub fn text(&mut self, name: &'static str, max: usize, problems: &mut Problems) -> Option<String> {
        self.read(name, problems, |value| text(value, max))
    }

    /// A boolean.
    pub fn flag(&mut self, name: &'static str, problems: &mut Problems) -> Option<bool> {
        self.read(name, problems, |value| {
            value.as_bool().ok_or_else(|| "must be true or false".to_owned())
        })
    }

    /// An integer within `range`, which must lie within `i32`.
    pub fn number(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<i64>,
        problems: &mut Problems,
    ) -> Option<i32> {
        self.read(name, problems, |value| {
            value
                .as_i64()
                .filter(|number| range.contains(number))
                .and_then(|number| i32::try_from(number).ok())
                .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// One of a fixed set of strings, as AWS's enumerations are.
    pub fn one_of(
        &mut self,
        name: &'static str,
        words: &'static [&'static str],
        problems: &mut Problems,
    ) -> Option<&'static str> {
        self.read(name, problems, |value| {
            let word = value.as_str().and_then(|text| words.iter().find(|word| **word == text));
            word.copied()
                .ok_or_else(|| format!("must be one of {}", words.join(", ")))
        })
    }

    /// An array of at most `max` items, each read by `read` with its own path. `None` if it is absent or
    /// any item is invalid.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        max: usize,
        problems: &mut Problems,
        mut read: impl FnMut(&'a Value, &str, &mut Problems) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.read(name, problems, |value| match value {
            Value::Array(items) if items.len() <= max => Ok(items),
            Value::Array(items) => Err(format!("must have at most {max} items, not {}", items.len())),
            _ => Err("must be an array".to_owned()),
        })?;
        let path = self.at(name);
        // Read every item first, so that every problem is recorded, even though one invalid item voids the list.
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(n, item)| read(item, &format!("{path}[{n}]"), problems))
            .collect();
        read.into_iter().collect()
    }

    /// An array of at most `max` strings, each of which `T` can be parsed from.
    pub fn parsed_list<T>(&mut self, name: &'static str, max: usize, problems: &mut Problems) -> Option<Vec<T>>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.list(name, max, problems, |value, path, problems| {
            parsed(value).map_err(|rule| problems.invalid(path, value, rule)).ok()
        })
    }

    /// The names of all fields that were asked for, sorted.
    #[cfg(test)]
    pub(crate) fn known(&self) -> Vec<&'static str> {
        let mut known = self.known.clone();
        known.sort_unstable();
        known
    }

    /// Whether the object has the field under a wrong name, which [`Self::deny_unknown`] reports.
    pub fn is_misnamed(&self, name: &'static str) -> bool {
        self.map.keys().any(|given| names::means(given, name))
    }

    /// Ends the reading: every field that no reader asked for is a problem. If its name is a wrong name for a known
    /// field, that known field is not reported as missing as well.
    pub fn deny_unknown(self, problems: &mut Problems) {
        for (name, value) in self.map {
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let place = self.at(&shorten(name));
            match names::meaning(name, &self.known) {
                None => problems.wrong_kind(place, value, "is not a field of this object"),
                Some(meaning) => {
                    let rule = format!("is not a field of this object: {}", meaning.suggestion);
                    problems.wrong_kind(place, value, rule);
                    for field in meaning.fields {
                        problems.misnamed(self.at(field));
                    }
                }
            }
        }
    }
}

/// A string of 1 to `max` characters, counted as Unicode scalar values.
pub fn text(value: &Value, max: usize) -> Result<String, String> {
    match value.as_str() {
        Some(text) if (1..=max).contains(&text.chars().count()) => Ok(text.to_owned()),
        _ => Err(format!("must be a text of 1 to {max} characters")),
    }
}

fn parsed<T>(value: &Value) -> Result<T, String>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    value
        .as_str()
        .ok_or_else(|| "must be a text".to_owned())?
        .parse()
        .map_err(|rule: T::Err| rule.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_bad_field_is_noted_and_unknown_ones_are_named() {
        let value = json!({"a": 5, "b": "x", "c": [1, true], "typo": "y", "n": null});
        let mut problems = Problems::new();
        let mut fields = Fields::of(&value, "detail", &mut problems).unwrap();
        assert_eq!(fields.number("a", 1..=4, &mut problems), None);
        assert_eq!(fields.flag("b", &mut problems), None);
        assert_eq!(fields.parsed_list::<std::net::Ipv4Addr>("c", 5, &mut problems), None);
        assert_eq!(fields.flag("n", &mut problems), None);
        fields.deny_unknown(&mut problems);
        let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(
            named,
            ["detail.a", "detail.b", "detail.c[0]", "detail.c[1]", "detail.typo"]
        );
    }

    #[test]
    fn a_field_under_a_wrong_name_is_reported_with_the_right_one_and_not_as_missing() {
        let value = json!({"Cluster": "engines", "typo": 1});
        let mut problems = Problems::new();
        let mut fields = Fields::of(&value, "detail", &mut problems).unwrap();
        assert!(fields.is_misnamed("cluster") && !fields.is_misnamed("service"));
        if fields.raw("cluster").is_none() {
            problems.missing(fields.at("cluster"), "needed");
        }
        fields.deny_unknown(&mut problems);
        problems.missing("detail.cluster", "needed");
        assert_eq!(
            problems.to_string(),
            "2 problems: detail.Cluster = a text of 7 characters: is not a field of this object: did you mean `cluster`? \
             Names are camelCase; detail.typo = a number: is not a field of this object"
        );
    }

    #[test]
    fn a_number_that_is_not_whole_or_too_large_is_refused() {
        for value in [
            json!({"a": 1.5}),
            json!({"a": 1e300}),
            json!({"a": "1"}),
            json!({"a": 99_999_999_999_u64}),
        ] {
            let mut problems = Problems::new();
            let mut fields = Fields::of(&value, "detail", &mut problems).unwrap();
            assert_eq!(fields.number("a", 1..=10, &mut problems), None);
            assert!(!problems.is_empty(), "{value}");
        }
    }
}
