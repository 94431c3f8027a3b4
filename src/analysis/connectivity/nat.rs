//! Through which NAT gateways a vSwitch leaves for an address on the internet.

use std::{collections::BTreeSet, net::IpAddr};

use crate::model::VSwitch;

use super::{
    table::Way,
    topology::{Family, Topology},
};

impl<'a> Topology<'a> {
    /// The NAT gateways to which the table of a vSwitch sends packets to an address. `None` where the table was not read,
    /// or where it sends them elsewhere: somebody else decides by which address these leave.
    pub fn nat_gateways_to(&self, switch: &'a VSwitch, address: IpAddr) -> Option<BTreeSet<&'a str>> {
        match address {
            IpAddr::V4(address) => self.nat_gateways(switch, u32::from(address)),
            IpAddr::V6(address) => self.nat_gateways(switch, u128::from(address)),
        }
    }

    fn nat_gateways<A: Family>(&self, switch: &'a VSwitch, address: A) -> Option<BTreeSet<&'a str>> {
        let id = self.table_of(switch).ok()?;
        let table = self.tables.get(id).filter(|table| table.is_readable)?;
        if self.is_refused(&switch.scope, "DescribeRouteEntryList", id) {
            return None;
        }
        let Way::Hops(hops) = &table.route(address).0?.way else { return None };
        let is_nat = |kind: &str| kind.eq_ignore_ascii_case("NatGateway");
        let all_are = !hops.is_empty() && hops.iter().all(|hop| is_nat(&hop.next_hop_type));
        all_are.then(|| hops.iter().map(|hop| hop.next_hop_id.as_str()).collect())
    }
}
