//! VPN gateways with their connections, and NAT gateways with their source-NAT entries.

use super::ask::{Ask, Found, each, pick, unless_gone, unlocked, whole};
use crate::{
    cloud::api::{
        vpc::{self, gateway},
        wire::{List, Problems},
    },
    model::{
        NatGateway, NatGatewayId, Network, SnatEntry, VpcId, VpnConnection, VpnConnectionId, VpnGateway, VpnGatewayId,
    },
    scan::convert::plain_id,
};

/// The status of a connection whose second phase is up.
const ESTABLISHED: &str = "ipsec_sa_established";

/// A VPN gateway with all its connections. Which connection stands at the other end no reply says:
/// the customer gateway has an address of its own, which these do not hold. So the other end is
/// taken for on premises.
pub(super) async fn vpn(ask: &Ask<'_>, id: &VpnGatewayId) -> Found {
    let request = gateway::describe_vpn_gateway(ask.region(), id.as_str());
    let read = ask.items::<gateway::VpnGateways, _>("VpnGateways", &request, vpc::PAGING).await;
    let Some(listed) = unless_gone(read)? else { return Ok(None) };
    let picked = pick(listed, "VpnGatewayId", id.as_str(), |wire| &wire.vpn_gateway_id)?;
    let Some(wire) = picked else { return Ok(None) };
    unlocked("VPN gateway", id.as_str(), "BusinessStatus", wire.business_status)?;
    let mut problems = Problems::default();
    let vpn_gateway = VpnGateway {
        scope: ask.scope.clone(),
        vpn_gateway_id: id.clone(),
        vpc_id: wire.vpc_id.required_text("VpcId", &mut problems).unwrap_or_default().into(),
        status: wire.status.required_text("Status", &mut problems).unwrap_or_default().into(),
    };
    let vpn_gateway = whole(vpn_gateway, &problems)?;
    let request = gateway::describe_vpn_connections_of(ask.region(), id.as_str());
    let listed = ask.items::<gateway::VpnConnections, _>("VpnConnections", &request, vpc::PAGING).await?;
    let vpn_connections = each(listed, |wire, problems| connection(ask, id, wire, problems))?;
    Ok(Some(Network { vpn_gateways: vec![vpn_gateway], vpn_connections, ..Network::default() }))
}

fn connection(
    ask: &Ask<'_>,
    gateway_id: &VpnGatewayId,
    wire: gateway::VpnConnection,
    problems: &mut Problems,
) -> Option<VpnConnection> {
    let id = plain_id(wire.vpn_connection_id, "VpnConnectionId", problems)?;
    if wire.vpn_gateway_id.required_text("VpnConnections.VpnGatewayId", problems)? != gateway_id.as_str() {
        return None;
    }
    let status = wire.status.text("VpnConnections.Status", problems);
    Some(VpnConnection {
        scope: ask.scope.clone(),
        vpn_connection_id: id.into(),
        vpn_gateway_id: gateway_id.clone(),
        local_subnet: wire.local_subnet.text("LocalSubnet", problems).into(),
        remote_subnet: wire.remote_subnet.text("RemoteSubnet", problems).into(),
        peer_vpn_connection_id: VpnConnectionId::default(),
        status: of_tunnels(status, wire.tunnel_options_specification, problems).into(),
    })
}

/// A connection with two tunnels is up while one of them is.
fn of_tunnels(status: String, tunnels: List<gateway::Tunnel>, problems: &mut Problems) -> String {
    let mut statuses: Vec<String> = tunnels
        .optional("TunnelOptionsSpecification", problems)
        .into_iter()
        .map(|tunnel| tunnel.status.text("TunnelOptionsSpecification.Status", problems))
        .filter(|status| !status.is_empty())
        .collect();
    if !status.is_empty() {
        return status;
    }
    if statuses.iter().any(|status| status == ESTABLISHED) {
        return ESTABLISHED.to_owned();
    }
    if statuses.is_empty() {
        problems.note("VpnConnections.Status", "is missing");
        return String::new();
    }
    statuses.swap_remove(0)
}

/// The NAT gateways of a VPC with their source-NAT entries: with which addresses it goes out.
pub(super) async fn nat(ask: &Ask<'_>, vpc_id: &VpcId) -> Found {
    let request = gateway::describe_nat_gateways_of(ask.region(), vpc_id.as_str());
    let listed = ask.items::<gateway::NatGateways, _>("NatGateways", &request, vpc::PAGING).await?;
    let mut locks = Vec::new();
    let nat_gateways = each(listed, |wire, problems| {
        let id = plain_id(wire.nat_gateway_id, "NatGatewayId", problems)?;
        let owner = wire.vpc_id.required_text("NatGateways.VpcId", problems)?;
        let gateway = NatGateway {
            scope: ask.scope.clone(),
            nat_gateway_id: id.into(),
            vpc_id: owner.into(),
            network_type: wire.network_type.text("NetworkType", problems).into(),
            status: wire.status.text("NatGateways.Status", problems).into(),
        };
        if gateway.vpc_id != *vpc_id {
            return None;
        }
        locks.push(wire.business_status);
        Some(gateway)
    })?;
    for (gateway, business_status) in nat_gateways.iter().zip(locks) {
        unlocked("NAT gateway", gateway.nat_gateway_id.as_str(), "NatGateways.BusinessStatus", business_status)?;
    }
    let mut snat_entries = Vec::new();
    for gateway in &nat_gateways {
        let id = &gateway.nat_gateway_id;
        let request = gateway::describe_snat_entries_of(ask.region(), id.as_str());
        let listed = ask.items::<gateway::SnatTableEntries, _>("SnatTableEntries", &request, vpc::PAGING).await?;
        snat_entries.extend(each(listed, |wire, problems| snat_entry(ask, id, wire, problems))?);
    }
    Ok(Some(Network { nat_gateways, snat_entries, ..Network::default() }))
}

fn snat_entry(
    ask: &Ask<'_>,
    gateway: &NatGatewayId,
    wire: gateway::SnatTableEntry,
    problems: &mut Problems,
) -> Option<SnatEntry> {
    let id = plain_id(wire.snat_entry_id, "SnatEntryId", problems)?;
    Some(SnatEntry {
        scope: ask.scope.clone(),
        snat_entry_id: id.into(),
        nat_gateway_id: gateway.clone(),
        snat_ip: wire.snat_ip.required_text("SnatIp", problems)?.into(),
        source_cidr: wire.source_cidr.text("SourceCIDR", problems).into(),
        source_v_switch_id: wire.source_v_switch_id.text("SourceVSwitchId", problems).into(),
        status: wire.status.text("SnatTableEntries.Status", problems).into(),
    })
}
