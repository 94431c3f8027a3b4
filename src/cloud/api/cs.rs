//! Container Service for Kubernetes (ACK). Real paths, snake-case keys, JSON inside JSON.

use serde::Deserialize;

use super::wire::{Field, List, Object, Problems, Tag, element_id, object_elements};
use crate::cloud::{
    page::{Page, Paging},
    request::{Operation, Product, ReadRequest},
};

/// The regions of the product.
pub const DESCRIBE_REGIONS: Operation = Operation::roa_get(Product::Cs, "DescribeRegions", "/regions");
/// Clusters of one region, by page.
pub const DESCRIBE_CLUSTERS_V1: Operation = Operation::roa_get(Product::Cs, "DescribeClustersV1", "/api/v1/clusters");
/// One cluster.
pub const DESCRIBE_CLUSTER_DETAIL: Operation =
    Operation::roa_get(Product::Cs, "DescribeClusterDetail", "/clusters/{cluster_id}");
/// The cloud resources of one cluster, an array at the top.
pub const DESCRIBE_CLUSTER_RESOURCES: Operation =
    Operation::roa_get(Product::Cs, "DescribeClusterResources", "/clusters/{cluster_id}/resources").replying_array();
/// The log project of one cluster's audit log.
pub const GET_CLUSTER_AUDIT_PROJECT: Operation =
    Operation::roa_get(Product::Cs, "GetClusterAuditProject", "/clusters/{cluster_id}/audit");
/// The changes of one cluster, under way and over, by page.
pub const DESCRIBE_CLUSTER_TASKS: Operation =
    Operation::roa_get(Product::Cs, "DescribeClusterTasks", "/clusters/{cluster_id}/tasks");

/// How tasks are paged; the limit is not documented.
pub const TASKS_PAGING: Paging = Paging::Numbered { number: "page_number", size: "page_size", per_page: 50 };

/// Items per page of the list. The limit is not documented; the documentation's sample has 10.
pub const CLUSTERS_PAGE_SIZE: u32 = 50;

/// Asks for the regions of the product, on the host of any region that has it.
pub fn describe_regions(region: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_REGIONS, region)
}

/// Asks for the clusters of a region. The page driver adds the page.
pub fn describe_clusters_v1(region: &str) -> ReadRequest {
    // Whether a regional host answers for other regions when not told the region is not documented.
    ReadRequest::new(DESCRIBE_CLUSTERS_V1, region).query("region_id", region)
}

/// Asks for one cluster.
pub fn describe_cluster_detail(region: &str, cluster_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_CLUSTER_DETAIL, region).path("cluster_id", cluster_id).resource(cluster_id)
}

/// Asks for the cloud resources of one cluster, without those of its add-ons: an ingress balancer
/// is no API server.
pub fn describe_cluster_resources(region: &str, cluster_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_CLUSTER_RESOURCES, region).path("cluster_id", cluster_id).resource(cluster_id)
}

/// Asks for the tasks of a cluster. The page driver adds the page.
pub fn describe_cluster_tasks(region: &str, cluster_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_CLUSTER_TASKS, region).path("cluster_id", cluster_id).resource(cluster_id)
}

/// Asks where the audit log of a cluster goes.
pub fn get_cluster_audit_project(region: &str, cluster_id: &str) -> ReadRequest {
    ReadRequest::new(GET_CLUSTER_AUDIT_PROJECT, region).path("cluster_id", cluster_id).resource(cluster_id)
}

/// Reply of `DescribeRegions`, in camel case unlike the rest of the product.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Regions {
    pub regions: List<Region>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Region {
    #[serde(alias = "regionId", alias = "region_id")]
    pub region_id: Field<String>,
}
object_elements!(Region, Cluster, EndpointBalancer, Resource, TaskInfo);

/// One page of `DescribeClustersV1`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Clusters {
    pub clusters: List<Cluster>,
    pub page_info: Object<PageInfo>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageInfo {
    pub total_count: Field<u64>,
}

