//! Runs of several shards on a PostgreSQL server: every change is one statement, or one transaction that holds the rows
//! that it depends on.

use chrono::{DateTime, Utc};
use tokio_postgres::{Client, Error, Row, Transaction};

use super::{AnyError, values::text};
use crate::store::{
    Finished, Part, Retention, ShardClaim, SharedRun,
    rows::of_epoch,
    shards::{CLAIM_COLUMNS, RUN_COLUMNS, of_millis},
};

fn shared_run(row: &Row) -> Result<SharedRun, AnyError> {
    Ok(SharedRun {
        name: row.try_get(0)?,
        began_at: of_millis(row.try_get(1)?),
        version: u32::try_from(row.try_get::<_, i64>(2)?)?,
        plan: row.try_get(3)?,
        merged_as: row.try_get(4)?,
    })
}

fn claim(row: &Row) -> Result<ShardClaim, AnyError> {
    Ok(ShardClaim {
        run: row.try_get(0)?,
        shard: u32::try_from(row.try_get::<_, i64>(1)?)?,
        epoch: row.try_get::<_, i64>(2)?.unsigned_abs(),
        holder: row.try_get(3)?,
        claimed_at: of_millis(row.try_get(4)?),
    })
}

pub(super) async fn begin(
    client: &mut Client,
    retention: Retention,
    name: &str,
    version: u32,
    plan: &[u8],
    now: DateTime<Utc>,
) -> Result<SharedRun, AnyError> {
    let transaction = client.transaction().await?;
    drop_old(&transaction, retention, now).await?;
    let sql = "INSERT INTO shared_runs (name, began_ms, version, plan) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[&name, &now.timestamp_millis(), &i64::from(version), &plan]).await?;
    let sql = format!("SELECT {RUN_COLUMNS} FROM shared_runs WHERE name = $1");
    let begun = shared_run(&transaction.query_one(&sql, &[&name]).await?)?;
    transaction.commit().await?;
    Ok(begun)
}

/// Drops shared runs that nobody merges any more, with what was read for them.
pub(super) async fn drop_old(
    transaction: &Transaction<'_>,
    retention: Retention,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let before = retention.shared_runs_before(now).timestamp_millis();
    transaction.execute("DELETE FROM shared_runs WHERE began_ms < $1", &[&before]).await.map(drop)
}

pub(super) async fn find(client: &Client, name: &str) -> Result<Option<SharedRun>, AnyError> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM shared_runs WHERE name = $1");
    client.query_opt(&sql, &[&name]).await?.as_ref().map(shared_run).transpose()
}

pub(super) async fn take(
    client: &mut Client,
    run: &str,
    shard: u32,
    holder: &str,
    now: DateTime<Utc>,
) -> Result<Option<ShardClaim>, AnyError> {
    let transaction = client.transaction().await?;
    // Whoever merges the run waits for this row.
    let sql = "SELECT 1 FROM shared_runs WHERE name = $1 AND merged_as IS NULL FOR SHARE";
    if transaction.query_opt(sql, &[&run]).await?.is_none() {
        return Ok(None);
    }
    let sql = format!(
        "INSERT INTO shard_claims ({CLAIM_COLUMNS}) VALUES ($1, $2, 1, $3, $4)
         ON CONFLICT (run, shard) DO UPDATE SET
            epoch = shard_claims.epoch + 1, holder = excluded.holder, claimed_ms = excluded.claimed_ms
         RETURNING {CLAIM_COLUMNS}"
    );
    let parameters: [super::Parameter<'_>; 4] = [&run, &i64::from(shard), &text(holder), &now.timestamp_millis()];
    let taken = claim(&transaction.query_one(&sql, &parameters).await?)?;
    transaction.commit().await?;
    Ok(Some(taken))
}

pub(super) async fn claims(client: &Client, run: &str) -> Result<Vec<ShardClaim>, AnyError> {
    let sql = format!("SELECT {CLAIM_COLUMNS} FROM shard_claims WHERE run = $1 ORDER BY shard");
    client.query(&sql, &[&run]).await?.iter().map(claim).collect()
}

pub(super) async fn finish(client: &mut Client, held: &ShardClaim, part: &Part) -> Result<Finished, AnyError> {
    let transaction = client.transaction().await?;
    // Whoever claims the shard or merges the run waits for this row.
    let sql = "SELECT 1 FROM shard_claims WHERE run = $1 AND shard = $2 AND epoch = $3 FOR SHARE";
    let is_held = transaction.query_opt(sql, &[&held.run, &i64::from(held.shard), &of_epoch(held.epoch)]).await?;
    if is_held.is_none() {
        return Ok(Finished::Superseded);
    }
    let sql = "INSERT INTO shard_parts (run, round, name, version, body) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT DO NOTHING";
    let Part { round, name, version, body } = part;
    let kept = transaction.execute(sql, &[&held.run, &i64::from(*round), &name, &i64::from(*version), &body]).await?;
    transaction.commit().await?;
    Ok(if kept == 1 { Finished::Kept } else { Finished::Already })
}

pub(super) async fn names(client: &Client, run: &str, round: u32) -> Result<Vec<String>, AnyError> {
    let sql = "SELECT name FROM shard_parts WHERE run = $1 AND round = $2 ORDER BY name";
    let rows = client.query(sql, &[&run, &i64::from(round)]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

pub(super) async fn part(client: &Client, run: &str, round: u32, name: &str) -> Result<Option<Part>, AnyError> {
    let sql = "SELECT version, body FROM shard_parts WHERE run = $1 AND round = $2 AND name = $3";
    let Some(row) = client.query_opt(sql, &[&run, &i64::from(round), &name]).await? else { return Ok(None) };
    let version = u32::try_from(row.try_get::<_, i64>(0)?)?;
    Ok(Some(Part { round, name: name.to_owned(), version, body: row.try_get(1)? }))
}

pub(super) async fn end(client: &mut Client, run: &str, merged_as: &str) -> Result<bool, AnyError> {
    let transaction = client.transaction().await?;
    let sql = "UPDATE shared_runs SET merged_as = $2 WHERE name = $1 AND merged_as IS NULL";
    let ended = transaction.execute(sql, &[&run, &merged_as]).await? == 1;
    if ended {
        transaction.execute("DELETE FROM shard_claims WHERE run = $1", &[&run]).await?;
        transaction.execute("DELETE FROM shard_parts WHERE run = $1", &[&run]).await?;
    }
    transaction.commit().await?;
    Ok(ended)
}
