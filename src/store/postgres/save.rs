//! Keeps a run on a PostgreSQL server, within one transaction. Rows of a kind travel in one statement,
//! as one array a column, since every statement costs a way to the server and back.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Error, Transaction};

use super::{
    AnyError,
    shards::drop_old,
    values::{self, text},
};
use crate::{
    findings::{Run, Seen},
    model::EndpointKind,
    store::{
        FindingMemory, Retention,
        body::{BODY_VERSION, body},
        memory::{MEMORY_COLUMNS, Recollection, accounts_spoken_of, recall, stamp, swap_first_seen},
        rows::{RunRows, account_set},
    },
};

/// Why a run was not saved.
pub(super) struct Failed {
    pub(super) error: AnyError,
    /// It was sent whole, and the answer did not come: it may be there.
    pub(super) at_commit: bool,
}

impl From<AnyError> for Failed {
    fn from(error: AnyError) -> Self {
        Self { error, at_commit: false }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error: error.into(), at_commit: false }
    }
}

/// Keeps the run, whose findings get their times in exchange for what is in `times` afterwards.
pub(super) async fn save(
    client: &mut Client,
    schema: &str,
    retention: Retention,
    run: &mut Run,
    times: &mut Vec<Option<DateTime<Utc>>>,
) -> Result<(), Failed> {
    let transaction = client.transaction().await?;
    lock(&transaction, schema).await?;
    let recollection = recollect(&transaction, run).await?;
    write_memories(&transaction, &recollection.changed).await?;
    write_closings(&transaction, &recollection.fixed).await?;
    *times = recollection.first_seen;
    swap_first_seen(run, times);
    insert(&transaction, run).await?;
    retain(&transaction, retention, run).await?;
    transaction.commit().await.map_err(|error| Failed { at_commit: error.as_db_error().is_none(), error: error.into() })
}

/// True if the run is there, once everybody who writes has ended.
pub(super) async fn find(client: &mut Client, schema: &str, id: &str) -> Result<bool, Error> {
    let transaction = client.transaction().await?;
    lock(&transaction, schema).await?;
    Ok(transaction.query_opt("SELECT 1 FROM runs WHERE id = $1", &[&id]).await?.is_some())
}

/// Lets one writer of the schema in at a time, until the end of the transaction.
pub(super) async fn lock(transaction: &Transaction<'_>, schema: &str) -> Result<(), Error> {
    let digest = Sha256::digest(format!("portcullis store {schema}").as_bytes());
    let key = digest.iter().take(8).fold(0_i64, |key, byte| (key << 8) | i64::from(*byte));
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&key]).await.map(drop)
}

async fn recollect(transaction: &Transaction<'_>, run: &Run) -> Result<Recollection, AnyError> {
    let seen = Seen::new(run);
    let fingerprints: Vec<&str> = run.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    let accounts = accounts_spoken_of(&seen);
    let sql = format!(
        "SELECT {MEMORY_COLUMNS} FROM findings
         WHERE fingerprint = ANY($1) OR (fixed_at IS NULL AND account_id = ANY($2) AND last_seen <= $3)"
    );
    let rows = transaction.query(&sql, &[&fingerprints, &accounts, &stamp(run.header.started_at)]).await?;
    let known = rows.iter().map(values::memory).collect::<Result<_, _>>()?;
    Ok(recall(run, &seen, &account_set(run), known))
}

/// One value of every item, as an array.
fn column<'a, T, V>(items: &'a [T], value: impl Fn(&'a T) -> V) -> Vec<V> {
    items.iter().map(value).collect()
}

