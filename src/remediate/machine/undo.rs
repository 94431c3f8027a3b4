//! The way back: onto what the change left, freshly read, and onto nothing else. What refuses it is asked again, less and
//! less often, for as long as the slot and the EIP allow it.

use super::{Doing, Effect, End, Machine, account::For, sample::Sampled};
use crate::remediate::{
    Change, CloudTime, Flag, Kill, Mono, Outcome, Purpose, Readings, Resolved, Slot, TargetRecord, Unread, WriteLog,
    guard::{Facts, Guard, Moment, Refusal, judge_undo},
};

/// How often one process announces it: what is dropped each time, for keys that have ended, would be announced for ever.
const ANNOUNCED: u32 = 20;

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
        let last = case.ways_back().next_back();
        if matches!(last, Some(WriteLog { resolved: Some((Resolved::Unclear | Resolved::Gone, _)), .. })) {
            return self.finish(Outcome::Attention, now, out);
        }
        if self.must_trip() {
            return self.account_for(For::Tripped, now, out);
        }
        let (told, tried) = (case.barred.is_some(), case.ways_back().count());
        match self.next_way_back() {
            _ if self.gave_up => self.later(now, out),
            _ if tried > self.pace.undo_waits.len() && !told => {
                self.bar(format!("it was sent {tried} times, and came to nothing{}", last_answer(last)), now, out);
            }
            Some(due) if self.stamp(now) < due && told => self.later(now, out),
            Some(due) if self.stamp(now) < due => self.sleep_until(due, Doing::LookBack, now, out),
            _ if self.doing == Doing::LookBack => self.go(Doing::LookBack, now, out),
            _ => self.start(Doing::LookBack, now, out),
        }
    }

    /// When it may be sent again, if it was sent already.
    fn next_way_back(&self) -> Option<CloudTime> {
        let case = self.case()?;
        let (_, resolved) = case.ways_back().next_back()?.resolved.as_ref()?;
        let waits = &self.pace.undo_waits;
        let wait = waits.get(case.ways_back().count() - 1).unwrap_or(&self.pace.undo_again);
        Some(*resolved + *wait)
    }

    /// It stays open, for whoever comes next.
    fn later(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = self.case() else { return self.stop("goes back from nowhere", out) };
        let soon = self.stamp(now) + self.pace.watch;
        let end = End::WayBackRefused {
            intent: case.opened.action.intent.clone(),
            why: case.barred.clone().unwrap_or_default(),
            due: self.next_way_back().map_or(soon, |due| due.max(soon)),
        };
        self.finish_with(end, now, out);
    }

    /// Tells people, once. Nothing of what bars it is of the slot or the EIP: it stays open.
    fn bar(&mut self, why: String, now: Mono, out: &mut Vec<Effect>) {
        self.gave_up = true;
        match self.case().is_some_and(|case| case.barred.is_some()) {
            true => self.way_back(now, out),
            false => self.record(TargetRecord::Barred { why, at: self.stamp(now) }, now, out),
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
        let refusals = match judged {
            Ok(_) if self.backs < ANNOUNCED => {
                self.backs += 1;
                return self.announce(Purpose::Undo, now, out);
            }
            Ok(_) => {
                let why = format!("it was announced {ANNOUNCED} times, and could not be sent");
                return self.bar(why, now, out);
            }
            Err(refusals) => refusals,
        };
        if let Some(flag) = for_good(&facts, &refusals) {
            return self.flag_and_decide(flag, now, out);
        }
        let killed = readings.kill.as_ref().is_ok_and(|kill| kill.value == Kill::On);
        let told = self.case().is_some_and(|case| case.barred.is_some());
        if !killed && !told && now - self.since < self.pace.patience + self.settle_limit() {
            return self.again_after(self.pace.retry, now, out);
        }
        let barring = refusals.iter().find(|refusal| !refusal.passing).or(refusals.first());
        self.bar(barring.map(ToString::to_string).unwrap_or_default(), now, out);
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

/// What of the slot or the EIP does not allow it: only a person changes that. What could not be read says nothing of them.
fn for_good(facts: &Facts<'_>, refusals: &[Refusal]) -> Option<Flag> {
    let unread = |unread: Option<&Unread>| unread.is_some_and(|unread| *unread != Unread::NotFound);
    let readings = facts.readings;
    let is_ours = |slot: &Slot| *slot == facts.action.after(facts.acl);
    if let (Change::Unbind { eip, .. }, Ok(target), Err(Unread::NotFound)) =
        (&facts.action.change, &readings.target, &readings.eip)
        && is_ours(&target.value.slot)
    {
        return Some(Flag::EipGone(eip.clone()));
    }
    let is_unknown = match &readings.target {
        Err(why) => unread(Some(why)),
        Ok(target) => {
            let needs_eip = matches!(facts.action.change, Change::Unbind { .. });
            is_ours(&target.value.slot) && needs_eip && unread(readings.eip.as_ref().err())
        }
    };
    let of_endpoint = |refusal: &&Refusal| !refusal.passing && matches!(refusal.guard, Guard::G3 | Guard::G4);
    let barring = refusals.iter().find(of_endpoint).filter(|_| !is_unknown)?;
    Some(Flag::NoWayBack(barring.to_string()))
}

/// What was heard of a request, in words.
fn last_answer(write: Option<&WriteLog>) -> String {
    match write.and_then(|write| write.heard.as_ref()) {
        Some((crate::remediate::Heard::Refused(code), _)) => format!(", the last time with {code}"),
        _ => String::new(),
    }
}
