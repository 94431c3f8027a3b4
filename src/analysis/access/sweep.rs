//! First match over blocks, decided by counting.
//!
//! Every (priority, action) is a class, numbered so that a smaller class wins: priorities ascend,
//! and within one priority Drop comes before Accept. The sweep walks the ends of all blocks in
//! ascending order and counts for each class how many of its blocks cover the point where it
//! stands; the lowest class with a count decides for the whole stretch up to the next end. There
//! is no limit to the number of rules, and n blocks cost O(n log n).

use crate::netset::{Address, Interval};

/// A priority with an action. The smaller one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(u8);

impl Class {
    /// The last priority there is: 1 to 100 can be set, 110 is that of default rules of old groups.
    pub const MAX_PRIORITY: u8 = 110;
    /// Stronger than any rule that can be read: a Drop whose priority is unknown, at worst.
    pub const STRONGEST_DROP: Self = Self(0);
    /// Stronger than any rule that can be read: an Accept whose priority is unknown, at worst.
    pub const STRONGEST_ACCEPT: Self = Self(1);

    /// The class of a priority and an action. What is beyond [`Self::MAX_PRIORITY`] counts as that.
    pub const fn new(priority: u8, accept: bool) -> Self {
        let priority = if priority > Self::MAX_PRIORITY { Self::MAX_PRIORITY } else { priority };
        Self(2 * priority + accept as u8)
    }

    /// True if the class lets through what it decides.
    pub const fn accepts(self) -> bool {
        self.0 & 1 == 1
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One source block of one rule, for one range of listener ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<A> {
    pub sources: Interval<A>,
    pub ports: Interval<u16>,
    /// Which set of source ports the client must use; 0 is every port.
    pub source_ports: u32,
    pub class: Class,
    /// The rule's number within its stage.
    pub rule: u32,
}

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Classes([u64; 4]);

impl Classes {
    const ACCEPTS: u64 = 0xaaaa_aaaa_aaaa_aaaa;

    pub(super) fn insert(&mut self, class: Class) {
        self.0[class.index() / 64] |= 1 << (class.index() % 64);
    }

    pub(super) fn remove(&mut self, class: Class) {
        self.0[class.index() / 64] &= !(1 << (class.index() % 64));
    }

    /// The strongest class.
    pub(super) fn lowest(&self) -> Option<Class> {
        Self::first_bit(self.0)
    }

    /// The strongest Drop.
    pub(super) fn lowest_drop(&self) -> Option<Class> {
        Self::first_bit(self.0.map(|word| word & !Self::ACCEPTS))
    }

    fn first_bit(words: [u64; 4]) -> Option<Class> {
        for (index, word) in (0_u8..).zip(words) {
            if word != 0 {
                return Some(Class(64 * index + word.trailing_zeros() as u8));
            }
        }
        None
    }
}

/// The memory of a sweep, to be used again.
#[derive(Clone, Debug)]
pub struct Sweep<A: Address> {
    counts: [u32; 256],
    events: Vec<A::Event>,
    admitted: Vec<Interval<A>>,
}

impl<A: Address> Default for Sweep<A> {
    fn default() -> Self {
        Self { counts: [0; 256], events: Vec::new(), admitted: Vec::new() }
    }
}

impl<A: Address> Sweep<A> {
    /// The sources for which the strongest matching entry is an Accept: ascending, disjoint and
    /// not adjacent. Ports and source ports of the entries are the caller's business.
    pub fn admitted<'e>(&mut self, entries: impl Iterator<Item = &'e Entry<A>> + Clone) -> &[Interval<A>] {
        self.admitted.clear();
        self.events.clear();
        // A block that covers everything decides wherever nothing stronger does: what is weaker
        // than the strongest of them need not be looked at.
        let mut count = 0;
        let looked_at = entries.clone().inspect(|_| count += 1);
        let floor = looked_at.filter(|entry| entry.sources.is_full()).map(|entry| entry.class).min();
        self.events.reserve(2 * count);
        for entry in entries.filter(|entry| floor.is_none_or(|floor| entry.class < floor)) {
            self.events.push(A::event(entry.sources.first(), true, entry.class.0));
            // Nothing comes after the last address, so that nothing need end there.
            if let Some(end) = entry.sources.last().succ() {
                self.events.push(A::event(end, false, entry.class.0));
            }
        }
        self.events.sort_unstable();
        self.walk(floor.is_some_and(Class::accepts));
        &self.admitted
    }

    /// The same as a list of its own.
    pub(super) fn take_admitted<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e Entry<A>> + Clone,
    ) -> Vec<Interval<A>> {
        self.admitted(entries);
        std::mem::take(&mut self.admitted)
    }

    /// Walks the sorted events; `otherwise` decides where no class has a count.
    fn walk(&mut self, otherwise: bool) {
        self.counts.fill(0);
        let mut live = Classes::default();
        let mut open = otherwise.then_some(A::MIN);
        let mut events = self.events.iter().copied().peekable();
        while let Some(event) = events.next() {
            let (position, start, class) = A::event_parts(event);
            let count = &mut self.counts[usize::from(class)];
            if start {
                *count += 1;
                live.insert(Class(class));
            } else {
                // Its start was counted at a smaller position.
                *count -= 1;
                if *count == 0 {
                    live.remove(Class(class));
                }
            }
            if events.peek().is_some_and(|next| A::event_parts(*next).0 == position) {
                continue;
            }
            let admits = live.lowest().map_or(otherwise, Class::accepts);
            match open {
                None if admits => open = Some(position),
                Some(first) if !admits => {
                    self.admitted.extend(position.pred().and_then(|last| Interval::new(first, last)));
                    open = None;
                }
                _ => {}
            }
        }
        self.admitted.extend(open.and_then(|first| Interval::new(first, A::MAX)));
    }
}
