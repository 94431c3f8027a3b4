//! The store on a PostgreSQL server, for several runners or people. Every change is one transaction,
//! and whoever saves a run holds a lock of the schema until it ends: what is remembered of findings
//! is decided by one writer at a time.
//!
//! The client is asynchronous and [`Store`] is not: a store has a small runtime of its own, and so
//! must not be used on a thread that drives another one.

mod connect;
mod lease;
mod migrate;
mod save;
mod shards;
mod values;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Row, types::ToSql};

use super::{
    Acquired, Appended, Closing, FindingMemory, Finished, HistoryPoint, Lease, Part, PostgresUrl, Record, RunSummary,
    ShardClaim, SharedRun, Store, StoreError, StoreOptions, WaiverInEffect, body,
    lease::RECORD_COLUMNS,
    memory::{MEMORY_COLUMNS, one_of, swap_first_seen},
    rows::number,
};
use crate::findings::Run;

/// A connection that was silent for longer is made anew before something is changed: scans take long,
/// and what is between us and the server may have forgotten it, so that a question would wait in vain.
const SILENCE: Duration = Duration::from_secs(20);

/// A store on a server.
pub struct PostgresStore {
    // Before the runtime: its task ends first.
    client: Client,
    runtime: Runtime,
    url: PostgresUrl,
    options: StoreOptions,
    used: Instant,
}

/// What may be passed to a statement.
type Parameter<'a> = &'a (dyn ToSql + Sync);

/// A cause, of the client or of a value that cannot be read.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl PostgresStore {
    /// Connects, and makes schema and tables where they are missing.
    ///
    /// # Errors
    /// If the server cannot be reached or lets nobody in, or the schema is not one that this version knows.
    pub fn open(url: &PostgresUrl, options: StoreOptions) -> Result<Self, StoreError> {
        let mut store = Self::connect(url, options)?;
        store.runtime.block_on(migrate::migrate(&mut store.client, url))?;
        Ok(store)
    }

    /// Connects; `None` where there is no schema or no table in it, and none is made or changed.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if an older version made it.
    pub fn open_existing(url: &PostgresUrl, options: StoreOptions) -> Result<Option<Self>, StoreError> {
        let mut store = Self::connect(url, options)?;
        let is_made = store.runtime.block_on(migrate::is_made(&mut store.client, url))?;
        Ok(is_made.then_some(store))
    }

    fn connect(url: &PostgresUrl, options: StoreOptions) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Connect { place: url.to_string(), source: Box::new(error) })?;
        let client = runtime.block_on(connect::connect(url, options.password.as_ref()))?;
        Ok(Self { client, runtime, url: url.clone(), options, used: Instant::now() })
    }

    /// Makes the connection anew where it is broken or was silent for long.
    fn awake(&mut self) -> Result<(), StoreError> {
        let is_awake = self.used.elapsed() < SILENCE && self.runtime.block_on(self.client.check_connection()).is_ok();
        if !is_awake {
            self.client = self.runtime.block_on(connect::connect(&self.url, self.options.password.as_ref()))?;
        }
        self.used = Instant::now();
        Ok(())
    }

    /// The rows of a query.
    fn rows(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        self.runtime.block_on(self.client.query(sql, parameters)).map_err(|error| self.failed("read from", error))
    }

    fn list<T>(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        read: impl Fn(&Row) -> Result<T, AnyError>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.rows(sql, parameters)?;
        rows.iter().map(|row| read(row).map_err(|error| self.failed("read from", error))).collect()
    }

    fn failed(&self, what: &'static str, error: impl Into<AnyError>) -> StoreError {
        StoreError::Shared { what, place: self.url.to_string(), source: error.into() }
    }

    /// The run of the first row, whose first column is an id.
    fn load_first(&self, rows: &[Row]) -> Result<Option<Run>, StoreError> {
        rows.first().map_or(Ok(None), |row| self.load(row.get(0)))
    }

    fn load(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let rows = self.rows("SELECT body_version, body FROM runs WHERE id = $1", &[&id])?;
        rows.first().map(|row| body::run_of(id, row.get(0), row.get(1))).transpose()
    }

    /// After a commit whose answer was lost: true if it was done all the same.
    fn is_kept(&mut self, id: &str) -> Result<bool, StoreError> {
        self.client = self.runtime.block_on(connect::connect(&self.url, self.options.password.as_ref()))?;
        // The lock is free as soon as the other transaction has ended, this way or that.
        let found = self.runtime.block_on(save::find(&mut self.client, &self.url.schema, id));
        found.map_err(|error| self.failed("read from", error))
    }
}

