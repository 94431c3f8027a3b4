//! One account: who the caller is, which regions there are, which meshes, and then every region.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use futures::{StreamExt, future, stream};

use super::{
    Settings,
    convert::{plain_id, scope},
    mesh, not_open,
    progress::Progress,
    read::{Failure, Read},
    reader::Reader,
    region::{self, RegionScan},
};
use crate::{
    cloud::{
        api::{
            cs, ecs, servicemesh, sts,
            wire::{Field, List, Problems},
        },
        request::Operation,
    },
    model::{AccountId, Caller, InventoryBuilder, Mesh, RegionId, Unit},
};

/// `DescribeRegions` answers alike on the host of every region; this one has every product.
const HOST_FOR_REGION_LISTS: &str = "cn-hangzhou";

/// Said of a list of regions that names none. With no region nothing would be read, and all of it be
/// called clean.
const NO_REGIONS: &str = "the list of regions is empty, though every account has regions; run the scan again";

/// Regions that are read at once.
const REGIONS_AT_ONCE: usize = 8;

/// Asks who the caller is.
pub(super) async fn caller(reader: &Reader) -> Result<Caller, Failure> {
    let reply: sts::CallerIdentity = reader.one(&sts::get_caller_identity()).await?;
    let mut problems = Problems::default();
    let account_id = plain_id(reply.account_id, "AccountId", &mut problems);
    let arn = reply.arn.text("Arn", &mut problems);
    match account_id {
        Some(account_id) if problems.is_empty() => Ok(Caller { account_id: account_id.into(), arn }),
        _ => Err(Failure::schema(problems.summary())),
    }
}

/// The regions of an account by the two products that list them.
#[derive(Debug, Default)]
pub(super) struct Regions {
    /// By the compute service.
    pub(super) ecs: Option<BTreeSet<RegionId>>,
    /// By the container service.
    pub(super) cs: Option<BTreeSet<RegionId>>,
}

impl Regions {
    /// Everything that either names; `None` where one could not be read, so that a region that is
    /// not named may still exist.
    pub(super) fn all_known(&self) -> Option<BTreeSet<RegionId>> {
        Some(self.ecs.as_ref()?.union(self.cs.as_ref()?).cloned().collect())
    }

    fn any(&self) -> BTreeSet<RegionId> {
        self.ecs.iter().chain(&self.cs).flatten().cloned().collect()
    }
}

/// An account whose identity is known and which is about to be read.
pub(super) struct AccountScan {
    pub(super) reader: Arc<Reader>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) account_id: AccountId,
    pub(super) builder: InventoryBuilder,
    pub(super) taken_at: DateTime<Utc>,
}

impl AccountScan {
    fn central_unit(&self, operation: &Operation) -> Unit {
        Unit::new(&self.account_id, &RegionId::default(), operation.product().name(), operation.action(), "")
    }

    /// Enters the read of a central list into the ledger.
    fn record<T>(&mut self, operation: &Operation, read: Read<T>) -> T {
        let unit = self.central_unit(operation);
        match read.failure {
            Some(failure) => self.builder.gap(failure.gap(unit)),
            None => self.builder.scanned(unit),
        }
        self.progress.finished(1);
        read.value
    }

    /// The regions that the products list.
    pub(super) async fn regions(&mut self, settings: &Settings) -> Regions {
        self.progress.planned(2);
        let host = settings.list_region.as_ref().map_or(HOST_FOR_REGION_LISTS, RegionId::as_str);
        let (ecs, cs) = future::join(ecs_regions(&self.reader, host), cs_regions(&self.reader, host)).await;
        Regions { ecs: self.record(&ecs::DESCRIBE_REGIONS, ecs), cs: self.record(&cs::DESCRIBE_REGIONS, cs) }
    }

    /// The meshes of all regions, by region.
    async fn meshes(&mut self) -> BTreeMap<RegionId, Vec<Mesh>> {
        self.progress.planned(1);
        let read = meshes(&self.reader, &self.account_id).await;
        let mut by_region: BTreeMap<RegionId, Vec<Mesh>> = BTreeMap::new();
        for mesh in self.record(&servicemesh::DESCRIBE_SERVICE_MESHES, read) {
            by_region.entry(mesh.scope.region_id.clone()).or_default().push(mesh);
        }
        by_region
    }

