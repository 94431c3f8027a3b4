//! Access control lists of classic load balancers, and which of them a listener uses.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Call, Plan, id_of, taken};
use crate::sandbox::{
    collection::{Child, Item},
    draft::{set, text_at},
    kind::Kind,
    operation::slb::protocol_of,
    reply::ApiError,
};

/// Most entries that one call adds.
const MOST_ADDED: usize = 50;
/// Most entries of one list.
const MOST_ENTRIES: usize = 300;

pub(in crate::sandbox::operation) fn create_acl(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let name = call.required("AclName")?.to_owned();
    let is_allowed = |c: char| c.is_alphanumeric() || "-/._".contains(c);
    if name.chars().count() > 80 || !name.chars().all(is_allowed) {
        return Err(ApiError::invalid("AclName", "expected 1 to 80 letters, digits and -/._"));
    }
    let family = call.param("AddressIPVersion").unwrap_or("ipv4").to_owned();
    if !matches!(family.as_str(), "ipv4" | "ipv6") {
        return Err(ApiError::invalid("AddressIPVersion", "expected ipv4 or ipv6"));
    }
    let spec = Kind::Acl.spec();
    let mut here = call.account.collection(Kind::Acl).iter().filter(|acl| acl.is_in(call.scope()));
    if here.any(|acl| acl.values(spec, "AclName").iter().any(|known| **known == *name)) {
        return Err(ApiError::invalid("AclName", "there is an access control list of that name in the region"));
    }
    let id = id_of(call, "acl-");
    let (acl_id, region) = (id.clone(), call.region.to_owned());
    plan.now(move |draft| {
        let acl = json!({"AclId": acl_id, "AclName": name, "AddressIPVersion": family, "RegionId": region});
        draft.push(Kind::Acl, acl);
        draft.note(&acl_id, "created");
    });
    let mut body = Body::new(call.request_id);
    body.text("AclId", &id);
    Ok(body.finish())
}

#[derive(Deserialize)]
struct Entry {
    entry: String,
    #[serde(default)]
    comment: String,
}

pub(in crate::sandbox::operation) fn add_entries(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let acl = call.item(Kind::Acl, "AclId")?;
    let invalid = |why: &str| ApiError::invalid("AclEntrys", why);
    let entries: Vec<Entry> = serde_json::from_str(call.required("AclEntrys")?)
        .map_err(|_| invalid("expected a JSON list of objects with entry and comment"))?;
    if entries.is_empty() || entries.len() > MOST_ADDED {
        return Err(invalid("expected 1 to 50 entries"));
    }
    let is_ipv6 = text_at(&acl.whole(), "AddressIPVersion") == "ipv6";
    if let Some(bad) = entries.iter().find(|entry| !is_block(&entry.entry, is_ipv6)) {
        return Err(invalid(&format!("{} is no CIDR block of the list's family", bad.entry)));
    }
    let address = |child: &Child| child_text(child, "AclEntryIP");
    let mut all: Vec<String> = acl.children.iter().map(address).collect();
    let mut new = Vec::new();
    for Entry { entry, comment } in entries {
        // An entry that the list has is left as it is.
        if !all.contains(&entry) {
            new.push(Child::new(&json!({"AclEntryIP": entry, "AclEntryComment": comment})));
            all.push(entry);
        }
    }
    if all.len() > MOST_ENTRIES {
        return Err(invalid("a list holds at most 300 entries"));
    }
    let id = acl.id.to_string();
    plan.now(move |draft| {
        draft.edit_where(Kind::Acl, |item| *item.id == *id, |_, children| children.extend(new));
        draft.note(&id, "entries-added");
    });
    Ok(taken(call))
}

fn child_text(child: &Child, name: &str) -> String {
    serde_json::from_str::<Value>(&child.json).map(|value| text_at(&value, name)).unwrap_or_default()
}

/// A block in CIDR notation; host bits may be set.
fn is_block(text: &str, is_ipv6: bool) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let most = if is_ipv6 { 128 } else { 32 };
    address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6() == is_ipv6)
        && length.parse::<u8>().is_ok_and(|length| length <= most)
}

