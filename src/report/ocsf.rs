//! OCSF Compliance Finding (class 2003), one event a line, for a SIEM: fail for what is open, warning for what could not
//! be decided or read, pass for each entrance of which all is known and nothing was found.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Background, json,
    subject::{self, Quiet, Weight},
    table,
    v1::{Document, EndpointV1, FindingV1, GapV1},
    verdict,
};
use crate::{
    findings::{FindingStatus, RunVerdict},
    model::{PortVerdict, Severity, UnitState},
};

/// The version of the schema that events are written after.
const VERSION: &str = "1.9.0";

/// Captions of `compliance.status_id` and its numbers.
const PASS: (u8, &str) = (1, "Pass");
const WARNING: (u8, &str) = (2, "Warning");
const FAIL: (u8, &str) = (3, "Fail");
const OTHER: u8 = 99;

/// Writes the run itself, the findings, the endpoints without any, and the gaps.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    let endpoints = subject::endpoints(document);
    json::write_line(&of_run(document), out)?;
    let of_one = |finding: &FindingV1<'_>| {
        let endpoint = finding.endpoint_id.as_deref().and_then(|id| endpoints.get(id).copied());
        of_finding(document, finding, endpoint, background)
    };
    json::write_lines(&document.findings, of_one, out)?;
    let quiet: Vec<_> = subject::quiet(document).collect();
    json::write_lines(&quiet, |(endpoint, quiet)| of_quiet(document, endpoint, *quiet), out)?;
    json::write_lines(&document.coverage.gaps, |gap| of_gap(document, gap), out)
}

/// What every event has: class, times, product and place.
fn event(document: &Document<'_>, code: &str, uid: &str, place: (&str, &str)) -> Value {
    let run = &document.run;
    let (account, region) = place;
    let mut cloud = json!({"provider": "Alibaba Cloud"});
    if !account.is_empty() {
        cloud["account"] = json!({"uid": account, "type_id": OTHER, "type": "Alibaba Cloud account"});
    }
    if !region.is_empty() {
        cloud["region"] = region.into();
    }
    json!({
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": 200301,
        "type_name": "Compliance Finding: Create",
        "time": milliseconds(&run.finished_at),
        "metadata": {
            "version": VERSION,
            "product": {"name": "Portcullis", "vendor_name": "Portcullis", "version": run.tool_version},
            "profiles": ["cloud"],
            "event_code": code,
            "uid": format!("{}/{uid}", run.id),
            "correlation_uid": run.id,
        },
        "cloud": cloud,
    })
}

/// Milliseconds of whole seconds, which is what the JSON report keeps: a report that is rendered again says the same.
fn milliseconds(at: &DateTime<Utc>) -> i64 {
    at.timestamp() * 1000
}

/// Says that there was a run, and what came of it: an index without events says nothing.
fn of_run(document: &Document<'_>) -> Value {
    let run = &document.run;
    let account = match run.caller.as_slice() {
        [caller] => &*caller.account_id,
        _ => "",
    };
    let mut event = event(document, "run", "run", (account, ""));
    set_severity(&mut event, Severity::Info);
    let text = verdict::sentence(document);
    let verdict = match document.verdict {
        RunVerdict::Pass => PASS,
        RunVerdict::Unknown => WARNING,
        RunVerdict::Fail => FAIL,
    };
    event["message"] = text.clone().into();
    event["finding_info"] = json!({"uid": format!("run:{}", run.id), "title": text});
    event["compliance"] = json!({"status_id": verdict.0, "status": verdict.1, "status_code": document.verdict});
    event["resources"] = json!([resource(&run.id, &run.id, "run", "", None)]);
    event["unmapped"] = json!({"exit_code": run.exit_code, "summary": document.summary});
    event
}

