//! What is remembered of findings over all runs, decided once for every back end. One rule stands
//! above all: what a run did not look at stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SubsecRound, Utc};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::{
    findings::{Finding, FindingStatus, Run, Seen, Subject},
    model::{ResourceKind, Severity},
};

/// What is remembered of one finding over all runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingMemory {
    pub fingerprint: String,
    pub rule_id: String,
    pub title: String,
    pub severity: Severity,
    pub status: FindingStatus,
    pub subject: Subject,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// When a run that looked no longer found it.
    pub fixed_at: Option<DateTime<Utc>>,
    /// When it was found again after it had been fixed.
    pub reopened_at: Option<DateTime<Utc>>,
    /// How often it was found again after it had been fixed.
    pub reopenings: u64,
    /// Who had it last: of a finding about a waiver the accounts of the run, sorted, with commas between (of many, their
    /// digest), and on a second line what it rested on besides the cloud, if anything. Empty where that was not kept.
    pub seen_by: String,
}

/// The columns that a back end reads a [`FindingMemory`] from.
pub(super) const MEMORY_COLUMNS: &str = "fingerprint, rule_id, title, severity, status, account_id, region_id, \
    resource_kind, resource_id, endpoint_kind, first_seen, last_seen, fixed_at, reopened_at, reopenings, seen_by";

/// One time that a finding was fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    pub fingerprint: String,
    pub severity: Severity,
    /// What it was before.
    pub status: FindingStatus,
    /// When it was reopened, else when it was first seen.
    pub opened_at: DateTime<Utc>,
    pub closed_at: DateTime<Utc>,
}

/// A time as it is stored: with milliseconds.
pub(super) fn stamp(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(3)
}

/// What a run changes of what is remembered.
pub(super) struct Recollection {
    /// As they are from now on, by fingerprint.
    pub(super) changed: Vec<FindingMemory>,
    /// Those of `changed` that this run no longer found.
    pub(super) fixed: Vec<FindingMemory>,
    /// When each finding of the run was seen first, in their order.
    pub(super) first_seen: Vec<Option<DateTime<Utc>>>,
}

/// The accounts whose findings a run may say something about; what is not about an account has none.
pub(super) fn accounts_spoken_of<'a>(seen: &Seen<'a>) -> Vec<&'a str> {
    let mut accounts = seen.accounts();
    accounts.insert("");
    accounts.into_iter().collect()
}

/// Decides what a run changes. `known` are the findings of the run that are remembered, and those of
/// [`accounts_spoken_of`] that are not fixed and were not seen later than this run.
pub(super) fn recall(run: &Run, seen: &Seen<'_>, account_set: &str, known: Vec<FindingMemory>) -> Recollection {
    let now = stamp(run.header.started_at);
    let mut known: BTreeMap<String, FindingMemory> =
        known.into_iter().map(|memory| (memory.fingerprint.clone(), memory)).collect();
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let mut first_seen = Vec::with_capacity(run.findings.len());
    for finding in &run.findings {
        let memory = match known.remove(&finding.fingerprint) {
            Some(earlier) => again(earlier, finding, now, seen_by(run, finding, account_set)),
            None => first(finding, now, seen_by(run, finding, account_set)),
        };
        first_seen.push(Some(memory.first_seen));
        found.insert(&finding.fingerprint);
        known.insert(memory.fingerprint.clone(), memory);
    }
    let (mut changed, mut fixed) = (Vec::with_capacity(run.findings.len()), Vec::new());
    for (fingerprint, memory) in known {
        if found.contains(fingerprint.as_str()) {
            changed.push(memory);
        } else if is_fixed(&memory, seen, account_set, now) {
            let memory = FindingMemory { fixed_at: Some(now), ..memory };
            changed.push(memory.clone());
            fixed.push(memory);
        }
    }
    Recollection { changed, fixed, first_seen }
}

fn seen_by(run: &Run, finding: &Finding, account_set: &str) -> String {
    let rests_on = run.header.grounds.behind(&finding.rule_id, &finding.subject);
    // Of all others the account is known; ten thousand of them in each of as many rows would be gigabytes.
    let accounts = match finding.subject.resource_kind {
        ResourceKind::Waiver => short(account_set),
        _ => String::new(),
    };
    if rests_on.is_empty() { accounts } else { format!("{accounts}\n{rests_on}") }
}

/// The accounts of a run as they are remembered with a finding: themselves, or the digest of many.
fn short(account_set: &str) -> String {
    const FEW: usize = 256;
    if account_set.len() <= FEW {
        return account_set.to_owned();
    }
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(account_set)))
}

fn first(finding: &Finding, now: DateTime<Utc>, seen_by: String) -> FindingMemory {
    FindingMemory {
        fingerprint: finding.fingerprint.clone(),
        rule_id: finding.rule_id.clone(),
        title: finding.title.as_str().to_owned(),
        severity: finding.severity,
        status: finding.status,
        subject: finding.subject.clone(),
        first_seen: now,
        last_seen: now,
        fixed_at: None,
        reopened_at: None,
        reopenings: 0,
        seen_by,
    }
}

/// A run of an earlier day that is saved late (a snapshot judged again) only widens the span.
fn again(mut memory: FindingMemory, finding: &Finding, now: DateTime<Utc>, seen_by: String) -> FindingMemory {
    memory.first_seen = memory.first_seen.min(now);
    if memory.fixed_at.is_some_and(|fixed_at| fixed_at <= now) {
        memory.fixed_at = None;
        memory.reopened_at = Some(now);
        memory.reopenings += 1;
    }
    if now >= memory.last_seen {
        finding.title.as_str().clone_into(&mut memory.title);
        memory.severity = finding.severity;
        memory.status = finding.status;
        memory.seen_by = seen_by;
        memory.last_seen = now;
    }
    memory
}

fn is_fixed(memory: &FindingMemory, seen: &Seen<'_>, account_set: &str, now: DateTime<Utc>) -> bool {
    let (accounts, rests_on) = memory.seen_by.split_once('\n').unwrap_or((&memory.seen_by, ""));
    // A waiver may be about an account that the run does not read: another runner's say nothing of ours.
    let is_theirs =
        memory.subject.resource_kind == ResourceKind::Waiver && !accounts.is_empty() && accounts != short(account_set);
    memory.fixed_at.is_none()
        && memory.last_seen <= now
        && !is_theirs
        && seen.read(&memory.rule_id, &memory.subject, rests_on)
}

/// The one of at most two findings, sorted, whose fingerprints begin with `prefix`.
pub(super) fn one_of(mut found: Vec<FindingMemory>, prefix: &str) -> Result<Option<FindingMemory>, StoreError> {
    match &*found {
        [first, _, ..] if first.fingerprint != prefix => Err(StoreError::Ambiguous { prefix: prefix.to_owned() }),
        _ => Ok((!found.is_empty()).then(|| found.swap_remove(0))),
    }
}

/// Puts the times of a recollection into a run, and the run's own into the recollection. A run is too
/// large to copy it; what was not kept is reported as it came, with a second swap.
pub(super) fn swap_first_seen(run: &mut Run, times: &mut [Option<DateTime<Utc>>]) {
    for (finding, time) in run.findings.iter_mut().zip(times) {
        std::mem::swap(&mut finding.first_seen, time);
    }
}
