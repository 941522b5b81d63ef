//! Reads JSON objects field by field and notes every problem on the way, where a derived
//! deserializer would stop at the first.
//!
//! Must not know any particular object: each reader passes its own field names and rules.

use serde_json::{Map, Value};

use super::names;
use super::problem::{Problems, shorten};

/// One JSON object being read.
pub struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Starts reading `value`, which must be an object.
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

    /// The path of one of this object's fields.
    pub fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The field's value; a field that is `null` counts as absent.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A field read by `read`, which answers with the rule when the value breaks it.
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

    /// A text that `T` accepts.
    pub fn parsed<T>(&mut self, name: &'static str, problems: &mut Problems) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.read(name, problems, parsed)
    }

    /// A text of `1..=most` characters.
    pub fn text(&mut self, name: &'static str, most: usize, problems: &mut Problems) -> Option<String> {
        self.read(name, problems, |value| text(value, most))
    }

    /// A boolean.
    pub fn flag(&mut self, name: &'static str, problems: &mut Problems) -> Option<bool> {
        self.read(name, problems, |value| {
            value.as_bool().ok_or_else(|| "must be true or false".to_owned())
        })
    }

    /// A whole number within `range`.
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

    /// One of a fixed set of words.
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

    /// A list of at most `most` items, each read by `read` with its own path. `None` if absent or
    /// if any item is bad.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        most: usize,
        problems: &mut Problems,
        mut read: impl FnMut(&'a Value, &str, &mut Problems) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.read(name, problems, |value| match value {
            Value::Array(items) if items.len() <= most => Ok(items),
            Value::Array(items) => Err(format!("must have at most {most} items, not {}", items.len())),
            _ => Err("must be an array".to_owned()),
        })?;
        let path = self.at(name);
        // Every item is read, so that every problem is noted, before one bad item voids the list.
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(n, item)| read(item, &format!("{path}[{n}]"), problems))
            .collect();
        read.into_iter().collect()
    }

    /// A list of texts, each of which `T` accepts.
    pub fn parsed_list<T>(&mut self, name: &'static str, most: usize, problems: &mut Problems) -> Option<Vec<T>>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.list(name, most, problems, |value, path, problems| {
            parsed(value).map_err(|rule| problems.invalid(path, value, rule)).ok()
        })
    }

    /// Whether the field is there under another name, which [`Self::deny_unknown`] will tell.
    pub fn is_meant(&self, name: &'static str) -> bool {
        self.map.keys().any(|given| names::means(given, name))
    }

    /// Ends the reading: a field that no reader asked for is a problem. Where it has another's name of a field of this
    /// object, that field is not missing as well.
    pub fn deny_unknown(self, problems: &mut Problems) {
        for (name, value) in self.map {
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let place = self.at(&shorten(name));
            match names::meaning(name, &self.known) {
                None => problems.wrong_kind(place, value, "is not a field of this object"),
                Some(meaning) => {
                    let rule = format!("is not a field of this object: {}", meaning.says);
                    problems.wrong_kind(place, value, rule);
                    for ours in meaning.ours {
                        problems.meant(self.at(ours));
                    }
                }
            }
        }
    }
}

/// A text of `1..=most` characters.
pub fn text(value: &Value, most: usize) -> Result<String, String> {
    match value.as_str() {
        Some(text) if (1..=most).contains(&text.chars().count()) => Ok(text.to_owned()),
        _ => Err(format!("must be a text of 1 to {most} characters")),
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
    fn a_field_under_another_name_is_told_with_ours_and_not_missing_as_well() {
        let value = json!({"Cluster": "engines", "typo": 1});
        let mut problems = Problems::new();
        let mut fields = Fields::of(&value, "detail", &mut problems).unwrap();
        assert!(fields.is_meant("cluster") && !fields.is_meant("service"));
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
