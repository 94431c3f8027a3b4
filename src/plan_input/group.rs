//! Security groups, their rules and the prefix lists that these refer to: `alicloud_security_group` (which has no rules of its
//! own), `alicloud_security_group_rule` and `alicloud_ecs_prefix_list`, by the provider's pages of these names.

use super::{
    document::Resource,
    draft::{Draft, Named},
    kinds::RULES,
    references,
    value::{Fact, LATER},
};
use crate::model::{Permission, PrefixList, PrefixListId, Reading, SecurityGroup, SecurityGroupId, Text, VpcId};

pub(super) fn read(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let scope = draft.scope(resource);
    let group_type = values.field("security_group_type").text().set();
    let vpc_id = draft.named(resource, values.field("vpc_id"), &["vpc_id"]).id();
    let rules = draft.parts(RULES, resource);
    let certain = rules.certain.into_iter().filter_map(|rule| permission(draft, rule, true));
    let possible = rules.possible.into_iter().filter_map(|rule| permission(draft, rule, false));
    let permissions = certain.chain(possible).collect();
    draft.builder.security_groups.push(SecurityGroup {
        scope,
        security_group_id: SecurityGroupId::from(resource.address.as_str()),
        security_group_name: ["security_group_name", "name"]
            .iter()
            .find_map(|argument| values.field(argument).text().set())
            .unwrap_or_default(),
        security_group_type: group_type.map_or(Reading::Unread, Reading::Value),
        vpc_id: vpc_id.map(VpcId::from).unwrap_or_default(),
        inner_access_policy: values.field("inner_access_policy").text().set().unwrap_or_default(),
        permissions,
        tags: values.field("tags").texts().collect(),
        ..SecurityGroup::default()
    });
}

/// A rule for what comes in; one of which nobody knows whether it is of the group may apply there or not.
fn permission(draft: &Draft<'_>, rule: &Resource, is_of_group: bool) -> Option<Permission> {
    let values = rule.values();
    let direction = values.field("type").text();
    if direction == Fact::Value("egress") {
        return None;
    }
    let or_default = |argument: &str, default: &str| match values.field(argument).text() {
        Fact::Null => default.to_owned(),
        fact => fact.or_marker(),
    };
    let priority = match values.field("priority").number() {
        Fact::Value(number) => number.to_string(),
        Fact::Null => "1".to_owned(),
        _ => LATER.to_owned(),
    };
    let sources = sources(draft, rule);
    Some(Permission {
        security_group_rule_id: text(&rule.address),
        direction: text(&if is_of_group { direction.or_marker() } else { LATER.to_owned() }),
        policy: text(&or_default("policy", "accept")),
        priority: text(&priority),
        ip_protocol: text(&values.field("ip_protocol").text().or_marker()),
        port_range: text(&or_default("port_range", "-1/-1")),
        source_cidr_ip: text(&sources.cidr),
        ipv6_source_cidr_ip: text(&sources.ipv6_cidr),
        source_group_id: text(&sources.group),
        source_prefix_list_id: text(&sources.prefix_list),
        nic_type: text(&values.field("nic_type").text().set().unwrap_or_default()),
        ..Permission::default()
    })
}

#[derive(Default)]
struct Sources {
    cidr: String,
    ipv6_cidr: String,
    group: String,
    prefix_list: String,
}

/// Where a rule lets in from: one of `cidr_ip`, `ipv6_cidr_ip`, `source_security_group_id` and `prefix_list_id`, of which the
/// last is computed as well.
fn sources(draft: &Draft<'_>, rule: &Resource) -> Sources {
    let values = rule.values();
    let named = |argument: &str| draft.named(rule, values.field(argument), &[argument]);
    let (cidr, ipv6_cidr) = (values.field("cidr_ip").text(), values.field("ipv6_cidr_ip").text());
    let mut sources = Sources { cidr: cidr.or_marker(), ipv6_cidr: ipv6_cidr.or_marker(), ..Sources::default() };
    let has_cidr = !sources.cidr.is_empty() || !sources.ipv6_cidr.is_empty();
    match named("source_security_group_id") {
        Named::One(id) => sources.group = id,
        Named::Nobody => {}
        Named::Unknown(_) if has_cidr => {}
        // It may turn out to be unset, and the rule to be for a prefix list.
        Named::Unknown(_) => sources.cidr = LATER.to_owned(),
    }
    let is_computed = references::is_unwritten(draft.document, rule, &["prefix_list_id"]);
    match named("prefix_list_id") {
        Named::One(id) => sources.prefix_list = id,
        Named::Nobody => {}
        Named::Unknown(_) if is_computed || has_cidr || !sources.group.is_empty() => {}
        Named::Unknown(_) => sources.prefix_list = format!("{}.prefix_list_id", rule.address),
    }
    sources
}

pub(super) fn read_prefix_list(draft: &mut Draft<'_>, resource: &Resource) {
    let values = resource.values();
    let scope = draft.scope(resource);
    let entries = match values.field("entry").items() {
        Fact::Value(items) => items.into_iter().map(|item| item.field("cidr").text()).map(|cidr| match cidr {
            Fact::Value(cidr) => cidr.into(),
            _ => LATER.into(),
        }),
        _ => {
            // Whoever refers to it finds that it cannot be read.
            return;
        }
    };
    let entries = entries.collect();
    draft.builder.prefix_lists.push(PrefixList {
        scope,
        prefix_list_id: PrefixListId::from(resource.address.as_str()),
        address_family: values.field("address_family").text().or_marker(),
        entries,
    });
}

fn text(text: &str) -> Text {
    Text::from(text)
}
