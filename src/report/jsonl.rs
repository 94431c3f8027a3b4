//! JSON Lines: a header, then one endpoint, finding or gap a line, each with a `type`. For `grep`,
//! `jq` and log pipelines, which want a record where JSON gives a tree.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    json,
    v1::{CoverageV1, Document, EndpointV1, FindingV1, GapV1, RunV1, SummaryV1},
};
use crate::findings::RunVerdict;

/// One line.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Run { schema: &'a str, run: &'a RunV1<'a>, verdict: RunVerdict, summary: &'a SummaryV1, coverage: CoverageV1<'a> },
    Endpoint(&'a EndpointV1<'a>),
    Finding(&'a FindingV1<'a>),
    Gap(&'a GapV1<'a>),
}

/// Writes the document line by line.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counts = CoverageV1 { gaps: Vec::new(), ..document.coverage.clone() };
    json::write_line(
        &Line::Run {
            schema: &document.schema,
            run: &document.run,
            verdict: document.verdict,
            summary: &document.summary,
            coverage: counts,
        },
        out,
    )?;
    json::write_lines(&document.endpoints, Line::Endpoint, out)?;
    json::write_lines(&document.findings, Line::Finding, out)?;
    json::write_lines(&document.coverage.gaps, Line::Gap, out)
}