    /// Reads everything. Never fails: what could not be read is in the ledger.
    pub(super) async fn run(mut self, regions: Regions, settings: &Settings) -> InventoryBuilder {
        let mut meshes = self.meshes().await;
        let known: BTreeSet<RegionId> = regions.any().into_iter().chain(meshes.keys().cloned()).collect();
        let mut selected: BTreeSet<RegionId> =
            if settings.regions.is_empty() { known.clone() } else { settings.regions.iter().cloned().collect() };
        let mut left_out: BTreeMap<RegionId, String> = known
            .difference(&selected)
            .map(|region| (region.clone(), format!("left out: {} names other regions", settings.regions_named_by)))
            .collect();
        for excluded in &settings.excluded_regions {
            if selected.remove(excluded) {
                left_out.insert(excluded.clone(), "the region was left out on request".to_owned());
            }
        }
        for (region_id, why) in left_out {
            let here = meshes.remove(&region_id).unwrap_or_default();
            region::excluded(&scope(&self.account_id, &region_id), &here, &why, &mut self.builder);
        }
        let scans: Vec<RegionScan> = selected
            .into_iter()
            .map(|region_id| {
                let named_by_cs = regions.cs.as_ref().map(|regions| regions.contains(&region_id));
                RegionScan::new(
                    self.reader.clone(),
                    self.progress.clone(),
                    scope(&self.account_id, &region_id),
                    meshes.remove(&region_id).unwrap_or_default(),
                    InventoryBuilder::new(self.taken_at),
                    named_by_cs,
                )
            })
            .collect();
        let mut read = stream::iter(scans).map(RegionScan::run).buffer_unordered(REGIONS_AT_ONCE);
        while let Some(region) = read.next().await {
            self.builder.merge(region);
        }
        drop(read);
        not_open::doubt(&mut self.builder);
        self.builder
    }
}

async fn ecs_regions(reader: &Reader, host: &str) -> Read<Option<BTreeSet<RegionId>>> {
    match reader.one::<ecs::Regions>(&ecs::describe_regions(host)).await {
        Ok(reply) => region_ids("Regions", reply.regions, |region| region.region_id),
        Err(failure) => Read::nothing(failure),
    }
}

async fn cs_regions(reader: &Reader, host: &str) -> Read<Option<BTreeSet<RegionId>>> {
    match reader.one::<cs::Regions>(&cs::describe_regions(host)).await {
        Ok(reply) => region_ids("regions", reply.regions, |region| region.region_id),
        Err(failure) => Read::nothing(failure),
    }
}

fn region_ids<T>(
    name: &'static str,
    list: List<T>,
    id_of: impl Fn(T) -> Field<String>,
) -> Read<Option<BTreeSet<RegionId>>> {
    let mut problems = Problems::default();
    let regions: BTreeSet<RegionId> = list
        .required(name, None, &mut problems)
        .into_iter()
        .filter_map(|region| plain_id(id_of(region), "RegionId", &mut problems))
        .map(RegionId::from)
        .collect();
    if !problems.is_empty() {
        return Read::nothing(Failure::schema(problems.summary()));
    }
    if regions.is_empty() {
        return Read::nothing(Failure::new("no-regions", NO_REGIONS));
    }
    Read::whole(Some(regions))
}

/// The meshes of all regions, as the list shows them.
pub(super) async fn meshes(reader: &Reader, account_id: &AccountId) -> Read<Vec<Mesh>> {
    let reply: servicemesh::ServiceMeshes = match reader.one(&servicemesh::describe_service_meshes()).await {
        Ok(reply) => reply,
        Err(failure) => return Read::nothing(failure),
    };
    let mut problems = Problems::default();
    let listed = reply.service_meshes.required("ServiceMeshes", None, &mut problems);
    let mut meshes: Vec<Mesh> =
        listed.into_iter().filter_map(|wire| mesh::listed(wire, account_id, &mut problems)).collect();
    meshes.sort_by(|one, other| one.service_mesh_id.cmp(&other.service_mesh_id));
    for pair in meshes.windows(2) {
        if let [one, other] = pair
            && one.service_mesh_id == other.service_mesh_id
        {
            problems.note("ServiceMeshes", "names a mesh twice");
        }
    }
    meshes.dedup_by(|later, earlier| later.service_mesh_id == earlier.service_mesh_id);
    let failure = (!problems.is_empty()).then(|| Failure::schema(problems.summary()));
    Read { value: meshes, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(reply: &str) -> Read<Option<BTreeSet<RegionId>>> {
        let reply: ecs::Regions = serde_json::from_str(reply).expect("a reply");
        region_ids("Regions", reply.regions, |region| region.region_id)
    }

    #[test]
    fn an_empty_list_of_regions_is_no_list() {
        let empty = listed(r#"{"Regions": {"Region": []}}"#);
        assert_eq!((empty.value, empty.failure.map(|it| it.code)), (None, Some("no-regions".to_owned())));
        let one = listed(r#"{"Regions": {"Region": [{"RegionId": "cn-hangzhou"}]}}"#);
        assert_eq!((one.value, one.failure), (Some(BTreeSet::from(["cn-hangzhou".into()])), None));
    }
}
