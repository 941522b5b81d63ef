//! Lays detail, catalog entry and environment over each other, and checks what comes out.
//!
//! Order of values: the event's `detail`, then the catalog entry, then the environment. What is
//! given as a group (the targets, the launch) is taken as a group from the first source that has
//! any of it.

use super::detail::{Fallback, SingleTarget, StartDetail};
use super::request::{Placement, StartRequest};
use crate::allow_list::AllowList;
use crate::arn::{Scope, SecurityGroupId, SubnetId};
use crate::config::Config;
use crate::problem::Problems;
use crate::run_task::{Awsvpc, Launch, Options};
use crate::started_by;
use crate::tags::{self, MOST_TAGS, Marks};
use crate::target::Attachment;
use crate::timestamp::Timestamp;

/// The whole request that `detail` makes, if all of it is sound and allowed; otherwise every
/// problem is noted.
pub fn resolve(
    detail: StartDetail,
    event_id: Option<&str>,
    sent_at: Option<Timestamp>,
    config: &Config,
    problems: &mut Problems,
) -> Option<StartRequest> {
    let nothing = StartDetail::default();
    let entry = catalog_entry(&detail, config, problems).unwrap_or(&nothing);
    let sources = [&detail, entry, &config.defaults];
    let identity = identity(&detail, event_id, problems);

    let cluster = first(sources, |source| source.cluster.clone());
    let task_definition = first(sources, |source| source.task_definition.clone());
    if cluster.is_none() && !problems.name("detail.cluster") {
        problems.missing("detail.cluster", "give it here, in the catalog entry or as ECS_CLUSTER");
    }
    if task_definition.is_none() && !problems.name("detail.taskDefinition") {
        problems.missing(
            "detail.taskDefinition",
            "give it here, in the catalog entry or as TASK_DEFINITION",
        );
    }
    let attachments = attachments(sources, problems);
    let launch = first(sources, launch).unwrap_or_default();
    let network = network(sources, &launch, problems);
    let platform_version = first(sources, |source| source.platform_version.clone());
    let fallbacks = first(sources, |source| source.fallbacks.clone()).unwrap_or_default();

    if let Some(cluster) = &cluster {
        allow(
            config.allowed.clusters.allows_cluster(cluster),
            "detail.cluster",
            cluster.as_str(),
            "ALLOWED_CLUSTERS",
            problems,
        );
        same_place(cluster.scope(), "detail.cluster", cluster.as_str(), config, problems);
    }
    if let Some(definition) = &task_definition {
        let list = &config.allowed.task_families;
        allow(
            list.allows_family(definition),
            "detail.taskDefinition",
            definition.as_str(),
            "ALLOWED_TASK_FAMILIES",
            problems,
        );
        same_place(
            definition.scope(),
            "detail.taskDefinition",
            definition.as_str(),
            config,
            problems,
        );
    }
    check_attachments(&attachments, &launch, &config.allowed.target_groups, config, problems);

    let started_by = started_by::encode(&attachments)
        .map_err(|too_long| {
            problems.invalid_text("detail.targets", &format!("{} targets", attachments.len()), too_long)
        })
        .ok();
    let marks = Marks {
        attachments: attachments.clone(),
        event_id: identity.clone(),
        service: detail.service.clone(),
        correlation_id: detail.correlation_id.clone(),
    };
    let mut tags = tags::encode(&marks);
    tags.extend(first(sources, |source| source.tags.clone()).unwrap_or_default());
    check_tags(&tags, problems);

    Some(StartRequest {
        identity: identity?,
        sent_at,
        service: detail.service.clone(),
        correlation_id: detail.correlation_id.clone(),
        cluster: cluster?,
        task_definition: task_definition?,
        attachments,
        count: first(sources, |source| source.count).unwrap_or(1),
        placements: placements(network, launch, platform_version, &fallbacks),
        tags,
        started_by: started_by?,
        options: options(sources),
    })
}

fn first<T>(sources: [&StartDetail; 3], pick: impl Fn(&StartDetail) -> Option<T>) -> Option<T> {
    sources.into_iter().find_map(pick)
}

fn catalog_entry<'a>(detail: &StartDetail, config: &'a Config, problems: &mut Problems) -> Option<&'a StartDetail> {
    let name = detail.service.as_ref()?;
    let entry = config.catalog.get(name);
    if entry.is_none() {
        let names: Vec<&str> = config.catalog.names().collect();
        let rule = if names.is_empty() {
            "the service catalog is empty".to_owned()
        } else {
            format!("must be a service of the catalog: {}", names.join(", "))
        };
        problems.invalid_text("detail.service", name, rule);
    }
    entry
}

/// The identity goes into a tag and a token, so an envelope's id obeys the same rule as a key.
fn identity(detail: &StartDetail, event_id: Option<&str>, problems: &mut Problems) -> Option<String> {
    if detail.idempotency_key.is_some() {
        return detail.idempotency_key.clone();
    }
    match event_id {
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
                "an event without id or detail.idempotencyKey cannot be started just once",
            );
            None
        }
    }
}

fn launch(source: &StartDetail) -> Option<Launch> {
    launch_of(source.launch_type, source.capacity_provider_strategy.as_ref())
}

fn launch_of(
    launch_type: Option<&'static str>,
    strategy: Option<&Vec<crate::run_task::CapacityProvider>>,
) -> Option<Launch> {
    launch_type
        .map(Launch::Type)
        .or_else(|| strategy.cloned().map(Launch::Strategy))
}

/// The targets: a list as a whole, or the short form, each part of which may come from a later source.
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
    let noted = |name: &str| problems.name(name) || problems.name("detail.targets");
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

