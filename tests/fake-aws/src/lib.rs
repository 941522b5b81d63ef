//! What the function talks to, as tests have it: AWS and Lambda's Runtime API, at the wire.
//!
//! Must not use any crate under test, so that no mistake of the function can hide in the world that it is tested
//! against. Its own tests, in plain HTTP, are in `tests/fake_aws/`.

mod aws;
pub mod function;
pub mod runtime_api;
mod server;
pub mod tls;
pub mod wire;

pub use aws::{
    ApiError, Binding, Call, Failure, FakeAws, Fault, Health, NetworkMode, RunTaskResult, Service, TargetGroup,
    TaskDefinition, World,
};
