//! Service Mesh: the EIPs of a mesh's pilots and API server. Neither operation has a client token or a task; the effect
//! comes later and is seen in `DescribeServiceMeshDetail` and in the EIP itself.

use crate::cloud::{
    request::Product,
    write::{WriteOperation, WritePermit, WriteRequest},
};

/// Binds or unbinds the EIP of a pilot. That the mesh does not exist is the one refusal of its own that comes before any
/// step: binding where an EIP is bound unbinds that one first.
pub const MODIFY_PILOT_EIP_RESOURCE: WriteOperation =
    WriteOperation::rpc_form(Product::Servicemesh, "ModifyPilotEipResource").refused_by(&["servicemesh.notfound"]);
/// Binds or unbinds the EIP of the API server.
pub const MODIFY_API_SERVER_EIP_RESOURCE: WriteOperation =
    WriteOperation::rpc_form(Product::Servicemesh, "ModifyApiServerEipResource").refused_by(&["servicemesh.notfound"]);

/// Which control-plane endpoint of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    Pilot,
    CanaryPilot,
    ApiServer,
}

/// Unbinds whatever EIP the endpoint has. The operation takes no EIP: what is unbound is what is bound on arrival.
pub fn unbind_eip(permit: &WritePermit, mesh_id: &str, slot: Slot) -> WriteRequest {
    request(permit, mesh_id, slot).param("Operation", "UnBindEip")
}

/// Binds an EIP to the endpoint. One that is bound already is unbound first.
pub fn bind_eip(permit: &WritePermit, mesh_id: &str, slot: Slot, eip_id: &str) -> WriteRequest {
    let parameter = match slot {
        Slot::Pilot | Slot::CanaryPilot => "EipId",
        Slot::ApiServer => "ApiServerEipId",
    };
    request(permit, mesh_id, slot).param("Operation", "BindEip").param(parameter, eip_id)
}

fn request(permit: &WritePermit, mesh_id: &str, slot: Slot) -> WriteRequest {
    let operation = match slot {
        Slot::Pilot | Slot::CanaryPilot => MODIFY_PILOT_EIP_RESOURCE,
        Slot::ApiServer => MODIFY_API_SERVER_EIP_RESOURCE,
    };
    let request = WriteRequest::new(permit, operation, "", mesh_id).param("ServiceMeshId", mesh_id);
    match slot {
        Slot::CanaryPilot => request.param("IsCanary", true),
        Slot::Pilot | Slot::ApiServer => request,
    }
}
