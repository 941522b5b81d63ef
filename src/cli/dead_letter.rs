//! Reads messages of the dead-letter queues: the event in each, and the reason why it failed.
//!
//! There are five kinds of messages, distinguished by their shape:
//!
//! - EventBridge could not deliver to a rule's target: the body is the event, the reason is in message
//!   attributes (`ERROR_CODE`, `ERROR_MESSAGE`, `EXHAUSTED_RETRY_CONDITION`, `RETRY_ATTEMPTS`, `RULE_ARN`,
//!   `TARGET_ARN`):
//!   [dead-letter queues of rules](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
//! - EventBridge Scheduler could not invoke a schedule's target: the body is the target's input, the reason in
//!   attributes of the same names, with `SCHEDULE_ARN`, `SCHEDULED_TIME`, `EXECUTION_ID` and
//!   `IS_PAYLOAD_TRUNCATED`:
//!   [dead-letter queues of schedules](https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html).
//!   The input of the function's own schedules is an event; that of a schedule that sends to a bus is only a
//!   `detail`, and the event is built from it.
//! - The function failed: the body is Lambda's record of the invocation, with `requestPayload`,
//!   `requestContext.condition`, `responsePayload.errorType` and `errorMessage`:
//!   [records of asynchronous invocations](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
//!   The payload is an array if a custom event bus delivered one, and is sent again as an array.
//! - A custom event bus could not deliver to its subscriber's target: the body is the bus's record, with `busArn`,
//!   `errorCode`, `errorMessage` and `exhaustedRetryCondition`. It has the ids of the events (`failedMessages`), but not
//!   the events, so that only the bus can send them again:
//!   [dead-letter queues of subscribers](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html).
//! - In buffered mode the function failed on a message at every delivery, and SQS has moved it: the body is the event,
//!   `DeadLetterQueueSourceArn` is the queue. The message has no reason, but the id by which the function's log has it:
//!   [dead-letter queues of queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
//!
//! Must not decide what is sent again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::arn::FunctionArn;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::envelope::{RECONCILE, START, STOP};

/// `ReceiptHandle`: identifies one receive of a message, to delete it or change its visibility.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(pub String);

/// A message of SQS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `MessageId`.
    pub id: String,
    /// `ReceiptHandle`.
    pub receipt: Receipt,
    /// `Body`.
    pub body: String,
    /// `MessageAttributes` that are texts.
    pub attributes: BTreeMap<String, String>,
    /// `SentTimestamp`.
    pub sent_at: Option<Timestamp>,
    /// `DeadLetterQueueSourceArn`: the queue that SQS moved the message from.
    pub moved_from: Option<String>,
}

/// An event that was not handled.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The message as it was received.
    pub message: Message,
    /// The event, or the array of events, to send again; or why there is none.
    pub event: Result<Value, String>,
    /// `errorType`, `ERROR_CODE`, or [`RECEIVED_TOO_OFTEN`].
    pub code: String,
    /// `errorMessage` or `ERROR_MESSAGE` in full; or where the reason can be found.
    pub reason: String,
    /// What ended the attempts: `RetriesExhausted`, `EventAgeExceeded`, `MaximumRetryAttempts`, `maxReceiveCount`...
    pub condition: Option<String>,
    /// The function that the event was for, if the message names it.
    pub function: Option<String>,
}

/// Whether ECS still has the client tokens of a start; once it has not, sending the start again can start its tasks a
/// second time. ECS keeps them for 24 hours, or for one hour after the task has stopped if that is sooner
/// ([ensuring idempotency](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tokens {
    /// ECS has all of them: nothing starts twice.
    Kept,
    /// ECS has only those of tasks that have not stopped for an hour.
    PerhapsForgotten,
    /// ECS has none of them.
    Forgotten,
}

/// The code of messages that SQS has moved, which have none of their own.
pub const RECEIVED_TOO_OFTEN: &str = "received_too_often";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

