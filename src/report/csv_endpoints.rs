//! CSV of control-plane entrances: one row an endpoint, port and family, with who gets in and what was found there; then
//! the findings that are about no endpoint, one row each, and the gaps. The first column tells them apart.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
};

use super::{
    csv::{gap_row, io_error, sparse_row, words, write_row, writer},
    v1::{AccessV1, Document, EndpointV1, FindingV1, Text},
};

/// Frozen like the JSON report: columns are added at the end, never renamed or removed.
const COLUMNS: [&str; 31] = [
    "record",
    "account_id",
    "region_id",
    "resource_kind",
    "resource_id",
    "resource_name",
    "endpoint_kind",
    "exposure",
    "signs",
    "public_address",
    "private_address",
    "eip_id",
    "load_balancer_id",
    "protocol",
    "port",
    "family",
    "verdict",
    "complete",
    "untrusted",
    "untrusted_all_gates",
    "witness",
    "blame",
    "gates",
    "staleness",
    "staleness_confidence",
    "staleness_reason",
    "protected_by",
    "bound_by",
    "findings",
    "message",
    "endpoint_id",
];

type Row = [String; COLUMNS.len()];

/// Writes the document's endpoints, port by port.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = writer(out);
    writer.write_record(COLUMNS).map_err(io_error)?;
    let mut about: HashMap<&str, Vec<&FindingV1<'_>>> = HashMap::new();
    for finding in &document.findings {
        for id in finding.endpoint_id.iter().chain(&finding.concerns) {
            about.entry(id).or_default().push(finding);
        }
    }
    for endpoint in &document.endpoints {
        let findings = about.get(endpoint.id.as_str()).map(|found| listed(found)).unwrap_or_default();
        if endpoint.access.is_empty() {
            write_row(&mut writer, endpoint_row(endpoint, None, &findings))?;
        }
        for port in &endpoint.access {
            write_row(&mut writer, endpoint_row(endpoint, Some(port), &findings))?;
        }
    }
    let shown: HashSet<&str> = document.endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
    let has_a_row = |finding: &FindingV1<'_>| {
        finding.endpoint_id.iter().chain(&finding.concerns).any(|id| shown.contains(id.as_str()))
    };
    for finding in document.findings.iter().filter(|finding| !has_a_row(finding)) {
        write_row(&mut writer, finding_row(finding))?;
    }
    for gap in &document.coverage.gaps {
        write_row(&mut writer, gap_row(&COLUMNS, "verdict", gap))?;
    }
    writer.flush()
}

/// `critical open control-plane-open-to-untrusted v1:…; …`: what is about the endpoint or in front of it.
fn listed(findings: &[&FindingV1<'_>]) -> String {
    let words = |one: &&FindingV1<'_>| {
        let status = if one.baselined { "baselined" } else { one.status.as_str() };
        format!("{} {status} {} {}", one.severity, one.rule_id, one.fingerprint)
    };
    findings.iter().map(words).collect::<Vec<_>>().join("; ")
}

fn endpoint_row(endpoint: &EndpointV1<'_>, port: Option<&AccessV1<'_>>, findings: &str) -> Row {
    let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
    let of_port = |text: &dyn Fn(&AccessV1<'_>) -> String| port.map(text).unwrap_or_default();
    let staleness = &endpoint.staleness;
    [
        "endpoint".to_owned(),
        endpoint.account_id.to_string(),
        endpoint.region_id.to_string(),
        endpoint.resource_kind.to_string(),
        endpoint.resource_id.to_string(),
        endpoint.resource_name.to_string(),
        endpoint.kind.to_string(),
        endpoint.exposure.to_string(),
        words(endpoint.signs.iter()),
        text(&endpoint.public_address),
        text(&endpoint.private_address),
        text(&endpoint.eip_id),
        text(&endpoint.load_balancer_id),
        of_port(&|port| port.protocol.to_string()),
        of_port(&|port| port.port.to_string()),
        of_port(&|port| port.family.to_string()),
        of_port(&|port| port.verdict.to_string()),
        of_port(&|port| if port.complete { "yes" } else { "no" }.to_owned()),
        of_port(&|port| words(port.untrusted.iter())),
        of_port(&|port| words(port.untrusted_all_gates.iter())),
        of_port(&|port| port.witness.map(|witness| witness.to_string()).unwrap_or_default()),
        of_port(&|port| words(port.blame.iter())),
        of_port(&|port| {
            let gate = |gate: &super::v1::GateV1<'_>| format!("{} {} {}", gate.enforcement, gate.kind, gate.id);
            port.gates.iter().map(gate).collect::<Vec<_>>().join("; ")
        }),
        staleness.verdict.to_string(),
        format!("{:.2}", staleness.confidence),
        staleness.reason.to_string(),
        words(endpoint.protected_by.iter()),
        endpoint.bound_by.as_ref().map(|binding| binding.user.to_string()).unwrap_or_default(),
        findings.to_owned(),
        String::new(),
        endpoint.id.to_string(),
    ]
}

fn finding_row(finding: &FindingV1<'_>) -> Row {
    sparse_row(
        &COLUMNS,
        &[
            ("record", "finding"),
            ("account_id", &finding.account_id),
            ("region_id", &finding.region_id),
            ("resource_kind", finding.resource_kind.as_str()),
            ("resource_id", &finding.resource_id),
            ("resource_name", &finding.resource_name),
            ("findings", &listed(&[finding])),
            ("message", &finding.message),
            ("endpoint_id", finding.endpoint_id.as_deref().unwrap_or_default()),
        ],
    )
}
