//! Property tests of every parser and encoding, through the crate's public face.
//!
//! What is accepted is read as it was written, what is not is refused with all that is wrong, and
//! nothing whatsoever makes a parser panic. (The encodings of tags, `startedBy` and client tokens
//! have theirs beside the code.)
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod events;
mod json;
mod names;
mod settings;
