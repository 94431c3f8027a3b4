//! How hostile a seed is: one rate per kind of fault, some of them zero, so that each is also met alone.

use super::prng::Prng;

/// Rates per mille, and times in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    /// A part of a reading fails.
    pub(super) read: u64,
    pub(super) throttle: u64,
    /// A reading lags behind, up to so long.
    pub(super) stale: u64,
    /// A request: refused, lost on its way, lost on the way back, late, accepted and forgotten, slow to take effect.
    pub(super) refused: u64,
    pub(super) lost_before: u64,
    pub(super) lost_after: u64,
    pub(super) late: u64,
    pub(super) never: u64,
    pub(super) slow: u64,
    pub(super) store: u64,
    /// Somebody takes a lease early.
    pub(super) steal: u64,
    pub(super) crash: u64,
    pub(super) pause: u64,
    pub(super) sync: u64,
    /// The keys end, and there are no others.
    pub(super) keys: u64,
    pub(super) clock_jump: u64,
    /// Somebody at the console, at the worst moment.
    pub(super) spite: u64,
    /// Others at the console, at any moment.
    pub(super) people: u64,
    /// From then on all is calm.
    pub(super) calm_at: u64,
}

pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;

impl Weather {
    pub(super) fn draw(prng: &mut Prng) -> Self {
        let mut rate = |of: &[u64]| prng.pick(of, 0);
        Self {
            read: rate(&[0, 0, 5, 15, 50]),
            throttle: rate(&[0, 0, 5, 20]),
            stale: rate(&[0, SECOND, 2 * SECOND]),
            refused: rate(&[0, 0, 30, 100]),
            lost_before: rate(&[0, 0, 50, 150]),
            lost_after: rate(&[0, 0, 50, 200]),
            late: rate(&[0, 0, 50, 200, 400]),
            never: rate(&[0, 0, 30, 150]),
            slow: rate(&[0, 50, 300]),
            store: rate(&[0, 0, 10, 40]),
            steal: rate(&[0, 0, 0, 5]),
            crash: rate(&[0, 0, 2, 8, 20]),
            pause: rate(&[0, 0, 2, 8, 20]),
            sync: rate(&[0, 0, 0, 2]),
            keys: rate(&[0, 0, 0, 20, 100]),
            clock_jump: rate(&[0, 0, 2]),
            spite: rate(&[0, 0, 50, 200, 400]),
            people: rate(&[0, 3, 8, 16]),
            calm_at: rate(&[HOUR, 3 * HOUR, 8 * HOUR, 27 * HOUR]),
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm(&mut self) {
        *self = Self {
            read: 0,
            throttle: 0,
            stale: self.stale,
            refused: 0,
            lost_before: 0,
            lost_after: 0,
            late: 0,
            never: 0,
            slow: self.slow,
            store: 0,
            steal: 0,
            crash: 0,
            pause: 0,
            sync: 0,
            keys: 0,
            clock_jump: 0,
            spite: 0,
            people: 0,
            calm_at: self.calm_at,
        };
    }
}
