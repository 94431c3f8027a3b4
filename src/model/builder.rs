//! Collects what is read, in any order, and turns it into a sorted [`Inventory`].

use chrono::{DateTime, Utc};

use super::{
    Acl, Caller, Cluster, Coverage, Eip, Gap, Inventory, LoadBalancer, LogReading, Mesh, MeshOpinion, Network,
    NetworkInterface, NetworkLoadBalancer, PortRangeList, PrefixList, Refused, SecurityGroup, Text, TrailReading, Unit,
    UnitState,
};

/// Push in any order; the inventory comes out the same.
#[derive(Clone, Debug)]
pub struct InventoryBuilder {
    taken_at: DateTime<Utc>,
    pub callers: Vec<Caller>,
    pub meshes: Vec<Mesh>,
    pub clusters: Vec<Cluster>,
    pub eips: Vec<Eip>,
    pub load_balancers: Vec<LoadBalancer>,
    pub network_load_balancers: Vec<NetworkLoadBalancer>,
    pub acls: Vec<Acl>,
    pub security_groups: Vec<SecurityGroup>,
    pub prefix_lists: Vec<PrefixList>,
    pub port_range_lists: Vec<PortRangeList>,
    pub network_interfaces: Vec<NetworkInterface>,
    pub network: Network,
    pub logs: Vec<LogReading>,
    pub trails: Vec<TrailReading>,
    pub opinions: Vec<MeshOpinion>,
    coverage: Coverage,
}

impl InventoryBuilder {
    /// An empty inventory of the cloud at `taken_at`.
    pub fn new(taken_at: DateTime<Utc>) -> Self {
        Self {
            taken_at,
            callers: Vec::new(),
            meshes: Vec::new(),
            clusters: Vec::new(),
            eips: Vec::new(),
            load_balancers: Vec::new(),
            network_load_balancers: Vec::new(),
            acls: Vec::new(),
            security_groups: Vec::new(),
            prefix_lists: Vec::new(),
            port_range_lists: Vec::new(),
            network_interfaces: Vec::new(),
            network: Network::default(),
            logs: Vec::new(),
            trails: Vec::new(),
            opinions: Vec::new(),
            coverage: Coverage::default(),
        }
    }

    /// Records a read that succeeded.
    pub fn scanned(&mut self, unit: Unit) {
        self.coverage.scanned(unit);
    }

    /// Records a read that did not succeed.
    pub fn gap(&mut self, gap: Gap) {
        self.coverage.gap(gap);
    }

    /// The ledger so far.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Adds the entries of another ledger; where both know a unit, a gap wins over a success.
    pub fn merge_coverage(&mut self, coverage: Coverage) {
        self.coverage.merge(coverage);
    }

    /// Adds what another builder collected.
    pub fn merge(&mut self, other: Self) {
        self.callers.extend(other.callers);
        self.meshes.extend(other.meshes);
        self.clusters.extend(other.clusters);
        self.eips.extend(other.eips);
        self.load_balancers.extend(other.load_balancers);
        self.network_load_balancers.extend(other.network_load_balancers);
        self.acls.extend(other.acls);
        self.security_groups.extend(other.security_groups);
        self.prefix_lists.extend(other.prefix_lists);
        self.port_range_lists.extend(other.port_range_lists);
        self.network_interfaces.extend(other.network_interfaces);
        self.network.merge(other.network);
        self.logs.extend(other.logs);
        self.trails.extend(other.trails);
        self.opinions.extend(other.opinions);
        self.coverage.merge(other.coverage);
    }

    /// Sorts everything and drops exact repeats.
    pub fn build(self) -> Inventory {
        /// Several logs of one thing are several: each may hold what the others do not.
        fn distinct<T: PartialEq, K: Ord>(mut items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
            items.sort_by_cached_key(&key);
            items.dedup();
            items
        }
        fn ordered<T, K: Ord>(mut items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
            items.sort_by_cached_key(&key);
            items.dedup_by(|later, earlier| key(later) == key(earlier));
            items.shrink_to_fit();
            items
        }
        let mut network = self.network;
        network.refused = unread_of(&self.coverage);
        network.sort();
        Inventory {
            taken_at: self.taken_at,
            callers: ordered(self.callers, Clone::clone),
            meshes: ordered(self.meshes, |mesh| (mesh.service_mesh_id.clone(), mesh.scope.clone())),
            clusters: ordered(self.clusters, |cluster| (cluster.cluster_id.clone(), cluster.scope.clone())),
            eips: ordered(self.eips, |eip| (eip.allocation_id.clone(), eip.scope.clone())),
            load_balancers: ordered(self.load_balancers, |lb| (lb.load_balancer_id.clone(), lb.scope.clone())),
            network_load_balancers: ordered(self.network_load_balancers, |lb| {
                (lb.load_balancer_id.clone(), lb.scope.clone())
            }),
            acls: ordered(self.acls, |acl| (acl.acl_id.clone(), acl.scope.clone())),
            security_groups: ordered(self.security_groups, |group| {
                (group.security_group_id.clone(), group.scope.clone())
            }),
            prefix_lists: ordered(self.prefix_lists, |list| (list.prefix_list_id.clone(), list.scope.clone())),
            port_range_lists: ordered(self.port_range_lists, |list| {
                (list.port_range_list_id.clone(), list.scope.clone())
            }),
            network_interfaces: ordered(self.network_interfaces, |eni| {
                (eni.network_interface_id.clone(), eni.scope.clone())
            }),
            network,
            logs: distinct(self.logs, |log| (log.scope.clone(), log.observer, log.observed.clone(), log.from, log.to)),
            trails: distinct(self.trails, |trail| (trail.scope.clone(), trail.from, trail.to)),
            opinions: ordered(self.opinions, |opinion| (opinion.service_mesh_id.clone(), opinion.scope.clone())),
            coverage: self.coverage,
        }
    }

    /// A builder that holds what the inventory does.
    pub(super) fn from_inventory(inventory: Inventory) -> Self {
        let Inventory {
            taken_at,
            callers,
            meshes,
            clusters,
            eips,
            load_balancers,
            network_load_balancers,
            acls,
            security_groups,
            prefix_lists,
            port_range_lists,
            network_interfaces,
            network,
            logs,
            trails,
            opinions,
            coverage,
        } = inventory;
        Self {
            taken_at,
            callers,
            meshes,
            clusters,
            eips,
            load_balancers,
            network_load_balancers,
            acls,
            security_groups,
            prefix_lists,
            port_range_lists,
            network_interfaces,
            network,
            logs,
            trails,
            opinions,
            coverage,
        }
    }
}

/// What is not in the ledger as read was not read: nothing is taken for absent that nobody asked for.
fn unread_of(coverage: &Coverage) -> Refused {
    // Where a product does not serve a region there is nothing of it.
    let not_served = coverage.gaps().filter(|gap| gap.state == UnitState::NotServed).map(|gap| &gap.unit);
    let read = coverage.scanned_units().chain(not_served).filter(|unit| !unit.resource_id.is_empty());
    Refused::all_but(read.map(|unit| (Text::from(unit.operation.as_str()), Text::from(unit.resource_id.as_str()))))
}
