//! The one gate every finding passes: severity remap, waiver, baseline, threshold, in this order.
//! Each decision is recorded on the finding, so that a report can say why something counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Days, NaiveDate};

use super::{
    Finding, FindingStatus, Subject,
    baseline::{Answer, Baseline, Filter, Now},
    fingerprint::fingerprint,
    verdict::counts,
    waiver::{Matcher, Reach, Waiver},
};
use crate::model::{Coverage, EndpointJudgement, Judgements, PortVerdict, ResourceKind, Severity, Shared, UnitState};

/// A rule that the gate itself evaluates, because its subject is the gate's own input.
#[derive(Clone, Copy, Debug)]
pub struct GateRule {
    pub id: &'static str,
    pub title: &'static str,
    pub severity: Severity,
    pub finds: &'static str,
    pub why: &'static str,
    pub remedy: &'static str,
}

/// A waiver that accepted nothing in this run.
pub const WAIVER_UNUSED: GateRule = GateRule {
    id: "waiver-unused",
    title: "Waiver accepts nothing",
    severity: Severity::Low,
    finds: "A waiver that no finding of this run matches.",
    why: "A waiver that outlives its finding is a hole kept open for the next one: should the exposure come back, \
          it comes back accepted. It may also be misspelt, and then what it was meant to accept is not accepted.",
    remedy: "Delete the waiver, or correct its fingerprint or selection.",
};

/// A waiver past its last day.
pub const WAIVER_EXPIRED: GateRule = GateRule {
    id: "waiver-expired",
    title: "Waiver has expired",
    severity: Severity::Low,
    finds: "A waiver whose last day has passed. It is ignored, and what it accepted is open again.",
    why: "An acceptance has an end so that somebody looks again. Nobody has looked yet.",
    remedy: "Remove the exposure, or have the owner decide again and set a new `expires`, at most a year ahead.",
};

/// A waiver that is in use and near its last day.
pub const WAIVER_ENDS_SOON: GateRule = GateRule {
    id: "waiver-ends-soon",
    title: "Waiver ends soon",
    severity: Severity::Info,
    finds: "A waiver that accepts a finding of this run and whose last day is within thirty days.",
    why: "When it ends, what it accepts is open again, and runs fail that passed. Whoever owns it should hear of that before.",
    remedy: "Remove the exposure in time, or have the owner decide again and set a new `expires`, at most a year ahead.",
};

/// How long before its last day a waiver's owner is told.
const SOON: Days = Days::new(30);

/// The rules that the gate evaluates.
pub const GATE_RULES: [GateRule; 3] = [WAIVER_ENDS_SOON, WAIVER_EXPIRED, WAIVER_UNUSED];

/// What the operator decided about findings.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// Rules whose findings are dropped.
    pub disabled: BTreeSet<String>,
    /// Severities that replace those of the rules.
    pub severity: BTreeMap<String, Severity>,
    pub waivers: Vec<Waiver>,
    /// The run that is the starting point: what it had is reported and does not count.
    pub baseline: Baseline,
    /// The lowest severity that counts.
    pub fail_on: Severity,
    /// The day of the run (UTC): waivers are judged as of its start.
    pub today: NaiveDate,
    /// False if something was not read: a waiver that matched nothing is then not known to be unused.
    pub coverage_complete: bool,
    /// Accounts and regions that were left out on request: of a waiver about them nothing is said.
    pub left_out: Coverage,
}

impl GateSettings {
    /// Nothing decided: everything counts.
    pub fn new(today: NaiveDate, coverage_complete: bool) -> Self {
        Self {
            disabled: BTreeSet::new(),
            severity: BTreeMap::new(),
            waivers: Vec::new(),
            baseline: Baseline::default(),
            fail_on: Severity::Low,
            today,
            coverage_complete,
            left_out: Coverage::default(),
        }
    }
}

