//! How a stop of a service or of a cluster goes on later (`continuation`): the same selection again, by a schedule.
//!
//! Only start-engines itself sends it. Written and read here, and nowhere else.

use serde_json::{Value, json};

use super::{Drain, Selector, StopRequest};
use crate::domain::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// How many times a stop can continue in another invocation.
pub const MAX_CONTINUATIONS: i32 = 100;

/// That an event is not the first of its stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Continuation {
    /// The number of the continuation, from 1 to [`MAX_CONTINUATIONS`]: how many events led to this one.
    pub count: i32,
    /// When the first event was handled: drains count from then, where no tag of the task says more.
    pub handled_at: Timestamp,
}

/// Reads `continuation`, and the identity of the first event in it; records every problem.
pub(super) fn read(value: &Value, problems: &mut Problems) -> Option<(Continuation, String)> {
    let mut fields = Fields::of(value, "detail.continuation", problems)?;
    let count = fields.number("count", 1..=i64::from(MAX_CONTINUATIONS), problems);
    let handled_at = fields.read("handledAt", problems, |value| {
        let time = value.as_str().and_then(Timestamp::parse);
        time.ok_or_else(|| "must be a time in RFC 3339, as in 2026-11-20T07:00:00Z".to_owned())
    });
    let identity = fields.text("id", 1024, problems);
    for name in ["count", "handledAt", "id"] {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), "every continuation has this field");
        }
    }
    fields.deny_unknown(problems);
    Some((
        Continuation {
            count: count?,
            handled_at: handled_at?,
        },
        identity?,
    ))
}

/// The `detail` of the event with which a stop continues; `None` if a time is not a valid date.
///
/// A service that is searched for in several clusters is searched for in those that the configuration then names.
#[must_use]
pub fn continued(request: &StopRequest, continuation: &Continuation) -> Option<Value> {
    let mut detail = json!({
        "reason": request.reason,
        "continuation": {
            "count": continuation.count,
            "handledAt": continuation.handled_at.to_rfc3339()?,
            "id": request.identity,
        },
    });
    match &request.selector {
        Selector::Task { arn, cluster } => {
            detail["taskArn"] = json!(arn.as_str());
            detail["cluster"] = json!(cluster.as_str());
        }
        Selector::Service { name, clusters } => {
            detail["service"] = json!(name);
            if let [cluster] = clusters.as_slice() {
                detail["cluster"] = json!(cluster.as_str());
            }
        }
        Selector::Cluster(cluster) => {
            detail["cluster"] = json!(cluster.as_str());
            detail["all"] = json!(true);
        }
    }
    if let Drain::For(drain) = request.drain {
        detail["drainSeconds"] = json!(drain.as_secs());
    }
    if let Some(id) = &request.correlation_id {
        detail["correlationId"] = json!(id);
    }
    if let Some(requested_at) = request.requested_at {
        detail["requestedAt"] = json!(requested_at.to_rfc3339()?);
    }
    Some(detail)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::read as read_stop;
    use super::*;
    use crate::config::Config;
    use crate::request::sender::Sender;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";

    fn config() -> Config {
        let get = |name: &str| match name {
            "ALLOWED_CLUSTERS" => Some("engines,night".to_owned()),
            "SCHEDULER_ROLE_ARN" => Some("arn:aws:iam::111122223333:role/start-engines-schedules".to_owned()),
            _ => None,
        };
        Config::read(get, None, Some(r#"{"auth": {}}"#)).unwrap()
    }

    fn parse(detail: &Value, id: &str, sent_at: Timestamp) -> Result<StopRequest, Problems> {
        let function = FUNCTION.parse().unwrap();
        let sender = Sender {
            event_id: Some(id),
            sent_at: Some(sent_at),
            source: "app.tests",
            function: Some(&function),
        };
        let mut problems = Problems::new();
        let request = read_stop(detail, &sender, &config(), &mut problems);
        request.filter(|_| problems.is_empty()).ok_or(problems)
    }

    proptest! {
        #[test]
        fn a_continuation_is_read_as_it_was_written(
            count in 1..=MAX_CONTINUATIONS,
            which in 0..4,
            drain in prop::option::of(0..=3600),
            identity in "[ -~]{1,40}",
            correlation_id in prop::option::of("[a-z0-9-]{1,40}"),
            requested_at in 0..4_000_000_000_000_i64,
            handled_at in 0..4_000_000_000_000_i64,
        ) {
            let mut detail = match which {
                0 => json!({"cluster": "engines", "all": true}),
                1 => json!({"service": "auth", "cluster": "night"}),
                _ => json!({"service": "auth"}),
            };
            detail["drainSeconds"] = json!(drain);
            detail["correlationId"] = json!(correlation_id);
            let requested_at = Timestamp::from_millis(requested_at);
            let first = parse(&detail, &identity, requested_at).unwrap();
            let continuation = Continuation { count, handled_at: Timestamp::from_millis(handled_at) };
            let sent_at = requested_at.after(Duration::from_secs(60));
            let read = parse(&continued(&first, &continuation).unwrap(), "another", sent_at).unwrap();
            prop_assert_eq!(read.continuation, Some(continuation));
            prop_assert_eq!(StopRequest { continuation: None, sent_at: first.sent_at, ..read }, first);
        }
    }

    #[test]
    fn a_service_that_has_left_the_catalog_is_still_stopped_to_the_end() {
        let now = Timestamp::from_millis(1_795_158_000_000);
        let mut detail = json!({"service": "gone"});
        assert!(parse(&detail, "e1", now).is_err());
        detail["continuation"] = json!({"count": 1, "handledAt": "2026-11-20T07:00:00Z", "id": "e1"});
        assert!(parse(&detail, "e1", now).is_ok());
    }

    #[test]
    fn a_continuation_says_what_is_wrong_with_it() {
        let now = Timestamp::from_millis(1_795_158_000_000);
        let wrong = |detail: Value| parse(&detail, "e1", now).unwrap_err().to_string();
        let all =
            wrong(json!({"cluster": "engines", "all": true, "continuation": {"count": 101, "handledAt": "soon"}}));
        for part in [
            "detail.continuation.count",
            "detail.continuation.handledAt = \"soon\": must be a time",
            "detail.continuation.id",
        ] {
            assert!(all.contains(part), "{all}");
        }
        let task = "arn:aws:ecs:us-east-1:111122223333:task/engines/0123456789abcdef0123456789abcdef";
        let whole = json!({"count": 1, "handledAt": "2026-11-20T07:00:00Z", "id": "e1"});
        let one = wrong(json!({"taskArn": task, "continuation": whole}));
        assert!(
            one.contains("detail.continuation") && one.contains("is only valid with"),
            "{one}"
        );
    }
}
