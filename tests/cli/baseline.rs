//! `scan --baseline`: what an earlier run had is not told again, and what is new or worse still counts.

use serde_json::Value;

use crate::scratch::{EMPTY_WORLD, OPEN_WORLD, Scratch};

fn findings(report: &Value) -> Vec<(&str, bool)> {
    let findings = report["findings"].as_array().expect("there is a list").iter();
    findings.map(|one| (one["rule_id"].as_str().unwrap_or_default(), one["baselined"] == true)).collect()
}

#[test]
fn what_is_known_does_not_count_and_is_not_listed() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let scan = |code, more: &[&str]| {
        let run = scratch.expect(
            code,
            &[&["scan", "--sandbox", "world.json", "-o", "json=report.json", "-o", "table"], more].concat(),
        );
        let report: Value = crate::scratch::report(&scratch.read("report.json"));
        (run.stdout, report)
    };
    let (_, first) = scan(1, &[]);
    assert!(findings(&first).iter().all(|(_, baselined)| !baselined));
    std::fs::copy(scratch.path("report.json"), scratch.path("known.json")).expect("it can be copied");
    for word in ["latest", "known.json", first["run"]["id"].as_str().expect("it has an id")] {
        let (table, second) = scan(0, &["--baseline", word]);
        assert_eq!(second["verdict"], "pass", "{word}");
        assert!(findings(&second).iter().all(|(_, baselined)| *baselined), "{word}");
        let known = findings(&first).len();
        assert_eq!(second["summary"]["baselined"], known, "{word}");
        assert!(table.contains(&format!("{known} known from the baseline and not listed")), "{table}");
        assert!(!table.contains("Findings, by rule") && !table.contains("control-plane-open-to-untrusted"), "{table}");
    }
}

#[test]
fn what_is_new_or_worse_counts() {
    let scratch = Scratch::new();
    scratch.write("world.json", EMPTY_WORLD);
    scratch.expect(0, &["scan", "--sandbox", "world.json"]);
    scratch.write("world.json", OPEN_WORLD);
    let report = scratch.expect(1, &["scan", "--sandbox", "world.json", "--baseline", "latest", "-o", "json"]).json();
    assert!(findings(&report).iter().all(|(_, baselined)| !baselined));

    scratch.write("portcullis.yaml", "version: 1\nrules: {severity: {control-plane-open-to-untrusted: low}}\n");
    scratch.expect(1, &["scan", "--sandbox", "world.json"]);
    scratch.write("portcullis.yaml", "version: 1\n");
    let report = scratch.expect(1, &["scan", "--sandbox", "world.json", "--baseline", "latest", "-o", "json"]).json();
    for (rule, baselined) in findings(&report) {
        assert_eq!(baselined, rule != "control-plane-open-to-untrusted", "{rule}: it was low and is critical");
    }
}

/// The same finding about the same endpoint, whose white list went meanwhile.
#[test]
fn an_exposure_that_has_grown_is_new() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let trusted = ["--trusted", "128.0.0.0/1"];
    let scan = |code, more: &[&str]| {
        let base = ["scan", "--sandbox", "world.json", "-o", "json"];
        scratch.expect(code, &[&base[..], more].concat()).json()
    };
    // Half of the addresses are trusted, then none: more untrusted ones get in, by the same rules.
    let narrow = scan(1, &trusted);
    let row = |report: &Value| report["endpoints"][0]["access"][0]["untrusted"].to_string();
    let wide = scan(1, &["--baseline", "latest"]);
    assert_ne!(row(&narrow), row(&wide));
    let grown = "control-plane-open-to-untrusted";
    assert!(findings(&wide).contains(&(grown, false)), "{:?}", findings(&wide));
    scan(0, &["--baseline", "latest"]);
}

#[test]
fn a_baseline_that_is_not_there_is_told_before_anything_is_read() {
    let scratch = Scratch::new();
    for word in ["latest", "0193", "none.json"] {
        let run = scratch.expect(2, &["scan", "--sandbox", "clean", "--baseline", word]);
        assert!(run.stdout.is_empty(), "{word}");
    }
}

/// Of ten small blocks a message shows eight, so that the tenth can become anything under the same text.
#[test]
fn a_group_that_has_grown_behind_the_end_of_its_message_is_new() {
    let scratch = Scratch::new();
    let world = |last: &str| {
        let mut world: Value =
            serde_json::from_str(include_str!("../../src/sandbox/worlds/demo/world.json")).expect("a world is JSON");
        world["faults"] = Value::Array(Vec::new());
        for group in world["accounts"][0]["ecs"]["security_groups"].as_array_mut().expect("a list") {
            let rule = group["Permissions"]["Permission"][0].clone();
            let blocks = (0..9).map(|number| format!("9.{number}.0.0/24")).chain([last.to_owned()]);
            let rules: Vec<Value> = blocks
                .enumerate()
                .map(|(number, block)| {
                    let mut rule = rule.clone();
                    let id = format!("sgr-{number}");
                    let fields = [
                        ("SourceCidrIp", block.as_str()),
                        ("Ipv6SourceCidrIp", ""),
                        ("SourceGroupId", ""),
                        ("SourcePrefixListId", ""),
                        ("IpProtocol", "TCP"),
                        ("PortRange", "1/65535"),
                        ("PortRangeListId", ""),
                        ("SourcePortRange", ""),
                        ("DestCidrIp", ""),
                        ("Policy", "Accept"),
                        ("Priority", "1"),
                        ("Direction", "ingress"),
                        ("SecurityGroupRuleId", id.as_str()),
                    ];
                    for (key, value) in fields {
                        rule[key] = value.into();
                    }
                    rule
                })
                .collect();
            group["Permissions"]["Permission"] = rules.into();
        }
        world.to_string()
    };
    let admitting = |report: &Value| -> Vec<(String, String, bool)> {
        let findings = report["findings"].as_array().expect("a list").iter();
        findings
            .filter(|one| one["rule_id"] == "security-group-admits-untrusted" && one["status"] == "open")
            // Not those in front of network load balancers, which admit everybody whom no rule drops.
            .filter(|one| one["message"].as_str().is_some_and(|text| text.contains(": 9.0.0.0/24, ")))
            .map(|one| (one["fingerprint"].to_string(), one["message"].to_string(), one["baselined"] == true))
            .collect()
    };
    let scan = |text: &str, more: &[&str]| {
        scratch.write("world.json", text);
        scratch.run(&[&["scan", "--sandbox", "world.json", "-o", "json"], more].concat()).json()
    };
    let before = admitting(&scan(&world("9.200.0.0/24"), &[]));
    assert!(!before.is_empty());
    let same = admitting(&scan(&world("9.200.0.0/24"), &["--baseline", "latest"]));
    assert!(same.iter().all(|(.., baselined)| *baselined), "{same:?}");
    let grown = admitting(&scan(&world("128.0.0.0/1"), &["--baseline", "latest"]));
    assert_eq!(grown.len(), before.len());
    for ((fingerprint, message, _), (known, text, baselined)) in before.iter().zip(&grown) {
        assert_eq!((fingerprint, message), (known, text), "nothing in the text tells of it");
        assert!(!baselined, "{text}");
    }
}

/// Without its baseline, a scan would count everything that is known.
#[test]
fn a_store_that_cannot_be_opened_refuses_a_baseline_of_it() {
    let scratch = Scratch::new();
    scratch.write("data", "a file stands where the folder would be");
    let run = scratch.expect(2, &["scan", "--sandbox", "empty", "--baseline", "latest"]);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}
