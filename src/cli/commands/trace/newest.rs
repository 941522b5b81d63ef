//! A service's newest start: the tasks that it has, and which dead letters can be its own.
//!
//! Which start is the newest is told by the times of the requests. Those of log lines and messages would mislead: a start
//! that fails is tried again, and is given up, after a later one has been handled.

use serde_json::Value;
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;

use super::candidates::{Listed, distinct};
use crate::dead_letter;
use crate::trace::evidence::Letter;
use crate::trace::log::LogLine;
use crate::trace::subject::Id;

/// The newest start that the tasks and the log lines of a service's starts show.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// Its tasks.
    pub(super) tasks: Vec<TaskArn>,
    /// The id of its event, if it has a line.
    pub(super) event_of_line: Option<String>,
    /// The ids by which its event is known: its own, and that in the tags.
    identities: Vec<String>,
    requested_at: Option<Timestamp>,
}

impl Newest {
    /// Of these tasks of a service, and the lines of its starts.
    pub(super) fn of(listed: &[Listed], lines: &[LogLine]) -> Self {
        let is_of = |task: &Listed, line: &LogLine| {
            let event = task.event.as_deref();
            line.names(&task.arn) || event.is_some() && event == line.text("eventId")
        };
        let task = listed.iter().max_by_key(|task| (task.requested_at, task.created_at));
        let line = lines.iter().max_by_key(|line| (line.requested_at(), line.at));
        // The line of a start that succeeded may be hidden, or not be in the log yet.
        let is_without_line = |task: &&Listed| {
            let is_newer = line.is_none_or(|line| task.requested_at >= Some(line.requested_at()));
            is_newer && !lines.iter().any(|line| is_of(task, line))
        };
        let alike = |event: Option<&String>| -> Vec<TaskArn> {
            let of_event = listed
                .iter()
                .filter(|task| event.is_some() && task.event.as_ref() == event);
            of_event.map(|task| task.arn.clone()).collect()
        };
        if let Some(task) = task.filter(is_without_line) {
            return Self {
                tasks: distinct([alike(task.event.as_ref()), vec![task.arn.clone()]].concat()),
                event_of_line: None,
                identities: task.event.iter().cloned().collect(),
                requested_at: task.requested_at,
            };
        }
        let Some(line) = line else {
            return Self::default();
        };
        let of_line = listed.iter().filter(|task| is_of(task, line));
        let tag = of_line.filter_map(|task| task.event.as_ref()).next();
        let event = line.text("eventId").map(str::to_owned);
        Self {
            tasks: distinct([alike(tag), line.tasks()].concat()),
            identities: event.iter().chain(tag).cloned().collect(),
            event_of_line: event,
            requested_at: Some(line.requested_at()),
        }
    }

