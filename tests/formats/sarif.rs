//! SARIF 2.1.0 against the published schema and the specification.

use portcullis::{
    findings::FindingStatus,
    report::{Background, Format},
};
use serde_json::Value;

use super::documents::{background, demo, text};

fn validator() -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(include_str!("../schemas/sarif-2.1.0.json")).unwrap();
    // The published pattern has a bracket too many, which a strict reader of patterns refuses.
    for holder in ["run", "toolComponent"] {
        let pattern = &mut schema["definitions"][holder]["properties"]["language"]["pattern"];
        assert_eq!(*pattern, "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
        *pattern = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    jsonschema::validator_for(&schema).unwrap()
}

fn log(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap();
    let validator = validator();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    log
}

#[test]
fn a_log_is_valid_with_and_without_what_is_known_beside_the_run() {
    let document = demo();
    for background in [Background::default(), background(&document)] {
        let log = log(&text(Format::Sarif, &document, &background));
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), document.findings.len());
    }
}

#[test]
fn the_schema_is_one_that_can_fail() {
    let mut log = log(&text(Format::Sarif, &demo(), &Background::default()));
    log["runs"][0]["results"][0]["level"] = "dire".into();
    assert!(!validator().is_valid(&log));
}

#[test]
fn results_say_what_became_of_them() {
    let document = demo();
    let log = log(&text(Format::Sarif, &document, &background(&document)));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for (finding, result) in document.findings.iter().zip(run["results"].as_array().unwrap()) {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!((&rule["id"], &result["ruleId"]), (&result["ruleId"], &Value::from(&*finding.rule_id)));
        assert!(rule["help"]["text"].as_str().unwrap().contains("What to do: What to do."));
        let undecided = finding.status == FindingStatus::Unknown;
        assert_eq!(result["kind"], if undecided { "open" } else { "fail" });
        assert_eq!(result["level"] == "none", undecided, "3.27.10");
        let suppressions = result["suppressions"].as_array().unwrap();
        assert_eq!(suppressions.len(), usize::from(finding.status == FindingStatus::Waived));
        if let Some(waiver) = suppressions.first() {
            assert_eq!((&waiver["kind"], &waiver["status"]), (&"external".into(), &"accepted".into()));
            let said = "moves in January (platform@example.com, CAB-1234, until 2027-01-31)";
            assert_eq!(waiver["justification"], said);
        }
        assert_eq!(result["partialFingerprints"]["portcullis/v1"], &*finding.fingerprint);
    }
    let states: Vec<&Value> =
        run["results"].as_array().unwrap().iter().map(|result| &result["baselineState"]).collect();
    assert_eq!(states.iter().filter(|state| **state == "new").count(), 1);
    assert!(states.iter().all(|state| *state == "new" || *state == "unchanged"));
}

#[test]
fn what_was_not_read_is_a_notification_and_the_run_did_not_succeed() {
    let mut document = demo();
    let first = log(&text(Format::Sarif, &document, &Background::default()));
    let invocation = &first["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["exitCode"], 4);
    let told = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(told.len(), document.coverage.gaps.len());
    let known = first["runs"][0]["tool"]["driver"]["notifications"].as_array().unwrap();
    for (gap, told) in document.coverage.gaps.iter().zip(told) {
        assert_eq!(told["level"], "error");
        assert!(known.iter().any(|one| one["id"] == told["descriptor"]["id"]));
        assert!(told["message"]["text"].as_str().unwrap().contains(&*gap.code));
    }
    document.coverage.gaps.clear();
    document.coverage.complete = true;
    let whole = log(&text(Format::Sarif, &document, &Background::default()));
    assert_eq!(whole["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn names_texts_and_severities_change_no_fingerprint() {
    let mut document = demo();
    let fingerprints = |text: &str| -> Vec<Value> {
        let results = log(text)["runs"][0]["results"].as_array().unwrap().clone();
        results.into_iter().map(|result| result["partialFingerprints"].clone()).collect()
    };
    let before = fingerprints(&text(Format::Sarif, &document, &Background::default()));
    for finding in &mut document.findings {
        finding.message = "other words".into();
        finding.resource_name = "another name".into();
        finding.severity = portcullis::model::Severity::Info;
    }
    assert_eq!(before, fingerprints(&text(Format::Sarif, &document, &Background::default())));
}

#[test]
fn braces_and_brackets_of_texts_are_no_placeholders_and_no_links() {
    let mut document = demo();
    document.findings[0].message = "{0} [here](http://evil.test) ]".into();
    let log = log(&text(Format::Sarif, &document, &background(&document)));
    let run = &log["runs"][0];
    assert_eq!(run["results"][0]["message"]["text"], "{{0}} \\[here\\](http://evil.test) \\]");
    let finds = "What it {{finds}} in \\[words\\](1).";
    assert_eq!(run["tool"]["driver"]["rules"][0]["fullDescription"]["text"], finds);
}
