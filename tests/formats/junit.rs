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
    attributes(&root, &["name", "tests", "failures", "errors", "time"]);
    let mut cases = Vec::new();
    let mut all = [0; 3];
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
        let skipped: usize = suite.attribute("skipped").unwrap().parse().unwrap();
        assert_eq!((counts(suite).as_slice(), skipped), (&counted[..3], counted[3]));
        (0..3).for_each(|at| all[at] += counted[at]);
    }
    assert_eq!(counts(&root), all);
    cases
}

fn counts(element: &Element) -> [usize; 3] {
    ["tests", "failures", "errors"].map(|name| element.attribute(name).unwrap().parse().unwrap())
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

/// The published schema, by a validator of XML that everybody has.
#[cfg(feature = "external-tests")]
mod schema {
    use std::{fs, process::Command};

    use super::*;
    use crate::documents::background;

    const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit-10.xsd");

    /// What the validator says against the text; nothing if it is valid.
    fn complaints(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.xml");
        fs::write(&path, text).unwrap();
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema", SCHEMA])
            .arg(&path)
            .output()
            .expect("xmllint runs: Debian has it in libxml2-utils");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => String::new(),
            // 3 and 4: not valid. Anything else is trouble of the validator's own.
            Some(3 | 4) => told,
            _ => panic!("{told}"),
        }
    }

    #[test]
    fn every_report_is_valid() {
        let whole = demo();
        let mut empty = whole.clone();
        (empty.findings, empty.endpoints, empty.coverage.gaps) = Default::default();
        let mut hostile = whole.clone();
        for finding in &mut hostile.findings {
            finding.message = "]]><x a='1'>&amp; \u{1}\u{fffe}\u{1f600} \"\r\n\t".into();
            finding.resource_id = "<!-- -- \u{202e}".into();
        }
        for document in [&whole, &empty, &hostile] {
            for background in [Background::default(), background(document)] {
                let report = text(Format::Junit, document, &background);
                assert_eq!(complaints(&report), "", "{report:.2000}");
            }
        }
        let sample = include_str!("../../reports/sample.junit.xml");
        assert_eq!(complaints(sample), "");
    }

    #[test]
    fn the_schema_is_one_that_can_fail() {
        let report = text(Format::Junit, &demo(), &Background::default());
        let strange = report.replacen("<testsuites ", "<testsuites skipped=\"0\" ", 1);
        assert!(complaints(&strange).contains("'skipped' is not allowed"));
    }
}
