//! The data-plane clusters of a mesh, and the consumers of an API server that are known beforehand: the names that a
//! proof is about.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};

use super::ask::{Ask, sound};
use crate::{
    cloud::api::{
        servicemesh::{self, MeshClusters, ServiceMeshes},
        wire::Problems,
    },
    model::NamedConsumers,
    remediate::Unread,
};

/// Meshes whose clusters are asked for at once.
const AT_ONCE: usize = 32;

/// The clusters of one mesh, by the mesh's own list.
pub(super) async fn of_mesh(ask: &Ask<'_>, mesh: &str) -> Result<BTreeSet<String>, Unread> {
    let reply: MeshClusters = ask.one(&servicemesh::describe_clusters_in_service_mesh(mesh)).await?;
    let mut problems = Problems::default();
    let listed = reply.clusters.required("Clusters", None, &mut problems);
    let ids: Vec<_> =
        listed.into_iter().map(|cluster| cluster.cluster_id.required_text("ClusterId", &mut problems)).collect();
    sound(ids.into_iter().collect(), &problems)
}

/// Who uses the API server by the configuration.
pub(super) fn named(consumers: &NamedConsumers, owner: &str) -> BTreeSet<String> {
    consumers.get(owner).into_iter().flatten().map(|consumer| consumer.name.clone()).collect()
}

/// The meshes that manage a cluster from another VPC: they reach its API server.
pub(super) async fn managing(ask: &Ask<'_>, cluster: &str, vpc: &str) -> Result<BTreeSet<String>, Unread> {
    let reply: ServiceMeshes = ask.one(&servicemesh::describe_service_meshes()).await?;
    let mut problems = Problems::default();
    let mut meshes = Vec::new();
    for mesh in reply.service_meshes.required("ServiceMeshes", None, &mut problems) {
        let info = mesh.service_mesh_info.read("ServiceMeshInfo", &mut problems).unwrap_or_default();
        let Some(id) = info.service_mesh_id.required_text("ServiceMeshId", &mut problems) else { continue };
        let spec = mesh.spec.read("Spec", &mut problems).unwrap_or_default();
        let network = spec.network.read("Spec.Network", &mut problems).unwrap_or_default();
        let own_vpc = network.vpc_id.text("Spec.Network.VpcId", &mut problems);
        let joined = mesh.clusters.optional("Clusters", &mut problems).iter().any(|id| id == cluster);
        meshes.push((id, own_vpc, joined));
    }
    let meshes = sound(Some(meshes), &problems)?;
    let elsewhere = meshes.into_iter().filter(|(_, own_vpc, _)| own_vpc != vpc);
    let asked = stream::iter(elsewhere).map(|(id, _, joined)| async move {
        let manages = joined || of_mesh(ask, &id).await?.contains(cluster);
        Ok::<_, Unread>(manages.then_some(id))
    });
    let found: Vec<Option<String>> = asked.buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}
