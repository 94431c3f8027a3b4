//! JUnit XML, for pipelines: one suite a rule and one case a finding (failure, error where it is not known, skipped where
//! it does not count), one suite of endpoints without a finding, and one of what was not read.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{
    Background, escape,
    subject::{self, Quiet, Weight},
    table,
    v1::{Document, EndpointV1, FindingV1, GapV1, time},
};
use crate::model::UnitState;

/// What became of a case.
enum Ending {
    Passed,
    Failure { kind: String, message: String, text: String },
    Error { kind: String, message: String, text: String },
    Skipped { message: String },
}

struct Case {
    class: String,
    name: String,
    ending: Ending,
}

/// How the cases of a suite, or of all, ended.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn add(&mut self, ending: &Ending) {
        self.tests += 1;
        match ending {
            Ending::Passed => {}
            Ending::Failure { .. } => self.failures += 1,
            Ending::Error { .. } => self.errors += 1,
            Ending::Skipped { .. } => self.skipped += 1,
        }
    }

    fn join(&mut self, other: Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
    }

    fn attributes(self) -> String {
        let Self { tests, failures, errors, skipped } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

/// Writes the document as suites of cases. Counts stand in front of what they count, so each suite is gone through twice
/// rather than kept.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    let endpoints = subject::endpoints(document);
    let mut by_rule: BTreeMap<&str, Vec<&FindingV1<'_>>> = BTreeMap::new();
    for finding in &document.findings {
        by_rule.entry(&finding.rule_id).or_default().push(finding);
    }
    let case_of = |finding: &FindingV1<'_>| {
        let endpoint = finding.endpoint_id.as_deref().and_then(|id| endpoints.get(id).copied());
        let title = subject::title(finding, background);
        Case {
            class: place(&finding.account_id, &finding.region_id),
            name: subject::name(finding, endpoint),
            ending: ending(document, finding, &title),
        }
    };
    let quiet = || {
        subject::quiet(document).map(|(endpoint, quiet)| Case {
            class: place(&endpoint.account_id, &endpoint.region_id),
            name: escape::line(&endpoint.id),
            ending: of_quiet(endpoint, quiet),
        })
    };
    let coverage = || document.coverage.gaps.iter().map(gap_case).chain([whole(document)]);
    let counted = |cases: &mut dyn Iterator<Item = Case>| {
        let mut counts = Counts::default();
        cases.for_each(|case| counts.add(&case.ending));
        counts
    };
    let per_rule: Vec<Counts> =
        by_rule.values().map(|found| counted(&mut found.iter().map(|one| case_of(one)))).collect();
    let (of_no_finding, of_coverage) = (counted(&mut quiet()), counted(&mut coverage()));
    let mut all = Counts::default();
    per_rule.iter().chain([&of_no_finding, &of_coverage]).for_each(|counts| all.join(*counts));

    let run = &document.run;
    let seconds = (run.finished_at.timestamp() - run.started_at.timestamp()).max(0);
    let stamp = time(&run.started_at);
    let stamp = stamp.trim_end_matches('Z');
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"portcullis\" {} time=\"{seconds}\">", all.attributes())?;
    for ((rule, found), counts) in by_rule.iter().zip(per_rule) {
        write_suite(rule, stamp, counts, &mut found.iter().map(|one| case_of(one)), out)?;
    }
    write_suite("nothing-found", stamp, of_no_finding, &mut quiet(), out)?;
    write_suite("coverage", stamp, of_coverage, &mut coverage(), out)?;
    writeln!(out, "</testsuites>")
}

fn ending(document: &Document<'_>, finding: &FindingV1<'_>, title: &str) -> Ending {
    let kind = finding.severity.to_string();
    let text = escape::paragraph(&finding.message);
    let message = title.to_owned();
    let remedy = || {
        format!("{text}\n\nWhat to do: {}\n{}", escape::paragraph(&finding.remedy), escape::line(&finding.fingerprint))
    };
    match Weight::of(finding, document.run.fail_on) {
        Weight::Counts => Ending::Failure { kind, message, text: remedy() },
        Weight::Undecided => Ending::Error { kind: "unknown".to_owned(), message, text },
        Weight::Waived => Ending::Skipped { message: waiver(finding) },
        Weight::Known => Ending::Skipped { message: format!("in the baseline: {text}") },
        Weight::Told => Ending::Skipped { message: format!("does not count ({kind}): {text}") },
    }
}

