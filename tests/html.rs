//! The HTML report in a real browser: it loads without a complaint and without the network, its filters find what is there,
//! keyboard and screen reader get through, nothing of the data becomes markup, and it stays quick when it is large.
//!
//! `tests/browser/setup.sh` installs what this needs; `PORTCULLIS_BLESS=1` keeps the screenshots as samples.

#![cfg(feature = "external-tests")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::print_stdout, reason = "figures, for whoever asks for them with --nocapture")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

fn portcullis(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).env_clear().env("HOME", folder).current_dir(folder).output().unwrap()
}

/// What the browser saw of a report.
fn browse(report: &Path, shots: &Path, large: bool) -> Value {
    let mut command = Command::new("node");
    command.arg("tests/browser/drive.mjs").arg(report).arg(shots).current_dir(env!("CARGO_MANIFEST_DIR"));
    if large {
        command.arg("--large");
    }
    let output = command.output().expect("node runs: see tests/browser/setup.sh");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn no_complaints(seen: &Value, report: &Path) {
    assert_eq!(seen["console"], json!([]), "the console is quiet");
    assert_eq!(seen["errors"], json!([]));
    let requests = seen["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 1, "nothing but the file itself is asked for: {requests:?}");
    assert!(requests[0].as_str().unwrap().ends_with(report.file_name().unwrap().to_str().unwrap()));
    assert_eq!(seen["scripts"], 2, "the data and the script, and no other");
    assert_eq!(seen["foreign"], 0, "no element that loads or embeds");
    assert_eq!(seen["pwned"], Value::Null);
    assert_eq!(seen["raw"], false, "no character that turns text around or hides it");
}

/// A report file as the program reads it back, altered.
fn altered(folder: &Path, alter: impl FnOnce(&mut Value)) -> PathBuf {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample.json");
    let mut report: Value = serde_json::from_str(&fs::read_to_string(sample).unwrap()).unwrap();
    alter(&mut report);
    let path = folder.join("altered.json");
    fs::write(&path, report.to_string()).unwrap();
    path
}

fn rendered(folder: &Path, report: &Path) -> PathBuf {
    let output = portcullis(folder, &["report", report.to_str().unwrap(), "-o", "html=report.html"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("report.html")
}

#[test]
fn the_demo_world_can_be_read_by_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let scan = |more: &[&str]| {
        let outputs = ["scan", "--sandbox", "-o", "html=report.html", "-o", "json=report.json"];
        portcullis(folder.path(), &[outputs.as_slice(), more].concat())
    };
    // The last run has others before it to be compared with, one of which trusted two offices.
    scan(&[]);
    scan(&["--trusted", "101.37.12.0/24", "--trusted", "121.40.8.0/22"]);
    assert_eq!(scan(&[]).status.code(), Some(4));
    let report: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("report.json")).unwrap()).unwrap();
    let page = folder.path().join("report.html");
    let seen = browse(&page, folder.path(), false);
    no_complaints(&seen, &page);

    let rules = report["findings"].as_array().unwrap();
    let with = |field: &str, value: &str| rules.iter().filter(|finding| finding[field] == value).count();
    assert_eq!(seen["all"]["all"], rules.len());
    assert_eq!(seen["first_screen"], json!([true, true, true]), "all four answers are on the first screen");
    let open = report["endpoints"].as_array().unwrap().iter();
    let open = open.filter(|it| it["access"].as_array().unwrap().iter().any(|row| row["verdict"] == "open")).count();
    assert_eq!(seen["answers"][0][1], open.to_string());
    let missing = report["coverage"]["denied"].as_u64().unwrap() + report["coverage"]["failed"].as_u64().unwrap();
    assert_eq!(seen["answers"][2][1], missing.to_string());
    assert_eq!(seen["answers"][3][1], "2", "what the two offices could do is open to others again");
    assert_eq!(seen["words"]["without_script"][0], seen["answers"][0][1]);

    let left = |what: &str, value: &str| {
        let filters = seen["filters"].as_array().unwrap();
        let it = filters.iter().find(|it| it["what"] == what && it["value"] == value).unwrap();
        it["now"].as_u64().unwrap() as usize
    };
    assert_eq!(left("severity", "critical"), with("severity", "critical"));
    assert_eq!(left("severity", ""), rules.len());
    assert_eq!(left("status", "open"), with("status", "open"));
    assert_eq!(left("search", "no such thing at all"), 0);
    assert!((1..rules.len()).contains(&left("search", "sg-")), "some are about security groups");

    let details = &seen["details"];
    assert_eq!(
        (&details["slash"], &details["opened"], &details["linked"]),
        (&json!("search"), &json!(true), &json!(true))
    );
    assert_eq!(details["closed"], "view", "the focus is back where it was");
    assert_eq!(details["sorted"], json!(["ascending", false, "severity"]));
    assert_eq!(details["sorted_down"], json!(["descending", false, "severity"]));
    assert_eq!(details["by_fingerprint"], 1, "{details}");
    assert_eq!(details["cleared"], json!(["clear", rules.len()]));
    assert_eq!(details["endpoints"]["all"], report["endpoints"].as_array().unwrap().len());
    assert!(details["endpoint"].as_str().unwrap().contains("Who may enter"), "{details}");
    assert_eq!(details["every"]["strange"], json!([]));
    assert_eq!(details["every"]["opened"], rules.len() + report["endpoints"].as_array().unwrap().len());
    // What was not read is not told as what is.
    let unread = details["unread"].as_str().unwrap();
    for words in ["at most", "not everything that filters was read", "Not read about it", "may get in"] {
        assert!(unread.contains(words), "{words}: {unread}");
    }
    assert!(!unread.contains("admitted and not trusted (4,294,967,296)"), "{unread}");
    // A control plane, one of its findings, back to the control plane, and back to the page.
    let back = &details["back"];
    assert!(back[0][0] == true && back[1][0] == true && back[1][1] != back[0][1], "{back}");
    assert_eq!((&back[2], &back[3][0]), (&back[0], &json!(false)));

    assert_eq!(seen["words"]["zh"][0], "zh-CN");
    assert!(seen["words"]["zh"][1].as_str().unwrap().contains("信任"), "{}", seen["words"]);
    assert_eq!(seen["words"]["en"], seen["answers"][0][0], "and back");
    assert_eq!(seen["words"]["theme"], "dark");
    assert_eq!(seen["words"]["overflow"], 0, "a telephone need not scroll sideways");
    assert_eq!(seen["words"]["printed"], json!([report["endpoints"].as_array().unwrap().len(), rules.len()]));
    assert_eq!(seen["words"]["cut"], json!([]), "nothing is cut off on paper");
    let on_map = report["endpoints"].as_array().unwrap().iter().filter(|it| it["exposure"] != "private").count();
    assert_eq!(seen["words"]["lanes"], on_map, "paper has no button to press");
    let alone = &seen["words"]["printed_detail"];
    assert!(alone[0] == "none" && alone[1].as_str().unwrap().contains("Who may enter"), "{alone}");
    let row = seen["words"]["row"].as_str().unwrap();
    assert!(row.contains("critical") && row.contains("prod-mesh"), "on a telephone too: {row}");

    for (state, violations) in seen["axe"].as_object().unwrap() {
        assert_eq!(violations, &json!([]), "accessibility, {state}");
    }
    assert!(seen["axe"].as_object().unwrap().len() >= 6);

    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        for name in ["html-light.png", "html-dark.png", "html-detail.png", "html-zh.png", "html-narrow.png"] {
            let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports").join(name);
            fs::copy(folder.path().join(name), to).unwrap();
        }
    }
}

