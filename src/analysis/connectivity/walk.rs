//! One packet, walked from a vSwitch by longest prefix until it is delivered or stops.
//!
//! Beside its end the walk keeps the addresses around the packet's own for which every step would
//! have been the same, so that a block of addresses is walked once per stretch and not once per
//! address.

use std::borrow::Cow;

use crate::{
    model::{NextHop, VSwitch},
    netset::{Block, Interval},
};

use super::{
    table::{Route, Way, prefix},
    topology::{Family, Topology, VpcNode, narrow},
    verdict::{Code, Hop},
};

/// Why a packet stops, and the object to look at.
pub(super) type Fault<'a> = (Code, Cow<'a, str>);

/// How a walk ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    Delivered,
    Blocked(Vec<Fault<'a>>),
    Unknown(Vec<Fault<'a>>),
}

/// A packet stops.
pub(super) fn stop<'a>(code: Code, object: impl Into<Cow<'a, str>>) -> Outcome<'a> {
    let faults = vec![(code, object.into())];
    if code.blocks() { Outcome::Blocked(faults) } else { Outcome::Unknown(faults) }
}

/// A packet with the addresses around its own for which everything so far is the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<A> {
    pub(super) source: A,
    pub(super) destination: A,
    pub(super) sources: Interval<A>,
    pub(super) destinations: Interval<A>,
}

/// Where a packet should arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal<'a, A> {
    pub(super) switch: &'a VSwitch,
    /// The block that a cluster's pods have, if the packet is for the cluster: a route of its VPC
    /// for such a block ends at the node.
    pub(super) pods: Option<Interval<A>>,
}

/// How a packet came into a VPC.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entrance<'a> {
    Peering,
    /// Through interfaces of a transit router in these vSwitches.
    TransitRouter(&'a [crate::model::VSwitchId]),
    Other,
}

/// A place that a packet must not come through twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Vpc(&'a str),
    TrTable(&'a str),
}

/// A walk.
pub(super) struct Walk<'t, 'a, A> {
    pub(super) topology: &'t Topology<'a>,
    pub(super) packet: Packet<A>,
    pub(super) goal: Goal<'a, A>,
    pub(super) hops: Vec<Hop<'a>>,
    pub(super) visited: Vec<Place<'a>>,
    /// Checks that were left out because nothing said how they would end.
    pub(super) beside: Vec<Fault<'a>>,
}

impl<'t, 'a, A: Family> Walk<'t, 'a, A> {
    pub(super) fn new(topology: &'t Topology<'a>, packet: Packet<A>, goal: Goal<'a, A>) -> Self {
        Self { topology, packet, goal, hops: Vec::new(), visited: Vec::new(), beside: Vec::new() }
    }

    /// Walks from a vSwitch.
    pub(super) fn from(&mut self, switch: &'a VSwitch) -> Outcome<'a> {
        let vpc = switch.vpc_id.as_str();
        self.visited.push(Place::Vpc(vpc));
        let topology = self.topology;
        let Some(node) = topology.vpcs.get(vpc) else { return stop(Code::VSwitchesUnreadable, vpc) };
        self.look_up(node, topology.table_of(switch))
    }

    /// Looks the packet up in a route table of the VPC where it is.
    fn look_up(&mut self, vpc: &'t VpcNode<'a>, table: Result<&'a str, &'a str>) -> Outcome<'a> {
        let (local, stretch) = vpc.switch_at(self.packet.destination);
        self.narrow_destination(stretch);
        let found = table.ok().and_then(|id| self.topology.tables.get(id)).filter(|table| table.is_readable);
        let Some(found) = found else {
            return match local {
                Some((switch, _)) => {
                    // Local routing needs no table, but a longer route in it may go before.
                    self.beside.extend(table.ok().map(|id| (Code::RouteTableUnreadable, id.into())));
                    self.deliver(vpc, switch)
                }
                None if self.may_be_local(vpc) => stop(Code::VSwitchesUnreadable, vpc.id),
                None => stop(Code::RouteTableUnreadable, table.unwrap_or_else(|object| object)),
            };
        };
        let id = found.noun.route_table_id.as_str();
        let (route, stretch) = found.route(self.packet.destination);
        self.narrow_destination(stretch);
        if let Some((switch, block)) = local {
            return match route {
                Some(route) if is_inside(route, block) => stop(Code::MoreSpecificThanLocal, id),
                _ => self.deliver(vpc, switch),
            };
        }
        if self.may_be_local(vpc) {
            return stop(Code::VSwitchesUnreadable, vpc.id);
        }
        match route {
            None => stop(Code::NoRoute, id),
            // There is a vSwitch behind it that is not in the list.
            Some(Route { way: Way::Local, .. }) => stop(Code::VSwitchesUnreadable, vpc.id),
            Some(Route { way: Way::CloudService, .. }) => stop(Code::CloudServiceRange, id),
            Some(Route { way: Way::Hops(hops), block }) => {
                let all = hops.iter().copied();
                self.each(all, Code::NoNextHop, id, |walk, hop| walk.leave(vpc, id, *block, hop))
            }
        }
    }

