//! The beginning: the clock, the lease, the row, and for a fresh action the guards and the opened case.

use std::collections::BTreeMap;

use super::{Doing, Effect, End, Job, Machine, Stopped, StoppedBy, StoreFailed, account::For};
use crate::{
    remediate::{
        CloudTime, Dropped, Ended, ListenerSettings, Mono, NotExecuted, Opened, Outcome, Prepared, Purpose, Readings,
        TargetRecord, account_row,
        guard::{Facts, Moment, Refusal, judge, unremembered},
        target_row,
    },
    store::Record,
};

/// What this process knows of an action that it carries out itself. After a crash it is not known any more,
/// and an action that was not sent is not sent.
#[derive(Clone, Debug)]
pub(super) struct Fresh {
    first_read: CloudTime,
    protected_before: bool,
    baseline: BTreeMap<String, u32>,
    behind: BTreeMap<String, u32>,
    settings: ListenerSettings,
    proof: String,
    pub(super) prepaid: bool,
    /// When the oldest part of it was asked for.
    read_at: Mono,
    /// How often it was read anew before the case was opened.
    looks: u32,
    /// When credit was taken.
    pub(super) credit_at: Option<CloudTime>,
    /// How often the change was announced.
    pub(super) announced: u32,
    /// The guards have let it pass since the last try.
    pub(super) checked: bool,
    pub(super) prepared: bool,
    /// Calls that were made to prepare it.
    pub(super) calls: u32,
}

/// How often guards are read again, and a change is announced, before giving up.
const TRIES: u32 = 3;

impl Machine {
    pub(super) fn clock_read(&mut self, now: Mono, out: &mut Vec<Effect>) {
        match self.clock {
            Some(_) => self.start(Doing::Lease, now, out),
            None if now - self.since > self.pace.patience => {
                let why = "the cloud's time could not be read".to_owned();
                self.finish_with(End::Stopped(Stopped { by: StoppedBy::Clock, why }), now, out);
            }
            None => self.again_after(self.pace.retry, now, out),
        }
    }

    pub(super) fn row_read(&mut self, read: Result<Vec<Record>, StoreFailed>, now: Mono, out: &mut Vec<Effect>) {
        match read.map(|records| target_row(&records)) {
            Ok(Ok(row)) => {
                self.row = row;
                match self.others_case() {
                    // Whoever resumes what is open carries it on.
                    Some(intent) => self.finish_with(End::open_there(&intent), now, out),
                    None => self.decide(now, out),
                }
            }
            Ok(Err(error)) => self.finish_with(End::damaged(format!("the target's row: {error}")), now, out),
            Err(StoreFailed) => self.again_after(self.pace.retry, now, out),
        }
    }

    /// What is open on the target, and not what was to be done here.
    fn others_case(&self) -> Option<String> {
        let Job::Fresh { action, .. } = &self.job else { return None };
        let open = &self.row.open.as_ref()?.opened.action.intent;
        (*open != action.intent).then(|| open.clone())
    }

    /// Nothing is open on the target.
    pub(super) fn without_case(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let action = match &self.job {
            Job::Fresh { action, .. } => action,
            Job::Resume { untold, .. } => return self.tell_untold(untold.first().cloned(), now, out),
        };
        if let Some(outcome) = self.row.done.get(&action.intent) {
            let outcome = outcome.clone();
            return self.finish_with(End::Before(outcome), now, out);
        }
        if self.row.blocked {
            return self.finish_with(End::Blocked, now, out);
        }
        match &self.fresh {
            None => self.start(Doing::Look, now, out),
            // Whoever waited for credit, or for the account's row, looks again before anything is written down.
            Some(fresh) if !fresh.checked || (self.is_old(fresh, now) && fresh.looks < TRIES) => {
                self.start(Doing::Look, now, out)
            }
            Some(fresh) if fresh.credit_at.is_none() => self.account_for(For::Debit, now, out),
            Some(fresh) => {
                let Some(opened) = self.opening(fresh) else {
                    return self.stop("carries an action out that it was not given", out);
                };
                self.record(TargetRecord::Opened(Box::new(opened)), now, out);
            }
        }
    }

