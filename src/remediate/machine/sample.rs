//! Whether all is well after a change: two good samples of the data plane for the verification, one for a
//! soak check; and whether the slot still holds what the change left in it.

use super::{Doing, Effect, Machine};
use crate::remediate::{
    Action, Case, Change, CloudTime, EipStatus, Flag, Health, Mono, Readings, Slot, Standing, TargetRecord,
    TargetState, Unread, reading::differing,
};

/// What samples are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampled {
    Verification,
    Soak {
        check: u32,
    },
    /// Before the case is closed.
    LastLook,
    /// After the way back.
    Restored,
}

/// Samples of one verification. A crash begins it anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    what: Sampled,
    /// The first of two good ones.
    good: Option<Mono>,
    /// It was quiet, or has had its time to become so: the limit counts from there.
    settled: bool,
    /// The slot was seen to hold something else, first then. One read may lag behind what is known already.
    changed: Option<Mono>,
    /// All was well but for the EIP, which cannot come back: first seen then.
    lost: Option<Mono>,
}

/// Share of the proxies that must be there again, in percent.
const PROXIES_BACK: u64 = 99;

impl Machine {
    pub(super) fn sample(&mut self, what: Sampled, now: Mono, out: &mut Vec<Effect>) {
        self.sampling = Some(Sampling { what, good: None, settled: false, changed: None, lost: None });
        self.start(Doing::Sample, now, out);
    }

    pub(super) fn sampled(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let gone = self.is_gone(readings, now);
        let (Some(case), Some(mut sampling)) = (self.case(), self.sampling) else {
            return self.stop("samples nothing", out);
        };
        if gone {
            let flag = Flag::Uncertain("the endpoint is gone".to_owned());
            return self.flag_and_decide(flag, now, out);
        }
        let restored = sampling.what == Sampled::Restored;
        let wanted = match restored {
            true => case.opened.action.before(),
            false => case.opened.action.after(case.acl.as_ref()),
        };
        if let Ok(target) = &readings.target
            && target.value.slot != wanted
        {
            let asked = target.asked;
            let first = *sampling.changed.get_or_insert(asked);
            if asked - first > self.pace.stale_bound {
                return self.slot_changed(restored, readings, now, out);
            }
            sampling.good = None;
            self.sampling = Some(sampling);
            return self.again_after(self.pace.stale_bound * 2, now, out);
        }
        let quiet = is_quiet(&case.opened.action, &wanted, readings);
        if !sampling.settled && (quiet || now - self.since >= self.settle_limit()) {
            sampling.settled = true;
            self.since = now;
        }
        let Some(case) = self.case() else { return self.stop("samples nothing", out) };
        let verdict = match (&readings.target, &readings.health) {
            (Ok(_), Ok(_)) if !quiet => Err("it is not quiet again".to_owned()),
            (Ok(target), Ok(health)) => healthy(case, &health.value, restored)
                .map_err(str::to_owned)
                .and_then(|()| unaltered(case, sampling.what, &target.value)),
            _ => Err("the data plane cannot be read".to_owned()),
        };
        let asked = readings.oldest().unwrap_or(now);
        let lost = lost_eip(&case.opened.action, &wanted, readings);
        match (verdict, lost) {
            (Ok(()), Some(flag)) => self.eip_lost(sampling, flag, now, out),
            (Ok(()), None) => self.good_sample(Sampling { lost: None, ..sampling }, asked, now, out),
            (Err(why), _) if sampling.settled && now - self.since >= self.pace.verify_limit => {
                self.unhealthy(sampling.what, &why, now, out)
            }
            (Err(_), _) => {
                (sampling.good, sampling.lost) = (None, None);
                self.sampling = Some(sampling);
                self.again_after(self.pace.settle_most, now, out);
            }
        }
    }

    fn good_sample(&mut self, sampling: Sampling, asked: Mono, now: Mono, out: &mut Vec<Effect>) {
        let at = self.clock_at(asked);
        let second = sampling.good.is_some_and(|first| asked - first >= self.pace.verify_gap);
        match sampling.what {
            Sampled::Soak { check } => self.record(TargetRecord::Checked { check, at }, now, out),
            Sampled::LastLook => {
                self.last_look = Some(at);
                self.decide(now, out);
            }
            Sampled::Verification | Sampled::Restored if !second => {
                let good = sampling.good.or(Some(asked));
                self.sampling = Some(Sampling { good, ..sampling });
                self.again_after(self.pace.verify_gap, now, out);
            }
            Sampled::Verification => self.record(TargetRecord::Verified { at }, now, out),
            Sampled::Restored => {
                self.last_look = Some(at);
                self.decide(now, out);
            }
        }
    }

