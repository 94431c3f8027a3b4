//! A framework's controls, control by control: status, reason and the findings that it rests on.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    Format, Options,
    csv::{io_error, write_row, writer},
    escape, json, table, v1,
};
use crate::findings::{Assessed, ControlStatus, Finding, Pack, Run, acceptance};

/// The formats that a pack is told in.
pub const PACK_FORMATS: [Format; 4] = [Format::Table, Format::Json, Format::Csv, Format::Markdown];

/// The answer as JSON, `portcullis.pack/v1`.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    run_id: &'a str,
    started_at: String,
    pack: &'a str,
    title: &'a str,
    edition: &'a str,
    source: &'a str,
    lists: &'a str,
    leaves_out: &'a str,
    summary: std::collections::BTreeMap<&'static str, usize>,
    controls: Vec<ControlLine<'a>>,
}

#[derive(Serialize)]
struct ControlLine<'a> {
    id: &'a str,
    title: &'a str,
    status: &'static str,
    reason: &'a str,
    rules: &'a [String],
    not_evaluated: &'a [&'a str],
    findings: Vec<FindingLine<'a>>,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    fingerprint: &'a str,
    rule_id: &'a str,
    severity: crate::model::Severity,
    status: crate::findings::FindingStatus,
    account_id: &'a str,
    region_id: &'a str,
    resource_kind: &'static str,
    resource_id: &'a str,
    endpoint_id: Option<String>,
    message: &'a str,
    accepted_by: Option<&'a str>,
    accepted_until: Option<String>,
}

/// Writes what a run says of a pack, in one of [`PACK_FORMATS`].
///
/// # Errors
/// Whatever the writer returns, and for any other format.
pub fn render_pack(
    format: Format,
    pack: &Pack,
    assessed: &[Assessed<'_>],
    run: &Run,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    match format {
        Format::Table => write_table(pack, assessed, run, out, options),
        Format::Json => json::write_pretty(&answer(pack, assessed, run), out),
        Format::Csv => write_csv(pack, assessed, out),
        Format::Markdown => write_markdown(pack, assessed, run, out),
        other => Err(io::Error::new(io::ErrorKind::Unsupported, format!("no pack is told as {}", other.as_str()))),
    }
}

/// `2 fail, 0 unknown, 3 pass, 4 not-covered`
fn counted(assessed: &[Assessed<'_>]) -> String {
    let count = |status| assessed.iter().filter(|one| one.status == status).count();
    let words = ControlStatus::ALL.map(|status| format!("{} {}", count(status), status.as_str()));
    words.join(", ")
}

fn answer<'a>(pack: &'a Pack, assessed: &'a [Assessed<'a>], run: &'a Run) -> Answer<'a> {
    let count = |status| assessed.iter().filter(|one| one.status == status).count();
    Answer {
        schema: "portcullis.pack/v1",
        run_id: &run.header.id,
        started_at: v1::time(&run.header.started_at),
        pack: &pack.id,
        title: &pack.title,
        edition: &pack.edition,
        source: pack.source.trim(),
        lists: pack.lists.trim(),
        leaves_out: pack.leaves_out.trim(),
        summary: ControlStatus::ALL.iter().map(|status| (status.as_str(), count(*status))).collect(),
        controls: assessed.iter().map(control_line).collect(),
    }
}

fn control_line<'a>(one: &'a Assessed<'a>) -> ControlLine<'a> {
    ControlLine {
        id: &one.control.id,
        title: &one.control.title,
        status: one.status.as_str(),
        reason: &one.reason,
        rules: &one.control.rules,
        not_evaluated: &one.not_evaluated,
        findings: one.findings.iter().map(|finding| finding_line(finding)).collect(),
    }
}

fn finding_line(finding: &Finding) -> FindingLine<'_> {
    let subject = &finding.subject;
    let accepted = acceptance(finding);
    FindingLine {
        fingerprint: &finding.fingerprint,
        rule_id: &finding.rule_id,
        severity: finding.severity,
        status: finding.status,
        account_id: subject.account_id.as_str(),
        region_id: subject.region_id.as_str(),
        resource_kind: subject.resource_kind.as_str(),
        resource_id: &subject.resource_id,
        endpoint_id: subject.endpoint_id(),
        message: &finding.message,
        accepted_by: accepted.map(|waiver| waiver.owner.as_str()),
        accepted_until: accepted.map(|waiver| waiver.expires.to_string()),
    }
}

