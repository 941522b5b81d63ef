//! A batch of SQS messages, each of which holds one event: what is in it, and which messages failed.
//!
//! Must not look into the events. With [`ReportBatchItemFailures`][partial] SQS keeps exactly the
//! messages that are told to have failed, and delivers them again when their visibility timeout is over.
//!
//! [partial]: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use serde::Deserialize;
use serde_json::Value;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `messageId`. Lambda takes a failure without one for the failure of all, which loses nothing.
    pub id: String,
    /// `ApproximateReceiveCount`: how often it was delivered, this time included.
    pub receive_count: Option<u32>,
}

/// The messages of a batch, and their events in the same order; or what Lambda was invoked with, if that is
/// no batch.
///
/// # Errors
/// With the event itself, which came alone.
pub fn read(event: Value) -> Result<(Vec<Message>, Vec<Value>), Value> {
    if !event.get("Records").is_some_and(Value::is_array) {
        return Err(event);
    }
    // From a reference, since a batch of megabytes is not to be copied for the case that it is none.
    match SqsEvent::deserialize(&event) {
        Ok(batch) => Ok(batch.records.into_iter().map(message).unzip()),
        Err(_) => Err(event),
    }
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
    // What is no JSON is no event either, and is told as such.
    let event = serde_json::from_str(&body).unwrap_or(Value::String(body));
    (message, event)
}

/// Lambda's answer: the messages that are to come again.
#[must_use]
pub fn response<'m>(failed: impl Iterator<Item = &'m Message>) -> Value {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_is_told_by_its_records_and_its_bodies_are_the_events() {
        let event = json!({"Records": [
            {"messageId": "one", "body": "{\"detail-type\": \"x\"}", "attributes": {"ApproximateReceiveCount": "3"}},
            {"messageId": "two", "body": "no JSON"},
            {"body": "7"},
        ]});
        let (messages, events) = read(event).unwrap();
        let told: Vec<_> = messages
            .iter()
            .map(|message| (message.id.as_str(), message.receive_count))
            .collect();
        assert_eq!(told, [("one", Some(3)), ("two", None), ("", None)]);
        assert_eq!(events, [json!({"detail-type": "x"}), json!("no JSON"), json!(7)]);
    }

    #[test]
    fn what_came_alone_is_given_back() {
        for alone in [json!({"detail-type": "x"}), json!({"Records": "none"}), json!([1])] {
            assert_eq!(read(alone.clone()), Err(alone));
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
}
