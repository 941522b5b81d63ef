//! EventBridge Scheduler: a one-time schedule that has not run yet. One that has run has deleted itself.

use aws_sdk_scheduler::Client;
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, ErrorKind};
use start_engines_core::domain::timestamp::Timestamp;

/// When a schedule runs; `None` if there is no such schedule, or it is not one that runs once.
pub(super) async fn one_time_schedule(
    client: &Client,
    group: Option<&str>,
    name: &str,
) -> Result<Option<Timestamp>, CallError> {
    let answer = client
        .get_schedule()
        .name(name)
        .set_group_name(group.map(str::to_owned))
        .send()
        .await
        .map_err(|error| call_error("GetSchedule", &error));
    match answer {
        Ok(found) => Ok(found.schedule_expression().and_then(at)),
        // It has run, or was never created.
        Err(error) if error.kind == ErrorKind::ResourceNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The time of `at(2026-11-20T07:00:00)`, which the function gives in UTC.
fn at(expression: &str) -> Option<Timestamp> {
    let time = expression.strip_prefix("at(")?.strip_suffix(')')?;
    Timestamp::parse(&format!("{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_schedule_that_runs_once_has_a_time() {
        let time = Timestamp::parse("2026-11-20T07:00:00Z");
        assert_eq!(at("at(2026-11-20T07:00:00)"), time);
        assert_eq!(at("rate(1 hours)"), None);
        assert_eq!(at("at(soon)"), None);
    }
}
