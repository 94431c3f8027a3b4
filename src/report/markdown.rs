//! Markdown for a pull request's comment or a ticket: the verdict, the findings worst first, what was not read, and each
//! finding's own words. Never longer than a comment on GitHub may be; what does not fit is counted.
//!
//! Text from outside stands in code spans and code blocks only: there it is no link, no mention and no HTML.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use super::{
    Background, Gone, escape, subject, table,
    v1::{Document, EndpointV1, FindingV1, GapV1, SummaryV1, time},
    verdict, verdict_text,
};
use crate::{findings::FindingStatus, model::Severity};

/// The longest comment that GitHub takes has this many characters, and no more bytes are written.
const LIMIT: usize = 65_536;

/// Bytes up to which each part may fill the comment; what stands behind the parts is short.
const ROWS_UP_TO: usize = 30_000;
const GONE_UP_TO: usize = 34_000;
const GAPS_UP_TO: usize = 42_000;
const DETAILS_UP_TO: usize = 64_000;

/// Columns of an id in a table.
const ID_WIDTH: usize = 140;

/// Columns of a message or remedy among the details.
const TEXT_WIDTH: usize = 4_000;

/// Writes the document as one comment.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { document, background, endpoints: subject::endpoints(document), text: String::new() };
    page.head();
    let shown = page.findings();
    page.gone();
    page.gaps();
    page.details(shown);
    page.foot();
    debug_assert!(page.text.len() <= LIMIT, "{} bytes", page.text.len());
    out.write_all(page.text.as_bytes())
}

struct Page<'a, 'b> {
    document: &'a Document<'b>,
    background: &'a Background,
    endpoints: HashMap<&'a str, &'a EndpointV1<'b>>,
    text: String,
}

impl<'a, 'b> Page<'a, 'b> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Adds a line if it fits; false if it does not.
    fn fits(&mut self, text: &str, up_to: usize) -> bool {
        let fits = self.text.len() + text.len() < up_to;
        if fits {
            self.line(text);
        }
        fits
    }

    fn head(&mut self) {
        let document = self.document;
        let Document { summary, coverage, .. } = document;
        self.line(&format!("## Portcullis: {}\n", verdict_text(document.verdict).to_uppercase()));
        self.line(&escape::code_span(&escape::paragraph(&verdict::sentence(document))));
        self.line("\n| what | how many |\n|---|---|");
        let SummaryV1 { endpoints, exposed, private, unknown, .. } = summary;
        self.line(&format!(
            "| control planes | {endpoints}: {exposed} exposed, {private} private, {unknown} unknown |"
        ));
        self.line(&format!("| findings | {} |", counted(summary)));
        self.line(&format!(
            "| planned reads | {}: {} succeeded, {} denied, {} failed, {} left out, {} not served |",
            coverage.planned,
            coverage.scanned,
            coverage.denied,
            coverage.failed,
            coverage.excluded,
            coverage.not_served
        ));
    }

    fn endpoint(&self, finding: &FindingV1<'_>) -> Option<&'a EndpointV1<'b>> {
        finding.endpoint_id.as_deref().and_then(|id| self.endpoints.get(id).copied())
    }

    /// Returns how many are in the table.
    fn findings(&mut self) -> usize {
        let findings = &self.document.findings;
        if findings.is_empty() {
            self.line("\nNo findings.");
            return 0;
        }
        let since = self.background.changes.is_some();
        self.line("\n### Findings\n");
        self.line(if since {
            "| severity | status | since the run before | rule | about | name |\n|---|---|---|---|---|---|"
        } else {
            "| severity | status | rule | about | name |\n|---|---|---|---|---|"
        });
        let mut shown = 0;
        for finding in findings {
            let row = self.row(finding, since);
            if !self.fits(&row, ROWS_UP_TO) {
                break;
            }
            shown += 1;
        }
        let left_out = &findings[shown..];
        if !left_out.is_empty() {
            let mut summary = SummaryV1::default();
            summary.count(left_out);
            let (count, words) = (left_out.len(), counted(&summary));
            self.line(&format!("\n**{count} more findings did not fit and are not in this table: {words}.**"));
        }
        shown
    }

    fn row(&self, finding: &FindingV1<'_>, since: bool) -> String {
        let endpoint = self.endpoint(finding);
        let change = match self.background.change(&finding.fingerprint) {
            _ if !since => String::new(),
            Some(change) => format!(" {} |", change.as_str()),
            None => " |".to_owned(),
        };
        let name = table::finding_name(finding, endpoint);
        let name = if name.is_empty() { String::new() } else { escape::code_span(&escape::name(name)) };
        format!(
            "| {} | {} |{change} {} | {} | {name} |",
            finding.severity,
            status(finding),
            escape::code_span(&escape::capped(&finding.rule_id, ID_WIDTH)),
            escape::code_span(&escape::shortened(&subject::name(finding, endpoint), ID_WIDTH)),
        )
    }

    /// What the run before had, and this one does not.
    fn gone(&mut self) {
        let gone = &self.background.gone;
        if gone.is_empty() {
            return;
        }
        self.line("\n### Gone since the run before\n\nWhat is fixed, and what is not known any more, since not all was read.\n");
        self.line("| change | severity | rule | where | name |\n|---|---|---|---|---|");
        let shown = gone.iter().take_while(|gone| self.fits(&gone_row(gone), GONE_UP_TO)).count();
        if shown < gone.len() {
            self.line(&format!("\n**{} more that are gone did not fit.**", gone.len() - shown));
        }
    }

    fn gaps(&mut self) {
        let gaps = &self.document.coverage.gaps;
        if gaps.is_empty() {
            return;
        }
        self.line("\n### Not read\n\nWhat was denied or failed is unknown, not clean.\n");
        self.line("| state | code | call | where |\n|---|---|---|---|");
        let shown = gaps.iter().take_while(|gap| self.fits(&gap_row(gap), GAPS_UP_TO)).count();
        if shown < gaps.len() {
            let more = gaps.len() - shown;
            self.line(&format!("\n**{more} more reads that did not succeed did not fit.**"));
        }
    }

    /// Each finding in its own words, as far as they fit: of those in the table.
    fn details(&mut self, in_table: usize) {
        let findings = &self.document.findings;
        if findings.is_empty() {
            return;
        }
        self.line("\n### In detail\n");
        let fitting = findings.iter().take(in_table).take_while(|finding| {
            let detail = self.detail(finding);
            self.fits(&detail, DETAILS_UP_TO)
        });
        let shown = fitting.count();
        if shown < findings.len() {
            let (more, all) = (findings.len() - shown, findings.len());
            self.line(&format!("**{more} of {all} findings are not told in detail here.**"));
        }
    }

    fn detail(&self, finding: &FindingV1<'_>) -> String {
        let endpoint = self.endpoint(finding);
        let title = escape::shortened(&subject::title(finding, self.background), ID_WIDTH);
        let mut lines = vec![
            format!("{} {}: {title}", finding.severity, status(finding)),
            format!("about {}", escape::shortened(&subject::name(finding, endpoint), ID_WIDTH)),
            escape::shortened(&escape::paragraph(&finding.message), TEXT_WIDTH),
            format!("What to do: {}", escape::shortened(&escape::paragraph(&finding.remedy), TEXT_WIDTH)),
        ];
        if let Some(waiver) = finding.waiver.as_ref().filter(|_| finding.status == FindingStatus::Waived) {
            let (reason, owner) = (escape::capped(&waiver.reason, ID_WIDTH), escape::name(&waiver.owner));
            let ticket = waiver.ticket.as_deref().map(|text| format!(", {}", escape::name(text))).unwrap_or_default();
            lines.push(format!("Accepted until {} by {owner}{ticket}: {reason}", waiver.expires));
        }
        lines.push(escape::capped(&finding.fingerprint, ID_WIDTH));
        let text = lines.join("\n");
        let fence = escape::code_fence(&text);
        format!("{fence}text\n{text}\n{fence}\n")
    }

    fn foot(&mut self) {
        let run = &self.document.run;
        let (id, version) = (escape::capped(&run.id, ID_WIDTH), escape::name(&run.tool_version));
        let text = format!("run {id} at {}, portcullis {version}, exit {}", time(&run.started_at), run.exit_code);
        self.line(&format!("\n{}", escape::code_span(&text)));
    }
}

