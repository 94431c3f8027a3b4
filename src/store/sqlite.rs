//! The store in one SQLite file. Several processes may use it at once: every change is one
//! immediate transaction, and whoever comes second waits.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder},
    io,
    path::Path,
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params,
    types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{FindingMemory, HistoryPoint, RunSummary, Store, StoreError, migrate};
use crate::{
    findings::{Finding, FindingStatus, Run, RunVerdict, Seen, Subject},
    model::{EndpointKind, PortVerdict, Severity, UnitState},
};

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(15);

/// Version of the JSON in `body`.
const BODY_VERSION: i64 = 1;

/// Compression level: beyond it, time grows faster than the file shrinks.
const COMPRESSION: i32 = 3;

/// A store in one file.
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, and makes it and its folder where they are missing, readable by the owner only.
    ///
    /// # Errors
    /// If the file cannot be made or opened, or is not a store that this version knows.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = |source| StoreError::Open { path: path.to_owned(), source };
        make_folder(path).map_err(opened)?;
        let mut connection = Connection::open(path)?;
        keep_private(path).map_err(opened)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate::migrate(&mut connection)?;
        write_ahead(&connection)?;
        Ok(Self { connection })
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => builder.create(parent),
        _ => Ok(()),
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

impl Store for SqliteStore {
    fn save_run(&mut self, run: &mut Run) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut times = remember(&transaction, run)?;
        swap_first_seen(run, &mut times);
        let kept = insert_run(&transaction, run)
            .and_then(|()| insert_rows(&transaction, run))
            .and_then(|()| Ok(transaction.commit()?));
        if kept.is_err() {
            // What was not kept is reported as it came, and not with times that nobody remembers.
            swap_first_seen(run, &mut times);
        }
        kept
    }

    fn run(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id LIMIT 2")?;
        let ids: Vec<String> = statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        match &*ids {
            [] => Ok(None),
            [only] => self.load(only),
            [first, ..] if first == id => self.load(first),
            _ => Err(StoreError::Ambiguous { prefix: id.to_owned() }),
        }
    }

    fn latest(&self) -> Result<Option<Run>, StoreError> {
        let id: Option<String> = self
            .connection
            .query_row("SELECT id FROM runs ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
            .optional()?;
        id.map_or(Ok(None), |id| self.load(&id))
    }

    fn before(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let earlier: Option<String> = self
            .connection
            .query_row(
                "SELECT id FROM runs
                 WHERE seq < (SELECT seq FROM runs WHERE id = ?1)
                   AND id IN (SELECT run_id FROM run_accounts
                              WHERE account_id IN (SELECT account_id FROM run_accounts WHERE run_id = ?1))
                 ORDER BY seq DESC LIMIT 1",
                [id],
                |row| row.get(0),
            )
            .optional()?;
        earlier.map_or(Ok(None), |id| self.load(&id))
    }

    fn runs(&self, limit: usize) -> Result<Vec<RunSummary>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, started_at, verdict, exit_code, complete, critical, high, medium, low, info, waived,
                    (SELECT group_concat(account_id) FROM
                        (SELECT account_id FROM run_accounts WHERE run_id = runs.id ORDER BY account_id)),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND exposure = 'exposed'),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND open = 1),
                    (SELECT count(*) FROM run_endpoints WHERE run_id = runs.id AND exposure = 'unknown'),
                    (SELECT count(*) FROM run_findings WHERE run_id = runs.id AND status = 'unknown')
             FROM runs ORDER BY seq DESC LIMIT ?1",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([limit], run_summary)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn memory(&self, fingerprint: &str) -> Result<Option<FindingMemory>, StoreError> {
        let sql = format!("SELECT {MEMORY_COLUMNS} FROM findings WHERE fingerprint = ?1");
        Ok(self.connection.query_row(&sql, [fingerprint], memory).optional()?)
    }

    fn reopened(&self) -> Result<Vec<FindingMemory>, StoreError> {
        let sql = format!(
            "SELECT {MEMORY_COLUMNS} FROM findings WHERE reopened_at IS NOT NULL AND fixed_at IS NULL
             ORDER BY reopened_at DESC, fingerprint"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([], memory)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn points(&self, text: &str) -> Result<Vec<HistoryPoint>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT run_id, started_at, endpoint_id, exposure, open
             FROM run_endpoints JOIN runs ON runs.id = run_id
             WHERE instr(endpoint_id, ?1) > 0 ORDER BY endpoint_id, started_at, seq",
        )?;
        let rows = statement.query_map([text], |row| {
            Ok(HistoryPoint {
                run_id: row.get(0)?,
                at: row.get::<_, Stamp>(1)?.0,
                endpoint_id: row.get(2)?,
                exposure: row.get::<_, Word<_>>(3)?.0,
                open: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl SqliteStore {
    fn load(&self, id: &str) -> Result<Option<Run>, StoreError> {
        let row: Option<(i64, Vec<u8>)> = self
            .connection
            .query_row("SELECT body_version, body FROM runs WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((version, body)) = row else { return Ok(None) };
        let damaged = |why: String| StoreError::Damaged { id: id.to_owned(), why };
        if version > BODY_VERSION {
            return Err(damaged(format!(
                "it has format {version}, and this version knows {BODY_VERSION}; use the newer portcullis that wrote it"
            )));
        }
        let json = zstd::decode_all(&*body).map_err(|error| damaged(error.to_string()))?;
        serde_json::from_slice(&json).map(Some).map_err(|error| damaged(error.to_string()))
    }
}

/// Updates what is remembered of findings, and says when each of this run's was seen first, in
/// their order.
fn remember(transaction: &Transaction<'_>, run: &Run) -> Result<Vec<Option<DateTime<Utc>>>, StoreError> {
    let now = run.header.started_at;
    let first_seen = run.findings.iter().map(|finding| remember_one(transaction, finding, now).map(Some));
    let first_seen = first_seen.collect::<Result<_, _>>()?;
    forget_fixed(transaction, run)?;
    Ok(first_seen)
}

/// Gives every finding its time, and keeps the one that it had. A run is too large to copy it.
fn swap_first_seen(run: &mut Run, times: &mut [Option<DateTime<Utc>>]) {
    for (finding, time) in run.findings.iter_mut().zip(times) {
        std::mem::swap(&mut finding.first_seen, time);
    }
}

fn remember_one(
    transaction: &Transaction<'_>,
    finding: &Finding,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    // A run of an earlier day that is saved late (a snapshot judged again) only widens the span.
    transaction
        .prepare_cached(
            "INSERT INTO findings (fingerprint, rule_id, title, severity, status, account_id, region_id,
                                   resource_kind, resource_id, endpoint_kind, first_seen, last_seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)
             ON CONFLICT (fingerprint) DO UPDATE SET
                first_seen = min(first_seen, excluded.first_seen),
                title = CASE WHEN excluded.last_seen >= last_seen THEN excluded.title ELSE title END,
                severity = CASE WHEN excluded.last_seen >= last_seen THEN excluded.severity ELSE severity END,
                status = CASE WHEN excluded.last_seen >= last_seen THEN excluded.status ELSE status END,
                reopened_at = CASE WHEN fixed_at <= excluded.last_seen THEN excluded.last_seen ELSE reopened_at END,
                fixed_at = CASE WHEN fixed_at <= excluded.last_seen THEN NULL ELSE fixed_at END,
                last_seen = max(last_seen, excluded.last_seen)",
        )?
        .execute(params![
            finding.fingerprint,
            finding.rule_id,
            finding.title.as_str(),
            finding.severity.as_str(),
            finding.status.as_str(),
            finding.subject.account_id.as_str(),
            finding.subject.region_id.as_str(),
            finding.subject.resource_kind.as_str(),
            finding.subject.resource_id,
            finding.subject.endpoint_kind.map(EndpointKind::as_str),
            Stamp(now),
        ])?;
    Ok(transaction
        .prepare_cached("SELECT first_seen FROM findings WHERE fingerprint = ?1")?
        .query_row([&finding.fingerprint], |row| row.get::<_, Stamp>(0))?
        .0)
}

/// Marks as fixed what this run looked at and did not find.
fn forget_fixed(transaction: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let now = run.header.started_at;
    let seen = Seen::new(run);
    let found: BTreeSet<&str> = run.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    let mut statement = transaction.prepare_cached(
        "SELECT fingerprint, account_id, region_id, resource_kind, resource_id, endpoint_kind, rule_id
         FROM findings WHERE fixed_at IS NULL AND last_seen <= ?1",
    )?;
    let remembered: Vec<(String, String, Subject)> = statement
        .query_map([Stamp(now)], |row| Ok((row.get(0)?, row.get(6)?, subject(row)?)))?
        .collect::<Result<_, _>>()?;
    let mut fix = transaction.prepare_cached("UPDATE findings SET fixed_at = ?2 WHERE fingerprint = ?1")?;
    for (fingerprint, rule_id, subject) in &remembered {
        if !found.contains(fingerprint.as_str()) && seen.read(rule_id, subject) {
            fix.execute(params![fingerprint, Stamp(now)])?;
        }
    }
    Ok(())
}

fn subject(row: &Row<'_>) -> rusqlite::Result<Subject> {
    Ok(Subject {
        account_id: row.get::<_, String>(1)?.into(),
        region_id: row.get::<_, String>(2)?.into(),
        resource_kind: row.get::<_, Word<_>>(3)?.0,
        resource_id: row.get(4)?,
        endpoint_kind: row.get::<_, Option<Word<_>>>(5)?.map(|word| word.0),
    })
}

fn insert_run(transaction: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let body = body(run).expect("a run has text keys only, and compressing in memory cannot fail");
    let count = |severity: Severity| {
        number(
            run.findings
                .iter()
                .filter(|finding| finding.severity == severity && finding.status == FindingStatus::Open)
                .count(),
        )
    };
    let waived = run.findings.iter().filter(|finding| finding.status == FindingStatus::Waived).count();
    let header = &run.header;
    transaction.execute(
        "INSERT INTO runs (id, started_at, finished_at, tool_version, exit_code, verdict, interrupted,
                           snapshot_digest, rules_digest, complete, planned, scanned,
                           critical, high, medium, low, info, waived, body_version, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        params![
            header.id,
            Stamp(header.started_at),
            Stamp(header.finished_at),
            header.tool_version,
            header.exit_code,
            word(&run.verdict),
            header.interrupted,
            header.snapshot_digest,
            header.rules_digest,
            run.coverage.complete(),
            number(run.coverage.planned()),
            number(run.coverage.count(UnitState::Scanned)),
            count(Severity::Critical),
            count(Severity::High),
            count(Severity::Medium),
            count(Severity::Low),
            count(Severity::Info),
            number(waived),
            BODY_VERSION,
            body,
        ],
    )?;
    Ok(())
}

/// The run as compressed JSON, which is never in memory whole as plain text.
fn body(run: &Run) -> io::Result<Vec<u8>> {
    let mut out = io::BufWriter::new(zstd::Encoder::new(Vec::new(), COMPRESSION)?);
    serde_json::to_writer(&mut out, run)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

fn insert_rows(transaction: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let id = &run.header.id;
    let callers = run.header.caller.iter().map(|caller| caller.account_id.as_str());
    let units = run.coverage.scanned_units().map(|unit| unit.account_id.as_str());
    let unread = run.coverage.gaps().map(|gap| gap.unit.account_id.as_str());
    let accounts: BTreeSet<&str> = callers.chain(units).chain(unread).collect();
    let mut account = transaction.prepare_cached("INSERT INTO run_accounts (run_id, account_id) VALUES (?1, ?2)")?;
    for account_id in accounts {
        account.execute(params![id, account_id])?;
    }
    let mut endpoint = transaction
        .prepare_cached("INSERT OR REPLACE INTO run_endpoints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    for judgement in &run.judgements.endpoints {
        let subject = &judgement.endpoint;
        endpoint.execute(params![
            id,
            subject.id(),
            subject.account_id.as_str(),
            subject.region_id.as_str(),
            subject.resource_kind.as_str(),
            subject.resource_id,
            subject.kind.as_str(),
            judgement.exposure.as_str(),
            judgement.access.iter().any(|row| row.verdict == PortVerdict::Open),
            judgement.staleness.verdict.as_str(),
        ])?;
    }
    let mut finding_row = transaction.prepare_cached("INSERT OR REPLACE INTO run_findings VALUES (?1, ?2, ?3, ?4)")?;
    for finding in &run.findings {
        finding_row.execute(params![id, finding.fingerprint, finding.severity.as_str(), finding.status.as_str()])?;
    }
    let mut gap_row =
        transaction.prepare_cached("INSERT OR REPLACE INTO run_gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for gap in run.coverage.gaps() {
        let unit = &gap.unit;
        gap_row.execute(params![
            id,
            unit.account_id.as_str(),
            unit.region_id.as_str(),
            unit.product,
            unit.operation,
            unit.resource_id,
            word(&gap.state),
            gap.code,
        ])?;
    }
    Ok(())
}

fn run_summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    let accounts: Option<String> = row.get(11)?;
    Ok(RunSummary {
        id: row.get(0)?,
        started_at: row.get::<_, Stamp>(1)?.0,
        verdict: row.get::<_, Word<RunVerdict>>(2)?.0,
        exit_code: row.get(3)?,
        complete: row.get(4)?,
        findings: [count(row, 5)?, count(row, 6)?, count(row, 7)?, count(row, 8)?, count(row, 9)?],
        waived: count(row, 10)?,
        accounts: accounts.unwrap_or_default().split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        endpoints: count(row, 12)?,
        exposed: count(row, 13)?,
        open: count(row, 14)?,
        unknown: count(row, 15)?,
        undecided: count(row, 16)?,
    })
}

const MEMORY_COLUMNS: &str = "fingerprint, rule_id, title, severity, status, region_id, resource_id, first_seen, last_seen, \
                              fixed_at, reopened_at";

fn memory(row: &Row<'_>) -> rusqlite::Result<FindingMemory> {
    Ok(FindingMemory {
        fingerprint: row.get(0)?,
        rule_id: row.get(1)?,
        title: row.get(2)?,
        severity: row.get::<_, Word<_>>(3)?.0,
        status: row.get::<_, Word<_>>(4)?.0,
        region_id: row.get(5)?,
        resource_id: row.get(6)?,
        first_seen: row.get::<_, Stamp>(7)?.0,
        last_seen: row.get::<_, Stamp>(8)?.0,
        fixed_at: row.get::<_, Option<Stamp>>(9)?.map(|stamp| stamp.0),
        reopened_at: row.get::<_, Option<Stamp>>(10)?.map(|stamp| stamp.0),
    })
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A time as stored: UTC with milliseconds and fixed width, so that text order is time order.
struct Stamp(DateTime<Utc>);

impl FromSql for Stamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        DateTime::parse_from_rfc3339(value.as_str()?)
            .map(|at| Self(at.to_utc()))
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Stamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into())
    }
}

/// A value that is stored as the word it has in reports.
struct Word<T>(T);

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text))
            .map(Self)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// The word that an enum has in reports.
fn word<T: Serialize + for<'a> Deserialize<'a>>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum of words serialises as a word, not as {other:?}"),
    }
}
