//! What formats call that which a finding is about, and in what way a finding counts.

use std::collections::{BTreeSet, HashMap};

use super::{
    Background, escape,
    v1::{Document, EndpointV1, FindingV1, Text},
};
use crate::{
    findings::{FindingStatus, GATE_RULES},
    model::{Exposure, PortVerdict, Severity},
};

/// The document's endpoints by id.
pub(super) fn endpoints<'a, 'b>(document: &'a Document<'b>) -> HashMap<&'a str, &'a EndpointV1<'b>> {
    document.endpoints.iter().map(|endpoint| (endpoint.id.as_str(), endpoint)).collect()
}

/// `account/region/kind/id` of the subject, and the endpoint's kind behind it: raw, as the cloud has it.
pub(super) fn path<'a>(finding: &'a FindingV1<'_>, endpoint: Option<&EndpointV1<'_>>) -> Vec<&'a str> {
    let kind = endpoint.map(|endpoint| endpoint.kind.as_str());
    let parts = [&*finding.account_id, &*finding.region_id, finding.resource_kind.as_str(), &*finding.resource_id];
    parts.into_iter().chain(kind).collect()
}

/// The subject in one word, harmless.
pub(super) fn name(finding: &FindingV1<'_>, endpoint: Option<&EndpointV1<'_>>) -> String {
    let parts: Vec<&str> = path(finding, endpoint).into_iter().filter(|part| !part.is_empty()).collect();
    escape::line(&parts.join("/"))
}

/// The rule's title: the finding's own, else the rule's, else its id.
pub(super) fn title(finding: &FindingV1<'_>, background: &Background) -> String {
    let known = background.rules.get(&*finding.rule_id).map(|rule| rule.title.as_str());
    let title = if finding.title.is_empty() { known.unwrap_or(&finding.rule_id) } else { &finding.title };
    escape::paragraph(title)
}

/// In what way a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It makes the run fail.
    Counts,
    /// Something that would decide it was not read.
    Undecided,
    /// Accepted until a day.
    Waived,
    /// The run that was compared with had it too.
    Known,
    /// Below the lowest severity that counts, or about waivers, which never count.
    Told,
}

impl Weight {
    pub(super) fn of(finding: &FindingV1<'_>, fail_on: Option<Severity>) -> Self {
        let below = fail_on.is_some_and(|lowest| finding.severity < lowest);
        match finding.status {
            FindingStatus::Waived => Self::Waived,
            FindingStatus::Unknown => Self::Undecided,
            FindingStatus::Open if finding.baselined => Self::Known,
            FindingStatus::Open if below || GATE_RULES.iter().any(|rule| finding.rule_id == rule.id) => Self::Told,
            FindingStatus::Open => Self::Counts,
        }
    }
}

/// What an endpoint says for itself where no finding, of whatever status, is about it or concerns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Everything is known, and nobody gets in who is not trusted.
    Passes,
    /// It is not known whether it is exposed, or to whom.
    Undecided,
    /// It lets others in, and the rules that would say so are not in use.
    Unruled,
}

impl Quiet {
    fn of(endpoint: &EndpointV1<'_>) -> Self {
        let any = |wanted: &[PortVerdict]| endpoint.access.iter().any(|row| wanted.contains(&row.verdict));
        match endpoint.exposure {
            Exposure::Unknown => Self::Undecided,
            Exposure::Exposed if endpoint.access.is_empty() => Self::Undecided,
            _ if any(&[PortVerdict::Open, PortVerdict::Unverified]) => Self::Unruled,
            _ if any(&[PortVerdict::Unknown]) => Self::Undecided,
            _ => Self::Passes,
        }
    }

    /// The case in a sentence.
    pub(super) fn sentence(self, endpoint: &EndpointV1<'_>) -> String {
        let kind = endpoint.kind;
        match self {
            Self::Passes => format!("Nothing was found about {kind}, which is {}.", endpoint.exposure),
            Self::Undecided => format!("It is not known who reaches {kind}, and no rule in use says so."),
            Self::Unruled => format!("{kind} lets in sources that are not trusted, and no rule in use says so."),
        }
    }
}

/// The endpoints that no finding is about or concerns.
pub(super) fn quiet<'a, 'b>(document: &'a Document<'b>) -> impl Iterator<Item = (&'a EndpointV1<'b>, Quiet)> {
    let findings = document.findings.iter();
    let told: BTreeSet<&str> =
        findings.flat_map(|finding| finding.endpoint_id.iter().chain(&finding.concerns)).map(Text::as_str).collect();
    let quiet = document.endpoints.iter().filter(move |endpoint| !told.contains(endpoint.id.as_str()));
    quiet.map(|endpoint| (endpoint, Quiet::of(endpoint)))
}
