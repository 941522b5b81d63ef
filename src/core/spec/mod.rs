//! Reads the fields of a start, from an event's `detail` or from a catalog entry.
//!
//! Validates each field by itself; [`crate::request::start::resolve`] validates their combination.

mod network;
pub(crate) mod overridable;
pub(crate) mod run_options;
pub(crate) mod tag;

use serde_json::Value;

use self::tag::{tag, tag_value};
use crate::call::run_task::{CapacityProvider, MAX_CAPACITY_PROVIDERS, Options};
use crate::domain::arn::{
    Cluster, ContainerName, Malformed, Port, SecurityGroupId, SubnetId, TargetGroupArn, TaskDefinition,
};
use crate::domain::requested_at::{self, RequestedAt};
use crate::domain::tags::{self, Tag};
use crate::domain::target::Attachment;
use crate::input::fields::Fields;
use crate::input::problem::Problems;

/// What one source gives for a start: the event, the catalog entry or the environment. An absent field comes from the
/// next source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the names are the event's own, in snake case; docs/events.md has the table"
)]
pub struct StartDetail {
    pub service: Option<String>,
    pub idempotency_key: Option<String>,
    pub correlation_id: Option<String>,
    pub requested_at: Option<RequestedAt>,
    pub cluster: Option<Cluster>,
    pub task_definition: Option<TaskDefinition>,
    pub target: SingleTarget,
    pub targets: Option<Vec<Attachment>>,
    pub subnets: Option<Vec<SubnetId>>,
    pub security_groups: Option<Vec<SecurityGroupId>>,
    pub assign_public_ip: Option<&'static str>,
    pub launch_type: Option<&'static str>,
    pub capacity_provider_strategy: Option<Vec<CapacityProvider>>,
    pub platform_version: Option<String>,
    pub fallbacks: Option<Vec<Fallback>>,
    pub options: Options,
    pub tags: Option<Vec<Tag>>,
    pub count: Option<i32>,
    pub start_timeout_seconds: Option<i32>,
    pub max_lifetime_seconds: Option<i32>,
    pub max_age_seconds: Option<i32>,
    pub health_timeout_seconds: Option<i32>,
    pub on_unhealthy: Option<&'static str>,
    /// Only in catalog entries: the fields that a start of the service may give if `CATALOG_ONLY` is set.
    pub overridable: Vec<&'static str>,
}

impl StartDetail {
    /// The target groups in `targets` and `targetGroupArn`.
    pub fn target_groups(&self) -> impl Iterator<Item = TargetGroupArn> + '_ {
        let listed = self.targets.iter().flatten().map(|target| &target.group);
        self.target.target_group_arn.iter().chain(listed).cloned()
    }
}

/// The value from the first source that gives one; sources are event, catalog entry and environment.
pub(crate) fn first<T>(sources: [&StartDetail; 3], pick: impl Fn(&StartDetail) -> Option<T>) -> Option<T> {
    sources.into_iter().find_map(pick)
}

/// The short form for a single target: `targetGroupArn`, `port` and `containerName`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in StartDetail")]
pub struct SingleTarget {
    pub target_group_arn: Option<TargetGroupArn>,
    pub port: Option<Port>,
    pub container_name: Option<ContainerName>,
}

impl SingleTarget {
    /// Whether none of the three fields is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.target_group_arn.is_none() && self.port.is_none() && self.container_name.is_none()
    }
}

/// A placement to try when the one before it has no capacity. Absent fields have the values of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in StartDetail")]
pub struct Fallback {
    pub subnets: Option<Vec<SubnetId>>,
    pub launch_type: Option<&'static str>,
    pub capacity_provider_strategy: Option<Vec<CapacityProvider>>,
}

/// The launch types that RunTask accepts; Managed Instances and Fargate Spot require a capacity provider strategy.
const LAUNCH_TYPES: &[&str] = &["EC2", "FARGATE", "EXTERNAL"];
const MAX_FALLBACKS: usize = 9;
/// One day, as for `TASK_WAIT_TIMEOUT`.
const MAX_START_TIMEOUT_SECONDS: i64 = 86_400;
/// 365 days; a task that may run for longer has no `maxLifetimeSeconds`.
const MAX_LIFETIME_SECONDS: i64 = 31_536_000;
/// One day: ECS forgets client tokens after that, so an older event could start its tasks again.
const MAX_AGE_SECONDS: i64 = 86_400;
/// The maximum `healthTimeoutSeconds`: longer than ELB can take, whose longest interval is 300 s and whose highest threshold
/// is 10
/// ([CreateTargetGroup](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html)).
const MAX_HEALTH_TIMEOUT_SECONDS: i64 = 3_600;
/// The values of `onUnhealthy`; the first is the default.
const ON_UNHEALTHY: &[&str] = &["report", tags::STOP];
/// More never fit into `startedBy`; this limits how much is read.
const MAX_TARGETS: usize = 10;

