//! A way out: of tasks on Fargate, to pull their image, and of a function in a VPC, to call AWS.

use std::collections::BTreeSet;

use start_engines_core::call::run_task::Launch;

use super::OfService;
use super::firewall::is_of_port;
use crate::doctor::fact::Fact;
use crate::doctor::world::{Account, Deployment, Endpoint, Route, RouteTable, SecurityGroup, is_of_fargate, placing};
use crate::doctor::{Finding, Report};

/// Where a subnet's packets to the internet go.
#[derive(Debug)]
enum Way<'a> {
    /// Through a NAT gateway, or an internet gateway with a public address.
    Open,
    /// Through something that may or may not lead out: a transit gateway, a firewall.
    Other(&'a str),
    /// Nowhere: why.
    None(String),
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
        for id in &network.subnets {
            let needed = needed(definition.containers.iter());
            let images: Vec<&str> = definition.containers.iter().map(|it| it.image.as_str()).collect();
            let only_ecr = images.iter().all(|image| is_ecr(image));
            leave(of.account, id.as_str(), is_public, &needed, only_ecr, &mut report);
        }
        let ids: Vec<&str> = network.security_groups.iter().map(|group| group.as_str()).collect();
        egress(of.account, &ids, &mut report);
    }
    report.well("the tasks can pull their image");
}

/// What a task on Fargate calls before and while it runs
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html>,
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>).
fn needed<'a>(containers: impl Iterator<Item = &'a crate::doctor::world::Container>) -> BTreeSet<&'static str> {
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
    image.split('/').next().is_some_and(|host| host.contains(".dkr.ecr."))
}

fn leave(
    account: &Account,
    id: &str,
    is_public: bool,
    needed: &BTreeSet<&'static str>,
    only_ecr: bool,
    report: &mut Report<'_>,
) {
    let Some(vpc) = account
        .subnets
        .get(id)
        .and_then(|subnet| subnet.get())
        .map(|subnet| subnet.vpc.as_str())
    else {
        report.unread(id);
        return;
    };
    let Some(tables) = read(account.routes.get(vpc), report) else {
        return;
    };
    let why = match way(table_of(tables, id), is_public) {
        Way::Open => return,
        Way::Other(target) => {
            report.not_checked(
                format!("{id} goes out by {target}; where that leads is not looked at"),
                "",
            );
            return;
        }
        Way::None(why) => why,
    };
    if !only_ecr {
        report.failure(
            format!("{id} has no way out: {why}; an image that is not in ECR cannot be pulled"),
            "set assignPublicIp to ENABLED in a public subnet, use a subnet with a NAT gateway, or put the image into ECR",
        );
        return;
    }
    let Some(endpoints) = read(account.endpoints.get(vpc), report) else {
        return;
    };
    let table = table_of(tables, id).map(|table| table.id.as_str());
    let missing = missing(endpoints, needed, table);
    let is_there = |name: &&str| endpoints.iter().any(|it| it.kind != "Gateway" && is_of(it, name));
    if !missing.is_empty() && missing.iter().all(is_there) {
        // They may be found by a private hosted zone of one's own
        // (<https://docs.aws.amazon.com/vpc/latest/privatelink/manage-dns-names.html>).
        report.not_checked(
            format!(
                "the VPC's endpoints for {} have no private DNS; whether their names lead to them otherwise is not looked at",
                missing.join(", ")
            ),
            "",
        );
    } else if !missing.is_empty() {
        report.failure(
            format!(
                "{id} has no way out: {why}, and the VPC has no endpoint for {}",
                missing.join(", ")
            ),
            "set assignPublicIp to ENABLED in a public subnet, add a NAT gateway, or create the endpoints",
        );
    }
}

fn read<'a, T>(fact: Option<&'a Fact<T>>, report: &mut Report<'_>) -> Option<&'a T> {
    let Some(fact) = fact else {
        report.unread("the VPC");
        return None;
    };
    fact.known(report, "the VPC does not exist", "correct the service's subnets")
}

/// The subnet's own route table, else the main one of its VPC
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>).
fn table_of<'a>(tables: &'a [RouteTable], subnet: &str) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnets.iter().any(|id| id == subnet));
    own.or_else(|| tables.iter().find(|table| table.is_main))
}

