//! Finds out what became of a write, whoever made it: by looking, until what it was for is there or its
//! fence has passed. An answer of 200 alone resolves nothing.

use super::{Doing, Effect, Machine, account::For};
use crate::remediate::{Action, Flag, Heard, Mono, NotExecuted, Purpose, Readings, Resolved, TargetRecord, WriteLog};

/// What a look at the slot says of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// What it was for. Whether it is quiet is for the verification: an effect that is not written down at once may
    /// be hidden by somebody who opens it again.
    Done,
    /// As it was before.
    NotYet,
    Foreign,
    Unread,
}

impl Machine {
    /// A write is open. It is ours and not sent yet, or has to be resolved.
    pub(super) fn on_open_write(&mut self, write: &WriteLog, now: Mono, out: &mut Vec<Effect>) {
        if let Some((Heard::Refused(code), _)) = &write.heard {
            return self.resolve(Resolved::NotExecuted(NotExecuted::Refused(code.clone())), now, out);
        }
        if write.purpose == Purpose::Release {
            return self.wait_for_release(write, now, out);
        }
        if self.must_trip() {
            return self.account_for(For::Tripped, now, out);
        }
        match self.doing {
            Doing::Poll => self.go(Doing::Poll, now, out),
            _ => self.start(Doing::Poll, now, out),
        }
    }

    /// Once something is wrong, nothing else may start: the account is told before anything is waited for.
    pub(super) fn must_trip(&self) -> bool {
        !self.tripped && self.case().is_some_and(|case| !case.flags.is_empty() || case.barred.is_some())
    }

    pub(super) fn resolve(&mut self, how: Resolved, now: Mono, out: &mut Vec<Effect>) {
        let Some((write, _)) = self.case().and_then(|case| case.open_write()) else {
            return self.stop("resolves what is not open", out);
        };
        // Rather too late: whatever somebody else did until then is asked of the audit trail.
        let record = TargetRecord::Resolved { write, how, at: self.stamp_late(now) };
        self.record(record, now, out);
    }

    /// The end of a release's fence: until then it may take the insurance from whoever comes next.
    fn wait_for_release(&mut self, write: &WriteLog, now: Mono, out: &mut Vec<Effect>) {
        match write.haunts_until(&self.pace) {
            Some(until) if self.earliest(now).is_none_or(|cloud| cloud < until) => {
                // Only a reply tells the cloud's time for sure.
                self.sleep_until(until, Doing::Tell, now, out);
            }
            _ => self.resolve(Resolved::Effect, now, out),
        }
    }

    pub(super) fn polled(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let gone = self.is_gone(readings, now);
        let Some(case) = self.case() else { return self.stop("polls for nothing", out) };
        let Some((_, write)) = case.open_write() else { return self.stop("polls for nothing", out) };
        let write = write.clone();
        let seen = see(&case.opened.action, case.acl.as_ref(), write.purpose, readings);
        // Counted from when it was asked: what is seen is the cloud as it was then, or later.
        let asked = readings.target.as_ref().map_or(now, |seen| seen.asked);
        let fenced = match write.haunts_until(&self.pace) {
            Some(until) => self.clock.as_ref().is_some_and(|clock| clock.earliest(asked) >= until),
            None => true,
        };
        match seen {
            Seen::Done => self.resolve(Resolved::Effect, now, out),
            Seen::NotYet if fenced => self.resolve(Resolved::NotExecuted(NotExecuted::Fenced), now, out),
            Seen::Unread if gone && fenced => self.resolve(Resolved::Gone, now, out),
            Seen::Unread if fenced && now - self.since > self.pace.fence() => {
                self.flag_or(Flag::Uncertain("the endpoint cannot be read".to_owned()), Resolved::Unclear, now, out);
            }
            Seen::Foreign if fenced => {
                self.flag_or(
                    Flag::Race("it holds what neither we nor the plan put there".to_owned()),
                    Resolved::Unclear,
                    now,
                    out,
                );
            }
            Seen::Foreign => {
                let flag = Flag::Race("it holds what neither we nor the plan put there".to_owned());
                match self.flag(flag, now) {
                    Some(record) => self.record(record, now, out),
                    None => self.poll_later(&write, now, out),
                }
            }
            Seen::NotYet | Seen::Unread => self.poll_later(&write, now, out),
        }
    }

    /// Flags it first; flagged, resolves.
    fn flag_or(&mut self, flag: Flag, how: Resolved, now: Mono, out: &mut Vec<Effect>) {
        match self.flag(flag, now) {
            Some(record) => self.record(record, now, out),
            None => self.resolve(how, now, out),
        }
    }

    fn poll_later(&mut self, write: &WriteLog, now: Mono, out: &mut Vec<Effect>) {
        self.doing = Doing::Poll;
        let wait = match now - self.since >= self.settle_limit() {
            true => self.pace.watch,
            false => self.interval,
        };
        self.interval = (self.interval * 2).min(self.pace.settle_most);
        // Not long after the fence.
        let left = match (write.haunts_until(&self.pace), self.earliest(now)) {
            (Some(until), Some(cloud)) if until > cloud => until - cloud,
            _ => self.pace.settle_most,
        };
        self.again_after(wait.min(left.max(self.pace.retry)), now, out);
    }

    pub(super) fn settle_limit(&self) -> std::time::Duration {
        match self.target().endpoint.rolls() {
            true => self.pace.settle_cluster,
            false => self.pace.settle_mesh,
        }
    }
}

fn see(action: &Action, acl: Option<&crate::model::AclId>, purpose: Purpose, readings: &Readings) -> Seen {
    let Ok(target) = &readings.target else { return Seen::Unread };
    let target = &target.value;
    let (wanted, other) = match purpose {
        Purpose::Undo => (action.before(), action.after(acl)),
        Purpose::Act | Purpose::Release => (action.after(acl), action.before()),
    };
    if target.slot == other {
        return Seen::NotYet;
    }
    if target.slot != wanted {
        return Seen::Foreign;
    }
    Seen::Done
}
