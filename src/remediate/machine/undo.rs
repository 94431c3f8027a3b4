//! The way back: onto what the change left, freshly read, and onto nothing else.

use super::{Doing, Effect, Machine, account::For, sample::Sampled};
use crate::remediate::{
    Flag, Mono, NotExecuted, Outcome, Purpose, Readings, Resolved, TargetRecord,
    guard::{Moment, judge_undo},
};

/// How often it is tried.
const TRIES: usize = 3;

impl Machine {
    /// The change has to be taken back.
    pub(super) fn way_back(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = self.case() else { return self.stop("goes back from nowhere", out) };
        if !case.flags.is_empty() {
            return self.finish(Outcome::Attention, now, out);
        }
        if case.restored {
            return self.restored(now, out);
        }
        let undone = case.last(Purpose::Undo).and_then(|write| write.resolved.as_ref());
        if matches!(undone, Some((Resolved::Unclear | Resolved::Gone, _))) {
            return self.finish(Outcome::Attention, now, out);
        }
        let sent = |write: &&crate::remediate::WriteLog| {
            write.purpose == Purpose::Undo
                && !matches!(write.resolved, Some((Resolved::NotExecuted(NotExecuted::Dropped(_)), _)))
        };
        if case.writes.iter().filter(sent).count() >= TRIES {
            let flag = Flag::NoWayBack("it was tried three times".to_owned());
            return self.flag_and_decide(flag, now, out);
        }
        match self.doing {
            Doing::LookBack => self.go(Doing::LookBack, now, out),
            _ => self.start(Doing::LookBack, now, out),
        }
    }

    pub(super) fn looked_back(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let Some(facts) = self.facts(readings, Moment::Undo, now) else {
            return self.stop("goes back from nowhere", out);
        };
        let judged = judge_undo(&facts);
        if let Ok(target) = &readings.target
            && target.value.slot == facts.action.before()
        {
            // Somebody was faster, or the change never was.
            return self.record(TargetRecord::Restored { at: self.stamp(now) }, now, out);
        }
        match judged {
            Ok(_) => self.announce(Purpose::Undo, now, out),
            Err(refusals) => match refusals.iter().find(|refusal| !refusal.passing) {
                None if now - self.since < self.pace.patience + self.settle_limit() => {
                    self.again_after(self.pace.retry, now, out);
                }
                barring => {
                    let why = barring.or(refusals.first()).map(ToString::to_string).unwrap_or_default();
                    self.flag_and_decide(Flag::NoWayBack(why), now, out);
                }
            },
        }
    }

    /// What was there is there again. As long as a late request of ours may still land, it is watched.
    fn restored(&mut self, now: Mono, out: &mut Vec<Effect>) {
        if !self.tripped {
            return self.account_for(For::Tripped, now, out);
        }
        if self.last_look.is_none() {
            return self.sample(Sampled::Restored, now, out);
        }
        let haunted = self.case().and_then(|case| case.haunted_until(&self.pace));
        match (haunted, self.last_look) {
            (Some(until), Some(seen)) if seen < until => {
                let next = (self.stamp(now) + self.pace.watch).min(until + self.pace.retry);
                self.sleep_until(next, Doing::Watch, now, out);
            }
            _ => self.finish(Outcome::RolledBack, now, out),
        }
    }

    /// A look at the slot while a late request may land.
    pub(super) fn watched(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = self.case() else { return self.stop("watches nothing", out) };
        let (before, after) = (case.opened.action.before(), case.opened.action.after(case.acl.as_ref()));
        let Ok(target) = &readings.target else { return self.again_after(self.pace.retry, now, out) };
        let asked = target.asked;
        if target.value.slot == before {
            self.last_look = self.clock.as_ref().map(|clock| clock.cloud - (clock.answered - asked));
            return self.decide(now, out);
        }
        self.last_look = None;
        if target.value.slot == after {
            // Ours, landed late: the way back once more.
            return self.start(Doing::LookBack, now, out);
        }
        let flag = Flag::Race("after the way back it holds something else".to_owned());
        self.flag_and_decide(flag, now, out);
    }
}
