//! When a failed attempt is made again, and after how long.
//!
//! Full jitter: a wait is drawn between zero and a bound that doubles, so that many callers do not
//! return together. A budget over the whole run keeps repeats from multiplying the load of a cloud in
//! trouble. Throttled attempts have their own bounds, in [`throttle`](super::throttle): they come
//! back more slowly instead.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{
    context::Random,
    error::{Failure, Kind},
};

/// Bounds of repeats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The first wait's upper bound; it doubles with each repeat.
    pub base: Duration,
    /// The highest upper bound of a wait.
    pub cap: Duration,
    /// The longest wait that a server can ask for.
    pub hint_cap: Duration,
    /// How long one read may take in all, without its waits for the limiter.
    pub unit: Duration,
    /// Repeats allowed in the run, as a share of its calls.
    pub share: f64,
    /// Repeats allowed in the run in any case, so that a small scan can repeat at all.
    pub least: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(200),
            cap: Duration::from_secs(20),
            hint_cap: Duration::from_secs(120),
            unit: Duration::from_secs(90),
            share: 0.2,
            least: 200,
        }
    }
}

/// Attempts that a kind of failure is worth, the first included.
const fn attempts(kind: Kind) -> u32 {
    match kind {
        // Bounded by time instead; the number only ends what cannot be meant to go on.
        Kind::Throttled => 200,
        Kind::Transient | Kind::Connection => 5,
        Kind::Timeout | Kind::Dns | Kind::Garbled | Kind::Nonce => 3,
        Kind::Signature | Kind::Clock | Kind::Expired => 2,
        Kind::Final => 1,
    }
}

/// Attempts of one read over all kinds but throttling.
const MOST_ATTEMPTS: u32 = 8;

/// Repeats of the whole run.
#[derive(Debug, Default)]
pub(super) struct Budget {
    calls: AtomicU64,
    repeats: AtomicU64,
}

impl Budget {
    /// Counts a first attempt.
    pub(super) fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one repeat out of the budget, if there is one left.
    fn take(&self, settings: &Settings) -> bool {
        let calls = self.calls.load(Ordering::Relaxed);
        // A share of a count that fits a run's calls loses nothing as a float.
        let allowed = settings.least + (calls as f64 * settings.share) as u64;
        let taken = |repeats: u64| (repeats < allowed).then_some(repeats + 1);
        self.repeats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

/// What one read has been through.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: Vec<Kind>,
    /// Time on the wire and in waits, without waits for the limiter and because of throttling.
    pub(super) spent: Duration,
}

impl Attempts {
    /// Attempts that failed by being throttled.
    pub(super) fn throttled(&self) -> u32 {
        self.count(Kind::Throttled)
    }

    fn count(&self, kind: Kind) -> u32 {
        u32::try_from(self.failed.iter().filter(|known| **known == kind).count()).unwrap_or(u32::MAX)
    }

    /// Notes a failure.
    pub(super) fn note(&mut self, kind: Kind) {
        self.failed.push(kind);
    }

    /// How long to wait before the next attempt after `failure`, which has been noted; `None` if
    /// there is to be none.
    pub(super) fn next(
        &mut self,
        failure: &Failure,
        budget: &Budget,
        settings: &Settings,
        random: &dyn Random,
    ) -> Option<Duration> {
        let kind = failure.kind;
        let same = self.count(kind);
        if same >= attempts(kind) {
            return None;
        }
        if kind == Kind::Throttled {
            // The bucket does the pacing; this only spreads those that were throttled together.
            return Some(random.up_to(backoff(settings.base, settings.cap.min(Duration::from_secs(3)), same)));
        }
        let others = u32::try_from(self.failed.len()).unwrap_or(u32::MAX) - self.throttled();
        let wait = match kind {
            Kind::Nonce | Kind::Signature | Kind::Clock | Kind::Expired => Duration::ZERO,
            _ => failure.hint.map_or_else(
                || random.up_to(backoff(settings.base, settings.cap, same)),
                |hint| hint.min(settings.hint_cap),
            ),
        };
        if others >= MOST_ATTEMPTS || self.spent + wait > settings.unit || !budget.take(settings) {
            return None;
        }
        self.spent += wait;
        Some(wait)
    }
}

/// The bound of the wait after the `nth` failure, counted from 1.
fn backoff(base: Duration, cap: Duration, nth: u32) -> Duration {
    base.saturating_mul(1_u32 << nth.saturating_sub(1).min(20)).min(cap)
}
