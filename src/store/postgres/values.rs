//! How values stand in the columns of a PostgreSQL table.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use tokio_postgres::{
    Row,
    types::{FromSql, FromSqlOwned},
};

use super::AnyError;
use crate::{
    findings::Subject,
    store::{Closing, FindingMemory, HistoryPoint, Record, RunSummary, WaiverInEffect, rows::of_word},
};

/// The server keeps no zero byte in text.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

fn get<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T, AnyError> {
    Ok(row.try_get(column)?)
}

pub(super) fn count(row: &Row, column: usize) -> Result<u64, AnyError> {
    Ok(get::<i64>(row, column)?.unsigned_abs())
}

/// A value that is stored as the word it has in reports.
fn word<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, AnyError> {
    Ok(of_word(borrowed(row, column)?)?)
}

fn borrowed<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, AnyError> {
    Ok(row.try_get(column)?)
}

pub(super) fn run_summary(row: &Row) -> Result<RunSummary, AnyError> {
    let accounts: &str = borrowed(row, 11)?;
    Ok(RunSummary {
        id: get(row, 0)?,
        started_at: get(row, 1)?,
        verdict: word(row, 2)?,
        exit_code: u8::try_from(get::<i64>(row, 3)?)?,
        complete: get(row, 4)?,
        findings: [count(row, 5)?, count(row, 6)?, count(row, 7)?, count(row, 8)?, count(row, 9)?],
        waived: count(row, 10)?,
        accounts: accounts.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        endpoints: count(row, 12)?,
        exposed: count(row, 13)?,
        open: count(row, 14)?,
        unknown: count(row, 15)?,
        undecided: count(row, 16)?,
        planned: count(row, 17)?,
        scanned: count(row, 18)?,
    })
}

pub(super) fn memory(row: &Row) -> Result<FindingMemory, AnyError> {
    let endpoint_kind: Option<&str> = borrowed(row, 9)?;
    Ok(FindingMemory {
        fingerprint: get(row, 0)?,
        rule_id: get(row, 1)?,
        title: get(row, 2)?,
        severity: word(row, 3)?,
        status: word(row, 4)?,
        subject: Subject {
            account_id: get::<String>(row, 5)?.into(),
            region_id: get::<String>(row, 6)?.into(),
            resource_kind: word(row, 7)?,
            resource_id: get(row, 8)?,
            endpoint_kind: endpoint_kind.map(of_word).transpose()?,
        },
        first_seen: get(row, 10)?,
        last_seen: get(row, 11)?,
        fixed_at: get(row, 12)?,
        reopened_at: get(row, 13)?,
        reopenings: count(row, 14)?,
        seen_by: get(row, 15)?,
    })
}

pub(super) fn closing(row: &Row) -> Result<Closing, AnyError> {
    Ok(Closing {
        fingerprint: get(row, 0)?,
        severity: word(row, 1)?,
        status: word(row, 2)?,
        opened_at: get(row, 3)?,
        closed_at: get(row, 4)?,
    })
}

pub(super) fn waiver(row: &Row) -> Result<WaiverInEffect, AnyError> {
    Ok(WaiverInEffect {
        run_id: get(row, 0)?,
        fingerprint: get(row, 1)?,
        owner: get(row, 2)?,
        reason: get(row, 3)?,
        ticket: get(row, 4)?,
        expires: word(row, 5)?,
    })
}

pub(super) fn point(row: &Row) -> Result<HistoryPoint, AnyError> {
    Ok(HistoryPoint {
        run_id: get(row, 0)?,
        at: get(row, 1)?,
        endpoint_id: get(row, 2)?,
        exposure: word(row, 3)?,
        open: get(row, 4)?,
    })
}

pub(super) fn record(row: &Row) -> Result<Record, AnyError> {
    Ok(Record {
        position: count(row, 0)?,
        epoch: count(row, 1)?,
        version: u32::try_from(get::<i64>(row, 2)?)?,
        body: get(row, 3)?,
    })
}
