//! The subnets that tasks are started in: in the target groups' VPC, and in zones of their load balancers.

use std::collections::BTreeSet;

use super::OfService;
use crate::doctor::Finding;

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let ids: BTreeSet<&str> = of.subnets().collect();
    if ids.is_empty() {
        return;
    }
    let mut report = of.report("subnets", findings);
    let mut vpcs = BTreeSet::new();
    for id in ids {
        let Some(fact) = of.account.subnets.get(id) else {
            continue;
        };
        let absent = format!("{id} does not exist");
        let Some(subnet) = fact.known(&mut report, &absent, "correct the service's subnets") else {
            continue;
        };
        vpcs.insert(subnet.vpc.as_str());
        for attachment in &of.start.attachments {
            let Some(group) = of.account.groups.get(&attachment.group).and_then(|group| group.get()) else {
                continue;
            };
            let name = attachment.group.name();
            // Addresses outside of the target group's VPC can be registered, if the load balancer has a way to them.
            if let Some(vpc) = &group.facts.vpc
                && vpc.as_str() != subnet.vpc
            {
                report.failure(
                    format!("{id} is in {}, and the target group {name} in {vpc}", subnet.vpc),
                    "use subnets of the target group's VPC",
                );
            }
            // A target in a zone that is not enabled for its load balancer gets no traffic
            // (<https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#availability-zones>).
            for balancer in group
                .balancers
                .iter()
                .filter_map(|arn| of.account.balancers.get(arn)?.get())
            {
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
    }
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
    report.well("in the VPC and in zones of the load balancers");
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