    fn is_old(&self, fresh: &Fresh, now: Mono) -> bool {
        now - fresh.read_at > self.pace.sign_within
    }

    /// Tells the account what the row says of an intent that it knows no end of. Under this lease nobody else can open a
    /// case any more, so that one which is not there never was.
    fn tell_untold(&mut self, intent: Option<String>, now: Mono, out: &mut Vec<Effect>) {
        let Some(intent) = intent else { return self.finish_with(End::Nothing, now, out) };
        let how = self.row.done.get(&intent).cloned().map_or(Ended::NeverOpened, Ended::Closed);
        self.account_for(For::Ended(intent, how), now, out);
    }

    fn opening(&self, fresh: &Fresh) -> Option<Opened> {
        let Job::Fresh { action, plan, run } = &self.job else { return None };
        Some(Opened {
            action: (**action).clone(),
            plan: plan.id.clone(),
            run: run.clone(),
            first_read: fresh.first_read,
            protected_before: fresh.protected_before,
            baseline: fresh.baseline.clone(),
            behind: fresh.behind.clone(),
            settings: fresh.settings.clone(),
            proof: fresh.proof.clone(),
        })
    }

    pub(super) fn looked(&mut self, read: Result<Vec<Record>, StoreFailed>, now: Mono, out: &mut Vec<Effect>) {
        match read.map(|records| account_row(&records)) {
            Ok(Ok(account)) => {
                self.account = Some(account);
                self.start(Doing::Check, now, out);
            }
            Ok(Err(error)) => self.finish_with(End::damaged(format!("the account's row: {error}")), now, out),
            Err(StoreFailed) => self.again_after(self.pace.retry, now, out),
        }
    }

    /// All guards, on a first reading.
    pub(super) fn checked(&mut self, readings: &Readings, now: Mono, out: &mut Vec<Effect>) {
        let (cleared, lacking) = match self.facts(readings, Moment::First, now) {
            Some(facts) => (judge(&facts).map(|_| ()), unremembered(&facts)),
            None => return self.stop("checks guards for nothing", out),
        };
        let noted = self.note(readings, now);
        match (cleared, noted) {
            (Ok(()), Some(noted)) => {
                self.take_note(noted);
                self.decide(now, out);
            }
            (Err(refusals), _) if refusals.iter().any(|refusal| !refusal.passing) => self.refused(refusals, now, out),
            (Err(refusals), _) if self.tries >= TRIES => self.refused(refusals, now, out),
            (Ok(()), None) if self.tries >= TRIES => self.refused(lacking, now, out),
            _ => self.again_after(self.pace.retry, now, out),
        }
    }

    /// What has to be remembered of the first reading; `None` if the baseline was not read.
    fn note(&self, readings: &Readings, now: Mono) -> Option<Fresh> {
        let clock = self.clock?;
        let asked = readings.oldest()?;
        let clusters = &readings.health.as_ref().ok()?.value;
        let protected_before = self.is_owners(&readings.prepared.as_ref().ok()?.value);
        Some(Fresh {
            // The cloud's time when the first part was asked for, or earlier.
            first_read: clock.earliest(now) - (now - asked) - self.pace.stale_bound,
            protected_before,
            baseline: Opened::baseline_of(&clusters.clusters),
            behind: Opened::behind_of(&clusters.clusters),
            settings: readings.target.as_ref().ok()?.value.settings.clone().unwrap_or_default(),
            proof: readings.proof.as_ref().ok()?.value.digest.clone(),
            prepaid: readings.eip.as_ref().is_ok_and(|eip| eip.value.prepaid),
            read_at: asked,
            looks: 0,
            credit_at: None,
            announced: 0,
            checked: true,
            prepared: false,
            calls: 0,
        })
    }