impl Store for PostgresStore {
    fn save_run(&mut self, run: &mut Run) -> Result<(), StoreError> {
        self.awake()?;
        let mut times = Vec::new();
        let saving = save::save(&mut self.client, &self.url.schema, self.options.retention, run, &mut times);
        let failed = match self.runtime.block_on(saving) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        let is_kept = if failed.at_commit { self.is_kept(&run.header.id) } else { Ok(false) };
        let failure = match is_kept {
            Ok(true) => return Ok(()),
            Ok(false) => self.failed("save the run in", failed.error),
            Err(_) => StoreError::Unsure { place: self.url.to_string(), source: failed.error },
        };
        // What was not kept is reported as it came, and not with times that nobody remembers.
        swap_first_seen(run, &mut times);
        Err(failure)
    }

    fn run(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let found = self.rows("SELECT id FROM runs WHERE left(id, length($1)) = $1 ORDER BY id LIMIT 2", &[&id])?;
        match &*found {
            [_, _, ..] if found[0].get::<_, &str>(0) != id => Err(StoreError::Ambiguous { prefix: id.to_owned() }),
            found => self.load_first(found),
        }
    }

    fn latest(&self) -> Result<Option<Run>, StoreError> {
        self.load_first(&self.rows("SELECT id FROM runs ORDER BY seq DESC LIMIT 1", &[])?)
    }

    fn before(&self, id: &str) -> Result<Option<Run>, StoreError> {
        self.load_first(&self.rows(
            "SELECT id FROM runs
             WHERE seq < (SELECT seq FROM runs WHERE id = $1)
               AND id IN (SELECT run_id FROM run_accounts
                          WHERE account_id IN (SELECT account_id FROM run_accounts WHERE run_id = $1))
             ORDER BY seq DESC LIMIT 1",
            &[&id],
        )?)
    }

