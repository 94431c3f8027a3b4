//! Security groups, the lists that their rules refer to, and the interfaces that have joined them.

use std::collections::BTreeMap;

use super::convert::{escaped, scope, tags, text_reading};
use crate::{
    cloud::api::{
        ecs,
        wire::{Field, Problems},
    },
    model::{NetworkInterface, Permission, PortRangeList, PrefixList, Reading, Scope, SecurityGroup, Text},
};

/// What only the list of groups tells.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupType {
    pub(super) security_group_type: Reading<String>,
    pub(super) service_managed: bool,
    pub(super) tags: BTreeMap<String, String>,
}

/// A group's type, by its id.
pub(super) fn group_type(wire: ecs::SecurityGroup, problems: &mut Problems) -> Option<(String, GroupType)> {
    let id = wire.security_group_id.required_text("SecurityGroupId", problems)?;
    let security_group_type = match wire.security_group_type.required_text("SecurityGroupType", problems) {
        Some(text) => Reading::Value(text),
        None => Reading::Unread,
    };
    let service_managed = wire.service_managed.optional("ServiceManaged", problems).is_some_and(|flag| flag.0);
    let tags = tags(wire.tags, "Tags", problems);
    Some((id, GroupType { security_group_type, service_managed, tags }))
}

/// A group from the head of any page of its attribute, without rules.
pub(super) fn group(
    wire: &ecs::SecurityGroupAttribute,
    asked: &Scope,
    id: &str,
    problems: &mut Problems,
) -> SecurityGroup {
    let answered = wire.security_group_id.clone().text("SecurityGroupId", problems);
    if !answered.is_empty() && answered != id {
        problems.note("SecurityGroupId", format!("names another group: \"{}\"", escaped(&answered)));
    }
    SecurityGroup {
        scope: scope(&asked.account_id, &asked.region_id),
        security_group_id: id.into(),
        security_group_name: wire.security_group_name.clone().text("SecurityGroupName", problems),
        security_group_type: Reading::Unread,
        vpc_id: wire.vpc_id.clone().text("VpcId", problems).into(),
        inner_access_policy: wire.inner_access_policy.clone().text("InnerAccessPolicy", problems),
        service_managed: false,
        permissions: Vec::new(),
        tags: BTreeMap::new(),
    }
}

/// One rule. The API serves what a rule does not use as empty text, so that a field which is not
/// there was not read: without the destination of a rule that drops, it would seem to drop more. One
/// that is missing or of another type keeps a text that is no valid value, so that the rule counts
/// as one whose effect is not known rather than as one that matches nothing.
pub(super) fn rule(wire: ecs::Permission, problems: &mut Problems) -> Permission {
    fn text(field: Field<Box<str>>, name: &'static str, problems: &mut Problems) -> Text {
        let unread = match &field {
            Field::Wrong(seen) => Some(seen.as_str().into()),
            Field::Missing => {
                problems.note(name, "is missing");
                Some("missing".into())
            }
            Field::Null | Field::Value(_) => None,
        };
        field.optional(name, problems).or(unread).unwrap_or_default().into()
    }
    // A source that was not read may be any: it must not give way to those that were, nor they to it.
    let sources = [&wire.source_cidr_ip, &wire.ipv6_source_cidr_ip, &wire.source_group_id, &wire.source_prefix_list_id];
    let unread_source = sources.iter().any(|field| matches!(field, Field::Missing | Field::Wrong(_)));
    let policy = text(wire.policy, "Permissions.Policy", problems);
    if policy.is_empty() {
        problems.note("Permissions.Policy", "is empty");
    }
    let ip_protocol = text(wire.ip_protocol, "Permissions.IpProtocol", problems);
    if ip_protocol.is_empty() {
        problems.note("Permissions.IpProtocol", "is empty");
    }
    let permission = Permission {
        security_group_rule_id: wire
            .security_group_rule_id
            .required("Permissions.SecurityGroupRuleId", problems)
            .unwrap_or_default()
            .into(),
        direction: text(wire.direction, "Permissions.Direction", problems),
        policy,
        priority: text(wire.priority, "Permissions.Priority", problems),
        ip_protocol,
        port_range: text(wire.port_range, "Permissions.PortRange", problems),
        port_range_list_id: text(wire.port_range_list_id, "Permissions.PortRangeListId", problems),
        source_cidr_ip: text(wire.source_cidr_ip, "Permissions.SourceCidrIp", problems),
        ipv6_source_cidr_ip: text(wire.ipv6_source_cidr_ip, "Permissions.Ipv6SourceCidrIp", problems),
        source_group_id: text(wire.source_group_id, "Permissions.SourceGroupId", problems),
        source_prefix_list_id: text(wire.source_prefix_list_id, "Permissions.SourcePrefixListId", problems),
        source_port_range: text(wire.source_port_range, "Permissions.SourcePortRange", problems),
        dest_cidr_ip: text(wire.dest_cidr_ip, "Permissions.DestCidrIp", problems),
        ipv6_dest_cidr_ip: text(wire.ipv6_dest_cidr_ip, "Permissions.Ipv6DestCidrIp", problems),
        // Of egress rules; the vendor's sample of an ingress rule leaves them out.
        dest_group_id: wire.dest_group_id.optional("Permissions.DestGroupId", problems).unwrap_or_default().into(),
        dest_prefix_list_id: wire
            .dest_prefix_list_id
            .optional("Permissions.DestPrefixListId", problems)
            .unwrap_or_default()
            .into(),
        nic_type: text(wire.nic_type, "Permissions.NicType", problems),
    };
    if !unread_source {
        return permission;
    }
    // Blocks come before groups and lists, each for its own family.
    Permission { source_cidr_ip: "unread".into(), ipv6_source_cidr_ip: "unread".into(), ..permission }
}

