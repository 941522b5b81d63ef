//! Points in time, in whole milliseconds since the Unix epoch.
//!
//! Must not read a clock: `now` is always passed in.

use std::time::Duration;

use chrono::DateTime;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339, the format of times in ECS's events.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| Self(time.timestamp_millis()))
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// In UTC, to the second, as in `2026-11-20T07:00:00`; `None` if the year does not have four digits.
    #[must_use]
    pub fn to_seconds(self) -> Option<String> {
        let time = DateTime::from_timestamp_millis(self.0)?;
        (0..10_000)
            .contains(&chrono::Datelike::year(&time))
            .then(|| time.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    /// In UTC, to the millisecond, as in `2026-11-20T07:00:00.000Z`; `None` if the year does not have four digits.
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        let millis = self.0.rem_euclid(1000);
        self.to_seconds().map(|seconds| format!("{seconds}.{millis:03}Z"))
    }

    /// The next full minute, or this time if it is one.
    #[must_use]
    pub fn up_to_minute(self) -> Self {
        let minutes = self.0.div_euclid(60_000);
        let begun = i64::from(self.0.rem_euclid(60_000) > 0);
        Self(minutes.saturating_add(begun).saturating_mul(60_000))
    }

    /// The time `duration` later; saturates.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_never_negative() {
        let (a, b) = (Timestamp::from_millis(1_000), Timestamp::from_millis(3_500));
        assert_eq!(b.since(a), Duration::from_millis(2_500));
        assert_eq!(a.since(b), Duration::ZERO);
    }

    #[test]
    fn times_are_written_to_the_second() {
        let time = Timestamp::parse("2026-11-20T07:00:00.999Z").unwrap();
        assert_eq!(time.to_seconds().as_deref(), Some("2026-11-20T07:00:00"));
        assert_eq!(Timestamp::from_millis(i64::MAX).to_seconds(), None);
    }

    #[test]
    fn a_full_minute_is_its_own_next_one() {
        for (at, minute) in [(0, 0), (1, 60_000), (60_000, 60_000), (60_001, 120_000), (-1, 0)] {
            assert_eq!(
                Timestamp::from_millis(at).up_to_minute(),
                Timestamp::from_millis(minute)
            );
        }
    }

    #[test]
    fn far_times_saturate_instead_of_overflowing() {
        let far = Timestamp::from_millis(i64::MAX).after(Duration::from_secs(u64::MAX / 2));
        assert_eq!(far.millis(), i64::MAX);
        assert_eq!(
            Timestamp::from_millis(i64::MIN).since(Timestamp::from_millis(i64::MAX)),
            Duration::ZERO
        );
    }

    #[test]
    fn ecs_times_are_read() {
        let time = Timestamp::parse("2026-11-20T07:00:00.123Z");
        assert_eq!(time, Some(Timestamp::from_millis(1_795_158_000_123)));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
