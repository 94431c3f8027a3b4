//! The store in one SQLite file. Several processes may use it at once: every change is one
//! immediate transaction, and whoever comes second waits.

mod lease;
mod migrate;
mod save;
mod shards;
mod values;

use std::{
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior};

use super::{
    Acquired, Appended, Closing, FindingMemory, Finished, HistoryPoint, Lease, Part, Record, Retention, RunSummary,
    ShardClaim, SharedRun, Store, StoreError, WaiverInEffect, body,
    memory::{MEMORY_COLUMNS, one_of, swap_first_seen},
    rows,
};
use crate::findings::Run;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(15);

/// A store in one file.
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    pub(super) retention: Retention,
}

impl SqliteStore {
    /// Opens the file, and makes it where it is missing, readable by the owner only.
    ///
    /// # Errors
    /// If the file cannot be made or opened, or is not a store that this version knows.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_at(path).map_err(|error| about("open the store", path, error))
    }

    /// Opens the file to look at what is kept, and writes nothing into it; `None` where nothing is.
    ///
    /// # Errors
    /// If it cannot be opened, or its schema is not exactly the one that this version makes.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        Self::look_at(path).map_err(|error| about("look into the store", path, error))
    }

    /// Not by a read-only connection: one of those cannot clear up behind itself what readers of a write-ahead log share.
    fn look_at(path: &Path) -> Result<Option<Self>, StoreError> {
        check_plain(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "query_only", true)?;
        if !migrate::is_made(&mut connection)? {
            return Ok(None);
        }
        Ok(Some(Self { connection, path: path.to_owned(), retention: Retention::default() }))
    }

    /// A store that is kept nowhere: empty, and gone with its value.
    ///
    /// # Errors
    /// If the database fails.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate::migrate(&mut connection)?;
        Ok(Self { connection, path: ":memory:".into(), retention: Retention::default() })
    }

    fn open_at(path: &Path) -> Result<Self, StoreError> {
        let opened = |source| StoreError::Open { path: path.to_owned(), source };
        if let Some(folder) = folder_of(path) {
            fs::metadata(folder).map_err(opened)?;
        }
        check_plain(path).map_err(opened)?;
        let mut connection = Connection::open(path)?;
        keep_private(path).map_err(opened)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate::migrate(&mut connection)?;
        write_ahead(&connection)?;
        Ok(Self { connection, path: path.to_owned(), retention: Retention::default() })
    }

    /// What could not be done, with the file that it failed on.
    fn failed(&self, what: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::File { what, path: self.path.clone(), source }
    }
}

fn about(what: &'static str, path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Database(source) => StoreError::File { what, path: path.to_owned(), source },
        error => error,
    }
}

/// Makes the folder that the file is to be in, for its owner only, where it is missing.
///
/// # Errors
/// If it cannot be made.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = folder_of(path).map_or(Ok(()), |folder| builder.create(folder));
    made.map_err(|source| StoreError::Open { path: path.to_owned(), source })
}

/// The folder of a file; `None` for one in the working directory.
fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

/// A store is a plain file. A device looks empty, and would be made private and written into.
fn check_plain(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// An empty file has just been made, and by the umask: what will be in it is for its owner only.
///
/// NOTE: by path and not by handle, because closing any handle of a SQLite file drops the locks
/// that this process holds on it.
fn keep_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if fs::metadata(path)?.len() == 0 {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Readers then do not wait for writers. It is a property of the file: whoever finds it in use
/// leaves the change to the next one.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
        Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => Err(error.into()),
        _ => Ok(connection.pragma_update(None, "synchronous", "NORMAL")?),
    }
}

/// Keeps a run, all of it or nothing.
fn keep(connection: &mut Connection, retention: Retention, run: &mut Run) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut times = save::remember(&transaction, run)?;
    swap_first_seen(run, &mut times);
    let kept = save::insert(&transaction, run)
        .and_then(|()| save::retain(&transaction, retention, run))
        .and_then(|()| Ok(transaction.commit()?));
    if kept.is_err() {
        // What was not kept is reported as it came, and not with times that nobody remembers.
        swap_first_seen(run, &mut times);
    }
    kept
}

