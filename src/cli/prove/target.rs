//! The endpoint now: what its slot holds, its balancer, and whether anything is under way.

use std::collections::BTreeSet;

use futures::future;

use super::{
    ask::{Ask, sound},
    clusters, eip, listener,
};
use crate::{
    cloud::api::{
        cs::{self, ClusterTasks},
        servicemesh::{self, Endpoints, ServiceMesh, ServiceMeshDetail, SpecLoadBalancer},
        vpc::EipAddress,
        wire::{Field, List, Problems, inner_json},
    },
    model::{EipId, LoadBalancerId, NamedConsumers},
    remediate::{Action, Change, Endpoint, Slot, Target, TargetState, Unread},
};

/// Reads the endpoint. Who uses it is asked for only where guards go by it (`consumers`), and what else a listener is set to
/// only where that is compared: the way back must not wait for what it does not need. What it gives back (`undoes`) has to
/// be there.
pub(super) async fn read(
    ask: &Ask<'_>,
    target: &Target,
    action: Option<&Action>,
    consumers: Option<&NamedConsumers>,
    compares: bool,
    undoes: bool,
) -> Result<TargetState, Unread> {
    let fence = action.and_then(|action| match &action.change {
        Change::Fence { port, .. } => Some(*port),
        Change::Unbind { .. } => None,
    });
    let state = match &target.endpoint {
        Endpoint::ClusterApiServer(id) => {
            let planned = action.map(|action| &action.load_balancer);
            cluster(ask, target, id.as_str(), planned, consumers).await?
        }
        _ => mesh(ask, target, action.map(|action| &action.load_balancer), consumers).await?,
    };
    let Some(port) = fence else { return Ok(state) };
    // A network balancer has no such lists.
    let offered = !state.load_balancer.is_network();
    let settings = async {
        match compares {
            true => listener::settings(ask, &target.region, &state.load_balancer, port).await.map(Some),
            false => Ok(None),
        }
    };
    let setting = listener::setting(ask, &target.region, &state.load_balancer, port);
    let previous = async {
        match action.map(|action| &action.change) {
            Some(Change::Fence { before, .. }) if undoes && before.on => {
                listener::still_lists(ask, &target.region, &before.ids).await.map(Some)
            }
            _ => Ok(None),
        }
    };
    let (setting, settings, previous) = future::join3(setting, settings, previous).await;
    let (slot, settings) = (Slot::Acl(setting?), settings.map_err(beside)?);
    Ok(TargetState { slot, offered, settings, previous: previous?, ..state })
}

async fn mesh(
    ask: &Ask<'_>,
    target: &Target,
    planned: Option<&LoadBalancerId>,
    consumers: Option<&NamedConsumers>,
) -> Result<TargetState, Unread> {
    let id = target.endpoint.owner();
    let request = servicemesh::describe_service_mesh_detail(id);
    let detail = ask.one::<ServiceMeshDetail>(&request);
    let joined = async {
        match (consumers, &target.endpoint) {
            (None, _) => Ok(None),
            (Some(named), Endpoint::MeshApiServer(_)) => Ok(Some(clusters::named(named, id))),
            (Some(_), _) => clusters::of_mesh(ask, id).await.map(Some),
        }
    };
    let (detail, joined, of_planned) = future::join3(detail, joined, on_planned(ask, target, planned)).await;
    let mut problems = Problems::default();
    let mesh = detail?.service_mesh.0.required("ServiceMesh", &mut problems);
    let mesh = sound(mesh, &problems)?;
    let listed = mesh.clusters.clone();
    let mut state = of_mesh(mesh, target)?;
    let on_balancer = on_balancer(ask, target, of_planned, &state.load_balancer).await.map_err(beside)?;
    state.slot = witnessed(state.slot, &on_balancer)?;
    if let Some(mut joined) = joined.map_err(beside)? {
        if !matches!(target.endpoint, Endpoint::MeshApiServer(_)) {
            let mut problems = Problems::default();
            joined.extend(listed.optional("Clusters", &mut problems));
            joined = sound(Some(joined), &problems)?;
        }
        state.clusters = Some(joined.into_iter().collect());
    }
    Ok(state)
}

