//! `start-engines` attaches standalone ECS tasks to load balancers, from events alone.
//!
//! Data flows one way, and no module imports a later stage:
//!
//! ```text
//!  EventBridge event
//!        |  trigger      envelope -> Trigger, or every problem in it
//!        v
//!  +-> decide            pure: (Trigger, Journal) -> the next Call, or how it ends
//!  |     |  call         one AWS call in domain types
//!  |     v
//!  |   aws               the only place that knows the SDK
//!  |     |  journal      call and answer, appended
//!  +-----+
//!        v
//!     outcome            what was done and why, or a Failure with a category
//!        |  outcome_event  what applications are told, if there is a bus for it
//!        |  report       one JSON log line, one metrics line
//!        v
//!     Lambda: Ok or Err
//! ```
//!
//! The handler, outside of here, is the loop in this picture. Nothing in it sleeps or waits for a state: what takes
//! time comes back as an event.

pub mod call;
pub mod config;
pub mod decide;
pub mod domain;
pub mod input;
pub mod journal;
pub mod outcome;
pub mod ports;
pub mod report;
pub mod request;
pub mod spec;
