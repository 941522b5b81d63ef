//! CloudWatch Logs: the lines of a log group that a filter pattern matches.
//!
//! The crate takes 39 s to build in debug on two cores, beside the other clients.

use aws_sdk_cloudwatchlogs::Client;
use start_engines_aws::error::call_error;
use start_engines_core::call::CallError;
use start_engines_core::domain::timestamp::Timestamp;

/// One page of lines, which may be empty though more pages follow: "a returned page might only be partially full, or even
/// empty", and the search has ended when there is no `nextToken`
/// ([FilterLogEvents](https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The lines, each with its `timestamp`.
    pub lines: Vec<(Timestamp, String)>,
    /// `nextToken`.
    pub next: Option<String>,
}

/// One page of the lines of a log group since a time.
pub(super) async fn filter_log_events(
    client: &Client,
    group: &str,
    pattern: &str,
    since: Timestamp,
    page: Option<&str>,
) -> Result<LogPage, CallError> {
    let answer = client
        .filter_log_events()
        .log_group_name(group)
        .filter_pattern(pattern)
        .start_time(since.millis())
        .set_next_token(page.map(str::to_owned))
        .send()
        .await
        .map_err(|error| call_error("FilterLogEvents", &error))?;
    let lines = answer.events().iter().filter_map(|event| {
        let at = Timestamp::from_millis(event.timestamp()?);
        Some((at, event.message()?.to_owned()))
    });
    Ok(LogPage {
        lines: lines.collect(),
        next: answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned),
    })
}