/// The EIPs on the balancer that is planned for, asked for before it is known whether that is the one.
async fn on_planned(ask: &Ask<'_>, target: &Target, planned: Option<&LoadBalancerId>) -> Option<OnPlanned> {
    let planned = planned.filter(|id| !id.is_network())?;
    Some((planned.clone(), eip::on(ask, &target.region, planned).await))
}

type OnPlanned = (LoadBalancerId, Result<Vec<EipAddress>, Unread>);

/// The EIPs on the balancer of the endpoint. Those of a network balancer are on its zones.
async fn on_balancer(
    ask: &Ask<'_>,
    target: &Target,
    of_planned: Option<OnPlanned>,
    id: &LoadBalancerId,
) -> Result<Vec<EipAddress>, Unread> {
    match of_planned {
        Some((planned, eips)) if planned == *id => eips,
        _ if !id.is_network() => eip::on(ask, &target.region, id).await,
        _ => Ok(Vec::new()),
    }
}

/// A mesh knows of the EIPs that were bound through it. One that was bound to its balancer beside it fills the slot as well.
fn witnessed(slot: Slot, on_balancer: &[EipAddress]) -> Result<Slot, Unread> {
    let mut problems = Problems::default();
    let ids: Option<Vec<EipId>> = on_balancer
        .iter()
        .map(|eip| Some(eip.allocation_id.clone().required_text("AllocationId", &mut problems)?.into()))
        .collect();
    let ids = sound(ids, &problems)?;
    match (slot, ids.as_slice()) {
        (Slot::Vacant, [other]) => Ok(Slot::Eip(other.clone())),
        (Slot::Eip(named), [other]) if named != *other => {
            Err(Unread::Failed(format!("it names the EIP {named}, and {other} is on its balancer")))
        }
        (_, [_, _, ..]) => Err(Unread::Failed("its balancer has several EIPs".to_owned())),
        (slot, _) => Ok(slot),
    }
}

/// What a mesh's detail says of one of its slots.
fn of_mesh(mesh: ServiceMesh, target: &Target) -> Result<TargetState, Unread> {
    let mut problems = Problems::default();
    let info = mesh.service_mesh_info.read("ServiceMeshInfo", &mut problems).unwrap_or_default();
    let id = info.service_mesh_id.required_text("ServiceMeshInfo.ServiceMeshId", &mut problems);
    let region = info.region_id.required_text("ServiceMeshInfo.RegionId", &mut problems);
    let state = info.state.required_text("ServiceMeshInfo.State", &mut problems).unwrap_or_default();
    let endpoints = mesh.endpoints.read("Endpoints", &mut problems).unwrap_or_default();
    let spec = mesh.spec.read("Spec", &mut problems).unwrap_or_default();
    let Field::Value(balancers) = spec.load_balancer.0 else {
        problems.note("Spec.LoadBalancer", "is missing or no object");
        return Err(Unread::Schema(problems.summary()));
    };
    let canary = has_canary(&balancers, &endpoints, &mut problems);
    let said = Said::of(&target.endpoint, balancers, endpoints, &mut problems);
    let Some(said) = said.filter(|_| problems.is_empty()) else {
        return Err(Unread::Schema(problems.summary()));
    };
    if id.as_deref() != Some(target.endpoint.owner()) || region.as_deref() != Some(target.region.as_str()) {
        return Err(Unread::Failed("the reply is about another mesh, or another region".to_owned()));
    }
    let word = state.to_ascii_lowercase();
    Ok(TargetState {
        slot: said.slot()?,
        load_balancer: said.balancer,
        running: word == "running",
        upgrading: word.contains("upgrad") || word.contains("updat"),
        canary,
        task: false,
        offered: true,
        clusters: None,
        settings: None,
        previous: None,
    })
}

