//! Runs of several shards in a SQLite file: every change is one statement, or one immediate transaction.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::values::count;
use crate::store::{
    Finished, Part, Retention, ShardClaim, SharedRun,
    rows::of_epoch,
    shards::{CLAIM_COLUMNS, RUN_COLUMNS, of_millis},
};

fn shared_run(row: &Row<'_>) -> rusqlite::Result<SharedRun> {
    Ok(SharedRun {
        name: row.get(0)?,
        began_at: of_millis(row.get(1)?),
        version: row.get(2)?,
        plan: row.get(3)?,
        merged_as: row.get(4)?,
    })
}

fn claim(row: &Row<'_>) -> rusqlite::Result<ShardClaim> {
    Ok(ShardClaim {
        run: row.get(0)?,
        shard: row.get(1)?,
        epoch: count(row, 2)?,
        holder: row.get(3)?,
        claimed_at: of_millis(row.get(4)?),
    })
}

fn run_by_name() -> String {
    format!("SELECT {RUN_COLUMNS} FROM shared_runs WHERE name = ?1")
}

pub(super) fn begin(
    connection: &mut Connection,
    retention: Retention,
    name: &str,
    version: u32,
    plan: &[u8],
    now: DateTime<Utc>,
) -> rusqlite::Result<SharedRun> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    drop_old(&transaction, retention, now)?;
    transaction.execute(
        "INSERT INTO shared_runs (name, began_ms, version, plan) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![name, now.timestamp_millis(), version, plan],
    )?;
    let begun = transaction.query_row(&run_by_name(), [name], shared_run)?;
    transaction.commit()?;
    Ok(begun)
}

/// Drops shared runs that nobody merges any more, with what was read for them.
pub(super) fn drop_old(connection: &Connection, retention: Retention, now: DateTime<Utc>) -> rusqlite::Result<()> {
    let before = retention.shared_runs_before(now).timestamp_millis();
    connection.execute("DELETE FROM shared_runs WHERE began_ms < ?1", [before]).map(drop)
}

pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<SharedRun>> {
    connection.query_row(&run_by_name(), [name], shared_run).optional()
}

pub(super) fn take(
    connection: &Connection,
    run: &str,
    shard: u32,
    holder: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<ShardClaim>> {
    let taken = connection.query_row(
        &format!(
            "INSERT INTO shard_claims ({CLAIM_COLUMNS})
             SELECT name, ?2, 1, ?3, ?4 FROM shared_runs WHERE name = ?1 AND merged_as IS NULL
             ON CONFLICT (run, shard) DO UPDATE SET
                epoch = shard_claims.epoch + 1, holder = excluded.holder, claimed_ms = excluded.claimed_ms
             RETURNING {CLAIM_COLUMNS}"
        ),
        params![run, shard, holder, now.timestamp_millis()],
        claim,
    );
    taken.optional()
}

pub(super) fn claims(connection: &Connection, run: &str) -> rusqlite::Result<Vec<ShardClaim>> {
    let sql = format!("SELECT {CLAIM_COLUMNS} FROM shard_claims WHERE run = ?1 ORDER BY shard");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([run], claim)?;
    rows.collect()
}

pub(super) fn finish(connection: &mut Connection, held: &ShardClaim, part: &Part) -> rusqlite::Result<Finished> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_held: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM shard_claims WHERE run = ?1 AND shard = ?2 AND epoch = ?3)",
        params![held.run, held.shard, of_epoch(held.epoch)],
        |row| row.get(0),
    )?;
    if !is_held {
        return Ok(Finished::Superseded);
    }
    let kept = transaction.execute(
        "INSERT INTO shard_parts (run, round, name, version, body) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![held.run, part.round, part.name, part.version, part.body],
    )?;
    transaction.commit()?;
    Ok(if kept == 1 { Finished::Kept } else { Finished::Already })
}

pub(super) fn names(connection: &Connection, run: &str, round: u32) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM shard_parts WHERE run = ?1 AND round = ?2 ORDER BY name")?;
    let rows = statement.query_map(params![run, round], |row| row.get(0))?;
    rows.collect()
}

pub(super) fn part(connection: &Connection, run: &str, round: u32, name: &str) -> rusqlite::Result<Option<Part>> {
    let mut statement = connection.prepare_cached(
        "SELECT round, name, version, body FROM shard_parts WHERE run = ?1 AND round = ?2 AND name = ?3",
    )?;
    let found = statement.query_row(params![run, round, name], |row| {
        Ok(Part { round: row.get(0)?, name: row.get(1)?, version: row.get(2)?, body: row.get(3)? })
    });
    found.optional()
}

pub(super) fn end(connection: &mut Connection, run: &str, merged_as: &str) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "UPDATE shared_runs SET merged_as = ?2 WHERE name = ?1 AND merged_as IS NULL";
    let ended = transaction.execute(sql, [run, merged_as])? == 1;
    if ended {
        transaction.execute("DELETE FROM shard_claims WHERE run = ?1", [run])?;
        transaction.execute("DELETE FROM shard_parts WHERE run = ?1", [run])?;
    }
    transaction.commit()?;
    Ok(ended)
}
