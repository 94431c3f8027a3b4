//! What rules refer to by id: prefix lists, port-range lists, members of groups. Each is read
//! once, however many rules refer to it.

use std::collections::HashMap;

use crate::netset::{Address, AddressSet, Block, Interval, PortSet, RangeSet, parse_ports};

/// Everything that the rules of a query may refer to. An id that is not here was not read, which
/// is not the same as empty. A list that is added in several pages is all of them.
#[derive(Clone, Debug, Default)]
pub struct Lists<'a> {
    prefixes: HashMap<&'a str, Addresses>,
    ports: HashMap<&'a str, Ports>,
    members: HashMap<&'a str, Addresses>,
}

/// A list of addresses of which some entries may have been unreadable.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    known: AddressSet,
    /// Entries of another family than the list says to be of: they or it are wrong.
    doubtful: AddressSet,
    /// True if there is an entry that could not be understood. It may be of either family: what
    /// the list says of itself is worth no more than what cannot be read in it.
    unreadable: bool,
}

/// A list of ports of which some entries may have been unreadable.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    pub(super) known: PortSet,
    pub(super) unknown: bool,
}

impl Addresses {
    /// `belongs` tells of an entry whether it is of a family that the list may hold.
    fn read<'t>(texts: impl IntoIterator<Item = &'t str>, belongs: impl Fn(&Block) -> bool) -> Self {
        let mut unreadable = false;
        let (known, doubtful): (Vec<Block>, Vec<Block>) = texts
            .into_iter()
            .filter_map(|text| {
                let block = Block::parse(text).ok();
                unreadable |= block.is_none();
                block
            })
            .partition(belongs);
        Self { known: known.into_iter().collect(), doubtful: doubtful.into_iter().collect(), unreadable }
    }

    /// Adds another page of the same list.
    fn extend(&mut self, page: Self) {
        self.known = self.known.union(&page.known);
        self.doubtful = self.doubtful.union(&page.doubtful);
        self.unreadable |= page.unreadable;
    }

    /// The addresses of one family that are certainly in the list.
    pub(super) fn known<A: Address>(&self) -> &RangeSet<A> {
        A::part_of(&self.known)
    }

    /// The addresses of one family that may be in the list.
    pub(super) fn largest<A: Address>(&self) -> RangeSet<A> {
        if self.unreadable {
            return RangeSet::full();
        }
        self.known::<A>().union(A::part_of(&self.doubtful))
    }

    /// True if more addresses of the family may be in it than are known to be.
    pub(super) fn has_unknown<A: Address>(&self) -> bool {
        self.unreadable || !A::part_of(&self.doubtful).is_empty()
    }
}

impl<'a> Lists<'a> {
    /// Adds an ECS prefix list: `AddressFamily` (`IPv4`, `IPv6`) and the `Cidr` of every entry.
    pub fn add_prefix_list<'t>(&mut self, id: &'a str, family: &str, cidrs: impl IntoIterator<Item = &'t str>) {
        let belongs = |block: &Block| match block {
            Block::V4(_) => !family.eq_ignore_ascii_case("IPv6"),
            Block::V6(_) => !family.eq_ignore_ascii_case("IPv4"),
        };
        self.prefixes.entry(id).or_default().extend(Addresses::read(cidrs, belongs));
    }

    /// Adds an ECS port-range list: the `PortRange` of every entry.
    pub fn add_port_range_list<'t>(&mut self, id: &'a str, ranges: impl IntoIterator<Item = &'t str>) {
        let mut known: Vec<Interval<u16>> = Vec::new();
        let mut unknown = false;
        for text in ranges {
            let before = known.len();
            if parse_ports(text, |range| known.push(range)).is_err() {
                known.truncate(before);
                unknown = true;
            }
        }
        let list = self.ports.entry(id).or_default();
        list.known = list.known.union(&PortSet::from_intervals(known));
        list.unknown |= unknown;
    }

    /// Adds the private addresses of all members of a security group.
    pub fn add_group_members<'t>(&mut self, group_id: &'a str, addresses: impl IntoIterator<Item = &'t str>) {
        self.members.entry(group_id).or_default().extend(Addresses::read(addresses, |_| true));
    }

    pub(super) fn prefix_list(&self, id: &str) -> Option<&Addresses> {
        self.prefixes.get(id)
    }

    pub(super) fn port_range_list(&self, id: &str) -> Option<&Ports> {
        self.ports.get(id)
    }

    pub(super) fn group_members(&self, group_id: &str) -> Option<&Addresses> {
        self.members.get(group_id)
    }
}
