//! Container Service: the EIP of a cluster's API server. Every change of it rolls the API server; the reply has a task,
//! `task_id`.

use crate::cloud::{
    request::Product,
    write::{WriteOperation, WritePermit, WriteRequest},
};

/// Changes a cluster. Used for the EIP of the API server only.
pub const MODIFY_CLUSTER: WriteOperation =
    WriteOperation::roa_put(Product::Cs, "ModifyCluster", "/api/v2/clusters/{cluster_id}").refused_by(&[
        "errorclusternotfound",
        "operationconflict",
        "operation.forbidden",
    ]);

/// Unbinds the EIP of the API server. The token makes a repetition of the same request one request.
pub fn unbind_api_server_eip(permit: &WritePermit, region: &str, cluster_id: &str, client_token: &str) -> WriteRequest {
    request(permit, region, cluster_id, client_token).field("api_server_eip", false)
}

/// Binds an EIP to the API server. It has to be free.
pub fn bind_api_server_eip(
    permit: &WritePermit,
    region: &str,
    cluster_id: &str,
    eip_id: &str,
    client_token: &str,
) -> WriteRequest {
    request(permit, region, cluster_id, client_token).field("api_server_eip", true).field("api_server_eip_id", eip_id)
}

fn request(permit: &WritePermit, region: &str, cluster_id: &str, client_token: &str) -> WriteRequest {
    WriteRequest::new(permit, MODIFY_CLUSTER, region, cluster_id)
        .path("cluster_id", cluster_id)
        .field("client_token", client_token)
}
