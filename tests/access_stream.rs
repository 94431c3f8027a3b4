//! How saved questions are read: spellings, bad lines, long lines, the text for people.

use std::io::Read;

use portcullis::analysis::access::{AnswerError, Format, Summary, answer};
use serde_json::{Value, json};

const ROWS: &str = include_str!("data/access-rows.jsonl");

fn run(input: impl Read, format: Format) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = answer(input, &mut out, format).expect("memory can be read and written");
    (summary, String::from_utf8(out).expect("answers are UTF-8"))
}

fn lines(input: &[u8]) -> (Summary, Vec<Value>) {
    let (summary, text) = run(input, Format::JsonLines);
    (summary, text.lines().map(|line| serde_json::from_str(line).expect("answers are JSON")).collect())
}

/// A question whose answer is `8.8.8.0/24`.
fn question() -> Value {
    json!({
        "CaseId": "q",
        "Query": {"IpProtocol": "TCP", "Port": 443, "AddressFamily": "ipv4", "SourcePath": "internet"},
        "Stages": ["SecurityGroup"],
        "Allowlist": [],
        "SecurityGroups": [{"SecurityGroupId": "sg-0", "VpcId": "vpc-1", "Permissions": {"Permission": [{
            "SecurityGroupRuleId": "r1", "Direction": "ingress", "IpProtocol": "TCP", "PortRange": "443/443",
            "Policy": "Accept", "Priority": "1", "SourceCidrIp": "8.8.8.0/24"}]}}],
    })
}

fn changed(pointer: &str, key: &str, value: Value) -> Value {
    let mut question = question();
    question.pointer_mut(pointer).expect("the question has it")[key] = value;
    question
}

fn error_of(input: &[u8]) -> String {
    let (summary, answers) = lines(input);
    assert_eq!((summary.answered, summary.failed, answers.len()), (0, 1, 1), "{answers:?}");
    answers[0]["Error"].as_str().expect("an error").to_owned()
}

#[test]
fn one_object_may_be_spread_over_lines() {
    let pretty = serde_json::to_string_pretty(&question()).expect("JSON");
    for text in [pretty.clone(), format!("\u{feff}\n\n{pretty}\n\n"), pretty.replace('\n', "\r\n")] {
        let (summary, answers) = lines(text.as_bytes());
        assert_eq!((summary.answered, summary.failed), (1, 0));
        assert_eq!(answers[0]["Residue"], json!(["8.8.8.0/24"]));
    }
}

#[test]
fn lines_may_be_blank_end_in_carriage_returns_or_not_end() {
    let one = question().to_string();
    let text = format!("\u{feff}\r\n{one}\r\n\n   \n{one}\n{one}");
    let (summary, answers) = lines(text.as_bytes());
    assert_eq!((summary.answered, summary.failed, answers.len()), (3, 0, 3));
    assert_eq!(lines(b"").0, Summary::default());
    assert_eq!(lines(b"\n\n").0, Summary::default());
}

#[test]
fn a_bad_line_is_answered_and_the_rest_go_on() {
    let good = question().to_string();
    let text = format!(
        "{good}\n{{\"CaseId\": \"cut\", \"Query\": \n{good}\nnot json\n[1]\n{}\n{good}\n",
        json!({"CaseId": "none"})
    );
    let (summary, answers) = lines(text.as_bytes());
    assert_eq!((summary.answered, summary.failed), (3, 4));
    let case_ids: Vec<&Value> = answers.iter().map(|answer| &answer["CaseId"]).collect();
    assert_eq!(json!(case_ids), json!(["q", "cut", "q", null, null, "none", "q"]));
    let fields: Vec<&String> = answers[1].as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["CaseId", "Error"]);
    let error = answers[3]["Error"].as_str().expect("an error");
    assert!(error.starts_with("line 4: column ") && error.contains("one JSON object"), "{error}");
    assert!(answers[5]["Error"].as_str().is_some_and(|error| error.contains("missing field `Query`")));
}

#[test]
fn invalid_utf8_is_one_bad_line() {
    let good = question().to_string();
    let mut bytes = good.clone().into_bytes();
    bytes.extend(b"\n{\"CaseId\": \"latin\", \"x\": \"\xe9\"}\n");
    bytes.extend(good.bytes());
    let (summary, answers) = lines(&bytes);
    assert_eq!((summary.answered, summary.failed), (2, 1));
    assert_eq!(answers[1]["CaseId"], "latin");
    assert!(answers[1]["Error"].as_str().is_some_and(|error| error.contains("UTF-8")));
}

