//! A way out: of tasks on Fargate, to pull their image, and of a function in a VPC, to call AWS.

use std::collections::BTreeSet;

use start_engines_core::call::run_task::Launch;
use start_engines_core::domain::target::AddressFamily;

use super::OfService;
use super::endpoints::{by_endpoints, has_endpoint, read};
use super::firewall::{is_for_all, is_of_family, is_of_port};
use crate::aws::EcrImage;
use crate::doctor::world::{
    Account, Container, Deployment, Permission, Route, RouteTable, SecurityGroup, is_of_fargate, placing,
};
use crate::doctor::{Finding, Report};

/// NAT64's addresses: a NAT gateway takes packets from them to IPv4 addresses
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html>).
const NAT64: &str = "64:ff9b::/96";

/// Where a subnet's packets to the internet go, by one family of addresses.
#[derive(Debug)]
enum Way<'a> {
    /// Out.
    Open,
    /// Through something that may or may not lead out: a transit gateway, a firewall.
    Other(&'a str),
    /// Nowhere: why.
    None(String),
}

/// A subnet, and its ways out.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) id: &'a str,
    pub(super) vpc: &'a str,
    pub(super) table: Option<&'a RouteTable>,
    /// Whether there are IPv4 addresses in it: in all but IPv6-only ones.
    pub(super) has_ipv4: bool,
    ipv4: Way<'a>,
    ipv6: Way<'a>,
    has_nat64: bool,
}

impl<'a> Place<'a> {
    fn of(account: &'a Account, id: &'a str, is_public: bool, report: &mut Report<'_>) -> Option<Self> {
        let Some(subnet) = account.subnets.get(id).and_then(|subnet| subnet.get()) else {
            report.unread(id);
            return None;
        };
        let table = table_of(read(account.routes.get(&subnet.vpc), report)?, id);
        let has_ipv6 = subnet.cidrs.iter().any(|block| block.contains(':'));
        let has_ipv4 = !has_ipv6 || subnet.cidrs.iter().any(|block| block.contains('.'));
        let by = |family: AddressFamily, has_any: bool| match has_any {
            true => way(table, family, is_public),
            false => Way::None(format!("it has no {} block", words(family))),
        };
        Some(Self {
            id,
            vpc: &subnet.vpc,
            table,
            has_ipv4,
            ipv4: by(AddressFamily::Ipv4, has_ipv4),
            ipv6: by(AddressFamily::Ipv6, has_ipv6),
            has_nat64: has_ipv6 && routes(table).any(|route| route.destination == NAT64),
        })
    }

    /// By which family AWS is called from here.
    fn family(&self) -> AddressFamily {
        match self.has_ipv4 {
            true => AddressFamily::Ipv4,
            false => AddressFamily::Ipv6,
        }
    }

    /// Why there is no way out by IPv4; none if there is one, or if that is not looked at, which is then said.
    fn no_ipv4(&self, report: &mut Report<'_>) -> Option<String> {
        match &self.ipv4 {
            Way::Open => None,
            Way::Other(target) => {
                report.not_checked(
                    format!("{} goes out by {target}; where that leads is not looked at", self.id),
                    "",
                );
                None
            }
            Way::None(why) => Some(why.clone()),
        }
    }
}