/// Takes every finding through the gate and adds those about waivers themselves. `judgements` are
/// those the findings were made from: limits and tags of waivers are checked against them. The
/// result is sorted, worst first, then by fingerprint.
pub fn apply(findings: Vec<Finding>, judgements: &Judgements, settings: &GateSettings) -> Vec<Finding> {
    let context = Context::new(judgements);
    let mut used = vec![false; settings.waivers.len()];
    let mut out = Vec::with_capacity(findings.len());
    for mut finding in findings {
        if settings.disabled.contains(&finding.rule_id) {
            // A waiver for a disabled rule is not a mistake of the waiver.
            mark_used(&finding, &context, settings, &mut used);
            continue;
        }
        remap(&mut finding, settings);
        // What a waiver no longer covers is not what the baseline knew.
        if !waive(&mut finding, &context, settings, &mut used) {
            baseline(&mut finding, &context, settings);
        }
        threshold(&mut finding, settings);
        out.push(finding);
    }
    let known: BTreeSet<String> = out.iter().map(|finding| finding.fingerprint.clone()).collect();
    for mut finding in waiver_findings(settings, &used) {
        if settings.disabled.contains(&finding.rule_id) || known.contains(&finding.fingerprint) {
            continue;
        }
        remap(&mut finding, settings);
        baseline(&mut finding, &context, settings);
        threshold(&mut finding, settings);
        out.push(finding);
    }
    sort(&mut out);
    out
}

/// Worst first, then by fingerprint; one finding per fingerprint.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    // Equal ones are one finding, so that their order is nothing, and no second list is made to keep it.
    findings.sort_unstable_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
    findings.dedup_by(|later, earlier| later.fingerprint == earlier.fingerprint);
}

fn remap(finding: &mut Finding, settings: &GateSettings) {
    let Some(&severity) = settings.severity.get(&finding.rule_id) else { return };
    if severity != finding.severity {
        finding.decisions.push(format!("severity remapped from {} to {severity} by configuration", finding.severity));
        finding.severity = severity;
    }
}

fn mark_used(finding: &Finding, context: &Context<'_>, settings: &GateSettings, used: &mut [bool]) {
    let tags = context.tags(&finding.subject);
    for (waiver, used) in settings.waivers.iter().zip(used) {
        *used |= waiver.matches(finding, tags);
    }
}

/// All waivers that match must hold: where two contradict, the stricter wins, and both are named. True if one that
/// matches does not hold any more.
fn waive(finding: &mut Finding, context: &Context<'_>, settings: &GateSettings, used: &mut [bool]) -> bool {
    let tags = context.tags(&finding.subject);
    let mut holding: Vec<&Waiver> = Vec::new();
    let mut refused = false;
    for (waiver, used) in settings.waivers.iter().zip(used) {
        if !waiver.matches(finding, tags) {
            continue;
        }
        *used = true;
        if waiver.expired(settings.today) {
            finding.decisions.push(format!("waiver {} ignored: expired on {}", waiver.id(), waiver.expires()));
            continue;
        }
        if finding.status == FindingStatus::Unknown {
            finding
                .decisions
                .push(format!("waiver {} not applied: what could not be read cannot be accepted", waiver.id()));
            continue;
        }
        let exceeded = waiver.only.as_ref().and_then(|only| only.exceeded(&context.reach(&finding.subject)));
        match exceeded {
            Some(reason) => {
                finding.decisions.push(format!("waiver {} does not hold: {reason}", waiver.id()));
                refused = true;
            }
            None => holding.push(waiver),
        }
    }
    // The one that ends first, so that the note shows the nearest date.
    let Some(first) = holding.iter().min_by_key(|waiver| (waiver.expires(), waiver.id())) else { return refused };
    if refused {
        let ids: Vec<_> = holding.iter().map(|waiver| waiver.id()).collect();
        finding
            .decisions
            .push(format!("waiver {} overruled: of waivers that contradict, the stricter wins", ids.join(", ")));
        return true;
    }
    finding.status = FindingStatus::Waived;
    finding.waiver = Some(first.note());
    for waiver in &holding {
        finding.decisions.push(format!("waived by {} until {}", waiver.id(), waiver.expires()));
    }
    false
}

