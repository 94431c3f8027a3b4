//! Longest prefix match over sorted boundaries. Blocks are nested or apart, so that they cut the
//! address line into stretches on which one block is the longest; a look-up finds the stretch. A
//! large table gets an index over its leading bits, which leaves the search a boundary or two.

use crate::netset::{Address, Interval};

/// For every address the value of the longest block that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lpm<A> {
    /// First address of each stretch; the first stretch begins at the first address.
    starts: Vec<A>,
    /// What decides on each stretch.
    values: Vec<Decision>,
    index: Option<Index<A>>,
}

/// The value of a stretch, if it has one: in one word, so that no look-up depends on a branch that nobody can foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decision(u32);

impl Decision {
    const NONE: Self = Self(u32::MAX);

    fn value(self) -> Option<u32> {
        (self != Self::NONE).then_some(self.0)
    }
}

/// Where to begin the search: for each bucket of addresses the stretch in which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index<A> {
    /// Addresses up to here are in the first stretch.
    first: A,
    shift: u32,
    stretches: Vec<u32>,
}

/// A table of fewer stretches is searched without an index.
const INDEXED_FROM: usize = 32;

/// An index has at most this many buckets: it must not push the table out of the cache.
const MAX_BUCKETS: usize = 1 << 16;

/// Buckets for each stretch of a table.
const BUCKETS_PER_STRETCH: usize = 16;

impl<A: Distance> Lpm<A> {
    /// Blocks with their values, which are below `u32::MAX`. Of equal blocks the one with the smallest value counts.
    pub fn new(mut blocks: Vec<(Interval<A>, u32)>) -> Self {
        // Outer blocks before inner ones.
        blocks.sort_unstable_by_key(|(block, value)| (block.first(), std::cmp::Reverse(block.last()), *value));
        blocks.dedup_by_key(|(block, _)| *block);
        let mut table = Self { starts: vec![A::MIN], values: vec![Decision::NONE], index: None };
        let mut open: Vec<(Interval<A>, u32)> = Vec::new();
        for (block, value) in blocks {
            table.close(&mut open, Some(block.first()));
            table.stretch(block.first(), Decision(value));
            open.push((block, value));
        }
        table.close(&mut open, None);
        table.index = Index::new(&table.starts);
        table
    }

    /// Ends the open blocks that end before `until`.
    fn close(&mut self, open: &mut Vec<(Interval<A>, u32)>, until: Option<A>) {
        while let Some((block, _)) = open.last()
            && until.is_none_or(|until| block.last() < until)
        {
            let end = block.last().succ();
            open.pop();
            if let Some(end) = end {
                self.stretch(end, open.last().map_or(Decision::NONE, |(_, value)| Decision(*value)));
            }
        }
    }

    /// Begins a stretch, or changes the one that begins there.
    fn stretch(&mut self, start: A, value: Decision) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        if self.values.last() != Some(&value) {
            self.starts.push(start);
            self.values.push(value);
        }
    }

    /// The value of the longest block that holds the address.
    pub fn get(&self, address: A) -> Option<u32> {
        self.values[self.place(address)].value()
    }

    /// The value, and all addresses around this one for which it is the same.
    pub fn stretch_of(&self, address: A) -> (Option<u32>, Interval<A>) {
        let place = self.place(address);
        (self.values[place].value(), self.interval(place))
    }

    /// The stretches in ascending order.
    pub fn stretches(&self) -> impl Iterator<Item = (Interval<A>, Option<u32>)> + '_ {
        (0..self.starts.len()).map(|place| (self.interval(place), self.values[place].value()))
    }

    fn interval(&self, place: usize) -> Interval<A> {
        let first = self.starts.get(place).copied().unwrap_or(A::MIN);
        let last = self.starts.get(place + 1).and_then(|next| next.pred()).unwrap_or(A::MAX);
        Interval::new(first, last).unwrap_or(Interval::FULL)
    }

    /// The number of the stretch that holds the address.
    fn place(&self, address: A) -> usize {
        let (from, to) = self.index.as_ref().map_or((0, self.starts.len()), |index| index.search(address));
        // Most buckets lie within one stretch.
        if to - from == 1 {
            return from;
        }
        let starts = self.starts.get(from..to).unwrap_or_default();
        // The first stretch of the search begins at or before the address.
        from + starts.partition_point(|start| *start <= address) - usize::from(!starts.is_empty())
    }
}

