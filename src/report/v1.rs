//! The JSON report, `portcullis.report/v1`: frozen structs, so that inner types can change while
//! the report stays. The other formats are rendered from the same document; that is what makes it
//! possible to render a report file again.
//!
//! Fields are added, never renamed or removed. Field order here is the order of keys in the file.

mod concerned;
mod shared;
mod staleness;

use std::{collections::BTreeMap, net::IpAddr};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use self::concerned::Concerned;
pub(super) use self::shared::Known;
pub use self::{
    shared::{List, Text},
    staleness::{BindingV1, ClientV1, ConsumerV1, StalenessV1},
};
use crate::{
    findings::{Finding, FindingStatus, Run, RunVerdict, WaiverNote},
    model::{
        AccessRow, Coverage, EndpointJudgement, EndpointKind, Enforcement, Exposure, Family, Gap, Gate, GateKind,
        ListenerSetting, PortVerdict, ResourceKind, Severity, Sign, Unit, UnitState,
    },
};

/// The only value of `schema` that this version writes and reads.
pub const SCHEMA: &str = "portcullis.report/v1";

/// A whole report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document<'a> {
    pub schema: Text<'a>,
    pub run: RunV1<'a>,
    pub verdict: RunVerdict,
    pub summary: SummaryV1,
    pub endpoints: Vec<EndpointV1<'a>>,
    pub findings: Vec<FindingV1<'a>>,
    pub coverage: CoverageV1<'a>,
}

/// What differs between two readings of the same cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunV1<'a> {
    pub id: Text<'a>,
    #[serde(with = "seconds")]
    pub started_at: DateTime<Utc>,
    #[serde(with = "seconds")]
    pub finished_at: DateTime<Utc>,
    pub tool_version: Text<'a>,
    pub exit_code: u8,
    pub caller: Vec<CallerV1<'a>>,
    pub api_calls: u64,
    pub retries: u64,
    pub snapshot_digest: Text<'a>,
    pub rules_digest: Text<'a>,
    /// The lowest severity that counted; not there where that was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_on: Option<Severity>,
    /// Request id by `account/region/product/operation/resource`, for questions to the vendor.
    pub gap_requests: BTreeMap<String, Text<'a>>,
    /// Who was told of what changed, in the order of the configuration; not there where nobody was to be told, and not
    /// in a run that is rendered again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<NotificationV1<'a>>,
}

/// What became of one channel's message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotificationV1<'a> {
    /// `dingtalk`, `feishu`, `slack` or `webhook`.
    pub channel: Text<'a>,
    /// `sent`, `unchanged` (there was nothing to tell), `skipped` or `failed`.
    pub outcome: Text<'a>,
    /// Why nothing was sent that should have been.
    pub error: Option<Text<'a>>,
}

impl<'a> NotificationV1<'a> {
    /// A message that was not sent.
    pub fn failed(channel: &'a str, reason: &'a str) -> Self {
        Self { channel: channel.into(), outcome: "failed".into(), error: Some(reason.into()) }
    }
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallerV1<'a> {
    pub account_id: Text<'a>,
    pub arn: Text<'a>,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SummaryV1 {
    pub endpoints: usize,
    pub exposed: usize,
    pub private: usize,
    pub unknown: usize,
    /// Open ones only: what counts for the verdict.
    pub findings: SeveritiesV1,
    pub waived: usize,
    /// Findings with status `unknown`: something that would decide them could not be read.
    #[serde(default)]
    pub undecided: usize,
    /// Open findings that the baseline run had too, and no worse: they do not count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub baselined: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl SummaryV1 {
    /// Counts endpoints by their exposure.
    pub(super) fn count_endpoints(&mut self, exposures: impl Iterator<Item = Exposure>) {
        (self.endpoints, self.exposed, self.private, self.unknown) = Default::default();
        for exposure in exposures {
            self.endpoints += 1;
            match exposure {
                Exposure::Exposed => self.exposed += 1,
                Exposure::Private => self.private += 1,
                Exposure::Unknown => self.unknown += 1,
            }
        }
    }

    /// Counts findings as every format does: the open ones by severity, the others by status.
    pub(super) fn count(&mut self, findings: &[FindingV1<'_>]) {
        (self.findings, self.waived, self.undecided, self.baselined) = Default::default();
        for FindingV1 { severity, status, baselined, .. } in findings {
            match status {
                FindingStatus::Open if *baselined => self.baselined += 1,
                FindingStatus::Open => self.findings.add(*severity),
                FindingStatus::Waived => self.waived += 1,
                FindingStatus::Unknown => self.undecided += 1,
            }
        }
    }
}

/// Findings by severity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeveritiesV1 {
    pub critical: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    pub info: usize,
}

