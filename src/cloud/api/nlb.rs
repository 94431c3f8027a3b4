//! Network load balancers (NLB) and their listeners. All lists are flat, all paging is by token.

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, List, Tag, object_elements},
};
use crate::cloud::request::{Operation, Product, ReadRequest};

/// Balancers, by token.
pub const LIST_LOAD_BALANCERS: Operation = Operation::rpc_query(Product::Nlb, "ListLoadBalancers");
/// One balancer.
pub const GET_LOAD_BALANCER_ATTRIBUTE: Operation = Operation::rpc_query(Product::Nlb, "GetLoadBalancerAttribute");
/// Listeners of up to twenty balancers, by token.
pub const LIST_LISTENERS: Operation = Operation::rpc_query(Product::Nlb, "ListListeners");

/// Most balancers that one call for listeners may name.
pub const BALANCERS_PER_CALL: usize = 20;
/// Items per page of either list.
pub const PAGE_SIZE: u32 = 100;

/// Asks for all balancers: one that is private over IPv4 may be public over IPv6. The page driver
/// adds the token.
pub fn list_load_balancers(region: &str) -> ReadRequest {
    ReadRequest::new(LIST_LOAD_BALANCERS, region).param("RegionId", region)
}

/// Asks for one balancer.
pub fn get_load_balancer_attribute(region: &str, id: &str) -> ReadRequest {
    ReadRequest::new(GET_LOAD_BALANCER_ATTRIBUTE, region)
        .param("RegionId", region)
        .param("LoadBalancerId", id)
        .resource(id)
}

/// Asks for the listeners of up to [`BALANCERS_PER_CALL`] balancers. The page driver adds the token.
pub fn list_listeners(region: &str, ids: &[String]) -> ReadRequest {
    ReadRequest::new(LIST_LISTENERS, region)
        .param("RegionId", region)
        .list("LoadBalancerIds", ids)
        .resource(&ids.join(","))
}

page_of! {
    /// One page of `ListLoadBalancers`.
    LoadBalancers { load_balancers: "LoadBalancers" of LoadBalancer } by load_balancer_id, token
}

/// A balancer, in the list and as the reply of `GetLoadBalancerAttribute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoadBalancer {
    pub load_balancer_id: Field<String>,
    pub load_balancer_name: Field<String>,
    pub region_id: Field<String>,
    /// `Internet` or `Intranet`, for IPv4.
    pub address_type: Field<String>,
    /// `Internet` or `Intranet`, for IPv6.
    #[serde(rename = "Ipv6AddressType")]
    pub ipv6_address_type: Field<String>,
    #[serde(rename = "DNSName")]
    pub dns_name: Field<String>,
    pub load_balancer_status: Field<String>,
    /// `Normal` or `Abnormal`, which is locked; the status stays what it was.
    pub load_balancer_business_status: Field<String>,
    pub operation_locks: List<OperationLock>,
    pub vpc_id: Field<String>,
    pub security_group_ids: List<String>,
    pub zone_mappings: List<ZoneMapping>,
    pub tags: List<Tag>,
}
object_elements!(LoadBalancer, OperationLock, ZoneMapping, ZoneAddress, Listener);

/// Why a balancer is locked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OperationLock {
    /// `SecurityLocked`, `RelatedResourceLocked`, `FinancialLocked`, `ResidualLocked`.
    pub lock_type: Field<String>,
    pub lock_reason: Field<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ZoneMapping {
    pub load_balancer_addresses: List<ZoneAddress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ZoneAddress {
    pub allocation_id: Field<String>,
    #[serde(rename = "PublicIPv4Address")]
    pub public_ipv4_address: Field<String>,
    #[serde(rename = "PrivateIPv4Address")]
    pub private_ipv4_address: Field<String>,
    #[serde(rename = "Ipv6Address")]
    pub ipv6_address: Field<String>,
}

page_of! {
    /// One page of `ListListeners`.
    Listeners { listeners: "Listeners" of Listener } by listener_id, token
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Listener {
    pub listener_id: Field<String>,
    pub load_balancer_id: Field<String>,
    /// 0 where the listener serves a range.
    pub listener_port: Field<u16>,
    /// Text, empty where the listener serves one port.
    pub start_port: Field<String>,
    pub end_port: Field<String>,
    /// `TCP`, `UDP`, `TCPSSL`.
    pub listener_protocol: Field<String>,
    pub listener_status: Field<String>,
}
