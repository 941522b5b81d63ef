//! A story as the JSON that `docs/command.md` documents.

use serde_json::{Value, json};
use start_engines_core::domain::arn::TaskArn;
use start_engines_core::domain::timestamp::Timestamp;

use crate::trace::diagnosis::{Diagnosis, State};
use crate::trace::evidence::Evidence;
use crate::trace::story::Story;

/// The whole story.
#[must_use]
pub fn json(evidence: &Evidence, story: &Story) -> Value {
    let mut before: Option<Timestamp> = None;
    let moments = story.moments.iter().map(|moment| {
        let after = before.map(|before| moment.at.millis().saturating_sub(before.millis()));
        before = Some(moment.at);
        json!({
            "at": moment.at.to_rfc3339(),
            "afterMillis": after,
            "what": moment.what.name(),
            "detail": moment.detail,
            "taskArn": moment.task.as_ref().map(TaskArn::as_str),
        })
    });
    let moments: Value = moments.collect();
    let gaps = story
        .gaps
        .iter()
        .map(|gap| json!({"gap": gap.name(), "taskArn": gap.task().as_str(), "message": gap.to_string()}));
    json!({
        "id": evidence.id,
        "kind": evidence.kind.name(),
        "tasks": evidence.tasks.iter().map(|life| super::super::json::task(&life.status)).collect::<Value>(),
        "moments": moments,
        "gaps": gaps.collect::<Value>(),
        "diagnosis": diagnosis(&story.diagnosis),
        "notes": story.notes,
    })
}

/// A diagnosis.
#[must_use]
pub fn diagnosis(diagnosis: &Diagnosis) -> Value {
    json!({
        "code": diagnosis.code,
        "state": match diagnosis.state {
            State::Well => "well",
            State::Waiting => "waiting",
            State::Bad => "bad",
        },
        "sentence": diagnosis.sentence,
        "next": diagnosis.next,
    })
}
