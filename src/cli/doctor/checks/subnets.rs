//! The subnets that tasks are started in: in the target groups' VPC, and in zones of their load balancers.

use std::collections::BTreeSet;

use start_engines_core::domain::target::AddressFamily;

use super::OfService;
use crate::doctor::world::{Group, Subnet};
use crate::doctor::{Finding, Report};

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let ids: BTreeSet<&str> = of.subnets().collect();
    if ids.is_empty() {
        return;
    }
    let mut report = of.report("subnets", findings);
    for id in ids {
        let Some(fact) = of.account.subnets.get(id) else {
            report.unread(id);
            continue;
        };
        let absent = format!("{id} does not exist");
        let Some(subnet) = fact.known(&mut report, &absent, "correct the service's subnets") else {
            continue;
        };
        for attachment in &of.start.attachments {
            match of.account.groups.get(&attachment.group).and_then(|group| group.get()) {
                Some(group) => attached(of, (id, subnet), attachment.group.name(), group, &mut report),
                None => report.unread(format!("the target group {}", attachment.group.name())),
            }
        }
    }
    // Those of each placement: a fallback may be in another VPC.
    for placement in &of.start.placements {
        let subnets = placement.network.iter().flat_map(|network| &network.subnets);
        let found = subnets.filter_map(|id| of.account.subnets.get(id.as_str())?.get());
        let vpcs: BTreeSet<&str> = found.map(|subnet| subnet.vpc.as_str()).collect();
        if vpcs.len() > 1 {
            let vpcs: Vec<&str> = vpcs.into_iter().collect();
            report.failure(
                format!(
                    "the subnets are in several VPCs ({}), and a task can only be in one",
                    vpcs.join(", ")
                ),
                "use subnets of one VPC",
            );
        }
    }
    report.well("in the VPC and in zones of the load balancers");
}

fn attached(of: &OfService<'_>, (id, subnet): (&str, &Subnet), name: &str, group: &Group, report: &mut Report<'_>) {
    // Addresses outside of the target group's VPC are registered with the zone `all`
    // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html>).
    if let Some(vpc) = &group.facts.vpc
        && vpc.as_str() != subnet.vpc
    {
        let message = format!("{id} is in {}, and the target group {name} in {vpc}", subnet.vpc);
        report.not_checked(
            format!("{message}; whether the load balancer has a way to it is not looked at"),
            "use subnets of the target group's VPC, if that is not meant",
        );
        return;
    }
    family(id, subnet, name, group, report);
    // A target in a zone that is not enabled for its load balancer gets no traffic
    // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#availability-zones>).
    for arn in &group.balancers {
        let Some(balancer) = of.account.balancers.get(arn).and_then(|balancer| balancer.get()) else {
            report.unread(format!("the load balancer {arn}"));
            continue;
        };
        if !balancer.zones.iter().any(|(zone, _)| *zone == subnet.zone) {
            let zones: Vec<&str> = balancer.zones.iter().map(|(zone, _)| zone.as_str()).collect();
            report.failure(
                format!(
                    "{id} is in the zone {}, and the load balancer {} only in {}: targets there stay unused",
                    subnet.zone,
                    balancer.name,
                    zones.join(", ")
                ),
                format!(
                    "enable {} in the load balancer, or take the subnet out of the service",
                    subnet.zone
                ),
            );
        }
    }
}

/// A target group has addresses of one kind
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-ip-address-type>),
/// and a task has one of a kind only if its subnet has a block of it
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html>).
fn family(id: &str, subnet: &Subnet, name: &str, group: &Group, report: &mut Report<'_>) {
    let (words, is_of): (_, fn(&&String) -> bool) = match group.facts.family {
        AddressFamily::Ipv6 => ("IPv6", |block| block.contains(':')),
        AddressFamily::Ipv4 => ("IPv4", |block| block.contains('.')),
    };
    if subnet.cidrs.iter().find(is_of).is_none() {
        report.failure(
            format!("{id} has no {words} block, and the target group {name} takes only {words} addresses: no task there can be registered"),
            format!("give the subnet an {words} block, or use a target group of its address type"),
        );
    }
}

impl OfService<'_> {
    /// The subnets of all placements.
    pub(super) fn subnets(&self) -> impl Iterator<Item = &str> {
        let networks = self
            .start
            .placements
            .iter()
            .filter_map(|placement| placement.network.as_ref());
        networks.flat_map(|network| network.subnets.iter().map(|subnet| subnet.as_str()))
    }
}
