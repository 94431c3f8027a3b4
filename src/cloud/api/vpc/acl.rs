//! Network ACLs: stateless filters at the edge of vSwitches.

use serde::Deserialize;

use super::regional;
use crate::cloud::{
    api::wire::{Field, List, Object, object_elements},
    request::{Operation, Product, ReadRequest},
};

/// One network ACL with its entries.
pub const DESCRIBE_NETWORK_ACL_ATTRIBUTES: Operation =
    Operation::rpc_query(Product::Vpc, "DescribeNetworkAclAttributes");

/// Asks for one network ACL.
pub fn describe_network_acl_attributes(region: &str, network_acl_id: &str) -> ReadRequest {
    regional(DESCRIBE_NETWORK_ACL_ATTRIBUTES, region).param("NetworkAclId", network_acl_id).resource(network_acl_id)
}

/// Reply of `DescribeNetworkAclAttributes`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkAclAttributes {
    pub network_acl_attribute: Object<NetworkAcl>,
}

/// A network ACL. The first entry that matches decides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkAcl {
    pub network_acl_id: Field<String>,
    pub vpc_id: Field<String>,
    pub status: Field<String>,
    pub ingress_acl_entries: List<NetworkAclEntry>,
    pub egress_acl_entries: List<NetworkAclEntry>,
    pub resources: List<NetworkAclResource>,
}
object_elements!(NetworkAclEntry, NetworkAclResource);

/// A rule of one direction: the other direction's block is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkAclEntry {
    pub network_acl_entry_id: Field<String>,
    /// `accept` or `drop`.
    pub policy: Field<String>,
    /// `tcp`, `udp`, `icmp`, `gre`, `all`.
    pub protocol: Field<String>,
    /// `80/80`, `-1/-1` for all.
    pub port: Field<String>,
    pub source_cidr_ip: Field<String>,
    pub destination_cidr_ip: Field<String>,
    /// `IPV4` or `IPV6`.
    pub ip_version: Field<String>,
    /// `custom`, `system`, `service`.
    pub entry_type: Field<String>,
}

/// What the ACL is bound to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkAclResource {
    pub resource_id: Field<String>,
    /// `VSwitch`.
    pub resource_type: Field<String>,
    /// `BINDED`, `BINDING`, `UNBINDING`.
    pub status: Field<String>,
}
