//! The payload of an invocation (an event, an array of events, or a batch of SQS messages with one event each), and the
//! answer to Lambda.
//!
//! Must not read the events. With [`ReportBatchItemFailures`][partial] SQS keeps exactly the messages that are reported as
//! failed, and delivers them again after their visibility timeout. An array can only fail as a whole, and is delivered
//! again as a whole.
//!
//! [partial]: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use serde::Deserialize;
use serde_json::Value;
use start_engines_core::outcome::{Category, Failure};
use start_engines_core::request::other_shapes::{SQS, has_id, source_of};

/// One SQS message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// `messageId`, never empty.
    pub(crate) id: String,
    /// `ApproximateReceiveCount`: the number of deliveries, including this one.
    pub(crate) receive_count: Option<u32>,
}

/// The payload of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Received {
    /// One event, or a payload that is none of the others.
    Alone(Value),
    /// At least one event, in an array as [custom event buses][bus] and pipes deliver them.
    ///
    /// [bus]: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-target-lambda.html
    Events(Vec<Value>),
    /// SQS messages, and their events in the same order.
    Messages(Vec<Message>, Vec<Value>),
}

/// Reads a payload. It is a batch only if all its records are SQS messages with an id: any other payload with `Records`
/// is read as an event, which reports what it is.
#[must_use]
pub(crate) fn read(event: Value) -> Received {
    match event {
        Value::Array(events) if !events.is_empty() => Received::Events(events),
        Value::Object(_) if is_batch(&event) => {
            // From a reference, so that a batch of megabytes is not copied in case that it is none.
            match SqsEvent::deserialize(&event) {
                Ok(batch) => {
                    let (messages, events) = batch.records.into_iter().map(message).unzip();
                    Received::Messages(messages, events)
                }
                Err(_) => Received::Alone(event),
            }
        }
        alone => Received::Alone(alone),
    }
}

fn is_batch(event: &Value) -> bool {
    let is_message = |record: &Value| source_of(record).is_some_and(|(_, source)| source == SQS) && has_id(record);
    let records = event.get("Records").and_then(Value::as_array);
    records.is_some_and(|records| !records.is_empty() && records.iter().all(is_message))
}

fn message(record: SqsMessage) -> (Message, Value) {
    let message = Message {
        receive_count: record
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok()),
        id: record.message_id.unwrap_or_default(),
    };
    let body = record.body.unwrap_or_default();
    // A body that is not JSON is not an event, and is reported as such.
    let event = serde_json::from_str(&body).unwrap_or(Value::String(body));
    (message, event)
}

/// The answer to Lambda: the messages to deliver again.
#[must_use]
pub(crate) fn response<'m>(failed: impl Iterator<Item = &'m Message>) -> Value {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .map(|message| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&message.id);
            failure
        })
        .collect();
    serde_json::to_value(response).unwrap_or_default()
}

/// Maximum number of failed events of an array in the error message; the log has a line for each.
const MAX_MESSAGES: usize = 20;
/// Maximum number of characters of each event's id and message there.
const MAX_CHARACTERS: usize = 300;

