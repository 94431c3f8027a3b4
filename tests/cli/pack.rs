//! Frameworks, control by control.

use std::collections::{BTreeMap, BTreeSet};

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
            // No group stands in front of a control plane that is not public, and every public balancer has an owner.
            let looked_at = control["id"] != "3.5" && control["id"] != "CM-8";
            assert_eq!(control["status"], if covered && looked_at { "pass" } else { "not-covered" }, "{control}");
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

fn of_pack(scratch: &Scratch, pack: &str) -> Value {
    scratch.expect(0, &["report", "--pack", pack, "-o", "json"]).json()
}

fn control<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let of_id = |control: &&Value| control["id"] == id;
    answer["controls"].as_array().expect("a list").iter().find(of_id).expect("it is there")
}

#[test]
fn a_pass_rests_on_what_the_control_is_about_and_says_of_how_many() {
    let scratch = Scratch::new();
    scratch.expect(0, &["scan", "--sandbox", "clean"]);
    let report = scratch.expect(0, &["report", "-o", "json"]).json();
    let endpoints = report["endpoints"].as_array().expect("a list");
    let meshes: BTreeSet<&str> = endpoints
        .iter()
        .filter(|endpoint| endpoint["resource_kind"] == "mesh")
        .map(|endpoint| endpoint["resource_id"].as_str().expect("an id"))
        .collect();
    assert!(meshes.len() > 1 && meshes.len() < endpoints.len(), "{}", meshes.len());
    // Whether a public path has consumers left says nothing of whether the components are known.
    let nist = of_pack(&scratch, "nist-800-53-r5");
    assert_eq!(control(&nist, "CM-8")["status"], "not-covered");
    // The audit log of a mesh's API server is none of the boundary's.
    let mlps = of_pack(&scratch, "mlps-2-level-3");
    assert_eq!(
        (&control(&mlps, "8.1.3.5")["status"], control(&mlps, "8.1.3.5")["rules"].to_string().as_str()),
        (&"not-covered".into(), "[]")
    );
    for (pack, id) in [
        ("nist-800-53-r5", "AU-12"),
        ("mlps-2-level-3", "8.1.4.3"),
        ("iso27001-2022", "A.8.15"),
        ("pci-dss-4.0", "10.2.1"),
    ] {
        let answer = of_pack(&scratch, pack);
        let of_meshes = control(&answer, id);
        assert!(of_meshes["title"].to_string().contains("(meshes only)"), "{of_meshes}");
        let reason = of_meshes["reason"].as_str().expect("a sentence");
        let expected = format!("nothing found by 1 rule about {} meshes; ", meshes.len());
        assert!(of_meshes["status"] == "pass" && reason.starts_with(&expected), "{reason}");
        assert!(!reason.contains("endpoint") && !reason.contains("control plane"), "{reason}");
    }
    // Each kind of thing with its number, and with the rules that looked at it.
    let boundary = control(&nist, "SC-7")["reason"].as_str().expect("a sentence");
    assert!(boundary.contains(&format!("rules about {} endpoints", endpoints.len())), "{boundary}");
    assert!(
        boundary.contains("nothing to look at for") && boundary.contains("security-group-admits-untrusted"),
        "{boundary}"
    );
}

#[test]
fn an_open_control_plane_passes_no_boundary_and_what_was_not_looked_at_passes_nothing() {
    let scratch = Scratch::new();
    // One API server that everybody reaches, of which nobody knows whether it is needed; no log, no mesh, no group.
    scratch.expect(1, &["scan", "--sandbox", "nlb-internet"]);
    let expected = [
        ("pci-dss-4.0", "1.4.1", "fail"),
        ("pci-dss-4.0", "1.4.2", "fail"),
        ("iso27001-2022", "A.8.21", "fail"),
        ("iso27001-2022", "A.8.22", "fail"),
        ("mlps-2-level-3", "8.1.3.1", "fail"),
        ("nist-800-53-r5", "AC-4", "fail"),
        ("pci-dss-4.0", "2.2.4", "unknown"),
        ("nist-800-53-r5", "CM-7", "unknown"),
        ("nist-800-53-r5", "CM-8", "not-covered"),
        ("mlps-2-level-3", "8.1.3.5", "not-covered"),
        ("mlps-2-level-3", "8.1.4.3", "not-covered"),
        ("pci-dss-4.0", "1.2.6", "not-covered"),
        ("pci-dss-4.0", "10.2.1", "not-covered"),
        ("nist-800-53-r5", "AU-12", "not-covered"),
        ("iso27001-2022", "A.8.15", "not-covered"),
        ("cis-alibaba-2.0", "3.5", "not-covered"),
    ];
    for (pack, control, status) in expected {
        assert_eq!(statuses(&of_pack(&scratch, pack))[control], status, "{pack}:{control}");
    }
    let nist = of_pack(&scratch, "nist-800-53-r5");
    let need = control(&nist, "CM-7")["reason"].to_string();
    assert!(need.contains("whether its public path is needed"), "{need}");
    assert_eq!(control(&nist, "AU-12")["reason"], "nothing of this kind was looked at");
    // Whoever makes less of a rule makes nothing comply.
    scratch.write("portcullis.yaml", "version: 1\nrules: {severity: {control-plane-open-to-untrusted: info}}\n");
    scratch.expect(1, &["scan", "--sandbox", "nlb-internet"]);
    assert_eq!(statuses(&of_pack(&scratch, "pci-dss-4.0"))["1.4.1"], "fail");
    scratch.write("portcullis.yaml", "version: 1\nrules: {disable: [control-plane-open-to-untrusted]}\n");
    scratch.expect(1, &["scan", "--sandbox", "nlb-internet"]);
    assert_eq!(statuses(&of_pack(&scratch, "pci-dss-4.0"))["1.4.1"], "unknown");
}

