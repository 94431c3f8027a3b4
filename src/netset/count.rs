//! How many addresses: one more bit than IPv6 addresses have, and then some.

use std::{
    fmt,
    ops::{Add, Sub},
};

/// A number of addresses. The whole of IPv6 (2^128) does not fit `u128`; this does hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count {
    /// Multiples of 2^128.
    high: u64,
    low: u128,
}

impl Count {
    /// No address.
    pub const ZERO: Self = Self { high: 0, low: 0 };

    /// True for zero.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl From<u64> for Count {
    fn from(number: u64) -> Self {
        Self { high: 0, low: u128::from(number) }
    }
}

impl From<u128> for Count {
    fn from(number: u128) -> Self {
        Self { high: 0, low: number }
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        Self { high: self.high + other.high + u64::from(carry), low }
    }
}

impl Sub for Count {
    type Output = Self;

    /// The difference of a larger and a smaller count.
    fn sub(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high - other.high - u64::from(borrow), low }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Count {
    /// Decimal digits, however many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.high == 0 {
            return fmt::Display::fmt(&self.low, f);
        }
        // Long division by 10^18 over 64-bit limbs, most significant first.
        const CHUNK: u128 = 1_000_000_000_000_000_000;
        let mut limbs = [self.high, (self.low >> 64) as u64, self.low as u64];
        let mut chunks = Vec::new();
        while limbs != [0, 0, 0] {
            let mut remainder = 0_u128;
            for limb in &mut limbs {
                let dividend = (remainder << 64) | u128::from(*limb);
                *limb = (dividend / CHUNK) as u64;
                remainder = dividend % CHUNK;
            }
            chunks.push(remainder);
        }
        let mut digits = chunks.pop().unwrap_or_default().to_string();
        for chunk in chunks.iter().rev() {
            digits.push_str(&format!("{chunk:018}"));
        }
        f.pad_integral(true, "", &digits)
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn counts_beyond_128_bits() {
        let family = Count::from(u128::MAX) + Count::from(1_u64);
        assert_eq!(family.to_string(), "340282366920938463463374607431768211456");
        let both = family + Count::from(1_u64 << 32);
        assert_eq!(both.to_string(), "340282366920938463463374607436063178752");
        assert_eq!(both - family, Count::from(1_u64 << 32));
        assert_eq!((family + family).to_string(), "680564733841876926926749214863536422912");
        assert_eq!(Count::ZERO.to_string(), "0");
    }
}
