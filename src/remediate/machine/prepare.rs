//! Makes the way back sure before the change: deletion protection and a tag for an EIP; a new white list for
//! a fence. What exists is read, the first thing that is missing is made, and it is read again. Each such call is signed
//! on guards that were judged for it, as the change itself is: what nobody may change is not tagged or protected either.
//! And each is announced: one that lands late would come after the clearing up, which waits for it.

use super::{Doing, Effect, Machine, SignOrder, Signed};
use crate::remediate::{
    Action, Change, CloudTime, Heard, Kill, Mono, Prepared, Readings, Request, TargetRecord, Unread, WriteRef,
    guard::{Act, Cleared, Guard, Moment, Refusal, judge},
};

/// How often something is made before giving up: parts, and tries.
const ROUNDS: u32 = 8;

/// How often the guards are read for one of them.
const TRIES: u32 = 4;

/// Something that is to be made, and what lets it.
#[derive(Clone, Debug)]
pub(super) struct Preparing {
    request: Request,
    cleared: Option<Cleared<Act>>,
}

/// What is missing, or that it cannot be made.
#[derive(PartialEq, Eq)]
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
        let (Some(action), Some(fresh)) = (self.action(), &self.fresh) else {
            return self.stop("prepares nothing", out);
        };
        if readings.kill.as_ref().is_ok_and(|kill| kill.value == Kill::On) {
            return self.killed(now, out);
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
                self.preparing = Some(Preparing { request, cleared: None });
                if let Some(fresh) = &mut self.fresh {
                    fresh.calls += 1;
                }
                let record = TargetRecord::Preparing {
                    call: self.case().and_then(|case| u32::try_from(case.preparations.len()).ok()).unwrap_or(u32::MAX),
                    sign_by: self.stamp(now) + self.pace.sign_within,
                };
                self.record(record, now, out);
            }
            Missing::Impossible(why) => self.cannot_prepare(why, now, out),
        }
    }

    /// All guards again, for this one call.
    pub(super) fn preparation_judged(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let (Some(facts), Some(fresh), Some(preparing)) =
            (self.facts(readings, Moment::Preparing, now), &self.fresh, &self.preparing)
        else {
            return self.stop("judges a preparation that there is not", out);
        };
        let wanted = Missing::Make(preparing.request.clone());
        let is_missing = |prepared: &Prepared| missing(facts.action, self.plan_id(), fresh.prepaid, prepared) == wanted;
        match (judge(&facts), &readings.prepared) {
            (Ok(cleared), Ok(prepared)) if is_missing(&prepared.value) => {
                if let Some(preparing) = &mut self.preparing {
                    preparing.cleared = Some(cleared);
                }
                self.sign_preparation(now, out);
            }
            // Somebody made it meanwhile, or a late request of ours did.
            (Ok(_), Ok(_)) => self.preparation_dropped(now, out),
            (Err(refusals), _) if self.tries >= TRIES || refusals.iter().any(|refusal| !refusal.passing) => {
                self.refused(refusals, now, out);
            }
            (Ok(_), Err(_)) if self.tries >= TRIES => {
                self.cannot_prepare("what insures the way back could not be read", now, out);
            }
            _ => self.again_after(self.pace.retry, now, out),
        }
    }

    /// Orders the signature if the guards still hold; looks at the kill switch once more if only that has become old.
    fn sign_preparation(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(Preparing { request, cleared: Some(cleared) }) = &self.preparing else {
            return self.stop("signs a preparation that was not judged", out);
        };
        if !cleared.holds(now, &self.pace) {
            let kill_only =
                self.doing == Doing::PrepareCheck && cleared.clone().with_kill_read_at(now).holds(now, &self.pace);
            return match kill_only {
                true => {
                    self.doing = Doing::PrepareKill;
                    let effect = self.read(crate::remediate::ReadFor::Kill);
                    out.push(effect);
                }
                false => self.judge_preparation_again(now, out),
            };
        }
        let Some(action) = self.action() else { return self.stop("prepares nothing", out) };
        let order = SignOrder {
            request: request.clone(),
            at: cleared.cloud(now),
            write: WriteRef { intent: action.intent, write: None },
            plan: self.plan_id().to_owned(),
            purpose: None,
        };
        if order.at > self.prepare_by() {
            return self.preparation_dropped(now, out);
        }
        self.doing = Doing::PrepareSign;
        out.push(Effect::Sign(order));
    }

    fn judge_preparation_again(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.doing = Doing::PrepareCheck;
        match self.tries >= TRIES {
            true => self.cannot_prepare("what the guards need is read too slowly to rest on", now, out),
            false => self.again_after(self.pace.retry / 5, now, out),
        }
    }

    pub(super) fn preparation_last_kill(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        match &readings.kill {
            Ok(seen) if seen.value == Kill::Off => {
                let asked = seen.asked;
                if let Some(preparing) = &mut self.preparing {
                    preparing.cleared = preparing.cleared.take().map(|cleared| cleared.with_kill_read_at(asked));
                }
                self.sign_preparation(now, out);
            }
            Ok(_) => self.killed(now, out),
            Err(Unread::NotAsked) => self.stop("was told nothing of the kill switch", out),
            Err(_) => self.judge_preparation_again(now, out),
        }
    }

    pub(super) fn preparation_signed(&mut self, signed: Result<Signed, String>, now: Mono, out: &mut Vec<Effect>) {
        let holds = self.preparing.take().and_then(|preparing| preparing.cleared);
        let holds = holds.is_some_and(|cleared| cleared.holds(now, &self.pace));
        match signed {
            Ok(signed) if holds && self.lease_covers_a_call(now) && signed.order().at() <= self.prepare_by() => {
                self.doing = Doing::PrepareSend;
                out.push(Effect::Send(signed));
            }
            // Too long ago, by whatever it was held up.
            _ => self.preparation_dropped(now, out),
        }
    }

    pub(super) fn preparation_answered(&mut self, heard: Heard, now: Mono, out: &mut Vec<Effect>) {
        match heard {
            // Nothing is known that the announcement does not say.
            Heard::Lost(_) => self.start(Doing::Prepare, now, out),
            Heard::Accepted | Heard::Refused(_) => self.preparation_heard(heard, now, out),
        }
    }

    /// What was announced is not sent: nothing has to be waited for.
    pub(super) fn preparation_dropped(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.preparing = None;
        self.preparation_heard(Heard::Refused("not-sent".to_owned()), now, out);
    }

    fn preparation_heard(&mut self, heard: Heard, now: Mono, out: &mut Vec<Effect>) {
        let announced = self.case().map_or(0, |case| case.preparations.len());
        let Some(call) = announced.checked_sub(1).and_then(|last| u32::try_from(last).ok()) else {
            return self.stop("was answered what it had not asked", out);
        };
        self.record(TargetRecord::PreparationAnswered { call, heard, at: self.stamp_late(now) }, now, out);
    }

    /// Until when what was announced last may be signed.
    fn prepare_by(&self) -> CloudTime {
        self.case().and_then(|case| case.preparations.last()).map(|call| call.sign_by).unwrap_or_default()
    }

    fn cannot_prepare(&mut self, why: &str, now: Mono, out: &mut Vec<Effect>) {
        let refusal = Refusal { guard: Guard::G12, why: why.to_owned(), until: "it can be".to_owned(), passing: false };
        self.refused(vec![refusal], now, out);
    }

    fn killed(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let (why, until) = ("the kill switch is on".to_owned(), "somebody turns it off".to_owned());
        self.refused(vec![Refusal { guard: Guard::G10, why, until, passing: false }], now, out);
    }

    pub(super) fn plan_id(&self) -> &str {
        match (self.case(), &self.job) {
            (Some(case), _) => &case.opened.plan,
            (None, super::Job::Fresh { plan, .. }) => &plan.id,
            (None, super::Job::Resume { .. }) => "",
        }
    }
}
