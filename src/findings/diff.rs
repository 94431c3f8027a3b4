//! What changed between two runs. A finding that is gone is fixed only if its place was read:
//! what was not looked at has not been repaired.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Finding, FindingStatus, Run, Subject};
use crate::model::{EndpointKind, Exposure, Judgements, ResourceKind, UnitState};

/// How a finding moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Not in the older run, nor seen before it.
    New,
    /// Open again: seen before the older run and gone in it, or waived in it.
    Reopened,
    /// In the older run, and neither fixed nor refuted: its place was not read this time.
    Unknown,
    /// In the older run, not in the newer one, and its place was read.
    Fixed,
    /// In both, with the same status.
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
    let before = by_fingerprint(&old.findings);
    let after = by_fingerprint(&new.findings);
    let seen = Seen::new(new);
    let fingerprints: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut entries: Vec<DiffEntry> = fingerprints
        .into_iter()
        .filter_map(|fingerprint| {
            let (change, finding) = match (before.get(fingerprint), after.get(fingerprint)) {
                (None, Some(finding)) => (appeared(finding, old), *finding),
                (Some(earlier), Some(finding)) => (stayed(earlier, finding), *finding),
                (Some(earlier), None) if seen.read(&earlier.rule_id, &earlier.subject) => (Change::Fixed, *earlier),
                (Some(earlier), None) => (Change::Unknown, *earlier),
                (None, None) => return None,
            };
            Some(DiffEntry {
                change,
                finding: finding.clone(),
                before: before.get(fingerprint).map(|finding| finding.status),
                after: after.get(fingerprint).map(|finding| finding.status),
            })
        })
        .collect();
    entries.sort_by(|a, b| {
        a.change
            .cmp(&b.change)
            .then_with(|| b.finding.severity.cmp(&a.finding.severity))
            .then_with(|| a.finding.fingerprint.cmp(&b.finding.fingerprint))
    });
    entries
}

fn by_fingerprint(findings: &[Finding]) -> BTreeMap<&str, &Finding> {
    findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect()
}

/// Reopened if a store remembers it from before the older run, in which it was not.
fn appeared(finding: &Finding, old: &Run) -> Change {
    match finding.first_seen {
        Some(first) if first < old.header.started_at => Change::Reopened,
        _ => Change::New,
    }
}

fn stayed(earlier: &Finding, later: &Finding) -> Change {
    match (earlier.status, later.status) {
        (before, after) if before == after => Change::Unchanged,
        (_, FindingStatus::Unknown) => Change::Unknown,
        (FindingStatus::Waived, FindingStatus::Open) => Change::Reopened,
        // What was only feared is now certain.
        (FindingStatus::Unknown, FindingStatus::Open) => Change::New,
        // It is still there; that somebody accepted it repairs nothing.
        _ => Change::Unchanged,
    }
}

/// What the newer run read.
pub(crate) struct Seen<'a> {
    run: &'a Run,
    subjects: BTreeSet<Place<'a>>,
    /// Account and region of everything that was planned and not read; an empty region is that
    /// of central hosts.
    unread: BTreeSet<(&'a str, &'a str)>,
    /// As `unread`, of what was refused or failed: neither out of the operator's choice nor for good.
    lost: BTreeSet<(&'a str, &'a str)>,
    /// Account and region of everything that was read, so that a run over fewer regions repairs
    /// nothing in the others.
    scanned: BTreeSet<(&'a str, &'a str)>,
    endpoints: BTreeMap<(Place<'a>, EndpointKind), Exposure>,
}

/// Account, region, kind and id of a resource that was judged.
type Place<'a> = (&'a str, &'a str, ResourceKind, &'a str);

