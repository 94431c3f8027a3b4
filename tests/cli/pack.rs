//! Frameworks, control by control.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scratch::Scratch;

const PACKS: [&str; 6] =
    ["cis-ack", "cis-alibaba-2.0", "iso27001-2022", "mlps-2-level-3", "nist-800-53-r5", "pci-dss-4.0"];

fn statuses(answer: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    let controls = answer["controls"].as_array().expect("a list");
    controls.iter().map(|control| (text(&control["id"]), text(&control["status"]))).collect()
}

#[test]
fn every_control_follows_from_the_findings_of_its_rules() {
    let scratch = Scratch::new();
    scratch.expect(4, &["scan", "--sandbox", "demo"]);
    let report = scratch.expect(0, &["report", "-o", "json"]).json();
    let findings = report["findings"].as_array().expect("a list");
    for pack in PACKS {
        let answer = scratch.expect(0, &["report", "--pack", pack, "-o", "json"]).json();
        assert_eq!((&answer["schema"], &answer["pack"]), (&"portcullis.pack/v1".into(), &pack.into()));
        for control in answer["controls"].as_array().expect("a list") {
            let rules = control["rules"].as_array().expect("a list");
            let evidence: Vec<&Value> =
                control["findings"].as_array().expect("a list").iter().map(|finding| &finding["fingerprint"]).collect();
            // What the report says of each finding: the control that it speaks against, and the finding itself.
            let name = format!("{pack}:{}", control["id"].as_str().expect("a word"));
            let speaking: Vec<&Value> = findings
                .iter()
                .filter(|finding| {
                    finding["controls"].as_array().expect("a list").iter().any(|one| *one == name.as_str())
                })
                .collect();
            assert!(
                evidence.iter().all(|one| speaking.iter().any(|finding| finding["fingerprint"] == **one)),
                "{name}"
            );
            let open =
                control["findings"].as_array().expect("a list").iter().any(|finding| finding["status"] == "open");
            let expected = match (rules.is_empty(), open) {
                (true, _) => "not-covered",
                (false, true) => "fail",
                // Six reads of the demo world are denied: nothing passes.
                (false, false) => "unknown",
            };
            assert_eq!(control["status"], expected, "{name}");
        }
    }
    // Findings about meshes say nothing of clusters.
    let ack = scratch.expect(0, &["report", "--pack", "cis-ack", "-o", "json"]).json();
    for control in ack["controls"].as_array().expect("a list") {
        let kinds = control["findings"].as_array().expect("a list").iter().map(|finding| &finding["resource_kind"]);
        assert!(kinds.into_iter().all(|kind| kind == "cluster"), "{control}");
    }
    let text = scratch.expect(0, &["report", "--pack", "cis-ack"]).stdout;
    assert!(text.contains("fail") && text.contains("6.3.2") && text.contains("Leaves out:"), "{text}");
    for format in ["csv", "markdown"] {
        let text = scratch.expect(0, &["report", "--pack", "cis-ack", "-o", format]).stdout;
        assert!(text.contains("6.3.2") && text.contains("not-covered"), "{text}");
    }
}

#[test]
fn a_clean_cloud_passes_what_is_covered_and_a_disabled_rule_passes_nothing() {
    let scratch = Scratch::new();
    scratch.expect(0, &["scan", "--sandbox", "clean"]);
    for pack in PACKS {
        let answer = scratch.expect(0, &["report", "--pack", pack, "-o", "json"]).json();
        for control in answer["controls"].as_array().expect("a list") {
            let covered = !control["rules"].as_array().expect("a list").is_empty();
            assert_eq!(control["status"], if covered { "pass" } else { "not-covered" }, "{control}");
        }
    }
    scratch.write("portcullis.yaml", "version: 1\nrules: {disable: [control-plane-public-eip]}\n");
    scratch.expect(0, &["scan", "--sandbox", "clean"]);
    let answer = scratch.expect(0, &["report", "--pack", "cis-ack", "-o", "json"]).json();
    assert_eq!(statuses(&answer)["6.3.2"], "unknown");
    assert_eq!(statuses(&answer)["6.3.1"], "pass");
}

#[test]
fn packs_are_listed_with_what_they_leave_out() {
    let scratch = Scratch::new();
    let list = scratch.expect(0, &["rules", "packs"]).stdout;
    for pack in PACKS {
        assert!(list.contains(pack), "{list}");
        let one = scratch.expect(0, &["rules", "packs", pack]).stdout;
        assert!(one.contains("Leaves out") && one.contains("Source") && one.contains("Controls"), "{one}");
    }
    let slip = scratch.expect(2, &["report", "--pack", "cis-ak"]);
    assert!(slip.stderr.contains("did you mean `cis-ack`"), "{}", slip.stderr);
    scratch.expect(2, &["report", "--pack", "cis-ack", "-o", "sarif"]);
}
