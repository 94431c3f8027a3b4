//! Carries a plan out, action by action, or whatever is due: one change at a time, the first one alone until it
//! has soaked, and nothing more once something went wrong.

mod tell;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use tell::Tell;

use super::{
    Action, CloudTime, Effect, End, Event, EventKind, Job, Machine, Mode, Mono, Outcome, Pace, Plan, Replies,
    Selection, Stopped, StoppedBy, Target, account_row,
};
use crate::model::AccountId;

/// What a process was started for.
#[derive(Clone, Debug)]
pub enum Errand {
    Apply {
        plan: Arc<Plan>,
        selection: Selection,
        run: String,
    },
    /// Resolves what is open and makes the soak checks that are due.
    Settle {
        account: AccountId,
        /// Only of these targets; `None` for all.
        only: Option<BTreeSet<Target>>,
    },
}

/// What came of it, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Attention,
    /// The journal, or a row, cannot be used: nothing is written until it is repaired.
    Damaged,
    /// The machine itself is wrong.
    Wrong,
    RolledBack,
    /// A guard, the breaker or the kill switch.
    Stopped,
    /// The lock is somebody else's.
    Locked,
    /// The cloud's time could not be read.
    Unread,
    Done,
}

impl Verdict {
    fn of(end: &End) -> Self {
        match end {
            End::Closed(Outcome::Attention)
            | End::Before(Outcome::Attention)
            | End::Blocked
            | End::WayBackRefused { .. } => Self::Attention,
            End::Stopped(Stopped { by: StoppedBy::Damage, .. }) => Self::Damaged,
            End::Stopped(Stopped { by: StoppedBy::Itself, .. }) => Self::Wrong,
            End::Stopped(Stopped { by: StoppedBy::Clock, .. }) => Self::Unread,
            End::Closed(Outcome::RolledBack) | End::Before(Outcome::RolledBack) => Self::RolledBack,
            End::NotClearedUp { outcome: Outcome::RolledBack, .. } => Self::RolledBack,
            End::Skipped(_)
            | End::NotStarted(_)
            | End::NotClearedUp { .. }
            | End::Closed(Outcome::NotExecuted | Outcome::Reopened | Outcome::Gone)
            | End::Before(Outcome::NotExecuted | Outcome::Reopened | Outcome::Gone) => Self::Stopped,
            End::LockHeld | End::LeaseLost => Self::Locked,
            End::Soaking { .. } | End::Closed(Outcome::Mitigated) | End::Before(Outcome::Mitigated) | End::Nothing => {
                Self::Done
            }
        }
    }
}

/// Replies that are needed before their throttled share means something.
const ENOUGH_REPLIES: u64 = 20;

/// Share of throttled replies that opens the breaker, in percent.
const THROTTLED_SHARE: u64 = 30;

/// Carries out one errand.
#[derive(Clone, Debug)]
pub struct Runner {
    errand: Errand,
    holder: String,
    pace: Arc<Pace>,
    /// What is left to start, in order.
    queue: VecDeque<Job>,
    machine: Option<Box<Machine>>,
    /// The first action, alone until it has soaked for so long.
    canary: Option<Canary>,
    /// Something was changed already.
    changed: bool,
    failures: u32,
    replies: Replies,
    /// Why nothing more is started.
    breaker: Option<String>,
    /// The same, if no target's row tells it and the account does not know it yet; and while it is told.
    untold: Option<String>,
    telling: Option<Tell>,
    due: BTreeMap<Target, CloudTime>,
    ends: Vec<(String, End)>,
    /// The cloud's time, by the last reply, and when that was.
    clock: Option<super::ClockReading>,
    asleep: Option<Mono>,
    finished: bool,
}

/// The first action, while it soaks alone.
#[derive(Clone, Debug)]
struct Canary {
    target: Target,
    done: CloudTime,
    next: CloudTime,
}

impl Runner {
    pub fn new(errand: Errand, holder: String, pace: Arc<Pace>) -> Self {
        Self {
            errand,
            holder,
            pace,
            queue: VecDeque::new(),
            machine: None,
            canary: None,
            changed: false,
            failures: 0,
            replies: Replies::default(),
            breaker: None,
            untold: None,
            telling: None,
            due: BTreeMap::new(),
            ends: Vec::new(),
            clock: None,
            asleep: None,
            finished: false,
        }
    }

