//! Runs that are kept: history and snapshots.
//!
//! [`Store`] speaks the domain's words; what kind of database is behind it stays behind it: a SQLite
//! file for one machine, PostgreSQL for several. What both must decide alike is decided once: `memory`
//! (first seen, fixed, reopened), `rows` (a run as rows), `body` (a run whole), `retention`, `shards`, `steps` (migrations); SQL
//! stands in the two back ends. A run is kept whole, as versioned JSON in zstd, beside rows that
//! answer questions over many runs. What is remembered of a finding follows one rule: a finding that
//! was not looked at, because its place was not read, stays as it was.

mod body;
mod error;
mod lease;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod retention;
mod rows;
mod shards;
pub mod snapshot;
mod spread;
mod sqlite;
mod steps;
mod url;

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

pub use error::StoreError;
pub use lease::{Acquired, Appended, LEASE_LIMIT, Lease, Record};
pub use memory::{Closing, FindingMemory};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
pub use retention::Retention;
pub use shards::{Finished, Part, ShardClaim, SharedRun};
pub use spread::{TimeToClose, time_to_close};
pub use sqlite::SqliteStore;
pub use url::{Password, PostgresUrl, StoreUrl};

use crate::{
    findings::{Run, RunVerdict},
    model::Exposure,
};

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    pub id: String,
    pub started_at: DateTime<Utc>,
    pub verdict: RunVerdict,
    pub exit_code: u8,
    pub complete: bool,
    /// Units that were to be read.
    pub planned: u64,
    /// Units that were read.
    pub scanned: u64,
    /// Sorted.
    pub accounts: Vec<String>,
    /// Open ones, worst severity first, in the order of [`Severity::WORST_FIRST`](crate::model::Severity::WORST_FIRST).
    pub findings: [u64; 5],
    pub waived: u64,
    /// Findings with status `unknown`.
    pub undecided: u64,
    pub endpoints: u64,
    pub exposed: u64,
    /// Endpoints with a port that is open to untrusted sources.
    pub open: u64,
    pub unknown: u64,
}

/// One endpoint in one run: a point of its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPoint {
    pub run_id: String,
    pub at: DateTime<Utc>,
    pub endpoint_id: String,
    pub exposure: Exposure,
    /// Some port is open to untrusted sources.
    pub open: bool,
}

/// A waiver that accepts a finding, by the newest run of its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverInEffect {
    pub run_id: String,
    pub fingerprint: String,
    pub owner: String,
    pub reason: String,
    pub ticket: Option<String>,
    pub expires: NaiveDate,
}

/// Where runs are kept.
pub trait Store {
    /// Keeps a run, fills `first_seen` of its findings from what is remembered, and drops what is
    /// older than is to be kept. Either all of it is done or nothing.
    ///
    /// # Errors
    /// If the database fails; then the run is as it was.
    fn save_run(&mut self, run: &mut Run) -> Result<(), StoreError>;

    /// The run with this id, or whose id begins so.
    ///
    /// # Errors
    /// If several begin so, or the run cannot be read back.
    fn run(&self, id: &str) -> Result<Option<Run>, StoreError>;

    /// The run saved last.
    ///
    /// # Errors
    /// If the run cannot be read back.
    fn latest(&self) -> Result<Option<Run>, StoreError>;

    /// The run saved before `id` about one of the same accounts.
    ///
    /// # Errors
    /// If the run cannot be read back.
    fn before(&self, id: &str) -> Result<Option<Run>, StoreError>;

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// If the database fails.
    fn runs(&self, limit: usize) -> Result<Vec<RunSummary>, StoreError>;

    /// What is remembered of the finding with this fingerprint, or whose fingerprint begins so; `None` if no run ever
    /// had it.
    ///
    /// # Errors
    /// If several begin so, or the database fails.
    fn memory(&self, fingerprint: &str) -> Result<Option<FindingMemory>, StoreError>;

    /// Findings that had been fixed and are back, newest first.
    ///
    /// # Errors
    /// If the database fails.
    fn reopened(&self) -> Result<Vec<FindingMemory>, StoreError>;

    /// How often any finding was found again after it had been fixed.
    ///
    /// # Errors
    /// If the database fails.
    fn reopenings(&self) -> Result<u64, StoreError>;

    /// Every time that a finding was fixed which had been open or waived, by time. What was only
    /// undecided was not there to be fixed.
    ///
    /// # Errors
    /// If the database fails.
    fn closings(&self) -> Result<Vec<Closing>, StoreError>;

    /// The waivers that accept findings, by the newest run of every set of accounts; those that end
    /// first come first.
    ///
    /// # Errors
    /// If the database fails.
    fn waivers(&self) -> Result<Vec<WaiverInEffect>, StoreError>;

    /// Every point of the endpoints whose id contains `text`, by endpoint, then by time.
    ///
    /// # Errors
    /// If the database fails.
    fn points(&self, text: &str) -> Result<Vec<HistoryPoint>, StoreError>;

