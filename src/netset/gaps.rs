//! An allowlist turned inside out: what is *not* trusted, with prefix sums.
//!
//! The residue of an allowed interval is then the part of the gaps that it covers: two cut gaps at
//! its ends and a slice of whole gaps between them. Its size comes from the prefix sums, so
//! it costs O(log n) however large it is; it is written out only where it is printed.

use super::{Address, Interval, RangeSet, block_count};

/// The complement of an allowlist.
#[derive(Clone, Debug)]
pub struct Gaps<A: Address> {
    gaps: RangeSet<A>,
    /// `addresses[i]` is the number of addresses in the first `i` gaps.
    addresses: Vec<A::Sum>,
    /// `blocks[i]` is the number of CIDR blocks in the minimal cover of the first `i` gaps.
    blocks: Vec<u64>,
}

/// What is left of some allowed intervals, without being written out.
#[derive(Clone, Debug, PartialEq)]
pub struct Residue<A: Address> {
    /// For each allowed interval that is not wholly trusted: its share of the gaps.
    pub parts: Vec<Part<A>>,
    /// Number of addresses.
    pub addresses: A::Sum,
    /// Number of blocks in the minimal cover.
    pub blocks: u64,
}

impl<A: Address> Default for Residue<A> {
    fn default() -> Self {
        Self { parts: Vec::new(), addresses: A::Sum::default(), blocks: 0 }
    }
}

/// The gaps that one allowed interval meets, the first and the last cut at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<A> {
    allowed: Interval<A>,
    first_gap: usize,
    /// One past the last.
    end_gap: usize,
}

impl<A: Address> Gaps<A> {
    /// The gaps of an allowlist.
    pub fn new(trusted: &RangeSet<A>) -> Self {
        let gaps = trusted.complement();
        let mut addresses = Vec::with_capacity(gaps.intervals().len() + 1);
        let mut blocks = Vec::with_capacity(gaps.intervals().len() + 1);
        addresses.push(A::Sum::default());
        blocks.push(0);
        let (mut address_sum, mut block_sum) = (A::Sum::default(), 0);
        for gap in gaps.intervals() {
            address_sum = address_sum + gap.first().span(gap.last());
            block_sum += block_count(*gap);
            addresses.push(address_sum);
            blocks.push(block_sum);
        }
        Self { gaps, addresses, blocks }
    }

    /// Everything that is not trusted.
    pub fn untrusted(&self) -> &RangeSet<A> {
        &self.gaps
    }

    /// The residue of allowed intervals, which ascend and are disjoint and not adjacent.
    pub fn residue(&self, allowed: &[Interval<A>]) -> Residue<A> {
        let mut residue = Residue::default();
        self.residue_into(allowed, &mut residue);
        residue
    }

    /// As [`Self::residue`], into a value whose memory is used again.
    pub fn residue_into(&self, allowed: &[Interval<A>], residue: &mut Residue<A>) {
        residue.parts.clear();
        residue.addresses = A::Sum::default();
        residue.blocks = 0;
        for interval in allowed {
            self.add(*interval, residue);
        }
    }

    fn add(&self, allowed: Interval<A>, residue: &mut Residue<A>) {
        let gaps = self.gaps.intervals();
        let first_gap = gaps.partition_point(|gap| gap.last() < allowed.first());
        // An allowed interval is mostly short, so that its end is mostly in the gap of its start.
        let end_gap = match gaps.get(first_gap + 1) {
            Some(next) if next.first() <= allowed.last() => {
                first_gap + 1 + gaps[first_gap + 1..].partition_point(|gap| gap.first() <= allowed.last())
            }
            _ => gaps.len().min(first_gap + 1),
        };
        let Some(first) = gaps[first_gap..end_gap].first().and_then(|gap| gap.intersect(allowed)) else { return };
        residue.addresses = residue.addresses + first.first().span(first.last());
        residue.blocks += block_count(first);
        if end_gap - first_gap > 1 {
            let inner = (first_gap + 1, end_gap - 1);
            residue.addresses = residue.addresses + (self.addresses[inner.1] - self.addresses[inner.0]);
            residue.blocks += self.blocks[inner.1] - self.blocks[inner.0];
            // The last gap begins inside of the allowed interval, and may end behind it.
            let last = gaps[inner.1];
            let cut = last.last().min(allowed.last());
            residue.addresses = residue.addresses + last.first().span(cut);
            residue.blocks += last.first().blocks(cut);
        }
        residue.parts.push(Part { allowed, first_gap, end_gap });
    }

    /// Writes a residue of these gaps out.
    pub fn materialise(&self, residue: &Residue<A>) -> RangeSet<A> {
        let cut = |part: &Part<A>| {
            let allowed = part.allowed;
            self.gaps.intervals()[part.first_gap..part.end_gap].iter().filter_map(move |gap| gap.intersect(allowed))
        };
        RangeSet::from_canonical(residue.parts.iter().flat_map(cut).collect())
    }

    /// The residue of a set, written out. O(log n) for each interval besides what it writes.
    pub fn subtract_from(&self, allowed: &RangeSet<A>) -> RangeSet<A> {
        self.materialise(&self.residue(allowed.intervals()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Gaps, Interval, RangeSet};
    use crate::netset::Address;

    fn sets<A: Address + From<u8>>() -> impl Strategy<Value = RangeSet<A>> {
        // Dense at both ends of the line, where arithmetic goes wrong.
        let point = (any::<u8>(), any::<bool>()).prop_map(|(offset, high)| {
            let mut point = if high { A::MAX } else { A::from(offset) };
            if high {
                for _ in 0..offset {
                    point = point.pred().expect("far from the first");
                }
            }
            point
        });
        proptest::collection::vec((point.clone(), point), 0..10).prop_map(|pairs| {
            pairs.into_iter().map(|(a, b)| Interval::new(a.min(b), a.max(b)).expect("ordered")).collect()
        })
    }

    fn check<A: Address>(allowed: &RangeSet<A>, trusted: &RangeSet<A>) -> Result<(), TestCaseError> {
        let gaps = Gaps::new(trusted);
        let residue = gaps.residue(allowed.intervals());
        let plain = allowed.subtract(trusted);
        prop_assert_eq!(gaps.materialise(&residue), plain.clone());
        prop_assert_eq!(residue.addresses, plain.count());
        prop_assert_eq!(residue.blocks, plain.cover().count() as u64);
        Ok(())
    }

    proptest! {
        #[test]
        fn implicit_residue_is_the_difference(
            allowed in sets::<u32>(), trusted in sets::<u32>(), allowed6 in sets::<u128>(), trusted6 in sets::<u128>()
        ) {
            check(&allowed, &trusted)?;
            check(&allowed6, &trusted6)?;
        }
    }

    #[test]
    fn ends_of_the_line() {
        for allowed in [RangeSet::<u128>::empty(), RangeSet::full()] {
            for trusted in [RangeSet::empty(), RangeSet::full()] {
                check(&allowed, &trusted).expect("equal");
            }
        }
    }
}
