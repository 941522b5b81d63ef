//! Reports how an event was handled: to people, to metrics, to applications.
//!
//! Pure. Must not write or send anything.

mod attempts;
pub mod handled;
pub mod log_line;
pub mod metrics;
pub mod outcome_events;
