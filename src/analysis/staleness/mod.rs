//! Whether the public path of an exposed endpoint is still needed (analysis.md 3): who uses it, whether
//! each of them has a private path, and what the logs say.
//!
//! The tables are `data_plane` (one cluster), `pilot` (the fold over clusters) and `api_server`;
//! `clusters` and `servers` find the consumers, `path` asks `connectivity`, `logs` the logs. What
//! could not be told asks for reads (`wanted`), so that a scan reads no more of the network than lies
//! between an exposed endpoint and its consumers.

mod api_server;
mod clusters;
mod data_plane;
mod egress;
mod evidence;
mod logs;
mod path;
mod pilot;
mod servers;
mod wanted;

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use rayon::prelude::*;

use crate::{
    analysis::{
        access::Lists,
        connectivity::{Code, Topology},
        exposure::Assessed,
        index::{self, Balancer, Index},
        public_address::{self, Host},
    },
    model::{
        AccessRow, AccountId, Binding, Cluster, ClusterId, Connectivity, Consumer, ConsumerKind, EndpointJudgement,
        EndpointKind, Exposure, Gate, GateKind, Inventory, LoadBalancerId, LogReading, Mesh, MeshOpinion,
        NamedConsumers, Need, NetworkRead, Observer, Reading, ResourceKind, RouteTable, Scope, Sign, Staleness,
        StalenessVerdict, Text, Traffic, Unit, UnitState, VSwitch, Via, Wanted, mesh_runs, ports,
    },
    netset::{AddressSet, Block},
};

pub(super) use self::evidence::wanted as evidence_wanted;
use self::{
    egress::Egress,
    logs::{Entrance, Logs},
    path::{Found, ListenerFilter, Place, Target},
    pilot::Circumstances,
    servers::AuditLog,
    wanted::References,
};

/// Below this many hundredths a stale verdict of an API server is none.
const LEAST_CONFIDENCE: u8 = 70;

/// A consumer with what is behind the verdict on it.
struct Judged {
    consumer: Consumer,
    found: Found,
    /// Public addresses it may come from.
    addresses: AddressSet,
}

/// Everything that verdicts look at, made once.
pub(super) struct Setting<'a> {
    index: &'a Index<'a>,
    topology: Topology<'a>,
    logs: Logs<'a>,
    egress: Egress<'a>,
    references: References<'a>,
    named: &'a NamedConsumers,
    switches: HashMap<&'a str, Vec<&'a VSwitch>>,
    /// By VPC.
    route_tables: HashMap<&'a str, Vec<&'a RouteTable>>,
    /// Clusters of every account by id.
    clusters: HashMap<&'a str, Vec<&'a Cluster>>,
    /// Meshes by the clusters they manage.
    managing: HashMap<&'a str, Vec<&'a Mesh>>,
    opinions: HashMap<&'a str, &'a MeshOpinion>,
}

impl<'a> Setting<'a> {
    pub(super) fn new(index: &'a Index<'a>, lists: Lists<'a>, named: &'a NamedConsumers) -> Self {
        let inventory = index.inventory;
        let network = inventory.network();
        let mut switches: HashMap<&str, Vec<&VSwitch>> = HashMap::new();
        for switch in &network.v_switches {
            switches.entry(switch.vpc_id.as_str()).or_default().push(switch);
        }
        let mut route_tables: HashMap<&str, Vec<&RouteTable>> = HashMap::new();
        for table in &network.route_tables {
            route_tables.entry(table.vpc_id.as_str()).or_default().push(table);
        }
        let mut clusters: HashMap<&str, Vec<&Cluster>> = HashMap::new();
        for cluster in inventory.clusters() {
            clusters.entry(cluster.cluster_id.as_str()).or_default().push(cluster);
        }
        let mut managing: HashMap<&str, Vec<&Mesh>> = HashMap::new();
        for mesh in inventory.meshes() {
            mesh.cluster_ids().into_iter().for_each(|id| managing.entry(id.as_str()).or_default().push(mesh));
        }
        Self {
            topology: Topology::new(network, inventory.security_groups(), lists),
            logs: Logs::new(inventory.logs()),
            egress: Egress::new(inventory),
            references: References::new(inventory),
            named,
            switches,
            route_tables,
            clusters,
            managing,
            opinions: inventory.opinions().iter().map(|one| (one.service_mesh_id.as_str(), one)).collect(),
            index,
        }
    }

