//! A run that several processes read together: its plan, who reads which share, and the parts that are finished. The
//! store keeps names, numbers and bytes; what they mean is the business of who uses them.
//!
//! Which shard a part belongs to never changes, so that a claim is on a whole shard: whoever claimed it last holds it,
//! and what an earlier process of the shard still wants to finish is refused. No clock decides that: who was started
//! again goes on at once, and who was only thought dead can do no harm.

use chrono::{DateTime, Utc};

/// A run of several shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRun {
    pub name: String,
    pub began_at: DateTime<Utc>,
    /// The version of what is in `plan`.
    pub version: u32,
    /// What the shard that came first laid down for all.
    pub plan: Vec<u8>,
    /// The run that its parts became. They are dropped then.
    pub merged_as: Option<String>,
}

/// The right to finish parts of one shard, until another process claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardClaim {
    pub run: String,
    pub shard: u32,
    /// Grows with every claim.
    pub epoch: u64,
    /// For people: which process it is.
    pub holder: String,
    pub claimed_at: DateTime<Utc>,
}

/// Something that a shard has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub round: u32,
    pub name: String,
    /// The version of what is in `body`.
    pub version: u32,
    pub body: Vec<u8>,
}

/// What came of finishing a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It is kept.
    Kept,
    /// It was finished before, and that counts.
    Already,
    /// Another process has claimed the shard, or the run has been merged: nothing was kept.
    Superseded,
}

/// The columns that a back end reads a run of several shards from.
pub(super) const RUN_COLUMNS: &str = "name, began_ms, version, plan, merged_as";

/// The columns that a back end reads a claim from.
pub(super) const CLAIM_COLUMNS: &str = "run, shard, epoch, holder, claimed_ms";

/// The time of a number of milliseconds since 1970.
pub(super) fn of_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
