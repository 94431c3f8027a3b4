//! The plan of one region, as an event loop: jobs run concurrently, each outcome may plan further
//! jobs, and all state is changed in one place, so that nothing depends on who answers first.
//!
//! 1. The lists: clusters, EIPs, balancers with a public address. The meshes are given.
//! 2. The details of every mesh and cluster, as soon as they are known.
//! 3. For whatever shows a public sign, at once: its balancer, listeners, lists and groups.
//! 4. When all of that has been read and a public balancer is left that nobody claims: the balancers
//!    of the remaining clusters.
//! 5. What is still unclaimed: its record and listeners.
//!
//! Calls that take several resources wait until they are full, or until nothing else is under way.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tracing::Instrument as _;

use super::{
    calls::{self, Outcome},
    cluster::{self, ApiServerBalancers, ClusterRead},
    load_balancer, mesh,
    progress::Progress,
    public::{self, PublicBalancers},
    read::{Failure, Read},
    reader::Reader,
    security_group::{self, GroupType},
};
use crate::{
    cloud::{
        api::{cs, ecs, nlb, servicemesh, slb, vpc},
        error::Class,
        request::Operation,
    },
    model::{
        Acl, Cluster, ClusterId, DataPlaneCluster, Eip, Entrance, Gap, Interner, InventoryBuilder, Listener,
        LoadBalancer, LoadBalancerId, Mesh, MeshId, NetworkInterface, NetworkLoadBalancer, NlbListener, PortRangeList,
        PrefixList, Reading, Scope, SecurityGroup, Unit, UnitState, is_network_balancer,
    },
};

/// Calls of one operation that are under way at once. The client's own limiter decides how fast they
/// go; this bounds how much is in memory.
pub(super) const MAX_IN_FLIGHT: usize = 32;

/// One read to be made, with everything it needs.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Clusters,
    Eips,
    InternetBalancers,
    InternetNetworkBalancers,
    MeshDetail(MeshId),
    MeshClusters(MeshId),
    ClusterDetail(ClusterId),
    ClusterResources(ClusterId),
    Balancers(Vec<String>),
    Listeners(Vec<String>),
    Acl(String),
    GroupTypes(Vec<String>),
    GroupRules(String),
    PrefixList(String),
    PortRangeList(String),
    Interfaces(String),
    NetworkBalancer(String),
    NetworkListeners(Vec<String>),
}

impl Job {
    /// The operation that the job calls.
    pub(super) fn operation(&self) -> &'static Operation {
        match self {
            Self::Clusters => &cs::DESCRIBE_CLUSTERS_V1,
            Self::Eips => &vpc::DESCRIBE_EIP_ADDRESSES,
            Self::InternetBalancers | Self::Balancers(_) => &slb::DESCRIBE_LOAD_BALANCERS,
            Self::InternetNetworkBalancers => &nlb::LIST_LOAD_BALANCERS,
            Self::MeshDetail(_) => &servicemesh::DESCRIBE_SERVICE_MESH_DETAIL,
            Self::MeshClusters(_) => &servicemesh::DESCRIBE_CLUSTERS_IN_SERVICE_MESH,
            Self::ClusterDetail(_) => &cs::DESCRIBE_CLUSTER_DETAIL,
            Self::ClusterResources(_) => &cs::DESCRIBE_CLUSTER_RESOURCES,
            Self::Listeners(_) => &slb::DESCRIBE_LOAD_BALANCER_LISTENERS,
            Self::Acl(_) => &slb::DESCRIBE_ACCESS_CONTROL_LIST_ATTRIBUTE,
            Self::GroupTypes(_) => &ecs::DESCRIBE_SECURITY_GROUPS,
            Self::GroupRules(_) => &ecs::DESCRIBE_SECURITY_GROUP_ATTRIBUTE,
            Self::PrefixList(_) => &ecs::DESCRIBE_PREFIX_LIST_ATTRIBUTES,
            Self::PortRangeList(_) => &ecs::DESCRIBE_PORT_RANGE_LIST_ENTRIES,
            Self::Interfaces(_) => &ecs::DESCRIBE_NETWORK_INTERFACES,
            Self::NetworkBalancer(_) => &nlb::GET_LOAD_BALANCER_ATTRIBUTE,
            Self::NetworkListeners(_) => &nlb::LIST_LISTENERS,
        }
    }

    /// How many units the job ends.
    fn units(&self) -> u64 {
        match self {
            Self::Balancers(ids) | Self::Listeners(ids) | Self::GroupTypes(ids) | Self::NetworkListeners(ids) => {
                ids.len() as u64
            }
            _ => 1,
        }
    }
}

/// The lists that say what is public.
#[derive(Default)]
struct Lists {
    eips: Option<bool>,
    balancers: Option<bool>,
    network_balancers: Option<bool>,
}

impl Lists {
    /// True when each has come or failed.
    fn ended(&self) -> bool {
        self.eips.is_some() && self.balancers.is_some() && self.network_balancers.is_some()
    }

    /// True if all were read whole.
    fn whole(&self) -> bool {
        [self.eips, self.balancers, self.network_balancers].iter().all(|list| *list == Some(true))
    }
}

