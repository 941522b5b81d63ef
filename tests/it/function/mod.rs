//! The function's binary, as Lambda runs it: over the Runtime API, against the fake of AWS at the wire.

pub(crate) mod connections;
mod invocations;
mod kills;
