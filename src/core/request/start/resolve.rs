//! Merges `detail`, catalog entry and environment into one start, and validates it.
//!
//! Values come from the event's `detail`, else from the catalog entry, else from the environment. Values that belong
//! together (the targets; launch type and strategy) come together from the first source that has any of them.

use std::time::Duration;

use super::placements::{self, may_scale};
use super::{Deadlines, Placement, StartRequest};
use crate::call::run_task::Options;
use crate::config::{Allowed, Config};
use crate::domain::arn::{Cluster, Scope, TaskDefinition};
use crate::domain::requested_at::RequestedAt;
use crate::domain::started_by;
use crate::domain::tags::{self, MAX_TAGS_OF_A_START, TaskTags};
use crate::domain::target::Attachment;
use crate::input::problem::Problems;
use crate::request::sender::Sender;
use crate::spec::{SingleTarget, StartDetail, first, run_options};

/// The start that `detail` requests. Records every problem; returns `None` if a required value is missing.
pub fn resolve(
    detail: StartDetail,
    sender: &Sender<'_>,
    config: &Config,
    problems: &mut Problems,
) -> Option<StartRequest> {
    let nothing = StartDetail::default();
    let entry = catalog_entry(&detail, config, problems).unwrap_or(&nothing);
    let sources = [&detail, entry, &config.defaults];
    let identity = identity(&detail, sender.event_id, problems);

    let cluster = first(sources, |source| source.cluster.clone());
    let task_definition = first(sources, |source| source.task_definition.clone());
    if cluster.is_none() && !problems.mentions("detail.cluster") {
        problems.missing("detail.cluster", "give it here, in the catalog entry or as ECS_CLUSTER");
    }
    if task_definition.is_none() && !problems.mentions("detail.taskDefinition") {
        problems.missing(
            "detail.taskDefinition",
            "give it here, in the catalog entry or as TASK_DEFINITION",
        );
    }
    let attachments = attachments(sources, problems);
    let placements = placements::placements(sources, &attachments, problems);
    let targets = named(&detail, &attachments);
    check_allowed(
        cluster.as_ref(),
        task_definition.as_ref(),
        &targets,
        &config.allowed,
        problems,
    );
    check_places(
        cluster.as_ref(),
        task_definition.as_ref(),
        &targets,
        sender.home().as_ref(),
        problems,
    );
    let started_by = started_by::encode(&attachments)
        .map_err(|too_long| {
            problems.invalid_text("detail.targets", &format!("{} targets", attachments.len()), too_long)
        })
        .ok();
    let deadlines = deadlines(sources, &placements, config, problems);
    let readiness = readiness(sources, config, problems);
    // Two events with one key have different times, and RunTask compares the tags of calls with one client token.
    let is_by_key = detail.idempotency_key.is_some();
    let given = detail.requested_at.clone();
    let requested_at = RequestedAt::or_sent(given.clone(), sender.sent_at);
    let tagged = if is_by_key { given } else { requested_at.clone() };
    let task_tags = TaskTags {
        attachments: attachments.clone(),
        event_id: identity.clone(),
        service: detail.service.clone(),
        correlation_id: detail.correlation_id.clone(),
        requested_at: tagged.map(|requested_at| requested_at.text),
        deployment: config.deployment.as_ref().map(ToString::to_string),
        health_timeout_seconds: readiness.timeout_seconds,
        on_unhealthy: readiness.on_unhealthy.map(str::to_owned),
    };
    let mut tags = tags::encode(&task_tags);
    tags.extend(first(sources, |source| source.tags.clone()).unwrap_or_default());
    let options = run_options::layered(sources.map(|source| &source.options));
    check_tags(&tags, &options, problems);

    Some(StartRequest {
        identity: identity?,
        sent_at: sender.sent_at,
        requested_at: requested_at.map(|requested_at| requested_at.at),
        max_age: first(sources, |source| source.max_age_seconds)
            .map(seconds)
            .filter(|age| !age.is_zero()),
        service: detail.service.clone(),
        correlation_id: detail.correlation_id.clone(),
        cluster: cluster?,
        task_definition: task_definition?,
        attachments,
        count: first(sources, |source| source.count).unwrap_or(1),
        placements,
        tags,
        started_by: started_by?,
        options,
        deadlines,
        later: sender.later(config),
    })
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// How long a task may take to reach RUNNING by default, if no source gives a limit.
pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(300);

/// The default if a capacity provider other than Fargate's may first have to launch container instances, which takes
/// two to five minutes or more ([cluster auto scaling]).
///
/// [cluster auto scaling]: https://aws.amazon.com/blogs/containers/deep-dive-on-amazon-ecs-cluster-auto-scaling/
pub const DEFAULT_START_TIMEOUT_OF_PROVIDERS: Duration = Duration::from_secs(900);

/// How long a task in one of these placements may take to reach RUNNING, if neither event nor catalog entry gives a
/// limit: `TASK_WAIT_TIMEOUT`, else the default.
fn start_timeout_of(placements: &[Placement], config: &Config) -> Duration {
    config.start_timeout.unwrap_or(if placements.iter().any(may_scale) {
        DEFAULT_START_TIMEOUT_OF_PROVIDERS
    } else {
        DEFAULT_START_TIMEOUT
    })
}

/// The deadlines; zero means no limit. Without a scheduler there are none, and a start that gives one is a problem.
fn deadlines(
    sources: [&StartDetail; 3],
    placements: &[Placement],
    config: &Config,
    problems: &mut Problems,
) -> Deadlines {
    let timeout = first(sources, |source| source.start_timeout_seconds);
    let lifetime = first(sources, |source| source.max_lifetime_seconds);
    if config.scheduler.is_none() {
        for (name, given) in [("startTimeoutSeconds", timeout), ("maxLifetimeSeconds", lifetime)] {
            if let Some(seconds @ 1..) = given {
                let rule = "without SCHEDULER_ROLE_ARN there are no deadlines: omit it";
                problems.invalid(format!("detail.{name}"), &seconds.into(), rule);
            }
        }
        return Deadlines::default();
    }
    let some = |time: Duration| (!time.is_zero()).then_some(time);
    Deadlines {
        start_timeout: some(timeout.map_or_else(|| start_timeout_of(placements, config), seconds)),
        max_lifetime: lifetime.map(seconds).and_then(some),
    }
}

/// What the tags of a task say of its check; `None` for the default.
#[derive(Clone, Copy, Default)]
struct Readiness {
    timeout_seconds: Option<u32>,
    on_unhealthy: Option<&'static str>,
}

/// `healthTimeoutSeconds` and `onUnhealthy`. Without a scheduler nothing is checked, and a start that asks for it is a
/// problem.
fn readiness(sources: [&StartDetail; 3], config: &Config, problems: &mut Problems) -> Readiness {
    let timeout = first(sources, |source| source.health_timeout_seconds);
    let on_unhealthy = first(sources, |source| source.on_unhealthy);
    let is_stopped = on_unhealthy == Some(tags::STOP);
    if config.scheduler.is_none() {
        let rule = "without SCHEDULER_ROLE_ARN nothing is checked later: omit it";
        if let Some(seconds @ 1..) = timeout {
            problems.invalid("detail.healthTimeoutSeconds", &seconds.into(), rule);
        }
        if is_stopped {
            problems.invalid_text("detail.onUnhealthy", tags::STOP, rule);
        }
    } else if is_stopped && timeout.map_or(config.health_timeout == Some(Duration::ZERO), |seconds| seconds == 0) {
        let rule = "with healthTimeoutSeconds 0 nothing is checked: give a time, or omit it";
        problems.invalid_text("detail.onUnhealthy", tags::STOP, rule);
    }
    Readiness {
        timeout_seconds: timeout.and_then(|seconds| u32::try_from(seconds).ok()),
        on_unhealthy,
    }
}

fn catalog_entry<'a>(detail: &StartDetail, config: &'a Config, problems: &mut Problems) -> Option<&'a StartDetail> {
    let name = detail.service.as_ref()?;
    let entry = config.catalog.get(name);
    if entry.is_none() {
        problems.not_in_catalog("detail.service", name, config.catalog.rule());
    }
    entry
}