/// What was fixed is named, and that the allowlist is another one than before.
#[test]
fn what_changed_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    portcullis(folder.path(), &["scan", "--sandbox", "-o", "json=before.json"]);
    let trusted = ["--trusted", "101.37.12.0/24", "--trusted", "121.40.8.0/22"];
    portcullis(folder.path(), &[&["scan", "--sandbox", "-o", "html=report.html"], trusted.as_slice()].concat());
    let page = folder.path().join("report.html");
    let seen = browse(&page, folder.path(), true);
    no_complaints(&seen, &page);
    let card = seen["cards"][3].as_str().unwrap();
    for words in ["2 fixed", "fixed · critical · prod-ack", "judged by another allowlist", "new · info"] {
        assert!(card.contains(words), "{words}: {card}");
    }
}

/// Of a control plane of which nobody knows whether it is exposed, the map says so.
#[test]
fn what_is_unknown_is_not_called_unexposed() {
    let folder = tempfile::tempdir().unwrap();
    for world in ["forbidden-is-unknown", "flag-missing"] {
        let scanned = portcullis(folder.path(), &["scan", "--no-store", "--sandbox", world, "-o", "html=report.html"]);
        assert_ne!(scanned.status.code(), Some(0));
        let page = folder.path().join("report.html");
        let seen = browse(&page, folder.path(), true);
        no_complaints(&seen, &page);
        let map = seen["map"].as_str().unwrap();
        assert!(!map.contains("No control plane is exposed") && map.contains("unknown"), "{world}: {map}");
        assert!(seen["answers"][0][1] == "0" && seen["moods"][0] == "doubt", "{world}: {seen}");
    }
}

