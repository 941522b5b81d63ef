//! What `start-engines` decides. It attaches standalone ECS tasks to load balancers, from events alone.
//!
//! No clock, no IO, no SDK, no async runtime. Data flows one way, and no room imports one above it (`tests/layers.rs`):
//!
//! ```text
//!  EventBridge event
//!        |  request     envelope -> Trigger, or every problem in it
//!        v
//!  +-> decide           pure: (Trigger, Journal) -> the next Calls, or how it ends
//!  |     |  call        one AWS call in domain types
//!  |     v
//!  |    ports::Aws      the port that the crate `start_engines_aws` implements
//!  |     |  journal     call and answer, appended
//!  +-----+
//!        v
//!     outcome           what was done and why, or a Failure with a category
//!        |  report      one log line, one line of metrics, outcome events for applications
//!        v
//!     Lambda: Ok or Err
//! ```
//!
//! The crate `start_engines_handler` is the loop in this picture. Nothing in it sleeps or waits for a state: what takes
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