fn baseline(finding: &mut Finding, context: &Context<'_>, settings: &GateSettings) {
    if finding.status != FindingStatus::Open {
        return;
    }
    match settings.baseline.answer(finding, context.now(&finding.subject)) {
        Answer::New => {}
        Answer::Known => {
            finding.baselined = true;
            finding.decisions.push("in the baseline: reported, not counted".to_owned());
        }
        Answer::Worse(how) => {
            finding.outgrown = true;
            finding.decisions.push(format!("in the baseline, and worse now: {how}"));
        }
    }
}

fn threshold(finding: &mut Finding, settings: &GateSettings) {
    if finding.status != FindingStatus::Open || finding.about_coverage || finding.baselined {
        return;
    }
    let text = if counts(finding, settings.fail_on) {
        format!("counts: {} is at or above the threshold {}", finding.severity, settings.fail_on)
    } else {
        format!("does not count: {} is below the threshold {}", finding.severity, settings.fail_on)
    };
    finding.decisions.push(text);
}

fn waiver_findings(settings: &GateSettings, used: &[bool]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (waiver, &used) in settings.waivers.iter().zip(used) {
        if waiver.expired(settings.today) {
            let message = format!(
                "The waiver for {} expired on {} and is ignored. Owner: {}.",
                waiver.describe(),
                waiver.expires(),
                waiver.owner.escape_debug()
            );
            findings.push(waiver_finding(&WAIVER_EXPIRED, waiver, FindingStatus::Open, message));
        } else if !used {
            let place = waiver.place();
            if place.is_some_and(|(account_id, region_id)| settings.left_out.leaves_out(account_id, region_id)) {
                continue;
            }
            // Where a finding is, its fingerprint does not tell.
            let anywhere = place.is_some() || settings.left_out.count(UnitState::Excluded) == 0;
            let (status, end) = if settings.coverage_complete && anywhere {
                (FindingStatus::Open, "")
            } else {
                (FindingStatus::Unknown, " Not everything was read, so it may still be needed.")
            };
            let why = waiver.never_matches().map(|why| format!(" {why}")).unwrap_or_default();
            let message = format!(
                "The waiver for {} matches no finding of this run.{why}{end} Owner: {}.",
                waiver.describe(),
                waiver.owner.escape_debug()
            );
            findings.push(waiver_finding(&WAIVER_UNUSED, waiver, status, message));
        } else if settings.today.checked_add_days(SOON).is_none_or(|soon| waiver.expires() <= soon) {
            let message = format!(
                "The waiver for {} ends on {}. Owner: {}.",
                waiver.describe(),
                waiver.expires(),
                waiver.owner.escape_debug()
            );
            findings.push(waiver_finding(&WAIVER_ENDS_SOON, waiver, FindingStatus::Open, message));
        }
    }
    findings
}

fn waiver_finding(rule: &GateRule, waiver: &Waiver, status: FindingStatus, message: String) -> Finding {
    let (account_id, region_id) = match &waiver.matcher {
        Matcher::Fingerprint(_) => Default::default(),
        Matcher::Select(select) => (select.account_id.clone(), select.region_id.clone()),
    };
    let subject = Subject {
        account_id,
        region_id,
        resource_kind: ResourceKind::Waiver,
        resource_id: waiver.id(),
        endpoint_kind: None,
    };
    Finding {
        fingerprint: fingerprint(rule.id, &subject),
        rule_id: rule.id.to_owned(),
        title: rule.title.into(),
        severity: rule.severity,
        status,
        subject,
        resource_name: String::new(),
        message,
        evidence: Vec::new(),
        remedy: rule.remedy.into(),
        references: Shared::default(),
        controls: Shared::default(),
        first_seen: None,
        waiver: Some(waiver.note()),
        about_coverage: true,
        baselined: false,
        outgrown: false,
        decisions: Vec::new(),
    }
}

/// Looks up what judgements say of a finding's subject.
struct Context<'a> {
    tags: HashMap<Key<'a>, &'a BTreeMap<String, String>>,
    endpoints: HashMap<(Key<'a>, crate::model::EndpointKind), usize>,
    filters: HashMap<Key<'a>, Filter<'a>>,
    judgements: &'a Judgements,
    no_tags: BTreeMap<String, String>,
}