/// What a finding is, in a line.
fn evidence(finding: &Finding) -> String {
    let subject = &finding.subject;
    let whole =
        [subject.account_id.as_str(), subject.region_id.as_str(), subject.resource_kind.as_str(), &subject.resource_id];
    let about = subject.endpoint_id().unwrap_or_else(|| whole.join("/"));
    let accepted = acceptance(finding).map(|waiver| format!(", accepted by {} until {}", waiver.owner, waiver.expires));
    let accepted = escape::line(&accepted.unwrap_or_default());
    let named = if finding.resource_name.is_empty() { String::new() } else { format!("{} ", finding.resource_name) };
    let (rule, about) = (escape::line(&finding.rule_id), escape::line(&format!("{named}{about}")));
    let fingerprint: String = finding.fingerprint.chars().take(15).collect();
    format!("{} {} {rule} about {about}{accepted} ({})", finding.severity, finding.status, escape::line(&fingerprint))
}

/// Findings that a table names below a control before the rest is counted.
const NAMED: usize = 5;

fn write_table(
    pack: &Pack,
    assessed: &[Assessed<'_>],
    run: &Run,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    writeln!(out, "{} {}, {}", escape::line(&pack.id), escape::line(&pack.title), escape::line(&pack.edition))?;
    for (head, text) in [("Lists", &pack.lists), ("Leaves out", &pack.leaves_out), ("Source", &pack.source)] {
        writeln!(out, "{head}: {}", escape::paragraph(text))?;
    }
    let started = v1::time(&run.header.started_at);
    writeln!(out, "Run: {} at {started}\nControls: {}\n", escape::line(&run.header.id), counted(assessed))?;
    let rows = assessed
        .iter()
        .map(|one| {
            vec![
                one.status.as_str().to_owned(),
                escape::line(&one.control.id),
                escape::paragraph(&one.control.title),
                escape::paragraph(&one.reason),
            ]
        })
        .collect();
    write!(out, "{}", table::grid(&["STATUS", "CONTROL", "ABOUT", "BECAUSE"], rows, options))?;
    for one in assessed.iter().filter(|one| !one.findings.is_empty()) {
        writeln!(out, "\n{} {}", one.status.as_str(), escape::line(&one.control.id))?;
        for finding in one.findings.iter().take(NAMED) {
            writeln!(out, "  {}", evidence(finding))?;
        }
        if one.findings.len() > NAMED {
            writeln!(out, "  and {} more: `-o json` has all", one.findings.len() - NAMED)?;
        }
    }
    Ok(())
}

fn write_csv(pack: &Pack, assessed: &[Assessed<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = writer(out);
    let columns = ["pack", "edition", "control", "title", "status", "reason", "rules", "findings", "evidence"];
    writer.write_record(columns).map_err(io_error)?;
    for one in assessed {
        let evidence: Vec<String> = one.findings.iter().map(|finding| finding.fingerprint.clone()).collect();
        let row = [
            pack.id.clone(),
            pack.edition.clone(),
            one.control.id.clone(),
            one.control.title.clone(),
            one.status.as_str().to_owned(),
            one.reason.clone(),
            one.control.rules.join(" "),
            one.findings.len().to_string(),
            evidence.join(" "),
        ];
        write_row(&mut writer, row)?;
    }
    writer.flush()
}

fn write_markdown(pack: &Pack, assessed: &[Assessed<'_>], run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let code = |text: &str| escape::code_span(&escape::paragraph(text));
    writeln!(out, "## {}\n\n{}\n", code(&format!("{} {}", pack.title, pack.edition)), counted(assessed))?;
    writeln!(out, "- lists: {}\n- leaves out: {}", code(&pack.lists), code(&pack.leaves_out))?;
    writeln!(out, "- source: {}", code(&pack.source))?;
    writeln!(out, "- run: {}\n", code(&format!("{} at {}", run.header.id, v1::time(&run.header.started_at))))?;
    writeln!(out, "| status | control | about | because |\n|---|---|---|---|")?;
    for one in assessed {
        let (id, title) = (code(&one.control.id), code(&one.control.title));
        writeln!(out, "| {} | {id} | {title} | {} |", one.status.as_str(), code(&one.reason))?;
    }
    for one in assessed.iter().filter(|one| !one.findings.is_empty()) {
        writeln!(out, "\n### {}: {}\n", one.status.as_str(), code(&one.control.id))?;
        for finding in one.findings.iter().take(NAMED) {
            writeln!(out, "- {}", escape::code_span(&evidence(finding)))?;
        }
        if one.findings.len() > NAMED {
            writeln!(out, "- and {} more", one.findings.len() - NAMED)?;
        }
    }
    Ok(())
}
