//! PrivateLink: an alternative to routing, since it has an address of its own in the cluster's VPC
//! and its own way back.

use std::net::IpAddr;

use crate::{
    model::{Scope, VSwitch, VpcEndpoint, VpcEndpointService},
    netset::Block,
};

use super::{
    topology::Topology,
    verdict::{Code, Hop, Reason, Verdict},
};

/// What PrivateLink does for a pair.
pub(super) struct PrivateLink<'a> {
    /// Never [`Verdict::Partial`]: an endpoint serves a whole VPC.
    pub(super) verdict: Verdict,
    pub(super) reasons: Vec<Reason<'a>>,
    /// Where connected.
    pub(super) hop: Option<Hop<'a>>,
}

pub(super) fn judge<'a>(
    topology: &Topology<'a>,
    mesh: &'a VSwitch,
    address: Option<IpAddr>,
    port: u16,
    cluster: &'a VSwitch,
) -> PrivateLink<'a> {
    let vpc = cluster.vpc_id.as_str();
    let mut codes: Vec<(Code, &'a str)> = Vec::new();
    if topology.is_refused(scope_of(topology, cluster), "ListVpcEndpoints", vpc) {
        codes.push((Code::EndpointsUnreadable, vpc));
    }
    for endpoint in topology.endpoints.get(vpc).map_or(&[][..], Vec::as_slice) {
        let Some(faults) = faults(topology, endpoint, mesh, address, port) else { continue };
        if faults.is_empty() {
            let (endpoint, service) = (endpoint.endpoint_id.as_str(), endpoint.service_id.as_str());
            let hop = Some(Hop::Endpoint { vpc, endpoint, service });
            return PrivateLink { verdict: Verdict::Connected, reasons: Vec::new(), hop };
        }
        // What blocks an endpoint blocks it whatever else is unknown of it.
        let blocked = faults.iter().any(|(code, _)| code.blocks());
        codes.extend(faults.into_iter().filter(|(code, _)| code.blocks() == blocked));
    }
    let unknown = codes.iter().any(|(code, _)| !code.blocks());
    PrivateLink {
        verdict: if unknown { Verdict::Unknown } else { Verdict::Blocked },
        reasons: codes
            .into_iter()
            .map(|(code, object)| Reason { direction: None, code, object: object.into() })
            .collect(),
        hop: None,
    }
}

fn scope_of<'t>(topology: &'t Topology<'_>, switch: &'t VSwitch) -> &'t Scope {
    topology.vpcs.get(switch.vpc_id.as_str()).map_or(&switch.scope, |vpc| vpc.scope)
}

/// Why the endpoint does not lead to the mesh; `None` where it leads elsewhere.
fn faults<'a>(
    topology: &Topology<'a>,
    endpoint: &'a VpcEndpoint,
    mesh: &'a VSwitch,
    address: Option<IpAddr>,
    port: u16,
) -> Option<Vec<(Code, &'a str)>> {
    if !endpoint.endpoint_type.is_empty() && !endpoint.endpoint_type.eq_ignore_ascii_case("Interface") {
        return None;
    }
    let mut faults = Vec::new();
    if endpoint.connection_status != "Connected" || endpoint.endpoint_status != "Active" {
        faults.push((Code::EndpointNotConnected, endpoint.endpoint_id.as_str()));
    }
    let id = endpoint.service_id.as_str();
    let service = topology.services.get(id).copied();
    if topology.is_unread(service, |service| &service.scope, "ListVpcEndpointServices", id) {
        faults.push((Code::EndpointServiceUnreadable, id));
        return Some(faults);
    }
    let service = service.filter(|service| service.vpc_id == mesh.vpc_id)?;
    match leads_to(service, mesh, address) {
        Some(true) => {}
        Some(false) => return None,
        None => faults.push((Code::EndpointServiceUnreadable, id)),
    }
    if service.service_status != "Active" {
        faults.push((Code::EndpointServiceDown, id));
    }
    if service.ports.as_ref().is_some_and(|ports| !ports.contains(&port)) {
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
