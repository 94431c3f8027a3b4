//! PrivateLink: the endpoints of a VPC, and what stands behind a service.

use std::collections::BTreeSet;

use super::ask::{Ask, Found, each, locked, pick, unless_gone, unlocked, whole};
use crate::{
    cloud::api::{privatelink, wire::Problems},
    model::{
        Listener, LoadBalancerId, Network, NetworkLoadBalancer, NlbListener, VpcEndpoint, VpcEndpointService,
        VpcEndpointServiceId, VpcId, is_network_balancer,
    },
    scan::{
        calls,
        convert::{escaped, plain_id},
        read::Failure,
    },
};

/// The endpoints of a VPC.
pub(super) async fn endpoints(ask: &Ask<'_>, vpc_id: &VpcId) -> Found {
    let request = privatelink::list_vpc_endpoints_of(ask.region(), vpc_id.as_str());
    let listed = ask.items::<privatelink::Endpoints, _>("Endpoints", &request, privatelink::PAGING).await?;
    let mut locks = Vec::new();
    let vpc_endpoints = each(listed, |mut wire, problems| {
        let business_status = std::mem::take(&mut wire.endpoint_business_status);
        let endpoint = endpoint(ask, vpc_id, wire, problems)?;
        locks.push(business_status);
        Some(endpoint)
    })?;
    // One that is not up is no way, locked or not.
    for (endpoint, business_status) in vpc_endpoints.iter().zip(locks).filter(|(endpoint, _)| is_up(endpoint)) {
        unlocked("endpoint", endpoint.endpoint_id.as_str(), "EndpointBusinessStatus", business_status)?;
    }
    Ok(Some(Network { vpc_endpoints, ..Network::default() }))
}

fn is_up(endpoint: &VpcEndpoint) -> bool {
    endpoint.endpoint_status.eq_ignore_ascii_case("Active")
        && endpoint.connection_status.eq_ignore_ascii_case("Connected")
}

fn endpoint(
    ask: &Ask<'_>,
    vpc_id: &VpcId,
    wire: privatelink::Endpoint,
    problems: &mut Problems,
) -> Option<VpcEndpoint> {
    let id = plain_id(wire.endpoint_id, "EndpointId", problems)?;
    if wire.vpc_id.required_text("Endpoints.VpcId", problems)? != vpc_id.as_str() {
        return None;
    }
    let kind = wire.endpoint_type.text("EndpointType", problems);
    let leads_in = kind.is_empty() || kind.eq_ignore_ascii_case("interface");
    let status = wire.endpoint_status.required_text("EndpointStatus", problems)?;
    let connection = wire.connection_status.required_text("ConnectionStatus", problems)?;
    let service = wire.service_id.text("Endpoints.ServiceId", problems);
    if service.is_empty() {
        // Of no use to anybody, unless it is up.
        if leads_in && status.eq_ignore_ascii_case("Active") && connection.eq_ignore_ascii_case("Connected") {
            problems.note("Endpoints.ServiceId", "is empty");
        }
        return None;
    }
    // NOTE: the service may be of another region; the noun has no field for it, so it is asked for
    // where the endpoint is.
    Some(VpcEndpoint {
        scope: ask.scope.clone(),
        endpoint_id: id.into(),
        vpc_id: vpc_id.clone(),
        endpoint_type: kind.into(),
        endpoint_status: status.into(),
        connection_status: connection.into(),
        service_id: service.into(),
    })
}

/// What stands behind a service: one balancer at one address.
struct Behind {
    balancer: String,
    vpc_id: String,
    ip: String,
}