/// A listed mesh or cluster whose detail says that it does not exist.
struct Missing {
    unit: Unit,
    what: MissingWhat,
    failure: Failure,
}

enum MissingWhat {
    Mesh(MeshId),
    /// The data-plane clusters of a mesh.
    MeshClusters(MeshId),
    Cluster(ClusterId),
}

/// Identifiers that wait for a call which takes several.
struct Batch {
    size: usize,
    waiting: Vec<String>,
    job: fn(Vec<String>) -> Job,
}

impl Batch {
    fn new(size: usize, job: fn(Vec<String>) -> Job) -> Self {
        Self { size, waiting: Vec::new(), job }
    }

    /// The next full call, or with `flush` any call.
    fn take(&mut self, flush: bool) -> Option<Job> {
        let full = self.waiting.len() >= self.size;
        if !full && (!flush || self.waiting.is_empty()) {
            return None;
        }
        // Which identifiers wait may depend on who answered first; which of them go together when
        // all are there does not.
        self.waiting.sort_unstable();
        let rest = self.waiting.split_off(self.size.min(self.waiting.len()));
        Some((self.job)(std::mem::replace(&mut self.waiting, rest)))
    }
}

/// What a narrow scan reads of a region beyond its lists.
#[derive(Debug)]
pub(super) struct Only {
    /// Clusters that use the target, or are it.
    pub(super) clusters: BTreeSet<String>,
    /// The mesh or cluster whose balancers and groups are read even if nothing says that they are public.
    pub(super) target: String,
}

/// Everything that is known of one region while it is read.
pub(super) struct RegionScan {
    reader: Arc<Reader>,
    progress: Arc<dyn Progress>,
    scope: Scope,
    queues: BTreeMap<&'static str, VecDeque<Job>>,
    in_flight: BTreeMap<&'static str, usize>,
    running: FuturesUnordered<BoxFuture<'static, (&'static str, u64, Outcome)>>,
    builder: InventoryBuilder,
    /// Whether the container service's own list of regions names this one; `None` where that list
    /// could not be read.
    named_by_cs: Option<bool>,
    /// `None`: everything.
    only: Option<Arc<Only>>,

    lists: Lists,
    public: PublicBalancers,
    meshes: BTreeMap<MeshId, Mesh>,
    data_planes: BTreeMap<MeshId, Vec<DataPlaneCluster>>,
    clusters: BTreeMap<ClusterId, Cluster>,
    /// Meshes and clusters whose detail has ended, well or not: only then is it known what they need.
    detailed: BTreeSet<String>,
    /// Clusters whose configuration names several balancers.
    alternatives: BTreeMap<ClusterId, Vec<LoadBalancerId>>,
    resources_asked: BTreeSet<ClusterId>,
    missing: Vec<Missing>,
    rest_asked: bool,
    unclaimed_asked: bool,

    /// Balancers behind which something exposed stands: their lists and groups are needed too.
    needed: BTreeSet<String>,
    asked: BTreeSet<(&'static str, String)>,
    /// Balancers that were asked for before the list of public ones had ended.
    asked_early: BTreeSet<String>,
    balancers: BTreeMap<String, LoadBalancer>,
    listeners: BTreeMap<String, Vec<Listener>>,
    network_balancers: BTreeMap<String, NetworkLoadBalancer>,
    /// Listed, and not public. Those that stand in front of something are kept: one that is in no list may be anything.
    private_network_balancers: BTreeMap<String, NetworkLoadBalancer>,
    network_listeners: BTreeMap<String, Vec<NlbListener>>,
    acls: Vec<Acl>,
    groups: Vec<SecurityGroup>,
    /// What the rules of all groups have in common.
    texts: Interner,
    group_types: BTreeMap<String, GroupType>,
    prefix_lists: Vec<PrefixList>,
    port_range_lists: Vec<PortRangeList>,
    interfaces: BTreeMap<String, NetworkInterface>,

    balancer_batch: Batch,
    listener_batch: Batch,
    group_batch: Batch,
    network_listener_batch: Batch,
}

impl RegionScan {
    /// A scan of the region with the meshes that the central list places there.
    pub(super) fn new(
        reader: Arc<Reader>,
        progress: Arc<dyn Progress>,
        scope: Scope,
        meshes: Vec<Mesh>,
        builder: InventoryBuilder,
        named_by_cs: Option<bool>,
    ) -> Self {
        Self {
            reader,
            progress,
            scope,
            queues: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            running: FuturesUnordered::new(),
            builder,
            named_by_cs,
            only: None,
            lists: Lists::default(),
            public: PublicBalancers::default(),
            meshes: meshes.into_iter().map(|mesh| (mesh.service_mesh_id.clone(), mesh)).collect(),
            data_planes: BTreeMap::new(),
            clusters: BTreeMap::new(),
            detailed: BTreeSet::new(),
            alternatives: BTreeMap::new(),
            resources_asked: BTreeSet::new(),
            missing: Vec::new(),
            rest_asked: false,
            unclaimed_asked: false,
            needed: BTreeSet::new(),
            asked: BTreeSet::new(),
            asked_early: BTreeSet::new(),
            balancers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            network_balancers: BTreeMap::new(),
            private_network_balancers: BTreeMap::new(),
            network_listeners: BTreeMap::new(),
            acls: Vec::new(),
            groups: Vec::new(),
            texts: Interner::default(),
            group_types: BTreeMap::new(),
            prefix_lists: Vec::new(),
            port_range_lists: Vec::new(),
            interfaces: BTreeMap::new(),
            balancer_batch: Batch::new(slb::BALANCERS_PER_CALL, Job::Balancers),
            listener_batch: Batch::new(slb::BALANCERS_PER_CALL, Job::Listeners),
            group_batch: Batch::new(ecs::GROUPS_PER_CALL, Job::GroupTypes),
            network_listener_batch: Batch::new(nlb::BALANCERS_PER_CALL, Job::NetworkListeners),
        }
    }

