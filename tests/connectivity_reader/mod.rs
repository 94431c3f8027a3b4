//! A literal reader of questions about paths: one packet at a time, every list looked through from
//! its beginning, as a person would with the API's replies on the table. It shares no code with the
//! engine. Each variant makes one common mistake.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde_json::Value;

/// A mistake that the test data must tell from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misreading {
    ShortestPrefix,
    NoReturnPath,
    PeeringStateIgnored,
    AssociationIgnored,
    EntryStatusIgnored,
    TransitivePeering,
    OverlapAccepted,
    FirstAddressOnly,
    RefusedListReadAsEmpty,
}

impl Misreading {
    pub const ALL: [Self; 9] = [
        Self::ShortestPrefix,
        Self::NoReturnPath,
        Self::PeeringStateIgnored,
        Self::AssociationIgnored,
        Self::EntryStatusIgnored,
        Self::TransitivePeering,
        Self::OverlapAccepted,
        Self::FirstAddressOnly,
        Self::RefusedListReadAsEmpty,
    ];
}

/// An address: its family, and its number.
type Ip = (bool, u128);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Net {
    v6: bool,
    first: u128,
    length: u32,
}

impl Net {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let (v6, number, bits) = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
            (Ok(v4), _) => (false, u128::from(u32::from(v4)), 32),
            (_, Ok(v6)) => (true, u128::from(v6), 128),
            _ => return None,
        };
        let length = length.map_or(Some(bits), |text| text.parse().ok())?;
        let size = Self { v6, first: 0, length }.size();
        let blocks = number.checked_div(size).unwrap_or(0);
        Some(Self { v6, first: blocks * size, length })
    }

    /// Number of addresses; 0 for all of IPv6.
    fn size(self) -> u128 {
        let bits = if self.v6 { 128 } else { 32 };
        1_u128.checked_shl(bits - self.length).unwrap_or(0)
    }

    fn holds(self, ip: Ip) -> bool {
        let size = self.size();
        self.v6 == ip.0 && (size == 0 || (ip.1 >= self.first && ip.1 - self.first < size))
    }

    fn within(self, outer: Self) -> bool {
        self.length >= outer.length && outer.holds((self.v6, self.first))
    }
}

fn holds(text: &str, ip: Ip) -> bool {
    Net::parse(text).is_some_and(|net| net.holds(ip))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    match &value[key] {
        Value::Array(items) => items,
        Value::Object(wrapper) => wrapper.values().next().and_then(Value::as_array).map_or(&[], Vec::as_slice),
        _ => &[],
    }
}

fn texts<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    list(value, key).iter().filter_map(Value::as_str).collect()
}

/// Verdict and reasons of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub verdict: String,
    pub reasons: Vec<String>,
}

/// Reads every pair of a question.
pub fn read(question: &Value, misreading: Option<Misreading>) -> Vec<Reading> {
    let reader = Reader { t: &question["Topology"], misreading };
    list(question, "Pairs").iter().map(|pair| reader.pair(question, pair)).collect()
}

struct Reader<'q> {
    t: &'q Value,
    misreading: Option<Misreading>,
}

/// A packet on its way.
#[derive(Clone)]
struct Packet<'q> {
    source: Ip,
    destination: Ip,
    target: &'q Value,
    pods: Option<Net>,
    seen: Vec<String>,
}

/// Nothing where it arrives; otherwise whether it is blocked, and why.
type End = Result<(), (bool, Vec<String>)>;

fn blocked(code: &str, object: &str) -> End {
    Err((true, vec![format!("{code}@{object}")]))
}

fn unknown(code: &str, object: &str) -> End {
    Err((false, vec![format!("{code}@{object}")]))
}

impl<'q> Reader<'q> {
    fn is(&self, misreading: Misreading) -> bool {
        self.misreading == Some(misreading)
    }