    fn inventory(&self) -> &'a Inventory {
        self.index.inventory
    }

    fn now(&self) -> DateTime<Utc> {
        self.index.inventory.taken_at()
    }

    fn switches_of(&self, vpc_id: &str) -> &[&'a VSwitch] {
        self.switches.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    fn route_tables_of(&self, vpc_id: &str) -> &[&'a RouteTable] {
        self.route_tables.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    /// The cluster as its own API has it; of several accounts' the mesh's own first.
    fn cluster(&self, mesh: &Mesh, id: &ClusterId) -> Option<&'a Cluster> {
        let all = self.clusters.get(id.as_str())?;
        all.iter().find(|cluster| cluster.scope.account_id == mesh.scope.account_id).or(all.first()).copied()
    }

    /// True if every field of the mesh's detail was read.
    fn mesh_is_read(&self, mesh: &Mesh) -> bool {
        self.is_scanned(&mesh.scope, "servicemesh", "DescribeServiceMeshDetail", mesh.service_mesh_id.as_str())
    }

    /// True if every field of the cluster's detail was read.
    fn cluster_is_read(&self, cluster: &Cluster) -> bool {
        self.is_scanned(&cluster.scope, "cs", "DescribeClusterDetail", cluster.cluster_id.as_str())
    }

    fn is_scanned(&self, scope: &Scope, product: &str, operation: &str, id: &str) -> bool {
        let unit = Unit::new(&scope.account_id, &scope.region_id, product, operation, id);
        self.inventory().coverage().state(&unit) == Some(UnitState::Scanned)
    }

    fn managing(&self, cluster_id: &str) -> &[&'a Mesh] {
        self.managing.get(cluster_id).map_or(&[], Vec::as_slice)
    }
}

/// An endpoint's staleness, and who bound its EIP; `trusted` is what is trusted there.
pub(super) fn judge(
    setting: &Setting<'_>,
    assessed: &Assessed<'_>,
    rows: &[AccessRow],
    trusted: &AddressSet,
) -> (Staleness, Option<Binding>) {
    let mut staleness = staleness(setting, assessed, rows);
    if staleness.verdict == StalenessVerdict::Required {
        let private = staleness.consumers.iter().filter(|one| one.path.connectivity != Connectivity::Blocked);
        let own = servers::place_of(setting, assessed).map(|(vpc_id, _, _)| vpc_id);
        let vpcs: BTreeSet<&str> = private.map(|one| one.vpc_id.as_str()).chain(own).collect();
        let blocks: AddressSet = vpcs.into_iter().flat_map(|vpc_id| blocks_of(setting, vpc_id)).collect();
        staleness.also_admit = trusted.union(&blocks).cover();
    }
    staleness.whole_logs = whole_logs(setting, &assessed.judgement, &staleness);
    (staleness, bound_by(setting, assessed))
}

/// Logs about the endpoint, or the networks of its consumers, that were read whole.
fn whole_logs(setting: &Setting<'_>, judgement: &EndpointJudgement, staleness: &Staleness) -> u32 {
    let networks: BTreeSet<&str> = staleness.consumers.iter().map(|one| one.vpc_id.as_str()).collect();
    let about = |log: &&LogReading| match log.observer {
        Observer::Mesh | Observer::Cluster => log.observed == judgement.endpoint.resource_id,
        Observer::Vpc => networks.contains(log.observed.as_str()),
        Observer::File => true,
    };
    let whole = setting.inventory().logs().iter().filter(|log| log.complete).filter(about).count();
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// The blocks of a VPC, which may be public ranges used privately. Of the further ones, those that hold a vSwitch: the
/// others are ranges of somebody else that the VPC only leaves alone.
fn blocks_of(setting: &Setting<'_>, vpc_id: &str) -> Vec<Block> {
    let vpcs = setting.inventory().network().vpcs.iter().filter(|vpc| vpc.vpc_id.as_str() == vpc_id);
    let switches: Vec<Block> =
        setting.switches_of(vpc_id).iter().filter_map(|switch| Block::parse(&switch.cidr_block).ok()).collect();
    let parsed = |text: &Text| Block::parse(text).ok();
    let in_use = |block: &Block| {
        let block: AddressSet = [*block].into_iter().collect();
        switches.iter().any(|switch| {
            let switch: AddressSet = [*switch].into_iter().collect();
            switch.subtract(&block).is_empty()
        })
    };
    vpcs.flat_map(|vpc| {
        let own = [&vpc.cidr_block, &vpc.ipv6_cidr_block].into_iter().chain(&vpc.ipv6_cidr_blocks).filter_map(parsed);
        own.chain(vpc.secondary_cidr_blocks.iter().filter_map(parsed).filter(in_use)).collect::<Vec<_>>()
    })
    .collect()
}

fn staleness(setting: &Setting<'_>, assessed: &Assessed<'_>, rows: &[AccessRow]) -> Staleness {
    match assessed.judgement.endpoint.kind {
        EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary => pilot_staleness(setting, assessed, rows),
        EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => server_staleness(setting, assessed, rows),
    }
}

/// The reads that would decide what cannot be told of these exposed endpoints, each once, sorted.
pub(super) fn wanted(setting: &Setting<'_>, exposed: &[&Assessed<'_>]) -> Vec<Wanted> {
    let all: BTreeSet<Wanted> = exposed.par_iter().flat_map_iter(|assessed| wanted_by(setting, assessed)).collect();
    all.into_iter().collect()
}

