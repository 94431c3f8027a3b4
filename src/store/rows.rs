//! A run as rows, the same for every back end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::memory::stamp;
use crate::{
    findings::{FindingStatus, Run, WaiverNote},
    model::{EndpointJudgement, PortVerdict, Severity, Unit, UnitState},
};

/// What is kept of a run beside its body. Nothing is in it twice.
pub(super) struct RunRows<'a> {
    pub(super) started_at: DateTime<Utc>,
    pub(super) finished_at: DateTime<Utc>,
    pub(super) verdict: String,
    pub(super) planned: i64,
    pub(super) scanned: i64,
    /// Open findings that are not in the baseline, in the order of [`Severity::WORST_FIRST`].
    pub(super) open: [i64; 5],
    pub(super) waived: i64,
    /// Sorted.
    pub(super) accounts: Vec<&'a str>,
    pub(super) account_set: String,
    pub(super) endpoints: Vec<EndpointRow<'a>>,
    /// Fingerprint, severity, status.
    pub(super) findings: Vec<(&'a str, &'static str, &'static str)>,
    pub(super) gaps: Vec<GapRow<'a>>,
    pub(super) waivers: Vec<(&'a str, &'a WaiverNote)>,
}

pub(super) struct EndpointRow<'a> {
    pub(super) id: String,
    pub(super) judgement: &'a EndpointJudgement,
    pub(super) open: bool,
}

pub(super) struct GapRow<'a> {
    pub(super) unit: &'a Unit,
    pub(super) state: String,
    pub(super) code: &'a str,
}

impl<'a> RunRows<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let waived = run.findings.iter().filter(|finding| finding.status == FindingStatus::Waived);
        let waivers =
            waived.clone().filter_map(|finding| Some((finding.fingerprint.as_str(), finding.waiver.as_ref()?)));
        Self {
            started_at: stamp(run.header.started_at),
            finished_at: stamp(run.header.finished_at),
            verdict: word(&run.verdict),
            planned: number(run.coverage.planned()),
            scanned: number(run.coverage.count(UnitState::Scanned)),
            open: Severity::WORST_FIRST.map(|severity| open(run, severity)),
            waived: number(waived.clone().count()),
            account_set: account_set(run),
            accounts: accounts(run).into_iter().collect(),
            endpoints: endpoints(run),
            findings: findings(run),
            gaps: gaps(run),
            waivers: waivers.collect::<BTreeMap<_, _>>().into_iter().collect(),
        }
    }
}

/// Whose cloud a run is about: of its keys, and of everything that was to be read.
fn accounts(run: &Run) -> BTreeSet<&str> {
    let callers = run.header.caller.iter().map(|caller| caller.account_id.as_str());
    let units = run.coverage.scanned_units().map(|unit| unit.account_id.as_str());
    let unread = run.coverage.gaps().map(|gap| gap.unit.account_id.as_str());
    callers.chain(units).chain(unread).collect()
}

/// The accounts of a run as one word.
pub(super) fn account_set(run: &Run) -> String {
    accounts(run).into_iter().collect::<Vec<_>>().join(",")
}

fn open(run: &Run, severity: Severity) -> i64 {
    let counts = run
        .findings
        .iter()
        .filter(|finding| finding.severity == severity && finding.status == FindingStatus::Open && !finding.baselined);
    number(counts.count())
}

fn endpoints(run: &Run) -> Vec<EndpointRow<'_>> {
    let rows: BTreeMap<String, &EndpointJudgement> =
        run.judgements.endpoints.iter().map(|judgement| (judgement.endpoint.id(), judgement)).collect();
    rows.into_iter()
        .map(|(id, judgement)| EndpointRow {
            id,
            judgement,
            open: judgement.access.iter().any(|row| row.verdict == PortVerdict::Open),
        })
        .collect()
}

fn findings(run: &Run) -> Vec<(&str, &'static str, &'static str)> {
    let rows: BTreeMap<&str, _> = run
        .findings
        .iter()
        .map(|finding| (finding.fingerprint.as_str(), (finding.severity.as_str(), finding.status.as_str())))
        .collect();
    rows.into_iter().map(|(fingerprint, (severity, status))| (fingerprint, severity, status)).collect()
}

fn gaps(run: &Run) -> Vec<GapRow<'_>> {
    let rows: BTreeMap<&Unit, _> = run.coverage.gaps().map(|gap| (&gap.unit, gap)).collect();
    rows.into_iter().map(|(unit, gap)| GapRow { unit, state: word(&gap.state), code: &gap.code }).collect()
}

pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The epoch of a lease or claim; one that none can have is nobody's.
pub(super) fn of_epoch(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(-1)
}

/// The word that an enum has in reports.
fn word<T: Serialize + for<'a> Deserialize<'a>>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum of words serialises as a word, not as {other:?}"),
    }
}

/// The enum that has this word in reports.
pub(super) fn of_word<T: DeserializeOwned>(text: &str) -> Result<T, serde::de::value::Error> {
    T::deserialize(serde::de::value::StrDeserializer::new(text))
}
