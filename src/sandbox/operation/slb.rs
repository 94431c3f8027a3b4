//! Classic load balancers (CLB), version 2014-05-15: RPC with its parameters in the query. Balancers
//! and ACLs are wrapped and numbered, listeners flat and by token, ACL entries numbered by `Page`.

use serde_json::{Value, json};

use super::{Body, Call, Listing, Numbers, Operation, Paging, write::slb as write};
use crate::sandbox::{
    collection::{Item, values_at},
    host::Product,
    kind::Kind,
    reply::ApiError,
};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::list(Product::Slb, "DescribeLoadBalancers", LOAD_BALANCERS).needs_region().not_found(GONE, 404),
    Operation::new(Product::Slb, "DescribeLoadBalancerAttribute", load_balancer).not_found(GONE, 404),
    Operation::list(
        Product::Slb,
        "DescribeLoadBalancerListeners",
        Listing::by_token(Kind::ClbListener, "Listeners", 100, 20).absent_when_empty(),
    )
    .needs_region()
    .not_found(GONE, 404),
    // A listener that does not exist is a bad parameter for this operation.
    attribute("DescribeLoadBalancerTCPListenerAttribute"),
    attribute("DescribeLoadBalancerUDPListenerAttribute"),
    attribute("DescribeLoadBalancerHTTPListenerAttribute"),
    attribute("DescribeLoadBalancerHTTPSListenerAttribute"),
    Operation::list(Product::Slb, "DescribeAccessControlLists", Listing::numbered(Kind::Acl, "Acls.Acl", 50, 10))
        .needs_region()
        .not_found(ACL_GONE, 404),
    Operation::new(Product::Slb, "DescribeAccessControlListAttribute", acl).needs_region().not_found(ACL_GONE, 404),
    Operation::write(Product::Slb, "CreateAccessControlList", write::create_acl).needs_region(),
    Operation::write(Product::Slb, "AddAccessControlListEntry", write::add_entries)
        .needs_region()
        .not_found(ACL_GONE, 404),
    Operation::write(Product::Slb, "DeleteAccessControlList", write::delete_acl)
        .needs_region()
        .not_found(ACL_GONE, 404),
    set_listener("SetLoadBalancerTCPListenerAttribute"),
    set_listener("SetLoadBalancerUDPListenerAttribute"),
    set_listener("SetLoadBalancerHTTPListenerAttribute"),
    set_listener("SetLoadBalancerHTTPSListenerAttribute"),
];

const fn attribute(action: &'static str) -> Operation {
    Operation::new(Product::Slb, action, listener).not_found("InvalidParameter", 400)
}

const fn set_listener(action: &'static str) -> Operation {
    Operation::write(Product::Slb, action, write::set_listener).not_found(GONE, 404)
}

/// Each protocol has operations of its own.
pub(super) fn protocol_of(action: &str) -> &'static str {
    // HTTPS first: its name begins with the other's.
    ["HTTPS", "HTTP", "UDP"].into_iter().find(|protocol| action.contains(protocol)).unwrap_or("TCP")
}

const GONE: &str = "InvalidLoadBalancerId.NotFound";
const ACL_GONE: &str = "AclNotExist";

const LOAD_BALANCERS: Listing = Listing::new(
    Kind::Clb,
    "LoadBalancers.LoadBalancer",
    Paging::Numbers(Numbers { size_needs_number: true, ..Numbers::usual(100, 50) }),
);

fn load_balancer(call: &Call<'_>) -> Result<String, ApiError> {
    let balancer = call.item(Kind::Clb, "LoadBalancerId")?;
    let mut body = Body::new(call.request_id);
    body.fields_of(balancer.detail());
    if !balancer.detail().contains("\"ListenerPorts\"") {
        listener_summaries(call, &balancer.id, &mut body);
    }
    if !balancer.detail().contains("\"BackendServers\"") {
        body.list("BackendServers.BackendServer", Vec::<String>::new());
    }
    Ok(body.finish())
}