fn wanted_by(setting: &Setting<'_>, assessed: &Assessed<'_>) -> BTreeSet<Wanted> {
    let Some(target) = target(setting, assessed) else { return BTreeSet::new() };
    let judged = consumers(setting, assessed, &target);
    let references = &setting.references;
    let mut wanted: BTreeSet<Wanted> = judged
        .iter()
        .flat_map(|one| one.found.unread.iter().chain(&one.found.beside))
        .filter_map(|(code, object)| references.wanted(*code, object))
        .collect();
    wanted.extend(judged.iter().filter_map(|one| named_network(setting, assessed, &one.consumer)));
    for one in &judged {
        // By its own addresses whoever needs the public path is let in, and whoever uses it is known in a log.
        let vpc_id = &one.consumer.vpc_id;
        if let Some(scope) = references.vpc(vpc_id.as_str()) {
            for read in [NetworkRead::Nat(vpc_id.clone()), NetworkRead::Instances(vpc_id.clone())] {
                wanted.extend(references.new_one(Wanted { scope: scope.clone(), read }));
            }
        }
        if in_need(one.consumer.need) {
            wanted.extend(unread_tables(setting, vpc_id.as_str()));
        }
    }
    let crosses = judged.iter().any(|one| one.consumer.path.via.is_some_and(|via| via != Via::SameVpc));
    if let (true, Some(mesh)) = (crosses, mesh_of(setting, assessed)) {
        let scope = Scope { region_id: Default::default(), ..mesh.scope.clone() };
        let opinion = Wanted { scope, read: NetworkRead::Opinion(mesh.service_mesh_id.clone()) };
        wanted.extend(references.new_one(opinion));
    }
    wanted
}

/// The network of a consumer that the operator names, where nothing else tells its place: it is looked for where the
/// endpoint is.
fn named_network(setting: &Setting<'_>, assessed: &Assessed<'_>, consumer: &Consumer) -> Option<Wanted> {
    let vpc_id = &consumer.vpc_id;
    if consumer.kind != ConsumerKind::Configured || setting.references.vpc(vpc_id.as_str()).is_some() {
        return None;
    }
    let wanted = Wanted { scope: assessed.scope.clone(), read: NetworkRead::VSwitches(vpc_id.clone()) };
    setting.references.new_one(wanted)
}

/// The tables by which a VPC's vSwitches leave for the internet, as far as they were not read.
fn unread_tables(setting: &Setting<'_>, vpc_id: &str) -> Vec<Wanted> {
    let switches = setting.switches_of(vpc_id).iter();
    let tables = switches.filter_map(|switch| Some((switch, setting.topology.table_of(switch).ok()?)));
    let unread =
        tables.filter(|(switch, table)| setting.topology.is_refused(&switch.scope, "DescribeRouteEntryList", table));
    unread.filter_map(|(_, table)| setting.references.wanted(Code::RouteTableUnreadable, table)).collect()
}

fn consumers(setting: &Setting<'_>, assessed: &Assessed<'_>, target: &Target<'_>) -> Vec<Judged> {
    match (assessed.judgement.endpoint.kind, mesh_of(setting, assessed)) {
        (EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary, Some(mesh)) => {
            clusters::of(setting, mesh, target, &entrance(setting, assessed))
        }
        _ => servers::known(setting, assessed, target, &servers::audit_log(setting, assessed)),
    }
}

fn mesh_of<'a>(setting: &Setting<'a>, assessed: &Assessed<'_>) -> Option<&'a Mesh> {
    let endpoint = &assessed.judgement.endpoint;
    let is_mesh = endpoint.resource_kind == ResourceKind::Mesh;
    is_mesh.then(|| setting.inventory().mesh(&endpoint.account_id, &endpoint.resource_id.as_str().into()))?
}

