//! The worked rows: questions with answers that were typed by hand.

mod access_reader;

use access_reader::Misreading;
use portcullis::analysis::access::{Format, answer};
use serde_json::{Value, json};

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

/// What was cut short, or is not there, is not an empty list: nothing of it is called closed, and
/// nothing whole.
#[test]
fn what_is_not_all_there_is_not_complete() {
    let group = |fields: Value| {
        let mut group = json!({"SecurityGroupId": "sg-1", "SecurityGroupType": "normal", "VpcId": "vpc-1"});
        group.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        group
    };
    let rule = json!({"SecurityGroupRuleId": "r1", "Direction": "ingress", "IpProtocol": "TCP", "PortRange": "443/443",
        "Policy": "Accept", "Priority": "1", "SourceCidrIp": "0.0.0.0/0"});
    let from_list = json!({"SecurityGroupRuleId": "r2", "Direction": "ingress", "IpProtocol": "TCP",
        "PortRange": "1/65535", "Policy": "Accept", "Priority": "1", "SourcePrefixListId": "pl-1"});
    let page = |token: &str| group(json!({"Permissions": {"Permission": [rule]}, "NextToken": token}));
    let groups = |groups: Value| json!({"Stages": ["SecurityGroup"], "SecurityGroups": groups});
    let acl = |acl: Value| json!({"Stages": ["ListenerAcl"], "Acls": acl, "Listener": {"AclStatus": "on", "AclType": "white", "AclIds": ["a"]}});
    let entry = |text: &str| json!({"AclEntryIP": text});
    let cases = [
        (false, groups(json!([group(json!({}))]))),
        (false, groups(json!([group(json!({"Permissions": null}))]))),
        (false, groups(json!([group(json!({"Permissions": {"Permission": null}}))]))),
        (true, groups(json!([group(json!({"Permissions": []}))]))),
        (false, groups(json!([page("AAAA")]))),
        (false, groups(json!([page("AAAA"), page("BBBB")]))),
        (true, groups(json!([page("AAAA"), page("")]))),
        (false, json!({"Stages": ["NlbSecurityGroup"], "SecurityGroups": [page("AAAA")]})),
        (
            false,
            json!({"Stages": ["SecurityGroup"], "SecurityGroups": [group(json!({"Permissions": [from_list]}))],
            "PrefixLists": [{"PrefixListId": "pl-1", "AddressFamily": "IPv4", "Entries": {"Entry": null}}]}),
        ),
        (false, acl(json!([{"AclId": "a", "TotalAclEntry": 3, "AclEntrys": [entry("10.0.0.0/8")]}]))),
        (false, acl(json!([{"AclId": "a", "TotalAclEntry": "x", "AclEntrys": [entry("10.0.0.0/8")]}]))),
        (false, acl(json!([{"AclId": "a", "AclEntrys": null}]))),
        // The same page twice is one page.
        (
            false,
            acl(json!([{"AclId": "a", "TotalAclEntry": 2, "AclEntrys": [entry("10.0.0.0/8")]},
                {"AclId": "a", "TotalAclEntry": 2, "AclEntrys": [entry("10.0.0.0/8")]}])),
        ),
        (
            true,
            acl(json!([{"AclId": "a", "TotalAclEntry": 2, "AclEntrys": [entry("10.0.0.0/8")]},
                {"AclId": "a", "TotalAclEntry": "2", "AclEntrys": [entry("8.8.8.8")]}])),
        ),
    ];
    for (number, (whole, fields)) in cases.into_iter().enumerate() {
        let mut question =
            json!({"Query": {"IpProtocol": "TCP", "Port": 15012, "AddressFamily": "ipv4", "SourcePath": "internet"}});
        question.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let answer = answers(&question.to_string()).remove(0);
        assert_eq!(answer["Complete"], whole, "case {number}: {answer}");
        if !whole {
            assert_eq!(answer["Exposure"], "Public", "case {number}: {answer}");
        }
    }
}
