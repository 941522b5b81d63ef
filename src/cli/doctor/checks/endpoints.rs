//! VPC endpoints: what is called by them where there is no way out.

use std::collections::BTreeSet;

use super::routes::Place;
use crate::aws::EcrImage;
use crate::doctor::Report;
use crate::doctor::fact::Fact;
use crate::doctor::world::{Account, Endpoint};

pub(super) fn read<'a, T>(fact: Option<&'a Fact<T>>, report: &mut Report<'_>) -> Option<&'a T> {
    let Some(fact) = fact else {
        report.unread("the VPC");
        return None;
    };
    fact.known(report, "the VPC does not exist", "correct the service's subnets")
}

/// Whether the endpoints of a subnet's VPC are enough for what is needed, and for images of ECR; `why` there is no way out.
pub(super) fn by_endpoints(
    account: &Account,
    place: &Place<'_>,
    (why, needed): (&str, BTreeSet<&'static str>),
    images: &[EcrImage<'_>],
    report: &mut Report<'_>,
) {
    let Some(endpoints) = read(account.endpoints.get(place.vpc), report) else {
        return;
    };
    let (id, table) = (place.id, place.table.map(|table| table.id.as_str()));
    if images.iter().any(|image| image.host.is_fips) && endpoints.iter().any(|it| it.service.contains(".ecr-fips.")) {
        report.not_checked(
            format!("{id} has no way out: {why}; what the VPC's endpoints for FIPS answer to is not looked at"),
            "",
        );
        return;
    }
    let missing = missing(endpoints, &needed, table);
    if !missing.is_empty() && missing.iter().all(|name| has_endpoint(endpoints, name)) {
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
    } else if !place.has_ipv4 {
        report.not_checked(
            format!("{id} has IPv6 addresses only; whether the VPC's endpoints have some is not looked at"),
            "",
        );
    } else if let Some(image) = images.iter().find(|image| !is_answered(endpoints, image)) {
        report.not_checked(
            format!(
                "{id} has no way out: {why}; whether the VPC's endpoint for ecr.dkr is called by the name {} is not looked at",
                image.host.of_region
            ),
            "use the name ACCOUNT.dkr.ecr.REGION.amazonaws.com for the image",
        );
    }
}

/// Whether an endpoint answers to the name of the image's registry: to the usual one each does; to the others only if EC2 lists
/// it among its names. ECR's guide has said that the dual-stack names are not for endpoints
/// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html>), and says now that endpoints are for both
/// families (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>).
fn is_answered(endpoints: &[Endpoint], image: &EcrImage<'_>) -> bool {
    let host = image.host;
    let mut listed = endpoints
        .iter()
        .filter(|it| it.private_dns && is_available(it))
        .flat_map(|it| &it.names);
    let is_listed = listed.any(|name| name.strip_prefix("*.") == Some(host.of_region));
    is_listed || !(host.is_dual_stack || host.is_fips)
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

/// Whether there is an interface endpoint for this service, called by whatever name.
pub(super) fn has_endpoint(endpoints: &[Endpoint], name: &str) -> bool {
    endpoints.iter().any(|it| it.kind != "Gateway" && is_of(it, name))
}

/// `com.amazonaws.REGION.NAME`, or `cn.com.amazonaws.REGION.NAME`; and it can be used.
fn is_of(endpoint: &Endpoint, name: &str) -> bool {
    endpoint.service.ends_with(&format!(".{name}")) && is_available(endpoint)
}

fn is_available(endpoint: &Endpoint) -> bool {
    endpoint.state.eq_ignore_ascii_case("available")
}