/// The private entrance. Where a private address is known, only the vSwitch that holds it counts.
fn target<'a>(setting: &'a Setting<'_>, assessed: &'a Assessed<'_>) -> Option<Target<'a>> {
    let (vpc_id, named, groups) = servers::place_of(setting, assessed)?;
    let all = setting.switches_of(vpc_id);
    let place = |address: Option<IpAddr>| {
        let is_held = |switch: &&VSwitch| address.is_some_and(|address| holds(switch, address));
        let is_named = |switch: &&VSwitch| named.contains(switch.v_switch_id.as_str());
        let holding: Vec<&VSwitch> = all.iter().copied().filter(is_held).collect();
        let switches = if holding.is_empty() { all.iter().copied().filter(is_named).collect() } else { holding };
        Place { address, switches: if switches.is_empty() { all.to_vec() } else { switches } }
    };
    let entrance = PrivateEntrance::of(setting, assessed);
    let places: Vec<Place<'_>> = entrance.addresses.iter().map(|address| place(Some(*address))).collect();
    let unread = match mesh_of(setting, assessed) {
        Some(mesh) => (!setting.mesh_is_read(mesh)).then_some(mesh.service_mesh_id.as_str()),
        // A cluster's own group is documented not to filter what comes through the balancer.
        None => None,
    };
    let unread = unread.or_else(|| balancer_elsewhere(assessed, vpc_id)).or(entrance.not_its_own);
    let places = if places.is_empty() { vec![place(None)] } else { places };
    Some(Target { vpc_id, places, ports: ports_of(assessed), groups, filter: None, unread })
}

/// Where consumers connect inside the network.
struct PrivateEntrance<'a> {
    /// Sorted, each once.
    addresses: BTreeSet<IpAddr>,
    /// The balancer that is judged, where it does not stand at these addresses: what filters there was never read.
    not_its_own: Option<&'a str>,
}

impl<'a> PrivateEntrance<'a> {
    fn of(setting: &Setting<'_>, assessed: &'a Assessed<'_>) -> Self {
        let text = private_endpoint(setting, assessed).unwrap_or_default();
        let named: BTreeSet<IpAddr> = public_address::parse(text)
            .into_iter()
            .filter_map(|address| match address.host {
                Host::Ip(ip) => Some(ip),
                Host::Name(_) => None,
            })
            .collect();
        let set = |texts: &mut dyn Iterator<Item = &String>| -> BTreeSet<IpAddr> {
            texts.filter_map(|text| text.parse().ok()).collect()
        };
        let (id, own, is_by_name) = match assessed.front.as_ref().map(|front| front.balancer) {
            Some(Balancer::Classic(Some(balancer))) if index::is_public_by_itself(balancer) => {
                (Some(&balancer.load_balancer_id), BTreeSet::new(), false)
            }
            Some(Balancer::Classic(Some(balancer))) => {
                (Some(&balancer.load_balancer_id), set(&mut [&balancer.address].into_iter()), false)
            }
            // It has a name, which leads to the addresses of all its zones.
            Some(Balancer::Network(Some(balancer))) => {
                let zones = set(&mut balancer.addresses.iter().map(|zone| &zone.private_ipv4_address));
                (Some(&balancer.load_balancer_id), zones, true)
            }
            _ => (None, BTreeSet::new(), false),
        };
        let is_tied = !own.is_empty() && named.is_subset(&own);
        let said = || assessed.judgement.private_address.as_deref().and_then(|text| text.parse::<IpAddr>().ok());
        let mut addresses = named;
        if addresses.is_empty() || is_by_name {
            addresses.extend(own);
        }
        if addresses.is_empty() {
            addresses.extend(said());
        }
        Self { addresses, not_its_own: id.filter(|_| !is_tied).map(LoadBalancerId::as_str) }
    }
}

/// The private endpoint that the product names.
fn private_endpoint<'a>(setting: &Setting<'a>, assessed: &Assessed<'_>) -> Option<&'a str> {
    let endpoint = &assessed.judgement.endpoint;
    let entrance = match (endpoint.kind, mesh_of(setting, assessed)) {
        (EndpointKind::IstioPilot, Some(mesh)) => &mesh.pilot,
        (EndpointKind::IstioPilotCanary, Some(mesh)) => mesh.canary_pilot.value()?,
        (EndpointKind::MeshApiServer, Some(mesh)) => &mesh.api_server,
        (EndpointKind::ClusterApiServer, _) => {
            let id = endpoint.resource_id.as_str().into();
            &setting.inventory().cluster(&endpoint.account_id, &id)?.api_server
        }
        (_, None) => return None,
    };
    entrance.intranet_endpoint.value().map(String::as_str)
}

/// The balancer, where it stands in another VPC than its mesh or cluster: what filters between the two nobody knows.
fn balancer_elsewhere<'a>(assessed: &'a Assessed<'_>, vpc_id: &str) -> Option<&'a str> {
    let (id, own) = match assessed.front.as_ref()?.balancer {
        Balancer::Classic(Some(balancer)) => (&balancer.load_balancer_id, &balancer.vpc_id),
        Balancer::Network(Some(balancer)) => (&balancer.load_balancer_id, &balancer.vpc_id),
        Balancer::Classic(None) | Balancer::Network(None) => return None,
    };
    (!own.is_empty() && own.as_str() != vpc_id).then_some(id.as_str())
}

