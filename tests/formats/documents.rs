//! Documents to render: the demo world's report, with findings of every status in it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use portcullis::{
    findings::{Change, FindingStatus},
    model::Severity,
    report::{
        Background, Format, Options, RuleTexts, read, render_document,
        v1::{Document, WaiverV1},
    },
};

/// What the program says about the demo world, with some findings waived, known and seen before.
pub(crate) fn demo() -> Document<'static> {
    let mut document = read(include_str!("../../reports/sample.json")).unwrap();
    document.run.fail_on = Some(Severity::Low);
    let open: Vec<usize> =
        (0..document.findings.len()).filter(|at| document.findings[*at].status == FindingStatus::Open).collect();
    let waived = &mut document.findings[open[1]];
    waived.status = FindingStatus::Waived;
    waived.waiver = Some(Box::new(WaiverV1 {
        reason: "moves in January".into(),
        owner: "platform@example.com".into(),
        ticket: Some("CAB-1234".into()),
        expires: NaiveDate::from_ymd_opt(2027, 1, 31).unwrap(),
    }));
    document.findings[open[2]].baselined = true;
    let before = document.run.started_at - chrono::TimeDelta::days(3);
    document.findings[open[3]].first_seen = Some(before);
    assert!(document.findings.iter().any(|finding| finding.status == FindingStatus::Unknown));
    document
}

/// The texts of every rule that some finding is of, and one finding that is new.
pub(crate) fn background(document: &Document<'_>) -> Background {
    let texts = |severity| RuleTexts {
        title: "A title".to_owned(),
        severity,
        finds: "What it {finds} in [words](1).".to_owned(),
        why: "Why it matters.".to_owned(),
        remedy: "What to\n do.".to_owned(),
        references: vec!["A page".to_owned()],
        controls: vec!["nist-800-53-r5:SC-7".to_owned()],
        zh: None,
    };
    let rules = document.findings.iter().map(|finding| (finding.rule_id.to_string(), texts(finding.severity)));
    let changes: BTreeMap<String, Change> = document
        .findings
        .iter()
        .enumerate()
        .map(|(at, finding)| (finding.fingerprint.to_string(), if at == 0 { Change::New } else { Change::Unchanged }))
        .collect();
    Background { rules: rules.collect(), changes: Some(changes), ..Background::default() }
}

pub(crate) fn text(format: Format, document: &Document<'_>, background: &Background) -> String {
    let mut out = Vec::new();
    render_document(format, document, background, &mut out, &Options::default()).unwrap();
    String::from_utf8(out).unwrap()
}
