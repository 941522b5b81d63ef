//! The target groups: there, behind a load balancer, with a health check that can pass, and what it says now.

use std::collections::BTreeMap;

use start_engines_core::domain::arn::Port;
use start_engines_core::domain::definition::NetworkMode;
use start_engines_core::domain::target::Attachment;
use start_engines_core::domain::task::ports::{Transport, Wanted};

use super::OfService;
use crate::doctor::world::{Balancer, Group, HealthCheck, TaskFacts, Unhealthy};
use crate::doctor::{Finding, Report};
use crate::view::health::{advice, is_fault};

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let definition = of.account.definitions.get(&of.start.task_definition);
    let definition = definition.and_then(|definition| definition.get());
    for attachment in &of.start.attachments {
        let name = attachment.group.name();
        let mut report = of.report("target group", findings);
        let Some(fact) = of.account.groups.get(&attachment.group) else {
            continue;
        };
        let absent = format!("the target group {} does not exist", attachment.group);
        let Some(group) = fact.known(
            &mut report,
            &absent,
            "create it, or correct the service's targetGroupArn",
        ) else {
            continue;
        };
        in_use(of, name, group, &mut report);
        report.well(format!("{name} is behind a load balancer"));
        let mut report = of.report("health check", findings);
        plausible(attachment, group, definition, &mut report);
        let balancer = group
            .balancers
            .iter()
            .find_map(|arn| of.account.balancers.get(arn)?.get());
        let longest = until_healthy(&group.check, balancer);
        // <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html>
        let begin = match balancer {
            Some(balancer) if balancer.kind != "application" => " and its checks have begun, which can take minutes",
            _ => "",
        };
        report.well(format!(
            "{name}: {}; healthy at most {longest} s after it answers{begin}",
            words(&group.check)
        ));
        health(of, attachment, group, findings);
    }
}

/// `LoadBalancerArns` has the load balancer whose listeners or rules route to the target group, and is empty if none does
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroup.html>): its targets stay `unused`.
fn in_use(of: &OfService<'_>, name: &str, group: &Group, report: &mut Report<'_>) {
    if group.balancers.is_empty() {
        report.failure(
            format!("no listener and no rule of a load balancer forwards to {name}: its targets stay unused"),
            "add a rule to a listener (aws elbv2 create-rule), or make it the default action of one",
        );
    }
    for arn in &group.balancers {
        let Some(fact) = of.account.balancers.get(arn) else {
            continue;
        };
        let absent = format!("the load balancer {arn} does not exist");
        // <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html>
        match fact.known(report, &absent, "create it") {
            Some(balancer) if balancer.state == "failed" => {
                report.failure(
                    format!("the load balancer {} could not be set up", balancer.name),
                    "create it anew",
                );
            }
            Some(balancer) if !matches!(balancer.state.as_str(), "active" | "") => {
                report.warning(
                    format!("the load balancer {} is {}", balancer.name, balancer.state),
                    "wait until it is active",
                );
            }
            Some(_) | None => {}
        }
    }
}

fn plausible(attachment: &Attachment, group: &Group, definition: Option<&TaskFacts>, report: &mut Report<'_>) {
    let (name, check) = (attachment.group.name(), &group.check);
    // Only target groups of type lambda can have it off
    // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>).
    if !check.enabled {
        report.warning(format!("{name} has its health check off"), "turn it on");
        return;
    }
    let Some(definition) = definition else {
        return;
    };
    let of_container = |port: Port| Wanted {
        port,
        container: None,
        transports: &[Transport::Tcp],
        ipv6: false,
    };
    let is_traffic_port = check.port == "traffic-port";
    let mode = &definition.ports.network_mode;
    // Health checks come by TCP, whatever the traffic comes by
    // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>,
    // `HealthCheckProtocol`).
    if is_traffic_port {
        if group.facts.protocol.contains("UDP") && !definition.ports.maps(of_container(attachment.port)) {
            unanswered(
                definition,
                format!(
                    "the health check of {name} comes by TCP on port {}, which no container of {} maps for TCP",
                    attachment.port, definition.arn
                ),
                "map the port for TCP too, or give the health check a port that answers",
                report,
            );
        }
        return;
    }
    let Some(port) = check.port.parse().ok().and_then(|port: i64| Port::try_from(port).ok()) else {
        return;
    };
    // A fixed port: some container must have it there where the load balancer asks.
    let is_there = match mode {
        NetworkMode::Awsvpc | NetworkMode::Host => definition.ports.maps(of_container(port)),
        _ if port == attachment.port && is_assigned(definition, port) => false,
        // The host ports, of which those that ECS assigns can be any.
        _ => {
            report.not_checked(
                format!(
                    "the health check of {name} asks port {port} of the container instance, whatever the task has there"
                ),
                "use the port traffic-port",
            );
            return;
        }
    };
    if !is_there {
        let message = match mode {
            NetworkMode::Awsvpc | NetworkMode::Host => format!(
                "the health check of {name} asks port {port}, which no container of {} maps",
                definition.arn
            ),
            _ => format!(
                "the health check of {name} asks port {port} of the container instance, where ECS assigns another one to the \
                 container"
            ),
        };
        let repair = format!("use the port traffic-port ({}), or map port {port}", attachment.port);
        unanswered(definition, message, &repair, report);
    }
}

