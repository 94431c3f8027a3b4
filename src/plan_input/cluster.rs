//! Kubernetes clusters: `alicloud_cs_managed_kubernetes`, `alicloud_cs_kubernetes`, `alicloud_cs_edge_kubernetes` and
//! `alicloud_cs_serverless_kubernetes`.
//!
//! The public address is made with the cluster: `slb_internet_enabled` and `endpoint_public_access_enabled` work "only for
//! create operation" (`website/docs/r/cs_managed_kubernetes.html.markdown` and `cs_serverless_kubernetes.html.markdown`). Of a
//! cluster that is there already, an argument that changes says nothing of what will be; what the cloud said last of its
//! endpoint does (`connections.api_server_internet`).

use super::{
    balancer,
    document::Resource,
    draft::{Draft, Named},
    kinds::{Kind, Shape},
    references,
    value::Fact,
};
use crate::model::{Cluster, Entrance, LoadBalancerId, Reading, SecurityGroupId, VpcId, plan_code};

pub(super) fn read(draft: &mut Draft<'_>, resource: &Resource, shape: Shape) {
    let values = resource.values();
    let scope = draft.scope(resource);
    let balancers = balancers(draft, resource);
    let flag = public_flag(draft, resource, shape, &balancers);
    let is_private = flag == Reading::Value(false);
    let mut fronts = balancers.ids.clone();
    match draft.named(resource, values.field("slb_id"), &["slb_id"]) {
        Named::One(id) => fronts.insert(0, LoadBalancerId::from(id)),
        // A computed attribute has no expression. What refers to it calls it so.
        Named::Unknown(_) | Named::Nobody if fronts.is_empty() => {
            fronts.push(LoadBalancerId::from(format!("{}.slb_id", resource.address)));
        }
        Named::Unknown(_) | Named::Nobody => {}
    }
    fronts.dedup();
    let public = (flag == Reading::Value(true)).then(|| what_opens(draft, resource, shape, &balancers));
    for id in &fronts {
        draft.front(resource, id, public.clone());
    }
    let mut fronts = fronts.into_iter();
    let first = fronts.next().unwrap_or_default();
    let security_group_id = draft.named(resource, values.field("security_group_id"), &["security_group_id"]);
    let vpc_id = draft.named(resource, values.field("vpc_id"), &["vpc_id"]).id();
    let public_endpoint = match balancers.public_name {
        Some(name) if resource.created && !balancers.also_switched(resource, shape) => Reading::Value(name),
        _ => public_endpoint(resource, shape, is_private),
    };
    draft.builder.clusters.push(Cluster {
        scope,
        cluster_id: resource.address.as_str().into(),
        name: values.field("name").text().set().unwrap_or_default(),
        cluster_type: shape.cluster_type.to_owned(),
        profile: shape.profile.to_owned(),
        vpc_id: vpc_id.map(VpcId::from).unwrap_or_default(),
        // Without a known one it is a group that the product makes; of the cluster's nodes, not of its API server.
        security_group_id: security_group_id
            .id()
            .map_or(Reading::Absent, |id| Reading::Value(SecurityGroupId::from(id))),
        ip_stack: values.field("ip_stack").text().set().unwrap_or_default(),
        api_server: Entrance {
            public_flag: flag,
            public_endpoint,
            intranet_endpoint: Reading::Unread,
            eip_id: Reading::Absent,
            load_balancer_id: Reading::Value(first),
        },
        other_load_balancers: fronts.collect(),
        tags: values.field("tags").texts().collect(),
        ..Cluster::default()
    });
}

/// What `control_plane_endpoints_config` says (managed clusters, provider 1.286.0).
struct Balancers {
    ids: Vec<LoadBalancerId>,
    /// True if one of them is of the type `public`.
    public: bool,
    /// How the public endpoint will be called: by the domain name of the planned network load balancer that is public.
    public_name: Option<String>,
    /// Why something of it is not known.
    unknown: Option<String>,
}

impl Balancers {
    /// True if the product makes a balancer of its own as well, or may.
    fn also_switched(&self, resource: &Resource, shape: Shape) -> bool {
        resource.values().field(shape.switch).flag() != Fact::Value(false) || self.unknown.is_some()
    }
}

