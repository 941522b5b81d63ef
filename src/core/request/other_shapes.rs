//! Recognizes input that is not an event, and reports what it is and what to do about it.
//!
//! If records of another service reach the function, its triggers are misconfigured, and "`detail-type` is missing"
//! would not help. Must not handle such input: it is refused, so that its sender keeps it.

use serde_json::{Map, Value};

use crate::input::problem::Problems;

/// The fields that name a record's service: SNS capitalizes it
/// ([SNS and Lambda](https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html)), the others do not.
const SOURCES: [&str; 2] = ["eventSource", "EventSource"];

/// The `eventSource` of [a message of SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
pub const SQS: &str = "aws:sqs";

/// The service that a record comes from: the field that names it, and its value.
#[must_use]
pub fn source_of(record: &Value) -> Option<(&'static str, &str)> {
    SOURCES
        .into_iter()
        .find_map(|field| Some((field, record.get(field)?.as_str()?)))
}

/// Reports what an object without `detail-type` is; adds no problem if it is unknown.
pub(crate) fn check(object: &Map<String, Value>, problems: &mut Problems) {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let has = |name: &str| object.contains_key(name);
    if let Some(Value::Array(records)) = object.get("Records") {
        check_records(records, problems);
    } else if let (Some(topic), Some(_)) = (text("TopicArn"), text("Type")) {
        problems.invalid_text("event.TopicArn", topic, NOTIFICATION);
    } else if let Some((field, source)) = object.get("body").and_then(|_| source(object)) {
        let rule = "is a queue message, not an event: configure the pipe to send only the body";
        problems.invalid_text(format!("event.{field}"), source, rule);
    } else if has("SystemMetadata") && has("Data") {
        let rule = "is an event wrapped in the metadata of its bus: configure the subscriber to send only the event, without a transformer";
        problems.wrong_kind("event.SystemMetadata", &object["SystemMetadata"], rule);
    } else if let Some(name) = ["Entries", "DetailType", "Detail"].into_iter().find(|name| has(name)) {
        let rule = "is a field of a PutEvents entry, not of an event: send the entry with aws events put-events, or with start-engines start --file";
        problems.wrong_kind(format!("event.{name}"), &object[name], rule);
    }
}

fn source(object: &Map<String, Value>) -> Option<(&'static str, &str)> {
    SOURCES
        .into_iter()
        .find_map(|field| Some((field, object.get(field)?.as_str()?)))
}

/// The rule for an SNS notification, as a queue or a function receives it
/// ([raw message delivery](https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html)).
const NOTIFICATION: &str = "is an SNS notification, not an event: send the events to an event bus with a rule that targets the function or its queue, or enable raw message delivery to the queue";

/// How many sources of one batch are reported.
const MAX_MESSAGES: usize = 10;

fn check_records(records: &[Value], problems: &mut Problems) {
    if records.is_empty() {
        let rule = "has no records: the function accepts events, arrays of events, and batches of SQS messages";
        problems.wrong_kind("event.Records", &Value::Array(Vec::new()), rule);
        return;
    }
    let mut reported: Vec<&str> = Vec::new();
    for (n, record) in records.iter().enumerate() {
        let place = format!("event.Records[{n}]");
        match source_of(record) {
            Some((_, SQS)) if has_id(record) => {}
            // In Lambda's answer, an empty itemIdentifier means that the whole batch has failed.
            Some((_, SQS)) => {
                let rule = "without it, a failure of the message cannot be reported";
                problems.missing(format!("{place}.messageId"), rule);
            }
            Some((field, source)) if !reported.contains(&source) && reported.len() < MAX_MESSAGES => {
                reported.push(source);
                problems.invalid_text(format!("{place}.{field}"), source, service_rule(source));
            }
            Some(_) => {}
            None if !reported.contains(&"") && reported.len() < MAX_MESSAGES => {
                reported.push("");
                let rule =
                    "has no eventSource: the function accepts events, arrays of events, and batches of SQS messages";
                problems.wrong_kind(place, record, rule);
            }
            None => {}
        }
    }
    if problems.is_empty() {
        let rule = "is a batch of SQS messages, which only Lambda can deliver: the body of each message is an event";
        problems.wrong_kind("event.Records", &Value::Array(records.to_vec()), rule);
    }
}

