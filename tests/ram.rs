//! The policies of `deploy/ram/` against every call that the program can make, by a policy evaluator of this test's own.
//!
//! Calls are taken from the source of `cloud::api` and from the table of writes; which of them a policy must allow, on
//! which resource and under which conditions is written here. Each action that is taken away must deny exactly the calls
//! that need it, so that no policy holds an action too many or too few.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use portcullis::{cloud::api::write::OPERATIONS, scan};
use serde_json::{Value, json};

const ROLES: [&str; 3] = ["scan", "remediate", "rollback"];

fn policy(role: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(format!("deploy/ram/{role}-policy.json")).unwrap()).unwrap()
}

/// One call as the permission check sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    action: String,
    resource: String,
    context: BTreeMap<String, String>,
}

fn call(action: &str, resource: &str, context: &[(&str, &str)]) -> Call {
    let pairs = context.iter().chain(&[("acs:SecureTransport", "true")]);
    let context = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Call { action: action.to_owned(), resource: resource.to_owned(), context }
}

fn read(action: &str) -> Call {
    call(action, "*", &[])
}

/// Denied by any statement that denies, else allowed by any that allows.
fn allows(policy: &Value, call: &Call) -> bool {
    let fits = |effect: &str| {
        policy["Statement"].as_array().unwrap().iter().any(|statement| {
            statement["Effect"] == effect
                && texts(&statement["Action"]).iter().any(|pattern| matches(pattern, &call.action))
                && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, &call.resource))
                && conditions_hold(&statement["Condition"], &call.context)
        })
    };
    fits("Allow") && !fits("Deny")
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        other => panic!("neither text nor list: {other}"),
    }
}

/// Every operator and every key must hold; a key that the call does not have does not hold.
fn conditions_hold(condition: &Value, context: &BTreeMap<String, String>) -> bool {
    condition.as_object().into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| {
            let Some(is) = context.get(key) else { return false };
            texts(wanted).iter().any(|wanted| match operator.as_str() {
                "Bool" => wanted.eq_ignore_ascii_case(is),
                "StringLike" => matches(wanted, is),
                other => panic!("this test does not know the operator {other}"),
            })
        })
    })
}

/// `*` stands for any text; letters in any case.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap()) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = &rest[at + before.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Products as the source names them, and as policies do.
const CODES: [(&str, &str); 14] = [
    ("Servicemesh", "servicemesh"),
    ("Cs", "cs"),
    ("Ecs", "ecs"),
    ("Vpc", "vpc"),
    ("Vpcpeer", "vpcpeer"),
    ("Cbn", "cen"),
    ("Slb", "slb"),
    ("Nlb", "nlb"),
    ("Privatelink", "privatelink"),
    ("Sts", "sts"),
    ("Resourcemanager", "resourcemanager"),
    ("Resourcedirectory", "resourcemanager"),
    ("Actiontrail", "actiontrail"),
    ("Sls", "log"),
];

/// The Rust files below a folder, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// Every read operation in the source of `cloud::api`, as the action that it needs, and its constant.
fn reads_in_source() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (path, text) in sources("src/cloud/api") {
        if path.starts_with("src/cloud/api/write") {
            continue;
        }
        for (before, after) in text.match_indices("Operation::").map(|(at, _)| text.split_at(at)) {
            let arguments = after.split_once('(').map_or("", |(_, rest)| rest);
            let quoted = arguments.split('"').nth(1).unwrap_or_default();
            let constant = before.rsplit_once("pub const ").map_or("", |(_, name)| name.split(':').next().unwrap());
            match arguments.trim_start().strip_prefix("Product::") {
                Some(rest) => {
                    let product = rest.split(',').next().unwrap();
                    let code = CODES.iter().find(|(name, _)| *name == product).unwrap().1;
                    found.insert(format!("{code}:{quoted}"), constant.to_owned());
                }
                None if after.starts_with("Operation::log_post") => {
                    assert_eq!(quoted, "GetLogsV2");
                    // One permission covers both versions of the operation.
                    found.insert("log:GetLogStoreLogs".to_owned(), constant.to_owned());
                }
                None => {}
            }
        }
    }
    assert!(found.len() > 50, "the search found too little to mean anything: {found:?}");
    assert!(found.keys().all(|action| !action.contains("Kubeconfig")), "no read may hand out a cluster");
    found
}

/// What no policy of ours grants, and why.
const ELSEWHERE: [(&str, &str); 5] = [
    ("sts:GetCallerIdentity", "needs no permission"),
    ("sts:AssumeRole", "granted with `organization` only"),
    ("resourcemanager:ListAccounts", "granted with `organization` only"),
    ("resourcemanager:GetResourceDirectory", "granted with `organization` only"),
    ("sts:AssumeRoleWithOIDC", "is not signed"),
];

fn every_read() -> Vec<Call> {
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(action, _)| (*action).to_owned()).collect();
    reads_in_source().keys().filter(|action| !elsewhere.contains(*action)).map(|action| read(action)).collect()
}

