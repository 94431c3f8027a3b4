//! Service Mesh (ASM). One central host answers for all regions; nothing is paged.

use serde::Deserialize;

use super::wire::{Field, List, Object, Tag, object_elements};
use crate::cloud::request::{Operation, Product, ReadRequest};

/// Every mesh of the account in every region, by GET.
pub const DESCRIBE_SERVICE_MESHES: Operation = Operation::rpc_get(Product::Servicemesh, "DescribeServiceMeshes");
/// One mesh with its EIP ids and canary pilot, which the list lacks. Takes a form.
pub const DESCRIBE_SERVICE_MESH_DETAIL: Operation =
    Operation::rpc_form(Product::Servicemesh, "DescribeServiceMeshDetail");
/// The data-plane clusters of one mesh. Takes its parameter in the query, unlike its siblings.
pub const DESCRIBE_CLUSTERS_IN_SERVICE_MESH: Operation =
    Operation::rpc_query(Product::Servicemesh, "DescribeClustersInServiceMesh");

/// Asks for every mesh.
pub fn describe_service_meshes() -> ReadRequest {
    ReadRequest::new(DESCRIBE_SERVICE_MESHES, "")
}

/// Asks for one mesh.
pub fn describe_service_mesh_detail(mesh_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_SERVICE_MESH_DETAIL, "").form("ServiceMeshId", mesh_id).resource(mesh_id)
}

/// Asks for the data-plane clusters of one mesh.
pub fn describe_clusters_in_service_mesh(mesh_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_CLUSTERS_IN_SERVICE_MESH, "").query("ServiceMeshId", mesh_id).resource(mesh_id)
}

/// Reply of `DescribeServiceMeshes`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceMeshes {
    pub service_meshes: List<ServiceMesh>,
}

/// Reply of `DescribeServiceMeshDetail`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceMeshDetail {
    pub service_mesh: Object<ServiceMesh>,
}

/// A mesh, in the list and in detail.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceMesh {
    pub service_mesh_info: Object<ServiceMeshInfo>,
    pub endpoints: Object<Endpoints>,
    pub spec: Object<Spec>,
    pub clusters: List<String>,
    pub tag: List<Tag>,
}
object_elements!(ServiceMesh, MeshCluster);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceMeshInfo {
    pub service_mesh_id: Field<String>,
    pub name: Field<String>,
    pub region_id: Field<String>,
    /// `running` and others that are not documented.
    pub state: Field<String>,
}

/// The pilot's are `ip:port`, the API server's are URLs. The canary pilot's exist in detail only.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Endpoints {
    pub public_pilot_endpoint: Field<String>,
    pub intranet_pilot_endpoint: Field<String>,
    pub public_canary_pilot_endpoint: Field<String>,
    pub intranet_canary_pilot_endpoint: Field<String>,
    pub public_api_server_endpoint: Field<String>,
    pub intranet_api_server_endpoint: Field<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Spec {
    pub load_balancer: Object<SpecLoadBalancer>,
    pub network: Object<Network>,
    pub mesh_config: Object<MeshConfig>,
}

/// The canary pilot has no flag of its own. `…Loadbalancer…` and `…LoadBalancer…` are both right.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SpecLoadBalancer {
    pub pilot_public_eip: Field<bool>,
    pub pilot_public_eip_id: Field<String>,
    pub pilot_public_loadbalancer_id: Field<String>,
    pub canary_pilot_public_eip_id: Field<String>,
    pub canary_pilot_load_balancer_id: Field<String>,
    pub api_server_public_eip: Field<bool>,
    pub api_server_public_eip_id: Field<String>,
    pub api_server_loadbalancer_id: Field<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    pub vpc_id: Field<String>,
    pub security_group_id: Field<String>,
    #[serde(rename = "VSwitches")]
    pub v_switches: List<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MeshConfig {
    pub audit: Object<Audit>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Audit {
    pub enabled: Field<bool>,
}

/// Reply of `DescribeClustersInServiceMesh`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MeshClusters {
    pub clusters: List<MeshCluster>,
}

/// A data-plane cluster as its mesh sees it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MeshCluster {
    pub cluster_id: Field<String>,
    pub name: Field<String>,
    pub cluster_type: Field<String>,
    pub region_id: Field<String>,
    pub vpc_id: Field<String>,
    pub state: Field<String>,
}
