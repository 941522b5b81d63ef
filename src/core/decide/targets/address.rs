//! The address under which a target group takes a task, or its container instance.

use crate::domain::target::{AddressFamily, Attachment};
use crate::domain::task::{Addresses, Task};
use crate::outcome::Failure;

/// The address of a family, as ELB writes it.
pub(crate) fn address(addresses: &Addresses, family: AddressFamily) -> Option<String> {
    match family {
        AddressFamily::Ipv4 => addresses.ipv4.map(|address| address.to_string()),
        AddressFamily::Ipv6 => addresses.ipv6.map(|address| address.to_string()),
    }
}

pub(crate) fn family_mismatch(attachment: &Attachment, family: AddressFamily, event: &Task) -> Failure {
    let (needed, change) = match family {
        AddressFamily::Ipv4 => (
            "IPv4",
            "use a target group of IP address type ipv6, or a subnet with IPv4",
        ),
        AddressFamily::Ipv6 => (
            "IPv6",
            "use a target group of IP address type ipv4, or a dual-stack subnet",
        ),
    };
    let message = format!(
        "{} needs an {needed} address, and {} has none: {change}",
        attachment.group, event.arn
    );
    Failure::permanent("address_family_mismatch", message)
}

pub(crate) fn no_address(event: &Task) -> Failure {
    let message = format!(
        "neither the event nor DescribeTasks tells an address of {} yet",
        event.arn
    );
    Failure::transient("address_missing", message)
}
