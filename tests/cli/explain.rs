//! `explain`: endpoints and findings of stored runs and report files, in full.

use crate::scratch::{OPEN_WORLD, Run, Scratch};

/// A report written by hand: a stale pilot, a needed and open one with hostile names, an API server to be moved off.
const REPORT: &str = include_str!("../explain/report.json");

fn fixture() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("report.json", REPORT);
    scratch
}

fn explain(scratch: &Scratch, code: i32, arguments: &[&str]) -> Run {
    scratch.expect(code, &[&["explain", "--run", "report.json"], arguments].concat())
}

/// What a line of the text says behind a label.
fn says(text: &str, label: &str) -> Vec<String> {
    let behind = |line: &str| line.trim_start().strip_prefix(label).map(|rest| rest.trim().to_owned());
    text.lines().filter_map(behind).collect()
}

#[test]
fn the_texts_are_as_committed() {
    let scratch = fixture();
    for (subject, name) in [
        ("c-stale", "stale"),
        ("c-required/istio-pilot", "required"),
        ("c-after", "after-migration"),
        ("sg-1", "group"),
    ] {
        let text = explain(&scratch, 0, &[subject]).stdout;
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/explain/{name}.txt"));
        if std::env::var_os("PORTCULLIS_BLESS").is_some() {
            std::fs::write(&path, &text).expect("the folder is there");
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == wanted, "tests/explain/{name}.txt differs: run with PORTCULLIS_BLESS=1 and read it\n{text}");
    }
}

#[test]
fn a_stale_endpoint_is_told_with_every_consumer_and_hop() {
    let text = explain(&fixture(), 0, &["c-stale"]).stdout;
    assert_eq!(says(&text, "Verdict"), ["stale: nobody needs it, medium confidence (0.80)"]);
    assert_eq!(
        says(&text, "Bound by"),
        ["alice at 2026-10-01T08:00:00Z with ModifyPilotEipResource from 198.51.100.20 (event E-1)"]
    );
    assert_eq!(says(&text, "There"), ["1. vpc-b/vtb-b 10.0.0.0/16 -> VpcPeer pcc-1"]);
    assert_eq!(says(&text, "Back"), ["1. vpc-a/vtb-a 10.1.0.0/16 -> VpcPeer pcc-1"]);
    assert_eq!(says(&text, "Private path"), ["connected, in the same VPC", "connected, by routes"]);
    assert_eq!(says(&text, "For example"), ["1.0.0.1"]);
    assert_eq!(says(&text, "Because of"), ["listener ACL off"]);
    assert!(text.contains("Unbind the EIP through the service."), "{text}");
}

#[test]
fn a_broken_path_is_told_in_words_with_what_would_mend_it() {
    let text = explain(&fixture(), 0, &["c-required/istio-pilot"]).stdout;
    assert_eq!(says(&text, "Breaks at"), ["forward:NoRoute@vtb-d"]);
    assert!(text.contains("On the way there: Route table vtb-d has no route to the address."), "{text}");
    assert_eq!(says(&text, "Would mend it"), ["1. add a route to 10.0.0.0/24 by peering pcc-2 to route table vtb-d"]);
    assert_eq!(says(&text, "Would decide"), ["a flow log of the load balancer's interface"]);
    assert_eq!(says(&text, "Admits"), ["203.0.113.9/32"]);
    assert!(says(&text, "Complete")[0].contains("must not be applied"), "{text}");
    assert_eq!(says(&text, "Rules to delete"), ["sgr-1"]);
    assert!(says(&text, "Unexpected")[0].starts_with("198.51.100.7: first 2026-11-01T00:00:00Z"), "{text}");
    assert!(!text.contains("aliyun "), "an allowlist that lacks somebody comes without commands: {text}");
    assert!(text.contains("cs:DescribeClusterDetail c-dark"), "the gap of a consumer: {text}");
}

