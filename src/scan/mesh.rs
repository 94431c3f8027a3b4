//! Meshes: what the list, the detail and the list of data-plane clusters say.

use super::convert::{
    escaped, optional_flag, plain_id, plain_id_reading, required_id_reading, scope, strict_flag, tags, text_reading,
};
use crate::{
    cloud::api::{
        servicemesh::{Endpoints, ExtraConfiguration, MeshCluster, Network, ServiceMesh, SpecLoadBalancer},
        wire::{Field, List, Problems},
    },
    model::{AccountId, DataPlaneCluster, Entrance, Mesh, MeshId, Reading, RegionId, VSwitchId},
};

/// A mesh as the list shows it: enough to ask for its detail, and its positive signs in case the
/// detail cannot be read. `None` where it cannot even be named.
pub(super) fn listed(wire: ServiceMesh, account_id: &AccountId, problems: &mut Problems) -> Option<Mesh> {
    // The list lacks EIP ids and the canary pilot, so its silence about anything means nothing:
    // what is wrong in it counts only where it hides the mesh itself.
    // Tags are in the list alone, and one of them may say that nobody may touch the mesh.
    let mut ignored = Problems::default();
    let tagged = tags(wire.tag.clone(), "Tag", problems);
    let mut mesh = convert(wire, account_id, problems, &mut ignored)?;
    mesh.tags = tagged;
    mesh.pilot = positive(mesh.pilot);
    mesh.api_server = positive(mesh.api_server);
    mesh.canary_pilot = Reading::Unread;
    mesh.audit_enabled = Reading::Unread;
    mesh.cr_aggregation = Reading::Unread;
    Some(mesh)
}

/// A mesh in detail. `None` where the reply is about no mesh that we could name.
pub(super) fn detailed(
    wire: ServiceMesh,
    asked: &MeshId,
    account_id: &AccountId,
    problems: &mut Problems,
) -> Option<Mesh> {
    let mut identity = Problems::default();
    let mut mesh = convert(wire, account_id, &mut identity, problems);
    if let Some(answered) = &mesh
        && answered.service_mesh_id != *asked
    {
        let id = escaped(answered.service_mesh_id.as_str());
        identity.note("ServiceMeshInfo.ServiceMeshId", format!("names another mesh: \"{id}\""));
        mesh = None;
    }
    problems.extend(identity);
    mesh
}

/// Fills what the detail did not say from what the list did.
pub(super) fn complete(mut detail: Mesh, list: &Mesh) -> Mesh {
    fill(&mut detail.pilot, &list.pilot);
    fill(&mut detail.api_server, &list.api_server);
    // Only the list has them.
    if detail.tags.is_empty() {
        detail.tags.clone_from(&list.tags);
    }
    detail
}

/// Takes over what `to` left unread.
pub(super) fn fill(to: &mut Entrance, from: &Entrance) {
    fn reading<T: Clone>(to: &mut Reading<T>, from: &Reading<T>) {
        if to.is_unread() {
            to.clone_from(from);
        }
    }
    reading(&mut to.public_flag, &from.public_flag);
    reading(&mut to.public_endpoint, &from.public_endpoint);
    reading(&mut to.intranet_endpoint, &from.intranet_endpoint);
    reading(&mut to.eip_id, &from.eip_id);
    reading(&mut to.load_balancer_id, &from.load_balancer_id);
}

/// Leaves only what is affirmed: all else is unread.
pub(super) fn positive(entrance: Entrance) -> Entrance {
    fn only<T>(reading: Reading<T>, counts: impl Fn(&T) -> bool) -> Reading<T> {
        match reading {
            Reading::Value(value) if counts(&value) => Reading::Value(value),
            _ => Reading::Unread,
        }
    }
    Entrance {
        public_flag: only(entrance.public_flag, |flag| *flag),
        public_endpoint: only(entrance.public_endpoint, |_| true),
        intranet_endpoint: only(entrance.intranet_endpoint, |_| true),
        eip_id: only(entrance.eip_id, |_| true),
        load_balancer_id: only(entrance.load_balancer_id, |_| true),
    }
}

