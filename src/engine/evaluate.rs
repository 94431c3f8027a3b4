//! Evaluation: every rule on every subject of its kind, at both ends of what could not be read.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{
    RuleSet, SubjectKind,
    condition::{Answer, FactSource},
    facts::{EipUse, End, FactTable, FactValue, Judged},
    rule::Rule,
    template::escape_into,
};
use crate::{
    findings::{Finding, FindingStatus, Subject, fingerprint, sort},
    model::{AccountId, Judgements, RegionId, ResourceKind, Severity},
};

/// Lines of evidence that a finding keeps.
const EVIDENCE_LINES: usize = 64;

impl RuleSet {
    /// Findings of all rules, `open` or `unknown`, sorted worst first, then by fingerprint: what
    /// comes out does not depend on threads. A condition that cannot be evaluated is a finding
    /// whose status is `unknown`.
    pub fn evaluate(&self, judgements: &Judgements) -> Vec<Finding> {
        let eips = eips(judgements);
        let subjects = subjects(judgements, &eips);
        // Each list as long as what is in it: with room to grow they would be most of the memory of a run.
        let found: Vec<Box<[Finding]>> =
            self.on_threads(|| subjects.par_iter().map(|subject| self.rules_about(subject).collect()).collect());
        let mut findings = Vec::with_capacity(found.iter().map(|found| found.len()).sum());
        findings.extend(found.into_iter().flatten());
        sort(&mut findings);
        findings
    }

    /// Does `work` on the threads that evaluate rules. What goes before and after them is best done there too, since every
    /// further thread holds memory of its own.
    pub fn on_threads<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.threads.install(work)
    }

    fn rules_about<'a>(&'a self, subject: &'a Place<'a>) -> impl Iterator<Item = Finding> + 'a {
        self.rules.iter().filter(|rule| rule.subject == subject.kind).filter_map(move |rule| self.apply(rule, subject))
    }

    fn apply(&self, rule: &Rule, subject: &Place<'_>) -> Option<Finding> {
        let decided = decide(rule, subject);
        let (status, problem) = match decided.answer {
            Answer::False => return None,
            Answer::True => (FindingStatus::Open, None),
            Answer::Undecided => (FindingStatus::Unknown, None),
            Answer::Error(problem) => (FindingStatus::Unknown, Some(problem)),
        };
        let text = rule.text(self.language);
        let messages = rule.messages(self.language);
        // What is certain is told of what is open, what may be of what is not decided.
        let end = if status == FindingStatus::Open { End::Lower } else { End::Upper };
        let get = |name: &str| subject.fact(name, end);
        let message = match (status, problem, &messages.unknown) {
            (_, Some(problem), _) => format!("The rule could not be decided: {problem}."),
            (FindingStatus::Unknown, None, Some(template)) => template.render(get),
            (FindingStatus::Unknown, None, None) => {
                format!("Not everything was read, so this may hold or not: {}", messages.open.render(get))
            }
            _ => messages.open.render(get),
        };
        let finding_subject = subject.finding_subject();
        Some(Finding {
            fingerprint: fingerprint(&rule.id, &finding_subject),
            rule_id: rule.id.clone(),
            title: text.title.clone(),
            severity: decided.severity,
            status,
            resource_name: subject.name.to_owned(),
            subject: finding_subject,
            message,
            evidence: evidence(rule, subject),
            remedy: text.remedy.clone(),
            references: rule.references.clone(),
            controls: rule.controls.clone(),
            first_seen: None,
            waiver: None,
            about_coverage: false,
            baselined: false,
            outgrown: false,
            decisions: Vec::new(),
        })
    }
}

/// What a rule says of a subject or an example.
pub(super) struct Decided {
    pub(super) answer: Answer,
    /// The worse of both ends.
    pub(super) severity: Severity,
}

/// Evaluates a rule's condition, and its severity where the condition is not false.
pub(super) fn decide(rule: &Rule, facts: &dyn FactSource) -> Decided {
    let answer = rule.condition.ask(facts);
    let severity = match answer {
        Answer::False => rule.severity,
        _ => severity(rule, facts),
    };
    Decided { answer, severity }
}

/// The worse severity of both ends. A case that cannot be evaluated might apply, so it counts if it is
/// worse than what follows.
fn severity(rule: &Rule, facts: &dyn FactSource) -> Severity {
    let mut worst = Severity::Info;
    // The least that each end has for sure, until a case decides it.
    let mut open = [Some(Severity::Info); 2];
    for (when, severity) in &rule.severity_when {
        for (end, answer) in open.iter_mut().zip(when.at_both(facts)) {
            let Some(floor) = end else { continue };
            match answer {
                Ok(true) => {
                    worst = worst.max(*floor).max(*severity);
                    *end = None;
                }
                Ok(false) => {}
                Err(_) => *floor = (*floor).max(*severity),
            }
        }
        if open == [None; 2] {
            break;
        }
    }
    open.into_iter().flatten().fold(worst, |worst, floor| worst.max(floor).max(rule.severity))
}

