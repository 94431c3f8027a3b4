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
    model::{NextHop, Reading, VSwitch},
    netset::{Address, Block, Interval, Point},
};

use super::{
    bits::Bits,
    pair::{DataPlaneEnd, MeshEnd},
    table::{Table, TrWay, Way},
    topology::{Topology, VpcNode, block_of},
    verdict::{Code, Verdict},
    walk::{Goal, Outcome, Packet, Place, Walk, is_inside},
};

/// All pairs of vSwitches of a topology.
#[derive(Clone, Debug)]
pub struct AllPairs<'t, 'a> {
    topology: &'t Topology<'a>,
    port: u16,
    /// By block, then by id.
    ends: Vec<End<'t, 'a>>,
    vpcs: Vec<VpcEnds<'a>>,
    /// The slots of each end; ends with one slot are most.
    slots_of: Vec<Vec<u32>>,
    classes: Vec<Class>,
    /// VPCs with a route for a part of one of their vSwitches: who comes from outside is walked.
    pierced: HashSet<&'a str>,
    /// Pairs, source first, that are walked one by one.
    exceptions: HashSet<(u32, u32)>,
}

/// A vSwitch.
#[derive(Clone, Debug)]
struct End<'t, 'a> {
    switch: &'a VSwitch,
    block: Interval<u32>,
    /// Number of its VPC.
    vpc: u32,
    /// The table in which its packets are looked up, where that can be read.
    table: Option<&'t Table<'a>>,
    class: u32,
    /// True where filters or PrivateLink have a say as well.
    is_odd: bool,
}

/// A VPC. Ends name it by its number, so that the many comparisons are of numbers.
#[derive(Clone, Debug)]
struct VpcEnds<'a> {
    /// Numbers of the vSwitches in it, ascending.
    ends: Vec<u32>,
    /// Attachments by which packets simply arrive here: router, attachment.
    entrances: Vec<(&'a str, &'a str)>,
}

/// What the sources of a class reach.
#[derive(Clone, Debug)]
struct Class {
    delivered: Bits,
    unknown: Bits,
}

impl Class {
    /// A class that reaches none of so many slots.
    fn new(slots: usize) -> Self {
        Self { delivered: Bits::new(slots), unknown: Bits::new(slots) }
    }
}

/// Counts slots that a class reaches.
struct Counter<'c> {
    delivered: &'c Bits,
    /// `None` where everything can be told.
    unknown: Option<&'c Bits>,
}

impl<'c> Counter<'c> {
    fn new(class: &'c Class) -> Self {
        let Class { delivered, unknown } = class;
        Self { delivered, unknown: (!unknown.is_empty()).then_some(unknown) }
    }

