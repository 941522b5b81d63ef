//! A reconcile of all clusters: a one-time schedule for each. So each is an event of its own, with its own time and its own
//! retries, and a failure in one cluster keeps none of the others from being repaired.

use std::time::Duration;

use super::failures::Failures;
use super::schedules::{self, MIN_SCHEDULE_AHEAD};
use crate::call::ErrorKind;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome};
use crate::request::reconcile_all::ReconcileAllRequest;

/// Four clusters begin in each minute, since they share the rates of the same APIs: 100 of them in 26 minutes. Scheduler is
/// precise to the minute only: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>.
const BETWEEN: Duration = Duration::from_secs(15);

/// Creates the schedules.
///
/// # Errors
/// With the next calls, or with all failures. What is scheduled by then stays so.
pub(super) fn reconcile_all(request: &ReconcileAllRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let now = reader.now();
    let mut schedules = Vec::new();
    let mut at = now.after(MIN_SCHEDULE_AHEAD);
    for cluster in &request.clusters {
        let Some(schedule) = schedules::reconcile_of(request, cluster, now, at) else {
            let why = if request.later.is_none() {
                Failure::new(
                    Category::ReconcileIncomplete,
                    "without SCHEDULER_ROLE_ARN the clusters cannot be reconciled one by one",
                )
            } else {
                Failure::internal("the time of a reconcile is not a valid date")
            };
            return Err(why.into());
        };
        schedules.push(schedule);
        at = at.after(BETWEEN);
    }
    let mut failures = Failures::default();
    for answer in reader.create_schedules(schedules)? {
        match answer {
            Ok(()) => {}
            // Created by an earlier attempt or delivery.
            Err(error) if error.kind == ErrorKind::Conflict => {}
            Err(error) => failures.add(error),
        }
    }
    failures.into_result(Outcome::Scheduled {
        clusters: request.clusters.clone(),
    })
}
