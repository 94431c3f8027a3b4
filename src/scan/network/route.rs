//! Route tables of VPCs with their entries, and router interfaces.

use super::{
    ask::{Ask, Found, each, pick, unless_gone, unlocked, whole},
    vpc::tables,
};
use crate::{
    cloud::api::{
        vpc::{
            self,
            route::{self, describe_route_entry_list, describe_router_interface},
        },
        wire::{Object, Problems},
    },
    model::{
        Network, NextHop, RelatedInfo, RouteEntry, RouteTable, RouteTableId, RouterInterface, RouterInterfaceId, Text,
        VpcId,
    },
    scan::{convert::escaped, read::Failure},
};

/// All entries of a route table, with all their next hops.
pub(super) async fn entries(ask: &Ask<'_>, id: &RouteTableId, vpc_id: &VpcId) -> Found {
    let request = describe_route_entry_list(ask.region(), id.as_str());
    let listed = ask.items::<route::RouteEntries, _>("RouteEntrys", &request, route::ROUTE_ENTRIES_PAGING).await?;
    let route_entrys = each(listed, |wire, problems| entry(id, wire, problems))?;
    let route_table_type = table_type(ask, id, vpc_id).await?;
    let table = RouteTable {
        scope: ask.scope.clone(),
        route_table_id: id.clone(),
        vpc_id: vpc_id.clone(),
        route_table_type,
        route_entrys,
    };
    Ok(Some(Network { route_tables: vec![table], ..Network::default() }))
}

/// `System` or `Custom`, which the entries do not say. Most vSwitches say it of their tables.
async fn table_type(ask: &Ask<'_>, id: &RouteTableId, vpc_id: &VpcId) -> Result<Text, Failure> {
    if let Some(known) = ask.memory.table_type(id) {
        return Ok(known);
    }
    let tables = tables(ask, vpc_id).await?;
    let found = tables.into_iter().find(|table| table.id == *id);
    Ok(found.map(|table| table.kind.into()).unwrap_or_default())
}

fn entry(table: &RouteTableId, wire: route::RouteEntry, problems: &mut Problems) -> Option<RouteEntry> {
    let answered = wire.route_table_id.text("RouteTableId", problems);
    if !answered.is_empty() && answered != table.as_str() {
        problems.note("RouteTableId", format!("names another table: \"{}\"", escaped(&answered)));
    }
    let destination = wire.destination_cidr_block.required_text("DestinationCidrBlock", problems)?;
    let kind = wire.r#type.text("Type", problems);
    let status = wire.status.required_text("Status", problems)?;
    let hops = wire.next_hops.optional("NextHops", problems);
    let mut next_hops: Vec<NextHop> = hops.into_iter().map(|hop| next_hop(hop, problems)).collect();
    if next_hops.is_empty() && !kind.eq_ignore_ascii_case("system") {
        problems.note("NextHops", format!("is empty for {}", escaped(&destination)));
    }
    next_hops.sort_unstable();
    Some(RouteEntry {
        destination_cidr_block: destination.into(),
        r#type: kind.into(),
        status: status.into(),
        next_hops,
    })
}

fn next_hop(wire: route::NextHop, problems: &mut Problems) -> NextHop {
    NextHop {
        next_hop_type: spelt(&wire.next_hop_type.text("NextHopType", problems)).into(),
        next_hop_id: wire.next_hop_id.text("NextHopId", problems).into(),
        next_hop_region_id: wire.next_hop_region_id.text("NextHopRegionId", problems).into(),
        next_hop_related_info: related(wire.next_hop_related_info, problems),
        enabled: wire.enabled.optional("Enabled", problems).is_none_or(|enabled| enabled.0),
    }
}

/// What stands behind a next hop, where the reply says it.
fn related(wire: Object<route::RelatedInfo>, problems: &mut Problems) -> RelatedInfo {
    let Some(info) = wire.read("NextHopRelatedInfo", problems) else { return RelatedInfo::default() };
    RelatedInfo {
        instance_type: info.instance_type.text("InstanceType", problems).into(),
        instance_id: info.instance_id.text("InstanceId", problems).into(),
    }
}

/// The kinds of next hop, in the spelling that the documents prefer.
const HOP_TYPES: [&str; 17] = [
    "Attachment",
    "Cen",
    "CenBasic",
    "Ecr",
    "GatewayEndpoint",
    "GatewayLoadBalancerEndpoint",
    "HaVip",
    "IPv6Gateway",
    "Instance",
    "Ipv4Gateway",
    "NatGateway",
    "NetworkInterface",
    "RouteTargetGroup",
    "RouterInterface",
    "VpcPeer",
    "VpnGateway",
    "local",
];

/// One spelling for each kind, since replies differ in case; an unknown word stays as it is.
fn spelt(kind: &str) -> &str {
    HOP_TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(kind)).unwrap_or(kind)
}

/// One end of a private line.
pub(super) async fn interface(ask: &Ask<'_>, id: &RouterInterfaceId) -> Found {
    let request = describe_router_interface(ask.region(), id.as_str());
    let read = ask.items::<route::RouterInterfaces, _>("RouterInterfaceSet", &request, vpc::PAGING).await;
    let Some(listed) = unless_gone(read)? else { return Ok(None) };
    let picked = pick(listed, "RouterInterfaceId", id.as_str(), |wire| &wire.router_interface_id)?;
    let Some(wire) = picked else { return Ok(None) };
    let mut problems = Problems::default();
    let router_type = wire.router_type.required_text("RouterType", &mut problems).unwrap_or_default();
    let vpc_id = wire.vpc_instance_id.text("VpcInstanceId", &mut problems);
    if vpc_id.is_empty() && !router_type.eq_ignore_ascii_case("VBR") {
        problems.note("VpcInstanceId", "is empty");
    }
    let interface = RouterInterface {
        scope: ask.scope.clone(),
        router_interface_id: id.clone(),
        router_type: router_type.into(),
        opposite_interface_id: wire.opposite_interface_id.text("OppositeInterfaceId", &mut problems).into(),
        opposite_region_id: wire.opposite_region_id.text("OppositeRegionId", &mut problems).into(),
        opposite_interface_owner_id: wire
            .opposite_interface_owner_id
            .text("OppositeInterfaceOwnerId", &mut problems)
            .into(),
        vpc_id: vpc_id.into(),
        status: wire.status.required_text("Status", &mut problems).unwrap_or_default().into(),
    };
    let interface = whole(interface, &problems)?;
    // One that is down is no way, locked or not, and a debt is why it mostly is.
    if interface.status.eq_ignore_ascii_case("Active") {
        unlocked("router interface", id.as_str(), "BusinessStatus", wire.business_status)?;
    }
    Ok(Some(Network { router_interfaces: vec![interface], ..Network::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_next_hops_have_one_spelling() {
        assert_eq!(spelt("vpcpeer"), "VpcPeer");
        assert_eq!(spelt("IPV6GATEWAY"), "IPv6Gateway");
        assert_eq!(spelt("CENBasic"), "CenBasic");
        assert_eq!(spelt("CEN"), "Cen");
        assert_eq!(spelt("Something"), "Something");
    }
}