/// Reads an event's `detail`.
pub fn of_event(detail: &Value, problems: &mut Problems) -> StartDetail {
    let Some(mut fields) = Fields::of(detail, "detail", problems) else {
        return StartDetail::default();
    };
    let start = start(&mut fields, problems);
    fields.deny_unknown(problems);
    start
}

fn start(fields: &mut Fields<'_>, problems: &mut Problems) -> StartDetail {
    let service = fields.text("service", 128, problems);
    let requested_at = requested_at::read(fields, problems);
    let idempotency_key = fields.read("idempotencyKey", problems, tag_value);
    let correlation_id = fields.read("correlationId", problems, tag_value);
    let shared = shared(fields, problems);
    StartDetail {
        service,
        idempotency_key,
        correlation_id,
        requested_at,
        ..shared
    }
}

/// Reads an entry of the service catalog: all fields but those of a single start, and `overridable`.
pub fn of_catalog(entry: &Value, path: &str, problems: &mut Problems) -> StartDetail {
    let Some(mut fields) = Fields::of(entry, path, problems) else {
        return StartDetail::default();
    };
    let shared = shared(&mut fields, problems);
    let overridable = fields.list("overridable", overridable::FIELDS.len(), problems, overridable::field);
    fields.deny_unknown(problems);
    StartDetail {
        overridable: overridable.unwrap_or_default(),
        ..shared
    }
}

fn shared(fields: &mut Fields<'_>, problems: &mut Problems) -> StartDetail {
    let target = SingleTarget {
        target_group_arn: fields.parsed("targetGroupArn", problems),
        port: fields.read("port", problems, port),
        container_name: fields.parsed("containerName", problems),
    };
    let given = |fields: &mut Fields<'_>, name| fields.raw(name).is_some();
    if given(fields, "targets")
        && ["targetGroupArn", "port", "containerName"]
            .into_iter()
            .any(|name| given(fields, name))
    {
        problems.invalid(
            fields.at("targets"),
            fields.raw("targets").unwrap_or(&Value::Null),
            "give either targets or targetGroupArn, port and containerName",
        );
    }
    if given(fields, "launchType") && given(fields, "capacityProviderStrategy") {
        problems.invalid(
            fields.at("launchType"),
            fields.raw("launchType").unwrap_or(&Value::Null),
            "give either launchType or capacityProviderStrategy",
        );
    }
    let network = network::read(fields, problems);
    StartDetail {
        cluster: fields.parsed("cluster", problems),
        task_definition: fields.parsed("taskDefinition", problems),
        target,
        targets: fields.list("targets", MAX_TARGETS, problems, attachment),
        subnets: network.subnets,
        security_groups: network.security_groups,
        assign_public_ip: network.assign_public_ip,
        launch_type: launch_type(fields, problems),
        capacity_provider_strategy: strategy(fields, problems),
        platform_version: fields.text("platformVersion", 64, problems),
        fallbacks: fields.list("fallbacks", MAX_FALLBACKS, problems, fallback),
        options: run_options::read(fields, problems),
        tags: fields.list("tags", tags::MAX_TAGS, problems, tag),
        count: fields.number("count", 1..=10, problems),
        start_timeout_seconds: fields.number("startTimeoutSeconds", 0..=MAX_START_TIMEOUT_SECONDS, problems),
        max_lifetime_seconds: fields.number("maxLifetimeSeconds", 0..=MAX_LIFETIME_SECONDS, problems),
        max_age_seconds: fields.number("maxAgeSeconds", 0..=MAX_AGE_SECONDS, problems),
        health_timeout_seconds: fields.number("healthTimeoutSeconds", 0..=MAX_HEALTH_TIMEOUT_SECONDS, problems),
        on_unhealthy: fields.one_of("onUnhealthy", ON_UNHEALTHY, problems),
        ..StartDetail::default()
    }
}

/// `launchType`. Other launch types of tasks are requested with a capacity provider strategy
/// ([RunTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html)).
fn launch_type(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<&'static str> {
    fields.read("launchType", problems, |value| {
        let text = value.as_str().unwrap_or_default();
        if let Some(known) = LAUNCH_TYPES.iter().find(|known| **known == text) {
            return Ok(*known);
        }
        let rule = format!("must be one of {}", LAUNCH_TYPES.join(", "));
        Err(match text {
            "FARGATE_SPOT" => format!(
                "{rule}; for Fargate Spot, give capacityProviderStrategy: [{{\"capacityProvider\": \"FARGATE_SPOT\", \"weight\": 1}}]"
            ),
            "MANAGED_INSTANCES" => format!(
                "{rule}; for Managed Instances, give capacityProviderStrategy with the name of their capacity provider"
            ),
            _ => rule,
        })
    })
}

