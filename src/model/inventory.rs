//! The immutable snapshot that judgements are made from.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    AccountId, Acl, AclId, Cluster, ClusterId, Coverage, Eip, InventoryBuilder, LoadBalancer, LoadBalancerId,
    LogReading, Mesh, MeshId, MeshOpinion, Network, NetworkInterface, NetworkLoadBalancer, PortRangeList,
    PortRangeListId, PrefixList, PrefixListId, RegionId, SecurityGroup, SecurityGroupId, TrailReading, Unit, UnitState,
};

/// Who asked: the answer of `GetCallerIdentity` for one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Caller {
    pub account_id: AccountId,
    pub arn: String,
}

/// What was read of the cloud, and what was not. Every list is sorted by its id, then by account
/// and region: made by [`super::InventoryBuilder`], read by everybody, changed by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    pub(super) taken_at: DateTime<Utc>,
    pub(super) callers: Vec<Caller>,
    pub(super) meshes: Vec<Mesh>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) eips: Vec<Eip>,
    pub(super) load_balancers: Vec<LoadBalancer>,
    pub(super) network_load_balancers: Vec<NetworkLoadBalancer>,
    pub(super) acls: Vec<Acl>,
    pub(super) security_groups: Vec<SecurityGroup>,
    pub(super) prefix_lists: Vec<PrefixList>,
    pub(super) port_range_lists: Vec<PortRangeList>,
    pub(super) network_interfaces: Vec<NetworkInterface>,
    /// The network between VPCs, as far as it was read; its `refused` says what was not.
    pub(super) network: Network,
    pub(super) logs: Vec<LogReading>,
    pub(super) trails: Vec<TrailReading>,
    pub(super) opinions: Vec<MeshOpinion>,
    pub(super) coverage: Coverage,
}

macro_rules! lists {
    ($($name:ident: $ty:ty),+ $(,)?) => {$(
        /// Sorted by id, then account and region.
        pub fn $name(&self) -> &[$ty] {
            &self.$name
        }
    )+};
}

/// Finds by id in a list that is sorted by id; the account tells apart equal ids of two accounts.
macro_rules! find {
    ($($name:ident($list:ident, $id:ident: $id_ty:ty) -> $ty:ty),+ $(,)?) => {$(
        /// `None` where it was not read or does not exist.
        pub fn $name(&self, account_id: &AccountId, id: &$id_ty) -> Option<&$ty> {
            let start = self.$list.partition_point(|item| item.$id < *id);
            self.$list[start..]
                .iter()
                .take_while(|item| item.$id == *id)
                .find(|item| item.scope.account_id == *account_id)
        }
    )+};
}

impl Inventory {
    /// When the reading began.
    pub fn taken_at(&self) -> DateTime<Utc> {
        self.taken_at
    }

    lists! {
        callers: Caller,
        meshes: Mesh,
        clusters: Cluster,
        eips: Eip,
        load_balancers: LoadBalancer,
        network_load_balancers: NetworkLoadBalancer,
        acls: Acl,
        security_groups: SecurityGroup,
        prefix_lists: PrefixList,
        port_range_lists: PortRangeList,
        network_interfaces: NetworkInterface,
        logs: LogReading,
        trails: TrailReading,
        opinions: MeshOpinion,
    }

    find! {
        mesh(meshes, service_mesh_id: MeshId) -> Mesh,
        cluster(clusters, cluster_id: ClusterId) -> Cluster,
        load_balancer(load_balancers, load_balancer_id: LoadBalancerId) -> LoadBalancer,
        network_load_balancer(network_load_balancers, load_balancer_id: LoadBalancerId) -> NetworkLoadBalancer,
        acl(acls, acl_id: AclId) -> Acl,
        security_group(security_groups, security_group_id: SecurityGroupId) -> SecurityGroup,
        prefix_list(prefix_lists, prefix_list_id: PrefixListId) -> PrefixList,
        port_range_list(port_range_lists, port_range_list_id: PortRangeListId) -> PortRangeList,
    }

    /// The network between VPCs, as far as it was asked for.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The ledger of planned reads.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Back to a builder, so that more can be read into it.
    pub fn into_builder(self) -> InventoryBuilder {
        InventoryBuilder::from_inventory(self)
    }

    /// The callers and the ledger, for when everything else has been judged and may go.
    pub fn into_ledger(self) -> (Vec<Caller>, Coverage) {
        (self.callers, self.coverage)
    }

    /// True if the list operation was read whole for the account and region (or, with an empty
    /// region, for all regions). A region that the product does not serve has been read: there is
    /// nothing in it.
    pub fn listed(&self, account_id: &AccountId, region_id: &RegionId, product: &str, operation: &str) -> bool {
        let unit = Unit::new(account_id, region_id, product, operation, "");
        matches!(self.coverage.state(&unit), Some(UnitState::Scanned | UnitState::NotServed))
    }
}