fn of_quiet(endpoint: &EndpointV1<'_>, quiet: Quiet) -> Ending {
    let message = quiet.sentence(endpoint);
    match quiet {
        Quiet::Passes => Ending::Passed,
        Quiet::Undecided => Ending::Error { kind: "unknown".to_owned(), message, text: String::new() },
        Quiet::Unruled => Ending::Skipped { message },
    }
}

fn waiver(finding: &FindingV1<'_>) -> String {
    let Some(waiver) = &finding.waiver else { return "waived".to_owned() };
    let ticket = waiver.ticket.as_deref().map(|ticket| format!("{}: ", escape::line(ticket))).unwrap_or_default();
    let (reason, owner) = (escape::line(&waiver.reason), escape::line(&waiver.owner));
    format!("waived until {} by {owner}: {ticket}{reason}", waiver.expires)
}

fn gap_case(gap: &GapV1<'_>) -> Case {
    let call = format!("{}:{}", escape::line(&gap.product), escape::line(&gap.operation));
    let state = table::state_word(gap.state);
    let message = format!("{state} ({})", escape::line(&gap.code));
    let text = escape::paragraph(&gap.message);
    let ending = match gap.state {
        UnitState::Denied | UnitState::Failed => Ending::Error { kind: state.to_owned(), message, text },
        _ => Ending::Skipped { message: format!("{message}: {text}") },
    };
    let name = format!("{call} {}", escape::line(&gap.resource_id));
    Case { class: place(&gap.account_id, &gap.region_id), name: name.trim_end().to_owned(), ending }
}

/// The case that is there in every report: a suite without any would say nothing.
fn whole(document: &Document<'_>) -> Case {
    let coverage = &document.coverage;
    let message = format!("{} of {} planned reads succeeded", coverage.scanned, coverage.planned);
    let ending = match document.settled() {
        true => Ending::Passed,
        false => Ending::Error { kind: "unknown".to_owned(), message, text: table::verdict_sentence(document) },
    };
    Case { class: "portcullis".to_owned(), name: "everything is known".to_owned(), ending }
}

/// `account.region`, as test reports group by classes.
fn place(account: &str, region: &str) -> String {
    let parts = [account, region].into_iter().filter(|part| !part.is_empty()).map(escape::line);
    let place = parts.collect::<Vec<_>>().join(".");
    if place.is_empty() { "portcullis".to_owned() } else { place }
}

fn write_suite(
    name: &str,
    stamp: &str,
    counts: Counts,
    cases: &mut dyn Iterator<Item = Case>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if counts.tests == 0 {
        return Ok(());
    }
    let name = escape::xml(&escape::line(name));
    writeln!(out, "  <testsuite name=\"{name}\" {} time=\"0\" timestamp=\"{stamp}\">", counts.attributes())?;
    for case in cases {
        write_case(&case, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn write_case(case: &Case, out: &mut dyn Write) -> io::Result<()> {
    let (class, name) = (escape::xml(&case.class), escape::xml(&case.name));
    write!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"")?;
    let (element, kind, message, text) = match &case.ending {
        Ending::Passed => return writeln!(out, "/>"),
        Ending::Skipped { message } => {
            return writeln!(out, "><skipped message=\"{}\"/></testcase>", escape::xml(message));
        }
        Ending::Failure { kind, message, text } => ("failure", kind, message, text),
        Ending::Error { kind, message, text } => ("error", kind, message, text),
    };
    let (kind, message, text) = (escape::xml(kind), escape::xml(message), escape::xml(text));
    writeln!(out, "><{element} type=\"{kind}\" message=\"{message}\">{text}</{element}></testcase>")
}