/// The data-plane clusters of a mesh.
pub(super) fn data_plane(list: List<MeshCluster>, problems: &mut Problems) -> Vec<DataPlaneCluster> {
    let mut clusters: Vec<DataPlaneCluster> = list
        .required("Clusters", None, problems)
        .into_iter()
        .filter_map(|cluster| {
            Some(DataPlaneCluster {
                cluster_id: plain_id(cluster.cluster_id, "Clusters.ClusterId", problems)?.into(),
                name: cluster.name.text("Clusters.Name", problems),
                cluster_type: cluster.cluster_type.text("Clusters.ClusterType", problems),
                region_id: cluster.region_id.text("Clusters.RegionId", problems).into(),
                vpc_id: cluster.vpc_id.text("Clusters.VpcId", problems).into(),
                state: cluster.state.text("Clusters.State", problems),
            })
        })
        .collect();
    clusters.sort_by(|one, other| one.cluster_id.cmp(&other.cluster_id));
    clusters
}

fn convert(
    wire: ServiceMesh,
    account_id: &AccountId,
    identity: &mut Problems,
    problems: &mut Problems,
) -> Option<Mesh> {
    let info = wire.service_mesh_info.read("ServiceMeshInfo", identity)?;
    let id = plain_id(info.service_mesh_id, "ServiceMeshInfo.ServiceMeshId", identity)?;
    let region_id: RegionId = plain_id(info.region_id, "ServiceMeshInfo.RegionId", identity)?.into();

    // Where an object has another shape, or is not there at all, its fields are unread, not absent.
    let endpoints = match wire.endpoints.0 {
        Field::Missing => {
            problems.note("Endpoints", "is missing");
            None
        }
        _ => wire.endpoints.read("Endpoints", problems),
    };
    let endpoint = |field: fn(&Endpoints) -> &Field<String>, name: &'static str, problems: &mut Problems| {
        endpoints.as_ref().map_or(Reading::Unread, |endpoints| text_reading(field(endpoints).clone(), name, problems))
    };
    let spec = wire.spec.read("Spec", problems);
    let (balancers, network, config) = match spec {
        Some(spec) => (
            spec.load_balancer.read("Spec.LoadBalancer", problems),
            spec.network.read("Spec.Network", problems).unwrap_or_default(),
            spec.mesh_config.read("Spec.MeshConfig", problems),
        ),
        None => (None, Network::default(), None),
    };
    let balancers = balancers.unwrap_or_else(wrong_balancers);

    let pilot = Entrance {
        public_flag: strict_flag(balancers.pilot_public_eip, "Spec.LoadBalancer.PilotPublicEip", problems),
        public_endpoint: endpoint(|it| &it.public_pilot_endpoint, "Endpoints.PublicPilotEndpoint", problems),
        intranet_endpoint: endpoint(|it| &it.intranet_pilot_endpoint, "Endpoints.IntranetPilotEndpoint", problems),
        eip_id: text_reading(balancers.pilot_public_eip_id, "Spec.LoadBalancer.PilotPublicEipId", problems),
        load_balancer_id: required_id_reading(
            balancers.pilot_public_loadbalancer_id,
            "Spec.LoadBalancer.PilotPublicLoadbalancerId",
            problems,
        ),
    };
    let api_server = Entrance {
        public_flag: strict_flag(balancers.api_server_public_eip, "Spec.LoadBalancer.ApiServerPublicEip", problems),
        public_endpoint: endpoint(|it| &it.public_api_server_endpoint, "Endpoints.PublicApiServerEndpoint", problems),
        intranet_endpoint: endpoint(
            |it| &it.intranet_api_server_endpoint,
            "Endpoints.IntranetApiServerEndpoint",
            problems,
        ),
        eip_id: text_reading(balancers.api_server_public_eip_id, "Spec.LoadBalancer.ApiServerPublicEipId", problems),
        load_balancer_id: required_id_reading(
            balancers.api_server_loadbalancer_id,
            "Spec.LoadBalancer.ApiServerLoadbalancerId",
            problems,
        ),
    };
    let canary = Entrance {
        public_flag: Reading::Absent,
        public_endpoint: endpoint(
            |it| &it.public_canary_pilot_endpoint,
            "Endpoints.PublicCanaryPilotEndpoint",
            problems,
        ),
        intranet_endpoint: endpoint(
            |it| &it.intranet_canary_pilot_endpoint,
            "Endpoints.IntranetCanaryPilotEndpoint",
            problems,
        ),
        eip_id: text_reading(
            balancers.canary_pilot_public_eip_id,
            "Spec.LoadBalancer.CanaryPilotPublicEipId",
            problems,
        ),
        load_balancer_id: plain_id_reading(
            balancers.canary_pilot_load_balancer_id,
            "Spec.LoadBalancer.CanaryPilotLoadBalancerId",
            problems,
        ),
    };
    let extra = config
        .as_ref()
        .and_then(|config| config.extra_configuration.clone().read("Spec.MeshConfig.ExtraConfiguration", problems));
    let cr_aggregation = extra.map_or(Reading::Unread, |extra| aggregation_reading(extra, problems));
    let audit = config.and_then(|config| config.audit.read("Spec.MeshConfig.Audit", problems));
    let (audit_enabled, audit_project) = audit.map_or((Reading::Unread, String::new()), |audit| {
        let enabled = optional_flag(audit.enabled, "Spec.MeshConfig.Audit.Enabled", problems);
        (enabled, audit.project.text("Spec.MeshConfig.Audit.Project", problems))
    });
    let mut clusters: Vec<_> = wire.clusters.optional("Clusters", problems).into_iter().map(Into::into).collect();
    clusters.sort();
    clusters.dedup();
    let mut v_switches: Vec<VSwitchId> =
        network.v_switches.optional("Spec.Network.VSwitches", problems).into_iter().map(Into::into).collect();
    v_switches.sort();
    let security_group_id =
        match required_id_reading::<String>(network.security_group_id, "Spec.Network.SecurityGroupId", problems) {
            Reading::Value(id) => id,
            Reading::Absent | Reading::Unread => String::new(),
        };

    Some(Mesh {
        scope: scope(account_id, &region_id),
        service_mesh_id: id.into(),
        name: info.name.text("ServiceMeshInfo.Name", problems),
        state: info.state.text("ServiceMeshInfo.State", problems),
        vpc_id: network.vpc_id.text("Spec.Network.VpcId", problems).into(),
        v_switches,
        security_group_id: security_group_id.into(),
        pilot,
        canary_pilot: canary_reading(canary),
        api_server,
        audit_enabled,
        audit_project,
        cr_aggregation,
        clusters,
        data_plane: Reading::Unread,
        tags: tags(wire.tag, "Tag", problems),
    })
}

