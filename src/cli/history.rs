//! `portcullis history`: the stored runs, or one endpoint or finding over time.

mod upkeep;

use std::io::{self, Write};

use serde::Serialize;

use super::{
    args::{HistoryArgs, TextOrJson},
    exit::{Exit, OrExit, Outcome, fail},
    output, setup,
    terminal::Terminal,
};
use crate::{
    model::Severity,
    report::{self, Options, escape_line, time_text},
    store::{HistoryPoint, RunSummary, Store},
};
use upkeep::Upkeep;

pub(crate) fn run(args: &HistoryArgs, terminal: &Terminal) -> Outcome {
    let config = setup::config(&args.config, terminal)?;
    let store = setup::kept(&args.store, &config, terminal)?;
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    match &args.subject {
        None => runs(&*store, args, &options),
        Some(subject) if subject.starts_with("v1:") => finding(&*store, subject, args.format),
        Some(subject) => endpoint(&*store, subject, args.format, &options),
    }
}

#[derive(Serialize)]
struct RunLine<'a> {
    id: &'a str,
    started_at: String,
    verdict: crate::findings::RunVerdict,
    exit_code: u8,
    complete: bool,
    units_planned: u64,
    units_scanned: u64,
    accounts: &'a [String],
    endpoints: u64,
    exposed: u64,
    open: u64,
    unknown: u64,
    findings: std::collections::BTreeMap<&'static str, u64>,
    waived: u64,
    undecided: u64,
}

