//! What the shared store holds about a target and about an account: the truth about open intents.
//!
//! A row is a lease and the records that its holders appended; each append is refused unless the epoch
//! is the holder's, which is the compare-and-set. What a row says is what its records fold into, so that
//! a successor knows what the holder before it knew.

mod account;
mod notice;
mod target;

pub(super) use account::Credit;
pub use account::{Account, AccountRecord, Debit, Ended};
pub use notice::{OwnerTold, notice_row, owner_told};
pub use target::{
    Case, Dropped, Flag, Heard, NotExecuted, Opened, Outcome, Purpose, Resolved, TargetRecord, TargetRow, WriteLog,
};

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{model::AccountId, store::Record};

/// Version of the records' JSON.
pub(super) const ROW_VERSION: u32 = 1;

/// Why a row cannot be used. Nothing is written to its target until somebody looked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowError {
    #[error(
        "record {position} has format {version}, and this version knows {ROW_VERSION}; use the newer portcullis that wrote it"
    )]
    Newer { position: u64, version: u32 },
    #[error("record {position} cannot be understood: {why}")]
    Unreadable { position: u64, why: String },
    #[error("record {position} ({what}) cannot follow the ones before it")]
    Order { position: u64, what: &'static str },
}

/// What the records about a target say.
///
/// # Errors
/// If one is newer than this program, cannot be read, or contradicts the ones before it.
pub fn target_row(records: &[Record]) -> Result<TargetRow, RowError> {
    let mut row = TargetRow::default();
    for record in records {
        let read: TargetRecord = decode(record)?;
        row.apply(&read).map_err(|what| RowError::Order { position: record.position, what })?;
    }
    Ok(row)
}

/// What the records about an account say.
///
/// # Errors
/// As [`target_row`].
pub fn account_row(records: &[Record]) -> Result<Account, RowError> {
    let mut account = Account::default();
    for record in records {
        account.apply(decode(record)?);
    }
    Ok(account)
}

/// Name of the lease and of the records of an account's kill switch. Whoever carries something out holds the account's own
/// row, for minutes if it died: a switch must not wait for that.
pub fn kill_row(account: &AccountId) -> String {
    format!("kill/{account}")
}

/// The account, with what its switch says. Earlier versions wrote that into the account's own row.
///
/// # Errors
/// As [`target_row`].
pub fn heeding(account: Account, switch: &[Record]) -> Result<Account, RowError> {
    let mut account = account;
    for record in switch {
        account.apply(decode(record)?);
    }
    Ok(account)
}

impl TargetRecord {
    /// As it is appended to its row: version and body.
    pub fn to_row(&self) -> (u32, Vec<u8>) {
        (ROW_VERSION, encode(self))
    }
}

impl AccountRecord {
    /// As it is appended to its row: version and body.
    pub fn to_row(&self) -> (u32, Vec<u8>) {
        (ROW_VERSION, encode(self))
    }
}

fn decode<T: DeserializeOwned>(record: &Record) -> Result<T, RowError> {
    if record.version > ROW_VERSION {
        return Err(RowError::Newer { position: record.position, version: record.version });
    }
    serde_json::from_slice(&record.body)
        .map_err(|error| RowError::Unreadable { position: record.position, why: error.to_string() })
}

/// A record as bytes.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("records have text keys only")
}

#[cfg(test)]
mod tests;
