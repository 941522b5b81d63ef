//! Reads JSON field by field, and reports every problem in it at once.
//!
//! Must not know what the fields mean.

pub mod fields;
pub mod names;
pub mod problem;
