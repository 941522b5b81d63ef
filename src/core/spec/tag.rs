//! Reads the tags of a start, and the fields that become tags.

use serde_json::Value;

use crate::domain::tags::{self, Tag};
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// A string that becomes a tag's value.
pub(crate) fn tag_value(value: &Value) -> Result<String, String> {
    match tag_text(value) {
        Ok(text) if tags::reserved(&text) => Err(RESERVED.to_owned()),
        read => read,
    }
}

/// The rule for fields that become tags and are [`tags::reserved`].
pub(crate) const RESERVED: &str = "must not begin with aws:, in any upper or lower case: it becomes a tag";

/// A string with the characters and the length of a tag's value.
pub(crate) fn tag_text(value: &Value) -> Result<String, String> {
    match value.as_str() {
        Some(text) if (1..=256).contains(&text.chars().count()) && tags::allowed(text) => Ok(text.to_owned()),
        _ => Err("must be a text of 1 to 256 letters, digits, spaces and _.:/=+-@".to_owned()),
    }
}

const RESERVED_IN_A_TAG: &str = "must not begin with aws:, in any upper or lower case";

pub(crate) fn tag(value: &Value, path: &str, problems: &mut Problems) -> Option<Tag> {
    let mut fields = Fields::of(value, path, problems)?;
    let key = fields.read("key", problems, |value| match value.as_str() {
        Some(key) if tags::reserved(key) => Err(RESERVED_IN_A_TAG.to_owned()),
        Some(key) if key.starts_with(tags::PREFIX) => Err(format!("must not begin with {}", tags::PREFIX)),
        Some(key) if (1..=128).contains(&key.chars().count()) && tags::allowed(key) => Ok(key.to_owned()),
        _ => Err("must be a text of 1 to 128 letters, digits, spaces and _.:/=+-@".to_owned()),
    });
    if fields.raw("key").is_none() {
        problems.missing(fields.at("key"), "each tag needs a key");
    }
    let value = fields.read("value", problems, |value| match value.as_str() {
        Some(text) if tags::reserved(text) => Err(RESERVED_IN_A_TAG.to_owned()),
        Some(text) if text.chars().count() <= 256 && tags::allowed(text) => Ok(text.to_owned()),
        _ => Err("must be a text of at most 256 letters, digits, spaces and _.:/=+-@".to_owned()),
    });
    fields.deny_unknown(problems);
    Some(Tag {
        key: key?,
        value: value.unwrap_or_default(),
    })
}
