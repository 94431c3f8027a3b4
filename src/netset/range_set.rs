//! Sets of integers as sorted, disjoint, closed intervals with a gap between neighbours.

use super::{Address, Cover, Point};

/// A closed, non-empty interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval<P> {
    first: P,
    last: P,
}

impl<P: Point> Interval<P> {
    /// Every point there is.
    pub const FULL: Self = Self { first: P::MIN, last: P::MAX };

    /// The interval `first..=last`; `None` if it would be empty.
    pub fn new(first: P, last: P) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// A single point.
    pub const fn point(point: P) -> Self {
        Self { first: point, last: point }
    }

    /// The first point.
    pub const fn first(self) -> P {
        self.first
    }

    /// The last point, which is inside.
    pub const fn last(self) -> P {
        self.last
    }

    /// True if the point is inside.
    pub fn contains(self, point: P) -> bool {
        self.first <= point && point <= self.last
    }

    /// What both have in common.
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }

    /// True if it is every point there is.
    pub fn is_full(self) -> bool {
        self.first == P::MIN && self.last == P::MAX
    }

    /// True if `next` begins inside of `self` or right after it; `next` does not begin before `self`.
    fn reaches(self, next: Self) -> bool {
        next.first <= self.last || self.last.succ() == Some(next.first)
    }
}

/// A set of integers. Equal sets have equal representations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RangeSet<P> {
    /// Ascending, disjoint, and never adjacent.
    ranges: Vec<Interval<P>>,
}

impl<P> Default for RangeSet<P> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<P: Point> RangeSet<P> {
    /// The set of nothing.
    pub const fn empty() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The set of every point.
    pub fn full() -> Self {
        Self { ranges: vec![Interval::FULL] }
    }

    /// The union of intervals in any order.
    pub fn from_intervals(mut intervals: Vec<Interval<P>>) -> Self {
        intervals.sort_unstable();
        intervals.dedup_by(|next, kept| {
            let joined = kept.reaches(*next);
            if joined {
                kept.last = kept.last.max(next.last);
            }
            joined
        });
        Self { ranges: intervals }
    }

    /// Takes intervals that are already ascending, disjoint and not adjacent.
    pub(crate) fn from_canonical(ranges: Vec<Interval<P>>) -> Self {
        debug_assert!(ranges.windows(2).all(|pair| !pair[0].reaches(pair[1]) && pair[0].last < pair[1].first));
        Self { ranges }
    }

    /// The intervals, ascending.
    pub fn intervals(&self) -> &[Interval<P>] {
        &self.ranges
    }

    /// True if no point is inside.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// True if every point is inside.
    pub fn is_full(&self) -> bool {
        self.ranges.first().is_some_and(|range| range.is_full())
    }

    /// True if the point is inside. O(log n).
    pub fn contains(&self, point: P) -> bool {
        let index = self.ranges.partition_point(|range| range.last < point);
        self.ranges.get(index).is_some_and(|range| range.first <= point)
    }

    /// Points in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_full() {
            return other.clone();
        }
        if other.is_empty() || self.is_full() {
            return self.clone();
        }
        let mut all = Vec::with_capacity(self.ranges.len() + other.ranges.len());
        all.extend_from_slice(&self.ranges);
        all.extend_from_slice(&other.ranges);
        Self::from_intervals(all)
    }

    /// Points in both. O(n + m).
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.ranges.as_slice(), other.ranges.as_slice());
        let mut both = Vec::new();
        while let ([one, ..], [two, ..]) = (left, right) {
            both.extend(one.intersect(*two));
            if one.last <= two.last {
                left = &left[1..];
            } else {
                right = &right[1..];
            }
        }
        Self::from_canonical(both)
    }

    /// Points in this one only.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        self.intersect(&other.complement())
    }

    /// Points outside.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut outside = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = Some(P::MIN);
        for range in &self.ranges {
            let gap = next.zip(range.first.pred()).and_then(|(first, last)| Interval::new(first, last));
            outside.extend(gap);
            next = range.last.succ();
        }
        outside.extend(next.and_then(|first| Interval::new(first, P::MAX)));
        Self::from_canonical(outside)
    }

    /// True if some point is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.lowest_common(other).is_some()
    }

    /// The lowest interval of the points in both.
    pub(super) fn lowest_common(&self, other: &Self) -> Option<Interval<P>> {
        let (mut left, mut right) = (self.ranges.as_slice(), other.ranges.as_slice());
        while let ([one, ..], [two, ..]) = (left, right) {
            let common = one.intersect(*two);
            if common.is_some() {
                return common;
            }
            if one.last <= two.last {
                left = &left[1..];
            } else {
                right = &right[1..];
            }
        }
        None
    }

    /// True if some point of the interval is inside. O(log n).
    pub fn meets_interval(&self, interval: Interval<P>) -> bool {
        let index = self.ranges.partition_point(|range| range.last < interval.first);
        self.ranges.get(index).is_some_and(|range| range.first <= interval.last)
    }

    /// True if every point of `other` is inside.
    pub fn covers(&self, other: &Self) -> bool {
        other.subtract(self).is_empty()
    }
}

impl<A: Address> RangeSet<A> {
    /// Number of addresses.
    pub fn count(&self) -> A::Sum {
        self.ranges.iter().fold(A::Sum::default(), |sum, range| sum + range.first.span(range.last))
    }

    /// The unique minimal cover by CIDR blocks, ascending.
    pub fn cover(&self) -> impl Iterator<Item = ipnet::IpNet> + '_ {
        self.ranges.iter().flat_map(|range| Cover::of(*range))
    }
}

impl<P: Point> From<Interval<P>> for RangeSet<P> {
    fn from(interval: Interval<P>) -> Self {
        Self { ranges: vec![interval] }
    }
}

impl<P: Point> FromIterator<Interval<P>> for RangeSet<P> {
    fn from_iter<I: IntoIterator<Item = Interval<P>>>(intervals: I) -> Self {
        Self::from_intervals(intervals.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Interval, RangeSet};

    /// Sets over a line short enough to look at every point: 0..64 and the last 64 of `u16`.
    fn sets() -> impl Strategy<Value = RangeSet<u16>> {
        let point = prop_oneof![0_u16..64, (u16::MAX - 63)..=u16::MAX];
        proptest::collection::vec((point.clone(), point), 0..8).prop_map(|pairs| {
            pairs.into_iter().map(|(a, b)| Interval::new(a.min(b), a.max(b)).expect("ordered")).collect()
        })
    }

    fn points() -> impl Iterator<Item = u16> {
        (0..66).chain(u16::MAX - 66..=u16::MAX)
    }

    proptest! {
        #[test]
        fn operations_agree_with_membership(a in sets(), b in sets()) {
            let (union, both, only, not) = (a.union(&b), a.intersect(&b), a.subtract(&b), a.complement());
            for x in points() {
                prop_assert_eq!(union.contains(x), a.contains(x) || b.contains(x));
                prop_assert_eq!(both.contains(x), a.contains(x) && b.contains(x));
                prop_assert_eq!(only.contains(x), a.contains(x) && !b.contains(x));
                prop_assert_eq!(not.contains(x), !a.contains(x));
            }
            prop_assert_eq!(a.meets(&b), !both.is_empty());
            prop_assert_eq!(a.covers(&b), b.subtract(&a).is_empty());
        }

        #[test]
        fn equal_sets_are_equal_values(a in sets(), b in sets()) {
            prop_assert_eq!(a.complement().complement(), a.clone());
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.complement().union(&b.complement()), a.intersect(&b).complement());
        }
    }
}