    fn find(&self, collection: &str, key: &str, id: &str) -> Option<&'q Value> {
        list(self.t, collection).iter().find(|item| text(item, key) == id)
    }

    fn refused(&self, action: &str, id: &str) -> bool {
        !self.is(Misreading::RefusedListReadAsEmpty)
            && list(self.t, "Unavailable").iter().any(|one| {
                text(one, "Action") == action && (text(one, "ResourceId") == id || text(one, "ResourceId") == "*")
            })
    }

    fn pair(&self, question: &'q Value, pair: &'q Value) -> Reading {
        let (mesh, plane) = (&pair["Mesh"], &pair["DataPlane"]);
        let switches = [mesh, plane]
            .map(|end| self.find("VSwitches", "VSwitchId", text(end, "VSwitchId")).ok_or(text(end, "VSwitchId")));
        let [Ok(mesh_switch), Ok(plane_switch)] = switches else {
            let missing: BTreeSet<String> =
                switches.iter().filter_map(|one| one.err()).map(|id| format!("VSwitchUnreadable@{id}")).collect();
            return Reading { verdict: "Unknown".into(), reasons: missing.into_iter().collect() };
        };
        let field = |v6: bool| if v6 { "Ipv6CidrBlock" } else { "CidrBlock" };
        let known = Net::parse(text(mesh, "PrivateIp"));
        let v6 = known.is_some_and(|net| net.v6);
        let target = known.or_else(|| Net::parse(text(mesh_switch, field(v6)))).expect("the mesh has an address");
        let mut sources: Vec<Net> = texts(plane, "SourceCidrs").into_iter().filter_map(Net::parse).collect();
        if sources.is_empty() {
            sources.extend(Net::parse(text(plane_switch, field(v6))));
        }
        let mut cuts = BTreeSet::new();
        collect(question, &mut cuts);
        let mut readings = Vec::new();
        for source in sources.into_iter().filter(|net| net.v6 == v6) {
            for from in addresses(source, &cuts, self.is(Misreading::FirstAddressOnly)) {
                for to in addresses(target, &cuts, self.is(Misreading::FirstAddressOnly)) {
                    readings.push(self.packet(from, to, source, pair, mesh_switch, plane_switch));
                }
            }
        }
        let filters = self.endpoint_filters(pair, mesh_switch, plane_switch, v6, &cuts);
        self.merge(&readings, &filters, mesh, mesh_switch, plane_switch)
    }

    /// What the filters do to a connection through an endpoint. Nobody says which address of the VPC the endpoint has,
    /// nor which one the balancer sees: each that there may be is tried.
    fn endpoint_filters(
        &self,
        pair: &Value,
        mesh: &Value,
        plane: &Value,
        v6: bool,
        cuts: &BTreeSet<Ip>,
    ) -> Vec<(bool, String)> {
        const OF_SERVICES: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
        let port = pair["Mesh"]["Port"].as_u64().expect("a port");
        let (mesh_groups, plane_groups) =
            (texts(&pair["Mesh"], "SecurityGroupIds"), texts(&pair["DataPlane"], "SecurityGroupIds"));
        let each = |nets: &[Net]| -> Vec<Ip> { nets.iter().flat_map(|net| addresses(*net, cuts, false)).collect() };
        let client = 32768..=60999;
        let inside = |switch: &Value, ip: Ip| holds(text(switch, if ip.0 { "Ipv6CidrBlock" } else { "CidrBlock" }), ip);
        let mut near = Vec::new();
        for to in each(&self.interfaces(text(plane, "VpcId"), v6)) {
            let mut atom = Atom::default();
            atom.add("source", self.groups(&plane_groups, &[], "egress", to, port));
            if !inside(plane, to) {
                atom.add("source", self.acl(plane, "Egress", to, port..=port));
                atom.add("source", self.acl(plane, "Ingress", to, client.clone()));
            }
            near.push(atom);
        }
        let mut services = self.interfaces(text(mesh, "VpcId"), v6);
        services.extend(OF_SERVICES.into_iter().filter_map(Net::parse).filter(|net| net.v6 == v6));
        let mut far = Vec::new();
        for from in each(&services) {
            let mut atom = Atom::default();
            atom.add("target", self.groups(&mesh_groups, &[], "ingress", from, port));
            if !inside(mesh, from) {
                atom.add("target", self.acl(mesh, "Ingress", from, port..=port));
                atom.add("target", self.acl(mesh, "Egress", from, client.clone()));
            }
            far.push(atom);
        }
        [near, far].iter().flat_map(|atoms| one_of(atoms)).collect()
    }

    /// The blocks in which interfaces of a VPC have their addresses; everything where they are not known.
    fn interfaces(&self, vpc: &str, v6: bool) -> Vec<Net> {
        let of = |collection: &str, keys: &[&str]| -> Vec<Net> {
            let items = list(self.t, collection).iter().filter(|one| text(one, "VpcId") == vpc);
            let blocks = items.flat_map(|one| {
                let single = keys.iter().map(|key| text(one, key)).collect::<Vec<_>>();
                [single, texts(one, "SecondaryCidrBlocks")].concat()
            });
            blocks.filter_map(Net::parse).filter(|net| net.v6 == v6).collect()
        };
        let mut nets = of("VSwitches", &[if v6 { "Ipv6CidrBlock" } else { "CidrBlock" }]);
        let own = of("Vpcs", &["CidrBlock", "Ipv6CidrBlock"]);
        let unread = self.refused("DescribeVSwitches", vpc);
        if nets.is_empty() || (unread && own.is_empty()) {
            return vec![Net { v6, first: 0, length: 0 }];
        }
        nets.extend(own.into_iter().filter(|_| unread));
        nets
    }

    /// One address of the cluster and one of the mesh: all checks.
    fn packet(&self, from: Ip, to: Ip, block: Net, pair: &Value, mesh: &'q Value, plane: &'q Value) -> Atom {
        let mut atom = Atom::default();
        let packet = Packet { source: from, destination: to, target: mesh, pods: None, seen: Vec::new() };
        atom.add("forward", self.start(packet, plane));
        if !self.is(Misreading::NoReturnPath) {
            let packet = Packet { source: to, destination: from, target: plane, pods: Some(block), seen: Vec::new() };
            atom.add("return", self.start(packet, mesh));
        }
        let port = pair["Mesh"]["Port"].as_u64().expect("a port");
        let (mesh_groups, plane_groups) =
            (texts(&pair["Mesh"], "SecurityGroupIds"), texts(&pair["DataPlane"], "SecurityGroupIds"));
        atom.add("source", self.groups(&plane_groups, &mesh_groups, "egress", to, port));
        // Members of a group are interfaces, which have addresses of vSwitches: pods with a block of their own are none.
        let is_interface = holds(text(plane, "CidrBlock"), from) || holds(text(plane, "Ipv6CidrBlock"), from);
        let members: &[&str] = if is_interface { &plane_groups } else { &[] };
        atom.add("target", self.groups(&mesh_groups, members, "ingress", from, port));
        if text(mesh, "VSwitchId") != text(plane, "VSwitchId") {
            let client = 32768..=60999;
            atom.add("source", self.acl(plane, "Egress", to, port..=port));
            atom.add("source", self.acl(plane, "Ingress", to, client.clone()));
            atom.add("target", self.acl(mesh, "Ingress", from, port..=port));
            atom.add("target", self.acl(mesh, "Egress", from, client));
        }
        atom
    }

    fn start(&self, mut packet: Packet<'q>, switch: &'q Value) -> End {
        packet.seen.push(text(switch, "VpcId").to_owned());
        self.table(packet, text(switch, "VpcId"), text(switch, "RouteTableId"))
    }

    fn local(&self, vpc: &str, ip: Ip) -> Option<(&'q Value, Net)> {
        let field = if ip.0 { "Ipv6CidrBlock" } else { "CidrBlock" };
        list(self.t, "VSwitches")
            .iter()
            .filter(|one| text(one, "VpcId") == vpc)
            .find_map(|one| Net::parse(text(one, field)).filter(|net| net.holds(ip)).map(|net| (one, net)))
    }

    /// A vSwitch that was not listed may have the address.
    fn may_be_local(&self, vpc: &str, ip: Ip) -> bool {
        let blocks: Vec<&str> = list(self.t, "Vpcs")
            .iter()
            .filter(|one| text(one, "VpcId") == vpc)
            .flat_map(|one| {
                let mut blocks = vec![text(one, "CidrBlock"), text(one, "Ipv6CidrBlock")];
                blocks.extend(texts(one, "SecondaryCidrBlocks"));
                blocks
            })
            .filter(|text| !text.is_empty())
            .collect();
        self.refused("DescribeVSwitches", vpc) && (blocks.is_empty() || blocks.iter().any(|block| holds(block, ip)))
    }

    fn deliver(&self, packet: &Packet<'q>, switch: &Value) -> End {
        if text(switch, "VSwitchId") == text(packet.target, "VSwitchId") || self.is(Misreading::OverlapAccepted) {
            return Ok(());
        }
        blocked("DeliveredElsewhere", text(switch, "VSwitchId"))
    }

    fn table(&self, packet: Packet<'q>, vpc: &'q str, id: &'q str) -> End {
        let to = packet.destination;
        let local = self.local(vpc, to);
        let table =
            self.find("RouteTables", "RouteTableId", id).filter(|_| !self.refused("DescribeRouteEntryList", id));
        let Some(table) = table else {
            return match local {
                Some((switch, _)) => self.deliver(&packet, switch),
                None if self.may_be_local(vpc, to) => unknown("VSwitchesUnreadable", vpc),
                None => unknown("RouteTableUnreadable", id),
            };
        };
        let best = self.best(table, to);
        if let Some((switch, block)) = local {
            if let Some((net, _)) = &best
                && net.length > block.length
            {
                return unknown("MoreSpecificThanLocal", id);
            }
            return self.deliver(&packet, switch);
        }
        if self.may_be_local(vpc, to) {
            return unknown("VSwitchesUnreadable", vpc);
        }
        let Some((net, entry)) = best else { return blocked("NoRoute", id) };
        let hops: Vec<&Value> =
            list(entry, "NextHops").iter().filter(|hop| hop["Enabled"].as_u64() != Some(0)).collect();
        let ends = hops.iter().map(|hop| self.leave(packet.clone(), vpc, net, hop)).collect();
        agree(ends, ("NoNextHop", id), id)
    }

    fn best(&self, table: &'q Value, ip: Ip) -> Option<(Net, &'q Value)> {
        let rank = |entry: &Value| match text(entry, "Type") {
            "System" => 0,
            "Custom" => 1,
            _ => 2,
        };
        let mut best: Option<(Net, &Value)> = None;
        for entry in list(table, "RouteEntrys") {
            let net = Net::parse(text(entry, "DestinationCidrBlock")).expect("entries are well-formed");
            let counts = text(entry, "Status") == "Available" || self.is(Misreading::EntryStatusIgnored);
            if !counts || !net.holds(ip) {
                continue;
            }
            let better = best.is_none_or(|(known, held)| {
                let longer = if self.is(Misreading::ShortestPrefix) {
                    known.length.cmp(&net.length)
                } else {
                    net.length.cmp(&known.length)
                };
                longer.then(rank(held).cmp(&rank(entry))).is_gt()
            });
            if better {
                best = Some((net, entry));
            }
        }
        best
    }

    fn leave(&self, packet: Packet<'q>, vpc: &'q str, net: Net, hop: &'q Value) -> End {
        let (kind, id) = (text(hop, "NextHopType"), text(hop, "NextHopId"));
        match kind {
            "VpcPeer" => {
                if self.refused("ListVpcPeerConnections", id) {
                    return unknown("PeerUnreadable", id);
                }
                let Some(peer) = self.find("VpcPeers", "InstanceId", id) else { return blocked("DanglingNextHop", id) };
                if text(peer, "Status") != "Activated" && !self.is(Misreading::PeeringStateIgnored) {
                    return blocked("PeerNotActivated", id);
                }
                let (one, other) = (text(peer, "VpcId"), text(peer, "AcceptingVpcId"));
                if one == vpc {
                    return self.arrive(packet, other, "peering", &Value::Null);
                }
                if other == vpc {
                    return self.arrive(packet, one, "peering", &Value::Null);
                }
                blocked("DanglingNextHop", id)
            }
            "RouterInterface" => self.interface(packet, vpc, id),
            "VpnGateway" => self.vpn(packet, vpc, id),
            "Cen" => self.cen(packet, vpc, net, hop),
            "Attachment" => {
                if self.refused("ListTransitRouterVpcAttachments", id) {
                    return unknown("AttachmentUnreadable", id);
                }
                let own = |one: &&Value| text(one, "VpcId") == vpc && text(one, "ResourceType") == "VPC";
                let attachment = self.find("TransitRouterAttachments", "TransitRouterAttachmentId", id).filter(own);
                let Some(attachment) = attachment else { return blocked("DanglingNextHop", id) };
                if text(attachment, "Status") != "Attached" {
                    return blocked("AttachmentNotAttached", id);
                }
                self.router(packet, text(attachment, "TransitRouterId"), attachment)
            }
            "NatGateway" => blocked("LeavesToInternet", id),
            "Instance" => {
                let pods = packet.pods.filter(|pods| net.v6 == pods.v6 && net.within(*pods));
                if pods.is_some() && text(packet.target, "VpcId") == vpc {
                    return Ok(());
                }
                unknown("OpaqueNextHop", &format!("{kind}:{id}"))
            }
            _ => unknown("OpaqueNextHop", &format!("{kind}:{id}")),
        }
    }

    fn arrive(&self, mut packet: Packet<'q>, vpc: &'q str, how: &str, attachment: &'q Value) -> End {
        if packet.seen.iter().any(|place| place == vpc) {
            return blocked("RoutingLoop", vpc);
        }
        packet.seen.push(vpc.to_owned());
        if let Some((switch, block)) = self.local(vpc, packet.destination) {
            return match self.longer_on_arrival(vpc, packet.destination, block, how, attachment) {
                Some(table) => unknown("MoreSpecificThanLocal", table),
                None => self.deliver(&packet, switch),
            };
        }
        if self.may_be_local(vpc, packet.destination) {
            return unknown("VSwitchesUnreadable", vpc);
        }
        let tables = list(self.t, "RouteTables").iter().filter(|table| text(table, "VpcId") == vpc);
        match how {
            "peering" if self.is(Misreading::TransitivePeering) => {
                let table = tables.clone().find(|table| text(table, "RouteTableType") == "System");
                table.map_or(unknown("TransitUnverified", vpc), |table| {
                    self.table(packet, vpc, text(table, "RouteTableId"))
                })
            }
            "peering" => {
                if let Some(pods) = packet.pods.filter(|_| text(packet.target, "VpcId") == vpc) {
                    let mut tables: Vec<&Value> = tables.collect();
                    tables.sort_by_key(|table| text(table, "RouteTableId"));
                    for table in tables {
                        let id = text(table, "RouteTableId");
                        if self.refused("DescribeRouteEntryList", id) {
                            return unknown("RouteTableUnreadable", id);
                        }
                        if let Some((net, entry)) = self.best(table, packet.destination)
                            && net.within(pods)
                            && list(entry, "NextHops")
                                .iter()
                                .any(|hop| text(hop, "NextHopType") == "Instance" && hop["Enabled"].as_u64() != Some(0))
                        {
                            return unknown("TransitUnverified", vpc);
                        }
                    }
                }
                blocked("PeeringNotTransitive", vpc)
            }
            "router" if !texts(attachment, "VSwitchIds").is_empty() => {
                let switches: Option<Vec<&Value>> = texts(attachment, "VSwitchIds")
                    .into_iter()
                    .map(|id| self.find("VSwitches", "VSwitchId", id))
                    .collect();
                let Some(switches) = switches else { return unknown("TransitUnverified", vpc) };
                let tables: BTreeSet<&str> = switches.into_iter().map(|one| text(one, "RouteTableId")).collect();
                let name = tables.first().copied().unwrap_or_default();
                agree(tables.into_iter().map(|id| self.table(packet.clone(), vpc, id)).collect(), ("", ""), name)
            }
            _ => unknown("TransitUnverified", vpc),
        }
    }

    /// Of the tables that may be asked about what comes in from outside, the first that takes a part of the vSwitch
    /// elsewhere.
    fn longer_on_arrival(&self, vpc: &str, to: Ip, block: Net, how: &str, attachment: &'q Value) -> Option<&'q str> {
        let interfaces = texts(attachment, "VSwitchIds");
        let mut asked: BTreeSet<&str> = BTreeSet::new();
        if how == "router" && !interfaces.is_empty() {
            for id in interfaces {
                asked.extend(self.find("VSwitches", "VSwitchId", id).map(|one| text(one, "RouteTableId")));
            }
        } else {
            let own = list(self.t, "RouteTables").iter().filter(|table| text(table, "VpcId") == vpc);
            asked.extend(own.map(|table| text(table, "RouteTableId")));
        }
        asked.into_iter().find(|id| {
            let table = self.find("RouteTables", "RouteTableId", id);
            let read = table.filter(|_| !self.refused("DescribeRouteEntryList", id));
            read.and_then(|table| self.best(table, to)).is_some_and(|(net, _)| net.length > block.length)
        })
    }

    fn interface(&self, packet: Packet<'q>, vpc: &'q str, id: &'q str) -> End {
        let action = "DescribeRouterInterfaces";
        if self.refused(action, id) {
            return unknown("RouterInterfaceUnreadable", id);
        }
        let near = self.find("RouterInterfaces", "RouterInterfaceId", id).filter(|one| text(one, "VpcId") == vpc);
        let Some(near) = near else { return blocked("DanglingNextHop", id) };
        if text(near, "Status") != "Active" {
            return blocked("RouterInterfaceDown", id);
        }
        let far_id = text(near, "OppositeInterfaceId");
        if self.refused(action, far_id) {
            return unknown("RouterInterfaceUnreadable", far_id);
        }
        let Some(far) = self.find("RouterInterfaces", "RouterInterfaceId", far_id) else {
            return blocked("DanglingNextHop", far_id);
        };
        if text(far, "Status") != "Active" {
            return blocked("RouterInterfaceDown", far_id);
        }
        if text(far, "RouterType") == "VBR" {
            return unknown("OnPremises", far_id);
        }
        self.arrive(packet, text(far, "VpcId"), "interface", &Value::Null)
    }

    fn vpn(&self, packet: Packet<'q>, vpc: &'q str, id: &'q str) -> End {
        let action = "DescribeVpnConnections";
        if self.refused(action, id) {
            return unknown("VpnUnreadable", id);
        }
        let gateway = self.find("VpnGateways", "VpnGatewayId", id).filter(|one| text(one, "VpcId") == vpc);
        let Some(gateway) = gateway else { return blocked("DanglingNextHop", id) };
        if text(gateway, "Status") != "active" {
            return blocked("VpnGatewayDown", id);
        }
        let (from, to) = (packet.source, packet.destination);
        let near = list(self.t, "VpnConnections").iter().find(|one| {
            text(one, "VpnGatewayId") == id
                && holds(text(one, "LocalSubnet"), from)
                && holds(text(one, "RemoteSubnet"), to)
        });
        let Some(near) = near else { return blocked("VpnNoSelector", id) };
        let up = |one: &Value| text(one, "Status") == "ipsec_sa_established";
        if !up(near) {
            return blocked("VpnDown", text(near, "VpnConnectionId"));
        }
        let Some(far) = self.find("VpnConnections", "VpnConnectionId", text(near, "PeerVpnConnectionId")) else {
            return unknown("OnPremises", text(near, "VpnConnectionId"));
        };
        let far_gateway = text(far, "VpnGatewayId");
        if self.refused(action, far_gateway) {
            return unknown("VpnUnreadable", far_gateway);
        }
        if !up(far) {
            return blocked("VpnDown", text(far, "VpnConnectionId"));
        }
        if !(holds(text(far, "RemoteSubnet"), from) && holds(text(far, "LocalSubnet"), to)) {
            return blocked("VpnNoSelector", text(far, "VpnConnectionId"));
        }
        let Some(gateway) = self.find("VpnGateways", "VpnGatewayId", far_gateway) else {
            return blocked("DanglingNextHop", far_gateway);
        };
        if text(gateway, "Status") != "active" {
            return blocked("VpnGatewayDown", far_gateway);
        }
        self.arrive(packet, text(gateway, "VpcId"), "vpn", &Value::Null)
    }

    fn cen(&self, packet: Packet<'q>, vpc: &'q str, route: Net, hop: &'q Value) -> End {
        let id = text(hop, "NextHopId");
        if self.refused("DescribeCenAttachedChildInstances", id) {
            return unknown("CenUnreadable", id);
        }
        let to = packet.destination;
        let attached = || {
            let all = list(self.t, "CenChildInstances").iter();
            all.filter(|one| text(one, "CenId") == id && text(one, "Status") == "Attached")
        };
        if list(self.t, "CenChildInstances").iter().all(|one| text(one, "CenId") != id) {
            return unknown("CenUnreadable", id);
        }
        let Some(own) = attached().find(|one| text(one, "ChildInstanceId") == vpc) else {
            return blocked("NotAttached", id);
        };
        let mut providers = Vec::new();
        let mut unread = BTreeSet::new();
        for child in
            attached().filter(|one| text(one, "ChildInstanceId") != vpc && text(one, "ChildInstanceType") == "VPC")
        {
            let other = text(child, "ChildInstanceId");
            match self.local(other, to) {
                Some((_, net)) => {
                    let withdrawn = texts(child, "WithdrawnCidrs").into_iter().filter_map(Net::parse);
                    if !withdrawn.into_iter().any(|one| one.v6 == net.v6 && net.within(one)) {
                        providers.push(child);
                    }
                }
                None if self.may_be_local(other, to) => {
                    unread.insert(other);
                }
                None => {}
            }
        }
        if let Some(vpc) = unread.first() {
            return unknown("VSwitchesUnreadable", vpc);
        }
        if providers.len() > 1 {
            return unknown("CenRouteConflict", id);
        }
        let Some(provider) = providers.pop() else {
            let beyond = attached().find(|one| text(one, "ChildInstanceType") != "VPC");
            return beyond.map_or(blocked("CenNoRoute", id), |one| unknown("OnPremises", text(one, "ChildInstanceId")));
        };
        // Whose the route is: it says so, or it may be of any network; a VPC has nothing longer than its vSwitches.
        let said = &hop["NextHopRelatedInfo"];
        let (kind, whose) = (text(said, "InstanceType"), text(said, "InstanceId"));
        if !kind.is_empty() && kind != "VPC" {
            return unknown("OnPremises", if whose.is_empty() { id } else { whose });
        }
        if !whose.is_empty() && whose != text(provider, "ChildInstanceId") {
            return unknown("CenRouteConflict", id);
        }
        let (_, switch) = self.local(text(provider, "ChildInstanceId"), to).expect("it has the address");
        let longer = route.within(switch) && route != switch;
        match attached().find(|one| text(one, "ChildInstanceType") != "VPC") {
            Some(other) if longer || whose.is_empty() => return unknown("OnPremises", text(other, "ChildInstanceId")),
            None if longer => return unknown("CenRouteConflict", id),
            _ => {}
        }
        let regions = [own, provider].map(|child| text(child, "ChildInstanceRegionId"));
        let bought = list(self.t, "CenInterRegionBandwidthLimits").iter().any(|limit| {
            let ends = [text(limit, "LocalRegionId"), text(limit, "OppositeRegionId")];
            text(limit, "CenId") == id
                && limit["BandwidthLimit"].as_u64() > Some(0)
                && (ends == regions || [ends[1], ends[0]] == regions)
        });
        if regions[0] != regions[1] && !bought {
            return blocked("NoInterRegionBandwidth", id);
        }
        let mut maps: Vec<&Value> =
            list(self.t, "CenRouteMaps").iter().filter(|map| text(map, "Status") == "Active").collect();
        maps.sort_by_key(|map| map["Priority"].as_u64());
        let any = |map: &Value, key: &str, id: &str| texts(map, key).is_empty() || texts(map, key).contains(&id);
        // A route comes into the router of its own region, and out of the receiver's: the maps of either way are asked.
        for out in [false, true] {
            let decides =
                maps.iter().filter(|map| (text(map, "TransmitDirection") == "RegionOut") == out).find(|map| {
                    any(map, "SourceInstanceIds", text(provider, "ChildInstanceId"))
                        && any(map, "DestinationInstanceIds", vpc)
                });
            if let Some(map) = decides.filter(|map| text(map, "MapResult") == "Deny") {
                return blocked("RouteMapDeny", text(map, "RouteMapId"));
            }
        }
        self.arrive(packet, text(provider, "ChildInstanceId"), "cen", &Value::Null)
    }

    fn router(&self, packet: Packet<'q>, router: &'q str, attachment: &'q Value) -> End {
        let id = text(attachment, "TransitRouterAttachmentId");
        let found = self.find("TransitRouters", "TransitRouterId", router);
        match found.filter(|_| !self.refused("ListTransitRouters", router)) {
            None => return unknown("TransitRouterUnreadable", router),
            Some(found) if text(found, "Status") != "Active" => return blocked("TransitRouterDown", router),
            Some(_) => {}
        }
        if self.refused("ListTransitRouterRouteTableAssociations", id) {
            return unknown("AssociationUnreadable", id);
        }
        let tables: Vec<&Value> = list(self.t, "TransitRouterRouteTables")
            .iter()
            .filter(|table| text(table, "TransitRouterId") == router)
            .collect();
        if self.is(Misreading::AssociationIgnored) {
            let with_route = tables.iter().find(|table| {
                self.best_in_router(text(table, "TransitRouterRouteTableId"), packet.destination).is_some()
            });
            let table = with_route.or(tables.first()).map_or("", |table| text(table, "TransitRouterRouteTableId"));
            return self.router_table(packet, router, table);
        }
        let associated = list(self.t, "TransitRouterRouteTableAssociations")
            .iter()
            .filter(|one| text(one, "TransitRouterAttachmentId") == id && text(one, "Status") == "Active")
            .map(|one| text(one, "TransitRouterRouteTableId"))
            .find(|table| tables.iter().any(|named| text(named, "TransitRouterRouteTableId") == *table));
        associated.map_or(blocked("NoAssociation", id), |table| self.router_table(packet, router, table))
    }

    fn best_in_router(&self, table: &str, ip: Ip) -> Option<&'q Value> {
        let mut best: Option<(u32, bool, &Value)> = None;
        for entry in list(self.t, "TransitRouterRouteEntries") {
            let net = Net::parse(text(entry, "TransitRouterRouteEntryDestinationCidrBlock")).expect("well-formed");
            let active =
                text(entry, "TransitRouterRouteEntryStatus") == "Active" || self.is(Misreading::EntryStatusIgnored);
            if text(entry, "TransitRouterRouteTableId") != table || !active || !net.holds(ip) {
                continue;
            }
            let length = if self.is(Misreading::ShortestPrefix) { 200 - net.length } else { net.length };
            let fixed = text(entry, "TransitRouterRouteEntryType") == "Static";
            if best.is_none_or(|(known, held, _)| (length, fixed) > (known, held)) {
                best = Some((length, fixed, entry));
            }
        }
        best.map(|(_, _, entry)| entry)
    }

    fn router_table(&self, mut packet: Packet<'q>, router: &'q str, table: &'q str) -> End {
        if packet.seen.iter().any(|place| place == table) {
            return blocked("RoutingLoop", table);
        }
        packet.seen.push(table.to_owned());
        if self.refused("ListTransitRouterRouteEntries", table) {
            return unknown("TrRouteTableUnreadable", table);
        }
        let to = packet.destination;
        let Some(entry) = self.best_in_router(table, to) else {
            let mut dead: Vec<(u32, usize, &str)> = Vec::new();
            for entry in list(self.t, "TransitRouterRouteEntries") {
                let net = Net::parse(text(entry, "TransitRouterRouteEntryDestinationCidrBlock")).expect("well-formed");
                let words = ["Rejected", "Prohibited", "Standby", "Candidate"];
                let word = words.iter().position(|word| text(entry, "TransitRouterRouteEntryStatus") == *word);
                if let Some(place) = word.filter(|_| text(entry, "TransitRouterRouteTableId") == table && net.holds(to))
                {
                    dead.push((200 - net.length, place, words[place]));
                }
            }
            if let Some((_, _, word)) = dead.iter().min() {
                return blocked(&format!("TrRoute{word}"), table);
            }
            let elsewhere = list(self.t, "TransitRouterRouteTables").iter().any(|other| {
                let id = text(other, "TransitRouterRouteTableId");
                text(other, "TransitRouterId") == router
                    && !self.refused("ListTransitRouterRouteEntries", id)
                    && self.best_in_router(id, to).is_some()
            });
            return blocked(if elsewhere { "WrongTrTable" } else { "TrNoRoute" }, table);
        };
        if text(entry, "TransitRouterRouteEntryNextHopType") == "BlackHole" {
            return blocked("BlackHole", table);
        }
        let id = text(entry, "TransitRouterRouteEntryNextHopId");
        if self.refused("ListTransitRouterVpcAttachments", id) {
            return unknown("AttachmentUnreadable", id);
        }
        let Some(next) = self.find("TransitRouterAttachments", "TransitRouterAttachmentId", id) else {
            return blocked("DanglingNextHop", id);
        };
        if text(next, "Status") != "Attached" {
            return blocked("AttachmentNotAttached", id);
        }
        let (own, peer) = (text(next, "TransitRouterId"), text(next, "PeerTransitRouterId"));
        match text(next, "ResourceType") {
            "VPC" if own == router => self.arrive(packet, text(next, "VpcId"), "router", next),
            "TR" if own == router => self.router(packet, peer, next),
            "TR" if peer == router => self.router(packet, own, next),
            "VBR" | "VPN" => unknown("OnPremises", id),
            _ => blocked("DanglingNextHop", id),
        }
    }

    fn groups(&self, ids: &[&str], others: &[&str], direction: &str, other: Ip, port: u64) -> End {
        if ids.is_empty() {
            return Ok(());
        }
        let unread: Vec<String> = ids
            .iter()
            .filter(|id| {
                self.find("SecurityGroups", "SecurityGroupId", id).is_none()
                    || self.refused("DescribeSecurityGroupAttribute", id)
            })
            .map(|id| format!("SecurityGroupUnreadable@{id}"))
            .collect();
        if !unread.is_empty() {
            return Err((false, unread));
        }
        let groups: Vec<&Value> =
            ids.iter().filter_map(|id| self.find("SecurityGroups", "SecurityGroupId", id)).collect();
        let (cidr, cidr_v6, group) = if direction == "ingress" {
            ("SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId")
        } else {
            ("DestCidrIp", "Ipv6DestCidrIp", "DestGroupId")
        };
        // Whether the packet passes if rules of unknown members match (or not).
        let passes = |most: bool| {
            let mut rules: Vec<(u64, bool)> = Vec::new();
            for rule in groups.iter().flat_map(|group| list(group, "Permissions")) {
                let accept = text(rule, "Policy") == "Accept";
                let ports = text(rule, "PortRange").split_once('/').expect("a range");
                let (first, last): (i64, i64) = (ports.0.parse().expect("a port"), ports.1.parse().expect("a port"));
                let on_port = first == -1 || (first..=last).contains(&(port as i64));
                let named = text(rule, group);
                let block = if other.0 { text(rule, cidr_v6) } else { text(rule, cidr) };
                let matches = if named.is_empty() {
                    holds(block, other)
                } else if others.is_empty() {
                    accept == most
                } else {
                    others.contains(&named)
                };
                if text(rule, "Direction") == direction && on_port && matches {
                    rules.push((text(rule, "Priority").parse().expect("a number"), accept));
                }
            }
            // At one priority Drop is before Accept.
            let all = |word: &str| groups.iter().all(|one| text(one, "SecurityGroupType") == word);
            let otherwise = direction == "egress" && (all("normal") || (!all("enterprise") && most));
            rules.iter().min().map_or(otherwise, |(_, accept)| *accept)
        };
        let open =
            |one: &&&Value| text(one, "SecurityGroupType") == "normal" && text(one, "InnerAccessPolicy") == "Accept";
        let shared = groups.iter().filter(open).any(|one| others.contains(&text(one, "SecurityGroupId")));
        let perhaps = others.is_empty() && groups.iter().any(|one| open(&one));
        let name = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("+");
        if passes(false) || shared {
            Ok(())
        } else if passes(true) || perhaps {
            unknown("SecurityGroupUndecided", &name)
        } else {
            blocked("SecurityGroupDeny", &name)
        }
    }

    fn acl(&self, switch: &Value, way: &str, other: Ip, ports: std::ops::RangeInclusive<u64>) -> End {
        let id = text(switch, "NetworkAclId");
        if id.is_empty() {
            return Ok(());
        }
        let acl =
            self.find("NetworkAcls", "NetworkAclId", id).filter(|_| !self.refused("DescribeNetworkAclAttributes", id));
        let Some(acl) = acl else { return unknown("NaclUnreadable", id) };
        let passes = |port: u64| {
            for entry in list(acl, &format!("{way}AclEntries")) {
                let cidr = text(entry, if way == "Ingress" { "SourceCidrIp" } else { "DestinationCidrIp" });
                let (first, last) = text(entry, "Port").split_once('/').expect("a range");
                let (first, last): (i64, i64) = (first.parse().expect("a port"), last.parse().expect("a port"));
                let protocol = text(entry, "Protocol");
                let on_port = protocol == "all" || first == -1 || (first..=last).contains(&(port as i64));
                if (protocol == "all" || protocol == "tcp") && on_port && holds(cidr, other) {
                    return text(entry, "Policy") == "accept";
                }
            }
            false
        };
        // Ports between the ends of ranges are all alike.
        let mut tried: BTreeSet<u64> = BTreeSet::from([*ports.start(), *ports.end()]);
        for entry in list(acl, &format!("{way}AclEntries")) {
            let (first, last) = text(entry, "Port").split_once('/').expect("a range");
            let ends = [first, last].map(|end| end.parse::<i64>().expect("a port").max(1) as u64);
            tried.extend(ends.iter().flat_map(|end| [end - 1, *end, end + 1]).filter(|port| ports.contains(port)));
        }
        match tried.iter().filter(|port| passes(**port)).count() {
            0 => blocked("NaclDeny", id),
            all if all == tried.len() => Ok(()),
            _ => unknown("NaclPartial", id),
        }
    }

    /// All addresses together, with PrivateLink beside them.
    fn merge(
        &self,
        atoms: &[Atom],
        filters: &[(bool, String)],
        mesh: &Value,
        mesh_switch: &Value,
        plane: &Value,
    ) -> Reading {
        let any = |verdict: &str| atoms.iter().any(|atom| atom.verdict() == verdict);
        let mut verdict = match (any("Unknown"), any("Blocked"), any("Connected")) {
            (true, _, _) => "Unknown",
            (_, true, true) => "Partial",
            (_, true, false) => "Blocked",
            _ => return Reading { verdict: "Connected".into(), reasons: Vec::new() },
        };
        let mut reasons: BTreeSet<String> = atoms.iter().flat_map(Atom::reasons).collect();
        let vpc = text(plane, "VpcId");
        if self.refused("ListVpcEndpoints", vpc) {
            verdict = "Unknown";
            reasons.insert(format!("EndpointsUnreadable@{vpc}"));
        }
        for endpoint in list(self.t, "VpcEndpoints").iter().filter(|one| text(one, "VpcId") == vpc) {
            let (id, service_id) = (text(endpoint, "EndpointId"), text(endpoint, "ServiceId"));
            let up = text(endpoint, "ConnectionStatus") == "Connected" && text(endpoint, "EndpointStatus") == "Active";
            let mut faults = Atom(filters.to_vec());
            if !up {
                faults.0.push((true, format!("EndpointNotConnected@{id}")));
            }
            if self.refused("ListVpcEndpointServices", service_id) {
                faults.0.push((false, format!("EndpointServiceUnreadable@{service_id}")));
            } else {
                let Some(service) = self.find("VpcEndpointServices", "ServiceId", service_id) else { continue };
                if text(service, "VpcId") != text(mesh_switch, "VpcId") {
                    continue;
                }
                if text(service, "ServiceStatus") != "Active" {
                    faults.0.push((true, format!("EndpointServiceDown@{service_id}")));
                }
                let ports = list(service, "Ports");
                if !service["Ports"].is_null() && !ports.contains(&mesh["Port"]) {
                    faults.0.push((true, format!("EndpointPort@{service_id}")));
                }
            }
            match faults.verdict() {
                "Connected" => return Reading { verdict: "Connected".into(), reasons: Vec::new() },
                "Unknown" => verdict = "Unknown",
                _ => {}
            }
            reasons.extend(faults.reasons());
        }
        Reading { verdict: verdict.into(), reasons: reasons.into_iter().collect() }
    }
}

