//! What a mesh says itself of clusters in other VPCs: a second opinion, never the first.

use super::ask::{Ask, Found, each, whole};
use crate::{
    cloud::api::{
        servicemesh::{self, CANDIDATES_PAGING},
        wire::Problems,
    },
    model::{ClusterId, ForbiddenCluster, InventoryBuilder, MeshId, MeshOpinion, Network},
    scan::convert::plain_id,
};

/// Flags that are about the network: no private connection, and blocks that overlap.
const ABOUT_THE_NETWORK: [u64; 2] = [2, 3];

/// Clusters that the mesh calls not joined by CEN, and candidates that it forbids for their network.
pub(super) async fn opinion(ask: &Ask<'_>, id: &MeshId, builder: &mut InventoryBuilder) -> Found {
    let reply: servicemesh::UnconnectedClusters = ask.reader.one(&servicemesh::describe_cens(id.as_str())).await?;
    let mut problems = Problems::default();
    let mut not_joined_by_cen: Vec<ClusterId> = reply
        .clusters
        .required("Clusters", None, &mut problems)
        .into_iter()
        .filter(|id| !id.is_empty())
        .map(Into::into)
        .collect();
    not_joined_by_cen.sort_unstable();
    not_joined_by_cen.dedup();
    let not_joined_by_cen = whole(not_joined_by_cen, &problems)?;
    let request = servicemesh::describe_service_mesh_clusters(id.as_str());
    let candidates = ask.items::<servicemesh::Candidates, _>("Clusters", &request, CANDIDATES_PAGING).await?;
    let mut forbidden = each(candidates, |wire, problems| {
        let cluster_id = plain_id(wire.cluster_id, "ClusterId", problems)?;
        let flag = wire.forbidden_flag.required("ForbiddenFlag", problems)?;
        let forbidden_flag = i64::try_from(flag).unwrap_or(i64::MAX);
        ABOUT_THE_NETWORK.contains(&flag).then(|| ForbiddenCluster { cluster_id: cluster_id.into(), forbidden_flag })
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