/// The identity of the start. It becomes a tag and a client token, so the rules of `idempotencyKey` apply to the
/// event's `id` too.
fn identity(detail: &StartDetail, event_id: Option<&str>, problems: &mut Problems) -> Option<String> {
    if detail.idempotency_key.is_some() {
        return detail.idempotency_key.clone();
    }
    match event_id {
        Some(id) if tags::reserved(id) => {
            problems.invalid_text("id", id, crate::spec::tag::RESERVED);
            None
        }
        Some(id) if (1..=256).contains(&id.chars().count()) && tags::allowed(id) => Some(id.to_owned()),
        Some(id) => {
            problems.invalid_text(
                "id",
                id,
                "must be a text of 1 to 256 letters, digits, spaces and _.:/=+-@",
            );
            None
        }
        None => {
            problems.missing(
                "id",
                "give an id or detail.idempotencyKey: without one, a repeated event would start tasks again",
            );
            None
        }
    }
}

/// The targets: `targets` as a whole, or the short form, whose parts can come from different sources.
fn attachments(sources: [&StartDetail; 3], problems: &mut Problems) -> Vec<Attachment> {
    let any = sources
        .into_iter()
        .find(|source| source.targets.is_some() || !source.target.is_empty());
    if let Some(targets) = any.and_then(|source| source.targets.clone()) {
        return targets;
    }
    let part = SingleTarget {
        target_group_arn: single(sources, |target| target.target_group_arn.clone()),
        port: single(sources, |target| target.port),
        container_name: single(sources, |target| target.container_name.clone()),
    };
    if let (Some(group), Some(port)) = (&part.target_group_arn, part.port) {
        return vec![Attachment {
            group: group.clone(),
            port,
            container: part.container_name,
        }];
    }
    let noted = |name: &str| problems.mentions(name) || problems.mentions("detail.targets");
    let missing = [
        (
            "detail.targetGroupArn",
            part.target_group_arn.is_none() && !noted("detail.targetGroupArn"),
        ),
        ("detail.port", part.port.is_none() && !noted("detail.port")),
    ];
    for (name, is_missing) in missing {
        if is_missing {
            problems.missing(
                name,
                "a start needs targetGroupArn and port, or targets; \"targets\": [] for none",
            );
        }
    }
    Vec::new()
}

