//! VPCs with their vSwitches, and peerings between them.

use super::ask::{Ask, Found, each, pick, unless_gone, unlocked, whole};
use crate::{
    cloud::api::{
        vpc, vpcpeer,
        wire::{Field, Problems},
    },
    model::{Reading, RegionId, RouteTableId, Scope, Text, VSwitch, Vpc, VpcId, VpcPeer, VpcPeerId},
    scan::{
        convert::{WrongRegion, plain_id, same_region, text_reading},
        read::Failure,
    },
};

/// A VPC and all its vSwitches, each with its route table and its ACL.
pub(super) async fn v_switches(ask: &Ask<'_>, id: &VpcId) -> Found {
    let request = vpc::describe_vpc(ask.region(), id.as_str());
    let Some(listed) = unless_gone(ask.items::<vpc::Vpcs, _>("Vpcs", &request, vpc::PAGING).await)? else {
        return Ok(None);
    };
    let Some(wire) = pick(listed, "VpcId", id.as_str(), |wire| &wire.vpc_id)? else { return Ok(None) };
    let mut vpc = convert(ask, id, wire)?;
    let request = vpc::describe_v_switches_of(ask.region(), id.as_str());
    let switches = ask.items::<vpc::VSwitches, _>("VSwitches", &request, vpc::PAGING).await?;
    let mut v_switches = each(switches, |mut wire, problems| {
        let shared = is_shared(ask, &mut wire, problems);
        let switch = switch(ask, id, wire, problems)?;
        vpc.shared |= shared;
        Some(switch)
    })?;
    if v_switches.iter().any(|switch| switch.route_table_id.is_empty()) {
        fill_tables(ask, id, &mut v_switches).await?;
    }
    Ok(Some(crate::model::Network { vpcs: vec![vpc], v_switches, ..Default::default() }))
}

fn convert(ask: &Ask<'_>, id: &VpcId, wire: vpc::Vpc) -> Result<Vpc, Failure> {
    let mut problems = Problems::default();
    if let Err(WrongRegion { region }) = same_region(wire.region_id, &ask.scope.region_id, &mut problems) {
        return Err(Failure::wrong_region(&region));
    }
    // Blocks that the owner declared are local too, whoever else has them.
    let mut secondary: Vec<Text> = wire
        .secondary_cidr_blocks
        .optional("SecondaryCidrBlocks", &mut problems)
        .into_iter()
        .chain(wire.user_cidrs.optional("UserCidrs", &mut problems))
        .map(Text::from)
        .collect();
    secondary.sort_unstable();
    secondary.dedup();
    let blocks = wire.ipv6_cidr_blocks.optional("Ipv6CidrBlocks", &mut problems);
    let mut ipv6: Vec<Text> = blocks
        .into_iter()
        .filter_map(|block| block.ipv6_cidr_block.required_text("Ipv6CidrBlocks.Ipv6CidrBlock", &mut problems))
        .map(Text::from)
        .collect();
    ipv6.sort_unstable();
    ipv6.dedup();
    let owner = wire.owner_id.text("OwnerId", &mut problems);
    let vpc = Vpc {
        scope: ask.scope.clone(),
        vpc_id: id.clone(),
        cidr_block: wire.cidr_block.required_text("CidrBlock", &mut problems).unwrap_or_default().into(),
        secondary_cidr_blocks: secondary,
        ipv6_cidr_block: wire.ipv6_cidr_block.text("Ipv6CidrBlock", &mut problems).into(),
        ipv6_cidr_blocks: ipv6,
        shared: is_of_another(ask, &owner),
    };
    whole(vpc, &problems)
}

/// True if the vSwitch belongs to another account, or is lent to one.
fn is_shared(ask: &Ask<'_>, wire: &mut vpc::VSwitch, problems: &mut Problems) -> bool {
    let owner = std::mem::take(&mut wire.owner_id).text("VSwitches.OwnerId", problems);
    let share_type = std::mem::take(&mut wire.share_type).text("VSwitches.ShareType", problems);
    is_of_another(ask, &owner) || !share_type.is_empty()
}

/// True if a reply names another owner than the account that was asked.
fn is_of_another(ask: &Ask<'_>, owner: &str) -> bool {
    !owner.is_empty() && owner != ask.scope.account_id.as_str()
}

fn switch(ask: &Ask<'_>, vpc_id: &VpcId, wire: vpc::VSwitch, problems: &mut Problems) -> Option<VSwitch> {
    let id = plain_id(wire.v_switch_id, "VSwitchId", problems)?;
    if wire.vpc_id.required_text("VSwitches.VpcId", problems)? != vpc_id.as_str() {
        // Another VPC's, should the filter not be honoured.
        return None;
    }
    let table = wire.route_table.read("RouteTable", problems).unwrap_or_default();
    let route_table_id = RouteTableId::from(table.route_table_id.text("RouteTable.RouteTableId", problems));
    let kind = table.route_table_type.text("RouteTable.RouteTableType", problems);
    ask.memory.note_table(&route_table_id, &kind);
    Some(VSwitch {
        scope: ask.scope.clone(),
        v_switch_id: id.into(),
        vpc_id: vpc_id.clone(),
        cidr_block: wire.cidr_block.required_text("VSwitches.CidrBlock", problems)?.into(),
        ipv6_cidr_block: wire.ipv6_cidr_block.text("VSwitches.Ipv6CidrBlock", problems).into(),
        route_table_id,
        network_acl_id: match wire.network_acl_id {
            // Whether an ACL is bound, and which, is not said then: no reason to doubt the rest.
            Field::Missing => Reading::Unread,
            field => text_reading(field, "VSwitches.NetworkAclId", problems),
        },
    })
}

