//! The basic edition of CEN: what is attached, what may pass between regions, which routes do.

use super::ask::{Ask, Found, each, pick, unless_gone, whole};
use crate::{
    cloud::api::{
        cbn,
        wire::{List, Problems},
    },
    model::{CenChildInstance, CenId, CenInterRegionBandwidthLimit, CenRouteMap, Network, Scope},
    scan::{
        convert::{escaped, plain_id, scope},
        read::Failure,
    },
};

/// A CEN with all that decides between its networks. Blocks that a network withdrew from it are in
/// no reply that is documented, so none is known to be withdrawn.
pub(super) async fn cen(ask: &Ask<'_>, id: &CenId) -> Found {
    let request = cbn::describe_cen_attached_child_instances(id.as_str());
    let read = ask.items::<cbn::ChildInstances, _>("ChildInstances", &request, cbn::PAGING).await;
    let Some(listed) = unless_gone(read)? else { return Ok(None) };
    let cen_child_instances = each(listed, |wire, problems| child(ask, id, wire, problems))?;
    active(ask, id).await?;
    let request = cbn::describe_cen_inter_region_bandwidth_limits(id.as_str());
    let listed = ask.items::<cbn::BandwidthLimits, _>("CenInterRegionBandwidthLimits", &request, cbn::PAGING).await?;
    let cen_inter_region_bandwidth_limits = each(listed, |wire, problems| limit(ask, id, wire, problems))?;
    let request = cbn::describe_cen_route_maps(id.as_str());
    let listed = ask.items::<cbn::RouteMaps, _>("RouteMaps", &request, cbn::ROUTE_MAPS_PAGING).await?;
    let cen_route_maps = each(listed, |wire, problems| route_map(ask, id, wire, problems))?;
    Ok(Some(Network { cen_child_instances, cen_inter_region_bandwidth_limits, cen_route_maps, ..Network::default() }))
}

/// Holds up a CEN that is being made or taken away. Its members are `Attached` all the same, and no document says what it
/// still carries: it is no way to rely on, nor is it absent.
async fn active(ask: &Ask<'_>, id: &CenId) -> Result<(), Failure> {
    let listed = ask.items::<cbn::Cens, _>("Cens", &cbn::describe_cen(id.as_str()), cbn::PAGING).await?;
    let mut problems = Problems::default();
    let wire = pick(listed, "CenId", id.as_str(), |wire| &wire.cen_id)?;
    let status = wire.and_then(|wire| wire.status.required_text("Cens.Status", &mut problems));
    whole((), &problems)?;
    let seen = match status {
        Some(status) if status.eq_ignore_ascii_case("active") => return Ok(()),
        Some(status) => format!("is \"{}\"", escaped(&status)),
        None => "is not in the list of CENs".to_owned(),
    };
    let message = format!("the CEN {} {seen}: whether it carries traffic is not known", escaped(id.as_str()));
    Err(Failure::new("not-active", message))
}

/// A CEN is of no region.
fn of_cen(ask: &Ask<'_>) -> Scope {
    scope(&ask.scope.account_id, &"".into())
}

fn child(ask: &Ask<'_>, cen: &CenId, wire: cbn::ChildInstance, problems: &mut Problems) -> Option<CenChildInstance> {
    let id = plain_id(wire.child_instance_id, "ChildInstanceId", problems)?;
    let region = wire.child_instance_region_id.required_text("ChildInstanceRegionId", problems)?;
    let owner = wire.child_instance_owner_id.text("ChildInstanceOwnerId", problems);
    let account_id = if owner.is_empty() { ask.scope.account_id.clone() } else { owner.into() };
    Some(CenChildInstance {
        scope: scope(&account_id, &region.as_str().into()),
        cen_id: cen.clone(),
        child_instance_id: id.into(),
        child_instance_type: wire.child_instance_type.required_text("ChildInstanceType", problems)?.into(),
        child_instance_region_id: region.into(),
        status: wire.status.required_text("Status", problems)?.into(),
        withdrawn_cidrs: Vec::new(),
    })
}

