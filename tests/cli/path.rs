//! `path`: saved questions about private paths.

use crate::scratch::Scratch;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/path-scenarios.jsonl");

fn scenario(number: usize) -> String {
    let all = std::fs::read_to_string(SCENARIOS).expect("the scenarios are there");
    all.lines().nth(number - 1).expect("there are 86").to_owned()
}

#[test]
fn the_worked_scenarios_are_answered_line_by_line() {
    let scratch = Scratch::new();
    let run = scratch.expect(0, &["path", SCENARIOS]);
    assert_eq!(run.stdout.lines().count(), 86);
    let answers: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("one answer a line")).collect();
    assert_eq!(answers[6]["CaseId"], "scn-007");
    assert_eq!(answers[6]["Pairs"][0]["Verdict"], "Blocked");
    assert_eq!(answers[6]["Pairs"][0]["Reasons"], serde_json::json!(["return:NoRoute@vtb-m"]));
}

#[test]
fn a_question_may_be_spread_over_lines() {
    let scratch = Scratch::new();
    let value: serde_json::Value = serde_json::from_str(&scenario(6)).expect("scenarios are JSON");
    scratch.write("one.json", &serde_json::to_string_pretty(&value).expect("JSON can be written"));
    let answer = scratch.expect(0, &["path", "one.json"]).json();
    assert_eq!((answer["CaseId"].as_str(), answer["Pairs"][0]["Via"].as_str()), (Some("scn-006"), Some("Route")));
}

#[test]
fn a_line_that_is_not_understood_is_answered_and_the_rest_goes_on() {
    let scratch = Scratch::new();
    let good = scenario(6);
    let lines = [
        good.as_str(),
        r#"{"CaseId": "no-topology", "Pairs": []}"#,
        r#"[{"CaseId": "list"}]"#,
        "not json",
        r#"{"CaseId": "port", "Topology": {}, "Pairs": [{"PairId": "p", "Mesh": {"VSwitchId": "a", "Port": 0}, "DataPlane": {"VSwitchId": "b"}}]}"#,
        r#"{"CaseId": "address", "Topology": {}, "Pairs": [{"PairId": "p", "Mesh": {"VSwitchId": "a", "PrivateIp": "10.0.0.300", "Port": 1}, "DataPlane": {"VSwitchId": "b"}}]}"#,
        r#"{"CaseId": "cut", "Topology": {"RouteTables": [{"RouteTableId": "t", "VpcId": "v"}]}, "Pairs": []}"#,
        good.as_str(),
    ];
    scratch.write("many.jsonl", &lines.join("\n"));
    let run = scratch.expect(2, &["path", "many.jsonl"]);
    let answers: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("one answer a line")).collect();
    assert_eq!(answers.len(), lines.len(), "{}", run.stdout);
    for (index, case_id) in
        [(1, Some("no-topology")), (2, None), (3, None), (4, Some("port")), (5, Some("address")), (6, Some("cut"))]
    {
        assert!(answers[index]["Error"].is_string(), "{}", answers[index]);
        assert_eq!(answers[index]["CaseId"].as_str(), case_id, "{}", answers[index]);
    }
    assert_eq!((answers[0]["Pairs"][0]["Verdict"].as_str(), &answers[0]), (Some("Connected"), &answers[7]));
}

#[test]
fn people_read_why_and_what_would_connect_the_ends() {
    let scratch = Scratch::new();
    scratch.write("blocked.jsonl", &format!("{}\n{}\n", scenario(7), scenario(8)));
    let text = scratch.expect(0, &["path", "blocked.jsonl", "--format", "text"]).stdout;
    assert!(text.contains("return:NoRoute@vtb-m"), "{text}");
    assert!(text.contains("add route in vtb-m: 10.1.1.0/24 -> VpcPeer:pcc-1"), "{text}");
    assert!(text.contains("activate pcc-1"), "{text}");
}

#[test]
fn text_from_outside_does_not_reach_the_terminal_as_it_is() {
    let scratch = Scratch::new();
    scratch.write("evil.jsonl", &format!("{}\n", scenario(7).replace("vtb-m", "\\u001b[2Jvtb")));
    let text = scratch.expect(0, &["path", "evil.jsonl", "--format", "text"]).stdout;
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[2Jvtb"), "{text}");
}
