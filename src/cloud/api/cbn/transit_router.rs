//! Transit routers: flat lists, by token but for the routers themselves.

use serde::Deserialize;

use super::{of_cen, text};
use crate::cloud::{
    api::{
        paged::page_of,
        wire::{Field, Lenient, List, Object, object_elements},
    },
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// The transit routers of one CEN, by page.
pub const LIST_TRANSIT_ROUTERS: Operation = Operation::rpc_query(Product::Cbn, "ListTransitRouters");
/// Networks attached to one router.
pub const LIST_TRANSIT_ROUTER_VPC_ATTACHMENTS: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterVpcAttachments");
/// Routers of other regions attached to one router.
pub const LIST_TRANSIT_ROUTER_PEER_ATTACHMENTS: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterPeerAttachments");
/// IPsec connections attached to one router.
pub const LIST_TRANSIT_ROUTER_VPN_ATTACHMENTS: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterVpnAttachments");
/// Border routers attached to one router.
pub const LIST_TRANSIT_ROUTER_VBR_ATTACHMENTS: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterVbrAttachments");
/// The route tables of one router.
pub const LIST_TRANSIT_ROUTER_ROUTE_TABLES: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterRouteTables");
/// Which attachments look up one table.
pub const LIST_TRANSIT_ROUTER_ROUTE_TABLE_ASSOCIATIONS: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterRouteTableAssociations");
/// From which attachments one table learns routes.
pub const LIST_TRANSIT_ROUTER_ROUTE_TABLE_PROPAGATIONS: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterRouteTablePropagations");
/// The routes of one table.
pub const LIST_TRANSIT_ROUTER_ROUTE_ENTRIES: Operation =
    Operation::rpc_query(Product::Cbn, "ListTransitRouterRouteEntries");

/// How attachments are paged: the limit is not documented for all kinds, 20 is the default.
pub const ATTACHMENTS_PAGING: Paging = Paging::next_token(20);
/// How associations and propagations are paged: the limit is not documented, 50 is the default.
pub const ASSOCIATIONS_PAGING: Paging = Paging::next_token(50);
/// How route tables and routes are paged.
pub const ROUTES_PAGING: Paging = Paging::next_token(100);

/// Asks for the transit routers of a CEN. The page driver adds the page.
pub fn list_transit_routers(cen_id: &str) -> ReadRequest {
    of_cen(LIST_TRANSIT_ROUTERS, cen_id)
}

/// Asks for the networks attached to a router. The page driver adds the token.
pub fn list_transit_router_vpc_attachments(router_id: &str) -> ReadRequest {
    of_router(LIST_TRANSIT_ROUTER_VPC_ATTACHMENTS, router_id)
}

/// Asks for the attachments of a network, to whatever routers. The page driver adds the token.
pub fn list_transit_router_attachments_of_vpc(region: &str, vpc_id: &str) -> ReadRequest {
    ReadRequest::new(LIST_TRANSIT_ROUTER_VPC_ATTACHMENTS, "")
        .param("RegionId", region)
        .param("VpcId", vpc_id)
        .resource(vpc_id)
}

/// Asks for the routers attached to a router. The page driver adds the token.
pub fn list_transit_router_peer_attachments(router_id: &str) -> ReadRequest {
    of_router(LIST_TRANSIT_ROUTER_PEER_ATTACHMENTS, router_id)
}

/// Asks for the IPsec connections attached to a router. The page driver adds the token.
pub fn list_transit_router_vpn_attachments(router_id: &str) -> ReadRequest {
    of_router(LIST_TRANSIT_ROUTER_VPN_ATTACHMENTS, router_id)
}

/// Asks for the border routers attached to a router. The page driver adds the token.
pub fn list_transit_router_vbr_attachments(router_id: &str) -> ReadRequest {
    of_router(LIST_TRANSIT_ROUTER_VBR_ATTACHMENTS, router_id)
}

/// Asks for the route tables of a router. The page driver adds the token.
pub fn list_transit_router_route_tables(router_id: &str) -> ReadRequest {
    ReadRequest::new(LIST_TRANSIT_ROUTER_ROUTE_TABLES, "").param("TransitRouterId", router_id).resource(router_id)
}

/// Asks which tables an attachment looks up: one at each end of a line between two routers. An unknown
/// attachment gives a reply without list, which is not an empty one. The page driver adds the token.
pub fn list_associations_of_attachment(attachment_id: &str) -> ReadRequest {
    ReadRequest::new(LIST_TRANSIT_ROUTER_ROUTE_TABLE_ASSOCIATIONS, "")
        .param("TransitRouterAttachmentId", attachment_id)
        .resource(attachment_id)
}

/// Asks from which attachments a table learns routes. An unknown table gives a reply without list, which is not an empty
/// one. The page driver adds the token.
pub fn list_propagations_to_table(table_id: &str) -> ReadRequest {
    of_table(LIST_TRANSIT_ROUTER_ROUTE_TABLE_PROPAGATIONS, table_id)
}

/// Asks for the routes of a table in every status: without saying so only active ones come, and
/// nothing tells why one is missing. The page driver adds the token.
pub fn list_transit_router_route_entries(table_id: &str) -> ReadRequest {
    of_table(LIST_TRANSIT_ROUTER_ROUTE_ENTRIES, table_id).param("TransitRouterRouteEntryStatus", "All")
}

fn of_router(operation: Operation, router_id: &str) -> ReadRequest {
    ReadRequest::new(operation, "").param("TransitRouterId", router_id).resource(router_id)
}

fn of_table(operation: Operation, table_id: &str) -> ReadRequest {
    ReadRequest::new(operation, "").param("TransitRouterRouteTableId", table_id).resource(table_id)
}

page_of! {
    /// One page of `ListTransitRouters`.
    TransitRouters { transit_routers: "TransitRouters" of TransitRouter } by transit_router_id, numbered
}

/// A transit router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransitRouter {
    pub transit_router_id: Field<String>,
    pub cen_id: Field<String>,
    pub region_id: Field<String>,
    /// `Enterprise` or `Basic`.
    pub r#type: Field<String>,
    pub status: Field<String>,
    pub ali_uid: Field<String>,
}
object_elements!(
    TransitRouter,
    VpcAttachment,
    PeerAttachment,
    VpnAttachment,
    VbrAttachment,
    ZoneMapping,
    TransitRouterRouteTable,
    Association,
    Propagation,
    TransitRouterRouteEntry,
);

