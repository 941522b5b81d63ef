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

/// A port, and its transport: `tcp` or `udp`.
type Port<'a> = (i32, &'a str);

/// One end: its security groups, and its addresses.
struct End<'a> {
    groups: Vec<&'a str>,
    /// Of this family alone.
    blocks: Vec<IpNet>,
    /// The target group's: a load balancer and its targets talk by addresses of this kind.
    family: AddressFamily,
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
                family: group.facts.family,
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
            family: group.facts.family,
        };
        // Health checks come from the load balancer's own addresses, and over TCP, always
        // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html>).
        let mut ports = BTreeSet::from([(health, "tcp")]);
        let keeps = keeps_clients(balancer, group);
        for transport in transports {
            let port = (traffic, transport.name());
            let ingress = tasks.iter().flat_map(|group| &group.ingress);
            if keeps == Some(false) || is_one_for_all(ingress, port, &from) {
                ports.insert(port);
            } else {
                of_clients(keeps == Some(true), balancer, attachment, report);
                out(account, balancer, task, port, report);
            }
        }
        for port in ports {
            let ingress = tasks.iter().flat_map(|group| &group.ingress);
            let what = format!("{} on port {}/{}", balancer.name, port.0, port.1);
            let ids = task.groups.join(", ");
            match gate(ingress, port, &from) {
                Gate::Open => {}
                Gate::Closed => report.failure(
                    format!("{ids} does not let in {what}, for {}", attachment.group.name()),
                    let_in(task, port, balancer, &from),
                ),
                Gate::Unclear => report.not_checked(
                    format!("{ids} lets in some addresses only; whether those of {what} are among them is not clear"),
                    "",
                ),
            }
            out(account, balancer, task, port, report);
        }
    }
}

/// Whether targets see the clients' addresses behind this load balancer; none if it is not known. For UDP and TCP_UDP they
/// always do
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation>).
fn keeps_clients(balancer: &Balancer, group: &Group) -> Option<bool> {
    if balancer.kind == "application" {
        return Some(false);
    }
    if matches!(group.facts.protocol.as_str(), "UDP" | "TCP_UDP") {
        return Some(true);
    }
    group.keeps_client_addresses.get().copied()
}

/// Whether it does not matter for a port whose addresses packets carry: nothing is let in there, or everything, or the load
/// balancer's security group, which lets in its clients too
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html>).
fn is_one_for_all<'a>(permissions: impl Iterator<Item = &'a Permission>, port: Port<'_>, balancer: &End<'_>) -> bool {
    let mut fitting = permissions.filter(|it| is_of_port(it, port.0, port.1)).peekable();
    fitting.peek().is_none() || fitting.any(|it| names_group(it, balancer) || is_for_all(it, balancer.family))
}

/// The clients' addresses are those of anybody: only whether targets see them is known.
fn of_clients(are_seen: bool, balancer: &Balancer, attachment: &Attachment, report: &mut Report<'_>) {
    let group = attachment.group.name();
    if !are_seen {
        report.not_checked(
            format!("whether {group} shows the clients' addresses is not known"),
            "attach the policy doctorPolicyArn to your role",
        );
        return;
    }
    report.not_checked(
        format!("{group} shows the clients' own addresses; whether they are let in is not looked at"),
        match balancer.security_groups.first() {
            Some(id) => format!("let in {id} of the load balancer, if all that it lets in is to reach the tasks"),
            None => String::new(),
        },
    );
}

/// What the load balancer's own security groups let out.
fn out(account: &Account, balancer: &Balancer, task: &End<'_>, port: Port<'_>, report: &mut Report<'_>) {
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
    let whose = format!("{} of {}", ids.join(", "), balancer.name);
    let what = format!("the tasks on port {}/{}", port.0, port.1);
    match gate(egress, port, task) {
        Gate::Open => {}
        Gate::Closed => report.failure(format!("{whose} does not let out to {what}"), let_out(&ids, port, task)),
        Gate::Unclear => report.not_checked(
            format!("{whose} lets out to some addresses only; whether those of {what} are among them is not clear"),
            "",
        ),
    }
}

/// The command that lets the load balancer in. A rule of one of several security groups is enough: theirs are one set
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>).
fn let_in(task: &End<'_>, (port, transport): Port<'_>, balancer: &Balancer, from: &End<'_>) -> String {
    let id = task.groups.first().copied().unwrap_or("SECURITY_GROUP");
    let command = format!("aws ec2 authorize-security-group-ingress --group-id {id}");
    if let Some(group) = from.groups.first() {
        return format!("{command} --protocol {transport} --port {port} --source-group {group}");
    }
    // `--cidr` takes one block, of IPv4 (<https://docs.aws.amazon.com/cli/latest/reference/ec2/authorize-security-group-ingress.html>).
    let (list, key) = match from.family {
        AddressFamily::Ipv4 => ("IpRanges", "CidrIp"),
        AddressFamily::Ipv6 => ("Ipv6Ranges", "CidrIpv6"),
    };
    let blocks: Vec<String> = from.blocks.iter().map(|block| format!("{{{key}={block}}}")).collect();
    if blocks.is_empty() {
        return format!("let in the subnets of {} on port {port}/{transport}", balancer.name);
    }
    let ports = format!("IpProtocol={transport},FromPort={port},ToPort={port}");
    format!("{command} --ip-permissions '{ports},{list}=[{}]'", blocks.join(","))
}

/// The command that lets the load balancer out to the tasks.
fn let_out(ids: &[&str], (port, transport): Port<'_>, task: &End<'_>) -> String {
    let id = ids.first().copied().unwrap_or("SECURITY_GROUP");
    let to = task.groups.first().copied().unwrap_or("SECURITY_GROUP");
    let ports = format!("IpProtocol={transport},FromPort={port},ToPort={port}");
    format!(
        "aws ec2 authorize-security-group-egress --group-id {id} --ip-permissions '{ports},UserIdGroupPairs=[{{GroupId={to}}}]'"
    )
}

fn names_group(permission: &Permission, end: &End<'_>) -> bool {
    permission
        .groups
        .iter()
        .any(|group| end.groups.contains(&group.as_str()))
}

/// Whether all addresses of a family are let through.
pub(super) fn is_for_all(permission: &Permission, family: AddressFamily) -> bool {
    let cidrs = permission.cidrs.iter().filter_map(|cidr| cidr.parse().ok());
    cidrs
        .into_iter()
        .any(|cidr: IpNet| cidr.prefix_len() == 0 && is_of_family(&cidr, family))
}

/// Whether permissions let through a port from or to this end.
fn gate<'a>(permissions: impl Iterator<Item = &'a Permission>, port: Port<'_>, end: &End<'_>) -> Gate {
    let fitting: Vec<&Permission> = permissions.filter(|it| is_of_port(it, port.0, port.1)).collect();
    if fitting
        .iter()
        .any(|it| names_group(it, end) || is_for_all(it, end.family))
    {
        return Gate::Open;
    }
    let cidrs: Vec<IpNet> = fitting
        .iter()
        .flat_map(|it| &it.cidrs)
        .filter_map(|cidr| cidr.parse().ok())
        .collect();
    let is_covered = |block: &IpNet| cidrs.iter().any(|cidr| cidr.contains(block));
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
    blocks.filter(|block| is_of_family(block, family)).collect()
}

pub(super) fn is_of_family(block: &IpNet, family: AddressFamily) -> bool {
    matches!(block, IpNet::V6(_)) == (family == AddressFamily::Ipv6)
}
