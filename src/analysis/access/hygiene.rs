//! Rules that never decide, and rules that decide too much.

use std::collections::BTreeSet;

use crate::{
    model::{Bounds, Family},
    netset::{Address, Interval, all_ports},
};

use super::{
    attribute::{Lanes, State, Visitor, walk},
    lists::Lists,
    rule::{Action, Families, Protocol, ProtocolText, Query, Rule, Scope, SourcePath, read},
    stage::{Group, Groups, merge},
    sweep::{Class, Sweep},
    table::{Bound, RuleTable},
};

/// Whether groups admit a whole family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorldOpen {
    /// Every address of some family gets through.
    pub open: Bounds<bool>,
    /// The same, although no single Accept rule on the port names the whole family.
    pub by_union: Bounds<bool>,
}

/// Whether the groups, merged, admit every address of a family that the query asks about.
pub fn world_open(query: &Query, groups: &Groups<'_>, lists: &Lists<'_>) -> WorldOpen {
    let v4 = match query.families {
        Families::Ipv6 => WorldOpen::default(),
        _ => family_open(query, groups, lists, query.destination_v4.map(u32::from)),
    };
    let v6 = match query.families {
        Families::Ipv4 => WorldOpen::default(),
        _ => family_open(query, groups, lists, query.destination_v6.map(u128::from)),
    };
    let either =
        |one: Bounds<bool>, two: Bounds<bool>| Bounds { lower: one.lower || two.lower, upper: one.upper || two.upper };
    WorldOpen { open: either(v4.open, v6.open), by_union: either(v4.by_union, v6.by_union) }
}

fn family_open<A: Address>(query: &Query, groups: &Groups<'_>, lists: &Lists<'_>, destination: Option<A>) -> WorldOpen {
    let mut table: RuleTable<A> = merge(&groups.groups, query, destination, lists, |_| true);
    if groups.unread || groups.groups.is_empty() {
        table.push_hole(Class::STRONGEST_ACCEPT, Class::STRONGEST_DROP);
    }
    let mut sweep = Sweep::default();
    let mut open = |bound| table.admitted(bound, query.port, &mut sweep).is_full();
    let open = Bounds { lower: open(Bound::Lower), upper: open(Bound::Upper) };
    // A list that adds up to the family is as easily overlooked as rules that do: only a rule's own
    // source names it. Rules are numbered in the order of the groups.
    let rules: Vec<_> = groups.groups.iter().flat_map(|group| &group.rules).collect();
    let own_source = |number: u32| {
        let rule = usize::try_from(number).ok().and_then(|number| rules.get(number));
        rule.is_some_and(|rule| !rule.source_cidr.is_empty() || !rule.source_cidr_v6.is_empty())
    };
    let single = |bound| {
        let mut entries = table.entries(bound).iter().filter(|entry| entry.ports.contains(query.port));
        entries.any(|entry| entry.sources.is_full() && entry.class.accepts() && own_source(entry.rule))
    };
    let by_union = Bounds { lower: open.lower && !single(Bound::Upper), upper: open.upper && !single(Bound::Lower) };
    WorldOpen { open, by_union }
}

