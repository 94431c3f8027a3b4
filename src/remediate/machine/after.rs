//! After the effect: verification, soak, attribution; and how a case is closed.

use super::{Doing, Effect, End, Machine, account::For, sample::Sampled};
use crate::remediate::{CloudTime, Flag, Mono, Outcome, Readings, TargetRecord};

impl Machine {
    /// The change is done.
    pub(super) fn after_effect(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = self.case() else { return self.stop("goes on from nowhere", out) };
        if case.unhealthy.is_some() {
            return self.way_back(now, out);
        }
        if !case.flags.is_empty() {
            return self.finish(Outcome::Attention, now, out);
        }
        if case.reopened {
            return self.finish(Outcome::Reopened, now, out);
        }
        if case.verified.is_none() {
            return self.sample(Sampled::Verification, now, out);
        }
        if !self.told_verified && case.checks == 0 {
            return self.account_for(For::Verified, now, out);
        }
        self.soak(now, out);
    }

    fn soak(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some((case, done)) = self.case().and_then(|case| Some((case, case.effect_at()?))) else {
            return self.stop("soaks nothing", out);
        };
        let (check, attributed) = (case.checks, case.attributed >= case.attributable_until(&self.pace));
        let due = usize::try_from(check).ok().and_then(|check| self.pace.soak.get(check));
        let Some(due) = due.map(|after| done + *after) else {
            return self.finish(Outcome::Mitigated, now, out);
        };
        if self.stamp(now) < due {
            let intent = case.opened.action.intent.clone();
            return self.finish_with(End::Soaking { intent, since: done, due }, now, out);
        }
        // The first check comes too early for the audit trail; the second does not.
        if check > 0 && !attributed {
            return self.attribute(now, out);
        }
        self.sample(Sampled::Soak { check }, now, out);
    }

    /// How the case will end, by what is known.
    pub(super) fn ending(&self) -> Outcome {
        let Some(case) = self.case() else { return Outcome::NotExecuted };
        if !case.flags.is_empty() {
            return Outcome::Attention;
        }
        match (case.act(), case.unhealthy.is_some(), case.reopened) {
            (Some(crate::remediate::Resolved::Gone), ..) => Outcome::Gone,
            (Some(crate::remediate::Resolved::Unclear), ..) => Outcome::Attention,
            (Some(crate::remediate::Resolved::Effect), true, _) => Outcome::RolledBack,
            (Some(crate::remediate::Resolved::Effect), _, true) => Outcome::Reopened,
            (Some(crate::remediate::Resolved::Effect), ..) => Outcome::Mitigated,
            (Some(crate::remediate::Resolved::NotExecuted(_)) | None, ..) => Outcome::NotExecuted,
        }
    }

    /// Everything that has to be before a case is closed, one after the other.
    pub(super) fn finish(&mut self, outcome: Outcome, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = self.case() else { return self.stop("closes what is not open", out) };
        let outcome = if case.flags.is_empty() { outcome } else { Outcome::Attention };
        let (sent, attributed) = (case.was_sent(&self.pace), case.attributed >= case.attributable_until(&self.pace));
        let prepared = case.prepared_until(&self.pace);
        if self.must_trip() {
            return self.account_for(For::Tripped, now, out);
        }
        // Nothing of ours may land after the outcome is written down.
        if let Some(until) = case.haunted_until(&self.pace)
            && self.earliest(now).is_none_or(|cloud| cloud < until)
        {
            return self.sleep_until(until, Doing::Tell, now, out);
        }
        if sent && !attributed && outcome != Outcome::Attention {
            return self.attribute(now, out);
        }
        if outcome == Outcome::Mitigated && self.last_look.is_none() {
            return self.sample(Sampled::LastLook, now, out);
        }
        if outcome != Outcome::Attention && !self.cleared {
            // What lands later would be there for good, and look like the owner's to the next case.
            if let Some(until) = prepared
                && self.earliest(now).is_none_or(|cloud| cloud < until)
            {
                return self.sleep_until(until, Doing::Tell, now, out);
            }
            return self.clear_up(outcome, now, out);
        }
        let as_of = self.last_look.unwrap_or_else(|| self.stamp(now));
        self.record(TargetRecord::Closed { outcome, as_of }, now, out);
    }

    /// Looks whether anybody else wrote, from the first read to the last fence, once the trail is complete for it.
    fn attribute(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let ready = self.attributable_from();
        match self.earliest(now) {
            Some(cloud) if cloud >= ready => self.start(Doing::Attribute, now, out),
            _ => {
                self.sleep_until(ready, Doing::Tell, now, out);
            }
        }
    }

    fn attributable_from(&self) -> CloudTime {
        let end = self.case().and_then(|case| case.attributable_until(&self.pace));
        end.unwrap_or_default() + self.pace.trail_delay
    }

    pub(super) fn attributed(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = self.case() else { return self.stop("attributes nothing", out) };
        let from = case.opened.first_read;
        let until = self.attributable_from() - self.pace.trail_delay;
        match &readings.trail {
            Ok(trail) if trail.value.complete_until >= until => {
                let foreign = trail.value.foreign.iter().find(|write| write.before() > from && write.at <= until);
                match foreign {
                    Some(write) => {
                        let flag = Flag::Race(format!("{} wrote to it meanwhile: {}", write.who, write.what));
                        self.flag_and_decide(flag, now, out);
                    }
                    None => self.record(TargetRecord::Attributed { until, at: self.stamp(now) }, now, out),
                }
            }
            _ if now - self.since > self.pace.fence() => self.flag_and_decide(Flag::Unattributed, now, out),
            _ => self.again_after(self.pace.settle_most, now, out),
        }
    }
}