/// What a mesh says of one slot.
struct Said {
    /// A canary pilot has none.
    flag: Option<bool>,
    eip: String,
    endpoint: String,
    balancer: LoadBalancerId,
}

impl Said {
    fn of(slot: &Endpoint, spec: SpecLoadBalancer, shown: Endpoints, problems: &mut Problems) -> Option<Self> {
        let (flag, eip, balancer, endpoint) = match slot {
            Endpoint::Pilot(_) => (
                Some((spec.pilot_public_eip, "PilotPublicEip")),
                (spec.pilot_public_eip_id, "PilotPublicEipId"),
                (spec.pilot_public_loadbalancer_id, "PilotPublicLoadbalancerId"),
                (shown.public_pilot_endpoint, "PublicPilotEndpoint"),
            ),
            Endpoint::CanaryPilot(_) => (
                None,
                (spec.canary_pilot_public_eip_id, "CanaryPilotPublicEipId"),
                (spec.canary_pilot_load_balancer_id, "CanaryPilotLoadBalancerId"),
                (shown.public_canary_pilot_endpoint, "PublicCanaryPilotEndpoint"),
            ),
            Endpoint::MeshApiServer(_) | Endpoint::ClusterApiServer(_) => (
                Some((spec.api_server_public_eip, "ApiServerPublicEip")),
                (spec.api_server_public_eip_id, "ApiServerPublicEipId"),
                (spec.api_server_loadbalancer_id, "ApiServerLoadbalancerId"),
                (shown.public_api_server_endpoint, "PublicApiServerEndpoint"),
            ),
        };
        let flag = match flag {
            Some((field, name)) => Some(field.required(name, problems)?),
            None => None,
        };
        // An empty id says that there is none; a missing one says nothing.
        if matches!(eip.0, Field::Missing) {
            problems.note(eip.1, "is missing");
        }
        let balancer = balancer.0.required_text(balancer.1, problems)?;
        Some(Self {
            flag,
            eip: eip.0.text(eip.1, problems),
            endpoint: endpoint.0.text(endpoint.1, problems),
            balancer: balancer.into(),
        })
    }

    /// Empty only where nothing says otherwise: while an EIP leaves, the signs go one after the other.
    fn slot(&self) -> Result<Slot, Unread> {
        if !self.eip.is_empty() {
            return Ok(Slot::Eip(EipId::from(self.eip.as_str())));
        }
        match self.flag == Some(true) || !self.endpoint.trim().is_empty() {
            true => Err(Unread::Failed("it names no EIP, and still says that it is public".to_owned())),
            false => Ok(Slot::Vacant),
        }
    }
}

/// A canary pilot beside the pilot: its balancer, EIP or any endpoint.
fn has_canary(balancers: &SpecLoadBalancer, endpoints: &Endpoints, problems: &mut Problems) -> bool {
    let fields = [
        (&balancers.canary_pilot_public_eip_id, "CanaryPilotPublicEipId"),
        (&balancers.canary_pilot_load_balancer_id, "CanaryPilotLoadBalancerId"),
        (&endpoints.public_canary_pilot_endpoint, "PublicCanaryPilotEndpoint"),
        (&endpoints.intranet_canary_pilot_endpoint, "IntranetCanaryPilotEndpoint"),
    ];
    fields.into_iter().fold(false, |any, (field, name)| !field.clone().text(name, problems).is_empty() || any)
}

/// What beside the endpoint itself was not found does not mean that the endpoint is gone.
fn beside(unread: Unread) -> Unread {
    match unread {
        Unread::NotFound => Unread::Failed("something of it was not found".to_owned()),
        other => other,
    }
}

