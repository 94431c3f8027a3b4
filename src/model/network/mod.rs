//! The network between VPCs as the API returned it: what the walk of `analysis::connectivity` goes
//! over. Field names are the vendor's; what could not be read is in [`Refused`].

mod cen;
mod gateway;
mod refused;
mod transit_router;
mod vpc;
mod wanted;

pub use cen::{CenChildInstance, CenInterRegionBandwidthLimit, CenRouteMap};
pub use gateway::{NatGateway, SnatEntry, VpcEndpoint, VpcEndpointService, VpnConnection, VpnGateway};
pub use refused::{Refusal, Refused};
pub use transit_router::{
    TransitRouter, TransitRouterAssociation, TransitRouterAttachment, TransitRouterRouteEntry, TransitRouterRouteTable,
};
pub use vpc::{NetworkAcl, NetworkAclEntry, NextHop, RouteEntry, RouteTable, RouterInterface, VSwitch, Vpc, VpcPeer};

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
    #[serde(default, skip_serializing_if = "Refused::is_empty", rename = "Unavailable")]
    pub refused: Refused,
}

macro_rules! each_list {
    ($network:expr, $list:ident => $step:expr) => {{
        let Network {
            vpcs,
            v_switches,
            route_tables,
            vpc_peers,
            router_interfaces,
            transit_routers,
            transit_router_attachments,
            transit_router_route_tables,
            transit_router_route_table_associations,
            transit_router_route_entries,
            cen_child_instances,
            cen_inter_region_bandwidth_limits,
            cen_route_maps,
            vpn_gateways,
            vpn_connections,
            vpc_endpoints,
            vpc_endpoint_services,
            network_acls,
            nat_gateways,
            snat_entries,
            refused: _,
        } = $network;
        {
            let $list = vpcs;
            $step;
        }
        {
            let $list = v_switches;
            $step;
        }
        {
            let $list = route_tables;
            $step;
        }
        {
            let $list = vpc_peers;
            $step;
        }
        {
            let $list = router_interfaces;
            $step;
        }
        {
            let $list = transit_routers;
            $step;
        }
        {
            let $list = transit_router_attachments;
            $step;
        }
        {
            let $list = transit_router_route_tables;
            $step;
        }
        {
            let $list = transit_router_route_table_associations;
            $step;
        }
        {
            let $list = transit_router_route_entries;
            $step;
        }
        {
            let $list = cen_child_instances;
            $step;
        }
        {
            let $list = cen_inter_region_bandwidth_limits;
            $step;
        }
        {
            let $list = cen_route_maps;
            $step;
        }
        {
            let $list = vpn_gateways;
            $step;
        }
        {
            let $list = vpn_connections;
            $step;
        }
        {
            let $list = vpc_endpoints;
            $step;
        }
        {
            let $list = vpc_endpoint_services;
            $step;
        }
        {
            let $list = network_acls;
            $step;
        }
        {
            let $list = nat_gateways;
            $step;
        }
        {
            let $list = snat_entries;
            $step;
        }
    }};
}

/// One network for each item of each list.
macro_rules! each_piece {
    ($network:expr, $pieces:ident) => {
        each_piece!($network, $pieces, [
            vpcs
            v_switches
            route_tables
            vpc_peers
            router_interfaces
            transit_routers
            transit_router_attachments
            transit_router_route_tables
            transit_router_route_table_associations
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
        ])
    };
    ($network:expr, $pieces:ident, [$($list:ident)+]) => {$(
        let one = |item: &_| Network { $list: vec![Clone::clone(item)], ..Network::default() };
        $pieces.extend($network.$list.iter().map(one));
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
        let Self {
            vpcs,
            v_switches,
            route_tables,
            vpc_peers,
            router_interfaces,
            transit_routers,
            transit_router_attachments,
            transit_router_route_tables,
            transit_router_route_table_associations,
            transit_router_route_entries,
            cen_child_instances,
            cen_inter_region_bandwidth_limits,
            cen_route_maps,
            vpn_gateways,
            vpn_connections,
            vpc_endpoints,
            vpc_endpoint_services,
            network_acls,
            nat_gateways,
            snat_entries,
            refused,
        } = other;
        self.vpcs.extend(vpcs);
        self.v_switches.extend(v_switches);
        self.route_tables.extend(route_tables);
        self.vpc_peers.extend(vpc_peers);
        self.router_interfaces.extend(router_interfaces);
        self.transit_routers.extend(transit_routers);
        self.transit_router_attachments.extend(transit_router_attachments);
        self.transit_router_route_tables.extend(transit_router_route_tables);
        self.transit_router_route_table_associations.extend(transit_router_route_table_associations);
        self.transit_router_route_entries.extend(transit_router_route_entries);
        self.cen_child_instances.extend(cen_child_instances);
        self.cen_inter_region_bandwidth_limits.extend(cen_inter_region_bandwidth_limits);
        self.cen_route_maps.extend(cen_route_maps);
        self.vpn_gateways.extend(vpn_gateways);
        self.vpn_connections.extend(vpn_connections);
        self.vpc_endpoints.extend(vpc_endpoints);
        self.vpc_endpoint_services.extend(vpc_endpoint_services);
        self.network_acls.extend(network_acls);
        self.nat_gateways.extend(nat_gateways);
        self.snat_entries.extend(snat_entries);
        self.refused.merge(refused);
    }

    /// The nouns one by one, each in a network of its own, in the order of the lists.
    pub fn pieces(&self) -> Vec<Self> {
        let mut pieces = Vec::new();
        each_piece!(self, pieces);
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
