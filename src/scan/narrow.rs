//! One mesh or cluster and those that use it, read afresh: what a change of its entrance rests on, and nothing of what
//! a whole scan reads beside. The lists of the regions concerned are read whole, since what is public is told by them;
//! details, balancers and groups only of the target and of the clusters that use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use futures::{StreamExt, future, stream};
use tokio_util::sync::CancellationToken;

use super::{
    Scan, ScanError,
    account::{caller, meshes},
    calls,
    convert::scope as scope_of,
    not_open,
    progress::{Progress, Silent},
    read::{Failure, Read},
    reader::Reader,
    region::{Only, RegionScan},
    session::Session,
};
use crate::{
    cloud::{
        api::{servicemesh, sts},
        client::{Account, Client},
        request::Operation,
    },
    model::{AccountId, Caller, ClusterId, DataPlaneCluster, InventoryBuilder, Mesh, MeshId, RegionId, Scope, Unit},
};

/// What a narrow scan is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Focus {
    Mesh(MeshId),
    Cluster(ClusterId),
}

/// Data planes that are asked for at once.
const DATA_PLANES_AT_ONCE: usize = 32;

/// What is read in one region.
#[derive(Default)]
struct Here {
    meshes: Vec<Mesh>,
}

/// Reads the target and those that use it. `accounts` are all that may be asked, each with its number: the target's own
/// has to say who it is once more, the others are asked about clusters that the own one does not have, and about networks.
///
/// # Errors
/// Only where nothing can be said: there are no keys of the target's account, or a connection cannot be trusted.
/// Everything else that fails is in the inventory's ledger.
pub async fn collect_narrow(
    client: &Client,
    accounts: &[(AccountId, Account)],
    target: &Scope,
    focus: &Focus,
    taken_at: DateTime<Utc>,
    cancel: &CancellationToken,
) -> Result<Scan, ScanError> {
    let cancel = cancel.child_token();
    let progress: Arc<dyn Progress> = Arc::new(Silent);
    let reader = |(id, account): &(AccountId, Account)| {
        let account = account.with_id(id.as_str());
        (id.clone(), Arc::new(Reader::new(client.clone(), account, cancel.clone())))
    };
    let readers: Vec<(AccountId, Arc<Reader>)> = accounts.iter().map(reader).collect();
    let Some((_, own)) = readers.iter().find(|(id, _)| *id == target.account_id) else {
        return Err(ScanError::NoAccount { failures: Vec::new() });
    };
    let narrow = Narrow { own, target, taken_at, progress: &progress };
    let mut builder = narrow.read(focus, &readers).await;
    let others = accounts.iter().filter(|(id, _)| *id != target.account_id);
    builder.callers.extend(others.map(|(id, _)| Caller { account_id: id.clone(), arn: String::new() }));
    let session = Session::new(client.clone(), readers, progress, cancel);
    session.check_trust()?;
    let inventory = builder.build();
    Ok(Scan { inventory, stats: session.stats(), interrupted: session.is_interrupted(), session })
}

struct Narrow<'a> {
    own: &'a Arc<Reader>,
    target: &'a Scope,
    taken_at: DateTime<Utc>,
    progress: &'a Arc<dyn Progress>,
}

