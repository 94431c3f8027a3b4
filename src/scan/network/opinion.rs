//! What a mesh says itself of its clusters in other VPCs: a second opinion, never the first.

use super::ask::{Ask, Found, each, whole};
use crate::{
    cloud::api::{
        servicemesh::{self, CANDIDATES_PAGING},
        wire::Problems,
    },
    model::{ClusterId, ForbiddenCluster, InventoryBuilder, Mesh, MeshId, MeshOpinion, Network},
    scan::convert::plain_id,
};

/// Flags that are about the network: no private connection, and blocks that overlap.
const ABOUT_THE_NETWORK: [u64; 2] = [2, 3];

/// Which of the mesh's clusters it calls not joined by CEN, and which it would forbid for their network. It says that of
/// every cluster of the account; what it says of strangers contradicts no path, and would be most of a snapshot.
pub(super) async fn opinion(ask: &Ask<'_>, id: &MeshId, builder: &mut InventoryBuilder) -> Found {
    let reply: servicemesh::UnconnectedClusters = ask.reader.one(&servicemesh::describe_cens(id.as_str())).await?;
    let mesh = ask.inventory.mesh(&ask.scope.account_id, id);
    // Of a mesh that nobody has read everything counts.
    let own = mesh.map(Mesh::cluster_ids);
    let is_own = |id: &ClusterId| own.as_ref().is_none_or(|own| own.contains(id));
    let mut problems = Problems::default();
    let mut not_joined_by_cen: Vec<ClusterId> = reply
        .clusters
        .required("Clusters", None, &mut problems)
        .into_iter()
        .filter(|id| !id.is_empty())
        .map(ClusterId::from)
        .filter(is_own)
        .collect();
    not_joined_by_cen.sort_unstable();
    not_joined_by_cen.dedup();
    let not_joined_by_cen = whole(not_joined_by_cen, &problems)?;
    let request = servicemesh::describe_service_mesh_clusters(id.as_str());
    let candidates = ask.items::<servicemesh::Candidates, _>("Clusters", &request, CANDIDATES_PAGING).await?;
    let mut forbidden = each(candidates, |wire, problems| {
        let cluster_id = ClusterId::from(plain_id(wire.cluster_id, "ClusterId", problems)?);
        let flag = wire.forbidden_flag.required("ForbiddenFlag", problems)?;
        let forbidden_flag = i64::try_from(flag).unwrap_or(i64::MAX);
        let counts = ABOUT_THE_NETWORK.contains(&flag) && is_own(&cluster_id);
        counts.then_some(ForbiddenCluster { cluster_id, forbidden_flag })
    })?;
    forbidden.sort_unstable();
    builder.opinions.push(MeshOpinion {
        scope: ask.scope.clone(),
        service_mesh_id: id.clone(),
        not_joined_by_cen,
        forbidden,
    });
    Ok(Some(Network::default()))
}