fn runs(store: &dyn Store, args: &HistoryArgs, options: &Options) -> Outcome {
    let runs = store.runs(args.limit).or_exit(Exit::Usage)?;
    if runs.is_empty() {
        return fail(Exit::Usage, "no run is stored yet: run `portcullis scan` first");
    }
    let upkeep = Upkeep::read(store)?;
    output::to_stdout(|out| match args.format {
        TextOrJson::Json => {
            runs.iter().try_for_each(|run| writeln!(out, "{}", report::json_text(&run_line(run))))?;
            writeln!(out, "{}", report::json_text(&upkeep.to_json()))
        }
        TextOrJson::Text => {
            write_runs(&runs, out, options)?;
            upkeep.write(out, options)
        }
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

fn run_line(run: &RunSummary) -> RunLine<'_> {
    RunLine {
        id: &run.id,
        started_at: time_text(&run.started_at),
        verdict: run.verdict,
        exit_code: run.exit_code,
        complete: run.complete,
        units_planned: run.planned,
        units_scanned: run.scanned,
        accounts: &run.accounts,
        endpoints: run.endpoints,
        exposed: run.exposed,
        open: run.open,
        unknown: run.unknown,
        findings: Severity::WORST_FIRST
            .iter()
            .zip(run.findings)
            .map(|(severity, count)| (severity.as_str(), count))
            .collect(),
        waived: run.waived,
        undecided: run.undecided,
    }
}

fn write_runs(runs: &[RunSummary], out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let header = [
        "STARTED",
        "RUN",
        "EXIT",
        "COMPLETE",
        "EXPOSED",
        "OPEN",
        "UNKNOWN",
        "CRITICAL",
        "HIGH",
        "MEDIUM",
        "LOW",
        "INFO",
        "UNDECIDED",
        "WAIVED",
        "ACCOUNTS",
    ];
    let rows = runs
        .iter()
        .map(|run| {
            let mut row = vec![
                time_text(&run.started_at),
                escape_line(&run.id),
                run.exit_code.to_string(),
                if run.complete { "yes" } else { "no" }.to_owned(),
                format!("{}/{}", run.exposed, run.endpoints),
                run.open.to_string(),
                run.unknown.to_string(),
            ];
            row.extend(run.findings.iter().map(ToString::to_string));
            row.push(run.undecided.to_string());
            row.push(run.waived.to_string());
            row.push(accounts(&run.accounts));
            row
        })
        .collect();
    write!(out, "{}", report::grid(&header, rows, options))
}

fn accounts(ids: &[String]) -> String {
    match ids {
        [first, second, rest @ ..] if !rest.is_empty() => {
            format!("{}, {} +{}", escape_line(first), escape_line(second), rest.len())
        }
        ids => ids.iter().map(|id| escape_line(id)).collect::<Vec<_>>().join(", "),
    }
}

fn endpoint(store: &dyn Store, subject: &str, format: TextOrJson, options: &Options) -> Outcome {
    let points = store.points(subject).or_exit(Exit::Usage)?;
    if points.is_empty() {
        let seen = report::escape_capped(subject, 80);
        return fail(
            Exit::Usage,
            format!(
                "no stored run knows an endpoint with `{seen}` in its id: give a mesh or cluster id, or a fingerprint"
            ),
        );
    }
    output::to_stdout(|out| match format {
        TextOrJson::Json => points.iter().try_for_each(|point| {
            let line = serde_json::json!({
                "endpoint_id": point.endpoint_id, "run_id": point.run_id, "at": time_text(&point.at),
                "exposure": point.exposure, "open": point.open,
            });
            writeln!(out, "{}", report::json_text(&line))
        }),
        TextOrJson::Text => {
            write!(out, "{}", report::grid(&["ENDPOINT", "FROM", "TO", "RUNS", "STATE"], spans(&points), options))
        }
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

/// Neighbouring points of the same state are one line.
fn spans(points: &[HistoryPoint]) -> Vec<Vec<String>> {
    points
        .chunk_by(|one, next| {
            one.endpoint_id == next.endpoint_id && one.exposure == next.exposure && one.open == next.open
        })
        .filter_map(|span| {
            let (first, last) = (span.first()?, span.last()?);
            let state = if first.open { format!("{}, open", first.exposure) } else { first.exposure.to_string() };
            Some(vec![
                escape_line(&first.endpoint_id),
                time_text(&first.at),
                time_text(&last.at),
                span.len().to_string(),
                state,
            ])
        })
        .collect()
}

fn finding(store: &dyn Store, fingerprint: &str, format: TextOrJson) -> Outcome {
    let Some(memory) = store.memory(fingerprint).or_exit(Exit::Usage)? else {
        return fail(
            Exit::Usage,
            "no stored run has a finding whose fingerprint begins so: copy it from a report or a message",
        );
    };
    let optional = |at: &Option<chrono::DateTime<chrono::Utc>>| at.as_ref().map(time_text);
    output::to_stdout(|out| match format {
        TextOrJson::Json => {
            let line = serde_json::json!({
                "fingerprint": memory.fingerprint, "rule_id": memory.rule_id, "severity": memory.severity,
                "status": memory.status, "first_seen": time_text(&memory.first_seen),
                "last_seen": time_text(&memory.last_seen), "fixed_at": optional(&memory.fixed_at),
                "reopened_at": optional(&memory.reopened_at), "reopenings": memory.reopenings,
            });
            writeln!(out, "{}", report::json_text(&line))
        }
        TextOrJson::Text => {
            writeln!(out, "{} ({}, {})", escape_line(&memory.title), memory.severity, memory.status)?;
            writeln!(out, "rule        {}", escape_line(&memory.rule_id))?;
            writeln!(
                out,
                "about       {}/{}",
                escape_line(memory.subject.region_id.as_str()),
                escape_line(&memory.subject.resource_id)
            )?;
            writeln!(out, "first seen  {}", time_text(&memory.first_seen))?;
            writeln!(out, "last seen   {}", time_text(&memory.last_seen))?;
            if let Some(at) = optional(&memory.reopened_at) {
                writeln!(out, "reopened    {at}")?;
            }
            match optional(&memory.fixed_at) {
                Some(at) => writeln!(out, "fixed       {at}"),
                None => writeln!(out, "fixed       not yet"),
            }
        }
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}
