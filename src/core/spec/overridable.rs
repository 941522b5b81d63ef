//! The names of a start's fields: those that a catalog entry can list as `overridable`, and those that every start may
//! give.

use serde_json::Value;

use crate::input::names;
use crate::input::problem::Problems;

/// All fields of a start's `detail`, sorted.
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
    "healthTimeoutSeconds",
    "idempotencyKey",
    "launchType",
    "maxAgeSeconds",
    "maxLifetimeSeconds",
    "networkConfiguration",
    "onUnhealthy",
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

/// The fields that every start may give, even if `CATALOG_ONLY` is set; sorted.
pub(crate) const ALWAYS: &[&str] = &[
    "correlationId",
    "count",
    "healthTimeoutSeconds",
    "idempotencyKey",
    "maxAgeSeconds",
    "maxLifetimeSeconds",
    "onUnhealthy",
    "requestedAt",
    "service",
    "startTimeoutSeconds",
];

/// Reads one item of `overridable`.
pub(crate) fn field(value: &Value, path: &str, problems: &mut Problems) -> Option<&'static str> {
    let name = value.as_str().unwrap_or_default();
    let known = FIELDS.iter().copied().find(|known| *known == name);
    if known.is_none() {
        let rule = match names::meaning(name, FIELDS) {
            Some(meaning) if !meaning.fields.is_empty() => {
                format!("must be the name of a field of a start: {}", meaning.suggestion)
            }
            Some(_) | None => "must be the name of a field of a start".to_owned(),
        };
        problems.invalid(path, value, rule);
    }
    known
}
