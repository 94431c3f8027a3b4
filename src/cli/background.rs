//! What some formats tell beside the document: the rules' texts, and what moved since the run before. It is looked up only
//! where some output tells it, and a report is written without it rather than not at all.

use std::collections::BTreeMap;

use super::{bundle, output::Target, setup, terminal::Terminal};
use crate::{
    config::Config,
    engine::{Language, RuleSet, RuleText},
    evidence::AllowlistWidth,
    findings::{self, Change, Finding, GATE_RULES, Run},
    model::TrustedEntry,
    report::{self, Allowlist, Background, Gone, RuleTexts, Translation, TrendPoint},
    store::{RunSummary, Store, StoreError},
};

/// For a run of the store: `run` and the one before it, with the rules of the configuration.
pub(super) fn of_run(
    run: &Run,
    store: Option<&dyn Store>,
    config: &Config,
    targets: &[Target],
    terminal: &Terminal,
) -> Background {
    let moved = store.filter(|_| targets.iter().any(|target| target.format.tells_changes()));
    let moved = moved.and_then(|store| match store.before(&run.header.id) {
        Ok(before) => before.map(|before| {
            let is_another = trusted(&before).zip(trusted(run)).is_some_and(|(before, now)| before != now);
            let findings::Moves { changes, gone: lost } = findings::moves(&before, run);
            let lost = lost.into_iter().map(|(change, finding)| gone(change, finding)).collect();
            (changes, lost, is_another)
        }),
        Err(error) => {
            terminal.warning(&format!("what changed since the run before is not told: {error}"));
            None
        }
    });
    let (changes, gone, is_another) =
        moved.map_or_else(Default::default, |(changes, gone, is_another)| (Some(changes), gone, is_another));
    let allowlist = run.header.policy.as_ref().map(|policy| {
        let width = bundle::width(&policy.trusted, run.header.started_at.date_naive());
        let AllowlistWidth { entries, ipv4_addresses, ipv6_addresses, .. } = width;
        Allowlist { entries, ipv4_addresses, ipv6_addresses, is_another }
    });
    let trend = store.filter(|_| targets.iter().any(|target| target.format.tells_trend()));
    let trend = trend.map(|store| trend_to(run, store)).transpose().unwrap_or_else(|error| {
        terminal.warning(&format!("earlier runs are not told of: {error}"));
        None
    });
    let rules = of_rules(Some(config), targets, terminal);
    Background { changes, gone, allowlist, trend: trend.unwrap_or_default(), ..rules }
}

/// The allowlist of a run; nothing where it was not kept, which is no other one.
fn trusted(run: &Run) -> Option<&[TrustedEntry]> {
    run.header.policy.as_ref().map(|policy| policy.trusted.entries.as_slice())
}

fn gone(change: Change, finding: &Finding) -> Gone {
    let subject = &finding.subject;
    let name = if finding.resource_name.is_empty() { &subject.resource_id } else { &finding.resource_name };
    Gone {
        change,
        severity: finding.severity,
        rule_id: finding.rule_id.clone(),
        title: finding.title.to_string(),
        endpoint_id: subject.endpoint_id(),
        region_id: subject.region_id.to_string(),
        name: name.clone(),
    }
}

/// The rules' texts alone: those of the configuration, or the embedded ones.
pub(super) fn of_rules(config: Option<&Config>, targets: &[Target], terminal: &Terminal) -> Background {
    if !targets.iter().any(|target| target.format.tells_rules()) {
        return Background::default();
    }
    let dirs = config.map(|config| config.rules.dirs.as_slice()).unwrap_or_default();
    match setup::rules(dirs) {
        Ok(rules) => Background { rules: texts(&rules), ..Background::default() },
        Err(failure) => {
            terminal.warning(&format!("the rules' own texts are not told: {:#}", failure.error));
            Background::default()
        }
    }
}

/// Runs that a line shows.
const IN_A_LINE: usize = 60;

/// Runs among which those of the same accounts are looked for.
const LOOKED_AT: usize = 1_000;

/// The run and those before it of the same accounts, oldest first.
fn trend_to(run: &Run, store: &dyn Store) -> Result<Vec<TrendPoint>, StoreError> {
    let newest = store.runs(LOOKED_AT)?;
    let Some(this) = newest.iter().position(|one| one.id == run.header.id) else { return Ok(Vec::new()) };
    let accounts = &newest[this].accounts;
    let point = |one: &RunSummary| TrendPoint {
        id: one.id.clone(),
        at: report::time_text(&one.started_at),
        verdict: report::verdict_text(one.verdict),
        open: one.open,
        exposed: one.exposed,
        unknown: one.unknown,
    };
    let mut line: Vec<TrendPoint> =
        newest[this..].iter().filter(|one| one.accounts == *accounts).take(IN_A_LINE).map(point).collect();
    line.reverse();
    Ok(line)
}

fn translation(text: &RuleText) -> Translation {
    Translation {
        title: text.title.to_string(),
        finds: text.finds.clone(),
        why: text.why.clone(),
        remedy: text.remedy.to_string(),
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
            zh: rule.is_translated().then(|| translation(rule.text(Language::Zh))),
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
            zh: None,
        };
        (rule.id.to_owned(), texts)
    });
    of_rules.chain(of_gate).collect()
}
