//! Time zones of the IANA database, which the program carries along: a container may have none.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, LocalResult, NaiveDateTime, TimeDelta, Timelike, Utc};
use jiff::{
    civil,
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};

/// A zone with the name that the database has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// The database has no zone of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("zones have the names of the IANA database, as `Asia/Shanghai` or `UTC`")]
pub struct NoSuchZone;

impl Zone {
    /// All names.
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
    }

    /// When clocks of the zone show this time: never where they are set forward over it, twice where they are set back.
    pub(super) fn moments(&self, local: NaiveDateTime) -> LocalResult<DateTime<Utc>> {
        let Some(shown) = civil_time(local) else { return LocalResult::None };
        let at =
            |offset: Offset| Some(local.checked_sub_signed(TimeDelta::seconds(i64::from(offset.seconds())))?.and_utc());
        let found = match self.rules.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset).map(LocalResult::Single),
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Fold { before, after } => {
                at(before).zip(at(after)).map(|(first, second)| LocalResult::Ambiguous(first, second))
            }
        };
        found.unwrap_or(LocalResult::None)
    }
}

impl FromStr for Zone {
    type Err = NoSuchZone;

    fn from_str(text: &str) -> Result<Self, NoSuchZone> {
        let rules = TimeZoneDatabase::bundled().get(text).map_err(|_| NoSuchZone)?;
        Ok(Self { name: rules.iana_name().ok_or(NoSuchZone)?.to_owned(), rules })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

fn civil_time(local: NaiveDateTime) -> Option<civil::DateTime> {
    let part = |number: u32| i8::try_from(number).ok();
    civil::DateTime::new(
        i16::try_from(local.year()).ok()?,
        part(local.month())?,
        part(local.day())?,
        part(local.hour())?,
        part(local.minute())?,
        part(local.second())?,
        0,
    )
    .ok()
}

#[cfg(test)]
mod tests;