page_of! {
    /// One page of `ListTransitRouterVpcAttachments`.
    VpcAttachments { attachments: "TransitRouterAttachments" of VpcAttachment }
        by transit_router_attachment_id, token
}

/// A network attached to a router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpcAttachment {
    pub transit_router_attachment_id: Field<String>,
    pub transit_router_id: Field<String>,
    pub cen_id: Field<String>,
    pub vpc_id: Field<String>,
    pub vpc_owner_id: Field<String>,
    pub vpc_region_id: Field<String>,
    /// `Attached` carries traffic.
    pub status: Field<String>,
    pub zone_mappings: List<ZoneMapping>,
}

/// Where the router has an interface in a network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ZoneMapping {
    pub v_switch_id: Field<String>,
    pub zone_id: Field<String>,
    pub network_interface_id: Field<String>,
}

page_of! {
    /// One page of `ListTransitRouterPeerAttachments`.
    PeerAttachments { attachments: "TransitRouterAttachments" of PeerAttachment }
        by transit_router_attachment_id, token
}

/// A line between routers of two regions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PeerAttachment {
    pub transit_router_attachment_id: Field<String>,
    pub transit_router_id: Field<String>,
    pub cen_id: Field<String>,
    pub region_id: Field<String>,
    pub peer_transit_router_id: Field<String>,
    pub peer_transit_router_region_id: Field<String>,
    pub peer_transit_router_owner_id: Field<String>,
    pub status: Field<String>,
    /// Mbit/s.
    pub bandwidth: Field<u64>,
}

page_of! {
    /// One page of `ListTransitRouterVpnAttachments`.
    VpnAttachments { attachments: "TransitRouterAttachments" of VpnAttachment }
        by transit_router_attachment_id, token
}

/// An IPsec connection attached to a router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpnAttachment {
    pub transit_router_attachment_id: Field<String>,
    pub transit_router_id: Field<String>,
    pub cen_id: Field<String>,
    pub vpn_id: Field<String>,
    pub vpn_region_id: Field<String>,
    pub status: Field<String>,
}

page_of! {
    /// One page of `ListTransitRouterVbrAttachments`.
    VbrAttachments { attachments: "TransitRouterAttachments" of VbrAttachment }
        by transit_router_attachment_id, token
}

/// A border router attached to a router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VbrAttachment {
    pub transit_router_attachment_id: Field<String>,
    pub transit_router_id: Field<String>,
    pub cen_id: Field<String>,
    pub vbr_id: Field<String>,
    pub vbr_region_id: Field<String>,
    pub status: Field<String>,
}

