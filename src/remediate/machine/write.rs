//! A write, from its intent to its answer: announced, judged again on fresh readings, signed, looked at once
//! more, and sent once. Each stage holds what the one before it proved, so that none can be left out.

use super::{Doing, Effect, Machine, SignOrder, Signed, StoreFailed};
use crate::{
    remediate::{
        CloudTime, Dropped, Heard, Kill, Mono, NotExecuted, Purpose, Readings, Request, Resolved, TargetRecord, Unread,
        WriteRef,
        guard::{Act, Cleared, Moment, Undo, judge, judge_undo},
    },
    store::Lease,
};

/// A write whose intent is in the shared row and in the local journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) write: u32,
    sign_by: CloudTime,
}

/// What was judged for it.
#[derive(Clone, Debug)]
pub(super) enum Judged {
    Act(Cleared<Act>),
    Undo(Cleared<Undo>),
}

impl Judged {
    fn holds(&self, now: Mono, machine: &Machine) -> bool {
        match self {
            Self::Act(cleared) => cleared.holds(now, &machine.pace),
            Self::Undo(cleared) => cleared.holds(now, &machine.pace),
        }
    }

    fn cloud(&self, now: Mono) -> CloudTime {
        match self {
            Self::Act(cleared) => cleared.cloud(now),
            Self::Undo(cleared) => cleared.cloud(now),
        }
    }

    fn with_kill_read_at(self, asked: Mono) -> Self {
        match self {
            Self::Act(cleared) => Self::Act(cleared.with_kill_read_at(asked)),
            Self::Undo(cleared) => Self::Undo(cleared.with_kill_read_at(asked)),
        }
    }
}

/// A write that this process makes.
#[derive(Clone, Debug)]
pub(super) enum Writing {
    Announced(Announced),
    Judged(Announced, Judged),
    /// Sent, or on its way.
    Sent(Announced),
}

impl Writing {
    pub(super) fn announced(&self) -> Announced {
        match self {
            Self::Announced(announced) | Self::Judged(announced, _) | Self::Sent(announced) => *announced,
        }
    }
}

/// How often guards are read again before a signature.
const TRIES: u32 = 4;

impl Machine {
    /// Announces a write, in the row and in the journal.
    pub(super) fn announce(&mut self, purpose: Purpose, now: Mono, out: &mut Vec<Effect>) {
        let write = self.case().and_then(|case| u32::try_from(case.writes.len()).ok()).unwrap_or(u32::MAX);
        let sign_by = self.stamp(now) + self.pace.sign_within;
        if let (Some(fresh), Purpose::Act) = (&mut self.fresh, purpose) {
            fresh.announced += 1;
        }
        self.record(TargetRecord::Intent { write, purpose, sign_by }, now, out);
    }

    pub(super) fn announced(
        &mut self,
        write: u32,
        purpose: Purpose,
        sign_by: CloudTime,
        now: Mono,
        out: &mut Vec<Effect>,
    ) {
        self.writing = Some(Writing::Announced(Announced { write, sign_by }));
        match purpose {
            Purpose::Act | Purpose::Undo => self.start(Doing::Renew, now, out),
            Purpose::Release => self.start(Doing::Release, now, out),
        }
    }

    pub(super) fn renew_for_write(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let stamp = self.stamp(now);
        let Some(held) = &mut self.lease else { return self.stop("writes without a lease", out) };
        let lease: Lease = held.lease.clone();
        held.ask(now);
        out.push(Effect::Renew { lease, ttl: self.pace.lease_ttl, now: stamp });
    }

    pub(super) fn renewed_for_write(
        &mut self,
        renewed: Result<Option<Lease>, StoreFailed>,
        now: Mono,
        out: &mut Vec<Effect>,
    ) {
        match renewed {
            Err(StoreFailed) => self.drop_write(Dropped::LeaseShort, now, out),
            Ok(_) => match self.take_renewal(renewed, now) {
                true => self.start(Doing::Recheck, now, out),
                false => self.lost(out),
            },
        }
    }

    pub(super) fn recheck(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let what = match self.open_purpose() {
            Some(Purpose::Undo) => crate::remediate::ReadFor::Undo,
            _ => crate::remediate::ReadFor::Recheck,
        };
        let effect = self.read(what);
        self.issue(effect, now, out);
    }

    fn open_purpose(&self) -> Option<Purpose> {
        Some(self.case()?.open_write()?.1.purpose)
    }

    pub(super) fn rechecked(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let moment = if self.open_purpose() == Some(Purpose::Undo) { Moment::Undo } else { Moment::Signing };
        let (Some(writing), Some(facts)) = (&self.writing, self.facts(readings, moment, now)) else {
            return self.stop("judges a write that was not announced", out);
        };
        let announced = writing.announced();
        let judged = match self.open_purpose() {
            Some(Purpose::Act) => judge(&facts).map(Judged::Act),
            Some(Purpose::Undo) => judge_undo(&facts).map(Judged::Undo),
            _ => return self.stop("judges a write that is not one", out),
        };
        match judged {
            Ok(judged) => {
                self.writing = Some(Writing::Judged(announced, judged));
                self.sign(now, out);
            }
            Err(refusals) if refusals.iter().all(|refusal| refusal.passing) => {
                self.recheck_again(Dropped::Unread, now, out)
            }
            Err(refusals) => {
                self.refusals = refusals;
                self.drop_write(Dropped::Guard, now, out);
            }
        }
    }