#[test]
fn an_account_without_control_planes_evidences_nothing() {
    let scratch = Scratch::new();
    scratch.expect(0, &["scan", "--sandbox", "empty"]);
    for pack in PACKS {
        for (control, status) in statuses(&of_pack(&scratch, pack)) {
            assert_eq!(status, "not-covered", "{pack}:{control}");
        }
    }
}

#[test]
fn evidence_has_names_and_only_text_from_outside_is_code() {
    let scratch = Scratch::new();
    scratch.expect(4, &["scan", "--sandbox", "demo"]);
    let answer = of_pack(&scratch, "cis-ack");
    let finding = &control(&answer, "6.3.2")["findings"][0];
    let name = finding["resource_name"].as_str().expect("a name");
    assert!(!name.is_empty() && *name != finding["resource_id"], "{finding}");
    let table = scratch.expect(0, &["report", "--pack", "cis-ack"]).stdout;
    assert!(table.contains(&format!("/cluster-api-server \"{name}\" (v1:")), "{table}");
    let markdown = scratch.expect(0, &["report", "--pack", "cis-ack", "-o", "markdown"]).stdout;
    assert!(markdown.contains(&format!("/cluster-api-server` `\"{name}\"` (v1:")), "{markdown}");
    let rows: Vec<&str> = markdown.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() > 5 && rows.iter().all(|row| !row.contains('`')), "{rows:?}");
    for (head, code) in
        [("- Lists: Of", false), ("- Leaves out: Sections", false), ("- Source: Ids", false), ("- Run: `", true)]
    {
        let line = markdown.lines().find(|line| line.starts_with(head)).expect("it is there");
        assert_eq!(line.contains('`'), code, "{line}");
    }
}

#[test]
fn every_pack_says_where_its_ids_are_from_and_where_the_standard_stands() {
    let scratch = Scratch::new();
    scratch.expect(0, &["scan", "--sandbox", "empty"]);
    for pack in PACKS {
        let pages = of_pack(&scratch, pack)["source_pages"].as_array().expect("a list").clone();
        let one = scratch.expect(0, &["rules", "packs", pack]).stdout;
        let table = scratch.expect(0, &["report", "--pack", pack]).stdout;
        assert!(!pages.is_empty(), "{pack}");
        for page in pages {
            let (url, version) = (page["url"].as_str().expect("an address"), page["version"].as_str().expect("a text"));
            assert!(url.starts_with("https://") && !version.is_empty(), "{page}");
            let line = format!("  {url} ({version})\n");
            assert!(one.contains(&line) && table.contains(&line), "{pack}: {line}");
        }
    }
    let pci = of_pack(&scratch, "pci-dss-4.0")["source"].to_string();
    assert!(pci.contains("retired 4.0 on 2024-12-31") && pci.contains("4.0.1"), "{pci}");
    let left_out = of_pack(&scratch, "mlps-2-level-3")["leaves_out"].to_string();
    for extended in ["8.2", "8.3", "8.4", "8.5"] {
        assert!(left_out.contains(extended), "{left_out}");
    }
}

