//! Kubernetes clusters: what the list, the detail and the list of cloud resources say.

use super::{
    convert::{escaped, plain_id, required_id_reading, same_region, scope, strict_flag, tags, text_reading},
    mesh::{fill, positive},
};
use crate::{
    cloud::api::{
        cs,
        wire::{Field, Problems, inner_json, is_plain_id},
    },
    model::{Cluster, ClusterId, Entrance, LoadBalancerId, Reading, Scope, VSwitchId, is_network_balancer},
};

/// A cluster with the balancers that its configuration names for the API server.
#[derive(Clone, Debug)]
pub(super) struct ClusterRead {
    pub(super) cluster: Cluster,
    /// In the order of the reply; of several, one that is public counts.
    pub(super) balancers: Vec<LoadBalancerId>,
    /// The reply names another region than the one asked.
    pub(super) wrong_region: Option<String>,
}

/// A cluster as the list shows it: enough to ask for its detail, and its positive signs in case the
/// detail cannot be read. `None` where it cannot even be named.
pub(super) fn listed(wire: cs::Cluster, scope: &Scope, problems: &mut Problems) -> Option<ClusterRead> {
    // The detail is read strictly; here only what hides the cluster itself counts.
    let mut read = convert(wire, scope, problems, &mut Problems::default())?;
    read.cluster.api_server = positive(read.cluster.api_server);
    Some(read)
}

/// A cluster in detail. `None` where the reply is about no cluster that we could name.
pub(super) fn detailed(
    wire: cs::Cluster,
    asked: &ClusterId,
    scope: &Scope,
    problems: &mut Problems,
) -> Option<ClusterRead> {
    let mut identity = Problems::default();
    let read = convert(wire, scope, &mut identity, problems);
    problems.extend(identity);
    let read = read?;
    if read.cluster.cluster_id != *asked {
        let id = escaped(read.cluster.cluster_id.as_str());
        problems.note("cluster_id", format!("names another cluster: \"{id}\""));
        return None;
    }
    Some(read)
}

/// Fills what the detail did not say from what the list did.
pub(super) fn complete(detail: &mut Cluster, list: &Cluster) {
    fill(&mut detail.api_server, &list.api_server);
}

fn convert(wire: cs::Cluster, asked: &Scope, identity: &mut Problems, problems: &mut Problems) -> Option<ClusterRead> {
    let id = plain_id(wire.cluster_id, "cluster_id", identity)?;
    let wrong_region = same_region(wire.region_id, &asked.region_id, identity).err().map(|wrong| wrong.region);
    let (mut public_endpoint, intranet_endpoint) = endpoints(wire.master_url, problems);
    let mut public_flag = public_slb(wire.meta_data, problems);
    let Configured { balancers, public } = configured(wire.control_plane_endpoints_config, problems);
    // Any sign counts, whatever the others say.
    match public {
        Some(endpoint) if endpoint.is_empty() => public_flag = Reading::Value(true),
        Some(endpoint) if public_endpoint.value().is_none() => public_endpoint = Reading::Value(endpoint),
        Some(_) | None => {}
    }
    let load_balancer_id = match &balancers {
        None => Reading::Unread,
        Some(ids) => ids.first().cloned().map_or(Reading::Absent, Reading::Value),
    };
    let mut v_switches: Vec<VSwitchId> =
        wire.vswitch_ids.optional("vswitch_ids", problems).into_iter().map(Into::into).collect();
    v_switches.sort();
    let cluster = Cluster {
        scope: scope(&asked.account_id, &asked.region_id),
        cluster_id: id.into(),
        name: wire.name.text("name", problems),
        cluster_type: wire.cluster_type.text("cluster_type", problems),
        profile: wire.profile.text("profile", problems),
        state: wire.state.text("state", problems),
        vpc_id: wire.vpc_id.text("vpc_id", problems).into(),
        v_switches,
        container_cidr: match wire.container_cidr {
            Field::Missing => Reading::Unread,
            said => text_reading(said, "container_cidr", problems),
        },
        updated: wire.updated.text("updated", problems),
        security_group_id: required_id_reading(wire.security_group_id, "security_group_id", problems),
        ip_stack: wire.ip_stack.text("ip_stack", problems),
        api_server: Entrance {
            public_flag,
            public_endpoint,
            intranet_endpoint,
            // The product never names the EIP that it binds.
            eip_id: Reading::Absent,
            load_balancer_id,
        },
        other_load_balancers: Vec::new(),
        tags: tags(wire.tags, "tags", problems),
    };
    Some(ClusterRead { cluster, balancers: balancers.unwrap_or_default(), wrong_region })
}

/// Public and private endpoint. An empty `master_url` has neither; one that cannot be read, or is
/// not there at all, says nothing.
fn endpoints(master_url: Field<String>, problems: &mut Problems) -> (Reading<String>, Reading<String>) {
    let Some(text) = master_url.required("master_url", problems) else {
        return (Reading::Unread, Reading::Unread);
    };
    match inner_json::<cs::MasterUrl>(&text) {
        Ok(None) => (Reading::Absent, Reading::Absent),
        Ok(Some(urls)) => (
            text_reading(urls.api_server_endpoint, "master_url.api_server_endpoint", problems),
            text_reading(urls.intranet_api_server_endpoint, "master_url.intranet_api_server_endpoint", problems),
        ),
        Err(why) => {
            problems.note("master_url", why);
            (Reading::Unread, Reading::Unread)
        }
    }
}

