//! How much of the window logs cover, by their own records: what writes them never rests, so that
//! where there are none nothing was logged.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{Ask, CUT, Window, audit_log, flow_log::Active};
use crate::{
    cloud::{
        api::{sls::Hour, wire::Problems},
        request::ReadRequest,
    },
    scan::read::Failure,
};

/// The longest time without a record of a log whose writer never rests. A network interface has a record of each
/// interval of at most ten minutes, be it that nothing passed; a watch on an API server ends after ten minutes at the
/// latest, and its end is a record. So six of them at least are missing.
pub(super) const RESTLESS: TimeDelta = TimeDelta::hours(1);

/// The same of records of a public address alone: nothing is written where nobody comes, but scanners try every public
/// address on any day.
pub(super) const PROBED: TimeDelta = TimeDelta::days(1);

const SECONDS_AN_HOUR: i64 = 3600;

/// When there are records.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    /// First and last second of the records that begin in an hour, by hours since 1970.
    hours: BTreeMap<i64, (DateTime<Utc>, DateTime<Utc>)>,
    /// The log says that it left some out.
    is_lossy: bool,
    /// Hours may be missing here that are in the log.
    is_cut: bool,
}

impl Presence {
    /// Asks a logstore with one of the queries for hours. A flow log tells where records were skipped, and a reply that
    /// does not is none.
    pub(super) async fn read(ask: &Ask<'_>, request: &ReadRequest, tells_skipped: bool) -> Result<Self, Failure> {
        let rows = ask.reader.rows::<Hour>(request).await?;
        let mut problems = Problems::default();
        let mut presence = Self { is_cut: rows.is_cut, ..Self::default() };
        for row in rows.rows {
            let skipped = if tells_skipped { row.skipped.required("skipped", &mut problems) } else { None };
            let first = audit_log::at(row.first_seen, "first_seen", &mut problems);
            let last = audit_log::at(row.last_seen, "last_seen", &mut problems);
            if let (Some(first), Some(last)) = (first, last) {
                presence.add(first, last);
            }
            presence.is_lossy |= skipped.is_some_and(|records| records > 0);
        }
        if problems.is_empty() { Ok(presence) } else { Err(Failure::schema(problems.summary())) }
    }

    /// Adds a time in which there are records.
    pub(super) fn add(&mut self, first: DateTime<Utc>, last: DateTime<Utc>) {
        let hour = first.timestamp().div_euclid(SECONDS_AN_HOUR);
        let (known_first, known_last) = self.hours.entry(hour).or_insert((first, last));
        *known_first = first.min(*known_first);
        *known_last = last.max(*known_last);
    }

    /// Adds that records are missing.
    pub(super) fn lose(&mut self) {
        self.is_lossy = true;
    }

    /// What of it lies in the window.
    pub(super) fn within(&self, window: Window) -> Self {
        let is_in =
            |(_, (first, last)): &(&i64, &(DateTime<Utc>, DateTime<Utc>))| *last >= window.from && *first < window.to;
        let hours = self.hours.iter().filter(is_in).map(|(hour, times)| (*hour, *times)).collect();
        Self { hours, ..*self }
    }

    /// First and last second of all records.
    pub(super) fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let first = self.hours.values().map(|(first, _)| *first).min()?;
        let last = self.hours.values().map(|(_, last)| *last).max()?;
        Some((first, last))
    }

    /// Why not all between its first and its last record was written; empty where all was.
    pub(super) fn shortcoming(&self, longest: TimeDelta) -> String {
        if self.is_cut {
            return CUT.to_owned();
        }
        let mut holes = self.holes(longest);
        holes.sort_by_key(|(from, to)| (Reverse(*to - *from), *from));
        let Some((from, to)) = holes.first() else {
            let lossy = "it says of itself that records were skipped";
            return if self.is_lossy { lossy.to_owned() } else { String::new() };
        };
        let text = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let others = match holes.len() - 1 {
            0 => String::new(),
            others => format!(", and {others} more such stretches"),
        };
        format!("it holds no record from {} to {}{others}", text(from), text(to))
    }

    /// Stretches longer than that without a record, in order.
    fn holes(&self, longest: TimeDelta) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let mut holes = Vec::new();
        let mut times = self.hours.values();
        let Some(&(_, mut end)) = times.next() else { return holes };
        for (first, last) in times {
            if *first - end > longest {
                holes.push((end, *first));
            }
            end = end.max(*last);
        }
        holes
    }
}

/// What a log, or several together, cover of the window.
pub(super) struct Covered {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// Why that is not all of the window; empty where it is.
    pub(super) why: String,
}

impl Covered {
    /// A flow log with records at these times.
    pub(super) fn of(window: Window, log: &Active, presence: &Presence) -> Self {
        let Some((first, last)) = presence.span() else {
            let Window { from, to } = window;
            return Self {
                from,
                to,
                why: format!("the flow log of {} holds no record in the window", log.resource_id),
            };
        };
        let created = log.created.map_or(window.from, |at| window.covered_from(at));
        let first = window.covered_from(first);
        let to = window.covered_to(last);
        let why = if first > window.from && first >= created {
            "what the flow log holds begins within the window".to_owned()
        } else if created > window.from {
            "the flow log was created within the window".to_owned()
        } else if to < window.to {
            "what the flow log holds ends before the day of the scan".to_owned()
        } else {
            presence.shortcoming(RESTLESS)
        };
        Self { from: first.max(created), to, why }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.why.is_empty()
    }

    /// The one of several that covers most: all of the window, or what begins first.
    pub(super) fn best(several: impl Iterator<Item = Self>) -> Option<Self> {
        several.min_by_key(|one| (!one.is_whole(), one.from, Reverse(one.to)))
    }

    /// What all of several cover, which are parts of one network.
    pub(super) fn common(self, other: Self) -> Self {
        let why = if self.why.is_empty() { other.why } else { self.why };
        Self { from: self.from.max(other.from), to: self.to.min(other.to), why }
    }
}