/// The same, with an allowlist that lacks nobody.
fn with_a_complete_allowlist() -> Scratch {
    let scratch = Scratch::new();
    let report = REPORT.replace(r#""proposal_complete": false"#, r#""proposal_complete": true"#);
    assert_ne!(report, REPORT, "the report has an allowlist that lacks somebody");
    scratch.write("report.json", &report);
    scratch
}

/// The commands of a finding stand under the allowlist, and so do the words that announce them.
#[test]
fn no_finding_announces_commands_that_do_not_follow() {
    let scratch = Scratch::new();
    let said = "is needed in public and open.";
    let report = REPORT.replace(&format!("{said}\\n"), &format!("{said} Commands, none of which was run:\\n"));
    assert_ne!(report, REPORT, "a finding of the report has commands");
    scratch.write("report.json", &report);
    let text = explain(&scratch, 0, &["c-required/istio-pilot"]).stdout;
    assert!(text.contains(said) && !text.contains("none of which was run:"), "{text}");
}

#[test]
fn a_complete_allowlist_comes_with_the_commands_that_put_it_in_force() {
    let scratch = with_a_complete_allowlist();
    let text = explain(&scratch, 0, &["c-required/istio-pilot"]).stdout;
    let commands: Vec<&str> = text.lines().filter(|line| line.contains("aliyun ")).collect();
    let order = [
        "CreateAccessControlList",
        "AddAccessControlListEntry",
        "SetLoadBalancerTCPListenerAttribute",
        "AuthorizeSecurityGroup",
        "RevokeSecurityGroup",
    ];
    assert_eq!(commands.len(), order.len(), "{commands:#?}");
    assert!(commands.iter().zip(order).all(|(command, operation)| command.contains(operation)), "{commands:#?}");
    assert!(commands[4].ends_with("--SecurityGroupId sg-1 --SecurityGroupRuleId.1 sgr-1"), "{commands:#?}");
    let json = explain(&scratch, 0, &["c-required/istio-pilot", "--format", "json"]).json();
    assert_eq!(json["endpoints"][0]["narrowing"]["commands"].as_array().map(Vec::len), Some(order.len()));
}

#[test]
fn hostile_names_are_shown_and_never_obeyed() {
    for arguments in [&["c-required/istio-pilot"][..], &["c-required/istio-pilot", "--format", "json"], &["sg-1"]] {
        let run = explain(&fixture(), 0, arguments);
        let acts = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!run.stdout.contains(acts), "{:?}", run.stdout);
        assert!(!run.stdout.lines().any(|line| line.starts_with("exit 0")), "{}", run.stdout);
    }
    let run = explain(&fixture(), 2, &["\u{1b}[2Jx\nexit 0: clean"]);
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.lines().any(|line| line.starts_with("exit 0")));
}

#[test]
fn the_json_holds_what_the_schema_says() {
    let json = explain(&fixture(), 0, &["c-required/istio-pilot", "--format", "json"]).json();
    assert_eq!(json["schema"], "portcullis.explain/v1");
    assert_eq!(json["run"]["started_at"], "2026-11-20T06:00:00Z");
    assert_eq!(json["subject"]["resource_id"], "c-required");
    assert!(json["finding"].is_null());
    let story = &json["endpoints"][0];
    assert_eq!((&story["confidence_word"], json["endpoints"].as_array().map(Vec::len)), (&"high".into(), Some(1)));
    let reasons: Vec<(&str, &serde_json::Value)> = story["reasons"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|reason| (reason["reason"].as_str().expect("a text"), &reason["effect"]))
        .collect();
    assert_eq!(
        reasons,
        [
            ("forward:NoRoute@vtb-d", &"blocked".into()),
            ("forward:NovelCode@x-1", &serde_json::Value::Null),
            ("source:SecurityGroupUnreadable@sg-9", &"unknown".into()),
        ]
    );
    assert_eq!(story["narrowing"]["commands"], serde_json::json!([]));
    let rules: Vec<&str> =
        json["findings"].as_array().expect("a list").iter().filter_map(|finding| finding["rule_id"].as_str()).collect();
    assert_eq!(rules, ["required-exposure-open", "security-group-admits-untrusted"]);
    assert_eq!(json["gaps"][0]["resource_id"], "c-dark");
    // An endpoint that nobody needs gets no commands that would keep it.
    let stale = explain(&fixture(), 0, &["c-stale", "--format", "json"]).json();
    assert!(stale["endpoints"][0]["narrowing"].is_null());
}

#[test]
fn a_finding_is_found_by_fingerprint_prefix_or_resource_and_told_with_its_endpoints() {
    let scratch = fixture();
    for subject in ["v1:c", "cccccc", "sg-1"] {
        let json = explain(&scratch, 0, &[subject, "--format", "json"]).json();
        assert_eq!(json["finding"]["rule_id"], "security-group-admits-untrusted", "{subject}");
        assert_eq!(json["endpoints"][0]["endpoint"]["resource_id"], "c-required", "{subject}");
    }
    let text = explain(&scratch, 0, &["v1:d"]).stdout;
    assert_eq!(says(&text, "Waiver"), ["accepted until 2027-01-31 by ci@example.com, CAB-7: moves in January"]);
    assert!(text.contains("But first"), "{text}");
}