/// The ports that consumers use: that of the endpoint, and of a pilot those on which it serves discovery and the webhooks
/// of its data plane as well.
fn ports_of(assessed: &Assessed<'_>) -> Vec<u16> {
    const DATA_PLANE: [u16; 4] = [15010, 15011, 15012, 15017];
    let serving = match (assessed.judgement.endpoint.kind, assessed.front.as_ref().map(|front| front.balancer)) {
        (EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer, _) => Vec::new(),
        (_, Some(Balancer::Classic(Some(balancer)))) => {
            balancer.listeners.value().map(|listeners| ports::control_plane_ports(listeners)).unwrap_or_default()
        }
        (_, Some(Balancer::Network(Some(balancer)))) => {
            let listeners = balancer.listeners.value();
            listeners.map(|listeners| ports::network_control_plane_ports(listeners)).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let data_plane = serving.into_iter().filter(|port| DATA_PLANE.contains(port));
    let all: BTreeSet<u16> = data_plane.chain([assessed.port]).collect();
    all.into_iter().collect()
}

/// What the balancer lets through to all of these ports: a listener's access control, or the security groups of
/// a network load balancer. Where the balancer or a listener is not known, anything may stand there.
fn listener_filter(assessed: &Assessed<'_>, rows: &[AccessRow], ports: &[u16]) -> ListenerFilter {
    let mut filter = ListenerFilter { admits: AddressSet::full(), complete: true, listener: String::new() };
    let Some(front) = assessed.front.as_ref().filter(|front| front.certain) else {
        let front = assessed.front.as_ref();
        let listener = front.map_or_else(|| assessed.judgement.endpoint.id(), |front| front.id.to_string());
        return ListenerFilter { complete: false, listener, ..filter };
    };
    filter.listener = match ports {
        [port] => format!("{}/{port}", front.id),
        _ => front.id.to_string(),
    };
    for port in ports {
        let rows = rows.iter().filter(|row| row.port == *port && row.protocol == "tcp");
        // A row may be of another balancer that leads there too; this one's own gates count.
        let listener = format!("{}/{port}", front.id);
        let is_its = |gate: &&Gate| match gate.kind {
            GateKind::ClbAcl => gate.id == listener,
            GateKind::NlbSecurityGroups => assessed.others.is_empty(),
            _ => false,
        };
        let gates: Vec<&Gate> = rows.flat_map(|row| &row.gates).filter(is_its).collect();
        filter.complete &= !gates.is_empty() && gates.iter().all(|gate| gate.complete);
        let admits: AddressSet = gates.iter().flat_map(|gate| gate.admits.iter().copied()).collect();
        filter.admits = filter.admits.intersect(&admits);
    }
    filter
}

fn holds(switch: &VSwitch, address: IpAddr) -> bool {
    let blocks = [&switch.cidr_block, &switch.ipv6_cidr_block];
    blocks.into_iter().any(|text| text.parse::<IpNet>().is_ok_and(|block| block.contains(&address)))
}

/// Every public address that leads to the endpoint.
fn entrance(setting: &Setting<'_>, assessed: &Assessed<'_>) -> Entrance {
    let said = assessed.judgement.public_address.iter().cloned();
    let fronts = [assessed].into_iter().chain(&assessed.others).filter_map(|one| one.front.as_ref());
    let of_balancers = fronts.flat_map(|front| {
        let account_id = &assessed.judgement.endpoint.account_id;
        let eips = setting.index.eips_on(account_id, &front.id).iter().map(|eip| eip.ip_address.clone());
        let zones = match front.balancer {
            Balancer::Network(Some(balancer)) => balancer.addresses.as_slice(),
            _ => &[],
        };
        let own = zones.iter().flat_map(|zone| [&zone.public_ipv4_address, &zone.ipv6_address]).cloned();
        eips.chain(own).collect::<Vec<_>>()
    });
    Entrance { addresses: said.chain(of_balancers).filter_map(|text| text.parse().ok()).collect() }
}

fn pilot_staleness(setting: &Setting<'_>, assessed: &Assessed<'_>, rows: &[AccessRow]) -> Staleness {
    let (Some(mesh), Some(target)) = (mesh_of(setting, assessed), target(setting, assessed)) else {
        return Staleness::plain(StalenessVerdict::Unknown, 0, "its mesh was not read");
    };
    let target = Target { filter: Some(listener_filter(assessed, rows, &target.ports)), ..target };
    let entrance = entrance(setting, assessed);
    let judged = clusters::of(setting, mesh, &target, &entrance);
    let expected = union(&judged, |need| matches!(need, Need::Needed | Need::Misrouted));
    let (strangers, unexpected) = setting.logs.strangers(&entrance, &expected);
    let platform_disagrees = platform_disagrees(setting, mesh, &judged);
    let at = Circumstances {
        target_gone: target_gone(setting, assessed),
        canary_without_revision: canary_without_revision(mesh, assessed),
        is_changing: !mesh_runs(&mesh.state),
        strangers,
        contradicted: !platform_disagrees.is_empty(),
    };
    let needs: Vec<(Need, u8)> =
        judged.iter().map(|one| (one.consumer.need, one.consumer.confidence_percent)).collect();
    let mut fold = pilot::fold(&needs, &at);
    let mut deciding = deciding(&judged);
    if at.is_changing {
        deciding.insert(format!("look again once the mesh {} is running", mesh.service_mesh_id));
    }
    if !clusters::listed(mesh) {
        deciding.insert(format!("read the clusters of the mesh {}", mesh.service_mesh_id));
        if !matches!(fold.verdict, StalenessVerdict::Required) && !at.target_gone {
            fold = pilot::Fold {
                verdict: StalenessVerdict::Unknown,
                confidence: 0,
                after_migration: false,
                reason: "the clusters of the mesh could not be read",
            };
        }
    }
    let (proposed_allowlist, proposal_complete) = proposal(&judged, StalenessVerdict::Required == fold.verdict);
    Staleness {
        verdict: fold.verdict,
        confidence_percent: fold.confidence,
        after_migration: fold.after_migration,
        reason: fold.reason.to_owned(),
        deciding: if fold.verdict == StalenessVerdict::Unknown { deciding.into_iter().collect() } else { Vec::new() },
        proposed_allowlist,
        proposal_complete,
        also_admit: Vec::new(),
        unexpected,
        strangers_known: strangers == Traffic::None,
        silent: silent(&judged),
        incomplete_logs: setting.logs.incomplete(&entrance, flow_logs(setting, &judged)),
        whole_logs: 0,
        probed: false,
        unattributed: false,
        platform_disagrees,
        consumers: sorted(judged.into_iter().map(|one| one.consumer)),
    }
}

fn server_staleness(setting: &Setting<'_>, assessed: &Assessed<'_>, rows: &[AccessRow]) -> Staleness {
    if target_gone(setting, assessed) {
        if mesh_of(setting, assessed).is_some_and(|mesh| !mesh_runs(&mesh.state)) {
            return Staleness::plain(StalenessVerdict::Unknown, 0, pilot::CHANGING);
        }
        let reason = "the EIP, the balancer or the listener behind it is gone";
        return Staleness::plain(StalenessVerdict::Orphaned, 95, reason);
    }
    let Some(target) = target(setting, assessed) else {
        return Staleness::plain(StalenessVerdict::Unknown, 0, "its mesh or cluster was not read");
    };
    let target = Target { filter: Some(listener_filter(assessed, rows, &target.ports)), ..target };
    let entrance = entrance(setting, assessed);
    let audit = servers::audit_log(setting, assessed);
    let judged = servers::known(setting, assessed, &target, &audit);
    let row = api_server::judge(&servers::case(setting, assessed, rows, &audit, &judged, &entrance));
    let mut said = (row.verdict, row.confidence, row.after_migration, row.reason);
    let strongest =
        |of| judged.iter().filter(|one| one.consumer.need == of).map(|one| one.consumer.confidence_percent).max();
    if let Some(confidence) = strongest(Need::Needed).filter(|_| row.number != api_server::CONTROL_PLANE) {
        let confidence =
            if row.verdict == StalenessVerdict::Required { confidence.max(row.confidence) } else { confidence };
        said = (StalenessVerdict::Required, confidence, false, "a known consumer has no private path");
    } else if row.verdict == StalenessVerdict::Stale
        && let Some(confidence) = strongest(Need::Undetermined)
    {
        said = (
            StalenessVerdict::Unknown,
            confidence,
            false,
            "whether a known consumer has a private path cannot be told",
        );
    } else if row.verdict == StalenessVerdict::Stale && row.confidence < LEAST_CONFIDENCE {
        said = (StalenessVerdict::Unknown, row.confidence, false, row.reason);
    }
    let aggregation = servers::aggregation(setting, assessed);
    // Logs say who came, not who is set up to come; past a list of private sources no cluster comes either.
    let stands = said.0 != StalenessVerdict::Stale || row.number == api_server::NOBODY_GETS_IN;
    if let Some(doubt) = aggregation.filter(|_| !stands) {
        said = (StalenessVerdict::Unknown, servers::DOUBT, false, doubt.reason);
    }
    let (verdict, confidence_percent, after_migration, reason) = said;
    let mut deciding = deciding(&judged);
    // That the detail was not read is a gap already, and is said here only where it alone stands in the way.
    let open = aggregation.filter(|doubt| doubt.is_on || !stands);
    deciding.extend(open.map(|doubt| doubt.deciding(&assessed.judgement.endpoint.resource_id)));
    if !audit.complete {
        deciding.insert(format!("read 30 days of the audit log of {}", assessed.judgement.endpoint.resource_id));
    }
    let clients = servers::clients(&audit, &judged, setting.now());
    let (mut proposed_allowlist, proposal_complete) = proposal(&judged, verdict == StalenessVerdict::Required);
    if verdict == StalenessVerdict::Required {
        let all =
            proposed_allowlist.iter().copied().chain(clients.iter().flat_map(|client| client.egress.iter().copied()));
        proposed_allowlist = all.collect::<AddressSet>().cover();
    }
    Staleness {
        verdict,
        confidence_percent,
        after_migration,
        reason: reason.to_owned(),
        deciding: if verdict == StalenessVerdict::Unknown { deciding.into_iter().collect() } else { Vec::new() },
        // Clusters that may use it and have not come yet are in no log, and a list without them would cut them off.
        proposal_complete: proposal_complete && is_whole(&audit) && aggregation.is_none(),
        proposed_allowlist,
        also_admit: Vec::new(),
        unexpected: Vec::new(),
        // Whoever uses an API server is told by what they are, not as a stranger.
        strangers_known: false,
        silent: silent(&judged),
        incomplete_logs: setting.logs.incomplete(&entrance, servers::audit_readings(setting, assessed)),
        whole_logs: 0,
        probed: !audit.requests.others.is_empty(),
        unattributed: row.number == api_server::UNATTRIBUTED,
        platform_disagrees: Vec::new(),
        consumers: sorted(judged.into_iter().map(|one| one.consumer).chain(clients)),
    }
}

fn is_whole(audit: &AuditLog) -> bool {
    audit.complete && !audit.short_window
}

/// The flow logs of the consumers' networks.
fn flow_logs<'a>(setting: &Setting<'a>, judged: &[Judged]) -> Vec<&'a LogReading> {
    let networks: BTreeSet<(&AccountId, &str)> =
        judged.iter().map(|one| (&one.consumer.account_id, one.consumer.vpc_id.as_str())).collect();
    networks.into_iter().flat_map(|(account_id, vpc_id)| setting.logs.of(Observer::Vpc, vpc_id, account_id)).collect()
}