    /// Once more while there is time to sign.
    fn recheck_again(&mut self, why: Dropped, now: Mono, out: &mut Vec<Effect>) {
        let late = self.writing.as_ref().is_none_or(|writing| self.stamp_late(now) >= writing.announced().sign_by);
        self.doing = Doing::Recheck;
        match late || self.tries >= TRIES {
            true => self.drop_write(why, now, out),
            false => self.again_after(self.pace.retry / 5, now, out),
        }
    }

    /// Signs if the proof still holds; looks at the kill switch once more if only that has become old.
    fn sign(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(Writing::Judged(announced, judged)) = &self.writing else {
            return self.stop("signs what was not judged", out);
        };
        let (at, announced) = (judged.cloud(now), *announced);
        if !judged.holds(now, self) {
            let kill_only = judged.clone().with_kill_read_at(now).holds(now, self) && self.doing == Doing::Recheck;
            return match kill_only {
                true => {
                    self.doing = Doing::LastKill;
                    let effect = self.read(crate::remediate::ReadFor::Kill);
                    out.push(effect);
                }
                false => self.recheck_again(Dropped::Stale, now, out),
            };
        }
        if at > announced.sign_by {
            return self.drop_write(Dropped::Late, now, out);
        }
        let Some(request) = self.request() else { return self.stop("has nothing to sign", out) };
        let intent = self.case().map(|case| case.opened.action.intent.clone()).unwrap_or_default();
        let order = SignOrder {
            request,
            at,
            write: WriteRef { intent, write: Some(announced.write) },
            plan: self.plan_id().to_owned(),
            purpose: self.open_purpose(),
        };
        self.doing = Doing::Sign;
        out.push(Effect::Sign(order));
    }

    fn request(&self) -> Option<Request> {
        let case = self.case()?;
        match self.open_purpose()? {
            Purpose::Act => Some(case.opened.action.act(case.acl.as_ref())),
            Purpose::Undo => Some(case.opened.action.undo()),
            Purpose::Release => None,
        }
    }

    pub(super) fn last_kill(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        match &readings.kill {
            Ok(seen) if seen.value == Kill::Off => {
                let asked = seen.asked;
                self.writing = match self.writing.take() {
                    Some(Writing::Judged(announced, judged)) => {
                        Some(Writing::Judged(announced, judged.with_kill_read_at(asked)))
                    }
                    other => other,
                };
                self.sign(now, out);
            }
            Ok(_) => self.drop_write(Dropped::Guard, now, out),
            Err(Unread::NotAsked) => self.stop("was told nothing of the kill switch", out),
            Err(_) => self.recheck_again(Dropped::Unread, now, out),
        }
    }

    /// The last look: whatever held the signing up, what it rests on must still hold.
    pub(super) fn signed(&mut self, signed: Result<Signed, String>, now: Mono, out: &mut Vec<Effect>) {
        let Some(Writing::Judged(announced, judged)) = &self.writing else {
            return self.stop("was handed a signature that it had not ordered", out);
        };
        let announced = *announced;
        let Ok(signed) = signed else { return self.drop_write(Dropped::Unread, now, out) };
        if !judged.holds(now, self) {
            return self.drop_write(Dropped::Stale, now, out);
        }
        if !self.lease_covers_a_call(now) {
            return self.drop_write(Dropped::LeaseShort, now, out);
        }
        if signed.order().at() > announced.sign_by || signed.order().write().write != Some(announced.write) {
            return self.drop_write(Dropped::Late, now, out);
        }
        self.writing = Some(Writing::Sent(announced));
        self.doing = Doing::Send;
        out.push(Effect::Send(signed));
    }

    pub(super) fn answered(&mut self, heard: Heard, now: Mono, out: &mut Vec<Effect>) {
        let Some(Writing::Sent(announced)) = self.writing.take() else {
            return self.stop("was answered what it had not asked", out);
        };
        let at = self.stamp_late(now);
        self.record(TargetRecord::Answered { write: announced.write, heard, at }, now, out);
    }

    /// A signature that was not sent, or never made: the write did not happen, and nothing has to be waited for.
    fn drop_write(&mut self, why: Dropped, now: Mono, out: &mut Vec<Effect>) {
        let Some(writing) = self.writing.take() else { return self.stop("drops a write that it does not have", out) };
        if let Some(fresh) = &mut self.fresh {
            fresh.checked = false;
        }
        let how = Resolved::NotExecuted(NotExecuted::Dropped(why));
        let record = TargetRecord::Resolved { write: writing.announced().write, how, at: self.stamp(now) };
        self.record(record, now, out);
    }
}
