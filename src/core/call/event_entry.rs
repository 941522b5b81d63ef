//! One event for EventBridge's PutEvents: of the function, or of the operator's command.

use serde_json::Value;

use crate::domain::arn::EventBus;
use crate::domain::timestamp::Timestamp;

/// An entry of [PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventEntry {
    /// `EventBusName`; the account's default bus if not given.
    pub bus: Option<EventBus>,
    /// `Source`.
    pub source: String,
    /// `DetailType`.
    pub detail_type: &'static str,
    /// `Time`; when EventBridge gets it if not given.
    pub time: Option<Timestamp>,
    /// `Resources`: ARNs.
    pub resources: Vec<String>,
    /// `Detail`.
    pub detail: Value,
}