    /// Whether a dead letter with a start of the service belongs to this start, or to a later one, of which nothing else is
    /// known.
    ///
    /// By the times in the events: the message's own is that of the first enqueuing, before all tries, if SQS has moved it
    /// ("the enqueue timestamp is unchanged":
    /// [retention in dead-letter queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html)),
    /// and otherwise that of the giving up, after all tries.
    pub(super) fn may_have(&self, service: &Id, letter: &Letter) -> bool {
        let is = |value: &Value, text: &str| value.as_str() == Some(text);
        let events = letter.dead_letter.events().iter();
        let mut events = events.filter(|event| is(&event["detail"]["service"], &service.text));
        events.any(|event| {
            let ids = [&event["id"], &event["detail"]["idempotencyKey"]];
            let is_own = ids.iter().any(|id| self.identities.iter().any(|own| is(id, own)));
            let sent_at = letter.dead_letter.message.sent_at;
            is_own || dead_letter::requested_at(event).or(sent_at) >= self.requested_at
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dead_letter::{DeadLetter, Message, Receipt};

    fn at(minute: i64, second: i64) -> Timestamp {
        let begin = Timestamp::parse("2026-11-20T10:00:00Z").unwrap();
        Timestamp::from_millis(begin.millis() + (minute * 60 + second) * 1000)
    }

    fn arn(n: u8) -> TaskArn {
        let text = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{n:032x}");
        text.parse().unwrap()
    }

    /// A try of a start that was requested at this minute.
    fn line(written: Timestamp, event: &str, requested: i64, tasks: &[TaskArn]) -> LogLine {
        let tasks: Vec<&str> = tasks.iter().map(TaskArn::as_str).collect();
        let line = json!({"message": "event handled", "detailType": "Start ECS Task", "eventId": event, "service": "auth",
            "outcome": if tasks.is_empty() { "failed" } else { "started" }, "tasks": tasks,
            "requestedAt": at(requested, 0).to_rfc3339()});
        LogLine::read(written, &line.to_string()).unwrap()
    }

    fn task(n: u8, event: &str, requested: i64) -> Listed {
        let mut task = Listed::without_tags(arn(n));
        task.event = Some(event.to_owned());
        task.created_at = Some(at(requested, 2));
        task.requested_at = Some(at(requested, 0));
        task
    }

    /// A start that was requested at this minute, in a message with this `SentTimestamp`.
    fn letter(event: &str, requested: i64, sent_at: Timestamp, moved_from: Option<&str>) -> Letter {
        let start = json!({"id": event, "detail-type": "Start ECS Task", "time": at(requested, 0).to_rfc3339(),
            "detail": {"service": "auth"}});
        let message = Message {
            id: "m-1".to_owned(),
            receipt: Receipt("r".to_owned()),
            body: start.to_string(),
            attributes: std::collections::BTreeMap::new(),
            sent_at: Some(sent_at),
            moved_from: moved_from.map(str::to_owned),
        };
        Letter {
            queue: "request-dead-letter-queue",
            dead_letter: DeadLetter::read(message, None),
        }
    }

    fn auth() -> Id {
        Id::read("auth").unwrap()
    }

    #[test]
    fn the_letter_that_sqs_moved_is_older_than_the_tries_and_is_the_newest_starts_own() {
        let tries = [line(at(0, 3), "e-1", 0, &[]), line(at(3, 0), "e-1", 0, &[])];
        let newest = Newest::of(&[task(1, "e-0", -60)], &tries);
        assert_eq!(
            (newest.tasks.as_slice(), newest.event_of_line.as_deref()),
            (&[][..], Some("e-1"))
        );
        let moved = Some("arn:aws:sqs:us-east-1:111122223333:start-engines-requests");
        assert!(newest.may_have(&auth(), &letter("e-1", 0, at(0, 1), moved)));
        assert!(!newest.may_have(&auth(), &letter("e-0", -60, at(-60, 1), moved)));
        // One that the log does not have by the service, as it is invalid.
        assert!(newest.may_have(&auth(), &letter("e-2", 1, at(1, 1), moved)));
    }

    #[test]
    fn a_start_that_was_given_up_after_a_later_one_was_handled_is_not_the_newest() {
        let lines = [
            line(at(0, 3), "e-1", 0, &[]),
            line(at(1, 3), "e-2", 1, &[arn(2)]),
            line(at(3, 0), "e-1", 0, &[]),
        ];
        // LOG_LEVEL may hide the line of the later one.
        let failures = [lines[0].clone(), lines[2].clone()];
        for lines in [&lines[..], &failures] {
            let newest = Newest::of(&[task(2, "e-2", 1)], lines);
            assert_eq!(newest.tasks, [arn(2)]);
            assert!(!newest.may_have(&auth(), &letter("e-1", 0, at(3, 1), None)));
            assert!(newest.may_have(&auth(), &letter("e-3", 2, at(3, 1), None)));
        }
    }

    #[test]
    fn a_task_that_was_created_late_belongs_to_the_start_that_asked_for_it() {
        let lines = [line(at(2, 3), "e-2", 2, &[]), line(at(5, 0), "e-1", 0, &[arn(1)])];
        let mut late = task(1, "e-1", 0);
        late.created_at = Some(at(5, 0));
        late.requested_at = late.created_at;
        let newest = Newest::of(&[late], &lines);
        assert_eq!(
            (newest.tasks.as_slice(), newest.event_of_line.as_deref()),
            (&[][..], Some("e-2"))
        );
    }
}
