//! Network interfaces, as EC2 describes them.
//!
//! Must not know tasks.

use std::net::IpAddr;

use super::arn::{InterfaceId, VpcId};
use super::timestamp::Timestamp;

/// A network interface in an answer of DescribeNetworkInterfaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkInterface {
    /// `networkInterfaceId`.
    pub id: InterfaceId,
    /// Its private IPv4 addresses and its IPv6 addresses.
    pub addresses: Vec<IpAddr>,
    /// `attachment.attachTime`; absent if it is not attached, and for branch interfaces of a trunk
    /// ([cloud-custodian#7973](https://github.com/cloud-custodian/cloud-custodian/issues/7973)).
    pub attached_at: Option<Timestamp>,
}

/// Which network interfaces are asked for: those with any of these addresses or ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InterfaceQuery {
    /// By their addresses, all of one family.
    Addresses {
        /// Only in this VPC, if it is given: without it, interfaces of several VPCs may have the same address.
        vpc: Option<VpcId>,
        /// `addresses.private-ip-address`, or `ipv6-addresses.ipv6-address`.
        addresses: Vec<IpAddr>,
    },
    /// By their ids.
    Ids(Vec<InterfaceId>),
}
