//! SQS as far as dead-letter queues go, and Lambda's asynchronous Invoke: messages that hide for a time and come
//! back, receipts that are good until the next one, and a record of who was invoked with what.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::arns;
use super::service::ApiError;
use super::world::World;

/// A queue keeps its messages in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: BTreeMap<String, Vec<Message>>,
    sent: usize,
    received: usize,
}

#[derive(Debug)]
struct Message {
    id: String,
    body: String,
    attributes: Value,
    sent_at: OffsetDateTime,
    hidden_until: OffsetDateTime,
    receipt: Option<String>,
    /// The ARN of the queue that SQS has moved it from.
    moved_from: Option<String>,
}

impl World {
    /// Adds a queue; gives its URL.
    pub fn add_queue(&mut self, name: &str) -> String {
        let url = format!("https://sqs.{}.amazonaws.com/{}/{name}", self.region, self.account);
        self.queues.queues.entry(url.clone()).or_default();
        url
    }

    /// Puts a message into a queue, with text attributes; gives its id.
    pub fn add_message(&mut self, url: &str, body: &Value, attributes: &[(&str, &str)]) -> String {
        self.queues.sent += 1;
        let id = arns::uuid(&format!("message {}", self.queues.sent));
        let attribute =
            |(name, value): &(&str, &str)| ((*name).to_owned(), json!({"DataType": "String", "StringValue": value}));
        let message = Message {
            id: id.clone(),
            body: body.to_string(),
            attributes: attributes.iter().map(attribute).collect(),
            sent_at: self.clock,
            hidden_until: self.clock,
            receipt: None,
            moved_from: None,
        };
        self.queues
            .queues
            .get_mut(url)
            .expect("a queue of this world")
            .push(message);
        id
    }

    /// Puts a message with an event there as SQS does when it was received from another queue too often; gives its id. It
    /// keeps the time at which it was sent to the other queue ("when a message is moved to a dead-letter queue, the enqueue
    /// timestamp is unchanged", of standard queues:
    /// [retention in dead-letter queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html)):
    /// here that is the event's `time`.
    pub fn move_message(&mut self, url: &str, body: &Value, from: &str) -> String {
        let id = self.add_message(url, body, &[]);
        let arn = format!("arn:aws:sqs:{}:{}:{from}", self.region, self.account);
        let queue = self.queues.queues.get_mut(url).expect("a queue of this world");
        let message = queue.last_mut().expect("the message");
        message.moved_from = Some(arn);
        let time = body["time"].as_str().expect("an event with its time");
        message.sent_at = OffsetDateTime::parse(time, &Rfc3339).expect("a time");
        id
    }

    /// The ids of all messages in a queue, hidden ones too.
    pub fn messages(&self, url: &str) -> Vec<String> {
        self.queues.queues[url]
            .iter()
            .map(|message| message.id.clone())
            .collect()
    }

    /// How many messages of a queue are hidden now.
    pub fn hidden_messages(&self, url: &str) -> usize {
        let queue = &self.queues.queues[url];
        queue.iter().filter(|message| message.hidden_until > self.clock).count()
    }

    /// Who was invoked with what.
    pub fn invocations(&self) -> &[(String, Value)] {
        &self.invocations
    }

    fn queue(&mut self, input: &Value) -> Result<&mut Vec<Message>, ApiError> {
        let url = input["QueueUrl"].as_str().unwrap_or_default();
        let missing = || ApiError::new("QueueDoesNotExist", "The specified queue does not exist.");
        self.queues.queues.get_mut(url).ok_or_else(missing)
    }

    fn held(&mut self, input: &Value) -> Result<usize, ApiError> {
        let receipt = input["ReceiptHandle"].as_str().unwrap_or_default().to_owned();
        let place = self
            .queue(input)?
            .iter()
            .position(|message| message.receipt.as_ref() == Some(&receipt));
        place.ok_or_else(|| ApiError::new("ReceiptHandleIsInvalid", "The receipt handle has expired."))
    }

    pub(super) fn receive_message(&mut self, input: &Value) -> Result<Value, ApiError> {
        let now = self.clock;
        let most = usize::try_from(input["MaxNumberOfMessages"].as_u64().unwrap_or(1)).expect("checked by shape");
        let hidden = Duration::from_secs(input["VisibilityTimeout"].as_u64().unwrap_or(30));
        let mut received = self.queues.received;
        let has_attributes = input["MessageAttributeNames"] == json!(["All"]);
        let asked = input["MessageSystemAttributeNames"].as_array();
        let asks_for_source = asked.is_some_and(|names| names.contains(&json!("DeadLetterQueueSourceArn")));
        let mut messages = Vec::new();
        for message in self
            .queue(input)?
            .iter_mut()
            .filter(|message| message.hidden_until <= now)
            .take(most)
        {
            received += 1;
            let receipt = arns::hex(&format!("receipt {received}"), 40);
            message.hidden_until = now + hidden;
            message.receipt = Some(receipt.clone());
            let mut reported = json!({"MessageId": message.id, "ReceiptHandle": receipt, "Body": message.body});
            if has_attributes {
                reported["MessageAttributes"] = message.attributes.clone();
            }
            let millis = message.sent_at.unix_timestamp_nanos() / 1_000_000;
            reported["Attributes"] = json!({"SentTimestamp": millis.to_string()});
            if let Some(arn) = message.moved_from.as_ref().filter(|_| asks_for_source) {
                reported["Attributes"]["DeadLetterQueueSourceArn"] = json!(arn);
            }
            messages.push(reported);
        }
        self.queues.received = received;
        Ok(if messages.is_empty() {
            json!({})
        } else {
            json!({"Messages": messages})
        })
    }

    pub(super) fn delete_message(&mut self, input: &Value) -> Result<Value, ApiError> {
        let place = self.held(input)?;
        self.queue(input)?.remove(place);
        Ok(json!({}))
    }

    pub(super) fn change_message_visibility(&mut self, input: &Value) -> Result<Value, ApiError> {
        let now = self.clock;
        let hidden = Duration::from_secs(input["VisibilityTimeout"].as_u64().unwrap_or_default());
        let place = self.held(input)?;
        let message = &mut self.queue(input)?[place];
        if message.hidden_until <= now {
            return Err(ApiError::new("MessageNotInflight", "The message is not in flight."));
        }
        message.hidden_until = now + hidden;
        Ok(json!({}))
    }

    pub(super) fn invoke(&mut self, input: &Value) -> Result<Value, ApiError> {
        let function = input["FunctionName"].as_str().unwrap_or_default();
        let name = function.rsplit(':').next().unwrap_or_default();
        if name != "start-engines" {
            let message = format!("Function not found: {function}");
            return Err(ApiError::new("ResourceNotFoundException", message).with_status(404));
        }
        self.invocations.push((function.to_owned(), input["Payload"].clone()));
        Ok(json!({}))
    }
}
