//! What the command prints, for people and as JSON. Pure.

pub(crate) mod dead_letters;
pub mod explain;
pub mod json;
pub mod plan;
pub mod status;