/// A part of the short form; a catalog entry with just one target in its list gives parts too.
fn single<T>(sources: [&StartDetail; 3], pick: impl Fn(&SingleTarget) -> Option<T>) -> Option<T> {
    first(sources, |source| match source.targets.as_deref() {
        Some([only]) => pick(&SingleTarget {
            target_group_arn: Some(only.group.clone()),
            port: Some(only.port),
            container_name: only.container.clone(),
        }),
        Some(_) | None => pick(&source.target),
    })
}

fn network(sources: [&StartDetail; 3], launch: &Launch, problems: &mut Problems) -> Option<Awsvpc> {
    // An explicit empty list means no network configuration: a bridge or host mode task.
    let subnets: Vec<SubnetId> = first(sources, |source| source.subnets.clone()).unwrap_or_default();
    let security_groups: Vec<SecurityGroupId> =
        first(sources, |source| source.security_groups.clone()).unwrap_or_default();
    let assign_public_ip = first(sources, |source| source.assign_public_ip);
    if !subnets.is_empty() {
        return Some(Awsvpc {
            subnets,
            security_groups,
            assign_public_ip,
        });
    }
    let detail = sources[0];
    if *launch == Launch::Type("FARGATE") && !problems.name("detail.subnets") {
        problems.missing(
            "detail.subnets",
            "Fargate needs 1 to 16 subnets: here, in the catalog entry or as SUBNETS",
        );
    } else if detail.security_groups.as_ref().is_some_and(|groups| !groups.is_empty())
        && !problems.name("detail.subnets")
    {
        problems.missing("detail.subnets", "securityGroups go with subnets");
    } else if detail.assign_public_ip.is_some() && !problems.name("detail.subnets") {
        problems.missing("detail.subnets", "assignPublicIp goes with subnets");
    }
    None
}

fn placements(
    network: Option<Awsvpc>,
    launch: Launch,
    platform_version: Option<String>,
    fallbacks: &[Fallback],
) -> Vec<Placement> {
    let asked = Placement {
        network,
        launch,
        platform_version,
    };
    let others = fallbacks.iter().map(|fallback| {
        let launch = launch_of(fallback.launch_type, fallback.capacity_provider_strategy.as_ref());
        let subnets = fallback.subnets.clone();
        let network = match (&asked.network, subnets) {
            (Some(network), Some(subnets)) => Some(Awsvpc {
                subnets,
                ..network.clone()
            }),
            (None, Some(subnets)) => Some(Awsvpc {
                subnets,
                security_groups: Vec::new(),
                assign_public_ip: None,
            }),
            (network, None) => network.clone(),
        };
        let launch = launch.unwrap_or_else(|| asked.launch.clone());
        // Platform versions are Fargate's; RunTask refuses them with other launch types.
        let platform_version = asked.platform_version.clone().filter(|_| launch != Launch::Type("EC2"));
        Placement {
            network,
            launch,
            platform_version,
        }
    });
    let others: Vec<Placement> = others.collect();
    std::iter::once(asked).chain(others).collect()
}

fn options(sources: [&StartDetail; 3]) -> Options {
    Options {
        overrides: first(sources, |source| source.options.overrides.clone()),
        propagate_tags: first(sources, |source| source.options.propagate_tags),
        enable_execute_command: first(sources, |source| source.options.enable_execute_command),
        placement_constraints: first(sources, |source| source.options.placement_constraints.clone()),
        placement_strategy: first(sources, |source| source.options.placement_strategy.clone()),
        volume_configurations: first(sources, |source| source.options.volume_configurations.clone()),
        group: first(sources, |source| source.options.group.clone()),
    }
}

fn check_attachments(
    attachments: &[Attachment],
    launch: &Launch,
    allowed: &AllowList,
    config: &Config,
    problems: &mut Problems,
) {
    for (n, attachment) in attachments.iter().enumerate() {
        let field = match attachments.len() {
            1 => "detail.targetGroupArn".to_owned(),
            _ => format!("detail.targets[{n}].targetGroupArn"),
        };
        let text = attachment.group.as_str();
        allow(
            allowed.allows_target_group(&attachment.group),
            &field,
            text,
            "ALLOWED_TARGET_GROUPS",
            problems,
        );
        same_place(attachment.group.scope(), &field, text, config, problems);
        let twice = |other: &Attachment| other.group == attachment.group && other.port == attachment.port;
        if attachments.iter().take(n).any(twice) {
            problems.invalid_text(field, text, "the same target group and port are given twice");
        }
    }
    if !attachments.is_empty() && *launch == Launch::Type("EXTERNAL") {
        problems.invalid_text(
            "detail.launchType",
            "EXTERNAL",
            "ECS Anywhere tasks have no address that a target group takes: use another launch type, or \"targets\": []",
        );
    }
}

fn check_tags(tags: &[tags::Tag], problems: &mut Problems) {
    if tags.len() > MOST_TAGS {
        let count = format!("{} tags", tags.len());
        problems.invalid_text(
            "detail.tags",
            &count,
            format!("a task has at most {MOST_TAGS}, ours included"),
        );
    }
    for (n, tag) in tags.iter().enumerate() {
        if tags.iter().take(n).any(|other| other.key == tag.key) {
            problems.invalid_text("detail.tags", &tag.key, "the same key is given twice");
        }
    }
}

fn allow(is_allowed: bool, field: &str, value: &str, list: &str, problems: &mut Problems) {
    if !is_allowed {
        problems.not_allowed(field, value, format!("is not in {list}"));
    }
}

fn same_place(scope: Option<Scope>, field: &str, value: &str, config: &Config, problems: &mut Problems) {
    if let (Some(scope), Some(region)) = (scope, &config.region)
        && scope.region != *region
    {
        problems.invalid_text(field, value, format!("must be in {region}, where this function runs"));
    }
}