/// The switch under both of its names: on where either says so.
fn aggregation_reading(extra: ExtraConfiguration, problems: &mut Problems) -> Reading<bool> {
    const NAME: &str = "Spec.MeshConfig.ExtraConfiguration.CRAggregationConfiguration";
    const FORMER: &str = "Spec.MeshConfig.ExtraConfiguration.CRAggregationEnabled";
    let configured = extra.cr_aggregation_configuration.read(NAME, problems);
    let configured = configured.map_or(Reading::Unread, |configured| optional_flag(configured.enabled, NAME, problems));
    match (configured, optional_flag(extra.cr_aggregation_enabled, FORMER, problems)) {
        (Reading::Value(true), _) | (_, Reading::Value(true)) => Reading::Value(true),
        (Reading::Unread, _) | (_, Reading::Unread) => Reading::Unread,
        (Reading::Value(false), _) | (_, Reading::Value(false)) => Reading::Value(false),
        (Reading::Absent, Reading::Absent) => Reading::Absent,
    }
}

/// The fields of a `Spec.LoadBalancer` that is no object: the problem is noted once there, and each
/// field comes out as unread.
fn wrong_balancers() -> SpecLoadBalancer {
    fn wrong<T>() -> Field<T> {
        Field::Wrong("inside something that is no object".to_owned())
    }
    SpecLoadBalancer {
        pilot_public_eip: wrong(),
        pilot_public_eip_id: wrong(),
        pilot_public_loadbalancer_id: wrong(),
        canary_pilot_public_eip_id: wrong(),
        canary_pilot_load_balancer_id: wrong(),
        api_server_public_eip: wrong(),
        api_server_public_eip_id: wrong(),
        api_server_loadbalancer_id: wrong(),
    }
}

/// There is a canary pilot if anything of it is there; there is none if nothing of it is; and
/// nothing can be said where what was read is nothing and something was not read.
fn canary_reading(canary: Entrance) -> Reading<Entrance> {
    let states = [
        state(&canary.public_endpoint),
        state(&canary.intranet_endpoint),
        state(&canary.eip_id),
        state(&canary.load_balancer_id),
    ];
    if states.contains(&State::Value) {
        return Reading::Value(canary);
    }
    if states.contains(&State::Unread) { Reading::Unread } else { Reading::Absent }
}

#[derive(PartialEq)]
enum State {
    Unread,
    Absent,
    Value,
}

fn state<T>(reading: &Reading<T>) -> State {
    match reading {
        Reading::Unread => State::Unread,
        Reading::Absent => State::Absent,
        Reading::Value(_) => State::Value,
    }
}
