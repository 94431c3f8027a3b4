//! Transit routers: attachments of every kind, tables, associations, propagations, routes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::{Ask, Found, each, unless_gone};
use crate::{
    cloud::api::{
        cbn::{
            self,
            transit_router::{self as api, ASSOCIATIONS_PAGING, ATTACHMENTS_PAGING, ROUTES_PAGING},
        },
        wire::{Field, Problems},
    },
    model::{
        CenId, InventoryBuilder, Network, RegionId, Scope, Text, TransitRouter, TransitRouterAssociation,
        TransitRouterAttachment, TransitRouterAttachmentId, TransitRouterId, TransitRouterPropagation,
        TransitRouterPropagations, TransitRouterRouteEntry, TransitRouterRouteTable, TransitRouterRouteTableId, VpcId,
    },
    scan::{
        convert::{escaped, plain_id, scope},
        read::Failure,
    },
};

/// What a router may be attached to. Each kind has a list of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Vpc,
    Peer,
    Vbr,
    Vpn,
}

/// The likely ones first.
pub(super) const KINDS: [Kind; 4] = [Kind::Vpc, Kind::Peer, Kind::Vbr, Kind::Vpn];

/// The list that every kind of attachment comes in.
const LIST: &str = "TransitRouterAttachments";

/// An attachment as a list has it, and why it cannot be relied on.
pub(super) struct Listed {
    pub(super) attachment: TransitRouterAttachment,
    pub(super) failure: Option<Failure>,
}

impl From<TransitRouterAttachment> for Listed {
    fn from(attachment: TransitRouterAttachment) -> Self {
        Self { attachment, failure: None }
    }
}

/// The attachments of a VPC.
pub(super) async fn of_vpc(ask: &Ask<'_>, vpc_id: &VpcId) -> Result<Vec<Listed>, Failure> {
    let request = api::list_transit_router_attachments_of_vpc(ask.region(), vpc_id.as_str());
    let listed = ask.items::<api::VpcAttachments, _>(LIST, &request, ATTACHMENTS_PAGING).await;
    let listed = unless_gone(listed)?.unwrap_or_default();
    each(listed, |wire, problems| vpc_attachment(ask, wire, problems).map(Listed::from))
}

/// The attachments of a router, of one kind.
pub(super) async fn of_router(ask: &Ask<'_>, router: &TransitRouterId, kind: Kind) -> Result<Vec<Listed>, Failure> {
    let id = router.as_str();
    match kind {
        Kind::Vpc => {
            let request = api::list_transit_router_vpc_attachments(id);
            let listed = ask.items::<api::VpcAttachments, _>(LIST, &request, ATTACHMENTS_PAGING).await;
            each(unless_gone(listed)?.unwrap_or_default(), |wire, problems| {
                vpc_attachment(ask, wire, problems).map(Listed::from)
            })
        }
        Kind::Peer => {
            let request = api::list_transit_router_peer_attachments(id);
            let listed = ask.items::<api::PeerAttachments, _>(LIST, &request, ATTACHMENTS_PAGING).await;
            each(unless_gone(listed)?.unwrap_or_default(), |wire, problems| {
                peer_attachment(ask, router, wire, problems)
            })
        }
        Kind::Vbr => {
            let request = api::list_transit_router_vbr_attachments(id);
            let listed = ask.items::<api::VbrAttachments, _>(LIST, &request, ATTACHMENTS_PAGING).await;
            each(unless_gone(listed)?.unwrap_or_default(), |wire, problems| {
                let ids = (wire.transit_router_attachment_id, wire.transit_router_id);
                way_out(ask, router, "VBR", ids, wire.vbr_region_id, wire.status, problems).map(Listed::from)
            })
        }
        Kind::Vpn => {
            let request = api::list_transit_router_vpn_attachments(id);
            let listed = ask.items::<api::VpnAttachments, _>(LIST, &request, ATTACHMENTS_PAGING).await;
            each(unless_gone(listed)?.unwrap_or_default(), |wire, problems| {
                let ids = (wire.transit_router_attachment_id, wire.transit_router_id);
                way_out(ask, router, "VPN", ids, wire.vpn_region_id, wire.status, problems).map(Listed::from)
            })
        }
    }
}

fn region_or(text: String, asked: &RegionId) -> RegionId {
    if text.is_empty() { asked.clone() } else { text.into() }
}

