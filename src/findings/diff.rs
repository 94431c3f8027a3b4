//! What changed between two runs. A finding that is gone is fixed only if the newer run looked ([`Seen`]), and one that
//! appears had been gone only if the older one did.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

use super::{Finding, FindingStatus, Run, Seen};

/// How a finding moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Not in the older run, nor seen before it.
    New,
    /// Open again: seen before the older run and gone in it, or waived in it.
    Reopened,
    /// In the older run, and neither fixed nor refuted: what its rule looks at was not read whole this time.
    Unknown,
    /// In the older run, not in the newer one, and everything was read that its rule looks at.
    Fixed,
    /// In both, or known from before the older run, which did not look.
    Unchanged,
}

impl Change {
    /// All changes, in the order of reports.
    pub const ALL: [Self; 5] = [Self::New, Self::Reopened, Self::Unknown, Self::Fixed, Self::Unchanged];

    /// The word of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reopened => "reopened",
            Self::Unknown => "unknown",
            Self::Fixed => "fixed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One finding of either run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffEntry {
    pub change: Change,
    /// As in the newer run, or, where it is not in it, as in the older one.
    pub finding: Finding,
    /// Its status in the older run.
    pub before: Option<FindingStatus>,
    /// Its status in the newer run.
    pub after: Option<FindingStatus>,
}

/// Compares two runs. Sorted by change, then worst first, then by fingerprint.
pub fn diff(old: &Run, new: &Run) -> Vec<DiffEntry> {
    let mut entries = Vec::new();
    compare(old, new, |change, finding, [before, after]| {
        entries.push(DiffEntry { change, finding: finding.clone(), before, after });
    });
    entries.sort_by(|a, b| {
        a.change
            .cmp(&b.change)
            .then_with(|| b.finding.severity.cmp(&a.finding.severity))
            .then_with(|| a.finding.fingerprint.cmp(&b.finding.fingerprint))
    });
    entries
}

/// How findings moved between two runs.
pub struct Moves<'a> {
    /// How each finding of either run moved, by fingerprint.
    pub changes: BTreeMap<String, Change>,
    /// The findings that only the older run has: fixed, or not known. By change, then worst first, then by fingerprint.
    pub gone: Vec<(Change, &'a Finding)>,
}

/// How the findings of either run moved.
pub fn moves<'a>(old: &'a Run, new: &'a Run) -> Moves<'a> {
    let mut moves = Moves { changes: BTreeMap::new(), gone: Vec::new() };
    compare(old, new, |change, finding, [_, after]| {
        moves.changes.insert(finding.fingerprint.clone(), change);
        if after.is_none() {
            moves.gone.push((change, finding));
        }
    });
    moves.gone.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| other.severity.cmp(&one.severity)));
    moves
}

/// Tells each finding of either run, as it is in the newer one that has it, with its status in the older and the newer; by
/// fingerprint.
fn compare<'a>(old: &'a Run, new: &'a Run, mut tell: impl FnMut(Change, &'a Finding, [Option<FindingStatus>; 2])) {
    let before = by_fingerprint(&old.findings);
    let after = by_fingerprint(&new.findings);
    // What either looked at is asked only of findings that one of them does not have.
    let (seen_before, seen) = (LazyCell::new(|| Seen::new(old)), LazyCell::new(|| Seen::new(new)));
    let fingerprints: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    for fingerprint in fingerprints {
        let (earlier, later) = (before.get(fingerprint).copied(), after.get(fingerprint).copied());
        let (change, finding) = match (earlier, later) {
            (None, Some(finding)) => (appeared(finding, old, || looked(&seen_before, finding, new)), finding),
            (Some(earlier), Some(finding)) => (stayed(earlier, finding, old), finding),
            (Some(earlier), None) if looked(&seen, earlier, old) => (Change::Fixed, earlier),
            (Some(earlier), None) => (Change::Unknown, earlier),
            (None, None) => continue,
        };
        tell(change, finding, [earlier, later].map(|finding| finding.map(|finding| finding.status)));
    }
}

fn by_fingerprint(findings: &[Finding]) -> BTreeMap<&str, &Finding> {
    findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect()
}

/// True if a run looked for a finding that `had` has.
fn looked(seen: &Seen<'_>, finding: &Finding, had: &Run) -> bool {
    let rests_on = had.header.grounds.behind(&finding.rule_id, &finding.subject);
    seen.read(&finding.rule_id, &finding.subject, &rests_on)
}

/// Reopened if a store remembers it from before the older run, which looked and did not have it.
fn appeared(finding: &Finding, old: &Run, looked: impl FnOnce() -> bool) -> Change {
    match was_known(finding, old) {
        true if looked() => Change::Reopened,
        true => Change::Unchanged,
        false => Change::New,
    }
}

fn stayed(earlier: &Finding, later: &Finding, old: &Run) -> Change {
    match (earlier.status, later.status) {
        (before, after) if before == after => Change::Unchanged,
        (_, FindingStatus::Unknown) => Change::Unknown,
        (FindingStatus::Waived, FindingStatus::Open) => Change::Reopened,
        // What was only feared is now certain, unless it was doubted for a while only.
        (FindingStatus::Unknown, FindingStatus::Open) if !was_known(later, old) => Change::New,
        // It is still there; that somebody accepted it repairs nothing.
        _ => Change::Unchanged,
    }
}

/// True if a store remembers the finding from before the older run.
fn was_known(finding: &Finding, old: &Run) -> bool {
    finding.first_seen.is_some_and(|first| first < old.header.started_at)
}
