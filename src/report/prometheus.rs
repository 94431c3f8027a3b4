//! Prometheus' text format, for a text file collector: one gauge a fact, over the last run only. What alerts are about
//! is always there, zeros included, since an alert on a series that is missing never fires. No label names a resource: how
//! many series there are follows accounts and regions, not what stands in them.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{
    escape,
    table::{state_word, worst},
    v1::{Document, NotificationV1},
};
use crate::{
    findings::{FindingStatus, RunVerdict},
    model::{Exposure, Severity, UnitState},
};

/// One line: labels, and a number.
type Sample = (Vec<(&'static str, String)>, u64);

/// Writes the document's numbers.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_run(document, out)?;
    write_endpoints(document, out)?;
    write_findings(document, out)?;
    write_coverage(document, out)?;
    write_notifications(&document.run.notifications, out)
}

fn write_run(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let run = &document.run;
    let one = |value: u64| vec![(Vec::new(), value)];
    let version = vec![(vec![("version", run.tool_version.to_string())], 1)];
    write_gauge("portcullis_build_info", "The version that made the run.", &version, out)?;
    let seconds = |number: i64| one(u64::try_from(number).unwrap_or(0));
    let ended = seconds(run.finished_at.timestamp());
    write_gauge("portcullis_run_timestamp_seconds", "When the run ended, in Unix time.", &ended, out)?;
    // Of whole seconds, as the JSON report has them, so that a report that is rendered again says the same.
    let took = seconds(run.finished_at.timestamp() - run.started_at.timestamp());
    write_gauge("portcullis_run_duration_seconds", "How long the run took.", &took, out)?;
    let verdicts = [("pass", RunVerdict::Pass), ("fail", RunVerdict::Fail), ("unknown", RunVerdict::Unknown)];
    let verdicts: Vec<Sample> = verdicts
        .into_iter()
        .map(|(word, verdict)| (vec![("verdict", word.to_owned())], u64::from(document.verdict == verdict)))
        .collect();
    write_gauge("portcullis_run_verdict", "1 for the verdict of the run.", &verdicts, out)?;
    let code = one(u64::from(run.exit_code));
    write_gauge("portcullis_run_exit_code", "The exit code of the run.", &code, out)?;
    write_gauge("portcullis_api_calls", "Calls of the cloud's APIs.", &one(run.api_calls), out)?;
    write_gauge("portcullis_api_retries", "Calls that were made again.", &one(run.retries), out)
}

fn write_endpoints(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let exposures = [Exposure::Exposed, Exposure::Private, Exposure::Unknown];
    let counts: Vec<Sample> = exposures
        .into_iter()
        .map(|exposure| {
            let count = document.endpoints.iter().filter(|endpoint| endpoint.exposure == exposure).count();
            (vec![("exposure", exposure.to_string())], number(count))
        })
        .collect();
    write_gauge("portcullis_endpoints", "Control-plane entrances by exposure.", &counts, out)?;
    let by_place = document.endpoints.iter().map(|endpoint| {
        let access = worst(endpoint).map_or_else(String::new, |verdict| verdict.to_string());
        vec![
            ("account_id", endpoint.account_id.to_string()),
            ("region_id", endpoint.region_id.to_string()),
            ("kind", endpoint.kind.to_string()),
            ("exposure", endpoint.exposure.to_string()),
            ("access", access),
        ]
    });
    write_gauge(
        "portcullis_place_endpoints",
        "Control-plane entrances by place, kind, exposure and the worst verdict of their ports.",
        &counted(by_place),
        out,
    )
}

/// The status of an open finding that the baseline has: it is known, and does not count.
const BASELINED: &str = "baselined";

fn write_findings(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let statuses = [FindingStatus::Open, FindingStatus::Unknown, FindingStatus::Waived];
    let mut counts = Vec::new();
    for severity in Severity::WORST_FIRST {
        for status in statuses {
            let count = document
                .findings
                .iter()
                .filter(|finding| finding.severity == severity && finding.status == status && !finding.baselined)
                .count();
            counts.push((vec![("severity", severity.to_string()), ("status", status.to_string())], number(count)));
        }
        let known =
            document.findings.iter().filter(|finding| finding.severity == severity && finding.baselined).count();
        counts.push((vec![("severity", severity.to_string()), ("status", BASELINED.to_owned())], number(known)));
    }
    write_gauge("portcullis_findings", "Findings by severity and status.", &counts, out)?;
    let by_rule = document.findings.iter().map(|finding| {
        vec![
            ("rule_id", finding.rule_id.to_string()),
            ("severity", finding.severity.to_string()),
            ("status", if finding.baselined { BASELINED.to_owned() } else { finding.status.to_string() }),
            ("account_id", finding.account_id.to_string()),
            ("region_id", finding.region_id.to_string()),
        ]
    });
    write_gauge("portcullis_rule_findings", "Findings by rule and place.", &counted(by_rule), out)
}

fn write_coverage(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let coverage = &document.coverage;
    let complete = [(Vec::new(), u64::from(coverage.complete))];
    write_gauge("portcullis_coverage_complete", "1 if everything planned was read.", &complete, out)?;
    let units: Vec<Sample> = [
        (UnitState::Scanned, coverage.scanned),
        (UnitState::Denied, coverage.denied),
        (UnitState::Failed, coverage.failed),
        (UnitState::Excluded, coverage.excluded),
        (UnitState::NotServed, coverage.not_served),
    ]
    .into_iter()
    .map(|(state, count)| (vec![("state", state_word(state).to_owned())], number(count)))
    .collect();
    write_gauge("portcullis_coverage_units", "Planned reads by how they ended.", &units, out)?;
    let gaps = coverage.gaps.iter().map(|gap| {
        vec![
            ("account_id", gap.account_id.to_string()),
            ("region_id", gap.region_id.to_string()),
            ("product", gap.product.to_string()),
            ("operation", gap.operation.to_string()),
            ("state", state_word(gap.state).to_owned()),
            ("code", gap.code.to_string()),
        ]
    });
    write_gauge("portcullis_coverage_gaps", "Planned reads that did not succeed.", &counted(gaps), out)
}

fn write_notifications(notifications: &[NotificationV1<'_>], out: &mut dyn Write) -> io::Result<()> {
    let told = notifications
        .iter()
        .map(|one| vec![("channel", one.channel.to_string()), ("outcome", one.outcome.to_string())]);
    write_gauge("portcullis_notifications", "Channels by what became of their message.", &counted(told), out)
}

/// How often each set of labels comes, in their order.
fn counted(labels: impl Iterator<Item = Vec<(&'static str, String)>>) -> Vec<Sample> {
    let mut counts: BTreeMap<Vec<(&'static str, String)>, u64> = BTreeMap::new();
    for one in labels {
        *counts.entry(one).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// A family: its description, and a line a sample. A family without samples is left out.
fn write_gauge(name: &str, help: &str, samples: &[Sample], out: &mut dyn Write) -> io::Result<()> {
    if samples.is_empty() {
        return Ok(());
    }
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} gauge")?;
    for (labels, value) in samples {
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", label_value(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(out, "{name}{labels} {value}")?;
    }
    Ok(())
}

/// What a terminal would obey is shown instead, and then what the format itself reserves.
fn label_value(text: &str) -> String {
    escape::line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
