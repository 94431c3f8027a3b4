//! PrivateLink: an alternative to routing, since it has an address of its own in the cluster's VPC
//! and its own way back. The filters at both ends stand in this way too.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    model::{Scope, VSwitch, VpcEndpoint, VpcEndpointService},
    netset::{Address, Block, Interval},
};

use super::{
    acl::{self, End},
    groups::{GroupFilter, Way},
    pair::{Pair, rest},
    topology::{Family, Topology, block_of, narrow},
    verdict::{Code, Direction, Hop, Reason, Verdict},
    walk::{Fault, Packet},
};

/// Where the addresses of a service's own interfaces are, which the balancer sees instead of the clients': nobody
/// documents which of them it takes.
pub const SERVICE_RANGES: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// What PrivateLink does for a pair.
pub(super) struct PrivateLink<'a> {
    /// Never [`Verdict::Partial`]: an endpoint serves a whole VPC.
    pub(super) verdict: Verdict,
    pub(super) reasons: Vec<Reason<'a>>,
    /// Where connected.
    pub(super) hop: Option<Hop<'a>>,
}

/// `sources` and `target` are the addresses of both ends.
pub(super) fn judge<'a, A: Family>(
    pair: Pair<'_, 'a>,
    sources: &[Interval<A>],
    target: Interval<A>,
) -> PrivateLink<'a> {
    let (topology, cluster) = (pair.topology, pair.cluster_switch);
    let vpc = cluster.vpc_id.as_str();
    let mut reasons: Vec<Reason<'a>> = Vec::new();
    if topology.is_refused(scope_of(topology, cluster), "ListVpcEndpoints", vpc) {
        reasons.push(unplaced((Code::EndpointsUnreadable, vpc)));
    }
    // Nobody says which address an endpoint has, so that they are the same for all.
    let mut filters: Option<Vec<Reason<'a>>> = None;
    for endpoint in topology.endpoints.get(vpc).map_or(&[][..], Vec::as_slice) {
        let Some(own) = faults(topology, endpoint, pair) else { continue };
        let filters = filters.get_or_insert_with(|| filter_faults(pair, sources, target));
        if own.is_empty() && filters.is_empty() {
            let (endpoint, service) = (endpoint.endpoint_id.as_str(), endpoint.service_id.as_str());
            let hop = Some(Hop::Endpoint { vpc, endpoint, service });
            return PrivateLink { verdict: Verdict::Connected, reasons: Vec::new(), hop };
        }
        let all: Vec<Reason<'a>> = own.into_iter().map(unplaced).chain(filters.iter().cloned()).collect();
        // What blocks an endpoint blocks it whatever else is unknown of it.
        let blocked = all.iter().any(|reason| reason.code.blocks());
        reasons.extend(all.into_iter().filter(|reason| reason.code.blocks() == blocked));
    }
    let unknown = reasons.iter().any(|reason| !reason.code.blocks());
    PrivateLink { verdict: if unknown { Verdict::Unknown } else { Verdict::Blocked }, reasons, hop: None }
}

fn unplaced<'a>((code, object): (Code, &'a str)) -> Reason<'a> {
    Reason { direction: None, code, object: object.into() }
}

/// What the filters of both ends do to connections through an endpoint. At the cluster's end they go to some address of
/// its VPC; at the mesh's end they come from an address of the service.
fn filter_faults<'a, A: Family>(pair: Pair<'_, 'a>, sources: &[Interval<A>], target: Interval<A>) -> Vec<Reason<'a>> {
    let (topology, port) = (pair.topology, pair.mesh.port);
    // Nobody says of which groups the interfaces of endpoints and services are members.
    let mut near = GroupFilter::<A>::new(topology, &pair.cluster.security_group_ids, &[], Way::Egress, port);
    let mut far = GroupFilter::<A>::new(topology, &pair.mesh.security_group_ids, &[], Way::Ingress, port);
    let endpoints = interfaces_of(topology, pair.cluster_switch);
    let leaving = over(sources, &endpoints, |packet| {
        let mut faults = near.as_mut().map_or(Vec::new(), |groups| groups.check(packet));
        let (other, range) = (packet.destination, &mut packet.destinations);
        if !is_inside(pair.cluster_switch, other, range) {
            faults.extend(acl::check(topology, pair.cluster_switch, End::Source, port, other, range));
        }
        faults
    });
    let mut services = interfaces_of(topology, pair.mesh_switch);
    services.extend(SERVICE_RANGES.into_iter().filter_map(|text| A::of_block(Block::parse(text).ok()?)));
    let arriving = over(&services, &[target], |packet| {
        let mut faults = far.as_mut().map_or(Vec::new(), |groups| groups.check(packet));
        let (other, range) = (packet.source, &mut packet.sources);
        if !is_inside(pair.mesh_switch, other, range) {
            faults.extend(acl::check(topology, pair.mesh_switch, End::Target, port, other, range));
        }
        faults
    });
    let ends = [(Direction::Source, leaving), (Direction::Target, arriving)];
    let named = ends.into_iter().flat_map(|(end, faults)| faults.into_iter().map(move |fault| (end, fault)));
    named.map(|(end, (code, object))| Reason { direction: Some(end), code, object }).collect()
}

