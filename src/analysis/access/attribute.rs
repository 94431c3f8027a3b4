//! Blame and FixSet of a table of rules.
//!
//! *Blame*: the Accept rules that decide for some untrusted source. *FixSet*: every Accept rule
//! that would expose an untrusted source on its own, that is, some source that it matches is
//! matched by no Drop of its priority or a stronger one. Blame is within FixSet, and FixSet is the
//! unique minimal set of Accept rules whose deletion leaves nothing untrusted: a rule of it that
//! is kept still passes its source, and a survivor that passed one would have been in it.
//!
//! One sweep finds both. An entry waits in the lane of its class from its start on; a stretch that
//! holds an untrusted source empties the lanes that it implicates. Each entry is put into a lane
//! once and taken out once, so that the sweep stays linear after sorting.

use crate::netset::{Address, Interval, RangeSet};

use super::{
    sweep::{Class, Classes, Entry},
    table::{Bound, RuleTable},
};

/// The numbers of rules found, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) blamed: Vec<u32>,
    pub(super) exposing: Vec<u32>,
}

/// Marks the rules of a table, at the upper bound, that let `target` in on a listener port.
pub(super) fn attribute<A: Address>(table: &RuleTable<A>, port: u16, target: &RangeSet<A>) -> Marks {
    let mut marks = Marks::default();
    if target.is_empty() {
        return marks;
    }
    for source_port in table.source_port_atoms(Bound::Upper, port) {
        let mut entries: Vec<&Entry<A>> = Vec::with_capacity(table.entries(Bound::Upper).len());
        entries.extend(table.matching(Bound::Upper, port, source_port));
        mark(&entries, target, &mut marks);
    }
    for numbers in [&mut marks.blamed, &mut marks.exposing] {
        numbers.sort_unstable();
        numbers.dedup();
    }
    marks
}

fn mark<A: Address>(entries: &[&Entry<A>], target: &RangeSet<A>, marks: &mut Marks) {
    let blocks = entries.iter().map(|entry| (entry.sources, entry.class, true));
    let lanes = || Lanes::with_capacity(entries.len());
    for numbers in [&mut marks.blamed, &mut marks.exposing] {
        numbers.reserve(entries.len());
    }
    walk(blocks, &mut Marker { entries, target, marks, deciding: lanes(), exposing: lanes() });
}

struct Marker<'m, A> {
    entries: &'m [&'m Entry<A>],
    target: &'m RangeSet<A>,
    marks: &'m mut Marks,
    deciding: Lanes,
    exposing: Lanes,
}

impl<A: Address> Visitor<A> for Marker<'_, A> {
    fn started(&mut self, index: usize, class: Class) {
        if class.accepts() {
            self.deciding.put(class, index);
            self.exposing.put(class, index);
        }
    }

    fn stretch(&mut self, stretch: Interval<A>, state: &State) {
        if !self.target.meets_interval(stretch) {
            return;
        }
        let rule_of = |index: &usize| self.entries[*index].rule;
        if let Some(class) = state.live.lowest().filter(|class| class.accepts()) {
            let active = self.deciding.empty(class).filter(|index| state.active[*index]);
            self.marks.blamed.extend(active.map(|index| rule_of(&index)));
        }
        let drop = state.live.lowest_drop();
        while let Some(class) = self.exposing.strongest().filter(|class| drop.is_none_or(|drop| *class < drop)) {
            let active = self.exposing.empty(class).filter(|index| state.active[*index]);
            self.marks.exposing.extend(active.map(|index| rule_of(&index)));
        }
    }
}

/// What is live on a stretch.
pub(super) struct State {
    counts: [u32; 256],
    /// Classes of the blocks that count and cover the stretch.
    pub(super) live: Classes,
    /// For each block, whether it covers the stretch.
    pub(super) active: Vec<bool>,
}

/// Follows a walk.
pub(super) trait Visitor<A> {
    /// A block begins.
    fn started(&mut self, index: usize, class: Class);
    /// A stretch that some block covers, and on which nothing begins or ends.
    fn stretch(&mut self, stretch: Interval<A>, state: &State);
}

/// Walks the stretches between the ends of blocks in ascending order. A block is an interval with
/// its class and whether it counts for [`State::live`].
pub(super) fn walk<A: Address>(
    blocks: impl ExactSizeIterator<Item = (Interval<A>, Class, bool)>,
    visitor: &mut impl Visitor<A>,
) {
    let mut state = State { counts: [0; 256], live: Classes::default(), active: vec![false; blocks.len()] };
    let mut events: Vec<(A, bool, usize, Class, bool)> = Vec::with_capacity(2 * blocks.len());
    for (index, (block, class, counts)) in blocks.enumerate() {
        events.push((block.first(), true, index, class, counts));
        events.extend(block.last().succ().map(|end| (end, false, index, class, counts)));
    }
    events.sort_unstable();
    let mut covering = 0_usize;
    let mut events = events.into_iter().peekable();
    while let Some((position, start, index, class, counts)) = events.next() {
        state.active[index] = start;
        if counts {
            state.count(class, start);
        }
        if start {
            covering += 1;
            visitor.started(index, class);
        } else {
            covering -= 1;
        }
        let next = events.peek().map(|(next, ..)| *next);
        if next == Some(position) || covering == 0 {
            continue;
        }
        let last = next.and_then(A::pred).unwrap_or(A::MAX);
        if let Some(stretch) = Interval::new(position, last) {
            visitor.stretch(stretch, &state);
        }
    }
}

impl State {
    fn count(&mut self, class: Class, start: bool) {
        let count = &mut self.counts[class.index()];
        if start {
            *count += 1;
            self.live.insert(class);
            return;
        }
        // Its start was counted at a smaller position.
        *count -= 1;
        if *count == 0 {
            self.live.remove(class);
        }
    }
}

/// Entries that wait, one lane for each class. A lane is a chain through `next`, so that the many
/// lanes that stay empty cost nothing.
pub(super) struct Lanes {
    /// The entry that was put into the lane last; [`END`] if there is none.
    heads: [usize; 256],
    /// For each entry the one that was put into its lane before it.
    next: Vec<usize>,
    filled: Classes,
}

const END: usize = usize::MAX;

impl Default for Lanes {
    fn default() -> Self {
        Self { heads: [END; 256], next: Vec::new(), filled: Classes::default() }
    }
}

impl Lanes {
    fn with_capacity(entries: usize) -> Self {
        Self { next: Vec::with_capacity(entries), ..Self::default() }
    }

    pub(super) fn put(&mut self, class: Class, index: usize) {
        if self.next.len() <= index {
            self.next.resize(index + 1, END);
        }
        self.next[index] = std::mem::replace(&mut self.heads[class.index()], index);
        self.filled.insert(class);
    }

    /// The strongest class with somebody in its lane.
    pub(super) fn strongest(&self) -> Option<Class> {
        self.filled.lowest()
    }

    /// Takes everybody out of a lane, also those whose block has ended.
    pub(super) fn empty(&mut self, class: Class) -> impl Iterator<Item = usize> + '_ {
        self.filled.remove(class);
        let head = std::mem::replace(&mut self.heads[class.index()], END);
        let some = |index| (index != END).then_some(index);
        std::iter::successors(some(head), move |index| some(self.next[*index]))
    }
}