fn vpc_attachment(ask: &Ask<'_>, wire: api::VpcAttachment, problems: &mut Problems) -> Option<TransitRouterAttachment> {
    let id = plain_id(wire.transit_router_attachment_id, "TransitRouterAttachmentId", problems)?;
    let router = TransitRouterId::from(plain_id(wire.transit_router_id, "TransitRouterId", problems)?);
    ask.memory.note_cen(&router, &wire.cen_id.text("CenId", problems).into());
    let zones = wire.zone_mappings.optional("ZoneMappings", problems);
    let mut v_switch_ids: Vec<_> = zones
        .into_iter()
        .filter_map(|zone| zone.v_switch_id.required_text("ZoneMappings.VSwitchId", problems))
        .map(Into::into)
        .collect();
    v_switch_ids.sort_unstable();
    v_switch_ids.dedup();
    let region_id = region_or(wire.vpc_region_id.text("VpcRegionId", problems), &ask.scope.region_id);
    Some(TransitRouterAttachment {
        scope: scope(&ask.scope.account_id, &region_id),
        transit_router_attachment_id: id.into(),
        transit_router_id: router,
        resource_type: "VPC".into(),
        vpc_id: wire.vpc_id.required_text("VpcId", problems)?.into(),
        v_switch_ids,
        status: wire.status.required_text("Status", problems)?.into(),
        ..TransitRouterAttachment::default()
    })
}

fn peer_attachment(
    ask: &Ask<'_>,
    asked: &TransitRouterId,
    wire: api::PeerAttachment,
    problems: &mut Problems,
) -> Option<Listed> {
    let id = plain_id(wire.transit_router_attachment_id, "TransitRouterAttachmentId", problems)?;
    let router = TransitRouterId::from(plain_id(wire.transit_router_id, "TransitRouterId", problems)?);
    let peer = TransitRouterId::from(plain_id(wire.peer_transit_router_id, "PeerTransitRouterId", problems)?);
    // Both routers are of one CEN, and of one of them it may be known which.
    let cen = CenId::from(wire.cen_id.text("CenId", problems));
    ask.memory.note_cen(&router, &cen);
    ask.memory.note_joined(asked, &router);
    ask.memory.note_joined(&router, &peer);
    let region_id = region_or(wire.region_id.text("RegionId", problems), &ask.scope.region_id);
    let peer_region = wire.peer_transit_router_region_id.text("PeerTransitRouterRegionId", problems);
    let failure = (wire.bandwidth.required("Bandwidth", problems)? == 0).then(|| {
        let message = format!(
            "the line {} between two regions has no bandwidth: whether it carries traffic is not known",
            escaped(&id)
        );
        Failure::new("no-bandwidth", message)
    });
    let attachment = TransitRouterAttachment {
        scope: scope(&ask.scope.account_id, &region_id),
        transit_router_attachment_id: id.into(),
        transit_router_id: router,
        resource_type: "TR".into(),
        peer_transit_router_id: peer,
        peer_transit_router_region_id: peer_region.into(),
        status: wire.status.required_text("Status", problems)?.into(),
        ..TransitRouterAttachment::default()
    };
    Some(Listed { attachment, failure })
}

/// An attachment that leads out of the cloud.
fn way_out(
    ask: &Ask<'_>,
    router: &TransitRouterId,
    kind: &str,
    (id, answered): (Field<String>, Field<String>),
    region: Field<String>,
    status: Field<String>,
    problems: &mut Problems,
) -> Option<TransitRouterAttachment> {
    let id = plain_id(id, "TransitRouterAttachmentId", problems)?;
    let answered = answered.text("TransitRouterId", problems);
    let region_id = region_or(region.text("RegionId", problems), &ask.scope.region_id);
    Some(TransitRouterAttachment {
        scope: scope(&ask.scope.account_id, &region_id),
        transit_router_attachment_id: id.into(),
        transit_router_id: if answered.is_empty() { router.clone() } else { answered.into() },
        resource_type: kind.into(),
        status: status.required_text("Status", problems)?.into(),
        ..TransitRouterAttachment::default()
    })
}

