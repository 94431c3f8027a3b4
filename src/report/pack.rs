//! A framework's controls, control by control: status, reason and the findings that it rests on.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    Format, Options,
    csv::{io_error, write_row, writer},
    escape, json, table, v1,
};
use crate::findings::{Assessed, ControlStatus, Finding, Language, Pack, Run, acceptance};

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
    language: Language,
    source: &'a str,
    source_pages: Vec<Page<'a>>,
    lists: &'a str,
    leaves_out: &'a str,
    summary: std::collections::BTreeMap<&'static str, usize>,
    controls: Vec<ControlLine<'a>>,
}

#[derive(Serialize)]
struct Page<'a> {
    url: &'a str,
    version: &'a str,
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
    resource_name: &'a str,
    endpoint_id: Option<String>,
    message: &'a str,
    accepted_by: Option<&'a str>,
    accepted_until: Option<String>,
}

/// The words around a pack's own, in one language.
struct Labels {
    lists: &'static str,
    leaves_out: &'static str,
    source: &'static str,
    run: &'static str,
    controls: &'static str,
    /// What is between a label and what it is of.
    colon: &'static str,
    columns: [&'static str; 4],
}

const ENGLISH: Labels = Labels {
    lists: "Lists",
    leaves_out: "Leaves out",
    source: "Source",
    run: "Run",
    controls: "Controls",
    colon: ": ",
    columns: ["STATUS", "CONTROL", "ABOUT", "BECAUSE"],
};

const CHINESE: Labels = Labels {
    lists: "包含",
    leaves_out: "不包含",
    source: "来源",
    run: "扫描",
    controls: "控制项",
    colon: "：",
    columns: ["状态", "控制项", "内容", "依据"],
};

fn labels(language: Language) -> &'static Labels {
    match language {
        Language::En => &ENGLISH,
        Language::Zh => &CHINESE,
    }
}

/// What is told of a pack: the pack with its texts in the language, and what a run says of each of its controls.
pub struct PackReport<'a> {
    pub pack: &'a Pack,
    pub assessed: &'a [Assessed<'a>],
    pub run: &'a Run,
    pub language: Language,
}

/// Writes what a run says of a pack, in one of [`PACK_FORMATS`].
///
/// # Errors
/// Whatever the writer returns, and for any other format.
pub fn render_pack(format: Format, report: &PackReport<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    match format {
        Format::Table => write_table(report, out, options),
        Format::Json => json::write_pretty(&answer(report), out),
        Format::Csv => write_csv(report, out),
        Format::Markdown => write_markdown(report, out),
        other => Err(io::Error::new(io::ErrorKind::Unsupported, format!("no pack is told as {}", other.as_str()))),
    }
}

/// `2 fail, 0 unknown, 3 pass, 4 not-covered`
fn counted(assessed: &[Assessed<'_>]) -> String {
    let count = |status| assessed.iter().filter(|one| one.status == status).count();
    let words = ControlStatus::ALL.map(|status| format!("{} {}", count(status), status.as_str()));
    words.join(", ")
}

fn answer<'a>(report: &PackReport<'a>) -> Answer<'a> {
    let PackReport { pack, assessed, run, language } = *report;
    let count = |status| assessed.iter().filter(|one| one.status == status).count();
    Answer {
        schema: "portcullis.pack/v1",
        run_id: &run.header.id,
        started_at: v1::time(&run.header.started_at),
        pack: &pack.id,
        title: &pack.title,
        edition: &pack.edition,
        language,
        source: pack.source.trim(),
        source_pages: pack.source_pages.iter().map(|page| Page { url: &page.url, version: &page.version }).collect(),
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
        resource_name: &finding.resource_name,
        endpoint_id: subject.endpoint_id(),
        message: &finding.message,
        accepted_by: accepted.map(|waiver| waiver.owner.as_str()),
        accepted_until: accepted.map(|waiver| waiver.expires.to_string()),
    }
}

/// A finding in a line. What comes from outside goes through `outside`, once it is harmless for a terminal.
fn evidence(finding: &Finding, language: Language, outside: impl Fn(&str) -> String) -> String {
    let subject = &finding.subject;
    let whole =
        [subject.account_id.as_str(), subject.region_id.as_str(), subject.resource_kind.as_str(), &subject.resource_id];
    let about = outside(&escape::line(&subject.endpoint_id().unwrap_or_else(|| whole.join("/"))));
    let name = &finding.resource_name;
    let is_named = !name.is_empty() && *name != subject.resource_id;
    let name = if is_named { format!(" {}", outside(&format!("\"{}\"", escape::name(name)))) } else { String::new() };
    let accepted = acceptance(finding).map(|waiver| {
        let (owner, expires) = (outside(&escape::line(&waiver.owner)), waiver.expires);
        match language {
            Language::En => format!(", accepted by {owner} until {expires}"),
            Language::Zh => format!("，由 {owner} 豁免至 {expires}"),
        }
    });
    let accepted = accepted.unwrap_or_default();
    let fingerprint: String = finding.fingerprint.chars().take(15).collect();
    let (rule, fingerprint) = (escape::line(&finding.rule_id), escape::line(&fingerprint));
    let (severity, status) = (finding.severity, finding.status);
    match language {
        Language::En => format!("{severity} {status} {rule} about {about}{name}{accepted} ({fingerprint})"),
        Language::Zh => format!("{severity} {status} {rule} {about}{name}{accepted}（{fingerprint}）"),
    }
}

