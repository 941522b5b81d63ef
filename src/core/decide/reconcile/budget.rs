//! The time that a reconcile needs for what it begins, within one invocation.

use std::time::Duration;

use crate::journal::Reader;
use crate::outcome::{Category, Failure};

/// The minimum time left in which a target group, or a further part of one, is begun.
pub(super) const MIN_STEP_TIME: Duration = Duration::from_secs(10);

/// The minimum time left in which a further snapshot is taken. Publishing the outcome takes time, too.
pub(super) const MIN_SNAPSHOT_TIME: Duration = Duration::from_secs(7);

/// Why nothing was repaired.
pub(super) const OUT_OF_TIME: &str = "describing the tasks took all available time: increase the function's timeout";

/// Fails once no time would be left for repairs.
pub(super) fn in_time(reader: &Reader<'_>) -> Result<(), Failure> {
    let has_time = reader.has_time(MIN_STEP_TIME);
    has_time
        .then_some(())
        .ok_or_else(|| Failure::new(Category::ReconcileIncomplete, OUT_OF_TIME))
}
