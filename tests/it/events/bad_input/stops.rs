//! Stops. What they all share: nothing is ever stopped by mistake.

use serde_json::{Value, json};

use super::{Bad, bad};
use crate::stage::BEGIN;

const TASK: &str = "arn:aws:ecs:us-east-1:111122223333:task/engines/b156934a2d0823b5697fab8bb5ccb4dc";
const SHORT: &str = "arn:aws:ecs:us-east-1:111122223333:task/b156934a2d0823b5697fab8bb5ccb4dc";
const ELSEWHERE: &str = "arn:aws:ecs:eu-west-1:111122223333:task/engines/b156934a2d0823b5697fab8bb5ccb4dc";
const OTHER_CLUSTER: &str = "arn:aws:ecs:us-east-1:111122223333:task/jobs/b156934a2d0823b5697fab8bb5ccb4dc";
const NAME_WHAT: &str = "give taskArn, service, or cluster with \"all\": true";

/// A stop with these fields; it drains nothing, since the function here has no scheduler.
fn stop(mut fields: Value, says: &[&'static str]) -> Bad {
    if fields.get("drainSeconds").is_none() {
        fields["drainSeconds"] = json!(0);
    }
    whole(fields, says)
}

fn whole(detail: Value, says: &[&'static str]) -> Bad {
    bad(
        json!({"id": "e1", "detail-type": "Stop ECS Task", "source": "app.tests", "time": BEGIN, "detail": detail}),
        says,
    )
}

fn not_allowed(fields: Value, says: &[&'static str]) -> Bad {
    Bad {
        category: "not_allowed",
        ..stop(fields, says)
    }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Bad> {
    [selectors(), clusters(), others()].into_iter().flatten()
}

fn selectors() -> Vec<Bad> {
    vec![
        stop(json!({}), &["detail.taskArn is missing", NAME_WHAT]),
        whole(
            json!("all"),
            &["detail = a text of 3 characters: must be a JSON object"],
        ),
        whole(json!(null), &["detail is missing: must be a JSON object"]),
        stop(
            json!({"Service": "auth"}),
            &[
                "1 problem: detail.Service = a text of 4 characters: is not a field of this object: did you mean `service`? Names are camelCase",
            ],
        ),
        stop(
            json!({"Cluster": "engines", "all": true}),
            &["1 problem: detail.Cluster", "did you mean `cluster`?"],
        ),
        // StopTask's own name.
        stop(
            json!({"task": TASK}),
            &["1 problem: detail.task = a text of", "did you mean `taskArn`?"],
        ),
        // A cluster alone is not all of it.
        stop(json!({"cluster": "engines"}), &["detail.taskArn is missing", NAME_WHAT]),
        stop(
            json!({"cluster": "engines", "all": false}),
            &["detail.taskArn is missing"],
        ),
        stop(
            json!({"cluster": "engines", "all": "true"}),
            &["detail.all = \"true\": must be true or false"],
        ),
        stop(
            json!({"all": true}),
            &["detail.cluster is missing: \"all\": true stops all tasks of one cluster: name it"],
        ),
        stop(
            json!({"all": true, "cluster": ""}),
            &["detail.cluster = \"\": must be a cluster name"],
        ),
        stop(
            json!({"service": "auth", "all": true, "cluster": "engines"}),
            &["detail = \"service and all\"", NAME_WHAT],
        ),
        stop(
            json!({"taskArn": TASK, "service": "auth"}),
            &["detail = \"taskArn and service\"", NAME_WHAT],
        ),
        stop(json!({"taskArn": ""}), &["detail.taskArn = \"\": must be a task ARN"]),
        stop(
            json!({"taskArn": [TASK]}),
            &["detail.taskArn = an array of 1: must be a text"],
        ),
        stop(
            json!({"service": ""}),
            &["detail.service = \"\": must be a text of 1 to 128 characters"],
        ),
        stop(
            json!({"service": "atuh"}),
            &["detail.service = \"atuh\": must be a service of the catalog: auth, worker"],
        ),
        stop(
            json!({"service": "*"}),
            &["detail.service = \"*\": must be a service of the catalog"],
        ),
    ]
}

fn clusters() -> Vec<Bad> {
    vec![
        not_allowed(
            json!({"cluster": "other", "all": true}),
            &["detail.cluster = \"other\": is not in ALLOWED_CLUSTERS"],
        ),
        not_allowed(
            json!({"taskArn": OTHER_CLUSTER}),
            &["detail.taskArn =", "is not in ALLOWED_CLUSTERS"],
        ),
        not_allowed(
            json!({"service": "auth", "cluster": "other"}),
            &["detail.cluster = \"other\""],
        ),
        stop(
            json!({"taskArn": ELSEWHERE}),
            &[
                "detail.taskArn =",
                "must be in account 111122223333 and region us-east-1",
            ],
        ),
        stop(
            json!({"taskArn": SHORT}),
            &["detail.cluster is missing: the task's ARN does not contain the cluster"],
        ),
        stop(
            json!({"taskArn": TASK, "cluster": "arn:aws:ecs:us-east-1:111122223333:cluster/jobs"}),
            &["detail.cluster =", "the task's ARN names another cluster"],
        ),
    ]
}

fn others() -> Vec<Bad> {
    let drain = "detail.drainSeconds";
    vec![
        whole(
            json!({"taskArn": TASK}),
            &[drain, "is missing: without SCHEDULER_ROLE_ARN"],
        ),
        stop(
            json!({"taskArn": TASK, "drainSeconds": 30}),
            &["detail.drainSeconds = 30: without SCHEDULER_ROLE_ARN"],
        ),
        stop(
            json!({"taskArn": TASK, "drainSeconds": 3601}),
            &["detail.drainSeconds = 3601: must be a whole number from 0 to 3600"],
        ),
        stop(
            json!({"taskArn": TASK, "drainSeconds": -1}),
            &["detail.drainSeconds = -1"],
        ),
        stop(
            json!({"taskArn": TASK, "reason": "x".repeat(256)}),
            &["detail.reason =", "must be a text of 1 to 255 characters"],
        ),
        stop(
            json!({"taskArn": TASK, "correlationId": "\u{7}"}),
            &["detail.correlationId ="],
        ),
        stop(
            json!({"taskArn": TASK, "force": true}),
            &["detail.force = a boolean: is not a field of this object"],
        ),
        stop(
            json!({"taskArn": TASK, "requestedAt": "yesterday"}),
            &["detail.requestedAt = \"yesterday\": must be a time with an offset (RFC 3339)"],
        ),
        // Nobody could know what was requested before it.
        bad(
            json!({
                "id": "e1", "detail-type": "Stop ECS Task", "source": "app.tests",
                "detail": {"cluster": "engines", "all": true, "drainSeconds": 0},
            }),
            &["event.time is missing: every EventBridge event has this field"],
        ),
        // Every problem at once.
        stop(
            json!({"taskArn": "x", "drainSeconds": 1.5, "reason": 7, "force": true}),
            &[
                "detail.taskArn",
                "detail.drainSeconds",
                "detail.reason",
                "detail.force",
                "4 problems",
            ],
        ),
    ]
}
