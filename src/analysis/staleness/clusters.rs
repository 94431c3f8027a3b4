//! The consumers of a mesh's pilot: its data-plane clusters, matched to what the cluster API knows
//! of them.

use std::collections::BTreeMap;

use crate::{
    model::{
        Cluster, ClusterId, Connectivity, Consumer, ConsumerKind, DataPlaneCluster, Mesh, Reading, RegionId, Traffic,
        VSwitch, VpcId,
    },
    netset::{AddressSet, Block},
};

use super::{
    Judged, Setting,
    data_plane::{self, Case, Existence, State},
    logs::{Entrance, Origin},
    path::{self, Found, Source, Target},
};

/// Words of `ClusterType` for clusters that the cluster API of the account lists. One with another
/// word was imported by its kubeconfig.
const LISTED_TYPES: &[&str] = &["Kubernetes", "ManagedKubernetes", "Ask"];

/// A cluster as its mesh and as its own API see it.
struct Known<'a> {
    id: &'a ClusterId,
    seen_by_mesh: Option<&'a DataPlaneCluster>,
    own: Option<&'a Cluster>,
}

/// Every cluster that the mesh names, in either reply, by id.
pub(super) fn of(setting: &Setting<'_>, mesh: &Mesh, target: &Target<'_>, entrance: &Entrance) -> Vec<Judged> {
    let mut known: BTreeMap<&ClusterId, Option<&DataPlaneCluster>> =
        mesh.clusters.iter().map(|id| (id, None)).collect();
    for cluster in mesh.data_plane.value().into_iter().flatten() {
        known.insert(&cluster.cluster_id, Some(cluster));
    }
    let known = known.into_iter().map(|(id, seen_by_mesh)| Known { id, seen_by_mesh, own: setting.cluster(mesh, id) });
    known.map(|cluster| judge(setting, mesh, &cluster, target, entrance)).collect()
}

fn judge(setting: &Setting<'_>, mesh: &Mesh, cluster: &Known<'_>, target: &Target<'_>, entrance: &Entrance) -> Judged {
    let existence = existence(setting, mesh, cluster);
    let vpc_id = vpc_of(cluster);
    let source = source(setting, cluster, vpc_id.as_str());
    let found = path_of(setting, target, &source);
    // Its nodes may stand in any vSwitch of the VPC, and leave as those do.
    let anywhere = setting.switches_of(vpc_id.as_str());
    let leaving = setting.egress.of(&setting.topology, entrance, vpc_id.as_str(), anywhere, source.pods);
    let blocks = source.blocks();
    let account_id = cluster.own.map_or(&mesh.scope.account_id, |own| &own.scope.account_id);
    let origin = Origin {
        account_id,
        vpc_id: vpc_id.as_str(),
        blocks: blocks.as_ref(),
        egress: &leaving.set,
        egress_complete: leaving.complete,
    };
    let traffic = setting.logs.traffic(entrance, &origin);
    let state = cluster.seen_by_mesh.map(|seen| seen.state.clone()).unwrap_or_default();
    let row = data_plane::judge(Case { existence, state: State::of(&state), path: found.class, traffic });
    let may_use = traffic == Traffic::NotAvailable && setting.logs.may_use(entrance, &origin);
    let row = if may_use { data_plane::perhaps_seen(row) } else { row };
    let consumer = Consumer {
        id: cluster.id.as_str().to_owned(),
        kind: ConsumerKind::Cluster,
        name: cluster
            .own
            .map(|own| &own.name)
            .or(cluster.seen_by_mesh.map(|seen| &seen.name))
            .cloned()
            .unwrap_or_default(),
        account_id: account_id.clone(),
        region_id: region_of(cluster).cloned().unwrap_or_default(),
        vpc_id,
        state,
        need: row.need,
        confidence_percent: row.confidence,
        reason: row.reason.to_owned(),
        path: found.path.clone(),
        traffic,
        egress: leaving.set.cover(),
        egress_complete: leaving.complete,
    };
    Judged { consumer, found, addresses: leaving.set }
}

/// Whether the cluster API knows the cluster. It is gone only where that API was read whole in the
/// region that the mesh names, and only if it is of a type that the API lists.
fn existence(setting: &Setting<'_>, mesh: &Mesh, cluster: &Known<'_>) -> Existence {
    if let Some(own) = cluster.own {
        let outside = is_outside(&own.cluster_type) || own.profile.eq_ignore_ascii_case("Edge");
        return if outside { Existence::Outside } else { Existence::Present };
    }
    let Some(seen) = cluster.seen_by_mesh else { return Existence::Unreadable };
    // The reply names no owner: the cluster is this account's only where its VPC is, and nobody else's.
    let network = setting.inventory().network();
    let owned = network.vpcs.iter().any(|vpc| {
        !vpc.shared
            && vpc.vpc_id == seen.vpc_id
            && vpc.scope.account_id == mesh.scope.account_id
            && vpc.scope.region_id == seen.region_id
    });
    let listed =
        owned && setting.inventory().listed(&mesh.scope.account_id, &seen.region_id, "cs", "DescribeClustersV1");
    if is_outside(&seen.cluster_type) || !LISTED_TYPES.iter().any(|kind| kind.eq_ignore_ascii_case(&seen.cluster_type))
    {
        Existence::Outside
    } else if listed && !seen.region_id.is_empty() {
        Existence::Gone
    } else {
        Existence::Unreadable
    }
}

