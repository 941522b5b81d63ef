//! The moments from dead-letter queues.

use super::evidence::Letter;
use super::{Moment, What};

/// An event that nobody handled: when it was put into the queue. SQS tells it of every message that it has received, so
/// that one without a time has no moment.
pub(super) fn of_letter(letter: &Letter) -> Option<Moment> {
    let dead = &letter.dead_letter;
    let mut detail = format!("{} in the {}: {}", dead.kind(), letter.queue, dead.code);
    if !dead.reason.is_empty() {
        detail += &format!(": {}", dead.reason);
    }
    Some(Moment {
        at: dead.message.sent_at?,
        what: What::DeadLetter,
        detail,
        task: None,
    })
}