const CLUSTER: &str = "acs:cs:cn-hangzhou:1000000000000001:cluster/c1";
const EIP: &str = "acs:vpc:cn-hangzhou:1000000000000001:eip/eip-1";

/// The calls of one write operation, with the resource and the conditions that the vendor documents for it.
fn write_calls(action: &str) -> Vec<Call> {
    match action {
        "cs:ModifyCluster" => vec![opens(), closes()],
        "vpc:DeletionProtection" | "vpc:TagResources" | "vpc:UnTagResources" => vec![call(action, EIP, &[])],
        _ => vec![call(action, "*", &[])],
    }
}

fn opens() -> Call {
    let context = [("cs:EnableApiServerEip", "true"), ("cs:ApiServerEipId", "eip-1")];
    call("cs:ModifyCluster", CLUSTER, &context)
}

fn closes() -> Call {
    call("cs:ModifyCluster", CLUSTER, &[("cs:EnableApiServerEip", "false")])
}

fn every_write() -> Vec<Call> {
    OPERATIONS.iter().flat_map(|operation| write_calls(&operation.ram_action())).collect()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect()
}

/// The free functions of a file: names and bodies.
fn functions(text: &str) -> Vec<(&str, &str)> {
    let beginnings = ["pub fn ", "pub const fn ", "fn ", "const fn "];
    let starts = text.match_indices('\n').map(|(at, _)| &text[at + 1..]);
    let named = starts.filter_map(|rest| Some((beginnings.iter().find_map(|start| rest.strip_prefix(start))?, rest)));
    named
        .map(|(after, rest)| {
            let name = after.split(['(', '<']).next().unwrap();
            (name, rest.split("\n}").next().unwrap())
        })
        .collect()
}

/// What is compiled into the program, without its tests and without what makes the requests.
fn callers() -> Vec<String> {
    let is_caller = |path: &PathBuf| {
        let text = path.display().to_string();
        !["src/cloud/api", "src/sandbox"].iter().any(|start| path.starts_with(start))
            && !text.contains("/tests/")
            && !text.ends_with("/tests.rs")
    };
    let without_tests = |text: String| match text.find("#[cfg(test)]\nmod tests {") {
        Some(at) => text[..at].to_owned(),
        None => text,
    };
    sources("src").into_iter().filter(|(path, _)| is_caller(path)).map(|(_, text)| without_tests(text)).collect()
}

/// A policy allows what the program can ask; what nothing asks is not there to be allowed.
#[test]
fn every_operation_is_called() {
    let (api, callers) = (sources("src/cloud/api"), callers());
    let named: BTreeSet<&str> = callers.iter().flat_map(|text| words(text)).collect();
    let all: Vec<(&str, &str)> = api.iter().flat_map(|(_, text)| functions(text)).collect();
    // Functions that somebody calls, and those that these call.
    let mut called: BTreeSet<&str> = all.iter().map(|(name, _)| *name).filter(|name| named.contains(name)).collect();
    loop {
        let within: BTreeSet<&str> =
            all.iter().filter(|(name, _)| called.contains(name)).flat_map(|(_, body)| words(body)).collect();
        let before = called.len();
        called.extend(all.iter().map(|(name, _)| *name).filter(|name| within.contains(name)));
        if called.len() == before {
            break;
        }
    }
    let bodies: BTreeSet<&str> =
        all.iter().filter(|(name, _)| called.contains(name)).flat_map(|(_, body)| words(body)).collect();
    let writes = api.iter().filter(|(path, _)| path.starts_with("src/cloud/api/write")).flat_map(|(_, text)| {
        text.split("pub const ").skip(1).filter_map(|rest| rest.split_once(": WriteOperation =")).map(|(name, _)| name)
    });
    let mut constants: BTreeSet<String> = writes.map(str::to_owned).collect();
    assert_eq!(constants.len(), OPERATIONS.len(), "{constants:?}");
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(action, _)| *action).collect();
    constants
        .extend(reads_in_source().into_iter().filter(|(act, _)| !elsewhere.contains(&**act)).map(|(_, name)| name));
    assert!(constants.len() > 60, "{constants:?}");
    let idle: Vec<&String> = constants.iter().filter(|name| !bodies.contains(name.as_str())).collect();
    assert!(idle.is_empty(), "nothing calls {idle:?}");
}

/// What each role is for.
fn calls_of(role: &str) -> Vec<Call> {
    match role {
        "scan" => scan::permissions().iter().map(|permission| read(&permission.action)).collect(),
        "remediate" => every_read().into_iter().chain(every_write()).filter(|call| *call != opens()).collect(),
        "rollback" => vec![opens()],
        other => panic!("no role {other}"),
    }
}

#[test]
fn the_program_prints_the_policies_of_the_folder() {
    for role in ROLES {
        let arguments = ["doctor".to_owned(), format!("--policy={role}")];
        let printed = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).output().unwrap();
        let committed = fs::read_to_string(format!("deploy/ram/{role}-policy.json")).unwrap();
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), committed, "{role}");
    }
}

