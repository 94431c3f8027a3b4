//! Classic load balancers, their listeners and access control lists.

use super::convert::{escaped, plain_id, same_region, scope, tags};
use crate::{
    cloud::api::{
        slb,
        wire::{Field, Problems, is_plain_id},
    },
    model::{Acl, AclId, Listener, LoadBalancer, Reading, Scope},
};

/// A balancer without its listeners, and the region it names if that is not the one asked.
pub(super) fn listed(
    wire: slb::LoadBalancer,
    asked: &Scope,
    problems: &mut Problems,
) -> Option<(LoadBalancer, Option<String>)> {
    let id = plain_id(wire.load_balancer_id, "LoadBalancerId", problems)?;
    let wrong_region = same_region(wire.region_id, &asked.region_id, problems).err().map(|wrong| wrong.region);
    let address_type = wire.address_type.required_text("AddressType", problems).unwrap_or_default();
    if !matches!(address_type.to_ascii_lowercase().as_str(), "internet" | "intranet" | "") {
        problems.note("AddressType", format!("is neither internet nor intranet: \"{}\"", escaped(&address_type)));
    }
    let balancer = LoadBalancer {
        scope: scope(&asked.account_id, &asked.region_id),
        load_balancer_id: id.into(),
        load_balancer_name: wire.load_balancer_name.text("LoadBalancerName", problems),
        address: wire.address.text("Address", problems),
        address_type,
        address_ip_version: wire.address_ip_version.required_text("AddressIPVersion", problems).unwrap_or_default(),
        load_balancer_status: wire.load_balancer_status.text("LoadBalancerStatus", problems),
        vpc_id: wire.vpc_id.text("VpcId", problems).into(),
        listeners: Reading::Unread,
        tags: tags(wire.tags, "Tags", problems),
    };
    Some((balancer, wrong_region))
}

/// One listener and the id of its balancer. A listener without a readable balancer or port is
/// `Err` with whatever balancer it names: that balancer's listeners are not known.
pub(super) fn listener(wire: slb::Listener, problems: &mut Problems) -> Result<(String, Listener), String> {
    let balancer = wire.load_balancer_id.required_text("LoadBalancerId", problems).unwrap_or_default();
    let port = wire.listener_port.required("ListenerPort", problems).filter(|port| {
        if *port == 0 {
            problems.note("ListenerPort", "is 0, which is no port");
        }
        *port != 0
    });
    let acl_status = match wire.acl_status.required_text("AclStatus", problems) {
        Some(status) if status.eq_ignore_ascii_case("on") || status.eq_ignore_ascii_case("off") => {
            Reading::Value(status.to_ascii_lowercase())
        }
        Some(status) => {
            problems.note("AclStatus", format!("is neither on nor off: \"{}\"", escaped(&status)));
            Reading::Unread
        }
        None => Reading::Unread,
    };
    let mut acl_ids: Vec<AclId> = wire
        .acl_ids
        .optional("AclIds", problems)
        .into_iter()
        .chain([wire.acl_id.text("AclId", problems)])
        .filter(|id| !id.is_empty())
        .map(AclId::from)
        .collect();
    acl_ids.sort();
    acl_ids.dedup();
    // With the list off the rest may be stale, or not be there.
    let is_on = acl_status.value().is_none_or(|status| status == "on");
    let acl_type = match wire.acl_type {
        field if is_on => field.required_text("AclType", problems).unwrap_or_default(),
        field => field.text("AclType", problems),
    };
    let Some(listener_port) = port else { return Err(balancer) };
    if balancer.is_empty() {
        return Err(balancer);
    }
    let backend_server_port = backend(wire.backend_server_port, wire.v_server_group_id, problems);
    let listener = Listener {
        listener_port,
        backend_server_port,
        listener_protocol: wire.listener_protocol.text("ListenerProtocol", problems),
        status: wire.status.text("Status", problems),
        acl_status,
        acl_type,
        acl_ids,
    };
    Ok((balancer, listener))
}

/// The port to which a listener forwards. One that forwards to a group has none: each server has a port of its own, and
/// the vendor leaves the field out or fills it with a number that is no port. Without a group nothing is said by that.
fn backend(port: Field<String>, group: Field<String>, problems: &mut Problems) -> Reading<u16> {
    let has_group = !group.text("VServerGroupId", problems).is_empty();
    let text = port.text("BackendServerPort", problems);
    match (text.parse::<u16>(), text.parse::<i64>()) {
        (Ok(port), _) if port > 0 => Reading::Value(port),
        (_, Ok(_)) => Reading::Absent,
        _ if has_group => Reading::Absent,
        _ => Reading::Unread,
    }
}

/// True if the listener has its access control switched on, or may have.
pub(super) fn asks_its_lists(listener: &Listener) -> bool {
    listener.acl_status.value().is_none_or(|status| status == "on")
}

/// The lists of a listener that can be asked for.
pub(super) fn list_ids(listener: &Listener) -> impl Iterator<Item = &AclId> {
    listener.acl_ids.iter().filter(|id| is_plain_id(id.as_str()))
}

/// An access control list from its first page, without entries.
pub(super) fn acl(wire: &slb::AccessControlListAttribute, asked: &Scope, id: &str, problems: &mut Problems) -> Acl {
    let answered = wire.acl_id.clone().text("AclId", problems);
    if !answered.is_empty() && answered != id {
        problems.note("AclId", format!("names another list: \"{}\"", escaped(&answered)));
    }
    Acl {
        scope: asked.clone(),
        acl_id: id.into(),
        acl_name: wire.acl_name.clone().text("AclName", problems),
        address_ip_version: wire.address_ip_version.clone().text("AddressIPVersion", problems),
        entries: Vec::new(),
    }
}

/// One entry. A missing one is a problem: an unread entry may be the one that admits everybody.
pub(super) fn acl_entry(wire: slb::AclEntry, problems: &mut Problems) -> Option<Box<str>> {
    match wire.acl_entry_ip {
        Field::Value(entry) if entry.is_empty() => {
            problems.note("AclEntryIP", "is empty");
            None
        }
        field => field.required("AclEntryIP", problems),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn port_of(port: &Value) -> (Option<u16>, bool) {
        let reply =
            json!({"LoadBalancerId": "lb-1", "ListenerPort": port, "ListenerProtocol": "tcp", "AclStatus": "off"});
        let wire = serde_json::from_value(reply).expect("a listener");
        let mut problems = Problems::default();
        let read = listener(wire, &mut problems);
        (read.ok().map(|(_, listener)| listener.listener_port), problems.is_empty())
    }

    #[test]
    fn port_0_is_no_port() {
        assert_eq!(port_of(&json!(443)), (Some(443), true));
        assert_eq!(port_of(&json!(0)), (None, false));
    }
}
