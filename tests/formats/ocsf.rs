//! OCSF events against the class's schema: that of 1.8.0, and that of 1.9.0, the version that events name, as it stood twelve
//! days before its release. What the class shares with Detection Finding is held against the released 1.9.0 too.

use portcullis::{
    findings::FindingStatus,
    model::{Exposure, PortVerdict, UnitState},
    report::{Background, Format},
};
use serde_json::{Value, json};

use super::documents::{background, demo, text};

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn errors(validator: &jsonschema::Validator, event: &Value) -> Vec<String> {
    validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The schema of Detection Finding as that of another class: without what is this class's own.
fn shared_parts() -> Value {
    let mut schema = schema(include_str!("../schemas/ocsf-1.9.0-detection-finding.json"));
    let properties = schema["properties"].as_object_mut().unwrap();
    for own in ["class_uid", "class_name", "type_uid", "type_name"] {
        properties[own] = json!(true);
    }
    schema
}

/// The class, as two versions have it.
fn classes() -> [jsonschema::Validator; 2] {
    [
        include_str!("../schemas/ocsf-1.8.0-compliance-finding.json"),
        include_str!("../schemas/ocsf-1.9.0-dev-compliance-finding.json"),
    ]
    .map(|text| jsonschema::validator_for(&schema(text)).unwrap())
}

fn events(text: &str) -> Vec<Value> {
    let classes = classes();
    let shared = jsonschema::validator_for(&shared_parts()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for event in &events {
        for class in &classes {
            assert_eq!(errors(class, event), [""; 0], "{event:#}");
        }
        let mut common = event.clone();
        // These are of the class or of the profile `cloud`, which that schema is without.
        common.as_object_mut().unwrap().retain(|key, _| !matches!(key.as_str(), "compliance" | "cloud"));
        for resource in common["resources"].as_array_mut().unwrap() {
            resource.as_object_mut().unwrap().remove("region");
        }
        assert_eq!(errors(&shared, &common), [""; 0], "{common:#}");
    }
    events
}

#[test]
fn every_event_is_valid_and_nothing_is_lost() {
    let document = demo();
    for background in [Background::default(), background(&document)] {
        let events = events(&text(Format::Ocsf, &document, &background));
        let with = |prefix: &str| {
            let uid = |event: &&Value| event["finding_info"]["uid"].as_str().unwrap().starts_with(prefix);
            events.iter().filter(uid).count()
        };
        assert_eq!(with("v1:"), document.findings.len());
        assert_eq!(with("coverage:"), document.coverage.gaps.len());
        assert_eq!(with("v1:") + with("coverage:") + with("endpoint:") + 1, events.len());
        assert_eq!(
            (&events[0]["metadata"]["event_code"], &events[0]["compliance"]["status_id"]),
            (&"run".into(), &3.into())
        );
    }
}

#[test]
fn the_schemas_are_ones_that_can_fail() {
    let line = text(Format::Ocsf, &demo(), &Background::default()).lines().next().unwrap().to_owned();
    let event: Value = serde_json::from_str(&line).unwrap();
    let classes = classes();
    assert!(classes.iter().all(|class| class.is_valid(&event)));
    let refused = |event: &Value| classes.iter().all(|class| !class.is_valid(event));
    for (pointer, wrong) in [("/severity_id", json!(9)), ("/time", json!("now")), ("/compliance/status_id", json!(7))] {
        let mut event = event.clone();
        *event.pointer_mut(pointer).unwrap() = wrong;
        assert!(refused(&event), "{pointer}");
    }
    let mut stranger = event;
    stranger["verdict"] = "fail".into();
    assert!(refused(&stranger));
}

#[test]
fn numbers_mean_what_the_schema_says() {
    let document = demo();
    let events = events(&text(Format::Ocsf, &document, &Background::default()));
    for (finding, event) in document.findings.iter().zip(&events[1..]) {
        // compliance.status_id: 2 Warning, 3 Fail; status_id: 1 New, 3 Suppressed; severity_id: 1 Informational to 5 Critical.
        let expected = match finding.status {
            FindingStatus::Open => (3, 1),
            FindingStatus::Waived => (3, 3),
            FindingStatus::Unknown => (2, 1),
        };
        let seen = (event["compliance"]["status_id"].as_u64().unwrap(), event["status_id"].as_u64().unwrap());
        assert_eq!(seen, expected, "{event:#}");
        let severity =
            ["info", "low", "medium", "high", "critical"].iter().position(|word| *word == finding.severity.as_str());
        assert_eq!(event["severity_id"].as_u64(), severity.map(|at| at as u64 + 1));
        assert_eq!(
            event["class_uid"].as_u64().unwrap() * 100 + event["activity_id"].as_u64().unwrap(),
            event["type_uid"]
        );
        assert_eq!(event["category_uid"], 2);
        let milliseconds = document.run.finished_at.timestamp() * 1000;
        assert_eq!(event["time"], milliseconds);
        let first = finding.first_seen.map_or(milliseconds, |first| first.timestamp() * 1000);
        assert_eq!(event["finding_info"]["first_seen_time"], first);
        assert_eq!(event["activity_id"], if finding.first_seen.is_some() { 2 } else { 1 });
    }
}

#[test]
fn only_what_is_known_whole_and_has_no_finding_passes() {
    let document = demo();
    let events = events(&text(Format::Ocsf, &document, &Background::default()));
    let passed: Vec<&str> = events
        .iter()
        .filter(|event| event["compliance"]["status_id"] == 1)
        .map(|event| event["unmapped"]["endpoint_id"].as_str().unwrap())
        .collect();
    assert!(!passed.is_empty());
    for id in passed {
        let endpoint = document.endpoints.iter().find(|endpoint| endpoint.id == id).unwrap();
        assert_ne!(endpoint.exposure, Exposure::Unknown);
        assert!(endpoint.access.iter().all(|port| port.verdict != PortVerdict::Unknown));
        let about = |finding: &&portcullis::report::v1::FindingV1<'_>| {
            finding.endpoint_id.as_deref() == Some(id) || finding.concerns.iter().any(|one| one == id)
        };
        assert_eq!(document.findings.iter().find(about), None);
    }
}

#[test]
fn what_was_left_out_on_request_is_neither_good_nor_bad() {
    let mut document = demo();
    document.coverage.gaps[0].state = UnitState::Excluded;
    let events = events(&text(Format::Ocsf, &document, &Background::default()));
    let of_gaps: Vec<&Value> = events
        .iter()
        .filter(|event| event["metadata"]["event_code"] == "coverage")
        .map(|event| &event["compliance"])
        .collect();
    assert_eq!((&of_gaps[0]["status_id"], &of_gaps[0]["status"]), (&99.into(), &"excluded".into()));
    assert!(of_gaps[1..].iter().all(|compliance| compliance["status_id"] == 2));
}
