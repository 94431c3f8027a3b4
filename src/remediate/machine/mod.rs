//! One action, from its first reading to its last soak check.
//!
//! [`Machine::step`] takes one event and gives what is to be done. At most one effect waits for an answer, the last one;
//! every wait is an effect with a moment at which it ends. What matters outlives the process: the machine
//! goes by the case that the target's row folds into, so that carrying on after a crash and carrying on
//! after the last step are the same code ([`decide`](Machine::decide)).

mod account;
mod after;
mod begin;
mod doing;
mod effect;
mod lease;
mod prepare;
mod record;
mod release;
mod resolve;
mod sample;
mod undo;
mod write;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub use effect::{Effect, End, Event, EventKind, Notice, SignOrder, Signed, Stopped, StoppedBy, StoreFailed};
pub use record::journal_line;

use super::{
    Account, Action, Case, Change, ClockReading, CloudTime, Mono, Pace, Plan, ReadFor, Readings, Resolved, Target,
    TargetRow, Unread, guard::Refusal,
};
use account::AccountTask;
use begin::Fresh;
use doing::Doing;
use lease::Held;
use prepare::Preparing;
use record::Recording;
use release::Uncleared;
use sample::Sampling;
use write::Writing;

/// What a machine is for.
#[derive(Clone, Debug)]
pub enum Job {
    /// Carries an action of a plan out; what is open on its target is resolved first.
    Fresh { action: Arc<Action>, plan: Arc<Plan>, run: String },
    /// Carries on whatever is open on a target, and tells the account of what has ended without its knowledge: of
    /// these it does not know.
    Resume { target: Target, untold: Vec<String> },
}

impl Job {
    pub fn target(&self) -> &Target {
        match self {
            Self::Fresh { action, .. } => &action.target,
            Self::Resume { target, .. } => target,
        }
    }
}

/// How far an action is, in the words of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Planned,
    Leased,
    Checked,
    Intent,
    Signed,
    Sent,
    Settling,
    Verifying,
    Soaking,
    RollingBack,
    Closing,
    Ended,
}

/// The machine of one action.
#[derive(Clone, Debug)]
pub struct Machine {
    job: Job,
    pace: Arc<Pace>,
    holder: String,
    clock: Option<ClockReading>,
    lease: Option<Held>,
    lease_asked: Mono,
    row: TargetRow,
    /// The account's row when it was last looked at.
    account: Option<Account>,
    doing: Doing,
    /// Until when it sleeps before `doing`.
    asleep: Option<Mono>,
    /// What is to be done once the lease is renewed.
    held_back: Option<Effect>,
    /// What this process knows of a change that it has begun itself.
    fresh: Option<Fresh>,
    preparing: Option<Preparing>,
    recording: Option<Recording>,
    writing: Option<Writing>,
    task: Option<AccountTask>,
    sampling: Option<Sampling>,
    /// Failures in a row of what is being done, and since when.
    tries: u32,
    since: Mono,
    /// Next wait of a poll.
    interval: Duration,
    /// The target was not found, first then.
    missing: Option<Mono>,
    /// How often the way back was announced by this process, and that it is not tried again by it.
    backs: u32,
    gave_up: bool,
    /// The account has been told: that the breaker opens, that the change is done.
    tripped: bool,
    told_verified: bool,
    /// Health and slot were looked at before closing, then.
    last_look: Option<CloudTime>,
    /// Nothing of ours is left to clear up.
    cleared: bool,
    /// What of it could not be cleared up, and how often it was tried.
    uncleared: Option<Uncleared>,
    rounds: u32,
    /// A call of the release was not answered.
    release_lost: bool,
    refusals: Vec<Refusal>,
    /// How it ends once the lease is given back.
    end: Option<End>,
}

