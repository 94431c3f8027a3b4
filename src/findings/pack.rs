//! What a run says of a framework's controls: pass, fail, unknown or not covered, each with what it rests on.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde::Deserialize;

use super::{
    Finding, FindingStatus, Language, Run, Seen, SubjectKind, WaiverNote,
    looked::Looked,
    pack_words::{self as words, Basis, Doubt},
};
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
    /// The public pages that have them.
    pub source_pages: Vec<SourcePage>,
    /// Which controls are in it.
    pub lists: String,
    /// Which are not.
    pub leaves_out: String,
    /// The same texts in Chinese.
    pub zh: PackText,
    pub controls: Vec<Control>,
    /// What each of its rules is evaluated on: the rules say so, and not the file.
    #[serde(skip)]
    pub about: BTreeMap<String, SubjectKind>,
}

/// A page that has ids of a framework.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcePage {
    pub url: String,
    /// The version or the date of what was looked at there.
    pub version: String,
}

/// The texts of a pack in another language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackText {
    pub title: String,
    pub edition: String,
    pub source: String,
    pub lists: String,
    pub leaves_out: String,
}

/// The texts of a control in another language.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlText {
    pub title: String,
    #[serde(default)]
    pub why_not: String,
}

impl Pack {
    /// The pack with its texts in a language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Self {
        let mut pack = self.clone();
        if language == Language::Zh {
            let PackText { title, edition, source, lists, leaves_out } = self.zh.clone();
            pack = Self { title, edition, source, lists, leaves_out, ..pack };
            for control in &mut pack.controls {
                let ControlText { title, why_not } = control.zh.clone();
                (control.title, control.why_not) = (title, why_not);
            }
        }
        pack
    }
}

/// One control.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: String,
    /// Our words, not the framework's.
    pub title: String,
    /// The same in Chinese.
    pub zh: ControlText,
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

/// Assesses each control of a pack, in the pack's order, with reasons in a language.
pub fn assess<'a>(pack: &'a Pack, run: &'a Run, language: Language) -> Vec<Assessed<'a>> {
    let seen = Seen::new(run);
    pack.controls.iter().map(|control| assess_control(pack, control, run, &seen, language)).collect()
}

fn assess_control<'a>(
    pack: &'a Pack,
    control: &'a Control,
    run: &'a Run,
    seen: &Seen<'_>,
    language: Language,
) -> Assessed<'a> {
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
    let missing = || words::not_evaluated(language, &not_evaluated);
    let (status, reason) = if control.rules.is_empty() {
        (ControlStatus::NotCovered, control.why_not.trim().to_owned())
    } else if open + waived > 0 {
        // Who accepts an exposure does not make it comply: the acceptance is evidence of its own.
        (ControlStatus::Fail, words::found(language, open, waived, undecided))
    } else if not_evaluated.len() == control.rules.len() {
        (ControlStatus::NotCovered, missing())
    } else if undecided > 0 {
        (ControlStatus::Unknown, words::undecided(language, undecided))
    } else if !not_evaluated.is_empty() {
        (ControlStatus::Unknown, missing())
    } else {
        nothing_found(pack, control, run, seen, language)
    };
    Assessed { control, status, reason, findings, not_evaluated }
}

/// What it says of a control that each of its rules found nothing.
fn nothing_found(
    pack: &Pack,
    control: &Control,
    run: &Run,
    seen: &Seen<'_>,
    language: Language,
) -> (ControlStatus, String) {
    let but = |what: String| (ControlStatus::Unknown, words::nothing_but(language, &what));
    if let Some(hole) = hole(control, run, language) {
        return but(hole);
    }
    let look = |rule: &'_ String| {
        let looked = pack.about.get(rule).map(|about| (*about, Looked::of(rule, *about, &control.kinds, run, seen)));
        looked.map(|(about, looked)| (rule.clone(), about, looked))
    };
    let looked: Vec<(String, SubjectKind, Looked)> = control.rules.iter().filter_map(look).collect();
    let doubts = doubts(&looked);
    if !doubts.is_empty() {
        return but(words::doubts(language, &doubts));
    }
    let (busy, idle): (Vec<_>, Vec<_>) = looked.iter().partition(|(_, _, looked)| looked.subjects > 0);
    if busy.is_empty() {
        return (ControlStatus::NotCovered, words::nothing_looked_at(language));
    }
    // Rules about the same kind may have looked at fewer of it: those about use, at public ones only.
    let mut rules: BTreeMap<(SubjectKind, Reverse<usize>), usize> = BTreeMap::new();
    for (_, about, looked) in busy {
        *rules.entry((*about, Reverse(looked.subjects))).or_default() += 1;
    }
    let basis = |((about, Reverse(subjects)), rules)| Basis { rules, about, subjects };
    let bases: Vec<Basis> = rules.into_iter().map(basis).collect();
    let reads = (run.coverage.count(UnitState::Scanned), run.coverage.count(UnitState::Excluded));
    let idle: Vec<&str> = idle.iter().map(|(rule, _, _)| rule.as_str()).collect();
    (ControlStatus::Pass, words::nothing_found(language, &bases, reads, &idle))
}

/// Which rules could not say anything of something that they look at, and what is not known of it.
fn doubts(looked: &[(String, SubjectKind, Looked)]) -> Vec<Doubt<'_>> {
    let mut told: Vec<Doubt<'_>> = Vec::new();
    for (rule, about, looked) in looked.iter().filter(|(_, _, looked)| looked.undecided > 0) {
        let same = |one: &&mut Doubt<'_>| {
            (one.about, one.undecided, one.of) == (*about, looked.undecided, looked.subjects)
                && one.lacking == looked.lacking
        };
        match told.iter_mut().find(same) {
            Some(one) => one.rules.push(rule),
            None => told.push(Doubt {
                rules: vec![rule],
                about: *about,
                undecided: looked.undecided,
                of: looked.subjects,
                lacking: looked.lacking.clone(),
            }),
        }
    }
    told
}

/// What keeps a run in which nothing was found from being a pass, whatever the rule.
fn hole(control: &Control, run: &Run, language: Language) -> Option<String> {
    let lost = run.coverage.count(UnitState::Denied) + run.coverage.count(UnitState::Failed);
    let undecided = run.judgements.endpoints.iter().filter(|endpoint| {
        control.is_about(endpoint.endpoint.resource_kind)
            && (endpoint.exposure == Exposure::Unknown
                || endpoint.access.iter().any(|row| row.verdict == PortVerdict::Unknown))
    });
    let undecided = undecided.count();
    if run.header.interrupted {
        return Some(words::interrupted(language));
    }
    match (lost, undecided) {
        (0, 0) => None,
        (0, undecided) => Some(words::not_judged(language, undecided)),
        (lost, _) => Some(words::lost_reads(language, lost)),
    }
}

/// Whose acceptance a finding has, where that counts.
pub fn acceptance(finding: &Finding) -> Option<&WaiverNote> {
    finding.waiver.as_ref().filter(|_| finding.status == FindingStatus::Waived)
}
