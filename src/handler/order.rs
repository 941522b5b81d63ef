//! The order of requests in one batch: a stop waits for the starts that were asked for before it.
//!
//! ListTasks may not list yet what they start, so the stop is told what they were answered. A start waits for no
//! stop, since a stop ends nothing that was asked for after it. Must not decide which of the tasks a stop ends;
//! [`start_engines_core::decide`] does.

use start_engines_core::call::{Answer, Call};
use start_engines_core::domain::tags;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::Trigger;
use start_engines_core::request::start::StartRequest;
use start_engines_core::request::stop::{JustStarted, StopRequest};

use crate::rounds::Work;

/// Whether a stop has to wait for a start.
pub(crate) fn waits(stop: &Work, start: &Work) -> bool {
    match (&stop.trigger, &start.trigger) {
        (Some(Trigger::Stop(stop)), Some(Trigger::Start(start))) => is_for(stop, start),
        _ => false,
    }
}

/// Tells the stops what the starts were answered.
pub(crate) fn tell_started(stops: &mut [&mut Work], starts: &[&mut Work]) {
    for stop in stops {
        let Some(Trigger::Stop(stop)) = &mut stop.trigger else {
            continue;
        };
        let started = starts.iter().flat_map(|work| started(stop, work));
        stop.just_started = started.collect();
    }
}

fn started(stop: &StopRequest, work: &Work) -> Vec<JustStarted> {
    let Some(Trigger::Start(start)) = &work.trigger else {
        return Vec::new();
    };
    if !is_for(stop, start) {
        return Vec::new();
    }
    let mut all: Vec<JustStarted> = Vec::new();
    for entry in &work.journal.entries {
        let (tasks, requested_at) = match (&entry.call, &entry.answer) {
            (Call::RunTask(_), Ok(Answer::Started(started))) => (&started.tasks, asked_for(start)),
            // Started under the same identity by another event, perhaps with another time.
            (Call::RunTask(_), Err(error)) => (&error.conflicting_tasks, None),
            _ => continue,
        };
        for task in tasks {
            if !all.iter().any(|known| known.task == *task) {
                all.push(JustStarted {
                    task: task.clone(),
                    cluster: start.cluster.clone(),
                    service: start.service.clone(),
                    requested_at,
                    began_at: work.journal.began_at,
                });
            }
        }
    }
    all
}

/// Whether the stop may concern what the start starts.
fn is_for(stop: &StopRequest, start: &StartRequest) -> bool {
    let is_later = match (stop.requested_at, asked_for(start)) {
        (Some(stop), Some(start)) => start < stop,
        (None, _) | (_, None) => true,
    };
    is_later && stop.clusters().iter().any(|cluster| cluster.same_as(&start.cluster))
}

/// When the start was asked for: as the tag of its tasks has it, or as the event tells where they have none.
fn asked_for(start: &StartRequest) -> Option<Timestamp> {
    let tagged = tags::requested_at(&start.tags).and_then(Timestamp::parse);
    tagged.or(start.requested_at)
}