async fn cluster(
    ask: &Ask<'_>,
    target: &Target,
    id: &str,
    planned: Option<&LoadBalancerId>,
    consumers: Option<&NamedConsumers>,
) -> Result<TargetState, Unread> {
    let region = target.region.as_str();
    let request = cs::describe_cluster_detail(region, id);
    let of_planned = on_planned(ask, target, planned);
    let (detail, tasks, of_planned) =
        future::join3(ask.one::<cs::Cluster>(&request), tasks(ask, region, id), of_planned).await;
    let detail = detail?;
    let tasks = tasks.map_err(beside)?;
    let vpc = detail.vpc_id.clone();
    let named = balancers(detail.control_plane_endpoints_config.clone())?;
    let shown = Shown::of(detail, target)?;
    let balancer = match named {
        Some(balancer) => balancer,
        None => balancer_by_resources(ask, region, id).await?,
    };
    let eips = on_balancer(ask, target, of_planned, &balancer).await;
    let slot = shown.slot(&eips.map_err(beside)?)?;
    let clusters = match consumers {
        Some(named) => {
            let mut problems = Problems::default();
            let vpc = vpc.text("vpc_id", &mut problems);
            let mut all = clusters::managing(ask, id, &sound(Some(vpc), &problems)?).await.map_err(beside)?;
            all.extend(clusters::named(named, id));
            Some(all.into_iter().collect())
        }
        None => None,
    };
    Ok(TargetState {
        slot,
        load_balancer: balancer,
        running: shown.state == "running",
        upgrading: shown.state.contains("upgrad") || shown.state.contains("updat"),
        canary: false,
        task: tasks,
        offered: shown.offered,
        clusters,
        settings: None,
        previous: None,
    })
}

/// What a cluster's detail says of its API server, but for the balancer.
struct Shown {
    state: String,
    offered: bool,
    public: bool,
    endpoint: String,
}

impl Shown {
    fn of(wire: cs::Cluster, target: &Target) -> Result<Self, Unread> {
        let mut problems = Problems::default();
        let id = wire.cluster_id.required_text("cluster_id", &mut problems);
        let region = wire.region_id.required_text("region_id", &mut problems);
        let state = wire.state.required_text("state", &mut problems).unwrap_or_default();
        let kind = wire.cluster_type.required_text("cluster_type", &mut problems).unwrap_or_default();
        let profile = wire.profile.text("profile", &mut problems);
        let url = wire.master_url.required_text("master_url", &mut problems).unwrap_or_default();
        let meta = wire.meta_data.required_text("meta_data", &mut problems).unwrap_or_default();
        let url = inner(inner_json::<cs::MasterUrl>(&url), "master_url", &mut problems);
        let endpoint = url.map(|url| url.api_server_endpoint.text("api_server_endpoint", &mut problems));
        let meta = inner(inner_json::<cs::MetaData>(&meta), "meta_data", &mut problems);
        let flag = meta.and_then(|meta| {
            let capabilities = meta.capabilities.0.required("meta_data.Capabilities", &mut problems)?;
            capabilities.public_slb.required("meta_data.Capabilities.PublicSLB", &mut problems)
        });
        let (Some(endpoint), Some(public)) = (endpoint, flag) else { return Err(Unread::Schema(problems.summary())) };
        let shown = Self { state: state.to_ascii_lowercase(), offered: offers(&kind, &profile), public, endpoint };
        if id.as_deref() != Some(target.endpoint.owner()) || region.as_deref() != Some(target.region.as_str()) {
            problems.note("cluster_id", "names another cluster, or region_id another region");
        }
        sound(Some(shown), &problems)
    }

