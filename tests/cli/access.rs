//! `access`: saved questions.

use crate::scratch::Scratch;

const QUESTION: &str = r#"{"CaseId": "a", "Query": {"IpProtocol": "tcp", "Port": 6443, "AddressFamily": "ipv4", "SourcePath": "internet"},
 "Stages": ["SecurityGroup"], "Allowlist": ["10.0.0.0/8"],
 "SecurityGroups": [{"SecurityGroupId": "sg-1", "SecurityGroupType": "normal", "InnerAccessPolicy": "Accept", "Permissions": {"Permission": [
  {"SecurityGroupRuleId": "sgr-1", "Direction": "ingress", "IpProtocol": "TCP", "PortRange": "6443/6443", "Policy": "Accept", "Priority": "1", "SourceCidrIp": "0.0.0.0/0"}]}}]}"#;

#[test]
fn a_question_over_several_lines_and_questions_line_by_line() {
    let scratch = Scratch::new();
    scratch.write("one.json", QUESTION);
    let answer = scratch.expect(0, &["access", "one.json"]).json();
    assert_eq!((answer["CaseId"].as_str(), answer["Exposure"].as_str()), (Some("a"), Some("Public")));
    let line = QUESTION.replace('\n', " ");
    scratch.write("many.jsonl", &format!("{line}\n{}\n", line.replace("\"a\"", "\"b\"")));
    let run = scratch.expect(0, &["access", "many.jsonl", "one.json"]);
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);
    assert!(scratch.expect(0, &["access", "one.json", "--format", "text"]).stdout.contains("sgr-1"));
}

#[test]
fn a_line_that_is_not_understood_is_answered_and_the_rest_goes_on() {
    let scratch = Scratch::new();
    let line = QUESTION.replace('\n', " ");
    scratch.write("many.jsonl", &format!("{line}\n{{\"CaseId\": \"bad\", \"Query\": 1}}\nnot json\n{line}\n"));
    let run = scratch.expect(2, &["access", "many.jsonl"]);
    let answers: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("one answer a line")).collect();
    assert_eq!(answers.len(), 4, "{}", run.stdout);
    assert_eq!(answers[1]["CaseId"], "bad");
    assert!(answers[1]["Error"].is_string() && answers[2]["Error"].is_string());
    assert_eq!(answers[3]["Exposure"], "Public");
}

#[test]
fn the_worked_rows_are_answered() {
    let scratch = Scratch::new();
    let rows = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/access-rows.jsonl");
    let run = scratch.expect(0, &["access", rows]);
    let questions = std::fs::read_to_string(rows).expect("the rows are there");
    assert_eq!(run.stdout.lines().count(), questions.lines().filter(|line| !line.trim().is_empty()).count());
}

/// Ten questions that differ in one octet.
fn ten() -> String {
    let line = QUESTION.replace('\n', " ");
    (0..10).map(|number| line.replace("0.0.0.0/0", &format!("9.9.{number}.0/24")) + "\n").collect()
}

#[test]
fn a_cache_changes_no_answer_and_is_left_alone_while_nothing_changes() {
    let scratch = Scratch::new();
    scratch.write("many.jsonl", &ten());
    let plain = scratch.expect(0, &["access", "many.jsonl"]).stdout;
    let first = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), (plain.as_str(), ""));
    let kept = std::fs::read(scratch.path("answers")).expect("the cache is there");
    let second = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), (plain.as_str(), ""));
    assert_eq!(std::fs::read(scratch.path("answers")).expect("the cache is there"), kept);
    // One question changes: its old answer goes, its new one comes.
    scratch.write("many.jsonl", &ten().replace("9.9.4.0/24", "9.9.4.0/25"));
    let changed = scratch.expect(0, &["access", "many.jsonl"]).stdout;
    assert_ne!(changed, plain);
    assert_eq!(scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]).stdout, changed);
    let after = std::fs::read(scratch.path("answers")).expect("the cache is there");
    assert!(after != kept && after.len() == kept.len(), "{} and {} bytes", kept.len(), after.len());
    // Fewer questions, fewer answers.
    scratch.write("many.jsonl", ten().lines().next().expect("a line"));
    scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
    assert!(std::fs::metadata(scratch.path("answers")).expect("it is there").len() < kept.len() as u64);
}

#[test]
fn a_cache_that_cannot_be_used_is_said_so_and_written_anew() {
    let scratch = Scratch::new();
    scratch.write("many.jsonl", &ten());
    let plain = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]).stdout;
    let kept = std::fs::read(scratch.path("answers")).expect("the cache is there");
    let mut damaged = kept.clone();
    let last = damaged.len() - 40;
    damaged[last] ^= 1;
    let mut older = kept.clone();
    older[8] = 0;
    for (file, why) in
        [(damaged.as_slice(), "damaged"), (&older, "layout"), (&kept[..100], "damaged"), (b"PTC", "damaged")]
    {
        std::fs::write(scratch.path("answers"), file).expect("it can be written");
        let run = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
        assert_eq!(run.stdout, plain);
        assert!(run.stderr.contains("is not used") && run.stderr.contains(why), "{}", run.stderr);
        let again = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
        assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (plain.as_str(), ""));
    }
    // The answers of the other format are no use either.
    let text = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers", "--format", "text"]);
    assert!(text.stderr.contains("other format") && text.stdout.contains("sgr-1"), "{}", text.stderr);
}

#[test]
fn a_file_that_is_no_cache_is_not_replaced() {
    let scratch = Scratch::new();
    scratch.write("many.jsonl", &ten());
    let run = scratch.expect(2, &["access", "many.jsonl", "--cache", "many.jsonl"]);
    assert!(run.stderr.contains("no cache of answers") && run.stdout.is_empty(), "{}", run.stderr);
    assert_eq!(scratch.read("many.jsonl"), ten());
    assert!(scratch.expect(2, &["access", "many.jsonl", "--cache", "."]).stderr.contains("no regular file"));
    let run = scratch.expect(2, &["access", "many.jsonl", "--cache", "missing/answers"]);
    assert!(run.stderr.contains("does not exist") && run.stdout.is_empty(), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_cache_is_private_and_one_that_others_may_write_to_is_not_believed() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let scratch = Scratch::new();
    scratch.write("many.jsonl", &ten());
    let mode = || fs::metadata(scratch.path("answers")).expect("it is there").permissions().mode() & 0o777;
    scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
    assert_eq!(mode(), 0o600);
    fs::set_permissions(scratch.path("answers"), fs::Permissions::from_mode(0o622)).expect("ours");
    let run = scratch.expect(0, &["access", "many.jsonl", "--cache", "answers"]);
    assert!(run.stderr.contains("others may write"), "{}", run.stderr);
    assert_eq!(mode(), 0o600);
}
