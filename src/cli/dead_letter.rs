//! What waits in the dead-letter queues, as one thing: an event, why it is there, since when.
//!
//! Five kinds of messages come there, told by their shape:
//!
//! - EventBridge could not deliver to a rule's target: the body is the event, the reason is in message
//!   attributes (`ERROR_CODE`, `ERROR_MESSAGE`, `EXHAUSTED_RETRY_CONDITION`, `RETRY_ATTEMPTS`, `RULE_ARN`,
//!   `TARGET_ARN`):
//!   [dead-letter queues of rules](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
//! - EventBridge Scheduler could not invoke a schedule's target: the body is the target's input, the reason in
//!   attributes of the same names, with `SCHEDULE_ARN`, `SCHEDULED_TIME`, `EXECUTION_ID` and
//!   `IS_PAYLOAD_TRUNCATED`:
//!   [dead-letter queues of schedules](https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html).
//!   The input of the function's own schedules is an event; that of a schedule which sends to a bus is a
//!   `detail` only, and the event is made of it.
//! - The function failed: the body is Lambda's record of the invocation, with `requestPayload`,
//!   `requestContext.condition`, `responsePayload.errorType` and `errorMessage`:
//!   [records of asynchronous invocations](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
//!   The payload is an array where a custom event bus has handed one over, and is sent again as one.
//! - A custom event bus could not deliver to its subscriber's target: the body is the bus's record, with `busArn`,
//!   `errorCode`, `errorMessage` and `exhaustedRetryCondition`. It has the ids of the events (`failedMessages`), and not
//!   the events, so that only the bus can send them again:
//!   [dead-letter queues of subscribers](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html).
//! - In buffered mode the function failed on a message at every delivery, and SQS has moved it: the body is the event,
//!   `DeadLetterQueueSourceArn` is the queue. The message says no reason, but keeps the id that the function's log has:
//!   [dead-letter queues of queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
//!
//! Must not decide what is sent again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_core::domain::arn::FunctionArn;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::envelope::{RECONCILE, START, STOP};

/// What a message is deleted by.
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
    /// `DeadLetterQueueSourceArn`: the queue that SQS has moved it from.
    pub moved_from: Option<String>,
}

/// An event that was not handled.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The message.
    pub message: Message,
    /// The event, or the array of events, as it is sent again; or why there is none.
    pub event: Result<Value, String>,
    /// `errorType`, `ERROR_CODE`, or [`RECEIVED_TOO_OFTEN`].
    pub code: String,
    /// `errorMessage`, or `ERROR_MESSAGE`, whole; or where the reason is.
    pub reason: String,
    /// What ended the tries: `RetriesExhausted`, `EventAgeExceeded`, `MaximumRetryAttempts`, `maxReceiveCount`...
    pub condition: Option<String>,
    /// The function that it was meant for, as far as the message tells.
    pub function: Option<String>,
}

/// How sure it is that ECS has forgotten the client tokens of a start, so that sending it again can start
/// its tasks a second time: it keeps them for the lesser of 24 hours, and the task's life and an hour
/// ([ensuring idempotency](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tokens {
    /// It has them: nothing starts twice.
    Kept,
    /// It has forgotten those whose task has ended since.
    PerhapsForgotten,
    /// It has forgotten them all.
    Forgotten,
}

/// The code of a message that SQS has moved, which has none.
pub const RECEIVED_TOO_OFTEN: &str = "received_too_often";

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

