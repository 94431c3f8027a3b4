//! Changes that somebody thinks of: an inventory as it would be after them. Judging both says who gains
//! and who loses access or connectivity. Nothing is changed in the cloud.

use std::{fmt, str::FromStr};

use ipnet::IpNet;
use thiserror::Error;

use crate::{
    model::{
        Eip, EipId, Entrance, Inventory, InventoryBuilder, LoadBalancerId, Mesh, NetworkLoadBalancer, Permission,
        Reading,
    },
    netset::Block,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The EIP is unbound from whatever it is bound to.
    Unbind(EipId),
    /// A block is added to an access control list.
    AddCidr { list: String, cidr: IpNet },
    /// The entry of an access control list with exactly this block goes.
    DropCidr { list: String, cidr: IpNet },
    /// An ingress rule is added to a security group.
    AddRule { group: String, rule: NewRule },
    /// The rule goes from its security group.
    DropRule(String),
    /// An object of the network goes: an attachment, a peering, a router interface, a VPN connection, a
    /// PrivateLink endpoint. Routes to it stay and lead nowhere; those that it announced go with it.
    Remove(String),
}

/// An ingress rule in thought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    pub policy: Policy,
    pub protocol: String,
    /// `443/443`, or `-1/-1` for all.
    pub ports: String,
    pub source: IpNet,
    /// 1 to 100.
    pub priority: u8,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Accept,
    Drop,
}

/// Why a text is no change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeError {
    #[error(
        "`{}` is no change; write unbind:EIP, add-cidr:LIST,CIDR, drop-cidr:LIST,CIDR, \
         add-rule:GROUP,accept|drop,PROTOCOL,PORTS,CIDR[,PRIORITY], drop-rule:RULE or remove:ID",
        .0.escape_debug()
    )]
    Form(String),
    #[error("`{}` is no {what}: {why}", text.escape_debug())]
    Part { what: &'static str, text: String, why: String },
}

/// A change of something that was not read, or is not there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot think away or add to `{}`: {why}", id.escape_debug())]
pub struct Unknown {
    pub id: String,
    pub why: &'static str,
}

impl Change {
    /// True if it takes a public path away; every other change may touch private ones.
    pub fn is_unbinding(&self) -> bool {
        matches!(self, Self::Unbind(_))
    }
}

impl FromStr for Change {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let form = || ChangeError::Form(text.to_owned());
        let (verb, rest) = text.split_once(':').ok_or_else(form)?;
        let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(form());
        }
        Ok(match (verb, &parts[..]) {
            ("unbind", [eip]) => Self::Unbind((*eip).into()),
            ("add-cidr", [list, block]) => Self::AddCidr { list: (*list).to_owned(), cidr: cidr(block)? },
            ("drop-cidr", [list, block]) => Self::DropCidr { list: (*list).to_owned(), cidr: cidr(block)? },
            ("drop-rule", [rule]) => Self::DropRule((*rule).to_owned()),
            ("remove", [id]) => Self::Remove((*id).to_owned()),
            ("add-rule", [group, policy, protocol, ports, source]) => {
                Self::AddRule { group: (*group).to_owned(), rule: rule(policy, protocol, ports, source, "1")? }
            }
            ("add-rule", [group, policy, protocol, ports, source, priority]) => {
                Self::AddRule { group: (*group).to_owned(), rule: rule(policy, protocol, ports, source, priority)? }
            }
            _ => return Err(form()),
        })
    }
}

fn cidr(text: &str) -> Result<IpNet, ChangeError> {
    let part = |why: String| ChangeError::Part { what: "block of addresses", text: text.to_owned(), why };
    let host = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    let net = text.parse::<IpNet>().ok().or_else(host).ok_or_else(|| part("write it as 203.0.113.0/24".to_owned()))?;
    if net.trunc() != net {
        return Err(part(format!("it has bits set behind its length; {} is the whole block", net.trunc())));
    }
    Ok(net)
}

