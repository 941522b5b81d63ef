//! The network interfaces of tasks and of others, and EC2's DescribeNetworkInterfaces.
//!
//! As in AWS: filters are ANDed and compared as text, a call has at most 200 filter values over all its filters, a page
//! at most 1,000 interfaces, and what a service manages is shown only to those who ask for it
//! ([DescribeNetworkInterfaces](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html)).
//! EC2 is eventually consistent, and promises no bound: [`World::ec2_lag`] is how far behind an answer is.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::service::ApiError;
use super::world::World;
use super::{arns, target_groups};

/// The VPC of this world's subnets and target groups.
pub(super) const VPC: &str = "vpc-0123456789abcdef0";
/// Where addresses outside of it are.
const OTHER_VPC: &str = "vpc-0fedcba9876543210";
/// Filter values a call.
const MAX_FILTER_VALUES: usize = 200;
/// Interfaces that are deleted for longer than this are forgotten: no answer is so far behind.
const KEPT: Duration = Duration::from_secs(600);

/// A network interface.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    id: String,
    ipv6: Option<Ipv6Addr>,
    created_at: OffsetDateTime,
    deleted_at: Option<OffsetDateTime>,
    /// Branch interfaces of a trunk show no attachment.
    shows_attachment: bool,
    /// A service manages it.
    is_managed: bool,
}

/// The id of a task's interface.
pub(super) fn id_of(task: &str) -> String {
    format!("eni-{}", arns::hex(&format!("eni {task}"), 17))
}

impl World {
    /// An interface of somebody else with this address, of an EC2 instance or a Lambda function; gives its id.
    pub fn add_interface(&mut self, address: Ipv4Addr) -> String {
        let id = id_of(&format!("another's with {address} at {}", self.clock));
        self.create_interface(id.clone(), address, None, false);
        id
    }

    /// Deletes the interfaces with this address.
    pub fn delete_interface(&mut self, address: Ipv4Addr) {
        let now = self.clock;
        for interface in self.interfaces.get_mut(&address).into_iter().flatten() {
            interface.deleted_at.get_or_insert(now);
        }
    }

    /// EC2 shows nothing of a task's interface any more, however far it lags.
    pub fn forget_interface(&mut self, task: &str) {
        if let Some(address) = self.interface_addresses.remove(&id_of(task))
            && let Some(of_address) = self.interfaces.get_mut(&address)
        {
            of_address.retain(|interface| interface.id != id_of(task));
        }
    }

    /// EC2 shows no attachment of the interfaces with this address, as of branch interfaces of a trunk.
    pub fn hide_attachment(&mut self, address: Ipv4Addr) {
        for interface in self.interfaces.get_mut(&address).into_iter().flatten() {
            interface.shows_attachment = false;
        }
    }

    pub(super) fn create_task_interface(&mut self, task: &str, address: Ipv4Addr, ipv6: Option<Ipv6Addr>) {
        self.create_interface(id_of(task), address, ipv6, true);
    }

    fn create_interface(&mut self, id: String, address: Ipv4Addr, ipv6: Option<Ipv6Addr>, is_managed: bool) {
        let now = self.clock;
        let of_address = self.interfaces.entry(address).or_default();
        of_address.retain(|interface| interface.deleted_at.is_none_or(|deleted| now - deleted < KEPT));
        of_address.push(Interface {
            id: id.clone(),
            ipv6,
            created_at: now,
            deleted_at: None,
            shows_attachment: true,
            is_managed,
        });
        self.interface_addresses.insert(id, address);
    }

