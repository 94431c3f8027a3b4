//! The container service (ACK), version 2015-12-15: ROA, snake case, a top-level list for resources.

use serde_json::{Value, json};

use super::{Body, Call, Numbers, Operation, write::cs as write};
use crate::sandbox::{collection::Item, host::Product, kind::Kind, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Cs, "DescribeClustersV1", clusters).path("/api/v1/clusters").not_found(GONE, 404),
    Operation::new(Product::Cs, "DescribeClustersForRegion", clusters_for_region)
        .path("/regions/{region_id}/clusters")
        .not_found(GONE, 404),
    Operation::new(Product::Cs, "DescribeClusterDetail", cluster).path("/clusters/{cluster_id}").not_found(GONE, 404),
    Operation::new(Product::Cs, "DescribeClusterResources", resources)
        .path("/clusters/{cluster_id}/resources")
        .not_found(GONE, 404),
    Operation::new(Product::Cs, "GetClusterAuditProject", audit_project)
        .path("/clusters/{cluster_id}/audit")
        .not_found(GONE, 404),
    Operation::new(Product::Cs, "CheckControlPlaneLogEnable", control_plane_log)
        .path("/clusters/{cluster_id}/controlplanelog")
        .not_found(GONE, 404),
    Operation::new(Product::Cs, "DescribeRegions", regions).path("/regions").not_found("InvalidRegionId.NotFound", 404),
    Operation::new(Product::Cs, "DescribeTaskInfo", task).path("/tasks/{task_id}").not_found("TaskNotFound", 404),
    Operation::new(Product::Cs, "DescribeClusterTasks", tasks)
        .path("/clusters/{cluster_id}/tasks")
        .not_found(GONE, 404),
    Operation::write(Product::Cs, "ModifyCluster", write::modify_cluster)
        .path("/api/v2/clusters/{cluster_id}")
        .not_found(GONE, 404),
];

const GONE: &str = "ErrorClusterNotFound";

const NUMBERS: Numbers = Numbers { number: "page_number", size: "page_size", ..Numbers::usual(100, 10) };

/// What the list by region does not show, beyond what no list does.
const NOT_BY_REGION: [&str; 10] = [
    "master_url",
    "external_loadbalancer_id",
    "meta_data",
    "docker_version",
    "maintenance_window",
    "network_mode",
    "operation_policy",
    "private_zone",
    "subnet_cidr",
    "worker_ram_role_name",
];

fn clusters(call: &Call<'_>) -> Result<String, ApiError> {
    let region = call.param("region_id").unwrap_or(call.region);
    list(call, region, str::to_owned)
}

fn clusters_for_region(call: &Call<'_>) -> Result<String, ApiError> {
    list(call, call.variable("region_id"), by_region)
}

fn list(call: &Call<'_>, region: &str, view: fn(&str) -> String) -> Result<String, ApiError> {
    if !call.account.regions.iter().any(|known| known == region) {
        return Err(ApiError::new(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist."));
    }
    let wanted = call.wanted(Kind::Cluster)?;
    let collection = call.account.collection(Kind::Cluster);
    let selected = collection.select(Some(region), &wanted);
    let (page, number, size) = call.numbered_page(selected.len(), &NUMBERS)?;
    let items = selected[page.items].iter().map(|position| view(&collection.get(*position).listed));
    let info = json!({"page_number": number, "page_size": size, "total_count": page.total});
    let mut body = Body::bare();
    body.list("clusters", items).raw("page_info", &info.to_string());
    Ok(body.finish())
}

fn by_region(listed: &str) -> String {
    let mut cluster: Value = serde_json::from_str(listed).unwrap_or_default();
    if let Some(fields) = cluster.as_object_mut() {
        fields.retain(|name, _| !NOT_BY_REGION.contains(&name.as_str()));
    }
    cluster.to_string()
}

fn cluster(call: &Call<'_>) -> Result<String, ApiError> {
    Ok(find(call)?.detail().to_owned())
}

fn find<'a>(call: &Call<'a>) -> Result<&'a Item, ApiError> {
    let id = call.variable("cluster_id");
    let found = call.account.collection(Kind::Cluster).find(id, call.scope()).next();
    found.ok_or_else(|| call.operation.gone(id))
}