/// Looks up the tables of vSwitches that do not name theirs: the custom table that names them, else
/// the table of the system.
async fn fill_tables(ask: &Ask<'_>, id: &VpcId, switches: &mut [VSwitch]) -> Result<(), Failure> {
    let tables = tables(ask, id).await?;
    let system = tables.iter().find(|table| table.kind.eq_ignore_ascii_case("system"));
    let mut problems = Problems::default();
    for switch in switches.iter_mut().filter(|switch| switch.route_table_id.is_empty()) {
        let named = tables.iter().find(|table| table.switches.iter().any(|id| id == switch.v_switch_id.as_str()));
        match named.or(system) {
            Some(table) => switch.route_table_id = table.id.clone(),
            None => problems.note("RouteTable", "is missing, and no table of the VPC is the vSwitch's"),
        }
    }
    whole((), &problems)
}

/// A route table without its entries.
pub(super) struct NamedTable {
    pub(super) id: RouteTableId,
    pub(super) kind: String,
    switches: Vec<String>,
}

/// The tables of a VPC that vSwitches may use.
pub(super) async fn tables(ask: &Ask<'_>, id: &VpcId) -> Result<Vec<NamedTable>, Failure> {
    let request = vpc::route::describe_route_tables_of(ask.region(), id.as_str());
    let listed = ask.items::<vpc::route::RouteTables, _>("RouterTableList", &request, vpc::PAGING).await?;
    let tables = each(listed, |wire, problems| {
        let table_id = RouteTableId::from(plain_id(wire.route_table_id, "RouteTableId", problems)?);
        let kind = wire.route_table_type.required_text("RouteTableType", problems)?;
        let vpc_id = wire.vpc_id.text("RouterTableList.VpcId", problems);
        let of_gateway = wire.associate_type.text("AssociateType", problems).eq_ignore_ascii_case("gateway");
        let switches = wire.v_switch_ids.optional("VSwitchIds", problems);
        let is_ours = (vpc_id.is_empty() || vpc_id == id.as_str()) && !of_gateway;
        is_ours.then_some(NamedTable { id: table_id, kind, switches })
    })?;
    for table in &tables {
        ask.memory.note_table(&table.id, &table.kind);
    }
    Ok(tables)
}

/// A peering, whichever end's region is asked.
pub(super) async fn peer(ask: &Ask<'_>, id: &VpcPeerId) -> Found {
    let request = vpcpeer::list_vpc_peer_connection(ask.region(), id.as_str());
    let read = ask.items::<vpcpeer::VpcPeerConnections, _>("VpcPeerConnects", &request, vpcpeer::PAGING).await;
    let Some(listed) = unless_gone(read)? else { return Ok(None) };
    let Some(wire) = pick(listed, "InstanceId", id.as_str(), |wire| &wire.instance_id)? else { return Ok(None) };
    unlocked("VPC peering", id.as_str(), "BizStatus", wire.biz_status)?;
    let mut problems = Problems::default();
    let or_asked = |text: String, asked: &str| if text.is_empty() { asked.to_owned() } else { text };
    let region_id = or_asked(wire.region_id.text("RegionId", &mut problems), ask.region());
    let account_id = or_asked(wire.owner_id.text("OwnerId", &mut problems), ask.scope.account_id.as_str());
    let one = wire.vpc.read("Vpc", &mut problems).unwrap_or_default();
    let other = wire.accepting_vpc.read("AcceptingVpc", &mut problems).unwrap_or_default();
    let peer = VpcPeer {
        scope: Scope { account_id: account_id.into(), region_id: region_id.into() },
        instance_id: id.clone(),
        vpc_id: one.vpc_id.required_text("Vpc.VpcId", &mut problems).unwrap_or_default().into(),
        accepting_vpc_id: other.vpc_id.required_text("AcceptingVpc.VpcId", &mut problems).unwrap_or_default().into(),
        accepting_region_id: RegionId::from(wire.accepting_region_id.text("AcceptingRegionId", &mut problems)),
        accepting_owner_id: wire.accepting_owner_uid.text("AcceptingOwnerUid", &mut problems).into(),
        status: wire.status.required_text("Status", &mut problems).unwrap_or_default().into(),
    };
    let peer = whole(peer, &problems)?;
    Ok(Some(crate::model::Network { vpc_peers: vec![peer], ..Default::default() }))
}