pub(super) fn check(of: &OfService<'_>, findings: &mut Vec<Finding>) {
    let definition = of.account.definitions.get(&of.start.task_definition);
    let Some(definition) = definition.and_then(|definition| definition.get()) else {
        return;
    };
    let mut report = of.report("way out", findings);
    for placement in &of.start.placements {
        let is_fargate = match &placement.launch {
            Launch::Type(kind) => *kind == "FARGATE",
            Launch::Strategy(items) => placing(items).all(is_of_fargate),
            Launch::ClusterDefault => {
                let cluster = of.account.clusters.get(of.start.cluster.name());
                let Some(cluster) = cluster.and_then(|cluster| cluster.get()) else {
                    report.unread("the cluster's default strategy");
                    continue;
                };
                !cluster.takes_any_instance(&placement.launch) && placing(&cluster.default_strategy).all(is_of_fargate)
            }
        };
        let Some(network) = placement.network.as_ref().filter(|_| is_fargate) else {
            report.not_checked(
                "container instances pull the image by ways of their own, which are not looked at",
                "",
            );
            continue;
        };
        let is_public = network.assign_public_ip == Some("ENABLED");
        let mut families = Vec::new();
        for id in &network.subnets {
            if let Some(place) = Place::of(of.account, id.as_str(), is_public, &mut report) {
                families.push(place.family());
                pull(of.account, &place, &definition.containers, &mut report);
            }
        }
        let ids: Vec<&str> = network.security_groups.iter().map(|group| group.as_str()).collect();
        let egress = Egress {
            unread: "a security group",
            loss: "the image cannot be pulled",
            whose: "the tasks' security groups",
        };
        egress.check(of.account, &ids, &families, &mut report);
    }
    report.well("the tasks can pull their image");
}

/// What a task on Fargate calls before and while it runs
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html>,
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>).
fn needed(containers: &[Container]) -> BTreeSet<&'static str> {
    let mut needed = BTreeSet::from(["ecr.api", "ecr.dkr", "s3"]);
    for container in containers {
        if container.log_group.is_some() {
            needed.insert("logs");
        }
        for secret in &container.secrets {
            needed.insert(if secret.contains(":secretsmanager:") {
                "secretsmanager"
            } else {
                "ssm"
            });
        }
    }
    needed
}

/// An image of a private registry of ECR
/// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>).
pub(super) fn is_ecr(image: &str) -> bool {
    EcrImage::parse(image).is_some()
}

/// Whether a task on Fargate can pull its images.
///
/// From a subnet with IPv4, also a dual-stack one, by IPv4: what a task calls before it runs needs a route by it. From an
/// IPv6-only subnet by IPv6, with ECR's dual-stack names
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html>).
fn pull(account: &Account, place: &Place<'_>, containers: &[Container], report: &mut Report<'_>) {
    let Some(why) = place.no_ipv4(report) else {
        return;
    };
    let id = place.id;
    let images = || containers.iter().map(|container| container.image.as_str());
    let elsewhere = images().find(|image| !is_ecr(image));
    let of_ecr: Vec<EcrImage<'_>> = images().filter_map(EcrImage::parse).collect();
    let of_ipv4 = of_ecr.iter().find(|image| !image.host.is_dual_stack);
    let is_out = matches!(place.ipv6, Way::Open);
    if is_out && !place.has_ipv4 && elsewhere.is_none() && of_ipv4.is_none() {
        return;
    }
    if place.has_nat64 {
        report.not_checked(
            format!("{id} has NAT64 for {NAT64}; whether it has DNS64 too, and all is reached so, is not looked at"),
            "",
        );
        return;
    }
    match (&place.ipv6, elsewhere) {
        (Way::None(_), None) => {}
        (Way::None(_), Some(_)) => {
            report.failure(
                format!("{id} has no way out: {why}; an image that is not in ECR cannot be pulled"),
                "set assignPublicIp to ENABLED in a public subnet, use a subnet with a NAT gateway, or put the image into ECR",
            );
            return;
        }
        (Way::Other(target), _) => {
            report.not_checked(
                format!("{id} goes out by IPv6 alone, by {target}; where that leads is not looked at"),
                "",
            );
            return;
        }
        (Way::Open, Some(image)) => report.not_checked(
            format!(
                "{id} goes out by IPv6 alone; whether the registry of {image} can be called by it is not looked at"
            ),
            "",
        ),
        (Way::Open, None) => {}
    }
    match of_ipv4 {
        None if !is_out => {}
        // Fargate's guide asks for a way by IPv4, and people tell of tasks that called ECR for their login at an IPv4 address
        // (<https://github.com/aws/containers-roadmap/issues/2792>); neither says that it will stay so.
        None if elsewhere.is_none() => {
            report.not_checked(
                format!(
                    "{id} goes out by IPv6 alone: {why}; whether Fargate calls all that it needs by IPv6, where a task has an \
                     IPv4 address too, is not looked at"
                ),
                "add a way out by IPv4, or use an IPv6-only subnet",
            );
            return;
        }
        None => return,
        Some(image) if is_out && !place.has_ipv4 => {
            ipv4_name(account, place, image, report);
            return;
        }
        Some(_) => {}
    }
    by_endpoints(account, place, (&why, needed(containers)), &of_ecr, report);
}