impl Machine {
    pub fn new(job: Job, holder: String, pace: Arc<Pace>) -> Self {
        Self {
            job,
            interval: pace.settle_first,
            pace,
            holder,
            clock: None,
            lease: None,
            lease_asked: Mono(0),
            row: TargetRow::default(),
            account: None,
            doing: Doing::Clock,
            asleep: None,
            held_back: None,
            fresh: None,
            preparing: None,
            recording: None,
            writing: None,
            task: None,
            sampling: None,
            tries: 0,
            since: Mono(0),
            missing: None,
            backs: 0,
            gave_up: false,
            tripped: false,
            told_verified: false,
            last_look: None,
            cleared: false,
            uncleared: None,
            rounds: 0,
            release_lost: false,
            refusals: Vec::new(),
            end: None,
        }
    }

    /// What is to be done next. The state is `self`, and nothing else is looked at or changed.
    #[must_use]
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        let now = event.now;
        match event.kind {
            EventKind::Started => self.start(Doing::Clock, now, &mut out),
            EventKind::Woke => self.woke(now, &mut out),
            EventKind::Renewed(renewed) if self.doing != Doing::Renew || self.held_back.is_some() => {
                self.renewed(renewed, now, &mut out);
            }
            kind => {
                if let EventKind::Read(readings) = &kind
                    && let Some(clock) = readings.clock
                {
                    self.clock = Some(clock);
                }
                self.happened(kind, now, &mut out);
            }
        }
        out
    }

    pub fn target(&self) -> &Target {
        self.job.target()
    }

    /// What is open on the target, as far as this machine knows.
    pub fn case(&self) -> Option<&Case> {
        self.row.open.as_ref()
    }

    pub fn state(&self) -> State {
        self.doing.state(self.case())
    }

    fn woke(&mut self, now: Mono, out: &mut Vec<Effect>) {
        match self.asleep {
            Some(until) if now < until => self.issue(Effect::Sleep { until }, now, out),
            Some(_) => {
                self.asleep = None;
                self.go(self.doing, now, out);
            }
            None => self.stop("was woken while it waited for something else", out),
        }
    }

    fn happened(&mut self, kind: EventKind, now: Mono, out: &mut Vec<Effect>) {
        use Doing as D;
        use EventKind as E;
        match (self.doing, kind) {
            (D::Clock, E::Read(_)) => self.clock_read(now, out),
            (D::Tell, E::Read(_)) => self.decide(now, out),
            (D::Lease, E::Leased(leased)) => self.leased(leased, now, out),
            (D::Row, E::Records(records)) => self.row_read(records, now, out),
            (D::Look, E::Records(records)) => self.looked(records, now, out),
            (D::Check, E::Read(readings)) => self.checked(&readings, now, out),
            (D::Prepare, E::Read(readings)) => self.prepared(&readings, now, out),
            (D::PrepareCheck, E::Read(readings)) => self.preparation_judged(&readings, now, out),
            (D::PrepareKill, E::Read(readings)) => self.preparation_last_kill(&readings, now, out),
            (D::PrepareSign, E::Signed(signed)) => self.preparation_signed(signed, now, out),
            (D::PrepareSend, E::Answered(heard)) => self.preparation_answered(heard, now, out),
            (D::Account, kind) => self.account_event(kind, now, out),
            (D::Append, E::Appended(appended)) => self.appended(appended, now, out),
            (D::Reread, E::Records(records)) => self.reread(records, now, out),
            (D::Journal, E::Journaled(journaled)) => self.journaled(journaled, now, out),
            (D::Renew, E::Renewed(renewed)) => self.renewed_for_write(renewed, now, out),
            (D::Recheck, E::Read(readings)) => self.rechecked(&readings, now, out),
            (D::LastKill, E::Read(readings)) => self.last_kill(&readings, now, out),
            (D::Sign, E::Signed(signed)) => self.signed(signed, now, out),
            (D::Send, E::Answered(heard)) => self.answered(heard, now, out),
            (D::Poll, E::Read(readings)) => self.polled(&readings, now, out),
            (D::Sample, E::Read(readings)) => self.sampled(&readings, now, out),
            (D::Watch, E::Read(readings)) => self.watched(&readings, now, out),
            (D::LookBack, E::Read(readings)) => self.looked_back(&readings, now, out),
            (D::Attribute, E::Read(readings)) => self.attributed(&readings, now, out),
            (D::Release, E::Read(readings)) => self.release_read(&readings, now, out),
            (D::ReleaseSign, E::Signed(signed)) => self.release_signed(signed, now, out),
            (D::ReleaseSend, E::Answered(heard)) => self.release_answered(heard, now, out),
            (D::GiveBack, E::Released) => self.gave_back(out),
            _ => self.stop("was told something that it had not asked for", out),
        }
    }

    /// Begins to do something anew: nothing of it has been tried.
    fn start(&mut self, doing: Doing, now: Mono, out: &mut Vec<Effect>) {
        self.tries = 0;
        self.since = now;
        self.interval = self.pace.settle_first;
        self.go(doing, now, out);
    }

    /// Does something, perhaps again.
    fn go(&mut self, doing: Doing, now: Mono, out: &mut Vec<Effect>) {
        self.doing = doing;
        let effect = match doing {
            Doing::Clock | Doing::Tell => self.read(ReadFor::Clock),
            Doing::Lease => self.acquire(now),
            Doing::Row | Doing::Reread => Effect::Records { row: self.target().row() },
            Doing::Look => Effect::Records { row: self.target().account_row() },
            Doing::Check => self.read(ReadFor::Guards),
            Doing::Prepare | Doing::Release => self.read(ReadFor::Prepared),
            Doing::PrepareCheck => self.read(ReadFor::Recheck),
            Doing::Account => return self.account_go(now, out),
            Doing::Append => return self.append(now, out),
            Doing::Renew => return self.renew_for_write(now, out),
            Doing::Recheck => return self.recheck(now, out),
            Doing::LastKill | Doing::PrepareKill => self.read(ReadFor::Kill),
            Doing::Poll | Doing::Watch => self.read(ReadFor::Slot),
            Doing::Sample => self.read(ReadFor::Health),
            Doing::LookBack => self.read(ReadFor::Undo),
            Doing::Attribute => self.read(ReadFor::Attribution),
            // These follow from what came before them, and are never begun by themselves.
            Doing::PrepareSign
            | Doing::PrepareSend
            | Doing::Journal
            | Doing::Sign
            | Doing::Send
            | Doing::ReleaseSign
            | Doing::ReleaseSend
            | Doing::GiveBack
            | Doing::Ended => return self.stop("slept in the middle of a call", out),
        };
        self.issue(effect, now, out);
    }

    /// Does the same again after a while.
    fn again_after(&mut self, wait: Duration, now: Mono, out: &mut Vec<Effect>) {
        self.tries += 1;
        self.sleep(now + wait, self.doing, now, out);
    }

    fn sleep(&mut self, until: Mono, then: Doing, now: Mono, out: &mut Vec<Effect>) {
        self.doing = then;
        self.asleep = Some(until);
        self.issue(Effect::Sleep { until }, now, out);
    }

    /// Sleeps until the cloud's clock says `until`, as far as that is known.
    fn sleep_until(&mut self, until: CloudTime, then: Doing, now: Mono, out: &mut Vec<Effect>) {
        let wait = self.earliest(now).map_or(self.pace.retry, |cloud| until - cloud);
        // A reply in between tells the time more exactly.
        self.sleep(now + wait.max(self.pace.retry / 5), then, now, out);
    }

    fn read(&self, what: ReadFor) -> Effect {
        let (action, since) = match (self.case(), &self.job) {
            (Some(case), _) => {
                let since = match what {
                    ReadFor::Attribution => Some(case.opened.first_read),
                    ReadFor::Health => case.effect_at(),
                    _ => None,
                };
                (Some(Arc::new(case.opened.action.clone())), since)
            }
            (None, Job::Fresh { action, .. }) => (Some(action.clone()), None),
            (None, Job::Resume { .. }) => (None, None),
        };
        let plan = match (self.case(), &self.job) {
            (Some(case), _) => case.opened.plan.clone(),
            (None, Job::Fresh { plan, .. }) => plan.id.clone(),
            (None, Job::Resume { .. }) => String::new(),
        };
        Effect::Read { what, target: self.target().clone(), action, plan, since }
    }

    fn earliest(&self, now: Mono) -> Option<CloudTime> {
        self.clock.as_ref().map(|clock| clock.earliest(now))
    }

    /// The cloud's time, for records. A machine that has begun knows it.
    fn stamp(&self, now: Mono) -> CloudTime {
        self.earliest(now).unwrap_or_default()
    }

    /// The latest that it can be: what is counted from it lasts longer.
    fn stamp_late(&self, now: Mono) -> CloudTime {
        self.clock.as_ref().map(|clock| clock.latest(now)).unwrap_or_default()
    }

    /// What to do next, by what is known of the target and nothing else.
    fn decide(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(case) = &self.row.open else { return self.without_case(now, out) };
        if let Some((_, write)) = case.open_write() {
            let write = write.clone();
            return self.on_open_write(&write, now, out);
        }
        match case.act().cloned() {
            None => self.not_announced(now, out),
            Some(Resolved::Effect) => self.after_effect(now, out),
            Some(Resolved::NotExecuted(why)) => self.without_effect(&why, now, out),
            Some(Resolved::Gone) => self.finish(super::Outcome::Gone, now, out),
            Some(Resolved::Unclear) => self.finish(super::Outcome::Attention, now, out),
        }
    }

    /// Ends with the lease given back, if there is one.
    fn finish_with(&mut self, end: End, now: Mono, out: &mut Vec<Effect>) {
        self.end = Some(end);
        match self.lease.take() {
            Some(held) => {
                self.doing = Doing::GiveBack;
                self.issue(Effect::Release { lease: held.lease }, now, out);
            }
            None => self.gave_back(out),
        }
    }

    fn gave_back(&mut self, out: &mut Vec<Effect>) {
        self.doing = Doing::Ended;
        let end = self.end.take().unwrap_or(End::Nothing);
        out.push(Effect::End(end));
    }

    /// Ends at once, without another call: what is open stays open, and is named in the row.
    fn stop(&mut self, why: &str, out: &mut Vec<Effect>) {
        self.stop_by(StoppedBy::Itself, why.to_owned(), out);
    }

    fn stop_by(&mut self, by: StoppedBy, why: String, out: &mut Vec<Effect>) {
        self.doing = Doing::Ended;
        out.push(Effect::End(End::Stopped(Stopped { by, why })));
    }
}

/// Reads and their parts: the case's own action, or the job's.
impl Machine {
    fn action(&self) -> Option<Action> {
        match (self.case(), &self.job) {
            (Some(case), _) => Some(case.opened.action.clone()),
            (None, Job::Fresh { action, .. }) => Some((**action).clone()),
            (None, Job::Resume { .. }) => None,
        }
    }

    /// True if the target was not found twice, some time apart, and its EIP is on no balancer.
    fn is_gone(&mut self, readings: &Readings, now: Mono) -> bool {
        if readings.target != Err(Unread::NotFound) {
            self.missing = None;
            return false;
        }
        let detached = self.action().is_some_and(|action| match action.change {
            Change::Unbind { .. } => {
                let attached = Some(&action.load_balancer);
                match &readings.eip {
                    Ok(eip) => eip.value.load_balancer.as_ref() != attached,
                    // What does not exist is on nothing.
                    Err(unread) => *unread == Unread::NotFound,
                }
            }
            Change::Fence { .. } => true,
        });
        let first = *self.missing.get_or_insert(now);
        detached && now - first >= self.pace.stale_bound * 2
    }
}
