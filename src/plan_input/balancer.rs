//! Load balancers and what filters in front of them: `alicloud_slb_load_balancer` (also called `alicloud_slb`),
//! `alicloud_slb_listener`, `alicloud_slb_acl`, `alicloud_slb_acl_entry_attachment`, `alicloud_nlb_load_balancer`,
//! `alicloud_nlb_listener` and `alicloud_nlb_load_balancer_security_group_attachment`, by the provider's pages of these names.

use super::{
    document::Resource,
    draft::{Draft, List, Named},
    kinds::{ACL_ENTRIES, CLASSIC_LISTENERS, JOINED_GROUPS, NETWORK_LISTENERS},
    references,
    value::{Fact, LATER, Node},
};
use crate::model::{
    Acl, AclId, EipId, Listener, LoadBalancer, LoadBalancerId, NetworkLoadBalancer, NlbAddress, NlbListener, Reading,
    SecurityGroupId, VpcId, plan_code,
};

/// A classic load balancer with its listeners.
pub(super) fn read_classic(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let scope = draft.scope(resource);
    let address_type = values.field("address_type").text();
    if let Some(why) = address_type.why_unknown() {
        // A private one is no sign of anything, and this one may be public.
        draft.not_whole(List::ClassicBalancers);
        let message = format!("address_type {why}: whether it is public cannot be told; write it to decide");
        draft.unknown(resource, plan_code::LATER, message);
    }
    let listeners = belonging(draft, resource, CLASSIC_LISTENERS)
        .and_then(|listeners| listeners.into_iter().map(|listener| classic_listener(draft, listener)).collect());
    draft.builder.load_balancers.push(LoadBalancer {
        scope,
        load_balancer_id: LoadBalancerId::from(resource.address.as_str()),
        load_balancer_name: name(resource, &["load_balancer_name", "name"]),
        address: values.field("address").text().set().unwrap_or_default(),
        address_type: address_type.set().unwrap_or_default(),
        address_ip_version: values.field("address_ip_version").text().set().unwrap_or_default(),
        listeners: listeners.map_or(Reading::Unread, Reading::Value),
        tags: values.field("tags").texts().collect(),
        ..LoadBalancer::default()
    });
}

/// The parts of a resource; `None` where there may be one more.
fn belonging<'a>(draft: &Draft<'a>, resource: &Resource, part: &str) -> Option<Vec<&'a Resource>> {
    let parts = draft.parts(part, resource);
    parts.possible.is_empty().then_some(parts.certain)
}

/// `None` where it is not known on which port it listens.
fn classic_listener(draft: &Draft<'_>, resource: &Resource) -> Option<Listener> {
    let values = resource.values();
    Some(Listener {
        listener_port: values.field("frontend_port").port().value()?,
        backend_server_port: match values.field("backend_port").port() {
            Fact::Value(port) => Reading::Value(port),
            // It forwards to a group of servers, each with a port of its own.
            Fact::Null | Fact::Absent => Reading::Absent,
            _ => Reading::Unread,
        },
        listener_protocol: values.field("protocol").text().or_marker(),
        status: String::new(),
        acl_status: match values.field("acl_status").text() {
            Fact::Value(status) => Reading::Value(status.to_owned()),
            // The provider's default.
            Fact::Null => Reading::Value("off".to_owned()),
            _ => Reading::Unread,
        },
        acl_type: values.field("acl_type").text().or_marker(),
        acl_ids: acl_ids(draft, resource),
    })
}

/// `acl_ids`, which since provider 1.249.0 stands for `acl_id`. Both are computed, and whoever writes one leaves the other.
fn acl_ids(draft: &Draft<'_>, resource: &Resource) -> Vec<AclId> {
    let values = resource.values();
    // A list that nobody can find: who it lets through is not known.
    let unknown = |argument: &str| format!("{}.{argument}", resource.address);
    let many = draft.all_named(resource, "acl_ids");
    let one = draft.named(resource, values.field("acl_id"), &["acl_id"]);
    let leaves = |argument| references::is_unwritten(draft.document, resource, &[argument]);
    let ids = match (many, one) {
        (Ok(ids), Named::Nobody) => ids,
        (Ok(mut ids), Named::One(id)) => {
            if !ids.contains(&id) {
                ids.push(id);
            }
            ids
        }
        (Ok(ids), Named::Unknown(_)) if leaves("acl_id") && !ids.is_empty() => ids,
        (Ok(ids), Named::Unknown(_)) => ids.into_iter().chain([unknown("acl_id")]).collect(),
        (Err(_), Named::One(id)) if leaves("acl_ids") => vec![id],
        (Err(_), one) => one.id().into_iter().chain([unknown("acl_ids")]).collect(),
    };
    ids.into_iter().map(AclId::from).collect()
}