/// In network mode awsvpc a container can answer on a port that no mapping has
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>).
fn unanswered(definition: &TaskFacts, message: String, repair: &str, report: &mut Report<'_>) {
    match definition.ports.network_mode {
        NetworkMode::Awsvpc => report.warning(message, repair),
        _ => report.failure(message, repair),
    }
}

/// Whether ECS assigns the host port of this container port.
fn is_assigned(definition: &TaskFacts, port: Port) -> bool {
    let mut of_port = definition.ports.mappings.iter().filter(|mapping| mapping.is_of(port));
    of_port.all(|mapping| mapping.in_bridge_mode.is_none())
}

fn words(check: &HealthCheck) -> String {
    let path = check.path.as_deref().unwrap_or_default();
    let matcher = check
        .matcher
        .as_deref()
        .map(|codes| format!(" wants {codes},"))
        .unwrap_or_default();
    format!(
        "{} {path} on {},{matcher} every {} s",
        check.protocol, check.port, check.interval
    )
}

/// Seconds from a container's first answer to a target that serves: an Application Load Balancer lets a new target serve after
/// one passed check, whatever its healthy threshold
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>), others after the
/// threshold.
fn until_healthy(check: &HealthCheck, balancer: Option<&Balancer>) -> i32 {
    let is_application = balancer.is_some_and(|balancer| balancer.kind == "application");
    let checks = if is_application { 1 } else { check.threshold.max(1) };
    check.interval * checks + check.timeout
}

/// What ELB says of the targets now, by its reason codes
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>).
fn health(of: &OfService<'_>, attachment: &Attachment, group: &Group, findings: &mut Vec<Finding>) {
    let mut report = of.report("target health", findings);
    let name = attachment.group.name();
    let Some(fact) = of.account.unhealthy.get(&attachment.group) else {
        return;
    };
    let Some(unhealthy) = fact.known(&mut report, "the target group does not exist", "create it") else {
        return;
    };
    // Those with the same reason are one finding: there may be hundreds.
    let mut alike: BTreeMap<(&str, &str), Vec<&Unhealthy>> = BTreeMap::new();
    for target in unhealthy {
        alike.entry((&target.state, &target.reason)).or_default().push(target);
    }
    for targets in alike.into_values() {
        let Some((target, others)) = targets.split_first() else {
            continue;
        };
        let port = target.port.map(|port| format!(":{port}")).unwrap_or_default();
        let (check, said) = (&group.check, &target.description);
        let said = if said.is_empty() {
            target.reason.as_str()
        } else {
            said.as_str()
        };
        let more = match others.len() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!("{}{port}{more} in {name} is {}: {said}", target.id, target.state);
        let path = check.path.as_deref().unwrap_or("/");
        let on = if check.port == "traffic-port" {
            format!("its own port ({})", attachment.port)
        } else {
            format!("port {}", check.port)
        };
        let seen = match target.reason.as_str() {
            "Target.ResponseCodeMismatch" => format!(
                "; the health check asks for {path} on {on} and wants {}",
                check.matcher.as_deref().unwrap_or("success")
            ),
            "Target.Timeout" => format!("; nothing answers {path} on {on} within {} s", check.timeout),
            "Target.FailedHealthChecks" => format!(
                "; the connection to {on} fails, or what answers is no {}",
                check.protocol
            ),
            _ => String::new(),
        };
        // Another service or deployment may have the target, or nobody any more.
        let repair = format!("{}; start-engines status shows whose it is", advice(&target.reason));
        if is_fault(&target.reason) {
            report.failure(message + &seen, repair);
        } else {
            report.warning(message + &seen, repair);
        }
    }
    report.well(format!("no target of {name} is unhealthy"));
}