    /// Reads no more than the lists and what a narrow scan is about.
    pub(super) fn only(self, only: Arc<Only>) -> Self {
        Self { only: Some(only), ..self }
    }

    /// True if the balancers and groups of the mesh or cluster are needed whether or not it is public.
    fn is_target(&self, id: &str) -> bool {
        self.only.as_ref().is_some_and(|only| only.target == id)
    }

    /// Reads the region. Never fails: what could not be read is in the ledger.
    pub(super) async fn run(mut self) -> InventoryBuilder {
        let Scope { account_id, region_id } = &self.scope;
        let span = tracing::info_span!("region", account = account_id.as_str(), region = region_id.as_str());
        self.plan_lists();
        self.work().instrument(span).await
    }

    /// Reads these groups and what their rules refer to, and nothing else of the region. Never fails.
    /// `known` are reads that the ledger has already, by action and resource.
    pub(super) async fn run_groups(
        mut self,
        ids: &[String],
        known: impl IntoIterator<Item = (&'static str, String)>,
    ) -> InventoryBuilder {
        self.rest_asked = true;
        self.unclaimed_asked = true;
        self.asked.extend(known);
        for id in ids {
            // To which of its interfaces a rule applies matters only where the group stands in front.
            self.asked.insert((ecs::DESCRIBE_NETWORK_INTERFACES.action(), id.clone()));
            self.need_group(id);
        }
        self.work().await
    }

    async fn work(mut self) -> InventoryBuilder {
        loop {
            self.start();
            match self.running.next().await {
                Some((lane, units, outcome)) => {
                    *self.in_flight.entry(lane).or_default() -= 1;
                    self.settle(outcome);
                    self.progress.finished(units);
                }
                None if self.plan_more().await => {}
                None => return self.finish(),
            }
        }
    }

    fn plan_lists(&mut self) {
        for job in [Job::Clusters, Job::Eips, Job::InternetBalancers, Job::InternetNetworkBalancers] {
            self.plan(job);
        }
        let meshes: Vec<MeshId> = self.meshes.keys().cloned().collect();
        for id in meshes {
            self.plan(Job::MeshClusters(id.clone()));
            self.plan(Job::MeshDetail(id));
        }
    }

    fn plan(&mut self, job: Job) {
        self.progress.planned(job.units());
        self.queues.entry(job.operation().action()).or_default().push_back(job);
    }

    /// Plans a read of one resource, once.
    fn plan_once(&mut self, id: &str, job: impl FnOnce(String) -> Job) {
        let job = job(id.to_owned());
        if self.asked.insert((job.operation().action(), id.to_owned())) {
            self.plan(job);
        }
    }

    /// Starts as many jobs as may run.
    fn start(&mut self) {
        for batch in [
            &mut self.balancer_batch,
            &mut self.listener_batch,
            &mut self.group_batch,
            &mut self.network_listener_batch,
        ] {
            while let Some(job) = batch.take(false) {
                self.progress.planned(job.units());
                self.queues.entry(job.operation().action()).or_default().push_back(job);
            }
        }
        for (lane, queue) in &mut self.queues {
            let in_flight = self.in_flight.entry(lane).or_default();
            while *in_flight < MAX_IN_FLIGHT
                && let Some(job) = queue.pop_front()
            {
                *in_flight += 1;
                let (lane, units) = (*lane, job.units());
                let call = calls::run(self.reader.clone(), self.scope.clone(), job);
                self.running.push(call.map(move |outcome| (lane, units, outcome)).boxed());
            }
        }
    }

    /// When nothing is under way: the next step of the plan. False when there is none.
    async fn plan_more(&mut self) -> bool {
        if !self.missing.is_empty() {
            self.look_again().await;
            return true;
        }
        if !self.rest_asked {
            self.rest_asked = true;
            self.ask_the_rest();
            return true;
        }
        if !self.unclaimed_asked {
            self.unclaimed_asked = true;
            self.follow_public_addresses();
            if self.only.is_none() {
                self.ask_unclaimed();
            }
            return true;
        }
        let batches = [
            &mut self.balancer_batch,
            &mut self.listener_batch,
            &mut self.group_batch,
            &mut self.network_listener_batch,
        ];
        let jobs: Vec<Job> = batches.into_iter().filter_map(|batch| batch.take(true)).collect();
        let more = !jobs.is_empty();
        jobs.into_iter().for_each(|job| self.plan(job));
        more
    }

    fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Clusters(read) => self.clusters_listed(read),
            Outcome::Eips(read) => self.eips_listed(read),
            Outcome::InternetBalancers(read) => self.balancers_listed(read),
            Outcome::InternetNetworkBalancers(read) => self.network_balancers_listed(read),
            Outcome::MeshDetail(id, read) => self.mesh_detailed(id, read),
            Outcome::MeshClusters(id, read) => self.mesh_clusters(id, read),
            Outcome::ClusterDetail(id, read) => self.cluster_detailed(id, read),
            Outcome::ClusterResources(id, read) => self.cluster_resources(&id, read),
            Outcome::Balancers(reads) => self.balancers_read(reads),
            Outcome::Listeners(reads) => self.listeners_read(reads),
            Outcome::Acl(id, read) => {
                let acl = self.record(&slb::DESCRIBE_ACCESS_CONTROL_LIST_ATTRIBUTE, &id, read);
                self.acls.extend(acl);
            }
            Outcome::GroupTypes(reads) => {
                for (id, read) in reads {
                    if let Some(group_type) = self.record(&ecs::DESCRIBE_SECURITY_GROUPS, &id, read) {
                        self.group_types.insert(id, group_type);
                    }
                }
            }
            Outcome::GroupRules(id, read) => self.group_read(&id, read),
            Outcome::PrefixList(id, read) => {
                let list = self.record(&ecs::DESCRIBE_PREFIX_LIST_ATTRIBUTES, &id, read);
                self.prefix_lists.extend(list);
            }
            Outcome::PortRangeList(id, read) => {
                let list = self.record(&ecs::DESCRIBE_PORT_RANGE_LIST_ENTRIES, &id, read);
                self.port_range_lists.extend(list);
            }
            Outcome::Interfaces(id, read) => {
                let interfaces = self.record(&ecs::DESCRIBE_NETWORK_INTERFACES, &id, read);
                let by_id = interfaces.into_iter().map(|one| (one.network_interface_id.as_str().to_owned(), one));
                self.interfaces.extend(by_id);
            }
            Outcome::NetworkBalancer(id, read) => self.network_balancer_read(id, read),
            Outcome::NetworkListeners(reads) => {
                for (id, read) in reads {
                    if let Some(listeners) = self.record(&nlb::LIST_LISTENERS, &id, read) {
                        self.network_listeners.insert(id, listeners);
                    }
                }
            }
        }
    }

    fn unit(&self, operation: &Operation, resource_id: &str) -> Unit {
        Unit::new(
            &self.scope.account_id,
            &self.scope.region_id,
            operation.product().name(),
            operation.action(),
            resource_id,
        )
    }

    /// Enters a read into the ledger and hands on what it brought.
    fn record<T>(&mut self, operation: &Operation, resource_id: &str, read: Read<T>) -> T {
        let unit = self.unit(operation, resource_id);
        match read.failure {
            Some(failure) => self.builder.gap(failure.gap(unit)),
            None => self.builder.scanned(unit),
        }
        read.value
    }

    fn clusters_listed(&mut self, mut read: Read<Vec<ClusterRead>>) {
        if let Some(failure) = &mut read.failure
            && failure.class == Some(Class::UnknownHost)
            && self.named_by_cs == Some(false)
        {
            // No such host, and the product itself does not name the region: it is not served there.
            failure.state = UnitState::NotServed;
        }
        for listed in self.record(&cs::DESCRIBE_CLUSTERS_V1, "", read) {
            let id = listed.cluster.cluster_id.clone();
            if self.only.as_ref().is_some_and(|only| !only.clusters.contains(id.as_str())) {
                continue;
            }
            if self.clusters.insert(id.clone(), listed.cluster).is_none() {
                self.plan(Job::ClusterDetail(id));
            }
        }
    }

    fn eips_listed(&mut self, read: Read<Vec<Eip>>) {
        self.lists.eips = Some(read.failure.is_none());
        let eips = self.record(&vpc::DESCRIBE_EIP_ADDRESSES, "", read);
        self.public.add_eips(&eips);
        self.builder.eips.extend(eips);
        self.consider_all_if_lists_ended();
    }

    fn balancers_listed(&mut self, read: Read<Vec<LoadBalancer>>) {
        self.lists.balancers = Some(read.failure.is_none());
        for balancer in self.record(&slb::DESCRIBE_LOAD_BALANCERS, "", read) {
            self.public.add_balancer(&balancer);
            self.balancers.insert(balancer.load_balancer_id.as_str().to_owned(), balancer);
        }
        let early = std::mem::take(&mut self.asked_early);
        early.iter().for_each(|id| self.ask_balancer(id));
        self.consider_all_if_lists_ended();
    }

    fn network_balancers_listed(&mut self, read: Read<Vec<NetworkLoadBalancer>>) {
        self.lists.network_balancers = Some(read.failure.is_none());
        for balancer in self.record(&nlb::LIST_LOAD_BALANCERS, "", read) {
            if !self.public.add_network_balancer(&balancer) {
                // That it is there, and private, is all that anybody needs to know of it.
                self.private_network_balancers.insert(balancer.load_balancer_id.as_str().to_owned(), balancer);
                continue;
            }
            // An attribute that was read meanwhile says more.
            self.network_balancers.entry(balancer.load_balancer_id.as_str().to_owned()).or_insert(balancer);
        }
        self.consider_all_if_lists_ended();
    }

    fn mesh_detailed(&mut self, id: MeshId, read: Read<Option<Mesh>>) {
        self.detailed.insert(id.as_str().to_owned());
        let unit = self.unit(&servicemesh::DESCRIBE_SERVICE_MESH_DETAIL, id.as_str());
        if let Some(failure) = read.failure.as_ref().filter(|failure| failure.is_not_found()) {
            self.missing.push(Missing { unit, what: MissingWhat::Mesh(id), failure: failure.clone() });
            return;
        }
        let detail = self.record(&servicemesh::DESCRIBE_SERVICE_MESH_DETAIL, id.as_str(), read);
        if let (Some(detail), Some(listed)) = (detail, self.meshes.get_mut(&id)) {
            *listed = mesh::complete(detail, listed);
        }
        self.consider_mesh(&id);
    }

    fn mesh_clusters(&mut self, id: MeshId, read: Read<Option<Vec<DataPlaneCluster>>>) {
        let unit = self.unit(&servicemesh::DESCRIBE_CLUSTERS_IN_SERVICE_MESH, id.as_str());
        if let Some(failure) = read.failure.as_ref().filter(|failure| failure.is_not_found()) {
            self.missing.push(Missing { unit, what: MissingWhat::MeshClusters(id), failure: failure.clone() });
            return;
        }
        let clusters = self.record(&servicemesh::DESCRIBE_CLUSTERS_IN_SERVICE_MESH, id.as_str(), read);
        self.data_planes.extend(clusters.map(|clusters| (id, clusters)));
    }

    fn cluster_detailed(&mut self, id: ClusterId, read: Read<Option<ClusterRead>>) {
        self.detailed.insert(id.as_str().to_owned());
        let unit = self.unit(&cs::DESCRIBE_CLUSTER_DETAIL, id.as_str());
        if let Some(failure) = read.failure.as_ref().filter(|failure| failure.is_not_found()) {
            self.missing.push(Missing { unit, what: MissingWhat::Cluster(id), failure: failure.clone() });
            return;
        }
        let detail = self.record(&cs::DESCRIBE_CLUSTER_DETAIL, id.as_str(), read);
        if let (Some(mut detail), Some(listed)) = (detail, self.clusters.get_mut(&id)) {
            cluster::complete(&mut detail.cluster, listed);
            *listed = detail.cluster;
            if detail.balancers.len() > 1 {
                self.alternatives.insert(id.clone(), detail.balancers);
            }
        }
        self.consider_cluster(&id);
    }

    fn cluster_resources(&mut self, id: &ClusterId, read: Read<ApiServerBalancers>) {
        let balancers = self.record(&cs::DESCRIBE_CLUSTER_RESOURCES, id.as_str(), read);
        if let Some(cluster) = self.clusters.get_mut(id) {
            let entrance = &mut cluster.api_server;
            // An API server has a balancer. Where neither the cluster nor its resources name it, it
            // is not known, and may be any that is public.
            let unnamed = balancers.chosen == Reading::Absent
                && (entrance.load_balancer_id.is_unread() || has_address(entrance) && !self.public.exposes(entrance));
            entrance.load_balancer_id = if unnamed { Reading::Unread } else { balancers.chosen };
        }
        if balancers.candidates.len() > 1 {
            self.alternatives.insert(id.clone(), balancers.candidates);
        }
        self.consider_cluster(id);
    }

    fn consider_all_if_lists_ended(&mut self) {
        if !self.lists.ended() {
            return;
        }
        let meshes: Vec<MeshId> = self.meshes.keys().cloned().collect();
        let clusters: Vec<ClusterId> = self.clusters.keys().cloned().collect();
        meshes.iter().for_each(|id| self.consider_mesh(id));
        clusters.iter().for_each(|id| self.consider_cluster(id));
    }

    /// Plans what an exposed entrance of the mesh needs. May be called again when more is known.
    fn consider_mesh(&mut self, id: &MeshId) {
        let Some(mesh) = self.meshes.get(id).filter(|_| self.detailed.contains(id.as_str())) else { return };
        let group = mesh.security_group_id.as_str().to_owned();
        let exposed: Vec<Entrance> = public::entrances(mesh)
            .filter(|one| self.is_target(id.as_str()) || self.public.exposes(one))
            .cloned()
            .collect();
        for entrance in exposed {
            if let Reading::Value(balancer) = &entrance.load_balancer_id {
                self.need_balancer(balancer.as_str());
            }
            self.need_group(&group);
        }
    }

    /// Plans what an exposed API server needs. May be called again when more is known.
    fn consider_cluster(&mut self, id: &ClusterId) {
        if !self.detailed.contains(id.as_str()) {
            return;
        }
        self.choose_balancer(id);
        let Some(cluster) = self.clusters.get(id) else { return };
        let balancer = cluster.api_server.load_balancer_id.value().map(|id| id.as_str().to_owned());
        if !self.public.exposes(&cluster.api_server) && !self.is_target(id.as_str()) {
            return;
        }
        let others: Vec<String> = self
            .alternatives
            .get(id)
            .into_iter()
            .flatten()
            .map(|id| id.as_str().to_owned())
            .filter(|id| self.public.contains(id))
            .collect();
        let group = cluster.security_group_id.value().map(|id| id.as_str().to_owned()).unwrap_or_default();
        others.iter().for_each(|id| self.need_balancer(id));
        match balancer {
            Some(balancer) => {
                self.need_balancer(&balancer);
                if is_network_balancer(&balancer) {
                    return;
                }
            }
            None if !self.resources_asked.contains(id) => self.ask_resources(id.clone()),
            None => {}
        }
        self.need_group(&group);
    }

    /// Of several balancers of one API server, one that is public counts.
    fn choose_balancer(&mut self, id: &ClusterId) {
        let Some(public) =
            self.alternatives.get(id).and_then(|ids| ids.iter().find(|id| self.public.contains(id.as_str()))).cloned()
        else {
            return;
        };
        if let Some(cluster) = self.clusters.get_mut(id) {
            cluster.api_server.load_balancer_id = Reading::Value(public);
        }
    }

    fn ask_resources(&mut self, id: ClusterId) {
        if self.resources_asked.insert(id.clone()) {
            self.plan(Job::ClusterResources(id));
        }
    }

    /// Plans the reads of a balancer behind which something exposed stands.
    fn need_balancer(&mut self, id: &str) {
        if !self.needed.insert(id.to_owned()) {
            return;
        }
        if is_network_balancer(id) {
            self.plan_once(id, Job::NetworkBalancer);
            self.ask_listeners(id);
            self.need_groups_of(id);
            return;
        }
        self.ask_balancer(id);
        self.ask_listeners(id);
        self.need_lists_of(id);
    }

    fn ask_balancer(&mut self, id: &str) {
        // The list of public balancers has the same record: what is asked must not depend on which reply came first.
        if self.lists.balancers.is_none() {
            self.asked_early.insert(id.to_owned());
            return;
        }
        if !self.balancers.contains_key(id) && self.asked.insert((slb::DESCRIBE_LOAD_BALANCERS.action(), id.to_owned()))
        {
            self.balancer_batch.waiting.push(id.to_owned());
        }
    }

    fn ask_listeners(&mut self, id: &str) {
        let network = is_network_balancer(id);
        let operation = if network { &nlb::LIST_LISTENERS } else { &slb::DESCRIBE_LOAD_BALANCER_LISTENERS };
        if self.asked.insert((operation.action(), id.to_owned())) {
            let batch = if network { &mut self.network_listener_batch } else { &mut self.listener_batch };
            batch.waiting.push(id.to_owned());
        }
    }

    fn need_group(&mut self, id: &str) {
        if id.is_empty() {
            return;
        }
        if self.asked.insert((ecs::DESCRIBE_SECURITY_GROUPS.action(), id.to_owned())) {
            self.group_batch.waiting.push(id.to_owned());
        }
        self.plan_once(id, Job::GroupRules);
    }

    fn balancers_read(&mut self, reads: Vec<(String, Read<Option<LoadBalancer>>)>) {
        for (id, read) in reads {
            if let Some(balancer) = self.record(&slb::DESCRIBE_LOAD_BALANCERS, &id, read) {
                self.balancers.insert(id, balancer);
            }
        }
    }

    fn listeners_read(&mut self, reads: Vec<(String, Read<Option<Vec<Listener>>>)>) {
        for (id, read) in reads {
            if let Some(listeners) = self.record(&slb::DESCRIBE_LOAD_BALANCER_LISTENERS, &id, read) {
                self.listeners.insert(id.clone(), listeners);
                self.need_lists_of(&id);
            }
        }
    }

    /// Plans the lists that the listeners of a needed balancer have switched on.
    fn need_lists_of(&mut self, balancer: &str) {
        if !self.needed.contains(balancer) {
            return;
        }
        let lists: BTreeSet<String> = self
            .listeners
            .get(balancer)
            .into_iter()
            .flatten()
            .filter(|listener| load_balancer::asks_its_lists(listener))
            .flat_map(load_balancer::list_ids)
            .map(|id| id.as_str().to_owned())
            .collect();
        lists.iter().for_each(|id| self.plan_once(id, Job::Acl));
    }

    fn network_balancer_read(&mut self, id: String, read: Read<Option<NetworkLoadBalancer>>) {
        if let Some(balancer) = self.record(&nlb::GET_LOAD_BALANCER_ATTRIBUTE, &id, read) {
            self.public.add_network_balancer(&balancer);
            self.network_balancers.insert(id.clone(), balancer);
            self.need_groups_of(&id);
            self.consider_owners_of(&id);
        }
    }

    /// A balancer turned out to be public: whoever stands behind it is exposed.
    fn consider_owners_of(&mut self, balancer: &str) {
        let owners: Vec<ClusterId> = self
            .clusters
            .values()
            .filter(|cluster| cluster.api_server.load_balancer_id.value().is_some_and(|id| id.as_str() == balancer))
            .map(|cluster| cluster.cluster_id.clone())
            .collect();
        owners.iter().for_each(|id| self.consider_cluster(id));
    }

    /// Plans the groups that a needed network balancer has joined.
    fn need_groups_of(&mut self, balancer: &str) {
        if !self.needed.contains(balancer) {
            return;
        }
        let groups: Vec<String> = self
            .network_balancers
            .get(balancer)
            .and_then(|balancer| balancer.security_group_ids.value())
            .into_iter()
            .flatten()
            .map(|id| id.as_str().to_owned())
            .collect();
        groups.iter().for_each(|id| self.need_group(id));
    }

    fn group_read(&mut self, id: &str, read: Read<Option<SecurityGroup>>) {
        let Some(mut group) = self.record(&ecs::DESCRIBE_SECURITY_GROUP_ATTRIBUTE, id, read) else { return };
        group.permissions.iter_mut().for_each(|rule| rule.share(&mut self.texts));
        for rule in &group.permissions {
            for list in [&rule.source_prefix_list_id, &rule.dest_prefix_list_id] {
                if crate::cloud::api::wire::is_plain_id(list) {
                    self.plan_once(list, Job::PrefixList);
                }
            }
            if crate::cloud::api::wire::is_plain_id(&rule.port_range_list_id) {
                self.plan_once(&rule.port_range_list_id, Job::PortRangeList);
            }
        }
        if group.permissions.iter().any(security_group::narrows_destination) {
            self.plan_once(id, Job::Interfaces);
        }
        self.groups.push(group);
    }

    /// Every balancer that a mesh or cluster names.
    fn claimed(&self) -> BTreeSet<String> {
        let meshes = self.meshes.values().flat_map(public::entrances);
        let clusters = self.clusters.values().map(|cluster| &cluster.api_server);
        let named = meshes.chain(clusters).filter_map(|entrance| entrance.load_balancer_id.value());
        let alternatives = self.alternatives.values().flatten();
        named.chain(alternatives).map(|id| id.as_str().to_owned()).collect()
    }

    /// Asks for the balancers of all clusters whose balancer is not known, where a public one is left
    /// that nobody names. Where none is left, none of these clusters can have one.
    fn ask_the_rest(&mut self) {
        let claimed = self.claimed();
        let unclaimed = self.public.ids().any(|id| !claimed.contains(id));
        let open: Vec<ClusterId> = self
            .clusters
            .values()
            .filter(|cluster| !matches!(cluster.api_server.load_balancer_id, Reading::Value(_)))
            .map(|cluster| cluster.cluster_id.clone())
            .filter(|id| !self.resources_asked.contains(id))
            .collect();
        if unclaimed {
            open.into_iter().for_each(|id| self.ask_resources(id));
            return;
        }
        if !self.lists.whole() {
            // A public balancer that was not listed may be theirs.
            for id in open {
                if let Some(cluster) = self.clusters.get_mut(&id) {
                    cluster.api_server.load_balancer_id = Reading::Unread;
                }
            }
        }
    }

    /// Finds the balancers of exposed entrances that name none: by their EIP, else by their address.
    fn follow_public_addresses(&mut self) {
        let meshes = self.meshes.values().flat_map(public::entrances);
        let clusters = self.clusters.values().map(|cluster| &cluster.api_server);
        let found: BTreeSet<String> = meshes
            .chain(clusters)
            .filter(|entrance| self.public.exposes(entrance))
            .flat_map(|entrance| self.public.led_to(entrance))
            .collect();
        found.iter().for_each(|id| self.need_balancer(id));
    }

    /// Reads the public balancers that nobody claims, so that it can be judged whether they look
    /// like control planes.
    fn ask_unclaimed(&mut self) {
        let claimed = self.claimed();
        let unclaimed: Vec<String> = self.public.ids().filter(|id| !claimed.contains(*id)).map(str::to_owned).collect();
        for id in unclaimed {
            if !is_network_balancer(&id) {
                self.ask_balancer(&id);
            } else if !self.network_balancers.contains_key(&id) {
                self.plan_once(&id, Job::NetworkBalancer);
            }
            self.ask_listeners(&id);
        }
    }

    /// Lists again what a detail call said does not exist: it is gone only if the fresh list lacks it
    /// too and nothing public points at it. Else its unit failed.
    async fn look_again(&mut self) {
        let missing = std::mem::take(&mut self.missing);
        let any_mesh = missing.iter().any(|one| !matches!(one.what, MissingWhat::Cluster(_)));
        let any_cluster = missing.iter().any(|one| matches!(one.what, MissingWhat::Cluster(_)));
        let meshes = if any_mesh { calls::mesh_ids(&self.reader).await } else { Ok(BTreeSet::new()) };
        let clusters =
            if any_cluster { calls::cluster_ids(&self.reader, &self.scope).await } else { Ok(BTreeSet::new()) };
        let mut gone_meshes = BTreeSet::new();
        for Missing { unit, what, failure } in missing {
            let (fresh, id) = match &what {
                MissingWhat::Mesh(id) | MissingWhat::MeshClusters(id) => (&meshes, id.as_str()),
                MissingWhat::Cluster(id) => (&clusters, id.as_str()),
            };
            let listed = fresh.as_ref().map_or(true, |ids| ids.contains(id));
            let gone = !listed && !self.is_pointed_at(&what);
            match (gone, what) {
                (false, MissingWhat::MeshClusters(_)) => self.builder.gap(failure.gap(unit)),
                (false, MissingWhat::Mesh(id)) => {
                    self.builder.gap(failure.gap(unit));
                    self.consider_mesh(&id);
                }
                (false, MissingWhat::Cluster(id)) => {
                    self.builder.gap(failure.gap(unit));
                    self.consider_cluster(&id);
                }
                (true, MissingWhat::MeshClusters(_)) => self.builder.scanned(unit),
                (true, MissingWhat::Mesh(id)) => {
                    self.builder.scanned(unit);
                    gone_meshes.insert(id);
                }
                (true, MissingWhat::Cluster(id)) => {
                    self.builder.scanned(unit);
                    self.clusters.remove(&id);
                }
            }
        }
        self.meshes.retain(|id, _| !gone_meshes.contains(id));
    }

    /// True if something public seems to belong to a mesh or cluster that is said to be gone.
    fn is_pointed_at(&self, what: &MissingWhat) -> bool {
        let (id, entrances): (&str, Vec<&Entrance>) = match what {
            MissingWhat::Mesh(id) | MissingWhat::MeshClusters(id) => {
                (id.as_str(), self.meshes.get(id).into_iter().flat_map(public::entrances).collect())
            }
            MissingWhat::Cluster(id) => {
                (id.as_str(), self.clusters.get(id).map(|cluster| &cluster.api_server).into_iter().collect())
            }
        };
        let leads = entrances.iter().any(|entrance| {
            entrance.load_balancer_id.value().is_some_and(|id| self.public.contains(id.as_str()))
                || !self.public.led_to(entrance).is_empty()
        });
        leads || self.public.mentions(id)
    }

    /// Puts everything together.
    fn finish(mut self) -> InventoryBuilder {
        let claimed = self.claimed();
        for (id, balancer) in std::mem::take(&mut self.private_network_balancers) {
            if claimed.contains(&id) {
                self.network_balancers.entry(id).or_insert(balancer);
            }
        }
        for (id, clusters) in self.data_planes {
            if let Some(mesh) = self.meshes.get_mut(&id) {
                mesh.data_plane = Reading::Value(clusters);
            }
        }
        for (id, balancers) in self.alternatives {
            if let Some(cluster) = self.clusters.get_mut(&id) {
                let chosen = cluster.api_server.load_balancer_id.value();
                cluster.other_load_balancers =
                    balancers.into_iter().filter(|balancer| Some(balancer) != chosen).collect();
                cluster.other_load_balancers.sort();
            }
        }
        for (id, listeners) in self.listeners {
            if let Some(balancer) = self.balancers.get_mut(&id) {
                balancer.listeners = Reading::Value(listeners);
            }
        }
        for (id, listeners) in self.network_listeners {
            if let Some(balancer) = self.network_balancers.get_mut(&id) {
                balancer.listeners = Reading::Value(listeners);
            }
        }
        for group in &mut self.groups {
            if let Some(found) = self.group_types.remove(group.security_group_id.as_str()) {
                group.security_group_type = found.security_group_type;
                group.service_managed = found.service_managed;
                group.tags = found.tags;
            }
        }
        self.builder.meshes.extend(self.meshes.into_values());
        self.builder.clusters.extend(self.clusters.into_values());
        self.builder.load_balancers.extend(self.balancers.into_values());
        self.builder.network_load_balancers.extend(self.network_balancers.into_values());
        self.builder.acls.extend(self.acls);
        self.builder.security_groups.extend(self.groups);
        self.builder.prefix_lists.extend(self.prefix_lists);
        self.builder.port_range_lists.extend(self.port_range_lists);
        self.builder.network_interfaces.extend(self.interfaces.into_values());
        self.builder
    }
}