/// Whether a message has a `messageId`, by which the answer to Lambda can report its failure.
#[must_use]
pub fn has_id(message: &Value) -> bool {
    let id = message.get("messageId").and_then(Value::as_str);
    id.is_some_and(|id| !id.is_empty())
}

fn service_rule(source: &str) -> String {
    let service = match source {
        "aws:sns" => "SNS",
        "aws:s3" => "S3",
        "aws:dynamodb" => "DynamoDB",
        "aws:kinesis" => "Kinesis",
        "aws:ses" => "SES",
        "aws:codecommit" => "CodeCommit",
        _ => "another service",
    };
    format!(
        "is a record of {service}: the function accepts events, arrays of events, and batches of SQS messages with one event each. Send the events to an event bus with a rule that targets the function or its queue"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(object: &Value) -> String {
        let mut problems = Problems::new();
        check(object.as_object().unwrap(), &mut problems);
        problems.to_string()
    }

    #[test]
    fn records_of_each_service_are_reported_with_its_name() {
        for (field, source, service) in [
            ("EventSource", "aws:sns", "SNS"),
            ("eventSource", "aws:s3", "S3"),
            ("eventSource", "aws:dynamodb", "DynamoDB"),
            ("eventSource", "aws:kinesis", "Kinesis"),
            ("eventSource", "aws:new", "another service"),
        ] {
            let report = report(&json!({"Records": [{field: source}, {field: source}]}));
            let expected = format!("1 problem: event.Records[0].{field} = \"{source}\": is a record of {service}: ");
            assert!(report.starts_with(&expected), "{report}");
        }
    }

    #[test]
    fn each_kind_of_mixed_records_is_reported_and_so_are_messages_without_an_id() {
        let report = report(&json!({"Records": [
            {"eventSource": "aws:sqs", "messageId": "m-1", "body": "{}"},
            {"eventSource": "aws:s3"}, {"eventSource": "aws:sqs", "messageId": ""}, {"a": 1}, 5,
        ]}));
        for part in [
            "3 problems: event.Records[1].eventSource = \"aws:s3\"",
            "event.Records[2].messageId is missing",
            "event.Records[3] = an object of 1 fields: has no eventSource",
        ] {
            assert!(report.contains(part), "{report}");
        }
    }

    #[test]
    fn a_thousand_records_make_a_short_message() {
        let records: Vec<Value> = (0..1000).map(|n| json!({"eventSource": format!("aws:{n}")})).collect();
        assert!(report(&json!({"Records": records})).starts_with("10 problems: "));
    }

    #[test]
    fn a_wrapped_event_is_reported_with_the_way_to_unwrap_it() {
        let notification = json!({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:engines",
            "Message": "{}"});
        assert!(
            report(&notification)
                .contains("event.TopicArn = \"arn:aws:sns:us-east-1:111122223333:engines\": is an SNS notification")
        );
        assert!(report(&notification).contains("raw message delivery"));
        let message = json!({"messageId": "m", "eventSource": "aws:sqs", "body": "{}"});
        assert!(report(&message).contains("event.eventSource = \"aws:sqs\": is a queue message"));
        let raw = json!({"Data": {}, "Metadata": {}, "SystemMetadata": {"aws:EventId": "e"}});
        assert!(report(&raw).contains("without a transformer"));
        assert!(
            report(&json!({"Source": "a", "DetailType": "b"}))
                .contains("event.DetailType = a text of 1 characters: is a field of a PutEvents entry")
        );
        assert!(report(&json!({"Records": []})).contains("has no records"));
        assert!(
            report(&json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m"}]}))
                .contains("only Lambda can deliver")
        );
    }

    #[test]
    fn anything_else_is_not_known() {
        for object in [
            json!({}),
            json!({"Records": "x"}),
            json!({"Type": "x"}),
            json!({"detail": {}}),
            json!({"body": "x"}),
        ] {
            assert_eq!(report(&object), "0 problems: ", "{object}");
        }
    }
}
