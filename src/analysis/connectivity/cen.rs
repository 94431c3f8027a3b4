//! Through a basic-edition CEN: a mesh of attached networks, with bandwidth between regions and
//! route maps.

use crate::{
    model::{CenChildInstance, CenRouteMap, RegionId, RelatedInfo, Scope},
    netset::{Block, Interval},
};

use super::{
    topology::{Cen, Family, VpcNode},
    verdict::Code,
    walk::{Entrance, Fault, Outcome, Walk, stop},
};

/// A member that publishes the destination, and the block that it publishes.
struct Provider<'a, A> {
    child: &'a CenChildInstance,
    block: Interval<A>,
}

impl<'t, 'a, A: Family> Walk<'t, 'a, A> {
    /// By a route for `block`, which the member announces that `related` names, if it names any.
    pub(super) fn through_cen(
        &mut self,
        vpc: &VpcNode<'a>,
        id: &'a str,
        block: Block,
        related: &'a RelatedInfo,
    ) -> Outcome<'a> {
        if self.topology.is_refused(&Scope::default(), "DescribeCenAttachedChildInstances", id) {
            return stop(Code::CenUnreadable, id);
        }
        let topology = self.topology;
        // A route leads there, so that it has members: they are those of somebody who was not asked.
        let Some(cen) = topology.cens.get(id).filter(|cen| cen.is_listed) else { return stop(Code::CenUnreadable, id) };
        let is_here = |child: &&&CenChildInstance| is_vpc(child) && child.child_instance_id == vpc.id;
        let Some(receiver) = cen.children.iter().find(is_here).copied() else { return stop(Code::NotAttached, id) };
        let provider = match self.provider(cen, receiver, id) {
            Ok(provider) => provider,
            Err(outcome) => return outcome,
        };
        if let Some(outcome) = of_another(cen, &provider, block, related, id) {
            return outcome;
        }
        let (near, far) = (&receiver.child_instance_region_id, &provider.child.child_instance_region_id);
        if near != far && !has_bandwidth(cen, near, far) {
            return stop(Code::NoInterRegionBandwidth, id);
        }
        if let Some(denying) = denying_map(cen, &provider, receiver) {
            return stop(Code::RouteMapDeny, denying.route_map_id.as_str());
        }
        self.arrive(provider.child.child_instance_id.as_str(), Entrance::Other)
    }

    /// The one other member that publishes the destination.
    fn provider(
        &mut self,
        cen: &Cen<'a>,
        receiver: &'a CenChildInstance,
        id: &'a str,
    ) -> Result<Provider<'a, A>, Outcome<'a>> {
        let mut providers = Vec::new();
        let mut unread = None;
        let mut unheard: Vec<Fault<'a>> = Vec::new();
        let others = cen.children.iter().copied().filter(|child| child.child_instance_id != receiver.child_instance_id);
        for child in others.clone().filter(|child| is_vpc(child)) {
            let id = child.child_instance_id.as_str();
            let Some(node) = self.topology.vpcs.get(id) else {
                // It may publish the destination as well.
                if self.topology.is_refused(&child.scope, "DescribeVSwitches", id) {
                    unheard.push((Code::VSwitchesUnreadable, id.into()));
                }
                continue;
            };
            let (switch, stretch) = node.switch_at(self.packet.destination);
            self.narrow_destination(stretch);
            match switch {
                Some((_, block)) if !is_withdrawn(child, block) => providers.push(Provider { child, block }),
                Some(_) => {}
                None if self.may_be_local(node) => unread = unread.or(Some(node.id)),
                None => {}
            }
        }
        if !unheard.is_empty() {
            return Err(Outcome::Unknown(unheard));
        }
        if let Some(vpc) = unread {
            return Err(stop(Code::VSwitchesUnreadable, vpc));
        }
        if providers.len() > 1 {
            return Err(stop(Code::CenRouteConflict, id));
        }
        // What other networks publish cannot be seen.
        let beyond = others.into_iter().find(|child| !is_vpc(child));
        providers.pop().ok_or_else(|| match beyond {
            Some(child) => stop(Code::OnPremises, child.child_instance_id.as_str()),
            None => stop(Code::CenNoRoute, id),
        })
    }
}