impl SeveritiesV1 {
    /// The count of one severity.
    pub fn of(&self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    fn add(&mut self, severity: Severity) {
        let count = match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        };
        *count += 1;
    }
}

/// One control-plane entrance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointV1<'a> {
    pub id: Text<'a>,
    pub account_id: Text<'a>,
    pub region_id: Text<'a>,
    pub resource_kind: ResourceKind,
    pub resource_id: Text<'a>,
    pub resource_name: Text<'a>,
    pub kind: EndpointKind,
    pub exposure: Exposure,
    pub signs: List<'a, Sign>,
    pub contradictions: List<'a, String>,
    pub public_address: Option<Text<'a>>,
    pub private_address: Option<Text<'a>>,
    pub eip_id: Option<Text<'a>>,
    pub load_balancer_id: Option<Text<'a>>,
    pub access: Vec<AccessV1<'a>>,
    pub staleness: StalenessV1<'a>,
    /// Ids of what is tagged `portcullis:protect`: the mesh or cluster, its EIP or its balancer.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub protected_by: List<'a, String>,
    /// Who bound the EIP and when; null where no audit trail was read or it does not say.
    pub bound_by: Option<Box<BindingV1<'a>>>,
    /// Access control of the listeners in front, as it was read; not there where it was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerV1<'a>>,
    /// What could not be read and would decide; not part of the file.
    #[serde(skip)]
    pub unread: List<'a, String>,
}

/// The access control of one listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerV1<'a> {
    pub port: u16,
    pub protocol: Text<'a>,
    /// `on` or `off`; null where it was not read.
    pub acl_status: Option<Text<'a>>,
    pub acl_type: Text<'a>,
    pub acl_ids: Vec<Text<'a>>,
}

/// Who can reach one port in one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessV1<'a> {
    pub protocol: Text<'a>,
    pub port: u16,
    pub family: Family,
    pub verdict: PortVerdict,
    pub complete: bool,
    pub untrusted: List<'a, IpNet>,
    pub untrusted_all_gates: List<'a, IpNet>,
    pub witness: Option<IpAddr>,
    pub blame: List<'a, String>,
    pub gates: Vec<GateV1<'a>>,
    /// Rules each of which would let an untrusted source in on its own.
    #[serde(default)]
    pub fix_set: List<'a, String>,
}

/// One filter in front of a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateV1<'a> {
    pub kind: GateKind,
    pub id: Text<'a>,
    pub enforcement: Enforcement,
    pub admits: List<'a, IpNet>,
    pub note: Text<'a>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingV1<'a> {
    pub fingerprint: Text<'a>,
    pub rule_id: Text<'a>,
    pub severity: Severity,
    pub status: FindingStatus,
    pub endpoint_id: Option<Text<'a>>,
    pub account_id: Text<'a>,
    pub region_id: Text<'a>,
    pub resource_kind: ResourceKind,
    pub resource_id: Text<'a>,
    pub message: Text<'a>,
    pub remedy: Text<'a>,
    pub references: List<'a, String>,
    pub controls: List<'a, String>,
    #[serde(with = "optional_seconds")]
    pub first_seen: Option<DateTime<Utc>>,
    pub waiver: Option<Box<WaiverV1<'a>>>,
    /// Where the finding is about something else than an endpoint: the endpoints it concerns, sorted.
    #[serde(default)]
    pub concerns: Vec<Text<'a>>,
    /// Where the finding is about a security group or an ACL: the untrusted sources that it lets through, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<List<'a, IpNet>>,
    /// The baseline run had it too, and no milder: it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub baselined: bool,
    /// The rule's title; not part of the file, empty where a file was read back.
    #[serde(skip)]
    pub title: Text<'a>,
    /// The subject's name; not part of the file.
    #[serde(skip)]
    pub resource_name: Text<'a>,
}

/// The waiver that accepts a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaiverV1<'a> {
    pub reason: Text<'a>,
    pub owner: Text<'a>,
    pub ticket: Option<Text<'a>>,
    pub expires: NaiveDate,
}

impl<'a> From<&'a WaiverNote> for WaiverV1<'a> {
    fn from(waiver: &'a WaiverNote) -> Self {
        Self {
            reason: Text::Borrowed(&waiver.reason),
            owner: Text::Borrowed(&waiver.owner),
            ticket: waiver.ticket.as_deref().map(Text::Borrowed),
            expires: waiver.expires,
        }
    }
}

