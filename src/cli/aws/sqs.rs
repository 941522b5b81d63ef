//! SQS: the messages of a dead-letter queue. A received message is hidden from other consumers for a time,
//! and visible again after it unless it is deleted
//! ([visibility timeout](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html)).

use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use aws_sdk_sqs::{Client, types as sdk};
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::timestamp::Timestamp;

use crate::dead_letter::{Message, Receipt};

/// Maximum number of messages that one ReceiveMessage returns.
const MAX_RECEIVED: i32 = 10;
/// Long polling queries all of SQS's servers, so that an empty answer means an empty queue.
const LONG_POLL_SECONDS: i32 = 1;

/// Receives up to `max` messages, and at most ten.
pub(super) async fn receive(
    client: &Client,
    queue_url: &str,
    max: usize,
    visibility_timeout: Duration,
) -> Result<Vec<Message>, CallError> {
    const OPERATION: &str = "ReceiveMessage";
    let answer = client
        .receive_message()
        .queue_url(queue_url)
        .max_number_of_messages(i32::try_from(max).map_or(MAX_RECEIVED, |max| max.clamp(1, MAX_RECEIVED)))
        .wait_time_seconds(LONG_POLL_SECONDS)
        .visibility_timeout(seconds(visibility_timeout))
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .message_system_attribute_names(MessageSystemAttributeName::DeadLetterQueueSourceArn)
        .send()
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    let messages: Option<Vec<Message>> = answer.messages().iter().map(message).collect();
    messages.ok_or_else(|| CallError {
        operation: OPERATION,
        kind: ErrorKind::Unreadable,
        code: None,
        conflicting_tasks: Vec::new(),
        message: "a message without id, receipt handle or body".to_owned(),
    })
}

/// Hides a message for this time from now on; zero makes it visible.
pub(super) async fn change_visibility(
    client: &Client,
    queue_url: &str,
    receipt: &Receipt,
    visibility_timeout: Duration,
) -> Result<(), CallError> {
    let call = client
        .change_message_visibility()
        .queue_url(queue_url)
        .receipt_handle(&receipt.0)
        .visibility_timeout(seconds(visibility_timeout));
    call.send()
        .await
        .map(|_| ())
        .map_err(|error| call_error("ChangeMessageVisibility", &error))
}

/// Deletes a message from its queue.
pub(super) async fn delete(client: &Client, queue_url: &str, receipt: &Receipt) -> Result<(), CallError> {
    let call = client.delete_message().queue_url(queue_url).receipt_handle(&receipt.0);
    call.send()
        .await
        .map(|_| ())
        .map_err(|error| call_error("DeleteMessage", &error))
}

fn message(found: &sdk::Message) -> Option<Message> {
    let attributes = found.message_attributes().into_iter().flatten();
    let of_system = |name: MessageSystemAttributeName| found.attributes()?.get(&name);
    Some(Message {
        id: found.message_id()?.to_owned(),
        receipt: Receipt(found.receipt_handle()?.to_owned()),
        body: found.body()?.to_owned(),
        attributes: attributes
            .filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned())))
            .collect(),
        sent_at: of_system(MessageSystemAttributeName::SentTimestamp)
            .and_then(|millis| millis.parse().ok())
            .map(Timestamp::from_millis),
        moved_from: of_system(MessageSystemAttributeName::DeadLetterQueueSourceArn).cloned(),
    })
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}
