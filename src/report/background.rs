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
    /// This run and those before it of the same accounts, oldest first.
    pub trend: Vec<TrendPoint>,
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
