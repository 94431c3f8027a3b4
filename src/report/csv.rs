//! CSV after RFC 4180, for spreadsheets: one row a finding, then one row a gap, told apart by the
//! first column, because a sheet without rows must not be what an unread cloud looks like.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use super::{
    escape, table,
    v1::{Document, EndpointV1, FindingV1, GapV1, time},
};

/// Frozen like the JSON report: columns are added at the end, never renamed or removed.
const COLUMNS: [&str; 31] = [
    "record",
    "severity",
    "status",
    "rule_id",
    "title",
    "account_id",
    "region_id",
    "resource_kind",
    "resource_id",
    "resource_name",
    "endpoint_kind",
    "exposure",
    "public_address",
    "ports",
    "untrusted",
    "witness",
    "blame",
    "message",
    "remedy",
    "first_seen",
    "waiver_owner",
    "waiver_reason",
    "waiver_ticket",
    "waiver_expires",
    "fingerprint",
    "staleness",
    "staleness_confidence",
    "staleness_reason",
    "proposed_allowlist",
    "unexpected_clients",
    "baselined",
];

/// Writes the document's findings and gaps.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = writer(out);
    writer.write_record(COLUMNS).map_err(io_error)?;
    let endpoints: HashMap<&str, &EndpointV1<'_>> =
        document.endpoints.iter().map(|endpoint| (endpoint.id.as_str(), endpoint)).collect();
    for finding in &document.findings {
        let endpoint = finding.endpoint_id.as_deref().and_then(|id| endpoints.get(id).copied());
        write_row(&mut writer, finding_row(finding, endpoint))?;
    }
    for gap in &document.coverage.gaps {
        write_row(&mut writer, gap_row(&COLUMNS, "status", gap))?;
    }
    writer.flush()
}

/// A writer of the dialect that spreadsheets read.
pub(super) fn writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out)
}

/// Writes a row whose texts are still as the cloud has them.
pub(super) fn write_row<W: Write, const N: usize>(writer: &mut csv::Writer<W>, row: [String; N]) -> io::Result<()> {
    writer.write_record(row.iter().map(|text| escape::cell(text))).map_err(io_error)
}

pub(super) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn finding_row(finding: &FindingV1<'_>, endpoint: Option<&EndpointV1<'_>>) -> [String; COLUMNS.len()] {
    let rows = endpoint.map_or(&[][..], |endpoint| &endpoint.access);
    let per_row = |text: &dyn Fn(usize) -> Option<String>| -> String {
        (0..rows.len()).filter_map(text).collect::<Vec<_>>().join("; ")
    };
    let label = |row: usize| table::port_label(&rows[row]);
    let waiver = finding.waiver.as_ref();
    let staleness = endpoint.map(|endpoint| &endpoint.staleness);
    [
        "finding".to_owned(),
        finding.severity.to_string(),
        finding.status.to_string(),
        finding.rule_id.to_string(),
        finding.title.to_string(),
        finding.account_id.to_string(),
        finding.region_id.to_string(),
        finding.resource_kind.to_string(),
        finding.resource_id.to_string(),
        table::finding_name(finding, endpoint).to_owned(),
        endpoint.map(|endpoint| endpoint.kind.to_string()).unwrap_or_default(),
        endpoint.map(|endpoint| endpoint.exposure.to_string()).unwrap_or_default(),
        endpoint.and_then(|endpoint| endpoint.public_address.as_deref()).unwrap_or_default().to_owned(),
        per_row(&|row| Some(format!("{} {}", label(row), rows[row].verdict))),
        per_row(&|row| {
            let ranges: Vec<String> = rows[row].untrusted.iter().map(ToString::to_string).collect();
            (!ranges.is_empty()).then(|| format!("{} {}", label(row), ranges.join(" ")))
        }),
        per_row(&|row| rows[row].witness.map(|witness| format!("{} {witness}", label(row)))),
        per_row(&|row| {
            let blame = &rows[row].blame;
            (!blame.is_empty()).then(|| format!("{} {}", label(row), blame.join(" ")))
        }),
        finding.message.to_string(),
        finding.remedy.to_string(),
        finding.first_seen.as_ref().map(time).unwrap_or_default(),
        waiver.map(|waiver| waiver.owner.to_string()).unwrap_or_default(),
        waiver.map(|waiver| waiver.reason.to_string()).unwrap_or_default(),
        waiver.and_then(|waiver| waiver.ticket.as_deref()).unwrap_or_default().to_owned(),
        waiver.map(|waiver| waiver.expires.to_string()).unwrap_or_default(),
        finding.fingerprint.to_string(),
        staleness.map(|staleness| staleness.verdict.to_string()).unwrap_or_default(),
        staleness.map(|staleness| format!("{:.2}", staleness.confidence)).unwrap_or_default(),
        staleness.map(|staleness| staleness.reason.to_string()).unwrap_or_default(),
        staleness.map(|staleness| words(staleness.proposed_allowlist.iter())).unwrap_or_default(),
        staleness
            .map(|staleness| words(staleness.unexpected_clients.iter().map(|client| client.address)))
            .unwrap_or_default(),
        if finding.baselined { "yes" } else { "" }.to_owned(),
    ]
}

pub(super) fn words(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// A row of which only some columns are filled, by their names.
pub(super) fn sparse_row<const N: usize>(columns: &[&str; N], cells: &[(&str, &str)]) -> [String; N] {
    debug_assert!(cells.iter().all(|(name, _)| columns.contains(name)), "a column that the sheet does not have");
    columns.map(|column| {
        let cell = cells.iter().find(|(name, _)| *name == column);
        cell.map(|(_, text)| (*text).to_owned()).unwrap_or_default()
    })
}

/// A gap's row of a sheet, which has a column for how the read ended.
pub(super) fn gap_row<const N: usize>(columns: &[&str; N], ending: &str, gap: &GapV1<'_>) -> [String; N] {
    let message = format!("{}:{} was not read ({}): {}", gap.product, gap.operation, gap.code, gap.message);
    sparse_row(
        columns,
        &[
            ("record", "gap"),
            (ending, table::state_word(gap.state)),
            ("account_id", &gap.account_id),
            ("region_id", &gap.region_id),
            ("resource_id", &gap.resource_id),
            ("message", &message),
        ],
    )
}
