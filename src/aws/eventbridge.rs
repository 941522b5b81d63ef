//! EventBridge PutEvents: the function's outcome events, and the events of the operator's command.

use aws_sdk_eventbridge::operation::put_events::PutEventsInput;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::call::{CallError, FailedEntry};

use crate::client::Client;
use crate::error::call_error;

/// The operation's name in AWS's API.
pub const OPERATION: &str = "PutEvents";

/// Puts at most 10 entries; returns for each the id that EventBridge gave the event, or the failed entry's error.
///
/// A call that succeeds may still have failed entries. The answer's entries are in the order of the request's
/// ([PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html)).
///
/// # Errors
/// PutEvents' own.
pub async fn put_events(
    client: &Client,
    entries: &[EventEntry],
) -> Result<Vec<Result<String, FailedEntry>>, CallError> {
    let requested = entries.iter().map(|entry| {
        PutEventsRequestEntry::builder()
            .set_event_bus_name(entry.bus.as_ref().map(ToString::to_string))
            .source(&entry.source)
            .detail_type(entry.detail_type)
            .set_time(entry.time.map(|time| DateTime::from_millis(time.millis())))
            .set_resources(Some(entry.resources.clone()).filter(|resources| !resources.is_empty()))
            .detail(entry.detail.to_string())
            .build()
    });
    let request = PutEventsInput::builder().set_entries(Some(requested.collect())).build();
    let output = client
        .send(request)
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    let results = (0..entries.len()).map(|index| {
        let result = output.entries().get(index);
        let code = result.and_then(|entry| entry.error_code());
        match (code, result.and_then(|entry| entry.event_id())) {
            (None, Some(id)) => Ok(id.to_owned()),
            (code, _) => Err(FailedEntry {
                index,
                code: code.map(str::to_owned),
                message: result
                    .and_then(|entry| entry.error_message())
                    .unwrap_or("EventBridge did not accept the event, and gave no reason")
                    .to_owned(),
            }),
        }
    });
    Ok(results.collect())
}