/// The routers of a CEN, listed once.
pub(super) async fn routers(ask: &Ask<'_>, cen: &CenId) -> Result<Vec<TransitRouter>, Failure> {
    let account_id = &ask.scope.account_id;
    if let Some(known) = ask.memory.routers_of(account_id, cen) {
        return Ok(known);
    }
    let request = api::list_transit_routers(cen.as_str());
    let listed = ask.items::<api::TransitRouters, _>("TransitRouters", &request, cbn::PAGING).await;
    let routers = each(unless_gone(listed)?.unwrap_or_default(), |wire, problems| {
        let id = plain_id(wire.transit_router_id, "TransitRouterId", problems)?;
        let region_id = RegionId::from(wire.region_id.required_text("RegionId", problems)?);
        let owner = wire.ali_uid.text("AliUid", problems);
        let account_id = if owner.is_empty() { account_id.clone() } else { owner.into() };
        Some(TransitRouter {
            scope: Scope { account_id, region_id },
            transit_router_id: id.into(),
            cen_id: cen.clone(),
            r#type: wire.r#type.text("Type", problems).into(),
            status: wire.status.required_text("Status", problems)?.into(),
        })
    })?;
    ask.memory.note_routers(account_id, cen, routers.clone());
    Ok(routers)
}

/// A router with its route tables.
pub(super) async fn tables(ask: &Ask<'_>, router: &TransitRouter) -> Result<Network, Failure> {
    let id = &router.transit_router_id;
    let request = api::list_transit_router_route_tables(id.as_str());
    let listed =
        ask.items::<api::TransitRouterRouteTables, _>("TransitRouterRouteTables", &request, ROUTES_PAGING).await?;
    let tables = each(listed, |wire, problems| {
        let table_id = plain_id(wire.transit_router_route_table_id, "TransitRouterRouteTableId", problems)?;
        let answered = wire.transit_router_id.text("TransitRouterId", problems);
        if !answered.is_empty() && answered != id.as_str() {
            problems.note("TransitRouterId", format!("names another router: \"{}\"", escaped(&answered)));
        }
        Some(TransitRouterRouteTable {
            scope: router.scope.clone(),
            transit_router_route_table_id: table_id.into(),
            transit_router_id: id.clone(),
            transit_router_route_table_type: text(
                wire.transit_router_route_table_type,
                "TransitRouterRouteTableType",
                problems,
            ),
            transit_router_route_table_status: text(
                wire.transit_router_route_table_status,
                "TransitRouterRouteTableStatus",
                problems,
            ),
        })
    })?;
    Ok(Network { transit_routers: vec![router.clone()], transit_router_route_tables: tables, ..Network::default() })
}

fn text(field: Field<String>, name: &'static str, problems: &mut Problems) -> Text {
    field.text(name, problems).into()
}

/// All tables that look up what comes from an attachment: one at each end of a line between two
/// routers. An attachment that the cloud does not know gives a reply without list, which is no
/// empty list.
pub(super) async fn associations(ask: &Ask<'_>, id: &TransitRouterAttachmentId) -> Found {
    let request = api::list_associations_of_attachment(id.as_str());
    let listed = ask.items::<api::Associations, _>("TransitRouterAssociations", &request, ASSOCIATIONS_PAGING).await?;
    let transit_router_route_table_associations = each(listed, |wire, problems| {
        let attachment = plain_id(wire.transit_router_attachment_id, "TransitRouterAttachmentId", problems)?;
        let table = plain_id(wire.transit_router_route_table_id, "TransitRouterRouteTableId", problems)?;
        let status = wire.status.required_text("Status", problems)?;
        (attachment == id.as_str()).then(|| TransitRouterAssociation {
            scope: ask.scope.clone(),
            transit_router_attachment_id: attachment.into(),
            transit_router_route_table_id: table.into(),
            status: status.into(),
        })
    })?;
    Ok(Some(Network { transit_router_route_table_associations, ..Network::default() }))
}

