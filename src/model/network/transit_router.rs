//! Transit routers: attachments, tables, associations, propagations and entries.

use serde::{Deserialize, Serialize};

use crate::model::{
    CenId, RegionId, Scope, Text, TransitRouterAttachmentId, TransitRouterId, TransitRouterRouteTableId, VSwitchId,
    VpcId, lenient,
};

/// A transit router.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouter {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_id: TransitRouterId,
    #[serde(default, deserialize_with = "lenient::text")]
    pub cen_id: CenId,
    /// `Enterprise` or `Basic`.
    #[serde(rename = "Type", default, deserialize_with = "lenient::text")]
    pub r#type: Text,
    /// Only `Active` forwards.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// What a transit router is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouterAttachment {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_attachment_id: TransitRouterAttachmentId,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_id: TransitRouterId,
    /// `VPC`, `TR`, `VBR` or `VPN`.
    #[serde(deserialize_with = "lenient::text")]
    pub resource_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub vpc_id: VpcId,
    /// The other router of an inter-region attachment.
    #[serde(default, deserialize_with = "lenient::text")]
    pub peer_transit_router_id: TransitRouterId,
    #[serde(default, skip_serializing_if = "RegionId::is_empty", deserialize_with = "lenient::text")]
    pub peer_transit_router_region_id: RegionId,
    /// The vSwitches in which the router has an interface.
    #[serde(rename = "VSwitchIds", default, deserialize_with = "lenient::texts")]
    pub v_switch_ids: Vec<VSwitchId>,
    /// Only `Attached` carries traffic.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// A route table of a transit router.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouterRouteTable {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_route_table_id: TransitRouterRouteTableId,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_id: TransitRouterId,
    /// `System` or `Custom`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub transit_router_route_table_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub transit_router_route_table_status: Text,
}

/// The table in which packets from an attachment are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouterAssociation {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_attachment_id: TransitRouterAttachmentId,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_route_table_id: TransitRouterRouteTableId,
    /// Only `Active` counts.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// From which attachments a table learns routes. There is one of a table that was asked, also where it learns from none.
/// The entries say already what came of it: this says why one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouterPropagations {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_route_table_id: TransitRouterRouteTableId,
    #[serde(default, deserialize_with = "lenient::items")]
    pub attachments: Vec<TransitRouterPropagation>,
}

/// An attachment whose routes a table learns.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouterPropagation {
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_attachment_id: TransitRouterAttachmentId,
    /// Only `Active` counts.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// An entry of a transit router's route table, after route policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransitRouterRouteEntry {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub transit_router_route_table_id: TransitRouterRouteTableId,
    #[serde(rename = "TransitRouterRouteEntryDestinationCidrBlock", deserialize_with = "lenient::text")]
    pub destination_cidr_block: Text,
    /// `Attachment` or `BlackHole`.
    #[serde(rename = "TransitRouterRouteEntryNextHopType", deserialize_with = "lenient::text")]
    pub next_hop_type: Text,
    #[serde(rename = "TransitRouterRouteEntryNextHopId", default, deserialize_with = "lenient::text")]
    pub next_hop_id: TransitRouterAttachmentId,
    /// Only `Active` forwards.
    #[serde(rename = "TransitRouterRouteEntryStatus", deserialize_with = "lenient::text")]
    pub status: Text,
    /// `Static` or `Propagated`.
    #[serde(rename = "TransitRouterRouteEntryType", default, deserialize_with = "lenient::text")]
    pub r#type: Text,
}
