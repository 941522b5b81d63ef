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
//! [`handler`] is the loop in this picture. Nothing in it sleeps or waits for a state: what takes
//! time comes back as an event.

pub mod allow_list;
pub mod arn;
pub mod aws;
pub mod batch;
pub mod call;
pub mod catalog;
pub mod config;
pub mod decide;
pub mod definition;
pub mod deployment;
pub mod envelope;
pub mod event_entry;
pub mod explain;
pub mod handled;
pub mod handler;
pub mod instance;
pub mod journal;
pub mod later;
pub mod merge;
#[cfg(feature = "cli")]
pub mod operator;
pub mod outcome;
pub mod outcome_event;
pub mod pace;
pub mod ports;
pub mod problem;
pub mod rates;
pub mod reconcile;
pub mod report;
pub mod requested_at;
pub mod run_task;
pub mod schedule;
pub mod sender;
pub mod start;
pub mod started_by;
pub mod stop;
pub mod tags;
pub mod target;
pub mod task;
pub mod task_change;
pub mod timestamp;
pub mod trigger;

mod fields;
mod memory;
mod names;
mod other_shapes;