pub(in crate::sandbox::operation) fn delete_acl(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    let id = call.item(Kind::Acl, "AclId")?.id.to_string();
    let spec = Kind::ClbListener.spec();
    let uses = |item: &Item| item.values(spec, "AclId").iter().any(|used| **used == *id);
    if call.account.collection(Kind::ClbListener).iter().any(uses) {
        return Err(ApiError::new(400, "AclInUsed", "The access control list is used by a listener."));
    }
    plan.now(move |draft| {
        draft.remove(Kind::Acl, &id);
        draft.note(&id, "deleted");
    });
    Ok(taken(call))
}

/// The parameters that are carried out; the operations have more.
const KNOWN: [&str; 7] = ["RegionId", "LoadBalancerId", "ListenerPort", "AclStatus", "AclType", "AclId", "DryRun"];

/// Sets the access control of a listener. What is left out of it stays as it is while it is on; turned off, a listener
/// names a list only if the request does.
pub(in crate::sandbox::operation) fn set_listener(call: &Call<'_>, plan: &mut Plan) -> Result<String, ApiError> {
    if let Some((other, _)) = call.query.iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
        return Err(ApiError::invalid(other, "the simulated cloud does not carry it out"));
    }
    let balancer = call.item(Kind::Clb, "LoadBalancerId")?.id.to_string();
    let port = call.required("ListenerPort")?.to_owned();
    let protocol = protocol_of(call.operation.action);
    let is_it = move |item: &Item| is_listener(item, &balancer, &port, protocol);
    let listener = call.account.collection(Kind::ClbListener).iter().find(|item| is_it(item));
    let listener =
        listener.ok_or_else(|| ApiError::new(400, "InvalidParameter", "There is no such listener."))?.whole();
    let text = |name: &str| call.param(name).map_or_else(|| text_at(&listener, name), str::to_owned);
    let (status, acl_type, acl_id) = (text("AclStatus"), text("AclType"), text("AclId"));
    let is_on = match status.as_str() {
        "on" => true,
        "off" | "" => false,
        _ => return Err(ApiError::invalid("AclStatus", "expected on or off")),
    };
    if is_on {
        if !matches!(acl_type.as_str(), "white" | "black") {
            return Err(ApiError::missing("AclType"));
        }
        if acl_id.is_empty() {
            return Err(ApiError::missing("AclId"));
        }
        let known = call.account.collection(Kind::Acl).find(&acl_id, call.scope()).next();
        known.ok_or_else(|| ApiError::new(404, "AclNotExist", format!("The ACL {acl_id} does not exist.")))?;
    }
    if call.boolean("DryRun")?.unwrap_or(false) {
        return Err(ApiError::new(400, "DryRunOperation", "Request validation has been passed with DryRun flag set."));
    }
    let names = |name: &str| is_on || call.param(name).is_some();
    let (keeps_type, keeps_id) = (names("AclType"), names("AclId"));
    let resource = format!("{} port {}", text_at(&listener, "LoadBalancerId"), text_at(&listener, "ListenerPort"));
    plan.now(move |draft| {
        draft.edit_where(Kind::ClbListener, is_it, |value, _| {
            set(value, "AclStatus", json!(status));
            set(value, "AclType", if keeps_type { json!(acl_type) } else { Value::Null });
            set(value, "AclId", if keeps_id { json!(acl_id) } else { Value::Null });
            set(value, "AclIds", if keeps_id { json!([acl_id]) } else { Value::Null });
        });
        draft.note(&resource, if is_on { "acl-on" } else { "acl-off" });
    });
    Ok(taken(call))
}

fn is_listener(item: &Item, balancer: &str, port: &str, protocol: &str) -> bool {
    let spec = Kind::ClbListener.spec();
    let has =
        |parameter: &str, wanted: &str| item.values(spec, parameter).iter().any(|is| is.eq_ignore_ascii_case(wanted));
    has("LoadBalancerId", balancer) && has("ListenerPort", port) && has("ListenerProtocol", protocol)
}
