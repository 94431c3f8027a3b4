//! Two scans that agree, a day apart: what automatic mode needs before it believes one.

use std::time::Duration;

use crate::{
    findings::Run,
    model::{Exposure, PortVerdict, StalenessVerdict},
    remediate::{CloudTime, Slot},
    store::{Store, StoreError},
};

/// Runs that are looked for; of other accounts than the endpoint's only the summary is read. A day of 300 accounts that are
/// scanned one by one every half hour has fewer.
const MOST_RUNS: usize = 20_000;

/// Going back from the newest run, the first one that is `least` older and found the same, if every run between that
/// looked found the same too.
pub(super) fn scans(
    store: &mut dyn Store,
    account: &str,
    endpoint: &str,
    slot: &Slot,
    least: Duration,
) -> Result<Option<(CloudTime, CloudTime)>, StoreError> {
    let mut newest = None;
    let of_account = |accounts: &[String]| accounts.is_empty() || accounts.iter().any(|id| id == account);
    for summary in store.runs(MOST_RUNS)?.into_iter().filter(|summary| of_account(&summary.accounts)) {
        let Some(run) = store.run(&summary.id)? else { continue };
        let at = CloudTime(u64::try_from(run.header.started_at.timestamp_millis()).unwrap_or_default());
        match of(&run, endpoint, slot) {
            None => {}
            Some(false) => return Ok(None),
            Some(true) => {
                let last = *newest.get_or_insert(at);
                if last - at >= least {
                    return Ok(Some((at, last)));
                }
            }
        }
    }
    Ok(None)
}

