//! What a run says of a framework's controls: pass, fail, unknown or not covered, each with what it rests on.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Finding, FindingStatus, Run, Seen, SubjectKind, WaiverNote, looked::Looked};
use crate::model::{Exposure, PortVerdict, ResourceKind, UnitState};

/// Some controls of a framework, and the rules that evidence them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its short name, which stands in front of its controls: `cis-ack:6.3.1`.
    pub id: String,
    /// The framework's name.
    pub title: String,
    pub edition: String,
    /// Where the ids are from.
    pub source: String,
    /// Which controls are in it.
    pub lists: String,
    /// Which are not.
    pub leaves_out: String,
    pub controls: Vec<Control>,
    /// What each of its rules is evaluated on: the rules say so, and not the file.
    #[serde(skip)]
    pub about: BTreeMap<String, SubjectKind>,
}

/// One control.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: String,
    /// Our words, not the framework's.
    pub title: String,
    /// The kinds of resources it is about; all if there is none.
    #[serde(default)]
    pub kinds: Vec<ResourceKind>,
    /// The rules whose findings speak against it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Why nothing here evidences it, where there are no rules.
    #[serde(default)]
    pub why_not: String,
}

impl Control {
    /// True if it is about resources of that kind.
    fn is_about(&self, kind: ResourceKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// What a run says of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStatus {
    /// Something speaks against it, accepted or not.
    Fail,
    /// What would decide was not read.
    Unknown,
    /// Nothing was found, everything planned was read, and its rules knew all that they look at.
    Pass,
    /// Nothing here evidences it, no rule that does was evaluated, or there was nothing for them to look at.
    NotCovered,
}

impl ControlStatus {
    /// Every status, the one to look at first in front.
    pub const ALL: [Self; 4] = [Self::Fail, Self::Unknown, Self::Pass, Self::NotCovered];

    /// The word of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Pass => "pass",
            Self::NotCovered => "not-covered",
        }
    }
}

/// A control with what a run says of it.
#[derive(Clone, Debug)]
pub struct Assessed<'a> {
    pub control: &'a Control,
    pub status: ControlStatus,
    /// Why it is so, in a sentence.
    pub reason: String,
    /// The findings of its rules, in the run's order.
    pub findings: Vec<&'a Finding>,
    /// Its rules that were not evaluated.
    pub not_evaluated: Vec<&'a str>,
}

/// Assesses each control of a pack, in the pack's order.
pub fn assess<'a>(pack: &'a Pack, run: &'a Run) -> Vec<Assessed<'a>> {
    let seen = Seen::new(run);
    pack.controls.iter().map(|control| assess_control(pack, control, run, &seen)).collect()
}

fn assess_control<'a>(pack: &'a Pack, control: &'a Control, run: &'a Run, seen: &Seen<'_>) -> Assessed<'a> {
    let is_about = |finding: &&Finding| {
        control.rules.contains(&finding.rule_id) && control.is_about(finding.subject.resource_kind)
    };
    let findings: Vec<&Finding> = run.findings.iter().filter(is_about).collect();
    let evaluated: BTreeSet<&str> = run.header.rules.iter().map(String::as_str).collect();
    let not_evaluated: Vec<&str> =
        control.rules.iter().map(String::as_str).filter(|rule| !evaluated.contains(rule)).collect();
    let count = |status| findings.iter().filter(|finding| finding.status == status).count();
    let (open, waived) = (count(FindingStatus::Open), count(FindingStatus::Waived));
    let undecided = count(FindingStatus::Unknown);
    let missing = || format!("not evaluated: {}", not_evaluated.join(", "));
    let (status, reason) = if control.rules.is_empty() {
        (ControlStatus::NotCovered, control.why_not.trim().to_owned())
    } else if open + waived > 0 {
        // Who accepts an exposure does not make it comply: the acceptance is evidence of its own.
        (ControlStatus::Fail, format!("{open} open, {waived} accepted, {undecided} undecided"))
    } else if not_evaluated.len() == control.rules.len() {
        (ControlStatus::NotCovered, missing())
    } else if undecided > 0 {
        (ControlStatus::Unknown, format!("{undecided} undecided"))
    } else if !not_evaluated.is_empty() {
        (ControlStatus::Unknown, missing())
    } else {
        nothing_found(pack, control, run, seen)
    };
    Assessed { control, status, reason, findings, not_evaluated }
}

