//! What is said of a mesh or cluster as a whole.

use std::collections::HashMap;

use crate::model::{Bounds, Cluster, Exposure, Inventory, Mesh, Reading, ResourceJudgement, ResourceKind, Scope};

use super::exposure::Assessed;

/// One judgement for each mesh and cluster, sorted by account, region, kind and id.
pub(super) fn judge(inventory: &Inventory, endpoints: &[Assessed<'_>]) -> Vec<ResourceJudgement> {
    let mut exposures: HashMap<_, Vec<Exposure>> = HashMap::new();
    for one in endpoints {
        let endpoint = &one.judgement.endpoint;
        exposures
            .entry((one.scope, endpoint.resource_kind, endpoint.resource_id.as_str()))
            .or_default()
            .push(one.judgement.exposure);
    }
    let exposed = |scope: &Scope, kind, id: &str| {
        let exposures = exposures.get(&(scope, kind, id)).map_or(&[][..], Vec::as_slice);
        let lower = exposures.contains(&Exposure::Exposed);
        Bounds { lower, upper: lower || exposures.contains(&Exposure::Unknown) }
    };
    let meshes = inventory.meshes().iter().map(|mesh| {
        let of_endpoints = exposed(&mesh.scope, ResourceKind::Mesh, mesh.service_mesh_id.as_str());
        mesh_judgement(mesh, of_endpoints)
    });
    let clusters = inventory.clusters().iter().map(|cluster| {
        let of_endpoints = exposed(&cluster.scope, ResourceKind::Cluster, cluster.cluster_id.as_str());
        cluster_judgement(cluster, of_endpoints)
    });
    let mut judgements: Vec<_> = meshes.chain(clusters).collect();
    judgements.sort_by(|one, other| key(one).cmp(&key(other)));
    judgements
}

fn key(one: &ResourceJudgement) -> impl Ord + '_ {
    (&one.account_id, &one.region_id, one.resource_kind, &one.resource_id)
}

fn mesh_judgement(mesh: &Mesh, of_endpoints: Bounds<bool>) -> ResourceJudgement {
    // An unread canary pilot may be exposed though it has no endpoint of its own in the report.
    let upper = of_endpoints.upper || mesh.canary_pilot.is_unread();
    ResourceJudgement {
        account_id: mesh.scope.account_id.clone(),
        region_id: mesh.scope.region_id.clone(),
        resource_kind: ResourceKind::Mesh,
        resource_id: mesh.service_mesh_id.as_str().to_owned(),
        name: mesh.name.clone(),
        tags: mesh.tags.clone(),
        state: mesh.state.clone(),
        exposed: Bounds { lower: of_endpoints.lower, upper },
        audit_enabled: match mesh.audit_enabled {
            Reading::Value(enabled) => Bounds::exact(enabled),
            Reading::Absent => Bounds::exact(false),
            Reading::Unread => Bounds { lower: false, upper: true },
        },
    }
}

fn cluster_judgement(cluster: &Cluster, exposed: Bounds<bool>) -> ResourceJudgement {
    ResourceJudgement {
        account_id: cluster.scope.account_id.clone(),
        region_id: cluster.scope.region_id.clone(),
        resource_kind: ResourceKind::Cluster,
        resource_id: cluster.cluster_id.as_str().to_owned(),
        name: cluster.name.clone(),
        tags: cluster.tags.clone(),
        state: cluster.state.clone(),
        exposed,
        audit_enabled: Bounds::exact(true),
    }
}
