//! What is to be known of the machine under a task of network mode `bridge` or `host`.
//!
//! Must not know tasks.

use super::task::Addresses;

/// A container instance, as ECS shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerInstance {
    /// `ec2InstanceId`; an external instance has one of another form.
    pub ec2_instance: String,
    /// It is in its cluster. An EC2 instance is at most one such at a time, so all tasks on it are
    /// on this one; one that was taken out may have come back under another ARN.
    pub is_registered: bool,
}

/// An EC2 instance, as EC2 shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// The primary private IPv4 address, and the first IPv6 address.
    pub addresses: Addresses,
    /// It has not been terminated, so its addresses are nobody else's.
    pub lives: bool,
}

/// Whether an answer of before will do. What an instance is called never changes; whether it is
/// still there does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recall {
    /// It will: a task runs on the instance, so it is there.
    Always,
    /// Only if AWS does not know the instance any more.
    IfGone,
}
