//! The subnets' addresses. A freed address is given again at once, lowest first: the
//! sharpest reuse that a VPC could show.

use std::collections::{BTreeSet, VecDeque};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The first address given: a VPC keeps the first few of a subnet for itself.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);

/// Addresses in use, and those that a test wants next.
#[derive(Debug, Default)]
pub(super) struct AddressPool {
    used: BTreeSet<Ipv4Addr>,
    pinned: VecDeque<Ipv4Addr>,
}

impl AddressPool {
    /// The next allocation gets this address.
    pub(super) fn pin(&mut self, address: Ipv4Addr) {
        self.pinned.push_back(address);
    }

    /// Takes the pinned address or else the lowest free one.
    pub(super) fn allocate(&mut self) -> Ipv4Addr {
        if let Some(address) = self.pinned.pop_front() {
            assert!(
                self.used.insert(address),
                "the test pinned {address}, which another task still has"
            );
            return address;
        }
        let mut candidate = FIRST;
        while !self.used.insert(candidate) {
            candidate = Ipv4Addr::from(u32::from(candidate) + 1);
        }
        candidate
    }

    /// Gives an address back; harmless when it is back already.
    pub(super) fn release(&mut self, address: Ipv4Addr) {
        self.used.remove(&address);
    }
}

/// The IPv6 address that goes with an IPv4 one, in the documentation range.
pub(super) fn ipv6_beside(address: Ipv4Addr) -> Ipv6Addr {
    let [_, _, high, low] = address.octets();
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, u16::from(high), u16::from(low))
}
