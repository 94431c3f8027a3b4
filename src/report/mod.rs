//! Renders a run, one file per format.
//!
//! Every format is rendered from one frozen document ([`v1::Document`]), so that a run just made, a
//! run from the store and a report file read back go through the same code. Every renderer keeps
//! every finding: what goes in comes out, which the tests hold over all formats.
#![deny(clippy::disallowed_methods)]

mod background;
mod csv;
mod csv_endpoints;
mod escape;
pub mod explain;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod ocsf;
mod pack;
mod prometheus;
mod read;
mod sarif;
mod share;
mod style;
mod subject;
mod table;
pub mod v1;
mod verdict;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    str::FromStr,
};

pub use background::{Allowlist, Background, Gone, RuleTexts, Translation, TrendPoint};
pub use pack::{PACK_FORMATS, PackReport, render_pack};
pub use read::{read, read_from};
pub use share::{SHARE_KEY_BYTES, shared};

use crate::{
    findings::{Run, RunVerdict},
    model::UnitState,
    pieces::PieceError,
};

/// What a report can look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people.
    Table,
    /// For people, in a browser: one file that stands by itself.
    Html,
    /// `portcullis.report/v1`, whole.
    Json,
    /// One record a line.
    Jsonl,
    /// For spreadsheets: one row a finding.
    Csv,
    /// For spreadsheets: one row an endpoint and port.
    CsvEndpoints,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// OCSF Compliance Findings, for a SIEM.
    Ocsf,
    /// For pipelines.
    Junit,
    /// For pull requests and tickets.
    Markdown,
    /// For a monitoring system's text file collector.
    Prometheus,
}

impl Format {
    /// Every format, the default one first.
    pub const ALL: [Self; 11] = [
        Self::Table,
        Self::Html,
        Self::Json,
        Self::Jsonl,
        Self::Csv,
        Self::CsvEndpoints,
        Self::Sarif,
        Self::Ocsf,
        Self::Junit,
        Self::Markdown,
        Self::Prometheus,
    ];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Html => "html",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::CsvEndpoints => "csv-endpoints",
            Self::Sarif => "sarif",
            Self::Ocsf => "ocsf",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Prometheus => "prometheus",
        }
    }

    /// True if it tells the rules' own texts where it is given them.
    pub fn tells_rules(self) -> bool {
        matches!(self, Self::Html | Self::Sarif | Self::Ocsf | Self::Junit | Self::Markdown)
    }

    /// True if it tells what moved since the run before where that is known.
    pub fn tells_changes(self) -> bool {
        matches!(self, Self::Html | Self::Sarif | Self::Markdown)
    }

    /// True if it tells of earlier runs where there are any.
    pub fn tells_trend(self) -> bool {
        matches!(self, Self::Html)
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(UnknownFormat)
    }
}

/// The word names no format of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are the formats {}", Format::ALL.map(Format::as_str).join(", "))]
pub struct UnknownFormat;

/// How the table looks. The other formats have one look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal; `None` where there is none: then nothing is wrapped.
    pub width: Option<usize>,
    /// Write ANSI colours.
    pub color: bool,
}

/// Why a text is no report that can be rendered again.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or not of the right shape.
    #[error("it is not a JSON report of portcullis: {0}")]
    NotAReport(PieceError),
    /// Another document, or a version that this program does not know.
    #[error("its schema is `{seen}`, and this version reads `{expected}` only", expected = v1::SCHEMA)]
    Schema { seen: String },
    /// It says that things are better than its own records have them.
    #[error(
        "its verdict is `{said}` with exit code {exit_code}, but its findings, endpoints and coverage come to `{held}`: it was \
         changed after it was written; render the stored run, or scan again"
    )]
    Contradiction { said: &'static str, exit_code: u8, held: &'static str },
    /// The text could not be read.
    #[error("{0}")]
    Unreadable(io::Error),
}

impl From<PieceError> for ReadError {
    fn from(error: PieceError) -> Self {
        match error {
            PieceError::Read(error) => Self::Unreadable(error),
            json @ PieceError::Json { .. } => Self::NotAReport(json),
        }
    }
}

/// Writes the report of a run.
///
/// # Errors
/// Whatever the writer returns.
pub fn render(format: Format, run: &Run, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    render_document(format, &v1::Document::of(run), &Background::default(), out, options)
}

/// Writes a report from its document and what is known beside it.
///
/// # Errors
/// Whatever the writer returns.
pub fn render_document(
    format: Format,
    document: &v1::Document<'_>,
    background: &Background,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(document, out, options),
        Format::Html => html::write(document, background, out),
        Format::Json => json::write(document, out),
        Format::Jsonl => jsonl::write(document, out),
        Format::Csv => csv::write(document, out),
        Format::CsvEndpoints => csv_endpoints::write(document, out),
        Format::Sarif => sarif::write(document, background, out),
        Format::Ocsf => ocsf::write(document, background, out),
        Format::Junit => junit::write(document, background, out),
        Format::Markdown => markdown::write(document, background, out),
        Format::Prometheus => prometheus::write(document, out),
    }
}

/// What the verdict of a run means, in one sentence.
pub fn verdict_sentence(run: &Run) -> String {
    verdict::sentence(&v1::Document::of(run))
}

/// Lays out rows under a header like the tables of reports; cells must have gone through
/// [`escape_line`].
pub fn grid(header: &[&str], rows: Vec<Vec<String>>, options: &Options) -> String {
    table::grid(header, rows, options)
}

/// Text in lines of at most so many columns.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    style::wrapped(text, width.max(style::NARROWEST / 2))
}

/// Text in a style, where colours are wanted.
pub fn painted(text: &str, style: anstyle::Style, options: &Options) -> String {
    style::paint(text, style, options)
}

/// Makes text from outside safe to print on a terminal, on one line.
pub fn escape_line(text: &str) -> String {
    escape::line(text)
}

/// [`escape_line`], cut to `width` columns.
pub fn escape_capped(text: &str, width: usize) -> String {
    escape::capped(text, width)
}

/// Running text of our own with text from outside in it, on one line: what a terminal would obey
/// is shown instead; backslashes stay single, since whoever composed it has escaped already.
pub fn escape_message(text: &str) -> String {
    escape::message(text)
}

/// One JSON value on one line, escaped like the reports.
pub fn json_text(value: &impl serde::Serialize) -> String {
    json::text(value)
}

/// The word of reports for how a read ended.
pub fn state_text(state: UnitState) -> &'static str {
    table::state_word(state)
}

/// What the operator left out of a run, in words; `None` where nothing was.
pub fn left_out(document: &v1::Document<'_>) -> Option<String> {
    verdict::left_out(document)
}

/// The word of reports for a verdict.
pub fn verdict_text(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Pass => "pass",
        RunVerdict::Fail => "fail",
        RunVerdict::Unknown => "unknown",
    }
}

/// A time as in reports: UTC, whole seconds.
pub fn time_text(at: &chrono::DateTime<chrono::Utc>) -> String {
    v1::time(at)
}