    /// How many of the slots it reaches, and of how many others that cannot be told.
    fn count(&self, slots: impl Iterator<Item = u32> + Clone) -> (u64, u64) {
        let delivered = slots.clone().map(|slot| u64::from(self.delivered.get(slot))).sum();
        let unknown = self
            .unknown
            .map_or(0, |unknown| slots.map(|slot| u64::from(unknown.get(slot) && !self.delivered.get(slot))).sum());
        (delivered, unknown)
    }
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
        let mut ends: Vec<End<'t, 'a>> = Vec::with_capacity(topology.switches.len());
        let mut vpcs = Vec::with_capacity(topology.vpcs.len());
        let pierced = pierced(topology);
        for (number, node) in (0..).zip(topology.vpcs.values()) {
            ends.extend(ends_in(topology, node, number));
            let is_pierced = pierced.contains(node.id);
            let entrances = if is_pierced { Vec::new() } else { entrances(topology, node.id) };
            vpcs.push(VpcEnds { ends: Vec::new(), entrances });
        }
        ends.sort_unstable_by_key(|end| (end.block, &end.switch.v_switch_id));
        for (number, end) in (0..).zip(&ends) {
            vpcs[end.vpc as usize].ends.push(number);
        }
        let slots = slots(topology, &ends);
        let mut slots_of = vec![Vec::new(); ends.len()];
        for (number, slot) in (0..).zip(&slots) {
            slots_of[slot.end as usize].push(number);
        }
        let mut pairs =
            Self { topology, port, ends, vpcs, slots_of, classes: Vec::new(), pierced, exceptions: HashSet::new() };
        pairs.overlaps(&slots);
        pairs.classify(&slots);
        pairs
    }

    /// The verdict for a cluster's and a mesh's vSwitch; `None` for one that has no IPv4 block here.
    pub fn verdict(&self, source: &str, target: &str) -> Option<Verdict> {
        let (source, target) = (self.number(source)?, self.number(target)?);
        if self.is_exception(source, target) {
            return Some(self.walked(source, target));
        }
        Some(self.by_class(source, target))
    }

    /// The number of a vSwitch.
    fn number(&self, id: &str) -> Option<usize> {
        let switch = *self.topology.switches.get(id)?;
        let block: Interval<u32> = block_of(switch)?;
        self.ends.binary_search_by(|end| (end.block, end.switch.v_switch_id.as_str()).cmp(&(block, id))).ok()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    /// Counts all ordered pairs.
    pub fn count(&self) -> PairCounts {
        let classes = self.classes.len();
        let mut tally = vec![[0_u64; ALL]; classes * classes];
        // Most ends have one slot: they are told by a bit of it, and their classes are counted one after the other.
        let (mut single, split): (Vec<usize>, Vec<usize>) =
            (0..self.ends.len()).partition(|number| self.slots_of[*number].len() == 1);
        single.sort_by_key(|number| self.ends[*number].class);
        let single: Vec<(u32, u32)> =
            single.into_iter().map(|number| (self.ends[number].class, self.slots_of[number][0])).collect();
        // Class by class, so that its bitmaps and its part of the tally stay in the cache.
        for (class, tally) in tally.chunks_exact_mut(classes.max(1)).enumerate() {
            let counter = Counter::new(&self.classes[class]);
            for targets in single.chunk_by(|(one, _), (other, _)| one == other) {
                let (delivered, unknown) = counter.count(targets.iter().map(|(_, slot)| *slot));
                let tally = &mut tally[targets[0].0 as usize];
                tally[usize::from(DELIVERED)] += delivered;
                tally[usize::from(UNKNOWN)] += unknown;
                tally[usize::from(BLOCKED)] += targets.len() as u64 - delivered - unknown;
            }
            for number in &split {
                let outcomes = self.outcomes(class, *number);
                tally[self.ends[*number].class as usize][usize::from(outcomes)] += 1;
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
            || from.vpc == to.vpc
            || self.exceptions.contains(&(source as u32, target as u32))
            || self.exceptions.contains(&(target as u32, source as u32))
    }

    /// Calls for each exception once.
    fn each_exception(&self, mut each: impl FnMut(usize, usize)) {
        let odd: Vec<usize> = (0..self.ends.len()).filter(|number| self.ends[*number].is_odd).collect();
        for one in 0..self.ends.len() {
            let end = &self.ends[one];
            if end.is_odd {
                (0..self.ends.len()).for_each(|other| each(one, other));
                continue;
            }
            odd.iter().for_each(|other| each(one, *other));
            let same = self.vpcs[end.vpc as usize].ends.iter().map(|other| *other as usize);
            same.filter(|other| !self.ends[*other].is_odd).for_each(|other| each(one, other));
        }
        let turned = self.exceptions.iter().map(|(one, other)| (*other, *one));
        let both: HashSet<(u32, u32)> = self.exceptions.iter().copied().chain(turned).collect();
        for (one, other) in both {
            let (one, other) = (one as usize, other as usize);
            let (from, to) = (&self.ends[one], &self.ends[other]);
            if !from.is_odd && !to.is_odd && from.vpc != to.vpc {
                each(one, other);
            }
        }
    }

    /// The verdict of an exception. Within a VPC packets are delivered, unless a table has a route
    /// for a part of a vSwitch.
    fn exact(&self, source: usize, target: usize) -> Verdict {
        let (from, to) = (&self.ends[source], &self.ends[target]);
        // One stretch of the table holds the whole block: no route is for a part of it.
        let plain = |from: &End<'t, 'a>, to: &End<'t, 'a>| {
            from.table.is_none_or(|table| table.lpm::<u32>().stretch_of(to.block.first()).1.contains(to.block.last()))
        };
        let same = from.vpc == to.vpc && !from.is_odd && !to.is_odd;
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
        for shared in slots.chunk_by(|one, other| one.stretch == other.stretch).filter(|shared| shared.len() > 1) {
            for (one, other) in shared.iter().flat_map(|one| shared.iter().map(move |other| (one.end, other.end))) {
                if one != other {
                    let from = &self.vpcs[self.ends[one as usize].vpc as usize].ends;
                    self.exceptions.extend(from.iter().map(|from| (*from, other)));
                }
            }
        }
    }

    /// Gives every end its class, and works out each class once.
    fn classify(&mut self, slots: &[Slot]) {
        let mut known: HashMap<Vec<(Interval<u32>, Lead<'a>)>, u32> = HashMap::new();
        let mut transits: HashMap<&'a str, Class> = HashMap::new();
        for vpc in 0..self.vpcs.len() {
            // Of the VPC's tables, which are few.
            let mut by_table: Vec<(&str, u32)> = Vec::new();
            for number in self.vpcs[vpc].ends.clone() {
                let number = number as usize;
                let switch = self.ends[number].switch;
                let table = self.topology.table_of(switch).unwrap_or_default();
                if let Some((_, class)) = by_table.iter().find(|(known, _)| *known == table) {
                    self.ends[number].class = *class;
                    continue;
                }
                let leads = self.leads(&self.ends[number]);
                let own = leads.iter().any(|(_, lead)| matches!(lead, Lead::Own(_)));
                let class = match known.get(&leads) {
                    Some(class) => *class,
                    None => {
                        let class = self.work_out(switch, &leads, slots, &mut transits);
                        self.classes.push(class);
                        let class = (self.classes.len() - 1) as u32;
                        known.insert(leads, class);
                        class
                    }
                };
                if !own {
                    by_table.push((table, class));
                }
                self.ends[number].class = class;
            }
        }
    }

    /// Where each stretch of a vSwitch's table leads.
    fn leads(&self, end: &End<'t, 'a>) -> Vec<(Interval<u32>, Lead<'a>)> {
        let switch = end.switch;
        let own = || vec![(Interval::FULL, Lead::Own(switch.v_switch_id.as_str()))];
        let Some(vpc) = self.topology.vpcs.get(switch.vpc_id.as_str()) else { return own() };
        if vpc.is_open {
            return own();
        }
        let Some(table) = end.table else { return vec![(Interval::FULL, Lead::Unknown)] };
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
                if topology.is_refused(&peer.scope, "ListVpcPeerConnections", id)
                    || !peer.status.eq_ignore_ascii_case("Activated")
                {
                    return None;
                }
                let far = match (peer.vpc_id.as_str(), peer.accepting_vpc_id.as_str()) {
                    (one, far) | (far, one) if one == vpc.id => far,
                    _ => return None,
                };
                let open = topology.vpcs.get(far).is_none_or(|far| far.is_open) || self.pierced.contains(far);
                (far != vpc.id && !open).then_some(Lead::Peering(far))
            }
            "Attachment" => {
                let attachment = topology.attachments.get(id).copied()?;
                let refused = |action| topology.is_refused(&attachment.scope, action, id);
                let simple = attachment.resource_type.eq_ignore_ascii_case("VPC")
                    && attachment.vpc_id.as_str() == vpc.id
                    && attachment.status.eq_ignore_ascii_case("Attached")
                    && !refused("ListTransitRouterVpcAttachments")
                    && !refused("ListTransitRouterRouteTableAssociations");
                let router = attachment.transit_router_id.as_str();
                let found = topology.routers.get(router).filter(|found| found.status.eq_ignore_ascii_case("Active"))?;
                if !simple || topology.is_refused(&found.scope, "ListTransitRouters", router) {
                    return None;
                }
                let table = topology.associations.get(id)?.iter().find_map(|association| {
                    let table = association.transit_router_route_table_id.as_str();
                    let named = topology.tr_table_names.get(table)?;
                    (association.status.eq_ignore_ascii_case("Active") && named.transit_router_id.as_str() == router)
                        .then_some(table)
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
        transits: &mut HashMap<&'a str, Class>,
    ) -> Class {
        let mut class = Class::new(slots.len());
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
                    let there = self.topology.vpcs.get(vpc).into_iter().flat_map(|vpc| &vpc.switches);
                    let there = there.filter_map(|switch| {
                        self.number(switch.v_switch_id.as_str()).filter(|end| self.ends[*end].switch == *switch)
                    });
                    let there = there.flat_map(|end| &self.slots_of[end]);
                    for slot in there.filter(|slot| (from..to).contains(&(**slot as usize))) {
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
                && let Some(source) = self.number(switch.v_switch_id.as_str())
            {
                self.exceptions.insert((source as u32, slot.end));
            }
        }
    }

    /// Resolves a table of a transit router: which slots packets reach from there.
    fn resolve(&mut self, router: &'a str, id: &'a str, slots: &[Slot]) -> Class {
        let topology = self.topology;
        let mut class = Class::new(slots.len());
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
            if slots.get(next).is_none_or(|slot| slot.stretch.first() > stretch.last()) {
                continue;
            }
            let route = route.and_then(|route| table.routes.get(route as usize));
            let arrival = match route.map(|route| &route.way) {
                None | Some(TrWay::BlackHole) => Arrival::Blocked,
                Some(TrWay::Attachments(all)) => match all[..] {
                    [only] => Arrival::Attachment(only.as_str()),
                    _ => Arrival::Walk,
                },
                Some(TrWay::Other(_)) => Arrival::Walk,
            };
            while let Some(slot) = slots.get(next).filter(|slot| slot.stretch.first() <= stretch.last()) {
                let target = &self.vpcs[self.ends[slot.end as usize].vpc as usize];
                match arrival {
                    Arrival::Blocked => {}
                    Arrival::Attachment(attachment) if target.entrances.contains(&(router, attachment)) => {
                        class.delivered.set(next as u32);
                    }
                    Arrival::Attachment(_) | Arrival::Walk => {
                        self.walk_transit((router, id), next as u32, slot, &mut class)
                    }
                }
                next += 1;
            }
        }
        class
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
        let is_special = |end: &End<'t, 'a>| selected || looping.contains(&end.switch.vpc_id.as_str());
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

/// VPCs of which some table that is asked about what comes in has a route for a part of a vSwitch.
fn pierced<'a>(topology: &Topology<'a>) -> HashSet<&'a str> {
    let asked = |node: &VpcNode<'a>| -> HashSet<&'a str> {
        let attachments = topology.attachments_of.get(node.id).map_or(&[][..], Vec::as_slice);
        let interfaces = attachments.iter().flat_map(|one| &one.v_switch_ids);
        let switches = interfaces.filter_map(|id| topology.switches.get(id.as_str()));
        switches.filter_map(|switch| topology.table_of(switch).ok()).chain(node.tables.iter().copied()).collect()
    };
    let is_pierced = |node: &&VpcNode<'a>| {
        let tables = asked(node);
        let routes = tables.iter().filter_map(|id| topology.tables.get(id)).flat_map(|table| &table.routes);
        routes.into_iter().any(|route| match route.block {
            Block::V4(block) => node.switch_at(block.first()).0.is_some_and(|(_, switch)| is_inside(route, switch)),
            Block::V6(_) => false,
        })
    };
    topology.vpcs.values().filter(is_pierced).map(|node| node.id).collect()
}

/// What is behind a route of a transit router.
#[derive(Clone, Copy, Debug)]
enum Arrival<'a> {
    Blocked,
    /// Whatever is behind this attachment.
    Attachment(&'a str),
    Walk,
}

/// The vSwitches of a VPC.
fn ends_in<'t, 'a>(topology: &'t Topology<'a>, node: &'t VpcNode<'a>, vpc: u32) -> impl Iterator<Item = End<'t, 'a>> {
    let linked =
        topology.endpoints.contains_key(node.id) || topology.is_refused(node.scope, "ListVpcEndpoints", node.id);
    // Of several vSwitches with one id only one counts, wherever it is.
    let counts = |switch: &&'a VSwitch| topology.switches.get(switch.v_switch_id.as_str()) == Some(switch);
    node.switches.iter().copied().filter(counts).filter_map(move |switch| {
        let table = topology.table_of(switch).ok().and_then(|id| topology.tables.get(id));
        let table = table.filter(|table| table.is_readable);
        let is_odd = linked || switch.network_acl_id != Reading::Absent;
        Some(End { switch, block: block_of(switch)?, vpc, table, class: 0, is_odd })
    })
}

/// The attachments behind which is simply this VPC, each with its router.
fn entrances<'a>(topology: &Topology<'a>, vpc: &str) -> Vec<(&'a str, &'a str)> {
    let all = topology.attachments_of.get(vpc).map_or(&[][..], Vec::as_slice);
    let simple = all.iter().copied().filter(|attachment| {
        let id = attachment.transit_router_attachment_id.as_str();
        attachment.resource_type.eq_ignore_ascii_case("VPC")
            && attachment.status.eq_ignore_ascii_case("Attached")
            && topology.attachments.get(id) == Some(attachment)
            && !topology.is_refused(&attachment.scope, "ListTransitRouterVpcAttachments", id)
    });
    simple.map(|one| (one.transit_router_id.as_str(), one.transit_router_attachment_id.as_str())).collect()
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
fn slots(topology: &Topology<'_>, ends: &[End<'_, '_>]) -> Vec<Slot> {
    let mut cuts: Vec<u32> = Vec::new();
    let mut cut = |block: Interval<u32>| {
        cuts.push(block.first());
        cuts.extend(block.last().succ());
    };
    ends.iter().for_each(|end| cut(end.block));
    topology.tables.values().flat_map(|table| table.lpm::<u32>().stretches()).for_each(|(stretch, _)| cut(stretch));
    for connection in topology.connections.values() {
        let texts = connection.local_subnet.split(',').chain(connection.remote_subnet.split(','));
        texts.filter_map(|text| u32::of_block(Block::parse(text.trim()).ok()?)).for_each(&mut cut);
    }
    cuts.sort_unstable();
    cuts.dedup();
    let blocks = || ends.iter().map(|end| end.block);
    let mut cuts = inside(blocks(), cuts.into_iter());
    // Tables of transit routers are long and in order already, and few of their blocks begin inside an end.
    for table in topology.tr_tables.values() {
        cuts.extend(inside(blocks(), table.lpm::<u32>().stretches().map(|(stretch, _)| stretch.first())));
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

/// Of ascending cuts those that are inside one of the ascending blocks: behind its first address, and not behind its last.
fn inside(blocks: impl Iterator<Item = Interval<u32>>, cuts: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut blocks = blocks.peekable();
    // The last address of all blocks that begin before the cut.
    let mut reached = None;
    cuts.filter(|cut| {
        while let Some(block) = blocks.next_if(|block| block.first() < *cut) {
            reached = reached.max(Some(block.last()));
        }
        reached >= Some(*cut)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cut_counts_inside_a_block(
            mut blocks in proptest::collection::vec((0_u32..64, 0_u32..16), 0..12),
            mut cuts in proptest::collection::vec(0_u32..80, 0..24),
        ) {
            blocks.sort_unstable();
            cuts.sort_unstable();
            let blocks: Vec<_> =
                blocks.into_iter().filter_map(|(first, more)| Interval::new(first, first + more)).collect();
            let literal = |cut: &u32| blocks.iter().any(|block| block.first() < *cut && *cut <= block.last());
            let wanted: Vec<u32> = cuts.iter().copied().filter(literal).collect();
            prop_assert_eq!(inside(blocks.iter().copied(), cuts.into_iter()), wanted);
        }
    }
}
