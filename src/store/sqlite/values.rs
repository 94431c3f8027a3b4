//! How values stand in the columns of a SQLite file.

use chrono::{DateTime, Utc};
use rusqlite::{
    Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::de::DeserializeOwned;

use crate::{
    findings::{RunVerdict, Subject},
    store::{Closing, FindingMemory, HistoryPoint, RunSummary, WaiverInEffect, rows::of_word},
};

/// A time as stored: UTC with milliseconds and fixed width, so that text order is time order.
pub(super) struct Stamp(pub(super) DateTime<Utc>);

impl FromSql for Stamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        DateTime::parse_from_rfc3339(value.as_str()?)
            .map(|at| Self(at.to_utc()))
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Stamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into())
    }
}

/// A value that is stored as the word it has in reports.
struct Word<T>(T);

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        of_word(value.as_str()?).map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

fn optional_stamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<Stamp>>(column)?.map(|stamp| stamp.0))
}

pub(super) fn run_summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    Ok(RunSummary {
        id: row.get(0)?,
        started_at: row.get::<_, Stamp>(1)?.0,
        verdict: row.get::<_, Word<RunVerdict>>(2)?.0,
        exit_code: row.get(3)?,
        complete: row.get(4)?,
        findings: [count(row, 5)?, count(row, 6)?, count(row, 7)?, count(row, 8)?, count(row, 9)?],
        waived: count(row, 10)?,
        accounts: row.get::<_, String>(11)?.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        endpoints: count(row, 12)?,
        exposed: count(row, 13)?,
        open: count(row, 14)?,
        unknown: count(row, 15)?,
        undecided: count(row, 16)?,
        planned: count(row, 17)?,
        scanned: count(row, 18)?,
    })
}

pub(super) fn memory(row: &Row<'_>) -> rusqlite::Result<FindingMemory> {
    Ok(FindingMemory {
        fingerprint: row.get(0)?,
        rule_id: row.get(1)?,
        title: row.get(2)?,
        severity: row.get::<_, Word<_>>(3)?.0,
        status: row.get::<_, Word<_>>(4)?.0,
        subject: Subject {
            account_id: row.get::<_, String>(5)?.into(),
            region_id: row.get::<_, String>(6)?.into(),
            resource_kind: row.get::<_, Word<_>>(7)?.0,
            resource_id: row.get(8)?,
            endpoint_kind: row.get::<_, Option<Word<_>>>(9)?.map(|word| word.0),
        },
        first_seen: row.get::<_, Stamp>(10)?.0,
        last_seen: row.get::<_, Stamp>(11)?.0,
        fixed_at: optional_stamp(row, 12)?,
        reopened_at: optional_stamp(row, 13)?,
        reopenings: count(row, 14)?,
        seen_by: row.get(15)?,
    })
}

pub(super) fn closing(row: &Row<'_>) -> rusqlite::Result<Closing> {
    Ok(Closing {
        fingerprint: row.get(0)?,
        severity: row.get::<_, Word<_>>(1)?.0,
        status: row.get::<_, Word<_>>(2)?.0,
        opened_at: row.get::<_, Stamp>(3)?.0,
        closed_at: row.get::<_, Stamp>(4)?.0,
    })
}

pub(super) fn waiver(row: &Row<'_>) -> rusqlite::Result<WaiverInEffect> {
    Ok(WaiverInEffect {
        run_id: row.get(0)?,
        fingerprint: row.get(1)?,
        owner: row.get(2)?,
        reason: row.get(3)?,
        ticket: row.get(4)?,
        expires: row.get::<_, Word<_>>(5)?.0,
    })
}

pub(super) fn point(row: &Row<'_>) -> rusqlite::Result<HistoryPoint> {
    Ok(HistoryPoint {
        run_id: row.get(0)?,
        at: row.get::<_, Stamp>(1)?.0,
        endpoint_id: row.get(2)?,
        exposure: row.get::<_, Word<_>>(3)?.0,
        open: row.get(4)?,
    })
}
