//! Our own JSON against the schemas that docs/ publishes: whoever builds on them must find what they say, and nothing beside
//! it.

use std::collections::BTreeMap;

use portcullis::report::{Background, Format};
use serde_json::{Map, Value, json};

use super::documents::{demo, text};
use crate::published::Published;

/// What may be missing, by the place without its numbers.
const OPTIONAL: [(&str, &str); 8] = [
    ("run", "fail_on"),
    ("run", "notifications"),
    ("summary", "baselined"),
    ("endpoints", "protected_by"),
    ("endpoints", "listeners"),
    ("findings", "untrusted"),
    ("findings", "baselined"),
    // A map of whatever was asked and not read.
    ("run/gap_requests", "*"),
];

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_report_and_each_of_its_lines_are_valid() {
    let (report, line) = (Published::report(), Published::line());
    let rendered = |format| text(format, &demo(), &Background::default());
    let nothing = Vec::<String>::new();
    for whole in [rendered(Format::Json), include_str!("../../reports/sample.json").to_owned()] {
        assert_eq!(report.complaints(&value(&whole)), nothing);
    }
    for lines in [rendered(Format::Jsonl), include_str!("../../reports/sample.jsonl").to_owned()] {
        assert!(lines.lines().all(|one| line.complaints(&value(one)) == nothing));
    }
}

#[test]
fn a_line_is_of_one_kind_and_has_no_more_than_that() {
    let line = Published::line();
    let lines = text(Format::Jsonl, &demo(), &Background::default());
    for kind in ["run", "endpoint", "finding", "gap"] {
        let mut one = lines.lines().map(value).find(|one| one["type"] == kind).unwrap();
        assert!(line.complaints(&one).is_empty());
        one["surprise"] = json!(1);
        assert!(!line.complaints(&one).is_empty(), "{kind}");
        one.as_object_mut().unwrap().remove("surprise");
        one["type"] = json!("other");
        assert!(!line.complaints(&one).is_empty(), "{kind}");
    }
}

/// One object of every kind in the value, by its place without its numbers, with the place itself.
fn objects(value: &Value, place: &str, kind: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            found.entry(kind.to_owned()).or_insert_with(|| place.to_owned());
            for (name, value) in fields {
                let kind = if kind.is_empty() { name.clone() } else { format!("{kind}/{name}") };
                objects(value, &format!("{place}/{name}"), &kind, found);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| objects(item, &format!("{place}/{at}"), kind, found));
        }
        _ => {}
    }
}

/// No object of a report takes a field that the schema does not know, misses one that it must have, or has one of another
/// shape.
#[test]
fn the_schema_is_strict_everywhere() {
    let mut document = demo();
    document.endpoints.retain(|endpoint| !endpoint.staleness.consumers.is_empty() && !endpoint.access.is_empty());
    document.endpoints.truncate(2);
    let waived = document.findings.iter().position(|finding| finding.waiver.is_some()).unwrap();
    document.findings.swap(0, waived);
    document.findings.truncate(2);
    document.coverage.gaps.truncate(1);
    let whole = value(&text(Format::Json, &document, &Background::default()));
    let schema = Published::report();
    let is_valid = |place: &str, alter: &dyn Fn(&mut Map<String, Value>)| {
        let mut altered = whole.clone();
        alter(altered.pointer_mut(place).unwrap().as_object_mut().unwrap());
        schema.complaints(&altered).is_empty()
    };
    let mut found = BTreeMap::new();
    objects(&whole, "", "", &mut found);
    for kind in ["", "run", "run/caller", "endpoints/access/gates", "endpoints/staleness/consumers", "findings/waiver"]
    {
        assert!(found.contains_key(kind), "{kind} is not looked at");
    }
    for (kind, place) in found {
        let may = |name: &str| OPTIONAL.contains(&(&kind, name));
        let strange = |fields: &mut Map<String, Value>| drop(fields.insert("surprise".to_owned(), json!("x")));
        assert_eq!(is_valid(&place, &strange), may("*"), "a strange field of {kind}");
        for name in whole.pointer(&place).unwrap().as_object().unwrap().keys() {
            let without = |fields: &mut Map<String, Value>| drop(fields.remove(name));
            assert_eq!(is_valid(&place, &without), may(name) || may("*"), "{kind} without {name}");
            let other = |fields: &mut Map<String, Value>| fields[name] = json!({"surprise": [1]});
            assert!(!is_valid(&place, &other), "{name} of {kind} may be anything");
        }
    }
}