    /// Nobody is cut off, and there is no way back any more. Whether that may stay so is for a person, and the sooner the better.
    fn eip_lost(&mut self, mut sampling: Sampling, flag: Flag, now: Mono, out: &mut Vec<Effect>) {
        let first = *sampling.lost.get_or_insert(now);
        if now - first > self.pace.stale_bound {
            return self.flag_and_decide(flag, now, out);
        }
        sampling.good = None;
        self.sampling = Some(sampling);
        self.again_after(self.pace.stale_bound * 2, now, out);
    }

    /// The cloud's time at a moment of ours, or a little before.
    fn clock_at(&self, at: Mono) -> CloudTime {
        self.clock.as_ref().map_or_else(CloudTime::default, |clock| clock.earliest(at))
    }

    fn unhealthy(&mut self, what: Sampled, why: &str, now: Mono, out: &mut Vec<Effect>) {
        match what {
            Sampled::Restored => {
                let flag = Flag::NoWayBack(format!("it was taken, and {why}"));
                self.flag_and_decide(flag, now, out);
            }
            _ => {
                let record = TargetRecord::Unhealthy { why: why.to_owned(), at: self.stamp(now) };
                self.record(record, now, out);
            }
        }
    }

    /// Somebody, or a request of ours that was late, has changed the slot.
    fn slot_changed(&mut self, restored: bool, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        if restored {
            return self.watched(readings, now, out);
        }
        self.record(TargetRecord::Reopened { at: self.stamp(now) }, now, out);
    }

    pub(super) fn flag_and_decide(&mut self, flag: Flag, now: Mono, out: &mut Vec<Effect>) {
        match self.flag(flag, now) {
            Some(record) => self.record(record, now, out),
            None => self.decide(now, out),
        }
    }
}

/// Nothing moves any more: the endpoint, its tasks, its EIP.
fn is_quiet(action: &Action, wanted: &Slot, readings: &Readings) -> bool {
    let Ok(target) = &readings.target else { return false };
    let eip = match (&action.change, wanted, &readings.eip) {
        (Change::Fence { .. }, ..) => true,
        (_, Slot::Vacant, Ok(eip)) => eip.value.status != EipStatus::Moving,
        // What does not exist does not move.
        (_, Slot::Vacant, Err(Unread::NotFound)) => true,
        (_, _, Ok(eip)) => eip.value.status == EipStatus::InUse,
        (.., Err(_)) => false,
    };
    eip && target.value.running && !target.value.task && !target.value.upgrading
}

/// A call that sets the access control of a listener is to leave the rest of it as it is. Later somebody else may change
/// it, which is no matter of ours.
fn unaltered(case: &Case, what: Sampled, target: &TargetState) -> Result<(), String> {
    if case.opened.settings.is_empty() || !matches!(what, Sampled::Verification | Sampled::Restored) {
        return Ok(());
    }
    let Some(now) = &target.settings else { return Err("the listener's settings were not read".to_owned()) };
    match differing(&case.opened.settings, now) {
        names if names.is_empty() => Ok(()),
        names => Err(format!("settings of the listener are not what they were before: {}", names.join(", "))),
    }
}

/// That the EIP which the way back would bind was let go for good, or is on something else.
fn lost_eip(action: &Action, wanted: &Slot, readings: &Readings) -> Option<Flag> {
    let Change::Unbind { eip: id, .. } = &action.change else { return None };
    if *wanted != Slot::Vacant {
        return None;
    }
    match &readings.eip {
        Err(Unread::NotFound) => Some(Flag::EipGone(id.clone())),
        Ok(eip) => {
            let on = eip.value.load_balancer.as_ref().filter(|on| **on != action.load_balancer)?;
            Some(Flag::NoWayBack(format!("{id} is on {on} now")))
        }
        Err(_) => None,
    }
}

/// Judges a sample against the baseline.
fn healthy(case: &Case, health: &Health, restored: bool) -> Result<(), &'static str> {
    if !restored && health.rule_passes != Standing::Yes {
        return Err("the finding's own rule does not pass");
    }
    for (name, before) in &case.opened.baseline {
        let Some(cluster) = health.clusters.iter().find(|cluster| cluster.cluster == *name) else {
            return Err("a cluster shows no proxies any more");
        };
        if cluster.behind > case.opened.behind.get(name).copied().unwrap_or_default() {
            return Err("proxies do not get what is sent to them");
        }
        if u64::from(cluster.connected) * 100 < u64::from(*before) * PROXIES_BACK {
            return Err("proxies have not connected again");
        }
    }
    if restored {
        return Ok(());
    }
    if health.sources.iter().any(|source| source.safe == Standing::No) {
        return Err("somebody who needs it has no other way any more");
    }
    // Whoever the plan names was proved to do without. Of who came since, that nothing is known is not enough.
    let joined = |name: &String| !case.opened.action.clusters.contains(name);
    match health.sources.iter().any(|source| joined(&source.name) && source.safe != Standing::Yes) {
        true => Err("somebody came since, who is not known to do without"),
        false => Ok(()),
    }
}