/// What was planned and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageV1<'a> {
    pub complete: bool,
    pub planned: usize,
    pub scanned: usize,
    pub denied: usize,
    pub failed: usize,
    pub excluded: usize,
    pub not_served: usize,
    pub gaps: Vec<GapV1<'a>>,
}

/// One planned read that did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GapV1<'a> {
    pub account_id: Text<'a>,
    pub region_id: Text<'a>,
    pub product: Text<'a>,
    pub operation: Text<'a>,
    pub resource_id: Text<'a>,
    pub state: UnitState,
    pub code: Text<'a>,
    pub message: Text<'a>,
}

impl<'a> Document<'a> {
    /// The report of a run. Borrows everything it can.
    pub fn of(run: &'a Run) -> Self {
        let concerned = Concerned::of(run);
        let findings = sorted(run.findings.iter().map(|one| finding(one, &concerned)).collect(), |a, b| {
            b.severity.cmp(&a.severity).then_with(|| a.fingerprint.cmp(&b.fingerprint))
        });
        Self {
            schema: Text::Borrowed(SCHEMA),
            run: run_header(run),
            verdict: run.verdict,
            summary: summary(run, &findings),
            endpoints: sorted(run.judgements.endpoints.iter().map(endpoint).collect(), |a, b| a.id.cmp(&b.id)),
            findings,
            coverage: coverage(&run.coverage, run),
        }
    }

    /// True if nothing that was planned is missing and no endpoint or port is unknown.
    pub fn settled(&self) -> bool {
        self.coverage.complete
            && self.summary.unknown == 0
            && !self
                .endpoints
                .iter()
                .flat_map(|endpoint| &endpoint.access)
                .any(|row| row.verdict == PortVerdict::Unknown)
    }
}

fn sorted<T>(mut items: Vec<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
    items.sort_by(order);
    items
}

fn run_header(run: &Run) -> RunV1<'_> {
    let header = &run.header;
    RunV1 {
        id: Text::Borrowed(&header.id),
        started_at: header.started_at,
        finished_at: header.finished_at,
        tool_version: Text::Borrowed(&header.tool_version),
        exit_code: header.exit_code,
        caller: header
            .caller
            .iter()
            .map(|caller| CallerV1 {
                account_id: Text::Borrowed(caller.account_id.as_str()),
                arn: Text::Borrowed(&caller.arn),
            })
            .collect(),
        api_calls: header.api_calls,
        retries: header.retries,
        snapshot_digest: Text::Borrowed(&header.snapshot_digest),
        rules_digest: Text::Borrowed(&header.rules_digest),
        fail_on: header.fail_on,
        gap_requests: run
            .coverage
            .gaps()
            .filter(|gap| !gap.request_id.is_empty())
            .map(|gap| (unit_key(&gap.unit), Text::Borrowed(gap.request_id.as_str())))
            .collect(),
        notifications: Vec::new(),
    }
}

fn unit_key(unit: &Unit) -> String {
    format!("{}/{}/{}/{}/{}", unit.account_id, unit.region_id, unit.product, unit.operation, unit.resource_id)
}

fn summary(run: &Run, findings: &[FindingV1<'_>]) -> SummaryV1 {
    let mut summary = SummaryV1::default();
    summary.count_endpoints(run.judgements.endpoints.iter().map(|endpoint| endpoint.exposure));
    summary.count(findings);
    summary
}

fn endpoint(judgement: &EndpointJudgement) -> EndpointV1<'_> {
    let subject = &judgement.endpoint;
    EndpointV1 {
        id: subject.id().into(),
        account_id: Text::Borrowed(subject.account_id.as_str()),
        region_id: Text::Borrowed(subject.region_id.as_str()),
        resource_kind: subject.resource_kind,
        resource_id: Text::Borrowed(&subject.resource_id),
        resource_name: Text::Borrowed(&judgement.resource_name),
        kind: subject.kind,
        exposure: judgement.exposure,
        protected_by: List::Borrowed(&judgement.protected_by),
        signs: List::Borrowed(&judgement.signs),
        contradictions: List::Borrowed(&judgement.contradictions),
        public_address: judgement.public_address.as_deref().map(Text::Borrowed),
        private_address: judgement.private_address.as_deref().map(Text::Borrowed),
        eip_id: judgement.eip_id.as_ref().map(|id| Text::Borrowed(id.as_str())),
        load_balancer_id: judgement.load_balancer_id.as_ref().map(|id| Text::Borrowed(id.as_str())),
        access: judgement.access.iter().map(access).collect(),
        staleness: StalenessV1::from(&judgement.staleness),
        bound_by: judgement.bound_by.as_ref().map(|binding| Box::new(binding.into())),
        listeners: judgement.changing.listeners.iter().map(listener).collect(),
        unread: List::Borrowed(&judgement.unread),
    }
}