impl<A: Distance> Index<A> {
    fn new(starts: &[A]) -> Option<Self> {
        if starts.len() < INDEXED_FROM {
            return None;
        }
        let (first, last) = (*starts.get(1)?, *starts.last()?);
        let wanted = (starts.len() * BUCKETS_PER_STRETCH).next_power_of_two().min(MAX_BUCKETS);
        let shift = (first.width(last)).saturating_sub(wanted.ilog2());
        let buckets = first.bucket(last, shift) + 1;
        let mut stretches = Vec::with_capacity(buckets + 1);
        let mut place = 0_u32;
        for bucket in 0..=buckets {
            // The stretch in which the bucket begins: the last one that begins in an earlier bucket.
            while let Some(start) = starts.get(place as usize + 1)
                && first.bucket(*start, shift) < bucket
            {
                place += 1;
            }
            stretches.push(place);
        }
        Some(Self { first, shift, stretches })
    }

    /// The stretches among which the address is: from, and behind the last.
    fn search(&self, address: A) -> (usize, usize) {
        if address < self.first {
            return (0, 1);
        }
        let bucket = self.first.bucket(address, self.shift).min(self.stretches.len() - 2);
        (self.stretches[bucket] as usize, self.stretches[bucket + 1] as usize + 1)
    }
}

/// An address whose distance from another can number a bucket.
pub trait Distance: Address {
    /// Bits of the distance to an address that is not before this one.
    fn width(self, other: Self) -> u32;
    /// The distance shifted, at most what fits.
    fn bucket(self, other: Self, shift: u32) -> usize;
}

macro_rules! distance {
    ($($number:ty),+) => {$(
        impl Distance for $number {
            fn width(self, other: Self) -> u32 {
                Self::BITS - (other - self).leading_zeros()
            }

            fn bucket(self, other: Self, shift: u32) -> usize {
                usize::try_from((other - self) >> shift).unwrap_or(usize::MAX)
            }
        }
    )+};
}

distance!(u32, u128);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netset::Point;
    use proptest::prelude::*;

    /// Looks at every block.
    fn literal(blocks: &[(Interval<u32>, u32)], address: u32) -> Option<u32> {
        let holding = blocks.iter().filter(|(block, _)| block.contains(address));
        holding.min_by_key(|(block, value)| (block.last() - block.first(), *value)).map(|(_, value)| *value)
    }

    fn block() -> impl Strategy<Value = Interval<u32>> {
        let near = (0_u32..4096, 20_u32..=32).prop_map(|(low, length)| (0x0a00_0000 | low, length));
        prop_oneof![near, (any::<u32>(), 0_u32..=32)].prop_map(|(address, length)| {
            let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
            Interval::new(address & !hosts, address | hosts).expect("a block is not after its end")
        })
    }

    proptest! {
        #[test]
        fn the_longest_block_decides(
            blocks in proptest::collection::vec(block(), 0..120),
            addresses in proptest::collection::vec(any::<u32>(), 8),
        ) {
            let numbered: Vec<_> = blocks.into_iter().zip(0_u32..).collect();
            let table = Lpm::new(numbered.clone());
            let ends = numbered.iter().flat_map(|(block, _)| {
                [Some(block.first()), Some(block.last()), block.first().pred(), block.last().succ()]
            });
            for address in addresses.into_iter().chain(ends.flatten()).chain([0, u32::MAX]) {
                prop_assert_eq!(table.get(address), literal(&numbered, address));
                let (value, stretch) = table.stretch_of(address);
                prop_assert_eq!(value, literal(&numbered, address));
                prop_assert!(stretch.contains(address));
                for end in [stretch.first(), stretch.last()] {
                    prop_assert_eq!(value, literal(&numbered, end));
                }
            }
            let stretches: Vec<_> = table.stretches().collect();
            prop_assert!(stretches.windows(2).all(|two| two[0].0.last().succ() == Some(two[1].0.first())));
        }
    }
}
