//! How much of an invocation's time a reconcile needs for what it begins.

use std::time::Duration;

use crate::journal::Reader;
use crate::outcome::{Category, Failure};

/// With less time left than this, no group is begun, nor another part of one.
pub(super) const MIN_STEP_TIME: Duration = Duration::from_secs(10);

/// With less time left than this, nothing is looked at again. EventBuilder the outcome takes time, too.
pub(super) const MIN_SNAPSHOT_TIME: Duration = Duration::from_secs(7);

/// Why nothing was done.
pub(super) const OUT_OF_TIME: &str = "looking at the tasks took all the time there is: give the function more";

/// So that something is left to repair with.
pub(super) fn in_time(reader: &Reader<'_>) -> Result<(), Failure> {
    let has_time = reader.has_time(MIN_STEP_TIME);
    has_time
        .then_some(())
        .ok_or_else(|| Failure::new(Category::ReconcileIncomplete, OUT_OF_TIME))
}
