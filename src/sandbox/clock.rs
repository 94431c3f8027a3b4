//! The time of a simulated cloud: real time for dates and signatures, scaled time for what the cloud takes its time over,
//! and both may be set forward.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime},
};

/// A clock that starts with its server.
#[derive(Debug)]
pub(super) struct WorldClock {
    started: Instant,
    /// `time_scale`: so many seconds of the cloud's work pass in one.
    scale: u64,
    advanced_us: AtomicU64,
}

impl WorldClock {
    pub(super) fn new(scale: u32) -> Self {
        Self { started: Instant::now(), scale: u64::from(scale.max(1)), advanced_us: AtomicU64::new(0) }
    }

    /// Milliseconds of the cloud's own time since the start: transitions, delays, late arrivals.
    pub(super) fn world_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        elapsed.saturating_mul(self.scale).saturating_add(self.advanced_us.load(Ordering::Relaxed)) / 1000
    }

    /// What a clock on the wall says: dates of requests, tokens and nonces are held against it. It is not scaled, since
    /// callers date their requests by their own.
    pub(super) fn wall(&self) -> SystemTime {
        SystemTime::now() + self.advanced()
    }

    /// How far it was set forward.
    pub(super) fn advanced(&self) -> Duration {
        Duration::from_micros(self.advanced_us.load(Ordering::Relaxed))
    }

    /// Sets both times forward.
    pub(super) fn advance(&self, by: Duration) {
        self.advanced_us.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
