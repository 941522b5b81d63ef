//! The problems of an input: all of them at once, each with field, value and rule.
//!
//! Must not decide what to do about a problem; it only describes it.

use std::fmt;

use serde_json::Value;

/// How many problems a message lists; the rest are only counted.
const MAX_LISTED: usize = 50;
/// How many characters of a string or field name a message shows.
const MAX_SHOWN: usize = 80;

/// Why a value is refused. If all problems are [`Kind::NotAllowed`], the event is `not_allowed`, else `invalid_event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The value is invalid, or a required one is missing.
    Invalid,
    /// The value names a service that the catalog does not have.
    NotInCatalog,
    /// The value is valid, but an allow-list or `CATALOG_ONLY` does not permit it.
    NotAllowed,
}

/// One problem: a field, its value, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The path of the field: `detail.targets[1].port`; for configuration, the variable or `services.NAME.FIELD`.
    pub field: String,
    /// The value, shortened and with unprintable characters escaped; `None` if the field is missing.
    pub value: Option<String>,
    /// The rule, as a fragment that follows "FIELD = VALUE: ".
    pub rule: String,
    /// Why the value is refused; decides between `invalid_event` and `not_allowed`.
    pub kind: Kind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = &self.field;
        match &self.value {
            Some(value) => write!(f, "{field} = {value}: {}", self.rule),
            None => write!(f, "{field} is missing: {}", self.rule),
        }
    }
}

/// All problems of one input, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Problems {
    found: Vec<Problem>,
    /// Fields that are present under a wrong name. That is a problem of its own, so they are not reported as missing.
    misnamed: Vec<String>,
}

impl Problems {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value that breaks a rule. Values in `overrides` are shown by kind and size only.
    pub fn invalid(&mut self, field: impl Into<String>, value: &Value, rule: impl fmt::Display) {
        let field = field.into();
        let value = private_or_shown(&field, value);
        self.add(field, Some(value), rule, Kind::Invalid);
    }

    /// Adds a value of the wrong JSON type, or of an unknown field. It may be anything, even a secret, so
    /// only its kind and size are shown.
    pub fn wrong_kind(&mut self, field: impl Into<String>, value: &Value, rule: impl fmt::Display) {
        self.add(field, Some(kind_of(value)), rule, Kind::Invalid);
    }

    /// Adds a string that breaks a rule; it is shown in quotes.
    pub fn invalid_text(&mut self, field: impl Into<String>, value: &str, rule: impl fmt::Display) {
        self.add(field, Some(quoted(value)), rule, Kind::Invalid);
    }

    /// Adds the name of a service that the catalog does not have.
    pub fn not_in_catalog(&mut self, field: impl Into<String>, name: &str, rule: impl fmt::Display) {
        self.add(field, Some(quoted(name)), rule, Kind::NotInCatalog);
    }

    /// Adds a required field that is missing, unless it is present under a wrong name ([`Self::misnamed`]).
    pub fn missing(&mut self, field: impl Into<String>, rule: impl fmt::Display) {
        let field = field.into();
        if !self.misnamed.iter().any(|misnamed| is_in(&field, misnamed)) {
            self.add(field, None, rule, Kind::Invalid);
        }
    }

    /// Notes that `field` is present under a wrong name. The wrong name is reported elsewhere; that `field`, or a part
    /// of it, is missing is not reported, whether it was found before or is found later.
    pub fn misnamed(&mut self, field: impl Into<String>) {
        let field = field.into();
        self.found
            .retain(|problem| problem.value.is_some() || !is_in(&problem.field, &field));
        self.misnamed.push(field);
    }

    /// Adds a valid string that an allow-list does not contain.
    pub fn not_allowed(&mut self, field: impl Into<String>, value: &str, rule: impl fmt::Display) {
        self.add(field, Some(quoted(value)), rule, Kind::NotAllowed);
    }

    /// Adds a field that the configuration does not allow events to give (`CATALOG_ONLY`).
    pub fn field_not_allowed(&mut self, field: impl Into<String>, value: &Value, rule: impl fmt::Display) {
        let field = field.into();
        let value = private_or_shown(&field, value);
        self.add(field, Some(value), rule, Kind::NotAllowed);
    }

    /// Adds a missing field that the configuration requires (`CATALOG_ONLY`).
    pub fn missing_not_allowed(&mut self, field: impl Into<String>, rule: impl fmt::Display) {
        self.add(field, None, rule, Kind::NotAllowed);
    }

    fn add(&mut self, field: impl Into<String>, value: Option<String>, rule: impl fmt::Display, kind: Kind) {
        self.found.push(Problem {
            field: field.into(),
            value,
            rule: rule.to_string(),
            kind,
        });
    }

    /// Adds the problems of another part of the same input.
    pub fn extend(&mut self, others: Self) {
        for misnamed in others.misnamed {
            self.misnamed(misnamed);
        }
        self.found.extend(others.found);
    }

