//! One finding: a rule, a subject, and the words for people.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{AccountId, Endpoint, EndpointKind, RegionId, ResourceKind, Severity, Shared, Text};

/// Whether a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingStatus {
    /// True at both ends of what could not be read.
    Open,
    /// Open, and accepted by a waiver that holds.
    Waived,
    /// True at one end only: counts for exit code 3, never for 1.
    Unknown,
}

impl FindingStatus {
    /// The word of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waived => "waived",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FindingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a finding is about. Everything a fingerprint is made of, besides the rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    pub account_id: AccountId,
    pub region_id: RegionId,
    pub resource_kind: ResourceKind,
    pub resource_id: String,
    /// `None` for findings that are not about an endpoint.
    pub endpoint_kind: Option<EndpointKind>,
}

impl Subject {
    /// The endpoint as what a finding is about.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            account_id: endpoint.account_id.clone(),
            region_id: endpoint.region_id.clone(),
            resource_kind: endpoint.resource_kind,
            resource_id: endpoint.resource_id.clone(),
            endpoint_kind: Some(endpoint.kind),
        }
    }

    /// The endpoint's id, for findings about one.
    pub fn endpoint_id(&self) -> Option<String> {
        self.endpoint_kind.map(|kind| {
            format!("{}/{}/{}/{}/{kind}", self.account_id, self.region_id, self.resource_kind, self.resource_id)
        })
    }
}

/// The waiver that accepts a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverNote {
    pub reason: String,
    pub owner: String,
    pub ticket: Option<String>,
    pub expires: NaiveDate,
}

/// A finding as stored and reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `v1:` and the hex SHA-256 of rule and subject .
    pub fingerprint: String,
    pub rule_id: String,
    pub title: Text,
    pub severity: Severity,
    pub status: FindingStatus,
    #[serde(flatten)]
    pub subject: Subject,
    pub resource_name: String,
    pub message: String,
    /// Facts behind the message, one sentence each: ports, sets, rules to blame.
    pub evidence: Vec<String>,
    pub remedy: Text,
    pub references: Shared<String>,
    pub controls: Shared<String>,
    pub first_seen: Option<DateTime<Utc>>,
    pub waiver: Option<WaiverNote>,
    /// True for findings about coverage or waivers' upkeep that never make a run fail by themselves.
    pub about_coverage: bool,
    /// True if the finding was known and accepted as the starting point: reported, not counted.
    #[serde(default)]
    pub baselined: bool,
    /// True if the starting point had it, and it is worse now than it was there.
    #[serde(default)]
    pub outgrown: bool,
    /// What the gate did, in order: `severity remapped from high to info by configuration`, …
    pub decisions: Vec<String>,
}
