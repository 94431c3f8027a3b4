//! What some formats tell beside the document: the texts of the rules, and how findings moved since the run before. A
//! report file holds neither, so a format must do without.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{findings::Change, model::Severity};

/// Everything beside the document.
#[derive(Clone, Debug, Default)]
pub struct Background {
    /// The rules that the program knows, by id.
    pub rules: BTreeMap<String, RuleTexts>,
    /// How each finding moved since the run before, by fingerprint; `None` where there is no run before.
    pub changes: Option<BTreeMap<String, Change>>,
    /// The findings of the run before that this one does not have: those that are not known first, each worst first.
    pub gone: Vec<Gone>,
    /// What the run was judged by, where that was kept.
    pub allowlist: Option<Allowlist>,
    /// This run and those before it of the same accounts, oldest first.
    pub trend: Vec<TrendPoint>,
}

/// How much the allowlist trusts, and whether the run before had another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowlist {
    /// In force on the day of the run.
    pub entries: usize,
    /// Decimal: there may be more than any number type holds.
    pub ipv4_addresses: String,
    pub ipv6_addresses: String,
    /// True if the run before was judged by another one: then findings moved without anything having changed in the cloud.
    pub is_another: bool,
}

/// A finding of the run before that this one does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Fixed or unknown.
    pub change: Change,
    pub severity: Severity,
    pub rule_id: String,
    pub title: String,
    /// Where it was about an endpoint.
    pub endpoint_id: Option<String>,
    pub region_id: String,
    /// What the resource was called, or its id.
    pub name: String,
}

/// One run in a line of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrendPoint {
    pub id: String,
    /// UTC, whole seconds.
    pub at: String,
    /// `pass`, `fail` or `unknown`.
    pub verdict: &'static str,
    /// Endpoints with a port that is open to untrusted sources.
    pub open: u64,
    pub exposed: u64,
    /// Endpoints whose exposure is not known.
    pub unknown: u64,
}

/// What a rule says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTexts {
    pub title: String,
    pub severity: Severity,
    pub finds: String,
    pub why: String,
    pub remedy: String,
    pub references: Vec<String>,
    /// `framework:requirement`.
    pub controls: Vec<String>,
    /// In Chinese, where the rule has texts in it.
    pub zh: Option<Translation>,
}

/// What a rule says of itself, in another language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Translation {
    pub title: String,
    pub finds: String,
    pub why: String,
    pub remedy: String,
}

impl Background {
    /// How a finding moved.
    pub(super) fn change(&self, fingerprint: &str) -> Option<Change> {
        self.changes.as_ref()?.get(fingerprint).copied()
    }
}