/// The three lists of listeners that the attribute call shows, one of them under a misspelt name.
fn listener_summaries(call: &Call<'_>, id: &str, body: &mut Body) {
    let spec = Kind::ClbListener.spec();
    let listeners: Vec<&Item> = call.account.collection(Kind::ClbListener).find(id, call.scope()).collect();
    let value =
        |item: &Item, parameter: &str| item.values(spec, parameter).first().map_or("", |value| &**value).to_owned();
    let ports = listeners.iter().map(|item| value(item, "ListenerPort"));
    body.list("ListenerPorts.ListenerPort", ports);
    for (path, protocol) in [
        ("ListenerPortsAndProtocol.ListenerPortAndProtocol", "ListenerProtocol"),
        ("ListenerPortsAndProtocal.ListenerPortAndProtocal", "ListenerProtocal"),
    ] {
        let pairs = listeners.iter().map(|item| {
            let port: u64 = value(item, "ListenerPort").parse().unwrap_or_default();
            json!({"ListenerPort": port, protocol: value(item, "ListenerProtocol")}).to_string()
        });
        body.list(path, pairs);
    }
}

fn listener(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.required("LoadBalancerId")?;
    let port = call.required("ListenerPort")?;
    let protocol = protocol_of(call.operation.action);
    let spec = Kind::ClbListener.spec();
    let is_it = |item: &&Item| {
        item.values(spec, "ListenerPort").iter().any(|value| **value == *port)
            && item.values(spec, "ListenerProtocol").iter().any(|value| value.eq_ignore_ascii_case(protocol))
    };
    let listener = call.account.collection(Kind::ClbListener).find(id, call.scope()).find(is_it);
    let listener = listener.ok_or_else(|| call.operation.gone(&format!("{id} port {port}")))?;
    let mut body = Body::new(call.request_id);
    body.fields_of(&attribute_view(&listener.listed, protocol));
    Ok(body.finish())
}

/// The attribute call unfolds the protocol's settings and wraps the ids of the ACLs.
fn attribute_view(listed: &str, protocol: &str) -> String {
    let mut listener: Value = serde_json::from_str(listed).unwrap_or_default();
    let Some(fields) = listener.as_object_mut() else { return listed.to_owned() };
    let settings = fields.remove(&format!("{protocol}ListenerConfig"));
    fields.retain(|name, _| name != "ListenerProtocol" && !name.ends_with("ListenerConfig"));
    if let Some(Value::Object(settings)) = settings {
        fields.extend(settings);
    }
    if let Some(Value::String(text)) = fields.get("ProxyProtocolV2Enabled") {
        let enabled = text == "true";
        fields.insert("ProxyProtocolV2Enabled".to_owned(), enabled.into());
    }
    for (name, inner) in [("AclIds", "AclId"), ("Tags", "Tag")] {
        if let Some(ids) = fields.remove(name) {
            fields.insert(name.to_owned(), json!({inner: ids}));
        }
    }
    listener.to_string()
}

fn acl(call: &Call<'_>) -> Result<String, ApiError> {
    let acl = call.item(Kind::Acl, "AclId")?;
    let numbers = Numbers { number: "Page", ..Numbers::usual(50, 10) };
    let (page, _, _) = call.numbered_page(acl.children.len(), &numbers)?;
    let mut body = Body::new(call.request_id);
    body.fields_of(acl.detail()).number("TotalAclEntry", page.total);
    body.list("AclEntrys.AclEntry", acl.children[page.items].iter().map(|entry| &entry.json));
    if !acl.detail().contains("\"RelatedListeners\"") {
        body.list("RelatedListeners.RelatedListener", related_listeners(call, &acl.id));
    }
    Ok(body.finish())
}

fn related_listeners(call: &Call<'_>, acl: &str) -> Vec<String> {
    let spec = Kind::ClbListener.spec();
    let uses = |item: &&Item| item.values(spec, "AclId").iter().any(|value| **value == *acl);
    let related = |item: &Item| {
        let listener: Value = serde_json::from_str(&item.listed).unwrap_or_default();
        let text = |name: &str| values_at(&listener, name).into_iter().next().unwrap_or_default();
        json!({"LoadBalancerId": text("LoadBalancerId"), "Protocol": text("ListenerProtocol"),
            "ListenerPort": listener.get("ListenerPort"), "AclType": text("AclType")})
        .to_string()
    };
    call.account.collection(Kind::ClbListener).iter().filter(uses).map(related).collect()
}