#[test]
fn a_pack_is_told_in_chinese() {
    let scratch = Scratch::new();
    scratch.expect(4, &["scan", "--sandbox", "demo"]);
    let han = |text: &Value| text.as_str().expect("a text").contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c));
    for pack in PACKS {
        let english = of_pack(&scratch, pack);
        let chinese = scratch.expect(0, &["report", "--pack", pack, "--lang", "zh", "-o", "json"]).json();
        assert_eq!((&english["language"], &chinese["language"]), (&"en".into(), &"zh".into()));
        // Words are others; what is said is not.
        assert_eq!(statuses(&english), statuses(&chinese));
        assert_eq!(english["summary"], chinese["summary"]);
        for (one, other) in
            chinese["controls"].as_array().expect("a list").iter().zip(english["controls"].as_array().expect("a list"))
        {
            assert!(han(&one["title"]) && han(&one["reason"]), "{pack} {one}");
            assert!(!han(&other["title"]) && !han(&other["reason"]), "{pack} {other}");
            assert_eq!((&one["id"], &one["findings"]), (&other["id"], &other["findings"]));
        }
        let shown = scratch.expect(0, &["rules", "packs", pack, "--lang", "zh"]).stdout;
        assert!(shown.contains("\n不包含\n") && shown.contains(chinese["lists"].as_str().expect("a text")), "{shown}");
    }
    for format in ["table", "csv", "markdown"] {
        let text = scratch.expect(0, &["report", "--pack", "mlps-2-level-3", "--lang", "zh", "-o", format]).stdout;
        assert!(text.contains("边界防护") && text.contains("8.1.3.1"), "{text}");
    }
    let scratch = Scratch::new();
    scratch.expect(0, &["scan", "--sandbox", "clean"]);
    let clean = scratch.expect(0, &["report", "--pack", "mlps-2-level-3", "--lang", "zh", "-o", "json"]).json();
    let reason = control(&clean, "8.1.4.3")["reason"].as_str().expect("a sentence");
    assert!(reason.starts_with("未发现问题：1 条规则检查了 "), "{reason}");
    // Only packs have it.
    scratch.expect(2, &["report", "--lang", "zh"]);
    scratch.expect(2, &["report", "--pack", "cis-ack", "--lang", "fr"]);
}

/// Rules that say whether a public path is needed, and by whom; by their names and docs/rules.md.
const ABOUT_NEED: [&str; 4] =
    ["stale-exposure", "orphaned-exposure", "stale-after-migration", "required-exposure-open"];

/// What the report of a run says that no control may pass with, if it rests on that rule.
fn speaks_against_passing(rule: &str, report: &Value) -> Option<String> {
    let exposed = report["endpoints"].as_array().expect("a list").iter().filter(|it| it["exposure"] != "private");
    for endpoint in exposed {
        let id = &endpoint["id"];
        let rows = endpoint["access"].as_array().expect("a list");
        let worse =
            |words: &[&str]| rows.is_empty() || rows.iter().any(|row| words.iter().any(|word| row["verdict"] == *word));
        if ABOUT_NEED.contains(&rule) && endpoint["staleness"]["verdict"] == "unknown" {
            return Some(format!("nobody knows whether {id} is needed"));
        }
        if rule == "control-plane-open-to-untrusted" && worse(&["open", "unknown"]) {
            return Some(format!("{id} is open, or may be"));
        }
        if rule == "control-plane-unverified-gate" && worse(&["unverified", "unknown"]) {
            return Some(format!("{id} has an unverified gate, or may have"));
        }
        if rule == "control-plane-public-eip" {
            return Some(format!("{id} is public, or may be"));
        }
        // No log is read in these worlds.
        if rule == "unexpected-client" {
            return Some(format!("nobody knows who uses {id}"));
        }
    }
    None
}

#[test]
fn no_control_passes_with_what_the_report_says_against_it() {
    let worlds =
        ["clean", "nlb-internet", "api-server-staleness", "nlb-allow-only", "path-same-vpc", "no-listener-runs"];
    let mut passes = 0;
    for world in worlds {
        let scratch = Scratch::new();
        scratch.run(&["scan", "--sandbox", world]);
        let report = scratch.expect(0, &["report", "-o", "json"]).json();
        let kinds = |kind: &str| {
            report["endpoints"].as_array().expect("a list").iter().filter(|it| it["resource_kind"] == kind).count()
        };
        for pack in PACKS {
            for control in of_pack(&scratch, pack)["controls"].as_array().expect("a list") {
                if control["status"] != "pass" {
                    continue;
                }
                passes += 1;
                assert_eq!(report["coverage"]["complete"], true, "{world} {control}");
                for rule in control["rules"].as_array().expect("a list") {
                    let rule = rule.as_str().expect("a word");
                    if pack == "cis-ack" || control["id"] == "7.9" {
                        continue; // Of clusters only, which the statuses above are held against.
                    }
                    assert_eq!(speaks_against_passing(rule, &report), None, "{world} {pack} {control}");
                    if control["rules"].as_array().expect("a list").len() == 1 && rule == "mesh-audit-log-off" {
                        assert!(kinds("mesh") > 0, "{world} {pack} {control}");
                    }
                }
            }
        }
    }
    assert!(passes > 10, "{passes}: some of these worlds have what passes");
}
