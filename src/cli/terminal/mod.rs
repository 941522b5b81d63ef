//! Terminals: tables, progress, questions, Ctrl-C.

pub(crate) mod interrupt;
pub(crate) mod progress;
pub(crate) mod screen;
pub mod table;
