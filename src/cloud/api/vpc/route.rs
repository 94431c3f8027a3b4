//! Routes of networks, and the private lines that they may lead to.

use serde::Deserialize;

use super::regional;
use crate::cloud::{
    api::{
        paged::page_of,
        wire::{Field, Lenient, List, Object, object_elements},
    },
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// Route tables without their entries, by page.
pub const DESCRIBE_ROUTE_TABLE_LIST: Operation = Operation::rpc_query(Product::Vpc, "DescribeRouteTableList");
/// The entries of one table, by token.
pub const DESCRIBE_ROUTE_ENTRY_LIST: Operation = Operation::rpc_query(Product::Vpc, "DescribeRouteEntryList");
/// Router interfaces (Express Connect), by page.
pub const DESCRIBE_ROUTER_INTERFACES: Operation = Operation::rpc_query(Product::Vpc, "DescribeRouterInterfaces");
/// The only list of the product that goes by token, and it says `MaxResult`.
pub const ROUTE_ENTRIES_PAGING: Paging = Paging::Token { token: "NextToken", size: "MaxResult", per_page: 100 };

/// Asks for the route tables of a region. The page driver adds the page.
pub fn describe_route_table_list(region: &str) -> ReadRequest {
    regional(DESCRIBE_ROUTE_TABLE_LIST, region)
}

/// Asks for the route tables of a network. The page driver adds the page.
pub fn describe_route_tables_of(region: &str, vpc_id: &str) -> ReadRequest {
    describe_route_table_list(region).param("VpcId", vpc_id).resource(vpc_id)
}

/// Asks for all entries of one table: a filter by next hop would have a default. The page driver
/// adds the token.
pub fn describe_route_entry_list(region: &str, route_table_id: &str) -> ReadRequest {
    regional(DESCRIBE_ROUTE_ENTRY_LIST, region).param("RouteTableId", route_table_id).resource(route_table_id)
}

/// Asks for the router interfaces of a region. The page driver adds the page.
pub fn describe_router_interfaces(region: &str) -> ReadRequest {
    regional(DESCRIBE_ROUTER_INTERFACES, region)
}

/// Asks for one router interface. The page driver adds the page.
pub fn describe_router_interface(region: &str, id: &str) -> ReadRequest {
    describe_router_interfaces(region)
        .param("Filter.1.Key", "RouterInterfaceId")
        .param("Filter.1.Value.1", id)
        .resource(id)
}

page_of! {
    /// One page of `DescribeRouteTableList`.
    RouteTables { router_table_list: "RouterTableList" of RouteTable } by route_table_id, numbered
}

/// A route table. A vSwitch that no custom table names uses the system table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RouteTable {
    pub route_table_id: Field<String>,
    /// `System` or `Custom`.
    pub route_table_type: Field<String>,
    pub vpc_id: Field<String>,
    pub router_id: Field<String>,
    /// `VRouter` or `VBR`.
    pub router_type: Field<String>,
    pub v_switch_ids: List<String>,
    /// `VSwitch` or `Gateway`.
    pub associate_type: Field<String>,
    pub status: Field<String>,
}
object_elements!(RouteTable, RouteEntry, NextHop, RouterInterface);

page_of! {
    /// One page of `DescribeRouteEntryList`.
    RouteEntries { route_entrys: "RouteEntrys" of RouteEntry } by fn entry_id, token
}

/// Entries of the system have no id of their own everywhere.
fn entry_id(entry: &RouteEntry) -> String {
    let text = |field: &Field<String>| field.value().cloned().unwrap_or_default();
    let id = text(&entry.route_entry_id);
    format!("{id}/{}/{}", text(&entry.destination_cidr_block), text(&entry.r#type))
}

/// A route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RouteEntry {
    pub route_table_id: Field<String>,
    pub route_entry_id: Field<String>,
    pub destination_cidr_block: Field<String>,
    /// `ipv4` or `ipv6`.
    pub ip_version: Field<String>,
    /// `Custom`, `System`, `BGP`, `CEN`, `ECR`.
    pub r#type: Field<String>,
    /// `Available`; only such a route forwards.
    pub status: Field<String>,
    pub next_hops: List<NextHop>,
}

/// Where a route leads. Several mean equal-cost paths, or one active and the others in reserve.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NextHop {
    /// `VpcPeer`, `Attachment`, `RouterInterface`, `VpnGateway`, `NatGateway` and others, not all documented.
    pub next_hop_type: Field<String>,
    pub next_hop_id: Field<String>,
    pub next_hop_region_id: Field<String>,
    pub weight: Field<u64>,
    /// 0 or 1.
    pub enabled: Field<Lenient>,
    pub next_hop_related_info: Object<RelatedInfo>,
}

/// What stands behind a next hop.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RelatedInfo {
    pub instance_type: Field<String>,
    pub instance_id: Field<String>,
    pub region_id: Field<String>,
}

page_of! {
    /// One page of `DescribeRouterInterfaces`.
    RouterInterfaces { router_interface_set: "RouterInterfaceSet" of RouterInterface } by router_interface_id, numbered
}

/// One end of a private line between two routers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RouterInterface {
    pub router_interface_id: Field<String>,
    pub router_id: Field<String>,
    /// `VRouter` or `VBR`.
    pub router_type: Field<String>,
    /// `Active` carries traffic.
    pub status: Field<String>,
    /// `Normal`, or locked for debts.
    pub business_status: Field<String>,
    pub vpc_instance_id: Field<String>,
    pub opposite_region_id: Field<String>,
    pub opposite_interface_id: Field<String>,
    pub opposite_interface_status: Field<String>,
    pub opposite_interface_owner_id: Field<String>,
    pub opposite_router_id: Field<String>,
    pub opposite_router_type: Field<String>,
    pub opposite_vpc_instance_id: Field<String>,
}
