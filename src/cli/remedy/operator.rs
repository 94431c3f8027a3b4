//! What a person says about an endpoint or an account: appended under its lease, like everything that counts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::holder;
use crate::{
    cli::{
        desk::Desk,
        exit::{Exit, Failure, fail},
    },
    remediate::Pace,
    store::{Acquired, Appended, Lease, Record},
};

/// A lease for one record.
const TTL: Duration = Duration::from_secs(30);

/// How long somebody else's lease is waited for: one is renewed, or ends, within a minute.
const TRIES: u32 = 75;
const BETWEEN: Duration = Duration::from_secs(1);

/// By what somebody else's lease counts as over.
#[derive(Clone, Copy)]
pub(super) enum Over {
    /// By the cloud's time, which it was given by; it is this now.
    Cloud(DateTime<Utc>),
    /// By nobody having renewed it for so long, while it was looked at. The cloud is not asked here, and the wall clock of
    /// this host decides nothing: one that is an hour fast would end the lease of somebody who works under it.
    Unrenewed(Duration),
}

impl Over {
    /// For rows that changes are made under.
    pub(super) fn unrenewed() -> Self {
        Self::Unrenewed(Pace::default().lease_ttl)
    }

    /// For rows that only people write: each of their leases is for one record.
    pub(super) fn unrenewed_by_a_person() -> Self {
        Self::Unrenewed(TTL)
    }
}

/// Somebody else's lease, and since when it has stayed as it is.
struct Watched {
    lease: Lease,
    since: Instant,
}

/// Where a record was appended.
pub(super) struct Said {
    pub(super) epoch: u64,
    pub(super) holder: String,
}

/// Appends what `say` makes of the row, as the only one who does; `None` appends nothing.
pub(super) async fn append(
    desk: &Desk,
    row: &str,
    over: Over,
    say: impl Fn(&[Record]) -> Result<Option<(u32, Vec<u8>)>, Failure> + Send,
) -> Result<Option<Said>, Failure> {
    let holder = holder();
    let begun = Instant::now();
    let mut watched: Option<Watched> = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let (name, by) = (row.to_owned(), holder.clone());
        let now = as_of(over, begun, watched.as_ref());
        let lease = match desk.ask(move |store| store.acquire_lease(&name, &by, TTL, now)).await? {
            Acquired::Ours(lease) => lease,
            Acquired::HeldBy(lease) => {
                let is_same = watched.as_ref().is_some_and(|one| one.lease == lease);
                watched = watched.filter(|_| is_same).or_else(|| Some(Watched { lease, since: Instant::now() }));
                continue;
            }
        };
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

/// The time that a lease is asked for at: those that end before it are over.
fn as_of(over: Over, begun: Instant, watched: Option<&Watched>) -> DateTime<Utc> {
    match (over, watched) {
        (Over::Cloud(now), _) => now + begun.elapsed(),
        // Whoever renews it meanwhile moves its end beyond this.
        (Over::Unrenewed(long), Some(one)) if one.since.elapsed() >= long => one.lease.expires_at,
        // Then only what nobody holds is given. What is given so may be taken by whoever wants it next: then nothing is
        // appended, and it is asked for again.
        (Over::Unrenewed(_), _) => DateTime::UNIX_EPOCH,
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;

    use super::*;
    use crate::{
        cli::desk,
        store::{SqliteStore, Store as _},
    };

    const ROW: &str = "target/1000000000000001/c0mesh/pilot";

    /// Says something in a row that somebody holds until `ends`, and renews so often, an hour behind this host's clock or
    /// wherever else the end is. Gives what came of it, and whether the holder is one still.
    fn said(ends: DateTime<Utc>, renewed_every: Option<Duration>) -> (Option<Exit>, Duration, bool) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
        let given = ends - TimeDelta::seconds(60);
        let Acquired::Ours(held) = store.acquire_lease(ROW, "holder", Duration::from_secs(60), given).unwrap() else {
            panic!("nobody else holds it");
        };
        desk::serve(&mut store, |desk| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            Ok(runtime.unwrap().block_on(async {
                let begun = Instant::now();
                let renewing = {
                    let (desk, held) = (desk.clone(), held.clone());
                    async move {
                        loop {
                            match renewed_every {
                                Some(wait) => tokio::time::sleep(wait).await,
                                None => std::future::pending().await,
                            }
                            let (held, at) = (held.clone(), given + begun.elapsed());
                            desk.ask(move |store| store.renew_lease(&held, Duration::from_secs(60), at)).await.unwrap();
                        }
                    }
                };
                let say = |_: &[Record]| Ok(Some((1, b"said".to_vec())));
                let failed = tokio::select! {
                    said = append(&desk, ROW, Over::unrenewed(), say) => said.err().map(|failure| failure.exit),
                    () = renewing => unreachable!("it goes on for ever"),
                };
                let took = begun.elapsed();
                let renewed = desk.ask(move |store| store.renew_lease(&held, Duration::from_secs(60), ends)).await;
                (failed, took, renewed.unwrap().is_some())
            }))
        })
        .unwrap_or_else(|failure| panic!("{:#}", failure.error))
    }

    /// As it looks from a host whose clock is an hour fast: each end that the holder writes is long past.
    #[test]
    fn a_lease_that_is_renewed_is_nobody_elses_whatever_this_hosts_clock_says() {
        let (failed, _, is_held) = said(Utc::now() - TimeDelta::hours(1), Some(Duration::from_secs(20)));
        assert_eq!((failed, is_held), (Some(Exit::Locked), true));
    }

    /// Also where it ends in an hour, by a clock that is an hour slow.
    #[test]
    fn a_lease_that_nobody_renews_is_over_after_its_time_was_watched() {
        for ends in [TimeDelta::hours(-1), TimeDelta::zero(), TimeDelta::hours(1)] {
            let (failed, took, is_held) = said(Utc::now() + ends, None);
            assert_eq!((failed, is_held), (None, false), "{ends}");
            assert!(took >= Duration::from_secs(60) && took < Duration::from_secs(65), "{ends}: {took:?}");
        }
    }
}
