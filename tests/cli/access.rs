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
