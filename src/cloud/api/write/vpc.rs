//! Elastic IPs: what insures a way back while a change is watched. The operations that bind, unbind or release an EIP
//! are left out on purpose: the products would keep believing what is no longer so, and a released address is lost.

use crate::cloud::{
    request::Product,
    write::{WriteOperation, WritePermit, WriteRequest},
};

/// Protects an EIP from being released. Setting what is set already is refused: `AlreadyEnabled`, `AlreadyDisabled`.
pub const DELETION_PROTECTION: WriteOperation = WriteOperation::rpc_query(Product::Vpc, "DeletionProtection")
    .refused_by(&["deletionprotection.", "invalidallocationid.notfound"]);
/// Tags EIPs.
pub const TAG_RESOURCES: WriteOperation =
    WriteOperation::rpc_query(Product::Vpc, "TagResources").refused_by(&["invalidresourceid.notfound"]);
/// Removes tags from EIPs.
pub const UN_TAG_RESOURCES: WriteOperation =
    WriteOperation::rpc_query(Product::Vpc, "UnTagResources").refused_by(&["invalidresourceid.notfound"]);

/// Turns the protection of an EIP against release on or off.
pub fn eip_deletion_protection(
    permit: &WritePermit,
    region: &str,
    eip_id: &str,
    enable: bool,
    client_token: &str,
) -> WriteRequest {
    WriteRequest::new(permit, DELETION_PROTECTION, region, eip_id)
        .param("RegionId", region)
        .param("InstanceId", eip_id)
        .param("Type", "EIP")
        .param("ProtectionEnable", enable)
        .param("ClientToken", client_token)
}

/// Sets one tag of an EIP; a tag of that key gets the new value.
pub fn tag_eip(permit: &WritePermit, region: &str, eip_id: &str, key: &str, value: &str) -> WriteRequest {
    eip(permit, TAG_RESOURCES, region, eip_id).param("Tag.1.Key", key).param("Tag.1.Value", value)
}

/// Removes one tag of an EIP.
pub fn untag_eip(permit: &WritePermit, region: &str, eip_id: &str, key: &str) -> WriteRequest {
    eip(permit, UN_TAG_RESOURCES, region, eip_id).param("TagKey.1", key)
}

fn eip(permit: &WritePermit, operation: WriteOperation, region: &str, eip_id: &str) -> WriteRequest {
    WriteRequest::new(permit, operation, region, eip_id)
        .param("RegionId", region)
        .param("ResourceType", "EIP")
        .param("ResourceId.1", eip_id)
}
