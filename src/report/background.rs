//! What some formats tell beside the document: the texts of the rules, and how findings moved since the run before. A
//! report file holds neither, so a format must do without.

use std::collections::BTreeMap;

use crate::{findings::Change, model::Severity};

/// Everything beside the document.
#[derive(Clone, Debug, Default)]
pub struct Background {
    /// The rules that the program knows, by id.
    pub rules: BTreeMap<String, RuleTexts>,
    /// How each finding moved since the run before, by fingerprint; `None` where there is no run before.
    pub changes: Option<BTreeMap<String, Change>>,
}

/// What a rule says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTexts {
    pub title: String,
    pub severity: Severity,
    pub finds: String,
    pub why: String,
    pub remedy: String,
    pub references: Vec<String>,
    /// `framework:requirement`.
    pub controls: Vec<String>,
}

impl Background {
    /// How a finding moved.
    pub(super) fn change(&self, fingerprint: &str) -> Option<Change> {
        self.changes.as_ref()?.get(fingerprint).copied()
    }
}
