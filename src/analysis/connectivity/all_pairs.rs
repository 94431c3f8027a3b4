//! Every vSwitch against every other, in IPv4, without walking every pair.
//!
//! The address line is cut at the blocks of all tables and vSwitches; a piece of a vSwitch is a
//! *slot*. Route tables that lead to the same places are one *class* of sources: for each class a
//! bitmap says which slots it reaches, and one which of them cannot be told. A transit router's
//! table is resolved once, and classes copy stretches of it. A pair is connected where each side
//! is in the other's bitmap, so that counting needs two numbers for each two classes.
//!
//! What does not depend on the class alone is walked pair by pair: ends of one VPC, blocks that
//! overlap, packets that would come back through their own VPC, network ACLs, PrivateLink.

use std::collections::{HashMap, HashSet};

use crate::{
    model::{NextHop, VSwitch},
    netset::{Block, Interval, Point},
};

use super::{
    bits::Bits,
    pair::{DataPlaneEnd, MeshEnd},
    table::{Table, TrWay, Way},
    topology::{Topology, VpcNode, block_of},
    verdict::{Code, Verdict},
    walk::{Goal, Outcome, Packet, Place, Walk},
};

/// All pairs of vSwitches of a topology.
#[derive(Clone, Debug)]
pub struct AllPairs<'t, 'a> {
    topology: &'t Topology<'a>,
    port: u16,
    ends: Vec<End<'a>>,
    numbers: HashMap<&'a str, usize>,
    /// The slots of each end; ends with one slot are most.
    slots_of: Vec<Vec<u32>>,
    classes: Vec<Class>,
    /// Pairs, source first, that are walked one by one.
    exceptions: HashSet<(u32, u32)>,
}

/// A vSwitch.
#[derive(Clone, Debug)]
struct End<'a> {
    switch: &'a VSwitch,
    block: Interval<u32>,
    class: u32,
    /// True where filters or PrivateLink have a say as well.
    is_odd: bool,
}

/// What the sources of a class reach.
#[derive(Clone, Debug)]
struct Class {
    delivered: Bits,
    unknown: Bits,
}

/// How many ordered pairs have which verdict, ends with themselves among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairCounts {
    pub connected: u64,
    pub blocked: u64,
    pub partial: u64,
    pub unknown: u64,
}

impl PairCounts {
    fn add(&mut self, verdict: Verdict, count: u64) {
        *self.of(verdict) += count;
    }

    fn take(&mut self, verdict: Verdict) {
        *self.of(verdict) -= 1;
    }

    fn of(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Connected => &mut self.connected,
            Verdict::Blocked => &mut self.blocked,
            Verdict::Partial => &mut self.partial,
            Verdict::Unknown => &mut self.unknown,
        }
    }
}

/// What becomes of packets to the slots of an end: a set of the outcomes below.
type Outcomes = u8;
const DELIVERED: Outcomes = 1;
const BLOCKED: Outcomes = 2;
const UNKNOWN: Outcomes = 4;
const ALL: usize = 8;

/// The verdict over all addresses of two ends, from the outcomes there and back.
fn verdict(there: Outcomes, back: Outcomes) -> Verdict {
    let passes = |outcomes: Outcomes| outcomes & (DELIVERED | UNKNOWN) != 0;
    if !passes(there) || !passes(back) {
        return Verdict::Blocked;
    }
    if (there | back) & UNKNOWN != 0 {
        return Verdict::Unknown;
    }
    if (there | back) & BLOCKED != 0 { Verdict::Partial } else { Verdict::Connected }
}

/// A piece of an end's block on which every table says one thing.
#[derive(Clone, Copy, Debug)]
struct Slot {
    stretch: Interval<u32>,
    end: u32,
}