/// Where the route is not the provider's own for sure: a VPC announces its vSwitches and nothing longer, and what other
/// networks announce cannot be seen.
fn of_another<'a, A: Family>(
    cen: &Cen<'a>,
    provider: &Provider<'a, A>,
    route: Block,
    related: &'a RelatedInfo,
    id: &'a str,
) -> Option<Outcome<'a>> {
    let named = related.instance_id.as_str();
    if !related.instance_type.is_empty() && !related.instance_type.eq_ignore_ascii_case("VPC") {
        return Some(stop(Code::OnPremises, if named.is_empty() { id } else { named }));
    }
    if !named.is_empty() && provider.child.child_instance_id != related.instance_id {
        return Some(stop(Code::CenRouteConflict, id));
    }
    let is_longer = A::of_block(route).is_some_and(|route| {
        route != provider.block && provider.block.contains(route.first()) && provider.block.contains(route.last())
    });
    let beyond = cen.children.iter().find(|child| !is_vpc(child));
    match beyond {
        Some(child) if is_longer || named.is_empty() => Some(stop(Code::OnPremises, child.child_instance_id.as_str())),
        None if is_longer => Some(stop(Code::CenRouteConflict, id)),
        _ => None,
    }
}

fn is_vpc(child: &CenChildInstance) -> bool {
    child.child_instance_type.eq_ignore_ascii_case("VPC")
}

fn is_withdrawn<A: Family>(child: &CenChildInstance, block: Interval<A>) -> bool {
    child
        .withdrawn_cidrs
        .iter()
        .filter_map(|text| A::of_block(Block::parse(text).ok()?))
        .any(|withdrawn| withdrawn.contains(block.first()) && withdrawn.contains(block.last()))
}

fn has_bandwidth(cen: &Cen<'_>, one: &RegionId, other: &RegionId) -> bool {
    cen.limits.iter().any(|limit| {
        let (local, opposite) = (&limit.local_region_id, &limit.opposite_region_id);
        limit.bandwidth_limit > 0 && ((local, opposite) == (one, other) || (local, opposite) == (other, one))
    })
}

/// The route map that denies the receiver the route, if one does. A route comes into the router of its own region and goes
/// out of the receiver's, and the maps of either way are asked in an order of their own: what one way permits the other may
/// deny. Without a match a route is permitted.
fn denying_map<'a, A: Family>(
    cen: &Cen<'a>,
    provider: &Provider<'a, A>,
    receiver: &CenChildInstance,
) -> Option<&'a CenRouteMap> {
    [false, true].into_iter().find_map(|out| {
        let mut from = 0;
        for map in cen.route_maps.iter().copied().filter(|map| is_for_way_out(map) == out) {
            if map.priority < from || !matches_route(map, provider, receiver) {
                continue;
            }
            if map.map_result.eq_ignore_ascii_case("deny") {
                return Some(map);
            }
            from = map.next_priority?;
        }
        None
    })
}

/// A map that does not say is for the way in.
fn is_for_way_out(map: &CenRouteMap) -> bool {
    map.transmit_direction.eq_ignore_ascii_case("RegionOut")
}

fn matches_route<A: Family>(map: &CenRouteMap, provider: &Provider<'_, A>, receiver: &CenChildInstance) -> bool {
    let region =
        if is_for_way_out(map) { &receiver.child_instance_region_id } else { &provider.child.child_instance_region_id };
    let here = map.cen_region_id.is_empty() || map.cen_region_id == *region;
    let from_region = &provider.child.child_instance_region_id;
    let of_region = map.source_region_ids.is_empty() || map.source_region_ids.contains(from_region);
    here && of_region
        && names(&map.source_instance_ids, map.source_instance_ids_reverse_match, provider.child)
        && names(&map.destination_instance_ids, map.destination_instance_ids_reverse_match, receiver)
        && is_for(map, provider.block)
}

/// True if a list names a member; an empty list names all.
fn names(ids: &[crate::model::Text], reverse: bool, child: &CenChildInstance) -> bool {
    ids.is_empty() || ids.contains(&child.child_instance_id) != reverse
}

fn is_for<A: Family>(map: &CenRouteMap, route: Interval<A>) -> bool {
    let complete = map.cidr_match_mode.eq_ignore_ascii_case("complete");
    let matches = |block: Interval<A>| {
        if complete { block == route } else { block.contains(route.first()) && block.contains(route.last()) }
    };
    map.destination_cidr_blocks.is_empty()
        || map.destination_cidr_blocks.iter().filter_map(|text| A::of_block(Block::parse(text).ok()?)).any(matches)
}
