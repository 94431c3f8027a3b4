//! What all stored runs together say of the upkeep: how long findings stay open, what came back, and
//! which waivers hold.

use std::io::{self, Write};

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::{
    cli::exit::{Exit, Failure, OrExit},
    report::{self, Options, escape_line, time_text},
    store::{FindingMemory, Store, TimeToClose, WaiverInEffect, time_to_close},
};

/// What all stored runs together say.
pub(super) struct Upkeep {
    time_to_close: Vec<TimeToClose>,
    reopenings: u64,
    reopened: Vec<FindingMemory>,
    waivers: Vec<WaiverInEffect>,
}

impl Upkeep {
    pub(super) fn read(store: &dyn Store) -> Result<Self, Failure> {
        Ok(Self {
            time_to_close: time_to_close(&store.closings().or_exit(Exit::Usage)?),
            reopenings: store.reopenings().or_exit(Exit::Usage)?,
            reopened: store.reopened().or_exit(Exit::Usage)?,
            waivers: store.waivers().or_exit(Exit::Usage)?,
        })
    }

    /// The last line of the answer as JSON; the lines of runs have an `id`, and this one has not.
    pub(super) fn to_json(&self) -> Value {
        let closed = self.time_to_close.iter().map(|one| {
            let times = json!({
                "count": one.count, "median_seconds": one.median.num_seconds(), "p90_seconds": one.p90.num_seconds(),
            });
            (one.severity.as_str().to_owned(), times)
        });
        let waivers = self.waivers.iter().map(|waiver| {
            json!({
                "fingerprint": waiver.fingerprint, "run_id": waiver.run_id, "owner": waiver.owner,
                "reason": waiver.reason, "ticket": waiver.ticket, "expires": waiver.expires,
            })
        });
        json!({"summary": {
            "time_to_close": closed.collect::<Map<String, Value>>(),
            "reopenings": self.reopenings,
            "reopened": self.reopened.iter().map(|memory| &memory.fingerprint).collect::<Vec<_>>(),
            "waivers": waivers.collect::<Vec<_>>(),
        }})
    }

    pub(super) fn write(&self, out: &mut dyn Write, options: &Options) -> io::Result<()> {
        if !self.time_to_close.is_empty() {
            let row = |one: &TimeToClose| {
                vec![one.severity.to_string(), one.count.to_string(), duration(one.median), duration(one.p90)]
            };
            let rows = self.time_to_close.iter().map(row).collect();
            writeln!(out, "\nTime until a finding was fixed:")?;
            write!(out, "{}", report::grid(&["SEVERITY", "FIXED", "MEDIAN", "90 %"], rows, options))?;
        }
        if self.reopenings > 0 {
            writeln!(out, "\nFound again after a fix: {} times", self.reopenings)?;
        }
        if !self.reopened.is_empty() {
            writeln!(out, "\nFixed once, and back:")?;
        }
        for memory in &self.reopened {
            writeln!(
                out,
                "  {} {}/{} {} (first seen {}, back {})",
                memory.severity,
                escape_line(memory.subject.region_id.as_str()),
                escape_line(&memory.subject.resource_id),
                escape_line(&memory.rule_id),
                time_text(&memory.first_seen),
                memory.reopened_at.as_ref().map_or_else(String::new, time_text)
            )?;
        }
        if !self.waivers.is_empty() {
            writeln!(out, "\nWaived, by the newest runs:")?;
        }
        for waiver in &self.waivers {
            writeln!(
                out,
                "  {} by {} until {}: {}",
                escape_line(&waiver.fingerprint),
                escape_line(&waiver.owner),
                waiver.expires,
                escape_line(&waiver.reason)
            )?;
        }
        Ok(())
    }
}

/// The two largest units: `3d 4h`, `2h 5m`, `45s`.
fn duration(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_two_units() {
        for (seconds, told) in
            [(0, "0s"), (59, "59s"), (61, "1m 1s"), (7500, "2h 5m"), (86_400 * 3 + 3 * 3600, "3d 3h")]
        {
            assert_eq!(duration(TimeDelta::seconds(seconds)), told);
        }
    }
}
