//! The basic edition of CEN: attached networks, bandwidth between regions, route policies.

use serde::{Deserialize, Serialize};

use crate::model::{CenId, CenRouteMapId, RegionId, Scope, Text, lenient};

/// A network that is attached to a basic-edition CEN.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CenChildInstance {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub cen_id: CenId,
    /// A VPC, a virtual border router or a CCN.
    #[serde(deserialize_with = "lenient::id")]
    pub child_instance_id: Text,
    /// `VPC`, `VBR` or `CCN`.
    #[serde(deserialize_with = "lenient::text")]
    pub child_instance_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub child_instance_region_id: RegionId,
    /// Only `Attached` counts.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
    /// vSwitch blocks that it does not publish.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub withdrawn_cidrs: Vec<Text>,
}

/// Bandwidth bought between two regions of a CEN.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CenInterRegionBandwidthLimit {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub cen_id: CenId,
    #[serde(deserialize_with = "lenient::id")]
    pub local_region_id: RegionId,
    #[serde(deserialize_with = "lenient::id")]
    pub opposite_region_id: RegionId,
    /// In Mbit/s. What is given for tests only is zero.
    #[serde(deserialize_with = "lenient::number")]
    pub bandwidth_limit: u32,
}

/// A route policy of a CEN.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CenRouteMap {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub cen_id: CenId,
    #[serde(deserialize_with = "lenient::id")]
    pub route_map_id: CenRouteMapId,
    /// The smallest first.
    #[serde(deserialize_with = "lenient::number")]
    pub priority: u32,
    /// `Permit` or `Deny`.
    #[serde(deserialize_with = "lenient::text")]
    pub map_result: Text,
    /// Where matching goes on after a permit.
    #[serde(default, deserialize_with = "lenient::number_or_none")]
    pub next_priority: Option<u32>,
    /// Only `Active` counts.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub cen_region_id: RegionId,
    /// `RegionIn` or `RegionOut`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub transmit_direction: Text,
    /// Networks that publish the route.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub source_instance_ids: Vec<Text>,
    #[serde(default, deserialize_with = "lenient::set")]
    pub source_instance_ids_reverse_match: bool,
    /// Networks that receive it.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub destination_instance_ids: Vec<Text>,
    #[serde(default, deserialize_with = "lenient::set")]
    pub destination_instance_ids_reverse_match: bool,
    #[serde(default, deserialize_with = "lenient::texts")]
    pub source_region_ids: Vec<RegionId>,
    /// Blocks of the route.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub destination_cidr_blocks: Vec<Text>,
    /// `Include` or `Complete`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cidr_match_mode: Text,
}