/// An access control list. Its entries stand in `entry_list` or in resources of their own.
pub(super) fn read_acl(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let scope = draft.scope(resource);
    let attached = belonging(draft, resource, ACL_ENTRIES);
    let mut entries: Vec<String> = match &attached {
        Some(attached) => attached.iter().map(|entry| entry.values().field("entry").text().or_marker()).collect(),
        None => vec![LATER.to_owned()],
    };
    let has_attached = attached.is_some_and(|attached| !attached.is_empty());
    let unwritten = references::is_unwritten(draft.document, resource, &["entry_list"]);
    match values.field("entry_list").items() {
        Fact::Value(items) => {
            entries.extend(items.into_iter().map(|item| item.field("entry").text().or_marker()));
            // What is in force holds also what goes.
            if unwritten && draft.document.removes(ACL_ENTRIES) {
                entries.push(LATER.to_owned());
            }
        }
        Fact::Null => {}
        // It is computed where it is not written, and whoever attaches entries does not write it.
        Fact::Later if resource.created && has_attached && unwritten => {}
        _ => entries.push(LATER.to_owned()),
    }
    draft.builder.acls.push(Acl {
        scope,
        acl_id: AclId::from(resource.address.as_str()),
        acl_name: name(resource, &["name"]),
        address_ip_version: values.field("ip_version").text().set().unwrap_or_default(),
        // An empty text is no entry, and not the lack of one.
        entries: entries.into_iter().map(|entry| if entry.is_empty() { LATER.into() } else { entry.into() }).collect(),
    });
}

/// A network load balancer with its listeners and security groups.
pub(super) fn read_network(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let scope = draft.scope(resource);
    for argument in ["address_type", "ipv6_address_type"] {
        let why = values.field(argument).text().why_unknown();
        // The IPv6 side is private where it is not written.
        let decided =
            argument == "ipv6_address_type" && references::is_unwritten(draft.document, resource, &[argument]);
        if let Some(why) = why.filter(|_| !decided) {
            let message = format!("{argument} {why}: whether it is public cannot be told");
            draft.unknown(resource, plan_code::LATER, message);
        }
    }
    if let Some(why) = unknown_eip(draft, resource) {
        let message = format!("{why}: whether an EIP is bound to it cannot be told");
        draft.unknown(resource, plan_code::LATER, message);
    }
    let listeners = belonging(draft, resource, NETWORK_LISTENERS);
    let listeners = listeners.and_then(|all| all.into_iter().map(network_listener).collect());
    let vpc_id = draft.named(resource, values.field("vpc_id"), &["vpc_id"]).id();
    let addresses = zones(draft, resource);
    draft.builder.network_load_balancers.push(NetworkLoadBalancer {
        scope,
        load_balancer_id: LoadBalancerId::from(resource.address.as_str()),
        load_balancer_name: name(resource, &["load_balancer_name"]),
        address_type: values.field("address_type").text().set().map_or(Reading::Unread, Reading::Value),
        ipv6_address_type: values.field("ipv6_address_type").text().set().unwrap_or_default(),
        dns_name: values.field("dns_name").text().set().unwrap_or_else(|| domain_name(&resource.address)),
        vpc_id: vpc_id.map(VpcId::from).unwrap_or_default(),
        security_group_ids: joined(draft, resource),
        addresses,
        listeners: listeners.map_or(Reading::Unread, Reading::Value),
        tags: values.field("tags").texts().collect(),
        ..NetworkLoadBalancer::default()
    });
}