/// An image from an IPv6-only subnet, by a name that has IPv4 addresses only, unless an endpoint answers to it.
fn ipv4_name(account: &Account, place: &Place<'_>, image: &EcrImage<'_>, report: &mut Report<'_>) {
    let (id, host) = (place.id, image.host.of_region);
    let Some(endpoints) = read(account.endpoints.get(place.vpc), report) else {
        return;
    };
    if has_endpoint(endpoints, "ecr.dkr") {
        report.not_checked(
            format!("{id} has IPv6 addresses only; whether the VPC's endpoint for ecr.dkr has some is not looked at"),
            "",
        );
        return;
    }
    report.failure(
        format!("{id} has IPv6 addresses only, and {host} IPv4 addresses only: its images cannot be pulled"),
        "register a task definition with ECR's dual-stack name for the image, ACCOUNT.dkr-ecr.REGION.on.aws",
    );
}

/// The subnet's own route table, else the main one of its VPC
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>).
fn table_of<'a>(tables: &'a [RouteTable], subnet: &str) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnets.iter().any(|id| id == subnet));
    own.or_else(|| tables.iter().find(|table| table.is_main))
}

fn routes(table: Option<&RouteTable>) -> impl Iterator<Item = &Route> {
    table.into_iter().flat_map(|table| &table.routes)
}

fn words(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "IPv4",
        AddressFamily::Ipv6 => "IPv6",
    }
}

fn way(table: Option<&RouteTable>, family: AddressFamily, is_public: bool) -> Way<'_> {
    let everywhere = match family {
        AddressFamily::Ipv4 => "0.0.0.0/0",
        AddressFamily::Ipv6 => "::/0",
    };
    let Some(route) = routes(table).find(|route| route.destination == everywhere) else {
        // Endpoints of another VPC are reached without a default route
        // (<https://docs.aws.amazon.com/whitepapers/latest/building-scalable-secure-multi-vpc-network-infrastructure/centralized-access-to-vpc-private-endpoints.html>).
        const LEADING_ON: [&str; 4] = ["tgw-", "pcx-", "vgw-", "eni-"];
        let mut leading = routes(table).filter(|route| LEADING_ON.iter().any(|it| route.target.starts_with(it)));
        let is_of = |block: &str| match block.parse() {
            Ok(block) => is_of_family(&block, family),
            // A prefix list.
            Err(_) => true,
        };
        return match leading.find(|route| is_of(&route.destination)) {
            Some(other) => Way::Other(&other.target),
            None => Way::None(format!("its route table has no default route for {}", words(family))),
        };
    };
    if route.state == "blackhole" {
        return Way::None(format!("its default route goes to {}, which is gone", route.target));
    }
    match (route.target.split('-').next().unwrap_or_default(), family) {
        // IPv6 addresses are public: what has one needs no other
        // (<https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>,
        // <https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html>).
        ("nat", AddressFamily::Ipv4) | ("igw" | "eigw", AddressFamily::Ipv6) => Way::Open,
        ("igw", AddressFamily::Ipv4) if is_public => Way::Open,
        ("igw", AddressFamily::Ipv4) => {
            Way::None("its default route goes to an internet gateway, which needs a public address".to_owned())
        }
        _ => Way::Other(&route.target),
    }
}