#[test]
fn words_of_the_schema_are_checked() {
    for (question, hint) in [
        (changed("/Query", "AddressFamily", json!("ipv5")), "ipv4, ipv6 or both"),
        (changed("/Query", "SourcePath", json!("internal")), "internet, private or any"),
        (changed("/Query", "IpProtocol", json!("ICMP")), "TCP or UDP"),
        (changed("/Query", "Port", json!(0)), "1 to 65535"),
        (changed("/Query", "Port", json!(65536)), "1 to 65535"),
        (changed("/Query", "Port", json!("\u{1b}[2J")), "\\u{1b}[2J"),
        (changed("", "Stages", json!(["Firewall"])), "SecurityGroup, NlbSecurityGroup or ListenerAcl"),
        (changed("", "Allowlist", json!(["8.8.8.0/24", "010.0.0.0/8"])), "Allowlist: `010.0.0.0/8`"),
        (changed("", "DestinationIp", json!({"IPv4": "10.0.0.0/8"})), "DestinationIp `10.0.0.0/8`"),
        (changed("", "Acls", json!([{"AclId": "a"}])), "missing field `AclEntrys`"),
        (changed("", "PrefixLists", json!([{"PrefixListId": "pl", "Entries": {}}])), "missing field `Entry`"),
    ] {
        let error = error_of(question.to_string().as_bytes());
        assert!(error.contains(hint), "{error} should say {hint}");
    }
    let twice = question().to_string().replacen("{\"", "{\"CaseId\": \"again\", \"", 1);
    assert!(error_of(twice.as_bytes()).contains("duplicate field `CaseId`"));
}

#[test]
fn untidy_wire_types_are_read() {
    let rules = &question()["SecurityGroups"][0]["Permissions"]["Permission"];
    for question in [
        changed("/SecurityGroups/0/Permissions/Permission/0", "Priority", json!(1)),
        changed("/SecurityGroups/0/Permissions/Permission/0", "SourcePortRange", json!(null)),
        changed("/SecurityGroups/0", "Permissions", rules.clone()),
        changed("/SecurityGroups/0", "Permissions", json!({"RequestId": "x", "Permission": rules})),
        changed("/Query", "Port", json!("443")),
        changed("/Query", "AddressFamily", json!("IPv4")),
        changed("", "PrefixLists", json!(null)),
        changed("", "DestinationIp", json!(null)),
        changed("/SecurityGroups/0/Permissions/Permission/0", "SourceCidrIp", json!("8.8.8.0\\u002f24")),
    ] {
        let text = question.to_string().replace("\\\\u002f", "\\u002f");
        let (summary, answers) = lines(text.as_bytes());
        assert_eq!((summary.answered, summary.failed), (1, 0), "{answers:?}");
        assert_eq!(answers[0]["Residue"], json!(["8.8.8.0/24"]), "{text}");
        assert_eq!(answers[0]["Complete"], true);
    }
}

/// Pages of one list, group or ACL may be pasted in one after the other.
#[test]
fn pages_of_a_list_are_united() {
    let page = |cidr| json!({"PrefixListId": "pl", "AddressFamily": "IPv4", "Entries": {"Entry": [{"Cidr": cidr}]}});
    let mut question = changed("", "PrefixLists", json!([page("9.9.9.9"), page("8.8.8.8")]));
    let rule = question.pointer_mut("/SecurityGroups/0/Permissions/Permission/0").expect("a rule");
    rule["SourceCidrIp"] = json!("");
    rule["SourcePrefixListId"] = json!("pl");
    let (_, answers) = lines(question.to_string().as_bytes());
    assert_eq!(answers[0]["Residue"], json!(["8.8.8.8/32", "9.9.9.9/32"]));
}

#[test]
fn a_rule_without_an_id_is_described() {
    let question = changed("/SecurityGroups/0/Permissions/Permission/0", "SecurityGroupRuleId", json!(null));
    let (_, answers) = lines(question.to_string().as_bytes());
    assert_eq!(answers[0]["Blame"], json!(["sg-0:Accept:1:TCP:443/443:8.8.8.0/24"]));
}