/// `1 critical, 2 high open; 1 undecided; 3 waived`
fn counted(summary: &SummaryV1) -> String {
    let severities = Severity::WORST_FIRST.into_iter().map(|severity| (summary.findings.of(severity), severity));
    let open: Vec<String> =
        severities.filter(|(count, _)| *count > 0).map(|(count, severity)| format!("{count} {severity}")).collect();
    let open = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
    let known = if summary.baselined == 0 { String::new() } else { format!("; {} in the baseline", summary.baselined) };
    format!("{open} open; {} undecided; {} waived{known}", summary.undecided, summary.waived)
}

fn status(finding: &FindingV1<'_>) -> &'static str {
    if finding.baselined { "baselined" } else { finding.status.as_str() }
}

fn gone_row(gone: &Gone) -> String {
    format!(
        "| {} | {} | {} | {} | {} |",
        gone.change.as_str(),
        gone.severity,
        escape::code_span(&escape::capped(&gone.rule_id, ID_WIDTH)),
        escape::code_span(&escape::name(&gone.region_id)),
        escape::code_span(&escape::capped(&gone.name, ID_WIDTH)),
    )
}

fn gap_row(gap: &GapV1<'_>) -> String {
    let place = [&*gap.account_id, &*gap.region_id, &*gap.resource_id];
    let place: Vec<String> = place.into_iter().filter(|part| !part.is_empty()).map(escape::line).collect();
    let call = format!("{}:{}", gap.product, gap.operation);
    format!(
        "| {} | {} | {} | {} |",
        table::state_word(gap.state),
        escape::code_span(&escape::name(&gap.code)),
        escape::code_span(&escape::capped(&call, ID_WIDTH)),
        escape::code_span(&escape::shortened(&place.join("/"), ID_WIDTH)),
    )
}