fn rule(policy: &str, protocol: &str, ports: &str, source: &str, priority: &str) -> Result<NewRule, ChangeError> {
    let part = |what, text: &str, why: &str| ChangeError::Part { what, text: text.to_owned(), why: why.to_owned() };
    let policy = match policy.to_ascii_lowercase().as_str() {
        "accept" => Policy::Accept,
        "drop" => Policy::Drop,
        _ => return Err(part("policy", policy, "write accept or drop")),
    };
    if !matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp" | "all") {
        return Err(part("protocol", protocol, "write tcp, udp or all"));
    }
    let mut whole = false;
    if crate::netset::parse_ports(ports, |_| whole = true).is_err() || !whole {
        return Err(part("port range", ports, "write 443/443, or -1/-1 for all"));
    }
    let priority = priority.parse().ok().filter(|number| (1..=100).contains(number));
    let priority = priority.ok_or_else(|| part("priority", "", "it is a number from 1 to 100"))?;
    Ok(NewRule {
        policy,
        protocol: protocol.to_ascii_uppercase(),
        ports: ports.to_owned(),
        source: cidr(source)?,
        priority,
    })
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbind(eip) => write!(f, "unbind {eip}"),
            Self::AddCidr { list, cidr } => write!(f, "add {cidr} to {list}"),
            Self::DropCidr { list, cidr } => write!(f, "drop {cidr} from {list}"),
            Self::AddRule { group, rule } => {
                let policy = if rule.policy == Policy::Accept { "accept" } else { "drop" };
                let NewRule { protocol, ports, source, priority, .. } = rule;
                write!(f, "{policy} {protocol} {ports} from {source} at {priority} in {group}")
            }
            Self::DropRule(rule) => write!(f, "drop the rule {rule}"),
            Self::Remove(id) => write!(f, "remove {id}"),
        }
    }
}

/// The inventory as it would be. Ids are looked for in every account that was read.
///
/// # Errors
/// Where a change is about something that the inventory does not hold.
pub fn after(inventory: &Inventory, changes: &[Change]) -> Result<Inventory, Unknown> {
    let mut builder = inventory.clone().into_builder();
    for change in changes {
        apply(&mut builder, change)?;
    }
    Ok(builder.build())
}

fn apply(builder: &mut InventoryBuilder, change: &Change) -> Result<(), Unknown> {
    let found = match change {
        Change::Unbind(id) => return unbind(builder, id),
        Change::AddCidr { list, cidr } => each(&mut builder.acls, |acl| {
            acl.acl_id.as_str() == list && {
                acl.entries.push(cidr.to_string().into());
                true
            }
        }),
        Change::DropCidr { list, cidr } => each(&mut builder.acls, |acl| {
            let before = acl.entries.len();
            if acl.acl_id.as_str() == list {
                acl.entries.retain(|entry| Block::parse(entry).ok() != Some(Block::from(*cidr)));
            }
            acl.entries.len() < before
        }),
        Change::AddRule { group, rule } => each(&mut builder.security_groups, |known| {
            known.security_group_id.as_str() == group && {
                known.permissions.push(permission(rule));
                true
            }
        }),
        Change::DropRule(id) => each(&mut builder.security_groups, |group| {
            let before = group.permissions.len();
            group.permissions.retain(|rule| rule.security_group_rule_id.as_str() != id);
            group.permissions.len() < before
        }),
        Change::Remove(id) => remove(builder, id),
    };
    let unknown = |id: &str, why| Unknown { id: id.to_owned(), why };
    if found {
        return Ok(());
    }
    Err(match change {
        Change::Unbind(id) => unknown(id.as_str(), "no such EIP was read"),
        Change::AddCidr { list, .. } => unknown(list, "no such access control list was read"),
        Change::DropCidr { list, .. } => {
            unknown(list, "no such list was read, or it has no entry with exactly this block")
        }
        Change::AddRule { group, .. } => unknown(group, "no such security group was read"),
        Change::DropRule(id) => unknown(id, "no rule that was read has this id"),
        Change::Remove(id) => unknown(
            id,
            "no attachment, peering, router interface, VPN connection or PrivateLink endpoint that was read has this id",
        ),
    })
}

/// Changes every item; true if any was changed.
fn each<T>(items: &mut [T], change: impl FnMut(&mut T) -> bool) -> bool {
    items.iter_mut().map(change).filter(|changed| *changed).count() > 0
}

fn permission(rule: &NewRule) -> Permission {
    let mut permission = Permission {
        security_group_rule_id: "what-if".into(),
        direction: "ingress".into(),
        policy: if rule.policy == Policy::Accept { "Accept" } else { "Drop" }.into(),
        priority: rule.priority.to_string().into(),
        ip_protocol: rule.protocol.as_str().into(),
        port_range: rule.ports.as_str().into(),
        nic_type: "intranet".into(),
        ..Permission::default()
    };
    match rule.source {
        IpNet::V4(net) => permission.source_cidr_ip = net.to_string().into(),
        IpNet::V6(net) => permission.ipv6_source_cidr_ip = net.to_string().into(),
    }
    permission
}

