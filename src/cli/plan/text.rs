//! A plan as text for a terminal. `approve` shows the same, so that what is signed is what was read.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::Page;
use crate::{
    remediate::{
        Call, Document, Planned,
        document::{LeftOut, time},
    },
    report::{Options, escape_capped, escape_message, painted, wrapped},
};

/// Columns of labels.
const LABEL: usize = 10;

/// Longer identifiers are nobody's.
const ID_WIDTH: usize = 200;

const TITLE: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const CAUTION: Style = AnsiColor::Yellow.on_default();

pub(super) fn write(page: &Page<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let document = page.document;
    let mut sheet = Sheet { out, options };
    if document.actions.is_empty() {
        sheet.paragraph(0, &page.draft.nothing(), CAUTION)?;
    } else {
        sheet.plan(document)?;
    }
    for caution in &page.cautions {
        sheet.paragraph(0, caution, CAUTION)?;
    }
    sheet.left_out(&document.left_out)?;
    if page.draft.means_nothing && !page.draft.possible.is_empty() {
        sheet.title("Could be planned")?;
        for (endpoint, action) in &page.draft.possible {
            sheet.entry(action, &escape_capped(endpoint, ID_WIDTH))?;
        }
    }
    Ok(())
}

/// What is to be signed: everything that is carried out, and what it is signed as.
pub(crate) fn write_document(document: &Document, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    Sheet { out, options }.plan(document)
}

/// Where it goes, and how wide.
struct Sheet<'a> {
    out: &'a mut dyn Write,
    options: &'a Options,
}

impl Sheet<'_> {
    fn plan(&mut self, document: &Document) -> io::Result<()> {
        let count = document.actions.len();
        let actions = if count == 1 { "1 action".to_owned() } else { format!("{count} actions") };
        let account = escape_capped(document.account.as_str(), ID_WIDTH);
        let head = format!("Plan {}: {actions} on account {account}", escape_capped(&document.id, ID_WIDTH));
        writeln!(self.out, "{}", painted(&head, TITLE, self.options))?;
        let run = &document.run;
        let from = format!("run {}, read {}", escape_capped(&run.id, ID_WIDTH), time(&run.taken_at));
        self.entry("From", &from)?;
        self.entry("Valid", &format!("{} until {}", time(&document.not_before), time(&document.expires)))?;
        let planner = &document.planner;
        let arn = if planner.arn.is_empty() {
            String::new()
        } else {
            format!(", read as {}", escape_capped(&planner.arn, ID_WIDTH))
        };
        self.entry("Planner", &format!("{}{arn}", escape_capped(&planner.name, ID_WIDTH)))?;
        if !document.ticket.is_empty() {
            self.entry("Ticket", &escape_capped(&document.ticket, ID_WIDTH))?;
        }
        self.entry("Digest", &Document::digest(&document.to_bytes()))?;
        for (at, planned) in document.actions.iter().enumerate() {
            self.action(at + 1, planned)?;
        }
        writeln!(self.out)
    }

    fn action(&mut self, number: usize, planned: &Planned) -> io::Result<()> {
        let target = &planned.action.target;
        let canary = if planned.canary { ", canary: it soaks alone first" } else { "" };
        let head = format!(
            "{number}. {} {}{} in {} (environment {}{canary})",
            planned.kind,
            target.judged().kind,
            name_of(&planned.name),
            escape_capped(target.region.as_str(), ID_WIDTH),
            escape_capped(&planned.budget_class, 80),
        );
        self.title(&head)?;
        self.entry("Endpoint", &escape_capped(&planned.endpoint_id, ID_WIDTH))?;
        self.entry("Before", &escape_message(&planned.before))?;
        self.entry("After", &escape_message(&planned.after))?;
        for (at, finding) in planned.findings.iter().enumerate() {
            let fingerprint: String = finding.fingerprint.chars().take(19).collect();
            let text = format!("{} ({})", escape_capped(&finding.rule_id, 80), escape_capped(&fingerprint, 80));
            self.entry(if at == 0 { "Ends" } else { "" }, &text)?;
        }
        for (at, line) in planned.proof.text.iter().enumerate() {
            self.entry(if at == 0 { "Proof" } else { "" }, &escape_message(line))?;
        }
        self.entry("", &format!("judgement {}", escape_capped(&planned.proof.digest, 80)))?;
        self.calls("Insure", &planned.calls.prepare)?;
        self.calls("Call", &planned.calls.change)?;
        self.calls("Inverse", &planned.calls.inverse)?;
        self.calls("Clear up", &planned.calls.clear)?;
        self.entry("Intent", &escape_capped(&planned.action.intent, 80))
    }

    fn calls(&mut self, label: &str, calls: &[Call]) -> io::Result<()> {
        for (at, call) in calls.iter().enumerate() {
            self.entry(if at == 0 { label } else { "" }, &call_in_words(call))?;
        }
        Ok(())
    }

    fn left_out(&mut self, left_out: &[LeftOut]) -> io::Result<()> {
        if left_out.is_empty() {
            return Ok(());
        }
        self.title(&format!("Not planned ({})", left_out.len()))?;
        for one in left_out {
            let head = format!("{}{}", escape_capped(&one.endpoint_id, ID_WIDTH), name_of(&one.name));
            writeln!(self.out, "  {head}")?;
            for reason in &one.reasons {
                let text = format!("{}; passes once {}", escape_message(&reason.why), escape_message(&reason.until));
                self.paragraph(4, &text, Style::new())?;
            }
        }
        Ok(())
    }

    fn title(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{}", painted(text, TITLE, self.options))
    }

    fn entry(&mut self, label: &str, text: &str) -> io::Result<()> {
        let margin = 2 + LABEL.max(label.len() + 1);
        let width = self.options.width.map_or(usize::MAX, |width| width.saturating_sub(margin));
        let label = format!("{label:<LABEL$}");
        for (at, line) in wrapped(text, width).iter().enumerate() {
            match at {
                0 => writeln!(self.out, "  {}{line}", painted(&label, FAINT, self.options))?,
                _ => writeln!(self.out, "{}{line}", " ".repeat(margin))?,
            }
        }
        Ok(())
    }

    fn paragraph(&mut self, indent: usize, text: &str, style: Style) -> io::Result<()> {
        let width = self.options.width.map_or(usize::MAX, |width| width.saturating_sub(indent));
        for line in wrapped(text, width) {
            writeln!(self.out, "{}{}", " ".repeat(indent), painted(&line, style, self.options))?;
        }
        Ok(())
    }
}

fn name_of(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" \"{}\"", escape_capped(name, 80)) }
}

/// `servicemesh:ModifyPilotEipResource Operation=UnBindEip ServiceMeshId=c08…`
pub(crate) fn call_in_words(call: &Call) -> String {
    let parameters = call.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
    escape_message(&format!("{}{}", call.operation, parameters.collect::<String>()))
}