#[test]
fn every_call_is_allowed_to_whom_it_is_for_and_to_nobody_else() {
    let everything: Vec<Call> = every_read().into_iter().chain(every_write()).collect();
    for role in ROLES {
        let (policy, own) = (policy(role), calls_of(role));
        for call in &own {
            assert!(allows(&policy, call), "{role}: {call:?}");
            let mut plain = call.clone();
            plain.context.insert("acs:SecureTransport".to_owned(), "false".to_owned());
            assert!(!allows(&policy, &plain), "{role}: over plain HTTP: {call:?}");
        }
        for other in everything.iter().filter(|call| !own.contains(call)) {
            assert!(!allows(&policy, other), "{role}: {other:?} is not its business");
        }
    }
}

#[test]
fn who_scans_can_write_nothing() {
    let policy = policy("scan");
    assert!(every_write().iter().all(|call| !allows(&policy, call)));
    let verbs = ["Describe", "List", "Get", "Lookup"];
    for action in actions(&policy) {
        let (_, name) = action.split_once(':').unwrap();
        assert!(verbs.iter().any(|verb| name.starts_with(verb)), "{action}");
    }
}

#[test]
fn who_closes_a_cluster_cannot_open_it_and_who_opens_cannot_close() {
    let (remediate, rollback) = (policy("remediate"), policy("rollback"));
    assert!(allows(&remediate, &closes()) && !allows(&remediate, &opens()));
    assert!(allows(&rollback, &opens()) && !allows(&rollback, &closes()));
    // Whatever else a change of a cluster is, it is neither.
    let other = call("cs:ModifyCluster", CLUSTER, &[]);
    assert!(!allows(&remediate, &other) && !allows(&rollback, &other));
    let nameless = call("cs:ModifyCluster", CLUSTER, &[("cs:EnableApiServerEip", "true")]);
    assert!(!allows(&rollback, &nameless));
}

/// The actions that a policy allows.
fn actions(policy: &Value) -> Vec<String> {
    let allowing = policy["Statement"].as_array().unwrap().iter().filter(|statement| statement["Effect"] == "Allow");
    allowing.flat_map(|statement| texts(&statement["Action"])).collect()
}

#[test]
fn each_action_taken_away_denies_exactly_the_calls_that_need_it() {
    let mut tried = 0;
    for role in ROLES {
        let (whole, own) = (policy(role), calls_of(role));
        let listed = actions(&whole);
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "{role}: an action twice");
        for action in listed {
            assert!(!action.contains('*'), "{role}: {action} is not exact");
            let mut cut = whole.clone();
            for statement in cut["Statement"].as_array_mut().unwrap() {
                if statement["Effect"] == "Allow" {
                    statement["Action"].as_array_mut().unwrap().retain(|known| *known != json!(action));
                }
            }
            let denied: Vec<&Call> = own.iter().filter(|call| !allows(&cut, call)).collect();
            let expected: Vec<&Call> = own.iter().filter(|call| call.action == action).collect();
            assert_eq!(denied, expected, "{role} without {action}");
            assert!(!expected.is_empty(), "{role}: nothing needs {action}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_later_and_wider_grant_gives_nobody_a_kubeconfig() {
    let never = [
        "servicemesh:DescribeServiceMeshKubeconfig",
        "servicemesh:InvokeApiServer",
        "cs:DescribeClusterUserKubeconfig",
        "cs:DescribeClusterV2UserKubeconfig",
        "vpc:ReleaseEipAddress",
        "vpc:UnassociateEipAddress",
    ];
    let never_changed = ["servicemesh:ModifyPilotEipResource", "servicemesh:UpdateMeshFeature", "cs:ModifyCluster"];
    let never_by_a_change =
        ["ram:CreatePolicy", "servicemesh:DeleteServiceMesh", "servicemesh:RevokeKubeconfig", "cs:DeleteCluster"];
    for role in ROLES {
        let mut wide = policy(role);
        let everything = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        wide["Statement"].as_array_mut().unwrap().push(everything);
        let more: &[&str] = if role == "scan" { &never_changed } else { &never_by_a_change };
        for action in never.iter().chain(more) {
            assert!(!allows(&wide, &read(action)), "{role}: {action}");
        }
        assert!(allows(&wide, &read("ecs:DescribeInstances")), "the grant is wide");
    }
}

#[test]
fn the_evaluator_reads_patterns() {
    for (pattern, text, fits) in [
        ("cs:Modify*", "cs:ModifyCluster", true),
        ("cs:modify*", "CS:ModifyCluster", true),
        ("cs:Modify*", "cs:DescribeCluster", false),
        ("*", "anything", true),
        ("acs:vpc:*:*:eip/*", "acs:vpc:cn-hangzhou:1:eip/eip-1", true),
        ("acs:vpc:*:*:eip/*", "acs:vpc:cn-hangzhou:1:vswitch/eip", false),
        ("a*b*c", "axxbyyc", true),
        ("a*b", "ab", true),
        ("ab*b", "ab", false),
        ("a", "ab", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}
