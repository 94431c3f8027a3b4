//! JUnit XML, for pipelines: one suite a rule and one case a finding (failure, error where it is not known, skipped where
//! it does not count), one suite of endpoints without a finding, and one of what was not read.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use super::{
    Background, escape, json,
    subject::{self, Quiet, Weight},
    table,
    v1::{Document, EndpointV1, FindingV1, GapV1, time},
    verdict,
};
use crate::model::UnitState;

/// How a case ends.
#[derive(Clone, Copy)]
enum Ending {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// What a case is about.
enum Subject<'a, 'b> {
    Finding(&'a FindingV1<'b>),
    /// An endpoint without a finding.
    Quiet(&'a EndpointV1<'b>, Quiet),
    Gap(&'a GapV1<'b>),
    /// Everything that was planned: the case that is there in every report, since a suite without any would say nothing.
    Whole,
}

/// The texts of a case.
struct Case {
    class: String,
    name: String,
    kind: String,
    message: String,
    text: String,
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
    fn of(endings: impl Iterator<Item = Ending>) -> Self {
        endings.fold(Self::default(), |counts, ending| counts.join(Self::one(ending)))
    }

    fn one(ending: Ending) -> Self {
        let one = Self { tests: 1, ..Self::default() };
        match ending {
            Ending::Passed => one,
            Ending::Failure => Self { failures: 1, ..one },
            Ending::Error => Self { errors: 1, ..one },
            Ending::Skipped => Self { skipped: 1, ..one },
        }
    }

    fn join(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }
}

struct Suite<'a, 'b> {
    name: &'a str,
    subjects: Vec<Subject<'a, 'b>>,
    counts: Counts,
}

/// Writes the document as suites of cases. Counts stand in front of what they count, so how a case ends is asked before
/// its texts are made.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    let teller = Teller { document, background, endpoints: subject::endpoints(document) };
    let suites = suites(document, &teller);
    let all = suites.iter().fold(Counts::default(), |all, suite| all.join(suite.counts));
    let run = &document.run;
    let seconds = (run.finished_at.timestamp() - run.started_at.timestamp()).max(0);
    let stamp = time(&run.started_at);
    let stamp = stamp.trim_end_matches('Z');
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    // The schema knows no `skipped` here.
    let Counts { tests, failures, errors, .. } = all;
    writeln!(
        out,
        "<testsuites name=\"portcullis\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds}\">"
    )?;
    for suite in suites {
        let (name, Counts { tests, failures, errors, skipped }) =
            (escape::xml(&escape::line(suite.name)), suite.counts);
        writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" \
             time=\"0\" timestamp=\"{stamp}\">"
        )?;
        json::write_each(&suite.subjects, |subject, text| teller.write(subject, text), out)?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// Those with a case in them.
fn suites<'a, 'b>(document: &'a Document<'b>, teller: &Teller<'_, '_>) -> Vec<Suite<'a, 'b>> {
    let mut by_rule: BTreeMap<&str, Vec<Subject<'_, '_>>> = BTreeMap::new();
    for finding in &document.findings {
        by_rule.entry(&finding.rule_id).or_default().push(Subject::Finding(finding));
    }
    let quiet = subject::quiet(document).map(|(endpoint, quiet)| Subject::Quiet(endpoint, quiet)).collect();
    let coverage = document.coverage.gaps.iter().map(Subject::Gap).chain([Subject::Whole]).collect();
    let all = by_rule.into_iter().chain([("nothing-found", quiet), ("coverage", coverage)]);
    all.filter(|(_, subjects)| !subjects.is_empty())
        .map(|(name, subjects)| {
            let counts = Counts::of(subjects.iter().map(|subject| teller.ending(subject)));
            Suite { name, subjects, counts }
        })
        .collect()
}

/// Everything that a case is told from.
struct Teller<'a, 'b> {
    document: &'a Document<'b>,
    background: &'a Background,
    endpoints: HashMap<&'a str, &'a EndpointV1<'b>>,
}

impl Teller<'_, '_> {
    fn ending(&self, subject: &Subject<'_, '_>) -> Ending {
        match subject {
            Subject::Finding(finding) => match Weight::of(finding, self.document.run.fail_on) {
                Weight::Counts => Ending::Failure,
                Weight::Undecided => Ending::Error,
                Weight::Waived | Weight::Known | Weight::Told => Ending::Skipped,
            },
            Subject::Quiet(_, Quiet::Passes) => Ending::Passed,
            Subject::Quiet(_, Quiet::Undecided) => Ending::Error,
            Subject::Quiet(_, Quiet::Unruled) => Ending::Skipped,
            Subject::Gap(gap) => match gap.state {
                UnitState::Denied | UnitState::Failed => Ending::Error,
                _ => Ending::Skipped,
            },
            Subject::Whole if self.document.settled() => Ending::Passed,
            Subject::Whole => Ending::Error,
        }
    }

