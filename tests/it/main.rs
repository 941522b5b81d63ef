//! All tests against something outside our own code: the wire, the binary, emulators, the demo.
//!
//! One binary, since each links the whole SDK.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod command;
mod docs;
mod emulators;
mod events;
mod function;
mod packed;
mod stage;
