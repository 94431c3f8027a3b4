//! Keeps a run in a SQLite file, within one transaction.

use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};

use super::values::{Stamp, memory};
use crate::{
    findings::{Run, Seen},
    model::EndpointKind,
    store::{
        FindingMemory, Retention, StoreError,
        body::{BODY_VERSION, body},
        memory::{MEMORY_COLUMNS, accounts_spoken_of, recall, stamp},
        rows::{RunRows, account_set},
    },
};

/// Updates what is remembered of findings, and says when each of this run's was seen first, in
/// their order.
pub(super) fn remember(transaction: &Transaction<'_>, run: &Run) -> Result<Vec<Option<DateTime<Utc>>>, StoreError> {
    let seen = Seen::new(run);
    let known = known(transaction, run, &seen)?;
    let recollection = recall(run, &seen, &account_set(run), known);
    for memory in &recollection.changed {
        write_memory(transaction, memory)?;
    }
    let mut closing = transaction.prepare_cached(
        "INSERT INTO closings (fingerprint, closed_at, opened_at, severity, status) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?;
    for memory in &recollection.fixed {
        closing.execute(params![
            memory.fingerprint,
            memory.fixed_at.map(Stamp),
            memory.reopened_at.map(Stamp),
            memory.severity.as_str(),
            memory.status.as_str(),
        ])?;
    }
    Ok(recollection.first_seen)
}

/// What is remembered of this run's findings, and of those that it may have fixed.
fn known(transaction: &Transaction<'_>, run: &Run, seen: &Seen<'_>) -> Result<Vec<FindingMemory>, StoreError> {
    let mut known = Vec::new();
    let mut of_run =
        transaction.prepare_cached(&format!("SELECT {MEMORY_COLUMNS} FROM findings WHERE fingerprint = ?1"))?;
    for finding in &run.findings {
        for row in of_run.query_map([&finding.fingerprint], memory)? {
            known.push(row?);
        }
    }
    let mut not_fixed = transaction.prepare_cached(&format!(
        "SELECT {MEMORY_COLUMNS} FROM findings WHERE fixed_at IS NULL AND account_id = ?1 AND last_seen <= ?2"
    ))?;
    for account_id in accounts_spoken_of(seen) {
        for row in not_fixed.query_map(params![account_id, Stamp(stamp(run.header.started_at))], memory)? {
            known.push(row?);
        }
    }
    Ok(known)
}

fn write_memory(transaction: &Transaction<'_>, memory: &FindingMemory) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO findings ({MEMORY_COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (fingerprint) DO UPDATE SET
            title = excluded.title, severity = excluded.severity, status = excluded.status,
            first_seen = excluded.first_seen, last_seen = excluded.last_seen, fixed_at = excluded.fixed_at,
            reopened_at = excluded.reopened_at, reopenings = excluded.reopenings, seen_by = excluded.seen_by"
    );
    transaction.prepare_cached(&sql)?.execute(params![
        memory.fingerprint,
        memory.rule_id,
        memory.title,
        memory.severity.as_str(),
        memory.status.as_str(),
        memory.subject.account_id.as_str(),
        memory.subject.region_id.as_str(),
        memory.subject.resource_kind.as_str(),
        memory.subject.resource_id,
        memory.subject.endpoint_kind.map(EndpointKind::as_str),
        Stamp(memory.first_seen),
        Stamp(memory.last_seen),
        memory.fixed_at.map(Stamp),
        memory.reopened_at.map(Stamp),
        i64::try_from(memory.reopenings).unwrap_or(i64::MAX),
        memory.seen_by,
    ])?;
    Ok(())
}

/// Keeps the run and its rows.
pub(super) fn insert(transaction: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let rows = RunRows::of(run);
    insert_run(transaction, run, &rows)?;
    let id = &run.header.id;
    let mut account = transaction.prepare_cached("INSERT INTO run_accounts (run_id, account_id) VALUES (?1, ?2)")?;
    for account_id in &rows.accounts {
        account.execute(params![id, account_id])?;
    }
    let mut endpoint =
        transaction.prepare_cached("INSERT INTO run_endpoints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    for row in &rows.endpoints {
        let subject = &row.judgement.endpoint;
        endpoint.execute(params![
            id,
            row.id,
            subject.account_id.as_str(),
            subject.region_id.as_str(),
            subject.resource_kind.as_str(),
            subject.resource_id,
            subject.kind.as_str(),
            row.judgement.exposure.as_str(),
            row.open,
            row.judgement.staleness.verdict.as_str(),
        ])?;
    }
    let mut finding = transaction.prepare_cached("INSERT INTO run_findings VALUES (?1, ?2, ?3, ?4)")?;
    for (fingerprint, severity, status) in &rows.findings {
        finding.execute(params![id, fingerprint, severity, status])?;
    }
    let mut gap = transaction.prepare_cached("INSERT INTO run_gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for row in &rows.gaps {
        let unit = row.unit;
        gap.execute(params![
            id,
            unit.account_id.as_str(),
            unit.region_id.as_str(),
            unit.product,
            unit.operation,
            unit.resource_id,
            row.state,
            row.code,
        ])?;
    }
    let mut waiver = transaction.prepare_cached("INSERT INTO run_waivers VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (fingerprint, note) in &rows.waivers {
        waiver.execute(params![id, fingerprint, note.owner, note.reason, note.ticket, note.expires.to_string()])?;
    }
    Ok(())
}

fn insert_run(transaction: &Transaction<'_>, run: &Run, rows: &RunRows<'_>) -> Result<(), StoreError> {
    let header = &run.header;
    let [critical, high, medium, low, info] = rows.open;
    transaction.execute(
        "INSERT INTO runs (id, started_at, finished_at, tool_version, exit_code, verdict, interrupted,
                           snapshot_digest, rules_digest, complete, planned, scanned,
                           critical, high, medium, low, info, waived, account_set, body_version, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        params![
            header.id,
            Stamp(rows.started_at),
            Stamp(rows.finished_at),
            header.tool_version,
            header.exit_code,
            rows.verdict,
            header.interrupted,
            header.snapshot_digest,
            header.rules_digest,
            run.coverage.complete(),
            rows.planned,
            rows.scanned,
            critical,
            high,
            medium,
            low,
            info,
            rows.waived,
            rows.account_set,
            BODY_VERSION,
            body(run),
        ],
    )?;
    Ok(())
}

/// Drops what is not to be kept any longer.
pub(super) fn retain(transaction: &Transaction<'_>, retention: Retention, run: &Run) -> Result<(), StoreError> {
    super::shards::drop_old(transaction, retention, run.header.started_at.min(run.header.finished_at))?;
    let Some(dropped) = retention.after(run) else { return Ok(()) };
    transaction.execute(
        "DELETE FROM runs WHERE seq IN
            (SELECT seq FROM
                (SELECT seq, started_at, row_number() OVER (PARTITION BY account_set ORDER BY seq DESC) AS place
                 FROM runs)
             WHERE place > 1 AND (place > ?1 OR started_at < ?2))",
        params![dropped.beyond, dropped.before.map(Stamp)],
    )?;
    Ok(())
}