/// Why it is not known whether an EIP is bound to a zone of it; one that is not written is none.
fn unknown_eip(draft: &Draft<'_>, resource: &Resource) -> Option<String> {
    let zones = match resource.values().field("zone_mappings").items() {
        Fact::Value(zones) => zones,
        zones => return zones.why_unknown().map(|why| format!("zone_mappings {why}")),
    };
    zones.into_iter().enumerate().find_map(|(index, zone)| {
        let path = ["zone_mappings", &index.to_string(), "allocation_id"];
        let why = zone.field("allocation_id").text().why_unknown()?;
        let decided = references::is_unwritten(draft.document, resource, &path)
            || draft.named(resource, zone.field("allocation_id"), &path).id().is_some();
        (!decided).then(|| format!("zone_mappings[{index}].allocation_id {why}"))
    })
}

/// What stands for the domain name of a network load balancer that is not made yet: what the configuration calls it.
pub(super) fn domain_name(address: &str) -> String {
    format!("{address}.dns_name")
}

/// Its addresses. A public balancer has a public address in each zone, which is not known before it is there.
fn zones(draft: &Draft<'_>, resource: &Resource) -> Vec<NlbAddress> {
    let zones = resource.values().field("zone_mappings").items().value().unwrap_or_default();
    let is_public = resource.values().field("address_type").text() == Fact::Value("Internet");
    let text = |zone: Node<'_>, name: &str| zone.field(name).text().set().unwrap_or_default();
    let read = |(index, zone): (usize, Node<'_>)| {
        let path = ["zone_mappings", &index.to_string(), "allocation_id"];
        let public = zone.field("public_ipv4_address").text();
        NlbAddress {
            allocation_id: draft
                .named(resource, zone.field("allocation_id"), &path)
                .id()
                .map(EipId::from)
                .unwrap_or_default(),
            public_ipv4_address: match public.set() {
                Some(address) => address,
                None if is_public => format!("{}.zone_mappings[{index}].public_ipv4_address", resource.address),
                None => String::new(),
            },
            private_ipv4_address: text(zone, "private_ipv4_address"),
            ipv6_address: text(zone, "ipv6_address"),
        }
    };
    zones.into_iter().enumerate().map(read).collect()
}

/// The security groups that it has joined, by its own argument or by resources of their own.
fn joined(draft: &Draft<'_>, resource: &Resource) -> Reading<Vec<SecurityGroupId>> {
    let Some(attachments) = belonging(draft, resource, JOINED_GROUPS) else {
        return Reading::Unread;
    };
    let unwritten = references::is_unwritten(draft.document, resource, &["security_group_ids"]);
    let mut ids = match draft.all_named(resource, "security_group_ids") {
        // What is in force holds also what goes.
        Ok(_) if unwritten && draft.document.removes(JOINED_GROUPS) => return Reading::Unread,
        Ok(ids) => ids,
        // It is computed where it is not written.
        Err(_) if unwritten && resource.created => Vec::new(),
        Err(_) => return Reading::Unread,
    };
    for attachment in attachments {
        let group = attachment.values().field("security_group_id");
        match draft.named(attachment, group, &["security_group_id"]) {
            Named::One(id) if ids.contains(&id) => {}
            Named::One(id) => ids.push(id),
            Named::Nobody | Named::Unknown(_) => return Reading::Unread,
        }
    }
    match ids.is_empty() {
        true => Reading::Absent,
        false => Reading::Value(ids.into_iter().map(SecurityGroupId::from).collect()),
    }
}

/// `None` where it is not known on which ports it listens.
fn network_listener(resource: &Resource) -> Option<NlbListener> {
    let values = resource.values();
    // Port 0 stands for a range.
    let (start_port, end_port) = match values.field("listener_port").port().value()? {
        0 => (values.field("start_port").port().value()?, values.field("end_port").port().value()?),
        port => (port, port),
    };
    Some(NlbListener {
        listener_id: resource.address.clone(),
        start_port,
        end_port,
        listener_protocol: values.field("listener_protocol").text().or_marker(),
        listener_status: values.field("status").text().set().unwrap_or_default(),
    })
}

/// The first of the arguments that is set.
fn name(resource: &Resource, arguments: &[&str]) -> String {
    arguments.iter().find_map(|argument| resource.values().field(argument).text().set()).unwrap_or_default()
}
