//! One run: what was concluded and from what. Reports are rendered from it, never from live state.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Finding, Grounds, Policy};
use crate::model::{Caller, Coverage, Judgements, Severity};

/// Pass, fail or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunVerdict {
    Pass,
    Fail,
    Unknown,
}

/// One reply of the cloud that a run rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyDigest {
    pub account_id: String,
    pub region_id: String,
    pub product: String,
    pub operation: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_id: String,
    pub status: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    pub received_at: DateTime<Utc>,
    pub bytes: u64,
    /// Hexadecimal, of the body.
    pub sha256: String,
}

/// The part of a run that differs between two readings of the same cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// UUIDv7: sorts by time.
    pub id: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub tool_version: String,
    pub exit_code: u8,
    pub caller: Vec<Caller>,
    pub api_calls: u64,
    pub retries: u64,
    /// `sha256:…` of the inventory.
    pub snapshot_digest: String,
    /// `sha256:…` of the rules.
    pub rules_digest: String,
    /// The rules that were evaluated and not disabled, those of the gate included: the absence of
    /// any other rule's finding says nothing. Empty in runs that were stored before this was kept.
    #[serde(default)]
    pub rules: BTreeSet<String>,
    /// What the findings rest on besides the cloud. Nothing in runs that were stored before this was kept.
    #[serde(default)]
    pub grounds: Grounds,
    /// The lowest severity that counted. `None` in runs that were stored before this was kept.
    #[serde(default)]
    pub fail_on: Option<Severity>,
    /// What the operator set. `None` in runs that were stored before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// `sha256:…` of the program that read the cloud, where evidence was asked for; of all of them, with commas between,
    /// where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_digest: Option<String>,
    /// By how many milliseconds the cloud's clock was ahead of ours, where evidence was asked for and a reply told the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// The replies that were read, where evidence was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<ReplyDigest>,
    /// True where the reading was cut short by a signal.
    pub interrupted: bool,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub header: RunHeader,
    pub verdict: RunVerdict,
    pub judgements: Judgements,
    /// Sorted: worst first, then by fingerprint.
    pub findings: Vec<Finding>,
    pub coverage: Coverage,
}
