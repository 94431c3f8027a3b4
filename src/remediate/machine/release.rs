//! Clears up what insured the way back, once nothing needs it: announced and fenced like any write, since
//! one that lands late would take the insurance from the next case.

use super::{Doing, Effect, Machine, SignOrder, Signed};
use crate::remediate::{
    Case, Change, Heard, Kill, Mono, Outcome, Prepared, Purpose, Readings, Request, TargetRecord, WriteRef,
};

/// Calls of one release.
const CALLS: u32 = 4;

/// The next thing that is ours and not needed any more.
fn left(case: &Case, outcome: &Outcome, prepared: &Prepared) -> Option<Request> {
    match &case.opened.action.change {
        Change::Unbind { eip, .. } if prepared.protected && !case.opened.protected_before => {
            Some(Request::Protect { eip: eip.clone(), on: false })
        }
        Change::Unbind { eip, .. } if prepared.tag.as_deref() == Some(&case.opened.plan) => {
            Some(Request::Tag { eip: eip.clone(), plan: None })
        }
        Change::Fence { .. } if *outcome != Outcome::Mitigated => {
            prepared.acl.as_ref().map(|(acl, _)| Request::DeleteAcl { acl: acl.clone() })
        }
        Change::Unbind { .. } | Change::Fence { .. } => None,
    }
}

impl Machine {
    /// What stands ready is read; nothing of ours is there, or its release is announced, or carried out.
    pub(super) fn release_read(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let (Some(case), Some(at)) = (self.case(), self.earliest(now)) else {
            return self.stop("clears up nothing", out);
        };
        let off = readings.kill.as_ref().is_ok_and(|kill| kill.value == Kill::Off);
        let Ok(prepared) = &readings.prepared else {
            // What cannot be read stays. It protects, and harms nobody.
            return match self.tries >= CALLS {
                true => self.release_over(now, out),
                false => self.again_after(self.pace.retry, now, out),
            };
        };
        let outcome = self.ending();
        match (left(case, &outcome, &prepared.value), &self.writing) {
            (None, _) => self.release_over(now, out),
            (Some(_), _) if !off || self.tries >= CALLS => self.release_over(now, out),
            (Some(_), None) => self.announce(Purpose::Release, now, out),
            (Some(request), Some(writing)) => {
                let announced = writing.announced();
                if at + self.pace.retry > self.release_by() {
                    return self.release_over(now, out);
                }
                let order = SignOrder {
                    request,
                    at,
                    write: WriteRef { intent: case.opened.action.intent.clone(), write: Some(announced.write) },
                    plan: case.opened.plan.clone(),
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
                self.release_over(now, out);
            }
            Heard::Accepted | Heard::Refused(_) => {
                self.doing = Doing::Release;
                self.again_after(self.pace.stale_bound, now, out);
            }
        }
    }

    /// No further call. What was announced is answered for.
    fn release_over(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.cleared = true;
        let Some(writing) = self.writing.take() else { return self.decide(now, out) };
        let heard = match self.release_lost {
            true => Heard::Lost("one of its calls was not answered".to_owned()),
            false => Heard::Accepted,
        };
        let at = self.stamp_late(now);
        self.record(TargetRecord::Answered { write: writing.announced().write, heard, at }, now, out);
    }
}