    pub(super) fn describe_network_interfaces(&mut self, input: &Value) -> Result<Value, ApiError> {
        let filters = read_filters(input)?;
        let includes_managed = input["IncludeManagedResources"] == true;
        let shown_at = self.clock - self.ec2_lag;
        let mut found = Vec::new();
        for address in self.addresses_of(&filters) {
            for interface in self.interfaces.get(&address).into_iter().flatten() {
                let is_deleted = interface.deleted_at.is_some_and(|deleted| deleted <= shown_at);
                let is_shown = interface.created_at <= shown_at && !is_deleted;
                let is_hidden = interface.is_managed && !includes_managed;
                let matches = filters
                    .iter()
                    .all(|(name, values)| values.iter().any(|value| interface.has(address, name, value)));
                if is_shown && !is_hidden && matches {
                    found.push(interface.describe(address));
                }
            }
        }
        let size = input["MaxResults"].as_u64().and_then(|size| usize::try_from(size).ok());
        let begin = match input["NextToken"].as_str() {
            None => 0,
            Some(token) => token
                .strip_prefix("interfaces-")
                .and_then(|begin| begin.parse().ok())
                .ok_or_else(|| ApiError::new("InvalidNextToken", format!("The token '{token}' is invalid")))?,
        };
        let end = found.len().min(begin + size.unwrap_or(1000).min(self.interfaces_page));
        let mut answer = json!({"networkInterfaceSet": found.get(begin..end).unwrap_or_default()});
        if end < found.len() {
            answer["nextToken"] = json!(format!("interfaces-{end}"));
        }
        Ok(answer)
    }

    /// Where interfaces can be that match: by address or id if the filters name any, else everywhere.
    fn addresses_of(&self, filters: &[(String, Vec<String>)]) -> Vec<Ipv4Addr> {
        for (name, values) in filters {
            match name.as_str() {
                "addresses.private-ip-address" => return values.iter().filter_map(|it| it.parse().ok()).collect(),
                "network-interface-id" => {
                    let known = values.iter().filter_map(|id| self.interface_addresses.get(id));
                    return known.copied().collect();
                }
                _ => {}
            }
        }
        self.interfaces.keys().copied().collect()
    }
}

/// The filters by name, if EC2 has them and they are not too many.
fn read_filters(input: &Value) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let mut filters = Vec::new();
    for filter in input["Filter"].as_array().into_iter().flatten() {
        let name = filter["Name"].as_str().unwrap_or_default();
        let known = [
            "addresses.private-ip-address",
            "ipv6-addresses.ipv6-address",
            "network-interface-id",
            "vpc-id",
        ];
        if !known.contains(&name) {
            let message = format!("The filter '{name}' is invalid");
            return Err(ApiError::new("InvalidParameterValue", message));
        }
        let values = filter["Value"].as_array().into_iter().flatten();
        let values: Vec<String> = values.filter_map(|value| value.as_str().map(str::to_owned)).collect();
        filters.push((name.to_owned(), values));
    }
    if filters.iter().map(|(_, values)| values.len()).sum::<usize>() > MAX_FILTER_VALUES {
        let message = "The maximum number of filter values specified on a single call is 200";
        return Err(ApiError::new("FilterLimitExceeded", message));
    }
    Ok(filters)
}

fn vpc(address: Ipv4Addr) -> &'static str {
    if target_groups::in_vpc(address.into()) {
        VPC
    } else {
        OTHER_VPC
    }
}

impl Interface {
    fn has(&self, address: Ipv4Addr, name: &str, value: &str) -> bool {
        match name {
            "addresses.private-ip-address" => address.to_string() == value,
            "ipv6-addresses.ipv6-address" => self.ipv6.is_some_and(|ipv6| ipv6.to_string() == value),
            "network-interface-id" => self.id == value,
            _ => vpc(address) == value,
        }
    }

    fn describe(&self, address: Ipv4Addr) -> Value {
        let ipv6: Vec<Value> = self
            .ipv6
            .iter()
            .map(|ipv6| json!({"ipv6Address": ipv6.to_string(), "isPrimaryIpv6": false}))
            .collect();
        let mut described = json!({
            "networkInterfaceId": self.id,
            "vpcId": vpc(address),
            "status": "in-use",
            "privateIpAddress": address.to_string(),
            "privateIpAddressesSet": [{"privateIpAddress": address.to_string(), "primary": true}],
            "ipv6AddressesSet": ipv6,
        });
        if self.shows_attachment {
            let time = self.created_at.format(&Rfc3339).expect("a time");
            described["attachment"] = json!({"attachTime": time, "status": "attached"});
        }
        described
    }
}