/// Registered from elsewhere, or with nodes that stand outside the cloud.
fn is_outside(kind: &str) -> bool {
    ["ExternalKubernetes", "Edge", "ManagedEdgeKubernetes"].iter().any(|outside| kind.eq_ignore_ascii_case(outside))
}

fn vpc_of(cluster: &Known<'_>) -> VpcId {
    let own = cluster.own.map(|own| &own.vpc_id).filter(|id| !id.is_empty());
    own.or(cluster.seen_by_mesh.map(|seen| &seen.vpc_id)).cloned().unwrap_or_default()
}

fn region_of<'a>(cluster: &Known<'a>) -> Option<&'a RegionId> {
    cluster.own.map(|own| &own.scope.region_id).or(cluster.seen_by_mesh.map(|seen| &seen.region_id))
}

/// Its private path. The cluster's own reply names the vSwitches that it was made with, and node pools may stand in any
/// other of the VPC: there is a path only if there is one from these too.
fn path_of(setting: &Setting<'_>, target: &Target<'_>, source: &Source<'_>) -> Found {
    let found = path::find(&setting.topology, target, source);
    let is_named = |switch: &&VSwitch| source.switches.iter().any(|one| one.v_switch_id == switch.v_switch_id);
    let others: Vec<&VSwitch> =
        setting.switches_of(source.vpc_id).iter().copied().filter(|switch| !is_named(switch)).collect();
    if found.path.connectivity != Connectivity::Connected || others.is_empty() {
        return found;
    }
    // What leads back to the pods is the same wherever their nodes are.
    let elsewhere = Source { switches: others, pod_blocks: Vec::new(), groups: source.groups.clone(), ..*source };
    path::also(found, path::find(&setting.topology, target, &elsewhere))
}

/// Where the cluster's sidecars send from. Pods with a block of their own sit behind the vSwitches of
/// the nodes; others take addresses of vSwitches, which may be any of the VPC.
fn source<'a>(setting: &'a Setting<'_>, cluster: &'a Known<'_>, vpc_id: &'a str) -> Source<'a> {
    let pods = cluster.own.and_then(|own| Block::parse(own.container_cidr.value()?).ok());
    let all = setting.switches_of(vpc_id);
    let named: Vec<&VSwitch> = match cluster.own {
        Some(own) if pods.is_some() && !own.v_switches.is_empty() => {
            all.iter().copied().filter(|switch| own.v_switches.contains(&switch.v_switch_id)).collect()
        }
        _ => Vec::new(),
    };
    let group = cluster.own.and_then(|own| own.security_group_id.value());
    Source {
        vpc_id,
        switches: if named.is_empty() { all.to_vec() } else { named },
        pods,
        pod_blocks: pods.map(|pods| pod_blocks(setting, vpc_id, pods)).unwrap_or_default(),
        groups: group.into_iter().map(|id| id.as_str().to_owned()).collect(),
        unread: (!is_read(setting, cluster)).then_some(cluster.id.as_str()),
    }
}

/// True if all was read of the cluster that a path depends on: its group and where its pods are.
fn is_read(setting: &Setting<'_>, cluster: &Known<'_>) -> bool {
    cluster.own.is_some_and(|own| {
        let pods_are_known = match &own.container_cidr {
            Reading::Value(block) => Block::parse(block).is_ok(),
            Reading::Absent => true,
            Reading::Unread => false,
        };
        pods_are_known && !own.security_group_id.is_unread() && setting.cluster_is_read(own)
    })
}

/// Where in their block there can be pods: each node has a part of it, to which a route of the VPC leads. All of the
/// block while no such route is known.
fn pod_blocks(setting: &Setting<'_>, vpc_id: &str, pods: Block) -> Vec<Block> {
    let whole: AddressSet = [pods].into_iter().collect();
    let tables = setting.route_tables_of(vpc_id).iter();
    let nodes: AddressSet = tables
        .flat_map(|table| &table.route_entrys)
        .filter(|entry| entry.next_hops.iter().any(|hop| hop.next_hop_type == "Instance"))
        .filter_map(|entry| Block::parse(&entry.destination_cidr_block).ok())
        .filter(|block| [*block].into_iter().collect::<AddressSet>().subtract(&whole).is_empty())
        .collect();
    if nodes.is_empty() { vec![pods] } else { nodes.cover().into_iter().map(Block::from).collect() }
}

/// True if the mesh's own list of clusters was read.
pub(super) fn listed(mesh: &Mesh) -> bool {
    matches!(mesh.data_plane, Reading::Value(_))
}