fn port(value: &Value) -> Result<Port, String> {
    let wrong = || {
        Port::try_from(0)
            .err()
            .map_or_else(String::new, |rule: Malformed| rule.to_string())
    };
    value
        .as_i64()
        .and_then(|number| Port::try_from(number).ok())
        .ok_or_else(wrong)
}

fn attachment(value: &Value, path: &str, problems: &mut Problems) -> Option<Attachment> {
    let mut fields = Fields::of(value, path, problems)?;
    let group = fields.parsed("targetGroupArn", problems);
    let port = fields.read("port", problems, port);
    let container = fields.parsed("containerName", problems);
    for name in ["targetGroupArn", "port"] {
        if fields.raw(name).is_none() {
            problems.missing(fields.at(name), "each target needs targetGroupArn and port");
        }
    }
    fields.deny_unknown(problems);
    Some(Attachment {
        group: group?,
        port: port?,
        container,
    })
}

fn strategy(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<CapacityProvider>> {
    let items = fields.list(
        "capacityProviderStrategy",
        MAX_CAPACITY_PROVIDERS,
        problems,
        |value, path, problems| {
            let mut fields = Fields::of(value, path, problems)?;
            let name = fields.text("capacityProvider", 255, problems);
            if fields.raw("capacityProvider").is_none() {
                problems.missing(fields.at("capacityProvider"), "name a capacity provider");
            }
            let weight = fields.number("weight", 0..=1000, problems).unwrap_or(0);
            let base = fields.number("base", 0..=100_000, problems).unwrap_or(0);
            fields.deny_unknown(problems);
            Some(CapacityProvider {
                name: name?,
                weight,
                base,
            })
        },
    )?;
    if items.is_empty() {
        problems.missing(fields.at("capacityProviderStrategy[0]"), "must have 1 to 20 items");
    }
    check_strategy(fields, &items, problems);
    Some(items)
}

/// Reports strategies that RunTask refuses: several providers all with weight 0, or several with a base
/// ([CapacityProviderStrategyItem](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html)).
fn check_strategy(fields: &mut Fields<'_>, items: &[CapacityProvider], problems: &mut Problems) {
    let place = fields.at("capacityProviderStrategy");
    let value = fields.raw("capacityProviderStrategy").unwrap_or(&Value::Null);
    if items.len() > 1 && items.iter().all(|item| item.weight == 0) {
        let rule = "at least one of several capacity providers must have a weight above 0 (the default is 0)";
        problems.invalid(place.clone(), value, rule);
    }
    if items.iter().filter(|item| item.base > 0).count() > 1 {
        problems.invalid(place, value, "only one capacity provider can have a base");
    }
}

fn fallback(value: &Value, path: &str, problems: &mut Problems) -> Option<Fallback> {
    let mut fields = Fields::of(value, path, problems)?;
    let fallback = Fallback {
        subnets: network::read_subnets(&mut fields, problems),
        launch_type: launch_type(&mut fields, problems),
        capacity_provider_strategy: strategy(&mut fields, problems),
    };
    let launches = ["launchType", "capacityProviderStrategy"].map(|name| fields.raw(name).is_some());
    if launches == [true, true] {
        problems.invalid(path, value, "give either launchType or capacityProviderStrategy");
    }
    let gives_subnets = ["subnets", "networkConfiguration"].map(|name| fields.raw(name).is_some()) != [false, false];
    if launches == [false, false] && !gives_subnets {
        problems.invalid(
            path,
            value,
            "a fallback needs subnets, launchType or capacityProviderStrategy",
        );
    }
    if fallback.subnets.as_ref().is_some_and(Vec::is_empty) {
        problems.missing(fields.at("subnets[0]"), "a fallback's subnets must have 1 to 16 items");
    }
    fields.deny_unknown(problems);
    Some(fallback)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_list_of_fields_has_all_that_a_start_may_have_and_no_other() {
        let (detail, mut problems) = (json!({}), Problems::new());
        let mut fields = Fields::of(&detail, "detail", &mut problems).unwrap();
        let _ = start(&mut fields, &mut problems);
        let mut known = fields.known();
        known.dedup();
        assert_eq!(known, overridable::FIELDS);
        assert!(overridable::ALWAYS.is_sorted());
        let is_field = |name: &&str| overridable::FIELDS.contains(name);
        assert!(overridable::ALWAYS.iter().all(is_field));
    }
}