/// Whether a run found the endpoint needless and holding the same, or, for a fence, needed and open to others; `None` if it
/// did not look.
fn of(run: &Run, endpoint: &str, slot: &Slot) -> Option<bool> {
    let judged = run.judgements.endpoints.iter().find(|judged| judged.endpoint.id() == endpoint)?;
    let same = match slot {
        Slot::Eip(eip) => judged.eip_id.as_ref() == Some(eip),
        // What a fence replaces is compared before it is made.
        Slot::Acl(_) | Slot::Vacant => true,
    };
    let verdict = &judged.staleness;
    let fits = match slot {
        Slot::Acl(_) => {
            let is_open = judged.access.iter().any(|row| row.verdict == PortVerdict::Open);
            verdict.verdict == StalenessVerdict::Required && is_open
        }
        _ => match verdict.verdict {
            StalenessVerdict::Stale => !verdict.after_migration,
            StalenessVerdict::Orphaned => true,
            _ => false,
        },
    };
    Some(same && fits && judged.exposure == Exposure::Exposed)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::{
        model::{EipId, EndpointKind, Staleness},
        remediate::AclSetting,
        report::fixture,
        store::SqliteStore,
    };

    const DAY: Duration = Duration::from_hours(24);

    /// The pilot that is exposed, and its account.
    fn pilot() -> (String, String) {
        let endpoints = fixture::run().judgements.endpoints;
        let found = endpoints.into_iter().find(|one| one.endpoint.kind == EndpointKind::IstioPilot).expect("a pilot");
        (found.endpoint.id(), found.endpoint.account_id.to_string())
    }

    /// What a run says of the endpoint, so many minutes ago; `None`: it did not look.
    type Said = (i64, Option<StalenessVerdict>);

    fn kept(said: &[Said], alter: impl Fn(&mut Run)) -> (tempfile::TempDir, SqliteStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = SqliteStore::open(&folder.path().join("runs.db")).expect("a store");
        let (endpoint, _) = pilot();
        let now: DateTime<Utc> = fixture::run().header.started_at;
        for (minutes, verdict) in said {
            let mut run = fixture::run();
            run.header.id = uuid::Uuid::now_v7().to_string();
            run.header.started_at = now - TimeDelta::minutes(*minutes);
            run.header.finished_at = run.header.started_at;
            run.findings.clear();
            run.judgements.endpoints.retain(|one| verdict.is_none() != (one.endpoint.id() == endpoint));
            for one in &mut run.judgements.endpoints {
                one.staleness = Staleness::plain(verdict.unwrap_or(StalenessVerdict::Unknown), 90, "");
            }
            alter(&mut run);
            store.save_run(&mut run).expect("it is kept");
        }
        (folder, store)
    }

    fn agree(said: &[Said]) -> bool {
        agree_on(&Slot::Eip(EipId::from("eip-1")), said, |_| {})
    }

    fn agree_on(slot: &Slot, said: &[Said], alter: impl Fn(&mut Run)) -> bool {
        let (_folder, mut store) = kept(said, alter);
        let (endpoint, account) = pilot();
        scans(&mut store, &account, &endpoint, slot, DAY).expect("it is read").is_some()
    }

    /// A fence is for what is needed and open to others.
    #[test]
    fn two_that_found_it_needed_and_open_agree_on_a_fence() {
        use StalenessVerdict::{Required, Stale, Unknown};
        let fence = Slot::Acl(AclSetting::off());
        let all = |verdict: PortVerdict| {
            move |run: &mut Run| {
                let endpoint = pilot().0;
                let judged = run.judgements.endpoints.iter_mut().find(|one| one.endpoint.id() == endpoint);
                judged.into_iter().flat_map(|one| &mut one.access).for_each(|row| row.verdict = verdict);
            }
        };
        let said = |first, second| [(24 * 60, Some(first)), (0, Some(second))];
        assert!(agree_on(&fence, &said(Required, Required), all(PortVerdict::Open)));
        assert!(!agree_on(&fence, &said(Required, Required), all(PortVerdict::Restricted)));
        for other in [Stale, Unknown] {
            assert!(!agree_on(&fence, &said(other, Required), all(PortVerdict::Open)), "{other}");
            assert!(!agree_on(&fence, &said(Required, other), all(PortVerdict::Open)), "{other}");
        }
    }

    #[test]
    fn two_a_day_apart_agree_and_everything_between_as_well() {
        use StalenessVerdict::{Orphaned, Required, Stale, Unknown};
        let day = 24 * 60;
        assert!(agree(&[(day, Some(Stale)), (0, Some(Stale))]));
        assert!(agree(&[(day, Some(Stale)), (60, None), (0, Some(Orphaned))]), "one did not look");
        for said in [
            vec![],
            vec![(0, Some(Stale))],
            vec![(day - 1, Some(Stale)), (0, Some(Stale))],
            vec![(day, Some(Required)), (0, Some(Stale))],
            vec![(day, Some(Stale)), (0, Some(Unknown))],
            vec![(day, Some(Stale)), (60, Some(Unknown)), (0, Some(Stale))],
            vec![(day, None), (0, Some(Stale))],
        ] {
            assert!(!agree(&said), "{said:?}");
        }
    }

    #[test]
    fn scans_may_be_frequent_and_of_other_accounts() {
        let often: Vec<Said> = (0..=150).rev().map(|step| (step * 10, Some(StalenessVerdict::Stale))).collect();
        assert!(agree(&often), "every ten minutes for 25 hours");
    }

    #[test]
    fn another_eip_and_a_private_endpoint_do_not_agree() {
        let said = [(24 * 60, Some(StalenessVerdict::Stale)), (0, Some(StalenessVerdict::Stale))];
        let (endpoint, account) = pilot();
        let alters: [fn(&mut Run); 2] = [
            |run| run.judgements.endpoints[0].eip_id = Some("eip-2".into()),
            |run| run.judgements.endpoints[0].exposure = Exposure::Private,
        ];
        for alter in alters {
            let (_folder, mut store) = kept(&said, alter);
            let slot = Slot::Eip(EipId::from("eip-1"));
            assert_eq!(scans(&mut store, &account, &endpoint, &slot, DAY).expect("it is read"), None);
        }
    }
}
