//! The whole story: its moments in order of time, what is missing, and the diagnosis.

use super::Moment;
use super::diagnosis::of_task::of_address;
use super::diagnosis::{self, Diagnosis};
use super::evidence::{Evidence, Letter};
use super::gaps::{self, Gap};
use super::{life, other, planned};

/// A story, told from what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// In order of time; what is planned comes last.
    pub moments: Vec<Moment>,
    /// What is missing.
    pub gaps: Vec<Gap>,
    /// Why it serves, or does not.
    pub diagnosis: Diagnosis,
    /// What could not be read, was cut, or is hidden.
    pub notes: Vec<String>,
}

impl Story {
    /// Tells it.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let of_log = evidence.lines.iter().flat_map(super::log::LogLine::moments);
        // A stop or reconcile of many names tasks that are not asked for.
        let is_asked = |moment: &Moment| match &moment.task {
            Some(task) => knows(evidence, task.id()),
            None => true,
        };
        let mut moments: Vec<Moment> = of_log.filter(is_asked).collect();
        moments.extend(evidence.tasks.iter().flat_map(|task| life::moments(task, evidence.now)));
        let of_letters = evidence.letters.iter().map(|letter| other::of_letter(evidence, letter));
        moments.extend(of_letters.flatten());
        moments.extend(planned::moments(evidence));
        moments.sort_by(|one, another| {
            let key = |moment: &Moment| (moment.at, moment.what, moment.task.clone());
            key(one).cmp(&key(another))
        });
        // Each delivery of a request tells of the same request.
        moments.dedup();
        Self {
            moments,
            gaps: gaps::gaps(evidence),
            diagnosis: diagnosis::diagnose(evidence),
            notes: notes(evidence),
        }
    }
}

fn knows(evidence: &Evidence, id: &str) -> bool {
    let of_ecs = evidence.tasks.iter().map(|life| &life.task.arn);
    of_ecs.chain(&evidence.gone).any(|task| task.id() == id)
}

fn notes(evidence: &Evidence) -> Vec<String> {
    let mut notes = evidence.notes.clone();
    let log = &evidence.log;
    if log.group.is_some() && log.hides_successes() {
        notes.push("LOG_LEVEL hides what the function did without a failure".to_owned());
    }
    let is_older = |life: &super::evidence::Life| life.task.created_at.is_some_and(|created| created < log.since);
    if log.group.is_some() && evidence.tasks.iter().any(is_older) {
        let since = log.since.to_seconds().unwrap_or_default();
        notes.push(format!(
            "the log was read since {since}Z: what the function did before is not told"
        ));
    }
    notes.extend(evidence.tasks.iter().filter_map(|life| of_address(evidence, life)));
    let is_timeless = |letter: &&Letter| other::of_letter(evidence, letter).is_none();
    let timeless = evidence.letters.iter().filter(is_timeless);
    notes.extend(timeless.map(|letter| format!("a dead letter, it is not known since when: {}", other::words(letter))));
    notes
}
