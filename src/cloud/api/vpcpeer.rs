//! VPC peering. One central host; parameters in a form; flat lists.

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, List, Object, object_elements},
};
use crate::cloud::{
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// Peerings, by token.
pub const LIST_VPC_PEER_CONNECTIONS: Operation = Operation::rpc_form(Product::Vpcpeer, "ListVpcPeerConnections");
/// How the list is paged.
pub const PAGING: Paging = Paging::next_token(100);

/// Asks for the peerings with an end in a region. The page driver adds the token.
pub fn list_vpc_peer_connections(region: &str) -> ReadRequest {
    ReadRequest::new(LIST_VPC_PEER_CONNECTIONS, region).param("RegionId", region)
}

/// Asks for one peering by way of the list. The page driver adds the token.
pub fn list_vpc_peer_connection(region: &str, id: &str) -> ReadRequest {
    list_vpc_peer_connections(region).param("InstanceId", id).resource(id)
}

page_of! {
    /// One page of `ListVpcPeerConnections`.
    VpcPeerConnections { vpc_peer_connects: "VpcPeerConnects" of VpcPeerConnection } by instance_id, token
}

/// A peering.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpcPeerConnection {
    pub instance_id: Field<String>,
    pub name: Field<String>,
    /// Only `Activated` carries traffic.
    pub status: Field<String>,
    /// `Normal` or `FinancialLocked`.
    pub biz_status: Field<String>,
    pub region_id: Field<String>,
    pub accepting_region_id: Field<String>,
    pub owner_id: Field<String>,
    pub accepting_owner_uid: Field<String>,
    pub vpc: Object<PeerVpc>,
    pub accepting_vpc: Object<PeerVpc>,
}
object_elements!(VpcPeerConnection);

/// One end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PeerVpc {
    pub vpc_id: Field<String>,
    pub ipv4_cidrs: List<String>,
    pub ipv6_cidrs: List<String>,
}