/// The EIP that the product names does not exist, or nothing is left behind the balancer.
fn target_gone(setting: &Setting<'_>, assessed: &Assessed<'_>) -> bool {
    let judgement = &assessed.judgement;
    let account_id = &judgement.endpoint.account_id;
    let reachable = [Sign::EipOnLoadBalancer, Sign::InternetLoadBalancer, Sign::NlbPublicAddress, Sign::Ipv6Address];
    let has_address = judgement.signs.iter().any(|sign| reachable.contains(sign));
    let shown = judgement.public_address.as_deref().and_then(|text| setting.index.eip_with_address(account_id, text));
    let lists_are_read = setting.index.eips_listed(assessed.scope)
        && setting.index.classic_balancers_listed(assessed.scope)
        && setting.index.network_balancers_listed(assessed.scope);
    let named = judgement.product_eip_id.as_ref();
    let named_is_gone = named.is_some_and(|id| setting.index.eip(account_id, id).is_none());
    (named_is_gone && lists_are_read && shown.is_none() && !has_address) || no_listener(assessed)
}

/// The balancer was read with all its listeners, and there is none at all.
fn no_listener(assessed: &Assessed<'_>) -> bool {
    // Where another balancer may lead there too, that one may listen.
    let certain = assessed.front.as_ref().filter(|front| front.certain && assessed.others.is_empty());
    match certain.map(|front| front.balancer) {
        Some(Balancer::Classic(Some(balancer))) => matches!(&balancer.listeners, Reading::Value(all) if all.is_empty()),
        Some(Balancer::Network(Some(balancer))) => matches!(&balancer.listeners, Reading::Value(all) if all.is_empty()),
        _ => false,
    }
}

