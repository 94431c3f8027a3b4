//! What would connect a blocked pair: the path with the fewest changes.
//!
//! A search over the same network in which a broken element may be crossed at the cost of one
//! change: a peering that is not activated, a route that is missing, an attachment without
//! association. What does not exist at all, and what leads out of sight, is not crossed.

use std::collections::{BTreeSet, HashSet};

use ipnet::IpNet;

use crate::{
    model::{RouterInterface, TransitRouterAttachment, VSwitch},
    netset::Interval,
};

use super::{
    pair::Pair,
    table::{TrWay, Way, prefix},
    topology::{Family, Topology, block_of},
    verdict::{Hop, NearestPath, Reason},
    walk::Goal,
};

/// The nearest path for a packet of a pair, if there is one at all. `passed` are the hops there and back, where the
/// packet is delivered as things are.
pub(super) fn path<A: Family>(
    pair: Pair<'_, '_>,
    (source, destination): (A, A),
    block: Interval<A>,
    passed: [Option<Vec<Hop<'_>>>; 2],
    filters: &[Reason<'_>],
) -> Option<NearestPath> {
    let (mesh, cluster) = (pair.mesh_switch, pair.cluster_switch);
    let [there, back] = passed;
    let there = one_way(there, pair.topology, destination, cluster, Goal { switch: mesh, pods: None })?;
    let back = one_way(back, pair.topology, source, mesh, Goal { switch: cluster, pods: Some(block) })?;
    let mut changes: BTreeSet<String> = there.changes.into_iter().chain(back.changes).collect();
    changes.extend(filters.iter().filter(|reason| reason.code.blocks()).map(|reason| format!("admit at {reason}")));
    Some(NearestPath { forward: there.places, back: back.places, changes: changes.into_iter().collect() })
}

/// A path in one direction.
struct OneWay {
    places: Vec<String>,
    changes: Vec<String>,
}

fn one_way<'a, A: Family>(
    passed: Option<Vec<Hop<'_>>>,
    topology: &Topology<'a>,
    destination: A,
    from: &'a VSwitch,
    goal: Goal<'a, A>,
) -> Option<OneWay> {
    if let Some(hops) = passed {
        return Some(OneWay { places: hops.iter().map(ToString::to_string).collect(), changes: Vec::new() });
    }
    Search { topology, destination, goal, states: Vec::new(), open: BTreeSet::new() }.run(from)
}

/// Where a packet may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node<'a> {
    /// In a VPC, coming from inside: it may leave by any way.
    Inside { vpc: &'a str, table: &'a str },
    /// In a VPC, coming from outside: it may be delivered.
    Arrived { vpc: &'a str },
    /// Looked up in a table of a transit router.
    Table { router: &'a str, table: &'a str },
}

struct State<'a> {
    node: Node<'a>,
    before: Option<usize>,
    changes: Vec<String>,
}

struct Search<'t, 'a, A> {
    topology: &'t Topology<'a>,
    destination: A,
    goal: Goal<'a, A>,
    states: Vec<State<'a>>,
    /// By cost, then in the order of being found.
    open: BTreeSet<(usize, usize)>,
}

