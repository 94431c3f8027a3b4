//! What is news since the runs before. Pure: runs in, changes out.
//!
//! Told is what somebody may have to act on, once: a finding that is new, came back, became worse, is gone, or could not
//! be judged for the third run in a row. A single run that could not read something tells nobody: what was known before
//! stands, and is compared with what is known afterwards.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::{DateTime, Utc};

use crate::{
    findings::{Finding, FindingStatus, Run, Seen},
    model::Severity,
};

/// So many earlier runs are compared with. Three tell the third unknown in a row from the fourth.
pub const WINDOW: usize = 3;

/// This many runs without an answer are news.
const PATIENCE: usize = 3;

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Open, and never seen before.
    New,
    /// Open, after it had been fixed or accepted.
    Reopened,
    /// Open with a higher severity than before, worse than the starting point had it, or certain where it was only
    /// feared.
    Worse,
    /// Neither confirmed nor refuted for the third run in a row.
    Unknown,
    /// Gone, and its place was read.
    Fixed,
}

impl Kind {
    /// All kinds, in the order of messages.
    pub const ALL: [Self; 5] = [Self::New, Self::Reopened, Self::Worse, Self::Unknown, Self::Fixed];

    /// The word of the configuration and of messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reopened => "reopened",
            Self::Worse => "worse",
            Self::Unknown => "unknown",
            Self::Fixed => "fixed",
        }
    }
}

/// One finding that is news.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change<'a> {
    pub kind: Kind,
    /// As in this run, or, where it is not in it, as in the last one that had it.
    pub finding: &'a Finding,
}

/// What one run says of one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open {
        severity: Severity,
        /// Worse than the starting point had it.
        outgrown: bool,
    },
    /// Part of the starting point.
    Known,
    Waived,
    /// True at one end of what could not be read.
    Undecided,
    /// It was there before, and its place could not be read.
    Missed,
    /// Its place was read, or nobody knew it yet.
    Absent,
    /// Nobody meant to look: another scope, a disabled rule.
    OutOfSight,
}

impl State {
    fn is_doubt(self) -> bool {
        matches!(self, Self::Undecided | Self::Missed)
    }
}

/// What is news in `run`. `earlier` are the runs before it about the same accounts, newest first, up to [`WINDOW`];
/// `reopened` are the fingerprints that a store remembers as fixed and found again in this run. What goes away comes
/// last; the rest is sorted worst first.
pub fn changes<'a>(run: &'a Run, earlier: &'a [Run], reopened: &BTreeSet<String>) -> Vec<Change<'a>> {
    let now = Look::new(run);
    let past: Vec<Look<'_>> = earlier.iter().take(WINDOW).map(Look::new).collect();
    let mut found: Vec<Change<'a>> = Vec::new();
    for finding in &run.findings {
        let known_before = finding.first_seen.is_some_and(|first| millis(first) < millis(run.header.started_at));
        let memory = Memory { reopened: reopened.contains(&finding.fingerprint), known_before };
        let before = history(finding, &past);
        found.extend(of_present(now.state(finding), &before, memory).map(|kind| Change { kind, finding }));
    }
    let mut gone: BTreeMap<&str, &'a Finding> = BTreeMap::new();
    // Newest first, so that the first one met is the last one known.
    for finding in earlier.iter().take(WINDOW).flat_map(|run| &run.findings) {
        if !now.findings.contains_key(finding.fingerprint.as_str()) {
            gone.entry(&finding.fingerprint).or_insert(finding);
        }
    }
    for finding in gone.into_values() {
        let before = history(finding, &past);
        found.extend(of_gone(now.state(finding), &before).map(|kind| Change { kind, finding }));
    }
    found.sort_by(|a, b| order(a).cmp(&order(b)));
    found
}

fn order<'a>(change: &Change<'a>) -> (bool, Reverse<Severity>, Kind, &'a str) {
    let finding = change.finding;
    (change.kind == Kind::Fixed, Reverse(finding.severity), change.kind, finding.fingerprint.as_str())
}

/// Stores keep milliseconds.
fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// What a store remembers of a finding from before the runs that are compared.
#[derive(Clone, Copy)]
struct Memory {
    reopened: bool,
    known_before: bool,
}

/// A finding that this run has.
fn of_present(now: State, before: &[State], memory: Memory) -> Option<Kind> {
    let (severity, outgrown) = match now {
        State::Open { severity, outgrown } => (severity, outgrown),
        State::Undecided if doubts(before) + 1 == PATIENCE => return Some(Kind::Unknown),
        _ => return None,
    };
    let feared = before.iter().take_while(|state| state.is_doubt()).any(|state| *state == State::Undecided);
    match last_known(before) {
        Some(State::Open { severity: earlier, outgrown: told }) => {
            (earlier < severity || outgrown && !told).then_some(Kind::Worse)
        }
        Some(State::Known) if outgrown => Some(Kind::Worse),
        Some(State::Known | State::Waived) => Some(Kind::Reopened),
        _ if memory.reopened => Some(Kind::Reopened),
        _ if feared => Some(Kind::Worse),
        None if memory.known_before => (doubts(before) >= PATIENCE).then_some(Kind::Worse),
        _ if outgrown => Some(Kind::Worse),
        _ => Some(Kind::New),
    }
}

/// A finding that this run does not have.
fn of_gone(now: State, before: &[State]) -> Option<Kind> {
    let told = match last_known(before) {
        Some(State::Open { .. }) => true,
        Some(_) => false,
        // It was told of as unknown.
        None => doubts(before) >= PATIENCE,
    };
    match now {
        State::Absent => told.then_some(Kind::Fixed),
        State::Missed => {
            let accepted = matches!(last_known(before), Some(State::Known | State::Waived));
            let third = doubts(before) + 1 == PATIENCE && !accepted;
            third.then_some(Kind::Unknown)
        }
        _ => None,
    }
}

/// Runs in a row, up to the newest one, without an answer.
fn doubts(before: &[State]) -> usize {
    before.iter().take_while(|state| state.is_doubt()).count()
}

/// The newest answer.
fn last_known(before: &[State]) -> Option<State> {
    before.iter().copied().find(|state| !state.is_doubt())
}

/// What the earlier runs say, newest first, without those that did not look.
fn history(finding: &Finding, past: &[Look<'_>]) -> Vec<State> {
    past.iter().map(|look| look.state(finding)).filter(|state| *state != State::OutOfSight).collect()
}

/// One run, ready to be asked about findings.
struct Look<'a> {
    run: &'a Run,
    seen: Seen<'a>,
    findings: BTreeMap<&'a str, &'a Finding>,
}

impl<'a> Look<'a> {
    fn new(run: &'a Run) -> Self {
        let findings = run.findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect();
        Self { run, seen: Seen::new(run), findings }
    }

    /// What the run says of a finding that some run had.
    fn state(&self, finding: &Finding) -> State {
        if let Some(there) = self.findings.get(finding.fingerprint.as_str()) {
            return match there.status {
                FindingStatus::Unknown => State::Undecided,
                FindingStatus::Waived => State::Waived,
                FindingStatus::Open if there.baselined => State::Known,
                FindingStatus::Open => State::Open { severity: there.severity, outgrown: there.outgrown },
            };
        }
        let not_yet = finding.first_seen.is_some_and(|first| millis(self.run.header.started_at) < millis(first));
        if not_yet || self.seen.read(&finding.rule_id, &finding.subject) {
            return State::Absent;
        }
        match self.seen.missed(&finding.rule_id, &finding.subject) {
            true => State::Missed,
            false => State::OutOfSight,
        }
    }
}