/// A cluster, in the list and in detail. `external_loadbalancer_id` is left out: it is the ingress
/// balancer, not the API server's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cluster {
    pub cluster_id: Field<String>,
    pub name: Field<String>,
    pub region_id: Field<String>,
    pub state: Field<String>,
    pub cluster_type: Field<String>,
    pub profile: Field<String>,
    pub vpc_id: Field<String>,
    pub vswitch_ids: List<String>,
    pub container_cidr: Field<String>,
    pub updated: Field<String>,
    pub security_group_id: Field<String>,
    pub ip_stack: Field<String>,
    /// JSON in text, see [`MasterUrl`].
    pub master_url: Field<String>,
    /// JSON in text, see [`MetaData`].
    pub meta_data: Field<String>,
    /// In detail only, and only of newer clusters.
    pub control_plane_endpoints_config: Object<EndpointsConfig>,
    pub tags: List<Tag>,
}

/// Inside `master_url`. A cluster without public endpoint has an empty public key, or none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MasterUrl {
    pub api_server_endpoint: Field<String>,
    pub intranet_api_server_endpoint: Field<String>,
}

/// Inside `meta_data`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MetaData {
    #[serde(rename = "Capabilities")]
    pub capabilities: Object<Capabilities>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// True when the API server is public.
    #[serde(rename = "PublicSLB")]
    pub public_slb: Field<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointsConfig {
    pub load_balancers_config: List<EndpointBalancer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointBalancer {
    /// A domain name or an address.
    pub endpoint: Field<String>,
    /// `private` or `public`.
    pub endpoint_type: Field<String>,
    pub load_balancer_id: Field<String>,
}

/// An item of `DescribeClusterResources`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resource {
    pub instance_id: Field<String>,
    /// `SLB` or `ALIYUN::SLB::LoadBalancer`; a network balancer's word is not documented.
    pub resource_type: Field<String>,
    /// JSON in text, see [`ResourceInfo`].
    pub resource_info: Field<String>,
    /// Set for a resource that belongs to an object inside the cluster, such as a service.
    pub associated_object: Object<AssociatedObject>,
}

/// Inside `resource_info`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResourceInfo {
    /// `k8s_master_slb` for the API server's balancer.
    #[serde(rename = "Id", alias = "id")]
    pub id: Field<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AssociatedObject {
    pub kind: Field<String>,
    pub name: Field<String>,
}

impl Page for Clusters {
    type Item = Field<Cluster>;
    type Head = Problems;

    fn id(item: &Self::Item) -> String {
        element_id(item, |cluster| &cluster.cluster_id)
    }

    fn total(&self) -> Option<u64> {
        self.page_info.0.value().and_then(|info| info.total_count.value().copied())
    }

    fn split(self) -> (Problems, Vec<Self::Item>) {
        let total = self.total();
        self.clusters.into_page("clusters", total)
    }
}

/// One change of a cluster. That a task failed does not say whether its change was made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TaskInfo {
    pub task_id: Field<String>,
    pub cluster_id: Field<String>,
    pub task_type: Field<String>,
    /// `running`, `success`, `fail`, and `failed`; in any case.
    pub state: Field<String>,
    pub error: Object<TaskError>,
}

impl TaskInfo {
    /// True unless its state says that it is over, one way or the other.
    pub fn is_under_way(&self) -> bool {
        let state = self.state.value().map(|state| state.to_ascii_lowercase()).unwrap_or_default();
        !matches!(state.as_str(), "success" | "fail" | "failed")
    }
}

/// One page of `DescribeClusterTasks`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterTasks {
    pub tasks: List<TaskInfo>,
    pub page_info: Object<PageInfo>,
}

impl Page for ClusterTasks {
    type Item = Field<TaskInfo>;
    type Head = Problems;

    fn id(item: &Self::Item) -> String {
        element_id(item, |task| &task.task_id)
    }

    fn total(&self) -> Option<u64> {
        self.page_info.0.value().and_then(|info| info.total_count.value().copied())
    }

    fn split(self) -> (Problems, Vec<Self::Item>) {
        let total = self.total();
        self.tasks.into_page("tasks", total)
    }
}

/// Why a task failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TaskError {
    pub code: Field<String>,
    pub message: Field<String>,
}

/// Reply of `GetClusterAuditProject`. Without the flag it is not known whether there is an audit log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuditProject {
    pub audit_enabled: Field<bool>,
    pub sls_project_name: Field<String>,
}
