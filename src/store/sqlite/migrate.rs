//! Brings a SQLite file to this program's schema.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::store::{
    StoreError,
    steps::{self, Step},
};

/// `application_id` of our databases: "PORT" in ASCII. Tells them from other people's.
const APPLICATION_ID: i32 = 0x504f_5254;

/// Every step, in order; the number of the last one is the schema's version.
pub(super) const STEPS: &[Step] = &[
    Step { name: "0001_runs", sql: include_str!("migrations/0001_runs.sql") },
    Step { name: "0002_shared", sql: include_str!("migrations/0002_shared.sql") },
    Step { name: "0003_shards", sql: include_str!("migrations/0003_shards.sql") },
];

/// Brings the database to this program's schema. Several processes may do so at once: the first
/// one does the work, the others wait and find it done.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // Within a transaction, so that the things it reads are of one moment.
    let done = steps::pending(STEPS, &made(&*connection.transaction()?)?)?.next().is_none();
    if done {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (number, step) in steps::pending(STEPS, &made(&transaction)?)? {
        apply(&transaction, number, step)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether the database has this program's schema: false for an empty file.
///
/// # Errors
/// If it has another one.
pub(super) fn is_made(connection: &mut Connection) -> Result<bool, StoreError> {
    let made = made(&*connection.transaction()?)?;
    steps::whole(STEPS, &made)?;
    Ok(!made.is_empty())
}

/// Names and checksums of the steps that made the database; none for an empty file.
fn made(connection: &Connection) -> Result<Vec<(String, String)>, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version = match usize::try_from(version) {
        Ok(0) if application == 0 && tables == 0 => return Ok(Vec::new()),
        Ok(version) if application == APPLICATION_ID => version,
        _ => return Err(StoreError::Foreign),
    };
    if version > STEPS.len() {
        return Err(StoreError::Newer { found: version, known: STEPS.len() });
    }
    let mut statement = connection.prepare("SELECT name, checksum FROM schema_steps ORDER BY number")?;
    let made: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    if made.len() == version { Ok(made) } else { Err(StoreError::Altered) }
}

fn apply(transaction: &Transaction<'_>, number: i64, step: &Step) -> Result<(), StoreError> {
    if number == 1 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(
            "CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;",
        )?;
    }
    transaction.execute_batch(step.sql)?;
    transaction.execute(
        "INSERT INTO schema_steps (number, name, checksum) VALUES (?1, ?2, ?3)",
        (number, step.name, step.checksum()),
    )?;
    transaction.pragma_update(None, "user_version", number)?;
    Ok(())
}
