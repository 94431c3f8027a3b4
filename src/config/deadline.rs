//! How long a run may read, as people write it: `90s`, `30m`, `2h`.

use std::{fmt, str::FromStr, time::Duration};

/// From the first call to the last one that is waited for: what is not read by then is unknown. reliability.md 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Duration);

/// Longer than this is no limit.
const LONGEST: Duration = Duration::from_hours(24);

/// Seconds by unit, the largest first.
const UNITS: [(&str, u64); 3] = [("h", 3600), ("m", 60), ("s", 1)];

/// The text is no time that a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a deadline is a whole number of seconds, minutes or hours, from 1s to 24h: `90s`, `30m`, `2h`")]
pub struct NoDeadline;

impl Deadline {
    pub fn duration(self) -> Duration {
        self.0
    }

    /// With what somebody waits for others meanwhile.
    #[must_use]
    pub fn and(self, waiting: Duration) -> Self {
        Self(self.0.saturating_add(waiting))
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self(Duration::from_mins(30))
    }
}

impl FromStr for Deadline {
    type Err = NoDeadline;

    fn from_str(text: &str) -> Result<Self, NoDeadline> {
        let parts = UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)));
        let (number, seconds) = parts.ok_or(NoDeadline)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoDeadline);
        }
        let number: u64 = number.parse().map_err(|_| NoDeadline)?;
        let limit = number.checked_mul(seconds).map(Duration::from_secs).ok_or(NoDeadline)?;
        let is_sound = !limit.is_zero() && limit <= LONGEST;
        is_sound.then_some(Self(limit)).ok_or(NoDeadline)
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let whole = UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
        let (unit, size) = whole.copied().unwrap_or(("s", 1));
        write!(f, "{}{unit}", seconds / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_people_write_it() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("30m", 1800), ("2h", 7200), ("24h", 86_400)] {
            let deadline: Deadline = text.parse().expect(text);
            assert_eq!((deadline.duration().as_secs(), deadline.to_string().as_str()), (seconds, text));
        }
        assert_eq!(Deadline::default().to_string(), "30m");
        assert_eq!("60m".parse::<Deadline>().expect("an hour").to_string(), "1h");
    }

    #[test]
    fn nothing_else_is_a_deadline() {
        for text in [
            "",
            "s",
            "0s",
            "0h",
            "25h",
            "86401s",
            "30",
            "30 m",
            "+30m",
            "-1s",
            "1.5h",
            "1d",
            "30M",
            "1h30m",
            "99999999999999999999h",
            "10000000000000000h",
        ] {
            assert_eq!(text.parse::<Deadline>(), Err(NoDeadline), "{text}");
        }
    }
}
