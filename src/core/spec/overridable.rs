//! The names of a start's fields: which of them a catalog entry can list as `overridable`, and which every start gives.

use serde_json::Value;

use crate::input::names;
use crate::input::problem::Problems;

/// The fields of a start's `detail`.
pub(crate) const FIELDS: &[&str] = &[
    "assignPublicIp",
    "capacityProviderStrategy",
    "cluster",
    "containerName",
    "correlationId",
    "count",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "fallbacks",
    "group",
    "idempotencyKey",
    "launchType",
    "maxAgeSeconds",
    "maxLifetimeSeconds",
    "networkConfiguration",
    "overrides",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "port",
    "propagateTags",
    "requestedAt",
    "securityGroups",
    "service",
    "startTimeoutSeconds",
    "subnets",
    "tags",
    "targetGroupArn",
    "targets",
    "taskDefinition",
    "volumeConfigurations",
];

/// Those that every start may give: which service, how many tasks, and for how long.
pub(crate) const ALWAYS: &[&str] = &[
    "correlationId",
    "count",
    "idempotencyKey",
    "maxAgeSeconds",
    "maxLifetimeSeconds",
    "requestedAt",
    "service",
    "startTimeoutSeconds",
];

/// One name of `overridable`.
pub(crate) fn field(value: &Value, path: &str, problems: &mut Problems) -> Option<&'static str> {
    let name = value.as_str().unwrap_or_default();
    let known = FIELDS.iter().copied().find(|known| *known == name);
    if known.is_none() {
        let rule = match names::meaning(name, FIELDS) {
            Some(meaning) if !meaning.ours.is_empty() => {
                format!("must be the name of a field of a start: {}", meaning.says)
            }
            Some(_) | None => "must be the name of a field of a start".to_owned(),
        };
        problems.invalid(path, value, rule);
    }
    known
}
