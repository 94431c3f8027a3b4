//! The worked scenarios: questions about paths with answers that were typed by hand.

mod connectivity_reader;

use connectivity_reader::{Misreading, Reading};
use portcullis::analysis::{
    access::Format,
    connectivity::{PathQuestion, answer},
};
use serde_json::Value;

const SCENARIOS: &str = include_str!("data/path-scenarios.jsonl");

fn answers(questions: &str) -> Vec<Value> {
    let mut out = Vec::new();
    answer(questions.as_bytes(), &mut out, Format::JsonLines).expect("memory can be read and written");
    let text = String::from_utf8(out).expect("answers are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("answers are JSON")).collect()
}

/// Verdict, way, reasons, and hops too, word for word.
#[test]
fn every_scenario_is_answered_field_for_field() {
    let expected: Vec<Value> = SCENARIOS
        .lines()
        .map(|line| {
            let mut scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
            serde_json::json!({"CaseId": scenario["CaseId"].take(), "Pairs": scenario["Expected"]["Pairs"].take()})
        })
        .collect();
    let answers = answers(SCENARIOS);
    assert_eq!((expected.len(), answers.len()), (86, 86));
    let wrong: Vec<String> = expected
        .iter()
        .zip(&answers)
        .filter(|(expected, answer)| expected != answer)
        .map(|(expected, answer)| format!("expected {expected}\n     got {answer}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn expected(scenario: &Value) -> Vec<Reading> {
    let pairs = scenario["Expected"]["Pairs"].as_array().expect("pairs are a list");
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .expect("reasons are a list")
            .iter()
            .map(|one| one.as_str().expect("a text").to_owned())
            .collect()
    };
    pairs
        .iter()
        .map(|pair| Reading {
            verdict: pair["Verdict"].as_str().expect("a verdict").to_owned(),
            reasons: texts(&pair["Reasons"]),
        })
        .collect()
}

/// The literal reader agrees with the hand-typed answers, so that its variants can be judged by
/// them.
#[test]
fn the_literal_reader_agrees_with_every_scenario() {
    for line in SCENARIOS.lines() {
        let scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
        assert_eq!(connectivity_reader::read(&scenario, None), expected(&scenario), "{}", scenario["CaseId"]);
    }
}

/// Each common misreading gives another answer to at least one scenario.
#[test]
fn the_scenarios_tell_every_misreading_from_the_truth() {
    for misreading in Misreading::ALL {
        let caught = SCENARIOS.lines().filter(|line| {
            let scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
            connectivity_reader::read(&scenario, Some(misreading)) != expected(&scenario)
        });
        assert!(caught.count() > 0, "no scenario catches {misreading:?}");
    }
}

/// What each blocked scenario needs, in words.
#[test]
fn the_nearest_path_names_what_is_to_be_mended() {
    for (number, changes) in [
        (7, &["add route in vtb-m: 10.1.1.0/24 -> VpcPeer:pcc-1"][..]),
        (8, &["activate pcc-1"]),
        (18, &["add route in vtb-d: 10.0.1.0/24 -> VpcPeer:pcc-1"]),
        (29, &["associate att-d with tr-1-sys"]),
        (32, &["add route in tr-1-sys: 10.0.1.0/24 -> att-m"]),
        (39, &["attach att-d"]),
        (60, &["activate ri-d"]),
        (70, &["admit at target:SecurityGroupDeny@sg-m"]),
    ] {
        let text = SCENARIOS.lines().nth(number - 1).expect("there are 86");
        let question = PathQuestion::parse(text).expect("scenarios are understood");
        let topology = question.topology();
        let (_, mesh, cluster) = question.pairs().next().expect("each has a pair");
        let nearest = topology.pair(mesh, cluster).nearest;
        assert_eq!(
            nearest.map(|nearest| nearest.changes),
            Some(changes.iter().map(ToString::to_string).collect()),
            "{number}"
        );
    }
    let nothing_between = SCENARIOS.lines().nth(4).expect("there are 86");
    let question = PathQuestion::parse(nothing_between).expect("scenarios are understood");
    let topology = question.topology();
    let (_, mesh, cluster) = question.pairs().next().expect("each has a pair");
    assert_eq!(topology.pair(mesh, cluster).nearest, None);
}
