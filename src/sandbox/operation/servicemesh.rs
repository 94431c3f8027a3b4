//! Service Mesh (ASM), version 2020-01-11: one host for all regions, no paging of meshes, parameters
//! in the form but for a few operations.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Body, Call, Numbers, Operation, write::servicemesh as write};
use crate::sandbox::{
    collection::{Item, values_at},
    host::Product,
    kind::Kind,
    page,
    reply::ApiError,
};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::ServiceMesh, "DescribeServiceMeshes", meshes).not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeServiceMeshDetail", mesh).reads_form().not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeClustersInServiceMesh", clusters).not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeServiceMeshClusters", candidates).reads_form().not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeCens", cens).not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeServiceMeshAdditionalStatus", additional_status)
        .reads_form()
        .not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeServiceMeshProxyStatus", proxy_status)
        .reads_form()
        .not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeMetadata", metadata).not_found(GONE, 404),
    Operation::new(Product::ServiceMesh, "DescribeEipResources", eip_resources).reads_form().not_found(GONE, 404),
    Operation::write(Product::ServiceMesh, "ModifyPilotEipResource", write::modify_pilot_eip)
        .reads_form()
        .not_found(GONE, 404),
    Operation::write(Product::ServiceMesh, "ModifyApiServerEipResource", write::modify_api_server_eip)
        .reads_form()
        .not_found(GONE, 404),
];

const GONE: &str = "ServiceMesh.NotFound";

fn meshes(call: &Call<'_>) -> Result<String, ApiError> {
    let wanted = call.wanted(Kind::Mesh)?;
    // `ServiceMeshId` is the index of the collection and not a parameter of this operation.
    let wanted: Vec<_> = wanted.into_iter().filter(|wanted| wanted.filter != 0).collect();
    let collection = call.account.collection(Kind::Mesh);
    let selected = collection.select(None, &wanted);
    let mut body = Body::new(call.request_id);
    body.list("ServiceMeshes", selected.iter().map(|position| &collection.get(*position).listed));
    Ok(body.finish())
}

fn mesh(call: &Call<'_>) -> Result<String, ApiError> {
    let mesh = find(call, call.required("ServiceMeshId")?)?;
    let mut body = Body::new(call.request_id);
    body.raw("ServiceMesh", mesh.detail());
    Ok(body.finish())
}

fn clusters(call: &Call<'_>) -> Result<String, ApiError> {
    of_mesh(call, &call.account.mesh_clusters)
}

fn cens(call: &Call<'_>) -> Result<String, ApiError> {
    of_mesh(call, &call.account.unconnected_clusters)
}

/// A list that the world holds by mesh.
fn of_mesh(call: &Call<'_>, lists: &HashMap<String, Vec<Box<str>>>) -> Result<String, ApiError> {
    let mesh = find(call, call.required("ServiceMeshId")?)?;
    let mut body = Body::new(call.request_id);
    body.list("Clusters", lists.get(&*mesh.id).into_iter().flatten());
    Ok(body.finish())
}

/// Clusters that could join: the id travels in the query and the window in the form.
fn candidates(call: &Call<'_>) -> Result<String, ApiError> {
    let mesh = find(call, call.required_in_query("ServiceMeshId")?)?;
    let limit = call.capped(call.number("Limit", 20, 1..=100)?);
    let offset = call.number("Offset", 0, 0..=usize::MAX)?;
    let facts: Value = serde_json::from_str(mesh.detail()).unwrap_or_default();
    let joined = values_at(&facts, "Clusters");
    let vpc = values_at(&facts, "Spec.Network.VpcId").into_iter().next().unwrap_or_default();
    let all: Vec<&Item> =
        call.account.collection(Kind::Cluster).iter().filter(|cluster| !joined.contains(&cluster.id)).collect();
    let (page, _) = page::by_token(all.len(), offset, limit, call.page_fault);
    let mut body = Body::new(call.request_id);
    body.number("NumberOfClusters", page.total);
    body.list("Clusters", all[page.items].iter().map(|cluster| candidate(&cluster.listed, &vpc)));
    Ok(body.finish())
}

fn candidate(cluster: &str, mesh_vpc: &str) -> String {
    let cluster: Value = serde_json::from_str(cluster).unwrap_or_default();
    let text = |name: &str| values_at(&cluster, name).into_iter().next().unwrap_or_default();
    let (flag, info) = match &*text("vpc_id") {
        vpc if vpc == mesh_vpc => (0, String::new()),
        vpc => (2, json!({"ClusterVpcId": vpc, "MeshVpcId": mesh_vpc}).to_string()),
    };
    json!({
        "ClusterId": text("cluster_id"), "Name": text("name"), "ClusterType": text("cluster_type"), "RegionId": text("region_id"),
        "VpcId": text("vpc_id"), "SgId": text("security_group_id"), "State": text("state"), "Version": text("current_version"),
        "CreationTime": text("created"), "UpdateTime": text("updated"), "ServiceMeshId": "", "ErrorMessage": "",
        "ForbiddenFlag": flag, "ForbiddenInfo": info,
    })
    .to_string()
}

