//! The security groups: whether the load balancer reaches the tasks, on the traffic port and on the health check's.

use std::collections::BTreeSet;

use ipnet::IpNet;
use start_engines_core::domain::definition::NetworkMode;
use start_engines_core::domain::target::{AddressFamily, Attachment};
use start_engines_core::domain::task::ports::Transport;

use super::OfService;
use crate::doctor::fact::Fact;
use crate::doctor::world::{Account, Balancer, Group, Permission, SecurityGroup};
use crate::doctor::{Finding, Report};

/// Whether something is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
    /// Only some of the addresses, or those of a prefix list.
    Unclear,
}

/// One end: its security groups, and its addresses.
struct End<'a> {
    groups: Vec<&'a str>,
    blocks: Vec<IpNet>,
}

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    if of.start.attachments.is_empty() {
        return;
    }
    let mut report = of.report("security groups", findings);
    let definition = of.account.definitions.get(&of.start.task_definition);
    match definition
        .and_then(|definition| definition.get())
        .map(|it| &it.ports.network_mode)
    {
        Some(NetworkMode::Awsvpc) => {}
        Some(_) => {
            report.not_checked(
                "the tasks have those of their container instances, which are not looked at",
                "",
            );
            return;
        }
        None => return,
    }
    for placement in &of.start.placements {
        let Some(network) = &placement.network else {
            continue;
        };
        let given: Vec<&str> = network.security_groups.iter().map(|group| group.as_str()).collect();
        let first = network
            .subnets
            .first()
            .and_then(|subnet| of.account.subnets.get(subnet.as_str())?.get());
        let ids = match (given.is_empty(), first) {
            (false, _) => given,
            // A task without any has its VPC's default one
            // (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>).
            (true, Some(subnet)) => match of.account.default_groups.get(&subnet.vpc) {
                Some(Fact::Known(id)) => vec![id.as_str()],
                _ => {
                    report.not_checked(
                        "the default security group of the VPC was not found",
                        "give the service securityGroups",
                    );
                    continue;
                }
            },
            (true, None) => {
                report.unread("the first subnet");
                continue;
            }
        };
        let Some(groups) = known(of.account, &ids, &mut report) else {
            continue;
        };
        for attachment in &of.start.attachments {
            let Some(group) = of.account.groups.get(&attachment.group).and_then(|group| group.get()) else {
                report.unread(format!("the target group {}", attachment.group.name()));
                continue;
            };
            let subnets = network.subnets.iter().map(|subnet| subnet.as_str());
            let task = End {
                groups: ids.clone(),
                blocks: blocks(of.account, subnets, group.facts.family),
            };
            attached(of.account, attachment, group, &groups, &task, &mut report);
        }
    }
    report.well("the load balancers reach the tasks");
}

fn known<'a>(account: &'a Account, ids: &[&str], report: &mut Report<'_>) -> Option<Vec<&'a SecurityGroup>> {
    let mut groups = Vec::new();
    for id in ids {
        let absent = format!("{id} does not exist");
        let Some(found) = account.security_groups.get(*id) else {
            report.unread(id);
            return None;
        };
        groups.push(found.known(report, &absent, "correct the service's securityGroups")?);
    }
    Some(groups)
}

fn attached(
    account: &Account,
    attachment: &Attachment,
    group: &Group,
    tasks: &[&SecurityGroup],
    task: &End<'_>,
    report: &mut Report<'_>,
) {
    let traffic = i32::from(attachment.port.number());
    let health = group.check.port.parse().unwrap_or(traffic);
    // TCP_UDP sends both to the targets.
    let transports = Transport::of_protocol(&group.facts.protocol);
    for arn in &group.balancers {
        let Some(balancer) = account.balancers.get(arn).and_then(|balancer| balancer.get()) else {
            report.unread(format!("the load balancer {arn}"));
            continue;
        };
        let subnets = balancer.zones.iter().map(|(_, subnet)| subnet.as_str());
        let from = End {
            groups: balancer.security_groups.iter().map(String::as_str).collect(),
            blocks: blocks(account, subnets, group.facts.family),
        };
        // Health checks come from the load balancer's own addresses, and over TCP, always
        // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>).
        let mut ports = BTreeSet::from([(health, "tcp")]);
        if keeps_clients(balancer, group, attachment, report) {
            // The clients' addresses: not of this account.
        } else {
            ports.extend(transports.iter().map(|transport| (traffic, transport.name())));
        }
        for (port, transport) in ports {
            let ingress = tasks.iter().flat_map(|group| &group.ingress);
            let what = format!("{} on port {port}/{transport}", balancer.name);
            let ids = task.groups.join(", ");
            match gate(ingress, port, transport, &from) {
                Gate::Open => {}
                Gate::Closed => report.failure(
                    format!("{ids} does not let in {what}, for {}", attachment.group.name()),
                    allow(&task.groups, port, transport, balancer, &from),
                ),
                Gate::Unclear => report.not_checked(
                    format!("{ids} lets in some addresses only; whether those of {what} are among them is not clear"),
                    "",
                ),
            }
            out(account, balancer, task, (port, transport), report);
        }
    }
}

