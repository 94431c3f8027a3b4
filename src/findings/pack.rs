//! What a run says of a framework's controls: pass, fail, unknown or not covered, each with what it rests on.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Finding, FindingStatus, Run, WaiverNote};
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

/// What a run says of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlStatus {
    /// Something speaks against it, accepted or not.
    Fail,
    /// What would decide was not read.
    Unknown,
    /// Nothing was found, and everything planned was read.
    Pass,
    /// Nothing here evidences it, or no rule that does was evaluated.
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
    let hole = hole(run);
    pack.controls.iter().map(|control| assess_control(control, run, hole.as_deref())).collect()
}

fn assess_control<'a>(control: &'a Control, run: &'a Run, hole: Option<&str>) -> Assessed<'a> {
    let is_about = |finding: &&Finding| {
        control.rules.contains(&finding.rule_id)
            && (control.kinds.is_empty() || control.kinds.contains(&finding.subject.resource_kind))
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
    } else if let Some(hole) = hole {
        (ControlStatus::Unknown, format!("nothing was found, but {hole}"))
    } else {
        let (rules, endpoints) = (control.rules.len(), run.judgements.endpoints.len());
        let reads = run.coverage.count(UnitState::Scanned);
        let left_out = match run.coverage.count(UnitState::Excluded) {
            0 => String::new(),
            count => format!("; {count} reads left out on request"),
        };
        let reason = format!("{rules} rules found nothing; {endpoints} control planes, {reads} reads{left_out}");
        (ControlStatus::Pass, reason)
    };
    Assessed { control, status, reason, findings, not_evaluated }
}

/// What keeps a run in which nothing was found from being a pass.
fn hole(run: &Run) -> Option<String> {
    let lost = run.coverage.count(UnitState::Denied) + run.coverage.count(UnitState::Failed);
    let undecided = run.judgements.endpoints.iter().filter(|endpoint| {
        endpoint.exposure == Exposure::Unknown || endpoint.access.iter().any(|row| row.verdict == PortVerdict::Unknown)
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
