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
        self.cloud + (now - self.answered)
    }

    /// The cloud's time is this or earlier.
    pub fn latest(&self, now: Mono) -> CloudTime {
        self.cloud + (now - self.asked)
    }
}
