//! The pure part of the operator's command: what it sends, what it sees, and what it makes of it.
//!
//! Must not call AWS, read a clock, or print; the command's own modules (`src/bin/start-engines/`) do. The
//! function is built without it.

pub mod dead_letter;
pub mod diff;
pub mod event_file;
pub mod fleet;
pub mod request;
pub mod status;
pub mod table;
pub mod told;
