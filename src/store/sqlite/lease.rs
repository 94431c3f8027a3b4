//! Leases and records in a SQLite file: every change is one statement, or one immediate transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::values::count;
use crate::store::{
    Acquired, Appended, Lease, Record, StoreError,
    lease::{ending, ends},
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
) -> Result<Acquired, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ours = transaction
        .query_row(
            "INSERT INTO leases (name, epoch, holder, expires_ms) VALUES (?1, 1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET
                epoch = leases.epoch + 1, holder = excluded.holder, expires_ms = excluded.expires_ms
             WHERE leases.holder IS NULL OR leases.expires_ms <= ?4
             RETURNING name, holder, epoch, expires_ms",
            params![name, holder, ends(now, ttl), now.timestamp_millis()],
            lease,
        )
        .optional()?;
    let acquired = match ours {
        Some(lease) => Acquired::Ours(lease),
        None => Acquired::HeldBy(transaction.query_row(
            "SELECT name, holder, epoch, expires_ms FROM leases WHERE name = ?1",
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
) -> Result<Option<Lease>, StoreError> {
    let renewed = connection.query_row(
        "UPDATE leases SET expires_ms = ?4 WHERE name = ?1 AND epoch = ?2 AND holder = ?3
         RETURNING name, holder, epoch, expires_ms",
        params![held.name, number(held.epoch), held.holder, ends(now, ttl)],
        lease,
    );
    Ok(renewed.optional()?)
}

pub(super) fn release(connection: &Connection, held: &Lease) -> Result<bool, StoreError> {
    let released = connection.execute(
        "UPDATE leases SET holder = NULL WHERE name = ?1 AND epoch = ?2 AND holder = ?3",
        params![held.name, number(held.epoch), held.holder],
    )?;
    Ok(released == 1)
}

pub(super) fn append(
    connection: &Connection,
    stream: &str,
    epoch: u64,
    version: u32,
    body: &[u8],
) -> Result<Appended, StoreError> {
    // What is announced here survives a loss of power before anybody acts on it; runs need not.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let position = connection
        .query_row(
            "INSERT INTO records (stream, position, epoch, version, body)
             SELECT ?1, (SELECT coalesce(max(position), 0) + 1 FROM records WHERE stream = ?1), ?2, ?3, ?4
             FROM leases WHERE name = ?1 AND epoch = ?2 AND holder IS NOT NULL
             RETURNING position",
            params![stream, number(epoch), version, body],
            |row| count(row, 0),
        )
        .optional()?;
    Ok(position.map_or(Appended::Stale, Appended::At))
}

pub(super) fn records(connection: &Connection, stream: &str) -> Result<Vec<Record>, StoreError> {
    let mut statement =
        connection.prepare("SELECT position, epoch, version, body FROM records WHERE stream = ?1 ORDER BY position")?;
    let rows = statement.query_map([stream], |row| {
        Ok(Record { position: count(row, 0)?, epoch: count(row, 1)?, version: row.get(2)?, body: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An epoch that no lease can have is nobody's.
fn number(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(-1)
}
