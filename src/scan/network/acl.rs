//! Network ACLs of vSwitches.

use super::ask::{Ask, Found, whole};
use crate::{
    cloud::api::{
        vpc::acl,
        wire::{List, Problems},
    },
    model::{Network, NetworkAcl, NetworkAclEntry, NetworkAclId},
    scan::convert::escaped,
};

/// Which way the packets go that an entry is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// An ACL with its entries in their order: the first that matches decides.
pub(super) async fn network_acl(ask: &Ask<'_>, id: &NetworkAclId) -> Found {
    let request = acl::describe_network_acl_attributes(ask.region(), id.as_str());
    let reply: acl::NetworkAclAttributes = ask.reader.one(&request).await?;
    let mut problems = Problems::default();
    let wire = reply.network_acl_attribute.0.required("NetworkAclAttribute", &mut problems).unwrap_or_default();
    let answered = wire.network_acl_id.required_text("NetworkAclId", &mut problems).unwrap_or_default();
    if answered != id.as_str() {
        problems.note("NetworkAclId", format!("names another ACL: \"{}\"", escaped(&answered)));
    }
    let acl = NetworkAcl {
        scope: ask.scope.clone(),
        network_acl_id: id.clone(),
        ingress_acl_entries: entries(wire.ingress_acl_entries, Way::In, &mut problems),
        egress_acl_entries: entries(wire.egress_acl_entries, Way::Out, &mut problems),
    };
    let acl = whole(acl, &problems)?;
    Ok(Some(Network { network_acls: vec![acl], ..Network::default() }))
}

/// Not optional: an ACL without entries drops everything.
fn entries(list: List<acl::NetworkAclEntry>, way: Way, problems: &mut Problems) -> Vec<NetworkAclEntry> {
    let name = if way == Way::In { "IngressAclEntries" } else { "EgressAclEntries" };
    let entries = list.required(name, None, problems);
    entries.into_iter().filter_map(|wire| entry(wire, way, problems)).collect()
}

fn entry(wire: acl::NetworkAclEntry, way: Way, problems: &mut Problems) -> Option<NetworkAclEntry> {
    let source = wire.source_cidr_ip.text("SourceCidrIp", problems);
    let destination = wire.destination_cidr_ip.text("DestinationCidrIp", problems);
    let (name, block) = if way == Way::In { ("SourceCidrIp", &source) } else { ("DestinationCidrIp", &destination) };
    if block.is_empty() {
        problems.note(name, "is missing");
    }
    Some(NetworkAclEntry {
        policy: wire.policy.required_text("Policy", problems)?.into(),
        protocol: wire.protocol.required_text("Protocol", problems)?.into(),
        port: wire.port.required_text("Port", problems)?.into(),
        source_cidr_ip: source.into(),
        destination_cidr_ip: destination.into(),
    })
}
