//! The ports: what the handler needs from outside, as traits.
//!
//! Must not know the implementations.

use std::future::Future;
use std::time::Duration;

use crate::call::{Answer, Call, CallError};
use crate::domain::timestamp::Timestamp;

/// The port to AWS: performs one call without changing it.
pub trait Aws {
    /// Performs `call`, with all its retries within the given time.
    ///
    /// # Errors
    /// If AWS refuses the call, does not answer in time, or cannot be reached.
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send;
}

/// The port to the clock.
pub trait Clock {
    /// Reads the clock. Decisions never do: they are given the time.
    fn now(&self) -> Timestamp;
}
