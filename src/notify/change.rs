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

/// So many earlier runs that looked are compared with. Three tell the third unknown in a row from the fourth.
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

/// True if `earlier` looked, or meant to, wherever `now` looked.
pub fn looked_as_wide(earlier: &Run, now: &Run) -> bool {
    let before = Seen::new(earlier);
    Seen::new(now).places().iter().all(|place| before.meant_to_look_at(place))
}

/// What is news in `run`. `earlier` are the runs saved before it about the same accounts, newest first, of which the
/// last [`WINDOW`] that looked at a finding's place count;
/// `reopened` are the fingerprints that a store remembers as fixed and found again in this run. What goes away comes
/// last; the rest is sorted worst first.
pub fn changes<'a>(run: &'a Run, earlier: &'a [Run], reopened: &BTreeSet<String>) -> Vec<Change<'a>> {
    let now = Look::new(run);
    let past: Vec<Look<'_>> = earlier.iter().map(Look::new).collect();
    let mut found: Vec<Change<'a>> = Vec::new();
    for finding in &run.findings {
        let sought = Sought::new(finding, run);
        let known_before = finding.first_seen.is_some_and(|first| millis(first) < millis(run.header.started_at));
        let memory = Memory { reopened: reopened.contains(&finding.fingerprint), known_before };
        let before = history(&sought, &past);
        found.extend(of_present(now.state(&sought), &before, memory).map(|kind| Change { kind, finding }));
    }
    let mut gone: BTreeMap<&str, Sought<'a>> = BTreeMap::new();
    // Newest first, so that the first one met is the last one known.
    for (had, finding) in earlier.iter().flat_map(|run| run.findings.iter().map(move |finding| (run, finding))) {
        if !now.findings.contains_key(finding.fingerprint.as_str()) {
            gone.entry(&finding.fingerprint).or_insert_with(|| Sought::new(finding, had));
        }
    }
    for sought in gone.into_values().filter(|sought| !is_younger(sought.finding, &now, &past)) {
        let before = history(&sought, &past);
        let finding = sought.finding;
        found.extend(of_gone(now.state(&sought), &before).map(|kind| Change { kind, finding }));
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
        // It was never away. Where the run has no baseline, it is no worse for that.
        Some(State::Known) => outgrown.then_some(Kind::Worse),
        Some(State::Waived) => Some(Kind::Reopened),
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
        Some(State::Open { .. } | State::Known) => true,
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

/// What the last [`WINDOW`] runs that looked say, newest first.
fn history(sought: &Sought<'_>, past: &[Look<'_>]) -> Vec<State> {
    let looked = past.iter().enumerate().filter(|(saved_after, look)| {
        look.has(sought.finding) || !is_younger(sought.finding, look, &past[saved_after + 1..])
    });
    let states = looked.map(|(_, look)| look.state(sought)).filter(|state| *state != State::OutOfSight);
    states.take(WINDOW).collect()
}

/// True if a run that was saved before `look`, and began after it, has the finding: of that, `look` says nothing.
fn is_younger(finding: &Finding, look: &Look<'_>, saved_before: &[Look<'_>]) -> bool {
    saved_before.iter().any(|other| other.run.header.started_at > look.run.header.started_at && other.has(finding))
}

/// A finding that some run had, with what it rested on there.
struct Sought<'a> {
    finding: &'a Finding,
    rests_on: String,
}

impl<'a> Sought<'a> {
    fn new(finding: &'a Finding, had: &Run) -> Self {
        Self { finding, rests_on: had.header.grounds.behind(&finding.rule_id, &finding.subject) }
    }
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

    fn has(&self, finding: &Finding) -> bool {
        self.findings.contains_key(finding.fingerprint.as_str())
    }

    /// What the run says of a finding that some run had.
    fn state(&self, sought: &Sought<'_>) -> State {
        let Sought { finding, rests_on } = sought;
        if let Some(there) = self.findings.get(finding.fingerprint.as_str()) {
            return match there.status {
                FindingStatus::Unknown => State::Undecided,
                FindingStatus::Waived => State::Waived,
                FindingStatus::Open if there.baselined => State::Known,
                FindingStatus::Open => State::Open { severity: there.severity, outgrown: there.outgrown },
            };
        }
        let not_yet = finding.first_seen.is_some_and(|first| millis(self.run.header.started_at) < millis(first));
        if not_yet || self.seen.read(&finding.rule_id, &finding.subject, rests_on) {
            return State::Absent;
        }
        match self.seen.missed(&finding.rule_id, &finding.subject, rests_on) {
            true => State::Missed,
            false => State::OutOfSight,
        }
    }
}