/// What is given for tests only counts as nothing: its package is named, as none.
fn limit(
    ask: &Ask<'_>,
    cen: &CenId,
    wire: cbn::BandwidthLimit,
    problems: &mut Problems,
) -> Option<CenInterRegionBandwidthLimit> {
    let for_tests = wire.bandwidth_package_id.value().is_some_and(String::is_empty);
    let bandwidth = wire.bandwidth_limit.required("BandwidthLimit", problems)?;
    let bandwidth = u32::try_from(bandwidth).unwrap_or(u32::MAX);
    Some(CenInterRegionBandwidthLimit {
        scope: of_cen(ask),
        cen_id: cen.clone(),
        local_region_id: wire.local_region_id.required_text("LocalRegionId", problems)?.into(),
        opposite_region_id: wire.opposite_region_id.required_text("OppositeRegionId", problems)?.into(),
        bandwidth_limit: if for_tests { 0 } else { bandwidth },
    })
}

/// `None` for a map that is about other networks than VPCs. A condition that cannot be judged makes
/// an active map a problem: taken for a wider one, it would permit or deny too much.
fn route_map(ask: &Ask<'_>, cen: &CenId, wire: cbn::RouteMap, problems: &mut Problems) -> Option<CenRouteMap> {
    let id = plain_id(wire.route_map_id, "RouteMapId", problems)?;
    let status = wire.status.required_text("RouteMaps.Status", problems)?;
    let of_vpcs = [
        is_for_vpcs(wire.source_child_instance_types, "SourceChildInstanceTypes", problems),
        is_for_vpcs(wire.destination_child_instance_types, "DestinationChildInstanceTypes", problems),
    ];
    let mut conditions: Vec<&'static str> = Vec::new();
    for (name, list) in [
        ("SourceRouteTableIds", wire.source_route_table_ids),
        ("DestinationRouteTableIds", wire.destination_route_table_ids),
        ("DestinationRegionIds", wire.destination_region_ids),
        ("RouteTypes", wire.route_types),
        ("MatchAsns", wire.match_asns),
        ("MatchCommunitySet", wire.match_community_set),
    ] {
        if !list.optional(name, problems).is_empty() {
            conditions.push(name);
        }
    }
    if !of_vpcs.into_iter().all(|of_vpcs| of_vpcs) {
        return None;
    }
    if let Some(condition) = conditions.first()
        && status.eq_ignore_ascii_case("active")
    {
        problems.note(condition, format!("of the route map {} limits it, which is not understood", escaped(&id)));
    }
    let map_result = wire.map_result.required_text("MapResult", problems)?;
    if !["permit", "deny"].iter().any(|known| map_result.eq_ignore_ascii_case(known)) {
        problems.note("MapResult", format!("of the route map {} is neither Permit nor Deny", escaped(&id)));
    }
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let mut texts = |list: List<String>, name: &'static str| list.optional(name, problems);
    let sources = texts(wire.source_instance_ids, "SourceInstanceIds");
    let destinations = texts(wire.destination_instance_ids, "DestinationInstanceIds");
    let regions = texts(wire.source_region_ids, "SourceRegionIds");
    let blocks = texts(wire.destination_cidr_blocks, "DestinationCidrBlocks");
    let source_reverse = wire.source_instance_ids_reverse_match.optional("SourceInstanceIdsReverseMatch", problems);
    let destination_reverse =
        wire.destination_instance_ids_reverse_match.optional("DestinationInstanceIdsReverseMatch", problems);
    Some(CenRouteMap {
        scope: of_cen(ask),
        cen_id: cen.clone(),
        route_map_id: id.into(),
        priority: number(wire.priority.required("Priority", problems)?),
        map_result: map_result.into(),
        next_priority: wire.next_priority.optional("NextPriority", problems).map(number),
        status: status.into(),
        cen_region_id: wire.cen_region_id.text("CenRegionId", problems).into(),
        transmit_direction: wire.transmit_direction.text("TransmitDirection", problems).into(),
        source_instance_ids: sources.into_iter().map(Into::into).collect(),
        source_instance_ids_reverse_match: source_reverse.is_some_and(|flag| flag.0),
        destination_instance_ids: destinations.into_iter().map(Into::into).collect(),
        destination_instance_ids_reverse_match: destination_reverse.is_some_and(|flag| flag.0),
        source_region_ids: regions.into_iter().map(Into::into).collect(),
        destination_cidr_blocks: blocks.into_iter().map(Into::into).collect(),
        cidr_match_mode: wire.cidr_match_mode.text("CidrMatchMode", problems).into(),
    })
}

/// True if a list of kinds of networks has VPCs in it; an empty one has all kinds.
fn is_for_vpcs(kinds: List<String>, name: &'static str, problems: &mut Problems) -> bool {
    let kinds = kinds.optional(name, problems);
    kinds.is_empty() || kinds.iter().any(|kind| kind.eq_ignore_ascii_case("vpc"))
}
