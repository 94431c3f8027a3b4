//! What both back ends hold of migrations: numbered SQL files that only go forward. A file that has
//! been released is never changed: its checksum is kept in the database, and a database made from
//! another text is refused.

use sha2::{Digest, Sha256};

use super::StoreError;

/// One SQL file.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

impl Step {
    pub(super) fn checksum(&self) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(self.sql.as_bytes()))
    }
}

/// Refuses a database that lacks a step, for whoever may not make any; nothing at all is no database.
///
/// # Errors
/// As [`pending`], and if a step is still to be done.
pub(super) fn whole(steps: &'static [Step], made: &[(String, String)]) -> Result<(), StoreError> {
    match pending(steps, made)?.next() {
        Some(_) if !made.is_empty() => Err(StoreError::Older { found: made.len(), known: steps.len() }),
        _ => Ok(()),
    }
}

/// The steps that are still to be done, with their numbers, given names and checksums of those that
/// made the database.
///
/// # Errors
/// If the database was made by a newer version, or from other texts.
pub(super) fn pending(
    steps: &'static [Step],
    made: &[(String, String)],
) -> Result<impl Iterator<Item = (i64, &'static Step)>, StoreError> {
    if made.len() > steps.len() {
        return Err(StoreError::Newer { found: made.len(), known: steps.len() });
    }
    let is_ours =
        |(step, (name, checksum)): (&Step, &(String, String))| step.name == name && step.checksum() == *checksum;
    if !steps.iter().zip(made).all(is_ours) {
        return Err(StoreError::Altered);
    }
    Ok((1..).zip(steps).skip(made.len()))
}
