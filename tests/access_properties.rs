//! Properties of the access engine over random questions, held against a literal reader that
//! shares no code with it.

mod access_reader;

use std::collections::BTreeSet;

use access_reader::Misreading;
use portcullis::analysis::access::{Format, Group, Lists, Question, RuleView, answer, shadowed_rules};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

/// Blocks that nest, touch, and lie at both ends of the address space. A few are malformed.
const SOURCES: &[&str] = &[
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "8.8.8.0/24",
    "8.8.8.0/25",
    "8.8.8.128/25",
    "8.8.8.8",
    "8.8.8.9/32",
    "8.8.8.77/28",
    "10.0.0.0/8",
    "10.0.0.5",
    "11.0.0.0",
    "255.255.255.255",
    "255.255.255.0/24",
    "0.0.0.0/32",
    "010.0.0.1/8",
    "::/0",
    " ",
];

const SOURCES_V6: &[&str] = &[
    "::/0",
    "8000::/1",
    "::/1",
    "2408:4005::/32",
    "2408:4005::1",
    "2001:db8::/32",
    "::ffff:8.8.8.0/120",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2408::/129",
    "8.8.8.8",
    "8.8.8.8 ",
];

const GOOD_SOURCES: &[&str] =
    &["8.8.8.0/24", "8.8.8.8", "10.0.0.0/8", "0.0.0.0/1", "2408:4005::/32", "::/2", "9.9.9.9/31"];

/// Mostly `usual`, now and then one of `odd`.
fn mostly(usual: &'static [&'static str], odd: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => select(usual), 1 => select(odd)]
}

fn rule() -> impl Strategy<Value = Value> {
    let source = prop_oneof![
        8 => select(SOURCES).prop_map(|text| json!({"SourceCidrIp": text})),
        4 => select(SOURCES_V6).prop_map(|text| json!({"Ipv6SourceCidrIp": text})),
        1 => (select(SOURCES), select(SOURCES_V6))
            .prop_map(|(v4, v6)| json!({"SourceCidrIp": v4, "Ipv6SourceCidrIp": v6})),
        1 => select(&["sg-0", "sg-x", "sg-unknown", " "][..]).prop_map(|text| json!({"SourceGroupId": text})),
        3 => select(&["pl-a", "pl-b", "pl-c", "pl-d", "pl-unknown"][..]).prop_map(|text| json!({"SourcePrefixListId": text})),
        1 => Just(json!({})),
    ];
    let ports = prop_oneof![
        8 => select(&["443/443", "1/65535", "-1/-1", "443/444", "22/443", "22/22", "22/22,400/500"][..])
            .prop_map(|text| json!({"PortRange": text})),
        1 => select(&["443", "443/22", "", "443/443,x"][..]).prop_map(|text| json!({"PortRange": text})),
        1 => select(&["prl-a", "prl-b", "prl-unknown"][..]).prop_map(|text| json!({"PortRangeListId": text})),
    ];
    let rest = (
        mostly(&["ingress"], &["egress", ""]),
        mostly(&["TCP", "ALL", "tcp"], &["UDP", "6", "17", "icmp", "x"]),
        mostly(&["Accept", "Drop"], &["accept", "DROP", "", "x"]),
        mostly(&["1", "2", "9", "10", "100", "99"], &["0", "110", "111", "", "01", "x"]),
        mostly(&["", "-1/-1"], &["1/1024", "1025/65535", "53/53", "1/65535", "7"]),
        mostly(&[""], &["10.0.0.0/24", "10.0.1.0/24", "0.0.0.0/0", "x"]),
        mostly(&[""], &["2408:4005::/64", "::/0"]),
        mostly(&[""], &["internet", "intranet", "x"]),
    );
    (source, ports, rest).prop_map(|(source, ports, rest)| {
        let (direction, protocol, policy, priority, source_port, dest, dest_v6, nic) = rest;
        let mut rule = json!({
            "Direction": direction, "IpProtocol": protocol, "Policy": policy, "Priority": priority,
            "SourcePortRange": source_port, "DestCidrIp": dest, "Ipv6DestCidrIp": dest_v6, "NicType": nic,
        });
        for part in [source, ports] {
            let fields = part.as_object().expect("an object").clone();
            rule.as_object_mut().expect("an object").extend(fields);
        }
        rule
    })
}