    fn runs(&self, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        self.list(
            "SELECT id, started_at, verdict, exit_code, complete, critical, high, medium, low, info, waived, account_set,
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND exposure = 'exposed'),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND open),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND exposure = 'unknown'),
                    (SELECT count(*) FROM run_findings WHERE run_id = runs.id AND status = 'unknown'),
                    planned, scanned
             FROM runs ORDER BY seq DESC LIMIT $1",
            &[&number(limit)],
            values::run_summary,
        )
    }

    fn memory(&self, fingerprint: &str) -> Result<Option<FindingMemory>, StoreError> {
        let sql = format!(
            "SELECT {MEMORY_COLUMNS} FROM findings WHERE left(fingerprint, length($1)) = $1
             ORDER BY fingerprint LIMIT 2"
        );
        one_of(self.list(&sql, &[&fingerprint], values::memory)?, fingerprint)
    }

    fn reopened(&self) -> Result<Vec<FindingMemory>, StoreError> {
        let sql = format!(
            "SELECT {MEMORY_COLUMNS} FROM findings WHERE reopened_at IS NOT NULL AND fixed_at IS NULL
             ORDER BY reopened_at DESC, fingerprint"
        );
        self.list(&sql, &[], values::memory)
    }

    fn reopenings(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(reopenings), 0)::BIGINT FROM findings";
        Ok(self.list(sql, &[], |row| values::count(row, 0))?.pop().unwrap_or_default())
    }

    fn closings(&self) -> Result<Vec<Closing>, StoreError> {
        self.list(
            "SELECT fingerprint, closings.severity, closings.status, coalesce(opened_at, first_seen), closed_at
             FROM closings JOIN findings USING (fingerprint) WHERE closings.status <> 'unknown'
             ORDER BY closed_at, fingerprint",
            &[],
            values::closing,
        )
    }

    fn waivers(&self) -> Result<Vec<WaiverInEffect>, StoreError> {
        self.list(
            "SELECT run_id, fingerprint, owner, reason, ticket, expires
             FROM run_waivers JOIN runs ON runs.id = run_id
             WHERE seq IN (SELECT max(seq) FROM runs GROUP BY account_set)
             ORDER BY expires COLLATE \"C\", fingerprint, seq",
            &[],
            values::waiver,
        )
    }

    fn points(&self, text: &str) -> Result<Vec<HistoryPoint>, StoreError> {
        self.list(
            "SELECT run_id, started_at, endpoint_id, exposure, open
             FROM run_endpoints JOIN runs ON runs.id = run_id
             WHERE strpos(endpoint_id, $1) > 0 ORDER BY endpoint_id, started_at, seq",
            &[&text],
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
        self.awake()?;
        let acquired = self.runtime.block_on(lease::acquire(&mut self.client, name, holder, ttl, now));
        acquired.map_err(|error| self.failed("take a lease in", error))
    }

    fn renew_lease(&mut self, lease: &Lease, ttl: Duration, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        self.awake()?;
        let renewed = self.runtime.block_on(lease::renew(&self.client, lease, ttl, now));
        renewed.map_err(|error| self.failed("renew a lease in", error))
    }

    fn release_lease(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        self.awake()?;
        let released = self.runtime.block_on(lease::release(&self.client, lease));
        released.map_err(|error| self.failed("give a lease back in", error))
    }

    fn append_record(&mut self, stream: &str, epoch: u64, version: u32, body: &[u8]) -> Result<Appended, StoreError> {
        self.awake()?;
        let appended = self.runtime.block_on(lease::append(&mut self.client, stream, epoch, version, body));
        appended.map_err(|error| self.failed("append a record in", error))
    }

    fn records(&self, stream: &str) -> Result<Vec<Record>, StoreError> {
        let sql = format!("SELECT {RECORD_COLUMNS} FROM records WHERE stream = $1 ORDER BY position");
        self.list(&sql, &[&stream], values::record)
    }

    fn begin_shared_run(
        &mut self,
        name: &str,
        version: u32,
        plan: &[u8],
        now: DateTime<Utc>,
    ) -> Result<SharedRun, StoreError> {
        self.awake()?;
        let retention = self.options.retention;
        let begun = self.runtime.block_on(shards::begin(&mut self.client, retention, name, version, plan, now));
        begun.map_err(|error| self.failed("begin a run of several shards in", error))
    }

    fn shared_run(&mut self, name: &str) -> Result<Option<SharedRun>, StoreError> {
        self.awake()?;
        let found = self.runtime.block_on(shards::find(&self.client, name));
        found.map_err(|error| self.failed("read from", error))
    }

    fn claim_shard(
        &mut self,
        run: &str,
        shard: u32,
        holder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ShardClaim>, StoreError> {
        self.awake()?;
        let taken = self.runtime.block_on(shards::take(&mut self.client, run, shard, holder, now));
        taken.map_err(|error| self.failed("claim a shard in", error))
    }

    fn shard_claims(&mut self, run: &str) -> Result<Vec<ShardClaim>, StoreError> {
        self.awake()?;
        let claims = self.runtime.block_on(shards::claims(&self.client, run));
        claims.map_err(|error| self.failed("read from", error))
    }

    fn finish_part(&mut self, claim: &ShardClaim, part: &Part) -> Result<Finished, StoreError> {
        self.awake()?;
        let finished = self.runtime.block_on(shards::finish(&mut self.client, claim, part));
        finished.map_err(|error| self.failed("keep what a shard has read in", error))
    }

    fn finished_parts(&mut self, run: &str, round: u32) -> Result<Vec<String>, StoreError> {
        self.awake()?;
        let names = self.runtime.block_on(shards::names(&self.client, run, round));
        names.map_err(|error| self.failed("read from", error))
    }

    fn part(&mut self, run: &str, round: u32, name: &str) -> Result<Option<Part>, StoreError> {
        self.awake()?;
        let part = self.runtime.block_on(shards::part(&self.client, run, round, name));
        part.map_err(|error| self.failed("read from", error))
    }

    fn end_shared_run(&mut self, name: &str, merged_as: &str) -> Result<bool, StoreError> {
        self.awake()?;
        let ended = self.runtime.block_on(shards::end(&mut self.client, name, merged_as));
        ended.map_err(|error| self.failed("end a run of several shards in", error))
    }
}
