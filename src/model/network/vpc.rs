//! VPCs, vSwitches, their route tables and ACLs, and the two oldest ways between VPCs: peering and router
//! interfaces.

use serde::{Deserialize, Serialize};

use crate::model::{
    AccountId, NetworkAclId, Reading, RegionId, RouteTableId, RouterInterfaceId, Scope, Text, VSwitchId, VpcId,
    VpcPeerId, lenient,
};

/// A VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Vpc {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    /// The block it was made with.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cidr_block: Text,
    #[serde(default, deserialize_with = "lenient::texts")]
    pub secondary_cidr_blocks: Vec<Text>,
    #[serde(rename = "Ipv6CidrBlock", default, deserialize_with = "lenient::text")]
    pub ipv6_cidr_block: Text,
    /// Further IPv6 blocks.
    #[serde(rename = "Ipv6CidrBlocks", default, deserialize_with = "lenient::texts")]
    pub ipv6_cidr_blocks: Vec<Text>,
    /// Another account owns it, or a vSwitch of it is shared: what stands in it may be of several accounts.
    #[serde(default)]
    pub shared: bool,
}

/// A vSwitch. Its blocks are the system routes of its VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VSwitch {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub v_switch_id: VSwitchId,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    #[serde(deserialize_with = "lenient::text")]
    pub cidr_block: Text,
    #[serde(rename = "Ipv6CidrBlock", default, deserialize_with = "lenient::text")]
    pub ipv6_cidr_block: Text,
    /// Empty where the reply did not say: the table of the VPC then.
    #[serde(default, deserialize_with = "lenient::text")]
    pub route_table_id: RouteTableId,
    /// Absent where no network ACL is bound. Older snapshots have an empty text for that.
    #[serde(default, deserialize_with = "lenient::id_reading", skip_serializing_if = "Reading::is_unread")]
    pub network_acl_id: Reading<NetworkAclId>,
}

/// A route table of a VPC with all its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RouteTable {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub route_table_id: RouteTableId,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    /// `System` or `Custom`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub route_table_type: Text,
    /// Not optional: a table without entries says so, a reply without them was cut short.
    #[serde(deserialize_with = "lenient::items")]
    pub route_entrys: Vec<RouteEntry>,
}

/// An entry of a VPC's route table.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RouteEntry {
    #[serde(deserialize_with = "lenient::text")]
    pub destination_cidr_block: Text,
    /// `System`, `Custom`, `CEN`, `BGP` or `ECR`.
    #[serde(rename = "Type", default, deserialize_with = "lenient::text")]
    pub r#type: Text,
    /// Only `Available` forwards.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
    /// Several mean that packets are spread over them, or that all but one wait.
    #[serde(default, deserialize_with = "lenient::items")]
    pub next_hops: Vec<NextHop>,
}

/// Where an entry sends packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NextHop {
    /// `VpcPeer`, `Attachment`, `NatGateway`, …; unknown words occur.
    #[serde(default, deserialize_with = "lenient::text")]
    pub next_hop_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub next_hop_id: Text,
    /// Empty where the reply did not say: the region of the table then.
    #[serde(default, skip_serializing_if = "RegionId::is_empty", deserialize_with = "lenient::text")]
    pub next_hop_region_id: RegionId,
    #[serde(default, skip_serializing_if = "RelatedInfo::is_empty")]
    pub next_hop_related_info: RelatedInfo,
    #[serde(default = "yes", deserialize_with = "lenient::enabled")]
    pub enabled: bool,
}

/// Who announces a route through a CEN; empty where the reply did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RelatedInfo {
    /// `VPC`, `VBR`, `CCN`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub instance_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub instance_id: Text,
}

impl RelatedInfo {
    fn is_empty(&self) -> bool {
        self.instance_type.is_empty() && self.instance_id.is_empty()
    }
}

/// A VPC peering connection. Only `Activated` carries traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpcPeer {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub instance_id: VpcPeerId,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    #[serde(deserialize_with = "lenient::id")]
    pub accepting_vpc_id: VpcId,
    #[serde(default, skip_serializing_if = "RegionId::is_empty", deserialize_with = "lenient::text")]
    pub accepting_region_id: RegionId,
    #[serde(
        rename = "AcceptingOwnerUid",
        default,
        skip_serializing_if = "AccountId::is_empty",
        deserialize_with = "lenient::text"
    )]
    pub accepting_owner_id: AccountId,
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// A router interface (Express Connect) of a VPC or of a virtual border router.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RouterInterface {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub router_interface_id: RouterInterfaceId,
    /// `VRouter` or `VBR`.
    #[serde(deserialize_with = "lenient::text")]
    pub router_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub opposite_interface_id: RouterInterfaceId,
    #[serde(default, skip_serializing_if = "RegionId::is_empty", deserialize_with = "lenient::text")]
    pub opposite_region_id: RegionId,
    /// Empty where the reply did not say: the same account then.
    #[serde(default, skip_serializing_if = "AccountId::is_empty", deserialize_with = "lenient::text")]
    pub opposite_interface_owner_id: AccountId,
    /// Empty at a virtual border router.
    #[serde(alias = "VpcInstanceId", default, deserialize_with = "lenient::text")]
    pub vpc_id: VpcId,
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// A network ACL of vSwitches: stateless, and the first entry that matches decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkAcl {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub network_acl_id: NetworkAclId,
    /// Not optional, in their order: without entries everything is dropped.
    #[serde(deserialize_with = "lenient::items")]
    pub ingress_acl_entries: Vec<NetworkAclEntry>,
    #[serde(deserialize_with = "lenient::items")]
    pub egress_acl_entries: Vec<NetworkAclEntry>,
}

/// An entry of a network ACL.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkAclEntry {
    /// `accept` or `drop`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub policy: Text,
    /// `all`, `tcp`, `udp`, `icmp`, `gre`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub protocol: Text,
    /// The port that a packet is for: `443/443`, or `-1/-1` for all.
    #[serde(default, deserialize_with = "lenient::text")]
    pub port: Text,
    /// Of ingress entries.
    #[serde(default, deserialize_with = "lenient::text")]
    pub source_cidr_ip: Text,
    /// Of egress entries.
    #[serde(default, deserialize_with = "lenient::text")]
    pub destination_cidr_ip: Text,
}

fn yes() -> bool {
    true
}
