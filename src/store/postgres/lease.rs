//! Leases and records on a PostgreSQL server: every change is one statement, or one transaction that
//! holds the lease's row.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, Error, Row};

use crate::store::{
    Acquired, Appended, Lease,
    lease::{LEASE_COLUMNS, ending, ends},
    rows::of_epoch,
};

fn lease(row: &Row) -> Result<Lease, Error> {
    Ok(Lease {
        name: row.try_get(0)?,
        holder: row.try_get(1)?,
        epoch: row.try_get::<_, i64>(2)?.unsigned_abs(),
        expires_at: ending(row.try_get(3)?),
    })
}

pub(super) async fn acquire(
    client: &mut Client,
    name: &str,
    holder: &str,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<Acquired, Error> {
    let transaction = client.transaction().await?;
    let sql = format!(
        "INSERT INTO leases ({LEASE_COLUMNS}) VALUES ($1, $2, 1, $3)
         ON CONFLICT (name) DO UPDATE SET
            epoch = leases.epoch + 1, holder = excluded.holder, expires_ms = excluded.expires_ms
         WHERE leases.holder IS NULL OR leases.expires_ms <= $4
         RETURNING {LEASE_COLUMNS}"
    );
    let ours = transaction.query_opt(&sql, &[&name, &holder, &ends(now, ttl), &now.timestamp_millis()]).await?;
    let acquired = match ours {
        Some(row) => Acquired::Ours(lease(&row)?),
        None => {
            // The row is locked by the attempt: what is read here is what refused it.
            let sql = format!("SELECT {LEASE_COLUMNS} FROM leases WHERE name = $1");
            Acquired::HeldBy(lease(&transaction.query_one(&sql, &[&name]).await?)?)
        }
    };
    transaction.commit().await?;
    Ok(acquired)
}

pub(super) async fn renew(
    client: &Client,
    held: &Lease,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<Option<Lease>, Error> {
    let sql = format!(
        "UPDATE leases SET expires_ms = $4 WHERE name = $1 AND epoch = $2 AND holder = $3 RETURNING {LEASE_COLUMNS}"
    );
    let row = client.query_opt(&sql, &[&held.name, &of_epoch(held.epoch), &held.holder, &ends(now, ttl)]).await?;
    row.as_ref().map(lease).transpose()
}

pub(super) async fn release(client: &Client, held: &Lease) -> Result<bool, Error> {
    let sql = "UPDATE leases SET holder = NULL WHERE name = $1 AND epoch = $2 AND holder = $3";
    Ok(client.execute(sql, &[&held.name, &of_epoch(held.epoch), &held.holder]).await? == 1)
}

pub(super) async fn append(
    client: &mut Client,
    stream: &str,
    epoch: u64,
    version: u32,
    body: &[u8],
) -> Result<Appended, Error> {
    let transaction = client.transaction().await?;
    // Whoever takes the lease over waits for this row, and whoever appends comes one after the other.
    let sql = "SELECT 1 FROM leases WHERE name = $1 AND epoch = $2 AND holder IS NOT NULL FOR UPDATE";
    if transaction.query_opt(sql, &[&stream, &of_epoch(epoch)]).await?.is_none() {
        return Ok(Appended::Stale);
    }
    let sql = "INSERT INTO records (stream, position, epoch, version, body)
               SELECT $1::TEXT, coalesce(max(position), 0) + 1, $2::BIGINT, $3::BIGINT, $4::BYTEA FROM records WHERE stream = $1
               RETURNING position";
    let row = transaction.query_one(sql, &[&stream, &of_epoch(epoch), &i64::from(version), &body]).await?;
    let position = row.try_get::<_, i64>(0)?.unsigned_abs();
    transaction.commit().await?;
    Ok(Appended::At(position))
}
