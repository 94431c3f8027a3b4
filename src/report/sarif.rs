//! SARIF 2.1.0, for code scanning and everything else that reads it: rules with their help, one result a finding, and a
//! notification for each scope that was not read. Results are written one by one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Write},
};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Background, escape, json,
    subject::{self, Weight},
    table,
    v1::{Document, EndpointV1, FindingV1, GapV1, time},
};
use crate::{
    findings::{Change, FindingStatus},
    model::{Severity, UnitState},
};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the document as one SARIF log with one run.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    json::write_pretty(&Log { document, background }, out)
}

struct Log<'a, 'b> {
    document: &'a Document<'b>,
    background: &'a Background,
}

impl Serialize for Log<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut log = serializer.serialize_map(Some(3))?;
        log.serialize_entry("$schema", SCHEMA)?;
        log.serialize_entry("version", "2.1.0")?;
        log.serialize_entry("runs", &[Run::of(self.document, self.background)])?;
        log.end()
    }
}

/// The only run of the log.
struct Run<'a, 'b> {
    document: &'a Document<'b>,
    background: &'a Background,
    endpoints: HashMap<&'a str, &'a EndpointV1<'b>>,
    /// The ids of all rules, in the order of their descriptors.
    rules: BTreeMap<&'a str, usize>,
    worst: BTreeMap<&'a str, Severity>,
}

impl<'a, 'b> Run<'a, 'b> {
    fn of(document: &'a Document<'b>, background: &'a Background) -> Self {
        let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in &document.findings {
            let seen = worst.entry(&finding.rule_id).or_insert(finding.severity);
            *seen = finding.severity.max(*seen);
        }
        let ids: BTreeSet<&str> = background.rules.keys().map(String::as_str).chain(worst.keys().copied()).collect();
        let rules = ids.into_iter().enumerate().map(|(index, id)| (id, index)).collect();
        Self { document, background, endpoints: subject::endpoints(document), rules, worst }
    }

    fn driver(&self) -> Value {
        json!({
            "name": "Portcullis",
            "semanticVersion": self.document.run.tool_version,
            "rules": self.rules.keys().map(|id| self.rule(id)).collect::<Vec<_>>(),
            "notifications": NOTIFICATIONS.map(|(state, text)| json!({
                "id": notification_id(state),
                "shortDescription": {"text": text},
            })),
        })
    }

    fn rule(&self, id: &str) -> Value {
        let known = self.background.rules.get(id);
        let seen = self.worst.get(id).copied();
        let severity = seen.or(known.map(|rule| rule.severity)).unwrap_or(Severity::Info);
        let mut tags = vec!["security".to_owned()];
        tags.extend(known.iter().flat_map(|rule| rule.controls.iter().cloned()));
        let mut rule = json!({
            "id": id,
            "defaultConfiguration": {"level": level(severity)},
            "properties": {
                "tags": tags,
                "precision": "very-high",
                "problem.severity": level_of_quality(severity),
                "security-severity": security_severity(severity),
            },
        });
        if let Some(known) = known {
            rule["shortDescription"] = message(&escape::paragraph(&known.title));
            rule["fullDescription"] = message(&escape::paragraph(&known.finds));
            let parts = [("Why it matters", &known.why), ("What to do", &known.remedy)];
            let plain = parts.map(|(head, text)| format!("{head}: {}", escape::paragraph(text))).join("\n\n");
            let mut help = message(&plain);
            let code = |text: &str| escape::code_span(&escape::paragraph(text));
            let references = known.references.iter().map(|text| format!("\n- {}", code(text))).collect::<String>();
            let markdown = parts.map(|(head, text)| format!("**{head}**\n\n{}", code(text))).join("\n\n");
            help["markdown"] = bracketed(&format!("{markdown}\n\n**References**\n{references}")).into();
            rule["help"] = help;
        }
        rule
    }

    fn result(&self, finding: &FindingV1<'_>) -> Value {
        let endpoint = finding.endpoint_id.as_deref().and_then(|id| self.endpoints.get(id).copied());
        let undecided = finding.status == FindingStatus::Unknown;
        let path = subject::path(finding, endpoint);
        let uri: Vec<String> = path.iter().map(|part| segment(part)).collect();
        let mut result = json!({
            "ruleId": finding.rule_id,
            "ruleIndex": self.rules.get(&*finding.rule_id),
            // What could not be decided is open, and has no level by section 3.27.10.
            "kind": if undecided { "open" } else { "fail" },
            "level": if undecided { "none" } else { level(finding.severity) },
            "message": message(&escape::paragraph(&finding.message)),
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri.join("/")},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{
                    "name": escape::line(table::finding_name(finding, endpoint)),
                    "fullyQualifiedName": subject::name(finding, endpoint),
                    "kind": "resource",
                }],
            }],
            "partialFingerprints": fingerprints(&finding.fingerprint),
            "suppressions": suppressions(finding),
            "properties": {
                "severity": finding.severity,
                "status": finding.status,
                "counts": Weight::of(finding, self.document.run.fail_on) == Weight::Counts,
                "remedy": finding.remedy,
                "concerns": finding.concerns,
                "controls": finding.controls,
                "firstSeen": finding.first_seen.as_ref().map(time),
            },
        });
        if let Some(change) = self.background.change(&finding.fingerprint) {
            result["baselineState"] = baseline_state(change).into();
        }
        result
    }
}