/// Several ways at once: they agree, or nothing is known.
fn agree(ends: Vec<End>, none: (&str, &str), table: &str) -> End {
    let Some(first) = ends.first() else { return blocked(none.0, none.1) };
    let kind = |end: &End| end.as_ref().err().map(|(blocks, _)| *blocks);
    if ends.iter().any(|end| kind(end) != kind(first)) {
        return unknown("EcmpMixed", table);
    }
    match kind(first) {
        None => Ok(()),
        Some(blocks) => Err((blocks, ends.into_iter().filter_map(Result::err).flat_map(|(_, why)| why).collect())),
    }
}

/// What holds if one of these is the case and nobody knows which: blocked only if each is, free only if each is.
fn one_of(atoms: &[Atom]) -> BTreeSet<(bool, String)> {
    if atoms.iter().all(|atom| atom.verdict() == "Blocked") {
        return atoms.iter().flat_map(|atom| atom.0.clone()).collect();
    }
    let doubted = |(_, reason): &(bool, String)| {
        (false, reason.replace("SecurityGroupDeny", "SecurityGroupUndecided").replace("NaclDeny", "NaclPartial"))
    };
    atoms.iter().flat_map(|atom| atom.0.iter().map(doubted)).collect()
}

/// What is said of two addresses.
#[derive(Default)]
struct Atom(Vec<(bool, String)>);