/// True if the product gives the entrance an address, or may: one that failed or is served
/// elsewhere has none.
fn has_address(entrance: &Entrance) -> bool {
    entrance.public_endpoint != Reading::Absent || entrance.intranet_endpoint != Reading::Absent
}

/// The units of a region that the operator left out, with the meshes that the central list places
/// there.
pub(super) fn excluded(scope: &Scope, meshes: &[Mesh], why: &str, builder: &mut InventoryBuilder) {
    let lists = [
        &cs::DESCRIBE_CLUSTERS_V1,
        &vpc::DESCRIBE_EIP_ADDRESSES,
        &slb::DESCRIBE_LOAD_BALANCERS,
        &nlb::LIST_LOAD_BALANCERS,
    ];
    let details = meshes.iter().map(|mesh| (&servicemesh::DESCRIBE_SERVICE_MESH_DETAIL, mesh.service_mesh_id.as_str()));
    for (operation, id) in lists.into_iter().map(|list| (list, "")).chain(details) {
        builder.gap(Gap {
            unit: Unit::new(&scope.account_id, &scope.region_id, operation.product().name(), operation.action(), id),
            state: UnitState::Excluded,
            code: "excluded".to_owned(),
            message: why.to_owned(),
            request_id: String::new(),
        });
    }
}
