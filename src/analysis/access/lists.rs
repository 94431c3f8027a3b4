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
    /// True if an entry that could not be understood may be of the family.
    unknown_v4: bool,
    unknown_v6: bool,
}

/// A list of ports of which some entries may have been unreadable.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    pub(super) known: PortSet,
    pub(super) unknown: bool,
}

impl Addresses {
    fn read<'t>(texts: impl IntoIterator<Item = &'t str>, unknown_v4: bool, unknown_v6: bool) -> Self {
        let mut unreadable = false;
        let known = texts
            .into_iter()
            .filter_map(|text| {
                let block = Block::parse(text).ok();
                unreadable |= block.is_none();
                block
            })
            .collect();
        Self { known, unknown_v4: unreadable && unknown_v4, unknown_v6: unreadable && unknown_v6 }
    }

    /// Adds another page of the same list.
    fn extend(&mut self, page: Self) {
        self.known = self.known.union(&page.known);
        self.unknown_v4 |= page.unknown_v4;
        self.unknown_v6 |= page.unknown_v6;
    }

    /// The addresses of one family that are certainly in the list.
    pub(super) fn known<A: Address>(&self) -> &RangeSet<A> {
        A::part_of(&self.known)
    }

    /// True if more addresses of the family may be in it.
    pub(super) fn has_unknown<A: Address>(&self) -> bool {
        if A::IS_V4 { self.unknown_v4 } else { self.unknown_v6 }
    }
}

impl<'a> Lists<'a> {
    /// Adds an ECS prefix list: `AddressFamily` (`IPv4`, `IPv6`) and the `Cidr` of every entry.
    pub fn add_prefix_list<'t>(&mut self, id: &'a str, family: &str, cidrs: impl IntoIterator<Item = &'t str>) {
        // An entry that cannot be read belongs to the list's family, if that is known.
        let (v4, v6) = (!family.eq_ignore_ascii_case("IPv6"), !family.eq_ignore_ascii_case("IPv4"));
        self.prefixes.entry(id).or_default().extend(Addresses::read(cidrs, v4, v6));
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
        self.members.entry(group_id).or_default().extend(Addresses::read(addresses, true, true));
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