impl DeadLetter {
    /// Reads a message. Never fails, since a queue can contain anything. The source of what a schedule would have sent
    /// follows from `function`, and is null without it.
    #[must_use]
    pub fn read(message: Message, function: Option<&FunctionArn>) -> Self {
        let body: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
        if body.get("requestContext").is_some() && body.get("requestPayload").is_some() {
            return Self::of_invocation(message, &body);
        }
        if body.get("busArn").is_some() && body.get("failedMessages").is_some() {
            return Self::of_bus(message, &body);
        }
        let attribute = |name: &str| message.attributes.get(name).cloned();
        if let (Some(queue), None) = (&message.moved_from, attribute("ERROR_CODE")) {
            let queue = queue.rsplit(':').next().unwrap_or(queue);
            return Self {
                event: if is_sendable(&body) { Ok(body) } else { no_event() },
                code: RECEIVED_TOO_OFTEN.to_owned(),
                reason: format!(
                    "the function failed at every delivery from {queue}; the reason is in its log, by messageId {}",
                    message.id
                ),
                condition: Some("maxReceiveCount".to_owned()),
                function: None,
                message,
            };
        }
        let target = attribute("TARGET_ARN");
        let event = match attribute("SCHEDULE_ARN") {
            _ if attribute("IS_PAYLOAD_TRUNCATED").as_deref() == Some("true") => {
                Err("Scheduler has truncated the payload".to_owned())
            }
            Some(schedule) if !is_sendable(&body) => of_schedule(&schedule, body, &message, function),
            Some(_) | None if is_sendable(&body) => Ok(body),
            Some(_) | None => no_event(),
        };
        Self {
            event,
            code: attribute("ERROR_CODE").unwrap_or_else(|| "unknown".to_owned()),
            reason: attribute("ERROR_MESSAGE").unwrap_or_default(),
            condition: attribute("EXHAUSTED_RETRY_CONDITION"),
            function: target.filter(|arn| arn.contains(":lambda:")),
            message,
        }
    }

    fn of_invocation(message: Message, record: &Value) -> Self {
        let text = |part: &str, name: &str| record[part][name].as_str().map(str::to_owned);
        let payload = record["requestPayload"].clone();
        let arn = text("requestContext", "functionArn");
        Self {
            event: if is_sendable(&payload) {
                Ok(payload)
            } else {
                Err("the requestPayload is no event".to_owned())
            },
            // A function that was killed has no errorType; the reason is in errorMessage.
            code: text("responsePayload", "errorType").unwrap_or_else(|| "unknown".to_owned()),
            reason: text("responsePayload", "errorMessage").unwrap_or_default(),
            condition: text("requestContext", "condition"),
            function: arn.map(|arn| arn.trim_end_matches(":$LATEST").to_owned()),
            message,
        }
    }

    fn of_bus(message: Message, record: &Value) -> Self {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let failed = record["failedMessages"].as_array().map_or(&[][..], Vec::as_slice);
        let ids: Vec<&str> = failed.iter().filter_map(|one| one["eventId"].as_str()).collect();
        let few = ids.iter().take(MAX_IDS).copied().collect::<Vec<_>>().join(", ");
        let more = match ids.len().saturating_sub(MAX_IDS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Self {
            event: Err(format!(
                "the record has the ids of its events only ({few}{more}): replay them from the bus"
            )),
            code: text("errorCode").unwrap_or_else(|| "unknown".to_owned()),
            reason: text("errorMessage").unwrap_or_default(),
            condition: text("exhaustedRetryCondition"),
            function: text("targetArn").filter(|arn| arn.contains(":lambda:")),
            message,
        }
    }

    /// The event, or the events of an array; empty if there is nothing to send again.
    pub(crate) fn events(&self) -> &[Value] {
        match &self.event {
            Ok(Value::Array(events)) => events,
            Ok(event) => std::slice::from_ref(event),
            Err(_) => &[],
        }
    }

    /// The detail type of the event, or of several events their number.
    #[must_use]
    pub fn kind(&self) -> String {
        let mut kinds: Vec<&str> = self
            .events()
            .iter()
            .map(|event| text_of(event, "detail-type"))
            .collect();
        let all = kinds.len();
        kinds.dedup();
        match (kinds.as_slice(), all) {
            ([], _) => "(no event)".to_owned(),
            ([kind], 1) => (*kind).to_owned(),
            ([kind], all) => format!("{all} x {kind}"),
            (_, all) => format!("{all} events"),
        }
    }

    /// When the request was made; of several, the oldest. None for state changes.
    #[must_use]
    pub fn requested_at(&self) -> Option<Timestamp> {
        self.events().iter().filter_map(requested_at).min()
    }

    /// Whether the message names another function than this one.
    #[must_use]
    pub fn is_for_another_function(&self, function: &FunctionArn) -> bool {
        let meant = self.function.as_ref().and_then(|text| text.parse::<FunctionArn>().ok());
        meant.is_some_and(|meant| !meant.same_as(function))
    }

    /// The task, service, task definition or cluster that the event names.
    #[must_use]
    pub fn about(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        for about in self.events().iter().map(about) {
            if !about.is_empty() && !all.contains(&about) {
                all.push(about);
            }
        }
        match all.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first, others @ ..] => format!("{first} and {} more", others.len()),
        }
    }

    /// Whether ECS still has the client tokens of these starts; [`Tokens::Kept`] for other events.
    #[must_use]
    pub fn tokens(&self, now: Timestamp) -> Tokens {
        let all = self.events().iter().map(|event| tokens(event, now));
        all.max().unwrap_or(Tokens::Kept)
    }
}