async fn write_memories(transaction: &Transaction<'_>, changed: &[FindingMemory]) -> Result<(), Error> {
    if changed.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO findings ({MEMORY_COLUMNS})
         SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::TEXT[],
                              $8::TEXT[], $9::TEXT[], $10::TEXT[], $11::TIMESTAMPTZ[], $12::TIMESTAMPTZ[],
                              $13::TIMESTAMPTZ[], $14::TIMESTAMPTZ[], $15::BIGINT[], $16::TEXT[])
         ON CONFLICT (fingerprint) DO UPDATE SET
            title = excluded.title, severity = excluded.severity, status = excluded.status,
            first_seen = excluded.first_seen, last_seen = excluded.last_seen, fixed_at = excluded.fixed_at,
            reopened_at = excluded.reopened_at, reopenings = excluded.reopenings, seen_by = excluded.seen_by"
    );
    transaction
        .execute(
            &sql,
            &[
                &column(changed, |memory| &*memory.fingerprint),
                &column(changed, |memory| text(&memory.rule_id)),
                &column(changed, |memory| text(&memory.title)),
                &column(changed, |memory| memory.severity.as_str()),
                &column(changed, |memory| memory.status.as_str()),
                &column(changed, |memory| text(memory.subject.account_id.as_str())),
                &column(changed, |memory| text(memory.subject.region_id.as_str())),
                &column(changed, |memory| memory.subject.resource_kind.as_str()),
                &column(changed, |memory| text(&memory.subject.resource_id)),
                &column(changed, |memory| memory.subject.endpoint_kind.map(EndpointKind::as_str)),
                &column(changed, |memory| memory.first_seen),
                &column(changed, |memory| memory.last_seen),
                &column(changed, |memory| memory.fixed_at),
                &column(changed, |memory| memory.reopened_at),
                &column(changed, |memory| i64::try_from(memory.reopenings).unwrap_or(i64::MAX)),
                &column(changed, |memory| text(&memory.seen_by)),
            ],
        )
        .await
        .map(drop)
}

async fn write_closings(transaction: &Transaction<'_>, fixed: &[FindingMemory]) -> Result<(), Error> {
    if fixed.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO closings (fingerprint, closed_at, opened_at, severity, status)
               SELECT * FROM unnest($1::TEXT[], $2::TIMESTAMPTZ[], $3::TIMESTAMPTZ[], $4::TEXT[], $5::TEXT[])
               ON CONFLICT DO NOTHING";
    transaction
        .execute(
            sql,
            &[
                &column(fixed, |memory| &*memory.fingerprint),
                &column(fixed, |memory| memory.fixed_at),
                &column(fixed, |memory| memory.reopened_at),
                &column(fixed, |memory| memory.severity.as_str()),
                &column(fixed, |memory| memory.status.as_str()),
            ],
        )
        .await
        .map(drop)
}

/// Keeps the run and its rows.
async fn insert(transaction: &Transaction<'_>, run: &Run) -> Result<(), Error> {
    let rows = RunRows::of(run);
    insert_run(transaction, run, &rows).await?;
    let id = &run.header.id;
    let accounts = column(&rows.accounts, |account| text(account));
    let sql = "INSERT INTO run_accounts SELECT $1::TEXT, * FROM unnest($2::TEXT[]) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[id, &accounts]).await?;
    insert_endpoints(transaction, id, &rows).await?;
    if !rows.findings.is_empty() {
        let sql = "INSERT INTO run_findings SELECT $1::TEXT, * FROM unnest($2::TEXT[], $3::TEXT[], $4::TEXT[])";
        let (fingerprints, severities) = (column(&rows.findings, |row| row.0), column(&rows.findings, |row| row.1));
        transaction.execute(sql, &[id, &fingerprints, &severities, &column(&rows.findings, |row| row.2)]).await?;
    }
    insert_gaps(transaction, id, &rows).await?;
    insert_waivers(transaction, id, &rows).await
}

async fn insert_run(transaction: &Transaction<'_>, run: &Run, rows: &RunRows<'_>) -> Result<(), Error> {
    let header = &run.header;
    let [critical, high, medium, low, info] = rows.open;
    transaction
        .execute(
            "INSERT INTO runs (id, started_at, finished_at, tool_version, exit_code, verdict, interrupted,
                               snapshot_digest, rules_digest, complete, planned, scanned,
                               critical, high, medium, low, info, waived, account_set, body_version, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
            &[
                &header.id,
                &rows.started_at,
                &rows.finished_at,
                &header.tool_version,
                &i64::from(header.exit_code),
                &rows.verdict,
                &header.interrupted,
                &header.snapshot_digest,
                &header.rules_digest,
                &run.coverage.complete(),
                &rows.planned,
                &rows.scanned,
                &critical,
                &high,
                &medium,
                &low,
                &info,
                &rows.waived,
                &text(&rows.account_set),
                &BODY_VERSION,
                &body(run),
            ],
        )
        .await
        .map(drop)
}

