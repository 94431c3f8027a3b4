//! The order of bundles: each knows the one before it about the same accounts, so that one that is missing shows. The
//! store remembers the last of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::digest;
use crate::store::{Acquired, Appended, Store, StoreError};

/// The version of what is kept in the store.
const VERSION: u32 = 1;

/// How long writing a bundle's place takes at most.
const HOLD: Duration = Duration::from_secs(120);

/// A bundle's place among those of its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// From 1, without holes.
    pub sequence: u64,
    /// `sha256:…` of the envelope before it.
    pub previous: Option<String>,
    pub previous_run: Option<String>,
}

/// What the store remembers of a bundle.
#[derive(Serialize, Deserialize)]
struct Kept {
    run_id: String,
    link: Link,
    manifest: String,
}

/// Gives the bundle of a run its place, and keeps what `make` makes of it as the last one. The same bundle of the same run
/// has the place that it had; `None` if somebody else is writing one and does not end.
///
/// # Errors
/// If the store fails.
pub fn link(
    store: &mut dyn Store,
    accounts: &[String],
    run_id: &str,
    now: DateTime<Utc>,
    make: &mut dyn FnMut(&Link) -> Vec<u8>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let stream = format!("evidence/{}", digest(accounts.join("\n").as_bytes()));
    let holder = format!("{run_id}/{}", uuid::Uuid::now_v7());
    let Acquired::Ours(lease) = store.acquire_lease(&stream, &holder, HOLD, now)? else { return Ok(None) };
    let linked = linked(store, &stream, lease.epoch, run_id, make);
    store.release_lease(&lease)?;
    linked
}

fn linked(
    store: &mut dyn Store,
    stream: &str,
    epoch: u64,
    run_id: &str,
    make: &mut dyn FnMut(&Link) -> Vec<u8>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let records = store.records(stream)?;
    let kept: Vec<Kept> = records
        .iter()
        .filter(|record| record.version == VERSION)
        .filter_map(|record| serde_json::from_slice(&record.body).ok())
        .collect();
    for earlier in kept.iter().filter(|kept| kept.run_id == run_id) {
        let again = make(&earlier.link);
        if digest(&again) == earlier.manifest {
            return Ok(Some(again));
        }
    }
    let last = kept.last();
    let link = Link {
        sequence: last.map_or(1, |last| last.link.sequence + 1),
        previous: last.map(|last| last.manifest.clone()),
        previous_run: last.map(|last| last.run_id.clone()),
    };
    let made = make(&link);
    let kept = Kept { run_id: run_id.to_owned(), link, manifest: digest(&made) };
    let body = serde_json::to_vec(&kept).expect("texts and numbers only");
    match store.append_record(stream, epoch, VERSION, &body)? {
        Appended::At(_) => Ok(Some(made)),
        Appended::Stale => Ok(None),
    }
}