/// Findings that a table names below a control before the rest is counted.
const NAMED: usize = 5;

/// That so many more findings are not named.
fn and_more(control: &Assessed<'_>, language: Language) -> Option<String> {
    let more = control.findings.len().checked_sub(NAMED).filter(|more| *more > 0)?;
    Some(match language {
        Language::En => format!("and {more} more: `-o json` has all"),
        Language::Zh => format!("另有 {more} 项：`-o json` 列出全部"),
    })
}

/// A text of the pack or of what is made of it, in one line.
fn own(text: &str) -> String {
    escape::paragraph(text)
}

fn write_table(report: &PackReport<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let PackReport { pack, assessed, run, language } = *report;
    let labels = labels(language);
    let colon = labels.colon;
    writeln!(out, "{} {}, {}", escape::line(&pack.id), own(&pack.title), own(&pack.edition))?;
    for (head, text) in [(labels.lists, &pack.lists), (labels.leaves_out, &pack.leaves_out)] {
        writeln!(out, "{head}{colon}{}", own(text))?;
    }
    writeln!(out, "{}{colon}{}", labels.source, own(&pack.source))?;
    for page in &pack.source_pages {
        writeln!(out, "  {} ({})", escape::line(&page.url), own(&page.version))?;
    }
    let (id, started) = (escape::line(&run.header.id), v1::time(&run.header.started_at));
    writeln!(out, "{}{colon}{id} {started}\n{}{colon}{}\n", labels.run, labels.controls, counted(assessed))?;
    let row = |one: &Assessed<'_>| {
        vec![one.status.as_str().to_owned(), escape::line(&one.control.id), own(&one.control.title), own(&one.reason)]
    };
    write!(out, "{}", table::grid(&labels.columns, assessed.iter().map(row).collect(), options))?;
    for one in assessed.iter().filter(|one| !one.findings.is_empty()) {
        writeln!(out, "\n{} {}", one.status.as_str(), escape::line(&one.control.id))?;
        for finding in one.findings.iter().take(NAMED) {
            writeln!(out, "  {}", evidence(finding, language, str::to_owned))?;
        }
        if let Some(more) = and_more(one, language) {
            writeln!(out, "  {more}")?;
        }
    }
    Ok(())
}

fn write_csv(report: &PackReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let pack = report.pack;
    let mut writer = writer(out);
    let columns = ["pack", "edition", "control", "title", "status", "reason", "rules", "findings", "evidence"];
    writer.write_record(columns).map_err(io_error)?;
    for one in report.assessed {
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

/// Only text from outside stands in code spans: a test holds the packs' own texts to have no markup.
fn write_markdown(report: &PackReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let PackReport { pack, assessed, run, language } = *report;
    let labels = labels(language);
    let colon = labels.colon;
    writeln!(out, "## {}, {}\n\n{}\n", own(&pack.title), own(&pack.edition), counted(assessed))?;
    for (head, text) in [(labels.lists, &pack.lists), (labels.leaves_out, &pack.leaves_out)] {
        writeln!(out, "- {head}{colon}{}", own(text))?;
    }
    let pages = pack.source_pages.iter().map(|page| format!("<{}> ({})", page.url, own(&page.version)));
    let pages = pages.collect::<Vec<_>>().join(", ");
    writeln!(out, "- {}{colon}{} {pages}", labels.source, own(&pack.source))?;
    let id = escape::code_span(&escape::line(&run.header.id));
    writeln!(out, "- {}{colon}{id} {}\n", labels.run, v1::time(&run.header.started_at))?;
    writeln!(out, "| {} |\n|---|---|---|---|", labels.columns.map(str::to_lowercase).join(" | "))?;
    for one in assessed {
        let (id, title, reason) = (own(&one.control.id), own(&one.control.title), own(&one.reason));
        writeln!(out, "| {} | {id} | {title} | {reason} |", one.status.as_str())?;
    }
    for one in assessed.iter().filter(|one| !one.findings.is_empty()) {
        writeln!(out, "\n### {}{colon}{}\n", one.status.as_str(), own(&one.control.id))?;
        for finding in one.findings.iter().take(NAMED) {
            writeln!(out, "- {}", evidence(finding, language, escape::code_span))?;
        }
        if let Some(more) = and_more(one, language) {
            writeln!(out, "- {more}")?;
        }
    }
    Ok(())
}
