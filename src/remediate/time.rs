//! The two clocks that remediation knows: this host's, which never jumps, and the cloud's.
//!
//! The host's wall clock decides nothing: it may jump. Who reads the cloud learns the cloud's time from
//! the reply, and that clock is also the one that refuses expired signatures.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// A moment of the host's monotonic clock, in milliseconds. It counts suspension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub u64);

/// A moment of the cloud's clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CloudTime(pub u64);

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

macro_rules! moment {
    ($name:ident) => {
        impl Add<Duration> for $name {
            type Output = Self;
            fn add(self, span: Duration) -> Self {
                Self(self.0.saturating_add(millis(span)))
            }
        }

        impl Sub for $name {
            type Output = Duration;
            /// Zero where the other moment is later.
            fn sub(self, earlier: Self) -> Duration {
                Duration::from_millis(self.0.saturating_sub(earlier.0))
            }
        }

        impl Sub<Duration> for $name {
            type Output = Self;
            fn sub(self, span: Duration) -> Self {
                Self(self.0.saturating_sub(millis(span)))
            }
        }
    };
}

moment!(Mono);
moment!(CloudTime);

/// What the cloud's clock said in a reply, and when that was by ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    pub cloud: CloudTime,
    /// What the reply cut off: it may be so much later.
    pub grain: Duration,
    /// How much later it is at least, by what readings before have shown.
    pub ahead: Duration,
    /// When the request left.
    pub asked: Mono,
    /// When the reply was there.
    pub answered: Mono,
    /// How far the host's wall clock was from the cloud's, either way.
    pub offset: Duration,
}

impl ClockReading {
    /// The cloud's time is this or later. It is what signatures bear and what fences are measured by: too
    /// early makes a signature die sooner and a fence last longer.
    pub fn earliest(&self, now: Mono) -> CloudTime {
        // One of the two is nothing: it may be asked for a moment before the answer.
        self.cloud + self.ahead + (now - self.answered) - (self.answered - now)
    }

    /// The cloud's time is this or earlier.
    pub fn latest(&self, now: Mono) -> CloudTime {
        self.cloud + self.grain + (now - self.asked)
    }

    /// This reading after another one of the same clock. What was certain stays certain: else a guard that lets something
    /// pass since its time has come would refuse it a moment later. But no further than this reply allows, since clocks
    /// drift, and are set.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let (known, most) = (before.earliest(self.answered), self.latest(self.answered));
        Self { ahead: self.ahead.max(known.min(most) - self.cloud), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply of whole seconds that took 20 ms.
    fn reading(cloud: u64, answered: u64) -> ClockReading {
        ClockReading {
            cloud: CloudTime(cloud),
            grain: Duration::from_secs(1),
            ahead: Duration::ZERO,
            asked: Mono(answered - 20),
            answered: Mono(answered),
            offset: Duration::ZERO,
        }
    }

    /// The cloud's time is 700,000 ms when ours is 100. Every reply says so in whole seconds.
    #[test]
    fn the_time_is_between_its_bounds_and_never_goes_back() {
        let mut last: Option<ClockReading> = None;
        for now in (100..9_000).step_by(90) {
            let told = reading((now + 699_900 - 10) / 1000 * 1000, now);
            let held = last.map_or(told, |before| told.after(&before));
            let real = CloudTime(now + 699_900);
            assert!(held.earliest(Mono(now)) <= real && real <= held.latest(Mono(now)), "{now}: {held:?}");
            if let Some(before) = last {
                assert!(held.earliest(Mono(now)) >= before.earliest(Mono(now)), "{now}: {held:?}");
            }
            last = Some(held);
        }
        // The bound has become as good as the best reply: one that came right after a full second.
        let (held, now) = (last.expect("a reading"), Mono(9_000));
        assert!(CloudTime(now.0 + 699_900) - held.earliest(now) < Duration::from_millis(120), "{held:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_is_believed() {
        let before = reading(900_000, 1_000);
        let after = reading(600_000, 1_500).after(&before);
        assert_eq!((after.earliest(Mono(1_500)), after.latest(Mono(1_500))), (CloudTime(601_020), CloudTime(601_020)));
        let forward = reading(950_000, 1_500).after(&before);
        assert_eq!(forward.earliest(Mono(1_500)), CloudTime(950_000));
    }
}
