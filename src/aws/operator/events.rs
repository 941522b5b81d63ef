//! EventBridge PutEvents of one event.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::aws::error::{call_error, kind_of};
use crate::call::{CallError, ErrorKind};
use crate::operator::request::NewEvent;

const OPERATION: &str = "PutEvents";

/// Sends it. PutEvents answers 200 even if it did not take the entry, so the entry's own answer decides
/// ([PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html)).
pub(super) async fn put_event(client: &Client, event: &NewEvent) -> Result<String, CallError> {
    let entry = PutEventsRequestEntry::builder()
        .set_event_bus_name(event.bus.as_ref().map(ToString::to_string))
        .source(&event.source)
        .detail_type(event.detail_type)
        .detail(event.detail.to_string())
        .build();
    let answer = client
        .put_events()
        .entries(entry)
        .send()
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    let entry = answer.entries().first();
    if let (0, Some(id)) = (answer.failed_entry_count(), entry.and_then(|entry| entry.event_id())) {
        return Ok(id.to_owned());
    }
    let code = entry.and_then(|entry| entry.error_code());
    let message = entry.and_then(|entry| entry.error_message());
    Err(CallError {
        operation: OPERATION,
        kind: code.map_or(ErrorKind::Unreadable, |code| kind_of(Some(code), 200)),
        code: code.map(str::to_owned),
        message: message
            .unwrap_or("EventBridge did not take the event, and does not say why")
            .to_owned(),
    })
}
