//! The rules of a stage laid out for the sweep, once for each bound.

use crate::netset::{Address, Interval, PortSet, RangeSet, all_ports};

use super::{
    rule::{Action, Few, Rule},
    sweep::{Class, Entry, Sweep},
};

/// The number of what admits or drops without being a rule: the implicit accept of a network load
/// balancer, or groups that could not be read.
pub(super) const HOLE: u32 = u32::MAX;

/// Which end of what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Lower,
    Upper,
}

/// The entries of all rules of a stage, for one protocol, one path and one family.
#[derive(Clone, Debug)]
pub(super) struct RuleTable<A> {
    upper: Vec<Entry<A>>,
    /// `None` while both bounds are the same.
    lower: Option<Vec<Entry<A>>>,
    /// The sets of source ports that entries refer to by their numbers less one; 0 is every port.
    source_ports: Vec<PortSet>,
    /// Rules with the listener ports on which their effect cannot be told.
    unresolved: Vec<(u32, PortSet)>,
}

impl<A: Address> Default for RuleTable<A> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<A: Address> RuleTable<A> {
    /// An empty table with room for some entries.
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self { upper: Vec::with_capacity(entries), lower: None, source_ports: Vec::new(), unresolved: Vec::new() }
    }

    /// Adds an entry that is certain.
    fn push(&mut self, entry: Entry<A>) {
        self.upper.push(entry);
        if let Some(lower) = &mut self.lower {
            lower.push(entry);
        }
    }

    /// Adds something that admits (or, at the lower bound, drops) every source on every port.
    pub(super) fn push_hole(&mut self, upper: Class, lower: Class) {
        let entry = |class| Entry { sources: Interval::FULL, ports: all_ports(), source_ports: 0, class, rule: HOLE };
        if upper == lower {
            return self.push(entry(upper));
        }
        self.split_bounds().push(entry(lower));
        self.upper.push(entry(upper));
    }

    /// Adds a rule.
    pub(super) fn push_rule(&mut self, number: u32, rule: &Rule<A>) {
        if rule.is_readable() && rule.ports.is_exact() {
            let class = rule.class().unwrap_or(Class::STRONGEST_DROP);
            let source_ports = self.source_port_set(&rule.source_ports.largest);
            return emit(rule.sources.largest.as_slice(), rule.ports.largest.as_slice(), |sources, ports| {
                self.push(Entry { sources, ports, source_ports, class, rule: number });
            });
        }
        self.unresolved.push((number, rule.unresolved_ports()));
        self.split_bounds();
        for bound in [Bound::Upper, Bound::Lower] {
            self.push_bound(number, rule, bound);
        }
    }

    /// What an uncertain rule is at one bound: an Accept is largest at the upper bound, a Drop at
    /// the lower one; what is neither for certain is the strongest Accept or the strongest Drop.
    fn push_bound(&mut self, number: u32, rule: &Rule<A>, bound: Bound) {
        let helpful = match bound {
            Bound::Upper => Action::Accept,
            Bound::Lower => Action::Drop,
        };
        let large = rule.action.is_none_or(|action| action == helpful);
        let class = match (rule.class(), bound) {
            (Some(class), _) => class,
            // At its smallest a rule of unknown strength decides nothing.
            (None, _) if !large => return,
            (None, Bound::Upper) => Class::STRONGEST_ACCEPT,
            (None, Bound::Lower) => Class::STRONGEST_DROP,
        };
        if !large && !rule.applies {
            return;
        }
        let (sources, ports, source_ports) = if large {
            (&rule.sources.largest, &rule.ports.largest, &rule.source_ports.largest)
        } else {
            (rule.sources.smallest(), rule.ports.smallest(), rule.source_ports.smallest())
        };
        if source_ports.as_slice().is_empty() {
            return;
        }
        let source_ports = self.source_port_set(source_ports);
        let entries = match bound {
            Bound::Upper => &mut self.upper,
            Bound::Lower => self.lower.get_or_insert_default(),
        };
        emit(sources.as_slice(), ports.as_slice(), |sources, ports| {
            entries.push(Entry { sources, ports, source_ports, class, rule: number });
        });
    }

    /// From here on the bounds differ.
    fn split_bounds(&mut self) -> &mut Vec<Entry<A>> {
        self.lower.get_or_insert_with(|| self.upper.clone())
    }

    /// The number of a set of source ports. Nearly all rules share a few; where they do not, a set
    /// that was last seen long ago is stored again rather than searched for.
    fn source_port_set(&mut self, ports: &Few<u16>) -> u32 {
        const LOOK_BACK: usize = 64;
        let same = |set: &PortSet| set.intervals() == ports.as_slice();
        if ports.as_slice() == [all_ports()] {
            return 0;
        }
        let recent = self.source_ports.len().saturating_sub(LOOK_BACK);
        let known = self.source_ports[recent..].iter().position(same).map(|index| recent + index);
        let index = known.unwrap_or_else(|| {
            self.source_ports.push(ports.to_set());
            self.source_ports.len() - 1
        });
        u32::try_from(index + 1).expect("four billion sets do not fit into memory")
    }

    /// True if both bounds are the same on every port.
    pub(super) fn is_exact(&self) -> bool {
        self.lower.is_none()
    }

    /// Numbers of the rules whose effect on the listener port cannot be told.
    pub(super) fn unresolved(&self, port: u16) -> impl Iterator<Item = u32> + '_ {
        self.unresolved.iter().filter(move |(_, ports)| ports.contains(port)).map(|(number, _)| *number)
    }

    /// The entries of one bound.
    pub(super) fn entries(&self, bound: Bound) -> &[Entry<A>] {
        match (bound, &self.lower) {
            (Bound::Lower, Some(lower)) => lower,
            _ => &self.upper,
        }
    }

    /// One source port of every class of source ports that the entries on a listener port tell
    /// apart. A client picks its own, so that each must be looked at.
    pub(super) fn source_port_atoms(&self, bound: Bound, port: u16) -> Vec<u16> {
        let mut cuts = vec![1];
        if !self.source_ports.is_empty() {
            let on_port = self.entries(bound).iter().filter(|entry| entry.ports.contains(port));
            let mut sets: Vec<u32> = on_port.map(|entry| entry.source_ports).collect();
            sets.sort_unstable();
            sets.dedup();
            for range in sets.iter().filter_map(|set| self.source_ports_of(*set)).flat_map(PortSet::intervals) {
                cuts.push(range.first());
                cuts.extend(range.last().checked_add(1));
            }
            cuts.sort_unstable();
            cuts.dedup();
        }
        cuts
    }

    /// The entries that match a listener port and a source port.
    pub(super) fn matching(
        &self,
        bound: Bound,
        port: u16,
        source_port: u16,
    ) -> impl Iterator<Item = &Entry<A>> + Clone + '_ {
        self.entries(bound).iter().filter(move |entry| {
            entry.ports.contains(port)
                && self.source_ports_of(entry.source_ports).is_none_or(|set| set.contains(source_port))
        })
    }

    /// A set of source ports by its number; `None` for every port.
    fn source_ports_of(&self, number: u32) -> Option<&PortSet> {
        Some(&self.source_ports[number.checked_sub(1)? as usize])
    }

    /// The sources that would get through at the upper bound without some rules.
    pub(super) fn admitted_without(&self, rules: &[u32], port: u16, sweep: &mut Sweep<A>) -> RangeSet<A> {
        let mut admitted = Vec::new();
        for atom in self.source_port_atoms(Bound::Upper, port) {
            let kept = self.matching(Bound::Upper, port, atom).filter(|entry| !rules.contains(&entry.rule));
            admitted.extend_from_slice(sweep.admitted(kept));
        }
        RangeSet::from_intervals(admitted)
    }

    /// The sources that get through on a listener port with some source port.
    pub(super) fn admitted(&self, bound: Bound, port: u16, sweep: &mut Sweep<A>) -> RangeSet<A> {
        let atoms = self.source_port_atoms(bound, port);
        if let [atom] = atoms[..] {
            return RangeSet::from_canonical(sweep.take_admitted(self.matching(bound, port, atom)));
        }
        let mut admitted = Vec::new();
        for atom in atoms {
            admitted.extend_from_slice(sweep.admitted(self.matching(bound, port, atom)));
        }
        RangeSet::from_intervals(admitted)
    }
}

fn emit<A: Address>(
    sources: &[Interval<A>],
    ports: &[Interval<u16>],
    mut push: impl FnMut(Interval<A>, Interval<u16>),
) {
    for ports in ports {
        for sources in sources {
            push(*sources, *ports);
        }
    }
}
