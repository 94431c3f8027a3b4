//! Works on the account's row: takes its lease, reads it, appends, gives it back. Credit is taken so, and how
//! far an intent has come is told so.

use super::{Doing, Effect, EventKind, Job, Machine, StoppedBy, StoreFailed};
use crate::{
    remediate::{
        AccountRecord, CloudTime, Debit, Ended, Mono, account_row,
        guard::{Guard, Refusal},
        row::{Credit, ROW_VERSION, encode},
    },
    store::{Acquired, Appended, Lease, Record},
};

/// What is told to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum For {
    Debit,
    Tripped,
    Verified,
    /// What the target's row says of an intent.
    Ended(String, Ended),
}

/// Work on the account's row.
#[derive(Clone, Debug)]
pub(super) struct AccountTask {
    to_do: For,
    stage: Stage,
    lease: Option<Lease>,
    /// Set once it is known: then the lease is given back.
    result: Option<Result<(), Refused>>,
    body: Vec<u8>,
    at: CloudTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Acquire,
    Read,
    Append,
    Release,
}

#[derive(Clone, Debug)]
enum Refused {
    No(Refusal),
    Later(CloudTime),
}

impl Machine {
    pub(super) fn account_for(&mut self, to_do: For, now: Mono, out: &mut Vec<Effect>) {
        self.task = Some(AccountTask {
            to_do,
            stage: Stage::Acquire,
            lease: None,
            result: None,
            body: Vec::new(),
            at: self.stamp(now),
        });
        self.start(Doing::Account, now, out);
    }

    pub(super) fn account_go(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(task) = &self.task else { return self.stop("works on no account", out) };
        let row = self.target().account_row();
        let effect = match (task.stage, &task.lease) {
            (Stage::Acquire, _) => {
                Effect::Acquire { row, holder: self.holder.clone(), ttl: self.pace.lease_ttl, now: self.stamp(now) }
            }
            (Stage::Read, _) => Effect::Records { row },
            (Stage::Append, Some(lease)) => {
                Effect::Append { row, epoch: lease.epoch, version: ROW_VERSION, body: task.body.clone() }
            }
            (Stage::Release, Some(lease)) => Effect::Release { lease: lease.clone() },
            (Stage::Append | Stage::Release, None) => return self.account_done(now, out),
        };
        self.issue(effect, now, out);
    }

    fn account_at(&mut self, stage: Stage, now: Mono, out: &mut Vec<Effect>) {
        if let Some(task) = &mut self.task {
            task.stage = stage;
        }
        self.account_go(now, out);
    }

    pub(super) fn account_event(&mut self, kind: EventKind, now: Mono, out: &mut Vec<Effect>) {
        let Some(task) = &mut self.task else { return self.stop("works on no account", out) };
        match (task.stage, kind) {
            (Stage::Acquire, EventKind::Leased(Ok(Acquired::Ours(lease)))) => {
                task.lease = Some(lease);
                self.account_at(Stage::Read, now, out);
            }
            (Stage::Acquire, EventKind::Leased(_)) => self.account_busy(now, out),
            (Stage::Read, EventKind::Records(Ok(records))) => self.account_read(&records, now, out),
            (Stage::Append, EventKind::Appended(Ok(Appended::At(_)))) => {
                task.result = Some(Ok(()));
                self.account_at(Stage::Release, now, out);
            }
            // Its lease was lost, or nobody knows: from the beginning. Saying it twice says it once.
            (Stage::Append, EventKind::Appended(Ok(Appended::Stale) | Err(StoreFailed)))
            | (Stage::Read, EventKind::Records(Err(StoreFailed))) => {
                task.stage = Stage::Acquire;
                task.lease = None;
                self.account_busy(now, out);
            }
            (Stage::Release, EventKind::Released) => self.account_done(now, out),
            _ => self.stop("was told something about the account that it had not asked for", out),
        }
    }

    fn account_busy(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let credit = self.task.as_ref().is_some_and(|task| task.to_do == For::Debit);
        if credit && now - self.since > self.pace.patience {
            self.task = None;
            let refusal = Refusal {
                guard: Guard::G8,
                why: "the account's row is busy or cannot be reached".to_owned(),
                until: "it can be".to_owned(),
                passing: true,
            };
            return self.refused(vec![refusal], now, out);
        }
        self.again_after(self.pace.retry, now, out);
    }

    fn account_read(&mut self, records: &[Record], now: Mono, out: &mut Vec<Effect>) {
        let account = match account_row(records) {
            Ok(account) => account,
            Err(error) => return self.stop_by(StoppedBy::Damage, format!("the account's row: {error}"), out),
        };
        let at = self.stamp(now);
        let intent = self.action().map(|action| action.intent).unwrap_or_default();
        let Some(task) = &mut self.task else { return self.stop("works on no account", out) };
        let (intent, how) = match &task.to_do {
            For::Debit => (intent, None),
            For::Tripped => (intent, Some(Ended::Tripped)),
            For::Verified => (intent, Some(Ended::Verified)),
            For::Ended(intent, how) => (intent.clone(), Some(how.clone())),
        };
        task.at = at;
        let stage = match how {
            Some(how) if account.ended(&intent) == Some(&how) => {
                task.result = Some(Ok(()));
                Stage::Release
            }
            Some(how) => {
                task.body = encode(&AccountRecord::Ended { intent, how, at });
                Stage::Append
            }
            None => {
                let credit = match &self.job {
                    Job::Fresh { action, plan, run } => {
                        let credit = account.credit(action, (&plan.id, run), &plan.limits, at, &self.pace);
                        task.body = encode(&AccountRecord::Debit(Box::new(Debit {
                            intent,
                            plan: plan.id.clone(),
                            run: run.clone(),
                            target: action.target.clone(),
                            environment: action.environment.clone(),
                            group: action.group.clone(),
                            depends: action.depends(),
                            at,
                        })));
                        credit
                    }
                    Job::Resume { .. } => return self.stop("takes credit for nothing", out),
                };
                match credit {
                    Credit::Given => Stage::Append,
                    Credit::Later(until) => {
                        task.result = Some(Err(Refused::Later(until)));
                        Stage::Release
                    }
                    Credit::Refused { why, until } => {
                        let refusal = Refusal { guard: Guard::G8, why, until, passing: false };
                        task.result = Some(Err(Refused::No(refusal)));
                        Stage::Release
                    }
                }
            }
        };
        self.account = Some(account);
        self.account_at(stage, now, out);
    }

    fn account_done(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(task) = self.task.take() else { return self.stop("works on no account", out) };
        match (task.result, task.to_do) {
            (Some(Ok(())), For::Debit) => {
                if let Some(fresh) = &mut self.fresh {
                    fresh.credit_at = Some(task.at);
                }
            }
            (Some(Ok(())), For::Tripped) => self.tripped = true,
            (Some(Ok(())), For::Verified) => self.told_verified = true,
            (Some(Ok(())), For::Ended(intent, _)) => {
                if let Job::Resume { untold, .. } = &mut self.job {
                    untold.retain(|held| *held != intent);
                }
                if let Some(end) = self.end.take() {
                    return self.finish_with(end, now, out);
                }
            }
            (Some(Err(Refused::No(refusal))), _) => return self.refused(vec![refusal], now, out),
            (Some(Err(Refused::Later(until))), _) => {
                // What the guards were judged on will be minutes old by then.
                if let Some(fresh) = &mut self.fresh {
                    fresh.checked = false;
                }
                return self.sleep_until(until, Doing::Look, now, out);
            }
            (None, to_do) => return self.account_for(to_do, now, out),
        }
        self.decide(now, out);
    }
}