    fn case(&self, subject: &Subject<'_, '_>) -> Case {
        match subject {
            Subject::Finding(finding) => self.of_finding(finding),
            Subject::Quiet(endpoint, quiet) => Case {
                class: place(&endpoint.account_id, &endpoint.region_id),
                name: escape::line(&endpoint.id),
                kind: "unknown".to_owned(),
                message: quiet.sentence(endpoint),
                text: String::new(),
            },
            Subject::Gap(gap) => of_gap(gap),
            Subject::Whole => self.of_everything(),
        }
    }

    fn of_finding(&self, finding: &FindingV1<'_>) -> Case {
        let endpoint = finding.endpoint_id.as_deref().and_then(|id| self.endpoints.get(id).copied());
        let kind = finding.severity.to_string();
        let told = escape::paragraph(&finding.message);
        let title = || subject::title(finding, self.background);
        let (kind, message, text) = match Weight::of(finding, self.document.run.fail_on) {
            Weight::Counts => {
                let (remedy, fingerprint) = (escape::paragraph(&finding.remedy), escape::line(&finding.fingerprint));
                (kind, title(), format!("{told}\n\nWhat to do: {remedy}\n{fingerprint}"))
            }
            Weight::Undecided => ("unknown".to_owned(), title(), told),
            Weight::Waived => (kind, waiver(finding), String::new()),
            Weight::Known => (kind, format!("in the baseline: {told}"), String::new()),
            Weight::Told => {
                let message = format!("does not count ({kind}): {told}");
                (kind, message, String::new())
            }
        };
        let class = place(&finding.account_id, &finding.region_id);
        Case { class, name: subject::name(finding, endpoint), kind, message, text }
    }

    fn of_everything(&self) -> Case {
        let coverage = &self.document.coverage;
        Case {
            class: "portcullis".to_owned(),
            name: "everything is known".to_owned(),
            kind: "unknown".to_owned(),
            message: format!("{} of {} planned reads succeeded", coverage.scanned, coverage.planned),
            text: verdict::sentence(self.document),
        }
    }

    fn write(&self, subject: &Subject<'_, '_>, out: &mut Vec<u8>) -> io::Result<()> {
        let case = self.case(subject);
        let [class, name, kind, message, text] =
            [&case.class, &case.name, &case.kind, &case.message, &case.text].map(|text| escape::xml(text));
        write!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"")?;
        let element = match self.ending(subject) {
            Ending::Passed => return writeln!(out, "/>"),
            Ending::Skipped => return writeln!(out, "><skipped message=\"{message}\"/></testcase>"),
            Ending::Failure => "failure",
            Ending::Error => "error",
        };
        writeln!(out, "><{element} type=\"{kind}\" message=\"{message}\">{text}</{element}></testcase>")
    }
}

fn waiver(finding: &FindingV1<'_>) -> String {
    let Some(waiver) = &finding.waiver else { return "waived".to_owned() };
    let ticket = waiver.ticket.as_deref().map(|ticket| format!("{}: ", escape::line(ticket))).unwrap_or_default();
    let (reason, owner) = (escape::line(&waiver.reason), escape::line(&waiver.owner));
    format!("waived until {} by {owner}: {ticket}{reason}", waiver.expires)
}

fn of_gap(gap: &GapV1<'_>) -> Case {
    let state = table::state_word(gap.state);
    let told = escape::paragraph(&gap.message);
    let because = format!("{state} ({})", escape::line(&gap.code));
    let (message, text) = match gap.state {
        UnitState::Denied | UnitState::Failed => (because, told),
        _ => (format!("{because}: {told}"), String::new()),
    };
    let call = format!("{}:{}", escape::line(&gap.product), escape::line(&gap.operation));
    let name = format!("{call} {}", escape::line(&gap.resource_id)).trim_end().to_owned();
    Case { class: place(&gap.account_id, &gap.region_id), name, kind: state.to_owned(), message, text }
}

/// `account.region`, as test reports group by classes.
fn place(account: &str, region: &str) -> String {
    let parts = [account, region].into_iter().filter(|part| !part.is_empty()).map(escape::line);
    let place = parts.collect::<Vec<_>>().join(".");
    if place.is_empty() { "portcullis".to_owned() } else { place }
}