/// Names of the Accept rules that certainly match every source of a family on every TCP or UDP
/// port, whatever stronger rules do about it. Sorted.
pub fn admit_everything_rules(groups: &[Group<'_>], lists: &Lists<'_>) -> Vec<String> {
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    let names: BTreeSet<String> = rules
        .filter(|(group, rule)| {
            admits_everything::<u32>(group, rule, lists) || admits_everything::<u128>(group, rule, lists)
        })
        .map(|(group, rule)| rule.name(group.id).into_owned())
        .collect();
    names.into_iter().collect()
}

/// The families of which [`admit_everything_rules`] admit every source.
pub fn admit_everything_families(groups: &[Group<'_>], lists: &Lists<'_>) -> Vec<Family> {
    let any = |admits: fn(&Group<'_>, &super::RuleView<'_>, &Lists<'_>) -> bool| {
        groups.iter().any(|group| group.rules.iter().any(|rule| admits(group, rule, lists)))
    };
    let ipv4 = any(admits_everything::<u32>).then_some(Family::Ipv4);
    let ipv6 = any(admits_everything::<u128>).then_some(Family::Ipv6);
    ipv4.into_iter().chain(ipv6).collect()
}

fn admits_everything<A: Address>(group: &Group<'_>, rule: &super::RuleView<'_>, lists: &Lists<'_>) -> bool {
    [Protocol::Tcp, Protocol::Udp].into_iter().any(|protocol| {
        let classic = group.vpc_id.is_empty();
        matches_everything(read::<A>(rule, &scope(protocol.number(), SourcePath::Internet, classic, lists)))
    })
}

fn matches_everything<A: Address>(rule: Option<Rule<A>>) -> bool {
    rule.is_some_and(|rule| {
        rule.applies
            && rule.action == Some(Action::Accept)
            && rule.sources.smallest().as_slice() == [Interval::FULL]
            && rule.ports.smallest().as_slice() == [all_ports()]
            && !rule.source_ports.smallest().as_slice().is_empty()
    })
}

fn scope<'q, 'a, A>(protocol: u8, path: SourcePath, classic: bool, lists: &'q Lists<'a>) -> Scope<'q, 'a, A> {
    Scope { protocol, path, destination: None, port: None, classic, lists }
}

/// Names of the ingress rules that match something but never decide: for every source, port and
/// protocol that they match, a stronger rule of the groups certainly matches too. Sorted.
///
/// A rule that could not be read shadows nothing by what it may be, and is itself taken for as
/// strong as it may be, so that no rule is called shadowed that may decide. The same goes for
/// rules that are limited to some destinations.
pub fn shadowed_rules(groups: &[Group<'_>], lists: &Lists<'_>) -> Vec<String> {
    let views: Vec<(&Group<'_>, &super::RuleView<'_>)> =
        groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule))).collect();
    let mut search = Search { matching: vec![false; views.len()], deciding: vec![false; views.len()] };
    let classic = groups.iter().any(|group| group.vpc_id.is_empty());
    // Inside of a VPC whatever a rule matches from the internet it matches from inside as well.
    let paths: &[SourcePath] =
        if classic { &[SourcePath::Private, SourcePath::Internet] } else { &[SourcePath::Private] };
    for protocol in protocols(&views) {
        for path in paths {
            let rules =
                |group: &Group<'_>, view| read::<u32>(view, &scope(protocol, *path, group.vpc_id.is_empty(), lists));
            search.family(views.iter().map(|(group, view)| rules(group, view)).collect());
            let rules =
                |group: &Group<'_>, view| read::<u128>(view, &scope(protocol, *path, group.vpc_id.is_empty(), lists));
            search.family(views.iter().map(|(group, view)| rules(group, view)).collect());
        }
    }
    let shadowed = views.iter().enumerate().filter(|(number, _)| search.matching[*number] && !search.deciding[*number]);
    let names: BTreeSet<String> = shadowed.map(|(_, (group, view))| view.name(group.id).into_owned()).collect();
    names.into_iter().collect()
}

/// Every protocol that some rule names, and one that none does, for rules of all protocols. Always
/// the two that have ports: on these a rule of all protocols may be read by its ports.
fn protocols(views: &[(&Group<'_>, &super::RuleView<'_>)]) -> BTreeSet<u8> {
    let mut named: BTreeSet<u8> = views
        .iter()
        .filter_map(|(_, view)| match ProtocolText::read(view.protocol) {
            ProtocolText::Number(number) => Some(number),
            ProtocolText::All | ProtocolText::Unknown => None,
        })
        .collect();
    named.extend([Protocol::Tcp, Protocol::Udp].map(Protocol::number));
    named.extend((0..=u8::MAX).rev().find(|number| !named.contains(number)));
    named
}

/// More visits than this in one family and protocol (listener ports that rules tell apart, times
/// source ports, times blocks) are not made: the vendor allows a thousand rules on an interface,
/// which stay far below.
const MAX_VISITS: usize = 400_000_000;

/// Which rules were found to match something, and to decide somewhere.
struct Search {
    matching: Vec<bool>,
    deciding: Vec<bool>,
}

/// A block of a rule on one listener port and one source port.
struct Piece<A> {
    sources: Interval<A>,
    class: Class,
    rule: usize,
    /// False for what the rule may match but does not for certain.
    counts: bool,
}

