//! When something was requested: the field `requestedAt` of starts, stops and reconciles.
//!
//! An event's `time` is when EventBridge received the event. A schedule can be delivered up to a day after it was
//! due, so `requestedAt` gives the time that counts. Must not read a clock.

use serde_json::Value;

use super::tags;
use super::timestamp::Timestamp;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// The longest `requestedAt` that is accepted: the length of a tag's value.
const MAX_CHARACTERS: usize = 256;

/// When something was requested, as a time and as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestedAt {
    /// The point in time.
    pub at: Timestamp,
    /// The same in RFC 3339: as the event gives it, or as [`Self::of_time`] formats it. It becomes a tag, and RunTask
    /// compares the tags of calls with one client token, so it must be the same at each delivery of an event.
    pub text: String,
}

impl RequestedAt {
    /// Formats a time in UTC, to the second; `None` if its year does not have four digits.
    #[must_use]
    pub fn of_time(at: Timestamp) -> Option<Self> {
        let text = format!("{}Z", at.to_seconds()?);
        Some(Self { at, text })
    }

    /// The time that counts for an event that was sent at `sent_at`: the given one, or `sent_at` if none is given or
    /// the given one is later. `sent_at` comes from EventBridge's clock, and nothing is requested after it was sent.
    #[must_use]
    pub fn or_sent(given: Option<Self>, sent_at: Option<Timestamp>) -> Option<Self> {
        match (given, sent_at) {
            (Some(given), Some(sent_at)) if given.at > sent_at => Self::of_time(sent_at),
            (Some(given), _) => Some(given),
            (None, sent_at) => sent_at.and_then(Self::of_time),
        }
    }
}

/// Reads the field `requestedAt`; [`RequestedAt::or_sent`] then decides which time counts.
pub(crate) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<RequestedAt> {
    fields.read("requestedAt", problems, parse)
}

fn parse(value: &Value) -> Result<RequestedAt, String> {
    let text = value.as_str().filter(|text| {
        // It becomes a tag's value, and a valid time can have characters that tags cannot (a Unicode minus sign).
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
    fn a_time_keeps_the_text_that_was_given() {
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
    fn anything_but_a_time_with_an_offset_is_refused() {
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
    fn an_absent_time_or_one_later_than_the_event_is_the_events_time() {
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