impl<'a, A: Family> Search<'_, 'a, A> {
    fn run(mut self, from: &'a VSwitch) -> Option<OneWay> {
        let table = self.topology.table_of(from).ok()?;
        self.push(0, None, Node::Inside { vpc: from.vpc_id.as_str(), table }, Vec::new());
        let mut done = HashSet::new();
        while let Some((cost, number)) = self.open.pop_first() {
            let node = self.states.get(number)?.node;
            if !done.insert(node) {
                continue;
            }
            match node {
                Node::Inside { vpc, table } => self.leave(cost, number, vpc, table),
                Node::Table { router, table } => self.leave_router(cost, number, router, table),
                Node::Arrived { vpc } if self.is_goal(vpc) => return Some(self.finish(number)),
                Node::Arrived { .. } => {}
            }
        }
        None
    }

    fn push(&mut self, cost: usize, before: Option<usize>, node: Node<'a>, changes: Vec<String>) {
        self.open.insert((cost + changes.len(), self.states.len()));
        self.states.push(State { node, before, changes });
    }

    fn is_goal(&self, vpc: &str) -> bool {
        let Some(node) = self.topology.vpcs.get(vpc) else { return false };
        let (local, _) = node.switch_at(self.destination);
        local.is_some_and(|(switch, _)| switch.v_switch_id == self.goal.switch.v_switch_id)
    }

    fn finish(&self, number: usize) -> OneWay {
        let (mut places, mut changes) = (Vec::new(), Vec::new());
        let mut next = Some(number);
        while let Some(state) = next.and_then(|number| self.states.get(number)) {
            places.push(match state.node {
                Node::Inside { vpc, table } => format!("{vpc}/{table}"),
                Node::Arrived { vpc } => format!("{vpc} local -> {}", self.goal.switch.v_switch_id),
                Node::Table { router, table } => format!("{router}/{table}"),
            });
            changes.extend(state.changes.iter().cloned());
            next = state.before;
        }
        places.reverse();
        OneWay { places, changes }
    }

    /// The block for which a missing route would be made.
    fn wanted(&self) -> IpNet {
        let block = block_of(self.goal.switch).filter(|block: &Interval<A>| block.contains(self.destination));
        let block = block.or(self.goal.pods).unwrap_or_else(|| Interval::point(self.destination));
        block.first().net(block.first().span_log2(block.last()))
    }

    fn leave(&mut self, cost: usize, number: usize, vpc: &'a str, table: &'a str) {
        let topology = self.topology;
        let Some(found) = topology.tables.get(table).filter(|found| found.is_readable) else { return };
        let Some(node) = topology.vpcs.get(vpc) else { return };
        // A packet for a local address never leaves, whatever routes there are.
        if node.switch_at(self.destination).0.is_some() {
            return;
        }
        let (route, _) = found.route(self.destination);
        let leads = |kind: &str, id: &str| match route.map(|route| &route.way) {
            Some(Way::Hops(hops)) => {
                hops.len() == 1 && hops.iter().all(|h| h.next_hop_type == kind && h.next_hop_id == id)
            }
            _ => false,
        };
        // A route of the same length, or one that is longer still, cannot be overruled by another.
        let whole = self.wanted();
        let in_the_way = route.map(|route| prefix(route.block)).filter(|block| whole.contains(block));
        let (verb, wanted) = in_the_way.map_or(("add", whole), |block| ("change", block));
        let route_change = |kind: &str, id: &str| {
            (!leads(kind, id)).then(|| format!("{verb} route in {table}: {wanted} -> {kind}:{id}"))
        };
        for peer in topology.peers_of.get(vpc).map_or(&[][..], Vec::as_slice) {
            let id = peer.instance_id.as_str();
            let far = if peer.vpc_id.as_str() == vpc { &peer.accepting_vpc_id } else { &peer.vpc_id };
            let mut changes: Vec<String> = route_change("VpcPeer", id).into_iter().collect();
            changes.extend((!peer.status.eq_ignore_ascii_case("Activated")).then(|| format!("activate {id}")));
            self.push(cost, Some(number), Node::Arrived { vpc: far.as_str() }, changes);
        }
        for attachment in topology.attachments_of.get(vpc).map_or(&[][..], Vec::as_slice) {
            let id = attachment.transit_router_attachment_id.as_str();
            let mut changes: Vec<String> = route_change("Attachment", id).into_iter().collect();
            changes.extend(attach(attachment));
            self.enter(cost, number, attachment.transit_router_id.as_str(), attachment, changes);
        }
        for near in topology.interfaces_of.get(vpc).map_or(&[][..], Vec::as_slice) {
            let id = near.router_interface_id.as_str();
            let far = topology.interfaces.get(near.opposite_interface_id.as_str());
            let Some(far) = far.filter(|far| !far.vpc_id.is_empty()) else { continue };
            let mut changes: Vec<String> = route_change("RouterInterface", id).into_iter().collect();
            let down = |one: &&RouterInterface| !one.status.eq_ignore_ascii_case("Active");
            changes.extend(
                [*near, *far].iter().filter(|one| down(one)).map(|one| format!("activate {}", one.router_interface_id)),
            );
            self.push(cost, Some(number), Node::Arrived { vpc: far.vpc_id.as_str() }, changes);
        }
    }

    /// Comes into a router: by its one association, or by one that would be made.
    fn enter(
        &mut self,
        cost: usize,
        number: usize,
        router: &'a str,
        attachment: &'a TransitRouterAttachment,
        changes: Vec<String>,
    ) {
        let topology = self.topology;
        let id = attachment.transit_router_attachment_id.as_str();
        let associations = topology.associations.get(id).map_or(&[][..], Vec::as_slice);
        let active = associations.iter().filter(|one| one.status.eq_ignore_ascii_case("Active"));
        let is_of_router = |table: &&str| {
            topology.tr_table_names.get(table).is_some_and(|named| named.transit_router_id.as_str() == router)
        };
        let associated = active.map(|one| one.transit_router_route_table_id.as_str()).find(is_of_router);
        if let Some(table) = associated {
            self.push(cost, Some(number), Node::Table { router, table }, changes);
            return;
        }
        let tables = topology.tr_tables_of.get(router).map_or(&[][..], Vec::as_slice).iter();
        let mut tables: Vec<&str> = tables.map(|table| table.transit_router_route_table_id.as_str()).collect();
        tables.sort_unstable();
        tables.dedup();
        for table in tables.into_iter().filter(is_of_router) {
            let mut changes = changes.clone();
            changes.push(format!("associate {id} with {table}"));
            self.push(cost, Some(number), Node::Table { router, table }, changes);
        }
    }

    fn leave_router(&mut self, cost: usize, number: usize, router: &'a str, table: &'a str) {
        let topology = self.topology;
        let found = topology.tr_tables.get(table);
        let route = found.and_then(|found| found.route(self.destination).0);
        let chosen = match route.map(|route| &route.way) {
            Some(TrWay::Attachments(all)) if all.len() == 1 => all.first().map(|id| id.as_str()),
            _ => None,
        };
        let to_goal = topology.attachments_of.get(self.goal.switch.vpc_id.as_str()).map_or(&[][..], Vec::as_slice);
        let to_routers = topology.links_of.get(router).map_or(&[][..], Vec::as_slice);
        let wanted = self.wanted();
        for attachment in to_goal.iter().chain(to_routers).copied() {
            let id = attachment.transit_router_attachment_id.as_str();
            let (own, peer) = (attachment.transit_router_id.as_str(), attachment.peer_transit_router_id.as_str());
            let mut changes = Vec::new();
            changes.extend((chosen != Some(id)).then(|| self.lead(table, route.is_some(), wanted, attachment)));
            changes.extend(attach(attachment));
            if attachment.resource_type.eq_ignore_ascii_case("VPC") {
                if own == router {
                    self.push(cost, Some(number), Node::Arrived { vpc: attachment.vpc_id.as_str() }, changes);
                }
            } else if own == router {
                self.enter(cost, number, peer, attachment, changes);
            } else if peer == router {
                self.enter(cost, number, own, attachment, changes);
            }
        }
    }
}

impl<A: Family> Search<'_, '_, A> {
    /// What makes a table lead to an attachment. One that has no route because it does not learn from there may be made to;
    /// one that learns and has none has a policy against it.
    fn lead(&self, table: &str, has_route: bool, wanted: IpNet, attachment: &TransitRouterAttachment) -> String {
        let id = &attachment.transit_router_attachment_id;
        let route = format!("add route in {table}: {wanted} -> {id}");
        let Some(learned) = self.topology.propagations.get(table).filter(|_| !has_route) else { return route };
        match learned.attachments.iter().find(|one| one.transit_router_attachment_id == *id) {
            None => format!("propagate {id} to {table}, or {route}"),
            Some(one) if one.status.eq_ignore_ascii_case("Active") => route,
            Some(one) => {
                format!("let the propagation of {id} to {table} become Active (it is {}), or {route}", one.status)
            }
        }
    }
}

fn attach(attachment: &TransitRouterAttachment) -> Option<String> {
    (!attachment.status.eq_ignore_ascii_case("Attached"))
        .then(|| format!("attach {}", attachment.transit_router_attachment_id))
}