    /// Goes on by each of several ways, which must agree.
    pub(super) fn each<W>(
        &mut self,
        ways: impl ExactSizeIterator<Item = W>,
        none: Code,
        table: &'a str,
        mut go: impl FnMut(&mut Self, W) -> Outcome<'a>,
    ) -> Outcome<'a> {
        let mut agreed: Option<Outcome<'a>> = None;
        let (hops, visited) = (self.hops.len(), self.visited.len());
        let mut first = None;
        for way in ways {
            self.visited.truncate(visited);
            let outcome = go(self, way);
            let taken = self.hops.split_off(hops);
            first.get_or_insert(taken);
            agreed = match (agreed, outcome) {
                (None, outcome) => Some(outcome),
                (Some(Outcome::Delivered), Outcome::Delivered) => Some(Outcome::Delivered),
                (Some(Outcome::Blocked(mut all)), Outcome::Blocked(more)) => {
                    all.extend(more);
                    Some(Outcome::Blocked(all))
                }
                (Some(Outcome::Unknown(mut all)), Outcome::Unknown(more)) => {
                    all.extend(more);
                    Some(Outcome::Unknown(all))
                }
                // Once they disagree they stay so: nothing agrees with this.
                _ => return stop(Code::EcmpMixed, table),
            };
        }
        self.hops.extend(first.unwrap_or_default());
        agreed.unwrap_or_else(|| stop(none, table))
    }

    /// Leaves a VPC by a next hop of a route.
    fn leave(&mut self, vpc: &'t VpcNode<'a>, table: &'a str, block: Block, hop: &'a NextHop) -> Outcome<'a> {
        let (kind, id) = (hop.next_hop_type.as_str(), hop.next_hop_id.as_str());
        let prefix = prefix(block);
        self.hops.push(Hop::Table { vpc: vpc.id, table, prefix, next_hop_type: kind, next_hop_id: id });
        match kind {
            "VpcPeer" => self.through_peering(vpc, id),
            "RouterInterface" => self.through_interface(vpc, id),
            "VpnGateway" => self.through_vpn(vpc, id, table),
            "Attachment" => self.through_attachment(vpc, id),
            "Cen" | "CenBasic" => self.through_cen(vpc, id, block, &hop.next_hop_related_info),
            "NatGateway" | "IPv6Gateway" | "Ipv6Gateway" | "Ipv4Gateway" | "IPv4Gateway" => {
                stop(Code::LeavesToInternet, id)
            }
            "Instance" if self.is_pod_route(vpc, block) => Outcome::Delivered,
            "Instance"
            | "HaVip"
            | "NetworkInterface"
            | "Ecr"
            | "GatewayEndpoint"
            | "GatewayLoadBalancerEndpoint"
            | "RouteTargetGroup" => stop(Code::OpaqueNextHop, format!("{kind}:{id}")),
            _ => stop(Code::UnsupportedNextHop, kind),
        }
    }

    /// True if a route of this VPC to a node carries pods of the cluster that the packet is for. A
    /// wider route to an instance is not one: it may lead to a firewall.
    fn is_pod_route(&self, vpc: &VpcNode<'a>, block: Block) -> bool {
        let Some((pods, block)) = self.goal.pods.zip(A::of_block(block)) else { return false };
        vpc.id == self.goal.switch.vpc_id.as_str() && pods.contains(block.first()) && pods.contains(block.last())
    }

    /// Comes into a VPC from outside: local delivery, or transit.
    pub(super) fn arrive(&mut self, vpc: &'a str, entrance: Entrance<'a>) -> Outcome<'a> {
        if self.visited.contains(&Place::Vpc(vpc)) {
            return stop(Code::RoutingLoop, vpc);
        }
        self.visited.push(Place::Vpc(vpc));
        let topology = self.topology;
        let Some(node) = topology.vpcs.get(vpc) else { return stop(Code::VSwitchesUnreadable, vpc) };
        let (local, stretch) = node.switch_at(self.packet.destination);
        self.narrow_destination(stretch);
        if let Some((switch, block)) = local {
            return match self.longer(node, entrance, block) {
                Some(table) => stop(Code::MoreSpecificThanLocal, table),
                None => self.deliver(node, switch),
            };
        }
        if self.may_be_local(node) {
            return stop(Code::VSwitchesUnreadable, vpc);
        }
        match entrance {
            Entrance::Peering => self.behind_peering(node),
            Entrance::TransitRouter(interfaces) if !interfaces.is_empty() => self.transit(node, interfaces),
            Entrance::TransitRouter(_) | Entrance::Other => stop(Code::TransitUnverified, vpc),
        }
    }

    /// The first table with a route for a part of the vSwitch, to somewhere else. Who comes through a transit router is
    /// looked up in the tables of its interfaces; by which table others are nobody documents.
    fn longer(&mut self, vpc: &'t VpcNode<'a>, entrance: Entrance<'a>, switch: Interval<A>) -> Option<&'a str> {
        let topology = self.topology;
        let tables = match entrance {
            Entrance::TransitRouter(interfaces) if !interfaces.is_empty() => {
                let switches = interfaces.iter().filter_map(|id| topology.switches.get(id.as_str()));
                let mut tables: Vec<&'a str> = switches.filter_map(|one| topology.table_of(one).ok()).collect();
                tables.sort_unstable();
                tables.dedup();
                tables
            }
            Entrance::Peering | Entrance::TransitRouter(_) | Entrance::Other => vpc.tables.clone(),
        };
        for id in tables {
            let Some(table) = topology.tables.get(id).filter(|table| table.is_readable) else {
                self.beside.push((Code::RouteTableUnreadable, id.into()));
                continue;
            };
            let (route, stretch) = table.route(self.packet.destination);
            self.narrow_destination(stretch);
            if route.is_some_and(|route| is_inside(route, switch)) {
                return Some(id);
            }
        }
        None
    }

    /// Peering does not transit; whether it reaches pods behind a route to their node is not known.
    fn behind_peering(&mut self, vpc: &'t VpcNode<'a>) -> Outcome<'a> {
        if self.goal.pods.is_some() && vpc.id == self.goal.switch.vpc_id.as_str() {
            for id in &vpc.tables {
                let Some(table) = self.topology.tables.get(id).filter(|table| table.is_readable) else {
                    return stop(Code::RouteTableUnreadable, *id);
                };
                let (route, stretch) = table.route(self.packet.destination);
                self.narrow_destination(stretch);
                if let Some(Route { block, way: Way::Hops(hops) }) = route
                    && hops.iter().any(|hop| hop.next_hop_type == "Instance")
                    && self.is_pod_route(vpc, *block)
                {
                    return stop(Code::TransitUnverified, vpc.id);
                }
            }
        }
        stop(Code::PeeringNotTransitive, vpc.id)
    }

    /// A transit router's interface forwards by the table of its vSwitch.
    fn transit(&mut self, vpc: &'t VpcNode<'a>, interfaces: &'a [crate::model::VSwitchId]) -> Outcome<'a> {
        let mut tables = Vec::with_capacity(interfaces.len());
        for id in interfaces {
            let Some(switch) = self.topology.switches.get(id.as_str()) else {
                return stop(Code::TransitUnverified, vpc.id);
            };
            tables.push(self.topology.table_of(switch));
        }
        tables.sort_unstable();
        tables.dedup();
        let name = tables.first().map_or(vpc.id, |table| table.unwrap_or_else(|object| object));
        self.each(tables.into_iter(), Code::TransitUnverified, name, |walk, table| walk.look_up(vpc, table))
    }

    fn deliver(&mut self, vpc: &VpcNode<'a>, switch: &'a VSwitch) -> Outcome<'a> {
        self.hops.push(Hop::Local { vpc: vpc.id, v_switch: switch.v_switch_id.as_str() });
        if switch.v_switch_id == self.goal.switch.v_switch_id {
            return Outcome::Delivered;
        }
        stop(Code::DeliveredElsewhere, switch.v_switch_id.as_str())
    }

    /// True if a vSwitch that was not read may hold the destination.
    pub(super) fn may_be_local(&mut self, vpc: &VpcNode<'a>) -> bool {
        vpc.may_hold(self.packet.destination, &mut self.packet.destinations)
    }

    pub(super) fn narrow_destination(&mut self, block: Interval<A>) {
        narrow(&mut self.packet.destinations, self.packet.destination, block);
    }

    pub(super) fn narrow_source(&mut self, block: Interval<A>) {
        narrow(&mut self.packet.sources, self.packet.source, block);
    }
}

/// True if a route that is not local is for a part of a vSwitch's block.
pub(super) fn is_inside<A: Family>(route: &Route<'_>, switch: Interval<A>) -> bool {
    let Some(block) = A::of_block(route.block).filter(|_| !matches!(route.way, Way::Local)) else { return false };
    block != switch && switch.contains(block.first()) && switch.contains(block.last())
}
