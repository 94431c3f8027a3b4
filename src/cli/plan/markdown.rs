//! A plan as Markdown, for a change request.

use std::io::{self, Write};

use super::{Page, text::call_in_words};
use crate::{
    remediate::{
        Call, Document, Planned,
        document::{LeftOut, time},
    },
    report::{escape_line, escape_message},
};

pub(super) fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = page.document;
    match document.actions.is_empty() {
        true => writeln!(out, "# Plan\n\n{}", plain(&page.draft.nothing()))?,
        false => head(document, out)?,
    }
    for caution in &page.cautions {
        writeln!(out, "\n> {}", plain(caution))?;
    }
    for (at, planned) in document.actions.iter().enumerate() {
        action(at + 1, planned, out)?;
    }
    left_out(&document.left_out, out)
}

fn head(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let run = &document.run;
    writeln!(out, "# Plan {}\n", code(&document.id))?;
    writeln!(out, "| | |\n|---|---|")?;
    for (label, value) in [
        ("Account", code(document.account.as_str())),
        ("Actions", document.actions.len().to_string()),
        ("From run", format!("{}, read {}", code(&run.id), time(&run.taken_at))),
        ("Valid", format!("{} until {}", time(&document.not_before), time(&document.expires))),
        ("Planner", plain(&document.planner.name)),
        ("Read as", code(&document.planner.arn)),
        ("Ticket", plain(&document.ticket)),
        ("Digest", code(&Document::digest(&document.to_bytes()))),
    ]
    .into_iter()
    .filter(|(label, _)| *label != "Ticket" || !document.ticket.is_empty())
    {
        writeln!(out, "| {label} | {value} |")?;
    }
    Ok(())
}

fn action(number: usize, planned: &Planned, out: &mut dyn Write) -> io::Result<()> {
    let target = &planned.action.target;
    writeln!(out, "\n## {number}. {} {} {}\n", planned.kind, target.judged().kind, plain(&planned.name))?;
    writeln!(out, "- Endpoint: {}", code(&planned.endpoint_id))?;
    writeln!(out, "- Environment: {}", plain(&planned.budget_class))?;
    writeln!(out, "- Canary: {}", if planned.canary { "yes, it soaks alone first" } else { "no" })?;
    writeln!(out, "- Before: {}", plain(&planned.before))?;
    writeln!(out, "- After: {}", plain(&planned.after))?;
    for finding in &planned.findings {
        writeln!(out, "- Ends: {} {}", plain(&finding.rule_id), code(&finding.fingerprint))?;
    }
    writeln!(out, "\n### Proof\n")?;
    for line in &planned.proof.text {
        writeln!(out, "- {}", plain(line))?;
    }
    writeln!(out, "- judgement {}", code(&planned.proof.digest))?;
    writeln!(out, "\n### Calls\n\n| step | call |\n|---|---|")?;
    let steps: [(&str, &[Call]); 4] = [
        ("insure", &planned.calls.prepare),
        ("change", &planned.calls.change),
        ("inverse", &planned.calls.inverse),
        ("clear up", &planned.calls.clear),
    ];
    for (step, calls) in steps {
        for call in calls {
            writeln!(out, "| {step} | {} |", code(&call_in_words(call)))?;
        }
    }
    Ok(())
}

fn left_out(left_out: &[LeftOut], out: &mut dyn Write) -> io::Result<()> {
    if left_out.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Not planned\n\n| endpoint | why | passes once |\n|---|---|---|")?;
    for one in left_out {
        for reason in &one.reasons {
            writeln!(out, "| {} | {} | {} |", code(&one.endpoint_id), plain(&reason.why), plain(&reason.until))?;
        }
    }
    Ok(())
}

/// Running text: what Markdown or HTML would obey is shown instead.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    for letter in escape_message(text).chars() {
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            // Whoever reads it in a chat is nobody who was called.
            '@' => shown.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => shown.extend(['\\', letter]),
            other => shown.push(other),
        }
    }
    // A bare address would become a link.
    shown.replace("://", ":&#47;&#47;")
}

/// Text that is to be copied; a table's bars and code's own marks are shown by other signs.
fn code(text: &str) -> String {
    if text.is_empty() {
        return "–".to_owned();
    }
    format!("`{}`", escape_line(text).replace('`', "'").replace('|', "\\|"))
}