/// A Network Load Balancer without security groups whose targets see the clients' addresses
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation>).
fn keeps_clients(balancer: &Balancer, group: &Group, attachment: &Attachment, report: &mut Report<'_>) -> bool {
    if balancer.kind == "application" || !balancer.security_groups.is_empty() {
        return false;
    }
    match &group.keeps_client_addresses {
        Fact::Known(false) => false,
        Fact::Known(true) => {
            report.not_checked(
                format!(
                    "{} shows the clients' own addresses; whether they are let in is not looked at",
                    attachment.group.name()
                ),
                "",
            );
            true
        }
        Fact::Absent | Fact::Unread { .. } => {
            report.not_checked(
                format!(
                    "whether {} shows the clients' addresses is not known",
                    attachment.group.name()
                ),
                "attach the policy doctorPolicyArn to your role",
            );
            true
        }
    }
}

/// What the load balancer's own security groups let out.
fn out(account: &Account, balancer: &Balancer, task: &End<'_>, port: (i32, &str), report: &mut Report<'_>) {
    let ids: Vec<&str> = balancer.security_groups.iter().map(String::as_str).collect();
    let groups: Vec<&SecurityGroup> = ids
        .iter()
        .filter_map(|id| account.security_groups.get(*id)?.get())
        .collect();
    if groups.len() < ids.len() {
        report.unread(format!("a security group of {}", balancer.name));
    }
    if ids.is_empty() || groups.len() < ids.len() {
        return;
    }
    let egress = groups.iter().flat_map(|group| &group.egress);
    if gate(egress, port.0, port.1, task) == Gate::Closed {
        report.failure(
            format!(
                "{} of {} does not let out to the tasks on port {}/{}",
                ids.join(", "),
                balancer.name,
                port.0,
                port.1
            ),
            format!(
                "aws ec2 authorize-security-group-egress --group-id {} ...",
                ids.join(", ")
            ),
        );
    }
}

fn allow(to: &[&str], port: i32, transport: &str, balancer: &Balancer, from: &End<'_>) -> String {
    let source = match (balancer.security_groups.first(), from.blocks.first()) {
        (Some(group), _) => format!("--source-group {group}"),
        (None, Some(block)) => format!("--cidr {block}"),
        (None, None) => "--cidr ...".to_owned(),
    };
    let id = to.first().copied().unwrap_or("...");
    format!("aws ec2 authorize-security-group-ingress --group-id {id} --protocol {transport} --port {port} {source}")
}

/// Whether permissions let through a port from or to this end.
fn gate<'a>(permissions: impl Iterator<Item = &'a Permission>, port: i32, transport: &str, end: &End<'_>) -> Gate {
    let fitting: Vec<&Permission> = permissions.filter(|it| is_of_port(it, port, transport)).collect();
    let by_group = |it: &&Permission| it.groups.iter().any(|group| end.groups.contains(&group.as_str()));
    if fitting.iter().any(by_group) {
        return Gate::Open;
    }
    let cidrs: Vec<IpNet> = fitting
        .iter()
        .flat_map(|it| &it.cidrs)
        .filter_map(|cidr| cidr.parse().ok())
        .collect();
    let is_covered = |block: &IpNet| cidrs.iter().any(|cidr| cidr.contains(block));
    if cidrs.iter().any(|cidr| cidr.prefix_len() == 0) && end.blocks.is_empty() {
        return Gate::Open;
    }
    if !end.blocks.is_empty() && end.blocks.iter().all(is_covered) {
        return Gate::Open;
    }
    let touches = |cidr: &IpNet| {
        end.blocks.is_empty()
            || end
                .blocks
                .iter()
                .any(|block| block.contains(cidr) || cidr.contains(block))
    };
    if fitting.iter().any(|it| !it.prefix_lists.is_empty()) || cidrs.iter().any(touches) {
        return Gate::Unclear;
    }
    Gate::Closed
}

/// `-1` is all protocols and ports; numbers stand for protocols too
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>).
pub(super) fn is_of_port(permission: &Permission, port: i32, transport: &str) -> bool {
    let is_all = permission.protocol == "-1";
    let number = if transport == "udp" { "17" } else { "6" };
    let is_protocol = permission.protocol == transport || permission.protocol == number;
    let (from, to) = (permission.from.unwrap_or(0), permission.to.unwrap_or(65_535));
    is_all || (is_protocol && (from..=to).contains(&port))
}

fn blocks<'a>(account: &Account, subnets: impl Iterator<Item = &'a str>, family: AddressFamily) -> Vec<IpNet> {
    let subnets = subnets.filter_map(|id| account.subnets.get(id)?.get());
    let blocks = subnets
        .flat_map(|subnet| &subnet.cidrs)
        .filter_map(|cidr| cidr.parse().ok());
    let is_of_family = |block: &IpNet| matches!(block, IpNet::V6(_)) == (family == AddressFamily::Ipv6);
    blocks.filter(is_of_family).collect()
}
