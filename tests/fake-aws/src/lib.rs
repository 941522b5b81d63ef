//! What the function talks to, as tests have it: AWS and Lambda's Runtime API, at the wire.
//!
//! Must not use any crate under test, so that no mistake of the function can hide in the world that it is tested
//! against. Its own tests, in plain HTTP, are in `tests/fake_aws/`.
//!
//! Without the feature `wire` there is only the [`World`]: the account's state and rules, with no IO.

mod aws;
#[cfg(feature = "wire")]
pub mod function;
#[cfg(feature = "wire")]
pub mod runtime_api;
#[cfg(feature = "wire")]
mod server;
#[cfg(feature = "wire")]
pub mod tls;
#[cfg(feature = "wire")]
pub mod wire;

pub use aws::{
    ApiError, Binding, Call, Failure, Health, NetworkMode, RunTaskResult, Service, TargetGroup, TaskDefinition, World,
};
#[cfg(feature = "wire")]
pub use aws::{FakeAws, Fault};
