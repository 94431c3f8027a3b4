//! The worked rows: questions with answers that were typed by hand.

mod access_reader;

use access_reader::Misreading;
use portcullis::analysis::access::{Format, answer};
use serde_json::Value;

const ROWS: &str = include_str!("data/access-rows.jsonl");

/// Rows of our own, for what the first ones leave out: network load balancers, unknown members,
/// both families at once, entries that cannot be read.
const MORE_ROWS: &str = include_str!("data/access-more-rows.jsonl");

fn rows() -> impl Iterator<Item = &'static str> {
    ROWS.lines().chain(MORE_ROWS.lines())
}

fn answers(questions: &str) -> Vec<Value> {
    let mut out = Vec::new();
    answer(questions.as_bytes(), &mut out, Format::JsonLines).expect("memory can be read and written");
    let text = String::from_utf8(out).expect("answers are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("answers are JSON")).collect()
}

#[test]
fn every_row_is_answered_field_for_field() {
    let expected: Vec<Value> =
        rows().map(|line| serde_json::from_str::<Value>(line).expect("rows are JSON")["Expected"].take()).collect();
    let answers = answers(&format!("{ROWS}{MORE_ROWS}"));
    assert_eq!((ROWS.lines().count(), answers.len()), (97, expected.len()));
    let wrong: Vec<String> = expected
        .iter()
        .zip(&answers)
        .filter(|(expected, answer)| expected != answer)
        .map(|(expected, answer)| format!("expected {expected}\n     got {answer}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The literal reader agrees with the hand-typed answers, so that its variants can be judged by
/// them.
#[test]
fn the_literal_reader_agrees_with_every_row() {
    for line in rows() {
        let question: Value = serde_json::from_str(line).expect("rows are JSON");
        let expected = &question["Expected"];
        let differences = access_reader::differences(&access_reader::read(&question, expected, None), expected);
        assert!(differences.is_empty(), "{}: {differences:?}", question["CaseId"]);
    }
}

/// Each common misreading gives another answer to at least one row.
#[test]
fn the_rows_tell_every_misreading_from_the_truth() {
    for misreading in Misreading::ALL {
        let caught = rows().filter(|line| {
            let question: Value = serde_json::from_str(line).expect("rows are JSON");
            let expected = &question["Expected"];
            let reading = access_reader::read(&question, expected, Some(misreading));
            !access_reader::differences(&reading, expected).is_empty()
        });
        assert!(caught.count() > 0, "no row catches {misreading:?}");
    }
}
