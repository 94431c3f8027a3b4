//! The schema, as numbered SQL files. A file that has been released is never changed: its checksum
//! is kept in the database, and a database made from another text is refused.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::StoreError;

/// `application_id` of our databases: "PORT" in ASCII. Tells them from other people's.
const APPLICATION_ID: i32 = 0x504f_5254;

/// Every step, in order; the number of the last one is the schema's version.
const STEPS: [(&str, &str); 1] = [("0001_runs", include_str!("migrations/0001_runs.sql"))];

/// Brings the database to this program's schema. Several processes may do so at once: the first
/// one does the work, the others wait and find it done.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // Within a transaction, so that the three things it reads are of one moment.
    let found = version(&*connection.transaction()?)?;
    if found == STEPS.len() {
        return check(connection);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    for (number, (name, sql)) in STEPS.iter().enumerate().skip(from) {
        apply(&transaction, number + 1, name, sql)?;
    }
    transaction.commit()?;
    check(connection)
}

/// The schema's version; 0 for an empty file.
fn version(connection: &Connection) -> Result<usize, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match usize::try_from(version) {
        Ok(0) if application == 0 && tables == 0 => Ok(0),
        Ok(found) if application == APPLICATION_ID && found > STEPS.len() => {
            Err(StoreError::Newer { found, known: STEPS.len() })
        }
        Ok(found) if application == APPLICATION_ID => Ok(found),
        _ => Err(StoreError::Foreign),
    }
}

fn apply(transaction: &Transaction<'_>, number: usize, name: &str, sql: &str) -> Result<(), StoreError> {
    if number == 1 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(
            "CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;",
        )?;
    }
    transaction.execute_batch(sql)?;
    let number = i64::try_from(number).expect("there are few steps");
    transaction.execute(
        "INSERT INTO schema_steps (number, name, checksum) VALUES (?1, ?2, ?3)",
        (number, name, checksum(sql)),
    )?;
    transaction.pragma_update(None, "user_version", number)?;
    Ok(())
}

/// Compares the steps that made the database with those of this program.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT name, checksum FROM schema_steps ORDER BY number")?;
    let made: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let known: Vec<(String, String)> = STEPS.iter().map(|(name, sql)| ((*name).to_owned(), checksum(sql))).collect();
    if made == known { Ok(()) } else { Err(StoreError::Altered) }
}

fn checksum(sql: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(sql.as_bytes()))
}