impl<'a> Seen<'a> {
    pub(crate) fn new(run: &'a Run) -> Self {
        let unread = run
            .coverage
            .gaps()
            .filter(|gap| gap.state != UnitState::NotServed)
            .map(|gap| (gap.unit.account_id.as_str(), gap.unit.region_id.as_str()))
            .collect();
        let lost = run
            .coverage
            .gaps()
            .filter(|gap| matches!(gap.state, UnitState::Denied | UnitState::Failed))
            .map(|gap| (gap.unit.account_id.as_str(), gap.unit.region_id.as_str()))
            .collect();
        let scanned =
            run.coverage.scanned_units().map(|unit| (unit.account_id.as_str(), unit.region_id.as_str())).collect();
        let endpoints = run
            .judgements
            .endpoints
            .iter()
            .map(|judgement| {
                let at = &judgement.endpoint;
                let place = (at.account_id.as_str(), at.region_id.as_str(), at.resource_kind, at.resource_id.as_str());
                ((place, at.kind), judgement.exposure)
            })
            .collect();
        let subjects = subjects(&run.judgements);
        Self { run, subjects, unread, lost, scanned, endpoints }
    }

    /// The accounts about whose resources an absence may say something.
    pub(crate) fn accounts(&self) -> BTreeSet<&'a str> {
        let subjects = self.subjects.iter().map(|place| place.0);
        let endpoints = self.endpoints.keys().map(|(place, _)| place.0);
        subjects.chain(endpoints).chain(self.scanned.iter().map(|(account, _)| *account)).collect()
    }

    /// True if the absence of a rule's finding about `subject` says that there is none. A rule
    /// that was disabled, or is no longer among the rules, looked at nothing.
    pub(crate) fn read(&self, rule_id: &str, subject: &Subject) -> bool {
        if !self.evaluated(rule_id) {
            return false;
        }
        if subject.resource_kind == ResourceKind::Waiver {
            return true;
        }
        let account = subject.account_id.as_str();
        let place = (account, subject.region_id.as_str(), subject.resource_kind, subject.resource_id.as_str());
        match subject.endpoint_kind {
            // Where a part could not be read, the rules say so with a finding of status unknown.
            Some(kind) => {
                if let Some(exposure) = self.endpoints.get(&(place, kind)) {
                    return *exposure != Exposure::Unknown;
                }
            }
            None if self.subjects.contains(&place) => return true,
            None => {}
        }
        // It is gone, or it was not found: gone only if all that could have shown it was read.
        self.scanned.contains(&(account, subject.region_id.as_str()))
            && !self.run.header.interrupted
            && !holds_place(&self.unread, subject)
    }

    /// True if the absence of a rule's finding about `subject` says nothing because of what was planned and could not
    /// be read. Where nobody meant to look (another scope, a disabled rule) nothing was missed.
    pub(crate) fn missed(&self, rule_id: &str, subject: &Subject) -> bool {
        self.evaluated(rule_id)
            && !self.read(rule_id, subject)
            && (self.run.header.interrupted || holds_place(&self.lost, subject))
    }

    fn evaluated(&self, rule_id: &str) -> bool {
        let rules = &self.run.header.rules;
        rules.is_empty() || rules.contains(rule_id)
    }
}

/// True if the subject's account and region, or its account as a whole, are among the places.
fn holds_place(places: &BTreeSet<(&str, &str)>, subject: &Subject) -> bool {
    let account = subject.account_id.as_str();
    places.contains(&(account, "")) || places.contains(&(account, subject.region_id.as_str()))
}

fn subjects(judgements: &Judgements) -> BTreeSet<Place<'_>> {
    let groups = judgements.security_groups.iter().map(|group| {
        let kind = ResourceKind::SecurityGroup;
        (group.account_id.as_str(), group.region_id.as_str(), kind, group.security_group_id.as_str())
    });
    let acls = judgements
        .acls
        .iter()
        .map(|acl| (acl.account_id.as_str(), acl.region_id.as_str(), acl.resource_kind, acl.acl_id.as_str()));
    let balancers = judgements.unclaimed_balancers.iter().map(|balancer| {
        let kind = ResourceKind::LoadBalancer;
        (balancer.account_id.as_str(), balancer.region_id.as_str(), kind, balancer.load_balancer_id.as_str())
    });
    let resources = judgements.resources.iter().map(|resource| {
        let (account, region) = (resource.account_id.as_str(), resource.region_id.as_str());
        (account, region, resource.resource_kind, resource.resource_id.as_str())
    });
    groups.chain(acls).chain(balancers).chain(resources).collect()
}
