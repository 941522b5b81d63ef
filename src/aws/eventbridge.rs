//! EventBridge: outcome events.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::error::call_error;
use crate::arn::EventBus;
use crate::call::{CallError, NotPut};
use crate::outcome_event::{OutcomeEvent, SOURCE};

const OPERATION: &str = "PutEvents";

/// Puts at most 10 events on the bus; gives those that it did not take.
///
/// A call that succeeds may still have taken only some of them: entries of the answer are in the
/// order of the request's ([PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html)).
pub(super) async fn put_events(
    client: &Client,
    bus: &EventBus,
    events: &[OutcomeEvent],
) -> Result<Vec<NotPut>, CallError> {
    let entries = events.iter().map(|event| {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus.as_str())
            .source(SOURCE)
            .detail_type(event.kind.detail_type())
            .time(DateTime::from_millis(event.time.millis()))
            .set_resources(Some(event.resources.clone()))
            .detail(event.detail.to_string())
            .build()
    });
    let call = client.put_events().set_entries(Some(entries.collect()));
    let output = call.send().await.map_err(|error| call_error(OPERATION, &error))?;
    let refused = output.entries().iter().enumerate().filter_map(|(index, entry)| {
        let code = entry.error_code()?;
        let message = entry.error_message().unwrap_or_default();
        let error = format!("{code}: {message}");
        Some(NotPut { index, error })
    });
    Ok(refused.collect())
}