    /// Deletion protection is the owner's: there, and not left by our case before this one, which needed attention.
    fn is_owners(&self, prepared: &Prepared) -> bool {
        let left = self
            .row
            .attention
            .as_deref()
            .is_some_and(|case| !case.opened.protected_before && prepared.tag.as_ref() == Some(&case.opened.plan));
        prepared.protected && !left
    }

    /// What the case is opened on is what was read last; once it is open, the row holds it.
    fn take_note(&mut self, noted: Fresh) {
        match (&mut self.fresh, &self.row.open) {
            (Some(fresh), Some(_)) => fresh.checked = true,
            (held, _) => {
                let (credit_at, looks) = held.as_ref().map_or((None, 0), |fresh| (fresh.credit_at, fresh.looks + 1));
                *held = Some(Fresh { credit_at, looks, ..noted });
            }
        }
    }

    /// Guards do not let it pass. What was prepared for it is cleared up.
    pub(super) fn refused(&mut self, refusals: Vec<Refusal>, now: Mono, out: &mut Vec<Effect>) {
        self.refusals = refusals;
        match self.row.open {
            Some(_) => {
                self.fresh = None;
                match self.preparing.take() {
                    Some(_) => self.preparation_dropped(now, out),
                    None => self.decide(now, out),
                }
            }
            None => {
                let refusals = std::mem::take(&mut self.refusals);
                self.finish_with(End::Skipped(refusals), now, out);
            }
        }
    }

    /// A case is open, and its change was not announced.
    pub(super) fn not_announced(&mut self, now: Mono, out: &mut Vec<Effect>) {
        match &self.fresh {
            Some(_) => self.next_of_fresh(now, out),
            None => self.finish(Outcome::NotExecuted, now, out),
        }
    }

    /// The change was announced and has no effect.
    pub(super) fn without_effect(&mut self, why: &NotExecuted, now: Mono, out: &mut Vec<Effect>) {
        let again =
            matches!(why, NotExecuted::Dropped(Dropped::Stale | Dropped::LeaseShort | Dropped::Late | Dropped::Unread));
        match &self.fresh {
            Some(fresh) if again && fresh.announced < TRIES => self.next_of_fresh(now, out),
            _ => self.finish(Outcome::NotExecuted, now, out),
        }
    }

    /// Guards, insurance, credit, and then the intent.
    fn next_of_fresh(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let stamp = self.stamp(now);
        let Some(fresh) = &self.fresh else { return self.stop("goes on with what it does not know", out) };
        if !fresh.checked {
            return self.start(Doing::Look, now, out);
        }
        if !fresh.prepared {
            return self.start(Doing::Prepare, now, out);
        }
        if fresh.credit_at.is_none_or(|at| stamp - at > self.pace.sign_within) {
            return self.account_for(For::Debit, now, out);
        }
        self.announce(Purpose::Act, now, out);
    }

    /// What guards are judged on. `None` without an action.
    pub(super) fn facts<'a>(&'a self, readings: &'a Readings, moment: Moment, now: Mono) -> Option<Facts<'a>> {
        let (plan, run) = match &self.job {
            Job::Fresh { plan, run, .. } => (Some(plan.as_ref()), run.as_str()),
            Job::Resume { .. } => (None, ""),
        };
        let action = match (self.case(), &self.job) {
            (Some(case), _) => &case.opened.action,
            (None, Job::Fresh { action, .. }) => action.as_ref(),
            (None, Job::Resume { .. }) => return None,
        };
        Some(Facts {
            action,
            plan,
            run,
            readings,
            account: self.account.as_ref(),
            acl: self.case().and_then(|case| case.acl.as_ref()),
            settings: self.case().map(|case| &case.opened.settings).filter(|settings| !settings.is_empty()),
            moment,
            now,
            pace: &self.pace,
        })
    }
}
