//! CloudWatch Logs: log groups, and FilterLogEvents over their lines.
//!
//! As AWS, a page covers a part of the log and may have no line of it, with a `nextToken` all the same; the search has
//! ended where there is none
//! ([FilterLogEvents](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html)).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::arns;
use super::service::ApiError;
use super::world::World;

/// How many lines of the log one page covers, unless a test says otherwise: far fewer than in AWS.
const COVERED: usize = 1_000;

/// The log groups, with their lines by time.
#[derive(Debug)]
pub(super) struct Logs {
    groups: BTreeMap<String, Vec<Line>>,
    covered: usize,
    /// Where a page that was given a token begins, and what was asked for.
    tokens: BTreeMap<String, (Value, usize)>,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            groups: BTreeMap::new(),
            covered: COVERED,
            tokens: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Line {
    millis: i64,
    message: String,
}

impl World {
    /// Adds a log group.
    pub fn add_log_group(&mut self, name: &str) {
        self.logs.groups.entry(name.to_owned()).or_default();
    }

    /// Writes a line now.
    pub fn log(&mut self, group: &str, message: &str) {
        let millis = i64::try_from(self.clock.unix_timestamp_nanos() / 1_000_000).expect("a time");
        let lines = self.logs.groups.get_mut(group).expect("a log group of this world");
        lines.push(Line {
            millis,
            message: message.to_owned(),
        });
        lines.sort_by_key(|line| line.millis);
    }

    /// How many lines of the log one page of FilterLogEvents covers.
    pub fn set_log_page(&mut self, lines: usize) {
        self.logs.covered = lines;
    }

    pub(super) fn filter_log_events(&mut self, input: &Value) -> Result<Value, ApiError> {
        let invalid = |why: &str| ApiError::new("InvalidParameterException", why);
        let name = input["logGroupName"]
            .as_str()
            .ok_or_else(|| invalid("logGroupName is missing"))?;
        let Some(lines) = self.logs.groups.get(name) else {
            let message = "The specified log group does not exist.";
            return Err(ApiError::new("ResourceNotFoundException", message));
        };
        let pattern = Pattern::read(input["filterPattern"].as_str().unwrap_or_default())
            .ok_or_else(|| invalid("Invalid filter pattern"))?;
        let mut asked = input.clone();
        asked["nextToken"] = Value::Null;
        let begin = match input["nextToken"].as_str() {
            None => 0,
            Some(token) => match self.logs.tokens.get(token) {
                Some((of, begin)) if *of == asked => *begin,
                _ => return Err(invalid("The specified nextToken is invalid.")),
            },
        };
        let (from, to) = (&input["startTime"], &input["endTime"]);
        let (from, to) = (from.as_i64().unwrap_or(0), to.as_i64().unwrap_or(i64::MAX));
        let page = lines.iter().skip(begin).take(self.logs.covered);
        let events = page
            .filter(|line| (from..=to).contains(&line.millis) && pattern.matches(&line.message))
            .map(|line| {
                json!({
                    "logStreamName": "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
                    "timestamp": line.millis,
                    "message": line.message,
                    "ingestionTime": line.millis,
                    "eventId": arns::hex(&line.message, 32),
                })
            });
        let mut answer = json!({"events": events.collect::<Value>(), "searchedLogStreams": []});
        let end = begin + self.logs.covered;
        if end < lines.len() {
            let token = arns::hex(&format!("log {end} {asked}"), 40);
            answer["nextToken"] = json!(token);
            self.logs.tokens.insert(token, (asked, end));
        }
        Ok(answer)
    }
}

/// The filter patterns that this fake knows: one quoted phrase, or fields of JSON that have a value, all of them.
enum Pattern {
    All,
    Phrase(String),
    Fields(Vec<(String, String)>),
}

impl Pattern {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Self::All);
        }
        let quoted = |text: &str| {
            let inner = text.trim().strip_prefix('"')?.strip_suffix('"')?;
            (!inner.is_empty() && !inner.contains('"')).then(|| inner.to_owned())
        };
        if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            let fields = inner.split("&&").map(|field| {
                let (name, value) = field.split_once('=')?;
                Some((name.trim().strip_prefix("$.")?.to_owned(), quoted(value)?))
            });
            return fields.collect::<Option<_>>().map(Self::Fields);
        }
        quoted(text).map(Self::Phrase)
    }

    fn matches(&self, message: &str) -> bool {
        match self {
            Self::All => true,
            Self::Phrase(phrase) => message.contains(phrase),
            Self::Fields(fields) => {
                let json: Value = serde_json::from_str(message).unwrap_or(Value::Null);
                fields.iter().all(|(name, value)| json[name] == **value)
            }
        }
    }
}
