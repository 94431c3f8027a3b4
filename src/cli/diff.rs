//! `portcullis diff`: what changed between two runs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use super::{
    args::{DiffArgs, TextOrJson},
    exit::{Exit, OrExit, Outcome, fail},
    output, setup,
    terminal::Terminal,
};
use crate::{
    findings::{self, Change, DiffEntry, FindingStatus, Run},
    model::Severity,
    report::{self, Options, escape_line, escape_message},
};

/// The answer as JSON, `portcullis.diff/v1`.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    old: RunRef<'a>,
    new: RunRef<'a>,
    summary: BTreeMap<&'static str, usize>,
    changes: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct RunRef<'a> {
    id: &'a str,
    started_at: String,
}

#[derive(Serialize)]
struct Line<'a> {
    change: &'static str,
    fingerprint: &'a str,
    rule_id: &'a str,
    severity: Severity,
    before: Option<FindingStatus>,
    after: Option<FindingStatus>,
    account_id: &'a str,
    region_id: &'a str,
    resource_kind: &'static str,
    resource_id: &'a str,
    endpoint_id: Option<String>,
    message: &'a str,
}

pub(crate) fn run(args: &DiffArgs, terminal: &Terminal) -> Outcome {
    let config = setup::config(&args.config, terminal)?;
    let store = setup::kept(&args.store, &config, terminal)?;
    let named = args.old.as_deref().map(|word| setup::stored_run(&*store, word)).transpose()?;
    let new = setup::stored_run(&*store, args.new.as_deref().unwrap_or("latest"))?;
    let old = match named {
        Some(run) => run,
        None => match store.before(&new.header.id).or_exit(Exit::Usage)? {
            Some(run) => run,
            None => {
                return fail(Exit::Usage, "there is no earlier run of the same accounts to compare with: scan again");
            }
        },
    };
    let entries = findings::diff(&old, &new);
    let written = output::to_stdout(|out| match args.format {
        TextOrJson::Json => write_json(&old, &new, &entries, args.all, out),
        TextOrJson::Text => write_text(&old, &new, &entries, args.all, out, terminal),
    });
    written.or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

fn summary(entries: &[DiffEntry]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = Change::ALL.iter().map(|change| (change.as_str(), 0)).collect();
    for entry in entries {
        *counts.entry(entry.change.as_str()).or_default() += 1;
    }
    counts
}

fn shown(entries: &[DiffEntry], all: bool) -> impl Iterator<Item = &DiffEntry> {
    // That something is certain now which was only feared is no change of the finding, and must not be missed.
    let settled =
        |entry: &DiffEntry| (entry.before, entry.after) == (Some(FindingStatus::Unknown), Some(FindingStatus::Open));
    entries.iter().filter(move |entry| all || entry.change != Change::Unchanged || settled(entry))
}

fn write_json(old: &Run, new: &Run, entries: &[DiffEntry], all: bool, out: &mut dyn Write) -> io::Result<()> {
    let answer = Answer {
        schema: "portcullis.diff/v1",
        old: run_ref(old),
        new: run_ref(new),
        summary: summary(entries),
        changes: shown(entries, all).map(line).collect(),
    };
    writeln!(out, "{}", report::json_text(&answer))
}

fn run_ref(run: &Run) -> RunRef<'_> {
    RunRef { id: &run.header.id, started_at: report::time_text(&run.header.started_at) }
}

fn line(entry: &DiffEntry) -> Line<'_> {
    let finding = &entry.finding;
    Line {
        change: entry.change.as_str(),
        fingerprint: &finding.fingerprint,
        rule_id: &finding.rule_id,
        severity: finding.severity,
        before: entry.before,
        after: entry.after,
        account_id: finding.subject.account_id.as_str(),
        region_id: finding.subject.region_id.as_str(),
        resource_kind: finding.subject.resource_kind.as_str(),
        resource_id: &finding.subject.resource_id,
        endpoint_id: finding.subject.endpoint_id(),
        message: &finding.message,
    }
}

fn write_text(
    old: &Run,
    new: &Run,
    entries: &[DiffEntry],
    all: bool,
    out: &mut dyn Write,
    terminal: &Terminal,
) -> io::Result<()> {
    for (word, run) in [("old", old), ("new", new)] {
        writeln!(out, "{word}  {}  {}", escape_line(&run.header.id), report::time_text(&run.header.started_at))?;
    }
    let counts = summary(entries);
    let words: Vec<String> = Change::ALL
        .iter()
        .map(|change| format!("{} {change}", counts[change.as_str()], change = change.as_str()))
        .collect();
    writeln!(out, "{}", words.join(", "))?;
    let rows: Vec<Vec<String>> = shown(entries, all).map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    let header = ["CHANGE", "SEVERITY", "STATUS", "RULE", "ABOUT", "WHAT"];
    write!(out, "\n{}", report::grid(&header, rows, &options))
}

fn row(entry: &DiffEntry) -> Vec<String> {
    let finding = &entry.finding;
    let subject = &finding.subject;
    let word = |status: Option<FindingStatus>| status.map_or("-", FindingStatus::as_str);
    let kind = subject.endpoint_kind.map_or(subject.resource_kind.as_str(), |kind| kind.as_str());
    vec![
        entry.change.as_str().to_owned(),
        finding.severity.to_string(),
        if entry.before == entry.after {
            word(entry.after).to_owned()
        } else {
            format!("{} → {}", word(entry.before), word(entry.after))
        },
        escape_line(&finding.rule_id),
        format!("{}/{} {kind}", escape_line(subject.region_id.as_str()), escape_line(&subject.resource_id)),
        what(&finding.message),
    ]
}

/// The message, which the rule has escaped already, cut to a few lines.
fn what(message: &str) -> String {
    /// Characters that are shown.
    const SHOWN: usize = 240;
    let message = escape_message(message);
    match message.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", message[..end].trim_end()),
        None => message,
    }
}
