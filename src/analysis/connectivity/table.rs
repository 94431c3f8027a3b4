//! Route tables as longest-prefix tables: which entries count, and which of several for one block.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
    net::Ipv4Addr,
};

use ipnet::{IpNet, Ipv4Net};

use crate::{
    model::{NextHop, RouteEntry, RouteTable, TransitRouterAttachmentId, TransitRouterRouteEntry},
    netset::{Address, Block, Interval},
};

use super::{lpm::Lpm, topology::Family, verdict::Code};

/// A route table of a VPC.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    pub(super) noun: &'a RouteTable,
    /// False where it was refused, or an entry that forwards could not be understood: it might be
    /// for any address.
    pub(super) is_readable: bool,
    pub(super) routes: Vec<Route<'a>>,
    v4: Lpm<u32>,
    v6: Lpm<u128>,
}

/// What decides for a block.
#[derive(Clone, Debug)]
pub(super) struct Route<'a> {
    pub(super) block: Block,
    pub(super) way: Way<'a>,
}

/// Where a route leads.
#[derive(Clone, Debug)]
pub(super) enum Way<'a> {
    /// To a vSwitch of the VPC.
    Local,
    /// To the cloud's own services, 100.64.0.0/10.
    CloudService,
    /// To the next hops that are enabled; sorted.
    Hops(Vec<&'a NextHop>),
}

/// Of several entries for one block the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    System,
    Custom,
    Learned,
}

impl Origin {
    fn of(entry: &RouteEntry) -> Self {
        if entry.r#type.eq_ignore_ascii_case("system") {
            return Self::System;
        }
        // An entry without a type was made by somebody.
        if entry.r#type.is_empty() || entry.r#type.eq_ignore_ascii_case("custom") {
            return Self::Custom;
        }
        Self::Learned
    }
}

/// The cloud's own services, to which every VPC has a route.
fn cloud_services() -> Block {
    Block::from(IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10)))
}

impl<'a> Table<'a> {
    pub(super) fn new(noun: &'a RouteTable, refused: bool) -> Self {
        let mut is_readable = !refused;
        let mut best: BTreeMap<BlockKey, (Origin, Route<'a>)> = BTreeMap::new();
        let services = cloud_services();
        best.insert(key(services), (Origin::System, Route { block: services, way: Way::CloudService }));
        for entry in noun.route_entrys.iter().filter(|entry| entry.status.eq_ignore_ascii_case("Available")) {
            let Ok(block) = Block::parse(&entry.destination_cidr_block) else {
                is_readable = false;
                continue;
            };
            let origin = Origin::of(entry);
            let route = Route { block, way: way(entry, origin) };
            match best.entry(key(block)) {
                Entry::Vacant(place) => {
                    place.insert((origin, route));
                }
                Entry::Occupied(mut place) => {
                    let known = place.get_mut();
                    if origin < known.0 {
                        *known = (origin, route);
                    } else if origin == known.0
                        && let (Way::Hops(hops), Way::Hops(more)) = (&mut known.1.way, route.way)
                    {
                        hops.extend(more);
                    }
                }
            }
        }
        let mut routes: Vec<Route<'a>> = best.into_values().map(|(_, route)| route).collect();
        for route in &mut routes {
            if let Way::Hops(hops) = &mut route.way {
                hops.sort_unstable();
                hops.dedup();
            }
        }
        let (v4, v6) = (lpm(routes.iter().map(|route| route.block)), lpm(routes.iter().map(|route| route.block)));
        Self { noun, is_readable, routes, v4, v6 }
    }

    /// The route of the longest block that holds the address, and the addresses around for which
    /// it is the same.
    pub(super) fn route<A: Family>(&self, address: A) -> (Option<&Route<'a>>, Interval<A>) {
        let (number, stretch) = self.lpm::<A>().stretch_of(address);
        (number.and_then(|number| self.routes.get(number as usize)), stretch)
    }

    pub(super) fn lpm<A: Family>(&self) -> &Lpm<A> {
        A::pick(&self.v4, &self.v6)
    }
}

fn way<'a>(entry: &'a RouteEntry, origin: Origin) -> Way<'a> {
    let is_local = |hop: &NextHop| hop.next_hop_type.eq_ignore_ascii_case("local");
    let system = origin == Origin::System && entry.next_hops.iter().all(|hop| hop.next_hop_id.is_empty());
    if system || entry.next_hops.iter().any(is_local) {
        return Way::Local;
    }
    Way::Hops(entry.next_hops.iter().filter(|hop| hop.enabled).collect())
}

/// Sorts blocks; no two blocks have the same.
type BlockKey = (bool, u128, u128);

fn key(block: Block) -> BlockKey {
    match block {
        Block::V4(block) => (false, block.first().into(), block.last().into()),
        Block::V6(block) => (true, block.first(), block.last()),
    }
}

fn lpm<A: Family>(blocks: impl Iterator<Item = Block>) -> Lpm<A> {
    Lpm::new((0..).zip(blocks).filter_map(|(number, block)| Some((A::of_block(block)?, number))).collect())
}

/// A block as people write it.
pub(super) fn prefix(block: Block) -> IpNet {
    fn net<A: Address>(block: Interval<A>) -> IpNet {
        block.first().net(block.first().span_log2(block.last()))
    }
    match block {
        Block::V4(block) => net(block),
        Block::V6(block) => net(block),
    }
}