impl Store for SqliteStore {
    fn save_run(&mut self, run: &mut Run) -> Result<(), StoreError> {
        let Self { connection, path, retention } = self;
        keep(connection, *retention, run).map_err(|error| about("save the run in", path, error))
    }

    fn run(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let ids: Vec<String> =
            self.list("SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id LIMIT 2", id, |row| {
                row.get(0)
            })?;
        match &*ids {
            [] => Ok(None),
            [only] => self.load(only),
            [first, ..] if first == id => self.load(first),
            _ => Err(StoreError::Ambiguous { prefix: id.to_owned() }),
        }
    }

    fn latest(&self) -> Result<Option<Run>, StoreError> {
        let ids: Vec<String> = self.list("SELECT id FROM runs ORDER BY seq DESC LIMIT ?1", 1, |row| row.get(0))?;
        ids.first().map_or(Ok(None), |id| self.load(id))
    }

    fn before(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let earlier: Vec<String> = self.list(
            "SELECT id FROM runs
             WHERE seq < (SELECT seq FROM runs WHERE id = ?1)
               AND id IN (SELECT run_id FROM run_accounts
                          WHERE account_id IN (SELECT account_id FROM run_accounts WHERE run_id = ?1))
             ORDER BY seq DESC LIMIT 1",
            id,
            |row| row.get(0),
        )?;
        earlier.first().map_or(Ok(None), |id| self.load(id))
    }

