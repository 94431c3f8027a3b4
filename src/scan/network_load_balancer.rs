//! Network load balancers and their listeners.

use super::convert::{escaped, plain_id, same_region, scope, tags};
use crate::{
    cloud::api::{
        nlb,
        wire::{Field, List, Problems, is_plain_id},
    },
    model::{NetworkLoadBalancer, NlbAddress, NlbListener, Reading, Scope, SecurityGroupId},
};

/// A balancer without its listeners, and the region it names if that is not the one asked. The list
/// and the attribute have the same shape.
pub(super) fn convert(
    wire: nlb::LoadBalancer,
    asked: &Scope,
    problems: &mut Problems,
) -> Option<(NetworkLoadBalancer, Option<String>)> {
    let id = plain_id(wire.load_balancer_id, "LoadBalancerId", problems)?;
    let wrong_region = same_region(wire.region_id, &asked.region_id, problems).err().map(|wrong| wrong.region);
    let address_type = address_type(wire.address_type, problems);
    let security_group_ids = groups(wire.security_group_ids, problems);
    let mut addresses: Vec<NlbAddress> = wire
        .zone_mappings
        .required("ZoneMappings", None, problems)
        .into_iter()
        .flat_map(|zone| zone.load_balancer_addresses.required("LoadBalancerAddresses", None, problems))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|address| NlbAddress {
            allocation_id: address.allocation_id.text("AllocationId", problems).into(),
            public_ipv4_address: address.public_ipv4_address.text("PublicIPv4Address", problems),
            private_ipv4_address: address.private_ipv4_address.text("PrivateIPv4Address", problems),
            ipv6_address: address.ipv6_address.text("Ipv6Address", problems),
        })
        .collect();
    addresses.sort_by(|one, other| {
        (&one.allocation_id, &one.public_ipv4_address, &one.private_ipv4_address, &one.ipv6_address).cmp(&(
            &other.allocation_id,
            &other.public_ipv4_address,
            &other.private_ipv4_address,
            &other.ipv6_address,
        ))
    });
    let balancer = NetworkLoadBalancer {
        scope: scope(&asked.account_id, &asked.region_id),
        load_balancer_id: id.into(),
        load_balancer_name: wire.load_balancer_name.text("LoadBalancerName", problems),
        address_type,
        ipv6_address_type: wire.ipv6_address_type.text("Ipv6AddressType", problems),
        dns_name: wire.dns_name.text("DNSName", problems),
        load_balancer_status: wire.load_balancer_status.text("LoadBalancerStatus", problems),
        locks: locks(wire.operation_locks, wire.load_balancer_business_status, problems),
        vpc_id: wire.vpc_id.text("VpcId", problems).into(),
        security_group_ids,
        addresses,
        listeners: Reading::Unread,
        tags: tags(wire.tags, "Tags", problems),
    };
    Some((balancer, wrong_region))
}

/// What the balancer is locked for; each lock has a word, be it that of the balancer's business.
fn locks(list: List<nlb::OperationLock>, business_status: Field<String>, problems: &mut Problems) -> Vec<String> {
    let mut locks = Vec::new();
    for lock in list.optional("OperationLocks", problems) {
        let words =
            [lock.lock_type.text("LockType", problems), lock.lock_reason.text("LockReason", problems), "locked".into()];
        locks.extend(words.into_iter().find(|word| !word.is_empty()));
    }
    let business = business_status.text("LoadBalancerBusinessStatus", problems);
    if locks.is_empty() && !business.is_empty() && !business.eq_ignore_ascii_case("normal") {
        locks.push(business);
    }
    locks.sort();
    locks
}

fn address_type(field: Field<String>, problems: &mut Problems) -> Reading<String> {
    match field.required_text("AddressType", problems) {
        Some(text) if text.eq_ignore_ascii_case("internet") => Reading::Value("Internet".to_owned()),
        Some(text) if text.eq_ignore_ascii_case("intranet") => Reading::Value("Intranet".to_owned()),
        Some(text) => {
            problems.note("AddressType", format!("is neither Internet nor Intranet: \"{}\"", escaped(&text)));
            Reading::Unread
        }
        None => Reading::Unread,
    }
}

/// A balancer without groups may leave the key out: then it accepts everything, which is the answer
/// that cannot hide an exposure. A group that cannot be named leaves the whole set unread.
fn groups(list: List<String>, problems: &mut Problems) -> Reading<Vec<SecurityGroupId>> {
    let mut here = Problems::default();
    let ids = list.optional("SecurityGroupIds", &mut here);
    for id in ids.iter().filter(|id| !is_plain_id(id)) {
        here.note("SecurityGroupIds", format!("holds no identifier: \"{}\"", escaped(id)));
    }
    let readable = here.is_empty();
    problems.extend(here);
    let mut ids: Vec<SecurityGroupId> = ids.into_iter().map(Into::into).collect();
    ids.sort();
    ids.dedup();
    match (readable, ids.is_empty()) {
        (false, _) => Reading::Unread,
        (true, true) => Reading::Absent,
        (true, false) => Reading::Value(ids),
    }
}

/// One listener and the id of its balancer; `Err` with whatever balancer it names where its ports
/// cannot be read.
pub(super) fn listener(wire: nlb::Listener, problems: &mut Problems) -> Result<(String, NlbListener), String> {
    let balancer = wire.load_balancer_id.required_text("LoadBalancerId", problems).unwrap_or_default();
    let ports = ports(wire.listener_port, &wire.start_port, &wire.end_port, problems);
    let Some((start_port, end_port)) = ports else { return Err(balancer) };
    if balancer.is_empty() {
        return Err(balancer);
    }
    let listener = NlbListener {
        listener_id: wire.listener_id.text("ListenerId", problems),
        start_port,
        end_port,
        listener_protocol: wire.listener_protocol.text("ListenerProtocol", problems),
        listener_status: wire.listener_status.text("ListenerStatus", problems),
    };
    Ok((balancer, listener))
}

/// Port 0 means that the listener serves the range from `StartPort` to `EndPort`. A range may begin
/// with 0, which is no port itself.
fn ports(port: Field<u16>, start: &Field<String>, end: &Field<String>, problems: &mut Problems) -> Option<(u16, u16)> {
    let port = port.required("ListenerPort", problems)?;
    if port != 0 {
        return Some((port, port));
    }
    let number = |field: &Field<String>| field.value().and_then(|text| text.trim().parse::<u16>().ok());
    match (number(start), number(end)) {
        (Some(start), Some(end)) if end > 0 && start <= end => Some((start.max(1), end)),
        _ => {
            problems.note("StartPort", "and EndPort are no range of ports, and ListenerPort is 0");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ports_of(reply: Value) -> Option<(u16, u16)> {
        let wire: nlb::Listener = serde_json::from_value(reply).expect("a listener");
        let mut problems = Problems::default();
        let read = ports(wire.listener_port, &wire.start_port, &wire.end_port, &mut problems);
        assert_eq!(read.is_some(), problems.is_empty());
        read
    }

    #[test]
    fn port_0_stands_for_a_range_and_is_in_none() {
        let range = |start, end| ports_of(json!({"ListenerPort": 0, "StartPort": start, "EndPort": end}));
        assert_eq!(ports_of(json!({"ListenerPort": 443})), Some((443, 443)));
        assert_eq!(ports_of(json!({"ListenerPort": 0})), None);
        assert_eq!(range("1", "65535"), Some((1, 65535)));
        assert_eq!(range("0", "65535"), Some((1, 65535)));
        assert_eq!(range("0", "0"), None);
        assert_eq!(range("9", "8"), None);
    }
}