/// One part of the short form. A later source's `targets` gives the part if it has exactly one item; several items end
/// the search, because it is ambiguous which of them is meant.
fn single<T>(sources: [&StartDetail; 3], pick: impl Fn(&SingleTarget) -> Option<T>) -> Option<T> {
    for source in sources {
        match source.targets.as_deref() {
            None => {
                if let Some(part) = pick(&source.target) {
                    return Some(part);
                }
            }
            Some([only]) => {
                return pick(&SingleTarget {
                    target_group_arn: Some(only.group.clone()),
                    port: Some(only.port),
                    container_name: only.container.clone(),
                });
            }
            Some(_) => return None,
        }
    }
    None
}

/// Each target, with the path of the field that names its target group.
fn named<'a>(detail: &StartDetail, attachments: &'a [Attachment]) -> Vec<(String, &'a Attachment)> {
    let name = |n: usize| match (&detail.targets, attachments.len()) {
        (None, 1) => "detail.targetGroupArn".to_owned(),
        (Some(_), _) | (None, _) => format!("detail.targets[{n}].targetGroupArn"),
    };
    attachments
        .iter()
        .enumerate()
        .map(|(n, attachment)| (name(n), attachment))
        .collect()
}

fn check_allowed(
    cluster: Option<&Cluster>,
    task_definition: Option<&TaskDefinition>,
    targets: &[(String, &Attachment)],
    allowed: &Allowed,
    problems: &mut Problems,
) {
    if let Some(cluster) = cluster.filter(|cluster| !allowed.clusters.allows_cluster(cluster)) {
        problems.not_allowed("detail.cluster", cluster.as_str(), "is not in ALLOWED_CLUSTERS");
    }
    if let Some(definition) = task_definition.filter(|definition| !allowed.task_families.allows_family(definition)) {
        problems.not_allowed(
            "detail.taskDefinition",
            definition.as_str(),
            "is not in ALLOWED_TASK_FAMILIES",
        );
    }
    for (n, (field, attachment)) in targets.iter().enumerate() {
        let text = attachment.group.as_str();
        if !allowed.target_groups.allows_target_group(&attachment.group) {
            problems.not_allowed(field.clone(), text, "is not in ALLOWED_TARGET_GROUPS");
        }
        let twice = |other: &Attachment| other.group == attachment.group && other.port == attachment.port;
        if targets.iter().take(n).any(|(_, other)| twice(other)) {
            problems.invalid_text(field.clone(), text, "the same target group and port are given twice");
        }
    }
}

/// All ARNs must be in the function's account and region; offline, in the same one. `startedBy` contains neither, so a
/// target group of another account would be searched for in the task's own.
fn check_places(
    cluster: Option<&Cluster>,
    task_definition: Option<&TaskDefinition>,
    targets: &[(String, &Attachment)],
    home: Option<&Scope>,
    problems: &mut Problems,
) {
    let cluster = cluster.and_then(|arn| Some(("detail.cluster".to_owned(), arn.as_str(), arn.scope()?)));
    let definition =
        task_definition.and_then(|arn| Some(("detail.taskDefinition".to_owned(), arn.as_str(), arn.scope()?)));
    let groups = targets
        .iter()
        .filter_map(|(field, attachment)| Some((field.clone(), attachment.group.as_str(), attachment.group.scope()?)));
    let mut home = home.cloned();
    for (field, text, scope) in cluster.into_iter().chain(definition).chain(groups) {
        let home = home.get_or_insert_with(|| scope.clone());
        if scope != *home {
            let rule = format!(
                "must be in account {} and region {}, like the function and all other ARNs",
                home.account, home.region
            );
            problems.invalid_text(field, text, rule);
        }
    }
}

/// Checks the number and the keys of tags. One tag is reserved for the drain. Tags that ECS adds are not counted:
/// managed tags do not count towards the limit, and the task definition's tags are not known here.
fn check_tags(tags: &[tags::Tag], options: &Options, problems: &mut Problems) {
    if tags.len() > MAX_TAGS_OF_A_START {
        let count = format!("{} tags", tags.len());
        let definition = if options.propagate_tags == Some("TASK_DEFINITION") {
            ", and the tags of the task definition count too"
        } else {
            ""
        };
        problems.invalid_text(
            "detail.tags",
            &count,
            format!("a start can have at most {MAX_TAGS_OF_A_START} tags, including those of start-engines: a stop needs the last one{definition}"),
        );
    }
    for (n, tag) in tags.iter().enumerate() {
        if tags.iter().take(n).any(|other| other.key == tag.key) {
            problems.invalid_text("detail.tags", &tag.key, "the same key is given twice");
        }
    }
}
