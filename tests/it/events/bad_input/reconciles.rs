//! Reconciles: one cluster, in full, and nothing that only the operator's command can ask for.

use serde_json::{Value, json};

use super::{Bad, bad};
use crate::stage::{AUTH, BEGIN};

fn reconcile(detail: Value, says: &[&'static str]) -> Bad {
    bad(
        json!({"id": "e1", "detail-type": "Reconcile ECS Targets", "source": "app.tests", "time": BEGIN, "detail": detail}),
        says,
    )
}

fn continued(continuation: Value, says: &[&'static str]) -> Bad {
    reconcile(json!({"cluster": "engines", "continuation": continuation}), says)
}

fn sound() -> Value {
    json!({"id": "e1", "detail-type": "Reconcile ECS Targets", "source": "app.tests", "time": BEGIN,
        "detail": {"cluster": "engines"}})
}

/// A sound reconcile with one field of the envelope removed or replaced.
fn envelope(name: &str, value: Value, category: &'static str, says: &[&'static str]) -> Bad {
    let mut event = sound();
    if value.is_null() {
        event.as_object_mut().expect("an object").remove(name);
    } else {
        event[name] = value;
    }
    Bad {
        category,
        ..bad(event, says)
    }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Bad> {
    [details(), continuations(), envelopes()].into_iter().flatten()
}

fn details() -> Vec<Bad> {
    vec![
        reconcile(json!(null), &["detail is missing: must be a JSON object"]),
        reconcile(
            json!("engines"),
            &["detail = a text of 7 characters: must be a JSON object"],
        ),
        // Nothing, or nothing that there is, is never "all".
        reconcile(
            json!({}),
            &["detail.cluster is missing: give cluster or service, or \"all\": true"],
        ),
        reconcile(
            json!({"all": null}),
            &["detail.cluster is missing: give cluster or service"],
        ),
        reconcile(
            json!({"Service": "auth"}),
            &["1 problem: detail.Service", "did you mean `service`?"],
        ),
        reconcile(
            json!({"clusterArn": "engines"}),
            &["1 problem: detail.clusterArn", "did you mean `cluster`?"],
        ),
        reconcile(
            json!({"cluster": null, "correlationId": "c-1"}),
            &["detail.cluster", "1 problem"],
        ),
        reconcile(json!({"service": ""}), &["detail.service = \"\""]),
        reconcile(
            json!({"service": "mailer"}),
            &["detail.service = \"mailer\": must be a service of the catalog: auth"],
        ),
        reconcile(json!({"cluster": "engines", "service": 7}), &["detail.service = 7"]),
        Bad {
            category: "not_allowed",
            ..reconcile(
                json!({"cluster": "other", "service": "auth"}),
                &["detail.cluster = \"other\": is not in ALLOWED_CLUSTERS"],
            )
        },
        reconcile(
            json!({"cluster": ""}),
            &["detail.cluster = \"\": must be a cluster name"],
        ),
        reconcile(json!({"cluster": "*"}), &["detail.cluster = \"*\""]),
        reconcile(
            json!({"cluster": ["engines"]}),
            &["detail.cluster = an array of 1: must be a text"],
        ),
        reconcile(
            json!({"cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/engines"}),
            &[
                "detail.cluster =",
                "must be in account 111122223333 and region us-east-1",
            ],
        ),
        Bad {
            category: "not_allowed",
            ..reconcile(
                json!({"cluster": "other"}),
                &["detail.cluster = \"other\": is not in ALLOWED_CLUSTERS"],
            )
        },
        reconcile(
            json!({"cluster": "engines", "correlationId": "\u{7}"}),
            &["detail.correlationId ="],
        ),
        // What only the operator's command has, and what there is no such thing as.
        reconcile(
            json!({"cluster": "engines", "dryRun": true, "prune": [], "dry_run": true}),
            &[
                "detail.dryRun = a boolean: is not a field of this object",
                "detail.prune",
                "detail.dry_run",
                "3 problems",
            ],
        ),
        reconcile(
            json!({"all": "true"}),
            &["detail.all = \"true\": must be true; or leave it out, and give cluster or service"],
        ),
        reconcile(json!({"all": false}), &["detail.all = false: must be true"]),
        reconcile(json!({"all": true, "dryRun": true}), &["detail.dryRun", "1 problem"]),
        reconcile(
            json!({"all": true, "cluster": "engines", "service": "auth", "continuation": {"count": 1, "id": "e1"}}),
            &[
                "detail.cluster = \"engines\": is not for all clusters: give this, or all",
                "detail.service",
                "detail.continuation",
                "3 problems",
            ],
        ),
    ]
}

fn continuations() -> Vec<Bad> {
    let place = "detail.continuation";
    vec![
        continued(json!(1), &[place, "must be a JSON object"]),
        continued(
            json!({}),
            &[
                "detail.continuation.count is missing",
                "detail.continuation.id is missing",
            ],
        ),
        continued(
            json!({"count": 0, "id": "e1"}),
            &["detail.continuation.count = 0: must be a whole number from 1 to 100"],
        ),
        continued(
            json!({"count": 101, "id": "e1", "after": AUTH}),
            &["detail.continuation.count = 101"],
        ),
        continued(
            json!({"count": 1, "id": "e1", "after": "auth"}),
            &["detail.continuation.after = \"auth\": must be a target group ARN"],
        ),
        continued(
            json!({"count": 1, "id": "", "before": AUTH}),
            &["detail.continuation.id = \"\"", "detail.continuation.before"],
        ),
    ]
}

fn envelopes() -> Vec<Bad> {
    vec![
        envelope("id", json!(null), "invalid_event", &["event.id is missing"]),
        envelope("id", json!(7), "invalid_event", &["event.id = 7"]),
        envelope(
            "source",
            json!("app.strangers"),
            "not_allowed",
            &["event.source = \"app.strangers\": is not in ALLOWED_SOURCES"],
        ),
    ]
}
