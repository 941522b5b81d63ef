//! The moments from dead-letter queues.

use start_engines_core::domain::timestamp::Timestamp;

use super::evidence::{Evidence, Letter};
use super::{Moment, What};

/// An event that nobody handled: when it was given up. None if that is not known.
pub(super) fn of_letter(evidence: &Evidence, letter: &Letter) -> Option<Moment> {
    Some(Moment {
        at: given_up_at(evidence, letter)?,
        what: What::DeadLetter,
        detail: words(letter),
        task: None,
    })
}

/// What is in a dead letter, where, and why.
pub(super) fn words(letter: &Letter) -> String {
    let dead = &letter.dead_letter;
    let mut words = format!("{} in the {}: {}", dead.kind(), letter.queue, dead.code);
    if !dead.reason.is_empty() {
        words += &format!(": {}", dead.reason);
    }
    words
}

/// `SentTimestamp`, when EventBridge or Lambda put the message into the queue. If SQS has moved it from another queue, that
/// is when it was sent to the other one, before all tries
/// ([retention in dead-letter queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html)):
/// then the last failed try tells it best.
fn given_up_at(evidence: &Evidence, letter: &Letter) -> Option<Timestamp> {
    let message = &letter.dead_letter.message;
    if message.moved_from.is_none() {
        return message.sent_at;
    }
    let failed = evidence.lines.iter().rfind(|line| line.has_failed_on(&message.id));
    failed.map(|line| line.at)
}
