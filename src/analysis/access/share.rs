//! How much of a residue each blamed rule answers for.

use std::{borrow::Cow, collections::BTreeMap};

use crate::netset::{Address, AddressSet, Count, Gaps, Interval, RangeSet};

use super::{
    attribute::{State, Visitor, walk},
    evaluate::{Trusted, untrusted_at},
    lists::Lists,
    rule::{Families, Query},
    stage::{Rules, Stage, StageSets, names, prepare},
    sweep::{Class, Entry, Sweep},
    table::{Bound, HOLE, RuleTable},
};

/// What one blamed rule does, at the upper bound of what could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The rule's id, as in the blame.
    pub rule: String,
    /// Addresses that nobody trusts and all other stages admit, and for which the rule decides on
    /// some source port. Rules of one priority decide together, so that shares may overlap.
    pub addresses: Count,
    /// True if there is less residue without this one rule. Where it is false, another rule admits
    /// the same addresses as soon as this one is gone.
    pub alone: bool,
}

/// More steps than this are not made: blocks on the port, times blocks and gaps of the allowlist,
/// times source ports that rules tell apart. The vendor allows a thousand rules on an interface,
/// which stay far below.
const MAX_STEPS: usize = 50_000_000;

/// The shares of all blamed rules, ascending by their ids. `None` where there are too many rules
/// to say.
pub fn shares(query: &Query, stages: &[Stage<'_>], lists: &Lists<'_>, trusted: &Trusted) -> Option<Vec<Share>> {
    let v4 = match query.families {
        Families::Ipv6 => BTreeMap::new(),
        _ => family(query, stages, lists, &trusted.v4, query.destination_v4.map(u32::from))?,
    };
    let v6 = match query.families {
        Families::Ipv4 => BTreeMap::new(),
        _ => family(query, stages, lists, &trusted.v6, query.destination_v6.map(u128::from))?,
    };
    let mut parts: BTreeMap<Cow<'_, str>, (AddressSet, bool)> = BTreeMap::new();
    for (rule, part) in v4 {
        let (decided, alone) = parts.entry(rule).or_default();
        decided.v4 = part.decided;
        *alone |= part.alone;
    }
    for (rule, part) in v6 {
        let (decided, alone) = parts.entry(rule).or_default();
        decided.v6 = part.decided;
        *alone |= part.alone;
    }
    let share = |(rule, (decided, alone)): (Cow<'_, str>, (AddressSet, bool))| Share {
        rule: rule.into_owned(),
        addresses: decided.count(),
        alone,
    };
    Some(parts.into_iter().map(share).collect())
}

/// A rule's share of one family.
#[derive(Debug)]
struct Part<A> {
    decided: RangeSet<A>,
    alone: bool,
}

impl<A: Address> Default for Part<A> {
    fn default() -> Self {
        Self { decided: RangeSet::empty(), alone: false }
    }
}

/// Rules of one name, and where they decide.
struct Named<A> {
    numbers: Vec<u32>,
    decided: Vec<Interval<A>>,
}

impl<A> Default for Named<A> {
    fn default() -> Self {
        Self { numbers: Vec::new(), decided: Vec::new() }
    }
}

fn family<'q, A: Address>(
    query: &Query,
    stages: &[Stage<'q>],
    lists: &Lists<'_>,
    gaps: &Gaps<A>,
    destination: Option<A>,
) -> Option<BTreeMap<Cow<'q, str>, Part<A>>> {
    let stages: Vec<StageSets<'_, 'q, A>> =
        stages.iter().map(|stage| prepare(stage, query, destination, lists)).collect();
    let mut parts: BTreeMap<Cow<'q, str>, Part<A>> = BTreeMap::new();
    for (index, stage) in stages.iter().enumerate() {
        let Some(Rules { table, groups, inner }) = stage.rules() else { continue };
        let target = untrusted_at(&stages, index, gaps);
        // Members of a group reach each other without any rule.
        let by_rules = inner.iter().fold(target.clone().into_owned(), |left, (_, members)| left.subtract(members));
        let blocks = table.entries(Bound::Upper).len();
        let atoms = table.source_port_atoms(Bound::Upper, query.port).len();
        if blocks.saturating_mul(2 * blocks + target.intervals().len()).saturating_mul(atoms) > MAX_STEPS {
            return None;
        }
        let decided = decided(table, query.port, &target);
        let numbers: Vec<u32> = decided.keys().copied().collect();
        let mut by_name: BTreeMap<Cow<'q, str>, Named<A>> = BTreeMap::new();
        for (name, (number, intervals)) in names(groups, &numbers).into_iter().zip(decided) {
            let named = by_name.entry(name).or_default();
            named.numbers.push(number);
            named.decided.extend(intervals);
        }
        let mut sweep = Sweep::default();
        let mut residue =
            |without: &[u32]| table.admitted_without(without, query.port, &mut sweep).intersect(&by_rules);
        let before = residue(&[]);
        for (name, Named { numbers, decided }) in by_name {
            let part = parts.entry(name).or_default();
            part.decided = part.decided.union(&RangeSet::from_intervals(decided));
            part.alone |= residue(&numbers) != before;
        }
    }
    Some(parts)
}

/// For every rule that decides for a target on some source port, where it does.
fn decided<A: Address>(table: &RuleTable<A>, port: u16, target: &RangeSet<A>) -> BTreeMap<u32, Vec<Interval<A>>> {
    let mut found = BTreeMap::new();
    for source_port in table.source_port_atoms(Bound::Upper, port) {
        let entries: Vec<&Entry<A>> = table.matching(Bound::Upper, port, source_port).collect();
        let blocks = entries.iter().map(|entry| (entry.sources, entry.class, true));
        walk(blocks, &mut Decided { entries: &entries, target, found: &mut found });
    }
    found
}

struct Decided<'m, A> {
    entries: &'m [&'m Entry<A>],
    target: &'m RangeSet<A>,
    found: &'m mut BTreeMap<u32, Vec<Interval<A>>>,
}

impl<A: Address> Visitor<A> for Decided<'_, A> {
    fn started(&mut self, _: usize, _: Class) {}

    fn stretch(&mut self, stretch: Interval<A>, state: &State) {
        let Some(class) = state.live.lowest().filter(|class| class.accepts()) else { return };
        let target = RangeSet::from(stretch).intersect(self.target);
        if target.is_empty() {
            return;
        }
        let deciders =
            self.entries.iter().enumerate().filter(|(index, entry)| state.active[*index] && entry.class == class);
        for (_, entry) in deciders.filter(|(_, entry)| entry.rule != HOLE) {
            self.found.entry(entry.rule).or_default().extend_from_slice(target.intervals());
        }
    }
}
