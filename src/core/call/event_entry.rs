//! One entry of EventBridge's PutEvents, sent by the function or by the operator's command.

use serde_json::Value;

use crate::domain::arn::EventBus;
use crate::domain::timestamp::Timestamp;

/// An entry of [PutEvents](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventEntry {
    /// `EventBusName`; `None` for the account's default bus.
    pub bus: Option<EventBus>,
    /// `Source`.
    pub source: String,
    /// `DetailType`.
    pub detail_type: &'static str,
    /// `Time`; `None` for the time at which EventBridge receives it.
    pub time: Option<Timestamp>,
    /// `Resources`: the ARNs that the event concerns.
    pub resources: Vec<String>,
    /// `Detail`; sent as a string of JSON.
    pub detail: Value,
}