/// True if the rule lets in, or keeps out, only what is for some addresses of the interface.
pub(super) fn narrows_destination(rule: &Permission) -> bool {
    let lets_out = rule.direction.eq_ignore_ascii_case("egress");
    !lets_out && (!rule.dest_cidr_ip.is_empty() || !rule.ipv6_dest_cidr_ip.is_empty())
}

/// A prefix list with its entries.
pub(super) fn prefix_list(
    wire: ecs::PrefixListAttributes,
    asked: &Scope,
    id: &str,
    problems: &mut Problems,
) -> PrefixList {
    let entries = wire.entries.required("Entries", None, problems);
    PrefixList {
        scope: scope(&asked.account_id, &asked.region_id),
        prefix_list_id: id.into(),
        address_family: wire.address_family.text("AddressFamily", problems),
        entries: entries.into_iter().filter_map(|entry| entry.cidr.required("Entries.Cidr", problems)).collect(),
    }
}

/// A port-range list with its entries.
pub(super) fn port_range_list(
    wire: ecs::PortRangeListEntries,
    asked: &Scope,
    id: &str,
    problems: &mut Problems,
) -> PortRangeList {
    let entries = wire.entries.required("Entries", None, problems);
    PortRangeList {
        scope: scope(&asked.account_id, &asked.region_id),
        port_range_list_id: id.into(),
        entries: entries
            .into_iter()
            .filter_map(|entry| entry.port_range.required("Entries.PortRange", problems))
            .collect(),
    }
}

/// An interface with its addresses and groups. Each has a private address: one that shows none may
/// have any, and a rule for that address would seem to be for nobody.
pub(super) fn interface(
    wire: ecs::NetworkInterface,
    asked: &Scope,
    problems: &mut Problems,
) -> Option<NetworkInterface> {
    let id = wire.network_interface_id.required_text("NetworkInterfaceId", problems)?;
    let primary = match text_reading::<String>(wire.private_ip_address, "PrivateIpAddress", problems) {
        Reading::Value(address) => Some(address),
        Reading::Absent | Reading::Unread => None,
    };
    let mut private: Vec<String> = wire
        .private_ip_sets
        .optional("PrivateIpSets", problems)
        .into_iter()
        .filter_map(|address| address.private_ip_address.required_text("PrivateIpSets.PrivateIpAddress", problems))
        .chain(primary)
        .collect();
    if private.is_empty() {
        problems.note("PrivateIpAddress", format!("of {} is in neither field", escaped(&id)));
    }
    private.sort();
    private.dedup();
    let mut ipv6: Vec<String> = wire
        .ipv6_sets
        .optional("Ipv6Sets", problems)
        .into_iter()
        .filter_map(|address| address.ipv6_address.required_text("Ipv6Sets.Ipv6Address", problems))
        .collect();
    ipv6.sort();
    ipv6.dedup();
    let mut groups: Vec<_> =
        wire.security_group_ids.optional("SecurityGroupIds", problems).into_iter().map(Into::into).collect();
    groups.sort();
    Some(NetworkInterface {
        scope: scope(&asked.account_id, &asked.region_id),
        network_interface_id: id.into(),
        security_group_ids: groups,
        private_ip_addresses: private,
        ipv6_addresses: ipv6,
    })
}
