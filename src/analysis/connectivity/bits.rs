//! Bitmaps of a fixed length, with whole stretches set or copied at a time.

/// A set of numbers below a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// None of `limit` numbers.
    pub(super) fn new(limit: usize) -> Self {
        Self(vec![0; limit.div_ceil(64)])
    }

    /// True if it holds no number.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn get(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Adds the numbers from `from` up to but not including `to`.
    pub(super) fn set_range(&mut self, from: usize, to: usize) {
        self.each_word(from, to, |word, mask, _| *word |= mask);
    }

    /// Takes the numbers in a range over from another set.
    pub(super) fn copy_range(&mut self, other: &Self, from: usize, to: usize) {
        self.each_word(from, to, |word, mask, place| {
            *word = *word & !mask | other.0.get(place).copied().unwrap_or(0) & mask;
        });
    }

    fn each_word(&mut self, from: usize, to: usize, change: impl Fn(&mut u64, u64, usize)) {
        if from >= to {
            return;
        }
        for place in from / 64..=(to - 1) / 64 {
            let low = if place == from / 64 { u64::MAX << (from % 64) } else { u64::MAX };
            let high = if place == (to - 1) / 64 { u64::MAX >> (63 - (to - 1) % 64) } else { u64::MAX };
            if let Some(word) = self.0.get_mut(place) {
                change(word, low & high, place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn ranges_end_where_they_should() {
        for (from, to) in [(0, 0), (0, 1), (3, 64), (3, 65), (63, 64), (64, 128), (60, 200), (0, 200)] {
            let (mut all, mut some) = (Bits::new(200), Bits::new(200));
            all.set_range(from, to);
            let mut full = Bits::new(200);
            full.set_range(0, 200);
            some.copy_range(&full, from, to);
            assert_eq!(all, some);
            for number in 0..200 {
                assert_eq!(all.get(number), (from..to).contains(&(number as usize)), "{number} of {from}..{to}");
            }
            full.copy_range(&Bits::new(200), from, to);
            assert!((0..200).all(|number| full.get(number) != all.get(number)));
        }
    }
}
