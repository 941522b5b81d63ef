//! EC2: subnets, security groups, route tables and VPC endpoints.
//!
//! By filters, not by ids: an unknown id would fail the call as a whole
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>), and what a filter does not find is only
//! left out.

use std::collections::BTreeMap;

use start_engines_core::call::CallError;

use super::super::small;
use super::super::tree::Node;
use super::Reads;
use crate::doctor::world::{Endpoint, Permission, Route, RouteTable, SecurityGroup, Subnet};

/// Items of one page: these calls take 5 to 1,000, DescribeRouteTables only up to 100
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>).
const PAGE: &str = "100";

impl Reads {
    /// Those of these subnets that there are.
    pub(crate) async fn subnets(&self, ids: &[String]) -> Result<BTreeMap<String, Subnet>, CallError> {
        let found = self.all("DescribeSubnets", "subnetSet", &[("subnet-id", ids)]).await?;
        let subnet = |node: &Node| {
            let blocks = node.items("ipv6CidrBlockAssociationSet");
            let associated = blocks.filter(|it| {
                let state = it.child("ipv6CidrBlockState").and_then(|state| state.text("state"));
                state.is_none_or(|state| state == "associated")
            });
            let v6: Vec<String> = associated
                .filter_map(|it| it.text("ipv6CidrBlock").map(str::to_owned))
                .collect();
            let subnet = Subnet {
                vpc: node.text("vpcId")?.to_owned(),
                zone: node.text("availabilityZone")?.to_owned(),
                cidrs: node
                    .text("cidrBlock")
                    .map(str::to_owned)
                    .into_iter()
                    .chain(v6)
                    .collect(),
            };
            Some((node.text("subnetId")?.to_owned(), subnet))
        };
        Ok(found.iter().filter_map(subnet).collect())
    }

    /// Those of these security groups that there are.
    pub(crate) async fn security_groups(&self, ids: &[String]) -> Result<BTreeMap<String, SecurityGroup>, CallError> {
        let found = self
            .all("DescribeSecurityGroups", "securityGroupInfo", &[("group-id", ids)])
            .await?;
        Ok(found
            .iter()
            .filter_map(security_group)
            .map(|(id, _, group)| (id, group))
            .collect())
    }

    /// The default security group of each VPC, at most 199 (the name is a filter's value too): its id, by the VPC's, and its rules.
    pub(crate) async fn default_groups(
        &self,
        vpcs: &[String],
    ) -> Result<BTreeMap<String, (String, SecurityGroup)>, CallError> {
        let default = ["default".to_owned()];
        let filters = [("vpc-id", vpcs), ("group-name", &default)];
        let found = self
            .all("DescribeSecurityGroups", "securityGroupInfo", &filters)
            .await?;
        Ok(found
            .iter()
            .filter_map(security_group)
            .map(|(id, vpc, group)| (vpc, (id, group)))
            .collect())
    }

    /// The route tables of VPCs, by VPC.
    pub(crate) async fn route_tables(&self, vpcs: &[String]) -> Result<BTreeMap<String, Vec<RouteTable>>, CallError> {
        let found = self
            .all("DescribeRouteTables", "routeTableSet", &[("vpc-id", vpcs)])
            .await?;
        let mut tables: BTreeMap<String, Vec<RouteTable>> = BTreeMap::new();
        for node in &found {
            let associations = || node.items("associationSet");
            let table = RouteTable {
                id: node.text("routeTableId").unwrap_or_default().to_owned(),
                is_main: associations().any(|it| it.text("main") == Some("true")),
                subnets: associations()
                    .filter_map(|it| it.text("subnetId").map(str::to_owned))
                    .collect(),
                routes: node.items("routeSet").map(route).collect(),
            };
            tables
                .entry(node.text("vpcId").unwrap_or_default().to_owned())
                .or_default()
                .push(table);
        }
        Ok(tables)
    }