/// What it says of a control that each of its rules found nothing.
fn nothing_found(pack: &Pack, control: &Control, run: &Run, seen: &Seen<'_>) -> (ControlStatus, String) {
    if let Some(hole) = hole(control, run) {
        return (ControlStatus::Unknown, format!("nothing was found, but {hole}"));
    }
    let look = |rule: &'_ String| {
        let looked = pack.about.get(rule).map(|about| (*about, Looked::of(rule, *about, &control.kinds, run, seen)));
        looked.map(|(about, looked)| (rule.clone(), about, looked))
    };
    let looked: Vec<(String, SubjectKind, Looked)> = control.rules.iter().filter_map(look).collect();
    if let Some(doubt) = doubt(&looked) {
        return (ControlStatus::Unknown, format!("nothing was found, but {doubt}"));
    }
    let (busy, idle): (Vec<_>, Vec<_>) = looked.iter().partition(|(_, _, looked)| looked.subjects > 0);
    if busy.is_empty() {
        return (ControlStatus::NotCovered, "nothing of this kind was looked at".to_owned());
    }
    let endpoints = run.judgements.endpoints.iter().filter(|it| control.is_about(it.endpoint.resource_kind)).count();
    let reads = run.coverage.count(UnitState::Scanned);
    let left_out = match run.coverage.count(UnitState::Excluded) {
        0 => String::new(),
        count => format!("; {count} reads left out on request"),
    };
    let idle = match idle.iter().map(|(rule, _, _)| rule.as_str()).collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        rules => format!("; nothing to look at for {rules}"),
    };
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let found = format!(
        "{} found nothing; {}, {}{left_out}{idle}",
        counted(busy.len(), "rule"),
        counted(endpoints, "control plane"),
        counted(reads, "read")
    );
    (ControlStatus::Pass, found)
}

/// Which rules could not say anything of something that they look at, and what is not known of it.
fn doubt(looked: &[(String, SubjectKind, Looked)]) -> Option<String> {
    let mut told: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (rule, about, looked) in looked.iter().filter(|(_, _, looked)| looked.undecided > 0) {
        let lacking: Vec<&str> = looked.lacking.iter().map(|input| input.in_words()).collect();
        let lacking = match lacking.is_empty() {
            true => String::new(),
            false => format!(" (not known: {})", lacking.join(", ")),
        };
        let of_what = format!("of {} of {} ({about}){lacking}", looked.undecided, looked.subjects);
        told.entry(of_what).or_default().push(rule);
    }
    let each: Vec<String> =
        told.into_iter().map(|(of_what, rules)| format!("nothing is said {of_what} by {}", rules.join(", "))).collect();
    (!each.is_empty()).then(|| each.join("; "))
}

/// What keeps a run in which nothing was found from being a pass, whatever the rule.
fn hole(control: &Control, run: &Run) -> Option<String> {
    let lost = run.coverage.count(UnitState::Denied) + run.coverage.count(UnitState::Failed);
    let undecided = run.judgements.endpoints.iter().filter(|endpoint| {
        control.is_about(endpoint.endpoint.resource_kind)
            && (endpoint.exposure == Exposure::Unknown
                || endpoint.access.iter().any(|row| row.verdict == PortVerdict::Unknown))
    });
    let undecided = undecided.count();
    if run.header.interrupted {
        return Some("the run was interrupted".to_owned());
    }
    match (lost, undecided) {
        (0, 0) => None,
        (0, undecided) => Some(format!("{undecided} control planes could not be judged")),
        (lost, _) => Some(format!("{lost} planned reads were denied or failed")),
    }
}

/// Whose acceptance a finding has, where that counts.
pub fn acceptance(finding: &Finding) -> Option<&WaiverNote> {
    finding.waiver.as_ref().filter(|_| finding.status == FindingStatus::Waived)
}
