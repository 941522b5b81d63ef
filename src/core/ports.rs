//! The ports: what the handler needs of the world, and whoever runs it provides.
//!
//! Must not know who implements them.

use std::future::Future;
use std::time::Duration;

use crate::call::{Answer, Call, CallError};
use crate::domain::timestamp::Timestamp;

/// The port to AWS: performs one call as it is, within the given time, retries included.
pub trait Aws {
    /// Performs `call`.
    ///
    /// # Errors
    /// When AWS refuses it, does not answer in time, or cannot be reached.
    fn perform(&self, call: &Call, within: Duration) -> impl Future<Output = Result<Answer, CallError>> + Send;
}

/// The port to the clock.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}
