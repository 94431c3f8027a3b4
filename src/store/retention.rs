//! How long runs are kept. What is remembered of findings outlives them.

use chrono::{DateTime, Days, Utc};

use super::{memory::stamp, rows::number};
use crate::findings::Run;

/// How long runs are kept; the default is for ever. The newest run of every set of accounts stays in
/// any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs that began more days ago than this are dropped.
    pub keep_days: Option<u32>,
    /// Of every set of accounts, this many runs are kept: the newest.
    pub keep_runs: Option<u32>,
}

/// For so many days what shards have read can be merged.
const SHARED_RUN_DAYS: u32 = 7;

/// What is to be dropped after a run was saved.
pub(super) struct Dropped {
    /// Those that began before.
    pub(super) before: Option<DateTime<Utc>>,
    /// Those that are older in their set of accounts than so many others.
    pub(super) beyond: i64,
}

impl Retention {
    /// Runs of several shards that began before are dropped: they are no history, and large.
    pub(super) fn shared_runs_before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let days = self.keep_days.map_or(SHARED_RUN_DAYS, |days| days.clamp(1, SHARED_RUN_DAYS));
        now.checked_sub_days(Days::new(days.into())).map_or(DateTime::<Utc>::MIN_UTC, stamp)
    }

    /// `None` where everything is kept.
    pub(super) fn after(self, run: &Run) -> Option<Dropped> {
        if self == Self::default() {
            return None;
        }
        // A snapshot may claim any day; a run cannot have ended later than now.
        let today = run.header.started_at.min(run.header.finished_at);
        Some(Dropped {
            before: self.keep_days.and_then(|days| today.checked_sub_days(Days::new(days.into()))).map(stamp),
            beyond: self.keep_runs.map_or(i64::MAX, |runs| number(runs.max(1) as usize)),
        })
    }
}
