//! What a person says about an endpoint or an account: appended under its lease, like everything that counts.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::holder;
use crate::{
    cli::{
        desk::Desk,
        exit::{Exit, Failure, fail},
    },
    store::{Acquired, Appended, Record},
};

/// A lease for one record.
const TTL: Duration = Duration::from_secs(30);

/// How long somebody else's lease is waited for: one is renewed, or ends, within a minute.
const TRIES: u32 = 75;
const BETWEEN: Duration = Duration::from_secs(1);

/// Where a record was appended.
pub(super) struct Said {
    pub(super) epoch: u64,
    pub(super) holder: String,
}

/// Appends what `say` makes of the row, as the only one who does; `None` appends nothing.
pub(super) async fn append(
    desk: &Desk,
    row: &str,
    now: DateTime<Utc>,
    say: impl Fn(&[Record]) -> Result<Option<(u32, Vec<u8>)>, Failure> + Send,
) -> Result<Option<Said>, Failure> {
    let holder = holder();
    let begun = std::time::Instant::now();
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let (name, by) = (row.to_owned(), holder.clone());
        let now = now + begun.elapsed();
        let acquired = desk.ask(move |store| store.acquire_lease(&name, &by, TTL, now)).await?;
        let Acquired::Ours(lease) = acquired else { continue };
        let epoch = lease.epoch;
        let appended = under(desk, row, epoch, &say).await;
        // It ends by itself where this fails.
        let _ = desk.ask(move |store| store.release_lease(&lease)).await;
        match appended? {
            Some(Appended::At(_)) => return Ok(Some(Said { epoch, holder })),
            Some(Appended::Stale) => {}
            None => return Ok(None),
        }
    }
    fail(Exit::Locked, format!("{row} is held by another: nothing was said; try again"))
}

async fn under(
    desk: &Desk,
    row: &str,
    epoch: u64,
    say: &(impl Fn(&[Record]) -> Result<Option<(u32, Vec<u8>)>, Failure> + Send),
) -> Result<Option<Appended>, Failure> {
    let name = row.to_owned();
    let records = desk.ask(move |store| store.records(&name)).await?;
    let Some((version, body)) = say(&records)? else { return Ok(None) };
    let name = row.to_owned();
    desk.ask(move |store| store.append_record(&name, epoch, version, &body)).await.map(Some)
}
