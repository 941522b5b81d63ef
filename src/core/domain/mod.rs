//! Tasks, targets, and their names and tags, in types whose values are always valid.
//!
//! Must not know calls, events or settings.

pub mod arn;
pub mod definition;
pub mod deployment;
pub mod instance;
pub mod interface;
pub mod requested_at;
pub mod started_by;
pub mod tags;
pub mod target;
pub mod task;
pub mod timestamp;
