//! Reads the events of a file: one or several, as EventBridge delivers them, or as entries of PutEvents.
//!
//! Must not check the details of events; the function's own rules do.

use serde_json::{Map, Value, json};
use start_engines_core::domain::arn::EventBus;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::input::fields::{Fields, text};
use start_engines_core::input::problem::Problems;
use start_engines_core::request::envelope::START;

/// Placeholder for the `id` that EventBridge gives an event.
pub const NO_ID: &str = "00000000-0000-0000-0000-000000000000";
/// Maximum number of entries of one PutEvents call
/// ([PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html)).
const MAX_ENTRIES: usize = 10;

/// One event of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Given<T> {
    /// Its place in the file, as in `Entries[0]`; empty if the file is one event.
    pub place: String,
    /// The event, or every problem of its form.
    pub what: Result<T, Problems>,
    /// Whether it is an entry of PutEvents; EventBridge gives it an id.
    pub is_entry: bool,
}

/// The events of a file for the function: an entry of PutEvents becomes the event that EventBridge would deliver.
///
/// # Errors
/// When the file as a whole has a problem.
pub fn events(file: Value, now: Timestamp) -> Result<Vec<Given<Value>>, Problems> {
    let items = items(file)?.into_iter();
    Ok(items
        .map(|item| Given {
            what: if item.is_entry {
                entry(&item.value).map(|entry| entry.delivered(now))
            } else {
                Ok(item.value)
            },
            place: item.place,
            is_entry: item.is_entry,
        })
        .collect())
}

/// The details of the starts of a file: `detail` of events, `Detail` of entries of PutEvents, and objects that are neither
/// in full.
///
/// # Errors
/// When the file as a whole has a problem.
pub fn starts(file: Value) -> Result<Vec<Given<Map<String, Value>>>, Problems> {
    let items = items(file)?.into_iter();
    Ok(items
        .map(|item| Given {
            what: if item.is_entry {
                entry(&item.value).and_then(|entry| {
                    let detail = Value::Object(entry.detail);
                    of_a_start("entry.DetailType", &json!(entry.detail_type), detail)
                })
            } else {
                start(item.value)
            },
            place: item.place,
            is_entry: item.is_entry,
        })
        .collect())
}

struct Item {
    place: String,
    value: Value,
    is_entry: bool,
}

/// Splits a file: one event, an array, or the input of `aws events put-events --cli-input-json`.
fn items(file: Value) -> Result<Vec<Item>, Problems> {
    let mut problems = Problems::new();
    let (name, values, are_entries) = match file {
        Value::Object(object) if object.contains_key("Entries") => {
            let file = Value::Object(object);
            if let Some(mut fields) = Fields::of(&file, "file", &mut problems) {
                fields.list("Entries", usize::MAX, &mut problems, |value, _, _| Some(value));
                fields.text("EndpointId", 50, &mut problems);
                fields.deny_unknown(&mut problems);
            }
            let entries = file["Entries"].as_array().cloned().unwrap_or_default();
            ("Entries", entries, true)
        }
        Value::Array(values) => {
            let are_entries = values.iter().any(is_entry);
            ("", values, are_entries)
        }
        value => {
            let is_entry = is_entry(&value);
            return Ok(vec![Item {
                place: String::new(),
                value,
                is_entry,
            }]);
        }
    };
    if problems.is_empty() && (values.is_empty() || are_entries && values.len() > MAX_ENTRIES) {
        let rule = if are_entries {
            "PutEvents takes 1 to 10 entries"
        } else {
            "holds no event"
        };
        let place = if name.is_empty() { "file" } else { "file.Entries" };
        problems.wrong_kind(place, &Value::Array(values.clone()), rule);
    }
    let items = values.into_iter().enumerate().map(|(n, value)| Item {
        place: format!("{name}[{n}]"),
        value,
        is_entry: are_entries,
    });
    problems.into_result(items.collect())
}

/// Whether it has PutEvents' field names. A delivered event has none of them.
fn is_entry(value: &Value) -> bool {
    let has = |name: &str| value.get(name).is_some();
    !has("detail-type") && ["DetailType", "Detail", "Source"].into_iter().any(has)
}

/// [PutEventsRequestEntry](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
struct Entry {
    source: String,
    detail_type: String,
    detail: Map<String, Value>,
    time: Option<Timestamp>,
    resources: Vec<String>,
}

impl Entry {
    fn delivered(self, now: Timestamp) -> Value {
        json!({
            "version": "0",
            "id": NO_ID,
            "detail-type": self.detail_type,
            "source": self.source,
            "time": self.time.unwrap_or(now).to_seconds().map(|time| format!("{time}Z")),
            "resources": self.resources,
            "detail": self.detail,
        })
    }
}