/// `Capabilities.PublicSLB`, which not every cluster has.
fn public_slb(meta_data: Field<String>, problems: &mut Problems) -> Reading<bool> {
    if matches!(meta_data, Field::Wrong(_)) {
        meta_data.optional("meta_data", problems);
        return Reading::Unread;
    }
    let text = meta_data.text("meta_data", problems);
    let capabilities = match inner_json::<cs::MetaData>(&text) {
        Ok(None) => return Reading::Absent,
        Ok(Some(data)) => data.capabilities.read("meta_data.Capabilities", problems),
        Err(why) => {
            problems.note("meta_data", why);
            None
        }
    };
    match capabilities.map(|capabilities| capabilities.public_slb) {
        None => Reading::Unread,
        Some(Field::Missing) => Reading::Absent,
        Some(flag) => strict_flag(flag, "meta_data.Capabilities.PublicSLB", problems),
    }
}

/// What `control_plane_endpoints_config` says.
struct Configured {
    /// The API server's balancers; `None` where they cannot be read.
    balancers: Option<Vec<LoadBalancerId>>,
    /// The endpoint that it calls public, if it does so; empty where it has no name.
    public: Option<String>,
}

fn configured(config: crate::cloud::api::wire::Object<cs::EndpointsConfig>, problems: &mut Problems) -> Configured {
    let mut configured = Configured { balancers: None, public: None };
    let Some(config) = config.read("control_plane_endpoints_config", problems) else { return configured };
    let mut ids: Option<Vec<LoadBalancerId>> = Some(Vec::new());
    for balancer in config.load_balancers_config.optional("load_balancers_config", problems) {
        match required_id_reading(balancer.load_balancer_id, "load_balancers_config.load_balancer_id", problems) {
            Reading::Value(id) => {
                if let Some(ids) = &mut ids {
                    ids.push(id);
                }
            }
            Reading::Absent => {}
            Reading::Unread => ids = None,
        }
        let kind = balancer.endpoint_type.text("load_balancers_config.endpoint_type", problems);
        if kind.eq_ignore_ascii_case("public") {
            configured.public = Some(balancer.endpoint.text("load_balancers_config.endpoint", problems));
        } else if !kind.is_empty() && !kind.eq_ignore_ascii_case("private") {
            let text = format!("is neither private nor public: \"{}\"", escaped(&kind));
            problems.note("load_balancers_config.endpoint_type", text);
        }
    }
    Configured { balancers: ids, ..configured }
}

/// What the resources of a cluster say of the API server's balancer.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiServerBalancers {
    /// `Absent` where there is none, `Unread` where an entry that could be it is unreadable.
    pub(super) chosen: Reading<LoadBalancerId>,
    /// Every balancer that could be it, sorted; of several, one that is public counts.
    pub(super) candidates: Vec<LoadBalancerId>,
}

/// The API server's balancer among the resources of a cluster: those that say so, else those that
/// no object inside the cluster asked for.
pub(super) fn api_server_balancer(resources: Vec<Field<cs::Resource>>, problems: &mut Problems) -> ApiServerBalancers {
    let mut fallback: Vec<String> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    let mut unreadable = false;
    for resource in resources {
        let Some(resource) = resource.required("an item", problems) else {
            unreadable = true;
            continue;
        };
        let kind = resource.resource_type.text("resource_type", problems);
        let id = resource.instance_id.text("instance_id", problems);
        let is_balancer = matches!(kind.as_str(), "SLB" | "ALIYUN::SLB::LoadBalancer")
            || kind.to_ascii_uppercase().contains("NLB")
            || id.starts_with("lb-")
            || is_network_balancer(&id);
        if !is_balancer {
            continue;
        }
        if !is_plain_id(&id) {
            problems.note("instance_id", format!("is no identifier: \"{}\"", escaped(&id)));
            unreadable = true;
            continue;
        }
        let info = match inner_json::<cs::ResourceInfo>(&resource.resource_info.text("resource_info", problems)) {
            Ok(info) => info.unwrap_or_default().id.text("resource_info.Id", problems),
            // Says nothing about which balancer it is; the type and the owner still do.
            Err(_) => String::new(),
        };
        let owner = resource.associated_object.read("associated_object", problems).unwrap_or_default();
        let owned = !owner.name.text("associated_object.name", problems).is_empty()
            || !owner.kind.text("associated_object.kind", problems).is_empty();
        if info == "k8s_master_slb" {
            named.push(id);
        } else if !owned && !info.contains("ingress") {
            fallback.push(id);
        }
    }
    let mut ids = if named.is_empty() { fallback } else { named };
    ids.sort();
    ids.dedup();
    let candidates: Vec<LoadBalancerId> = ids.into_iter().map(Into::into).collect();
    let chosen = match candidates.first() {
        Some(id) => Reading::Value(id.clone()),
        None if unreadable => Reading::Unread,
        None => Reading::Absent,
    };
    ApiServerBalancers { chosen, candidates }
}
