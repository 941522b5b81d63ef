//! When something was asked for: the field `requestedAt` of a start and of a stop, in one reading.
//!
//! An event's `time` is when EventBridge took the event; of a schedule that is delivered late, that can be
//! a day after it was due. `requestedAt` tells the time that counts. Must not read a clock.

use serde_json::Value;

use super::tags;
use super::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// The longest RFC 3339 text that is read: a tag's value has no more room.
const MAX_CHARACTERS: usize = 256;

/// When something was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestedAt {
    /// The point in time.
    pub at: Timestamp,
    /// The same in RFC 3339: as it was given, or as [`Self::of_time`] writes it. It becomes a tag, and RunTask
    /// compares tags under a client token, so it is the same in each delivery of an event.
    pub text: String,
}

impl RequestedAt {
    /// In UTC, to the second; `None` beyond the years that have four digits.
    #[must_use]
    pub fn of_time(at: Timestamp) -> Option<Self> {
        let text = format!("{}Z", at.to_seconds()?);
        Some(Self { at, text })
    }

    /// What counts of an event that was sent at `sent_at`: what was given, but for what is absent, or later than
    /// that; then it is `sent_at`. EventBridge's clock gives that, and nothing is asked for after it was sent.
    #[must_use]
    pub fn or_sent(given: Option<Self>, sent_at: Option<Timestamp>) -> Option<Self> {
        match (given, sent_at) {
            (Some(given), Some(sent_at)) if given.at > sent_at => Self::of_time(sent_at),
            (Some(given), _) => Some(given),
            (None, sent_at) => sent_at.and_then(Self::of_time),
        }
    }
}

/// The field `requestedAt`, as it was given; see [`RequestedAt::or_sent`] for what counts.
pub(crate) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RequestedAt> {
    fields.read("requestedAt", problems, parse)
}

fn parse(value: &Value) -> Result<RequestedAt, String> {
    let text = value.as_str().filter(|text| {
        // It becomes a tag's value; a time can be written with characters that no tag takes (a minus sign
        // that is not ASCII's).
        text.len() <= MAX_CHARACTERS && tags::allowed(text)
    });
    let read = text.and_then(|text| {
        let at = Timestamp::parse(text)?;
        Some(RequestedAt {
            at,
            text: text.to_owned(),
        })
    });
    read.ok_or_else(|| {
        "must be a time with an offset (RFC 3339), as in 2026-11-20T07:00:00Z or 2026-11-20T08:00:00+01:00".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(text: &str) -> Option<Timestamp> {
        Timestamp::parse(text)
    }

    #[test]
    fn a_time_is_kept_as_it_was_given() {
        for text in [
            "2026-11-20T07:00:00Z",
            "2026-11-20T08:00:00+01:00",
            "2026-11-20T07:00:00.123Z",
        ] {
            let read = parse(&json!(text)).unwrap();
            assert_eq!(read.text, text);
            assert_eq!(Some(read.at), sent(text));
        }
    }

    #[test]
    fn what_is_no_time_with_an_offset_is_refused() {
        for value in [
            json!("yesterday"),
            json!("2026-11-20T07:00:00"),
            json!("2026-11-20"),
            json!("2026-11-20T07:00:00\u{2212}01:00"),
            json!("<aws.scheduler.scheduled-time>"),
            json!(""),
            json!(format!("2026-11-20T07:00:00.{}Z", "0".repeat(300))),
            json!(1_795_158_000),
        ] {
            assert!(parse(&value).unwrap_err().contains("RFC 3339"), "{value}");
        }
    }

    #[test]
    fn what_is_absent_or_later_than_the_event_is_the_events_time() {
        let given = |text: &str| Some(parse(&json!(text)).unwrap());
        let time = sent("2026-11-20T07:00:00Z");
        let texts = [
            (given("2026-11-19T23:00:00-01:00"), "2026-11-19T23:00:00-01:00"),
            (given("2026-11-20T07:00:00.000Z"), "2026-11-20T07:00:00.000Z"),
            (given("2026-11-20T07:00:00.001Z"), "2026-11-20T07:00:00Z"),
            (None, "2026-11-20T07:00:00Z"),
        ];
        for (given, text) in texts {
            assert_eq!(RequestedAt::or_sent(given, time).unwrap().text, text);
        }
        let alone = given("2026-11-20T07:00:00Z");
        assert_eq!(RequestedAt::or_sent(alone.clone(), None), alone);
        assert_eq!(RequestedAt::or_sent(None, None), None);
    }
}