fn entry(value: &Value) -> Result<Entry, Problems> {
    let mut problems = Problems::new();
    let Some(mut fields) = Fields::of(value, "entry", &mut problems) else {
        return Err(problems);
    };
    let source = fields.text("Source", 256, &mut problems);
    let detail_type = fields.text("DetailType", 128, &mut problems);
    let detail = fields.raw("Detail");
    let place = fields.at("Detail");
    let detail = detail.and_then(|value| detail_of(value, &place, &mut problems));
    let time = fields.read("Time", &mut problems, time);
    fields.parsed::<EventBus>("EventBusName", &mut problems);
    let resources = fields.list("Resources", usize::MAX, &mut problems, |value, path, problems| {
        let read = text(value, 2048);
        read.map_err(|rule| problems.invalid(path, value, rule)).ok()
    });
    fields.text("TraceHeader", 500, &mut problems);
    for name in ["Source", "DetailType", "Detail"] {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), "an entry of PutEvents has it");
        }
    }
    fields.deny_unknown(&mut problems);
    match (source, detail_type, detail, problems.is_empty()) {
        (Some(source), Some(detail_type), Some(detail), true) => Ok(Entry {
            source,
            detail_type,
            detail,
            time,
            resources: resources.unwrap_or_default(),
        }),
        (_, _, _, _) => Err(problems),
    }
}

/// A JSON object, or as in PutEvents a text with one.
fn detail_of(value: &Value, place: &str, problems: &mut Problems) -> Option<Map<String, Value>> {
    let rule = "must be a JSON object, or one as a text";
    match value {
        Value::Object(detail) => Some(detail.clone()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(detail)) => Some(detail),
            Ok(_) => {
                problems.wrong_kind(place, value, rule);
                None
            }
            Err(error) => {
                problems.wrong_kind(place, value, format!("{rule}: {error}"));
                None
            }
        },
        other => {
            problems.wrong_kind(place, other, rule);
            None
        }
    }
}

/// A text, or seconds since 1970: the AWS CLI accepts both.
fn time(value: &Value) -> Result<Timestamp, String> {
    let of_seconds = value.as_i64().and_then(|seconds| seconds.checked_mul(1000));
    let time = match value.as_str() {
        Some(text) => Timestamp::parse(text),
        None => of_seconds.map(Timestamp::from_millis),
    };
    time.filter(|time| time.to_seconds().is_some())
        .ok_or_else(|| "must be a time as in 2026-11-20T07:00:00Z".to_owned())
}

fn start(value: Value) -> Result<Map<String, Value>, Problems> {
    let mut problems = Problems::new();
    let mut object = match value {
        Value::Object(object) => object,
        other => {
            problems.wrong_kind("event", &other, "must be a JSON object");
            return Err(problems);
        }
    };
    let detail = object.remove("detail");
    match (object.get("detail-type"), detail) {
        (Some(kind), Some(detail)) => of_a_start("event.detail-type", kind, detail),
        (Some(_), None) => {
            problems.missing("detail", "must be a JSON object");
            Err(problems)
        }
        (None, None) => Ok(object),
        (None, Some(_)) => {
            problems.missing("event.detail-type", "an EventBridge event with a detail has it");
            Err(problems)
        }
    }
}