    /// Takes a lease that nobody holds, or that has expired, for `ttl` (at most [`LEASE_LIMIT`]).
    ///
    /// # Errors
    /// If the database fails.
    fn acquire_lease(
        &mut self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Acquired, StoreError>;

    /// Holds a lease for `ttl` more; `None` if somebody else has taken it or it was given back. One
    /// that has expired and that nobody has taken is still its holder's.
    ///
    /// # Errors
    /// If the database fails.
    fn renew_lease(&mut self, lease: &Lease, ttl: Duration, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError>;

    /// Gives a lease back; false if it was not this holder's any more.
    ///
    /// # Errors
    /// If the database fails.
    fn release_lease(&mut self, lease: &Lease) -> Result<bool, StoreError>;

    /// Appends to the records of `stream`, which is guarded by the lease of the same name: refused
    /// unless `epoch` is that of its holder.
    ///
    /// # Errors
    /// If the database fails.
    fn append_record(&mut self, stream: &str, epoch: u64, version: u32, body: &[u8]) -> Result<Appended, StoreError>;

    /// All records of a stream, in the order in which they were appended.
    ///
    /// # Errors
    /// If the database fails.
    fn records(&self, stream: &str) -> Result<Vec<Record>, StoreError>;

    /// Begins a run of several shards, and gives what counts: the plan of the first who began it. Drops what was read
    /// for runs that are too old to be merged.
    ///
    /// # Errors
    /// If the database fails.
    fn begin_shared_run(
        &mut self,
        name: &str,
        version: u32,
        plan: &[u8],
        now: DateTime<Utc>,
    ) -> Result<SharedRun, StoreError>;

    /// The run of several shards with this name, if one began.
    ///
    /// # Errors
    /// If the database fails.
    fn shared_run(&mut self, name: &str) -> Result<Option<SharedRun>, StoreError>;

    /// Claims a shard; who held it before finishes nothing any more. `None` if no such run is under way.
    ///
    /// # Errors
    /// If the database fails.
    fn claim_shard(
        &mut self,
        run: &str,
        shard: u32,
        holder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ShardClaim>, StoreError>;

    /// Who holds the shards of a run, by shard; those that nobody ever claimed are missing.
    ///
    /// # Errors
    /// If the database fails.
    fn shard_claims(&mut self, run: &str) -> Result<Vec<ShardClaim>, StoreError>;

    /// Keeps a part of a run, once: refused unless `claim` is the last one of its shard.
    ///
    /// # Errors
    /// If the database fails.
    fn finish_part(&mut self, claim: &ShardClaim, part: &Part) -> Result<Finished, StoreError>;

    /// The names of the finished parts of a round, sorted.
    ///
    /// # Errors
    /// If the database fails.
    fn finished_parts(&mut self, run: &str, round: u32) -> Result<Vec<String>, StoreError>;

    /// A finished part.
    ///
    /// # Errors
    /// If the database fails.
    fn part(&mut self, run: &str, round: u32, name: &str) -> Result<Option<Part>, StoreError>;

    /// Ends a run of several shards that became the run `merged_as`, and drops its parts and claims; false if it was
    /// ended before, or never began.
    ///
    /// # Errors
    /// If the database fails.
    fn end_shared_run(&mut self, name: &str, merged_as: &str) -> Result<bool, StoreError>;
}

/// What a store is opened with beside its place.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// For a server whose URL holds none.
    pub password: Option<Password>,
    pub retention: Retention,
    /// True where nobody named the place of a file: its folder is then made where it is missing. A
    /// named folder that is missing is a mistake in the name.
    pub make_folder: bool,
}

/// Opens the store at a place, and makes its tables on first use.
///
/// # Errors
/// If the file cannot be used, or the server cannot be reached.
pub fn open(url: &StoreUrl, options: StoreOptions) -> Result<Box<dyn Store>, StoreError> {
    match url {
        StoreUrl::Sqlite(path) => {
            if options.make_folder {
                sqlite::make_folder(path)?;
            }
            let mut store = SqliteStore::open(path)?;
            store.retention = options.retention;
            Ok(Box::new(store))
        }
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => Ok(Box::new(PostgresStore::open(url, options)?)),
        #[cfg(not(feature = "postgres"))]
        StoreUrl::Postgres(url) => Err(StoreError::Url {
            shown: url.to_string(),
            why: "names a PostgreSQL server, which this build has no client for",
        }),
    }
}

/// As [`open()`], for whoever only looks: where there is no store yet, none is made, and there is none to look at; one of an
/// older version is not changed either.
///
/// # Errors
/// As [`open()`], and if an older version made it.
pub fn open_existing(url: &StoreUrl, options: StoreOptions) -> Result<Option<Box<dyn Store>>, StoreError> {
    match url {
        StoreUrl::Sqlite(path) => {
            Ok(SqliteStore::open_existing(path)?.map(|store| -> Box<dyn Store> { Box::new(store) }))
        }
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(url) => {
            Ok(PostgresStore::open_existing(url, options)?.map(|store| -> Box<dyn Store> { Box::new(store) }))
        }
        #[cfg(not(feature = "postgres"))]
        StoreUrl::Postgres(_) => open(url, options).map(Some),
    }
}

/// As [`open()`], for a URL as people write it.
///
/// # Errors
/// As [`open()`], and if the URL names no store.
pub fn open_url(url: &str, options: StoreOptions) -> Result<Box<dyn Store>, StoreError> {
    open(&parse_url(url)?, options)
}

/// Reads a URL. An error shows no more of it than its scheme, or a word without one.
///
/// # Errors
/// If the URL names no store.
pub fn parse_url(url: &str) -> Result<StoreUrl, StoreError> {
    StoreUrl::parse(url).map_err(|why| {
        let shown = match url.split_once(':') {
            Some((scheme, _)) => format!("{}:…", scheme.chars().take(80).collect::<String>().escape_debug()),
            None => url.chars().take(80).collect::<String>().escape_debug().to_string(),
        };
        StoreError::Url { shown, why }
    })
}