/// A canary pilot's balancer or EIP without any endpoint: the revision that needed it is over.
fn canary_without_revision(mesh: &Mesh, assessed: &Assessed<'_>) -> bool {
    let Reading::Value(canary) = &mesh.canary_pilot else { return false };
    assessed.judgement.endpoint.kind == EndpointKind::IstioPilotCanary
        && matches!(canary.public_endpoint, Reading::Absent)
        && matches!(canary.intranet_endpoint, Reading::Absent)
}

fn union(judged: &[Judged], counts: impl Fn(Need) -> bool) -> AddressSet {
    let counting = judged.iter().filter(|one| counts(one.consumer.need));
    counting.fold(AddressSet::empty(), |set, one| set.union(&one.addresses))
}

/// True for consumers that an allowlist has to admit.
fn in_need(need: Need) -> bool {
    matches!(need, Need::Needed | Need::Misrouted | Need::Undetermined)
}

/// The smallest allowlist that still serves those who need the endpoint, and whether it is all of it.
fn proposal(judged: &[Judged], required: bool) -> (Vec<IpNet>, bool) {
    if !required {
        return (Vec::new(), false);
    }
    let complete = judged
        .iter()
        .filter(|one| in_need(one.consumer.need))
        .all(|one| one.consumer.egress_complete && !one.addresses.is_empty());
    (union(judged, in_need).cover(), complete)
}

