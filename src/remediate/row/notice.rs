//! The records of who was told ahead: automatic mode changes an endpoint only when its owner has known for a day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ROW_VERSION, RowError, decode, encode};
use crate::{
    remediate::{CloudTime, Slot, Target},
    store::Record,
};

/// A notice is good for so long: after that, nobody remembers it.
const GOOD_FOR: Duration = Duration::from_hours(24 * 7);

/// The owner was told that an endpoint will be changed, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OwnerTold {
    pub before: Slot,
    pub at: CloudTime,
}

impl OwnerTold {
    /// As it is appended to its row: version and body.
    pub fn to_row(&self) -> (u32, Vec<u8>) {
        (ROW_VERSION, encode(self))
    }
}

/// Name of the lease and of the records about who was told of a target.
pub fn notice_row(target: &Target) -> String {
    target.row().replacen("target/", "notice/", 1)
}

/// When the owner was told first, of the notices about the same that are still good at the time of the newest.
///
/// # Errors
/// As for every row.
pub fn owner_told(records: &[Record], before: &Slot) -> Result<Option<CloudTime>, RowError> {
    let told: Vec<OwnerTold> = records.iter().map(decode).collect::<Result<_, _>>()?;
    let newest = told.iter().map(|told| told.at).max().unwrap_or_default();
    // Between two notices it was something else: the owner knows of that, and not of this.
    let since = told.iter().rev().take_while(|told| told.before == *before && newest - told.at < GOOD_FOR);
    Ok(since.map(|told| told.at).min())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn told(eip: &str, hours: u64) -> OwnerTold {
        OwnerTold { before: Slot::Eip(eip.into()), at: CloudTime(1_000_000_000_000 + hours * 3_600_000) }
    }

    fn first(told: &[OwnerTold], eip: &str) -> Option<u64> {
        let record = |(position, told): (usize, &OwnerTold)| {
            let (version, body) = told.to_row();
            Record { position: position as u64 + 1, epoch: 1, version, body }
        };
        let records: Vec<Record> = told.iter().enumerate().map(record).collect();
        let found = owner_told(&records, &Slot::Eip(eip.into())).unwrap();
        found.map(|at| (at.0 - 1_000_000_000_000) / 3_600_000)
    }

    #[test]
    fn the_first_notice_about_the_same_counts_for_a_week() {
        assert_eq!(first(&[], "eip-1"), None);
        assert_eq!(first(&[told("eip-1", 0), told("eip-1", 30)], "eip-1"), Some(0));
        assert_eq!(first(&[told("eip-1", 0), told("eip-1", 200)], "eip-1"), Some(200));
        assert_eq!(first(&[told("eip-1", 0)], "eip-2"), None);
        assert_eq!(first(&[told("eip-1", 0), told("eip-2", 10), told("eip-1", 20)], "eip-1"), Some(20));
    }
}
