//! Brings a schema on a PostgreSQL server to this program's.

use tokio_postgres::{Client, Error, Transaction};

use super::{PostgresUrl, save::lock};
use crate::store::{
    StoreError,
    steps::{self, Step},
};

/// Every step, in order; the number of the last one is the schema's version.
const STEPS: &[Step] = &[
    Step { name: "0001_runs", sql: include_str!("migrations/0001_runs.sql") },
    Step { name: "0002_shared", sql: include_str!("migrations/0002_shared.sql") },
    Step { name: "0003_shards", sql: include_str!("migrations/0003_shards.sql") },
];

/// Brings the schema to this program's. Several processes may do so at once: the first one does the
/// work, the others wait and find it done. A role that may not make tables can use ones that are made.
pub(super) async fn migrate(client: &mut Client, url: &PostgresUrl) -> Result<(), StoreError> {
    let failed =
        |error| StoreError::Shared { what: "make the tables in", place: url.to_string(), source: Box::new(error) };
    let transaction = client.transaction().await.map_err(failed)?;
    let found = made(&transaction, &url.schema).await.map_err(failed)?;
    if let Found::Steps(made) = &found
        && steps::pending(STEPS, made)?.next().is_none()
    {
        return Ok(());
    }
    lock(&transaction, &url.schema).await.map_err(failed)?;
    let made = match made(&transaction, &url.schema).await.map_err(failed)? {
        Found::Steps(made) => made,
        Found::Foreign => return Err(StoreError::Foreign),
        Found::Nothing => {
            begin(&transaction, &url.schema).await.map_err(failed)?;
            Vec::new()
        }
    };
    for (number, step) in steps::pending(STEPS, &made)? {
        transaction.batch_execute(step.sql).await.map_err(failed)?;
        let sql = "INSERT INTO schema_steps (number, name, checksum) VALUES ($1, $2, $3)";
        transaction.execute(sql, &[&number, &step.name, &step.checksum()]).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// Whether the schema is this program's: false where nobody has made anything yet.
pub(super) async fn is_made(client: &mut Client, url: &PostgresUrl) -> Result<bool, StoreError> {
    let failed = |error| StoreError::Shared { what: "read from", place: url.to_string(), source: Box::new(error) };
    let transaction = client.transaction().await.map_err(failed)?;
    let found = made(&transaction, &url.schema).await.map_err(failed)?;
    match found {
        Found::Nothing => Ok(false),
        Found::Foreign => Err(StoreError::Foreign),
        Found::Steps(made) => steps::whole(STEPS, &made).map(|()| true),
    }
}

/// What is in the schema.
enum Found {
    /// No table, or no schema.
    Nothing,
    /// Tables, and none that says which.
    Foreign,
    /// Names and checksums of the steps that made it.
    Steps(Vec<(String, String)>),
}

async fn made(transaction: &Transaction<'_>, schema: &str) -> Result<Found, Error> {
    let sql =
        "SELECT count(*), count(*) FILTER (WHERE tablename = 'schema_steps') FROM pg_tables WHERE schemaname = $1";
    let row = transaction.query_one(sql, &[&schema]).await?;
    match (row.get::<_, i64>(0), row.get::<_, i64>(1)) {
        (0, _) => return Ok(Found::Nothing),
        (_, 0) => return Ok(Found::Foreign),
        _ => {}
    }
    let rows = transaction.query("SELECT name, checksum FROM schema_steps ORDER BY number", &[]).await?;
    Ok(Found::Steps(rows.iter().map(|row| (row.get(0), row.get(1))).collect()))
}

async fn begin(transaction: &Transaction<'_>, schema: &str) -> Result<(), Error> {
    // Who may not make schemas can use one that is there, so it is not tried.
    let there = transaction.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&schema]).await?;
    if !there.get::<_, bool>(0) {
        transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    let sql = "CREATE TABLE schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";
    transaction.batch_execute(sql).await
}