/// Consumers that ought to be in the logs and are not.
fn silent(judged: &[Judged]) -> Vec<String> {
    let silent = judged.iter().filter(|one| {
        matches!(one.consumer.need, Need::Needed | Need::Misrouted) && one.consumer.traffic == Traffic::None
    });
    silent.map(|one| one.consumer.id.clone()).collect()
}

/// Reads and logs that would decide the consumers that are undetermined.
fn deciding(judged: &[Judged]) -> BTreeSet<String> {
    let mut sentences = BTreeSet::new();
    for one in judged.iter().filter(|one| one.consumer.need == Need::Undetermined) {
        sentences.extend(wanted::in_words(&one.found.unread));
        if one.consumer.vpc_id.is_empty() {
            sentences
                .insert(format!("ask who runs {} whether it has a private path", Text::from(one.consumer.id.as_str())));
        } else if one.consumer.traffic == Traffic::NotAvailable {
            sentences.insert(format!("read 30 days of flow logs of {}", one.consumer.vpc_id));
        }
    }
    sentences
}

/// Where the platform's own opinion contradicts a path that was found.
fn platform_disagrees(setting: &Setting<'_>, mesh: &Mesh, judged: &[Judged]) -> Vec<String> {
    let Some(opinion) = setting.opinions.get(mesh.service_mesh_id.as_str()) else { return Vec::new() };
    let routed = judged.iter().filter(|one| {
        one.consumer.path.connectivity == Connectivity::Connected && one.consumer.path.via == Some(Via::Route)
    });
    let mut sentences = Vec::new();
    for one in routed {
        let id = &one.consumer.id;
        if opinion.not_joined_by_cen.iter().any(|cluster| cluster.as_str() == id) {
            sentences.push(format!("DescribeCens lists {id} as not connected to the mesh's VPC by CEN"));
        }
        for flagged in opinion.forbidden.iter().filter(|cluster| cluster.cluster_id.as_str() == id) {
            sentences.extend(match flagged.forbidden_flag {
                2 => Some(format!("ForbiddenFlag 2 says that {id} has no private connection")),
                3 => Some(format!("ForbiddenFlag 3 says that blocks of {id} and of the mesh overlap")),
                _ => None,
            });
        }
    }
    sentences
}

fn sorted(consumers: impl Iterator<Item = Consumer>) -> Vec<Consumer> {
    let mut consumers: Vec<Consumer> = consumers.collect();
    consumers.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
    consumers
}

/// The latest event that bound the endpoint's EIP.
fn bound_by(setting: &Setting<'_>, assessed: &Assessed<'_>) -> Option<Binding> {
    let judgement = &assessed.judgement;
    let endpoint = &judgement.endpoint;
    let of_account = |account_id: &AccountId| *account_id == endpoint.account_id;
    let events = setting.inventory().trails().iter().filter(|trail| of_account(&trail.scope.account_id));
    let events = events.flat_map(|trail| &trail.bindings);
    // Where the product was left to choose the EIP, the event names the resource alone.
    let about_it = events.filter(|event| match event.eip_id.as_str() {
        "" => event.resource_id == endpoint.resource_id,
        id => judgement.eip_id.as_ref().is_some_and(|own| own.as_str() == id),
    });
    about_it.map(|event| &event.binding).max_by_key(|binding| binding.at).cloned()
}

/// What is said of an endpoint that is not exposed, or not surely.
pub(super) fn without_exposure(exposure: Exposure) -> Staleness {
    match exposure {
        Exposure::Private => Staleness::plain(StalenessVerdict::NotExposed, 0, "nothing is exposed"),
        Exposure::Exposed | Exposure::Unknown => {
            Staleness::plain(StalenessVerdict::Unknown, 0, "whether it is exposed at all could not be read")
        }
    }
}

#[cfg(test)]
mod tests;
