//! Test support: fakes of what the function talks to, at the wire.
//!
//! Every integration test includes this whole module and uses a part of it, hence the
//! `allow` of dead code. Nothing here may use the crate under test, so that no mistake of
//! the function can hide in the world that it is tested against.
#![allow(
    dead_code,
    unused_imports,
    clippy::expect_used,
    reason = "a panic with a clear message is how test support reports a wrong test"
)]

pub(crate) mod fake_aws;
pub(crate) mod function;
pub(crate) mod runtime_api;
mod server;
pub(crate) mod wire;
