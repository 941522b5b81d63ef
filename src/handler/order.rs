//! The order of requests in one batch: a stop waits for the starts that were requested before it.
//!
//! ListTasks may not list their tasks yet, so the stop gets the answers of their RunTask calls. A start never waits for a
//! stop, since a stop ends nothing that was requested after it. Must not decide which tasks a stop ends;
//! [`start_engines_core::decide`] does.

use start_engines_core::call::{Answer, Call};
use start_engines_core::domain::tags;
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_core::request::Trigger;
use start_engines_core::request::start::StartRequest;
use start_engines_core::request::stop::{JustStarted, StopRequest};

use crate::work::Work;

/// Whether a stop has to wait for a start.
pub(crate) fn waits(stop: &Work, start: &Work) -> bool {
    match (&stop.trigger, &start.trigger) {
        (Some(Trigger::Stop(stop)), Some(Trigger::Start(start))) => is_for(stop, start),
        _ => false,
    }
}

/// Passes the tasks that the starts have started to the stops.
pub(crate) fn pass_started_tasks(stops: &mut [&mut Work], starts: &[&mut Work]) {
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
            (Call::RunTask(_), Ok(Answer::Started(started))) => (&started.tasks, requested_at(start)),
            // Started by another event with the same identity, perhaps with another time.
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

/// Whether the stop may select tasks of the start.
fn is_for(stop: &StopRequest, start: &StartRequest) -> bool {
    let is_later = match (stop.requested_at, requested_at(start)) {
        (Some(stop), Some(start)) => start < stop,
        (None, _) | (_, None) => true,
    };
    is_later && stop.clusters().iter().any(|cluster| cluster.same_as(&start.cluster))
}

/// When the start was requested: the value of its tasks' tag, or the event's time if they have none.
fn requested_at(start: &StartRequest) -> Option<Timestamp> {
    let tagged = tags::requested_at(&start.tags).and_then(Timestamp::parse);
    tagged.or(start.requested_at)
}
