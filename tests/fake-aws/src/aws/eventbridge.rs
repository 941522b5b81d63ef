//! EventBridge: PutEvents, and what was put, as a rule's target would get it.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::arns;
use super::service::ApiError;
use super::world::World;

/// How many entries one call takes.
const MAX_ENTRIES: usize = 10;
/// How large all entries of a call may be together.
const MAX_BYTES: usize = 1_048_576;

/// What is on the buses.
#[derive(Debug, Default)]
pub(super) struct Buses {
    put: Vec<Value>,
    refused: usize,
}

impl World {
    /// Takes all events that were put so far.
    pub fn take_put_events(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.buses.put)
    }

    /// Of the entries that come next, so many are not taken, though the call succeeds.
    pub fn refuse_entries(&mut self, count: usize) {
        self.buses.refused = count;
    }

    pub(super) fn put_events(&mut self, input: &Value) -> Result<Value, ApiError> {
        let entries = input["Entries"].as_array().cloned().unwrap_or_default();
        if !(1..=MAX_ENTRIES).contains(&entries.len()) {
            let message = format!("entries: {} is not between 1 and {MAX_ENTRIES}", entries.len());
            return Err(ApiError::new("ValidationException", message));
        }
        if input.to_string().len() > MAX_BYTES {
            let message = "Total size of the entries in the request is over the limit.";
            return Err(ApiError::new("ValidationException", message));
        }
        let answers: Vec<Value> = entries.iter().map(|entry| self.put_event(entry)).collect();
        let failed = answers
            .iter()
            .filter(|answer| answer.get("ErrorCode").is_some())
            .count();
        Ok(json!({"FailedEntryCount": failed, "Entries": answers}))
    }

    fn put_event(&mut self, entry: &Value) -> Value {
        let refuse = |code: &str, message: &str| json!({"ErrorCode": code, "ErrorMessage": message});
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        if ["Source", "DetailType", "Detail"]
            .iter()
            .any(|name| text(name).is_empty())
        {
            return refuse("InvalidArgument", "Source, DetailType and Detail are required.");
        }
        if text("Source").starts_with("aws.") {
            return refuse("NotAuthorizedForSource", "Not authorized for the source.");
        }
        let Ok(detail @ Value::Object(_)) = serde_json::from_str::<Value>(text("Detail")) else {
            return refuse("MalformedDetail", "Detail is malformed.");
        };
        if self.buses.refused > 0 {
            self.buses.refused -= 1;
            return refuse("ThrottlingException", "Rate exceeded");
        }
        let time = match entry["Time"].as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
            Some(seconds) => time::OffsetDateTime::from_unix_timestamp(seconds as i64).expect("a time"),
            None => self.clock,
        };
        let id = arns::uuid(&format!("event {} {entry}", self.calls.len()));
        self.buses.put.push(json!({
            "version": "0", "id": id, "detail-type": entry["DetailType"], "source": entry["Source"],
            "account": self.account, "time": time.format(&Rfc3339).expect("a time"), "region": self.region,
            "resources": entry["Resources"].as_array().cloned().unwrap_or_default(), "detail": detail,
        }));
        json!({"EventId": id})
    }
}
