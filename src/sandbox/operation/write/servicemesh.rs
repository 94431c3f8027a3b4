//! The EIPs of a mesh. Neither operation has a task or a token, the reply says nothing but its id, and the effect comes
//! later. What is documented of errors is `ERR500`; `StatusForbidden` is what the Terraform provider handles.

use super::{Call, Plan, free_eip, taken};
use crate::sandbox::{
    binding::{Eip, Slot},
    collection::Item,
    draft::text_at,
    kind::Kind,
    reply::ApiError,
};

pub(in crate::sandbox::operation) fn modify_pilot_eip(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let mesh = mesh(call)?.id.to_string();
    let is_canary = call.boolean("IsCanary")?.unwrap_or(false);
    let slot = if is_canary { Slot::CanaryPilot(mesh) } else { Slot::Pilot(mesh) };
    modify(call, plan, &slot, "EipId")
}

pub(in crate::sandbox::operation) fn modify_api_server_eip(
    call: &Call<'_>,
    plan: &mut Plan,
) -> Result<String, ApiError> {
    let slot = Slot::ApiServer(mesh(call)?.id.to_string());
    modify(call, plan, &slot, "ApiServerEipId")
}

/// No parameter is mandatory by the schema, so that a mesh that is not named is one that does not exist.
fn mesh<'a>(call: &Call<'a>) -> Result<&'a Item, ApiError> {
    let id = call.param("ServiceMeshId").unwrap_or_default();
    let found = call.account.collection(Kind::Mesh).find(id, None).next();
    found.ok_or_else(|| call.operation.gone(id))
}

fn modify(call: &Call<'_>, plan: &mut Plan, slot: &Slot, eip_parameter: &str) -> Result<String, ApiError> {
    let mesh = mesh(call)?.whole();
    let binds = match call.required("Operation")? {
        "BindEip" => true,
        "UnBindEip" => false,
        _ => return Err(ApiError::invalid("Operation", "expected BindEip or UnBindEip")),
    };
    let state = text_at(&mesh, "ServiceMeshInfo.State");
    if !matches!(state.as_str(), "" | "running") {
        return Err(ApiError::new(403, "StatusForbidden", format!("The service mesh is {state}.")));
    }
    if let Some(bound) = slot.eip(call.account).and_then(|id| Eip::of(call.account, &id)) {
        if bound.is_in_transition() {
            return Err(ApiError::new(400, "OperationConflict", "The EIP is being changed."));
        }
        if bound.is_locked {
            return Err(failed());
        }
    }
    if binds {
        let eip = call.required(eip_parameter)?;
        free_eip(call, eip, &text_at(&mesh, "ServiceMeshInfo.RegionId"))?;
        if slot.balancer(call.account).is_empty() {
            return Err(failed());
        }
        plan.bind(call.account, slot, eip);
    } else {
        // An EIP that the caller names is not looked at: what leaves is what is there.
        plan.unbind(slot);
    }
    Ok(taken(call))
}

fn failed() -> ApiError {
    ApiError::new(500, "ERR500", "The operation failed.")
}