fn balancers(draft: &mut Draft<'_>, resource: &Resource) -> Balancers {
    const BLOCK: &str = "control_plane_endpoints_config";
    let mut read = Balancers { ids: Vec::new(), public: false, public_name: None, unknown: None };
    let unknown = |what: &str, why: &str| Some(format!("{BLOCK}.load_balancers_config{what} {why}"));
    let block = resource.values().field(BLOCK);
    let config = match block.block() {
        Fact::Value(config) => config,
        Fact::Null | Fact::Absent => return read,
        // It is computed where it is not written, which is so for most clusters: then the product decides by the switch.
        Fact::Later if references::is_unwritten(draft.document, resource, &[BLOCK]) => return read,
        fact => {
            read.unknown = unknown("", fact.why_unknown().unwrap_or_default());
            return read;
        }
    };
    let items = match config.field("load_balancers_config").items() {
        Fact::Value(items) => items,
        Fact::Null | Fact::Absent => return read,
        fact => {
            read.unknown = unknown("", fact.why_unknown().unwrap_or_default());
            return read;
        }
    };
    for (index, item) in items.into_iter().enumerate() {
        let kind = item.field("endpoint_type").text();
        match kind {
            Fact::Value("private") => {}
            Fact::Value("public") => read.public = true,
            Fact::Value(_) => read.unknown = unknown(".endpoint_type", "is neither private nor public"),
            _ => read.unknown = unknown(".endpoint_type", kind.why_unknown().unwrap_or("is not set")),
        }
        let path = [BLOCK, "0", "load_balancers_config", &index.to_string(), "load_balancer_id"];
        match draft.named(resource, item.field("load_balancer_id"), &path) {
            Named::One(id) => {
                let is_network = draft.is_planned(Kind::NetworkBalancer, &id);
                if is_network && kind == Fact::Value("public") {
                    read.public_name = Some(balancer::domain_name(&id));
                }
                // Of a cluster that is there, its endpoint tells.
                if resource.created && !is_network && !draft.is_planned(Kind::ClassicBalancer, &id) {
                    read.unknown = unknown(".load_balancer_id", "names a load balancer that is not in the plan");
                }
                let id = LoadBalancerId::from(id);
                draft.serves_api_server(&id);
                read.ids.push(id);
            }
            other => {
                // Where none is written the product makes one.
                if let Named::Unknown(why) = other
                    && !references::is_unwritten(draft.document, resource, &path)
                {
                    read.unknown = unknown(".load_balancer_id", why);
                }
                let id = format!("{}.{BLOCK}.load_balancers_config[{index}]", resource.address);
                read.ids.push(LoadBalancerId::from(id));
            }
        }
    }
    read
}

/// The argument that makes the API server public.
fn what_opens(draft: &Draft<'_>, resource: &Resource, shape: Shape, balancers: &Balancers) -> String {
    if balancers.public && balancers.also_switched(resource, shape) {
        return format!("{} and an endpoint_type say public", shape.switch);
    }
    if balancers.public {
        return "endpoint_type is public".to_owned();
    }
    match references::is_unwritten(draft.document, resource, &[shape.switch]) {
        true => format!("{} is true, which is its default", shape.switch),
        false => format!("{} is true", shape.switch),
    }
}

fn public_flag(draft: &mut Draft<'_>, resource: &Resource, shape: Shape, balancers: &Balancers) -> Reading<bool> {
    let switch = resource.values().field(shape.switch).flag();
    let on = match &switch {
        Fact::Value(on) => Ok(*on),
        // The provider writes its default into every plan. A default that means public is believed without.
        Fact::Null | Fact::Absent if shape.default => Ok(true),
        Fact::Null => Err("is null".to_owned()),
        fact => Err(fact.why_unknown().unwrap_or_default().to_owned()),
    };
    let on = on.map_err(|why| format!("{} {why}", shape.switch));
    let before = resource.before().map(|before| before.field(shape.switch).flag());
    // Whether it was so before is known of every cluster that is there, but not of one in a state.
    let changes = match (&on, before) {
        (Ok(on), Some(before)) => before != Fact::Value(*on),
        _ => false,
    };
    if balancers.public || (on == Ok(true)) {
        return Reading::Value(true);
    }
    let unknown = match (on, &balancers.unknown) {
        (Err(why), _) => why,
        (_, Some(why)) => why.clone(),
        (Ok(_), None) if changes => {
            format!(
                "{} is switched off for a cluster that is there, which the provider does not carry out",
                shape.switch
            )
        }
        (Ok(on), None) => return Reading::Value(on),
    };
    let message = format!("{unknown}: whether its API server gets a public address cannot be told");
    draft.unknown(resource, plan_code::LATER, message);
    Reading::Unread
}

/// The public endpoint as the cloud said it last; a new private cluster has none.
fn public_endpoint(resource: &Resource, shape: Shape, is_private: bool) -> Reading<String> {
    let connections = resource.values().field("connections");
    match connections.field("api_server_internet").text() {
        Fact::Value("") if is_private || !resource.created => Reading::Absent,
        Fact::Null if is_private => Reading::Absent,
        Fact::Value(endpoint) if !endpoint.is_empty() => Reading::Value(endpoint.to_owned()),
        _ if is_private && (resource.created || !shape.tells_endpoint) => Reading::Absent,
        _ => Reading::Unread,
    }
}