/// Where a route leads, as far as all sources of a class share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Lead<'a> {
    Blocked,
    Unknown,
    /// Into a table of a transit router: router, table.
    Transit(&'a str, &'a str),
    /// Over a peering into a VPC.
    Peering(&'a str),
    /// Somewhere that depends on the vSwitch it begins in.
    Own(&'a str),
}

impl<'t, 'a> AllPairs<'t, 'a> {
    /// Works out what every class reaches. `port` is the mesh's, for filters and PrivateLink.
    pub fn new(topology: &'t Topology<'a>, port: u16) -> Self {
        let mut ends: Vec<End<'a>> = Vec::with_capacity(topology.switches.len());
        for switch in topology.switches.values().copied() {
            let Some(block) = block_of(switch) else { continue };
            let vpc = switch.vpc_id.as_str();
            let linked = topology.endpoints.contains_key(vpc)
                || topology.vpcs.get(vpc).is_some_and(|node| topology.is_refused(node.scope, "ListVpcEndpoints", vpc));
            let is_odd = linked || !switch.network_acl_id.is_empty();
            ends.push(End { switch, block, class: 0, is_odd });
        }
        ends.sort_unstable_by_key(|end| (end.block, &end.switch.v_switch_id));
        let numbers = ends.iter().enumerate().map(|(number, end)| (end.switch.v_switch_id.as_str(), number)).collect();
        let slots = slots(topology, &ends);
        let mut slots_of = vec![Vec::new(); ends.len()];
        for (number, slot) in (0..).zip(&slots) {
            slots_of[slot.end as usize].push(number);
        }
        let mut pairs =
            Self { topology, port, ends, numbers, slots_of, classes: Vec::new(), exceptions: HashSet::new() };
        pairs.overlaps(&slots);
        pairs.classify(&slots);
        pairs
    }

    /// The verdict for a cluster's and a mesh's vSwitch; `None` for one that has no IPv4 block here.
    pub fn verdict(&self, source: &str, target: &str) -> Option<Verdict> {
        let (source, target) = (*self.numbers.get(source)?, *self.numbers.get(target)?);
        if self.is_exception(source, target) {
            return Some(self.walked(source, target));
        }
        Some(self.by_class(source, target))
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// Counts all ordered pairs.
    pub fn count(&self) -> PairCounts {
        let classes = self.classes.len();
        let mut tally = vec![[0_u64; ALL]; classes * classes];
        // Class by class, so that its bitmaps and its part of the tally stay in the cache.
        for (class, tally) in tally.chunks_exact_mut(classes.max(1)).enumerate() {
            for (number, end) in self.ends.iter().enumerate() {
                let outcomes = self.outcomes(class, number);
                tally[end.class as usize][usize::from(outcomes)] += 1;
            }
        }
        let mut counts = PairCounts::default();
        for one in 0..classes {
            for other in 0..classes {
                let (there, back) = (&tally[one * classes + other], &tally[other * classes + one]);
                for (there, reached) in (0..).zip(there).filter(|(_, count)| **count > 0) {
                    for (back, reaching) in (0..).zip(back).filter(|(_, count)| **count > 0) {
                        counts.add(verdict(there, back), reached * reaching);
                    }
                }
            }
        }
        self.each_exception(|source, target| {
            counts.take(self.by_class(source, target));
            counts.add(self.exact(source, target), 1);
        });
        counts
    }

    fn is_exception(&self, source: usize, target: usize) -> bool {
        let (from, to) = (&self.ends[source], &self.ends[target]);
        from.is_odd
            || to.is_odd
            || from.switch.vpc_id == to.switch.vpc_id
            || self.exceptions.contains(&(source as u32, target as u32))
            || self.exceptions.contains(&(target as u32, source as u32))
    }

    /// Calls for each exception once.
    fn each_exception(&self, mut each: impl FnMut(usize, usize)) {
        let mut by_vpc: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, end) in self.ends.iter().enumerate() {
            by_vpc.entry(end.switch.vpc_id.as_str()).or_default().push(number);
        }
        let odd: Vec<usize> = (0..self.ends.len()).filter(|number| self.ends[*number].is_odd).collect();
        for one in 0..self.ends.len() {
            let end = &self.ends[one];
            if end.is_odd {
                (0..self.ends.len()).for_each(|other| each(one, other));
                continue;
            }
            odd.iter().for_each(|other| each(one, *other));
            let same = by_vpc.get(end.switch.vpc_id.as_str()).map_or(&[][..], Vec::as_slice);
            same.iter().filter(|other| !self.ends[**other].is_odd).for_each(|other| each(one, *other));
        }
        let turned = self.exceptions.iter().map(|(one, other)| (*other, *one));
        let both: HashSet<(u32, u32)> = self.exceptions.iter().copied().chain(turned).collect();
        for (one, other) in both {
            let (one, other) = (one as usize, other as usize);
            let (from, to) = (&self.ends[one], &self.ends[other]);
            if !from.is_odd && !to.is_odd && from.switch.vpc_id != to.switch.vpc_id {
                each(one, other);
            }
        }
    }

    /// The verdict of an exception. Within a VPC packets are delivered, unless a table has a route
    /// for a part of a vSwitch.
    fn exact(&self, source: usize, target: usize) -> Verdict {
        let (from, to) = (&self.ends[source], &self.ends[target]);
        // One stretch of the table holds the whole block: no route is for a part of it.
        let plain = |from: &End<'a>, to: &End<'a>| {
            let table = self.topology.table_of(from.switch).ok().and_then(|id| self.topology.tables.get(id));
            let table = table.filter(|table| table.is_readable);
            table.is_none_or(|table| table.lpm::<u32>().stretch_of(to.block.first()).1.contains(to.block.last()))
        };
        let same = from.switch.vpc_id == to.switch.vpc_id && !from.is_odd && !to.is_odd;
        if same && plain(from, to) && plain(to, from) {
            return Verdict::Connected;
        }
        self.walked(source, target)
    }

    fn walked(&self, source: usize, target: usize) -> Verdict {
        let mesh = MeshEnd {
            v_switch_id: self.ends[target].switch.v_switch_id.clone(),
            port: self.port,
            ..MeshEnd::default()
        };
        let cluster =
            DataPlaneEnd { v_switch_id: self.ends[source].switch.v_switch_id.clone(), ..DataPlaneEnd::default() };
        self.topology.verdict(&mesh, &cluster)
    }

    fn by_class(&self, source: usize, target: usize) -> Verdict {
        let there = self.outcomes(self.ends[source].class as usize, target);
        let back = self.outcomes(self.ends[target].class as usize, source);
        verdict(there, back)
    }

    fn outcomes(&self, class: usize, end: usize) -> Outcomes {
        let class = &self.classes[class];
        self.slots_of[end].iter().fold(0, |outcomes, slot| {
            outcomes
                | if class.delivered.get(*slot) {
                    DELIVERED
                } else if class.unknown.get(*slot) {
                    UNKNOWN
                } else {
                    BLOCKED
                }
        })
    }

    /// Ends that share addresses: a VPC that has a block of its own does not send packets for it
    /// anywhere else.
    fn overlaps(&mut self, slots: &[Slot]) {
        let mut vpcs: HashMap<&str, Vec<u32>> = HashMap::new();
        for (number, end) in (0..).zip(&self.ends) {
            vpcs.entry(end.switch.vpc_id.as_str()).or_default().push(number);
        }
        for shared in slots.chunk_by(|one, other| one.stretch == other.stretch).filter(|shared| shared.len() > 1) {
            for (one, other) in shared.iter().flat_map(|one| shared.iter().map(move |other| (one.end, other.end))) {
                if one != other {
                    let from = vpcs.get(self.ends[one as usize].switch.vpc_id.as_str()).map_or(&[][..], Vec::as_slice);
                    self.exceptions.extend(from.iter().map(|from| (*from, other)));
                }
            }
        }
    }

    /// Gives every end its class, and works out each class once.
    fn classify(&mut self, slots: &[Slot]) {
        let mut slots_in: HashMap<&str, Vec<u32>> = HashMap::new();
        for (number, slot) in (0..).zip(slots) {
            slots_in.entry(self.ends[slot.end as usize].switch.vpc_id.as_str()).or_default().push(number);
        }
        let mut known: HashMap<Vec<(Interval<u32>, Lead<'a>)>, u32> = HashMap::new();
        let mut by_table: HashMap<(&str, &str), u32> = HashMap::new();
        let mut transits: HashMap<&'a str, Class> = HashMap::new();
        for number in 0..self.ends.len() {
            let switch = self.ends[number].switch;
            let vpc = switch.vpc_id.as_str();
            let table = self.topology.table_of(switch).unwrap_or_default();
            if let Some(class) = by_table.get(&(vpc, table)) {
                self.ends[number].class = *class;
                continue;
            }
            let leads = self.leads(switch);
            let own = leads.iter().any(|(_, lead)| matches!(lead, Lead::Own(_)));
            let class = match known.get(&leads) {
                Some(class) => *class,
                None => {
                    let class = self.work_out(switch, &leads, slots, &slots_in, &mut transits);
                    self.classes.push(class);
                    let class = (self.classes.len() - 1) as u32;
                    known.insert(leads, class);
                    class
                }
            };
            if !own {
                by_table.insert((vpc, table), class);
            }
            self.ends[number].class = class;
        }
    }

    /// Where each stretch of a vSwitch's table leads.
    fn leads(&self, switch: &'a VSwitch) -> Vec<(Interval<u32>, Lead<'a>)> {
        let own = || vec![(Interval::FULL, Lead::Own(switch.v_switch_id.as_str()))];
        let Some(vpc) = self.topology.vpcs.get(switch.vpc_id.as_str()) else { return own() };
        if vpc.is_open {
            return own();
        }
        let table = self.topology.table_of(switch).ok().and_then(|id| self.topology.tables.get(id));
        let Some(table) = table.filter(|table| table.is_readable) else { return vec![(Interval::FULL, Lead::Unknown)] };
        let mut leads: Vec<(Interval<u32>, Lead<'a>)> = Vec::new();
        for (stretch, route) in table.lpm::<u32>().stretches() {
            let lead = route.map_or(Lead::Blocked, |route| self.lead(vpc, switch, table, route));
            match leads.last_mut() {
                Some((whole, last)) if *last == lead => {
                    *whole = Interval::new(whole.first(), stretch.last()).unwrap_or(stretch);
                }
                _ => leads.push((stretch, lead)),
            }
        }
        leads
    }

    fn lead(&self, vpc: &VpcNode<'a>, switch: &'a VSwitch, table: &Table<'a>, route: u32) -> Lead<'a> {
        let own = Lead::Own(switch.v_switch_id.as_str());
        let hops = match table.routes.get(route as usize).map(|route| &route.way) {
            Some(Way::Hops(hops)) => hops,
            Some(Way::CloudService) => return Lead::Blocked,
            Some(Way::Local) => return Lead::Unknown,
            None => return own,
        };
        match hops[..] {
            [] => Lead::Blocked,
            [hop] => self.one_hop(vpc, hop).unwrap_or(own),
            _ => own,
        }
    }

    /// Where a next hop leads, if that is simple.
    fn one_hop(&self, vpc: &VpcNode<'a>, hop: &'a NextHop) -> Option<Lead<'a>> {
        let topology = self.topology;
        let id = hop.next_hop_id.as_str();
        match hop.next_hop_type.as_str() {
            "NatGateway" | "IPv6Gateway" | "Ipv4Gateway" => Some(Lead::Blocked),
            "Instance" | "HaVip" | "NetworkInterface" | "Ecr" => Some(Lead::Unknown),
            "VpcPeer" => {
                let peer = topology.peers.get(id).copied()?;
                if topology.is_refused(&peer.scope, "ListVpcPeerConnections", id) || peer.status != "Activated" {
                    return None;
                }
                let far = match (peer.vpc_id.as_str(), peer.accepting_vpc_id.as_str()) {
                    (one, far) | (far, one) if one == vpc.id => far,
                    _ => return None,
                };
                let open = topology.vpcs.get(far).is_none_or(|far| far.is_open);
                (far != vpc.id && !open).then_some(Lead::Peering(far))
            }
            "Attachment" => {
                let attachment = topology.attachments.get(id).copied()?;
                let refused = |action| topology.is_refused(&attachment.scope, action, id);
                let simple = attachment.resource_type == "VPC"
                    && attachment.vpc_id.as_str() == vpc.id
                    && attachment.status == "Attached"
                    && !refused("ListTransitRouterVpcAttachments")
                    && !refused("ListTransitRouterRouteTableAssociations");
                let router = attachment.transit_router_id.as_str();
                let found = topology.routers.get(router).filter(|found| found.status == "Active")?;
                if !simple || topology.is_refused(&found.scope, "ListTransitRouters", router) {
                    return None;
                }
                let table = topology.associations.get(id)?.iter().find_map(|association| {
                    let table = association.transit_router_route_table_id.as_str();
                    let named = topology.tr_table_names.get(table)?;
                    (association.status == "Active" && named.transit_router_id.as_str() == router).then_some(table)
                })?;
                Some(Lead::Transit(router, table))
            }
            _ => None,
        }
    }

    /// What a class reaches, from where its table leads.
    fn work_out(
        &mut self,
        switch: &'a VSwitch,
        leads: &[(Interval<u32>, Lead<'a>)],
        slots: &[Slot],
        slots_in: &HashMap<&'a str, Vec<u32>>,
        transits: &mut HashMap<&'a str, Class>,
    ) -> Class {
        let mut class = Class { delivered: Bits::new(slots.len()), unknown: Bits::new(slots.len()) };
        for (stretch, lead) in leads {
            let from = slots.partition_point(|slot| slot.stretch.last() < stretch.first());
            let to = slots.partition_point(|slot| slot.stretch.first() <= stretch.last());
            match lead {
                Lead::Blocked => {}
                Lead::Unknown => class.unknown.set_range(from, to),
                Lead::Transit(router, table) => {
                    if !transits.contains_key(table) {
                        let resolved = self.resolve(router, table, slots);
                        transits.insert(*table, resolved);
                    }
                    let Some(transit) = transits.get(table) else { continue };
                    class.delivered.copy_range(&transit.delivered, from, to);
                    class.unknown.copy_range(&transit.unknown, from, to);
                }
                // Whatever is not local there is blocked: peering does not transit.
                Lead::Peering(vpc) => {
                    let there = slots_in.get(vpc).map_or(&[][..], Vec::as_slice);
                    for slot in there.iter().filter(|slot| (from..to).contains(&(**slot as usize))) {
                        class.delivered.set(*slot);
                    }
                }
                Lead::Own(_) => self.walk_all(switch, (from, to), slots, &mut class),
            }
        }
        class
    }

    /// Walks from a vSwitch to each slot.
    fn walk_all(&mut self, switch: &'a VSwitch, (from, to): (usize, usize), slots: &[Slot], class: &mut Class) {
        let Some(sources) = block_of(switch) else { return };
        for (number, slot) in (from..to).zip(&slots[from..to]) {
            let target = self.ends[slot.end as usize].switch;
            let mut walk = Walk::new(self.topology, packet(sources, slot.stretch), Goal { switch: target, pods: None });
            let outcome = walk.from(switch);
            record(class, number as u32, &outcome);
            // Selectors of a VPN tell sources apart.
            if walk.packet.sources != sources
                && let Some(source) = self.numbers.get(switch.v_switch_id.as_str())
            {
                self.exceptions.insert((*source as u32, slot.end));
            }
        }
    }

    /// Resolves a table of a transit router: which slots packets reach from there.
    fn resolve(&mut self, router: &'a str, id: &'a str, slots: &[Slot]) -> Class {
        let topology = self.topology;
        let mut class = Class { delivered: Bits::new(slots.len()), unknown: Bits::new(slots.len()) };
        let scope = topology.tr_table_names.get(id).map(|named| &named.scope);
        let refused = scope.is_some_and(|scope| topology.is_refused(scope, "ListTransitRouterRouteEntries", id));
        let table = topology.tr_tables.get(id);
        if refused || table.is_some_and(|table| !table.is_readable) {
            class.unknown.set_range(0, slots.len());
            return class;
        }
        let Some(table) = table else { return class };
        let mut next = 0;
        for (stretch, route) in table.lpm::<u32>().stretches() {
            let route = route.and_then(|route| table.routes.get(route as usize));
            let arrival = match route.map(|route| &route.way) {
                None | Some(TrWay::BlackHole) => Arrival::Blocked,
                Some(TrWay::Attachments(all)) => match all[..] {
                    [only] => self.arrival(router, only.as_str()),
                    _ => Arrival::Walk,
                },
                Some(TrWay::Other(_)) => Arrival::Walk,
            };
            while let Some(slot) = slots.get(next).filter(|slot| slot.stretch.first() <= stretch.last()) {
                let target = self.ends[slot.end as usize].switch;
                match arrival {
                    Arrival::Blocked => {}
                    Arrival::Vpc(vpc) if vpc == target.vpc_id.as_str() => class.delivered.set(next as u32),
                    Arrival::Vpc(_) | Arrival::Walk => self.walk_transit((router, id), next as u32, slot, &mut class),
                }
                next += 1;
            }
        }
        class
    }

    /// The VPC behind an attachment, if the way there is simple.
    fn arrival(&self, router: &str, id: &str) -> Arrival<'a> {
        let Some(attachment) = self.topology.attachments.get(id).copied() else { return Arrival::Walk };
        let simple = attachment.resource_type == "VPC"
            && attachment.status == "Attached"
            && attachment.transit_router_id.as_str() == router
            && !self.topology.is_refused(&attachment.scope, "ListTransitRouterVpcAttachments", id);
        if simple { Arrival::Vpc(attachment.vpc_id.as_str()) } else { Arrival::Walk }
    }

    fn walk_transit(&mut self, (router, table): (&'a str, &'a str), number: u32, slot: &Slot, class: &mut Class) {
        let target = self.ends[slot.end as usize].switch;
        let sources = Interval::FULL;
        let mut walk = Walk::new(self.topology, packet(sources, slot.stretch), Goal { switch: target, pods: None });
        let outcome = walk.look_up_transit(router, table);
        record(class, number, &outcome);
        // Coming back into its own VPC a packet would loop; sources of other VPCs do not.
        let through = walk.visited.iter().filter_map(|place| match place {
            Place::Vpc(vpc) if *vpc != target.vpc_id.as_str() => Some(*vpc),
            _ => None,
        });
        let looping: Vec<&str> = through.collect();
        let selected = walk.packet.sources != sources;
        let is_special = |end: &End<'a>| selected || looping.contains(&end.switch.vpc_id.as_str());
        let elsewhere = matches!(&outcome, Outcome::Blocked(faults) if faults.iter().all(|(code, _)| *code == Code::DeliveredElsewhere));
        // A source whose own VPC has the address is an exception already.
        let harmless = looping.is_empty() || (elsewhere && looping.len() == 1);
        if !harmless || selected {
            let special = (0..).zip(&self.ends).filter(|(_, end)| is_special(end));
            let special: Vec<(u32, u32)> = special.map(|(source, _)| (source, slot.end)).collect();
            self.exceptions.extend(special);
        }
    }
}

/// What is behind a route of a transit router.
#[derive(Clone, Copy, Debug)]
enum Arrival<'a> {
    Blocked,
    Vpc(&'a str),
    Walk,
}

fn packet(sources: Interval<u32>, destinations: Interval<u32>) -> Packet<u32> {
    Packet { source: sources.first(), destination: destinations.first(), sources, destinations }
}

fn record(class: &mut Class, slot: u32, outcome: &Outcome<'_>) {
    match outcome {
        Outcome::Delivered => class.delivered.set(slot),
        Outcome::Unknown(_) => class.unknown.set(slot),
        Outcome::Blocked(_) => {}
    }
}

/// Cuts the ends at every block of every table and every other end.
fn slots(topology: &Topology<'_>, ends: &[End<'_>]) -> Vec<Slot> {
    let mut cuts: Vec<u32> = Vec::new();
    let mut cut = |block: Block| {
        if let Block::V4(block) = block {
            cuts.push(block.first());
            cuts.extend(block.last().succ());
        }
    };
    topology.tables.values().flat_map(|table| &table.routes).for_each(|route| cut(route.block));
    topology.tr_tables.values().flat_map(|table| &table.routes).for_each(|route| cut(route.block));
    ends.iter().for_each(|end| cut(Block::V4(end.block)));
    for connection in topology.connections.values() {
        let texts = connection.local_subnet.split(',').chain(connection.remote_subnet.split(','));
        texts.filter_map(|text| Block::parse(text.trim()).ok()).for_each(&mut cut);
    }
    cuts.sort_unstable();
    cuts.dedup();
    let mut slots = Vec::with_capacity(ends.len());
    for (number, end) in (0..).zip(ends) {
        let inside = cuts.partition_point(|cut| *cut <= end.block.first());
        let mut first = end.block.first();
        for cut in cuts[inside..].iter().take_while(|cut| **cut <= end.block.last()) {
            slots.extend(
                cut.pred().and_then(|last| Interval::new(first, last)).map(|stretch| Slot { stretch, end: number }),
            );
            first = *cut;
        }
        slots.extend(Interval::new(first, end.block.last()).map(|stretch| Slot { stretch, end: number }));
    }
    slots.sort_unstable_by_key(|slot| (slot.stretch, slot.end));
    slots
}
