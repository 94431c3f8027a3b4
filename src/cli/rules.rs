//! `portcullis rules`: what is looked for, one rule in full, and whether the rules' own examples
//! come out as written.

use std::io::{self, Write};

use super::{
    args::{RuleSource, RulesArgs, RulesCommand},
    exit::{Exit, OrExit, Outcome, fail},
    output, pack, setup, suggest,
    terminal::Terminal,
};
use crate::{
    engine::{Language, Rule, RuleSet},
    findings::GATE_RULES,
    report::{self, Options, escape_line},
};

pub(crate) fn run(args: &RulesArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        RulesCommand::List(source) => list(source, terminal),
        RulesCommand::Show { id, source } => show(id, source),
        RulesCommand::Check(source) => check(source),
        RulesCommand::Packs { id, lang } => pack::list(id.as_deref(), (*lang).into(), terminal),
    }
}

fn list(source: &RuleSource, terminal: &Terminal) -> Outcome {
    let rules = setup::rules(&source.dirs)?;
    let mut rows: Vec<Vec<String>> = rules
        .rules()
        .map(|rule| {
            vec![
                escape_line(&rule.id),
                severity_words(rule),
                rule.subject.as_str().to_owned(),
                escape_line(&rule.text(Language::En).title),
            ]
        })
        .chain(GATE_RULES.iter().map(|rule| {
            vec![rule.id.to_owned(), rule.severity.to_string(), "waiver".to_owned(), rule.title.to_owned()]
        }))
        .collect();
    rows.sort();
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    let text = report::grid(&["RULE", "SEVERITY", "ABOUT", "TITLE"], rows, &options);
    output::to_stdout(|out| out.write_all(text.as_bytes())).or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

fn severity_words(rule: &Rule) -> String {
    let mut severities: Vec<_> = rule.severity_cases().map(|(_, severity)| severity).collect();
    severities.push(rule.severity);
    severities.sort();
    severities.dedup();
    match (severities.first(), severities.last()) {
        (Some(least), Some(most)) if least != most => format!("{least} to {most}"),
        _ => rule.severity.to_string(),
    }
}

/// There are too many rules to list them in a message.
fn no_rule(rules: &RuleSet, id: &str) -> String {
    let seen = report::escape_capped(id, 80);
    match suggest::nearest(id, rules.ids()) {
        Some(known) => format!("there is no rule `{seen}`; did you mean `{known}`?"),
        None => format!("there is no rule `{seen}`: `portcullis rules list` prints every one"),
    }
}

fn show(id: &str, source: &RuleSource) -> Outcome {
    let rules = setup::rules(&source.dirs)?;
    if let Some(rule) = GATE_RULES.iter().find(|rule| rule.id == id) {
        output::to_stdout(|out| {
            writeln!(out, "{} ({}, about a waiver)\n\n{}\n", rule.id, rule.severity, rule.title)?;
            write_texts(rule.finds, rule.why, rule.remedy, out)
        })
        .or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    }
    let Some(rule) = rules.get(id) else { return fail(Exit::Usage, no_rule(&rules, id)) };
    output::to_stdout(|out| write_rule(rule, out)).or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

fn write_rule(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let text = rule.text(Language::En);
    writeln!(
        out,
        "{} ({}, about {})\n\n{}\n",
        escape_line(&rule.id),
        severity_words(rule),
        rule.subject.as_str(),
        escape_line(&text.title)
    )?;
    write_texts(&text.finds, &text.why, &text.remedy, out)?;
    writeln!(out, "\nCondition\n  {}", indented(rule.condition()))?;
    for (condition, severity) in rule.severity_cases() {
        writeln!(out, "  {severity} when {}", indented(condition))?;
    }
    for (title, items) in [("References", &rule.references), ("Controls", &rule.controls)] {
        if !items.is_empty() {
            writeln!(out, "\n{title}")?;
        }
        for item in items {
            writeln!(out, "  {}", escape_line(item))?;
        }
    }
    writeln!(out, "\nExamples")?;
    for example in rule.examples() {
        let expected = match example.expected {
            None => "no finding".to_owned(),
            Some(status) => format!("{status:?}").to_lowercase(),
        };
        writeln!(out, "  {}: {expected}", escape_line(&example.name))?;
    }
    writeln!(out, "\nFrom {}", escape_line(&rule.path))
}

fn write_texts(finds: &str, why: &str, remedy: &str, out: &mut dyn Write) -> io::Result<()> {
    for (title, text) in [("Finds", finds), ("Why it matters", why), ("What to do", remedy)] {
        writeln!(out, "{title}\n  {}", indented(text))?;
    }
    Ok(())
}

/// The text's own lines, each indented.
fn indented(text: &str) -> String {
    text.trim().lines().map(report::escape_message).collect::<Vec<_>>().join("\n  ")
}

fn check(source: &RuleSource) -> Outcome {
    let rules = setup::rules(&source.dirs)?;
    let report = rules.check();
    if report.failures.is_empty() {
        output::to_stdout(|out| writeln!(out, "{} rules, {} examples: all as written", report.rules, report.examples))
            .or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    }
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    fail(
        Exit::Usage,
        format!(
            "{} of {} examples came out otherwise than written; mend the rule or the example:\n{}",
            report.failures.len(),
            report.examples,
            failures.join("\n")
        ),
    )
}