/// Takes the EIP from its balancer, and from whatever names it.
fn unbind(builder: &mut InventoryBuilder, id: &EipId) -> Result<(), Unknown> {
    let bound: Option<Eip> = builder.eips.iter().find(|eip| eip.allocation_id == *id).cloned();
    let Some(bound) = bound else {
        return Err(Unknown { id: id.to_string(), why: "no such EIP was read" });
    };
    builder.eips.retain(|eip| eip.allocation_id != *id);
    let mut balancers = vec![LoadBalancerId::from(bound.instance_id.as_str())];
    for balancer in &mut builder.network_load_balancers {
        match without(balancer, id) {
            // The product names the balancer, and an EIP of a zone its interface.
            Some(Left::Nothing) => balancers.push(balancer.load_balancer_id.clone()),
            Some(Left::Public) => balancers.retain(|one| *one != balancer.load_balancer_id),
            None => {}
        }
    }
    let close = |entrance: &mut Entrance| close(entrance, id, &balancers, &bound.ip_address);
    for mesh in &mut builder.meshes {
        let Mesh { pilot, api_server, canary_pilot, .. } = mesh;
        close(pilot);
        close(api_server);
        if let Reading::Value(canary) = canary_pilot {
            close(canary);
        }
    }
    builder.clusters.iter_mut().for_each(|cluster| close(&mut cluster.api_server));
    Ok(())
}

/// What a network load balancer keeps of its public addresses.
enum Left {
    /// Those of other zones.
    Public,
    Nothing,
}

/// Takes an EIP from the zones that have it; `None` where none has. A balancer without any public IPv4 address is an
/// internal one: that is how its EIPs are unbound.
fn without(balancer: &mut NetworkLoadBalancer, id: &EipId) -> Option<Left> {
    let mut had_it = false;
    for zone in balancer.addresses.iter_mut().filter(|zone| zone.allocation_id == *id) {
        had_it = true;
        zone.allocation_id = EipId::default();
        zone.public_ipv4_address = String::new();
    }
    if !had_it {
        return None;
    }
    if balancer.addresses.iter().any(|zone| !zone.public_ipv4_address.is_empty()) {
        return Some(Left::Public);
    }
    balancer.address_type = Reading::Value("Intranet".into());
    Some(Left::Nothing)
}

/// What the product would say of the entrance without the EIP.
fn close(entrance: &mut Entrance, id: &EipId, balancers: &[LoadBalancerId], address: &str) {
    let names_it = entrance.eip_id.value() == Some(id);
    let stands_behind = entrance.load_balancer_id.value().is_some_and(|own| !own.is_empty() && balancers.contains(own));
    let shows_it = entrance.public_endpoint.value().is_some_and(|endpoint| {
        let host = endpoint.split("://").last().unwrap_or_default();
        !address.is_empty() && host.rsplit_once(':').map_or(host, |(host, _)| host) == address
    });
    if !(names_it || stands_behind || shows_it) {
        return;
    }
    if entrance.public_flag.value().is_some() {
        entrance.public_flag = Reading::Value(false);
    }
    entrance.public_endpoint = Reading::Absent;
    entrance.eip_id = Reading::Absent;
}

/// Takes an object out of the network; routes that lead to it stay.
fn remove(builder: &mut InventoryBuilder, id: &str) -> bool {
    fn drop_from<T>(items: &mut Vec<T>, is_it: impl Fn(&T) -> bool) -> bool {
        let before = items.len();
        items.retain(|item| !is_it(item));
        items.len() < before
    }
    let network = &mut builder.network;
    let attachment =
        drop_from(&mut network.transit_router_attachments, |one| one.transit_router_attachment_id.as_str() == id);
    if attachment {
        drop_from(&mut network.transit_router_route_table_associations, |one| {
            one.transit_router_attachment_id.as_str() == id
        });
        // What it announced goes with it; a static route stays and leads nowhere.
        drop_from(&mut network.transit_router_route_entries, |entry| {
            entry.next_hop_id.as_str() == id && entry.r#type == "Propagated"
        });
    }
    let peer = drop_from(&mut network.vpc_peers, |one| one.instance_id.as_str() == id);
    let interface = drop_from(&mut network.router_interfaces, |one| one.router_interface_id.as_str() == id);
    let connection = drop_from(&mut network.vpn_connections, |one| one.vpn_connection_id.as_str() == id);
    let endpoint = drop_from(&mut network.vpc_endpoints, |one| one.endpoint_id.as_str() == id);
    attachment || peer || interface || connection || endpoint
}
