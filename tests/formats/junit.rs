//! JUnit's structure, as its schema in wide use has it: suites of cases, each with at most one of failure, error and
//! skipped, and counts that are those of the cases.

use portcullis::{
    findings::FindingStatus,
    model::Severity,
    report::{Background, Format},
};

use super::{
    documents::{demo, text},
    xml::{Element, read},
};

/// Reads a report and holds it against the structure; returns (suite, case name, outcome).
pub(crate) fn cases(text: &str) -> Vec<(String, String, &'static str)> {
    let root = read(text).unwrap_or_else(|error| panic!("{error}"));
    let attributes = |element: &Element, wanted: &[&str]| {
        let names: Vec<&str> = element.attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, wanted, "{}", element.name);
    };
    assert_eq!(root.name, "testsuites");
    attributes(&root, &["name", "tests", "failures", "errors", "skipped", "time"]);
    let mut cases = Vec::new();
    let mut all = [0; 4];
    for suite in &root.children {
        assert_eq!((suite.name.as_str(), suite.text.trim()), ("testsuite", ""));
        attributes(suite, &["name", "tests", "failures", "errors", "skipped", "time", "timestamp"]);
        // ISO 8601 without a zone, as the schema's pattern has it.
        let stamp = suite.attribute("timestamp").unwrap();
        assert!(chrono::NaiveDateTime::parse_from_str(stamp, "%Y-%m-%dT%H:%M:%S").is_ok(), "{stamp}");
        let mut counted = [0; 4];
        for case in &suite.children {
            assert_eq!((case.name.as_str(), case.text.trim()), ("testcase", ""));
            attributes(case, &["classname", "name", "time"]);
            assert!(!case.attribute("classname").unwrap().is_empty() && !case.attribute("name").unwrap().is_empty());
            let outcome = match case.children.as_slice() {
                [] => "passed",
                [one] => {
                    assert!(one.children.is_empty());
                    match one.name.as_str() {
                        "skipped" => {
                            attributes(one, &["message"]);
                            "skipped"
                        }
                        "failure" | "error" => {
                            attributes(one, &["type", "message"]);
                            if one.name == "failure" { "failure" } else { "error" }
                        }
                        other => panic!("{other}"),
                    }
                }
                more => panic!("{more:?}"),
            };
            counted[0] += 1;
            if let Some(at) = ["failure", "error", "skipped"].iter().position(|known| *known == outcome) {
                counted[at + 1] += 1;
            }
            let name = case.attribute("name").unwrap().to_owned();
            cases.push((suite.attribute("name").unwrap().to_owned(), name, outcome));
        }
        assert_eq!(counts(suite), counted);
        (0..4).for_each(|at| all[at] += counted[at]);
    }
    assert_eq!(counts(&root), all);
    cases
}

fn counts(element: &Element) -> [usize; 4] {
    ["tests", "failures", "errors", "skipped"].map(|name| element.attribute(name).unwrap().parse().unwrap())
}

#[test]
fn every_finding_ends_as_its_status_says() {
    let document = demo();
    let cases = cases(&text(Format::Junit, &document, &Background::default()));
    let mut expected: Vec<(String, &str)> = document
        .findings
        .iter()
        .map(|finding| {
            let outcome = match finding.status {
                FindingStatus::Unknown => "error",
                FindingStatus::Waived => "skipped",
                FindingStatus::Open if finding.baselined || finding.severity < Severity::Low => "skipped",
                FindingStatus::Open => "failure",
            };
            (finding.rule_id.to_string(), outcome)
        })
        .collect();
    let mut seen: Vec<(String, &str)> = cases
        .iter()
        .filter(|(suite, ..)| !matches!(suite.as_str(), "coverage" | "nothing-found"))
        .map(|(suite, _, outcome)| (suite.clone(), *outcome))
        .collect();
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
    assert!(expected.iter().any(|(_, outcome)| *outcome == "skipped"));
    let coverage: Vec<&str> =
        cases.iter().filter(|(suite, ..)| suite == "coverage").map(|(.., outcome)| *outcome).collect();
    assert_eq!(coverage, vec!["error"; document.coverage.gaps.len() + 1], "a reading with holes is no success");
}

#[test]
fn a_threshold_decides_what_fails() {
    let mut document = demo();
    document.run.fail_on = Some(Severity::Critical);
    let failures = |document| {
        let cases = cases(&text(Format::Junit, document, &Background::default()));
        cases.iter().filter(|(.., outcome)| *outcome == "failure").count()
    };
    let counting = |finding: &&portcullis::report::v1::FindingV1<'_>| {
        finding.status == FindingStatus::Open && !finding.baselined && finding.severity == Severity::Critical
    };
    assert_eq!(failures(&document), document.findings.iter().filter(counting).count());
}

#[test]
fn a_clean_report_passes_and_is_not_empty() {
    let mut document = demo();
    document.findings.clear();
    document.endpoints.clear();
    document.coverage.gaps.clear();
    document.coverage.complete = true;
    document.summary.unknown = 0;
    document.verdict = portcullis::findings::RunVerdict::Pass;
    let cases = cases(&text(Format::Junit, &document, &Background::default()));
    assert_eq!(cases, [("coverage".to_owned(), "everything is known".to_owned(), "passed")]);
}
