//! Sample events, one for each kind that a rule must let through, as TestEventPattern takes them: with `id`, `account`,
//! `source`, `time`, `region`, `resources` and `detail-type`
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html>).

use serde_json::{Value, json};
use start_engines_core::config::Config;
use start_engines_core::domain::arn::{Cluster, FunctionArn, Scope};

use crate::event::operator_source;

/// Sources that are tried beside the operators' own; their rule has room for about a hundred.
const MAX_SOURCES: usize = 100;

/// A label, and the event.
pub(crate) type Sample = (String, Value);

/// What the request rule must let through: starts, stops and reconciles of operators, and starts of every source that is
/// named in full.
pub(crate) fn requests(function: &FunctionArn, config: &Config) -> Vec<Sample> {
    let Some(scope) = function.scope() else {
        return Vec::new();
    };
    let own = operator_source(function);
    let kinds = ["Start ECS Task", "Stop ECS Task", "Reconcile ECS Targets"];
    let mut samples: Vec<Sample> = kinds
        .iter()
        .map(|kind| (format!("{kind} of operators"), event(&scope, &own, kind, &json!({}))))
        .collect();
    let sources = config.allowed.sources.patterns().filter(|source| {
        // What schedules of a former version still send is let through by the function, and by no rule.
        !source.ends_with('*') && **source != own && !FORMER.contains(source)
    });
    samples.extend(sources.take(MAX_SOURCES).map(|source| {
        (
            format!("{} of {source}", kinds[0]),
            event(&scope, source, kinds[0], &json!({})),
        )
    }));
    samples
}

/// `FORMER_SOURCES` of the component (`pulumi/component/src/sources.ts`).
const FORMER: [&str; 2] = ["start-engines.schedules", "start-engines.operator"];

/// What the state-change rule must let through: a task that runs, and the first sign of a stop, in every cluster.
pub(crate) fn state_changes(function: &FunctionArn, clusters: &[Cluster]) -> Vec<Sample> {
    let Some(scope) = function.scope() else {
        return Vec::new();
    };
    let mut samples = Vec::new();
    for cluster in clusters {
        let Scope {
            partition,
            region,
            account,
        } = &scope;
        let arn = format!("arn:{partition}:ecs:{region}:{account}:cluster/{}", cluster.name());
        for (label, last, desired) in [
            ("a task that runs", "RUNNING", "RUNNING"),
            ("the first sign of a stop", "RUNNING", "STOPPED"),
        ] {
            let mut detail = json!({
                "clusterArn": arn,
                "startedBy": "start-engines/sample/0123456789abcdef/8080",
                "lastStatus": last,
                "desiredStatus": desired,
            });
            if desired == "STOPPED" {
                detail["stopCode"] = json!("UserInitiated");
            }
            let sample = event(&scope, "aws.ecs", "ECS Task State Change", &detail);
            samples.push((format!("{label} in {}", cluster.name()), sample));
        }
    }
    samples
}

fn event(scope: &Scope, source: &str, kind: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": kind,
        "source": source,
        "account": scope.account,
        "time": "2026-01-01T00:00:00Z",
        "region": scope.region,
        "resources": [],
        "detail": detail,
    })
}