fn text_of<'e>(event: &'e Value, name: &str) -> &'e str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn about(event: &Value) -> String {
    let detail = &event["detail"];
    let text = |name: &str| detail[name].as_str();
    let id = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    match (
        text("taskArn"),
        text("service"),
        text("taskDefinition"),
        text("cluster"),
    ) {
        (Some(task), _, _, _) => format!("task {}", id(task)),
        (_, Some(service), _, _) => format!("service {service}"),
        (_, _, Some(definition), _) => format!("task definition {}", id(definition)),
        (_, _, _, Some(cluster)) => format!("cluster {}", id(cluster)),
        (None, None, None, None) => match detail["tasks"].as_array().map(Vec::as_slice) {
            Some([one]) => format!("task {}", id(text_of(one, "taskArn"))),
            Some([first, others @ ..]) => format!("task {} and {} more", id(text_of(first, "taskArn")), others.len()),
            Some([]) | None => String::new(),
        },
    }
}

/// When a request was made: its `requestedAt`, but no later than the event's `time`.
pub(crate) fn requested_at(event: &Value) -> Option<Timestamp> {
    if !matches!(text_of(event, "detail-type"), START | STOP | RECONCILE) {
        return None;
    }
    let sent = Timestamp::parse(text_of(event, "time"));
    let requested = event["detail"]["requestedAt"].as_str().and_then(Timestamp::parse);
    match (requested, sent) {
        (Some(requested), Some(sent)) => Some(requested.min(sent)),
        (one, other) => one.or(other),
    }
}

fn tokens(event: &Value, now: Timestamp) -> Tokens {
    if text_of(event, "detail-type") != START {
        return Tokens::Kept;
    }
    match Timestamp::parse(text_of(event, "time")).map(|time| now.since(time)) {
        None => Tokens::Forgotten,
        Some(age) if age >= DAY => Tokens::Forgotten,
        Some(age) if age >= HOUR => Tokens::PerhapsForgotten,
        Some(_) => Tokens::Kept,
    }
}

/// How many event ids of a custom bus's record are printed.
const MAX_IDS: usize = 10;

fn no_event() -> Result<Value, String> {
    Err("the body is no event".to_owned())
}

/// An event, or an array with at least one; the function reports its other items.
fn is_sendable(value: &Value) -> bool {
    is_event(value) || value.as_array().is_some_and(|items| items.iter().any(is_event))
}

fn is_event(value: &Value) -> bool {
    value.get("detail-type").is_some_and(Value::is_string) && value.get("detail").is_some()
}

/// The event that a schedule would have sent to its bus. Its kind follows from the schedule's name: the component
/// names its schedules `<name>-start` and `<name>-stop`, and those of reconciles `reconcile`, `reconcile-2` and so on.
fn of_schedule(arn: &str, detail: Value, message: &Message, function: Option<&FunctionArn>) -> Result<Value, String> {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    // With several clusters each has its own reconcile, with a number at the end.
    let unnumbered = name
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('-');
    let detail_type = match (name.rsplit('-').next(), unnumbered) {
        (Some("start"), _) => START,
        (Some("stop"), _) => STOP,
        (_, "reconcile") => RECONCILE,
        _ => return Err(format!("start-engines has not created the schedule {name}")),
    };
    let attribute = |name: &str| {
        message
            .attributes
            .get(name)
            .cloned()
            .ok_or_else(|| format!("{name} is missing"))
    };
    let time = attribute("SCHEDULED_TIME")?;
    if !detail.is_object() {
        return Err("the body is no detail of an event".to_owned());
    }
    // Scheduler replaces these placeholders when it sends; an undelivered input may still contain them.
    let text = detail.to_string().replace("<aws.scheduler.scheduled-time>", &time);
    let detail: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut parts = arn.split(':');
    Ok(json!({
        "version": "0",
        "id": attribute("EXECUTION_ID")?,
        "detail-type": detail_type,
        "source": function.map(schedule_source),
        "account": parts.nth(4),
        "time": time,
        "region": arn.split(':').nth(3),
        "resources": [arn],
        "detail": detail,
    }))
}

/// The source of the schedules of one deployment (`pulumi/component/src/sources.ts`).
fn schedule_source(function: &FunctionArn) -> String {
    format!("start-engines.schedules.{}", function.name())
}

#[cfg(test)]
mod dead_letter_tests;
