//! The minimal cover of an interval by CIDR blocks.

use std::iter::FusedIterator;

use ipnet::IpNet;

use super::{Address, Interval};

/// Writes an interval as CIDR blocks, ascending: always the largest block that is aligned at the
/// cursor and fits. On maximal intervals the result is the unique minimal prefix cover, at most 62
/// blocks for IPv4 and 254 for IPv6.
#[derive(Clone, Debug)]
pub struct Cover<A> {
    rest: Option<Interval<A>>,
}

impl<A: Address> Cover<A> {
    /// The cover of one interval.
    pub fn of(interval: Interval<A>) -> Self {
        Self { rest: Some(interval) }
    }
}

impl<A: Address> Iterator for Cover<A> {
    type Item = IpNet;

    fn next(&mut self) -> Option<IpNet> {
        let rest = self.rest?;
        let k = rest.first().trailing_zeros().min(rest.first().span_log2(rest.last()));
        let next = rest.first().block_last(k).succ();
        self.rest = next.and_then(|first| Interval::new(first, rest.last()));
        Some(rest.first().net(k))
    }
}

impl<A: Address> FusedIterator for Cover<A> {}

/// Number of blocks in the minimal cover of an interval, without writing them out.
pub fn block_count<A: Address>(interval: Interval<A>) -> u64 {
    interval.first().blocks(interval.last())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Address, Cover, Interval, block_count};
    use crate::netset::{Block, RangeSet};

    fn check<A: Address>(a: A, b: A) -> Result<(), TestCaseError> {
        let interval = Interval::new(a.min(b), a.max(b)).expect("ordered");
        let blocks: Vec<_> = Cover::of(interval).collect();
        prop_assert_eq!(blocks.len() as u64, block_count(interval));
        prop_assert!(blocks.len() <= 2 * A::BITS as usize - 2);
        let again: RangeSet<A> =
            blocks.iter().map(|net| A::of_block(Block::from(*net)).expect("same family")).collect();
        prop_assert_eq!(again.intervals(), &[interval]);
        // Minimal: a tree-based aggregator finds nothing to merge.
        prop_assert_eq!(ipnet::IpNet::aggregate(&blocks).len(), blocks.len());
        Ok(())
    }

    proptest! {
        #[test]
        fn covers_are_exact_and_minimal(a in any::<u32>(), b in any::<u32>(), c in any::<u128>(), d in any::<u128>()) {
            check(a, b)?;
            check(c, d)?;
            check(a & 0xff, b & 0xff)?;
            check(a | 0xffff_ff00, b)?;
            check(c | u128::MAX << 8, d)?;
        }
    }

    #[test]
    fn whole_families_are_one_block() {
        let cover = |text: Vec<ipnet::IpNet>| text.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(cover(Cover::of(Interval::<u32>::FULL).collect()), "0.0.0.0/0");
        assert_eq!(cover(Cover::of(Interval::<u128>::FULL).collect()), "::/0");
        assert_eq!(block_count(Interval::<u128>::FULL), 1);
        let worst = Interval::new(1, u32::MAX - 1).expect("ordered");
        assert_eq!(block_count(worst), 62);
        let worst = Interval::new(1, u128::MAX - 1).expect("ordered");
        assert_eq!(block_count(worst), 254);
    }
}
