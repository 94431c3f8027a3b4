//! `ModifyCluster`, as far as the EIP of the API server goes: a PUT with a JSON body, a task, and an API server that is
//! rolled at every change.

use serde_json::{Map, Value};

use super::{Body, Call, Plan, answered_before, busy_eip, free_eip, id_of, remember};
use crate::sandbox::{
    binding::{Eip, Slot},
    draft::text_at,
    kind::Kind,
    reply::ApiError,
};

/// What the simulated cloud carries out; the operation has more.
const FIELDS: [&str; 3] = ["api_server_eip", "api_server_eip_id", "client_token"];

pub(in crate::sandbox::operation) fn modify_cluster(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let id = call.variable("cluster_id");
    let found = call.account.collection(Kind::Cluster).find(id, call.scope()).next();
    let cluster = found.ok_or_else(|| call.operation.gone(id))?.whole();
    let fields = body(call)?;
    let token = fields.get("client_token").and_then(Value::as_str);
    let parameters = Value::Object(fields.clone()).to_string();
    if let Some(reply) = answered_before(call, token, &parameters)? {
        return Ok(reply);
    }
    let binds = fields.get("api_server_eip").and_then(Value::as_bool);
    let binds = binds.ok_or_else(|| ApiError::invalid("api_server_eip", "expected true or false"))?;
    if !is_offered(&cluster) {
        let message = "The cluster type does not support binding or unbinding an EIP.";
        return Err(ApiError::new(403, "Operation.Forbidden", message));
    }
    let state = text_at(&cluster, "state");
    if state != "running" {
        return Err(ApiError::new(400, "OperationConflict", format!("The cluster is {state}.")));
    }
    let slot = Slot::Cluster(id.to_owned());
    let bound = slot.eip(call.account).and_then(|id| Eip::of(call.account, &id));
    if bound.is_some_and(|bound| bound.is_in_transition() || bound.is_locked) {
        return Err(busy_eip());
    }
    let task = id_of(call, "T-");
    if binds {
        let eip = fields.get("api_server_eip_id").and_then(Value::as_str).unwrap_or_default();
        free_eip(call, eip, &text_at(&cluster, "region_id"))?;
        let bound = plan.bind(call.account, &slot, eip);
        plan.roll(id, Some(task.clone()), bound, Some(eip.to_owned()));
    } else {
        let bound = plan.unbind(&slot);
        plan.roll(id, Some(task.clone()), bound, None);
    }
    let mut reply = Body::bare();
    reply.text("cluster_id", id).text("request_id", call.request_id).text("task_id", &task);
    let reply = reply.finish();
    remember(call, plan, token, &parameters, &reply);
    Ok(reply)
}

fn body(call: &Call<'_>) -> Result<Map<String, Value>, ApiError> {
    let fields: Map<String, Value> = serde_json::from_slice(call.body)
        .map_err(|_| ApiError::new(400, "InvalidParameter", "The body is not a JSON object."))?;
    match fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        Some(other) => Err(ApiError::invalid(other, "the simulated cloud does not carry it out")),
        None => Ok(fields),
    }
}

/// Managed clusters, of which Serverless and Edge ones are profiles; dedicated and registered ones are not offered it.
fn is_offered(cluster: &Value) -> bool {
    matches!(text_at(cluster, "cluster_type").as_str(), "ManagedKubernetes" | "Ask")
}