fn resources(call: &Call<'_>) -> Result<String, ApiError> {
    find(call)?;
    let with_addons = call.boolean("with_addon_resources")?.unwrap_or(false);
    let resources = call.account.cluster_resources.get(call.variable("cluster_id")).map_or(&[][..], Vec::as_slice);
    let is_shown = |resource: &&str| with_addons || !resource.contains("\"creator_type\":\"addon\"");
    let shown: Vec<&str> = resources.iter().map(|resource| &**resource).filter(is_shown).collect();
    Ok(format!("[{}]", shown.join(",")))
}

/// A cluster has an audit log if the world holds one under the documented name, in whichever project.
fn audit_project(call: &Call<'_>) -> Result<String, ApiError> {
    let cluster = find(call)?;
    let logstore = format!("audit-{}", cluster.id);
    let mut names = call.account.logs.keys().filter_map(|name| name.split_once('/'));
    let project = names.find(|(_, store)| *store == logstore).map(|(project, _)| project);
    let mut body = Body::bare();
    body.raw("audit_enabled", if project.is_some() { "true" } else { "false" });
    body.text("sls_project_name", project.unwrap_or_default());
    Ok(body.finish())
}

/// The components are the other logstores of the cluster's project.
fn control_plane_log(call: &Call<'_>) -> Result<String, ApiError> {
    let cluster = find(call)?;
    let project = format!("k8s-log-{}", cluster.id);
    let names = call.account.logs.keys().filter_map(|name| name.split_once('/'));
    let mut components: Vec<&str> = names.filter(|(owner, _)| *owner == project).map(|(_, store)| store).collect();
    components.retain(|store| !store.starts_with("audit-"));
    components.sort_unstable();
    let mut body = Body::bare();
    if !components.is_empty() {
        body.text("log_project", &project).text("log_ttl", "30");
    }
    body.list("components", components.iter().map(|store| json!(store).to_string()));
    Ok(body.finish())
}

fn regions(call: &Call<'_>) -> Result<String, ApiError> {
    let regions =
        call.account.regions.iter().map(|region| json!({"regionId": region, "localName": region}).to_string());
    let mut body = Body::bare();
    body.list("regions", regions).text("requestId", call.request_id);
    Ok(body.finish())
}

fn task(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.variable("task_id");
    call.account.tasks.get(id).map(|task| task.to_string()).ok_or_else(|| call.operation.gone(id))
}

/// Every task of one cluster, without its stages.
fn tasks(call: &Call<'_>) -> Result<String, ApiError> {
    let cluster = find(call)?;
    let all = call.account.tasks.values().filter_map(|task| serde_json::from_str::<Value>(task).ok());
    let mut own: Vec<Value> = all.filter(|task| task["cluster_id"].as_str() == Some(&*cluster.id)).collect();
    own.sort_by_key(|task| task["task_id"].to_string());
    let shown = |task: &Value| {
        let fields = task.as_object().into_iter().flatten();
        let kept = fields.filter(|(name, _)| TASK_FIELDS.contains(&name.as_str()));
        Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()).to_string()
    };
    let (page, number, size) = call.numbered_page(own.len(), &NUMBERS)?;
    let info = json!({"page_number": number, "page_size": size, "total_count": page.total});
    let mut body = Body::bare();
    body.text("requestId", call.request_id).list("tasks", own[page.items].iter().map(shown));
    body.raw("page_info", &info.to_string());
    Ok(body.finish())
}

/// What the list shows of a task.
const TASK_FIELDS: [&str; 6] = ["task_id", "task_type", "state", "created", "updated", "error"];