fn groups() -> impl Strategy<Value = Vec<Value>> {
    let group = (
        mostly(&["normal", "enterprise"], &[""]),
        mostly(&["Drop", "Accept"], &[""]),
        mostly(&["vpc-1"], &[""]),
        proptest::collection::vec(rule(), 0..7),
    );
    proptest::collection::vec(group, 0..4).prop_map(|groups| {
        let mut number = 0;
        let mut named = |mut rule: Value| {
            number += 1;
            rule["SecurityGroupRuleId"] = json!(format!("r{number}"));
            rule
        };
        groups
            .into_iter()
            .enumerate()
            .map(|(index, (kind, inner, vpc, rules))| {
                let rules: Vec<Value> = rules.into_iter().map(&mut named).collect();
                json!({
                    "SecurityGroupId": format!("sg-{index}"), "SecurityGroupType": kind,
                    "InnerAccessPolicy": inner, "VpcId": vpc, "Permissions": {"Permission": rules},
                })
            })
            .collect()
    })
}

fn listener() -> impl Strategy<Value = Value> {
    let status = mostly(&["on"], &["off", "", "x"]);
    let kind = mostly(&["white", "black"], &["", "x"]);
    let ids = proptest::collection::vec(mostly(&["a", "b", "empty"], &["bad", "unknown"]), 0..3);
    prop_oneof![
        9 => (status, kind, ids)
            .prop_map(|(status, kind, ids)| json!({"AclStatus": status, "AclType": kind, "AclIds": {"AclId": ids}})),
        1 => Just(Value::Null),
    ]
}

fn question() -> impl Strategy<Value = Value> {
    let stages = select(vec![
        json!(["SecurityGroup"]),
        json!(["NlbSecurityGroup"]),
        json!(["ListenerAcl"]),
        json!(["SecurityGroup", "ListenerAcl"]),
        json!(["NlbSecurityGroup", "ListenerAcl"]),
    ]);
    let query = (select(&["ipv4", "ipv6", "both"][..]), select(&["internet", "private", "any"][..]));
    let destination = select(vec![json!(null), json!({"IPv4": "10.0.0.9"}), json!({"IPv6": "2408:4005::9"})]);
    let members = select(vec![json!({}), json!({"sg-0": ["10.0.0.5"], "sg-x": ["10.0.0.4/31", "2408:4005::7"]})]);
    (stages, query, groups(), listener(), proptest::collection::vec(select(GOOD_SOURCES), 0..3), destination, members)
        .prop_map(|(stages, (family, path), groups, listener, allowlist, destination, members)| {
            json!({
                "CaseId": "random",
                "Query": {"IpProtocol": "TCP", "Port": 443, "AddressFamily": family, "SourcePath": path},
                "Stages": stages, "SecurityGroups": groups, "Listener": listener, "Allowlist": allowlist,
                "DestinationIp": destination, "SourceGroupMembers": members,
                "PrefixLists": [
                    {"PrefixListId": "pl-a", "AddressFamily": "IPv4", "Entries": {"Entry": [
                        {"Cidr": "8.8.8.0/24"}, {"Cidr": "9.9.9.9"}]}},
                    {"PrefixListId": "pl-b", "AddressFamily": "IPv4", "Entries": {"Entry": [
                        {"Cidr": "8.8.8.8"}, {"Cidr": "bad"}]}},
                    {"PrefixListId": "pl-c", "AddressFamily": "IPv6", "Entries": {"Entry": [
                        {"Cidr": "8.8.8.0/25"}, {"Cidr": "2408:4005::/33"}]}},
                    {"PrefixListId": "pl-d", "AddressFamily": "IPv6", "Entries": {"Entry": [{"Cidr": " "}]}},
                ],
                "PortRangeLists": [
                    {"PortRangeListId": "prl-a", "Entries": {"Entry": [{"PortRange": "400/500"}]}},
                    {"PortRangeListId": "prl-b", "Entries": {"Entry": [{"PortRange": "22/22"}, {"PortRange": "x"}]}},
                ],
                "Acls": [
                    {"AclId": "a", "AclEntrys": {"AclEntry": [{"AclEntryIP": "8.8.8.0/25"}, {"AclEntryIP": "::/1"}]}},
                    {"AclId": "b", "AclEntrys": {"AclEntry": [{"AclEntryIP": "8.8.8.8"}]}},
                    {"AclId": "empty", "AclEntrys": {"AclEntry": []}},
                    {"AclId": "bad", "AclEntrys": {"AclEntry": [{"AclEntryIP": "9.9.9.9"}, {"AclEntryIP": "x"}]}},
                ],
            })
        })
}