/// What security groups let out to AWS, and what is said where they do not.
struct Egress<'a> {
    unread: &'a str,
    loss: &'a str,
    whose: &'a str,
}

impl Egress<'_> {
    /// Whether these groups let HTTPS out, by the families that their subnets call AWS by.
    fn check(&self, account: &Account, ids: &[&str], families: &[AddressFamily], report: &mut Report<'_>) {
        let groups: Vec<&SecurityGroup> = ids
            .iter()
            .filter_map(|id| account.security_groups.get(*id)?.get())
            .collect();
        if groups.len() < ids.len() {
            report.unread(self.unread);
        }
        if ids.is_empty() || groups.len() < ids.len() {
            return;
        }
        let egress = groups.iter().flat_map(|group| &group.egress);
        let fitting: Vec<&Permission> = egress.filter(|it| is_of_port(it, 443, "tcp")).collect();
        let ids = ids.join(", ");
        for family in families {
            let lets_out = |it: &&Permission| {
                let mut blocks = it.cidrs.iter().filter_map(|cidr| cidr.parse().ok());
                !it.groups.is_empty()
                    || !it.prefix_lists.is_empty()
                    || blocks.any(|block| is_of_family(&block, *family))
            };
            if fitting.iter().any(|it| is_for_all(it, *family)) {
                continue;
            }
            if fitting.iter().any(lets_out) {
                report.not_checked(
                    format!(
                        "{ids} lets out to some addresses only on port 443; whether those are enough is not looked at"
                    ),
                    "",
                );
                continue;
            }
            report.failure(
                format!(
                    "{ids} lets nothing out on port 443 by {}: {}",
                    words(*family),
                    self.loss
                ),
                format!("allow port 443/tcp in the outbound rules of {}", self.whose),
            );
        }
    }
}

/// A function in a VPC has no public address: it needs a NAT gateway, or endpoints
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc-internet.html>).
pub(super) fn of_function(deployment: &Deployment, account: &Account, findings: &mut Vec<Finding>) {
    let Some(function) = deployment
        .function
        .get()
        .filter(|function| !function.subnets.is_empty())
    else {
        return;
    };
    let mut report = Report::new("way out", deployment.arn.name(), findings);
    let mut needed = BTreeSet::from(["ecs", "elasticloadbalancing", "ec2"]);
    let is_set = |name: &str| {
        function
            .environment
            .as_ref()
            .is_some_and(|all| all.get(name).is_some_and(|it| !it.is_empty()))
    };
    if is_set("SCHEDULER_ROLE_ARN") {
        needed.insert("scheduler");
    }
    if is_set("OUTCOME_EVENT_BUS") {
        needed.insert("events");
    }
    let mut families = Vec::new();
    for id in &function.subnets {
        if let Some(place) = Place::of(account, id, false, &mut report) {
            families.push(place.family());
            call(
                account,
                &place,
                (&needed, is_set("AWS_USE_DUALSTACK_ENDPOINT")),
                &mut report,
            );
        }
    }
    let ids: Vec<&str> = function.security_groups.iter().map(String::as_str).collect();
    let egress = Egress {
        unread: "a security group of the function",
        loss: "the function cannot call AWS",
        whose: "vpcConfig.securityGroupIds",
    };
    egress.check(account, &ids, &families, &mut report);
    report.well("the function reaches AWS from its VPC");
}

/// AWS's usual names have IPv4 addresses; the function calls others only if it is told so
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html>).
fn call(
    account: &Account,
    place: &Place<'_>,
    (needed, is_told): (&BTreeSet<&'static str>, bool),
    report: &mut Report<'_>,
) {
    let Some(why) = place.no_ipv4(report) else {
        return;
    };
    if is_told && !matches!(place.ipv6, Way::None(_)) {
        report.not_checked(
            format!(
                "{} goes out by IPv6 alone; whether all that it calls has IPv6 addresses is not looked at",
                place.id
            ),
            "",
        );
        return;
    }
    by_endpoints(account, place, (&why, needed.clone()), &[], report);
}
