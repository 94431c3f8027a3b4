//! Cloud Enterprise Network (CEN). One central host. What is older than transit routers wraps its
//! lists and goes by page number.

pub mod transit_router;

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, Lenient, List, object_elements},
};
use crate::cloud::{
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// CENs, by page.
pub const DESCRIBE_CENS: Operation = Operation::rpc_query(Product::Cbn, "DescribeCens");
/// What is attached to one CEN, by page.
pub const DESCRIBE_CEN_ATTACHED_CHILD_INSTANCES: Operation =
    Operation::rpc_query(Product::Cbn, "DescribeCenAttachedChildInstances");
/// What one CEN may carry between regions, by page.
pub const DESCRIBE_CEN_INTER_REGION_BANDWIDTH_LIMITS: Operation =
    Operation::rpc_query(Product::Cbn, "DescribeCenInterRegionBandwidthLimits");
/// The route maps of one CEN, by page.
pub const DESCRIBE_CEN_ROUTE_MAPS: Operation = Operation::rpc_query(Product::Cbn, "DescribeCenRouteMaps");

/// How the lists of this file are paged; the default is 10 a page.
pub const PAGING: Paging = Paging::page_number(50);
/// How route maps are paged: the limit is not documented, 10 is the default.
pub const ROUTE_MAPS_PAGING: Paging = Paging::page_number(10);

/// Asks for one CEN by way of the list. The page driver adds the page.
pub fn describe_cen(cen_id: &str) -> ReadRequest {
    let filter = ReadRequest::new(DESCRIBE_CENS, "").param("Filter.1.Key", "CenId").param("Filter.1.Value.1", cen_id);
    filter.resource(cen_id)
}

/// Asks for what is attached to a CEN. The page driver adds the page.
pub fn describe_cen_attached_child_instances(cen_id: &str) -> ReadRequest {
    of_cen(DESCRIBE_CEN_ATTACHED_CHILD_INSTANCES, cen_id)
}

/// Asks for what a CEN may carry between regions. The page driver adds the page.
pub fn describe_cen_inter_region_bandwidth_limits(cen_id: &str) -> ReadRequest {
    of_cen(DESCRIBE_CEN_INTER_REGION_BANDWIDTH_LIMITS, cen_id)
}

/// Asks for the route maps of a CEN. The page driver adds the page.
pub fn describe_cen_route_maps(cen_id: &str) -> ReadRequest {
    of_cen(DESCRIBE_CEN_ROUTE_MAPS, cen_id)
}

fn of_cen(operation: Operation, cen_id: &str) -> ReadRequest {
    ReadRequest::new(operation, "").param("CenId", cen_id).resource(cen_id)
}

fn text(field: &Field<String>) -> &str {
    field.value().map(String::as_str).unwrap_or_default()
}

object_elements!(Cen, ChildInstance, BandwidthLimit, RouteMap);

page_of! {
    /// One page of `DescribeCens`.
    Cens { cens: "Cens" of Cen } by cen_id, numbered
}

/// A CEN itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cen {
    pub cen_id: Field<String>,
    /// `Active` carries traffic; it may be `Creating` or `Deleting`.
    pub status: Field<String>,
}

page_of! {
    /// One page of `DescribeCenAttachedChildInstances`.
    ChildInstances { child_instances: "ChildInstances" of ChildInstance } by fn child_id, numbered
}

fn child_id(child: &ChildInstance) -> String {
    format!("{}/{}", text(&child.child_instance_region_id), text(&child.child_instance_id))
}

/// What is attached to a CEN.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChildInstance {
    pub cen_id: Field<String>,
    pub child_instance_id: Field<String>,
    /// `VPC`, `VBR`, `CCN`.
    pub child_instance_type: Field<String>,
    pub child_instance_region_id: Field<String>,
    pub child_instance_owner_id: Field<String>,
    /// `Attached` carries traffic.
    pub status: Field<String>,
}

page_of! {
    /// One page of `DescribeCenInterRegionBandwidthLimits`.
    BandwidthLimits { limits: "CenInterRegionBandwidthLimits" of BandwidthLimit } by fn limit_id, numbered
}

fn limit_id(limit: &BandwidthLimit) -> String {
    let package = text(&limit.bandwidth_package_id);
    format!("{}/{}/{package}", text(&limit.local_region_id), text(&limit.opposite_region_id))
}

/// What may pass between two regions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BandwidthLimit {
    pub cen_id: Field<String>,
    pub local_region_id: Field<String>,
    pub opposite_region_id: Field<String>,
    /// Mbit/s.
    pub bandwidth_limit: Field<u64>,
    pub bandwidth_package_id: Field<String>,
    pub status: Field<String>,
}

page_of! {
    /// One page of `DescribeCenRouteMaps`.
    RouteMaps { route_maps: "RouteMaps" of RouteMap } by route_map_id, numbered
}

/// A rule about which routes pass. The smallest priority that matches decides; none permits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RouteMap {
    pub route_map_id: Field<String>,
    pub cen_id: Field<String>,
    pub cen_region_id: Field<String>,
    pub transit_router_route_table_id: Field<String>,
    /// `RegionIn` or `RegionOut`.
    pub transmit_direction: Field<String>,
    /// 1 to 100.
    pub priority: Field<u64>,
    /// `Permit` or `Deny`.
    pub map_result: Field<String>,
    pub next_priority: Field<u64>,
    /// `Active` and others.
    pub status: Field<String>,
    /// `Include` or `Complete`.
    pub cidr_match_mode: Field<String>,
    /// `Include` or `Complete`.
    pub as_path_match_mode: Field<String>,
    /// `Include` or `Complete`.
    pub community_match_mode: Field<String>,
    pub source_instance_ids: List<String>,
    pub source_instance_ids_reverse_match: Field<Lenient>,
    pub source_region_ids: List<String>,
    pub source_route_table_ids: List<String>,
    pub source_child_instance_types: List<String>,
    pub destination_instance_ids: List<String>,
    pub destination_instance_ids_reverse_match: Field<Lenient>,
    pub destination_region_ids: List<String>,
    pub destination_route_table_ids: List<String>,
    pub destination_child_instance_types: List<String>,
    pub destination_cidr_blocks: List<String>,
    pub route_types: List<String>,
    pub match_asns: List<String>,
    pub match_community_set: List<String>,
}
