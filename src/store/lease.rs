//! Leases and journal records: who may act on something, and what holders wrote. The store keeps
//! names, numbers and bytes; what they mean is the business of who uses them.
//!
//! Every acquisition has an epoch of its own, and epochs of a name grow for ever: who was paused and
//! lost a lease is known by its number, however long it slept.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Longest time that a lease is given for; it is renewed, not taken for days.
pub const LEASE_LIMIT: Duration = Duration::from_hours(24);

/// The right to act on something until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    /// One process: two that call themselves alike still shut each other out.
    pub holder: String,
    pub epoch: u64,
    pub expires_at: DateTime<Utc>,
}

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours, under a new epoch.
    Ours(Lease),
    /// Somebody has it.
    HeldBy(Lease),
}

/// What came of appending a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Kept at this place, counted from 1 without holes.
    At(u64),
    /// The epoch is not that of the lease's holder: nothing was kept.
    Stale,
}

/// Something that a holder wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub position: u64,
    /// That of the holder who wrote it.
    pub epoch: u64,
    /// The version of what is in `body`.
    pub version: u32,
    pub body: Vec<u8>,
}

/// The columns that a back end reads a lease from.
pub(super) const LEASE_COLUMNS: &str = "name, holder, epoch, expires_ms";

/// The columns that a back end reads a record from.
pub(super) const RECORD_COLUMNS: &str = "position, epoch, version, body";

/// When a lease that is given now ends, in milliseconds since 1970.
pub(super) fn ends(now: DateTime<Utc>, ttl: Duration) -> i64 {
    let ttl = TimeDelta::from_std(ttl.min(LEASE_LIMIT)).unwrap_or_default();
    now.timestamp_millis().saturating_add(ttl.num_milliseconds())
}

/// The time of [`ends`].
pub(super) fn ending(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