/// The failure of an array in which these events failed, each with its `id` if it has one; `None` if none failed.
///
/// If all failed for the same reason, the array's failure has that reason too, so that `redrive --reason` finds it.
#[must_use]
pub(crate) fn failure<'f>(all: usize, failed: impl Iterator<Item = (Option<&'f str>, &'f Failure)>) -> Option<Failure> {
    let failed: Vec<(Option<&str>, &Failure)> = failed.collect();
    let (_, first) = failed.first()?;
    let is_one = failed.iter().all(|(_, other)| other.category == first.category);
    let few = |text: &str| text.chars().take(MAX_CHARACTERS).collect::<String>();
    let mut parts: Vec<String> = failed
        .iter()
        .take(MAX_MESSAGES)
        .map(|(id, failure)| {
            let id = id.map_or_else(|| "an event without id".to_owned(), few);
            format!("{id}: {}: {}", failure.category, few(&failure.message))
        })
        .collect();
    if failed.len() > MAX_MESSAGES {
        parts.push(format!("and {} more", failed.len() - MAX_MESSAGES));
    }
    let message = format!(
        "{} of {all} events failed, and all of them are delivered again: {}",
        failed.len(),
        parts.join("; ")
    );
    let category = if is_one { first.category } else { Category::BatchFailed };
    // Transient: handling the other events again does no harm, and a retry may help the failed ones.
    let transient = failed.iter().any(|(_, failure)| failure.transient);
    Some(Failure {
        transient,
        ..Failure::new(category, message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use start_engines_core::call::ErrorKind;

    use super::*;

    fn record(id: &str, body: &str) -> Value {
        json!({"messageId": id, "body": body, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "3"}})
    }

    #[test]
    fn a_batch_is_recognized_by_its_records_and_its_bodies_are_the_events() {
        let mut without_count = record("two", "no JSON");
        without_count["attributes"] = json!({});
        let event =
            json!({"Records": [record("one", "{\"detail-type\": \"x\"}"), without_count, record("three", "7")]});
        let Received::Messages(messages, events) = read(event) else {
            panic!("no batch");
        };
        let read_messages: Vec<_> = messages
            .iter()
            .map(|message| (message.id.as_str(), message.receive_count))
            .collect();
        assert_eq!(read_messages, [("one", Some(3)), ("two", None), ("three", Some(3))]);
        assert_eq!(events, [json!({"detail-type": "x"}), json!("no JSON"), json!(7)]);
    }

    /// The tests of the field cases hand them to the handler one by one.
    #[test]
    fn every_field_case_that_is_an_object_comes_alone() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field-cases");
        let mut objects = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            if event.is_object() {
                assert_eq!(read(event.clone()), Received::Alone(event), "{}", path.display());
                objects += 1;
            }
        }
        assert!(objects > 20, "{objects}");
    }

    #[test]
    fn an_array_holds_events() {
        assert_eq!(
            read(json!([{"id": "a"}, 7])),
            Received::Events(vec![json!({"id": "a"}), json!(7)])
        );
    }

    #[test]
    fn any_other_payload_is_one_event_and_unchanged() {
        let mut other = record("one", "{}");
        other["eventSource"] = json!("aws:s3");
        let mut unknown = record("one", "{}");
        unknown["eventSource"] = Value::Null;
        let mut odd = record("one", "{}");
        odd["attributes"] = json!(5);
        for alone in [
            json!({"detail-type": "x"}),
            json!({"Records": "none"}),
            json!({"Records": []}),
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}),
            json!({"Records": [record("one", "{}"), other]}),
            json!({"Records": [unknown]}),
            json!({"Records": [record("", "{}")]}),
            json!({"Records": [odd]}),
            json!({"Records": [5]}),
            json!([]),
            json!("text"),
        ] {
            assert_eq!(read(alone.clone()), Received::Alone(alone));
        }
    }

    #[test]
    fn the_response_names_the_failed_messages() {
        let failed = Message {
            id: "two".into(),
            receive_count: None,
        };
        assert_eq!(
            response([failed].iter()),
            json!({"batchItemFailures": [{"itemIdentifier": "two"}]})
        );
        assert_eq!(response([].iter()), json!({"batchItemFailures": []}));
    }

    #[test]
    fn an_array_fails_by_the_reason_of_its_events_and_names_them() {
        let throttled = Failure::new(Category::Call(ErrorKind::Throttled), "slow");
        let wrong = Failure::new(Category::InvalidEvent, "1 problem");
        assert_eq!(failure(3, std::iter::empty()), None);
        let one = failure(3, [(Some("e-2"), &wrong)].into_iter()).unwrap();
        assert_eq!((one.category, one.transient), (Category::InvalidEvent, false));
        assert_eq!(
            one.message,
            "1 of 3 events failed, and all of them are delivered again: e-2: invalid_event: 1 problem"
        );
        let two = failure(3, [(Some("e-2"), &wrong), (None, &throttled)].into_iter()).unwrap();
        assert_eq!((two.category, two.transient), (Category::BatchFailed, true));
        assert!(two.message.ends_with("; an event without id: throttled: slow"), "{two}");
    }

    #[test]
    fn an_array_of_thousands_fails_in_a_few_words() {
        let long = Failure::new(Category::InvalidEvent, "x".repeat(100_000));
        let failed = std::iter::repeat_n((Some("e"), &long), 1000);
        let message = failure(1000, failed).unwrap().message;
        assert!(
            message.len() < 10_000 && message.ends_with("; and 980 more"),
            "{}",
            message.len()
        );
    }
}
