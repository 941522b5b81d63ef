//! The task definition: ACTIVE, and fit for where it is launched and for its target groups.

use std::collections::BTreeSet;

use start_engines_core::call::run_task::Launch;
use start_engines_core::domain::definition::NetworkMode;
use start_engines_core::domain::target::{Attachment, TargetType};
use start_engines_core::domain::task::ports::{PortBinding, Transport, Wanted, fitting};

use super::OfService;
use crate::doctor::world::{Cluster, Group, TaskFacts, is_of_fargate, placing};
use crate::doctor::{Finding, Report};

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let name = &of.start.task_definition;
    let mut report = of.report("task definition", findings);
    let Some(fact) = of.account.definitions.get(name) else {
        return;
    };
    let absent = format!("{name} does not exist");
    let repair = "register it (aws ecs register-task-definition), or correct the service's taskDefinition";
    let Some(definition) = fact.known(&mut report, &absent, repair) else {
        return;
    };
    // `INACTIVE` ones cannot be run
    // (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html>).
    if definition.status != "ACTIVE" {
        report.failure(
            format!("{name} is {}: no task can be started from it", definition.status),
            repair,
        );
    }
    let mode = &definition.ports.network_mode;
    for placement in &of.start.placements {
        let is_awsvpc = *mode == NetworkMode::Awsvpc;
        match (&placement.network, is_awsvpc) {
            (None, true) => report.failure(
                format!("{name} has network mode awsvpc, and the start has no subnets"),
                "give the service subnets",
            ),
            (Some(_), false) => report.failure(
                format!(
                    "{name} has network mode {}, and the start has subnets, which RunTask refuses",
                    words(mode)
                ),
                "take the subnets out, or register the task definition with network mode awsvpc",
            ),
            (None, false) | (Some(_), true) => {}
        }
        let cluster = of.account.clusters.get(of.start.cluster.name());
        if on_fargate(&placement.launch, cluster.and_then(|cluster| cluster.get()))
            && !definition.compatibilities.iter().any(|it| it == "FARGATE")
        {
            report.failure(
                format!("{name} is not compatible with FARGATE, on which the start runs it"),
                "register it with requiresCompatibilities FARGATE, cpu and memory, and network mode awsvpc",
            );
        }
    }
    report.well(format!("{name} is ACTIVE"));
    if of.start.attachments.is_empty() {
        return;
    }
    let mut report = of.report("port", findings);
    for attachment in &of.start.attachments {
        let group = of.account.groups.get(&attachment.group).and_then(|group| group.get());
        container(definition, attachment, &mut report);
        // Without it its protocol is not known.
        let Some(group) = group else {
            report.unread(format!("the target group {}", attachment.group.name()));
            continue;
        };
        port(definition, attachment, group, &mut report);
        kind(definition, attachment, group, &mut report);
    }
    report.well("its containers have the ports of its target groups");
}

/// Whether a task of this launch may run on Fargate; false of a cluster that could not be read, which another check tells.
fn on_fargate(launch: &Launch, cluster: Option<&Cluster>) -> bool {
    match launch {
        Launch::Type(kind) => *kind == "FARGATE",
        Launch::Strategy(items) => placing(items).any(is_of_fargate),
        Launch::ClusterDefault => cluster.is_some_and(|it| placing(&it.default_strategy).any(is_of_fargate)),
    }
}

fn words(mode: &NetworkMode) -> &str {
    match mode {
        NetworkMode::Awsvpc => "awsvpc",
        NetworkMode::Bridge => "bridge",
        NetworkMode::Host => "host",
        NetworkMode::None => "none",
        NetworkMode::Unknown(other) => other,
    }
}

fn container(definition: &TaskFacts, attachment: &Attachment, report: &mut Report<'_>) {
    let Some(wanted) = &attachment.container else {
        return;
    };
    let names: Vec<&str> = definition
        .containers
        .iter()
        .map(|container| container.name.as_str())
        .collect();
    if !names.contains(&wanted.as_str()) {
        report.failure(
            format!(
                "{} has no container {wanted}: it has {}",
                definition.arn,
                names.join(", ")
            ),
            "correct the service's containerName",
        );
    }
}

/// In network mode awsvpc a container can answer on a port that no mapping has
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>): then it is only most likely the wrong one.
fn port(definition: &TaskFacts, attachment: &Attachment, group: &Group, report: &mut Report<'_>) {
    let protocol = group.facts.protocol.as_str();
    let wanted = Wanted {
        port: attachment.port,
        container: attachment.container.as_ref(),
        transports: Transport::of_protocol(protocol),
        ipv6: false,
    };
    let bindings = definition.ports.host_mode_ports();
    let of_best = fitting(&bindings, wanted).next().map(|(best, _)| best.transport);
    let fits = fitting(&bindings, wanted).filter(|(binding, _)| Some(binding.transport) == of_best);
    let containers: BTreeSet<&str> = fits.map(|(binding, _)| binding.container.as_str()).collect();
    // In network mode awsvpc they share the port; else each has a host port of its own, and the function asks which.
    if containers.len() > 1 && definition.ports.network_mode == NetworkMode::Bridge {
        let names: Vec<&str> = containers.into_iter().collect();
        report.failure(
            format!(
                "{} of {} map port {}: it is not known which of them {} gets",
                names.join(" and "),
                definition.arn,
                attachment.port,
                attachment.group.name()
            ),
            "name one of them in the service's containerName",
        );
        return;
    }
    if !containers.is_empty() {
        return;
    }
    let mapped: Vec<String> = bindings.iter().map(PortBinding::describe).collect();
    let mapped = if mapped.is_empty() {
        "none".to_owned()
    } else {
        mapped.join(", ")
    };
    let message = format!(
        "no container of {} maps port {}/{}, which {} gets: mapped is {mapped}",
        definition.arn,
        attachment.port,
        wanted.transports.first().map_or("tcp", |transport| transport.name()),
        attachment.group.name(),
    );
    let repair = "correct the service's port, or add a port mapping to the task definition";
    match definition.ports.network_mode {
        NetworkMode::Awsvpc => report.warning(message, repair),
        _ => report.failure(message, repair),
    }
}

/// Which target types fit which network modes: as the function decides when it registers
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb.html>: awsvpc needs target type ip).
fn kind(definition: &TaskFacts, attachment: &Attachment, group: &Group, report: &mut Report<'_>) {
    let name = attachment.group.name();
    let mode = &definition.ports.network_mode;
    let fits = match (mode, &group.facts.target_type) {
        (NetworkMode::Awsvpc, TargetType::Ip) => true,
        (NetworkMode::Bridge | NetworkMode::Host, TargetType::Ip | TargetType::Instance) => true,
        (NetworkMode::Unknown(_), _) | (_, TargetType::Unknown(_)) => {
            report.not_checked(
                format!("network mode or target type of {name} is not known to this version"),
                "",
            );
            true
        }
        _ => false,
    };
    if !fits {
        report.failure(
            format!(
                "{name} takes targets of type {}, and tasks with network mode {} cannot be registered there",
                group.facts.target_type,
                words(mode)
            ),
            "use a target group of target type ip",
        );
    }
    if matches!(group.facts.protocol.as_str(), "QUIC" | "TCP_QUIC") {
        report.failure(
            format!(
                "{name} has the protocol {}, whose targets need an id that only the server knows",
                group.facts.protocol
            ),
            "use a target group of protocol UDP or TCP_UDP",
        );
    }
}