impl Search {
    /// Looks at the rules of one family, protocol and path; `None` for those that match nothing.
    fn family<A: Address>(&mut self, rules: Vec<Option<Rule<A>>>) {
        let rules: Vec<(usize, Rule<A>)> =
            rules.into_iter().enumerate().filter_map(|(number, rule)| Some((number, rule?))).collect();
        for (number, _) in &rules {
            self.matching[*number] = true;
        }
        let ports = cuts(rules.iter().flat_map(|(_, rule)| [&rule.ports.largest, rule.ports.smallest()]));
        let source_ports =
            cuts(rules.iter().flat_map(|(_, rule)| [&rule.source_ports.largest, rule.source_ports.smallest()]));
        let blocks: usize = rules.iter().map(|(_, rule)| 2 * rule.sources.largest.as_slice().len()).sum();
        if ports.len().saturating_mul(source_ports.len()).saturating_mul(blocks) > MAX_VISITS {
            // Nothing is called shadowed that was not looked at.
            rules.iter().for_each(|(number, _)| self.deciding[*number] = true);
            return;
        }
        for port in &ports {
            for source_port in &source_ports {
                if rules.iter().all(|(number, _)| self.deciding[*number]) {
                    return;
                }
                self.point(&rules, *port, *source_port);
            }
        }
    }

    fn point<A: Address>(&mut self, rules: &[(usize, Rule<A>)], port: u16, source_port: u16) {
        let mut pieces = Vec::new();
        for (number, rule) in rules {
            collect_pieces(*number, rule, port, source_port, &mut pieces);
        }
        let blocks = pieces.iter().map(|piece| (piece.sources, piece.class, piece.counts));
        walk(blocks, &mut Deciders { pieces: &pieces, deciding: &mut self.deciding, waiting: Lanes::default() });
    }
}

/// One port of every class of ports that the sets tell apart.
fn cuts<'s>(sets: impl Iterator<Item = &'s super::rule::Few<u16>>) -> Vec<u16> {
    let mut cuts = vec![1];
    for range in sets.flat_map(|set| set.as_slice()) {
        cuts.push(range.first());
        cuts.extend(range.last().checked_add(1));
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// What a rule matches for certain counts, in its own class; what it may match waits to be found
/// deciding, in the strongest class it may have.
fn collect_pieces<A: Address>(number: usize, rule: &Rule<A>, port: u16, source_port: u16, pieces: &mut Vec<Piece<A>>) {
    let inside = |set: &super::rule::Few<u16>, port| set.as_slice().iter().any(|range| range.contains(port));
    let certain =
        rule.applies && inside(rule.ports.smallest(), port) && inside(rule.source_ports.smallest(), source_port);
    if let Some(class) = rule.class().filter(|_| certain) {
        let sources = rule.sources.smallest().as_slice().iter();
        pieces.extend(sources.map(|sources| Piece { sources: *sources, class, rule: number, counts: true }));
        if rule.sources.is_exact() {
            return;
        }
    }
    if inside(&rule.ports.largest, port) && inside(&rule.source_ports.largest, source_port) {
        let class = rule.class().unwrap_or(Class::STRONGEST_DROP);
        let sources = rule.sources.largest.as_slice().iter();
        pieces.extend(sources.map(|sources| Piece { sources: *sources, class, rule: number, counts: false }));
    }
}

struct Deciders<'s, A> {
    pieces: &'s [Piece<A>],
    deciding: &'s mut [bool],
    waiting: Lanes,
}

impl<A: Address> Visitor<A> for Deciders<'_, A> {
    fn started(&mut self, index: usize, class: Class) {
        if !self.deciding[self.pieces[index].rule] {
            self.waiting.put(class, index);
        }
    }

    fn stretch(&mut self, _: Interval<A>, state: &State) {
        let strongest = state.live.lowest();
        while let Some(class) = self.waiting.strongest().filter(|class| strongest.is_none_or(|live| *class <= live)) {
            for index in self.waiting.empty(class).filter(|index| state.active[*index]) {
                self.deciding[self.pieces[index].rule] = true;
            }
        }
    }
}
