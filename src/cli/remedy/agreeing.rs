//! Two scans that agree, a day apart: what automatic mode needs before it believes one.

use std::time::Duration;

use crate::{
    findings::Run,
    model::{Exposure, StalenessVerdict},
    remediate::{CloudTime, Slot},
    store::{Store, StoreError},
};

/// Runs that are looked at.
const MOST_RUNS: usize = 64;

/// Going back from the newest run, the first one that is `least` older and found the same, if every run between that
/// looked found the same too.
pub(super) fn scans(
    store: &mut dyn Store,
    endpoint: &str,
    slot: &Slot,
    least: Duration,
) -> Result<Option<(CloudTime, CloudTime)>, StoreError> {
    let mut newest = None;
    for summary in store.runs(MOST_RUNS)? {
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

/// Whether a run found the endpoint needless and holding the same; `None` if it did not look.
fn of(run: &Run, endpoint: &str, slot: &Slot) -> Option<bool> {
    let judged = run.judgements.endpoints.iter().find(|judged| judged.endpoint.id() == endpoint)?;
    let same = match slot {
        Slot::Eip(eip) => judged.eip_id.as_ref() == Some(eip),
        // A fence is for what is needed; what it fences is compared before it is made.
        Slot::Acl(_) | Slot::Vacant => true,
    };
    let verdict = &judged.staleness;
    let fits = match slot {
        Slot::Acl(_) => true,
        _ => match verdict.verdict {
            StalenessVerdict::Stale => !verdict.after_migration,
            StalenessVerdict::Orphaned => true,
            _ => false,
        },
    };
    Some(same && fits && judged.exposure == Exposure::Exposed)
}