fn evidence(rule: &Rule, subject: &Place<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for name in &rule.evidence {
        if let Some(FactValue::Texts(items)) = subject.fact(name, End::Upper) {
            lines.extend(items.iter().map(|item| line(item)));
        }
    }
    if lines.len() > EVIDENCE_LINES {
        let more = lines.len() - EVIDENCE_LINES;
        lines.truncate(EVIDENCE_LINES);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// Sentences are longer than names: they are escaped word by word, so that they are not cut.
fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for (place, word) in text.split(' ').enumerate() {
        if place > 0 {
            line.push(' ');
        }
        escape_into(&mut line, word);
    }
    line
}

/// A subject with its place in the cloud.
struct Place<'a> {
    kind: SubjectKind,
    table: FactTable,
    judged: Judged<'a>,
    account_id: &'a AccountId,
    region_id: &'a RegionId,
    resource_kind: ResourceKind,
    resource_id: &'a str,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn new(kind: SubjectKind, judged: Judged<'a>) -> Self {
        let (account_id, region_id, resource_kind, resource_id, name) = match judged {
            Judged::Endpoint(e) => {
                let at = &e.endpoint;
                (&at.account_id, &at.region_id, at.resource_kind, at.resource_id.as_str(), e.resource_name.as_str())
            }
            Judged::SecurityGroup(g) => (
                &g.account_id,
                &g.region_id,
                ResourceKind::SecurityGroup,
                g.security_group_id.as_str(),
                g.name.as_str(),
            ),
            Judged::Acl(a) => (&a.account_id, &a.region_id, a.resource_kind, a.acl_id.as_str(), a.name.as_str()),
            Judged::LoadBalancer(b) => {
                (&b.account_id, &b.region_id, ResourceKind::LoadBalancer, b.load_balancer_id.as_str(), b.name.as_str())
            }
            Judged::Eip(i) => (&i.account_id, &i.region_id, ResourceKind::Eip, i.eip_id.as_str(), ""),
            Judged::Resource(r) => {
                (&r.account_id, &r.region_id, r.resource_kind, r.resource_id.as_str(), r.name.as_str())
            }
        };
        Self { kind, table: FactTable::of(kind), judged, account_id, region_id, resource_kind, resource_id, name }
    }

    fn finding_subject(&self) -> Subject {
        let endpoint_kind = match self.judged {
            Judged::Endpoint(judgement) => Some(judgement.endpoint.kind),
            _ => None,
        };
        Subject {
            account_id: self.account_id.clone(),
            region_id: self.region_id.clone(),
            resource_kind: self.resource_kind,
            resource_id: self.resource_id.to_owned(),
            endpoint_kind,
        }
    }
}

impl FactSource for Place<'_> {
    fn fact(&self, name: &str, end: End) -> Option<FactValue> {
        self.table.get(name)?.read(self.judged, end)
    }
}

fn subjects<'a>(judgements: &'a Judgements, eips: &'a [EipUse]) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    let kinds = |kind: ResourceKind| match kind {
        ResourceKind::Mesh => Some(SubjectKind::Mesh),
        ResourceKind::Cluster => Some(SubjectKind::Cluster),
        _ => None,
    };
    places.extend(judgements.endpoints.iter().map(|item| Place::new(SubjectKind::Endpoint, Judged::Endpoint(item))));
    places.extend(
        judgements
            .security_groups
            .iter()
            .map(|item| Place::new(SubjectKind::SecurityGroup, Judged::SecurityGroup(item))),
    );
    places.extend(judgements.acls.iter().map(|item| Place::new(SubjectKind::Acl, Judged::Acl(item))));
    places.extend(
        judgements
            .unclaimed_balancers
            .iter()
            .map(|item| Place::new(SubjectKind::LoadBalancer, Judged::LoadBalancer(item))),
    );
    places.extend(eips.iter().map(|item| Place::new(SubjectKind::Eip, Judged::Eip(item))));
    places.extend(
        judgements
            .resources
            .iter()
            .filter_map(|item| Some(Place::new(kinds(item.resource_kind)?, Judged::Resource(item)))),
    );
    places
}

/// The EIPs that expose endpoints and unclaimed balancers, sorted.
fn eips(judgements: &Judgements) -> Vec<EipUse> {
    let mut uses = EipUses::new();
    for judgement in &judgements.endpoints {
        let at = &judgement.endpoint;
        if let Some(eip_id) = &judgement.eip_id {
            let eip = eip_use(&mut uses, &at.account_id, &at.region_id, eip_id.as_str());
            eip.addresses.extend(judgement.public_address.clone());
            eip.endpoints.insert(at.id());
        }
    }
    for balancer in &judgements.unclaimed_balancers {
        if let Some(eip_id) = &balancer.eip_id {
            let eip = eip_use(&mut uses, &balancer.account_id, &balancer.region_id, eip_id.as_str());
            eip.addresses.insert(balancer.public_address.clone());
            eip.unclaimed_balancers.insert(balancer.load_balancer_id.clone());
        }
    }
    uses.into_values().collect()
}

type EipUses<'a> = BTreeMap<(&'a AccountId, &'a RegionId, &'a str), EipUse>;

fn eip_use<'a, 'b>(
    uses: &'b mut EipUses<'a>,
    account_id: &'a AccountId,
    region_id: &'a RegionId,
    eip_id: &'a str,
) -> &'b mut EipUse {
    uses.entry((account_id, region_id, eip_id)).or_insert_with(|| EipUse {
        account_id: account_id.clone(),
        region_id: region_id.clone(),
        eip_id: eip_id.to_owned(),
        addresses: BTreeSet::new(),
        endpoints: BTreeSet::new(),
        unclaimed_balancers: BTreeSet::new(),
    })
}
