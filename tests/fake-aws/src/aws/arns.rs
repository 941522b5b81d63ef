//! Names of things: ARNs, and ids that look random and are the same in every run.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// The first `length` (at most 64) hex digits of a hash of `seed`.
pub(super) fn hex(seed: &str, length: usize) -> String {
    let digest = Sha256::digest(seed.as_bytes());
    let mut text = String::with_capacity(64);
    for byte in digest.iter() {
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(length);
    text
}

/// An id of a UUID's shape, from `seed` alone.
pub(super) fn uuid(seed: &str) -> String {
    let digits = hex(seed, 32);
    format!(
        "{}-{}-4{}-8{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}

/// The text after the last `/`.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `2026-01-01T00:00:00.000Z`, as in an event's `detail`.
pub(super) fn rfc3339_millis(at: OffsetDateTime) -> String {
    let seconds = rfc3339_seconds(at);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.millisecond())
}

/// `2026-01-01T00:00:00Z`: EventBridge cuts an envelope's `time` to the second.
pub(super) fn rfc3339_seconds(at: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Seconds since 1970 with milliseconds, as JSON 1.1 has times.
pub(super) fn epoch_seconds(at: OffsetDateTime) -> f64 {
    at.unix_timestamp() as f64 + f64::from(at.millisecond()) / 1000.0
}