    /// The endpoints of VPCs, by VPC.
    pub(crate) async fn endpoints(&self, vpcs: &[String]) -> Result<BTreeMap<String, Vec<Endpoint>>, CallError> {
        let found = self
            .all("DescribeVpcEndpoints", "vpcEndpointSet", &[("vpc-id", vpcs)])
            .await?;
        let mut endpoints: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
        for node in &found {
            let text = |name: &str| node.text(name).unwrap_or_default().to_owned();
            let endpoint = Endpoint {
                service: text("serviceName"),
                kind: text("vpcEndpointType"),
                state: text("state"),
                route_tables: node
                    .items("routeTableIdSet")
                    .map(|it| it.own_text().to_owned())
                    .collect(),
                private_dns: text("privateDnsEnabled") == "true",
                names: node
                    .items("dnsEntrySet")
                    .filter_map(|it| it.text("dnsName").map(str::to_owned))
                    .collect(),
            };
            endpoints.entry(text("vpcId")).or_default().push(endpoint);
        }
        Ok(endpoints)
    }

    /// All pages of what has one of the values of each filter.
    async fn all(
        &self,
        operation: &'static str,
        list: &str,
        filters: &[(&str, &[String])],
    ) -> Result<Vec<Node>, CallError> {
        let mut fields = vec![("MaxResults".to_owned(), PAGE.to_owned())];
        for (f, (name, values)) in filters.iter().enumerate() {
            let filter = format!("Filter.{}", f + 1);
            fields.push((format!("{filter}.Name"), (*name).to_owned()));
            let values = values.iter().enumerate();
            fields.extend(values.map(|(n, value)| (format!("{filter}.Value.{}", n + 1), value.clone())));
        }
        let mut found = Vec::new();
        loop {
            let answer = small::ec2(&self.config, operation, &fields).await?;
            found.extend(answer.items(list).cloned());
            fields.retain(|(name, _)| name != "NextToken");
            match answer.text("nextToken") {
                Some(token) => fields.push(("NextToken".to_owned(), token.to_owned())),
                None => return Ok(found),
            }
        }
    }
}

fn security_group(node: &Node) -> Option<(String, String, SecurityGroup)> {
    let group = SecurityGroup {
        ingress: node.items("ipPermissions").map(permission).collect(),
        egress: node.items("ipPermissionsEgress").map(permission).collect(),
    };
    Some((
        node.text("groupId")?.to_owned(),
        node.text("vpcId").unwrap_or_default().to_owned(),
        group,
    ))
}

fn permission(node: &Node) -> Permission {
    let texts = |list: &str, name: &str| -> Vec<String> {
        node.items(list)
            .filter_map(|it| it.text(name).map(str::to_owned))
            .collect()
    };
    let number = |name: &str| node.text(name).and_then(|text| text.parse().ok());
    // A rule stays behind when the peering to the VPC of its group is deleted, and lets nothing through
    // (<https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html>).
    let groups = node.items("groups").filter(|it| {
        let peering = it.text("peeringStatus");
        peering.is_none_or(|status| status == "active")
    });
    Permission {
        protocol: node.text("ipProtocol").unwrap_or_default().to_owned(),
        from: number("fromPort"),
        to: number("toPort"),
        cidrs: [texts("ipRanges", "cidrIp"), texts("ipv6Ranges", "cidrIpv6")].concat(),
        groups: groups.filter_map(|it| it.text("groupId").map(str::to_owned)).collect(),
        prefix_lists: texts("prefixListIds", "prefixListId"),
    }
}

/// [Route](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html): one of several fields has its target.
fn route(node: &Node) -> Route {
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| node.text(name))
            .unwrap_or_default()
            .to_owned()
    };
    Route {
        destination: first(&[
            "destinationCidrBlock",
            "destinationIpv6CidrBlock",
            "destinationPrefixListId",
        ]),
        target: first(&[
            "natGatewayId",
            "gatewayId",
            "egressOnlyInternetGatewayId",
            "transitGatewayId",
            "vpcPeeringConnectionId",
            "networkInterfaceId",
            "instanceId",
            "carrierGatewayId",
            "localGatewayId",
            "coreNetworkArn",
        ]),
        state: first(&["state"]),
    }
}
