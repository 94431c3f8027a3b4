//! The numbers that sets are made of: ports (`u16`), IPv4 (`u32`) and IPv6 (`u128`) addresses.

use std::{
    fmt::Debug,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::{Add, Sub},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{AddressSet, Block, Count, Interval, RangeSet};

/// A point on a bounded line of integers.
pub trait Point: Copy + Ord + Hash + Debug + Send + Sync + 'static {
    /// The first point.
    const MIN: Self;
    /// The last point.
    const MAX: Self;
    /// The point after this one, unless this is the last.
    fn succ(self) -> Option<Self>;
    /// The point before this one, unless this is the first.
    fn pred(self) -> Option<Self>;
}

/// An address of one family.
pub trait Address: Point {
    /// Width in bits.
    const BITS: u32;
    /// True for IPv4.
    const IS_V4: bool;
    /// Wide enough for the number of all addresses of the family.
    type Sum: Copy + Default + Debug + PartialEq + Add<Output = Self::Sum> + Sub<Output = Self::Sum> + Into<Count>;
    /// What the sweep sorts: position, then start or end with its class.
    type Event: Copy + Ord + Send;

    /// Number of zero bits at the low end; [`Self::BITS`] for the zero address.
    fn trailing_zeros(self) -> u32;
    /// Number of addresses from `self` to `last`, both counted. `self <= last` is the caller's duty.
    fn span(self, last: Self) -> Self::Sum;
    /// The largest `k` such that 2^k addresses fit between `self` and `last`, both counted.
    fn span_log2(self, last: Self) -> u32;
    /// The last address of the block of 2^`k` addresses that begins at `self`, which is aligned to it.
    fn block_last(self, k: u32) -> Self;
    /// Number of blocks in the minimal cover of `self..=last`.
    fn blocks(self, last: Self) -> u64;
    /// True where a host of this number is unlikely: a zero last octet (IPv4) or lower half (IPv6).
    fn looks_like_network(self) -> bool;
    /// The block of 2^`k` addresses that begins at `self`, which is aligned to it.
    fn net(self, k: u32) -> IpNet;
    /// The address itself.
    fn ip(self) -> IpAddr;
    /// The part of a set that is of this family.
    fn part_of(set: &AddressSet) -> &RangeSet<Self>;
    /// The block's interval, if it is of this family.
    fn of_block(block: Block) -> Option<Interval<Self>>;
    /// Packs an event so that events sort by position.
    fn event(position: Self, start: bool, class: u8) -> Self::Event;
    /// The parts of [`Self::event`].
    fn event_parts(event: Self::Event) -> (Self, bool, u8);
}

macro_rules! point {
    ($($number:ty),+) => {$(
        impl Point for $number {
            const MIN: Self = <$number>::MIN;
            const MAX: Self = <$number>::MAX;

            fn succ(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn pred(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )+};
}

point!(u16, u32, u128);

/// The members that differ between the families in nothing but the integer.
macro_rules! address_arithmetic {
    ($number:ty) => {
        const BITS: u32 = <$number>::BITS;

        fn trailing_zeros(self) -> u32 {
            <$number>::trailing_zeros(self)
        }

        fn span_log2(self, last: Self) -> u32 {
            // 2^BITS addresses do not fit the integer: only the whole family has that many.
            (last - self).checked_add(1).map_or(Self::BITS, <$number>::ilog2)
        }

        fn block_last(self, k: u32) -> Self {
            // 2^k - 1 without shifting by the full width.
            self | <$number>::MAX.checked_shr(Self::BITS - k).unwrap_or(0)
        }

        fn blocks(self, last: Self) -> u64 {
            // Let m be the multiple of the highest power of two that splits self..last+1: left of
            // it blocks grow, right of it they shrink, one for each set bit of either length.
            let Some(end) = last.checked_add(1) else {
                return u64::from(if self == 0 { 1 } else { self.wrapping_neg().count_ones() });
            };
            let differing = (self ^ end).ilog2();
            let middle = (end >> differing) << differing;
            u64::from((middle - self).count_ones() + (end - middle).count_ones())
        }
    };
}

impl Address for u32 {
    address_arithmetic!(u32);
    const IS_V4: bool = true;
    type Sum = u64;
    /// position:32 | start:1 | class:8, in the low 41 bits.
    type Event = u64;

    fn span(self, last: Self) -> u64 {
        u64::from(last - self) + 1
    }

    fn looks_like_network(self) -> bool {
        self & 0xff == 0
    }

    fn net(self, k: u32) -> IpNet {
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from(self), (Self::BITS - k) as u8))
    }

    fn ip(self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(self))
    }

    fn part_of(set: &AddressSet) -> &RangeSet<Self> {
        &set.v4
    }

    fn of_block(block: Block) -> Option<Interval<Self>> {
        match block {
            Block::V4(interval) => Some(interval),
            Block::V6(_) => None,
        }
    }

    fn event(position: Self, start: bool, class: u8) -> u64 {
        (u64::from(position) << 9) | (u64::from(start) << 8) | u64::from(class)
    }

    fn event_parts(event: u64) -> (Self, bool, u8) {
        ((event >> 9) as u32, event & 0x100 != 0, event as u8)
    }
}

impl Address for u128 {
    address_arithmetic!(u128);
    const IS_V4: bool = false;
    type Sum = Count;
    type Event = (u128, bool, u8);

    fn span(self, last: Self) -> Count {
        Count::from(last - self) + Count::from(1_u128)
    }

    fn looks_like_network(self) -> bool {
        self as u64 == 0
    }

    fn net(self, k: u32) -> IpNet {
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from(self), (Self::BITS - k) as u8))
    }

    fn ip(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self))
    }

    fn part_of(set: &AddressSet) -> &RangeSet<Self> {
        &set.v6
    }

    fn of_block(block: Block) -> Option<Interval<Self>> {
        match block {
            Block::V6(interval) => Some(interval),
            Block::V4(_) => None,
        }
    }

    fn event(position: Self, start: bool, class: u8) -> (u128, bool, u8) {
        (position, start, class)
    }

    fn event_parts(event: (u128, bool, u8)) -> (Self, bool, u8) {
        event
    }
}
