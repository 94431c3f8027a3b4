//! Change windows: days and times of a zone, as spans of the cloud's time.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, Utc, Weekday};

use super::{CloudTime, zone::Zone};

/// Minutes since midnight; 24:00 is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    const MINUTES: u16 = 24 * 60;

    /// 00:00 is the beginning of a day and 24:00 its end, which is the next one's beginning.
    fn on(self, day: NaiveDate) -> Option<chrono::NaiveDateTime> {
        let (day, minutes) = match self.0 {
            Self::MINUTES => (day.checked_add_days(Days::new(1))?, 0),
            minutes => (day, minutes),
        };
        Some(day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minutes) * 60, 0)?))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

/// A text is no time of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is written like 09:30, from 00:00 to 24:00")]
pub struct NotATime;

impl FromStr for TimeOfDay {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let number = |text: &str| match text.as_bytes() {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(u16::from(tens - b'0') * 10 + u16::from(ones - b'0')),
            _ => None,
        };
        let (hours, minutes) = text.split_once(':').ok_or(NotATime)?;
        match (number(hours), number(minutes)) {
            (Some(24), Some(0)) => Ok(Self(Self::MINUTES)),
            (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(Self(hours * 60 + minutes)),
            _ => Err(NotATime),
        }
    }
}

/// When changes may be made: from a time on certain days until a time of the same day, or of the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub zone: Zone,
    /// The days on which it opens, Monday first.
    pub days: Vec<Weekday>,
    pub from: TimeOfDay,
    /// Of the next day where it is not later than `from`.
    pub to: TimeOfDay,
}

impl Window {
    /// It ends on the day after the one on which it opens.
    pub fn is_overnight(&self) -> bool {
        self.to <= self.from
    }

    /// From the day on which it opens, in the zone's own days. Where clocks are set back over an edge, the edge is the
    /// one of the two moments that makes the window shorter; where they are set forward over one, it does not open.
    fn on(&self, day: NaiveDate) -> Option<(CloudTime, CloudTime)> {
        if !self.days.contains(&day.weekday()) {
            return None;
        }
        let from = match self.zone.moments(self.from.on(day)?) {
            LocalResult::Single(at) | LocalResult::Ambiguous(_, at) => at,
            LocalResult::None => return None,
        };
        let to = match self.zone.moments(self.to.on(self.last_day(day)?)?) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
            LocalResult::None => return None,
        };
        let span = (cloud(from)?, cloud(to)?);
        (span.0 < span.1).then_some(span)
    }

    fn last_day(&self, day: NaiveDate) -> Option<NaiveDate> {
        if self.is_overnight() { day.checked_add_days(Days::new(1)) } else { Some(day) }
    }

    /// The first day of these years on which one of the edges is no time of the zone: clocks are set forward over it.
    pub fn edge_that_is_skipped(&self, years: std::ops::RangeInclusive<i32>) -> Option<(NaiveDate, TimeOfDay)> {
        let first = NaiveDate::from_ymd_opt(*years.start(), 1, 1)?;
        let opens = first.iter_days().take_while(|day| day.year() <= *years.end());
        opens.filter(|day| self.days.contains(&day.weekday())).find_map(|day| {
            let edges = [(day, self.from), (self.last_day(day)?, self.to)];
            edges
                .into_iter()
                .find(|(day, edge)| edge.on(*day).is_some_and(|at| matches!(self.zone.moments(at), LocalResult::None)))
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<String> = self.days.iter().map(|day| day.to_string().to_lowercase()).collect();
        let next = if self.is_overnight() { " of the next day" } else { "" };
        write!(f, "{} {} to {}{next} in {}", days.join("/"), self.from, self.to, self.zone)
    }
}

/// When the windows are open from a day before `now` until `ahead` after it; in order, and joined where they touch. Both
/// edges are of the cloud's time; the first belongs to a span, the second does not.
pub fn spans(windows: &[Window], now: CloudTime, ahead: Duration) -> Vec<(CloudTime, CloudTime)> {
    const DAY: Duration = Duration::from_hours(24);
    let (Some(first), Some(last)) = (day_of(now - DAY * 3), day_of(now + ahead + DAY)) else { return Vec::new() };
    let days = || first.iter_days().take_while(|day| *day <= last);
    let mut found: Vec<_> = windows.iter().flat_map(|window| days().filter_map(|day| window.on(day))).collect();
    found.sort();
    let mut joined: Vec<(CloudTime, CloudTime)> = Vec::new();
    for (from, to) in found {
        match joined.last_mut() {
            Some(before) if from <= before.1 => before.1 = before.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined.retain(|(from, to)| *to > now - DAY && *from <= now + ahead);
    joined
}

fn day_of(at: CloudTime) -> Option<NaiveDate> {
    Some(DateTime::<Utc>::from_timestamp_millis(i64::try_from(at.0).ok()?)?.date_naive())
}

fn cloud(at: DateTime<Utc>) -> Option<CloudTime> {
    u64::try_from(at.timestamp_millis()).ok().map(CloudTime)
}

#[cfg(test)]
mod tests;
