//! The container instance, and the EC2 instance, of a task in network mode `bridge` or `host`.
//!
//! Must not know tasks.

use super::task::Addresses;

/// One answer of DescribeContainerInstances.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerInstance {
    /// `ec2InstanceId`; an external instance (ECS Anywhere) has one in another format.
    pub ec2_instance: String,
    /// Whether it is registered with its cluster (`status` is neither `INACTIVE` nor `DEREGISTERING`). An EC2 instance is at most one
    /// registered container instance at a time, so all its tasks run on that one. After deregistration it may
    /// have registered again with another ARN.
    pub is_registered: bool,
}

/// One answer of DescribeInstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ec2Instance {
    /// The primary private IPv4 address and the first IPv6 address.
    pub addresses: Addresses,
    /// Whether it has not been terminated, so that nobody else can have its addresses.
    pub lives: bool,
}

/// When an answer may come from the cache. An instance's ids and addresses do not change, but it can be
/// terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recall {
    /// Always: a task runs on the instance, so it exists.
    Always,
    /// Only when AWS no longer knows the instance.
    IfGone,
}