fn of_finding(
    document: &Document<'_>,
    finding: &FindingV1<'_>,
    endpoint: Option<&EndpointV1<'_>>,
    background: &Background,
) -> Value {
    let run = &document.run;
    let title = subject::title(finding, background);
    let ended = milliseconds(&run.finished_at);
    let first = finding.first_seen.as_ref().map_or(ended, milliseconds);
    let place = (&*finding.account_id, &*finding.region_id);
    let mut event = event(document, &finding.rule_id, &finding.fingerprint, place);
    if finding.first_seen.is_some_and(|first| first < run.started_at) {
        event["activity_id"] = 2.into();
        event["activity_name"] = "Update".into();
        event["type_uid"] = 200302.into();
        event["type_name"] = "Compliance Finding: Update".into();
    }
    set_severity(&mut event, finding.severity);
    let waived = finding.status == FindingStatus::Waived;
    set_status(&mut event, if waived { (3, "Suppressed") } else { (1, "New") });
    event["message"] = finding.message.to_string().into();
    event["finding_info"] = json!({
        "uid": finding.fingerprint,
        "title": title,
        "desc": finding.message,
        "created_time": first,
        "first_seen_time": first,
        "last_seen_time": ended,
        "analytic": {"type_id": 1, "type": "Rule", "uid": finding.rule_id, "name": title},
    });
    let verdict = if finding.status == FindingStatus::Unknown { WARNING } else { FAIL };
    let standards = finding.controls.iter().filter_map(|control| control.split_once(':'));
    let mut standards: Vec<&str> = standards.map(|(framework, _)| framework).collect();
    standards.dedup();
    event["compliance"] = json!({
        "status_id": verdict.0,
        "status": verdict.1,
        "status_code": finding.status,
        "status_details": [finding.message],
        "control": finding.rule_id,
        "standards": standards,
        "requirements": finding.controls,
    });
    event["remediation"] = json!({"desc": finding.remedy, "references": finding.references});
    let uid = subject::path(finding, endpoint).join("/");
    let name = table::finding_name(finding, endpoint);
    event["resources"] = json!([resource(&uid, name, finding.resource_kind.as_str(), place.1, endpoint)]);
    let waiver = finding.waiver.as_ref().filter(|_| waived);
    event["unmapped"] = json!({
        "endpoint_id": finding.endpoint_id,
        "concerns": finding.concerns,
        "counts": Weight::of(finding, run.fail_on) == Weight::Counts,
        "baselined": finding.baselined,
        "waiver": waiver,
        "ports": endpoint.map(ports),
    });
    event
}

fn of_quiet(document: &Document<'_>, endpoint: &EndpointV1<'_>, quiet: Quiet) -> Value {
    let place = (&*endpoint.account_id, &*endpoint.region_id);
    let mut event = event(document, "endpoint", &endpoint.id, place);
    set_severity(&mut event, Severity::Info);
    let text = quiet.sentence(endpoint);
    let status = if quiet == Quiet::Passes { PASS } else { WARNING };
    event["message"] = text.clone().into();
    event["finding_info"] = json!({"uid": format!("endpoint:{}", endpoint.id), "title": text});
    event["compliance"] = json!({"status_id": status.0, "status": status.1, "status_code": endpoint.exposure});
    let kind = endpoint.resource_kind.as_str();
    event["resources"] = json!([resource(&endpoint.id, &endpoint.resource_name, kind, place.1, Some(endpoint))]);
    event["unmapped"] = json!({"endpoint_id": endpoint.id, "ports": ports(endpoint)});
    event
}

fn of_gap(document: &Document<'_>, gap: &GapV1<'_>) -> Value {
    let place = (&*gap.account_id, &*gap.region_id);
    let call = format!("{}:{}", gap.product, gap.operation);
    let unit = [place.0, place.1, &gap.product, &gap.operation, &gap.resource_id].join("/");
    let mut event = event(document, "coverage", &unit, place);
    set_severity(&mut event, Severity::Info);
    let state = table::state_word(gap.state);
    let text = format!("{call} is {state} ({}): {}", gap.code, gap.message);
    event["message"] = text.clone().into();
    event["finding_info"] = json!({"uid": format!("coverage:{unit}"), "title": text});
    event["compliance"] = match gap.state {
        UnitState::Denied | UnitState::Failed => {
            json!({"status_id": WARNING.0, "status": WARNING.1, "status_code": state, "status_details": [text]})
        }
        // Nobody wanted it, or there is nothing to read: neither good nor bad.
        _ => json!({"status_id": OTHER, "status": state, "status_code": state, "status_details": [text]}),
    };
    let uid = if gap.resource_id.is_empty() { &unit } else { &*gap.resource_id };
    event["resources"] = json!([resource(uid, uid, "scope", place.1, None)]);
    event
}

fn resource(uid: &str, name: &str, kind: &str, region: &str, endpoint: Option<&EndpointV1<'_>>) -> Value {
    let mut resource = json!({"uid": uid, "name": name, "type": kind, "role_id": 1, "role": "Target"});
    if !region.is_empty() {
        resource["region"] = region.into();
    }
    // The field takes addresses, and a public endpoint may be a name.
    let address = endpoint.and_then(|endpoint| endpoint.public_address.as_deref());
    if let Some(address) = address.and_then(|text| text.parse::<std::net::IpAddr>().ok()) {
        resource["ip"] = address.to_string().into();
    }
    resource
}

/// Which port is open to whom.
fn ports(endpoint: &EndpointV1<'_>) -> Value {
    let port = |row: &super::v1::AccessV1<'_>| {
        let label = table::port_label(row);
        match row.verdict {
            PortVerdict::Restricted => json!({"port": label, "verdict": row.verdict}),
            _ => json!({"port": label, "verdict": row.verdict, "untrusted": row.untrusted, "witness": row.witness}),
        }
    };
    endpoint.access.iter().map(port).collect()
}

fn set_status(event: &mut Value, status: (u8, &str)) {
    event["status_id"] = status.0.into();
    event["status"] = status.1.into();
}

fn set_severity(event: &mut Value, severity: Severity) {
    let (id, caption) = match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    };
    event["severity_id"] = id.into();
    event["severity"] = caption.into();
}