fn of_a_start(place: &str, kind: &Value, detail: Value) -> Result<Map<String, Value>, Problems> {
    let mut problems = Problems::new();
    if kind.as_str() != Some(START) {
        problems.invalid(place, kind, format!("must be \"{START}\": start sends nothing else"));
    }
    match detail {
        Value::Object(detail) => problems.into_result(detail),
        other => {
            problems.wrong_kind("detail", &other, "must be a JSON object");
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T08:00:00Z").unwrap()
    }

    fn start_entry() -> Value {
        json!({"Source": "app.tests", "DetailType": START, "Detail": {"service": "a"}})
    }

    fn problems<T: std::fmt::Debug>(read: Result<T, Problems>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn an_entry_is_read_with_its_detail_as_an_object_or_as_a_text() {
        let mut as_text = start_entry();
        as_text["Detail"] = json!(r#"{"service": "a"}"#);
        as_text["Time"] = json!("2026-11-20T07:00:00Z");
        as_text["EventBusName"] = json!("engines");
        as_text["Resources"] = json!(["a"]);
        as_text["TraceHeader"] = json!("Root=1");
        for (entry, time) in [
            (start_entry(), "2026-11-20T08:00:00Z"),
            (as_text.clone(), "2026-11-20T07:00:00Z"),
        ] {
            let mut all = events(entry, now()).unwrap();
            let given = all.remove(0);
            assert!(all.is_empty() && given.place.is_empty() && given.is_entry);
            let event = given.what.unwrap();
            assert_eq!(
                (&event["detail"]["service"], &event["time"]),
                (&json!("a"), &json!(time))
            );
            assert_eq!(
                (&event["detail-type"], &event["source"]),
                (&json!(START), &json!("app.tests"))
            );
        }
        as_text["Time"] = json!(1_795_158_000);
        assert_eq!(
            events(as_text, now()).unwrap()[0].what.as_ref().unwrap()["time"],
            "2026-11-20T07:00:00Z"
        );
    }

    #[test]
    fn a_file_of_entries_is_an_array_or_what_the_command_line_takes() {
        for (file, places) in [
            (json!({"Entries": [start_entry()]}), vec!["Entries[0]"]),
            (
                json!({"Entries": [start_entry(), start_entry()], "EndpointId": "x"}),
                vec!["Entries[0]", "Entries[1]"],
            ),
            (json!([start_entry(), start_entry()]), vec!["[0]", "[1]"]),
            (json!([{"detail-type": "x", "detail": {}}]), vec!["[0]"]),
        ] {
            let all = events(file.clone(), now()).unwrap();
            assert!(all.iter().all(|given| given.what.is_ok()), "{file}");
            assert_eq!(all.iter().map(|given| given.place.as_str()).collect::<Vec<_>>(), places);
        }
    }

    #[test]
    fn each_problem_of_a_file_and_of_an_entry_is_reported() {
        let eleven = vec![start_entry(); 11];
        for (file, problem) in [
            (
                json!({"Entries": []}),
                "file.Entries = an array of 0: PutEvents takes 1 to 10 entries",
            ),
            (
                json!({"Entries": eleven}),
                "file.Entries = an array of 11: PutEvents takes 1 to 10 entries",
            ),
            (json!(eleven), "file = an array of 11: PutEvents takes 1 to 10 entries"),
            (
                json!({"Entries": {}, "other": 1}),
                "file.Entries = an object of 0 fields: must be an array; file.other",
            ),
            (json!([]), "file = an array of 0: holds no event"),
        ] {
            let found = problems(events(file.clone(), now()));
            assert!(found.contains(problem), "{found}");
            assert!(starts(file).is_err());
        }
        let bad = json!({"DetailType": 5, "Detail": "[1]", "Time": "soon", "EventBusName": "a bus", "Resources": [7], "detail": {}});
        let all = events(json!({"Entries": [bad, 7, {"source": "a"}]}), now()).unwrap();
        let found: Vec<String> = all.into_iter().map(|given| problems(given.what)).collect();
        for problem in [
            "entry.DetailType = 5: must be a text",
            "entry.Detail = a text of 3 characters: must be a JSON object, or one as a text",
            "entry.Time = \"soon\": must be a time",
            "entry.EventBusName = \"a bus\"",
            "entry.Resources[0] = 7",
            "entry.Source is missing",
            "entry.detail = an object of 0 fields: is not a field of this object: did you mean `Detail`?",
        ] {
            assert!(found[0].contains(problem), "{problem}: {}", found[0]);
        }
        assert!(
            found[1].contains("entry = a number: must be a JSON object"),
            "{}",
            found[1]
        );
        assert!(
            found[2].contains("did you mean `Source`?") && !found[2].contains("Source is missing"),
            "{}",
            found[2]
        );
    }

    #[test]
    fn a_start_is_a_detail_a_whole_event_or_an_entry_and_nothing_else() {
        let whole = json!({"detail-type": START, "detail": {"service": "a"}});
        for file in [
            json!({"service": "a"}),
            whole,
            start_entry(),
            json!({"Entries": [start_entry()]}),
        ] {
            let all = starts(file.clone()).unwrap();
            assert_eq!(all[0].what.as_ref().unwrap()["service"], "a", "{file}");
        }
        let mut stop = start_entry();
        stop["DetailType"] = json!("Stop ECS Task");
        for (file, problem) in [
            (json!({"detail": {}}), "event.detail-type is missing"),
            (
                json!({"detail-type": START, "detail": 1}),
                "detail = a number: must be a JSON object",
            ),
            (json!({"detail-type": START}), "detail is missing"),
            (
                json!({"detail-type": "Stop ECS Task", "detail": {}}),
                "event.detail-type = \"Stop ECS Task\": must be",
            ),
            (stop, "entry.DetailType = \"Stop ECS Task\": must be \"Start ECS Task\""),
            (json!(7), "event = a number: must be a JSON object"),
        ] {
            let found = problems(starts(file).unwrap().remove(0).what);
            assert!(found.contains(problem), "{found}");
        }
    }
}