    fn slot(&self, eips: &[EipAddress]) -> Result<Slot, Unread> {
        match eips {
            [] if self.public || !self.endpoint.trim().is_empty() => {
                Err(Unread::Failed("its balancer has no EIP, and it still says that it is public".to_owned()))
            }
            [] => Ok(Slot::Vacant),
            [eip] => {
                let mut problems = Problems::default();
                let id = eip.allocation_id.clone().required_text("AllocationId", &mut problems);
                sound(id.map(|id| Slot::Eip(EipId::from(id))), &problems)
            }
            _ => Err(Unread::Failed("its balancer has several EIPs".to_owned())),
        }
    }
}

/// The vendor offers it for managed, serverless and edge clusters. Of other words nobody says so.
fn offers(kind: &str, profile: &str) -> bool {
    let kinds = ["ManagedKubernetes", "Ask"];
    let profiles = ["", "Default", "Serverless", "Edge"];
    kinds.iter().any(|known| known.eq_ignore_ascii_case(kind))
        && profiles.iter().any(|known| known.eq_ignore_ascii_case(profile))
}

fn inner<T>(read: Result<Option<T>, String>, field: &'static str, problems: &mut Problems) -> Option<T> {
    match read {
        Ok(Some(value)) => Some(value),
        Ok(None) => {
            problems.note(field, "is empty");
            None
        }
        Err(why) => {
            problems.note(field, why);
            None
        }
    }
}

/// The one balancer that the cluster's configuration names; `None` where it names none. With several nobody knows which
/// one an EIP would be bound to.
fn balancers(config: crate::cloud::api::wire::Object<cs::EndpointsConfig>) -> Result<Option<LoadBalancerId>, Unread> {
    let mut problems = Problems::default();
    let config = config.read("control_plane_endpoints_config", &mut problems).unwrap_or_default();
    let mut ids = BTreeSet::new();
    for balancer in config.load_balancers_config.optional("load_balancers_config", &mut problems) {
        ids.insert(balancer.load_balancer_id.text("load_balancer_id", &mut problems));
    }
    ids.remove("");
    let ids = sound(Some(ids), &problems)?;
    only(ids)
}

fn only(ids: BTreeSet<String>) -> Result<Option<LoadBalancerId>, Unread> {
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (first, None) => Ok(first.map(LoadBalancerId::from)),
        _ => Err(Unread::Failed("several balancers may be the API server's".to_owned())),
    }
}

/// Clusters whose configuration names no balancer have it among their resources.
async fn balancer_by_resources(ask: &Ask<'_>, region: &str, id: &str) -> Result<LoadBalancerId, Unread> {
    let reply: List<cs::Resource> = ask.one(&cs::describe_cluster_resources(region, id)).await.map_err(beside)?;
    let List::Items(items) = reply else { return Err(Unread::Schema("the list of resources".to_owned())) };
    let mut problems = Problems::default();
    let mut ids = BTreeSet::new();
    for item in items {
        let Some(resource) = item.required("an item", &mut problems) else { continue };
        let info = inner_json::<cs::ResourceInfo>(&resource.resource_info.text("resource_info", &mut problems));
        let info = info.ok().flatten().unwrap_or_default().id.text("resource_info.Id", &mut problems);
        if info == "k8s_master_slb" {
            ids.extend(resource.instance_id.required_text("instance_id", &mut problems));
        }
    }
    let ids = sound(Some(ids), &problems)?;
    only(ids)?.ok_or_else(|| Unread::Failed("no balancer of its API server is named".to_owned()))
}

/// Whether any task of the cluster is under way.
async fn tasks(ask: &Ask<'_>, region: &str, id: &str) -> Result<bool, Unread> {
    let request = cs::describe_cluster_tasks(region, id);
    let listing = ask.list::<ClusterTasks>(&request, cs::TASKS_PAGING).await?;
    let mut problems = listing.head;
    let mut under_way = false;
    for item in listing.items {
        let Some(task) = item.required("tasks", &mut problems) else { continue };
        if task.state.clone().required_text("state", &mut problems).is_some() {
            under_way |= task.is_under_way();
        }
    }
    sound(Some(under_way), &problems)
}
