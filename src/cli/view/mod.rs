//! The command's output, as text and as JSON. Pure.

pub(crate) mod dead_letters;
pub(crate) mod doctor;
pub mod explain;
pub mod health;
pub mod json;
pub mod plan;
pub mod status;
pub mod trace;