fn listener(setting: &ListenerSetting) -> ListenerV1<'_> {
    ListenerV1 {
        port: setting.port,
        protocol: Text::Borrowed(&setting.protocol),
        acl_status: setting.acl_status.as_deref().map(Text::Borrowed),
        acl_type: Text::Borrowed(&setting.acl_type),
        acl_ids: setting.acl_ids.iter().map(|id| Text::Borrowed(id.as_str())).collect(),
    }
}

fn access(row: &AccessRow) -> AccessV1<'_> {
    AccessV1 {
        protocol: Text::Borrowed(&row.protocol),
        port: row.port,
        family: row.family,
        verdict: row.verdict,
        complete: row.complete,
        untrusted: List::Borrowed(&row.untrusted),
        untrusted_all_gates: List::Borrowed(&row.untrusted_all_gates),
        witness: row.witness,
        blame: List::Borrowed(&row.blame),
        gates: row.gates.iter().map(gate).collect(),
        fix_set: List::Borrowed(&row.fix_set),
    }
}

fn gate(gate: &Gate) -> GateV1<'_> {
    GateV1 {
        kind: gate.kind,
        id: Text::Borrowed(&gate.id),
        enforcement: gate.enforcement,
        admits: List::Borrowed(&gate.admits),
        note: Text::Borrowed(&gate.note),
    }
}

fn finding<'a>(finding: &'a Finding, concerned: &Concerned<'a>) -> FindingV1<'a> {
    let subject = &finding.subject;
    FindingV1 {
        fingerprint: Text::Borrowed(&finding.fingerprint),
        rule_id: Text::Borrowed(&finding.rule_id),
        severity: finding.severity,
        status: finding.status,
        endpoint_id: subject.endpoint_id().map(Text::from),
        account_id: Text::Borrowed(subject.account_id.as_str()),
        region_id: Text::Borrowed(subject.region_id.as_str()),
        resource_kind: subject.resource_kind,
        resource_id: Text::Borrowed(&subject.resource_id),
        message: Text::Borrowed(&finding.message),
        remedy: Text::Borrowed(&finding.remedy),
        references: List::Borrowed(&finding.references),
        controls: List::Borrowed(&finding.controls),
        first_seen: finding.first_seen,
        waiver: finding.waiver.as_ref().map(|waiver| Box::new(waiver.into())),
        concerns: concerned.endpoints(subject),
        untrusted: concerned.untrusted(subject).map(List::Borrowed),
        baselined: finding.baselined,
        title: Text::Borrowed(&finding.title),
        resource_name: Text::Borrowed(&finding.resource_name),
    }
}

fn coverage<'a>(coverage: &Coverage, run: &'a Run) -> CoverageV1<'a> {
    CoverageV1 {
        complete: coverage.complete(),
        planned: coverage.planned(),
        scanned: coverage.count(UnitState::Scanned),
        denied: coverage.count(UnitState::Denied),
        failed: coverage.count(UnitState::Failed),
        excluded: coverage.count(UnitState::Excluded),
        not_served: coverage.count(UnitState::NotServed),
        gaps: run.coverage.gaps().map(gap).collect(),
    }
}

fn gap(gap: &Gap) -> GapV1<'_> {
    GapV1 {
        account_id: Text::Borrowed(gap.unit.account_id.as_str()),
        region_id: Text::Borrowed(gap.unit.region_id.as_str()),
        product: Text::Borrowed(&gap.unit.product),
        operation: Text::Borrowed(&gap.unit.operation),
        resource_id: Text::Borrowed(&gap.unit.resource_id),
        state: gap.state,
        code: Text::Borrowed(&gap.code),
        message: Text::Borrowed(&gap.message),
    }
}

/// `2026-11-22T01:33:06Z`: whole seconds, so that a stored run and its report say the same.
pub(crate) fn time(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

mod seconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::time(at))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }
}

mod optional_seconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_some(&super::time(at)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<DateTime<Utc>>::deserialize(deserializer)
    }
}
