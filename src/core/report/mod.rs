//! What is reported of one event once it was handled: to people, to metrics, to applications.
//!
//! Pure. Must not write or send.

pub mod handled;
pub mod log_line;
pub mod outcome_events;
