//! Reads the fields of a start: of an event's `detail`, of a catalog entry.
//!
//! Checks each field by itself; what only shows in combination is [`super::resolve`]'s.

use serde_json::Value;

use super::options;
use crate::arn::{Cluster, ContainerName, Malformed, Port, SecurityGroupId, SubnetId, TargetGroupArn, TaskDefinition};
use crate::fields::Fields;
use crate::problem::Problems;
use crate::requested_at::{self, RequestedAt};
use crate::run_task::{CapacityProvider, Options};
use crate::tags::{self, Tag};
use crate::target::Attachment;

/// What one source says of a start; every field may be left to the next source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the names are the event's own, in snake case; the README has the table"
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
}

impl StartDetail {
    /// The target groups that it names.
    pub fn target_groups(&self) -> impl Iterator<Item = TargetGroupArn> + '_ {
        let listed = self.targets.iter().flatten().map(|target| &target.group);
        self.target.target_group_arn.iter().chain(listed).cloned()
    }
}

/// The short form for the one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in StartDetail")]
pub struct SingleTarget {
    pub target_group_arn: Option<TargetGroupArn>,
    pub port: Option<Port>,
    pub container_name: Option<ContainerName>,
}

impl SingleTarget {
    /// Whether nothing of it is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.target_group_arn.is_none() && self.port.is_none() && self.container_name.is_none()
    }
}

/// Where else to try when capacity is short; what it leaves out is as first asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in StartDetail")]
pub struct Fallback {
    pub subnets: Option<Vec<SubnetId>>,
    pub launch_type: Option<&'static str>,
    pub capacity_provider_strategy: Option<Vec<CapacityProvider>>,
}

/// The launch types that RunTask takes; Managed Instances and Fargate Spot need a strategy.
const LAUNCH_TYPES: &[&str] = &["EC2", "FARGATE", "EXTERNAL"];
/// [AwsVpcConfiguration](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html).
pub(crate) const MOST_SUBNETS: usize = 16;
/// [AwsVpcConfiguration](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html).
pub(crate) const MOST_SECURITY_GROUPS: usize = 5;
const MOST_CAPACITY_PROVIDERS: usize = 20;
const MOST_FALLBACKS: usize = 9;
/// A day.
const MOST_START_TIMEOUT_SECONDS: i64 = 86_400;
/// A year.
const MOST_LIFETIME_SECONDS: i64 = 31_536_000;
/// A day: ECS keeps no client token longer, so what is older than that may start its tasks a second time.
const MOST_AGE_SECONDS: i64 = 86_400;
/// More never fit into `startedBy`; this only bounds the reading.
const MOST_TARGETS: usize = 10;

/// Reads an event's `detail`.
pub fn of_event(detail: &Value, problems: &mut Problems) -> StartDetail {
    let Some(mut fields) = Fields::of(detail, "detail", problems) else {
        return StartDetail::default();
    };
    let service = fields.text("service", 128, problems);
    let idempotency_key = fields.read("idempotencyKey", problems, mark);
    let correlation_id = fields.read("correlationId", problems, mark);
    let requested_at = requested_at::read(&mut fields, problems);
    let shared = shared(&mut fields, problems);
    fields.deny_unknown(problems);
    StartDetail {
        service,
        idempotency_key,
        correlation_id,
        requested_at,
        ..shared
    }
}

/// Reads an entry of the service catalog, which has all fields but those of one single start.
pub fn of_catalog(entry: &Value, path: &str, problems: &mut Problems) -> StartDetail {
    let Some(mut fields) = Fields::of(entry, path, problems) else {
        return StartDetail::default();
    };
    let shared = shared(&mut fields, problems);
    fields.deny_unknown(problems);
    shared
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
    StartDetail {
        service: None,
        idempotency_key: None,
        correlation_id: None,
        requested_at: None,
        cluster: fields.parsed("cluster", problems),
        task_definition: fields.parsed("taskDefinition", problems),
        target,
        targets: fields.list("targets", MOST_TARGETS, problems, attachment),
        subnets: fields.parsed_list("subnets", MOST_SUBNETS, problems),
        security_groups: fields.parsed_list("securityGroups", MOST_SECURITY_GROUPS, problems),
        assign_public_ip: fields.one_of("assignPublicIp", &["ENABLED", "DISABLED"], problems),
        launch_type: fields.one_of("launchType", LAUNCH_TYPES, problems),
        capacity_provider_strategy: strategy(fields, problems),
        platform_version: fields.text("platformVersion", 64, problems),
        fallbacks: fields.list("fallbacks", MOST_FALLBACKS, problems, fallback),
        options: options::read(fields, problems),
        tags: fields.list("tags", tags::MOST_TAGS, problems, tag),
        count: fields.number("count", 1..=10, problems),
        start_timeout_seconds: fields.number("startTimeoutSeconds", 0..=MOST_START_TIMEOUT_SECONDS, problems),
        max_lifetime_seconds: fields.number("maxLifetimeSeconds", 0..=MOST_LIFETIME_SECONDS, problems),
        max_age_seconds: fields.number("maxAgeSeconds", 0..=MOST_AGE_SECONDS, problems),
    }
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

/// A text that can become a tag's value.
pub(crate) fn mark(value: &Value) -> Result<String, String> {
    match value.as_str() {
        Some(text) if (1..=256).contains(&text.chars().count()) && tags::allowed(text) => Ok(text.to_owned()),
        _ => Err("must be a text of 1 to 256 letters, digits, spaces and _.:/=+-@".to_owned()),
    }
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
        MOST_CAPACITY_PROVIDERS,
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
    Some(items)
}

fn fallback(value: &Value, path: &str, problems: &mut Problems) -> Option<Fallback> {
    let mut fields = Fields::of(value, path, problems)?;
    let fallback = Fallback {
        subnets: fields.parsed_list("subnets", MOST_SUBNETS, problems),
        launch_type: fields.one_of("launchType", LAUNCH_TYPES, problems),
        capacity_provider_strategy: strategy(&mut fields, problems),
    };
    let launches = ["launchType", "capacityProviderStrategy"].map(|name| fields.raw(name).is_some());
    if launches == [true, true] {
        problems.invalid(path, value, "give either launchType or capacityProviderStrategy");
    }
    if launches == [false, false] && fields.raw("subnets").is_none() {
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

pub(super) fn tag(value: &Value, path: &str, problems: &mut Problems) -> Option<Tag> {
    let mut fields = Fields::of(value, path, problems)?;
    let key = fields.read("key", problems, |value| match value.as_str() {
        Some(key) if key.to_ascii_lowercase().starts_with("aws:") => Err("must not begin with aws:".to_owned()),
        Some(key) if key.starts_with(tags::PREFIX) => Err(format!("must not begin with {}", tags::PREFIX)),
        Some(key) if (1..=128).contains(&key.chars().count()) && tags::allowed(key) => Ok(key.to_owned()),
        _ => Err("must be a text of 1 to 128 letters, digits, spaces and _.:/=+-@".to_owned()),
    });
    if fields.raw("key").is_none() {
        problems.missing(fields.at("key"), "each tag needs a key");
    }
    let value = fields.read("value", problems, |value| match value.as_str() {
        Some(text) if text.chars().count() <= 256 && tags::allowed(text) => Ok(text.to_owned()),
        _ => Err("must be a text of at most 256 letters, digits, spaces and _.:/=+-@".to_owned()),
    });
    fields.deny_unknown(problems);
    Some(Tag {
        key: key?,
        value: value.unwrap_or_default(),
    })
}