/// Gives a few bytes at a time, as a pipe may.
struct Drip<'b>(&'b [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.len().min(buffer.len()).min(1_000);
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

#[test]
fn long_input_is_answered_in_order_and_chunks() {
    let copies = 1 + (9 << 20) / ROWS.len();
    let text = ROWS.repeat(copies);
    let (summary, whole) = run(text.as_bytes(), Format::JsonLines);
    assert_eq!((summary.answered, summary.failed), (97 * copies as u64, 0));
    assert_eq!(summary.answered, summary.public + summary.private_only + summary.closed);
    let (_, once) = run(ROWS.as_bytes(), Format::JsonLines);
    assert!(whole == once.repeat(copies), "each copy is answered as the first one");
    let (_, dripped) = run(Drip(&text.as_bytes()[..8 << 20]), Format::JsonLines);
    assert!(whole.starts_with(dripped.rsplit_once("\n{").expect("answers").0));
}

#[test]
fn a_line_beyond_the_limit_is_skipped() {
    let good = question().to_string();
    let long = format!("{{\"CaseId\": \"long\", \"x\": \"{}\"}}", "x".repeat(80 << 20));
    let text = format!("{good}\n{long}\n{good}\n");
    let (summary, answers) = lines(text.as_bytes());
    assert_eq!((summary.answered, summary.failed), (2, 1));
    assert_eq!(answers[1]["CaseId"], "long");
    assert!(answers[1]["Error"].as_str().is_some_and(|error| error.starts_with("line 2: longer than 67108864 bytes")));
}

#[test]
fn people_are_told_the_share_of_each_rule_and_the_largest_first() {
    let mut question = question();
    let rules = question.pointer_mut("/SecurityGroups/0/Permissions/Permission").expect("rules");
    let rule = rules[0].clone();
    let mut add = |id: &str, source: &str, priority: &str| {
        let mut rule = rule.clone();
        rule["SecurityGroupRuleId"] = json!(id);
        rule["SourceCidrIp"] = json!(source);
        rule["Priority"] = json!(priority);
        rules.as_array_mut().expect("a list").push(rule);
    };
    // r1 (8.8.8.0/24) decides with `half` where both match, and `later` takes over if both are gone.
    add("half", "8.8.8.0/25", "1");
    add("later", "8.8.8.128/26", "2");
    add("apart", "9.0.0.0/8", "2");
    let (_, text) = run(question.to_string().as_bytes(), Format::Text);
    let shares = "  share      apart decides for 16777216; fewer get in without it\n             \
                  r1 decides for 256; fewer get in without it\n             \
                  half decides for 128; as many get in without it\n  delete     apart half later r1\n";
    assert!(text.ends_with(shares), "{text}");
}

#[test]
fn text_is_for_people_and_safe_for_terminals() {
    let (_, text) = run(question().to_string().as_bytes(), Format::Text);
    assert_eq!(
        text,
        "q  Public: 256 untrusted addresses\n  gets in    8.8.8.1\n  untrusted  8.8.8.0/24\n  blame      r1\n  share      r1 decides for 256; fewer get in without it\n  delete     r1\n"
    );
    let rule = "/SecurityGroups/0/Permissions/Permission/0";
    let (_, text) = run(changed(rule, "PortRange", json!("443")).to_string().as_bytes(), Format::Text);
    assert!(text.starts_with("q  Public: at most 256") && text.contains("certainly  none\n  blame      r1"), "{text}");
    let hostile = changed("", "CaseId", json!("\u{1b}[2J\u{202e}x"));
    let (_, text) = run(hostile.to_string().as_bytes(), Format::Text);
    assert!(text.starts_with("\\u{1b}[2J\\u{202e}x  Public"), "{text}");
    let (_, text) = run(&b"{\"CaseId\": \"\\u001b\"}"[..], Format::Text);
    assert!(text.starts_with("\\u{1b}  not understood: line 1: "), "{text}");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

impl std::io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn failures_of_the_ends_are_told_apart() {
    assert!(matches!(answer(Broken, Vec::new(), Format::JsonLines), Err(AnswerError::Read(_))));
    assert!(matches!(answer(ROWS.as_bytes(), Broken, Format::JsonLines), Err(AnswerError::Write(_))));
}

#[test]
fn a_list_is_no_question() {
    let texts = [format!("[{}]", question()), r#"["a", ["TCP", 443, "ipv4", "internet"], ["ListenerAcl"]]"#.to_owned()];
    for text in texts {
        assert!(error_of(text.as_bytes()).contains("a list; a question is one JSON object"));
    }
    let all_fields = r#"["a", {"IpProtocol": "TCP", "Port": 443, "AddressFamily": "ipv4", "SourcePath": "internet"}, ["ListenerAcl"],
        [], [], [], [], {}, {}, {"AclStatus": "off"}, []]"#
        .replace('\n', "");
    assert!(error_of(all_fields.as_bytes()).contains("a list"));
}
