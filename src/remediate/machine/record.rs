//! Writes a record: into the target's row first, where it counts, then into the local journal. Only then is
//! it so for the machine.

use serde::Serialize;

use super::{Doing, Effect, End, Machine, StoppedBy, StoreFailed, account::For};
use crate::{
    remediate::{
        Ended, Flag, Mono, Notice, Outcome, TargetRecord,
        row::{ROW_VERSION, encode},
    },
    store::{Appended, Record},
};

/// A record on its way.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    record: TargetRecord,
    body: Vec<u8>,
}

/// A line of the local journal.
#[derive(Serialize)]
struct Line<'a> {
    row: &'a str,
    epoch: u64,
    holder: &'a str,
    record: &'a TargetRecord,
}

/// What the local journal holds of a record: where it stands, and under which lease it was appended.
pub fn journal_line(row: &str, epoch: u64, holder: &str, record: &TargetRecord) -> Vec<u8> {
    encode(&Line { row, epoch, holder, record })
}

impl Machine {
    /// Records it, and then decides anew.
    pub(super) fn record(&mut self, record: TargetRecord, now: Mono, out: &mut Vec<Effect>) {
        self.recording = Some(Recording { body: encode(&record), record });
        self.start(Doing::Append, now, out);
    }

    pub(super) fn append(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let (Some(recording), Some(held)) = (&self.recording, &self.lease) else {
            return self.stop("records nothing, or without a lease", out);
        };
        let effect = Effect::Append {
            row: self.target().row(),
            epoch: held.lease.epoch,
            version: ROW_VERSION,
            body: recording.body.clone(),
        };
        self.issue(effect, now, out);
    }

    pub(super) fn appended(&mut self, appended: Result<Appended, StoreFailed>, now: Mono, out: &mut Vec<Effect>) {
        match appended {
            Ok(Appended::At(_)) => self.appended_for_sure(now, out),
            Ok(Appended::Stale) => self.lost(out),
            // It may be there or not: the row tells.
            Err(StoreFailed) => self.sleep(now + self.pace.retry, Doing::Reread, now, out),
        }
    }

    pub(super) fn reread(&mut self, records: Result<Vec<Record>, StoreFailed>, now: Mono, out: &mut Vec<Effect>) {
        let Some(recording) = &self.recording else { return self.stop("looks for a record that it never wrote", out) };
        match records {
            Ok(records) if records.iter().any(|record| record.body == recording.body) => {
                self.appended_for_sure(now, out);
            }
            Ok(_) => self.go(Doing::Append, now, out),
            Err(StoreFailed) => self.again_after(self.pace.retry, now, out),
        }
    }

    fn appended_for_sure(&mut self, now: Mono, out: &mut Vec<Effect>) {
        let Some(recording) = &self.recording else { return self.stop("has recorded nothing", out) };
        let epoch = self.lease.as_ref().map_or(0, |held| held.lease.epoch);
        let payload = journal_line(&self.target().row(), epoch, &self.holder, &recording.record);
        self.doing = Doing::Journal;
        self.issue(Effect::Journal { payload }, now, out);
    }

    pub(super) fn journaled(&mut self, journaled: Result<(), String>, now: Mono, out: &mut Vec<Effect>) {
        if let Err(why) = journaled {
            // A second sync might call lost bytes safe. The row tells the next process what is open.
            return self.stop_by(StoppedBy::Damage, format!("the journal could not be written: {why}"), out);
        }
        let Some(Recording { record, .. }) = self.recording.take() else {
            return self.stop("has journaled nothing", out);
        };
        let intent = self.case().map(|case| case.opened.action.intent.clone()).unwrap_or_default();
        if let Err(what) = self.row.apply(&record) {
            return self.finish_with(End::damaged(format!("the target's row: {what}")), now, out);
        }
        if let Some(notice) = self.notice(&record, &intent) {
            out.push(Effect::Emit(notice));
        }
        match record {
            TargetRecord::Intent { write, purpose, sign_by } => self.announced(write, purpose, sign_by, now, out),
            TargetRecord::Preparing { .. } => self.start(Doing::PrepareCheck, now, out),
            TargetRecord::Closed { outcome, .. } => self.closed(intent, outcome, now, out),
            _ => self.decide(now, out),
        }
    }

    fn notice(&self, record: &TargetRecord, intent: &str) -> Option<Notice> {
        let (target, intent) = (self.target().clone(), intent.to_owned());
        match record {
            TargetRecord::Barred { why, .. } => {
                Some(Notice::Attention { target, intent, flag: Flag::NoWayBack(why.clone()) })
            }
            TargetRecord::Flagged { flag, .. } => Some(Notice::Attention { target, intent, flag: flag.clone() }),
            TargetRecord::Unhealthy { why, .. } => Some(Notice::RollingBack { target, intent, why: why.clone() }),
            TargetRecord::Closed { outcome, .. } => Some(Notice::Closed { target, intent, outcome: outcome.clone() }),
            _ => None,
        }
    }

    /// The row says so first, and then the account: the other way round, a crash in between would leave a case
    /// open that nobody looks for.
    fn closed(&mut self, intent: String, outcome: Outcome, now: Mono, out: &mut Vec<Effect>) {
        self.end = Some(match (&outcome, self.refusals.is_empty()) {
            (Outcome::NotExecuted, false) => End::Skipped(std::mem::take(&mut self.refusals)),
            (outcome, _) => End::Closed(outcome.clone()),
        });
        self.account_for(For::Ended(intent, Ended::Closed(outcome)), now, out);
    }

    /// Flags it, if it is not flagged so already; else `None`.
    pub(super) fn flag(&self, flag: Flag, now: Mono) -> Option<TargetRecord> {
        let known = self.case().is_some_and(|case| {
            case.flags.iter().any(|held| std::mem::discriminant(held) == std::mem::discriminant(&flag))
        });
        (!known).then(|| TargetRecord::Flagged { flag, at: self.stamp(now) })
    }
}