impl Serialize for Run<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document { run, verdict, .. } = self.document;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tool", &json!({"driver": self.driver()}))?;
        map.serialize_entry("automationDetails", &json!({"id": format!("{}/{}", category(self.document), run.id)}))?;
        map.serialize_entry("invocations", &[Invocation(self.document)])?;
        map.serialize_entry("results", &Results(self))?;
        let digests = json!({
            "verdict": verdict,
            "snapshotDigest": run.snapshot_digest,
            "rulesDigest": run.rules_digest,
        });
        map.serialize_entry("properties", &digests)?;
        map.end()
    }
}

/// What stands before the last slash of a run's id: what runs that replace one another have in common, which is whom they are
/// about. Code scanning drops what an earlier run of the same category found.
fn category(document: &Document<'_>) -> String {
    let mut accounts: BTreeSet<&str> = document.run.caller.iter().map(|caller| &*caller.account_id).collect();
    if accounts.is_empty() {
        accounts = document.endpoints.iter().map(|endpoint| &*endpoint.account_id).collect();
    }
    let named: Vec<String> = accounts.into_iter().map(segment).collect();
    match named.as_slice() {
        [] => "portcullis".to_owned(),
        [one] => format!("portcullis/{one}"),
        several => {
            let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(several.join("\n")));
            format!("portcullis/{}-accounts-{}", several.len(), &digest[..12])
        }
    }
}

struct Results<'r, 'a, 'b>(&'r Run<'a, 'b>);

impl Serialize for Results<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.document.findings.iter().map(|finding| self.0.result(finding)))
    }
}

/// How the reading went. Its notifications are written one by one: there may be as many as reads.
struct Invocation<'a, 'b>(&'a Document<'b>);

impl Serialize for Invocation<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document { run, coverage, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        // A reading with holes did not succeed, whatever it found.
        map.serialize_entry("executionSuccessful", &coverage.complete)?;
        map.serialize_entry("startTimeUtc", &time(&run.started_at))?;
        map.serialize_entry("endTimeUtc", &time(&run.finished_at))?;
        map.serialize_entry("exitCode", &run.exit_code)?;
        map.serialize_entry("toolExecutionNotifications", &Notifications(&coverage.gaps))?;
        map.end()
    }
}

struct Notifications<'a, 'b>(&'a [GapV1<'b>]);

impl Serialize for Notifications<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(notification))
    }
}

/// The descriptors of notifications: a state of a unit, and what it means.
const NOTIFICATIONS: [(UnitState, &str); 4] = [
    (UnitState::Denied, "A planned read was refused: what it would have shown is unknown."),
    (UnitState::Failed, "A planned read failed: what it would have shown is unknown."),
    (UnitState::Excluded, "A read was left out on request."),
    (UnitState::NotServed, "The product does not serve the region."),
];

fn notification_id(state: UnitState) -> String {
    format!("coverage/{}", table::state_word(state))
}

fn notification(gap: &GapV1<'_>) -> Value {
    let lost = matches!(gap.state, UnitState::Denied | UnitState::Failed);
    let scope = [&*gap.account_id, &*gap.region_id, &*gap.resource_id].map(escape::line);
    let scope: Vec<String> = scope.into_iter().filter(|part| !part.is_empty()).collect();
    let call = format!("{}:{}", escape::line(&gap.product), escape::line(&gap.operation));
    let text = format!(
        "{call} of {} is {} ({}): {}",
        scope.join("/"),
        table::state_word(gap.state),
        escape::line(&gap.code),
        escape::paragraph(&gap.message)
    );
    json!({
        "descriptor": {"id": notification_id(gap.state)},
        "level": if lost { "error" } else { "note" },
        "message": message(&text),
        "properties": {
            "accountId": gap.account_id,
            "regionId": gap.region_id,
            "product": gap.product,
            "operation": gap.operation,
            "resourceId": gap.resource_id,
            "code": gap.code,
        },
    })
}

/// A message of this plain text, which is escaped for people already.
fn message(text: &str) -> Value {
    json!({"text": bracketed(text)})
}

/// Braces would be placeholders (section 3.11.5) and brackets links (3.11.6).
fn bracketed(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace('[', "\\[").replace(']', "\\]")
}

/// An empty part of a path would make two slashes of it, or one at its beginning.
fn segment(part: &str) -> String {
    if part.is_empty() { "-".to_owned() } else { escape::path_segment(part) }
}

/// Ours, and the same under the only name that GitHub looks for, so that an alert is recognised after a rule's text or a
/// resource's name has changed.
fn fingerprints(fingerprint: &str) -> Value {
    json!({"portcullis/v1": fingerprint, "primaryLocationLineHash": format!("{fingerprint}:1")})
}

/// The waiver. An empty list says that there is none; without one nobody would know (3.27.23).
fn suppressions(finding: &FindingV1<'_>) -> Value {
    let waiver = finding.waiver.as_ref().filter(|_| finding.status == FindingStatus::Waived);
    let Some(waiver) = waiver else { return json!([]) };
    let ticket = waiver.ticket.as_deref().map(|ticket| format!(", {}", escape::line(ticket))).unwrap_or_default();
    let (reason, owner) = (escape::line(&waiver.reason), escape::line(&waiver.owner));
    let justification = format!("{reason} ({owner}{ticket}, until {})", waiver.expires);
    json!([{"kind": "external", "status": "accepted", "justification": justification}])
}

/// Of a finding that is in this run: one that moved without being new is updated.
fn baseline_state(change: Change) -> &'static str {
    match change {
        Change::New | Change::Reopened => "new",
        Change::Unchanged => "unchanged",
        Change::Unknown | Change::Fixed => "updated",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub's word beside the score.
fn level_of_quality(severity: Severity) -> &'static str {
    match level(severity) {
        "note" => "recommendation",
        level => level,
    }
}

/// A score in the band that GitHub shows under the severity's name: critical above 9.0, high from 7.0, medium from 4.0.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}