/// From which attachments a table learns routes. A table that the cloud does not know gives a reply without list.
pub(super) async fn propagations(ask: &Ask<'_>, id: &TransitRouterRouteTableId) -> Found {
    let request = api::list_propagations_to_table(id.as_str());
    let listed = ask.items::<api::Propagations, _>("TransitRouterPropagations", &request, ASSOCIATIONS_PAGING).await?;
    let mut attachments = each(listed, |wire, problems| {
        let attachment = plain_id(wire.transit_router_attachment_id, "TransitRouterAttachmentId", problems)?;
        let table = plain_id(wire.transit_router_route_table_id, "TransitRouterRouteTableId", problems)?;
        let status = wire.status.required_text("Status", problems)?.into();
        (table == id.as_str())
            .then(|| TransitRouterPropagation { transit_router_attachment_id: attachment.into(), status })
    })?;
    attachments.sort_unstable();
    let all =
        TransitRouterPropagations { scope: ask.scope.clone(), transit_router_route_table_id: id.clone(), attachments };
    Ok(Some(Network { transit_router_route_table_propagations: vec![all], ..Network::default() }))
}

/// The routes of a table in every status.
pub(super) async fn entries(
    ask: &Ask<'_>,
    id: &TransitRouterRouteTableId,
    router: &TransitRouterId,
    builder: &mut InventoryBuilder,
) -> Found {
    let request = api::list_transit_router_route_entries(id.as_str());
    let listed =
        ask.items::<api::TransitRouterRouteEntries, _>("TransitRouterRouteEntries", &request, ROUTES_PAGING).await?;
    let mut others = BTreeMap::new();
    let entries = each(listed, |wire, problems| {
        let kind = wire.next_hop_resource_type.clone().text("TransitRouterRouteEntryNextHopResourceType", problems);
        let entry = entry(ask, id, wire, problems)?;
        if !kind.is_empty() && !LISTED_KINDS.contains(&kind.as_str()) && entry.status.eq_ignore_ascii_case("Active") {
            others.insert(entry.next_hop_id.clone(), kind);
        }
        Some(entry)
    })?;
    let others = others.into_iter().map(|(id, kind)| unlisted(ask, router, id, &kind, builder)).collect();
    Ok(Some(Network {
        transit_router_attachments: others,
        transit_router_route_entries: entries,
        ..Network::default()
    }))
}

/// The kinds of attachments that have a list which is read, as routes name them.
const LISTED_KINDS: [&str; 4] = ["VPC", "TR", "VBR", "VPN"];

/// An attachment of a kind whose list is not read: all that is known of it is that an active route
/// leads there. Without it the route would seem to lead nowhere.
fn unlisted(
    ask: &Ask<'_>,
    router: &TransitRouterId,
    id: TransitRouterAttachmentId,
    kind: &str,
    builder: &mut InventoryBuilder,
) -> TransitRouterAttachment {
    builder.scanned(ask.unit(&api::LIST_TRANSIT_ROUTER_VPC_ATTACHMENTS, id.as_str()));
    TransitRouterAttachment {
        scope: ask.scope.clone(),
        transit_router_attachment_id: id,
        transit_router_id: router.clone(),
        resource_type: kind.into(),
        status: "Attached".into(),
        ..TransitRouterAttachment::default()
    }
}

fn entry(
    ask: &Ask<'_>,
    table: &TransitRouterRouteTableId,
    wire: api::TransitRouterRouteEntry,
    problems: &mut Problems,
) -> Option<TransitRouterRouteEntry> {
    let prefix_list = wire.prefix_list_id.text("PrefixListId", problems);
    let destination = if prefix_list.is_empty() {
        wire.destination_cidr_block.required_text("TransitRouterRouteEntryDestinationCidrBlock", problems)?
    } else {
        // A route to a whole list: whoever walks the table has to see that it may be for any address.
        wire.destination_cidr_block.text("TransitRouterRouteEntryDestinationCidrBlock", problems)
    };
    let kind = wire.next_hop_type.required_text("TransitRouterRouteEntryNextHopType", problems)?;
    let next_hop = wire.next_hop_id.text("TransitRouterRouteEntryNextHopId", problems);
    if next_hop.is_empty() && kind.eq_ignore_ascii_case("attachment") {
        problems.note("TransitRouterRouteEntryNextHopId", format!("is empty for {}", escaped(&destination)));
    }
    Some(TransitRouterRouteEntry {
        scope: ask.scope.clone(),
        transit_router_route_table_id: table.clone(),
        destination_cidr_block: destination.into(),
        next_hop_type: kind.into(),
        next_hop_id: next_hop.into(),
        status: wire.status.required_text("TransitRouterRouteEntryStatus", problems)?.into(),
        r#type: wire.r#type.text("TransitRouterRouteEntryType", problems).into(),
    })
}