/// A service with the address and the ports of the balancer behind it.
pub(super) async fn service(ask: &Ask<'_>, id: &VpcEndpointServiceId) -> Found {
    let request = privatelink::list_vpc_endpoint_service(ask.region(), id.as_str());
    let read = ask.items::<privatelink::EndpointServices, _>("Services", &request, privatelink::PAGING).await;
    let Some(listed) = unless_gone(read)? else { return Ok(None) };
    let Some(wire) = pick(listed, "ServiceId", id.as_str(), |wire| &wire.service_id)? else { return Ok(None) };
    unlocked("endpoint service", id.as_str(), "ServiceBusinessStatus", wire.service_business_status)?;
    let mut problems = Problems::default();
    let service_status = wire.service_status.required_text("ServiceStatus", &mut problems).unwrap_or_default();
    whole((), &problems)?;
    let mut service = VpcEndpointService {
        scope: ask.scope.clone(),
        service_id: id.clone(),
        service_status: service_status.into(),
        ..VpcEndpointService::default()
    };
    if let Some(behind) = behind(ask, id).await? {
        service.ports = Some(ports(ask, &behind.balancer).await?.into_iter().collect());
        service.vpc_id = behind.vpc_id.into();
        service.target_ip = behind.ip.into();
    } else {
        // Without a balancer there is nothing to come to.
        service.ports = Some(Vec::new());
    }
    Ok(Some(Network { vpc_endpoint_services: vec![service], ..Network::default() }))
}

/// The one balancer of a service, which stands once for each zone. With several, or at several
/// addresses, nobody can tell to which of them a connection comes.
async fn behind(ask: &Ask<'_>, id: &VpcEndpointServiceId) -> Result<Option<Behind>, Failure> {
    let request = privatelink::list_vpc_endpoint_service_resources(ask.region(), id.as_str());
    let listed = ask.items::<privatelink::ServiceResources, _>("Resources", &request, privatelink::PAGING).await?;
    let resources = each(listed, |wire, problems| {
        let balancer = plain_id(wire.resource_id, "ResourceId", problems)?;
        let kind = wire.resource_type.text("ResourceType", problems);
        if !["", "slb", "nlb"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            problems.note("ResourceType", format!("is no balancer that can be read: \"{}\"", escaped(&kind)));
        }
        let (vpc_id, ip) = (wire.vpc_id.text("Resources.VpcId", problems), wire.ip.text("Ip", problems));
        Some(Behind { balancer, vpc_id, ip })
    })?;
    let distinct = |field: fn(&Behind) -> &String| -> Vec<String> {
        let texts: BTreeSet<&String> = resources.iter().map(field).filter(|text| !text.is_empty()).collect();
        texts.into_iter().cloned().collect()
    };
    let balancers = distinct(|one| &one.balancer);
    let mut vpcs = distinct(|one| &one.vpc_id);
    let mut ips = distinct(|one| &one.ip);
    let [balancer] = balancers.as_slice() else {
        return if balancers.is_empty() { Ok(None) } else { Err(ambiguous("several balancers stand behind it")) };
    };
    if is_network_balancer(balancer) {
        if let Some(lock) = network_balancer(ask, balancer).await?.locks.first() {
            return Err(locked("load balancer", balancer, lock));
        }
    } else {
        let (vpc_id, ip) = place(ask, balancer).await?;
        if vpcs.is_empty() {
            vpcs.push(vpc_id);
        }
        if ips.is_empty() {
            ips.push(ip);
        }
    }
    match (vpcs.as_slice(), ips.as_slice()) {
        ([vpc_id], [ip]) if !vpc_id.is_empty() && !ip.is_empty() => {
            Ok(Some(Behind { balancer: balancer.clone(), vpc_id: vpc_id.clone(), ip: ip.clone() }))
        }
        _ => Err(ambiguous("its balancer has not one address in one VPC")),
    }
}

fn ambiguous(why: &str) -> Failure {
    Failure::new("ambiguous-target", format!("where the service leads cannot be told: {why}"))
}

fn unlocked_balancer(id: &str, status: &str) -> Result<(), Failure> {
    if status.eq_ignore_ascii_case("locked") { Err(locked("load balancer", id, status)) } else { Ok(()) }
}

