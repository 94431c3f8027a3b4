//! The network between VPCs as the API returned it: what the walk of `analysis::connectivity` goes
//! over. Field names are the vendor's; what could not be read is in [`Refused`].

mod cen;
mod gateway;
mod refused;
mod transit_router;
mod vpc;
mod wanted;

pub use cen::{CenChildInstance, CenInterRegionBandwidthLimit, CenRouteMap};
pub use gateway::{NatGateway, PublicInstance, SnatEntry, VpcEndpoint, VpcEndpointService, VpnConnection, VpnGateway};
pub use refused::{Refusal, Refused};
pub use transit_router::{
    TransitRouter, TransitRouterAssociation, TransitRouterAttachment, TransitRouterPropagation,
    TransitRouterPropagations, TransitRouterRouteEntry, TransitRouterRouteTable,
};
pub use vpc::{
    NetworkAcl, NetworkAclEntry, NextHop, RelatedInfo, RouteEntry, RouteTable, RouterInterface, VSwitch, Vpc, VpcPeer,
};

pub use wanted::{NetworkRead, Wanted};

use serde::{Deserialize, Serialize};

use crate::model::lenient;

/// Every part of the network, and which reads were refused. Collect in any order, then
/// [`sort`](Self::sort): equal networks are equal values from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub vpcs: Vec<Vpc>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items", rename = "VSwitches")]
    pub v_switches: Vec<VSwitch>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub route_tables: Vec<RouteTable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub vpc_peers: Vec<VpcPeer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub router_interfaces: Vec<RouterInterface>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub transit_routers: Vec<TransitRouter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub transit_router_attachments: Vec<TransitRouterAttachment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub transit_router_route_tables: Vec<TransitRouterRouteTable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub transit_router_route_table_associations: Vec<TransitRouterAssociation>,
    /// Under a name of its own: networks were once saved with propagations one by one.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::items",
        rename = "TransitRouterPropagationsOfTables"
    )]
    pub transit_router_route_table_propagations: Vec<TransitRouterPropagations>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub transit_router_route_entries: Vec<TransitRouterRouteEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub cen_child_instances: Vec<CenChildInstance>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub cen_inter_region_bandwidth_limits: Vec<CenInterRegionBandwidthLimit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub cen_route_maps: Vec<CenRouteMap>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub vpn_gateways: Vec<VpnGateway>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub vpn_connections: Vec<VpnConnection>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub vpc_endpoints: Vec<VpcEndpoint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub vpc_endpoint_services: Vec<VpcEndpointService>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub network_acls: Vec<NetworkAcl>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub nat_gateways: Vec<NatGateway>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub snat_entries: Vec<SnatEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::items")]
    pub public_instances: Vec<PublicInstance>,
    #[serde(default, skip_serializing_if = "Refused::is_empty", rename = "Unavailable")]
    pub refused: Refused,
}

/// Hands the names of all lists to another macro, after what is handed on to it.
macro_rules! with_lists {
    ($then:ident $handed_on:tt) => {
        $then!($handed_on [
            vpcs
            v_switches
            route_tables
            vpc_peers
            router_interfaces
            transit_routers
            transit_router_attachments
            transit_router_route_tables
            transit_router_route_table_associations
            transit_router_route_table_propagations
            transit_router_route_entries
            cen_child_instances
            cen_inter_region_bandwidth_limits
            cen_route_maps
            vpn_gateways
            vpn_connections
            vpc_endpoints
            vpc_endpoint_services
            network_acls
            nat_gateways
            snat_entries
            public_instances
        ])
    };
}

/// Does a step with each list of a network. Names every field, so that none can be forgotten.
macro_rules! each_list {
    ((@ $network:expr, $list:ident, $step:expr) [$($name:ident)+]) => {{
        let Network { $($name,)+ refused: _ } = $network;
        $({
            let $list = $name;
            $step;
        })+
    }};
    ($network:expr, $list:ident => $step:expr) => {
        with_lists!(each_list (@ $network, $list, $step))
    };
}

/// Adds what one network holds to another.
macro_rules! extend_lists {
    (($network:expr, $other:expr) [$($name:ident)+]) => {{
        let Network { $($name,)+ refused } = $other;
        $($network.$name.extend($name);)+
        $network.refused.merge(refused);
    }};
}

/// One network for each item of each list.
macro_rules! each_piece {
    (($network:expr, $pieces:ident) [$($name:ident)+]) => {$(
        let one = |item: &_| Network { $name: vec![Clone::clone(item)], ..Network::default() };
        $pieces.extend($network.$name.iter().map(one));
    )+};
}

impl Network {
    /// Sorts every list and drops exact repeats.
    pub fn sort(&mut self) {
        each_list!(self, list => {
            list.sort_unstable();
            list.dedup();
            list.shrink_to_fit();
        });
        self.refused.sort();
    }

    /// Adds what another network holds.
    pub fn merge(&mut self, other: Self) {
        with_lists!(extend_lists(self, other));
    }

    /// The nouns one by one, each in a network of its own, in the order of the lists.
    pub fn pieces(&self) -> Vec<Self> {
        let mut pieces = Vec::new();
        with_lists!(each_piece(self, pieces));
        pieces
    }

    /// True if nothing was read and nothing was refused.
    pub fn is_empty(&self) -> bool {
        let mut empty = self.refused.is_empty();
        each_list!(self, list => empty &= list.is_empty());
        empty
    }
}

#[cfg(test)]
mod tests;