fn way(table: Option<&RouteTable>, is_public: bool) -> Way<'_> {
    let default = |destination: &str| {
        let routes: &[Route] = table.map_or(&[], |table| &table.routes);
        routes.iter().find(|route| route.destination == destination)
    };
    let Some(route) = default("0.0.0.0/0").or_else(|| default("::/0")) else {
        // Endpoints of another VPC are reached without a default route
        // (<https://docs.aws.amazon.com/whitepapers/latest/building-scalable-secure-multi-vpc-network-infrastructure/centralized-access-to-vpc-private-endpoints.html>).
        let routes: &[Route] = table.map_or(&[], |table| &table.routes);
        let leads_on = |route: &&Route| {
            ["tgw-", "pcx-", "vgw-", "eni-"]
                .iter()
                .any(|it| route.target.starts_with(it))
        };
        if let Some(other) = routes.iter().find(leads_on) {
            return Way::Other(&other.target);
        }
        return Way::None("its route table has no default route".to_owned());
    };
    if route.state == "blackhole" {
        return Way::None(format!("its default route goes to {}, which is gone", route.target));
    }
    match route.target.split('-').next().unwrap_or_default() {
        "nat" => Way::Open,
        "eigw" => Way::Open,
        "igw" if is_public => Way::Open,
        // <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>
        "igw" => Way::None("its default route goes to an internet gateway, which needs a public address".to_owned()),
        _ => Way::Other(&route.target),
    }
}

/// The services without an endpoint that can be used: an interface endpoint with private DNS, or a gateway endpoint in the
/// subnet's route table.
fn missing<'n>(endpoints: &[Endpoint], needed: &BTreeSet<&'n str>, table: Option<&str>) -> Vec<&'n str> {
    let serves = |endpoint: &Endpoint| match endpoint.kind.as_str() {
        "Gateway" => table.is_some_and(|table| endpoint.route_tables.iter().any(|id| id == table)),
        _ => endpoint.private_dns,
    };
    let has = |name: &str| {
        endpoints
            .iter()
            .any(|endpoint| is_of(endpoint, name) && serves(endpoint))
    };
    needed.iter().filter(|name| !has(name)).copied().collect()
}

/// `com.amazonaws.REGION.NAME`, or `cn.com.amazonaws.REGION.NAME`; and it can be used.
fn is_of(endpoint: &Endpoint, name: &str) -> bool {
    endpoint.service.ends_with(&format!(".{name}")) && endpoint.state.eq_ignore_ascii_case("available")
}

/// Whether the tasks' security groups let HTTPS out.
fn egress(account: &Account, ids: &[&str], report: &mut Report<'_>) {
    let groups: Vec<&SecurityGroup> = ids
        .iter()
        .filter_map(|id| account.security_groups.get(*id)?.get())
        .collect();
    if groups.len() < ids.len() {
        report.unread("a security group");
    }
    if ids.is_empty() || groups.len() < ids.len() {
        return;
    }
    let mut egress = groups.iter().flat_map(|group| &group.egress);
    if !egress.any(|permission| is_of_port(permission, 443, "tcp")) {
        report.failure(
            format!(
                "{} lets nothing out on port 443: the image cannot be pulled",
                ids.join(", ")
            ),
            "allow port 443/tcp in the outbound rules of the tasks' security groups",
        );
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
    for id in &function.subnets {
        leave(account, id, false, &needed, true, &mut report);
    }
    let ids: Vec<&str> = function.security_groups.iter().map(String::as_str).collect();
    egress_of_function(account, &ids, &mut report);
    report.well("the function reaches AWS from its VPC");
}

fn egress_of_function(account: &Account, ids: &[&str], report: &mut Report<'_>) {
    let groups: Vec<&SecurityGroup> = ids
        .iter()
        .filter_map(|id| account.security_groups.get(*id)?.get())
        .collect();
    let mut egress = groups.iter().flat_map(|group| &group.egress);
    if groups.len() < ids.len() {
        report.unread("a security group of the function");
    }
    let is_whole = !ids.is_empty() && groups.len() == ids.len();
    if is_whole && !egress.any(|permission| is_of_port(permission, 443, "tcp")) {
        report.failure(
            format!(
                "{} lets nothing out on port 443: the function cannot call AWS",
                ids.join(", ")
            ),
            "allow port 443/tcp in the outbound rules of vpcConfig.securityGroupIds",
        );
    }
}