async fn insert_endpoints(transaction: &Transaction<'_>, id: &str, rows: &RunRows<'_>) -> Result<(), Error> {
    let endpoints = &rows.endpoints;
    if endpoints.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO run_endpoints
               SELECT $1::TEXT, * FROM unnest($2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::TEXT[],
                                              $8::TEXT[], $9::BOOLEAN[], $10::TEXT[])";
    transaction
        .execute(
            sql,
            &[
                &id,
                &column(endpoints, |row| text(&row.id)),
                &column(endpoints, |row| text(row.judgement.endpoint.account_id.as_str())),
                &column(endpoints, |row| text(row.judgement.endpoint.region_id.as_str())),
                &column(endpoints, |row| row.judgement.endpoint.resource_kind.as_str()),
                &column(endpoints, |row| text(&row.judgement.endpoint.resource_id)),
                &column(endpoints, |row| row.judgement.endpoint.kind.as_str()),
                &column(endpoints, |row| row.judgement.exposure.as_str()),
                &column(endpoints, |row| row.open),
                &column(endpoints, |row| row.judgement.staleness.verdict.as_str()),
            ],
        )
        .await
        .map(drop)
}

async fn insert_gaps(transaction: &Transaction<'_>, id: &str, rows: &RunRows<'_>) -> Result<(), Error> {
    let gaps = &rows.gaps;
    if gaps.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO run_gaps
               SELECT $1::TEXT, * FROM unnest($2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::TEXT[],
                                              $8::TEXT[])";
    transaction
        .execute(
            sql,
            &[
                &id,
                &column(gaps, |row| text(row.unit.account_id.as_str())),
                &column(gaps, |row| text(row.unit.region_id.as_str())),
                &column(gaps, |row| text(&row.unit.product)),
                &column(gaps, |row| text(&row.unit.operation)),
                &column(gaps, |row| text(&row.unit.resource_id)),
                &column(gaps, |row| &*row.state),
                &column(gaps, |row| text(row.code)),
            ],
        )
        .await
        .map(drop)
}

async fn insert_waivers(transaction: &Transaction<'_>, id: &str, rows: &RunRows<'_>) -> Result<(), Error> {
    let waivers = &rows.waivers;
    if waivers.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO run_waivers
               SELECT $1::TEXT, * FROM unnest($2::TEXT[], $3::TEXT[], $4::TEXT[], $5::TEXT[], $6::TEXT[])";
    transaction
        .execute(
            sql,
            &[
                &id,
                &column(waivers, |(fingerprint, _)| *fingerprint),
                &column(waivers, |(_, note)| text(&note.owner)),
                &column(waivers, |(_, note)| text(&note.reason)),
                &column(waivers, |(_, note)| note.ticket.as_deref().map(text)),
                &column(waivers, |(_, note)| note.expires.to_string()),
            ],
        )
        .await
        .map(drop)
}

/// Drops what is not to be kept any longer.
async fn retain(transaction: &Transaction<'_>, retention: Retention, run: &Run) -> Result<(), Error> {
    drop_old(transaction, retention, run.header.started_at.min(run.header.finished_at)).await?;
    let Some(dropped) = retention.after(run) else { return Ok(()) };
    let sql = "DELETE FROM runs WHERE seq IN
                  (SELECT seq FROM
                      (SELECT seq, started_at, row_number() OVER (PARTITION BY account_set ORDER BY seq DESC) AS place
                       FROM runs) AS placed
                   WHERE place > 1 AND (place > $1 OR started_at < $2))";
    transaction.execute(sql, &[&dropped.beyond, &dropped.before]).await.map(drop)
}
