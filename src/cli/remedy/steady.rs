//! A clock that never jumps and goes on while the host is suspended: what leases, proofs and waits are measured by.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use crate::remediate::Mono;

/// The system's steady clock stands still during suspension; the time since boot does not, but counts in hundredths of a
/// second. A difference of this and more is a suspension.
const SUSPENDED_MS: u64 = 1000;

/// Where it begins is nobody's business, only that it is not zero.
const BEGIN_MS: u64 = 3_600_000;

/// One clock for one process.
#[derive(Debug)]
pub(crate) struct SteadyClock {
    started: Instant,
    uptime: Option<u64>,
    suspended: AtomicU64,
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self { started: Instant::now(), uptime: uptime(), suspended: AtomicU64::new(0) }
    }
}

impl SteadyClock {
    pub(crate) fn now(&self) -> Mono {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let since_boot = self.uptime.zip(uptime()).map(|(then, now)| now.saturating_sub(then));
        let suspended = self.note(elapsed, since_boot);
        Mono(BEGIN_MS.saturating_add(elapsed).saturating_add(suspended))
    }

    /// How long the host slept so far.
    fn note(&self, elapsed: u64, since_boot: Option<u64>) -> u64 {
        let gap = since_boot.map_or(0, |since_boot| since_boot.saturating_sub(elapsed));
        if gap >= SUSPENDED_MS {
            self.suspended.fetch_max(gap, Ordering::SeqCst);
        }
        self.suspended.load(Ordering::SeqCst)
    }
}

/// Milliseconds since the system was started, suspension included; `None` where it does not tell.
fn uptime() -> Option<u64> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()?.checked_mul(1000)? + hundredths.get(..2)?.parse::<u64>().ok()? * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspension_counts_and_rounding_does_not() {
        let clock = SteadyClock::default();
        assert_eq!(clock.note(5_000, Some(5_009)), 0);
        assert_eq!(clock.note(5_000, Some(5_999)), 0);
        assert_eq!(clock.note(6_000, Some(126_000)), 120_000);
        assert_eq!(clock.note(6_500, Some(126_490)), 120_000, "it never goes back");
        assert_eq!(clock.note(6_500, None), 120_000);
    }

    #[test]
    fn it_never_goes_back() {
        let clock = SteadyClock::default();
        let mut last = clock.now();
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