#[test]
fn what_names_nothing_or_several_things_is_refused_with_candidates() {
    let scratch = fixture();
    for (subject, advice) in [
        ("c-required", "c-required/mesh-api-server"),
        ("v1:", "4"),
        ("c-stael", "c-stale/istio-pilot"),
        ("zzz", "nearest"),
        ("ccccc", "nearest"),
    ] {
        let run = explain(&scratch, 2, &[subject]);
        assert!(run.stderr.contains(advice), "{subject}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{}", run.stdout);
    }
    scratch.expect(2, &["explain"]);
    scratch.expect(2, &["explain", ""]);
    assert!(scratch.expect(2, &["explain", "c-stale"]).stderr.contains("portcullis scan"), "nothing is stored");
}

#[test]
fn stored_runs_are_explained_by_id_and_latest() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let report = scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "json"]).json();
    let (id, run) = (report["endpoints"][0]["id"].as_str(), report["run"]["id"].as_str());
    let (id, run) = (id.expect("an endpoint"), run.expect("a run"));
    let latest = scratch.expect(0, &["explain", id]).stdout;
    assert_eq!(latest, scratch.expect(0, &["explain", id, "--run", run]).stdout);
    assert!(latest.contains("Who gets in") && latest.contains("control-plane-open-to-untrusted"), "{latest}");
    for finding in report["findings"].as_array().expect("a list") {
        let fingerprint = finding["fingerprint"].as_str().expect("a fingerprint");
        let json = scratch.expect(0, &["explain", &fingerprint[..20], "--format", "json"]).json();
        assert_eq!(json["finding"], *finding);
        assert!(!json["endpoints"].as_array().expect("a list").is_empty(), "{finding} concerns an endpoint");
    }
}

#[test]
fn colours_are_there_where_they_are_wanted() {
    let scratch = fixture();
    let colour = |arguments: &[&str]| explain(&scratch, 0, arguments).stdout.contains('\u{1b}');
    assert!(colour(&["c-stale", "--color", "always"]));
    assert!(!colour(&["c-stale"]), "a pipe has none");
    assert!(!colour(&["c-stale", "--color", "never"]));
}

/// Whoever closes things later must not touch what is marked, however the mark is spelt, and whatever carries it.
#[test]
fn what_is_tagged_never_to_be_changed_is_shown() {
    let scratch = Scratch::new();
    let scan = |tag: Option<&str>| {
        let mut world: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
        if let Some(key) = tag {
            world["accounts"][0]["cs"]["clusters"][0]["tags"] = serde_json::json!([{"key": key, "value": "no"}]);
        }
        scratch.write("world.json", &world.to_string());
        scratch.run(&["scan", "--sandbox", "world.json"]);
    };
    scan(None);
    let plain = scratch.expect(0, &["explain", "cluster-api-server", "--format", "json"]).json();
    assert_eq!(plain["endpoints"][0]["protected"], false);
    scan(Some(" Portcullis:PROTECT "));
    let told = scratch.expect(0, &["explain", "cluster-api-server", "--format", "json"]).json();
    assert_eq!(told["endpoints"][0]["protected"], true, "{told:#}");
    assert_eq!(told["endpoints"][0]["endpoint"]["protected_by"][0], told["subject"]["resource_id"]);
    let text = scratch.expect(0, &["explain", "cluster-api-server"]).stdout;
    assert!(text.contains("Protected") && text.contains("never changed by Portcullis"), "{text}");
}

/// The list in front of it may not be read, and is neither its own resource nor its balancer.
#[test]
fn the_read_of_an_access_control_list_that_failed_is_told_of_who_stands_behind_it() {
    let scratch = Scratch::new();
    scratch.expect(4, &["scan", "--sandbox", "demo"]);
    let told = scratch.expect(0, &["explain", "c9b72086882a0794b87085ecb84f59c87"]).stdout;
    assert!(told.contains("slb:DescribeAccessControlListAttribute acl-gw86ccrdxl8qb29ggw"), "{told}");
    let told = scratch.expect(0, &["explain", "c8c190a9017f7efad5f2cc7d3eef5c242"]).stdout;
    assert!(!told.contains("DescribeAccessControlListAttribute"), "{told}");
}
