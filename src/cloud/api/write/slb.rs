//! Classic load balancers: an access control list of our own, and which list a listener uses. Lists of others are never
//! changed, and nothing of a listener but its access control is ever sent.

use serde_json::json;

use crate::cloud::{
    request::Product,
    write::{WriteOperation, WritePermit, WriteRequest},
};

/// Creates an empty access control list; the reply has its `AclId`.
pub const CREATE_ACCESS_CONTROL_LIST: WriteOperation =
    WriteOperation::rpc_query(Product::Slb, "CreateAccessControlList");
/// Adds up to [`ENTRIES_PER_CALL`] entries.
pub const ADD_ACCESS_CONTROL_LIST_ENTRY: WriteOperation =
    WriteOperation::rpc_query(Product::Slb, "AddAccessControlListEntry").refused_by(&["aclnotexist"]);
/// Deletes a list that no listener uses.
pub const DELETE_ACCESS_CONTROL_LIST: WriteOperation =
    WriteOperation::rpc_query(Product::Slb, "DeleteAccessControlList").refused_by(&["aclnotexist", "aclinused"]);
/// Changes a TCP listener.
pub const SET_LOAD_BALANCER_TCP_LISTENER_ATTRIBUTE: WriteOperation =
    WriteOperation::rpc_query(Product::Slb, "SetLoadBalancerTCPListenerAttribute")
        .refused_by(&["invalidloadbalancerid.notfound", "aclnotexist"]);

/// Most entries that one call may add.
pub const ENTRIES_PER_CALL: usize = 50;

/// The addresses that a list is for. One list has one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// As the API spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// A CIDR block.
    pub cidr: String,
    pub comment: String,
}

/// Whether a list admits or refuses what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclType {
    White,
    Black,
}

impl AclType {
    /// As the API spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Black => "black",
        }
    }
}

/// What a listener's access control is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessControl {
    Off,
    On { acl_type: AclType, acl_id: String },
}

/// Creates an access control list. Its name is unique in the region, so that one whose answer was lost is found again.
pub fn create_acl(permit: &WritePermit, region: &str, name: &str, family: Family) -> WriteRequest {
    WriteRequest::new(permit, CREATE_ACCESS_CONTROL_LIST, region, name)
        .param("RegionId", region)
        .param("AclName", name)
        .param("AddressIPVersion", family.word())
}

/// Adds entries, at most [`ENTRIES_PER_CALL`]; those that the list has already are left as they are.
pub fn add_acl_entries(permit: &WritePermit, region: &str, acl_id: &str, entries: &[Entry]) -> WriteRequest {
    let entries: Vec<_> = entries.iter().map(|entry| json!({"entry": entry.cidr, "comment": entry.comment})).collect();
    acl(permit, ADD_ACCESS_CONTROL_LIST_ENTRY, region, acl_id).param("AclEntrys", serde_json::Value::Array(entries))
}

/// Deletes an access control list.
pub fn delete_acl(permit: &WritePermit, region: &str, acl_id: &str) -> WriteRequest {
    acl(permit, DELETE_ACCESS_CONTROL_LIST, region, acl_id)
}

/// Sets the access control of a TCP listener, and nothing else of it. That what is left out stays as it is, the vendor does
/// not say: whoever sends this compares the rest before and after.
pub fn set_tcp_listener_access_control(
    permit: &WritePermit,
    region: &str,
    load_balancer_id: &str,
    port: u16,
    control: &AccessControl,
) -> WriteRequest {
    let request = WriteRequest::new(permit, SET_LOAD_BALANCER_TCP_LISTENER_ATTRIBUTE, region, load_balancer_id)
        .param("RegionId", region)
        .param("LoadBalancerId", load_balancer_id)
        .param("ListenerPort", port);
    match control {
        AccessControl::Off => request.param("AclStatus", "off"),
        AccessControl::On { acl_type, acl_id } => {
            request.param("AclStatus", "on").param("AclType", acl_type.word()).param("AclId", acl_id)
        }
    }
}

fn acl(permit: &WritePermit, operation: WriteOperation, region: &str, acl_id: &str) -> WriteRequest {
    WriteRequest::new(permit, operation, region, acl_id).param("RegionId", region).param("AclId", acl_id)
}