fn additional_status(call: &Call<'_>) -> Result<String, ApiError> {
    let mesh = find(call, call.required("ServiceMeshId")?)?;
    let is_full = match call.param("CheckMode").unwrap_or("normal") {
        "normal" => false,
        "full" => true,
        _ => return Err(ApiError::invalid("CheckMode", "expected normal or full")),
    };
    let status = match call.account.additional_status.get(&*mesh.id) {
        Some(status) => status.to_string(),
        None => usual_status(mesh.detail(), is_full).to_string(),
    };
    let mut body = Body::new(call.request_id);
    body.raw("ClusterStatus", &status);
    Ok(body.finish())
}

/// What the vendor says of a mesh in good order.
fn usual_status(mesh: &str, is_full: bool) -> Value {
    let mesh: Value = serde_json::from_str(mesh).unwrap_or_default();
    let is_set = |path: &str| values_at(&mesh, path).iter().any(|value| !value.is_empty());
    let balancer = |exists: bool| {
        json!({"Locked": false, "PayType": "PayOnDemand", "Reused": false, "SLBBackEndServerNumStatus": "num_exact",
            "SLBExistStatus": if exists { "exist" } else { "not_exist" }})
    };
    let mut status = json!({
        "ApiServerLoadBalancerStatus": balancer(is_set("Spec.LoadBalancer.ApiServerLoadbalancerId")),
        "PilotLoadBalancerStatus": balancer(is_set("Spec.LoadBalancer.PilotPublicLoadbalancerId")),
        "SgStatus": "not_reused",
        "AuditProjectStatus": if is_set("Spec.MeshConfig.Audit.Project") { "exist" } else { "not_exist" },
    });
    if is_set("Spec.LoadBalancer.CanaryPilotLoadBalancerId") {
        status["CanaryPilotLoadBalancerStatus"] = balancer(true);
    }
    let eips = [
        ("ApiServerEIPStatus", "Spec.LoadBalancer.ApiServerPublicEipId"),
        ("PilotEIPStatus", "Spec.LoadBalancer.PilotPublicEipId"),
        ("CanaryPilotEIPStatus", "Spec.LoadBalancer.CanaryPilotPublicEipId"),
    ];
    for (name, path) in eips.into_iter().filter(|_| is_full) {
        status[name] = if is_set(path) { "exist" } else { "not_in_use" }.into();
    }
    status
}

/// Carries a code of its own inside a reply of status 200.
fn proxy_status(call: &Call<'_>) -> Result<String, ApiError> {
    let mesh = find(call, call.required("ServiceMeshId")?)?;
    let mut body = Body::new(call.request_id);
    body.text("Code", "200").text("Success", "true").text("Message", "");
    body.list("ProxyStatus", call.account.proxy_status.get(&*mesh.id).into_iter().flatten());
    Ok(body.finish())
}

/// The only place that says which regions the product serves.
fn metadata(call: &Call<'_>) -> Result<String, ApiError> {
    let metadata = json!({"Regions": call.account.regions, "CurrentVersion": "v1.22.6.71", "Versions": ["v1.22.6.71"]});
    let mut body = Body::new(call.request_id);
    body.raw("MetaData", &metadata.to_string());
    Ok(body.finish())
}

/// EIPs that could be bound: those of the mesh's region that nothing uses.
fn eip_resources(call: &Call<'_>) -> Result<String, ApiError> {
    let mesh = find(call, call.required("ServiceMeshId")?)?;
    let facts: Value = serde_json::from_str(mesh.detail()).unwrap_or_default();
    let region = values_at(&facts, "ServiceMeshInfo.RegionId").into_iter().next();
    let spec = Kind::Eip.spec();
    let eips = call.account.collection(Kind::Eip);
    let is_free = |item: &&Item| item.values(spec, "Status").iter().any(|status| &**status == "Available");
    let is_here = |item: &&Item| item.region.is_none() || item.region == region;
    let free: Vec<&Item> = eips.iter().filter(is_free).filter(is_here).collect();
    // The request says `PageNum` and the reply `PageNumber`.
    let numbers = Numbers { number: "PageNum", ..Numbers::usual(100, 10) };
    let (page, number, size) = call.numbered_page(free.len(), &numbers)?;
    let result = json!({"PageNumber": number, "PageSize": size, "TotalCount": page.total});
    let mut body = Body::new(call.request_id);
    body.list("EipList", free[page.items].iter().map(|eip| eip_resource(&eip.listed)))
        .raw("PageResult", &result.to_string());
    Ok(body.finish())
}

fn eip_resource(eip: &str) -> String {
    let eip: Value = serde_json::from_str(eip).unwrap_or_default();
    let text = |name: &str| values_at(&eip, name).into_iter().next().unwrap_or_default();
    json!({"AllocationId": text("AllocationId"), "InstanceType": text("InstanceType"), "IpAddress": text("IpAddress"), "Status": text("Status")})
        .to_string()
}

fn find<'a>(call: &Call<'a>, id: &str) -> Result<&'a Item, ApiError> {
    let found = call.account.collection(Kind::Mesh).find(id, None).next();
    found.ok_or_else(|| call.operation.gone(id))
}