fn answer_to(question: &Value) -> Value {
    let mut out = Vec::new();
    answer(question.to_string().as_bytes(), &mut out, Format::JsonLines).expect("memory can be read and written");
    serde_json::from_slice(&out).expect("answers are JSON")
}

fn without_rules(question: &Value, deleted: &BTreeSet<&str>) -> Value {
    let mut question = question.clone();
    for group in question["SecurityGroups"].as_array_mut().into_iter().flatten() {
        let rules = group["Permissions"]["Permission"].as_array_mut().expect("groups have rules");
        rules.retain(|rule| !deleted.contains(rule["SecurityGroupRuleId"].as_str().unwrap_or("")));
    }
    question
}

fn names(answer: &Value, field: &str) -> Vec<String> {
    answer[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The residue without what is let in by something else than a rule: inner access, and (as the
/// whole of it) a balancer's own accept or groups that could not be read.
fn rules_residue_is_empty(answer: &Value) -> bool {
    names(answer, "Blame").iter().all(|name| !name.starts_with('r'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_reads_as_a_person_does(question in question()) {
        let answer = answer_to(&question);
        let reading = access_reader::read(&question, &answer, None);
        let differences = access_reader::differences(&reading, &answer);
        prop_assert!(differences.is_empty(), "{question}\n{answer}\n{differences:?}");
    }

    #[test]
    fn deleting_the_fix_set_and_no_less_closes_the_groups(question in question()) {
        let answer = answer_to(&question);
        let fix_set = names(&answer, "FixSet");
        let all: BTreeSet<&str> = fix_set.iter().map(String::as_str).collect();
        let fixed = answer_to(&without_rules(&question, &all));
        prop_assert!(rules_residue_is_empty(&fixed), "{question}\n{answer}\n{fixed}");
        for kept in &all {
            let mut fewer = all.clone();
            fewer.remove(kept);
            let rest = answer_to(&without_rules(&question, &fewer));
            prop_assert!(!names(&rest, "FixSet").is_empty(), "{kept} need not be deleted: {question}\n{rest}");
        }
        let blamed: BTreeSet<String> = names(&answer, "Blame").into_iter().filter(|name| name.starts_with('r')).collect();
        prop_assert!(blamed.iter().all(|name| all.contains(name.as_str())), "Blame is within FixSet: {answer}");
    }

    /// Shares: where a person sees a rule decide, and whether less gets in without it.
    #[test]
    fn shares_are_what_a_person_counts(question in question()) {
        let text = question.to_string();
        let shares = Question::parse(&text).expect("a question").shares().expect("an answer").expect("few rules");
        let read = |question_now: &Value| access_reader::read(question_now, &question, None);
        let reading = read(&question);
        let counted: Vec<(String, String, bool)> = reading
            .decided
            .iter()
            .filter(|(name, _)| name.starts_with('r'))
            .map(|(name, cells)| {
                let without = read(&without_rules(&question, &BTreeSet::from([name.as_str()])));
                (name.clone(), access_reader::count(cells), without.residue != reading.residue)
            })
            .collect();
        let said: Vec<(String, String, bool)> =
            shares.into_iter().map(|share| (share.rule, share.addresses.to_string(), share.alone)).collect();
        prop_assert_eq!(said, counted, "{}", question);
    }

    #[test]
    fn the_order_of_rules_and_groups_does_not_matter(question in question(), turn in 0_usize..7) {
        let mut turned = question.clone();
        for group in turned["SecurityGroups"].as_array_mut().into_iter().flatten() {
            let rules = group["Permissions"]["Permission"].as_array_mut().expect("groups have rules");
            rules.reverse();
            let by = turn.min(rules.len());
            rules.rotate_left(by);
        }
        turned["SecurityGroups"].as_array_mut().expect("a list").reverse();
        prop_assert_eq!(answer_to(&question), answer_to(&turned));
    }

    /// A rule that is called shadowed can be deleted without any change, whatever is asked.
    #[test]
    fn shadowed_rules_change_nothing(question in question(), port in select(vec![22, 443, 444, 450, 65535])) {
        let shadowed = shadowed_of(&question);
        let mut asked = question.clone();
        asked["Query"]["Port"] = json!(port);
        let deleted: BTreeSet<&str> = shadowed.iter().map(String::as_str).collect();
        let (before, after) = (answer_to(&asked), answer_to(&without_rules(&asked, &deleted)));
        if asked["SecurityGroups"].as_array().is_some_and(|groups| !groups.is_empty()) {
            prop_assert_eq!(&before["Allowed"], &after["Allowed"]);
            prop_assert_eq!(&before["Residue"], &after["Residue"]);
        }
    }
}

fn view(rule: &[String; 15]) -> RuleView<'_> {
    let [
        id,
        direction,
        policy,
        priority,
        protocol,
        ports,
        port_list,
        cidr,
        cidr6,
        group,
        list,
        sport,
        dest,
        dest6,
        nic,
    ] = rule.each_ref().map(String::as_str);
    RuleView {
        id,
        direction,
        policy,
        priority,
        protocol,
        port_range: ports,
        port_range_list_id: port_list,
        source_cidr: cidr,
        source_cidr_v6: cidr6,
        source_group_id: group,
        source_prefix_list_id: list,
        source_port_range: sport,
        dest_cidr: dest,
        dest_cidr_v6: dest6,
        nic_type: nic,
    }
}

fn shadowed_of(question: &Value) -> Vec<String> {
    let text = |value: &'_ Value, key: &str| value[key].as_str().unwrap_or("").to_owned();
    let fields = [
        "SecurityGroupRuleId",
        "Direction",
        "Policy",
        "Priority",
        "IpProtocol",
        "PortRange",
        "PortRangeListId",
        "SourceCidrIp",
        "Ipv6SourceCidrIp",
        "SourceGroupId",
        "SourcePrefixListId",
        "SourcePortRange",
        "DestCidrIp",
        "Ipv6DestCidrIp",
        "NicType",
    ];
    let groups = question["SecurityGroups"].as_array().cloned().unwrap_or_default();
    let texts: Vec<(String, Vec<[String; 15]>)> = groups
        .iter()
        .map(|group| {
            let rules = group["Permissions"]["Permission"].as_array().cloned().unwrap_or_default();
            (text(group, "VpcId"), rules.iter().map(|rule| fields.map(|field| text(rule, field))).collect())
        })
        .collect();
    let groups: Vec<Group<'_>> = texts
        .iter()
        .map(|(vpc_id, rules)| Group { vpc_id, rules: rules.iter().map(view).collect(), ..Group::default() })
        .collect();
    let mut lists = Lists::default();
    lists.add_prefix_list("pl-a", "IPv4", ["8.8.8.0/24", "9.9.9.9"]);
    lists.add_prefix_list("pl-b", "IPv4", ["8.8.8.8", "bad"]);
    lists.add_prefix_list("pl-c", "IPv6", ["8.8.8.0/25", "2408:4005::/33"]);
    lists.add_prefix_list("pl-d", "IPv6", [" "]);
    lists.add_port_range_list("prl-a", ["400/500"]);
    lists.add_port_range_list("prl-b", ["22/22", "x"]);
    shadowed_rules(&groups, &lists)
}

/// The wrong readings differ from the engine on random questions too, not only on the rows.
#[test]
fn random_questions_tell_every_misreading_from_the_engine() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let questions: Vec<Value> =
        (0..600).map(|_| question().new_tree(&mut runner).expect("questions are generated").current()).collect();
    for misreading in Misreading::ALL {
        let caught = questions.iter().any(|question| {
            let answer = answer_to(question);
            let reading = access_reader::read(question, &answer, Some(misreading));
            !access_reader::differences(&reading, &answer).is_empty()
        });
        assert!(caught, "no question catches {misreading:?}");
    }
}

#[test]
fn answers_do_not_depend_on_the_number_of_threads() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut questions = String::new();
    for number in 0..800 {
        let mut question = question().new_tree(&mut runner).expect("questions are generated").current();
        question["CaseId"] = json!(format!("q{number}"));
        questions.push_str(&question.to_string());
        questions.push('\n');
    }
    let answers = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let mut out = Vec::new();
        let summary = pool.install(|| answer(questions.as_bytes(), &mut out, Format::JsonLines)).expect("in memory");
        assert_eq!((summary.answered, summary.failed), (800, 0));
        out
    };
    let one = answers(1);
    assert_eq!(one, answers(2));
    assert_eq!(one, answers(7));
    let ids: Vec<Value> = String::from_utf8(one)
        .expect("answers are UTF-8")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("answers are JSON")["CaseId"].take())
        .collect();
    assert!(ids.iter().enumerate().all(|(number, id)| *id == json!(format!("q{number}"))));
}
