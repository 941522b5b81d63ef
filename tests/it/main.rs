//! All tests against something outside our own code: the wire, the binary, emulators, the demo.
//!
//! One binary, since each links the whole SDK.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod batches;
mod budget;
mod cells;
mod command;
mod connections;
mod deadlines;
mod demo;
mod deployments;
mod docs;
mod emulators;
mod field_cases;
mod fixtures;
mod flood;
mod function;
mod groups;
mod hosts;
mod instances;
mod kills;
mod ladder;
mod outcome_events;
mod overdue;
mod packed;
mod races;
mod reconcile;
mod shapes;
mod soak;
mod stage;
mod start_times;
mod starts;
mod stop_times;
mod stops;
mod validate;