/// The addresses that an interface in the vSwitch's VPC may have.
fn interfaces_of<A: Family>(topology: &Topology<'_>, switch: &VSwitch) -> Vec<Interval<A>> {
    let known = topology.vpcs.get(switch.vpc_id.as_str()).and_then(|vpc| vpc.interfaces());
    known.unwrap_or_else(|| vec![Interval::FULL])
}

/// An ACL stands at the edge of its vSwitch: what stays inside does not meet it. Keeps of the range around the address
/// what is on the same side.
fn is_inside<A: Address>(switch: &VSwitch, address: A, range: &mut Interval<A>) -> bool {
    let Some(own) = block_of(switch) else { return false };
    narrow(range, address, own);
    own.contains(address)
}

/// One check for every address that either end may have. It blocks if it blocks all of them; if it blocks some, nobody
/// knows whether those are the ones.
fn over<'a, A: Family>(
    sources: &[Interval<A>],
    destinations: &[Interval<A>],
    mut check: impl FnMut(&mut Packet<A>) -> Vec<Fault<'a>>,
) -> BTreeSet<Fault<'a>> {
    let mut all_blocked = true;
    let mut faults: BTreeSet<Fault<'a>> = BTreeSet::new();
    let blocks = sources.iter().flat_map(|source| destinations.iter().map(move |destination| (*source, *destination)));
    let mut open: Vec<(Interval<A>, Interval<A>)> = blocks.collect();
    while let Some((sources, destinations)) = open.pop() {
        let mut packet = Packet { source: sources.first(), destination: destinations.first(), sources, destinations };
        let found = check(&mut packet);
        all_blocked &= found.iter().any(|(code, _)| code.blocks());
        faults.extend(found);
        rest(&mut open, (sources, destinations), &packet);
    }
    if all_blocked {
        return faults;
    }
    let doubted = |code| match code {
        Code::SecurityGroupDeny => Code::SecurityGroupUndecided,
        Code::NaclDeny => Code::NaclPartial,
        other => other,
    };
    faults.into_iter().map(|(code, object)| (doubted(code), object)).collect()
}

fn scope_of<'t>(topology: &'t Topology<'_>, switch: &'t VSwitch) -> &'t Scope {
    topology.vpcs.get(switch.vpc_id.as_str()).map_or(&switch.scope, |vpc| vpc.scope)
}

/// Why the endpoint does not lead to the mesh; `None` where it leads elsewhere.
fn faults<'a>(topology: &Topology<'a>, endpoint: &'a VpcEndpoint, pair: Pair<'_, 'a>) -> Option<Vec<(Code, &'a str)>> {
    let mesh = pair.mesh_switch;
    if !endpoint.endpoint_type.is_empty() && !endpoint.endpoint_type.eq_ignore_ascii_case("Interface") {
        return None;
    }
    let mut faults = Vec::new();
    if !endpoint.connection_status.eq_ignore_ascii_case("Connected")
        || !endpoint.endpoint_status.eq_ignore_ascii_case("Active")
    {
        faults.push((Code::EndpointNotConnected, endpoint.endpoint_id.as_str()));
    }
    let id = endpoint.service_id.as_str();
    let service = topology.services.get(id).copied();
    if topology.is_unread(service, |service| &service.scope, "ListVpcEndpointServices", id) {
        faults.push((Code::EndpointServiceUnreadable, id));
        return Some(faults);
    }
    let service = service.filter(|service| service.vpc_id == mesh.vpc_id)?;
    match leads_to(service, mesh, pair.mesh.private_ip) {
        Some(true) => {}
        Some(false) => return None,
        None => faults.push((Code::EndpointServiceUnreadable, id)),
    }
    if !service.service_status.eq_ignore_ascii_case("Active") {
        faults.push((Code::EndpointServiceDown, id));
    }
    if service.ports.as_ref().is_some_and(|ports| !ports.contains(&pair.mesh.port)) {
        faults.push((Code::EndpointPort, id));
    }
    Some(faults)
}

/// Whether the service's balancer has the mesh's address; `None` where that cannot be told.
fn leads_to(service: &VpcEndpointService, mesh: &VSwitch, address: Option<IpAddr>) -> Option<bool> {
    if service.target_ip.is_empty() {
        return Some(true);
    }
    let target: IpAddr = service.target_ip.parse().ok()?;
    if let Some(address) = address {
        return Some(address == target);
    }
    // It is some address of the vSwitch, and the mesh has one of them.
    let blocks = [&mesh.cidr_block, &mesh.ipv6_cidr_block].into_iter().filter_map(|text| Block::parse(text).ok());
    let target = Block::host(target);
    let inside = |block| match (block, target) {
        (Block::V4(block), Block::V4(host)) => block.contains(host.first()),
        (Block::V6(block), Block::V6(host)) => block.contains(host.first()),
        _ => false,
    };
    if blocks.into_iter().any(inside) { None } else { Some(false) }
}