/// A route table of a transit router.
#[derive(Clone, Debug)]
pub(super) struct TrTable<'a> {
    /// False where an entry that forwards could not be understood, or the table is not settled.
    pub(super) is_readable: bool,
    pub(super) routes: Vec<TrRoute<'a>>,
    v4: Lpm<u32>,
    v6: Lpm<u128>,
    /// Entries that do not forward, for the reason why there is no route.
    dead: Vec<(Block, Code)>,
    dead_v4: Lpm<u32>,
    dead_v6: Lpm<u128>,
}

/// What decides for a block in a transit router.
#[derive(Clone, Debug)]
pub(super) struct TrRoute<'a> {
    pub(super) block: Block,
    pub(super) way: TrWay<'a>,
}

/// Where a route of a transit router leads.
#[derive(Clone, Debug)]
pub(super) enum TrWay<'a> {
    BlackHole,
    /// Sorted.
    Attachments(Vec<&'a TransitRouterAttachmentId>),
    Other(Cow<'a, str>),
}

impl<'a> TrTable<'a> {
    pub(super) fn new(mut entries: Vec<&'a TransitRouterRouteEntry>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        let mut is_readable = true;
        let mut best: BTreeMap<BlockKey, (bool, TrRoute<'a>)> = BTreeMap::new();
        let mut dead: BTreeMap<BlockKey, (Block, Code)> = BTreeMap::new();
        for entry in &entries {
            let Ok(block) = Block::parse(&entry.destination_cidr_block) else {
                is_readable &= !entry.status.eq_ignore_ascii_case("Active");
                continue;
            };
            if !entry.status.eq_ignore_ascii_case("Active") {
                if let Some(code) = dead_code(&entry.status) {
                    let known = dead.entry(key(block)).or_insert((block, code));
                    known.1 = known.1.min(code);
                }
                continue;
            }
            let propagated = !entry.r#type.eq_ignore_ascii_case("static");
            let route = TrRoute { block, way: tr_way(entry) };
            match best.entry(key(block)) {
                Entry::Vacant(place) => {
                    place.insert((propagated, route));
                }
                Entry::Occupied(mut place) => {
                    let known = place.get_mut();
                    if known.0 && !propagated {
                        *known = (propagated, route);
                    } else if propagated == known.0 {
                        known.1.way.add(route.way);
                    }
                }
            }
        }
        let routes: Vec<TrRoute<'a>> = best.into_values().map(|(_, route)| route).collect();
        let dead: Vec<(Block, Code)> = dead.into_values().collect();
        Self {
            is_readable,
            v4: lpm(routes.iter().map(|route| route.block)),
            v6: lpm(routes.iter().map(|route| route.block)),
            dead_v4: lpm(dead.iter().map(|(block, _)| *block)),
            dead_v6: lpm(dead.iter().map(|(block, _)| *block)),
            routes,
            dead,
        }
    }

    /// The route of the longest block that holds the address, and the addresses around for which
    /// it is the same.
    pub(super) fn route<A: Family>(&self, address: A) -> (Option<&TrRoute<'a>>, Interval<A>) {
        let (number, stretch) = self.lpm::<A>().stretch_of(address);
        (number.and_then(|number| self.routes.get(number as usize)), stretch)
    }

    /// Why the longest entry that does not forward does not.
    pub(super) fn dead<A: Family>(&self, address: A) -> (Option<Code>, Interval<A>) {
        let (number, stretch) = A::pick(&self.dead_v4, &self.dead_v6).stretch_of(address);
        (number.and_then(|number| self.dead.get(number as usize)).map(|(_, code)| *code), stretch)
    }

    pub(super) fn lpm<A: Family>(&self) -> &Lpm<A> {
        A::pick(&self.v4, &self.v6)
    }
}

impl<'a> TrWay<'a> {
    /// Of two entries for one block and origin a black hole counts, then what is not understood.
    fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::BlackHole, _) => {}
            (_, Self::BlackHole) => *self = Self::BlackHole,
            (Self::Attachments(known), Self::Attachments(more)) => {
                known.extend(more);
                known.sort_unstable();
                known.dedup();
            }
            (Self::Other(_), _) => {}
            (_, other @ Self::Other(_)) => *self = other,
        }
    }
}

fn tr_way(entry: &TransitRouterRouteEntry) -> TrWay<'_> {
    if entry.next_hop_type.eq_ignore_ascii_case("blackhole") {
        return TrWay::BlackHole;
    }
    if entry.next_hop_type.eq_ignore_ascii_case("attachment") {
        return TrWay::Attachments(vec![&entry.next_hop_id]);
    }
    TrWay::Other(Cow::Borrowed(entry.next_hop_type.as_str()))
}

/// `None` for an entry that is only being made or unmade.
fn dead_code(status: &str) -> Option<Code> {
    let codes = [
        ("Rejected", Code::TrRouteRejected),
        ("Prohibited", Code::TrRouteProhibited),
        ("Standby", Code::TrRouteStandby),
        ("Candidate", Code::TrRouteCandidate),
    ];
    codes.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(status)).map(|(_, code)| code)
}
