//! Runs on disk: history and snapshots.
//!
//! [`Store`] speaks the domain's words; what kind of database is behind it stays behind it. A run
//! is kept whole, as versioned JSON in zstd, beside rows that answer questions over many runs.
//! What is remembered of a finding (first seen, last seen, fixed, reopened) follows one rule: a
//! finding that was not looked at, because its place was not read, stays as it was.

mod migrate;
pub mod snapshot;
mod sqlite;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use sqlite::SqliteStore;

use crate::{
    findings::{FindingStatus, Run, RunVerdict},
    model::{Exposure, Severity},
};

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no kind of store that this version has.
    #[error("`{url}` names no store: this version keeps runs in SQLite; write `sqlite:PATH`")]
    Url { url: String },
    /// The file or its folder cannot be made or opened.
    #[error(
        "cannot open {path}: make sure that the folder exists and can be written, or name a store with --store sqlite:PATH; a scan can go without one with --no-store"
    )]
    Open {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The database was made by a newer version of this program.
    #[error(
        "the store has schema {found}, and this version knows {known}: use the newer portcullis that made it, or another store"
    )]
    Newer { found: usize, known: usize },
    /// A SQLite file of another program.
    #[error("the file is a SQLite database of another program: choose another path")]
    Foreign,
    /// The schema was changed by somebody else.
    #[error("the store's schema is not the one this program made: restore the file, or choose another path")]
    Altered,
    /// A stored run cannot be read back.
    #[error("run {id} cannot be read back: {why}")]
    Damaged { id: String, why: String },
    /// More than one run begins like that.
    #[error("`{prefix}` is the beginning of several runs: give more characters")]
    Ambiguous { prefix: String },
    /// The database itself failed.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    pub id: String,
    pub started_at: DateTime<Utc>,
    pub verdict: RunVerdict,
    pub exit_code: u8,
    pub complete: bool,
    /// Sorted.
    pub accounts: Vec<String>,
    /// Open ones, worst severity first, in the order of [`Severity::WORST_FIRST`].
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

/// What is remembered of one finding over all runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingMemory {
    pub fingerprint: String,
    pub rule_id: String,
    pub title: String,
    pub severity: Severity,
    pub status: FindingStatus,
    pub region_id: String,
    pub resource_id: String,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// When a run that looked no longer found it.
    pub fixed_at: Option<DateTime<Utc>>,
    /// When it was found again after it had been fixed.
    pub reopened_at: Option<DateTime<Utc>>,
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

/// Where runs are kept.
pub trait Store {
    /// Keeps a run, and fills `first_seen` of its findings from what is remembered. Either all of
    /// it is kept or nothing.
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

    /// What is remembered of a finding; `None` if no run ever had it.
    ///
    /// # Errors
    /// If the database fails.
    fn memory(&self, fingerprint: &str) -> Result<Option<FindingMemory>, StoreError>;

    /// Findings that had been fixed and are back, newest first.
    ///
    /// # Errors
    /// If the database fails.
    fn reopened(&self) -> Result<Vec<FindingMemory>, StoreError>;

    /// Every point of the endpoints whose id contains `text`, by endpoint, then by time.
    ///
    /// # Errors
    /// If the database fails.
    fn points(&self, text: &str) -> Result<Vec<HistoryPoint>, StoreError>;
}

/// Opens the store behind a URL, and makes it on first use.
///
/// # Errors
/// If the URL names no store of this version, or the file cannot be used.
pub fn open(url: &str) -> Result<Box<dyn Store>, StoreError> {
    let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) else {
        // Never the whole URL: another kind of store may carry a password in it.
        let shown = match url.split_once(':') {
            Some((scheme, _)) => format!("{}:…", scheme.escape_debug()),
            None => url.chars().take(80).collect::<String>().escape_debug().to_string(),
        };
        return Err(StoreError::Url { url: shown });
    };
    // `sqlite:///var/x.db` and `sqlite:/var/x.db` mean the same file.
    let path = path.strip_prefix("//").unwrap_or(path);
    Ok(Box::new(SqliteStore::open(path.as_ref())?))
}
