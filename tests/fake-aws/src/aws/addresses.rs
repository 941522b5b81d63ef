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
    /// Those below `next` that are free.
    returned: BTreeSet<Ipv4Addr>,
    /// How many addresses from the first have been given in their order.
    next: u32,
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
        while let Some(lowest) = self.returned.pop_first() {
            if self.used.insert(lowest) {
                return lowest;
            }
        }
        loop {
            let candidate = Ipv4Addr::from(u32::from(FIRST) + self.next);
            self.next += 1;
            if self.used.insert(candidate) {
                return candidate;
            }
        }
    }

    /// Gives an address back; harmless when it is back already.
    pub(super) fn release(&mut self, address: Ipv4Addr) {
        if self.used.remove(&address)
            && u32::from(address)
                .checked_sub(u32::from(FIRST))
                .is_some_and(|n| n < self.next)
        {
            self.returned.insert(address);
        }
    }
}

/// The IPv6 address that goes with an IPv4 one, in the documentation range.
pub(super) fn ipv6_beside(address: Ipv4Addr) -> Ipv6Addr {
    let [_, _, high, low] = address.octets();
    Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, u16::from(high), u16::from(low))
}
