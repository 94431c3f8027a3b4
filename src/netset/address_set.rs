//! Sets of addresses of both families.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Address, Block, Count, RangeSet, routable};

/// A set of IPv4 addresses and, apart from it, a set of IPv6 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressSet {
    pub v4: RangeSet<u32>,
    pub v6: RangeSet<u128>,
}

impl AddressSet {
    /// No address.
    pub const fn empty() -> Self {
        Self { v4: RangeSet::empty(), v6: RangeSet::empty() }
    }

    /// Every address of both families.
    pub fn full() -> Self {
        Self { v4: RangeSet::full(), v6: RangeSet::full() }
    }

    /// True if no address is inside.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// True if the address is inside. `::ffff:a.b.c.d` is IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.into()),
            IpAddr::V6(address) => self.v6.contains(address.into()),
        }
    }

    /// Addresses in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Addresses in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersect(&other.v4), v6: self.v6.intersect(&other.v6) }
    }

    /// Addresses in this one only.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self { v4: self.v4.subtract(&other.v4), v6: self.v6.subtract(&other.v6) }
    }

    /// Addresses outside.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement() }
    }

    /// Number of addresses.
    pub fn count(&self) -> Count {
        Count::from(self.v4.count()) + self.v6.count()
    }

    /// The unique minimal cover by CIDR blocks: IPv4 first, ascending. A host is a /32 or a /128.
    pub fn cover(&self) -> Vec<IpNet> {
        self.v4.cover().chain(self.v6.cover()).collect()
    }

    /// True if some address is globally routable.
    pub fn is_routable(&self) -> bool {
        self.v4.meets(&routable().v4) || self.v6.meets(&routable().v6)
    }

    /// One globally routable address of the set, always the same one: the first of the lowest
    /// interval, IPv4 before IPv6, or the one after it where the first looks like a network's own
    /// number and another is to be had.
    pub fn witness(&self) -> Option<IpAddr> {
        fn of_family<A: Address>(set: &RangeSet<A>, routable: &RangeSet<A>) -> Option<IpAddr> {
            let lowest = set.lowest_common(routable)?;
            let next =
                lowest.first().succ().filter(|next| lowest.first().looks_like_network() && lowest.contains(*next));
            Some(next.unwrap_or(lowest.first()).ip())
        }
        of_family(&self.v4, &routable().v4).or_else(|| of_family(&self.v6, &routable().v6))
    }
}

impl FromIterator<Block> for AddressSet {
    fn from_iter<I: IntoIterator<Item = Block>>(blocks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for block in blocks {
            match block {
                Block::V4(interval) => v4.push(interval),
                Block::V6(interval) => v6.push(interval),
            }
        }
        Self { v4: RangeSet::from_intervals(v4), v6: RangeSet::from_intervals(v6) }
    }
}

impl FromIterator<IpNet> for AddressSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        nets.into_iter().map(Block::from).collect()
    }
}
