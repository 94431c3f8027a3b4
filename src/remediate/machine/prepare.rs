//! Makes the way back sure before the change: deletion protection and a tag for an EIP; a new white list for
//! a fence. What exists is read, the first thing that is missing is made, and it is read again.

use super::{Doing, Effect, Machine, SignOrder, Signed};
use crate::remediate::{
    Action, Change, Kill, Mono, Prepared, Readings, Request, TargetRecord, WriteRef,
    guard::{Guard, Refusal},
};

/// How often something is made before giving up: parts, and tries.
const ROUNDS: u32 = 8;

/// What is missing, or that it cannot be made.
enum Missing {
    Nothing,
    Make(Request),
    Impossible(&'static str),
}

fn missing(action: &Action, plan: &str, prepaid: bool, prepared: &Prepared) -> Missing {
    match &action.change {
        Change::Unbind { .. } if prepaid => Missing::Nothing,
        Change::Unbind { eip, .. } if !prepared.protected => {
            Missing::Make(Request::Protect { eip: eip.clone(), on: true })
        }
        Change::Unbind { eip, .. } if prepared.tag.as_deref() != Some(plan) => {
            Missing::Make(Request::Tag { eip: eip.clone(), plan: Some(plan.to_owned()) })
        }
        Change::Unbind { .. } => Missing::Nothing,
        Change::Fence { entries, .. } => match &prepared.acl {
            None => Missing::Make(Request::CreateAcl { name: action.acl_name() }),
            Some((_, held)) if held.iter().any(|entry| !entries.contains(entry)) => {
                Missing::Impossible("the new ACL holds entries that nobody planned")
            }
            Some((acl, held)) => {
                let lacking = entries.iter().filter(|entry| !held.contains(entry)).cloned();
                let lacking: Vec<String> = lacking.take(Request::ACL_ENTRIES_A_CALL).collect();
                match lacking.is_empty() {
                    true => Missing::Nothing,
                    false => Missing::Make(Request::AddAclEntries { acl: acl.clone(), entries: lacking }),
                }
            }
        },
    }
}

impl Machine {
    pub(super) fn prepared(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let (Some(action), Some(fresh), Some(at)) = (self.action(), &self.fresh, self.earliest(now)) else {
            return self.stop("prepares nothing", out);
        };
        if readings.kill.as_ref().is_ok_and(|kill| kill.value == Kill::On) {
            return self.cannot_prepare("the kill switch is on", now, out);
        }
        let (Ok(prepared), Ok(_)) = (&readings.prepared, &readings.kill) else {
            return match self.tries >= ROUNDS {
                true => self.cannot_prepare("what insures the way back could not be read", now, out),
                false => self.again_after(self.pace.retry, now, out),
            };
        };
        match missing(&action, self.plan_id(), fresh.prepaid, &prepared.value) {
            Missing::Nothing => {
                let acl = prepared.value.acl.as_ref().map(|(acl, _)| acl.clone());
                if let Some(fresh) = &mut self.fresh {
                    fresh.prepared = true;
                }
                let at = self.stamp(now);
                self.record(TargetRecord::Prepared { acl, at }, now, out);
            }
            Missing::Make(_) if fresh.calls >= ROUNDS => {
                self.cannot_prepare("what insures the way back does not come about", now, out);
            }
            // What was read may be older than what was made last.
            Missing::Make(_) if fresh.calls > 0 && self.tries == 0 => {
                self.again_after(self.pace.stale_bound, now, out);
            }
            Missing::Make(request) => {
                let order = SignOrder {
                    request,
                    at,
                    write: WriteRef { intent: action.intent, write: None },
                    plan: self.plan_id().to_owned(),
                };
                if let Some(fresh) = &mut self.fresh {
                    fresh.calls += 1;
                }
                self.doing = Doing::PrepareSign;
                self.issue(Effect::Sign(order), now, out);
            }
            Missing::Impossible(why) => self.cannot_prepare(why, now, out),
        }
    }

    pub(super) fn preparation_signed(&mut self, signed: Result<Signed, String>, now: Mono, out: &mut Vec<Effect>) {
        let fits = |signed: &Signed| self.stamp(now) - signed.order().at() <= self.pace.kill_age;
        match signed {
            Ok(signed) if fits(&signed) && self.lease_covers_a_call(now) => {
                self.doing = Doing::PrepareSend;
                out.push(Effect::Send(signed));
            }
            // Too long ago, by whatever it was held up.
            _ => {
                self.doing = Doing::Prepare;
                self.again_after(self.pace.retry, now, out);
            }
        }
    }

    fn cannot_prepare(&mut self, why: &str, now: Mono, out: &mut Vec<Effect>) {
        let refusal = Refusal { guard: Guard::G12, why: why.to_owned(), until: "it can be".to_owned(), passing: false };
        self.refused(vec![refusal], now, out);
    }

    pub(super) fn plan_id(&self) -> &str {
        match (self.case(), &self.job) {
            (Some(case), _) => &case.opened.plan,
            (None, super::Job::Fresh { plan, .. }) => &plan.id,
            (None, super::Job::Resume { .. }) => "",
        }
    }
}