impl DeadLetter {
    /// What a message is about. Anything can be in a queue, so this never fails.
    #[must_use]
    pub fn read(message: Message) -> Self {
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
                    "given to the function from {queue} as often as may be; its log says why, by messageId {}",
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
                Err("Scheduler has cut the payload short".to_owned())
            }
            Some(schedule) if !is_sendable(&body) => of_schedule(&schedule, body, &message),
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
            // A function that was killed has no errorType; Lambda says why in the message alone.
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
                "the bus tells the ids of its events only ({few}{more}): have the bus replay them"
            )),
            code: text("errorCode").unwrap_or_else(|| "unknown".to_owned()),
            reason: text("errorMessage").unwrap_or_default(),
            condition: text("exhaustedRetryCondition"),
            function: text("targetArn").filter(|arn| arn.contains(":lambda:")),
            message,
        }
    }

    /// The events: one, or those of an array; none if there is nothing to be sent again.
    fn events(&self) -> &[Value] {
        match &self.event {
            Ok(Value::Array(events)) => events,
            Ok(event) => std::slice::from_ref(event),
            Err(_) => &[],
        }
    }

    /// What kind of event it is, or how many of which kind.
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

    /// When a start, a stop or a reconcile was asked for; of several, the oldest.
    #[must_use]
    pub fn requested_at(&self) -> Option<Timestamp> {
        self.events().iter().filter_map(requested_at).min()
    }

    /// Whether it was meant for another function than this one.
    #[must_use]
    pub fn is_for_another_function(&self, function: &FunctionArn) -> bool {
        let meant = self.function.as_ref().and_then(|text| text.parse::<FunctionArn>().ok());
        meant.is_some_and(|meant| !meant.same_as(function))
    }

    /// What the event is about, in one word or two: a task, a service, a cluster.
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

    /// Whether this start may start its tasks a second time, or one of these; of other events nothing is to fear.
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
        (None, None, None, None) => String::new(),
    }
}

/// When a request was asked for: its `requestedAt`, if that is no later than the event's `time`.
fn requested_at(event: &Value) -> Option<Timestamp> {
    if !matches!(text_of(event, "detail-type"), START | STOP | RECONCILE) {
        return None;
    }
    let sent = Timestamp::parse(text_of(event, "time"));
    let asked = event["detail"]["requestedAt"].as_str().and_then(Timestamp::parse);
    match (asked, sent) {
        (Some(asked), Some(sent)) => Some(asked.min(sent)),
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

/// How many ids of a bus's events are told.
const MAX_IDS: usize = 10;

fn no_event() -> Result<Value, String> {
    Err("the body is no event".to_owned())
}

/// An event, or an array that holds any: what else it holds the function tells.
fn is_sendable(value: &Value) -> bool {
    is_event(value) || value.as_array().is_some_and(|items| items.iter().any(is_event))
}

fn is_event(value: &Value) -> bool {
    value.get("detail-type").is_some_and(Value::is_string) && value.get("detail").is_some()
}

/// The event that a schedule would have sent to its bus. Its name tells which kind: the component calls its
/// schedules `<name>-start` and `<name>-stop`, and those of reconciles `reconcile`, `reconcile-2` and so on.
fn of_schedule(arn: &str, detail: Value, message: &Message) -> Result<Value, String> {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    // Of several clusters each has its own reconcile, with a number at the end.
    let unnumbered = name
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('-');
    let detail_type = match (name.rsplit('-').next(), unnumbered) {
        (Some("start"), _) => START,
        (Some("stop"), _) => STOP,
        (_, "reconcile") => RECONCILE,
        _ => return Err(format!("the schedule {name} is none that start-engines has made")),
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
    // Scheduler fills these in when it sends; what it could not send may still have them.
    let text = detail.to_string().replace("<aws.scheduler.scheduled-time>", &time);
    let detail: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let mut parts = arn.split(':');
    Ok(json!({
        "version": "0",
        "id": attribute("EXECUTION_ID")?,
        "detail-type": detail_type,
        "source": SCHEDULES,
        "account": parts.nth(4),
        "time": time,
        "region": arn.split(':').nth(3),
        "resources": [arn],
        "detail": detail,
    }))
}

/// The source of the component's schedules (`pulumi/src/arguments.ts`).
const SCHEDULES: &str = "start-engines.schedules";

#[cfg(test)]
mod tests;
