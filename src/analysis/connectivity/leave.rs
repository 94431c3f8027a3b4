//! The ways out of a VPC other than transit routers and CEN: peering, router interfaces, VPN.

use crate::{
    model::{VpnConnection, VpnGateway},
    netset::Block,
};

use super::{
    topology::{Family, VpcNode},
    verdict::Code,
    walk::{Entrance, Outcome, Walk, stop},
};

/// What a VPN gateway reads its connections with, and whether that was refused.
const VPN_READ: &str = "DescribeVpnConnections";

impl<'t, 'a, A: Family> Walk<'t, 'a, A> {
    pub(super) fn through_peering(&mut self, vpc: &VpcNode<'a>, id: &'a str) -> Outcome<'a> {
        let peer = self.topology.peers.get(id).copied();
        if self.topology.is_unread(peer, |peer| &peer.scope, "ListVpcPeerConnections", id) {
            return stop(Code::PeerUnreadable, id);
        }
        let Some(peer) = peer else { return stop(Code::DanglingNextHop, id) };
        if !peer.status.eq_ignore_ascii_case("Activated") {
            return stop(Code::PeerNotActivated, id);
        }
        let (one, other) = (peer.vpc_id.as_str(), peer.accepting_vpc_id.as_str());
        match vpc.id {
            near if near == one => self.arrive(other, Entrance::Peering),
            near if near == other => self.arrive(one, Entrance::Peering),
            _ => stop(Code::DanglingNextHop, id),
        }
    }

    pub(super) fn through_interface(&mut self, vpc: &VpcNode<'a>, id: &'a str) -> Outcome<'a> {
        let near = self.topology.interfaces.get(id).copied();
        if self.topology.is_unread(near, |near| &near.scope, "DescribeRouterInterfaces", id) {
            return stop(Code::RouterInterfaceUnreadable, id);
        }
        let Some(near) = near.filter(|near| near.vpc_id.as_str() == vpc.id) else {
            return stop(Code::DanglingNextHop, id);
        };
        if !near.status.eq_ignore_ascii_case("Active") {
            return stop(Code::RouterInterfaceDown, id);
        }
        let far_id = near.opposite_interface_id.as_str();
        let far = self.topology.interfaces.get(far_id).copied();
        if self.topology.is_unread(far, |far| &far.scope, "DescribeRouterInterfaces", far_id) {
            return stop(Code::RouterInterfaceUnreadable, far_id);
        }
        let Some(far) = far else { return stop(Code::DanglingNextHop, far_id) };
        if !far.status.eq_ignore_ascii_case("Active") {
            return stop(Code::RouterInterfaceDown, far_id);
        }
        if far.router_type.eq_ignore_ascii_case("VBR") {
            return stop(Code::OnPremises, far_id);
        }
        self.arrive(far.vpc_id.as_str(), Entrance::Other)
    }

    pub(super) fn through_vpn(&mut self, vpc: &VpcNode<'a>, id: &'a str, table: &'a str) -> Outcome<'a> {
        let gateway = self.topology.gateways.get(id).copied();
        if self.topology.is_unread(gateway, |gateway| &gateway.scope, VPN_READ, id) {
            return stop(Code::VpnUnreadable, id);
        }
        let Some(gateway) = gateway.filter(|gateway| gateway.vpc_id.as_str() == vpc.id) else {
            return stop(Code::DanglingNextHop, id);
        };
        if !gateway.status.eq_ignore_ascii_case("active") {
            return stop(Code::VpnGatewayDown, id);
        }
        let mut selected = Vec::new();
        for connection in self.topology.connections_of.get(id).map_or(&[][..], Vec::as_slice) {
            match self.selects(connection, Side::Near) {
                Some(true) => selected.push(*connection),
                Some(false) => {}
                None => return stop(Code::VpnUnreadable, id),
            }
        }
        if selected.is_empty() {
            return stop(Code::VpnNoSelector, id);
        }
        self.each(selected.into_iter(), Code::VpnNoSelector, table, |walk, near| walk.through_connection(near))
    }

    fn through_connection(&mut self, near: &'a VpnConnection) -> Outcome<'a> {
        let near_id = near.vpn_connection_id.as_str();
        if !is_established(near) {
            return stop(Code::VpnDown, near_id);
        }
        let Some(far) = self.topology.connections.get(near.peer_vpn_connection_id.as_str()).copied() else {
            return stop(Code::OnPremises, near_id);
        };
        let (far_id, gateway_id) = (far.vpn_connection_id.as_str(), far.vpn_gateway_id.as_str());
        let gateway: Option<&'a VpnGateway> = self.topology.gateways.get(gateway_id).copied();
        if self.topology.is_unread(gateway, |gateway| &gateway.scope, VPN_READ, gateway_id) {
            return stop(Code::VpnUnreadable, gateway_id);
        }
        if !is_established(far) {
            return stop(Code::VpnDown, far_id);
        }
        match self.selects(far, Side::Far) {
            Some(true) => {}
            Some(false) => return stop(Code::VpnNoSelector, far_id),
            None => return stop(Code::VpnUnreadable, gateway_id),
        }
        let Some(gateway) = gateway else { return stop(Code::DanglingNextHop, gateway_id) };
        if !gateway.status.eq_ignore_ascii_case("active") {
            return stop(Code::VpnGatewayDown, gateway_id);
        }
        self.arrive(gateway.vpc_id.as_str(), Entrance::Other)
    }

    /// True if the selectors of a connection let the packet in; `None` where they cannot be read.
    fn selects(&mut self, connection: &VpnConnection, side: Side) -> Option<bool> {
        let (source, destination) = match side {
            Side::Near => (&connection.local_subnet, &connection.remote_subnet),
            Side::Far => (&connection.remote_subnet, &connection.local_subnet),
        };
        let mut is_source = false;
        for text in source.split(',') {
            let Some(block) = A::of_block(Block::parse(text.trim()).ok()?) else { continue };
            is_source |= block.contains(self.packet.source);
            self.narrow_source(block);
        }
        let mut is_destination = false;
        for text in destination.split(',') {
            let Some(block) = A::of_block(Block::parse(text.trim()).ok()?) else { continue };
            is_destination |= block.contains(self.packet.destination);
            self.narrow_destination(block);
        }
        Some(is_source && is_destination)
    }
}

/// Which end of a connection a packet comes to first.
#[derive(Clone, Copy, Debug)]
enum Side {
    Near,
    Far,
}

/// Phase 2 is up.
fn is_established(connection: &VpnConnection) -> bool {
    connection.status.eq_ignore_ascii_case("ipsec_sa_established")
}
