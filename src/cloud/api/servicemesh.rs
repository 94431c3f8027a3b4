//! Service Mesh (ASM). One central host answers for all regions; nothing is paged but
//! the candidates for a mesh.

use serde::Deserialize;

use super::wire::{Field, Lenient, List, Object, Problems, Tag, element_id, object_elements};
use crate::cloud::{
    page::{Page, Paging},
    request::{Operation, Product, ReadRequest},
};

/// Every mesh of the account in every region, by GET.
pub const DESCRIBE_SERVICE_MESHES: Operation = Operation::rpc_get(Product::Servicemesh, "DescribeServiceMeshes");
/// One mesh with its EIP ids and canary pilot, which the list lacks. Takes a form.
pub const DESCRIBE_SERVICE_MESH_DETAIL: Operation =
    Operation::rpc_form(Product::Servicemesh, "DescribeServiceMeshDetail");
/// The data-plane clusters of one mesh. Takes its parameter in the query, unlike its siblings.
pub const DESCRIBE_CLUSTERS_IN_SERVICE_MESH: Operation =
    Operation::rpc_query(Product::Servicemesh, "DescribeClustersInServiceMesh");

/// The clusters of one mesh that the service sees in other networks without CEN in between. In the query.
pub const DESCRIBE_CENS: Operation = Operation::rpc_query(Product::Servicemesh, "DescribeCens");
/// Clusters that could join one mesh, with what forbids it. The mesh in the query, the window in the form.
pub const DESCRIBE_SERVICE_MESH_CLUSTERS: Operation =
    Operation::rpc_form(Product::Servicemesh, "DescribeServiceMeshClusters");
/// How far each proxy of one mesh has its configuration. Takes a form.
pub const DESCRIBE_SERVICE_MESH_PROXY_STATUS: Operation =
    Operation::rpc_form(Product::Servicemesh, "DescribeServiceMeshProxyStatus");

/// How the candidates are paged: the limit is not documented.
pub const CANDIDATES_PAGING: Paging = Paging::Offset { offset: "Offset", size: "Limit", per_page: 20 };

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

/// Asks which clusters of a mesh are without CEN: the service's own opinion, that knows of no other path.
pub fn describe_cens(mesh_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_CENS, "").query("ServiceMeshId", mesh_id).resource(mesh_id)
}

/// Asks for the candidates of a mesh. The page driver adds the window.
pub fn describe_service_mesh_clusters(mesh_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_SERVICE_MESH_CLUSTERS, "").query("ServiceMeshId", mesh_id).resource(mesh_id)
}

/// Asks for the proxies of a mesh.
pub fn describe_service_mesh_proxy_status(mesh_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_SERVICE_MESH_PROXY_STATUS, "").form("ServiceMeshId", mesh_id).resource(mesh_id)
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
object_elements!(ServiceMesh, MeshCluster, Candidate, Proxy);

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
    pub control_plane_log_info: Object<ControlPlaneLogInfo>,
    pub extra_configuration: Object<ExtraConfiguration>,
}

/// Of the many switches of a mesh the one that brings its clusters to its API server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExtraConfiguration {
    #[serde(rename = "CRAggregationConfiguration")]
    pub cr_aggregation_configuration: Object<CrAggregation>,
    /// The same switch under the name it had before.
    #[serde(rename = "CRAggregationEnabled")]
    pub cr_aggregation_enabled: Field<bool>,
}

/// Whether clients of the data-plane clusters' own API servers get at the resources of the mesh. Which of its
/// endpoints the clusters use for that is told to `UpdateMeshCRAggregation`, and by no read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CrAggregation {
    pub enabled: Field<bool>,
}

/// Where the control plane writes its own log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ControlPlaneLogInfo {
    pub enabled: Field<Lenient>,
    pub project: Field<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Audit {
    pub enabled: Field<bool>,
    /// The project of the log service; the documented default is `mesh-log-` and the mesh's id.
    pub project: Field<String>,
    /// `audit_project_exist` or `audit_project_not_exist`.
    pub audit_project_status: Field<String>,
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

/// Reply of `DescribeCens`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UnconnectedClusters {
    pub clusters: List<String>,
}

/// One window of `DescribeServiceMeshClusters`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Candidates {
    pub number_of_clusters: Field<u64>,
    pub clusters: List<Candidate>,
}

/// A cluster that could join.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Candidate {
    pub cluster_id: Field<String>,
    pub region_id: Field<String>,
    pub vpc_id: Field<String>,
    pub state: Field<String>,
    /// 0 may join, 1 no permission in the cluster, 2 another network without private connectivity,
    /// 3 blocks overlap, 4 the namespace `istio-system` is taken.
    pub forbidden_flag: Field<u64>,
    /// JSON in text.
    pub forbidden_info: Field<String>,
}

impl Page for Candidates {
    type Item = Field<Candidate>;
    type Head = Problems;

    fn id(item: &Self::Item) -> String {
        element_id(item, |candidate| &candidate.cluster_id)
    }

    fn total(&self) -> Option<u64> {
        self.number_of_clusters.value().copied()
    }

    fn split(self) -> (Problems, Vec<Self::Item>) {
        let total = self.total();
        self.clusters.into_page("Clusters", total)
    }
}

/// Reply of `DescribeServiceMeshProxyStatus`. It has a `Code` of its own, which the client checks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProxyStatus {
    pub proxy_status: List<Proxy>,
}

/// A proxy that is, or was, connected to the pilot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Proxy {
    /// Name and namespace.
    pub proxy_id: Field<String>,
    pub istio_version: Field<String>,
    /// `SYNCED`, `STALE`, `NOT SENT`.
    pub cluster_synced: Field<String>,
    pub listener_synced: Field<String>,
    pub route_synced: Field<String>,
    pub endpoint_synced: Field<String>,
}
