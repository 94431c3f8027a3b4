//! Writes docs/rules.md: every rule and every fact, from what the program itself uses.

use std::fmt::Write as _;

use super::{
    Language, Rule, RuleSet, SubjectKind,
    facts::{FactTable, PORT_MEMBERS},
};
use crate::findings::GATE_RULES;

impl RuleSet {
    /// The reference of all rules and facts, in Markdown.
    pub fn reference(&self) -> String {
        let mut out = String::from(INTRODUCTION);
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Rules\n\n| rule | subject | severity | finds |\n|---|---|---|---|")?;
        for rule in &self.rules {
            let title = &rule.text(Language::En).title;
            writeln!(out, "| [{0}](#{0}) | {1} | {2} | {title} |", rule.id, rule.subject, severities(rule))?;
        }
        for rule in &GATE_RULES {
            writeln!(out, "| [{0}](#{0}) | waiver | {1} | {2} |", rule.id, rule.severity, rule.title)?;
        }
        for rule in &self.rules {
            write_rule(out, rule)?;
        }
        for rule in &GATE_RULES {
            writeln!(out, "\n### {}\n\n**{}.** Severity {}, about waivers.", rule.id, rule.title, rule.severity)?;
            writeln!(out, "\n{}\n\n*Why it matters.* {}\n\n*What to do.* {}", rule.finds, rule.why, rule.remedy)?;
        }
        writeln!(out, "\n## Facts\n\n{FACTS}")?;
        for subject in SubjectKind::ALL {
            if subject == SubjectKind::Cluster {
                continue;
            }
            let title = match subject {
                SubjectKind::Mesh => "mesh, cluster",
                other => other.as_str(),
            };
            writeln!(out, "\n### Facts about: {title}\n\n| fact | type | meaning |\n|---|---|---|")?;
            for fact in FactTable::of(subject).facts {
                let bounded = if fact.bounded { ", bounded" } else { "" };
                writeln!(out, "| `{}` | {}{bounded} | {} |", fact.name, fact.ty.describe(), fact.doc.trim())?;
            }
        }
        writeln!(out, "\n### Members of a port\n\n| member | type | meaning |\n|---|---|---|")?;
        for (name, ty, doc) in PORT_MEMBERS {
            writeln!(out, "| `{name}` | {} | {doc} |", ty.describe())?;
        }
        Ok(())
    }
}

fn severities(rule: &Rule) -> String {
    let mut words = vec![rule.severity];
    words.extend(rule.severity_cases().map(|(_, severity)| severity));
    words.sort();
    words.dedup();
    let words: Vec<_> = words.iter().rev().map(|severity| severity.as_str()).collect();
    words.join(" or ")
}

fn write_rule(out: &mut String, rule: &Rule) -> std::fmt::Result {
    let text = rule.text(Language::En);
    writeln!(out, "\n### {}\n\n**{}.** Severity {}, about: {}.", rule.id, text.title, severities(rule), rule.subject)?;
    writeln!(out, "\n{}\n\n*Why it matters.* {}\n\n*What to do.* {}", text.finds, text.why, text.remedy)?;
    writeln!(out, "\n```cel\n{}\n```", rule.condition())?;
    for (when, severity) in rule.severity_cases() {
        writeln!(out, "\nSeverity {severity} when `{}`; otherwise the next case, or {}.", when, rule.severity)?;
    }
    if !rule.references.is_empty() {
        writeln!(out, "\nReferences:\n")?;
        for reference in &rule.references {
            writeln!(out, "- {reference}")?;
        }
    }
    if !rule.controls.is_empty() {
        writeln!(out, "\nControls: {}.", rule.controls.join(", "))?;
    }
    let (failing, passing): (Vec<_>, Vec<_>) = rule.examples().iter().partition(|example| example.expected.is_some());
    writeln!(out, "\nFails, for example:\n")?;
    for example in failing {
        writeln!(out, "- {}", example.name)?;
    }
    writeln!(out, "\nPasses, for example:\n")?;
    for example in passing {
        writeln!(out, "- {}", example.name)?;
    }
    Ok(())
}

const INTRODUCTION: &str = "\
# Rules

This page is generated from the rules and facts that the program uses; a test keeps it current.

A rule is one YAML file. Its condition is an expression in the Common Expression Language (CEL) over the facts below. It
is evaluated twice: at the lower end of what could not be read (what is certain) and at the upper end (what is
possible). True at both ends: the finding is `open`. False at both: there is none. Otherwise there is one finding with
status `unknown`, which never counts as a failure and never as clean.

Your own rules go into a folder that `--rules DIR` or `rules.dirs` in the configuration names. `portcullis rules check`
runs the examples of every rule.

";

const FACTS: &str = "\
A fact marked *bounded* has two values where something could not be read; the upper one is the more harmful. Conditions
may use `&&`, `||`, `!`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `+`, `-`, `*`, `/`, `%`, `in`, `? :`, `[…]`, `size`,
`contains`, `startsWith`, `endsWith`, `matches`, `has` and, at most two deep, `all`, `exists`, `exists_one`, `filter` and
`map`. A name, member or word that does not exist is refused when the rule is loaded. An expression has at most 2 KiB,
200 operators, brackets 24 deep and lists of 64 elements.";