page_of! {
    /// One page of `ListTransitRouterRouteTables`.
    TransitRouterRouteTables { tables: "TransitRouterRouteTables" of TransitRouterRouteTable }
        by transit_router_route_table_id, token
}

/// A route table of a router.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransitRouterRouteTable {
    pub transit_router_route_table_id: Field<String>,
    /// `System` or `Custom`.
    pub transit_router_route_table_type: Field<String>,
    pub transit_router_route_table_status: Field<String>,
    pub transit_router_id: Field<String>,
    pub region_id: Field<String>,
}

page_of! {
    /// One page of `ListTransitRouterRouteTableAssociations`.
    Associations { associations: "TransitRouterAssociations" of Association } by fn association_id, token
}

fn association_id(association: &Association) -> String {
    let table = text(&association.transit_router_route_table_id);
    format!("{}/{table}", text(&association.transit_router_attachment_id))
}

/// An attachment and the table that it looks up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Association {
    pub transit_router_attachment_id: Field<String>,
    pub transit_router_route_table_id: Field<String>,
    pub resource_id: Field<String>,
    /// `VPC`, `VBR`, `TR`, `VPN`.
    pub resource_type: Field<String>,
    /// Only `Active` is in force.
    pub status: Field<String>,
}

page_of! {
    /// One page of `ListTransitRouterRouteTablePropagations`.
    Propagations { propagations: "TransitRouterPropagations" of Propagation } by fn propagation_id, token
}

fn propagation_id(propagation: &Propagation) -> String {
    text(&propagation.transit_router_attachment_id).to_owned()
}

/// An attachment whose routes a table learns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Propagation {
    pub transit_router_attachment_id: Field<String>,
    pub transit_router_route_table_id: Field<String>,
    /// `VPC`, `VBR`, `TR`, `VPN`.
    pub resource_type: Field<String>,
    /// Only `Active` is in force; `Enabling`, `Disabling`.
    pub status: Field<String>,
}

page_of! {
    /// One page of `ListTransitRouterRouteEntries`.
    TransitRouterRouteEntries { entries: "TransitRouterRouteEntries" of TransitRouterRouteEntry }
        by fn entry_id, token
}

/// Entries that the router learns have no id of their own everywhere.
fn entry_id(entry: &TransitRouterRouteEntry) -> String {
    let parts = [
        text(&entry.id),
        text(&entry.destination_cidr_block),
        text(&entry.prefix_list_id),
        text(&entry.next_hop_id),
        text(&entry.status),
        text(&entry.r#type),
    ];
    parts.join("/")
}

/// A route of a router. Only `Active` forwards.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TransitRouterRouteEntry {
    #[serde(rename = "TransitRouterRouteEntryId")]
    pub id: Field<String>,
    #[serde(rename = "TransitRouterRouteEntryDestinationCidrBlock")]
    pub destination_cidr_block: Field<String>,
    /// `BlackHole` or `Attachment`.
    #[serde(rename = "TransitRouterRouteEntryNextHopType")]
    pub next_hop_type: Field<String>,
    #[serde(rename = "TransitRouterRouteEntryNextHopId")]
    pub next_hop_id: Field<String>,
    #[serde(rename = "TransitRouterRouteEntryNextHopResourceId")]
    pub next_hop_resource_id: Field<String>,
    /// `VPC`, `VBR`, `TR`, `VPN`.
    #[serde(rename = "TransitRouterRouteEntryNextHopResourceType")]
    pub next_hop_resource_type: Field<String>,
    /// `Active`, `Rejected`, `Prohibited`, `Standby`, `Candidate`, `Creating`, `Deleting`.
    #[serde(rename = "TransitRouterRouteEntryStatus")]
    pub status: Field<String>,
    /// `Static` or `Propagated`.
    #[serde(rename = "TransitRouterRouteEntryType")]
    pub r#type: Field<String>,
    /// Set where the route is a whole list of blocks.
    #[serde(rename = "PrefixListId")]
    pub prefix_list_id: Field<String>,
    #[serde(rename = "OperationalMode")]
    pub operational_mode: Field<Lenient>,
    #[serde(rename = "PathAttributes")]
    pub path_attributes: Object<PathAttributes>,
}

/// Where a learnt route comes from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PathAttributes {
    pub preference: Field<u64>,
    pub origin_instance_id: Field<String>,
    pub origin_instance_type: Field<String>,
}