impl Atom {
    fn add(&mut self, place: &str, end: End) {
        if let Err((blocks, why)) = end {
            self.0.extend(why.into_iter().map(|reason| (blocks, format!("{place}:{reason}"))));
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.0.is_empty(), self.0.iter().any(|(blocks, _)| *blocks)) {
            (true, _) => "Connected",
            (_, true) => "Blocked",
            _ => "Unknown",
        }
    }

    fn reasons(&self) -> Vec<String> {
        let blocked = self.verdict() == "Blocked";
        self.0.iter().filter(|(blocks, _)| *blocks == blocked).map(|(_, reason)| reason.clone()).collect()
    }
}

/// Where any block of the question begins, and the address after its end.
fn collect(value: &Value, cuts: &mut BTreeSet<(bool, u128)>) {
    match value {
        Value::String(text) => {
            if let Some(net) = Net::parse(text) {
                cuts.insert((net.v6, net.first));
                cuts.extend(net.first.checked_add(net.size()).map(|end| (net.v6, end)));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, cuts)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, cuts)),
        _ => {}
    }
}

/// One address of each stretch of a block on which every block of the question is the same.
fn addresses(net: Net, cuts: &BTreeSet<Ip>, first_only: bool) -> Vec<Ip> {
    let mut all = vec![(net.v6, net.first)];
    if !first_only {
        all.extend(cuts.iter().copied().filter(|cut| net.holds(*cut) && cut.1 != net.first));
    }
    all
}
