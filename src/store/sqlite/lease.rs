//! Leases and records in a SQLite file: every change is one statement, or one immediate transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::values::count;
use crate::store::{
    Acquired, Appended, Lease, Record,
    lease::{LEASE_COLUMNS, RECORD_COLUMNS, ending, ends},
    rows::of_epoch,
};

fn lease(row: &Row<'_>) -> rusqlite::Result<Lease> {
    Ok(Lease { name: row.get(0)?, holder: row.get(1)?, epoch: count(row, 2)?, expires_at: ending(row.get(3)?) })
}

pub(super) fn acquire(
    connection: &mut Connection,
    name: &str,
    holder: &str,
    ttl: Duration,
    now: DateTime<Utc>,
) -> rusqlite::Result<Acquired> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ours = transaction
        .query_row(
            &format!(
                "INSERT INTO leases ({LEASE_COLUMNS}) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT (name) DO UPDATE SET
                    epoch = leases.epoch + 1, holder = excluded.holder, expires_ms = excluded.expires_ms
                 WHERE leases.holder IS NULL OR leases.expires_ms <= ?4
                 RETURNING {LEASE_COLUMNS}"
            ),
            params![name, holder, ends(now, ttl), now.timestamp_millis()],
            lease,
        )
        .optional()?;
    let acquired = match ours {
        Some(lease) => Acquired::Ours(lease),
        None => Acquired::HeldBy(transaction.query_row(
            &format!("SELECT {LEASE_COLUMNS} FROM leases WHERE name = ?1"),
            [name],
            lease,
        )?),
    };
    transaction.commit()?;
    Ok(acquired)
}

pub(super) fn renew(
    connection: &Connection,
    held: &Lease,
    ttl: Duration,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<Lease>> {
    let renewed = connection.query_row(
        &format!(
            "UPDATE leases SET expires_ms = ?4 WHERE name = ?1 AND epoch = ?2 AND holder = ?3 RETURNING {LEASE_COLUMNS}"
        ),
        params![held.name, of_epoch(held.epoch), held.holder, ends(now, ttl)],
        lease,
    );
    renewed.optional()
}

pub(super) fn release(connection: &Connection, held: &Lease) -> rusqlite::Result<bool> {
    let released = connection.execute(
        "UPDATE leases SET holder = NULL WHERE name = ?1 AND epoch = ?2 AND holder = ?3",
        params![held.name, of_epoch(held.epoch), held.holder],
    )?;
    Ok(released == 1)
}

pub(super) fn append(
    connection: &Connection,
    stream: &str,
    epoch: u64,
    version: u32,
    body: &[u8],
) -> rusqlite::Result<Appended> {
    // What is announced here survives a loss of power before anybody acts on it; runs need not.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let position = connection
        .query_row(
            "INSERT INTO records (stream, position, epoch, version, body)
             SELECT ?1, (SELECT coalesce(max(position), 0) + 1 FROM records WHERE stream = ?1), ?2, ?3, ?4
             FROM leases WHERE name = ?1 AND epoch = ?2 AND holder IS NOT NULL
             RETURNING position",
            params![stream, of_epoch(epoch), version, body],
            |row| count(row, 0),
        )
        .optional()?;
    Ok(position.map_or(Appended::Stale, Appended::At))
}

pub(super) fn records(connection: &Connection, stream: &str) -> rusqlite::Result<Vec<Record>> {
    let sql = format!("SELECT {RECORD_COLUMNS} FROM records WHERE stream = ?1 ORDER BY position");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([stream], |row| {
        Ok(Record { position: count(row, 0)?, epoch: count(row, 1)?, version: row.get(2)?, body: row.get(3)? })
    })?;
    rows.collect()
}