    /// What is to be done next. The state is `self`, and nothing else is looked at or changed.
    #[must_use]
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        self.watch(&event);
        let now = event.now;
        if let Some(tell) = &mut self.telling {
            match tell.told(&event.kind, now) {
                Some(effect) => out.push(effect),
                None => {
                    self.telling = None;
                    self.next(now, &mut out);
                }
            }
            return out;
        }
        match (self.machine.take(), event.kind) {
            (Some(machine), kind) => self.pass(machine, Event { now, kind }, &mut out),
            (None, EventKind::Started) => out.push(Effect::Records { row: format!("account/{}", self.account()) }),
            (None, EventKind::Records(Ok(records))) => {
                match account_row(&records) {
                    Ok(account) => {
                        let resume = |(target, untold)| Job::Resume { target, untold };
                        // What is open comes first, whoever left it: it must not wait for what soaks.
                        let pending = account.pending().into_iter().filter(|(target, _)| self.concerns(target));
                        self.queue = pending.map(resume).collect();
                        if let Errand::Apply { plan, selection, run } = &self.errand {
                            self.queue.extend(fresh_jobs(plan, selection, run));
                        }
                    }
                    Err(error) => self.note(String::new(), End::damaged(format!("the account's row: {error}"))),
                }
                self.next(now, &mut out);
            }
            (None, EventKind::Records(Err(_))) => {
                self.note(String::new(), End::LockHeld);
                self.next(now, &mut out);
            }
            (None, EventKind::Woke) => match self.asleep {
                Some(until) if now < until => out.push(Effect::Sleep { until }),
                _ => self.canary_check(now, &mut out),
            },
            (None, _) => self.next(now, &mut out),
        }
        out
    }

    /// How every action ended, by intent; a resumed one by its target's row.
    pub fn ends(&self) -> &[(String, End)] {
        &self.ends
    }

    /// The worst of all.
    pub fn verdict(&self) -> Verdict {
        self.ends.iter().map(|(_, end)| Verdict::of(end)).min().unwrap_or(Verdict::Done)
    }

    /// When `verify --due` has something to do again.
    pub fn next_due(&self) -> Option<CloudTime> {
        self.due.values().min().copied()
    }

    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Why nothing more was started.
    pub fn breaker(&self) -> Option<&str> {
        self.breaker.as_deref()
    }

    /// The first change is alone, and waited for.
    pub fn waits_for_canary(&self) -> bool {
        self.machine.is_none() && self.asleep.is_some()
    }

    /// The machine that works now.
    pub fn machine(&self) -> Option<&Machine> {
        self.machine.as_deref()
    }

    fn account(&self) -> &AccountId {
        match &self.errand {
            Errand::Apply { plan, .. } => &plan.account,
            Errand::Settle { account, .. } => account,
        }
    }

    fn concerns(&self, target: &Target) -> bool {
        match &self.errand {
            Errand::Apply { .. } | Errand::Settle { only: None, .. } => true,
            Errand::Settle { only: Some(only), .. } => only.contains(target),
        }
    }

    fn watch(&mut self, event: &Event) {
        let EventKind::Read(readings) = &event.kind else { return };
        if readings.clock.is_some() {
            self.clock = readings.clock;
        }
        self.replies.all += readings.replies.all;
        self.replies.throttled += readings.replies.throttled;
        let Replies { all, throttled } = self.replies;
        if all >= ENOUGH_REPLIES && throttled * 100 > all * THROTTLED_SHARE {
            self.trip_untold("more than 30 % of the replies were throttled");
        }
    }

    /// As [`trip`](Self::trip), for what only this process knows.
    fn trip_untold(&mut self, why: &str) {
        if self.breaker.is_none() {
            self.untold = Some(why.to_owned());
        }
        self.trip(why);
    }

    fn trip(&mut self, why: &str) {
        self.breaker.get_or_insert_with(|| why.to_owned());
    }

    fn pass(&mut self, mut machine: Box<Machine>, event: Event, out: &mut Vec<Effect>) {
        let now = event.now;
        let mut ended = None;
        for effect in machine.step(event) {
            match effect {
                Effect::End(end) => ended = Some(end),
                effect => out.push(effect),
            }
        }
        match ended {
            Some(end) => self.ended(machine.target().clone(), end, now, out),
            None => self.machine = Some(machine),
        }
    }

    fn ended(&mut self, target: Target, end: End, now: Mono, out: &mut Vec<Effect>) {
        self.judge(&end);
        match &end {
            End::Soaking { due, .. } | End::WayBackRefused { due, .. } => {
                self.due.insert(target.clone(), *due);
            }
            _ => {
                self.due.remove(&target);
            }
        }
        self.keep_canary(&target, &end);
        let rest = match &end {
            // The others would find out the same.
            End::Stopped(Stopped { by: StoppedBy::Clock, .. }) => Some(end.clone()),
            End::Stopped(_) => Some(End::NotStarted("it could not go on".to_owned())),
            _ => None,
        };
        self.note(target.row(), end);
        if let Some(rest) = rest {
            self.drop_fresh(&rest);
            self.queue.clear();
            self.canary = None;
        }
        self.next(now, out);
    }

    fn note(&mut self, what: String, end: End) {
        // That something new is not begun there changes nothing about what came of the case that was open.
        if !matches!(end, End::NotStarted(_)) {
            self.ends.retain(|(held, _)| *held != what);
        }
        self.ends.push((what, end));
    }

    fn judge(&mut self, end: &End) {
        match end {
            End::Closed(Outcome::Attention) => self.trip("something needs attention"),
            End::Closed(Outcome::RolledBack) => self.trip("something was rolled back"),
            End::WayBackRefused { .. } => self.trip("a way back is refused"),
            End::LeaseLost => self.trip_untold("a lease was lost"),
            End::Stopped(_) => self.trip("it could not go on"),
            End::Closed(Outcome::NotExecuted) => {
                self.failures += 1;
                if self.failures >= 2 {
                    self.trip("two in a row came to nothing");
                }
            }
            End::Soaking { .. } | End::Closed(Outcome::Mitigated) => self.failures = 0,
            _ => {}
        }
    }

    /// The first change of a plan is alone until it has soaked.
    fn keep_canary(&mut self, target: &Target, end: &End) {
        let Errand::Apply { plan, .. } = &self.errand else { return };
        let ours = |intent: &String| plan.actions.iter().any(|action| action.intent == *intent);
        if matches!(end, End::Soaking { intent, .. } if !ours(intent)) {
            return;
        }
        let soak = match plan.mode {
            Mode::Attended => self.pace.canary_soak,
            Mode::Automatic => self.pace.canary_soak_automatic,
        };
        let begins = !self.changed || self.is_canary(target);
        self.changed |= matches!(end, End::Soaking { .. } | End::Before(Outcome::Mitigated));
        match (end, &mut self.canary) {
            (End::Soaking { since, due, .. }, None) if begins && *due <= *since + soak => {
                self.canary = Some(Canary { target: target.clone(), done: *since + soak, next: *due });
            }
            (End::Soaking { due, .. }, Some(canary)) if canary.target == *target && *due <= canary.done => {
                canary.next = *due;
            }
            // Whoever looks after it for so long has found something.
            (End::LockHeld, Some(canary)) if canary.target == *target => {
                self.canary = None;
                self.trip("the first change is in another process's hands, and nobody here knows whether all is well");
            }
            (_, Some(canary)) if canary.target == *target => self.canary = None,
            _ => {}
        }
    }

    fn is_canary(&self, target: &Target) -> bool {
        match &self.errand {
            Errand::Apply { plan, .. } => plan.actions.iter().any(|action| action.canary && action.target == *target),
            Errand::Settle { .. } => false,
        }
    }

    /// What was not begun is not begun, and says so.
    fn drop_fresh(&mut self, end: &End) {
        let (fresh, open): (VecDeque<Job>, VecDeque<Job>) =
            std::mem::take(&mut self.queue).into_iter().partition(|job| matches!(job, Job::Fresh { .. }));
        self.queue = open;
        for job in fresh {
            self.note(job.target().row(), end.clone());
        }
    }

    /// Starts what is next, or ends.
    fn next(&mut self, now: Mono, out: &mut Vec<Effect>) {
        if let Some(why) = self.untold.take() {
            let at = self.clock.map(|clock| clock.earliest(now)).unwrap_or_default();
            let (tell, effect) = Tell::begin(self.account(), &self.holder, why, at, now, &self.pace);
            self.telling = Some(tell);
            return out.push(effect);
        }
        if let Some(canary) = &self.canary {
            let waits = matches!(self.queue.front(), Some(Job::Fresh { .. }));
            if waits && self.breaker.is_none() {
                let cloud = self.clock.map(|clock| clock.earliest(now)).unwrap_or_default();
                let until = now + (canary.next - cloud);
                self.asleep = Some(until);
                return out.push(Effect::Sleep { until });
            }
            if self.queue.is_empty() {
                self.canary = None;
            }
        }
        if let Some(why) = self.breaker.clone() {
            // Resolving what is open is no start.
            self.drop_fresh(&End::NotStarted(why));
        }
        match self.queue.pop_front() {
            Some(job) => self.begin(job, now, out),
            None => {
                self.finished = true;
                out.push(Effect::End(End::Nothing));
            }
        }
    }

    fn canary_check(&mut self, now: Mono, out: &mut Vec<Effect>) {
        self.asleep = None;
        match &self.canary {
            Some(canary) => {
                let job = Job::Resume { target: canary.target.clone(), untold: Vec::new() };
                self.begin(job, now, out);
            }
            None => self.next(now, out),
        }
    }

    fn begin(&mut self, job: Job, now: Mono, out: &mut Vec<Effect>) {
        let machine = Machine::new(job, self.holder.clone(), self.pace.clone());
        self.pass(Box::new(machine), Event { now, kind: EventKind::Started }, out);
    }
}

fn fresh_jobs(plan: &Arc<Plan>, selection: &Selection, run: &str) -> VecDeque<Job> {
    let job = |action: &Arc<Action>| Job::Fresh { action: action.clone(), plan: plan.clone(), run: run.to_owned() };
    plan.actions.iter().filter(|action| selection.picks(action)).map(job).collect()
}
