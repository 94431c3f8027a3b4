//! The order of bundles: each knows the one before it about the same accounts, so that one that is missing shows. The
//! store remembers the last of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    digest,
    journal::{Mark, Span},
    write::Sealed,
};
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
    /// How far it and those before it hold the journal; `None` in what earlier versions kept.
    #[serde(default)]
    journal: Option<Mark>,
}

impl Kept {
    /// Where the bundle behind this one goes on with the journal.
    fn journal_end(before: Option<&Self>) -> Mark {
        before.and_then(|kept| kept.journal.clone()).unwrap_or_else(Mark::start)
    }
}

/// Gives the bundle of a run its place, and keeps what `make` makes of it as the last one; `make` is told the place, and which
/// part of the journal is the bundle's: each entry is in one of them. The same bundle of the same run has the place that it had.
/// One that has become another since, because its files are rendered differently or somebody else signs, is another bundle, with
/// a place of its own. `None` if somebody else is writing one and does not end.
///
/// # Errors
/// If the store fails.
pub fn link(
    store: &mut dyn Store,
    accounts: &[String],
    run_id: &str,
    now: DateTime<Utc>,
    make: &mut dyn FnMut(&Link, &Span) -> Sealed,
) -> Result<Option<Sealed>, StoreError> {
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
    make: &mut dyn FnMut(&Link, &Span) -> Sealed,
) -> Result<Option<Sealed>, StoreError> {
    let records = store.records(stream)?;
    let kept: Vec<Kept> = records
        .iter()
        .filter(|record| record.version == VERSION)
        .filter_map(|record| serde_json::from_slice(&record.body).ok())
        .collect();
    for (number, earlier) in kept.iter().enumerate().filter(|(_, kept)| kept.run_id == run_id) {
        let before = number.checked_sub(1).and_then(|number| kept.get(number));
        let span = Span { after: Kept::journal_end(before), until: earlier.journal.clone() };
        let again = make(&earlier.link, &span);
        if digest(&again.envelope) == earlier.manifest {
            return Ok(Some(again));
        }
    }
    let last = kept.last();
    let link = Link {
        sequence: last.map_or(1, |last| last.link.sequence + 1),
        previous: last.map(|last| last.manifest.clone()),
        previous_run: last.map(|last| last.run_id.clone()),
    };
    let made = make(&link, &Span { after: Kept::journal_end(last), until: None });
    let journal = Some(made.slice.journal.end().clone());
    let kept = Kept { run_id: run_id.to_owned(), link, manifest: digest(&made.envelope), journal };
    let body = serde_json::to_vec(&kept).expect("texts and numbers only");
    match store.append_record(stream, epoch, VERSION, &body)? {
        Appended::At(_) => Ok(Some(made)),
        Appended::Stale => Ok(None),
    }
}