impl Narrow<'_> {
    /// Never fails: what could not be read is in the ledger.
    async fn read(&self, focus: &Focus, readers: &[(AccountId, Arc<Reader>)]) -> InventoryBuilder {
        let mut builder = InventoryBuilder::new(self.taken_at);
        let account_id = &self.target.account_id;
        let (identity, listed) = future::join(caller(self.own), meshes(self.own, account_id)).await;
        match identity {
            Ok(caller) if caller.account_id == *account_id => {
                builder.scanned(self.central(&sts::GET_CALLER_IDENTITY, ""));
                builder.callers.push(caller);
            }
            Ok(caller) => {
                let message = format!("its keys are those of account {}", caller.account_id);
                let failure = Failure::new("other-account", message);
                builder.gap(failure.gap(self.central(&sts::GET_CALLER_IDENTITY, "")));
                return builder;
            }
            Err(failure) => builder.gap(failure.gap(self.central(&sts::GET_CALLER_IDENTITY, ""))),
        }
        match &listed.failure {
            Some(failure) => builder.gap(failure.gap(self.central(&servicemesh::DESCRIBE_SERVICE_MESHES, ""))),
            None => builder.scanned(self.central(&servicemesh::DESCRIBE_SERVICE_MESHES, "")),
        }
        let (regions, only) = match focus {
            Focus::Mesh(id) => self.around_mesh(id, listed.value).await,
            Focus::Cluster(id) => self.around_cluster(id, listed.value, &mut builder).await,
        };
        let only = Arc::new(only);
        let places: Vec<RegionId> = regions.keys().cloned().collect();
        let scans = regions
            .into_iter()
            .map(|(region_id, here)| self.region(self.own, scope_of(account_id, &region_id), here.meshes, &only).run());
        for read in future::join_all(scans).await {
            builder.merge(read);
        }
        self.elsewhere(&mut builder, readers, &places, &only).await;
        not_open::doubt(&mut builder);
        builder
    }

    /// Clusters that are not this account's may be another's.
    async fn elsewhere(
        &self,
        builder: &mut InventoryBuilder,
        readers: &[(AccountId, Arc<Reader>)],
        places: &[RegionId],
        only: &Arc<Only>,
    ) {
        let found: BTreeSet<&str> = builder.clusters.iter().map(|cluster| cluster.cluster_id.as_str()).collect();
        if only.clusters.iter().all(|id| found.contains(id.as_str())) {
            return;
        }
        let others = readers.iter().filter(|(id, _)| *id != self.target.account_id);
        let scans = others.flat_map(|(id, reader)| {
            places.iter().map(move |region| self.region(reader, scope_of(id, region), Vec::new(), only).run())
        });
        for read in future::join_all(scans).await {
            builder.merge(read);
        }
    }

    fn region(&self, reader: &Arc<Reader>, scope: Scope, meshes: Vec<Mesh>, only: &Arc<Only>) -> RegionScan {
        let builder = InventoryBuilder::new(self.taken_at);
        RegionScan::new(reader.clone(), self.progress.clone(), scope, meshes, builder, None).only(only.clone())
    }

    /// The mesh in its region, and the regions of its clusters.
    async fn around_mesh(&self, id: &MeshId, listed: Vec<Mesh>) -> (BTreeMap<RegionId, Here>, Only) {
        let mut regions: BTreeMap<RegionId, Here> = BTreeMap::new();
        regions.insert(self.target.region_id.clone(), Here::default());
        let mut clusters = BTreeSet::new();
        if let Some(mesh) = listed.into_iter().find(|mesh| mesh.service_mesh_id == *id) {
            let data_plane = calls::data_plane(self.own, self.target, id).await.value.unwrap_or_default();
            clusters.extend(mesh.clusters.iter().map(|id| id.as_str().to_owned()));
            for DataPlaneCluster { cluster_id, region_id, .. } in data_plane {
                clusters.insert(cluster_id.as_str().to_owned());
                if !region_id.is_empty() {
                    regions.entry(region_id).or_default();
                }
            }
            regions.entry(mesh.scope.region_id.clone()).or_default().meshes.push(mesh);
        }
        (regions, Only { clusters, target: id.as_str().to_owned() })
    }

    /// The cluster in its region, and every mesh that it is in the data plane of.
    async fn around_cluster(
        &self,
        id: &ClusterId,
        listed: Vec<Mesh>,
        builder: &mut InventoryBuilder,
    ) -> (BTreeMap<RegionId, Here>, Only) {
        let mut regions: BTreeMap<RegionId, Here> = BTreeMap::new();
        regions.insert(self.target.region_id.clone(), Here::default());
        let mut asked = stream::iter(listed)
            .map(|mesh| async move {
                let read = calls::data_plane(self.own, &mesh.scope, &mesh.service_mesh_id).await;
                (mesh, read)
            })
            .buffered(DATA_PLANES_AT_ONCE);
        while let Some((mesh, read)) = asked.next().await {
            let Read { value, failure } = read;
            let joined = value.into_iter().flatten().any(|cluster| cluster.cluster_id == *id);
            let manages = joined || mesh.clusters.contains(id);
            let unit = Unit::new(
                &mesh.scope.account_id,
                &mesh.scope.region_id,
                servicemesh::DESCRIBE_CLUSTERS_IN_SERVICE_MESH.product().name(),
                servicemesh::DESCRIBE_CLUSTERS_IN_SERVICE_MESH.action(),
                mesh.service_mesh_id.as_str(),
            );
            match failure {
                // One that is deleted meanwhile manages nothing.
                Some(failure) if !failure.is_not_found() => builder.gap(failure.gap(unit)),
                _ => builder.scanned(unit),
            }
            if manages {
                regions.entry(mesh.scope.region_id.clone()).or_default().meshes.push(mesh);
            }
        }
        drop(asked);
        let id = id.as_str().to_owned();
        (regions, Only { clusters: [id.clone()].into(), target: id })
    }

    fn central(&self, operation: &Operation, id: &str) -> Unit {
        let region_id = RegionId::default();
        Unit::new(&self.target.account_id, &region_id, operation.product().name(), operation.action(), id)
    }
}
