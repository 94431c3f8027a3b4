//! What some formats tell beside the document: the rules' texts, and what moved since the run before. It is looked up only
//! where some output tells it, and a report is written without it rather than not at all.

use std::collections::BTreeMap;

use super::{output::Target, setup, terminal::Terminal};
use crate::{
    config::Config,
    engine::{Language, RuleSet},
    findings::{self, Change, GATE_RULES, Run},
    report::{Background, RuleTexts},
    store::Store,
};

/// For a run of the store: `run` and the one before it, with the rules of the configuration.
pub(super) fn of_run(
    run: &Run,
    store: Option<&dyn Store>,
    config: &Config,
    targets: &[Target],
    terminal: &Terminal,
) -> Background {
    let changes = store.filter(|_| targets.iter().any(|target| target.format.tells_changes()));
    let changes = changes.and_then(|store| match store.before(&run.header.id) {
        Ok(before) => before.map(|before| changes_since(&before, run)),
        Err(error) => {
            terminal.warning(&format!("what changed since the run before is not told: {error}"));
            None
        }
    });
    Background { changes, ..of_rules(Some(config), targets, terminal) }
}

/// The rules' texts alone: those of the configuration, or the embedded ones.
pub(super) fn of_rules(config: Option<&Config>, targets: &[Target], terminal: &Terminal) -> Background {
    if !targets.iter().any(|target| target.format.tells_rules()) {
        return Background::default();
    }
    let dirs = config.map(|config| config.rules.dirs.as_slice()).unwrap_or_default();
    match setup::rules(dirs) {
        Ok(rules) => Background { rules: texts(&rules), changes: None },
        Err(failure) => {
            terminal.warning(&format!("the rules' own texts are not told: {:#}", failure.error));
            Background::default()
        }
    }
}

fn texts(rules: &RuleSet) -> BTreeMap<String, RuleTexts> {
    let of_rules = rules.rules().map(|rule| {
        let text = rule.text(Language::En);
        let texts = RuleTexts {
            title: text.title.to_string(),
            severity: rule.severity,
            finds: text.finds.clone(),
            why: text.why.clone(),
            remedy: text.remedy.to_string(),
            references: rule.references.to_vec(),
            controls: rule.controls.to_vec(),
        };
        (rule.id.clone(), texts)
    });
    let of_gate = GATE_RULES.iter().map(|rule| {
        let texts = RuleTexts {
            title: rule.title.to_owned(),
            severity: rule.severity,
            finds: rule.finds.to_owned(),
            why: rule.why.to_owned(),
            remedy: rule.remedy.to_owned(),
            references: Vec::new(),
            controls: Vec::new(),
        };
        (rule.id.to_owned(), texts)
    });
    of_rules.chain(of_gate).collect()
}

fn changes_since(before: &Run, run: &Run) -> BTreeMap<String, Change> {
    findings::diff(before, run).into_iter().map(|entry| (entry.finding.fingerprint, entry.change)).collect()
}
