//! Clears up what insured the way back, once nothing needs it: announced and fenced like any write, since
//! one that lands late would take the insurance from the next case. What cannot be cleared up keeps the case open: else the
//! next one would take our protection for the owner's.

use std::collections::BTreeMap;

use super::{Doing, Effect, End, Machine, SignOrder, Signed};
use crate::remediate::{
    Case, Change, Heard, Kill, Mono, Opened, Outcome, Prepared, Purpose, Readings, Request, TargetRecord, Unread,
    WriteRef,
};

/// Tries of one announced release: looks and calls.
const TRIES: u32 = 8;

/// How often it is announced by one process.
const ROUNDS: u32 = 3;

/// What is not cleared up, as far as it is known, and why.
#[derive(Clone, Debug)]
pub(super) struct Uncleared {
    left: Vec<Request>,
    why: &'static str,
    /// It may be otherwise right away.
    again: bool,
}

/// What is ours and not needed any more, in the order in which it is cleared up. `earlier` are the cases that the endpoint had
/// before: one that needed attention leaves what insured its way back, and this one has come in its place.
fn left(case: &Case, earlier: &BTreeMap<String, Box<Opened>>, outcome: &Outcome, prepared: &Prepared) -> Vec<Request> {
    let is_ours = |tag: &str| tag == case.opened.plan || earlier.values().any(|opened| tag == opened.plan);
    match &case.opened.action.change {
        Change::Unbind { eip, .. } => {
            let protect = (prepared.protected && !case.opened.protected_before)
                .then(|| Request::Protect { eip: eip.clone(), on: false });
            let tag =
                prepared.tag.as_deref().is_some_and(is_ours).then(|| Request::Tag { eip: eip.clone(), plan: None });
            protect.into_iter().chain(tag).collect()
        }
        Change::Fence { .. } => {
            let attached = case.acl.as_ref().filter(|_| *outcome == Outcome::Mitigated);
            let all = prepared.acl.iter().map(|(acl, _)| acl).chain(&prepared.others);
            all.filter(|acl| Some(*acl) != attached).map(|acl| Request::DeleteAcl { acl: acl.clone() }).collect()
        }
    }
}

impl Machine {
    /// What stands ready is read; nothing of ours is there, or its release is announced, or carried out.
    pub(super) fn release_read(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let (Some(case), Some(at)) = (self.case(), self.earliest(now)) else {
            return self.stop("clears up nothing", out);
        };
        let prepared = match &readings.prepared {
            Ok(prepared) => &prepared.value,
            // It does not exist any more, and nothing of ours on it.
            Err(Unread::NotFound) => return self.release_over(None, now, out),
            Err(_) if self.tries >= TRIES => {
                return self.not_cleared(Vec::new(), "what is left could not be read", true, now, out);
            }
            Err(_) => return self.again_after(self.pace.retry, now, out),
        };
        let left = left(case, &self.row.past, &self.ending(), prepared);
        let Some(request) = left.first().cloned() else { return self.release_over(None, now, out) };
        match &readings.kill {
            Ok(kill) if kill.value == Kill::Off => {}
            Ok(_) => return self.not_cleared(left, "the kill switch is on", false, now, out),
            Err(_) if self.tries >= TRIES => {
                return self.not_cleared(left, "the kill switch could not be read, and counts as on", true, now, out);
            }
            Err(_) => return self.again_after(self.pace.retry, now, out),
        }
        match &self.writing {
            None => self.announce(Purpose::Release, now, out),
            Some(writing) => {
                let announced = writing.announced();
                if self.tries >= TRIES || at + self.pace.retry > self.release_by() {
                    return self.not_cleared(left, "the calls that clear it up come to nothing", true, now, out);
                }
                let order = SignOrder {
                    request,
                    at,
                    write: WriteRef { intent: case.opened.action.intent.clone(), write: Some(announced.write) },
                    plan: case.opened.plan.clone(),
                    purpose: Some(Purpose::Release),
                };
                self.tries += 1;
                self.doing = Doing::ReleaseSign;
                self.issue(Effect::Sign(order), now, out);
            }
        }
    }

    fn release_by(&self) -> crate::remediate::CloudTime {
        self.case().and_then(|case| case.open_write()).map(|(_, write)| write.sign_by).unwrap_or_default()
    }

    pub(super) fn release_signed(&mut self, signed: Result<Signed, String>, now: Mono, out: &mut Vec<Effect>) {
        let in_time = |signed: &Signed| {
            signed.order().at() <= self.release_by() && self.stamp(now) - signed.order().at() <= self.pace.kill_age
        };
        match signed {
            Ok(signed) if in_time(&signed) && self.lease_covers_a_call(now) => {
                self.doing = Doing::ReleaseSend;
                out.push(Effect::Send(signed));
            }
            _ => {
                self.doing = Doing::Release;
                self.again_after(self.pace.retry, now, out);
            }
        }
    }

    /// One answer that is missing makes the whole release uncertain.
    pub(super) fn release_answered(&mut self, heard: Heard, now: Mono, out: &mut Vec<Effect>) {
        match heard {
            Heard::Lost(_) => {
                self.release_lost = true;
                self.not_cleared(Vec::new(), "one of the calls that clear it up was not answered", true, now, out);
            }
            Heard::Accepted | Heard::Refused(_) => {
                self.doing = Doing::Release;
                self.again_after(self.pace.stale_bound, now, out);
            }
        }
    }

    fn not_cleared(&mut self, left: Vec<Request>, why: &'static str, again: bool, now: Mono, out: &mut Vec<Effect>) {
        self.release_over(Some(Uncleared { left, why, again }), now, out);
    }

    /// No further call. What was announced is answered for.
    fn release_over(&mut self, uncleared: Option<Uncleared>, now: Mono, out: &mut Vec<Effect>) {
        self.cleared = uncleared.is_none();
        self.uncleared = uncleared;
        let Some(writing) = self.writing.take() else { return self.decide(now, out) };
        let heard = match std::mem::take(&mut self.release_lost) {
            true => Heard::Lost("one of its calls was not answered".to_owned()),
            false => Heard::Accepted,
        };
        let at = self.stamp_late(now);
        self.record(TargetRecord::Answered { write: writing.announced().write, heard, at }, now, out);
    }

    /// Clears up, perhaps once more; or leaves the case open for whoever may.
    pub(super) fn clear_up(&mut self, outcome: Outcome, now: Mono, out: &mut Vec<Effect>) {
        match self.uncleared.take() {
            Some(Uncleared { left, why, again }) if !again || self.rounds >= ROUNDS => {
                let Some(case) = self.case() else { return self.stop("clears up nothing", out) };
                let intent = case.opened.action.intent.clone();
                let refusals = std::mem::take(&mut self.refusals);
                let end = End::NotClearedUp { intent, outcome, left, why: why.to_owned(), refusals };
                self.finish_with(end, now, out);
            }
            _ => {
                self.rounds += 1;
                self.start(Doing::Release, now, out);
            }
        }
    }
}
