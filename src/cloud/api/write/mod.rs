//! The operations that change something, one file per product: what each is asked with, and which of its product's codes
//! say that nothing was changed. `remediate` alone has the permit that they take.

pub mod cs;
pub mod servicemesh;
pub mod slb;
pub mod vpc;

use crate::cloud::write::WriteOperation;

/// Every operation that the program can change something with.
pub const OPERATIONS: [WriteOperation; 10] = [
    servicemesh::MODIFY_PILOT_EIP_RESOURCE,
    servicemesh::MODIFY_API_SERVER_EIP_RESOURCE,
    cs::MODIFY_CLUSTER,
    vpc::DELETION_PROTECTION,
    vpc::TAG_RESOURCES,
    vpc::UN_TAG_RESOURCES,
    slb::CREATE_ACCESS_CONTROL_LIST,
    slb::ADD_ACCESS_CONTROL_LIST_ENTRY,
    slb::DELETE_ACCESS_CONTROL_LIST,
    slb::SET_LOAD_BALANCER_TCP_LISTENER_ATTRIBUTE,
];