    /// Removes the problems for which `is_out` is true.
    #[must_use]
    pub fn without(mut self, is_out: impl Fn(&Problem) -> bool) -> Self {
        self.found.retain(|problem| !is_out(problem));
        self
    }

    /// Puts `place: ` in front of each field, for inputs that hold several events.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        for problem in &mut self.found {
            problem.field = format!("{place}: {}", problem.field);
        }
        self
    }

    /// Whether there is no problem.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether a problem concerns this field or a part of it, or the field is present under a wrong name.
    #[must_use]
    pub fn mentions(&self, field: &str) -> bool {
        self.found.iter().any(|problem| is_in(&problem.field, field))
            || self.misnamed.iter().any(|misnamed| misnamed == field)
    }

    /// The problems, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter()
    }

    /// Whether there are problems, and all of them are [`Kind::NotAllowed`].
    #[must_use]
    pub fn only_not_allowed(&self) -> bool {
        !self.found.is_empty() && self.found.iter().all(|p| p.kind == Kind::NotAllowed)
    }

    /// `value`, which was read from the input and is only to be used if the whole input has no problem.
    ///
    /// # Errors
    /// With the problems, in the order in which they were found.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.found.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.found.len() == 1 { "problem" } else { "problems" };
        write!(f, "{} {noun}: ", self.found.len())?;
        for (n, problem) in self.found.iter().take(MAX_LISTED).enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        match self.found.len().checked_sub(MAX_LISTED) {
            Some(more @ 1..) => write!(f, "; and {more} more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Problems {}

/// Whether `field` is `outer`, or a part of it.
fn is_in(field: &str, outer: &str) -> bool {
    let rest = field.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn private_or_shown(field: &str, value: &Value) -> String {
    if is_private(field) {
        kind_of(value)
    } else {
        shown(value)
    }
}

/// Whether a field is part of `overrides`, which hold commands and environments and are never shown.
fn is_private(field: &str) -> bool {
    field.split(['.', '[']).any(|part| part == "overrides")
}

/// A value as an error may show it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => kind_of(value),
    }
}

/// A value by kind and size, because it may hold secrets.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("a text of {} characters", text.chars().count()),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {} fields", fields.len()),
    }
}

fn quoted(text: &str) -> String {
    let length = text.chars().count();
    if length > MAX_SHOWN {
        format!("\"{}...\" ({length} characters)", shorten(text))
    } else {
        format!("\"{}\"", shorten(text))
    }
}

/// The first 80 characters of an untrusted string, with everything escaped that could disturb a terminal.
pub fn shorten(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b' ';
    if text.len() <= MAX_SHOWN && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_is_listed_with_field_value_and_rule() {
        let mut problems = Problems::new();
        problems.invalid("detail.port", &json!(0), "must be 1 to 65535");
        problems.missing("detail.cluster", "name a cluster");
        assert_eq!(
            problems.to_string(),
            "2 problems: detail.port = 0: must be 1 to 65535; detail.cluster is missing: name a cluster"
        );
    }

    #[test]
    fn a_field_under_a_wrong_name_is_not_missing_whether_that_was_found_before_or_after() {
        let mut problems = Problems::new();
        problems.missing("detail.cluster", "needed");
        problems.missing("detail.clusters", "needed");
        problems.invalid("detail.cluster", &json!(0), "must be a text");
        problems.misnamed("detail.cluster");
        problems.misnamed("detail.targets");
        problems.missing("detail.targets[0].port", "needed");
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "detail.clusters is missing: needed",
                "detail.cluster = 0: must be a text"
            ]
        );
        assert!(problems.mentions("detail.targets") && !problems.mentions("detail.target"));
        let mut others = Problems::new();
        others.missing("detail.targets", "needed");
        others.extend(problems);
        assert_eq!(others.iter().count(), 2, "{others}");
    }

    #[test]
    fn hostile_text_is_escaped_and_shortened() {
        let mut problems = Problems::new();
        problems.invalid("x", &json!("\u{202e}\u{1b}[31m"), "no");
        assert_eq!(problems.to_string(), "1 problem: x = \"\\u{202e}\\u{1b}[31m\": no");
        let mut problems = Problems::new();
        problems.invalid("x", &json!("a".repeat(1_000_000)), "no");
        assert!(problems.to_string().len() < 200);
    }

    #[test]
    fn containers_are_shown_by_size_since_they_may_hold_secrets() {
        let mut problems = Problems::new();
        problems.invalid("x", &json!({"password": "hunter2"}), "no");
        assert_eq!(problems.to_string(), "1 problem: x = an object of 1 fields: no");
    }

    #[test]
    fn a_thousand_problems_are_counted_and_not_all_listed() {
        let mut problems = Problems::new();
        for n in 0..1000 {
            problems.missing(format!("f{n}"), "needed");
        }
        assert!(problems.to_string().ends_with("; and 950 more"));
    }
}