#[test]
fn no_name_becomes_markup() {
    let attacks = [
        "<script>globalThis.pwned=1</script>",
        "</script><script>globalThis.pwned=1</script>",
        "<img src=x onerror=globalThis.pwned=1>",
        "\" onfocus=globalThis.pwned=1 autofocus x=\"",
        "' onfocus='globalThis.pwned=1' autofocus '",
        "<!--<script>",
        "]]><svg onload=globalThis.pwned=1>",
        "javascript:globalThis.pwned=1",
        "\u{202e}gnp.exe\u{2066}",
        "\u{1b}[2J\u{0}\u{7f}",
        "{{constructor.constructor('globalThis.pwned=1')()}}",
        "\\u003cscript\\u003e",
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0;
    let report = altered(folder.path(), |report| {
        let mut attack = || {
            next += 1;
            json!(attacks[next % attacks.len()])
        };
        for finding in report["findings"].as_array_mut().unwrap() {
            for field in ["message", "remedy", "resource_id", "rule_id", "region_id", "account_id"] {
                finding[field] = attack();
            }
            finding["references"] = json!([attack(), attack()]);
            finding["controls"] = json!([attack()]);
        }
        for endpoint in report["endpoints"].as_array_mut().unwrap() {
            for field in ["resource_name", "resource_id", "region_id", "public_address", "eip_id", "load_balancer_id"] {
                endpoint[field] = attack();
            }
            endpoint["staleness"]["reason"] = attack();
            for row in endpoint["access"].as_array_mut().unwrap() {
                row["protocol"] = attack();
                row["blame"] = json!([attack()]);
                for gate in row["gates"].as_array_mut().unwrap() {
                    (gate["id"], gate["note"]) = (attack(), attack());
                }
            }
        }
        for gap in report["coverage"]["gaps"].as_array_mut().unwrap() {
            for field in ["region_id", "product", "operation", "resource_id", "code", "message"] {
                gap[field] = attack();
            }
        }
        report["coverage"]["gaps"][0]["state"] = json!("failed");
        report["run"]["id"] = attack();
        report["run"]["tool_version"] = attack();
        report["run"]["caller"][0]["arn"] = attack();
    });
    let page = rendered(folder.path(), &report);
    let seen = browse(&page, folder.path(), false);
    no_complaints(&seen, &page);
    let states: Vec<&str> = seen["gaps"].as_str().unwrap().lines().filter_map(|line| line.split('\t').next()).collect();
    assert!(states.contains(&"failed") && states.contains(&"denied"), "{states:?}");
    assert!(next > 500);
}

/// The report of an organisation: the demo world's control planes and findings over and over, each with names of its own.
fn multiplied(report: &mut Value, endpoints: usize, findings: usize) {
    let account = |number: usize| json!(format!("{}", 1_000_000_000_000_000 + number % 300));
    let samples = report["endpoints"].as_array().unwrap().clone();
    let named = |number: usize| {
        let mut endpoint = samples[number % samples.len()].clone();
        endpoint["account_id"] = account(number);
        endpoint["resource_id"] = json!(format!("c{number:031x}"));
        endpoint["resource_name"] = json!(format!("{}-{number}", endpoint["resource_name"].as_str().unwrap()));
        let parts = ["account_id", "region_id", "resource_kind", "resource_id", "kind"];
        endpoint["id"] = json!(parts.map(|part| endpoint[part].as_str().unwrap()).join("/"));
        endpoint
    };
    let many: Vec<Value> = (0..endpoints).map(named).collect();
    let found = report["findings"].as_array().unwrap().clone();
    let place = |finding: &Value| samples.iter().position(|endpoint| endpoint["id"] == finding["endpoint_id"]);
    let numbered = |number: usize| {
        let mut finding = found[number % found.len()].clone();
        finding["fingerprint"] =
            json!(format!("v1:{:064x}", (number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)));
        finding["message"] = json!(format!("{} ({number})", finding["message"].as_str().unwrap()));
        match place(&finding) {
            Some(at) => {
                let endpoint = &many[(number / found.len() * samples.len() + at) % endpoints];
                finding["endpoint_id"] = endpoint["id"].clone();
                finding["account_id"] = endpoint["account_id"].clone();
                finding["resource_id"] = endpoint["resource_id"].clone();
            }
            None => {
                finding["account_id"] = account(number);
                finding["resource_id"] = json!(format!("c{number:031x}"));
                finding["concerns"] = json!([]);
            }
        }
        finding
    };
    report["findings"] = (0..findings).map(numbered).collect();
    report["endpoints"] = Value::Array(many);
}

/// The largest report that the page is measured with. The figures are in docs/performance.md; what is asserted here is what
/// a person would call broken, on a machine that does other things as well.
#[test]
fn a_hundred_thousand_findings_can_be_searched() {
    const ENDPOINTS: usize = 5_000;
    const FINDINGS: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let report = altered(folder.path(), |report| multiplied(report, ENDPOINTS, FINDINGS));
    let page = rendered(folder.path(), &report);
    let megabytes = fs::metadata(&page).unwrap().len() as f64 / 1e6;
    let seen = browse(&page, folder.path(), true);
    no_complaints(&seen, &page);
    assert_eq!(seen["all"]["all"], FINDINGS);
    assert!(seen["all"]["rows"].as_u64().unwrap() < 60, "only what is seen is drawn");
    assert_eq!(seen["last_row"], FINDINGS + 1, "the end can be scrolled to");
    let filters = seen["filters"].as_array().unwrap();
    assert!(filters.iter().any(|it| it["what"] == "exposure" && it["all"] == ENDPOINTS), "the other list as well");
    let took = |it: &Value| it["ms"].as_f64().unwrap();
    let slowest = filters.iter().map(took).fold(0.0, f64::max);
    let first_search = filters.iter().find(|it| it["what"] == "search").unwrap();
    println!(
        "{megabytes:.1} MB, paint {}, ready {:.0} ms, first choice {:.0} ms, first search {:.0} ms, slowest filter {slowest:.0} ms, \
         sort {:.0} ms",
        seen["paint_ms"],
        seen["ready_ms"].as_f64().unwrap(),
        took(&filters[0]),
        took(first_search),
        seen["sort_ms"].as_f64().unwrap()
    );
    assert!(megabytes < 30.0, "{megabytes} MB");
    assert!(slowest < 2_000.0, "{filters:#?}");
}
