//! Service meshes: `alicloud_service_mesh_service_mesh` (`website/docs/r/service_mesh_service_mesh.html.markdown`).
//!
//! `load_balancer.api_server_public_eip` and `pilot_public_eip` are the switches, `pilot_public_eip_id` is the EIP that is
//! bound to Istio Pilot since provider 1.232.0, which sends `pilot_public_eip` no more. The whole block is computed where it
//! is not written.

use super::{
    document::Resource,
    draft::{Draft, Named},
    value::{Fact, Node},
};
use crate::model::{EipId, Entrance, LoadBalancerId, Mesh, Reading, SecurityGroupId, VpcId, plan_code};

/// How the block names what belongs to one entrance.
struct Arguments {
    what: &'static str,
    switch: &'static str,
    balancer: &'static str,
    eip: Option<&'static str>,
}

const PILOT: Arguments = Arguments {
    what: "Istio Pilot",
    switch: "pilot_public_eip",
    balancer: "pilot_public_loadbalancer_id",
    eip: Some("pilot_public_eip_id"),
};

const API_SERVER: Arguments = Arguments {
    what: "the API server",
    switch: "api_server_public_eip",
    balancer: "api_server_loadbalancer_id",
    eip: None,
};

pub(super) fn read(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let scope = draft.scope(resource);
    let block = values.field("load_balancer").block();
    let (pilot, pilot_unknown) = entrance(draft, resource, &block, &PILOT);
    let (api_server, api_unknown) = entrance(draft, resource, &block, &API_SERVER);
    let whole = block.value().is_none().then(|| {
        let why = block.why_unknown().unwrap_or("is not set");
        format!("load_balancer {why}: whether Istio Pilot and the API server get public addresses cannot be told")
    });
    let unknown: Vec<String> = whole.into_iter().chain(pilot_unknown).chain(api_unknown).collect();
    if !unknown.is_empty() {
        let message = format!("{}; write it to decide", unknown.join("; "));
        draft.unknown(resource, plan_code::LATER, message);
    }
    let network = values.field("network").block().value();
    let text = |node: Option<Node<'_>>, name: &str| match node {
        Some(node) => draft.named(resource, node.field(name), &["network", "0", name]).id().unwrap_or_default(),
        None => String::new(),
    };
    let security_group_id = match text(network, "security_group_id") {
        // It is always made by the product. What refers to it calls it so.
        id if id.is_empty() => format!("{}.security_group_id", resource.address),
        id => id,
    };
    let audit = values.field("mesh_config").block().value().map(|config| config.field("audit").block());
    let mesh = Mesh {
        scope,
        service_mesh_id: resource.address.as_str().into(),
        name: values.field("service_mesh_name").text().set().unwrap_or_default(),
        // What a plan tells is how things are when it has been carried out.
        state: "running".to_owned(),
        vpc_id: VpcId::from(text(network, "vpc_id")),
        security_group_id: SecurityGroupId::from(security_group_id),
        pilot,
        // A new mesh has none. The provider does not know of one.
        canary_pilot: if resource.created { Reading::Absent } else { Reading::Unread },
        api_server,
        audit_enabled: match audit {
            Some(Fact::Value(audit)) => audit.field("enabled").flag().value().map_or(Reading::Unread, Reading::Value),
            _ => Reading::Unread,
        },
        tags: values.field("tags").texts().collect(),
        ..Mesh::default()
    };
    draft.builder.meshes.push(mesh);
}

/// One entrance, and why it is not known whether it is public.
fn entrance(
    draft: &mut Draft<'_>,
    resource: &Resource,
    block: &Fact<Node<'_>>,
    arguments: &Arguments,
) -> (Entrance, Option<String>) {
    let made = || LoadBalancerId::from(format!("{}.{}", resource.address, arguments.balancer));
    let node = match block {
        Fact::Value(node) => *node,
        _ => {
            draft.front(resource, &made(), None);
            return (Entrance { load_balancer_id: Reading::Value(made()), ..Entrance::default() }, None);
        }
    };
    let switch = match node.field(arguments.switch).flag() {
        Fact::Value(on) => Reading::Value(on),
        // A block that is written without it sends false.
        Fact::Null => Reading::Value(false),
        fact => {
            let why = fact.why_unknown().unwrap_or_default();
            let eip_id = eip(draft, resource, node, arguments, &Reading::Unread);
            let public = eip_id.value().is_some();
            let load_balancer_id = balancer(draft, resource, node, arguments, public);
            let entrance =
                Entrance { eip_id, load_balancer_id: Reading::Value(load_balancer_id), ..Entrance::default() };
            // An EIP that is named decides without the switch, which new versions of the provider only read.
            return (entrance, (!public).then(|| unknown(arguments, arguments.switch, why)));
        }
    };
    let eip_id = eip(draft, resource, node, arguments, &switch);
    let eip_unread = eip_id.is_unread() && switch == Reading::Value(false);
    let public = switch == Reading::Value(true) || eip_id.value().is_some();
    let load_balancer_id = Reading::Value(balancer(draft, resource, node, arguments, public));
    let public_endpoint = if public || eip_id.is_unread() { Reading::Unread } else { Reading::Absent };
    let entrance = Entrance {
        // An EIP says more than the switch, which new versions of the provider do not send.
        public_flag: if public { Reading::Value(true) } else { switch },
        public_endpoint,
        intranet_endpoint: Reading::Unread,
        eip_id,
        load_balancer_id,
    };
    let why = arguments.eip.filter(|_| eip_unread).map(|argument| {
        let why = node.field(argument).text().why_unknown().unwrap_or_default();
        unknown(arguments, argument, why)
    });
    (entrance, why)
}

fn unknown(arguments: &Arguments, argument: &str, why: &str) -> String {
    format!("{argument} {why}: whether {} gets a public address cannot be told", arguments.what)
}

/// The EIP that is bound to the entrance.
fn eip(
    draft: &Draft<'_>,
    resource: &Resource,
    node: Node<'_>,
    arguments: &Arguments,
    switch: &Reading<bool>,
) -> Reading<EipId> {
    let is_private = *switch == Reading::Value(false);
    let Some(argument) = arguments.eip else {
        return if is_private { Reading::Absent } else { Reading::Unread };
    };
    match draft.named(resource, node.field(argument), &["load_balancer", "0", argument]) {
        Named::One(id) => Reading::Value(EipId::from(id)),
        Named::Nobody if is_private => Reading::Absent,
        // The product brings an EIP of its own.
        Named::Nobody | Named::Unknown(_) => Reading::Unread,
    }
}

fn balancer(
    draft: &mut Draft<'_>,
    resource: &Resource,
    node: Node<'_>,
    arguments: &Arguments,
    public: bool,
) -> LoadBalancerId {
    let known = draft.named(resource, node.field(arguments.balancer), &["load_balancer", "0", arguments.balancer]);
    let id = known.id().unwrap_or_else(|| format!("{}.{}", resource.address, arguments.balancer));
    let id = LoadBalancerId::from(id);
    let on = node.field(arguments.switch).flag() == Fact::Value(true);
    let opens = match arguments.eip {
        Some(eip) if !on => format!("{eip} names an EIP"),
        _ => format!("{} is true", arguments.switch),
    };
    draft.front(resource, &id, public.then_some(opens));
    id
}