/// Account, region, kind and id of a resource.
type Key<'a> = (&'a str, &'a str, ResourceKind, &'a str);

fn key(subject: &Subject) -> Key<'_> {
    (subject.account_id.as_str(), subject.region_id.as_str(), subject.resource_kind, &subject.resource_id)
}

impl<'a> Context<'a> {
    fn new(judgements: &'a Judgements) -> Self {
        let mut context = Self {
            tags: HashMap::new(),
            endpoints: HashMap::new(),
            filters: HashMap::new(),
            judgements,
            no_tags: BTreeMap::new(),
        };
        for resource in &judgements.resources {
            let key: Key<'a> = (
                resource.account_id.as_str(),
                resource.region_id.as_str(),
                resource.resource_kind,
                &resource.resource_id,
            );
            context.tags.insert(key, &resource.tags);
        }
        for (index, judgement) in judgements.endpoints.iter().enumerate() {
            let at = &judgement.endpoint;
            let key: Key<'a> = (at.account_id.as_str(), at.region_id.as_str(), at.resource_kind, &at.resource_id);
            context.tags.insert(key, &judgement.tags);
            context.endpoints.insert((key, at.kind), index);
        }
        for group in &judgements.security_groups {
            let key: Key<'a> = (
                group.account_id.as_str(),
                group.region_id.as_str(),
                ResourceKind::SecurityGroup,
                &group.security_group_id,
            );
            context.tags.insert(key, &group.tags);
            let untrusted = group.untrusted_anywhere.as_deref();
            context.filters.insert(key, Filter { untrusted, endpoints: &group.endpoints });
        }
        for acl in &judgements.acls {
            let key: Key<'a> = (acl.account_id.as_str(), acl.region_id.as_str(), acl.resource_kind, &acl.acl_id);
            let untrusted = acl.untrusted_anyhow.as_deref();
            context.filters.insert(key, Filter { untrusted, endpoints: &acl.endpoints });
        }
        for balancer in &judgements.unclaimed_balancers {
            let key: Key<'a> = (
                balancer.account_id.as_str(),
                balancer.region_id.as_str(),
                ResourceKind::LoadBalancer,
                &balancer.load_balancer_id,
            );
            context.tags.insert(key, &balancer.tags);
        }
        context
    }

    fn tags(&self, subject: &Subject) -> &BTreeMap<String, String> {
        self.tags.get(&key(subject)).copied().unwrap_or(&self.no_tags)
    }

    /// What this run says of a finding's subject.
    fn now(&self, subject: &Subject) -> Now<'a> {
        match (self.judgement(subject), self.filters.get(&key(subject))) {
            (Some(judgement), _) => Now::Endpoint(judgement),
            (None, Some(filter)) => Now::Filter(*filter),
            (None, None) => Now::Other,
        }
    }

    /// What is said of the endpoint that a finding is about.
    fn judgement(&self, subject: &Subject) -> Option<&'a EndpointJudgement> {
        let &index = self.endpoints.get(&(key(subject), subject.endpoint_kind?))?;
        self.judgements.endpoints.get(index)
    }

    /// Who may reach the subject, port by port; empty where nothing is said of it.
    fn reach(&self, subject: &Subject) -> Vec<Reach<'a>> {
        let Some(kind) = subject.endpoint_kind else {
            let untrusted = self.filters.get(&key(subject)).and_then(|filter| filter.untrusted);
            return untrusted.map(|untrusted| Reach { port: None, untrusted, unknown: false }).into_iter().collect();
        };
        let Some(&index) = self.endpoints.get(&(key(subject), kind)) else { return Vec::new() };
        self.judgements.endpoints[index]
            .access
            .iter()
            .map(|row| Reach {
                port: Some(row.port),
                untrusted: &row.untrusted,
                unknown: row.verdict == PortVerdict::Unknown && row.untrusted.is_empty(),
            })
            .collect()
    }
}