/// VPC and address of a classic balancer that is not locked.
async fn place(ask: &Ask<'_>, id: &str) -> Result<(String, String), Failure> {
    let known = ask.inventory.load_balancer(&ask.scope.account_id, &LoadBalancerId::from(id));
    if let Some(known) = known {
        unlocked_balancer(id, &known.load_balancer_status)?;
        return Ok((known.vpc_id.as_str().to_owned(), known.address.clone()));
    }
    let account_id = &ask.scope.account_id;
    if let Some(place) = ask.memory.balancer(account_id, id).place {
        return Ok(place);
    }
    let balancer = calls::balancer(ask.reader, &ask.scope, id).await?;
    unlocked_balancer(id, &balancer.load_balancer_status)?;
    let place = (balancer.vpc_id.as_str().to_owned(), balancer.address);
    ask.memory.note_place(account_id, id, place.clone());
    Ok(place)
}

/// A network balancer. What is known of it is not asked for again.
async fn network_balancer(ask: &Ask<'_>, id: &str) -> Result<NetworkLoadBalancer, Failure> {
    let account_id = &ask.scope.account_id;
    let known = ask.inventory.network_load_balancer(account_id, &LoadBalancerId::from(id)).cloned();
    if let Some(known) = known.or_else(|| ask.memory.balancer(account_id, id).network) {
        return Ok(known);
    }
    let balancer = calls::network_balancer(ask.reader, &ask.scope, id).await?;
    ask.memory.note_network(account_id, balancer.clone());
    Ok(balancer)
}

/// One that is disabled, or not there yet, forwards nothing.
fn forwards(balancer: &NetworkLoadBalancer) -> bool {
    let idle = ["Inactive", "Provisioning", "CreateFailed"];
    !idle.iter().any(|word| balancer.load_balancer_status.eq_ignore_ascii_case(word))
}

/// The ports on which a balancer takes connections. What is known of it is not asked for again.
async fn ports(ask: &Ask<'_>, id: &str) -> Result<BTreeSet<u16>, Failure> {
    let account_id = &ask.scope.account_id;
    if is_network_balancer(id) && !forwards(&network_balancer(ask, id).await?) {
        return Ok(BTreeSet::new());
    }
    if let Some(known) = known_ports(ask, id).or_else(|| ask.memory.balancer(account_id, id).ports) {
        return Ok(known);
    }
    let ports = if is_network_balancer(id) {
        network_ports(&calls::network_listeners(ask.reader, &ask.scope, id).await?)
    } else {
        classic_ports(&calls::listeners(ask.reader, &ask.scope, id).await?)
    };
    ask.memory.note_ports(account_id, id, ports.clone());
    Ok(ports)
}

/// As the inventory has it.
fn known_ports(ask: &Ask<'_>, id: &str) -> Option<BTreeSet<u16>> {
    let (account_id, id) = (&ask.scope.account_id, LoadBalancerId::from(id));
    if is_network_balancer(id.as_str()) {
        let balancer = ask.inventory.network_load_balancer(account_id, &id)?;
        return balancer.listeners.value().map(|listeners| network_ports(listeners));
    }
    let balancer = ask.inventory.load_balancer(account_id, &id)?;
    balancer.listeners.value().map(|listeners| classic_ports(listeners))
}

/// A stopped listener takes none; one whose status is not known may.
fn classic_ports(listeners: &[Listener]) -> BTreeSet<u16> {
    let serves = |listener: &&Listener| {
        !listener.listener_protocol.eq_ignore_ascii_case("udp") && !listener.status.eq_ignore_ascii_case("stopped")
    };
    listeners.iter().filter(serves).map(|listener| listener.listener_port).collect()
}

fn network_ports(listeners: &[NlbListener]) -> BTreeSet<u16> {
    let serves = |listener: &&NlbListener| {
        !listener.listener_protocol.eq_ignore_ascii_case("udp")
            && !listener.listener_status.eq_ignore_ascii_case("stopped")
    };
    listeners.iter().filter(serves).flat_map(|listener| listener.start_port..=listener.end_port).collect()
}
