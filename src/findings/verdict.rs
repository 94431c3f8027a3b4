//! Pass, fail or unknown: what a run amounts to, as a pure function of what it holds.

use super::{Finding, FindingStatus, RunVerdict};
use crate::model::{Coverage, Exposure, Judgements, PortVerdict, Severity};

/// What a run that could read something amounts to. Worse ends (nobody may read, a report could
/// not be written, …) are decided by the caller and win over these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: RunVerdict,
    /// True if some finding counts: open, not in the baseline, at or above the threshold.
    pub findings_count: bool,
    /// True if something that would matter was not read.
    pub incomplete: bool,
}

impl Outcome {
    /// 0 clean and complete; 1 findings, complete; 3 incomplete, no finding; 4 findings, incomplete.
    pub fn exit_code(self) -> u8 {
        match (self.findings_count, self.incomplete) {
            (false, false) => 0,
            (true, false) => 1,
            (false, true) => 3,
            (true, true) => 4,
        }
    }
}

/// Judges a run. Nothing silences incompleteness: neither the threshold nor a waiver.
pub fn outcome(findings: &[Finding], coverage: &Coverage, judgements: &Judgements, fail_on: Severity) -> Outcome {
    let findings_count = findings.iter().any(|finding| counts(finding, fail_on));
    let incomplete = !coverage.complete()
        || judgements.endpoints.iter().any(|endpoint| {
            endpoint.exposure == Exposure::Unknown
                || endpoint.access.iter().any(|row| row.verdict == PortVerdict::Unknown)
        })
        || findings.iter().any(|finding| finding.status == FindingStatus::Unknown && !finding.about_coverage);
    let verdict = match (findings_count, incomplete) {
        (true, _) => RunVerdict::Fail,
        (false, true) => RunVerdict::Unknown,
        (false, false) => RunVerdict::Pass,
    };
    Outcome { verdict, findings_count, incomplete }
}

/// True if the finding makes a run fail.
pub fn counts(finding: &Finding, fail_on: Severity) -> bool {
    finding.status == FindingStatus::Open
        && finding.severity >= fail_on
        && !finding.about_coverage
        && !finding.baselined
}