    fn runs(&self, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        self.list(
            "SELECT id, started_at, verdict, exit_code, complete, critical, high, medium, low, info, waived, account_set,
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND exposure = 'exposed'),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND open = 1),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND exposure = 'unknown'),
                    (SELECT count(*) FROM run_findings WHERE run_id = runs.id AND status = 'unknown'),
                    planned, scanned
             FROM runs ORDER BY seq DESC LIMIT ?1",
            rows::number(limit),
            values::run_summary,
        )
    }

    fn memory(&self, fingerprint: &str) -> Result<Option<FindingMemory>, StoreError> {
        let sql = format!(
            "SELECT {MEMORY_COLUMNS} FROM findings WHERE substr(fingerprint, 1, length(?1)) = ?1
             ORDER BY fingerprint LIMIT 2"
        );
        one_of(self.list(&sql, fingerprint, values::memory)?, fingerprint)
    }

    fn reopened(&self) -> Result<Vec<FindingMemory>, StoreError> {
        let sql = format!(
            "SELECT {MEMORY_COLUMNS} FROM findings WHERE reopened_at IS NOT NULL AND fixed_at IS NULL AND ?1
             ORDER BY reopened_at DESC, fingerprint"
        );
        self.list(&sql, true, values::memory)
    }

    fn reopenings(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(reopenings), 0) FROM findings";
        self.connection.query_row(sql, [], |row| values::count(row, 0)).map_err(|error| self.failed("read from", error))
    }

    fn closings(&self) -> Result<Vec<Closing>, StoreError> {
        self.list(
            "SELECT fingerprint, closings.severity, closings.status, coalesce(opened_at, first_seen), closed_at
             FROM closings JOIN findings USING (fingerprint) WHERE closings.status <> ?1
             ORDER BY closed_at, fingerprint",
            "unknown",
            values::closing,
        )
    }

    fn waivers(&self) -> Result<Vec<WaiverInEffect>, StoreError> {
        self.list(
            "SELECT run_id, fingerprint, owner, reason, ticket, expires
             FROM run_waivers JOIN runs ON runs.id = run_id
             WHERE seq IN (SELECT max(seq) FROM runs GROUP BY account_set) AND ?1
             ORDER BY expires, fingerprint, seq",
            true,
            values::waiver,
        )
    }

    fn points(&self, text: &str) -> Result<Vec<HistoryPoint>, StoreError> {
        self.list(
            "SELECT run_id, started_at, endpoint_id, exposure, open
             FROM run_endpoints JOIN runs ON runs.id = run_id
             WHERE instr(endpoint_id, ?1) > 0 ORDER BY endpoint_id, started_at, seq",
            text,
            values::point,
        )
    }

    fn acquire_lease(
        &mut self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Acquired, StoreError> {
        lease::acquire(&mut self.connection, name, holder, ttl, now)
            .map_err(|error| self.failed("take a lease in", error))
    }

    fn renew_lease(&mut self, lease: &Lease, ttl: Duration, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        lease::renew(&self.connection, lease, ttl, now).map_err(|error| self.failed("renew a lease in", error))
    }

    fn release_lease(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        lease::release(&self.connection, lease).map_err(|error| self.failed("give a lease back in", error))
    }

    fn append_record(&mut self, stream: &str, epoch: u64, version: u32, body: &[u8]) -> Result<Appended, StoreError> {
        lease::append(&self.connection, stream, epoch, version, body)
            .map_err(|error| self.failed("append a record in", error))
    }

    fn records(&self, stream: &str) -> Result<Vec<Record>, StoreError> {
        lease::records(&self.connection, stream).map_err(|error| self.failed("read from", error))
    }

    fn begin_shared_run(
        &mut self,
        name: &str,
        version: u32,
        plan: &[u8],
        now: DateTime<Utc>,
    ) -> Result<SharedRun, StoreError> {
        shards::begin(&mut self.connection, self.retention, name, version, plan, now)
            .map_err(|error| self.failed("begin a run of several shards in", error))
    }

    fn shared_run(&mut self, name: &str) -> Result<Option<SharedRun>, StoreError> {
        shards::find(&self.connection, name).map_err(|error| self.failed("read from", error))
    }

    fn claim_shard(
        &mut self,
        run: &str,
        shard: u32,
        holder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ShardClaim>, StoreError> {
        shards::take(&self.connection, run, shard, holder, now).map_err(|error| self.failed("claim a shard in", error))
    }

    fn shard_claims(&mut self, run: &str) -> Result<Vec<ShardClaim>, StoreError> {
        shards::claims(&self.connection, run).map_err(|error| self.failed("read from", error))
    }

    fn finish_part(&mut self, claim: &ShardClaim, part: &Part) -> Result<Finished, StoreError> {
        shards::finish(&mut self.connection, claim, part)
            .map_err(|error| self.failed("keep what a shard has read in", error))
    }

    fn finished_parts(&mut self, run: &str, round: u32) -> Result<Vec<String>, StoreError> {
        shards::names(&self.connection, run, round).map_err(|error| self.failed("read from", error))
    }

    fn part(&mut self, run: &str, round: u32, name: &str) -> Result<Option<Part>, StoreError> {
        shards::part(&self.connection, run, round, name).map_err(|error| self.failed("read from", error))
    }

    fn end_shared_run(&mut self, name: &str, merged_as: &str) -> Result<bool, StoreError> {
        shards::end(&mut self.connection, name, merged_as)
            .map_err(|error| self.failed("end a run of several shards in", error))
    }
}

impl SqliteStore {
    /// The rows of a query with one parameter.
    fn list<T>(
        &self,
        sql: &str,
        parameter: impl rusqlite::ToSql,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows =
            || -> rusqlite::Result<Vec<T>> { self.connection.prepare(sql)?.query_map([parameter], read)?.collect() };
        rows().map_err(|error| self.failed("read from", error))
    }

    fn load(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let row: Option<(i64, Vec<u8>)> = self
            .connection
            .query_row("SELECT body_version, body FROM runs WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(|error| self.failed("read from", error))?;
        row.map(|(version, body)| body::run_of(id, version, &body)).transpose()
    }
}
